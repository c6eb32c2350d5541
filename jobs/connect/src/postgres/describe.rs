//! Describes Postgres tables by the catalog.

use quarrel_model::names::QualifiedName;
use quarrel_model::target::{Generation, TargetColumn, TargetTable};
use quarrel_sql::Sql;
use quarrel_sql::postgres as sql;
use sqlx::PgConnection;

use crate::target::TargetError;

/// Columns: name, type, nullable, has default, computed, identity.
type ColumnRow = (String, String, bool, bool, bool, String);

/// A table as the catalog knows it.
pub(super) struct Resolved {
    pub(super) oid: i64,
    pub(super) name: QualifiedName,
    /// `pg_class.relkind`.
    pub(super) kind: String,
    rows_estimate: f64,
}

/// Finds a table, along the search path if it is not qualified.
pub(super) async fn resolve(
    connection: &mut PgConnection,
    table: &QualifiedName,
) -> Result<Option<Resolved>, sqlx::Error> {
    let found: Option<(i64, String, String, String, f64)> =
        sqlx::query_as(sql::RESOLVE_TABLE.text()).bind(Sql::table(table).as_str()).fetch_optional(connection).await?;
    Ok(found.map(|(oid, schema, name, kind, rows_estimate)| Resolved {
        oid,
        name: QualifiedName { schema: Some(schema), name },
        kind,
        rows_estimate,
    }))
}

/// What can't be loaded, and why; None for tables, partitioned ones among them.
pub(super) fn refusal(kind: &str) -> Option<&'static str> {
    match kind {
        "r" | "p" => None,
        "v" => Some("it is a view"),
        "m" => Some("it is a materialized view"),
        "f" => Some("it is a foreign table"),
        _ => Some("it is no table"),
    }
}

pub(super) async fn describe(
    connection: &mut PgConnection,
    table: &QualifiedName,
) -> Result<Option<TargetTable>, TargetError> {
    let failed = |source| TargetError::Describe { table: table.clone(), source };
    let Some(resolved) = resolve(connection, table).await.map_err(failed)? else { return Ok(None) };
    if let Some(why) = refusal(&resolved.kind) {
        return Err(TargetError::Refused { table: table.clone(), what: "a load", why: why.to_owned() });
    }
    let columns: Vec<ColumnRow> = sqlx::query_as(sql::DESCRIBE_COLUMNS.text())
        .bind(resolved.oid)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    let unique_keys: Vec<Vec<String>> = sqlx::query_scalar(sql::DESCRIBE_UNIQUE_KEYS.text())
        .bind(resolved.oid)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let column = |(name, type_name, nullable, has_default, computed, identity): ColumnRow| TargetColumn {
        generation: match (computed, identity.as_str()) {
            (true, _) => Generation::Computed,
            (false, "a") => Generation::IdentityAlways,
            (false, "d") => Generation::IdentityByDefault,
            (false, _) => Generation::None,
        },
        name,
        type_name,
        nullable,
        has_default,
    };
    Ok(Some(TargetTable {
        name: resolved.name,
        columns: columns.into_iter().map(column).collect(),
        unique_keys,
        // Below zero: never analysed.
        rows_estimate: (resolved.rows_estimate >= 0.0).then_some(resolved.rows_estimate as u64),
    }))
}
