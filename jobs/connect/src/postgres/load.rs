//! One attempt at a load into Postgres.
//!
//! # Invariants
//! - The ledger is asked under the lock that serialises loads before anything is staged, and again in the transaction that
//!   merges: what is applied is not staged, and nothing is applied twice.
//! - Quarantined rows are forgotten only once it is certain that no earlier attempt has committed.
//! - A load that is cancelled has not begun its COMMIT.

use std::sync::Arc;
use std::time::Instant;

use quarrel_model::names::QualifiedName;
use quarrel_model::target::{LoadOutcome, LoadPlan, LoadReceipt};
use quarrel_sql::postgres as sql;
use quarrel_sql::postgres::{StageShape, StageTable};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::PostgresTarget;
use super::copy::StagedRows;
use super::ledger;
use super::merge::{merge, merge_failed, render_failed};
use super::stage::{CopyJob, Counts, StagePlan, Tables};
use crate::database_error::is_lock_timeout;
use crate::fail_point;
use crate::pool::Session;
use crate::statement::statement;
use crate::target::{Load, TargetError};

/// Up to so many rows go through one connection, in the merge's own transaction: more than one stream would gain nothing.
const ROWS_IN_TRANSACTION_MAX: u64 = 100_000;
/// More streams than this no longer make Postgres faster: they wait for one another to extend the table.
const STREAMS_MAX: usize = 4;

/// How an attempt stands before its commit.
enum Ready<'s> {
    /// An earlier one has committed.
    Applied(LoadReceipt),
    Merged {
        tx: Transaction<'s, Postgres>,
        receipt: LoadReceipt,
    },
}

/// Applies the batch, or finds that it has been applied.
pub(super) async fn attempt(target: &PostgresTarget, load: &Load<'_>) -> Result<LoadReceipt, TargetError> {
    let cancelled = || TargetError::Cancelled { batch: load.plan.batch.clone() };
    let mut session = tokio::select! {
        biased;
        () = load.cancel.cancelled() => return Err(cancelled()),
        session = Session::open(&target.pool) => session?,
    };
    let result = {
        let ready = tokio::select! {
            biased;
            () = load.cancel.cancelled() => Err(cancelled()),
            ready = prepare(target, &mut session, load) => ready,
        };
        match ready {
            Ok(Ready::Applied(receipt)) => Ok(receipt),
            Ok(Ready::Merged { tx, receipt }) => commit(tx, load.plan, receipt).await,
            Err(error) => Err(error),
        }
    };
    match result {
        Ok(receipt) => {
            session.release();
            Ok(receipt)
        }
        Err(error) => Err(explain(&mut session, load.plan, error).await),
    }
}

async fn commit(
    tx: Transaction<'_, Postgres>,
    plan: &LoadPlan,
    mut receipt: LoadReceipt,
) -> Result<LoadReceipt, TargetError> {
    fail_point::hit("commit_before");
    let begun = Instant::now();
    tx.commit().await.map_err(|source| TargetError::Commit {
        table: plan.target.clone(),
        batch: plan.batch.clone(),
        source,
    })?;
    fail_point::hit("commit_after");
    receipt.merge_seconds += begun.elapsed().as_secs_f64();
    Ok(receipt)
}

/// Everything but the commit.
async fn prepare<'s>(
    target: &PostgresTarget,
    session: &'s mut Session,
    load: &Load<'_>,
) -> Result<Ready<'s>, TargetError> {
    let plan = load.plan;
    ledger::create(session).await?;
    fail_point::hit("load_begin");
    let name = ledger::target_text(session, &plan.target).await.map_err(|source| merge_failed(plan, source))?;
    let staging = StagePlan::of(load)?;
    if load.rows.rows() <= ROWS_IN_TRANSACTION_MAX {
        prepare_small(session, load, &staging, &name).await
    } else {
        prepare_large(target, session, load, &staging, &name).await
    }
}

