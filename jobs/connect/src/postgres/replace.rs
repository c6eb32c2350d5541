//! Replacing a Postgres table whole: a new one is loaded beside it, in schema `quarrel`, and swapped in.
//!
//! The new table is an ordinary logged one, named by digests of its target and its load; so what dead loads have left is found
//! by the next one. Its rows come part by part ([`part`]); then indexes are built ([`build`]), and it takes the old one's place
//! ([`swap`]).
//!
//! # Invariants
//! - Nothing touches the target before the swap.
//! - A connection on which a step failed is closed, never given back, as in a load.

mod build;
mod catalog;
mod ledger;
mod part;
mod swap;

use std::future::Future;

use async_trait::async_trait;
use quarrel_model::names::QualifiedName;
use quarrel_model::replace::{PartReceipt, ReplacePlan, ReplaceReceipt};
use quarrel_sql::Sql;
use quarrel_sql::postgres as postgres_sql;
use quarrel_sql::replace as sql;
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

pub(super) use self::part::{begin as begin_parts, commit_part, recorded_part, settle};

use super::PostgresTarget;
use super::describe::{Resolved, resolve};
use super::load::find_blocker;
use crate::backoff::pause_before_next;
use crate::database_error::is_lock_timeout;
use crate::fail_point;
use crate::pool::{Reading, Session};
use crate::replace::{Beside, CopyParts, Replace, ReplaceError};
use crate::statement::statement;
use crate::target::TargetError;

/// Schema of the ledger, and of tables that are being loaded.
pub(super) const SCHEMA: &str = "quarrel";

#[async_trait]
impl Replace for PostgresTarget {
    async fn refusals(&self, target: &QualifiedName) -> Result<Vec<String>, ReplaceError> {
        let mut reading = Reading::open(&self.pool).await?;
        let failed = |source| TargetError::Describe { table: target.clone(), source };
        let resolved = resolve(reading.connection(), target).await.map_err(failed)?;
        let resolved = resolved.ok_or_else(|| ReplaceError::NoTable { table: target.clone() })?;
        Ok(catalog::refusals(reading.connection(), resolved.oid).await.map_err(failed)?)
    }

    async fn open_beside(&self, plan: &ReplacePlan) -> Result<Beside, ReplaceError> {
        let never = CancellationToken::new();
        let beside =
            retried(plan, &never, async || with_session(self, plan, async |session| open(session, plan).await).await);
        let beside = beside.await?;
        fail_point::hit("replace_opened");
        Ok(beside)
    }

    async fn copy_parts(&self, copy: CopyParts<'_>) -> Result<Vec<PartReceipt>, ReplaceError> {
        part::copy_parts(self, &copy).await
    }

    async fn finish(
        &self,
        plan: &ReplacePlan,
        expected_rows: u64,
        cancel: &CancellationToken,
    ) -> Result<ReplaceReceipt, ReplaceError> {
        retried(plan, cancel, async || {
            with_session(self, plan, async |session| swap::finish(session, plan, expected_rows, cancel).await).await
        })
        .await
    }

    async fn abandon(&self, plan: &ReplacePlan) -> Result<(), ReplaceError> {
        with_session(self, plan, async |session| abandon(session, plan).await).await
    }
}

/// Attempts until one succeeds, or fails for good.
async fn retried<T, F: Future<Output = Result<T, ReplaceError>>>(
    plan: &ReplacePlan,
    cancel: &CancellationToken,
    mut attempt: impl FnMut() -> F,
) -> Result<T, ReplaceError> {
    let mut number = 1;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        wait_to_retry(plan, cancel, number, error).await?;
        number += 1;
    }
}

