//! Postgres as a target.
//!
//! Rows go by binary COPY into a staging table and from there into the target, in one transaction with the ledger. Small
//! batches are staged in that transaction; large ones before it, by several connections ([`stage`]).
//!
//! # Invariants
//! - A load holds one place of the pool for its connection and takes further ones only if they are free, and nothing waits for
//!   a place while it holds one: loads that share a pool can't block one another for good.
//! - A connection on which a load failed is closed, never given back: no transaction, lock or COPY is left on it.

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
mod session;
mod source;
mod stage;
mod types;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use quarrel_model::ledger::{AppliedFile, Ledger, LedgerFrom};
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadReceipt, TargetTable};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use tokio::sync::Semaphore;

use self::session::Reading;
pub use self::source::PostgresSource;
use crate::backoff::wait_to_retry;
use crate::target::{Load, Target, TargetError};

/// What `pg_stat_activity` shows of our connections.
const APPLICATION_NAME: &str = "quarrel";
/// A server that takes no connection for so long is down.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// A Postgres database as a target.
#[derive(Debug, Clone)]
pub struct PostgresTarget {
    name: String,
    pool: PgPool,
    /// One permit for each connection.
    slots: Arc<Semaphore>,
}

impl PostgresTarget {
    /// Prepares a pool for the database of a URL, whose `sslmode` and `sslrootcert` are honoured; it connects when it is used.
    ///
    /// A URL that doesn't say `sslmode` means `verify-full`, unless the server is on this machine.
    ///
    /// # Errors
    /// A URL that can't be read.
    pub async fn connect(name: &str, url: &str, max_connections: u32) -> Result<Self, TargetError> {
        let options = connect_options(name, url)?;
        let connections = max_connections.max(1);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(PostgresTarget { name: name.to_owned(), pool, slots: Arc::new(Semaphore::new(connections as usize)) })
    }
}

/// The options of a URL, whose `sslmode` and `sslrootcert` are honoured. A URL that doesn't say `sslmode` means
/// `verify-full`, unless the server is on this machine.
fn connect_options(name: &str, url: &str) -> Result<PgConnectOptions, TargetError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|source| TargetError::Connect { connection: name.to_owned(), source })?
        .application_name(APPLICATION_NAME);
    Ok(if says_ssl_mode(url) || is_local(&options) { options } else { options.ssl_mode(PgSslMode::VerifyFull) })
}

fn says_ssl_mode(url: &str) -> bool {
    let parameters = url.split_once('?').map(|(_, parameters)| parameters).unwrap_or_default();
    let mut names = parameters.split('&').filter_map(|parameter| parameter.split('=').next());
    names.any(|name| name == "sslmode" || name == "ssl-mode") || std::env::var_os("PGSSLMODE").is_some()
}

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let loopback = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || host == "localhost" || host.starts_with('/') || options.get_socket().is_some()
}

#[async_trait]
impl Target for PostgresTarget {
    async fn describe(&self, table: &QualifiedName) -> Result<Option<TargetTable>, TargetError> {
        let mut reading = Reading::open(self).await?;
        describe::describe(reading.connection(), table).await
    }

    async fn read_ledger(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Ledger, TargetError> {
        let mut reading = Reading::open(self).await?;
        ledger::read(reading.connection(), table, target, from).await
    }

    async fn read_applied(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Vec<AppliedFile>, TargetError> {
        let mut reading = Reading::open(self).await?;
        Ok(ledger::read(reading.connection(), table, target, from).await?.files)
    }

    async fn prepare_ledger(&self) -> Result<(), TargetError> {
        let mut reading = Reading::open(self).await?;
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
        let mut reading = Reading::open(self).await?;
        check::check(reading.connection(), table).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_of_this_machine_are_spoken_to_without_verifying_them() {
        let cases = [
            ("postgres://u@db.example.com/d", false),
            ("postgres://u@10.0.0.7:5432/d", false),
            ("postgres://u@127.0.0.1:5432/d", true),
            ("postgres://u@localhost/d", true),
            ("postgres://u@%2Frun%2Fpostgresql/d", true),
        ];
        for (url, local) in cases {
            assert_eq!(is_local(&url.parse().unwrap()), local, "{url}");
        }
        assert!(says_ssl_mode("postgres://u@h/d?application_name=x&sslmode=disable"));
        assert!(!says_ssl_mode("postgres://u@h/d?application_name=sslmode"));
    }
}
