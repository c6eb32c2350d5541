//! The CDC job: change files in, committed rows out, for one table.
//!
//! A run goes in rounds. Each collects the next batches, reduces and loads them; a run ends when nothing is pending, or when no
//! target that is left can go on. Then files that every target has are cleaned away.
//!
//! # Invariants
//! - What to do is read from the ledgers and the lake: a run may be killed anywhere and begun again.
//! - One run at a time holds a table; its fence goes into every load.
//! - A source file is touched only after every target has committed it.

mod apply;
mod clean;
pub mod plan;
mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use quarrel_connect::fail_point;
use quarrel_model::collect::{BatchLimits, SchemaChangeRule, TimeWindow};
use quarrel_model::config::{Changes, Table};
use quarrel_model::summary::{RunStatus, RunSummary};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use self::apply::load_rules;
pub(crate) use self::tables::for_each_table;
pub use self::tables::{TABLES_AT_ONCE, run_tables};

use crate::collect::{CollectContext, Collected, TargetOfTable, collect};
use crate::context::Context;
use crate::error::{RunError, chain};
use crate::inspect::InspectCache;
use crate::lease_keeper::LeaseKeeper;
use crate::record::RunRecorder;
use crate::state::StateError;
use crate::state::lease::{Holder, Lease};

/// Places where tests kill a process, in the order a run passes them; `quarrel_connect::fail_point::POINTS` lie within the load.
pub const FAIL_POINTS: &[&str] = &[
    "collect_before",
    "collect_after",
    "batch_stored",
    "reduce_before",
    "reduce_after",
    "load_before",
    "load_after",
    "history_stored",
    "clean_before",
    "clean_after",
];

/// Batches one target may take in a run: a backlog beyond this is left to the next run, so that every run ends.
const ROUNDS_MAX: usize = 256;

/// What a user may set for one run.
#[derive(Debug, Clone)]
pub struct CdcOptions {
    /// The run's logical time: the window lies around it.
    pub at: DateTime<Utc>,
    /// Instead of the configured look-back.
    pub look_back: Option<Duration>,
    pub schema_changes: SchemaChangeRule,
}

/// Runs CDC for one table. Trouble is in the summary, so that other tables go on.
pub async fn run_cdc(context: &Context, table: &Table, options: &CdcOptions, cancel: &CancellationToken) -> RunSummary {
    let run_id = Uuid::now_v7().to_string();
    let mut recorder = RunRecorder::new(&context.state, &run_id, "cdc", table);
    let result = run(context, table, options, cancel, &mut recorder).await;
    let (status, error) = match result {
        Ok(()) if recorder.failed_targets().is_empty() => (recorder.success(), None),
        Ok(()) => (RunStatus::Failed, None),
        Err(RunError::State(StateError::Held { lease, holder })) => {
            (RunStatus::AlreadyRunning, Some(RunError::State(StateError::Held { lease, holder })))
        }
        Err(error) if cancel.is_cancelled() => (RunStatus::Cancelled, Some(error)),
        Err(error) => (RunStatus::Failed, Some(error)),
    };
    let summary = recorder.finish(status, error).await;
    context.progress.done(&table.name);
    summary
}

async fn run(
    context: &Context,
    table: &Table,
    options: &CdcOptions,
    cancel: &CancellationToken,
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    let changes = table.changes.as_ref().ok_or_else(|| RunError::NoChanges { table: table.name.clone() })?;
    let lease =
        Lease::acquire(&context.state, &format!("table:{}", table.name), &Holder::of_run(recorder.run_id())).await?;
    recorder.start(options.at, lease.fence()).await?;
    let keeper = LeaseKeeper::start(lease, cancel.child_token());
    let result = run_held(context, table, changes, options, &keeper, recorder).await;
    let lost = keeper.stop().await;
    result.and(lost.map_err(RunError::from))
}

