//! Owns reading a table back as text, and saying how two sets of rows differ.

use std::collections::BTreeMap;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use crate::ddl::quoted;

/// A row as text; none for NULL.
pub type TextRow = Vec<Option<String>>;

/// Every row of a table as text, sorted by that text, not by the database's collation.
///
/// `url` begins with `postgres:` or `sqlite:`. `table` is quoted SQL text, such as `replica."Table"`; `columns` are bare
/// names. Postgres shows `column::text` in UTC; SQLite shows numbers and texts as text and bytes as `\x…`.
///
/// # Panics
/// When the table cannot be read.
pub async fn dump_table(url: &str, table: &str, columns: &[&str]) -> Vec<TextRow> {
    let mut rows = if url.starts_with("sqlite:") {
        dump_sqlite(url, table, columns).await
    } else {
        dump_postgres(url, table, columns).await
    }
    .unwrap_or_else(|error| panic!("cannot read {table} at {url}: {error}"));
    rows.sort();
    rows
}

/// The tables of a database by name, `schema.table` where there are schemas, without those of the system.
///
/// # Panics
/// When the database cannot be asked.
pub async fn table_names(url: &str) -> Vec<String> {
    let found = if url.starts_with("sqlite:") {
        let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        match sqlite(url).await {
            Ok(mut connection) => sqlx::query_scalar(query).fetch_all(&mut connection).await,
            Err(error) => Err(error),
        }
    } else {
        let query = "SELECT schemaname || '.' || tablename FROM pg_tables \
                     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";
        match postgres(url).await {
            Ok(mut connection) => sqlx::query_scalar(query).fetch_all(&mut connection).await,
            Err(error) => Err(error),
        }
    };
    found.unwrap_or_else(|error| panic!("cannot list the tables at {url}: {error}"))
}

async fn postgres(url: &str) -> Result<sqlx::PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    options.options([("timezone", "UTC"), ("datestyle", "ISO"), ("bytea_output", "hex")]).connect().await
}

async fn sqlite(url: &str) -> Result<sqlx::SqliteConnection, sqlx::Error> {
    let options: SqliteConnectOptions = url.parse()?;
    options.connect().await
}

async fn dump_postgres(url: &str, table: &str, columns: &[&str]) -> Result<Vec<TextRow>, sqlx::Error> {
    let list: Vec<String> = columns.iter().map(|column| format!("{}::text", quoted(column))).collect();
    let query = format!("SELECT {} FROM {table}", list.join(", "));
    let mut connection = postgres(url).await?;
    let read = |row: PgRow| (0..columns.len()).map(|place| row.try_get(place)).collect();
    let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await?;
    connection.close().await?;
    rows.into_iter().map(read).collect()
}

async fn dump_sqlite(url: &str, table: &str, columns: &[&str]) -> Result<Vec<TextRow>, sqlx::Error> {
    let text = |column: &&str| {
        let name = quoted(column);
        format!("CASE typeof({name}) WHEN 'blob' THEN '\\x' || lower(hex({name})) ELSE CAST({name} AS TEXT) END")
    };
    let list: Vec<String> = columns.iter().map(text).collect();
    let query = format!("SELECT {} FROM {table}", list.join(", "));
    let mut connection = sqlite(url).await?;
    let read = |row: SqliteRow| (0..columns.len()).map(|place| row.try_get(place)).collect();
    let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await?;
    connection.close().await?;
    rows.into_iter().map(read).collect()
}

/// How the rows found differ from those expected; none when they are the same, repeated rows counted.
pub fn difference(expected: &[TextRow], found: &[TextRow]) -> Option<String> {
    /// More would not help to see what went wrong.
    const SHOWN_MAX: usize = 10;
    let mut surplus: BTreeMap<&TextRow, i64> = BTreeMap::new();
    found.iter().for_each(|row| *surplus.entry(row).or_default() += 1);
    expected.iter().for_each(|row| *surplus.entry(row).or_default() -= 1);
    surplus.retain(|_, count| *count != 0);
    if surplus.is_empty() {
        return None;
    }
    let mut lines = vec![format!("{} rows expected, {} found, {} differ", expected.len(), found.len(), surplus.len())];
    for (row, count) in surplus.iter().take(SHOWN_MAX) {
        let what = if *count < 0 { "missing" } else { "unexpected" };
        lines.push(format!("  {what} × {}: {row:?}", count.abs()));
    }
    Some(lines.join("\n"))
}

