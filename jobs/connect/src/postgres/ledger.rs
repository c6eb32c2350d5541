//! The ledger in a Postgres target: schema `quarrel`.
//!
//! A table of the ledger is known by its name in the configuration and its target's qualified name, as the catalog has it.

use std::time::Duration;

use quarrel_model::change_file::FileOrder;
use quarrel_model::ledger::{Ledger, LedgerFrom};
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadPlan, LoadReceipt};
use quarrel_sql::postgres as sql;
use quarrel_sql::replace as replace_sql;
use sqlx::{Connection, PgConnection};

use super::describe::resolve;
use crate::ledger_text::{
    StoredBatch, StoredFence, StoredFile, StoredTable, applied_file, bounds, check_load, held_fence, ledger,
    stored_count,
};
use crate::target::TargetError;

async fn exists(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(sql::LEDGER_EXISTS.text()).fetch_one(connection).await
}

/// Whether the ledger knows full loads, which older versions did not.
async fn is_complete(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(replace_sql::LEDGER_COMPLETE.text()).fetch_one(connection).await
}

/// Creates what is missing of the ledger; side by side with others that do.
pub(super) async fn create(connection: &mut PgConnection) -> Result<(), TargetError> {
    let failed = |source| TargetError::PrepareLedger { source };
    if exists(connection).await.map_err(failed)? && is_complete(connection).await.map_err(failed)? {
        return Ok(());
    }
    let mut tx = connection.begin().await.map_err(failed)?;
    sqlx::query(sql::LEDGER_LOCK_CREATION.text()).execute(&mut *tx).await.map_err(failed)?;
    let has_schema: bool =
        sqlx::query_scalar(sql::LEDGER_SCHEMA_EXISTS.text()).fetch_one(&mut *tx).await.map_err(failed)?;
    if !has_schema {
        sqlx::raw_sql(sql::LEDGER_CREATE_SCHEMA.text()).execute(&mut *tx).await.map_err(failed)?;
    }
    for template in sql::LEDGER_CREATE.iter().chain(&replace_sql::LEDGER_CREATE) {
        sqlx::raw_sql(template.text()).execute(&mut *tx).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)
}

/// Fence, watermark, schema and files, of one snapshot.
pub(super) async fn read(
    connection: &mut PgConnection,
    table: &TableName,
    target: &QualifiedName,
    from: &LedgerFrom,
) -> Result<Ledger, TargetError> {
    let failed = |source| TargetError::ReadLedger { table: table.clone(), source };
    if !exists(connection).await.map_err(failed)? {
        return Ok(Ledger::default());
    }
    let target = target_text(connection, target).await.map_err(failed)?;
    let mut tx = connection.begin_with(sql::BEGIN_SNAPSHOT.text()).await.map_err(failed)?;
    let stored: Option<StoredTable> = sqlx::query_as(sql::LEDGER_READ_TABLE.text())
        .bind(&table.0)
        .bind(&target)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
    let mut ledger = ledger(table, stored)?;
    if is_complete(&mut tx).await.map_err(failed)? {
        let floor: Option<String> = sqlx::query_scalar(replace_sql::READ_FLOOR.text())
            .bind(&table.0)
            .bind(&target)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
        ledger.floor = floor.map(FileOrder::from_stored);
    }
    let (order, sequence) = bounds(from);
    let files: Vec<StoredFile> = sqlx::query_as(sql::LEDGER_READ_FILES.text())
        .bind(&table.0)
        .bind(&target)
        .bind(order)
        .bind(sequence)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    ledger.files = files.into_iter().map(|stored| applied_file(table, stored)).collect::<Result<_, _>>()?;
    Ok(ledger)
}

/// The target as the ledger and the locks name it.
pub(super) async fn target_text(connection: &mut PgConnection, target: &QualifiedName) -> Result<String, sqlx::Error> {
    let resolved = resolve(connection, target).await?;
    Ok(resolved.map_or_else(|| target.to_string(), |resolved| resolved.name.to_string()))
}

/// The key of the lock that serialises loads into a target.
pub(super) fn load_lock(target: &str) -> String {
    format!("quarrel:load:{target}")
}

/// The key of the lock that serialises the staging of large batches for a target.
pub(super) fn staging_lock(target: &str) -> String {
    format!("quarrel:stage:{target}")
}

/// Bounds this transaction's waits for locks.
pub(super) async fn bound_waits(tx: &mut PgConnection, plan: &LoadPlan) -> Result<(), sqlx::Error> {
    bound_waits_by(tx, plan.lock_timeout).await
}

