//! One attempt at a load into SQLite: everything in one transaction.
//!
//! # Invariants
//! - The lock on the file is taken before the ledger is read: nobody else can apply the batch in between.
//! - A load that is cancelled or dropped has not begun its COMMIT.

use std::time::Instant;

use arrow::array::{Array, RecordBatch};
use futures::StreamExt;
use quarrel_model::bad_value::BadValuePolicy;
use quarrel_model::target::{LoadColumn, LoadOutcome, LoadPlan, LoadReceipt};
use quarrel_sql::fragment::CatalogType;
use quarrel_sql::sqlite as sql;
use quarrel_sql::sqlite::{KeyIndex, Merge, MergeColumn, Stage};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool};

use super::ledger;
use super::value::{Reader, SqliteColumn, Value, column_type, reader};
use crate::database_error::is_busy;
use crate::fail_point;
use crate::reduced::BadRow;
use crate::rows::{Fault, Layout, Operation, loaded_columns, takes_null};
use crate::statement::statement;
use crate::target::{Load, TargetError};

/// SQLite takes 32,766 values a statement.
const VALUES_MAX: usize = 32_766;
/// More rows a statement than this make it no quicker.
const ROWS_PER_STATEMENT_MAX: usize = 100;

/// Applies the batch, or finds that it has been applied.
pub(super) async fn attempt(pool: &SqlitePool, load: &Load<'_>) -> Result<LoadReceipt, TargetError> {
    let plan = load.plan;
    let mut connection = pool.acquire().await.map_err(|source| merge_failed(plan, source))?;
    let work = async {
        let wait = i64::try_from(plan.lock_timeout.as_millis()).unwrap_or(i64::MAX);
        let wait = sql::set_busy_timeout(wait).map_err(|source| render_failed(plan, source))?;
        sqlx::raw_sql(statement(&wait)).execute(&mut *connection).await.map_err(|source| merge_failed(plan, source))?;
        let mut tx = connection.begin_with(sql::BEGIN.text()).await.map_err(|source| begin_failed(plan, source))?;
        let receipt = prepare(&mut tx, load).await?;
        Ok::<_, TargetError>((tx, receipt))
    };
    let (tx, receipt) = tokio::select! {
        biased;
        () = load.cancel.cancelled() => return Err(TargetError::Cancelled { batch: plan.batch.clone() }),
        done = work => done?,
    };
    fail_point::hit("commit_before");
    tx.commit().await.map_err(|source| TargetError::Commit {
        table: plan.target.clone(),
        batch: plan.batch.clone(),
        source,
    })?;
    fail_point::hit("commit_after");
    Ok(receipt)
}

/// Everything but the commit.
async fn prepare(tx: &mut SqliteConnection, load: &Load<'_>) -> Result<LoadReceipt, TargetError> {
    let plan = load.plan;
    ledger::create(tx).await?;
    if let Some(receipt) = ledger::check(tx, plan).await? {
        return Ok(receipt);
    }
    fail_point::hit("load_begin");
    let quarantine_failed = |source| TargetError::Quarantine { batch: plan.batch.clone(), source };
    load.quarantine.restart().await.map_err(quarantine_failed)?;
    let columns = loaded_columns(plan, column_type)?;
    let merge = Merge {
        target: plan.target.name.clone(),
        columns: columns
            .iter()
            .map(|column| MergeColumn { target: column.target.name.clone(), in_key: column.in_key })
            .collect(),
    };
    let begun = Instant::now();
    let mut receipt = LoadReceipt {
        outcome: LoadOutcome::Applied,
        rows: 0,
        upserts: 0,
        deletes: 0,
        quarantined: 0,
        stage_seconds: 0.0,
        merge_seconds: 0.0,
    };
    if load.rows.rows() > 0 {
        stage(tx, load, &columns, &merge, &mut receipt).await?;
    }
    receipt.stage_seconds = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    fail_point::hit("merge_begin");
    add_columns(tx, plan, &merge).await?;
    if receipt.rows > 0 {
        apply(tx, plan, &merge, &receipt).await?;
    }
    fail_point::hit("merge_done");
    receipt.merge_seconds = begun.elapsed().as_secs_f64();
    ledger::write(tx, plan, &receipt).await?;
    fail_point::hit("ledger_written");
    Ok(receipt)
}

