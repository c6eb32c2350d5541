//! Postgres as a source.

mod describe;
mod types;

use std::time::Duration;

use async_trait::async_trait;
use quarrel_model::names::QualifiedName;
use quarrel_model::source::SourceTable;
use quarrel_sql::postgres as sql;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::connect_options;
use crate::source::{Source, SourceError};
use crate::target::TargetError;

/// A server that takes no connection for so long is down.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// A Postgres database as a source.
#[derive(Debug, Clone)]
pub struct PostgresSource {
    pool: PgPool,
}

impl PostgresSource {
    /// Prepares a pool for the database of a URL, as [`PostgresTarget::connect`](super::PostgresTarget::connect) does; it
    /// connects when it is used.
    ///
    /// # Errors
    /// A URL that can't be read.
    pub async fn connect(name: &str, url: &str, max_connections: u32) -> Result<Self, SourceError> {
        let options = connect_options(name, url).map_err(|error| source_error(name, error))?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(PostgresSource { pool })
    }
}

/// The options of a connection fail in one way only.
fn source_error(name: &str, error: TargetError) -> SourceError {
    let connection = name.to_owned();
    match error {
        TargetError::Connect { source, .. } => SourceError::Connect { connection, source },
        other => SourceError::Connect { connection, source: sqlx::Error::Configuration(Box::new(other)) },
    }
}

#[async_trait]
impl Source for PostgresSource {
    async fn describe(&self, table: &QualifiedName) -> Result<Option<SourceTable>, SourceError> {
        let failed = |source| SourceError::Describe { table: table.clone(), source };
        let mut tx = self.pool.begin_with(sql::BEGIN_SNAPSHOT.text()).await.map_err(failed)?;
        let described = describe::describe(&mut tx, table).await;
        tx.rollback().await.map_err(failed)?;
        described
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