/// Waits until a failed attempt (counted from 1) may be repeated, or gives its error back.
pub(super) async fn wait_to_retry(
    plan: &ReplacePlan,
    cancel: &CancellationToken,
    attempt: u32,
    error: ReplaceError,
) -> Result<(), ReplaceError> {
    let Some(pause) = pause_before_next(attempt, &error.retry()) else { return Err(error) };
    tracing::warn!(
        table = %plan.target,
        load = %plan.load,
        attempt,
        pause_seconds = pause.as_secs_f64(),
        error = &error as &(dyn std::error::Error + 'static),
        "a step of a full load failed and is tried again"
    );
    tokio::select! {
        () = cancel.cancelled() => Err(ReplaceError::Cancelled { table: plan.table.clone() }),
        () = tokio::time::sleep(pause) => Ok(()),
    }
}

/// Runs a step on a connection of its own, which is given back only if it succeeds.
async fn with_session<T>(
    target: &PostgresTarget,
    plan: &ReplacePlan,
    step: impl AsyncFnOnce(&mut Session) -> Result<T, ReplaceError>,
) -> Result<T, ReplaceError> {
    let mut session = Session::open(&target.pool).await?;
    match step(&mut session).await {
        Ok(value) => {
            session.release();
            Ok(value)
        }
        Err(error) => Err(explain(&mut session, &plan.target, error).await),
    }
}

/// Says who held the lock, when one was not had in time.
async fn explain(session: &mut Session, table: &QualifiedName, error: ReplaceError) -> ReplaceError {
    let source = match error {
        ReplaceError::Open { source, .. } | ReplaceError::Swap { source, .. } | ReplaceError::Build { source, .. }
            if is_lock_timeout(&source) =>
        {
            source
        }
        ReplaceError::Target(TargetError::ReadLedger { source, .. }) if is_lock_timeout(&source) => source,
        other => return other,
    };
    let blocker = find_blocker(session, table).await.unwrap_or_else(|error| {
        tracing::debug!(%table, %error, "failed to find who holds a lock");
        None
    });
    let blocker = blocker.unwrap_or_else(|| "its holder has gone meanwhile, or reads a view on it".to_owned());
    TargetError::Locked { table: table.clone(), blocker, source }.into()
}

/// Where a load takes place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The target as the catalog has it.
    pub(super) target: QualifiedName,
    pub(super) oid: i64,
    /// The target as the ledger and its locks name it.
    pub(super) text: String,
    /// The table beside it.
    pub(super) beside: QualifiedName,
}

impl Place {
    pub(super) async fn find(connection: &mut PgConnection, plan: &ReplacePlan) -> Result<Place, ReplaceError> {
        let failed = |source| TargetError::Describe { table: plan.target.clone(), source };
        let resolved = resolve(connection, &plan.target).await.map_err(failed)?;
        let Resolved { oid, name, .. } =
            resolved.ok_or_else(|| ReplaceError::NoTable { table: plan.target.clone() })?;
        let text = name.to_string();
        let beside = format!("{}{}", prefix(&text), digits(&plan.load.0, 6));
        let beside = QualifiedName { schema: Some(SCHEMA.to_owned()), name: beside };
        Ok(Place { target: name, oid, text, beside })
    }

    /// What the old table is called while the new one has its name: nobody sees it.
    fn old_name(&self) -> String {
        format!("{}_old", self.beside.name)
    }
}

/// Names of the tables that are loaded for one target begin alike, so that leftovers are found.
fn prefix(target: &str) -> String {
    format!("load_{}_", digits(target, 8))
}

