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
        let Some(per_second) = self.rows_per_second else { return };
        let cost = Duration::from_secs_f64(rows as f64 / per_second.get() as f64);
        let paid_until = {
            let mut held = self.paid_until.lock().expect("nothing panics while it holds it");
            // Time in which nobody sent is not saved up.
            *held = (*held).max(Instant::now()) + cost;
            *held
        };
        tokio::time::sleep_until(paid_until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn workers_together_keep_the_pace() {
        let pace = Pace::new(NonZeroU64::new(1000));
        let begun = Instant::now();
        tokio::join!(
            async {
                pace.wait_for(50).await;
                pace.wait_for(100).await;
            },
            pace.wait_for(150),
        );
        assert!(begun.elapsed().as_millis() >= 300, "300 rows at 1,000 a second: {:?}", begun.elapsed());
        assert_eq!(pace.rows_at_once(), Some(100));
        // Were it to wait, this would never end.
        Pace::new(None).wait_for(u64::MAX).await;
    }
}
