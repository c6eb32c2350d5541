//! The connections of a load.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};
use tokio::sync::OwnedSemaphorePermit;

use super::PostgresTarget;
use crate::target::TargetError;

/// A connection for a short read: it has a place in the pool like any other, so it waits for loads rather than time out.
pub(super) struct Reading {
    connection: PoolConnection<Postgres>,
    _slot: OwnedSemaphorePermit,
}

impl Reading {
    pub(super) async fn open(target: &PostgresTarget) -> Result<Reading, TargetError> {
        let slot = slot(target).await;
        Ok(Reading { connection: acquire(target).await?, _slot: slot })
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

async fn slot(target: &PostgresTarget) -> OwnedSemaphorePermit {
    target.slots.clone().acquire_owned().await.expect("nothing closes the semaphore")
}

async fn acquire(target: &PostgresTarget) -> Result<PoolConnection<Postgres>, TargetError> {
    target.pool.acquire().await.map_err(|source| TargetError::Connect { connection: target.name.clone(), source })
}

/// A connection that a load holds: closed when it is dropped, unless it was released.
#[derive(Debug)]
pub(super) struct Session {
    connection: Option<PoolConnection<Postgres>>,
    _slot: OwnedSemaphorePermit,
}

impl Session {
    /// Waits for a place in the pool.
    pub(super) async fn open(target: &PostgresTarget) -> Result<Session, TargetError> {
        let slot = slot(target).await;
        Session::with_slot(target, slot).await
    }

    /// Opens at most so many further connections, if there is room for them now.
    pub(super) async fn open_free(target: &PostgresTarget, wanted: usize) -> Result<Vec<Session>, TargetError> {
        let mut sessions = Vec::new();
        while sessions.len() < wanted {
            let Ok(slot) = target.slots.clone().try_acquire_owned() else { break };
            sessions.push(Session::with_slot(target, slot).await?);
        }
        Ok(sessions)
    }

    async fn with_slot(target: &PostgresTarget, slot: OwnedSemaphorePermit) -> Result<Session, TargetError> {
        Ok(Session { connection: Some(acquire(target).await?), _slot: slot })
    }

    /// Gives the connection back; it has no transaction, lock or COPY on it.
    pub(super) fn release(mut self) {
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