async fn prepare_small<'s>(
    session: &'s mut Session,
    load: &Load<'_>,
    staging: &StagePlan,
    name: &str,
) -> Result<Ready<'s>, TargetError> {
    let plan = load.plan;
    let mut tx = session.begin().await.map_err(|source| merge_failed(plan, source))?;
    if let Some(receipt) = ledger::lock_and_check(&mut tx, plan, name).await? {
        tx.rollback().await.map_err(|source| merge_failed(plan, source))?;
        return Ok(Ready::Applied(receipt));
    }
    restart_quarantine(load).await?;
    let begun = Instant::now();
    let mut counts = Counts::default();
    let table = |name: &str| StageTable::Temporary { name: name.to_owned() };
    let shape = shape(staging, table("quarrel_stage"), table("quarrel_stage_deletes"));
    if load.rows.rows() > 0 {
        fail_point::hit("stage_begin");
        for (table, rows) in tables(&shape) {
            create(&mut tx, plan, staging, table, rows).await?;
            let job = CopyJob::new(load, staging, table, rows, load.cancel.clone())?;
            counts.add(job.run(&mut tx).await?);
        }
        fail_point::hit("stage_copied");
    }
    let stage_seconds = begun.elapsed().as_secs_f64();
    finish(tx, load, staging, shape, counts, (stage_seconds, name)).await
}

async fn prepare_large<'s>(
    target: &PostgresTarget,
    session: &'s mut Session,
    load: &Load<'_>,
    staging: &StagePlan,
    name: &str,
) -> Result<Ready<'s>, TargetError> {
    let plan = load.plan;
    let failed = |source| merge_failed(plan, source);
    let prefix = stage_prefix(name);
    let batch: String = plan.batch.0.chars().take(12).collect();
    let table = |suffix: &str| StageTable::Shared { name: format!("{prefix}{batch}{suffix}") };
    let shape = shape(staging, table(""), table("_deletes"));
    // Before the other lock, here as everywhere: two large loads must not wait for each other crosswise.
    let staging_lock = ledger::staging_lock(name);
    lock_staging(session, plan, &staging_lock).await?;
    let mut tx = session.begin().await.map_err(failed)?;
    if let Some(receipt) = ledger::lock_and_check(&mut tx, plan, name).await? {
        unlock_staging(&mut tx, plan, &staging_lock).await?;
        tx.rollback().await.map_err(failed)?;
        return Ok(Ready::Applied(receipt));
    }
    drop_leftovers(&mut tx, plan, &prefix).await?;
    for (table, rows) in tables(&shape) {
        create(&mut tx, plan, staging, table, rows).await?;
    }
    tx.commit().await.map_err(failed)?;
    restart_quarantine(load).await?;

    let begun = Instant::now();
    fail_point::hit("stage_begin");
    let mut counts = Counts::default();
    for (table, rows) in tables(&shape) {
        match copy_side_by_side(target, session, load, staging, table, rows).await {
            Ok(staged) => counts.add(staged),
            Err(error) => {
                // What the failed attempt staged is of no use; if this fails too, the next load drops it.
                if let Err(leftover) = drop_tables(session, plan, &shape).await {
                    tracing::warn!(table = %plan.target, error = %leftover, "a staging table is left for the next load");
                }
                return Err(error);
            }
        }
    }
    fail_point::hit("stage_copied");
    let stage_seconds = begun.elapsed().as_secs_f64();

    let mut tx = session.begin().await.map_err(failed)?;
    let applied = ledger::lock_and_check(&mut tx, plan, name).await?;
    unlock_staging(&mut tx, plan, &staging_lock).await?;
    if let Some(receipt) = applied {
        drop_tables(&mut tx, plan, &shape).await?;
        tx.commit().await.map_err(failed)?;
        return Ok(Ready::Applied(receipt));
    }
    finish(tx, load, staging, shape, counts, (stage_seconds, name)).await
}

