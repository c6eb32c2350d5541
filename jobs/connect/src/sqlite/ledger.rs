//! The ledger in a SQLite file: tables `quarrel_ledger_…` beside the copies.

use quarrel_model::change_file::FileOrder;
use quarrel_model::ledger::{AppliedFile, Ledger, LedgerFrom};
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadPlan, LoadReceipt};
use quarrel_sql::replace_sqlite as replace_sql;
use quarrel_sql::sqlite as sql;
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::describe::resolve;
use crate::ledger_text::{
    StoredBatch, StoredFile, StoredTable, applied_file, bounds, check_load, held_fence, ledger, stored_count,
};
use crate::target::TargetError;

/// Begins a transaction that writes.
pub(super) async fn begin(pool: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    pool.begin_with(sql::BEGIN.text()).await
}

/// Creates what is missing of the ledger.
pub(super) async fn create(connection: &mut SqliteConnection) -> Result<(), TargetError> {
    for template in sql::LEDGER_CREATE.iter().chain(&replace_sql::LEDGER_CREATE) {
        let created = sqlx::raw_sql(template.text()).execute(&mut *connection).await;
        created.map_err(|source| TargetError::PrepareLedger { source })?;
    }
    Ok(())
}

pub(super) async fn read(
    pool: &SqlitePool,
    table: &TableName,
    target: &QualifiedName,
    from: &LedgerFrom,
) -> Result<Ledger, TargetError> {
    let failed = |source| TargetError::ReadLedger { table: table.clone(), source };
    let mut connection = pool.acquire().await.map_err(failed)?;
    // One snapshot for the fence, the watermark and the files.
    let mut tx = connection.begin().await.map_err(failed)?;
    if !exists(&mut tx).await.map_err(failed)? {
        return Ok(Ledger::default());
    }
    let target = target_text(&mut tx, target).await.map_err(failed)?;
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
    ledger.files = files(&mut tx, table, &target, from).await?;
    Ok(ledger)
}

pub(super) async fn read_applied(
    pool: &SqlitePool,
    table: &TableName,
    target: &QualifiedName,
    from: &LedgerFrom,
) -> Result<Vec<AppliedFile>, TargetError> {
    let failed = |source| TargetError::ReadLedger { table: table.clone(), source };
    let mut connection = pool.acquire().await.map_err(failed)?;
    if !exists(&mut connection).await.map_err(failed)? {
        return Ok(Vec::new());
    }
    let target = target_text(&mut connection, target).await.map_err(failed)?;
    files(&mut connection, table, &target, from).await
}

async fn exists(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(sql::LEDGER_EXISTS.text()).fetch_one(connection).await
}

/// Whether the ledger knows full loads, which older versions did not.
async fn is_complete(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(replace_sql::LEDGER_COMPLETE.text()).fetch_one(connection).await
}

/// The target as the ledger names it: by the name its table was created with.
pub(super) async fn target_text(
    connection: &mut SqliteConnection,
    target: &QualifiedName,
) -> Result<String, sqlx::Error> {
    let resolved = resolve(connection, target).await?;
    let name = resolved.map_or_else(|| target.name.clone(), |(name, _)| name);
    Ok(QualifiedName { schema: None, name }.to_string())
}

async fn files(
    connection: &mut SqliteConnection,
    table: &TableName,
    target: &str,
    from: &LedgerFrom,
) -> Result<Vec<AppliedFile>, TargetError> {
    let (order, sequence) = bounds(from);
    let stored: Vec<StoredFile> = sqlx::query_as(sql::LEDGER_READ_FILES.text())
        .bind(&table.0)
        .bind(target)
        .bind(order)
        .bind(sequence)
        .fetch_all(connection)
        .await
        .map_err(|source| TargetError::ReadLedger { table: table.clone(), source })?;
    stored.into_iter().map(|stored| applied_file(table, stored)).collect()
}

/// Checks the fence, and gives the receipt of the batch if it has been applied.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    plan: &LoadPlan,
) -> Result<Option<LoadReceipt>, TargetError> {
    let failed = |source| TargetError::ReadLedger { table: plan.table.clone(), source };
    let target = target_text(connection, &plan.target).await.map_err(failed)?;
    let stored: Option<StoredTable> = sqlx::query_as(sql::LEDGER_READ_TABLE.text())
        .bind(&plan.table.0)
        .bind(&target)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
    let found = stored.map(|(epoch, holder, _, _, _, last_batch)| (epoch, holder, last_batch));
    let batch: Option<StoredBatch> = sqlx::query_as(sql::LEDGER_READ_BATCH.text())
        .bind(&plan.table.0)
        .bind(&target)
        .bind(&plan.batch.0)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    check_load(plan, found, batch)
}

/// Writes everything the ledger says of a load.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    plan: &LoadPlan,
    receipt: &LoadReceipt,
) -> Result<(), TargetError> {
    let failed = |source| TargetError::Merge { table: plan.target.clone(), batch: plan.batch.clone(), source };
    let fence = held_fence(plan)?;
    let target = target_text(connection, &plan.target).await.map_err(failed)?;
    let schema = serde_json::to_string(&plan.schema).expect("a schema is names and types, which JSON holds");
    sqlx::query(sql::LEDGER_WRITE_TABLE.text())
        .bind(&plan.table.0)
        .bind(&target)
        .bind(fence.epoch.0)
        .bind(&fence.holder)
        .bind(plan.watermark.file.as_str())
        .bind(plan.watermark.sequence.as_ref().map(|sequence| sequence.0.as_str()))
        .bind(&schema)
        .bind(&plan.batch.0)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    sqlx::query(sql::LEDGER_WRITE_BATCH.text())
        .bind(&plan.table.0)
        .bind(&target)
        .bind(&plan.batch.0)
        .bind(&plan.digest.0)
        .bind(fence.epoch.0)
        .bind(stored_count(receipt.rows))
        .bind(stored_count(receipt.upserts))
        .bind(stored_count(receipt.deletes))
        .bind(stored_count(receipt.quarantined))
        .bind(stored_count(plan.files.len() as u64))
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    for applied in &plan.files {
        sqlx::query(sql::LEDGER_WRITE_FILE.text())
            .bind(&plan.table.0)
            .bind(&target)
            .bind(&plan.batch.0)
            .bind(&applied.file.key)
            .bind(applied.file.etag.as_deref())
            .bind(stored_count(applied.file.size))
            .bind(applied.file.order.as_str())
            .bind(applied.sequences.as_ref().map(|sequences| sequences.first.0.as_str()))
            .bind(applied.sequences.as_ref().map(|sequences| sequences.last.0.as_str()))
            .bind(stored_count(applied.rows))
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    Ok(())
}
