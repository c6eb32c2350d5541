//! Bounds how many rows a second all workers of a copy send together.

use std::num::NonZeroU64;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// Rows of a paced copy are sent at least so often, so that it goes evenly.
const SENDS_PER_SECOND: u64 = 10;

/// A pace shared by workers: each sends once the time of its rows has passed.
#[derive(Debug)]
pub(super) struct Pace {
    rows_per_second: Option<NonZeroU64>,
    /// When everything that has been asked for so far may have been sent.
    paid_until: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(rows_per_second: Option<NonZeroU64>) -> Pace {
        Pace { rows_per_second, paid_until: Mutex::new(Instant::now()) }
    }

    /// How many rows are sent at once, at most; None when only bytes count.
    pub(super) fn rows_at_once(&self) -> Option<u64> {
        self.rows_per_second.map(|rows| (rows.get() / SENDS_PER_SECOND).max(1))
    }

    /// Waits until so many rows may be sent.
    pub(super) async fn wait_for(&self, rows: u64) {
        if let Some(paid_until) = self.pay(rows, Instant::now()) {
            tokio::time::sleep_until(paid_until).await;
        }
    }

    /// When so many rows may be sent that are asked for now; at once if None.
    fn pay(&self, rows: u64, now: Instant) -> Option<Instant> {
        let per_second = self.rows_per_second?;
        let cost = Duration::from_secs_f64(rows as f64 / per_second.get() as f64);
        let mut held = self.paid_until.lock().expect("nothing panics while it holds it");
        // Time in which nobody sent is not saved up.
        *held = (*held).max(now) + cost;
        Some(*held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_together_keep_the_pace_and_save_nothing_up() {
        let pace = Pace::new(NonZeroU64::new(100));
        let begun = Instant::now();
        let after = |pay: Option<Instant>| pay.map(|paid| (paid - begun).as_millis() / 10 * 10);
        assert_eq!(after(pace.pay(50, begun)), Some(500));
        assert_eq!(after(pace.pay(150, begun)), Some(2_000), "another worker's rows come behind");
        let later = begun + Duration::from_secs(10);
        assert_eq!(after(pace.pay(100, later)), Some(11_000));
        assert_eq!(pace.rows_at_once(), Some(10));
        assert_eq!(Pace::new(None).pay(u64::MAX, begun), None);
    }
}