/// Merges, drops shared staging tables and writes the ledger. `staged`: seconds of staging, and the target's name in the ledger.
async fn finish<'s>(
    mut tx: Transaction<'s, Postgres>,
    load: &Load<'_>,
    staging: &StagePlan,
    shape: StageShape,
    mut counts: Counts,
    (stage_seconds, name): (f64, &str),
) -> Result<Ready<'s>, TargetError> {
    let plan = load.plan;
    let begun = Instant::now();
    if load.rows.rows() > 0 {
        merge(&mut tx, load, staging, shape.clone(), &mut counts).await?;
        drop_tables(&mut tx, plan, &shape).await?;
    }
    let receipt = LoadReceipt {
        outcome: LoadOutcome::Applied,
        rows: counts.upserts + counts.deletes + counts.quarantined,
        upserts: counts.upserts,
        deletes: counts.deletes,
        quarantined: counts.quarantined,
        stage_seconds,
        merge_seconds: begun.elapsed().as_secs_f64(),
    };
    ledger::write(&mut tx, plan, name, &receipt).await?;
    fail_point::hit("ledger_written");
    Ok(Ready::Merged { tx, receipt })
}

/// Fills a shared staging table by this connection, and by others of the pool that are free.
async fn copy_side_by_side(
    target: &PostgresTarget,
    session: &mut Session,
    load: &Load<'_>,
    staging: &StagePlan,
    table: &StageTable,
    rows: StagedRows,
) -> Result<Counts, TargetError> {
    let streams = load.rows.parts().clamp(1, STREAMS_MAX);
    let others = Session::open_free(&target.pool, streams - 1).await?;
    // One stream that fails stops the others.
    let stop = load.cancel.child_token();
    let job = Arc::new(CopyJob::new(load, staging, table, rows, stop.clone())?);
    let mut running = JoinSet::new();
    for mut other in others {
        let (job, stop) = (Arc::clone(&job), stop.clone());
        running.spawn(async move {
            let counts = stop_on_error(job.run(&mut other).await, &stop)?;
            other.release();
            Ok(counts)
        });
    }
    let mut counts = Counts::default();
    let mut failure = None;
    let mine = stop_on_error(job.run(session).await, &stop);
    let mut settle = |result: Result<Counts, TargetError>| match (result, &failure) {
        (Ok(staged), _) => counts.add(staged),
        // The first failure says more than the cancellations it causes.
        (Err(error), None | Some(TargetError::Cancelled { .. })) => failure = Some(error),
        (Err(_), Some(_)) => {}
    };
    settle(mine);
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok(result) => settle(result),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
    match failure {
        None => Ok(counts),
        Some(error) => Err(error),
    }
}

fn stop_on_error(result: Result<Counts, TargetError>, stop: &CancellationToken) -> Result<Counts, TargetError> {
    if result.is_err() {
        stop.cancel();
    }
    result
}

