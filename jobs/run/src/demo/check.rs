//! Reads the target back, row by row, and holds it against the replay.
//!
//! # Invariants
//! - One row of the database is in memory at a time; what is left of the replay at the end is missing in the target.

use std::path::Path;

use futures::TryStreamExt as _;
use quarrel_sql::RenderError;
use quarrel_sql::demo::{CREATE_TABLES, read_rows};
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::replay::Replica;
use super::tables::{Column, TableSpec};
use super::value::{Value, read_value};

/// Differences told in words: enough to see what kind they are.
const DIFFERENCES_TOLD: usize = 5;

/// The step on the demo's target that failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("failed to open {path}")]
    Open { path: String, source: sqlx::Error },
    #[error("failed to make the target's tables")]
    Create { source: sqlx::Error },
    #[error("failed to read {table} back")]
    Read { table: &'static str, source: sqlx::Error },
    #[error("failed to render a statement")]
    Render { source: RenderError },
}

/// What was found when the target was held against the replay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    pub tables: usize,
    /// Rows of all tables that are in target and replay alike.
    pub equal: u64,
    /// Rows that are different, missing or too many.
    pub different: u64,
    /// The first differences, in words.
    pub differences: Vec<String>,
}

impl Comparison {
    fn differs(&mut self, table: &TableSpec, key: &str, what: &str) {
        self.different += 1;
        if self.differences.len() < DIFFERENCES_TOLD {
            self.differences.push(format!("{} {key}: {what}", table.name));
        }
    }
}

/// Makes the target database with its empty tables.
///
/// # Errors
/// The file or a table can't be made.
pub(super) async fn create_target(path: &Path) -> Result<(), CheckError> {
    let mut connection = open(path, SqliteConnectOptions::new().create_if_missing(true)).await?;
    for statement in CREATE_TABLES {
        let made = sqlx::raw_sql(statement.text()).execute(&mut connection).await;
        made.map_err(|source| CheckError::Create { source })?;
    }
    connection.close().await.map_err(|source| CheckError::Create { source })
}

/// Opens the target to read from it.
///
/// # Errors
/// It can't be opened.
pub(super) async fn open_target(path: &Path) -> Result<SqliteConnection, CheckError> {
    open(path, SqliteConnectOptions::new().read_only(true)).await
}

async fn open(path: &Path, options: SqliteConnectOptions) -> Result<SqliteConnection, CheckError> {
    let options = options.filename(path);
    options.connect().await.map_err(|source| CheckError::Open { path: path.display().to_string(), source })
}

/// Compares one table; columns that came after `last_file` are not in the target yet.
///
/// # Errors
/// The table can't be read.
pub(super) async fn compare_table(
    connection: &mut SqliteConnection,
    table: &'static TableSpec,
    last_file: usize,
    mut replica: Replica,
    comparison: &mut Comparison,
) -> Result<(), CheckError> {
    let columns: Vec<&Column> = table.all_columns().filter(|column| column.since_file <= last_file).collect();
    let sql = read_rows(table.name, columns.iter().map(|column| column.name))
        .map_err(|source| CheckError::Render { source })?;
    let failed = |source| CheckError::Read { table: table.name, source };
    let mut rows = sqlx::query(AssertSqlSafe(sql.as_str().to_owned())).fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        match read_row(&row, table, &columns).map_err(failed)? {
            Ok(values) => compare_row(values, table, &mut replica, comparison),
            Err(unreadable) => comparison.differs(table, "(a row)", &unreadable),
        }
    }
    for key in replica.keys() {
        comparison.differs(table, &key_text(key), "is missing in the target");
    }
    comparison.tables += 1;
    Ok(())
}

/// The values of a row, or what can't be read in it.
fn read_row(
    row: &SqliteRow,
    table: &TableSpec,
    columns: &[&Column],
) -> Result<Result<Vec<Value>, String>, sqlx::Error> {
    let mut values = Vec::with_capacity(table.key.len() + table.columns.len());
    for (place, column) in columns.iter().enumerate() {
        let text: Option<String> = row.try_get(place)?;
        match read_value(column.kind, text.as_deref()) {
            Some(value) => values.push(value),
            None => return Ok(Err(format!("{} holds {text:?}, which is no such value", column.name))),
        }
    }
    // Columns that no file has brought yet are not in the target, and NULL in the replay.
    values.resize(table.key.len() + table.columns.len(), Value::Null);
    Ok(Ok(values))
}

fn compare_row(values: Vec<Value>, table: &TableSpec, replica: &mut Replica, comparison: &mut Comparison) {
    let (key, found) = values.split_at(table.key.len());
    match replica.remove(key) {
        Some(expected) if expected == found => comparison.equal += 1,
        Some(expected) => {
            let pairs = table.columns.iter().zip(found.iter().zip(&expected));
            let wrong = pairs.filter(|(_, (found, expected))| found != expected);
            let told = wrong
                .map(|(column, (found, expected))| format!("{} is {found}, and {expected} in the replay", column.name));
            comparison.differs(table, &key_text(key), &told.collect::<Vec<_>>().join("; "));
        }
        None => comparison.differs(table, &key_text(key), "is in the target, and not in the replay"),
    }
}

fn key_text(key: &[Value]) -> String {
    let parts: Vec<String> = key.iter().map(ToString::to_string).collect();
    format!("({})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::tables::TABLES;
    use super::*;

    #[test]
    fn rows_that_are_wrong_missing_or_too_many_are_all_counted() {
        let table = &TABLES[1];
        let line = |order: i64, quantity: i64| {
            let key = vec![Value::Integer(order), Value::Integer(1)];
            let row = vec![Value::Text("string".to_owned()), Value::Integer(quantity), Value::Null];
            (key, row)
        };
        let mut replica: Replica = [line(1, 1), line(2, 2), line(3, 3)].into_iter().collect();
        let mut comparison = Comparison::default();
        for (key, row) in [line(1, 1), line(2, 9), line(4, 4)] {
            compare_row([key, row].concat(), table, &mut replica, &mut comparison);
        }
        assert_eq!((comparison.equal, comparison.different), (1, 2));
        assert_eq!(
            comparison.differences,
            [
                "order_lines (2, 1): quantity is 9, and 2 in the replay",
                "order_lines (4, 1): is in the target, and not in the replay",
            ]
        );
        assert_eq!(replica.len(), 1, "what is left is missing in the target");
    }
}
