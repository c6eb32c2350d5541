//! Asks beforehand what a load would stumble over.

use quarrel_model::names::QualifiedName;
use quarrel_sql::redshift as sql;
use sqlx::PgConnection;

use super::describe::{full_name, kind, refusal};
use super::ledger;
use super::statements::fetch;
use crate::target::TargetError;

/// SELECT, INSERT, DELETE, UPDATE, temporary tables, schemas; the account.
type Privileges = (bool, bool, bool, bool, bool, bool, String);

pub(super) async fn check(connection: &mut PgConnection, table: &QualifiedName) -> Result<Vec<String>, TargetError> {
    let failed = |source| TargetError::Check { table: table.clone(), source };
    let name = full_name(connection, table).await.map_err(failed)?;
    let Some(kind) = kind(connection, table, &name).await? else {
        return Ok(vec![format!("table {table} does not exist, or the account may not use its schema")]);
    };
    if let Some(why) = refusal(&kind) {
        return Ok(vec![format!("{table} can't be loaded: {why}")]);
    }
    let query = sql::check_privileges(&name).map_err(|source| TargetError::Render { table: table.clone(), source })?;
    let rows: Vec<Privileges> = fetch(connection, &query).await.map_err(failed)?;
    let Some((select, insert, delete, update, temporary, create, account)) = rows.into_iter().next() else {
        return Err(failed(sqlx::Error::RowNotFound));
    };
    let mut missing = Vec::new();
    for (allowed, privilege) in [(select, "SELECT"), (insert, "INSERT"), (delete, "DELETE"), (update, "UPDATE")] {
        if !allowed {
            missing.push(format!("{account} may not {privilege} on {table}: GRANT {privilege}"));
        }
    }
    if !temporary {
        missing.push(format!("{account} may not create temporary tables: GRANT TEMP ON DATABASE"));
    }
    if !create && !ledger::exists(connection).await.map_err(failed)? {
        missing.push(format!("{account} may not create schema quarrel: GRANT CREATE ON DATABASE"));
    }
    Ok(missing)
}