fn digits(text: &str, bytes: usize) -> String {
    Sha256::digest(text).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

async fn open(session: &mut Session, plan: &ReplacePlan) -> Result<Beside, ReplaceError> {
    let failed = |source| ReplaceError::Open { table: plan.target.clone(), source };
    super::ledger::create(session).await?;
    let mut tx = session.begin().await.map_err(failed)?;
    let place = Place::find(&mut tx, plan).await?;
    if ledger::lock_and_check(&mut tx, plan, &place).await?.is_some() {
        tx.rollback().await.map_err(failed)?;
        return Ok(Beside { name: place.beside, recorded: Vec::new(), already_applied: true });
    }
    let objects = catalog::refusals(&mut tx, place.oid).await.map_err(failed)?;
    if !objects.is_empty() {
        return Err(ReplaceError::Refused { table: plan.target.clone(), objects });
    }
    catalog::qualify_names(&mut tx).await.map_err(failed)?;
    drop_leftovers(&mut tx, plan, &place).await?;
    let kept = match catalog::find_beside(&mut tx, &place).await.map_err(failed)? {
        Some(oid) if catalog::same_columns(&mut tx, place.oid, oid).await.map_err(failed)? => true,
        Some(_) => {
            drop_beside(&mut tx, plan, &place.beside).await?;
            false
        }
        None => false,
    };
    ledger::forget_parts(&mut tx, plan, &place, kept).await.map_err(failed)?;
    if !kept {
        for create in catalog::create_statements(&mut tx, &place).await.map_err(failed)? {
            sqlx::raw_sql(statement(&create)).execute(&mut *tx).await.map_err(failed)?;
        }
    }
    check_definitions(&mut tx, plan, &place).await?;
    let recorded = ledger::read_parts(&mut tx, plan, &place).await?;
    tx.commit().await.map_err(failed)?;
    Ok(Beside { name: place.beside, recorded, already_applied: false })
}

/// Refuses a table with an index whose definition is spelled in an unknown way, before anything is loaded.
async fn check_definitions(tx: &mut PgConnection, plan: &ReplacePlan, place: &Place) -> Result<(), ReplaceError> {
    let failed = |source| ReplaceError::Open { table: plan.target.clone(), source };
    let beside = catalog::find_beside(tx, place).await.map_err(failed)?;
    let beside = beside.ok_or_else(|| ReplaceError::NotOpen { table: plan.target.clone() })?;
    let steps = catalog::build_steps(tx, place, beside).await.map_err(failed)?;
    let unknown = steps.into_iter().filter(|step| step.statement.is_none());
    let objects: Vec<String> = unknown.map(|step| format!("{} has an unusual definition", step.what)).collect();
    if objects.is_empty() { Ok(()) } else { Err(ReplaceError::Refused { table: plan.target.clone(), objects }) }
}

/// Drops what loads of the same target that were given up have left.
async fn drop_leftovers(tx: &mut PgConnection, plan: &ReplacePlan, place: &Place) -> Result<(), ReplaceError> {
    let failed = |source| ReplaceError::Open { table: plan.target.clone(), source };
    let names: Vec<String> = sqlx::query_scalar(postgres_sql::STAGE_LEFTOVERS.text())
        .bind(prefix(&place.text))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
    for name in names.into_iter().filter(|name| *name != place.beside.name) {
        let leftover = QualifiedName { schema: Some(SCHEMA.to_owned()), name };
        drop_beside(tx, plan, &leftover).await?;
    }
    Ok(())
}

async fn drop_beside(tx: &mut PgConnection, plan: &ReplacePlan, beside: &QualifiedName) -> Result<(), ReplaceError> {
    let text = sql::drop_table(beside).map_err(|source| render_failed(plan, source))?;
    let dropped = sqlx::raw_sql(statement(&text)).execute(tx).await;
    dropped.map(|_| ()).map_err(|source| ReplaceError::Open { table: plan.target.clone(), source })
}

async fn abandon(session: &mut Session, plan: &ReplacePlan) -> Result<(), ReplaceError> {
    let failed = |source| ReplaceError::Open { table: plan.target.clone(), source };
    super::ledger::create(session).await?;
    let mut tx = session.begin().await.map_err(failed)?;
    let place = Place::find(&mut tx, plan).await?;
    ledger::lock_and_check(&mut tx, plan, &place).await?;
    if catalog::find_beside(&mut tx, &place).await.map_err(failed)?.is_some() {
        drop_beside(&mut tx, plan, &place.beside).await?;
    }
    ledger::forget_parts(&mut tx, plan, &place, false).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

fn render_failed(plan: &ReplacePlan, source: quarrel_sql::RenderError) -> ReplaceError {
    TargetError::Render { table: plan.target.clone(), source }.into()
}

/// Runs a statement of a step of the swap.
async fn run(tx: &mut PgConnection, plan: &ReplacePlan, text: &Sql) -> Result<(), ReplaceError> {
    let done = sqlx::raw_sql(statement(text)).execute(tx).await;
    done.map(|_| ()).map_err(|source| ReplaceError::Swap { table: plan.target.clone(), source })
}
