//! Replacing a SQLite table whole: rows are loaded into a table beside it, part by part, and exchanged in one transaction.
//!
//! The table itself stays, and with it indexes, views and whatever names it: SQLite has no other way to keep them all. Readers
//! see the old rows until the commit, and then the new ones.
//!
//! # Invariants
//! - Nothing touches the target before the exchange.
//! - A part commits with its record, one at a time: a SQLite file has one writer.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures::StreamExt;
use quarrel_model::names::QualifiedName;
use quarrel_model::replace::{PartReceipt, ReplacePlan, ReplaceReceipt};
use quarrel_model::target::LoadOutcome;
use quarrel_sql::Sql;
use quarrel_sql::replace_sqlite as sql;
use quarrel_sql::sqlite as sqlite_sql;
use sha2::{Digest, Sha256};
use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio_util::sync::CancellationToken;

use super::describe::resolve;
use super::load::{Staging, insert};
use super::{SqliteTarget, ledger};
use crate::backoff::pause_before_next;
use crate::database_error::is_busy;
use crate::fail_point;
use crate::ledger_text::{StoredBatch, StoredTable, check_replace, recorded_part, replace_fence, stored_count};
use crate::reduced::ReducedRows as _;
use crate::replace::part_rows::{PartRows, part_plan};
use crate::replace::{Beside, CopyParts, Replace, ReplaceError};
use crate::rows::Layout;
use crate::statement::statement;
use crate::target::{Load, TargetError};

#[async_trait]
impl Replace for SqliteTarget {
    async fn refusals(&self, target: &QualifiedName) -> Result<Vec<String>, ReplaceError> {
        let failed = |source| TargetError::Describe { table: target.clone(), source };
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let found = resolve(&mut connection, target).await.map_err(failed)?;
        let (name, kind) = found.ok_or_else(|| ReplaceError::NoTable { table: target.clone() })?;
        if kind != "table" {
            return Ok(vec![format!("it is a {kind}")]);
        }
        Ok(triggers(&mut connection, &name).await.map_err(failed)?)
    }

    async fn open_beside(&self, plan: &ReplacePlan) -> Result<Beside, ReplaceError> {
        let _turn = self.loading.lock().await;
        let mut attempt = 1;
        let beside = loop {
            match open(self, plan).await {
                Ok(beside) => break beside,
                Err(error) => wait_to_retry(plan, &CancellationToken::new(), attempt, error).await?,
            }
            attempt += 1;
        };
        fail_point::hit("replace_opened");
        Ok(beside)
    }

    async fn copy_parts(&self, copy: CopyParts<'_>) -> Result<Vec<PartReceipt>, ReplaceError> {
        let mut receipts = Vec::with_capacity(copy.rows.parts());
        for part in 0..copy.rows.parts() {
            let _turn = self.loading.lock().await;
            let mut attempt = 1;
            let receipt = loop {
                let copied = tokio::select! {
                    biased;
                    () = copy.cancel.cancelled() => Err(cancelled(copy.plan)),
                    copied = copy_part(self, &copy, part) => copied,
                };
                match copied {
                    Ok(receipt) => break receipt,
                    Err(error) => wait_to_retry(copy.plan, &copy.cancel, attempt, error).await?,
                }
                attempt += 1;
            };
            fail_point::hit("part_committed");
            receipts.push(receipt);
        }
        Ok(receipts)
    }

