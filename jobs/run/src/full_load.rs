//! The full-load job: a target made, or made to follow its source, and loaded whole beside itself; then CDC goes on.
//!
//! Rows come from the producer's full-load files, or straight from the source in one snapshot. The new table takes the old one's
//! place in one transaction, together with a ledger that starts anew: change files before the load's start are contained in it.
//!
//! # Invariants
//! - What to do is read from catalogs, ledgers and the lake: a run may be killed anywhere and begun again.
//! - One run at a time holds a table, full load and CDC alike; its fence goes into every swap.
//! - The producer's files are touched only after every target has committed.

mod archive;
pub(crate) mod columns;
mod direct;
mod error;
mod files;
mod follow;
pub mod plan;
mod rows;
mod tables;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use quarrel_connect::fail_point;
use quarrel_connect::replace::CopyParts;
use quarrel_model::change_file::FileOrder;
use quarrel_model::config::{LoadOrigin, Table};
use quarrel_model::ledger::LedgerFrom;
use quarrel_model::migration::Allowance;
use quarrel_model::position::Watermark;
use quarrel_model::replace::{PartReceipt, ReplacePlan, plan_replace};
use quarrel_model::summary::{RunStatus, RunSummary};
use quarrel_model::target::{LoadOutcome, TargetTable};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::error::FullLoadError;
pub use self::tables::run_full_load_tables;

use self::direct::DirectLoad;
use self::files::{Found, FoundLoad};
use self::follow::{OpenTarget, PlannedTarget};
use self::rows::{LakeFullRows, LoadPart, LoadQuarantine};
use crate::cdc::{load_rules, target_name};
use crate::context::Context;
use crate::error::RunError;
use crate::lease_keeper::LeaseKeeper;
use crate::record::{Replaced, RunRecorder};
use crate::state::StateError;
use crate::state::lease::{Holder, Lease};

/// The name under which runs of this job are recorded.
pub const JOB: &str = "full_load";

/// Places where tests kill a process, in the order a run passes them.
pub const FAIL_POINTS: &[&str] = &[
    "full_load_planned",
    "full_load_migrated",
    "full_load_taken_over",
    "full_load_opened",
    "full_load_copied",
    "full_load_swapped",
    "full_load_cleaned",
];

/// Whether files that were loaded before are loaded once more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Repeat {
    #[default]
    OnlyNew,
    Again,
}

/// What a user may set for one run.
#[derive(Debug, Clone)]
pub struct FullLoadOptions {
    /// The run's logical time.
    pub at: DateTime<Utc>,
    pub repeat: Repeat,
    /// What the migration may do that it never does by itself.
    pub allow: Vec<Allowance>,
    /// Instead of the configured limit; direct loads only.
    pub max_rows_per_second: Option<u64>,
}

