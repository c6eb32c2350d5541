//! SQLite as a target: embedded, for the demo and for small copies.
//!
//! A load is one transaction that begins by writing, so SQLite itself serialises loads into a file. What SQLite has no type for
//! is kept as text in one canonical form ([`value`]).

mod describe;
mod ledger;
mod load;
mod migrate;
mod replace;
mod value;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use quarrel_model::ledger::{AppliedFile, Ledger, LedgerFrom};
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadReceipt, TargetTable};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::Mutex;

use crate::backoff::wait_to_retry;
use crate::target::{Load, Target, TargetError};

/// A pool that gives no connection for so long is stuck.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// One to load by, and one to read by meanwhile.
const CONNECTIONS_MIN: u32 = 2;
/// Reading and describing wait for a checkpoint at most; loads set their own bound.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A SQLite file as a target.
#[derive(Debug, Clone)]
pub struct SqliteTarget {
    name: String,
    pool: SqlitePool,
    /// Loads of this process wait for one another here, without a bound; those of other processes hold the file's own lock.
    loading: Arc<Mutex<()>>,
}

impl SqliteTarget {
    /// Prepares a pool for the file of a URL (`sqlite:path/to/file.db`); the file is made with the first connection.
    ///
    /// # Errors
    /// A URL that can't be read.
    pub async fn connect(name: &str, url: &str, max_connections: u32) -> Result<Self, TargetError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|source| TargetError::Connect { connection: name.to_owned(), source })?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            // A copy takes rows in the order of their keys' changes, not of the references between tables.
            .foreign_keys(false);
        let pool = SqlitePoolOptions::new()
            .max_connections(max_connections.max(CONNECTIONS_MIN))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(SqliteTarget { name: name.to_owned(), pool, loading: Arc::default() })
    }
}

#[async_trait]
impl Target for SqliteTarget {
    async fn describe(&self, table: &QualifiedName) -> Result<Option<TargetTable>, TargetError> {
        describe::describe(&self.pool, table).await
    }

    async fn read_ledger(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Ledger, TargetError> {
        ledger::read(&self.pool, table, target, from).await
    }

    async fn read_applied(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Vec<AppliedFile>, TargetError> {
        ledger::read_applied(&self.pool, table, target, from).await
    }

    async fn prepare_ledger(&self) -> Result<(), TargetError> {
        let mut tx = ledger::begin(&self.pool).await.map_err(|source| TargetError::PrepareLedger { source })?;
        ledger::create(&mut tx).await?;
        tx.commit().await.map_err(|source| TargetError::PrepareLedger { source })
    }

    async fn load(&self, load: Load<'_>) -> Result<LoadReceipt, TargetError> {
        let _turn = tokio::select! {
            biased;
            () = load.cancel.cancelled() => return Err(TargetError::Cancelled { batch: load.plan.batch.clone() }),
            turn = self.loading.lock() => turn,
        };
        let mut attempt = 1;
        loop {
            match load::attempt(&self.pool, &load).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => wait_to_retry(attempt, error, &load).await?,
            }
            attempt += 1;
        }
    }

    async fn migrate(&self, table: &QualifiedName, steps: &[MigrationStep]) -> Result<(), TargetError> {
        let _turn = self.loading.lock().await;
        migrate::migrate(&self.pool, table, steps).await
    }

    async fn check(&self, table: &QualifiedName) -> Result<Vec<String>, TargetError> {
        let found = describe::describe(&self.pool, table).await;
        let mut missing = Vec::new();
        match found {
            Ok(Some(_)) => {}
            Ok(None) => missing.push(format!("table {table} does not exist in {}", self.name)),
            Err(TargetError::Refused { why, .. }) => missing.push(format!("{table} can't be loaded: {why}")),
            Err(error) => return Err(error),
        }
        let begun = ledger::begin(&self.pool).await;
        let tx = begun.map_err(|source| TargetError::Check { table: table.clone(), source })?;
        tx.rollback().await.map_err(|source| TargetError::Check { table: table.clone(), source })?;
        Ok(missing)
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