/// Passes when both hold the same rows, in whatever order.
///
/// # Panics
/// When they differ: the message shows the first rows that do, with `context` before it.
#[track_caller]
pub fn assert_same_rows(expected: &[TextRow], found: &[TextRow], context: &str) {
    if let Some(difference) = difference(expected, found) {
        panic!("{context}: {difference}");
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Executor, SqliteConnection};

    use super::*;
    use crate::ddl::{KeyIndex, create_table};
    use crate::history::{History, Shape};
    use crate::oracle::Oracle;
    use crate::postgres::PostgresServer;
    use crate::value::{ColumnType, Dialect, Value, render};

    /// A value as a literal that makes it, from its text: the database parses what the oracle rendered.
    fn literal(value: &Value, dialect: Dialect) -> String {
        match (render(value, dialect), value, dialect) {
            (None, _, _) => "NULL".into(),
            (Some(text), Value::Bytes(_), Dialect::Sqlite) => format!("x'{}'", &text[2..]),
            (Some(text), _, Dialect::Postgres | Dialect::Redshift) => format!("'{}'", text.replace('\'', "''")),
            (Some(text), Value::Int(_) | Value::Float(_) | Value::Bool(_), Dialect::Sqlite) => text,
            (Some(text), _, Dialect::Sqlite) => format!("'{}'", text.replace('\'', "''")),
        }
    }

    fn statements(history: &History, oracle: &Oracle, table: &str, dialect: Dialect) -> String {
        let mut script = create_table(table, &history.key, &history.columns, KeyIndex::PrimaryKey, dialect) + ";\n";
        for (key, values) in oracle.rows() {
            let row: Vec<String> = key.iter().chain(values).map(|value| literal(value, dialect)).collect();
            script.push_str(&format!("INSERT INTO {table} VALUES ({});\n", row.join(", ")));
        }
        script
    }

    fn mixed_history() -> History {
        History::seeded(99, 400, &Shape { keys: 150, key_columns: 3, added_at: vec![200], ..Shape::default() })
    }

    #[tokio::test]
    async fn rows_written_to_postgres_are_dumped_as_the_oracle_shows_them() {
        let history = mixed_history();
        let oracle = Oracle::of(&history);
        let url = PostgresServer::shared().create_database();
        let mut connection = postgres(&url).await.unwrap();
        let script = statements(&history, &oracle, "public.\"Mixed \"\" case\"", Dialect::Postgres);
        connection.execute(AssertSqlSafe(script)).await.unwrap();
        let found = dump_table(&url, "public.\"Mixed \"\" case\"", &oracle.column_names()).await;
        assert!(found.len() > 50, "{}", found.len());
        assert_same_rows(&oracle.text_rows(Dialect::Postgres), &found, "postgres");
        assert_eq!(oracle.text_rows(Dialect::Postgres), found, "the order is the same as well");
        assert_eq!(table_names(&url).await, ["public.Mixed \" case"]);
    }

    #[tokio::test]
    async fn rows_written_to_sqlite_are_dumped_as_the_oracle_shows_them() {
        let history = mixed_history();
        let oracle = Oracle::of(&history);
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}?mode=rwc", folder.path().join("target.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let script = statements(&history, &oracle, "mixed", Dialect::Sqlite);
        connection.execute(AssertSqlSafe(script)).await.unwrap();
        let found = dump_table(&url, "mixed", &oracle.column_names()).await;
        assert_same_rows(&oracle.text_rows(Dialect::Sqlite), &found, "sqlite");
        assert_eq!(table_names(&url).await, ["mixed"]);
    }

    #[test]
    fn difference_names_missing_unexpected_and_repeated_rows() {
        let row = |text: &str| vec![Some(text.to_owned()), None];
        let expected = [row("same"), row("lost")];
        let found = [row("same"), row("same"), row("new")];
        let message = difference(&expected, &found).unwrap();
        let lines: Vec<&str> = message.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "2 rows expected, 3 found, 3 differ",
                "missing × 1: [Some(\"lost\"), None]",
                "unexpected × 1: [Some(\"new\"), None]",
                "unexpected × 1: [Some(\"same\"), None]",
            ]
        );
        assert_eq!(difference(&expected, &[row("lost"), row("same")]), None);
    }

    #[test]
    fn names_with_quotes_stay_names() {
        let columns = [crate::value::Column::new("a\"b", ColumnType::Decimal { precision: 9, scale: 2 })];
        let statement = create_table("t", &columns, &[], KeyIndex::Absent, Dialect::Postgres);
        assert_eq!(statement, "CREATE TABLE t (\n  \"a\"\"b\" numeric(9,2) NOT NULL\n)");
    }
}