/// Runs a full load for one table. Trouble is in the summary, so that other tables go on.
pub async fn run_full_load(
    context: &Context,
    table: &Table,
    options: &FullLoadOptions,
    cancel: &CancellationToken,
) -> RunSummary {
    let run_id = Uuid::now_v7().to_string();
    let mut recorder = RunRecorder::new(&context.state, &run_id, JOB, table);
    let result = run(context, table, options, cancel, &mut recorder).await;
    let (status, error) = match result {
        Ok(()) if recorder.failed_targets().is_empty() => (recorder.success(), None),
        Ok(()) => (RunStatus::Failed, None),
        Err(error @ RunError::State(StateError::Held { .. })) => (RunStatus::AlreadyRunning, Some(error)),
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
    options: &FullLoadOptions,
    cancel: &CancellationToken,
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    let lease =
        Lease::acquire(&context.state, &format!("table:{}", table.name), &Holder::of_run(recorder.run_id())).await?;
    recorder.start(options.at, lease.fence()).await?;
    let keeper = LeaseKeeper::start(lease, cancel.child_token());
    let result = run_held(context, table, options, &keeper, recorder).await;
    let lost = keeper.stop().await;
    result.and(lost.map_err(RunError::from))
}

async fn run_held(
    context: &Context,
    table: &Table,
    options: &FullLoadOptions,
    keeper: &LeaseKeeper,
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    let origin = table.load_origin().ok_or_else(|| FullLoadError::NoOrigin { table: table.name.clone() })?;
    let step = recorder.begin("collect", None);
    let result = plan_targets(context, table, options, recorder).await;
    recorder.end(step, result.as_ref().err()).await?;
    let planned = result?;
    fail_point::hit("full_load_planned");
    match origin {
        LoadOrigin::Files => run_files(context, table, options, planned, keeper, recorder).await,
        LoadOrigin::Direct => run_direct(context, table, options, planned, keeper, recorder).await,
    }
}

/// The targets that can be loaded, each with its migration; the others are recorded as failed.
async fn plan_targets(
    context: &Context,
    table: &Table,
    options: &FullLoadOptions,
    recorder: &mut RunRecorder,
) -> Result<Vec<PlannedTarget>, RunError> {
    context.progress.step(&table.name, "collect", "describing source and targets");
    let source = columns::describe_source(&context.config, table).await?;
    let mut planned = Vec::new();
    for open in follow::open_targets(context, table) {
        let open = match open {
            Ok(open) => open,
            Err((index, error)) => {
                recorder.target_failed(index, &error.into());
                continue;
            }
        };
        let index = open.index;
        match follow::plan_target(context, table, source.as_ref(), open, options).await {
            Ok(target) => planned.push(target),
            Err(error) => recorder.target_failed(index, &error),
        }
    }
    Ok(planned)
}

async fn run_files(
    context: &Context,
    table: &Table,
    options: &FullLoadOptions,
    planned: Vec<PlannedTarget>,
    keeper: &LeaseKeeper,
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    let changes = table.changes.as_ref().ok_or_else(|| RunError::NoChanges { table: table.name.clone() })?;
    let step = recorder.begin("collect", None);
    let found = files::find_load(context, table, changes, options, recorder.run_id()).await;
    recorder.end(step, found.as_ref().err()).await?;
    let load = match found? {
        Found::Load(load) => load,
        Found::Nothing { told } => {
            told.into_iter().for_each(|told| recorder.warn(told));
            return Ok(());
        }
        Found::Unfinished { reason } => {
            recorder.warn(format!("the full load is not finished yet ({reason}): CDC goes on with the table as it is"));
            return Ok(());
        }
    };
    let estimate = plan::estimate(context, table, load.rows).await?;
    let ready = migrate_all(context, table, planned, recorder).await?;
    if ready.is_empty() {
        return Ok(());
    }
    let step = recorder.begin("load", Some(&load.id.batch()));
    let parts = files::take_over(context, table, &load).await;
    fail_point::hit("full_load_taken_over");
    let result = match parts {
        Ok(parts) => load_files(context, table, &ready, (&load, &parts), keeper, recorder).await,
        Err(error) => Err(error),
    };
    recorder.end(step, result.as_ref().err()).await?;
    let applied = result?;
    if applied == Applied::New {
        recorder.full_load(&load.id, load.files.len() as u64, load.bytes, load.rows, estimate);
        recorder.reached(Watermark { file: load.floor.clone(), sequence: None });
    }
    if recorder.failed_targets().is_empty() {
        let step = recorder.begin("clean", None);
        let cleaned = files::clean(context, table, changes, &load).await;
        recorder.end(step, cleaned.as_ref().err()).await?;
        recorder.cleaned(cleaned?);
        fail_point::hit("full_load_cleaned");
    }
    Ok(())
}

async fn run_direct(
    context: &Context,
    table: &Table,
    options: &FullLoadOptions,
    planned: Vec<PlannedTarget>,
    keeper: &LeaseKeeper,
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    let from = table.source.as_ref().ok_or_else(|| FullLoadError::NoOrigin { table: table.name.clone() })?;
    for target in &planned {
        direct::check_pair(context, table, from, &target.open)?;
    }
    let ready = migrate_all(context, table, planned, recorder).await?;
    if ready.is_empty() {
        return Ok(());
    }
    let load = DirectLoad::open(context, from).await?;
    let id = load.snapshot.load_id(&table.name);
    let estimate = plan::estimate(context, table, load.snapshot.rows_estimate().unwrap_or(0)).await?;
    let step = recorder.begin("load", Some(&id.batch()));
    let mut rows = 0;
    let mut first_error = None;
    for target in &ready {
        match load_direct(context, table, options, target, &load, keeper).await {
            Ok((applied, replaced)) => {
                rows = replaced.rows;
                record_target(context, table, &target.open, (&load.floor(), applied, &replaced), recorder).await?;
            }
            Err(error) => {
                recorder.target_failed(target.open.index, &error);
                first_error.get_or_insert(error);
            }
        }
    }
    recorder.end(step, first_error.as_ref()).await?;
    let (ranges, bytes) = (load.snapshot.ranges().len() as u64, load.snapshot.bytes());
    recorder.full_load(&id, ranges, bytes, rows, estimate);
    recorder.reached(Watermark { file: load.floor(), sequence: None });
    load.close().await;
    match first_error {
        Some(error) if keeper.cancel().is_cancelled() => Err(error),
        Some(_) | None => Ok(()),
    }
}

/// A target whose columns follow the source, with the table as it is now.
struct ReadyTarget {
    open: OpenTarget,
    table: TargetTable,
    planned: PlannedTarget,
}

/// Carries the migrations out; what fails is recorded, and loaded no further.
async fn migrate_all(
    context: &Context,
    table: &Table,
    planned: Vec<PlannedTarget>,
    recorder: &mut RunRecorder,
) -> Result<Vec<ReadyTarget>, RunError> {
    context.progress.step(&table.name, "migrate", "");
    let step = recorder.begin("migrate", None);
    let mut ready = Vec::new();
    for planned in planned {
        let open = planned.open.clone();
        match follow::migrate(context, table, &planned, recorder).await {
            Ok(table) => ready.push(ReadyTarget { open, table, planned }),
            Err(error) => recorder.target_failed(open.index, &error),
        }
    }
    recorder.end(step, None).await?;
    fail_point::hit("full_load_migrated");
    Ok(ready)
}

/// Whether some target got the load by this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Applied {
    New,
    /// The ledgers named it already.
    Before,
}

