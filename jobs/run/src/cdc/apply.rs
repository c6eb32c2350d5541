//! Takes one batch through: plan every load, reduce once, load every target side by side.
//!
//! # Invariants
//! - All loads are planned before anything is reduced or touched: what two schemas can tell is found first.
//! - A target that fails holds no other back.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use quarrel_connect::fail_point;
use quarrel_connect::target::Load;
use quarrel_model::batch::Batch;
use quarrel_model::config::{Changes, Table};
use quarrel_model::target::{LoadPlan, LoadReceipt, LoadRules, TargetTable, plan_load};

use super::target_name;
use crate::collect::{BatchGroup, Member, TargetOfTable};
use crate::context::Context;
use crate::error::RunError;
use crate::lease_keeper::LeaseKeeper;
use crate::quarantine::LakeQuarantine;
use crate::record::RunRecorder;
use crate::reduce::{Manifest, ReduceContext, reduce_batch};
use crate::reduced::LakeRows;

/// A load that is ready to go.
struct Ready<'a> {
    target: &'a TargetOfTable,
    member: &'a Member,
    plan: LoadPlan,
}

/// Applies a batch to the targets that lack it; gives the places of those that failed.
///
/// # Errors
/// What fails for all of them: the reduction, the state store, the lease.
pub(super) async fn apply_group(
    context: &Context,
    table: &Table,
    changes: &Changes,
    group: &BatchGroup,
    targets: &[TargetOfTable],
    keeper: &LeaseKeeper,
    recorder: &mut RunRecorder,
) -> Result<Vec<usize>, RunError> {
    let batch = group.batch();
    context.state.store_batch(batch, recorder.run_id(), chrono::Utc::now()).await?;
    fail_point::hit("batch_stored");
    let mut failed = Vec::new();
    let mut ready = Vec::new();
    for target in targets {
        let Some(member) = group.members.iter().find(|member| member.index == target.index) else { continue };
        match ready_load(table, target, member, keeper).await {
            Ok(plan) => ready.push(Ready { target, member, plan }),
            Err(error) => {
                recorder.target_failed(target.index, &error);
                failed.push(target.index);
            }
        }
    }
    if ready.is_empty() {
        return Ok(failed);
    }
    let manifest = reduce(context, table, changes, batch, &ready, keeper, recorder).await?;
    recorder.collected(batch, manifest.rows());
    failed.extend(load_all(context, table, &ready, &manifest, keeper, recorder).await?);
    if failed.is_empty() {
        context.state.batch_applied(batch).await?;
    }
    fail_point::hit("history_stored");
    Ok(failed)
}

async fn ready_load(
    table: &Table,
    target: &TargetOfTable,
    member: &Member,
    keeper: &LeaseKeeper,
) -> Result<LoadPlan, RunError> {
    let described = describe(target).await?;
    let mut plan = plan_load(&member.batch, &described, &load_rules(table))?;
    if member.fence.is_none() {
        target.connection.prepare_ledger().await?;
    }
    plan.fence = Some(keeper.fence_over(member.fence.as_ref()).await?);
    plan.after = member.last_batch.clone();
    Ok(plan)
}

/// Describes a target's table, which must exist.
///
/// # Errors
/// It doesn't, or the target can't be asked.
pub(crate) async fn describe(target: &TargetOfTable) -> Result<TargetTable, RunError> {
    let found = target.connection.describe(&target.table).await?;
    found.ok_or_else(|| RunError::NoTable { target: target.table.clone() })
}

/// What the configuration says about loading a table.
pub(crate) fn load_rules(table: &Table) -> LoadRules {
    LoadRules {
        key: table.key.clone(),
        added_columns: table.on_added_column,
        on_bad_value: table.columns.iter().map(|(name, policy)| (name.clone(), policy.on_bad_value)).collect(),
        lock_timeout: table.lock_timeout,
    }
}

/// The data columns that some load needs, the first load's first and in its order.
fn columns_of(ready: &[Ready<'_>]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    let loaded = ready.iter().flat_map(|ready| {
        let plan = &ready.plan;
        plan.columns.iter().map(|c| &c.source).chain(plan.add_columns.iter().map(|c| &c.name))
    });
    for column in loaded {
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    columns
}

async fn reduce(
    context: &Context,
    table: &Table,
    changes: &Changes,
    batch: &Batch,
    ready: &[Ready<'_>],
    keeper: &LeaseKeeper,
    recorder: &mut RunRecorder,
) -> Result<Manifest, RunError> {
    fail_point::hit("reduce_before");
    let detail = format!("{} changes of {} files", batch.changes(), batch.files.len());
    context.progress.step(&table.name, "reduce", &detail);
    let step = recorder.begin("reduce", Some(&batch.id));
    let reducing = ReduceContext {
        cluster: &context.cluster,
        lake: &context.lake,
        state: &context.state,
        changes,
        key: &table.key,
        deadline: context.config.reduce.deadline,
    };
    let result = reduce_batch(reducing, batch, &columns_of(ready), keeper.cancel()).await.map_err(RunError::from);
    recorder.end(step, result.as_ref().err()).await?;
    fail_point::hit("reduce_after");
    result
}

async fn load_all(
    context: &Context,
    table: &Table,
    ready: &[Ready<'_>],
    manifest: &Manifest,
    keeper: &LeaseKeeper,
    recorder: &mut RunRecorder,
) -> Result<Vec<usize>, RunError> {
    fail_point::hit("load_before");
    context.progress.step(&table.name, "load", &format!("{} rows", manifest.rows()));
    let step = recorder.begin("load", Some(&manifest.batch));
    let mut loads = Vec::with_capacity(ready.len());
    for ready in ready {
        loads.push(async move {
            let started = Instant::now();
            let result = load_one(context, ready, manifest, keeper).await;
            (ready, result, started.elapsed())
        });
    }
    let results = join_all(loads).await;
    fail_point::hit("load_after");
    let mut failed = Vec::new();
    let mut first_error = None;
    for (ready, result, elapsed) in results {
        let index = ready.target.index;
        match result {
            Ok(receipt) => {
                recorder.loaded(index, &receipt, elapsed);
                let name = target_name(table, index);
                context.state.store_watermark(&table.name, &name, &ready.member.batch.watermark).await?;
            }
            Err(error) => {
                recorder.target_failed(index, &error);
                failed.push(index);
                first_error.get_or_insert(error);
            }
        }
    }
    recorder.end(step, first_error.as_ref()).await?;
    match first_error {
        Some(error) if keeper.cancel().is_cancelled() => Err(error),
        Some(_) | None => Ok(failed),
    }
}

async fn load_one(
    context: &Context,
    ready: &Ready<'_>,
    manifest: &Manifest,
    keeper: &LeaseKeeper,
) -> Result<LoadReceipt, RunError> {
    let batch = &ready.member.batch;
    let work = &context.lake.work;
    let load = Load {
        plan: &ready.plan,
        rows: Arc::new(LakeRows::new(work.clone(), manifest.clone(), batch)),
        quarantine: Arc::new(LakeQuarantine::new(work.clone(), batch, &ready.target.table)),
        cancel: keeper.cancel().clone(),
    };
    Ok(ready.target.connection.load(load).await?)
}
