//! Describes Redshift tables by the catalog.

use quarrel_model::names::QualifiedName;
use quarrel_model::target::{Generation, TargetColumn, TargetTable};
use quarrel_sql::redshift as sql;
use sqlx::PgConnection;

use super::statements::{fetch, fetch_one};
use super::types::spelled;
use crate::target::TargetError;

/// Columns: name, type, length, precision, scale, `YES` when nullable, default.
type ColumnRow = (String, String, Option<i32>, Option<i32>, Option<i32>, String, Option<String>);

/// The name as the catalog has it: in lower case, with its schema.
pub(super) async fn full_name(
    connection: &mut PgConnection,
    table: &QualifiedName,
) -> Result<QualifiedName, sqlx::Error> {
    let schema = match &table.schema {
        Some(schema) => schema.to_ascii_lowercase(),
        None => fetch_one::<String>(connection, sql::DESCRIBE_SCHEMA.text()).await?,
    };
    Ok(QualifiedName { schema: Some(schema), name: table.name.to_ascii_lowercase() })
}

/// What stands under a name: `pg_class.relkind`, None when nothing does.
pub(super) async fn kind(
    connection: &mut PgConnection,
    table: &QualifiedName,
    name: &QualifiedName,
) -> Result<Option<String>, TargetError> {
    let schema = name.schema.as_deref().unwrap_or_default();
    let query = sql::describe_kind(schema, &name.name)
        .map_err(|source| TargetError::Render { table: table.clone(), source })?;
    let rows: Vec<(String,)> =
        fetch(connection, &query).await.map_err(|source| TargetError::Describe { table: table.clone(), source })?;
    Ok(rows.into_iter().next().map(|(kind,)| kind))
}

/// What can't be loaded, and why; None for tables.
pub(super) fn refusal(kind: &str) -> Option<&'static str> {
    match kind {
        "r" => None,
        "v" => Some("it is a view"),
        "m" => Some("it is a materialized view"),
        _ => Some("it is no table"),
    }
}

pub(super) async fn describe(
    connection: &mut PgConnection,
    table: &QualifiedName,
) -> Result<Option<TargetTable>, TargetError> {
    let failed = |source| TargetError::Describe { table: table.clone(), source };
    let name = full_name(connection, table).await.map_err(failed)?;
    let Some(kind) = kind(connection, table, &name).await? else { return Ok(None) };
    if let Some(why) = refusal(&kind) {
        return Err(TargetError::Refused { table: table.clone(), what: "a load", why: why.to_owned() });
    }
    let query = sql::describe_columns(name.schema.as_deref().unwrap_or_default(), &name.name)
        .map_err(|source| TargetError::Render { table: table.clone(), source })?;
    let columns: Vec<ColumnRow> = fetch(connection, &query).await.map_err(failed)?;
    Ok(Some(TargetTable {
        name,
        columns: columns.into_iter().map(column).collect(),
        // Keys are declared and not enforced.
        unique_keys: Vec::new(),
        rows_estimate: None,
    }))
}

fn column((name, data_type, length, precision, scale, nullable, default): ColumnRow) -> TargetColumn {
    let generation = match default.as_deref() {
        Some(default) if default.contains("\"default_identity\"(") => Generation::IdentityByDefault,
        Some(default) if default.contains("\"identity\"(") => Generation::IdentityAlways,
        Some(_) | None => Generation::None,
    };
    TargetColumn {
        name,
        type_name: spelled(&data_type, length, precision, scale),
        nullable: nullable == "YES",
        has_default: default.is_some() && generation == Generation::None,
        generation,
    }
}