async fn load_files(
    context: &Context,
    table: &Table,
    ready: &[ReadyTarget],
    (load, parts): (&FoundLoad, &[LoadPart]),
    keeper: &LeaseKeeper,
    recorder: &mut RunRecorder,
) -> Result<Applied, RunError> {
    let mut any = Applied::Before;
    for target in ready {
        match load_files_into(context, table, target, (load, parts), keeper).await {
            Ok((applied, replaced)) => {
                if applied == Applied::New {
                    any = Applied::New;
                }
                record_target(context, table, &target.open, (&load.floor, applied, &replaced), recorder).await?;
            }
            Err(error) if keeper.cancel().is_cancelled() => return Err(error),
            Err(error) => recorder.target_failed(target.open.index, &error),
        }
    }
    Ok(any)
}

async fn load_files_into(
    context: &Context,
    table: &Table,
    target: &ReadyTarget,
    (load, parts): (&FoundLoad, &[LoadPart]),
    keeper: &LeaseKeeper,
) -> Result<(Applied, Replaced), RunError> {
    let open = &target.open;
    let plan =
        plan_replace(&table.name, load.id.clone(), &load.schema, &target.table, &load_rules(table), load.floor.clone());
    let plan = fenced(context, table, open, plan.map_err(FullLoadError::from)?, keeper).await?;
    let work = &context.lake.work;
    let copy = CopyParts {
        plan: &plan,
        rows: Arc::new(LakeFullRows::new(work.clone(), parts.to_vec(), &load.schema)),
        quarantine: Arc::new(LoadQuarantine {
            area: work.clone(),
            table: table.name.clone(),
            target: open.name.clone(),
            load: load.id.clone(),
            parts: parts.iter().map(|part| part.name.clone()).collect(),
        }),
        streams: table.full_load.streams,
        cancel: keeper.cancel().clone(),
    };
    context.progress.step(&table.name, "load", &format!("{} rows into {}", load.rows, open.name));
    let started = Instant::now();
    let beside = open.replace.open_beside(&plan).await.map_err(FullLoadError::from)?;
    fail_point::hit("full_load_opened");
    if beside.already_applied {
        // The reply of an earlier swap was lost, or its run. What CDC has done since then is on the new table already.
        return swap(open, (&plan, &[], load.rows), started, keeper).await;
    }
    let receipts = open.replace.copy_parts(copy).await.map_err(FullLoadError::from)?;
    bring_back(context, table, open, &plan).await?;
    swap(open, (&plan, &receipts, load.rows), started, keeper).await
}