async fn stage(
    tx: &mut SqliteConnection,
    load: &Load<'_>,
    columns: &[LoadColumn],
    merge: &Merge,
    receipt: &mut LoadReceipt,
) -> Result<(), TargetError> {
    let plan = load.plan;
    fail_point::hit("stage_begin");
    for stage in [Stage::Upserts, Stage::Deletes] {
        let dropped = sql::drop_stage(stage).map_err(|source| render_failed(plan, source))?;
        execute(tx, plan, &dropped).await?;
        let created = merge.create_stage(stage).map_err(|source| render_failed(plan, source))?;
        execute(tx, plan, &created).await?;
    }
    let layout = Layout::of(plan, &load.rows.schema(), columns)?;
    let reduced_failed = |source| TargetError::Reduced { batch: plan.batch.clone(), source };
    let staging = Staging { load, columns, layout };
    for part in 0..load.rows.parts() {
        let mut batches = load.rows.open(part).await.map_err(reduced_failed)?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(reduced_failed)?;
            let staged = staging.read(&batch)?;
            if !staged.quarantined.is_empty() {
                let kept = load.quarantine.keep(&batch, &staged.quarantined).await;
                kept.map_err(|source| TargetError::Quarantine { batch: plan.batch.clone(), source })?;
            }
            receipt.rows += batch.num_rows() as u64;
            receipt.upserts += (staged.upserts.len() / columns.len()) as u64;
            receipt.quarantined += staged.quarantined.len() as u64;
            let key_columns = plan.key().count();
            receipt.deletes += (staged.deletes.len() / key_columns) as u64;
            let into = |stage, columns| move |rows| sql::insert_stage(stage, columns, rows);
            insert(tx, plan, into(Stage::Upserts, columns.len()), columns.len(), &staged.upserts).await?;
            insert(tx, plan, into(Stage::Deletes, key_columns), key_columns, &staged.deletes).await?;
        }
    }
    fail_point::hit("stage_copied");
    Ok(())
}

/// What reads batches for staging.
pub(super) struct Staging<'a> {
    pub(super) load: &'a Load<'a>,
    pub(super) columns: &'a [LoadColumn],
    pub(super) layout: Layout,
}

/// One batch, ready to be sent: values row by row.
#[derive(Default)]
pub(super) struct Staged {
    pub(super) upserts: Vec<Value>,
    deletes: Vec<Value>,
    pub(super) quarantined: Vec<BadRow>,
}

impl Staging<'_> {
    pub(super) fn read(&self, batch: &RecordBatch) -> Result<Staged, TargetError> {
        let (table, rows) = (&self.load.plan.target, self.load.rows.as_ref());
        let readers = self.readers(batch)?;
        let mut staged = Staged::default();
        for (row, operation) in self.layout.operations(batch, table, rows)?.into_iter().enumerate() {
            match self.read_row(batch, &readers, row, operation) {
                Ok(values) => match operation {
                    Operation::Upsert => staged.upserts.extend(values),
                    Operation::Delete => staged.deletes.extend(values),
                },
                Err(fault) if self.columns[fault.column].on_bad_value == BadValuePolicy::Quarantine => {
                    let column = self.columns[fault.column].target.name.clone();
                    staged.quarantined.push(BadRow { index: row, column, reason: fault.reason });
                }
                Err(fault) => return Err(self.layout.bad_value(batch, fault, table, self.columns, rows)),
            }
        }
        Ok(staged)
    }

    fn readers<'b>(&self, batch: &'b RecordBatch) -> Result<Vec<Reader<'b>>, TargetError> {
        let reader = |(column, place): (&LoadColumn, &usize)| {
            let array = batch.column(*place).as_ref();
            reader(array, SqliteColumn::of(&column.target.type_name)).ok_or_else(|| TargetError::Incompatible {
                table: self.load.plan.target.clone(),
                column: column.target.name.clone(),
                from: array.data_type().to_string(),
                to: column.target.type_name.clone(),
            })
        };
        self.columns.iter().zip(&self.layout.columns).map(reader).collect()
    }

    /// The values of a row that are staged: all of an upsert, the key of a delete.
    fn read_row(
        &self,
        batch: &RecordBatch,
        readers: &[Reader<'_>],
        row: usize,
        operation: Operation,
    ) -> Result<Vec<Value>, Fault> {
        if let Some(fault) = self.layout.null_fault(batch, row, operation, self.columns) {
            return Err(fault);
        }
        let mut values = Vec::with_capacity(readers.len());
        for (at, (column, place)) in self.columns.iter().zip(&self.layout.columns).enumerate() {
            if operation == Operation::Delete && !column.in_key {
                continue;
            }
            if batch.column(*place).is_null(row) {
                values.push(Value::Null);
                continue;
            }
            match readers[at](row) {
                Ok(value) => values.push(value),
                Err(_) if takes_null(column) => values.push(Value::Null),
                Err(misfit) => match (misfit.nearest, column.on_bad_value) {
                    (Some(nearest), BadValuePolicy::Replace) => values.push(nearest),
                    (_, _) => return Err(Fault { row, column: at, reason: misfit.reason.to_owned() }),
                },
            }
        }
        Ok(values)
    }
}

