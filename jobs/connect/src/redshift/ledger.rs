//! The ledger in a Redshift target: schema `quarrel`.
//!
//! A table of the ledger is known by its name in the configuration and its target's qualified name, as the catalog has it. No
//! key is enforced: entries are replaced under the lock that serialises loads.

use std::time::Duration;

use quarrel_model::ledger::{AppliedFile, Ledger, LedgerFrom};
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadPlan, LoadReceipt};
use quarrel_sql::redshift as sql;
use quarrel_sql::redshift::{LedgerFileRow, LedgerKey, LedgerTableRow};
use quarrel_sql::{RenderError, Sql};
use sqlx::{Connection, FromRow, PgConnection};

use super::describe::full_name;
use super::statements::{execute, execute_text, fetch, fetch_one};
use crate::database_error::is_statement_timeout;
use crate::ledger_text::{
    StoredBatch, StoredFile, StoredTable, applied_file, bounds, check_load, held_fence, ledger, stored_count,
};
use crate::target::TargetError;

/// Creating what another creates fails; a few of those who do it at once may fail several times.
const CREATE_ATTEMPTS_MAX: u32 = 10;
const CREATE_PAUSE: Duration = Duration::from_millis(50);
/// Files named by one statement: far below Redshift's limit of 16 MB, keys of a kilobyte assumed.
const FILES_PER_STATEMENT: usize = 500;

