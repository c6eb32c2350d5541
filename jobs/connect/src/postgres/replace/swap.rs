//! The end of a full load: the new table takes the old one's place, in one transaction.
//!
//! The lock on the table is the last that is asked for: views that read it come first, as readers lock them. Each wait is short,
//! and the whole transaction is begun again until the plan's bound: so readers that queue up behind the swap are held up
//! briefly, and a reader that holds one table and waits for another is never the one that a deadlock ends.
//!
//! # Invariants
//! - What the catalog says of the old table is read under the lock: it is what the new one gets.
//! - Views are made anew under the new table's name, then the old table is dropped without CASCADE: what still depends on it
//!   is an error, and everything is as it was.

use std::time::{Duration, Instant};

use quarrel_model::names::QualifiedName;
use quarrel_model::replace::{ReplacePlan, ReplaceReceipt};
use quarrel_model::target::LoadOutcome;
use quarrel_sql::replace as sql;
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use tokio_util::sync::CancellationToken;

use super::build::{Built, build};
use super::{Place, catalog, ledger, render_failed, run};
use crate::database_error::is_lock_timeout;
use crate::fail_point;
use crate::pool::Session;
use crate::postgres::ledger::bound_waits_by;
use crate::replace::ReplaceError;

/// A wait for one lock: half of the time after which Postgres looks for deadlocks by default.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(500);
/// Readers that queued up behind a swap that gave up get their turn.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks the ledger, builds, and swaps.
pub(super) async fn finish(
    session: &mut Session,
    plan: &ReplacePlan,
    expected_rows: u64,
    cancel: &CancellationToken,
) -> Result<ReplaceReceipt, ReplaceError> {
    let cancelled = || ReplaceError::Cancelled { table: plan.table.clone() };
    let (place, built, build_seconds) = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(cancelled()),
        prepared = prepare(session, plan, expected_rows) => match prepared? {
            Prepared::Applied(receipt) => return Ok(receipt),
            Prepared::Built { place, built, seconds } => (place, built, seconds),
        },
    };
    let begun = Instant::now();
    loop {
        let swapped = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled()),
            swapped = swap(session, plan, &place, &built) => swapped,
        };
        match swapped {
            Ok(Swapped::Applied(receipt)) => return Ok(receipt),
            Ok(Swapped::Ready(tx)) => {
                commit(tx, plan).await?;
                let swap_seconds = begun.elapsed().as_secs_f64();
                return Ok(ReplaceReceipt {
                    outcome: LoadOutcome::Applied,
                    rows: built.rows,
                    build_seconds,
                    swap_seconds,
                });
            }
            Err(ReplaceError::Swap { source, .. })
                if is_lock_timeout(&source) && begun.elapsed() < plan.lock_timeout =>
            {
                tracing::debug!(table = %plan.target, "a lock for the swap was not had; it is tried again");
                tokio::time::sleep(PAUSE.min(plan.lock_timeout)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

enum Prepared {
    /// An earlier attempt has committed.
    Applied(ReplaceReceipt),
    Built {
        place: Place,
        built: Built,
        seconds: f64,
    },
}

async fn prepare(session: &mut Session, plan: &ReplacePlan, expected_rows: u64) -> Result<Prepared, ReplaceError> {
    let failed = |source| ReplaceError::Open { table: plan.target.clone(), source };
    crate::postgres::ledger::create(session).await?;
    let mut tx = session.begin().await.map_err(failed)?;
    let place = Place::find(&mut tx, plan).await?;
    let applied = ledger::lock_and_check(&mut tx, plan, &place).await?;
    tx.rollback().await.map_err(failed)?;
    if let Some(receipt) = applied {
        return Ok(Prepared::Applied(receipt));
    }
    let begun = Instant::now();
    let built = build(session, plan, &place, expected_rows).await?;
    fail_point::hit("replace_built");
    Ok(Prepared::Built { place, built, seconds: begun.elapsed().as_secs_f64() })
}

async fn commit(tx: Transaction<'_, Postgres>, plan: &ReplacePlan) -> Result<(), ReplaceError> {
    fail_point::hit("replace_commit_before");
    tx.commit().await.map_err(|source| ReplaceError::Commit {
        table: plan.target.clone(),
        load: plan.load.clone(),
        source,
    })?;
    fail_point::hit("replace_commit_after");
    Ok(())
}

enum Swapped<'s> {
    Applied(ReplaceReceipt),
    Ready(Transaction<'s, Postgres>),
}

/// Everything but the commit.
async fn swap<'s>(
    session: &'s mut Session,
    plan: &ReplacePlan,
    place: &Place,
    built: &Built,
) -> Result<Swapped<'s>, ReplaceError> {
    let failed = |source| ReplaceError::Swap { table: plan.target.clone(), source };
    let changed = || ReplaceError::Changed { table: plan.target.clone() };
    let mut tx = session.begin().await.map_err(failed)?;
    if let Some(receipt) = ledger::lock_and_check(&mut tx, plan, place).await? {
        tx.rollback().await.map_err(failed)?;
        return Ok(Swapped::Applied(receipt));
    }
    bound_waits_by(&mut tx, LOCK_WAIT_MAX.min(plan.lock_timeout)).await.map_err(failed)?;
    catalog::qualify_names(&mut tx).await.map_err(failed)?;
    let views = catalog::views(&mut tx, place).await.map_err(failed)?;
    for view in &views {
        run(&mut tx, plan, &view.lock).await?;
    }
    let lock = sql::lock_table(&place.target).map_err(|source| render_failed(plan, source))?;
    run(&mut tx, plan, &lock).await?;

    // Under the lock nothing changes any more; what was altered before it is seen now.
    let mut at = plan.clone();
    at.target = place.target.clone();
    if Place::find(&mut tx, &at).await?.oid != place.oid {
        return Err(changed());
    }
    let objects = catalog::refusals(&mut tx, place.oid).await.map_err(failed)?;
    if !objects.is_empty() {
        return Err(ReplaceError::Refused { table: plan.target.clone(), objects });
    }
    let beside = catalog::find_beside(&mut tx, place).await.map_err(failed)?;
    let beside = beside.ok_or_else(|| ReplaceError::NotOpen { table: plan.target.clone() })?;
    if !catalog::same_columns(&mut tx, place.oid, beside).await.map_err(failed)?
        || catalog::views(&mut tx, place).await.map_err(failed)?.len() != views.len()
    {
        return Err(changed());
    }
    let steps = catalog::build_steps(&mut tx, place, beside).await.map_err(failed)?;
    if steps.iter().any(|step| !step.is_built) {
        return Err(changed());
    }
    let parts = ledger::read_parts(&mut tx, plan, place).await?;
    exchange(&mut tx, plan, place, beside, &steps, &views, built).await?;
    fail_point::hit("replace_swapped");
    ledger::write(&mut tx, plan, place, &parts, built.rows).await?;
    fail_point::hit("replace_ledger_written");
    Ok(Swapped::Ready(tx))
}

async fn exchange(
    tx: &mut PgConnection,
    plan: &ReplacePlan,
    place: &Place,
    beside: i64,
    steps: &[catalog::BuildStep],
    views: &[catalog::ViewSwap],
    built: &Built,
) -> Result<(), ReplaceError> {
    let failed = |source| ReplaceError::Swap { table: plan.target.clone(), source };
    let dress = catalog::dress(tx, place, beside).await.map_err(failed)?;
    let sequences = catalog::sequences(tx, place, beside).await.map_err(failed)?;
    let schema = place.target.schema.clone();
    let named = |name: &str| QualifiedName { schema: schema.clone(), name: name.to_owned() };
    let (old, moved) = (place.old_name(), named(&place.beside.name));
    let moves = [
        sql::rename_table(&place.target, &old),
        sql::move_table(&place.beside, schema.as_deref().unwrap_or_default()),
        sql::rename_table(&moved, &place.target.name),
    ];
    for text in moves {
        run(tx, plan, &text.map_err(|source| render_failed(plan, source))?).await?;
    }
    for text in &dress.first {
        run(tx, plan, text).await?;
    }
    for sequence in &sequences {
        if let Some(own) = &sequence.own {
            run(tx, plan, own).await?;
        }
        let max = built.max_values.iter().find(|(column, _)| *column == sequence.column).and_then(|(_, max)| *max);
        sqlx::query(sql::SET_SEQUENCE.text())
            .bind(sequence.new_oid)
            .bind(sequence.old_oid)
            .bind(max)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
    }
    for view in views {
        run(tx, plan, &view.definition).await?;
    }
    let dropped = sql::drop_table(&named(&old)).map_err(|source| render_failed(plan, source))?;
    run(tx, plan, &dropped).await?;
    let renames = steps.iter().filter_map(|step| step.rename.as_ref());
    let renames = renames.chain(sequences.iter().filter_map(|sequence| sequence.rename.as_ref()));
    for text in renames.chain(&dress.last) {
        run(tx, plan, text).await?;
    }
    Ok(())
}