/// Takes the lock for this session, beyond the transaction that bounds the wait.
async fn lock_staging(session: &mut Session, plan: &LoadPlan, lock: &str) -> Result<(), TargetError> {
    let failed = |source| stage_failed(plan, source);
    let mut tx = session.begin().await.map_err(failed)?;
    ledger::bound_waits(&mut tx, plan).await.map_err(failed)?;
    sqlx::query(sql::LEDGER_LOCK_STAGING.text()).bind(lock).execute(&mut *tx).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

async fn unlock_staging(tx: &mut PgConnection, plan: &LoadPlan, lock: &str) -> Result<(), TargetError> {
    let done = sqlx::query(sql::LEDGER_UNLOCK_STAGING.text()).bind(lock).execute(tx).await;
    done.map(|_| ()).map_err(|source| stage_failed(plan, source))
}

async fn restart_quarantine(load: &Load<'_>) -> Result<(), TargetError> {
    let restarted = load.quarantine.restart().await;
    restarted.map_err(|source| TargetError::Quarantine { batch: load.plan.batch.clone(), source })
}

/// Names of staging tables of one target begin alike, so that leftovers are found.
fn stage_prefix(name: &str) -> String {
    let hash: String = Sha256::digest(name).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("stage_{hash}_")
}

fn shape(staging: &StagePlan, all: StageTable, deletes: StageTable) -> StageShape {
    match staging.tables {
        Tables::One => StageShape::OneTable { stage: all },
        Tables::Two => StageShape::TwoTables { upserts: all, deletes },
    }
}

/// The staging tables, and which rows each takes.
fn tables(shape: &StageShape) -> Vec<(&StageTable, StagedRows)> {
    match shape {
        StageShape::OneTable { stage } => vec![(stage, StagedRows::All)],
        StageShape::TwoTables { upserts, deletes } => {
            vec![(upserts, StagedRows::Upserts), (deletes, StagedRows::Deletes)]
        }
    }
}

async fn create(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    staging: &StagePlan,
    table: &StageTable,
    rows: StagedRows,
) -> Result<(), TargetError> {
    let text = sql::create_stage(table, &staging.stage_columns(rows)).map_err(|error| render_failed(plan, error))?;
    let done = sqlx::raw_sql(statement(&text)).execute(tx).await;
    done.map(|_| ()).map_err(|source| stage_failed(plan, source))
}

async fn drop_tables(connection: &mut PgConnection, plan: &LoadPlan, shape: &StageShape) -> Result<(), TargetError> {
    for (table, _) in tables(shape) {
        let text = sql::drop_stage(table).map_err(|error| render_failed(plan, error))?;
        let done = sqlx::raw_sql(statement(&text)).execute(&mut *connection).await;
        done.map_err(|source| stage_failed(plan, source))?;
    }
    Ok(())
}

/// Drops what attempts that were killed have left.
async fn drop_leftovers(tx: &mut PgConnection, plan: &LoadPlan, prefix: &str) -> Result<(), TargetError> {
    let names: Vec<String> = sqlx::query_scalar(sql::STAGE_LEFTOVERS.text())
        .bind(prefix)
        .fetch_all(&mut *tx)
        .await
        .map_err(|source| stage_failed(plan, source))?;
    for name in names {
        let text = sql::drop_stage(&StageTable::Shared { name }).map_err(|error| render_failed(plan, error))?;
        sqlx::raw_sql(statement(&text)).execute(&mut *tx).await.map_err(|source| stage_failed(plan, source))?;
    }
    Ok(())
}

fn stage_failed(plan: &LoadPlan, source: sqlx::Error) -> TargetError {
    TargetError::Stage { table: plan.target.clone(), batch: plan.batch.clone(), source }
}

/// Says who held the lock, when one was not had in time. The session's transaction is over by then.
async fn explain(session: &mut Session, plan: &LoadPlan, error: TargetError) -> TargetError {
    let source = match error {
        TargetError::Merge { source, .. }
        | TargetError::Stage { source, .. }
        | TargetError::AddColumn { source, .. }
        | TargetError::ReadLedger { source, .. }
            if is_lock_timeout(&source) =>
        {
            source
        }
        other => return other,
    };
    let blocker = find_blocker(session, &plan.target).await.unwrap_or_else(|error| {
        tracing::debug!(table = %plan.target, error = %error, "failed to find who holds a lock");
        None
    });
    let blocker = blocker.unwrap_or_else(|| "its holder has gone meanwhile".to_owned());
    TargetError::Locked { table: plan.target.clone(), blocker, source }
}

/// Who most likely holds a lock on a table, or one that serialises loads into it.
pub(super) async fn find_blocker(
    connection: &mut PgConnection,
    table: &QualifiedName,
) -> Result<Option<String>, sqlx::Error> {
    let name = ledger::target_text(connection, table).await?;
    let found: Option<(i32, String, String, Option<String>)> = sqlx::query_as(sql::FIND_BLOCKER.text())
        .bind(quarrel_sql::Sql::table(table).as_str())
        .bind([ledger::load_lock(&name), ledger::staging_lock(&name)])
        .fetch_optional(connection)
        .await?;
    Ok(found.map(|(pid, application, state, since)| {
        let since = since.map(|since| format!(", in its transaction since {since}")).unwrap_or_default();
        format!("process {pid} ({application}, {state}{since}) holds a lock on it")
    }))
}