/// Sends rows of so many columns, several a statement, which is given their number.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    plan: &LoadPlan,
    statement_of: impl Fn(usize) -> Result<quarrel_sql::Sql, quarrel_sql::RenderError>,
    columns: usize,
    values: &[Value],
) -> Result<(), TargetError> {
    let rows = (VALUES_MAX / columns).clamp(1, ROWS_PER_STATEMENT_MAX);
    for chunk in values.chunks(rows * columns) {
        let text = statement_of(chunk.len() / columns).map_err(|source| render_failed(plan, source))?;
        let query = chunk.iter().fold(sqlx::query(statement(&text)), bind);
        query.execute(&mut *tx).await.map_err(|source| TargetError::Stage {
            table: plan.target.clone(),
            batch: plan.batch.clone(),
            source,
        })?;
    }
    Ok(())
}

fn bind<'q>(query: Query<'q, Sqlite, SqliteArguments>, value: &'q Value) -> Query<'q, Sqlite, SqliteArguments> {
    match value {
        Value::Null => query.bind(Option::<i64>::None),
        Value::Integer(number) => query.bind(*number),
        Value::Real(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.as_str()),
        Value::Blob(bytes) => query.bind(bytes.as_slice()),
    }
}

async fn add_columns(tx: &mut SqliteConnection, plan: &LoadPlan, merge: &Merge) -> Result<(), TargetError> {
    for added in &plan.add_columns {
        let type_name = column_type(&added.column_type).and_then(|name| CatalogType::from_catalog(&name));
        let type_name = type_name.ok_or_else(|| TargetError::Incompatible {
            table: plan.target.clone(),
            column: added.name.clone(),
            from: added.column_type.to_string(),
            to: "a new column".to_owned(),
        })?;
        let text = merge.add_column(&added.name, &type_name).map_err(|source| render_failed(plan, source))?;
        sqlx::raw_sql(statement(&text)).execute(&mut *tx).await.map_err(|source| TargetError::AddColumn {
            table: plan.target.clone(),
            column: added.name.clone(),
            source,
        })?;
    }
    Ok(())
}

/// Deletes, then writes, then drops the staging tables.
async fn apply(
    tx: &mut SqliteConnection,
    plan: &LoadPlan,
    merge: &Merge,
    receipt: &LoadReceipt,
) -> Result<(), TargetError> {
    let index = if plan.key_is_unique { KeyIndex::Unique } else { KeyIndex::Absent };
    if receipt.deletes > 0 {
        let delete = merge.delete().map_err(|source| render_failed(plan, source))?;
        execute(tx, plan, &delete).await?;
    }
    for write in merge.writes(index).map_err(|source| render_failed(plan, source))? {
        execute(tx, plan, &write).await?;
    }
    for stage in [Stage::Upserts, Stage::Deletes] {
        let dropped = sql::drop_stage(stage).map_err(|source| render_failed(plan, source))?;
        execute(tx, plan, &dropped).await?;
    }
    Ok(())
}

async fn execute(tx: &mut SqliteConnection, plan: &LoadPlan, text: &quarrel_sql::Sql) -> Result<(), TargetError> {
    let done = sqlx::raw_sql(statement(text)).execute(tx).await;
    done.map(|_| ()).map_err(|source| merge_failed(plan, source))
}

fn begin_failed(plan: &LoadPlan, source: sqlx::Error) -> TargetError {
    if is_busy(&source) {
        let blocker = "another connection is writing to the file".to_owned();
        return TargetError::Locked { table: plan.target.clone(), blocker, source };
    }
    merge_failed(plan, source)
}

fn merge_failed(plan: &LoadPlan, source: sqlx::Error) -> TargetError {
    TargetError::Merge { table: plan.target.clone(), batch: plan.batch.clone(), source }
}

fn render_failed(plan: &LoadPlan, source: quarrel_sql::RenderError) -> TargetError {
    TargetError::Render { table: plan.target.clone(), source }
}