async fn load_direct(
    context: &Context,
    table: &Table,
    options: &FullLoadOptions,
    target: &ReadyTarget,
    load: &DirectLoad,
    keeper: &LeaseKeeper,
) -> Result<(Applied, Replaced), RunError> {
    let open = &target.open;
    let Some(migration) = &target.planned.migration else {
        return Err(FullLoadError::NoOrigin { table: table.name.clone() }.into());
    };
    let (id, columns) = (load.snapshot.load_id(&table.name), direct::columns_of(migration));
    let plan = plan_replace(&table.name, id, &columns, &target.table, &load_rules(table), load.floor());
    let plan = fenced(context, table, open, plan.map_err(FullLoadError::from)?, keeper).await?;
    context.progress.step(&table.name, "load", &format!("{} ranges into {}", load.snapshot.ranges().len(), open.name));
    let started = Instant::now();
    open.replace.open_beside(&plan).await.map_err(FullLoadError::from)?;
    fail_point::hit("full_load_opened");
    let receipts = load.copy(context, table, (open, &plan), (migration, options), keeper).await?;
    let rows = receipts.iter().map(|receipt| receipt.rows).sum();
    bring_back(context, table, open, &plan).await?;
    swap(open, (&plan, &receipts, rows), started, keeper).await
}

/// The plan under this run's fence.
async fn fenced(
    context: &Context,
    table: &Table,
    open: &OpenTarget,
    mut plan: ReplacePlan,
    keeper: &LeaseKeeper,
) -> Result<ReplacePlan, RunError> {
    context.progress.step(&table.name, "load", "preparing");
    open.target.prepare_ledger().await?;
    let nothing = LedgerFrom::Order(FileOrder::at(DateTime::<Utc>::MAX_UTC));
    let ledger = open.target.read_ledger(&table.name, &open.name, &nothing).await?;
    plan.fence = Some(keeper.fence_over(ledger.fence.as_ref()).await?);
    Ok(plan)
}

/// Brings change files back that the new table will lack.
async fn bring_back(context: &Context, table: &Table, open: &OpenTarget, plan: &ReplacePlan) -> Result<(), RunError> {
    fail_point::hit("full_load_copied");
    let restored = archive::bring_back(context, table, open, &plan.floor).await?;
    if restored > 0 {
        tracing::info!(table = %table.name, target = %open.name, files = restored, "change files are back from the archive");
    }
    Ok(())
}

/// Puts the new table in the old one's place; where it is already, tells so.
async fn swap(
    open: &OpenTarget,
    (plan, receipts, rows): (&ReplacePlan, &[PartReceipt], u64),
    started: Instant,
    keeper: &LeaseKeeper,
) -> Result<(Applied, Replaced), RunError> {
    let copy_seconds = started.elapsed().as_secs_f64();
    let quarantined: u64 = receipts.iter().map(|receipt| receipt.quarantined).sum();
    let expected = rows.saturating_sub(quarantined);
    let receipt = open.replace.finish(plan, expected, keeper.cancel()).await.map_err(FullLoadError::from)?;
    fail_point::hit("full_load_swapped");
    let applied = match receipt.outcome {
        LoadOutcome::Applied => Applied::New,
        LoadOutcome::AlreadyApplied => Applied::Before,
    };
    let finish_seconds = receipt.build_seconds + receipt.swap_seconds;
    let elapsed = started.elapsed();
    Ok((applied, Replaced { rows: receipt.rows, quarantined, elapsed, copy_seconds, finish_seconds }))
}

async fn record_target(
    context: &Context,
    table: &Table,
    open: &OpenTarget,
    (floor, applied, replaced): (&FileOrder, Applied, &Replaced),
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    if applied == Applied::New {
        recorder.replaced(open.index, replaced);
        let watermark = Watermark { file: floor.clone(), sequence: None };
        context.state.store_watermark(&table.name, &target_name(table, open.index), &watermark).await?;
    }
    Ok(())
}
