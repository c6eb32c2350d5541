//! The workers of a direct copy: each has a connection to the source and one to the target, and takes range after range.
//!
//! # Invariants
//! - A place in a pool is waited for only within a bound, since the other pool's is held meanwhile: copies in opposite directions
//!   can't block one another for good.
//! - One worker reads by the connection that holds the snapshot; if that one is lost, so is the copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use quarrel_model::names::QualifiedName;
use quarrel_model::replace::{PartReceipt, ReplacePlan};
use quarrel_sql::Sql;
use quarrel_sql::direct as sql;
use quarrel_sql::replace as replace_sql;
use sqlx::Connection;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::pipe::{PipeError, pipe};
use super::{DirectCopy, DirectRange, DirectSnapshot, begin, columns};
use crate::fail_point;
use crate::pool::{Reading, Session};
use crate::postgres::PostgresTarget;
use crate::postgres::replace::{Place, begin_parts, commit_part, recorded_part, settle, wait_to_retry};
use crate::replace::ReplaceError;
use crate::statement::statement;
use crate::target::{Retry, TargetError};

/// Ranges read at a time, whatever is asked for.
const WORKERS_MAX: usize = 32;
/// How long a place in a pool is waited for while one in the other is held.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(60);

/// A range on its way.
struct Step {
    name: String,
    read: Sql,
}

/// What the workers share.
struct Job {
    plan: ReplacePlan,
    place: Place,
    source: PostgresTarget,
    source_table: QualifiedName,
    target: PostgresTarget,
    snapshot: String,
    steps: Vec<Step>,
    write: Sql,
    next: AtomicUsize,
    pace: Pace,
    rows_done: Arc<AtomicU64>,
    receipts: std::sync::Mutex<Vec<PartReceipt>>,
    cancel: CancellationToken,
}

/// Where a worker reads.
enum SourceSide {
    /// By the connection that holds the snapshot.
    Holder(OwnedMutexGuard<Session>),
    /// By one that sees it too; None between attempts.
    Own(Option<Session>),
}

/// Copies every range that is not recorded, and gives the receipts of all, in order.
///
/// The table beside the target has been opened with the plan's load, which is that of the snapshot. `source` is the database
/// that the snapshot is of. A range whose connection is lost is copied again, a bounded number of times.
///
/// # Errors
/// A range can't be read or written, and says which; [`ReplaceError::SnapshotLost`], when the connection that holds the snapshot
/// is lost; cancellation. Ranges that have committed stay recorded, which is of use only while the snapshot lasts. After any
/// error the connection that holds it may be gone: begin again with a new one.
pub async fn copy_direct(
    snapshot: &DirectSnapshot,
    source: &PostgresTarget,
    target: &PostgresTarget,
    copy: DirectCopy<'_>,
) -> Result<Vec<PartReceipt>, ReplaceError> {
    let plan = copy.plan;
    let (place, recorded) = begin_parts(target, plan).await?;
    let stop = copy.cancel.child_token();
    let job = Arc::new(prepare(snapshot, source, target, &copy, (place, recorded), stop.clone()).await?);
    let wanted = copy.workers.clamp(1, WORKERS_MAX).min(job.steps.len());
    if wanted > 0 {
        let mut running = JoinSet::new();
        for (side, session) in connect(&job, &snapshot.holder, wanted).await? {
            running.spawn(work(Arc::clone(&job), side, session));
        }
        settle(running, &stop).await?;
    }
    let mut receipts = std::mem::take(&mut *job.receipts.lock().expect("no worker panics while it holds it"));
    let place_of = |name: &str| snapshot.ranges.iter().position(|range| range.name == name);
    receipts.sort_by_key(|receipt| place_of(&receipt.part));
    Ok(receipts)
}

async fn prepare(
    snapshot: &DirectSnapshot,
    source: &PostgresTarget,
    target: &PostgresTarget,
    copy: &DirectCopy<'_>,
    (place, recorded): (Place, Vec<PartReceipt>),
    stop: CancellationToken,
) -> Result<Job, ReplaceError> {
    let plan = copy.plan;
    let mut reading = Reading::open(&target.pool).await?;
    let on_target = columns::read(reading.connection(), place.oid).await;
    let on_target = on_target.map_err(|source| TargetError::Describe { table: plan.target.clone(), source })?;
    drop(reading);
    let route = columns::route(plan, &snapshot.columns, &on_target, &copy.casts);
    let route = route.map_err(|missing| ReplaceError::SourceRefused {
        source_table: snapshot.source_table.clone(),
        why: missing.to_string(),
    })?;
    let render_failed = |source| TargetError::Render { table: plan.target.clone(), source };
    let names = plan.columns.iter().map(|column| column.target.name.as_str());
    let write = replace_sql::copy(&place.beside, names, route.format).map_err(render_failed)?;
    let is_recorded = |range: &&DirectRange| recorded.iter().any(|receipt| receipt.part == range.name);
    let mut steps = Vec::new();
    for range in snapshot.ranges.iter().filter(|range| !is_recorded(range)) {
        let read = sql::copy_out(&range.table, &range.extent, &route.columns, route.format).map_err(render_failed)?;
        steps.push(Step { name: range.name.clone(), read });
    }
    Ok(Job {
        plan: plan.clone(),
        source: source.clone(),
        source_table: snapshot.source_table.clone(),
        target: target.clone(),
        snapshot: snapshot.name.clone(),
        pace: Pace::new(copy.rows_per_second),
        rows_done: Arc::clone(&copy.rows_done),
        receipts: std::sync::Mutex::new(recorded),
        next: AtomicUsize::new(0),
        cancel: stop,
        place,
        steps,
        write,
    })
}

