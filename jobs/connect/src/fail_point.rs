//! Named places where a test lets the process die.
//!
//! In development builds, a process whose environment has `QUARREL_FAIL_AT=NAME` ends itself with SIGKILL when it comes to the
//! place of that name: nothing is flushed, closed or rolled back, as in a power cut. Release builds contain none of it.

/// The variable that names the place.
pub const VARIABLE: &str = "QUARREL_FAIL_AT";

/// Every place in a load of a batch, in the order it passes them. Places of other crates are theirs to list.
pub const POINTS: &[&str] = &[
    "load_begin",
    "stage_begin",
    "stage_copied",
    "merge_begin",
    "merge_done",
    "ledger_written",
    "commit_before",
    "commit_after",
];

/// Every place in a full load, in the order it passes them.
pub const REPLACE_POINTS: &[&str] = &[
    "replace_opened",
    "part_copied",
    "part_recorded",
    "part_committed",
    "replace_built",
    "replace_swapped",
    "replace_ledger_written",
    "replace_commit_before",
    "replace_commit_after",
];

/// Ends the process here if a test has asked for it.
#[cfg(debug_assertions)]
pub fn hit(point: &str) {
    if std::env::var_os(VARIABLE).is_some_and(|wanted| wanted == point) {
        kill_this_process();
    }
}

/// Does nothing in release builds.
#[cfg(not(debug_assertions))]
pub fn hit(_point: &str) {}

#[cfg(debug_assertions)]
fn kill_this_process() -> ! {
    // The signal can't be caught. A library call for it would need `unsafe` or one more dependency; every shell has `kill`.
    let command = format!("kill -KILL {}", std::process::id());
    let sent = std::process::Command::new("sh").args(["-c", &command]).status();
    tracing::error!(?sent, "SIGKILL did not end this process");
    std::process::abort()
}
