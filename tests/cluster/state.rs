//! Reads a state store from outside, while runs write to it.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::harness::wait::block_on;

/// The SQLite file beside a configuration.
#[derive(Debug, Clone)]
pub struct State {
    options: SqliteConnectOptions,
}

impl State {
    pub fn beside(folder: &Path) -> State {
        State { options: SqliteConnectOptions::new().filename(folder.join(".quarrel/state.db")) }
    }

    /// The one text of a query; none while file, table or row is not there yet.
    pub fn text(&self, query: &str) -> Option<String> {
        block_on(async {
            let mut connection = self.options.connect().await.ok()?;
            let found = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_optional(&mut connection).await;
            found.ok().flatten()
        })
    }
}