/// Pairs of connections: one by the holder of the snapshot, and as many more as both pools have room for now.
async fn connect(
    job: &Job,
    holder: &Arc<Mutex<Session>>,
    wanted: usize,
) -> Result<Vec<(SourceSide, Session)>, ReplaceError> {
    let holder = Arc::clone(holder).lock_owned().await;
    let mut pairs = vec![(SourceSide::Holder(holder), open_within(&job.target).await?)];
    while pairs.len() < wanted {
        let mut target = Session::open_free(&job.target.pool, 1).await?;
        let mut source = Session::open_free(&job.source.pool, 1).await?;
        let (Some(target), Some(mut source)) = (target.pop(), source.pop()) else { break };
        import(job, &mut source).await?;
        pairs.push((SourceSide::Own(Some(source)), target));
    }
    Ok(pairs)
}

/// Waits for a place in a pool, but not for good.
async fn open_within(database: &PostgresTarget) -> Result<Session, ReplaceError> {
    match tokio::time::timeout(PLACE_WAIT_MAX, Session::open(&database.pool)).await {
        Ok(session) => Ok(session?),
        Err(_) => {
            let connection = database.pool.name().to_owned();
            Err(TargetError::Connect { connection, source: sqlx::Error::PoolTimedOut }.into())
        }
    }
}

async fn import(job: &Job, session: &mut Session) -> Result<(), ReplaceError> {
    let lost = |source| ReplaceError::SnapshotLost { source_table: job.source_table.clone(), source };
    begin(session).await.map_err(lost)?;
    let text = sql::import_snapshot(&job.snapshot)
        .map_err(|source| TargetError::Render { table: job.plan.target.clone(), source })?;
    sqlx::raw_sql(statement(&text)).execute(&mut **session).await.map_err(lost)?;
    sqlx::query(sql::KEEP_OPEN.text()).execute(&mut **session).await.map_err(lost)?;
    Ok(())
}

async fn work(job: Arc<Job>, mut side: SourceSide, session: Session) -> Result<(), ReplaceError> {
    let mut held = Some(session);
    while let Some(step) = job.steps.get(job.next.fetch_add(1, Ordering::Relaxed)) {
        let mut attempt = 1;
        let receipt = loop {
            let copied = tokio::select! {
                biased;
                () = job.cancel.cancelled() => Err(ReplaceError::Cancelled { table: job.plan.table.clone() }),
                copied = copy_range(&job, step, &mut side, &mut held) => copied,
            };
            match copied {
                Ok(receipt) => break receipt,
                Err(error) => {
                    // Closed, with whatever was on it.
                    drop(held.take());
                    if let SourceSide::Own(source) = &mut side {
                        drop(source.take());
                    }
                    wait_to_retry(&job.plan, &job.cancel, attempt, of_holder(error, &side)).await?;
                }
            }
            attempt += 1;
        };
        job.receipts.lock().expect("no worker panics while it holds it").push(receipt);
    }
    if let Some(session) = held {
        session.release();
    }
    Ok(())
}

/// What would pass for another connection is the end for the one that holds the snapshot.
fn of_holder(error: ReplaceError, side: &SourceSide) -> ReplaceError {
    match (error.retry(), error, side) {
        (Retry::Again, ReplaceError::ReadSource { source_table, source, .. }, SourceSide::Holder(_)) => {
            ReplaceError::SnapshotLost { source_table, source }
        }
        (_, error, SourceSide::Holder(_) | SourceSide::Own(_)) => error,
    }
}

async fn copy_range(
    job: &Job,
    step: &Step,
    side: &mut SourceSide,
    held: &mut Option<Session>,
) -> Result<PartReceipt, ReplaceError> {
    let plan = &job.plan;
    let name = &step.name;
    let failed =
        |source| ReplaceError::Copy { table: plan.target.clone(), load: plan.load.clone(), part: name.clone(), source };
    let session = match held {
        Some(session) => session,
        None => held.insert(open_within(&job.target).await?),
    };
    let source = match side {
        SourceSide::Holder(holder) => &mut **holder,
        SourceSide::Own(Some(own)) => own,
        SourceSide::Own(own) => {
            let mut opened = open_within(&job.source).await?;
            import(job, &mut opened).await?;
            own.insert(opened)
        }
    };
    let mut tx = session.begin().await.map_err(failed)?;
    if let Some(receipt) = recorded_part(&mut tx, plan, &job.place, name).await? {
        tx.rollback().await.map_err(failed)?;
        return Ok(receipt);
    }
    let copied = pipe(source, &step.read, &mut tx, &job.write, &job.pace, &job.rows_done).await;
    let rows = copied.map_err(|error| match error {
        PipeError::Source(source) => {
            ReplaceError::ReadSource { source_table: job.source_table.clone(), range: name.clone(), source }
        }
        PipeError::Target(source) => failed(source),
    })?;
    fail_point::hit("part_copied");
    let receipt = PartReceipt { part: name.clone(), rows, quarantined: 0 };
    let receipt = commit_part(tx, plan, &job.place, receipt).await?;
    fail_point::hit("part_committed");
    Ok(receipt)
}
