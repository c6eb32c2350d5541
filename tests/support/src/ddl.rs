//! Owns the statements that make a history's table in a target.
//!
//! SQL is written here, not taken from Quarrel's: the testkit is a witness of its own.

use crate::history::History;
use crate::value::{Column, ColumnType, Dialect};

/// Whether the table's key has an index that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyIndex {
    PrimaryKey,
    Absent,
}

/// Quotes a name as both Postgres and SQLite read it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The statement that makes a table; `table` is quoted SQL text, such as `replica."Table"`.
pub fn create_table(table: &str, key: &[Column], columns: &[Column], index: KeyIndex, dialect: Dialect) -> String {
    let mut parts: Vec<String> = key
        .iter()
        .map(|column| (column, " NOT NULL"))
        .chain(columns.iter().map(|column| (column, "")))
        .map(|(column, rule)| format!("{} {}{rule}", quoted(&column.name), type_name(column.column_type, dialect)))
        .collect();
    match index {
        KeyIndex::PrimaryKey => {
            let names: Vec<String> = key.iter().map(|column| quoted(&column.name)).collect();
            parts.push(format!("PRIMARY KEY ({})", names.join(", ")));
        }
        KeyIndex::Absent => {}
    }
    format!("CREATE TABLE {table} (\n  {}\n)", parts.join(",\n  "))
}

/// The table of a history as its first file knows it: columns that are added later are left out.
pub fn create_first_table(table: &str, history: &History, index: KeyIndex, dialect: Dialect) -> String {
    let columns = history.files.first().map_or(&history.columns, |file| &file.columns);
    create_table(table, &history.key, columns, index, dialect)
}

/// The name of a type. SQLite keeps as text what it has no exact type for.
pub fn type_name(column_type: ColumnType, dialect: Dialect) -> String {
    let (postgres, sqlite) = match column_type {
        ColumnType::Bool => ("boolean", "BOOLEAN"),
        ColumnType::Int16 => ("smallint", "INTEGER"),
        ColumnType::Int32 => ("integer", "INTEGER"),
        ColumnType::Int64 => ("bigint", "INTEGER"),
        ColumnType::Float32 => ("real", "REAL"),
        ColumnType::Float64 => ("double precision", "REAL"),
        ColumnType::Decimal { precision, scale } => {
            return match dialect {
                Dialect::Postgres | Dialect::Redshift => format!("numeric({precision},{scale})"),
                Dialect::Sqlite => "TEXT".to_owned(),
            };
        }
        ColumnType::Text => ("text", "TEXT"),
        ColumnType::Bytes => ("bytea", "BLOB"),
        ColumnType::Date => ("date", "TEXT"),
        ColumnType::Time => ("time", "TEXT"),
        ColumnType::Timestamp | ColumnType::TimestampMillis => ("timestamp", "TEXT"),
        ColumnType::Timestamptz => ("timestamptz", "TEXT"),
    };
    match dialect {
        Dialect::Postgres => postgres.to_owned(),
        // What Redshift calls by another name, or would cut at 256 bytes.
        Dialect::Redshift => match column_type {
            ColumnType::Text => "varchar(65535)".to_owned(),
            ColumnType::Bytes => "varbyte".to_owned(),
            _ => postgres.to_owned(),
        },
        Dialect::Sqlite => sqlite.to_owned(),
    }
}
