//! Redshift as a target.
//!
//! Rows go as Parquet files into the lake's work area, from there by COPY into a temporary table like the target, and by one
//! transaction with the ledger into the target: rows that have a change are deleted, and those that remain inserted anew.
//!
//! Nothing enforces a key in Redshift. What keeps a row from coming twice is the lock that serialises loads: the first
//! statement of their transactions, so that what they read is as of after the wait.
//!
//! # Invariants
//! - Statements go by the simple protocol, with literals; nothing is prepared.
//! - The role's ARN and object URLs are all that a statement says of the lake: no credential is in SQL or in errors.
//! - Names are in lower case, as Redshift keeps them, quoted or not.

mod check;
mod column;
mod describe;
mod encode;
mod ledger;
mod load;
mod migrate;
mod parts;
mod plan;
mod statements;
mod types;

use std::sync::Arc;

use async_trait::async_trait;
use quarrel_model::ledger::{AppliedFile, Ledger, LedgerFrom};
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadReceipt, TargetTable};

use self::parts::StagedFiles;
use crate::backoff::wait_to_retry;
use crate::pool::{Pool, Reading, connect_options};
use crate::stage_store::StageStore;
use crate::target::{Load, Target, TargetError};

/// What a Redshift target needs beside its URL.
#[derive(Debug, Clone)]
pub struct RedshiftSettings {
    /// The ARN of the role that COPY reads the work area with.
    pub iam_role: String,
    /// Slices of the cluster: large batches are copied from a multiple of so many files, which it reads side by side.
    pub slices: usize,
    /// The work area.
    pub store: Arc<dyn StageStore>,
}

/// A Redshift database as a target.
#[derive(Debug, Clone)]
pub struct RedshiftTarget {
    pool: Pool,
    settings: RedshiftSettings,
}

impl RedshiftTarget {
    /// Prepares a pool for the database of a URL, `redshift://…` or `postgres://…`, whose `sslmode` and `sslrootcert` are
    /// honoured as for Postgres; it connects when it is used.
    ///
    /// # Errors
    /// A URL that can't be read.
    pub async fn connect(
        name: &str,
        url: &str,
        max_connections: u32,
        settings: RedshiftSettings,
    ) -> Result<Self, TargetError> {
        let url = url.strip_prefix("redshift://").map_or_else(|| url.to_owned(), |rest| format!("postgres://{rest}"));
        // Redshift refuses more float digits than 2, and needs none: rows don't come back by this way.
        let options = connect_options(name, &url)?.extra_float_digits(None).statement_cache_capacity(0);
        Ok(RedshiftTarget { pool: Pool::new(name, options, max_connections), settings })
    }
}

#[async_trait]
impl Target for RedshiftTarget {
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
        let mut files: Option<StagedFiles> = None;
        let mut attempt = 1;
        let result = loop {
            match load::attempt(self, &load, &mut files).await {
                Ok(receipt) => break Ok(receipt),
                Err(error) => {
                    // COPY may have failed for the files: they are written again.
                    if matches!(error, TargetError::Stage { .. })
                        && let Some(unfit) = files.take()
                    {
                        parts::remove(&self.settings, load.plan, &unfit.folder).await;
                    }
                    if let Err(error) = wait_to_retry(attempt, error, &load).await {
                        break Err(error);
                    }
                }
            }
            attempt += 1;
        };
        match (&result, &files) {
            // The fence has let this load through: whatever lies there is of loads that have ended.
            (Ok(_), _) => parts::remove(&self.settings, load.plan, &parts::folder(load.plan)).await,
            (Err(_), Some(files)) => parts::remove(&self.settings, load.plan, &files.folder).await,
            (Err(_), None) => {}
        }
        result
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