/// Fence, watermark, last batch, and the schema's pieces, as a row of the ledger has them.
type TableRow = (
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

pub(super) async fn exists(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let tables: i64 = fetch_one(connection, sql::LEDGER_EXISTS.text()).await?;
    Ok(tables == sql::LEDGER_TABLES)
}

/// Creates what is missing of the ledger; side by side with others that do.
pub(super) async fn create(connection: &mut PgConnection) -> Result<(), TargetError> {
    let failed = |source| TargetError::PrepareLedger { source };
    let mut attempt = 1;
    while !exists(connection).await.map_err(failed)? {
        match create_once(connection).await {
            Ok(()) => {}
            Err(error) if attempt >= CREATE_ATTEMPTS_MAX => return Err(failed(error)),
            Err(_) => tokio::time::sleep(CREATE_PAUSE * attempt).await,
        }
        attempt += 1;
    }
    Ok(())
}

async fn create_once(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for template in sql::LEDGER_CREATE {
        execute_text(connection, template.text()).await?;
    }
    Ok(())
}

/// The target as the ledger names it.
pub(super) async fn target_text(connection: &mut PgConnection, target: &QualifiedName) -> Result<String, sqlx::Error> {
    Ok(full_name(connection, target).await?.to_string())
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
    let name = target_text(connection, target).await.map_err(failed)?;
    let render = |source| TargetError::Render { table: target.clone(), source };
    let key = LedgerKey { table: &table.0, target: &name };
    let mut tx = connection.begin().await.map_err(failed)?;
    let stored = read_table(&mut tx, key, &failed, &render).await?;
    let mut ledger = ledger(table, stored)?;
    let (order, sequence) = bounds(from);
    let query = sql::read_ledger_files(key, order, sequence).map_err(render)?;
    let files: Vec<StoredFile> = fetch(&mut tx, &query).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    ledger.files = files.into_iter().map(|stored| applied_file(table, stored)).collect::<Result<_, _>>()?;
    Ok(ledger)
}

async fn read_table(
    connection: &mut PgConnection,
    key: LedgerKey<'_>,
    failed: &(impl Fn(sqlx::Error) -> TargetError + Sync),
    render: &(impl Fn(RenderError) -> TargetError + Sync),
) -> Result<Option<StoredTable>, TargetError> {
    let query = sql::read_ledger_table(key).map_err(render)?;
    let rows: Vec<TableRow> = fetch(connection, &query).await.map_err(failed)?;
    Ok(rows.into_iter().next().map(|(epoch, holder, file, sequence, last_batch, a, b, c, d, e)| {
        let pieces: Vec<String> = [a, b, c, d, e].into_iter().flatten().collect();
        let schema = (!pieces.is_empty()).then(|| pieces.concat());
        (epoch, holder, file, sequence, schema, last_batch)
    }))
}

/// How a load stands once it has the lock.
pub(super) enum Checked {
    /// An earlier attempt has committed.
    Applied(LoadReceipt),
    /// It may go on; the watermark as it is.
    Free { file: Option<String>, sequence: Option<String> },
}

/// Waits for other loads, checks the fence, and gives the receipt of the batch if it has been applied. As the first thing in
/// its transaction: what is read is as of after the wait.
///
/// A commit whose reply was lost holds the lock until it is done: whoever comes behind it sees its batch.
pub(super) async fn lock_and_check(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    target: &str,
) -> Result<Checked, TargetError> {
    let failed = |source| TargetError::ReadLedger { table: plan.table.clone(), source };
    let render = |source| TargetError::Render { table: plan.target.clone(), source };
    let milliseconds = i64::try_from(plan.lock_timeout.as_millis()).unwrap_or(i64::MAX).max(1);
    let bound = sql::set_statement_timeout(milliseconds).map_err(render)?;
    execute(tx, &bound).await.map_err(failed)?;
    execute_text(tx, sql::LEDGER_LOCK.text()).await.map_err(|source| {
        if is_statement_timeout(&source) {
            // Who that is, is asked once this transaction is over.
            let blocker = "another session holds quarrel.load_lock".to_owned();
            return TargetError::Locked { table: plan.target.clone(), blocker, source };
        }
        failed(source)
    })?;
    execute_text(tx, sql::RESET_STATEMENT_TIMEOUT.text()).await.map_err(failed)?;
    let key = LedgerKey { table: &plan.table.0, target };
    let stored = read_table(tx, key, &failed, &render).await?;
    let query = sql::read_ledger_batch(key, &plan.batch.0).map_err(render)?;
    let batches: Vec<StoredBatch> = fetch(tx, &query).await.map_err(failed)?;
    let (fence, watermark) = match stored {
        Some((epoch, holder, file, sequence, _, last_batch)) => (Some((epoch, holder, last_batch)), (file, sequence)),
        None => (None, (None, None)),
    };
    Ok(match check_load(plan, fence, batches.into_iter().next())? {
        Some(receipt) => Checked::Applied(receipt),
        None => Checked::Free { file: watermark.0, sequence: watermark.1 },
    })
}

/// Who holds the lock of loads, as far as this account can see.
pub(super) async fn find_blocker(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let rows = sqlx::raw_sql(sql::FIND_BLOCKER.text()).fetch_all(connection).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (pid, owner, since) = <(i64, String, String)>::from_row(row)?;
    Ok(Some(format!("process {pid} ({owner}, in its transaction since {since}) holds quarrel.load_lock")))
}

/// Writes everything the ledger says of a load. `watermark` is the one before it, which is not left behind.
pub(super) async fn write(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    target: &str,
    receipt: &LoadReceipt,
    watermark: (Option<String>, Option<String>),
) -> Result<(), TargetError> {
    let failed = |source| TargetError::Merge { table: plan.target.clone(), batch: plan.batch.clone(), source };
    for statement in statements(plan, target, receipt, watermark)? {
        execute(tx, &statement).await.map_err(failed)?;
    }
    Ok(())
}

fn statements(
    plan: &LoadPlan,
    target: &str,
    receipt: &LoadReceipt,
    (file, sequence): (Option<String>, Option<String>),
) -> Result<Vec<Sql>, TargetError> {
    let render = |source| TargetError::Render { table: plan.target.clone(), source };
    let fence = held_fence(plan)?;
    let key = LedgerKey { table: &plan.table.0, target };
    let schema = serde_json::to_string(&plan.schema).expect("a schema is names and types, which JSON holds");
    let pieces = pieces(&schema);
    if pieces.len() > sql::SCHEMA_PIECES {
        let why = format!("the ledger can't hold the description of its columns, {} bytes", schema.len());
        return Err(TargetError::Refused { table: plan.target.clone(), what: "a load", why });
    }
    let new = &plan.watermark;
    let file = file.as_deref().map_or(new.file.as_str(), |held| held.max(new.file.as_str()));
    let sequence = sequence.as_deref().max(new.sequence.as_ref().map(|sequence| sequence.0.as_str()));
    let row = LedgerTableRow {
        epoch: fence.epoch.0,
        holder: &fence.holder,
        watermark_file: file,
        watermark_sequence: sequence,
        last_batch: &plan.batch.0,
        schema_pieces: &pieces,
    };
    let mut statements: Vec<Sql> = sql::write_ledger_table(key, &row).map_err(render)?.into();
    let counts = [receipt.rows, receipt.upserts, receipt.deletes, receipt.quarantined, plan.files.len() as u64];
    let batch = sql::write_ledger_batch(key, &plan.batch.0, &plan.digest.0, fence.epoch.0, counts.map(stored_count));
    statements.push(batch.map_err(render)?);
    for files in plan.files.chunks(FILES_PER_STATEMENT) {
        let rows: Vec<LedgerFileRow<'_>> = files.iter().map(file_row).collect();
        statements.extend(sql::write_ledger_files(key, &plan.batch.0, &rows).map_err(render)?);
    }
    Ok(statements)
}

fn file_row(applied: &AppliedFile) -> LedgerFileRow<'_> {
    LedgerFileRow {
        key: &applied.file.key,
        etag: applied.file.etag.as_deref(),
        size: stored_count(applied.file.size),
        order: applied.file.order.as_str(),
        sequence_first: applied.sequences.as_ref().map(|range| range.first.0.as_str()),
        sequence_last: applied.sequences.as_ref().map(|range| range.last.0.as_str()),
        rows: stored_count(applied.rows),
    }
}

/// Cuts a text at characters' ends into pieces that a VARCHAR holds.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(sql::SCHEMA_PIECE_BYTES_MAX));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = format!("{}é{}", "x".repeat(65_534), "y".repeat(70_000));
        let found = pieces(&text);
        assert_eq!(found.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [65_534, 65_535, 4_467]);
        assert_eq!(found.concat(), text);
        assert_eq!(pieces(""), [""; 0]);
    }
}
