//! One attempt at a load into Redshift.
//!
//! Files are written first, under no lock; then they are copied into a temporary table of this session; then one transaction
//! merges that, adds columns and writes the ledger. Only this one holds the lock, so others wait for the merge alone.
//!
//! # Invariants
//! - The ledger is asked under the lock before anything is staged, and again in the transaction that merges: what is applied
//!   is not staged, and nothing is applied twice.
//! - Quarantined rows are forgotten only once it is certain that no earlier attempt has committed.
//! - A load that is cancelled has not begun its COMMIT.

use std::time::Instant;

use quarrel_model::target::{LoadOutcome, LoadPlan, LoadReceipt, TargetTable};
use quarrel_sql::RenderError;
use quarrel_sql::fragment::CatalogType;
use quarrel_sql::redshift as sql;
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::RedshiftTarget;
use super::describe::describe;
use super::ledger::{self, Checked};
use super::parts::{self, StagedFiles};
use super::plan::StagePlan;
use super::statements::execute;
use super::types::column_type;
use crate::fail_point;
use crate::pool::Session;
use crate::target::{Load, TargetError};

/// How an attempt stands before its commit.
enum Ready<'s> {
    /// An earlier one has committed.
    Applied(LoadReceipt),
    Merged {
        tx: Transaction<'s, Postgres>,
        receipt: LoadReceipt,
    },
}

/// Applies the batch, or finds that it has been applied. Files that an attempt before has written are used again.
pub(super) async fn attempt(
    target: &RedshiftTarget,
    load: &Load<'_>,
    files: &mut Option<StagedFiles>,
) -> Result<LoadReceipt, TargetError> {
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
            ready = prepare(target, &mut session, load, files) => ready,
        };
        match ready {
            Ok(Ready::Applied(receipt)) => Ok(receipt),
            Ok(Ready::Merged { tx, receipt }) => commit(tx, load.plan, receipt).await,
            Err(error) => Err(error),
        }
    };
    let receipt = match result {
        Ok(receipt) => receipt,
        Err(error) => return Err(explain(&mut session, error).await),
    };
    drop_stage(&mut session, load.plan).await;
    session.release();
    Ok(receipt)
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

/// Says who held the lock, when it was not had in time. The session's transaction is over by then.
async fn explain(session: &mut Session, error: TargetError) -> TargetError {
    match error {
        TargetError::Locked { table, blocker, source } => {
            let found = ledger::find_blocker(session).await.unwrap_or_else(|error| {
                tracing::debug!(table = %table, error = %error, "failed to find who holds a lock");
                None
            });
            TargetError::Locked { table, blocker: found.unwrap_or(blocker), source }
        }
        other => other,
    }
}

/// A staging table that stays would be dropped by the next load on this session.
async fn drop_stage(session: &mut Session, plan: &LoadPlan) {
    let dropped = match sql::drop_stage() {
        Ok(statement) => execute(session, &statement).await,
        Err(_) => Ok(()),
    };
    if let Err(error) = dropped {
        tracing::debug!(table = %plan.target, error = %error, "failed to drop a temporary table");
    }
}

/// Everything but the commit.
async fn prepare<'s>(
    target: &RedshiftTarget,
    session: &'s mut Session,
    load: &Load<'_>,
    files: &mut Option<StagedFiles>,
) -> Result<Ready<'s>, TargetError> {
    let plan = load.plan;
    ledger::create(session).await?;
    fail_point::hit("load_begin");
    let name = ledger::target_text(session, &plan.target).await.map_err(|source| merge_failed(plan, source))?;
    if let Some(receipt) = find_applied(session, plan, &name).await? {
        return Ok(Ready::Applied(receipt));
    }
    let begun = Instant::now();
    let mut staged = None;
    if load.rows.rows() > 0 {
        fail_point::hit("stage_begin");
        let described = table_as_it_is(session, plan).await?;
        let stage = StagePlan::of(load, &described)?;
        // What can be refused, is before any row is read.
        stage.stage_changes(plan, &described)?;
        let written = write_files(target, load, &stage, files).await?;
        copy(target, session, load, &stage, &written).await?;
        fail_point::hit("stage_copied");
        staged = Some((stage, written));
    } else if files.is_none() {
        restart_quarantine(load).await?;
    }
    let stage_seconds = begun.elapsed().as_secs_f64();

    let mut tx = session.begin().await.map_err(|source| merge_failed(plan, source))?;
    let watermark = match ledger::lock_and_check(&mut tx, plan, &name).await? {
        Checked::Applied(receipt) => {
            tx.rollback().await.map_err(|source| merge_failed(plan, source))?;
            return Ok(Ready::Applied(receipt));
        }
        Checked::Free { file, sequence } => (file, sequence),
    };
    let begun = Instant::now();
    fail_point::hit("merge_begin");
    if let Some((stage, _)) = &staged {
        merge(&mut tx, plan, stage).await?;
    }
    fail_point::hit("merge_done");
    let counted = staged.map(|(_, files)| (files.upserts, files.deletes, files.quarantined));
    let (upserts, deletes, quarantined) = counted.unwrap_or_default();
    let receipt = LoadReceipt {
        outcome: LoadOutcome::Applied,
        rows: upserts + deletes + quarantined,
        upserts,
        deletes,
        quarantined,
        stage_seconds,
        merge_seconds: begun.elapsed().as_secs_f64(),
    };
    ledger::write(&mut tx, plan, &name, &receipt, watermark).await?;
    fail_point::hit("ledger_written");
    Ok(Ready::Merged { tx, receipt })
}

