//! The parts of a full load: each goes into the new table in a transaction of its own, together with its record.
//!
//! Rows go straight into the table by COPY. Where some column is of a type that COPY's encoder does not write, the part is staged
//! in a temporary table first, as texts that the database casts.
//!
//! # Invariants
//! - A part is recorded once: rows that come a second time are rolled back with their record.
//! - Quarantined rows of a part are forgotten only once it is certain that the part is not recorded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use quarrel_model::replace::{PartReceipt, ReplacePlan};
use quarrel_model::target::LoadPlan;
use quarrel_sql::postgres as postgres_sql;
use quarrel_sql::postgres::{StageShape, StageTable};
use quarrel_sql::replace as sql;
use quarrel_sql::replace::CopyFormat;
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Place, ledger, render_failed, wait_to_retry};
use crate::database_error::is_bad_value;
use crate::fail_point;
use crate::pool::{Reading, Session};
use crate::postgres::PostgresTarget;
use crate::postgres::cast_fault;
use crate::postgres::copy::StagedRows;
use crate::postgres::ledger::bound_waits_by;
use crate::postgres::merge::{merge_failed, text_domains};
use crate::postgres::stage::{CopyJob, Counts, Origins, StagePlan, Tables};
use crate::replace::part_rows::{PartRows, part_plan};
use crate::replace::{CopyParts, FullRows, PartQuarantine, ReplaceError};
use crate::statement::statement;
use crate::target::{Load, TargetError};

/// More streams than this no longer make Postgres faster: they wait for one another to extend the table.
const STREAMS_MAX: usize = 4;
const STAGE: &str = "quarrel_part";

/// The parts on their way, shared by the streams that carry them.
struct Job {
    plan: ReplacePlan,
    part_plan: LoadPlan,
    place: Place,
    rows: Arc<dyn FullRows>,
    quarantine: Arc<dyn PartQuarantine>,
    cancel: CancellationToken,
    /// Parts that are not recorded.
    pending: Vec<usize>,
    next: AtomicUsize,
    receipts: Mutex<Vec<PartReceipt>>,
}

pub(super) async fn copy_parts(
    target: &PostgresTarget,
    copy: &CopyParts<'_>,
) -> Result<Vec<PartReceipt>, ReplaceError> {
    let (place, recorded) = begin(target, copy.plan).await?;
    let names: Vec<String> = (0..copy.rows.parts()).map(|part| copy.rows.part_name(part)).collect();
    let is_recorded = |part: &usize| recorded.iter().any(|receipt| receipt.part == names[*part]);
    let pending: Vec<usize> = (0..names.len()).filter(|part| !is_recorded(part)).collect();
    let streams = copy.streams.clamp(1, STREAMS_MAX).min(pending.len());
    // One stream that fails stops the others.
    let stop = copy.cancel.child_token();
    let job = Arc::new(Job {
        plan: copy.plan.clone(),
        part_plan: part_plan(copy.plan),
        place,
        rows: Arc::clone(&copy.rows),
        quarantine: Arc::clone(&copy.quarantine),
        cancel: stop.clone(),
        pending,
        next: AtomicUsize::new(0),
        receipts: Mutex::new(recorded),
    });
    if streams > 0 {
        let first = Session::open(&target.pool).await?;
        let others = Session::open_free(&target.pool, streams - 1).await?;
        let mut running = JoinSet::new();
        for session in [first].into_iter().chain(others) {
            running.spawn(work(Arc::clone(&job), target.clone(), session));
        }
        settle(running, &stop).await?;
    }
    let mut receipts = std::mem::take(&mut *job.receipts.lock().expect("no stream panics while it holds it"));
    receipts.retain(|receipt| names.contains(&receipt.part));
    receipts.sort_by_key(|receipt| names.iter().position(|name| *name == receipt.part));
    Ok(receipts)
}

