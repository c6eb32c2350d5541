//! The connections of a target that speaks Postgres's protocol.
//!
//! # Invariants
//! - A load holds one place of the pool for its connection and takes further ones only if they are free, and nothing waits for
//!   a place while it holds one: loads that share a pool can't block one another for good.
//! - A connection on which a load failed is closed, never given back: no transaction, lock or COPY is left on it.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::target::TargetError;

/// What `pg_stat_activity` shows of our connections.
const APPLICATION_NAME: &str = "quarrel";
/// A server that takes no connection for so long is down.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// A pool, and the places in it.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    name: String,
    pool: PgPool,
    /// One permit for each connection.
    slots: Arc<Semaphore>,
}

impl Pool {
    /// A pool that connects when it is used.
    pub(crate) fn new(name: &str, options: PgConnectOptions, max_connections: u32) -> Pool {
        let connections = max_connections.max(1);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Pool { name: name.to_owned(), pool, slots: Arc::new(Semaphore::new(connections as usize)) }
    }

    /// The connection's name in the configuration.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// The options of a URL, whose `sslmode` and `sslrootcert` are honoured. A URL that doesn't say `sslmode` means
/// `verify-full`, unless the server is on this machine.
pub(crate) fn connect_options(name: &str, url: &str) -> Result<PgConnectOptions, TargetError> {
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

/// A connection for a short read: it has a place in the pool like any other, so it waits for loads rather than time out.
pub(crate) struct Reading {
    connection: PoolConnection<Postgres>,
    _slot: OwnedSemaphorePermit,
}

impl Reading {
    pub(crate) async fn open(pool: &Pool) -> Result<Reading, TargetError> {
        let slot = slot(pool).await;
        Ok(Reading { connection: acquire(pool).await?, _slot: slot })
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

async fn slot(pool: &Pool) -> OwnedSemaphorePermit {
    pool.slots.clone().acquire_owned().await.expect("nothing closes the semaphore")
}

async fn acquire(pool: &Pool) -> Result<PoolConnection<Postgres>, TargetError> {
    pool.pool.acquire().await.map_err(|source| TargetError::Connect { connection: pool.name.clone(), source })
}

/// A connection that a load holds: closed when it is dropped, unless it was released.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Option<PoolConnection<Postgres>>,
    _slot: OwnedSemaphorePermit,
}

impl Session {
    /// Waits for a place in the pool.
    pub(crate) async fn open(pool: &Pool) -> Result<Session, TargetError> {
        let slot = slot(pool).await;
        Session::with_slot(pool, slot).await
    }

    /// Opens at most so many further connections, if there is room for them now.
    pub(crate) async fn open_free(pool: &Pool, wanted: usize) -> Result<Vec<Session>, TargetError> {
        let mut sessions = Vec::new();
        while sessions.len() < wanted {
            let Ok(slot) = pool.slots.clone().try_acquire_owned() else { break };
            sessions.push(Session::with_slot(pool, slot).await?);
        }
        Ok(sessions)
    }

    async fn with_slot(pool: &Pool, slot: OwnedSemaphorePermit) -> Result<Session, TargetError> {
        Ok(Session { connection: Some(acquire(pool).await?), _slot: slot })
    }

    /// Gives the connection back; it has no transaction, lock or COPY on it.
    pub(crate) fn release(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("only `release` takes it, and that ends the session")
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("only `release` takes it, and that ends the session")
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