    async fn finish(
        &self,
        plan: &ReplacePlan,
        expected_rows: u64,
        cancel: &CancellationToken,
    ) -> Result<ReplaceReceipt, ReplaceError> {
        let _turn = self.loading.lock().await;
        let mut attempt = 1;
        loop {
            let finished = tokio::select! {
                biased;
                () = cancel.cancelled() => Err(cancelled(plan)),
                exchanged = exchange(self, plan, expected_rows) => exchanged,
            };
            let error = match finished {
                Ok(Exchanged::Applied(receipt)) => return Ok(receipt),
                Ok(Exchanged::Ready(tx, receipt)) => match commit(tx, plan).await {
                    Ok(()) => return Ok(receipt),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            wait_to_retry(plan, cancel, attempt, error).await?;
            attempt += 1;
        }
    }

    async fn abandon(&self, plan: &ReplacePlan) -> Result<(), ReplaceError> {
        let failed = |source| ReplaceError::Open { table: plan.target.clone(), source };
        let _turn = self.loading.lock().await;
        let mut tx = begin(self, plan).await?;
        ledger::create(&mut tx).await?;
        let place = Place::find(&mut tx, plan).await?;
        check(&mut tx, plan, &place).await?;
        let text = sql::drop(&place.beside).map_err(|source| render_failed(plan, source))?;
        sqlx::raw_sql(statement(&text)).execute(&mut *tx).await.map_err(failed)?;
        forget_parts(&mut tx, &place, None).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

/// Where a load takes place.
struct Place {
    /// The target by the name it was created with.
    target: String,
    /// The target as the ledger names it.
    text: String,
    beside: String,
}

impl Place {
    async fn find(connection: &mut SqliteConnection, plan: &ReplacePlan) -> Result<Place, ReplaceError> {
        let failed = |source| TargetError::Describe { table: plan.target.clone(), source };
        let found = resolve(connection, &plan.target).await.map_err(failed)?;
        let (target, _) = found.ok_or_else(|| ReplaceError::NoTable { table: plan.target.clone() })?;
        let text = ledger::target_text(connection, &plan.target).await.map_err(failed)?;
        let beside = format!("{}{}", prefix(&text), digits(&plan.load.0, 6));
        Ok(Place { target, text, beside })
    }
}

/// Names of the tables that are loaded for one target begin alike, so that leftovers are found.
fn prefix(target: &str) -> String {
    format!("quarrel_load_{}_", digits(target, 8))
}

fn digits(text: &str, bytes: usize) -> String {
    Sha256::digest(text).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

async fn wait_to_retry(
    plan: &ReplacePlan,
    cancel: &CancellationToken,
    attempt: u32,
    error: ReplaceError,
) -> Result<(), ReplaceError> {
    let Some(pause) = pause_before_next(attempt, &error.retry()) else { return Err(error) };
    tokio::select! {
        () = cancel.cancelled() => Err(cancelled(plan)),
        () = tokio::time::sleep(pause) => Ok(()),
    }
}

async fn begin(target: &SqliteTarget, plan: &ReplacePlan) -> Result<Transaction<'static, Sqlite>, ReplaceError> {
    ledger::begin(&target.pool).await.map_err(|source| {
        if is_busy(&source) {
            let blocker = "another connection is writing to the file".to_owned();
            return TargetError::Locked { table: plan.target.clone(), blocker, source }.into();
        }
        ReplaceError::Open { table: plan.target.clone(), source }
    })
}

async fn triggers(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(sql::TRIGGERS.text()).bind(table).fetch_all(connection).await?;
    Ok(names.into_iter().map(|name| format!("trigger {name}")).collect())
}

/// Checks the fence, and gives the receipt of the load if its rows are in the target.
async fn check(
    tx: &mut SqliteConnection,
    plan: &ReplacePlan,
    place: &Place,
) -> Result<Option<ReplaceReceipt>, ReplaceError> {
    let failed = |source| TargetError::ReadLedger { table: plan.table.clone(), source };
    let stored: Option<StoredTable> = sqlx::query_as(sqlite_sql::LEDGER_READ_TABLE.text())
        .bind(&plan.table.0)
        .bind(&place.text)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
    let found = stored.map(|(epoch, holder, _, _, _, last_batch)| (epoch, holder, last_batch));
    let applied: Option<StoredBatch> = sqlx::query_as(sqlite_sql::LEDGER_READ_BATCH.text())
        .bind(&plan.table.0)
        .bind(&place.text)
        .bind(&plan.load.0)
        .fetch_optional(tx)
        .await
        .map_err(failed)?;
    Ok(check_replace(plan, found, applied)?)
}

async fn read_parts(
    tx: &mut SqliteConnection,
    plan: &ReplacePlan,
    place: &Place,
) -> Result<Vec<PartReceipt>, ReplaceError> {
    let found: Vec<(String, i64, i64)> = sqlx::query_as(sql::READ_PARTS.text())
        .bind(&place.text)
        .bind(&plan.load.0)
        .fetch_all(tx)
        .await
        .map_err(|source| TargetError::ReadLedger { table: plan.table.clone(), source })?;
    Ok(found.into_iter().map(|part| recorded_part(&plan.table, part)).collect::<Result<_, _>>()?)
}

async fn forget_parts(tx: &mut SqliteConnection, place: &Place, kept: Option<&str>) -> Result<(), sqlx::Error> {
    sqlx::query(sql::FORGET_PARTS.text()).bind(&place.text).bind(kept).execute(tx).await.map(|_| ())
}

async fn open(target: &SqliteTarget, plan: &ReplacePlan) -> Result<Beside, ReplaceError> {
    let failed = |source| ReplaceError::Open { table: plan.target.clone(), source };
    let render_failed = |source| render_failed(plan, source);
    let mut tx = begin(target, plan).await?;
    ledger::create(&mut tx).await?;
    let place = Place::find(&mut tx, plan).await?;
    let name = QualifiedName { schema: None, name: place.beside.clone() };
    if check(&mut tx, plan, &place).await?.is_some() {
        return Ok(Beside { name, recorded: Vec::new(), already_applied: true });
    }
    let objects = triggers(&mut tx, &place.target).await.map_err(failed)?;
    if !objects.is_empty() {
        return Err(ReplaceError::Refused { table: plan.target.clone(), objects });
    }
    let columns: Vec<&str> = plan.columns.iter().map(|column| column.target.name.as_str()).collect();
    let there: Vec<String> =
        sqlx::query_scalar(sql::COLUMN_NAMES.text()).bind(&place.beside).fetch_all(&mut *tx).await.map_err(failed)?;
    let is_kept = there == columns;
    let leftovers: Vec<String> = sqlx::query_scalar(sql::LEFTOVERS.text())
        .bind(prefix(&place.text))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
    for leftover in leftovers.into_iter().filter(|leftover| !is_kept || *leftover != place.beside) {
        let text = sql::drop(&leftover).map_err(render_failed)?;
        sqlx::raw_sql(statement(&text)).execute(&mut *tx).await.map_err(failed)?;
    }
    forget_parts(&mut tx, &place, is_kept.then_some(plan.load.0.as_str())).await.map_err(failed)?;
    if !is_kept {
        let text = sql::create(&place.beside, columns).map_err(render_failed)?;
        sqlx::raw_sql(statement(&text)).execute(&mut *tx).await.map_err(failed)?;
    }
    let recorded = read_parts(&mut tx, plan, &place).await?;
    tx.commit().await.map_err(failed)?;
    Ok(Beside { name, recorded, already_applied: false })
}

async fn copy_part(target: &SqliteTarget, copy: &CopyParts<'_>, part: usize) -> Result<PartReceipt, ReplaceError> {
    let plan = copy.plan;
    let name = copy.rows.part_name(part);
    let failed =
        |source| ReplaceError::Copy { table: plan.target.clone(), load: plan.load.clone(), part: name.clone(), source };
    let mut tx = begin(target, plan).await?;
    let place = Place::find(&mut tx, plan).await?;
    if let Some(recorded) = read_parts(&mut tx, plan, &place).await?.into_iter().find(|found| found.part == name) {
        return Ok(recorded);
    }
    let quarantine_failed = |source| TargetError::Quarantine { batch: plan.load.batch(), source };
    let quarantine = copy.quarantine.of_part(part);
    quarantine.restart().await.map_err(quarantine_failed)?;
    let part_plan = part_plan(plan);
    let rows = Arc::new(PartRows::new(Arc::clone(&copy.rows), part));
    let load = Load { plan: &part_plan, rows: rows.clone(), quarantine, cancel: copy.cancel.clone() };
    let layout = Layout::of(&part_plan, &rows.schema(), &plan.columns)?;
    let staging = Staging { load: &load, columns: &plan.columns, layout };
    let columns = plan.columns.len();
    let reduced_failed = |source| TargetError::Reduced { batch: plan.load.batch(), source };
    let mut receipt = PartReceipt { part: name.clone(), rows: 0, quarantined: 0 };
    let mut batches = rows.open(0).await.map_err(reduced_failed)?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(reduced_failed)?;
        let staged = staging.read(&batch)?;
        if !staged.quarantined.is_empty() {
            load.quarantine.keep(&batch, &staged.quarantined).await.map_err(quarantine_failed)?;
        }
        receipt.rows += (staged.upserts.len() / columns) as u64;
        receipt.quarantined += staged.quarantined.len() as u64;
        let statement_of = |rows| sql::insert_part(&place.beside, columns, rows);
        insert(&mut tx, &part_plan, statement_of, columns, &staged.upserts).await?;
    }
    fail_point::hit("part_copied");
    sqlx::query(sql::WRITE_PART.text())
        .bind(&place.text)
        .bind(&plan.load.0)
        .bind(&receipt.part)
        .bind(stored_count(receipt.rows))
        .bind(stored_count(receipt.quarantined))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    fail_point::hit("part_recorded");
    tx.commit().await.map_err(failed)?;
    Ok(receipt)
}

enum Exchanged {
    /// An earlier attempt has committed.
    Applied(ReplaceReceipt),
    Ready(Transaction<'static, Sqlite>, ReplaceReceipt),
}

/// Everything but the commit.
async fn exchange(target: &SqliteTarget, plan: &ReplacePlan, expected_rows: u64) -> Result<Exchanged, ReplaceError> {
    let failed = |source| ReplaceError::Swap { table: plan.target.clone(), source };
    let render_failed = |source| render_failed(plan, source);
    let begun = Instant::now();
    let mut tx = begin(target, plan).await?;
    ledger::create(&mut tx).await?;
    let place = Place::find(&mut tx, plan).await?;
    if let Some(receipt) = check(&mut tx, plan, &place).await? {
        return Ok(Exchanged::Applied(receipt));
    }
    let columns = plan.columns.iter().map(|column| column.target.name.as_str());
    let there: Vec<String> =
        sqlx::query_scalar(sql::COLUMN_NAMES.text()).bind(&place.beside).fetch_all(&mut *tx).await.map_err(failed)?;
    if there.is_empty() {
        return Err(ReplaceError::NotOpen { table: plan.target.clone() });
    }
    let objects = triggers(&mut tx, &place.target).await.map_err(failed)?;
    if !objects.is_empty() {
        return Err(ReplaceError::Refused { table: plan.target.clone(), objects });
    }
    let text = sql::count_rows(&place.beside).map_err(render_failed)?;
    let count: i64 = sqlx::query_scalar(statement(&text)).fetch_one(&mut *tx).await.map_err(failed)?;
    let rows = u64::try_from(count).expect("a count is not negative");
    if rows != expected_rows {
        return Err(ReplaceError::RowCount { table: plan.target.clone(), expected: expected_rows, found: rows });
    }
    let parts = read_parts(&mut tx, plan, &place).await?;
    fail_point::hit("replace_built");
    let steps: [Sql; 3] = [
        sql::delete_rows(&place.target).map_err(render_failed)?,
        sql::insert_rows(&place.target, &place.beside, columns).map_err(render_failed)?,
        sql::drop(&place.beside).map_err(render_failed)?,
    ];
    for text in &steps {
        sqlx::raw_sql(statement(text)).execute(&mut *tx).await.map_err(failed)?;
    }
    fail_point::hit("replace_swapped");
    write_ledger(&mut tx, plan, &place, &parts, rows).await?;
    fail_point::hit("replace_ledger_written");
    let swap_seconds = begun.elapsed().as_secs_f64();
    let receipt = ReplaceReceipt { outcome: LoadOutcome::Applied, rows, build_seconds: 0.0, swap_seconds };
    Ok(Exchanged::Ready(tx, receipt))
}

/// Starts the ledger of the table anew from this load.
async fn write_ledger(
    tx: &mut SqliteConnection,
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
    sqlx::query(sqlite_sql::LEDGER_WRITE_BATCH.text())
        .bind(&plan.table.0)
        .bind(&place.text)
        .bind(&plan.load.0)
        .bind(&plan.load.0)
        .bind(fence.epoch.0)
        .bind(stored_count(rows))
        .bind(stored_count(rows))
        .bind(0_i64)
        .bind(stored_count(parts.iter().map(|part| part.quarantined).sum()))
        .bind(stored_count(parts.len() as u64))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    forget_parts(tx, place, None).await.map_err(failed)
}

async fn commit(tx: Transaction<'static, Sqlite>, plan: &ReplacePlan) -> Result<(), ReplaceError> {
    fail_point::hit("replace_commit_before");
    tx.commit().await.map_err(|source| ReplaceError::Commit {
        table: plan.target.clone(),
        load: plan.load.clone(),
        source,
    })?;
    fail_point::hit("replace_commit_after");
    Ok(())
}

fn cancelled(plan: &ReplacePlan) -> ReplaceError {
    ReplaceError::Cancelled { table: plan.table.clone() }
}

fn render_failed(plan: &ReplacePlan, source: quarrel_sql::RenderError) -> ReplaceError {
    TargetError::Render { table: plan.target.clone(), source }.into()
}
