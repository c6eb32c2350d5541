//! Leases: one run at a time on a table, fenced by an epoch that only grows.
//!
//! # Invariants
//! - Time is the database's: two processes with different clocks agree on who holds a lease.
//! - Taking a lease raises its epoch; targets refuse a smaller epoch than they know. So a run that lost its lease without
//!   noticing can't commit behind its successor's back.

use std::time::Duration;

use quarrel_model::ledger::{Epoch, Fence};
use quarrel_sql::state;
use sqlx::Row as _;

use super::{StateError, StateStore};

/// How long a lease lives without being renewed.
pub const LEASE_LIFE: Duration = Duration::from_secs(60);
/// How often a run renews it: three tries before it is gone.
pub const LEASE_RENEWAL: Duration = Duration::from_secs(20);

/// A lease that this process holds.
#[derive(Debug, Clone)]
pub struct Lease {
    store: StateStore,
    name: String,
    fence: Fence,
}

impl Lease {
    /// Takes a lease.
    ///
    /// A lease whose holder ran on this host and is dead is taken at once; others once they have expired.
    ///
    /// # Errors
    /// [`StateError::Held`] when somebody else holds it.
    pub async fn acquire(store: &StateStore, name: &str, holder: &Holder) -> Result<Self, StateError> {
        let found = store
            .statement(&state::LEASE_FIND, [])?
            .bind(name.to_owned())
            .fetch_optional(&store.pool)
            .await
            .map_err(|source| StateError::Statement { action: "look up a lease", source })?;
        let previous: Option<String> = found.map(|row| row.get("holder"));
        let dead = previous.clone().filter(|previous| Holder::is_dead(previous)).unwrap_or_default();
        let taken = store
            .statement(&state::LEASE_ACQUIRE, [("now", store.clock()?)])?
            .bind(name.to_owned())
            .bind(holder.0.clone())
            .bind(life_ms())
            .bind(dead)
            .fetch_optional(&store.pool)
            .await
            .map_err(|source| StateError::Statement { action: "take a lease", source })?;
        match taken {
            Some(row) => {
                let fence = Fence { epoch: Epoch(row.get("epoch")), holder: holder.0.clone() };
                Ok(Lease { store: store.clone(), name: name.to_owned(), fence })
            }
            None => Err(StateError::Held { lease: name.to_owned(), holder: previous.unwrap_or_default() }),
        }
    }

    /// Prolongs the lease, and raises its epoch above `known`: a target may know a later one from another state store.
    ///
    /// # Errors
    /// [`StateError::LeaseLost`] when somebody else has taken it.
    pub async fn renew(&mut self, known: Option<Epoch>) -> Result<&Fence, StateError> {
        let least = known.filter(|known| *known >= self.fence.epoch).map_or(self.fence.epoch.0, |known| known.0 + 1);
        let row = self
            .store
            .statement(&state::LEASE_RENEW, [("now", self.store.clock()?)])?
            .bind(self.name.clone())
            .bind(self.fence.holder.clone())
            .bind(life_ms())
            .bind(least)
            .fetch_optional(&self.store.pool)
            .await
            .map_err(|source| StateError::Statement { action: "renew a lease", source })?;
        let Some(row) = row else { return Err(StateError::LeaseLost { lease: self.name.clone() }) };
        self.fence.epoch = Epoch(row.get("epoch"));
        Ok(&self.fence)
    }

    /// The fence that loads under this lease carry.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Lets the lease go.
    ///
    /// # Errors
    /// The statement failed; the lease then expires by itself.
    pub async fn release(self) -> Result<(), StateError> {
        self.store
            .statement(&state::LEASE_RELEASE, [])?
            .bind(self.name)
            .bind(self.fence.holder)
            .execute(&self.store.pool)
            .await
            .map_err(|source| StateError::Statement { action: "release a lease", source })?;
        Ok(())
    }
}

fn life_ms() -> i64 {
    i64::try_from(LEASE_LIFE.as_millis()).expect("a minute fits")
}

/// Names a run of a process: `host/pid/start/run`. The start tells a process from a later one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder(pub String);

impl Holder {
    /// The holder for one run of this process.
    pub fn of_run(run_id: &str) -> Self {
        let pid = std::process::id();
        Holder(format!("{}/{pid}/{}/{run_id}", host(), process_start(pid).unwrap_or_default()))
    }

    /// Whether this holder was a process of this host that no longer runs. Unknown counts as alive.
    fn is_dead(holder: &str) -> bool {
        let mut parts = holder.split('/');
        let (Some(on), Some(pid), Some(start)) = (parts.next(), parts.next(), parts.next()) else { return false };
        let Ok(pid) = pid.parse::<u32>() else { return false };
        let known = !on.is_empty() && on == host() && !start.is_empty();
        known && process_start(std::process::id()).is_some() && process_start(pid).is_none_or(|now| now != start)
    }
}

/// The host's name with its boot, so that containers with equal names and pids are told apart. Empty where unknown.
fn host() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().replace('/', "-");
    let (name, boot) = (read("/proc/sys/kernel/hostname"), read("/proc/sys/kernel/random/boot_id"));
    if name.is_empty() || boot.is_empty() { String::new() } else { format!("{name}-{boot}") }
}

/// When a process started, in clock ticks since boot; None when there is no such process (or no procfs).
fn process_start(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_dead_only_when_its_process_is_known_to_be_gone() {
        let own = Holder::of_run("r1").0;
        assert!(!Holder::is_dead(&own));
        let parts: Vec<&str> = own.split('/').collect();
        assert!(Holder::is_dead(&format!("{}/{}/{}/r0", parts[0], parts[1], "1")), "the pid was used again");
        assert!(Holder::is_dead(&format!("{}/4194305/5/r0", parts[0])), "no such pid");
        assert!(!Holder::is_dead("elsewhere/4194305/5/r0"));
        assert!(!Holder::is_dead("nonsense"));
    }
}
