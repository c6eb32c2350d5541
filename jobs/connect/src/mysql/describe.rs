//! Describes MySQL and MariaDB tables by `information_schema`.
//!
//! The catalog has no snapshot: a table that is altered between two statements may be described half and half. So its columns
//! are read twice, and the description stands only if both say the same.

use std::collections::HashSet;

use quarrel_model::names::QualifiedName;
use quarrel_model::source::{Generated, MySqlType, SourceColumn, SourceKind, SourceTable, SourceType};
use quarrel_sql::mysql as sql;
use sqlx::mysql::MySqlRow;
use sqlx::{FromRow, MySqlConnection, Row};

use crate::source::SourceError;

/// Further looks at a table that keeps changing.
const LOOKS_MAX: usize = 5;

struct TableRow {
    table_schema: String,
    table_name: String,
    kind: String,
    is_partitioned: i64,
    comment: Option<String>,
    rows_estimate: Option<u64>,
    bytes_estimate: Option<u64>,
    version: String,
}

impl FromRow<'_, MySqlRow> for TableRow {
    fn from_row(row: &MySqlRow) -> Result<TableRow, sqlx::Error> {
        Ok(TableRow {
            table_schema: row.try_get("table_schema")?,
            table_name: row.try_get("table_name")?,
            kind: row.try_get("kind")?,
            is_partitioned: row.try_get("is_partitioned")?,
            comment: row.try_get("comment")?,
            rows_estimate: row.try_get("rows_estimate")?,
            bytes_estimate: row.try_get("bytes_estimate")?,
            version: row.try_get("version")?,
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
struct ColumnRow {
    name: String,
    spelling: String,
    nullable: i64,
    default_text: Option<String>,
    extra: Option<String>,
    expression: Option<String>,
    comment: Option<String>,
    collation_name: Option<String>,
}

impl FromRow<'_, MySqlRow> for ColumnRow {
    fn from_row(row: &MySqlRow) -> Result<ColumnRow, sqlx::Error> {
        Ok(ColumnRow {
            name: row.try_get("name")?,
            spelling: row.try_get("spelling")?,
            nullable: row.try_get("nullable")?,
            default_text: row.try_get("default_text")?,
            extra: row.try_get("extra")?,
            expression: row.try_get("expression")?,
            comment: row.try_get("comment")?,
            collation_name: row.try_get("collation_name")?,
        })
    }
}

/// Which of the two the server is: they print defaults differently, and one of them has no type for JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    MySql,
    MariaDb,
}

pub(super) async fn describe(
    connection: &mut MySqlConnection,
    table: &QualifiedName,
) -> Result<Option<SourceTable>, SourceError> {
    let failed = |source| SourceError::Describe { table: table.clone(), source };
    let found: Option<TableRow> = sqlx::query_as(sql::SOURCE_TABLE.text())
        .bind(&table.schema)
        .bind(&table.name)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
    let Some(found) = found else { return Ok(None) };
    if found.kind == "SEQUENCE" {
        return Err(SourceError::Refused { table: table.clone(), why: "it is a sequence".to_owned() });
    }
    let place = (found.table_schema.as_str(), found.table_name.as_str());
    let flavour = if found.version.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql };
    let mut columns = read_columns(connection, place).await.map_err(failed)?;
    let (mut keys, mut json);
    let mut looks = 0;
    loop {
        keys = read_keys(connection, place).await.map_err(failed)?;
        json = read_json_columns(connection, place, flavour).await.map_err(failed)?;
        let again = read_columns(connection, place).await.map_err(failed)?;
        looks += 1;
        if again == columns {
            break;
        }
        if looks == LOOKS_MAX {
            let why = "it was altered while it was described, time and again".to_owned();
            return Err(SourceError::Refused { table: table.clone(), why });
        }
        columns = again;
    }
    let is_view = found.kind.contains("VIEW");
    let (primary, unique): (Vec<_>, Vec<_>) = keys.into_iter().partition(|(index, _)| index == "PRIMARY");
    Ok(Some(SourceTable {
        kind: match (is_view, found.is_partitioned) {
            (true, _) => SourceKind::View,
            (false, 0) => SourceKind::Table,
            (false, _) => SourceKind::Partitioned,
        },
        columns: columns.into_iter().map(|row| column(row, &json, flavour)).collect(),
        primary_key: primary.into_iter().flat_map(|(_, columns)| columns).collect(),
        unique_keys: unique.into_iter().map(|(_, columns)| columns).collect(),
        // A view's comment is the word VIEW.
        comment: found.comment.filter(|comment| !comment.is_empty() && !is_view),
        rows_estimate: found.rows_estimate.filter(|_| !is_view),
        bytes_estimate: found.bytes_estimate.filter(|_| !is_view),
        name: QualifiedName { schema: Some(found.table_schema), name: found.table_name },
    }))
}

async fn read_columns(connection: &mut MySqlConnection, place: (&str, &str)) -> Result<Vec<ColumnRow>, sqlx::Error> {
    sqlx::query_as(sql::SOURCE_COLUMNS.text()).bind(place.0).bind(place.1).fetch_all(connection).await
}

