//! What the ledger and its parts hold of full loads into Postgres.

use quarrel_model::replace::{PartReceipt, ReplacePlan, ReplaceReceipt};
use quarrel_sql::postgres as postgres_sql;
use quarrel_sql::replace as sql;
use sqlx::PgConnection;

use super::Place;
use crate::ledger_text::{StoredBatch, StoredFence, check_replace, recorded_part, replace_fence, stored_count};
use crate::postgres::ledger::{bound_waits_by, load_lock};
use crate::replace::ReplaceError;
use crate::target::TargetError;

/// Waits for loads into the same target, checks the fence, and gives the receipt of the load if it has been swapped in.
///
/// A commit whose reply was lost holds the lock until it is done: whoever comes behind it sees its load.
pub(super) async fn lock_and_check(
    tx: &mut PgConnection,
    plan: &ReplacePlan,
    place: &Place,
) -> Result<Option<ReplaceReceipt>, ReplaceError> {
    let failed = |source| TargetError::ReadLedger { table: plan.table.clone(), source };
    bound_waits_by(tx, plan.lock_timeout).await.map_err(failed)?;
    sqlx::query(postgres_sql::WATCH_CLIENT.text()).execute(&mut *tx).await.map_err(failed)?;
    let lock = load_lock(&place.text);
    sqlx::query(postgres_sql::LEDGER_LOCK_LOADS.text()).bind(lock).execute(&mut *tx).await.map_err(failed)?;
    let fence: Option<StoredFence> = sqlx::query_as(postgres_sql::LEDGER_LOCK_TABLE.text())
        .bind(&plan.table.0)
        .bind(&place.text)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
    let applied: Option<StoredBatch> = sqlx::query_as(postgres_sql::LEDGER_READ_BATCH.text())
        .bind(&plan.table.0)
        .bind(&place.text)
        .bind(&plan.load.0)
        .fetch_optional(tx)
        .await
        .map_err(failed)?;
    Ok(check_replace(plan, fence, applied)?)
}

/// The committed parts of this load.
pub(super) async fn read_parts(
    connection: &mut PgConnection,
    plan: &ReplacePlan,
    place: &Place,
) -> Result<Vec<PartReceipt>, ReplaceError> {
    let found: Vec<(String, i64, i64)> = sqlx::query_as(sql::READ_PARTS.text())
        .bind(&place.text)
        .bind(&plan.load.0)
        .fetch_all(connection)
        .await
        .map_err(|source| TargetError::ReadLedger { table: plan.table.clone(), source })?;
    Ok(found.into_iter().map(|part| recorded_part(&plan.table, part)).collect::<Result<_, _>>()?)
}

/// Records a part; false when it was recorded before.
pub(super) async fn write_part(
    tx: &mut PgConnection,
    plan: &ReplacePlan,
    place: &Place,
    receipt: &PartReceipt,
) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(sql::WRITE_PART.text())
        .bind(&place.text)
        .bind(&plan.load.0)
        .bind(&receipt.part)
        .bind(stored_count(receipt.rows))
        .bind(stored_count(receipt.quarantined))
        .execute(tx)
        .await?;
    Ok(written.rows_affected() == 1)
}

/// Forgets the parts of other loads of this target, and of this one too unless its table is kept.
pub(super) async fn forget_parts(
    tx: &mut PgConnection,
    plan: &ReplacePlan,
    place: &Place,
    is_kept: bool,
) -> Result<(), sqlx::Error> {
    let kept = is_kept.then_some(&plan.load.0);
    sqlx::query(sql::FORGET_PARTS.text()).bind(&place.text).bind(kept).execute(tx).await?;
    Ok(())
}

/// Starts the ledger of the table anew from this load.
pub(super) async fn write(
    tx: &mut PgConnection,
    plan: &ReplacePlan,
    place: &Place,
    parts: &[PartReceipt],
    rows: u64,
) -> Result<(), ReplaceError> {
    let failed = |source| ReplaceError::Swap { table: plan.target.clone(), source };
    let fence = replace_fence(plan)?;
    for forget in [sql::FORGET_FILES, sql::FORGET_BATCHES] {
        let query = sqlx::query(forget.text()).bind(&plan.table.0).bind(&place.text);
        query.execute(&mut *tx).await.map_err(failed)?;
    }
    sqlx::query(sql::WRITE_TABLE.text())
        .bind(&plan.table.0)
        .bind(&place.text)
        .bind(fence.epoch.0)
        .bind(&fence.holder)
        .bind(plan.floor.as_str())
        .bind(&plan.load.0)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    sqlx::query(sql::WRITE_FLOOR.text())
        .bind(&plan.table.0)
        .bind(&place.text)
        .bind(&plan.load.0)
        .bind(plan.floor.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    let quarantined = parts.iter().map(|part| part.quarantined).sum();
    sqlx::query(postgres_sql::LEDGER_WRITE_BATCH.text())
        .bind(&plan.table.0)
        .bind(&place.text)
        .bind(&plan.load.0)
        .bind(&plan.load.0)
        .bind(fence.epoch.0)
        .bind(stored_count(rows))
        .bind(stored_count(rows))
        .bind(0_i64)
        .bind(stored_count(quarantined))
        .bind(stored_count(parts.len() as u64))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    forget_parts(tx, plan, place, false).await.map_err(failed)
}
