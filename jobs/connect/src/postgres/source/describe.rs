//! Describes Postgres sources by the catalog.

use quarrel_model::names::QualifiedName;
use quarrel_model::source::{Generated, SourceColumn, SourceKind, SourceTable, SourceType};
use quarrel_sql::postgres_source as sql;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};

use super::super::describe::resolve;
use super::types::{TypeRow, Types};
use crate::source::SourceError;

struct ColumnRow {
    name: String,
    type_oid: i64,
    type_modifier: i32,
    spelling: String,
    nullable: bool,
    expression: Option<String>,
    generated: String,
    identity: String,
    comment: Option<String>,
    collation: Option<String>,
}

impl FromRow<'_, PgRow> for ColumnRow {
    fn from_row(row: &PgRow) -> Result<ColumnRow, sqlx::Error> {
        Ok(ColumnRow {
            name: row.try_get("name")?,
            type_oid: row.try_get("type_oid")?,
            type_modifier: row.try_get("type_modifier")?,
            spelling: row.try_get("spelling")?,
            nullable: row.try_get("nullable")?,
            expression: row.try_get("expression")?,
            generated: row.try_get("generated")?,
            identity: row.try_get("identity")?,
            comment: row.try_get("comment")?,
            collation: row.try_get("collation")?,
        })
    }
}

struct TableRow {
    comment: Option<String>,
    rows: Option<f64>,
    bytes: Option<i64>,
}

impl FromRow<'_, PgRow> for TableRow {
    fn from_row(row: &PgRow) -> Result<TableRow, sqlx::Error> {
        Ok(TableRow { comment: row.try_get("comment")?, rows: row.try_get("rows")?, bytes: row.try_get("bytes")? })
    }
}

pub(super) async fn describe(
    connection: &mut PgConnection,
    table: &QualifiedName,
) -> Result<Option<SourceTable>, SourceError> {
    let failed = |source| SourceError::Describe { table: table.clone(), source };
    let Some(found) = resolve(connection, table).await.map_err(failed)? else { return Ok(None) };
    let Some(kind) = kind(&found.kind) else {
        return Err(SourceError::Refused { table: table.clone(), why: "it is no table and no view".to_owned() });
    };
    let oid = found.oid;
    let columns: Vec<ColumnRow> =
        sqlx::query_as(sql::COLUMNS.text()).bind(oid).fetch_all(&mut *connection).await.map_err(failed)?;
    let types: Vec<TypeRow> =
        sqlx::query_as(sql::TYPES.text()).bind(oid).fetch_all(&mut *connection).await.map_err(failed)?;
    let keys: Vec<(bool, Vec<String>)> =
        sqlx::query_as(sql::KEYS.text()).bind(oid).fetch_all(&mut *connection).await.map_err(failed)?;
    let size: TableRow = sqlx::query_as(sql::TABLE.text()).bind(oid).fetch_one(connection).await.map_err(failed)?;
    let types = Types::new(types);
    let has_size = kind != SourceKind::View;
    let (primary, unique): (Vec<_>, Vec<_>) = keys.into_iter().partition(|(is_primary, _)| *is_primary);
    Ok(Some(SourceTable {
        name: found.name,
        kind,
        columns: columns.into_iter().map(|row| column(row, &types, table)).collect::<Result<_, _>>()?,
        primary_key: primary.into_iter().flat_map(|(_, columns)| columns).collect(),
        unique_keys: unique.into_iter().map(|(_, columns)| columns).collect(),
        comment: size.comment,
        rows_estimate: size.rows.filter(|_| has_size).map(|rows| rows as u64),
        bytes_estimate: size.bytes.filter(|_| has_size).and_then(|bytes| u64::try_from(bytes).ok()),
    }))
}

/// `pg_class.relkind`; a foreign table is read like a view, and like one it has no keys here.
fn kind(relkind: &str) -> Option<SourceKind> {
    match relkind {
        "r" => Some(SourceKind::Table),
        "p" => Some(SourceKind::Partitioned),
        "v" | "m" | "f" => Some(SourceKind::View),
        _ => None,
    }
}

fn column(row: ColumnRow, types: &Types, table: &QualifiedName) -> Result<SourceColumn, SourceError> {
    let Some(source_type) = types.resolve(row.type_oid, row.type_modifier) else {
        return Err(SourceError::Catalog { table: table.clone(), column: row.name, spelling: row.spelling });
    };
    let is_computed = !row.generated.is_empty();
    let (default, generated) = match (is_computed, row.identity.as_str()) {
        (true, _) => (None, Generated::Computed { expression: row.expression }),
        (false, "a") => (None, Generated::IdentityAlways),
        (false, "d") => (None, Generated::IdentityByDefault),
        (false, _) => (row.expression, Generated::No),
    };
    Ok(SourceColumn {
        nullable: row.nullable && !types.is_not_null(row.type_oid),
        name: row.name,
        source_type: SourceType::Postgres(source_type),
        spelling: row.spelling,
        default,
        generated,
        comment: row.comment,
        collation: row.collation,
    })
}
