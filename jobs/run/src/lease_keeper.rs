//! Keeps a lease alive while its run works, and stops the run when the lease is lost.

use std::sync::Arc;

use quarrel_model::ledger::Fence;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::chain;
use crate::state::StateError;
use crate::state::lease::{LEASE_LIFE, LEASE_RENEWAL, Lease};

/// Renews a lease in the background; owns it until [`stop`](Self::stop).
#[derive(Debug)]
pub struct LeaseKeeper {
    lease: Arc<Mutex<Lease>>,
    /// Cancelled when the user cancels, or the lease is lost: the run's own token.
    cancel: CancellationToken,
    /// Ends the renewal also when a run is dropped where it stands: its lease must not live on without it.
    stop: DropGuard,
    task: JoinHandle<Result<(), StateError>>,
}

impl LeaseKeeper {
    /// Starts renewing.
    pub fn start(lease: Lease, cancel: CancellationToken) -> Self {
        let lease = Arc::new(Mutex::new(lease));
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep(Arc::clone(&lease), cancel.clone(), stop.clone()));
        LeaseKeeper { lease, cancel, stop: stop.drop_guard(), task }
    }

    /// The token that work under this lease must heed.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// A fence that a target with this one in its ledger accepts; the epoch is raised in the state store where it must be.
    ///
    /// # Errors
    /// The lease is lost.
    pub async fn fence_over(&self, found: Option<&Fence>) -> Result<Fence, StateError> {
        let mut lease = self.lease.lock().await;
        match found.filter(|found| quarrel_connect::target::is_fenced_off(lease.fence(), Some(found))) {
            Some(found) => lease.renew(Some(found.epoch)).await.cloned(),
            None => Ok(lease.fence().clone()),
        }
    }

    /// Stops renewing and lets the lease go.
    ///
    /// # Errors
    /// The lease was lost in the meantime.
    pub async fn stop(self) -> Result<(), StateError> {
        drop(self.stop);
        let kept = self.task.await.expect("renewing a lease does not panic");
        let lease = self.lease.lock().await.clone();
        if let Err(error) = lease.release().await {
            tracing::warn!(error = chain(&error), "could not release a lease; it expires by itself");
        }
        kept
    }
}

async fn keep(lease: Arc<Mutex<Lease>>, cancel: CancellationToken, stop: CancellationToken) -> Result<(), StateError> {
    let mut held_until = tokio::time::Instant::now() + LEASE_LIFE;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(LEASE_RENEWAL) => {}
        }
        let renewed = lease.lock().await.renew(None).await.map(drop);
        match renewed {
            Ok(()) => held_until = tokio::time::Instant::now() + LEASE_LIFE,
            Err(StateError::LeaseLost { lease }) => {
                cancel.cancel();
                return Err(StateError::LeaseLost { lease });
            }
            // The store may come back before the lease has expired; after that, nobody may rely on it.
            Err(error) if tokio::time::Instant::now() >= held_until => {
                cancel.cancel();
                return Err(error);
            }
            Err(error) => tracing::warn!(error = chain(&error), "could not renew a lease; trying again"),
        }
    }
}
