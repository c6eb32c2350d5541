//! Owns waiting: for a future, and for something that another process brings about.

use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

/// Between two looks: short against everything waited for.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Runs a future on the one runtime of this test process, so that connections outlive the call that opened them.
pub fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let built = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        built.expect("a runtime needs only threads and file handles")
    });
    runtime.block_on(future)
}

/// Looks until there is something to see.
///
/// # Panics
/// When there is nothing within that time: `what` was waited for in vain.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: not within {} s", within.as_secs());
        std::thread::sleep(LOOK_PAUSE);
    }
}
