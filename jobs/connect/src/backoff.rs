//! How long to wait between the attempts of a load.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::target::{Load, Retry, TargetError};

/// Attempts of one load, the first included: enough for a failover or a run of deadlocks; what lasts longer is the next
/// run's matter.
const ATTEMPTS_MAX: u32 = 5;
/// Pause before the second attempt; each later one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// A server that restarts needs seconds, not minutes.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Waits until a failed attempt (counted from 1) may be repeated.
///
/// # Errors
/// The attempt's own, when it would fail again or was the last one; [`TargetError::Cancelled`], when that happens meanwhile.
pub(crate) async fn wait_to_retry(attempt: u32, error: TargetError, load: &Load<'_>) -> Result<(), TargetError> {
    if attempt >= ATTEMPTS_MAX || error.retry() != Retry::Again {
        return Err(error);
    }
    let pause = pause_after(attempt);
    tracing::warn!(
        table = %load.plan.target,
        batch = %load.plan.batch,
        attempt,
        pause_seconds = pause.as_secs_f64(),
        error = &error as &(dyn std::error::Error + 'static),
        "load failed and is tried again"
    );
    tokio::select! {
        () = load.cancel.cancelled() => Err(TargetError::Cancelled { batch: load.plan.batch.clone() }),
        () = tokio::time::sleep(pause) => Ok(()),
    }
}

/// How long to wait after a failed attempt (counted from 1) before the next; None when there is to be none.
pub(crate) fn pause_before_next(attempt: u32, retry: &Retry) -> Option<Duration> {
    match retry {
        Retry::Again if attempt < ATTEMPTS_MAX => Some(pause_after(attempt)),
        Retry::Again | Retry::Replan | Retry::Never { .. } => None,
    }
}

/// The pause after an attempt (counted from 1): between half and all of a doubling bound, so that loads which collided do not
/// collide again.
fn pause_after(attempt: u32) -> Duration {
    // A hasher with fresh keys is all the randomness this needs.
    let random = RandomState::new().hash_one(attempt) % 1000;
    jittered(attempt, u32::try_from(random).unwrap_or(0))
}

/// The pause for a random number of thousandths.
fn jittered(attempt: u32, thousandths: u32) -> Duration {
    let bound = PAUSE_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(PAUSE_MAX);
    bound / 2 + bound / 2 * thousandths / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_vary_by_half() {
        let millis = |attempt, thousandths| jittered(attempt, thousandths).as_millis();
        assert_eq!((millis(1, 0), millis(1, 1000)), (50, 100));
        assert_eq!((millis(3, 0), millis(3, 500)), (200, 300));
        assert_eq!((millis(40, 0), millis(40, 1000)), (2500, 5000));
    }
}