/// Waits for all streams; the first failure says more than the cancellations it causes.
pub(in crate::postgres) async fn settle(
    mut running: JoinSet<Result<(), ReplaceError>>,
    stop: &CancellationToken,
) -> Result<(), ReplaceError> {
    let mut failure = None;
    while let Some(joined) = running.join_next().await {
        match (joined, &failure) {
            (Ok(Ok(())), _) => {}
            (Ok(Err(error)), None | Some(ReplaceError::Cancelled { .. })) => {
                stop.cancel();
                failure = Some(error);
            }
            (Ok(Err(_)), Some(_)) => {}
            (Err(panicked), _) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Finds the table that was opened, and the parts that it holds.
pub(in crate::postgres) async fn begin(
    target: &PostgresTarget,
    plan: &ReplacePlan,
) -> Result<(Place, Vec<PartReceipt>), ReplaceError> {
    let mut reading = Reading::open(&target.pool).await?;
    let connection = reading.connection();
    let place = Place::find(connection, plan).await?;
    let found = super::catalog::find_beside(connection, &place).await;
    let found = found.map_err(|source| ReplaceError::Open { table: plan.target.clone(), source })?;
    if found.is_none() {
        return Err(ReplaceError::NotOpen { table: plan.target.clone() });
    }
    let recorded = ledger::read_parts(connection, plan, &place).await?;
    Ok((place, recorded))
}

/// Carries parts until none is left, each as often as it takes within bounds.
async fn work(job: Arc<Job>, target: PostgresTarget, session: Session) -> Result<(), ReplaceError> {
    let mut held = Some(session);
    while let Some(part) = job.pending.get(job.next.fetch_add(1, Ordering::Relaxed)) {
        let mut attempt = 1;
        let receipt = loop {
            let copied = tokio::select! {
                biased;
                () = job.cancel.cancelled() => Err(cancelled(&job.plan)),
                copied = copy_part(&job, &target, &mut held, *part) => copied,
            };
            match copied {
                Ok(receipt) => break receipt,
                Err(error) => {
                    // Closed, with whatever was on it.
                    drop(held.take());
                    wait_to_retry(&job.plan, &job.cancel, attempt, error).await?;
                }
            }
            attempt += 1;
        };
        job.receipts.lock().expect("no stream panics while it holds it").push(receipt);
    }
    if let Some(session) = held {
        session.release();
    }
    Ok(())
}

fn cancelled(plan: &ReplacePlan) -> ReplaceError {
    ReplaceError::Cancelled { table: plan.table.clone() }
}

async fn copy_part(
    job: &Job,
    target: &PostgresTarget,
    held: &mut Option<Session>,
    part: usize,
) -> Result<PartReceipt, ReplaceError> {
    let session = match held {
        Some(session) => session,
        None => held.insert(Session::open(&target.pool).await?),
    };
    let name = job.rows.part_name(part);
    let (plan, place) = (&job.plan, &job.place);
    let failed = |source| copy_failed(plan, &name, source);
    let mut tx = session.begin().await.map_err(failed)?;
    if let Some(receipt) = recorded_part(&mut tx, plan, place, &name).await? {
        tx.rollback().await.map_err(failed)?;
        return Ok(receipt);
    }
    let quarantine = job.quarantine.of_part(part);
    let restarted = quarantine.restart().await;
    restarted.map_err(|source| TargetError::Quarantine { batch: plan.load.batch(), source })?;
    let load = Load {
        plan: &job.part_plan,
        rows: Arc::new(PartRows::new(Arc::clone(&job.rows), part)),
        quarantine,
        cancel: job.cancel.clone(),
    };
    let counts = copy_rows(&mut tx, &load, job).await.map_err(|error| of_part(error, plan, &name))?;
    let receipt = PartReceipt { part: name.clone(), rows: counts.upserts, quarantined: counts.quarantined };
    fail_point::hit("part_copied");
    let receipt = commit_part(tx, plan, place, receipt).await?;
    fail_point::hit("part_committed");
    Ok(receipt)
}

/// Gets a part's transaction ready, and gives the part's receipt if it is recorded.
pub(in crate::postgres) async fn recorded_part(
    tx: &mut PgConnection,
    plan: &ReplacePlan,
    place: &Place,
    name: &str,
) -> Result<Option<PartReceipt>, ReplaceError> {
    let failed = |source| copy_failed(plan, name, source);
    bound_waits_by(tx, plan.lock_timeout).await.map_err(failed)?;
    sqlx::query(postgres_sql::WATCH_CLIENT.text()).execute(&mut *tx).await.map_err(failed)?;
    let recorded = ledger::read_parts(tx, plan, place).await?;
    Ok(recorded.into_iter().find(|receipt| receipt.part == name))
}

/// Records a part and commits it, or finds that another attempt has.
pub(in crate::postgres) async fn commit_part(
    mut tx: Transaction<'_, Postgres>,
    plan: &ReplacePlan,
    place: &Place,
    receipt: PartReceipt,
) -> Result<PartReceipt, ReplaceError> {
    let failed = |source| copy_failed(plan, &receipt.part, source);
    if !ledger::write_part(&mut tx, plan, place, &receipt).await.map_err(failed)? {
        tx.rollback().await.map_err(failed)?;
        // Again, to find it recorded.
        return Err(failed(sqlx::Error::Protocol("the part was recorded meanwhile".to_owned())));
    }
    fail_point::hit("part_recorded");
    // If its reply is lost, the next attempt finds the record.
    tx.commit().await.map_err(failed)?;
    Ok(receipt)
}

fn copy_failed(plan: &ReplacePlan, part: &str, source: sqlx::Error) -> ReplaceError {
    ReplaceError::Copy { table: plan.target.clone(), load: plan.load.clone(), part: part.to_owned(), source }
}

/// Errors of staging, as those of a part.
fn of_part(error: ReplaceError, plan: &ReplacePlan, part: &str) -> ReplaceError {
    match error {
        ReplaceError::Target(TargetError::Stage { source, .. } | TargetError::Merge { source, .. }) => {
            copy_failed(plan, part, source)
        }
        ReplaceError::Target(TargetError::Cancelled { .. }) => cancelled(plan),
        other => other,
    }
}

async fn copy_rows(tx: &mut PgConnection, load: &Load<'_>, job: &Job) -> Result<Counts, ReplaceError> {
    let staging = StagePlan::of(load)?;
    if staging.has_casts() {
        return copy_staged(tx, load, &staging, job).await;
    }
    let names = staging.columns.iter().map(|column| column.target.name.as_str());
    let text = sql::copy(&job.place.beside, names, CopyFormat::Binary);
    let text = text.map_err(|source| render_failed(&job.plan, source))?;
    Ok(CopyJob::straight(load, &staging, text)?.run(tx).await?)
}

/// Stages a part, and writes it with its texts cast.
async fn copy_staged(
    tx: &mut PgConnection,
    load: &Load<'_>,
    staging: &StagePlan,
    job: &Job,
) -> Result<Counts, ReplaceError> {
    let plan = load.plan;
    let failed = |source| merge_failed(plan, source);
    let render_failed = |source| render_failed(&job.plan, source);
    let stage = StageTable::Temporary { name: STAGE.to_owned() };
    let rows = match staging.tables {
        Tables::One => StagedRows::All,
        Tables::Two => StagedRows::Upserts,
    };
    let text = postgres_sql::create_stage(&stage, &staging.stage_columns(rows)).map_err(render_failed)?;
    sqlx::raw_sql(statement(&text)).execute(&mut *tx).await.map_err(failed)?;
    let mut counts = CopyJob::new(load, staging, &stage, rows, load.cancel.clone())?.run(tx).await?;
    let domains = text_domains(tx, plan).await?;
    let mut merge = staging.merge(plan, StageShape::OneTable { stage: stage.clone() }, &domains)?;
    merge.target = job.place.beside.clone();
    let insert = sql::insert_staged(&job.place.beside, &stage, &merge).map_err(render_failed)?;
    let repairs = staging.origins == Origins::Staged && staging.tables == Tables::One;
    if repairs {
        sqlx::raw_sql(postgres_sql::SAVEPOINT.text()).execute(&mut *tx).await.map_err(failed)?;
    }
    match sqlx::raw_sql(statement(&insert)).execute(&mut *tx).await {
        Ok(_) => {}
        Err(source) if repairs && is_bad_value(&source) => {
            sqlx::raw_sql(postgres_sql::ROLLBACK_TO_SAVEPOINT.text()).execute(&mut *tx).await.map_err(failed)?;
            if !cast_fault::repair(tx, load, staging, &merge, &mut counts).await? {
                return Err(failed(source).into());
            }
            sqlx::raw_sql(statement(&insert)).execute(&mut *tx).await.map_err(failed)?;
        }
        Err(source) => return Err(failed(source).into()),
    }
    let text = postgres_sql::drop_stage(&stage).map_err(render_failed)?;
    sqlx::raw_sql(statement(&text)).execute(tx).await.map_err(failed)?;
    Ok(counts)
}