/// Bounds each of this transaction's waits for locks from here on.
pub(super) async fn bound_waits_by(tx: &mut PgConnection, timeout: Duration) -> Result<(), sqlx::Error> {
    // Zero would mean: without end.
    let timeout = format!("{}ms", timeout.as_millis().max(1));
    sqlx::query(sql::SET_LOCK_TIMEOUT.text()).bind(timeout).execute(tx).await?;
    Ok(())
}

/// Waits for loads into the same target, checks the fence, and gives the receipt of the batch if it has been applied.
///
/// A commit whose reply was lost holds the lock until it is done: whoever comes behind it sees its batch.
pub(super) async fn lock_and_check(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    target: &str,
) -> Result<Option<LoadReceipt>, TargetError> {
    let failed = |source| TargetError::ReadLedger { table: plan.table.clone(), source };
    bound_waits(tx, plan).await.map_err(failed)?;
    sqlx::query(sql::WATCH_CLIENT.text()).execute(&mut *tx).await.map_err(failed)?;
    sqlx::query(sql::LEDGER_LOCK_LOADS.text()).bind(load_lock(target)).execute(&mut *tx).await.map_err(failed)?;
    let found: Option<StoredFence> = sqlx::query_as(sql::LEDGER_LOCK_TABLE.text())
        .bind(&plan.table.0)
        .bind(target)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
    let batch: Option<StoredBatch> = sqlx::query_as(sql::LEDGER_READ_BATCH.text())
        .bind(&plan.table.0)
        .bind(target)
        .bind(&plan.batch.0)
        .fetch_optional(tx)
        .await
        .map_err(failed)?;
    check_load(plan, found, batch)
}

/// Writes everything the ledger says of a load.
pub(super) async fn write(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    target: &str,
    receipt: &LoadReceipt,
) -> Result<(), TargetError> {
    let failed = |source| TargetError::Merge { table: plan.target.clone(), batch: plan.batch.clone(), source };
    let fence = held_fence(plan)?;
    let schema = serde_json::to_string(&plan.schema).expect("a schema is names and types, which JSON holds");
    sqlx::query(sql::LEDGER_WRITE_TABLE.text())
        .bind(&plan.table.0)
        .bind(target)
        .bind(fence.epoch.0)
        .bind(&fence.holder)
        .bind(plan.watermark.file.as_str())
        .bind(plan.watermark.sequence.as_ref().map(|sequence| sequence.0.as_str()))
        .bind(schema)
        .bind(&plan.batch.0)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    sqlx::query(sql::LEDGER_WRITE_BATCH.text())
        .bind(&plan.table.0)
        .bind(target)
        .bind(&plan.batch.0)
        .bind(&plan.digest.0)
        .bind(fence.epoch.0)
        .bind(stored_count(receipt.rows))
        .bind(stored_count(receipt.upserts))
        .bind(stored_count(receipt.deletes))
        .bind(stored_count(receipt.quarantined))
        .bind(stored_count(plan.files.len() as u64))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    write_files(tx, plan, target).await.map_err(failed)
}

async fn write_files(tx: &mut PgConnection, plan: &LoadPlan, target: &str) -> Result<(), sqlx::Error> {
    let files = &plan.files;
    let keys: Vec<&str> = files.iter().map(|applied| applied.file.key.as_str()).collect();
    let etags: Vec<Option<&str>> = files.iter().map(|applied| applied.file.etag.as_deref()).collect();
    let sizes: Vec<i64> = files.iter().map(|applied| stored_count(applied.file.size)).collect();
    let orders: Vec<&str> = files.iter().map(|applied| applied.file.order.as_str()).collect();
    let sequences = files.iter().map(|applied| applied.sequences.as_ref());
    let firsts: Vec<Option<&str>> = sequences.clone().map(|range| range.map(|range| range.first.0.as_str())).collect();
    let lasts: Vec<Option<&str>> = sequences.map(|range| range.map(|range| range.last.0.as_str())).collect();
    let rows: Vec<i64> = files.iter().map(|applied| stored_count(applied.rows)).collect();
    sqlx::query(sql::LEDGER_WRITE_FILES.text())
        .bind(&plan.table.0)
        .bind(target)
        .bind(&plan.batch.0)
        .bind(keys)
        .bind(etags)
        .bind(sizes)
        .bind(orders)
        .bind(firsts)
        .bind(lasts)
        .bind(rows)
        .execute(tx)
        .await?;
    Ok(())
}
