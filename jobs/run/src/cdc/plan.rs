//! What the next CDC run would do: the value that `quarrel plan cdc` prints. Nothing is touched.

use std::sync::Arc;

use quarrel_model::batch::{Batch, FileRole};
use quarrel_model::config::Table;
use quarrel_model::names::{ConnectionName, TableName};
use quarrel_model::target::{LoadPlan, plan_load};
use serde::Serialize;

use super::apply::{describe, load_rules};
use super::{CdcOptions, collect_context};
use crate::collect::{TargetOfTable, collect};
use crate::context::Context;
use crate::error::{RunError, chain};
use crate::inspect::InspectCache;

/// The plan of one table.
#[derive(Debug, Serialize)]
pub struct CdcPlan {
    pub table: TableName,
    pub full_load_files: usize,
    pub batches: Vec<BatchPlan>,
    /// Pending files that a later batch of the same run will take.
    pub left: usize,
    pub warnings: Vec<String>,
    /// Why nothing can be planned for the table, or for a target of it.
    pub errors: Vec<String>,
}

/// The next batch, and what every target that lacks it would do.
#[derive(Debug, Serialize)]
pub struct BatchPlan {
    pub batch: Batch,
    pub files: usize,
    pub late_files: usize,
    pub replayed_files: usize,
    pub bytes: u64,
    pub changes: u64,
    pub loads: Vec<PlannedLoad>,
}

/// One target's load.
#[derive(Debug, Serialize)]
pub struct PlannedLoad {
    pub connection: ConnectionName,
    pub plan: LoadPlan,
}

/// Plans the next batches of a table.
pub async fn plan_cdc(context: &Context, table: &Table, options: &CdcOptions) -> CdcPlan {
    let mut plan = CdcPlan {
        table: table.name.clone(),
        full_load_files: 0,
        batches: Vec::new(),
        left: 0,
        warnings: Vec::new(),
        errors: Vec::new(),
    };
    if let Err(error) = fill(context, table, options, &mut plan).await {
        plan.errors.push(chain(&error));
    }
    plan
}

async fn fill(context: &Context, table: &Table, options: &CdcOptions, plan: &mut CdcPlan) -> Result<(), RunError> {
    let changes = table.changes.as_ref().ok_or_else(|| RunError::NoChanges { table: table.name.clone() })?;
    let collecting = collect_context(context, table, changes, options);
    let mut targets = Vec::new();
    for (index, entry) in table.targets.iter().enumerate() {
        match context.targets.get(&entry.connection) {
            Ok(connection) => targets.push(TargetOfTable { index, connection, table: entry.table.clone() }),
            Err(error) => plan.errors.push(chain(&RunError::OpenTarget(Arc::clone(&error)))),
        }
    }
    let listing = context.lake.list_changes(&changes.prefix).await?;
    plan.full_load_files = listing.full_load_files;
    let collected = collect(&collecting, &listing, &targets, &mut InspectCache::default()).await?;
    plan.left = collected.left;
    plan.warnings.extend(collected.unfinished.map(|file| format!("`{file}` is still being written")));
    for (_, error) in collected.failed {
        plan.errors.push(chain(&error));
    }
    for group in collected.groups {
        let mut loads = Vec::new();
        for member in &group.members {
            let target = targets.iter().find(|target| target.index == member.index);
            let Some(target) = target else { continue };
            match plan_member(table, target, &member.batch).await {
                Ok(plan) => {
                    loads.push(PlannedLoad { connection: table.targets[member.index].connection.clone(), plan })
                }
                Err(error) => plan.errors.push(chain(&error)),
            }
        }
        let batch = group.batch().clone();
        plan.batches.push(BatchPlan {
            files: batch.files.len(),
            late_files: batch.count(FileRole::Late),
            replayed_files: batch.count(FileRole::Replayed),
            bytes: batch.bytes(),
            changes: batch.changes(),
            batch,
            loads,
        });
    }
    Ok(())
}

async fn plan_member(table: &Table, target: &TargetOfTable, batch: &Batch) -> Result<LoadPlan, RunError> {
    let described = describe(target).await?;
    Ok(plan_load(batch, &described, &load_rules(table))?)
}
