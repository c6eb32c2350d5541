//! Probes are answered, and SIGTERM ends processes in good order.

use std::time::Duration;

use crate::harness::long_history::LongHistory;
use crate::nodes::{probe, start_cluster};
use crate::scene::Lake;

#[track_caller]
fn assert_answers(port: u16, path: &str, expected: &str) {
    let answer = probe(port, path).expect("an answer");
    assert!(answer.starts_with(expected), "{path}: {answer}");
}

#[test]
fn probes_are_answered_and_sigterm_ends_every_process_well() {
    let (scheduler, [first, second]) = start_cluster();
    for port in [scheduler.port, first.health_port, second.health_port] {
        assert_answers(port, "/healthz", "HTTP/1.1 200");
        assert_answers(port, "/readyz", "HTTP/1.1 200");
    }
    first.stop().expect(0, "the first executor");
    scheduler.wait_for_executors(1);
    second.stop().expect(0, "the second executor");
    assert_answers(scheduler.port, "/healthz", "HTTP/1.1 200");
    assert_answers(scheduler.port, "/readyz", "HTTP/1.1 503");
    scheduler.stop().expect(0, "the scheduler");
}

#[test]
fn executor_told_to_stop_in_mid_job_leaves_and_the_rows_are_right() {
    const CAUGHT: LongHistory = LongHistory { files: 20, changes_per_file: 25_000, keys: 60_000, seed: 4 };
    let lake = Lake::with(CAUGHT);
    let (scheduler, [mut leaving, _other]) = start_cluster();
    let copy = lake.copy(&format!("{{scheduler: '{}'}}", scheduler.url()), "{deadline: 120s}", "one");
    let mut run = copy.start_until_reducing(&leaving);
    leaving.signal("TERM");
    copy.assert_still_reducing();
    leaving.end().expect(0, "the executor that was told to stop");
    copy.end_right_or_recover(&mut run, &lake.expected, Duration::from_secs(180));
}