async fn run_held(
    context: &Context,
    table: &Table,
    changes: &Changes,
    options: &CdcOptions,
    keeper: &LeaseKeeper,
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    cancel_left_jobs(context, table).await?;
    let mut targets = open_targets(context, table, recorder);
    let collecting = collect_context(context, table, changes, options);
    let mut cache = InspectCache::default();
    let mut failed: BTreeSet<usize> = BTreeSet::new();
    for round in 0..ROUNDS_MAX {
        if targets.is_empty() {
            break;
        }
        let collected = collect_round(context, &collecting, &targets, &mut cache, recorder, round).await?;
        for (index, error) in collected.failed {
            recorder.target_failed(index, &RunError::from(error));
            failed.insert(index);
        }
        if collected.groups.is_empty() {
            break;
        }
        for group in &collected.groups {
            let members: Vec<_> = targets
                .iter()
                .filter(|target| !failed.contains(&target.index))
                .filter(|target| group.members.iter().any(|member| member.index == target.index))
                .cloned()
                .collect();
            failed.extend(apply::apply_group(context, table, changes, group, &members, keeper, recorder).await?);
        }
        targets.retain(|target| !failed.contains(&target.index));
    }
    fail_point::hit("clean_before");
    let every_target = recorder.failed_targets().is_empty();
    clean::clean(context, &collecting, table, changes, every_target, recorder).await?;
    fail_point::hit("clean_after");
    Ok(())
}

async fn collect_round(
    context: &Context,
    collecting: &CollectContext<'_>,
    targets: &[TargetOfTable],
    cache: &mut InspectCache,
    recorder: &mut RunRecorder,
    round: usize,
) -> Result<Collected, RunError> {
    fail_point::hit("collect_before");
    let table = collecting.table;
    context.progress.step(&table.name, "collect", "listing change files");
    let step = recorder.begin("collect", None);
    let result = async {
        let changes = collecting.changes;
        let listing = collecting.lake.list_changes(&changes.prefix).await?;
        collect(collecting, &listing, targets, cache).await
    };
    let result = result.await.map_err(RunError::from);
    recorder.end(step, result.as_ref().err()).await?;
    let collected = result?;
    if let Some(file) = &collected.unfinished {
        recorder.warn(format!("`{file}` is still being written: it and later files are left for the next run"));
    }
    if round + 1 == ROUNDS_MAX && !collected.groups.is_empty() {
        recorder.warn(format!("{} pending files are left for the next run", collected.left));
    }
    fail_point::hit("collect_after");
    Ok(collected)
}

/// The window and limits of a run.
pub(crate) fn collect_context<'a>(
    context: &'a Context,
    table: &'a Table,
    changes: &'a Changes,
    options: &CdcOptions,
) -> CollectContext<'a> {
    let span = |duration: Duration| chrono::Duration::from_std(duration).unwrap_or(chrono::Duration::MAX);
    let before = |span: chrono::Duration| options.at.checked_sub_signed(span).unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
    CollectContext {
        lake: &context.lake,
        table,
        changes,
        window: TimeWindow {
            from: before(span(options.look_back.unwrap_or(table.window.look_back))),
            until: options.at.checked_add_signed(span(table.window.ahead)).unwrap_or(DateTime::<Utc>::MAX_UTC),
        },
        limits: BatchLimits {
            files: context.config.reduce.batch_max_files,
            bytes: context.config.reduce.batch_max_bytes,
        },
        rule: options.schema_changes,
        now: Utc::now(),
    }
}

fn open_targets(context: &Context, table: &Table, recorder: &mut RunRecorder) -> Vec<TargetOfTable> {
    let mut targets = Vec::new();
    for (index, entry) in table.targets.iter().enumerate() {
        match context.targets.get(&entry.connection) {
            Ok(connection) => targets.push(TargetOfTable { index, connection, table: entry.table.clone() }),
            Err(error) => recorder.target_failed(index, &RunError::OpenTarget(error)),
        }
    }
    targets
}

/// Cancels what crashed runs of this table left running on the cluster. A job the scheduler has forgotten is gone anyway.
async fn cancel_left_jobs(context: &Context, table: &Table) -> Result<(), RunError> {
    for (batch, job) in context.state.left_jobs(&table.name).await? {
        if let Err(error) = context.cluster.cancel_job(&job).await {
            tracing::warn!(table = %table.name, job, error = chain(&error), "could not cancel a job of an earlier run");
        }
        context.state.batch_submitted((&table.name, &batch), None).await?;
    }
    Ok(())
}

/// A target's name in state and messages.
pub(crate) fn target_name(table: &Table, index: usize) -> String {
    let entry = &table.targets[index];
    format!("{}:{}", entry.connection, entry.table)
}

/// Shares a context between tables.
pub type SharedContext = Arc<Context>;
