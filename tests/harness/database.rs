//! Owns a target: a Postgres database of its own, what it is told, and what it holds.

use quarrel_testkit::dump::{TextRow, assert_same_rows, dump_table};
use quarrel_testkit::postgres::PostgresServer;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::wait::block_on;

/// A database.
#[derive(Debug)]
pub struct Database {
    pub url: String,
}

impl Database {
    /// A new one, on the server that this test process shares.
    pub fn create() -> Database {
        Database { url: PostgresServer::shared().create_database() }
    }

    pub fn connect(&self) -> PgConnection {
        block_on(PgConnection::connect(&self.url)).unwrap_or_else(|error| panic!("{}: {error}", self.url))
    }

    /// Runs statements.
    pub fn execute(&self, statements: &str) {
        let mut connection = self.connect();
        let done = block_on(sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection));
        done.unwrap_or_else(|error| panic!("{statements} failed: {error}"));
    }

    /// The rows of a table, or of a query in brackets with a name, sorted as text.
    pub fn rows(&self, table: &str, columns: &[&str]) -> Vec<TextRow> {
        block_on(dump_table(&self.url, table, columns))
    }

    /// The one text of a query.
    pub fn text(&self, query: &str) -> Option<String> {
        let rows = self.rows(&format!("({query}) AS answer(value)"), &["value"]);
        rows.into_iter().next().and_then(|row| row.into_iter().next().flatten())
    }

    /// Asserts that a table holds these rows.
    #[track_caller]
    pub fn assert_rows(&self, table: &str, columns: &[&str], expected: &[TextRow], context: &str) {
        assert_same_rows(expected, &self.rows(table, columns), context);
    }

    /// Asserts that the ledger of table `items` names each of `files` change files, and that each was in one batch only.
    #[track_caller]
    pub fn assert_applied_once(&self, files: usize, context: &str) {
        let named = self.text("SELECT count(*)::text FROM quarrel.ledger_files WHERE table_name = 'items'");
        assert_eq!(named, Some(files.to_string()), "{context}: files in the ledger");
        let applied = self.text("SELECT sum(files)::text FROM quarrel.ledger_batches WHERE table_name = 'items'");
        assert_eq!(applied, Some(files.to_string()), "{context}: files of all batches in the ledger");
    }
}
