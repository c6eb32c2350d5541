//! Runs statements by the simple protocol, and reads their rows.

use quarrel_sql::Sql;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection};

use crate::statement::statement;

/// Runs a statement.
pub(super) async fn execute(connection: &mut PgConnection, sql: &Sql) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement(sql)).execute(connection).await.map(|_| ())
}

/// Runs a statement that has no placeholders.
pub(super) async fn execute_text(connection: &mut PgConnection, text: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(text).execute(connection).await.map(|_| ())
}

/// The rows of a query.
pub(super) async fn fetch<R>(connection: &mut PgConnection, sql: &Sql) -> Result<Vec<R>, sqlx::Error>
where
    R: for<'r> FromRow<'r, PgRow>,
{
    let rows = sqlx::raw_sql(statement(sql)).fetch_all(connection).await?;
    rows.iter().map(R::from_row).collect()
}

/// The one value of a query that has no placeholders.
pub(super) async fn fetch_one<V>(connection: &mut PgConnection, text: &'static str) -> Result<V, sqlx::Error>
where
    (V,): for<'r> FromRow<'r, PgRow>,
{
    let row = sqlx::raw_sql(text).fetch_one(connection).await?;
    let (value,) = <(V,)>::from_row(&row)?;
    Ok(value)
}