/// Asks the ledger, in a transaction of its own, behind whatever load is at work.
async fn find_applied(session: &mut Session, plan: &LoadPlan, name: &str) -> Result<Option<LoadReceipt>, TargetError> {
    let failed = |source| merge_failed(plan, source);
    let mut tx = session.begin().await.map_err(failed)?;
    let checked = ledger::lock_and_check(&mut tx, plan, name).await?;
    tx.rollback().await.map_err(failed)?;
    Ok(match checked {
        Checked::Applied(receipt) => Some(receipt),
        Checked::Free { .. } => None,
    })
}

async fn table_as_it_is(connection: &mut PgConnection, plan: &LoadPlan) -> Result<TargetTable, TargetError> {
    describe(connection, &plan.target).await?.ok_or_else(|| TargetError::Refused {
        table: plan.target.clone(),
        what: "a load",
        why: "the table is no longer there".to_owned(),
    })
}

async fn restart_quarantine(load: &Load<'_>) -> Result<(), TargetError> {
    let restarted = load.quarantine.restart().await;
    restarted.map_err(|source| TargetError::Quarantine { batch: load.plan.batch.clone(), source })
}

/// Writes the files, unless an attempt before has.
async fn write_files(
    target: &RedshiftTarget,
    load: &Load<'_>,
    stage: &StagePlan,
    files: &mut Option<StagedFiles>,
) -> Result<StagedFiles, TargetError> {
    if let Some(written) = files {
        return Ok(written.clone());
    }
    restart_quarantine(load).await?;
    parts::remove(&target.settings, load.plan, &parts::folder(load.plan)).await;
    let written = parts::write(&target.settings, load, stage).await?;
    Ok(files.insert(written).clone())
}

/// Makes the staging table, and has Redshift copy the files into it.
async fn copy(
    target: &RedshiftTarget,
    session: &mut Session,
    load: &Load<'_>,
    stage: &StagePlan,
    files: &StagedFiles,
) -> Result<(), TargetError> {
    let plan = load.plan;
    let failed = |source| TargetError::Stage { table: plan.target.clone(), batch: plan.batch.clone(), source };
    let render = |source| render_failed(plan, source);
    // One transaction, for the sake of one commit: the table stays with the session.
    let mut tx = session.begin().await.map_err(failed)?;
    // Rows were read since the table was described.
    let described = table_as_it_is(&mut tx, plan).await?;
    for footer in &files.footers {
        stage.check_footer(plan, footer, &described)?;
    }
    for statement in sql::create_stage(&plan.target, &stage.stage_changes(plan, &described)?).map_err(render)? {
        execute(&mut tx, &statement).await.map_err(failed)?;
    }
    // There are none when every row was quarantined.
    if !files.footers.is_empty() {
        let role = &target.settings.iam_role;
        let statement = sql::copy_stage(stage.staged_names(), &files.manifest_url, role).map_err(render)?;
        execute(&mut tx, &statement).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)
}

/// Adds columns, deletes and writes.
async fn merge(tx: &mut PgConnection, plan: &LoadPlan, stage: &StagePlan) -> Result<(), TargetError> {
    let render = |source| render_failed(plan, source);
    // Before the columns are added: those are loaded, and no others.
    let described = table_as_it_is(tx, plan).await?;
    for added in &plan.add_columns {
        let incompatible = || TargetError::Incompatible {
            table: plan.target.clone(),
            column: added.name.clone(),
            from: added.column_type.to_string(),
            to: "a new column".to_owned(),
        };
        let type_name = column_type(&added.column_type).and_then(|name| CatalogType::from_catalog(&name));
        let statement =
            sql::add_column(&plan.target, &added.name, &type_name.ok_or_else(incompatible)?).map_err(render)?;
        execute(tx, &statement).await.map_err(|source| TargetError::AddColumn {
            table: plan.target.clone(),
            column: added.name.clone(),
            source,
        })?;
    }
    for statement in stage.merge(plan, &described)?.statements().map_err(render)? {
        execute(tx, &statement).await.map_err(|source| merge_failed(plan, source))?;
    }
    Ok(())
}

fn merge_failed(plan: &LoadPlan, source: sqlx::Error) -> TargetError {
    TargetError::Merge { table: plan.target.clone(), batch: plan.batch.clone(), source }
}

fn render_failed(plan: &LoadPlan, source: RenderError) -> TargetError {
    TargetError::Render { table: plan.target.clone(), source }
}
