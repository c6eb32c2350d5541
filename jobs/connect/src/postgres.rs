//! Postgres as a target.
//!
//! Rows go by binary COPY into a staging table and from there into the target, in one transaction with the ledger. Small
//! batches are staged in that transaction; large ones before it, by several connections ([`stage`]).

mod cast_fault;
mod check;
pub mod copy;
mod describe;
pub mod direct;
mod ledger;
mod load;
mod merge;
mod migrate;
mod replace;
mod source;
mod stage;
mod types;

use async_trait::async_trait;
use quarrel_model::ledger::{AppliedFile, Ledger, LedgerFrom};
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadReceipt, TargetTable};

pub use self::source::PostgresSource;
use crate::backoff::wait_to_retry;
use crate::pool::{Pool, Reading, connect_options};
use crate::target::{Load, Target, TargetError};

/// A Postgres database as a target.
#[derive(Debug, Clone)]
pub struct PostgresTarget {
    pool: Pool,
}

impl PostgresTarget {
    /// Prepares a pool for the database of a URL, whose `sslmode` and `sslrootcert` are honoured; it connects when it is used.
    ///
    /// A URL that doesn't say `sslmode` means `verify-full`, unless the server is on this machine.
    ///
    /// # Errors
    /// A URL that can't be read.
    pub async fn connect(name: &str, url: &str, max_connections: u32) -> Result<Self, TargetError> {
        let pool = Pool::new(name, connect_options(name, url)?, max_connections);
        Ok(PostgresTarget { pool })
    }
}

#[async_trait]
impl Target for PostgresTarget {
    async fn describe(&self, table: &QualifiedName) -> Result<Option<TargetTable>, TargetError> {
        let mut reading = Reading::open(&self.pool).await?;
        describe::describe(reading.connection(), table).await
    }

    async fn read_ledger(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Ledger, TargetError> {
        let mut reading = Reading::open(&self.pool).await?;
        ledger::read(reading.connection(), table, target, from).await
    }

    async fn read_applied(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Vec<AppliedFile>, TargetError> {
        let mut reading = Reading::open(&self.pool).await?;
        Ok(ledger::read(reading.connection(), table, target, from).await?.files)
    }

    async fn prepare_ledger(&self) -> Result<(), TargetError> {
        let mut reading = Reading::open(&self.pool).await?;
        ledger::create(reading.connection()).await
    }

    async fn load(&self, load: Load<'_>) -> Result<LoadReceipt, TargetError> {
        let mut attempt = 1;
        loop {
            match load::attempt(self, &load).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => wait_to_retry(attempt, error, &load).await?,
            }
            attempt += 1;
        }
    }

    async fn migrate(&self, table: &QualifiedName, steps: &[MigrationStep]) -> Result<(), TargetError> {
        migrate::migrate(self, table, steps).await
    }

    async fn check(&self, table: &QualifiedName) -> Result<Vec<String>, TargetError> {
        let mut reading = Reading::open(&self.pool).await?;
        check::check(reading.connection(), table).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
