//! Asks beforehand what a load would stumble over.

use quarrel_model::names::QualifiedName;
use quarrel_sql::postgres as sql;
use sqlx::{PgConnection, Row};

use super::describe::{refusal, resolve};
use crate::target::TargetError;

pub(super) async fn check(connection: &mut PgConnection, table: &QualifiedName) -> Result<Vec<String>, TargetError> {
    let failed = |source| TargetError::Check { table: table.clone(), source };
    let Some(resolved) = resolve(connection, table).await.map_err(failed)? else {
        return Ok(vec![format!("table {table} does not exist, or the account may not use its schema")]);
    };
    if let Some(why) = refusal(&resolved.kind) {
        return Ok(vec![format!("{table} can't be loaded: {why}")]);
    }
    let row =
        sqlx::query(sql::CHECK_PRIVILEGES.text()).bind(resolved.oid).fetch_one(connection).await.map_err(failed)?;
    let flag = |name: &str| row.try_get::<bool, _>(name).map_err(failed);
    let account: Option<String> = row.try_get("account").map_err(failed)?;
    let account = account.unwrap_or_else(|| "the account".to_owned());
    let mut missing = Vec::new();
    for (column, privilege) in
        [("may_select", "SELECT"), ("may_insert", "INSERT"), ("may_update", "UPDATE"), ("may_delete", "DELETE")]
    {
        if !flag(column)? {
            missing.push(format!("{account} may not {privilege} on {table}: GRANT {privilege}"));
        }
    }
    if !flag("may_create_temporary")? {
        missing.push(format!("{account} may not create temporary tables: GRANT TEMPORARY ON DATABASE"));
    }
    if !flag("may_keep_ledger")? {
        missing.push(format!(
            "{account} may not create schema quarrel or tables in it: GRANT CREATE ON DATABASE, or on the schema"
        ));
    }
    if !flag("owns")? {
        missing.push(format!(
            "{account} does not own {table}, so columns that change files begin to carry can't be added: change the owner, \
             or set `added_columns` to ignore or fail"
        ));
    }
    if flag("is_replica")? {
        missing.push("the server is a read-only replica".to_owned());
    }
    Ok(missing)
}
