//! Processes that die in the middle of a job: the run ends in time, and the rows are right in the end.

use std::time::Duration;

use crate::harness::long_history::LongHistory;
use crate::harness::process::{Running, SIGKILL, ended_by};
use crate::harness::project::RUN_TIME_MAX;
use crate::nodes::{Executor, Scheduler, start_cluster};
use crate::scene::Lake;

/// Long enough for its reduction to be caught in the middle, also on a fast machine.
const CAUGHT: LongHistory = LongHistory { files: 20, changes_per_file: 25_000, keys: 60_000, seed: 2 };
const SHORT: LongHistory = LongHistory { files: 3, changes_per_file: 500, keys: 300, seed: 3 };
/// What a run may take beyond its deadline: collecting, cancelling, loading, on a loaded machine.
const SLACK: Duration = Duration::from_secs(60);

fn at(scheduler: &Scheduler) -> String {
    format!("{{scheduler: '{}'}}", scheduler.url())
}

#[test]
fn executor_killed_in_mid_job_costs_time_and_no_row() {
    let lake = Lake::with(CAUGHT);
    let (scheduler, [mut killed, _other]) = start_cluster();
    let copy = lake.copy(&at(&scheduler), "{deadline: 120s}", "one");
    let mut run = copy.start_until_reducing(&killed);
    killed.kill();
    copy.assert_still_reducing();
    copy.end_right_or_recover(&mut run, &lake.expected, Duration::from_secs(120) + SLACK);
}

#[test]
fn scheduler_killed_and_restarted_in_mid_job_ends_the_run_in_time() {
    let lake = Lake::with(CAUGHT);
    let (mut scheduler, executors) = start_cluster();
    let copy = lake.copy(&at(&scheduler), "{deadline: 60s}", "one");
    let mut run = copy.start_until_reducing(&executors[0]);
    scheduler.kill();
    copy.assert_still_reducing();
    let _restarted = Scheduler::start(scheduler.port);
    copy.end_right_or_recover(&mut run, &lake.expected, Duration::from_secs(60) + SLACK);
}

#[test]
fn scheduler_that_stays_away_ends_the_run_in_time() {
    let lake = Lake::with(CAUGHT);
    let (mut scheduler, executors) = start_cluster();
    let copy = lake.copy(&at(&scheduler), "{deadline: 60s}", "one");
    let mut run = copy.start_until_reducing(&executors[0]);
    scheduler.kill();
    copy.assert_still_reducing();
    let ended = run.end_within(Duration::from_secs(60) + SLACK).expect(1, "without a scheduler");
    let error = ended.summary()["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains(&scheduler.url()), "the scheduler is named: {error}");
    copy.assert_holds(&[], "nothing was applied");

    let unreachable = copy.project.run_cdc().expect(6, "the next run finds no scheduler");
    assert!(unreachable.stderr.contains(&scheduler.url()), "{unreachable:?}");
}

#[test]
fn job_without_executors_ends_at_its_deadline_and_is_cancelled() {
    let lake = Lake::with(SHORT);
    let scheduler = Scheduler::start(0);
    let copy = lake.copy(&at(&scheduler), "{deadline: 10s}", "one");
    let mut run = Running::start(&mut copy.project.cdc());
    let ended = run.end_within(Duration::from_secs(10) + SLACK).expect(1, "without executors");
    let error = ended.summary()["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("did not finish within 10 s"), "{error}");
    copy.assert_holds(&[], "nothing was applied");
    let job = copy.job().expect("the job of the failed run");
    scheduler.wait_for_log("Job cancelled", &job);

    // The job that was given up must not run after all: its attempt would write parts, and is not to be seen.
    let _executor = Executor::start(&scheduler);
    scheduler.wait_for_executors(1);
    let killed = Running::start(copy.project.cdc().env("QUARREL_FAIL_AT", "load_before")).end_within(RUN_TIME_MAX);
    assert!(ended_by(&killed, SIGKILL), "nothing died: {killed:?}");
    let parts = lake.bucket.keys_below("work/one/batches/").into_iter().filter(|key| key.contains("/parts/"));
    let mut attempts: Vec<String> = parts.filter_map(|key| Some(key.split_once("/parts/")?.0.to_owned())).collect();
    attempts.dedup();
    assert_eq!(attempts.len(), 1, "only the attempt that was waited for wrote parts: {attempts:?}");

    copy.project.run_cdc().expect(0, "with an executor");
    copy.assert_holds(&lake.expected, "with an executor");
}

#[test]
fn job_of_a_killed_client_is_cancelled_by_the_next_run() {
    let lake = Lake::with(CAUGHT);
    let (scheduler, executors) = start_cluster();
    let copy = lake.copy(&at(&scheduler), "{deadline: 120s}", "one");
    let mut run = copy.start_until_reducing(&executors[0]);
    // Frozen, they can't finish the job before the next run gets to it.
    executors.iter().for_each(|executor| executor.signal("STOP"));
    copy.assert_still_reducing();
    run.kill();
    let job = copy.job().expect("the job of the killed run");

    let mut next = Running::start(&mut copy.project.cdc());
    scheduler.wait_for_log("cancel", &job);
    executors.iter().for_each(|executor| executor.signal("CONT"));
    scheduler.wait_for_log("Job cancelled", &job);
    next.end_within(Duration::from_secs(120) + SLACK).expect(0, "the next run");
    copy.assert_holds(&lake.expected, "after the next run");
    copy.database.assert_applied_once(20, "after the next run");
}