/// Index and columns; those over an expression are left out.
async fn read_keys(
    connection: &mut MySqlConnection,
    place: (&str, &str),
) -> Result<Vec<(String, Vec<String>)>, sqlx::Error> {
    let rows: Vec<(String, Option<String>)> =
        sqlx::query_as(sql::SOURCE_KEYS.text()).bind(place.0).bind(place.1).fetch_all(connection).await?;
    let mut keys: Vec<(String, Option<Vec<String>>)> = Vec::new();
    for (index, column) in rows {
        match keys.last_mut() {
            Some((last, columns)) if *last == index => {
                *columns = columns.take().zip(column).map(|(mut columns, column)| {
                    columns.push(column);
                    columns
                });
            }
            Some(_) | None => keys.push((index, column.map(|column| vec![column]))),
        }
    }
    Ok(keys.into_iter().filter_map(|(index, columns)| Some((index, columns?))).collect())
}

async fn read_json_columns(
    connection: &mut MySqlConnection,
    place: (&str, &str),
    flavour: Flavour,
) -> Result<HashSet<String>, sqlx::Error> {
    match flavour {
        Flavour::MySql => Ok(HashSet::new()),
        Flavour::MariaDb => {
            let names: Vec<String> = sqlx::query_scalar(sql::SOURCE_JSON_CHECKS.text())
                .bind(place.0)
                .bind(place.1)
                .fetch_all(connection)
                .await?;
            Ok(names.into_iter().collect())
        }
    }
}

fn column(row: ColumnRow, json: &HashSet<String>, flavour: Flavour) -> SourceColumn {
    let source_type = match row.spelling.parse::<MySqlType>() {
        Ok(MySqlType::Text(_)) if json.contains(&row.name) => MySqlType::Json,
        Ok(parsed) => parsed,
        // A mapping has no place for it, an override may.
        Err(_) => MySqlType::Other { spelling: row.spelling.clone() },
    };
    let extra = row.extra.unwrap_or_default().to_ascii_lowercase();
    let expression = row.expression.filter(|expression| !expression.is_empty());
    let generated = if extra.contains("auto_increment") {
        Generated::AutoIncrement
    } else if extra.contains("virtual generated") || extra.contains("stored generated") || expression.is_some() {
        Generated::Computed { expression }
    } else {
        Generated::No
    };
    SourceColumn {
        default: row.default_text.and_then(|text| default_expression(text, &source_type, &extra, flavour)),
        source_type: SourceType::MySql(source_type),
        name: row.name,
        spelling: row.spelling,
        nullable: row.nullable != 0,
        generated,
        comment: row.comment.filter(|comment| !comment.is_empty()),
        collation: row.collation_name,
    }
}

/// The default as SQL. MariaDB prints it so; MySQL prints the value itself unless it is an expression.
fn default_expression(text: String, source_type: &MySqlType, extra: &str, flavour: Flavour) -> Option<String> {
    match flavour {
        Flavour::MariaDb => (!text.eq_ignore_ascii_case("null")).then_some(text),
        Flavour::MySql if extra.contains("default_generated") || is_number(source_type) => Some(text),
        Flavour::MySql => Some(format!("'{}'", text.replace('\'', "''"))),
    }
}

fn is_number(source_type: &MySqlType) -> bool {
    match source_type {
        MySqlType::TinyInt { .. }
        | MySqlType::SmallInt { .. }
        | MySqlType::MediumInt { .. }
        | MySqlType::Int { .. }
        | MySqlType::BigInt { .. }
        | MySqlType::Decimal { .. }
        | MySqlType::Float { .. }
        | MySqlType::Double { .. }
        | MySqlType::Bit { .. }
        | MySqlType::Year => true,
        MySqlType::Char { .. }
        | MySqlType::Varchar { .. }
        | MySqlType::Text(_)
        | MySqlType::Binary { .. }
        | MySqlType::VarBinary { .. }
        | MySqlType::Blob(_)
        | MySqlType::Date
        | MySqlType::Time { .. }
        | MySqlType::DateTime { .. }
        | MySqlType::Timestamp { .. }
        | MySqlType::Enum { .. }
        | MySqlType::Set { .. }
        | MySqlType::Json
        | MySqlType::Uuid
        | MySqlType::Inet4
        | MySqlType::Inet6
        | MySqlType::Geometry { .. }
        | MySqlType::Other { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sql_whichever_server_printed_them() {
        let varchar = MySqlType::Varchar { length: 9 };
        let int = MySqlType::Int { sign: quarrel_model::source::Signedness::Signed };
        let cases = [
            ("it's", &varchar, "", Flavour::MySql, Some("'it''s'")),
            ("7", &int, "", Flavour::MySql, Some("7")),
            ("uuid()", &varchar, "default_generated", Flavour::MySql, Some("uuid()")),
            ("'new'", &varchar, "", Flavour::MariaDb, Some("'new'")),
            ("NULL", &varchar, "", Flavour::MariaDb, None),
        ];
        for (text, source_type, extra, flavour, expected) in cases {
            let found = default_expression(text.to_owned(), source_type, extra, flavour);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
