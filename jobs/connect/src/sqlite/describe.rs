//! Describes SQLite tables by its pragmas.

use quarrel_model::names::QualifiedName;
use quarrel_model::target::{Generation, TargetColumn, TargetTable};
use quarrel_sql::sqlite as sql;
use sqlx::{SqliteConnection, SqlitePool};

use crate::target::TargetError;

/// Columns: name, type, not null, has default, hidden, place in the primary key.
type ColumnRow = (String, String, bool, bool, i64, i64);
/// Index columns: place of the index, column, collation.
type IndexRow = (i64, Option<String>, Option<String>);

/// `pragma_table_xinfo.hidden` of an ordinary column.
const ORDINARY: i64 = 0;

pub(super) async fn describe(pool: &SqlitePool, table: &QualifiedName) -> Result<Option<TargetTable>, TargetError> {
    let failed = |source| TargetError::Describe { table: table.clone(), source };
    let mut connection = pool.acquire().await.map_err(failed)?;
    let Some((name, kind)) = resolve(&mut connection, table).await.map_err(failed)? else { return Ok(None) };
    if kind != "table" || !matches!(table.schema.as_deref(), None | Some("main")) {
        let why = if kind == "table" { "SQLite has no schemas".to_owned() } else { format!("it is a {kind}") };
        return Err(TargetError::Refused { table: table.clone(), what: "a load", why });
    }
    let columns: Vec<ColumnRow> =
        sqlx::query_as(sql::DESCRIBE_COLUMNS.text()).bind(&name).fetch_all(&mut *connection).await.map_err(failed)?;
    let indexes: Vec<IndexRow> = sqlx::query_as(sql::DESCRIBE_UNIQUE_KEYS.text())
        .bind(&name)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    let mut unique_keys = unique_keys(indexes);
    let primary: Vec<&ColumnRow> = columns.iter().filter(|column| column.5 > 0).collect();
    // This one column is the row id, which needs no index to be unique, and gets a value by itself.
    let row_id = match primary.as_slice() {
        [only] if only.1.eq_ignore_ascii_case("INTEGER") => Some(only.0.clone()),
        [] | [_, ..] => None,
    };
    if let Some(row_id) = &row_id {
        unique_keys.insert(0, vec![row_id.clone()]);
    }
    let column = |(name, type_name, not_null, has_default, hidden, _): ColumnRow| TargetColumn {
        has_default: has_default || row_id.as_ref() == Some(&name),
        nullable: !not_null,
        generation: if hidden == ORDINARY { Generation::None } else { Generation::Computed },
        type_name,
        name,
    };
    Ok(Some(TargetTable {
        name: QualifiedName { schema: None, name },
        columns: columns.into_iter().map(column).collect(),
        unique_keys,
        rows_estimate: None,
    }))
}

/// The name of a table as it was created, and what it is.
pub(super) async fn resolve(
    connection: &mut SqliteConnection,
    table: &QualifiedName,
) -> Result<Option<(String, String)>, sqlx::Error> {
    sqlx::query_as(sql::RESOLVE_TABLE.text()).bind(&table.name).fetch_optional(connection).await
}

/// Indexes over plain columns that compare bytes.
fn unique_keys(rows: Vec<IndexRow>) -> Vec<Vec<String>> {
    let mut keys: Vec<(i64, Option<Vec<String>>)> = Vec::new();
    for (place, column, collation) in rows {
        let usable = column.filter(|_| collation.as_deref() == Some("BINARY"));
        match keys.last_mut() {
            Some((last, columns)) if *last == place => {
                *columns = columns.take().zip(usable).map(|(mut columns, column)| {
                    columns.push(column);
                    columns
                });
            }
            Some(_) | None => keys.push((place, usable.map(|column| vec![column]))),
        }
    }
    keys.into_iter().filter_map(|(_, columns)| columns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_indexes_over_columns_that_compare_bytes_are_keys() {
        let row = |place, column: Option<&str>, collation: &str| {
            (place, column.map(str::to_owned), Some(collation.to_owned()))
        };
        let rows = vec![
            row(0, Some("a"), "BINARY"),
            row(0, Some("b"), "BINARY"),
            row(1, Some("c"), "NOCASE"),
            row(2, None, "BINARY"),
            row(2, Some("d"), "BINARY"),
            row(3, Some("e"), "BINARY"),
        ];
        assert_eq!(unique_keys(rows), [vec!["a".to_owned(), "b".to_owned()], vec!["e".to_owned()]]);
    }
}
