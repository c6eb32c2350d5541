//! Hands statements of `quarrel-sql` to the driver.

use quarrel_sql::Sql;
use sqlx::AssertSqlSafe;

/// A rendered statement, as the driver takes it. [`Sql`] is made of quoted names, quoted texts and our own files only, so it
/// is safe by construction.
pub(crate) fn statement(sql: &Sql) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.as_str().to_owned())
}
