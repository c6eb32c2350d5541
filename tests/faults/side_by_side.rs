//! Two runs at once, runs that are stopped while they wait, and a table that somebody else has locked.

use quarrel_testkit::history::History;
use sqlx::{Executor as _, PgConnection};

use crate::harness::process::Running;
use crate::harness::project::RUN_TIME_MAX;
use crate::harness::wait::{block_on, until};
use crate::scene::{Scene, Setup, short_history};

/// A run that waits for a lock on its target, with everything staged, and the connection that holds the lock.
fn start_until_locked_out(history: &History) -> (Scene, Running, PgConnection) {
    let scene = Setup { table: ", lock_timeout: 10m", ..Setup::of(history) }.in_folder(1);
    scene.deliver(&history.files);
    let mut blocker = scene.targets[0].connect();
    block_on(blocker.execute("BEGIN; LOCK TABLE items IN SHARE ROW EXCLUSIVE MODE")).unwrap();
    let mut run = Running::start(&mut scene.project.cdc());
    let waiting = "SELECT 'yes' FROM pg_locks JOIN pg_database AS here ON here.oid = pg_locks.database \
                   WHERE NOT granted AND datname = current_database()";
    until("the run waits for the lock", RUN_TIME_MAX, || scene.targets[0].text(waiting));
    assert!(run.is_running());
    (scene, run, blocker)
}

#[test]
fn second_run_of_a_table_is_turned_away_while_the_first_works() {
    let history = short_history(1_000);
    let (scene, mut first, mut blocker) = start_until_locked_out(&history);
    let second = scene.run().expect(5, "the second run");
    assert_eq!(second.summary()["status"], "already_running", "{second:?}");

    block_on(blocker.execute("ROLLBACK")).unwrap();
    first.end_within(RUN_TIME_MAX).expect(0, "the first run");
    scene.assert_holds(&history, &history.files, "after both runs");
    scene.assert_applied_once_and_clean(history.files.len(), "after both runs");
}

#[test]
fn run_killed_while_it_waits_for_a_lock_holds_nobody_up() {
    let history = short_history(1_020);
    let (scene, mut killed, mut blocker) = start_until_locked_out(&history);
    killed.kill();
    block_on(blocker.execute("ROLLBACK")).unwrap();
    scene.run().expect(0, "the next run");
    scene.assert_holds(&history, &history.files, "the next run");
    scene.assert_applied_once_and_clean(history.files.len(), "the next run");
}

#[test]
fn run_told_to_stop_while_it_waits_for_a_lock_leaves_the_target_as_it_was() {
    let history = short_history(1_030);
    let (scene, mut stopped, mut blocker) = start_until_locked_out(&history);
    stopped.signal("TERM");
    let ended = stopped.end_within(RUN_TIME_MAX).expect(1, "the run that was told to stop");
    assert_eq!(ended.summary()["status"], "cancelled", "{ended:?}");
    block_on(blocker.execute("ROLLBACK")).unwrap();
    scene.assert_holds(&history, &[], "the run that was told to stop");
    scene.assert_staging_is_empty("the run that was told to stop");

    scene.run().expect(0, "the next run");
    scene.assert_holds(&history, &history.files, "the next run");
    scene.assert_applied_once_and_clean(history.files.len(), "the next run");
}

#[test]
fn table_that_stays_locked_fails_with_the_blocker_named() {
    let history = short_history(1_010);
    let scene = Setup { table: ", lock_timeout: 1s", ..Setup::of(&history) }.in_folder(1);
    scene.deliver(&history.files);
    let mut blocker = scene.targets[0].connect();
    block_on(blocker.execute("SET application_name = 'nightly-report'; BEGIN; LOCK TABLE items IN EXCLUSIVE MODE"))
        .unwrap();
    let ended = scene.run().expect(1, "while it is locked");
    assert!(ended.stdout.contains("nightly-report"), "the blocker is named: {ended:?}");

    block_on(blocker.execute("ROLLBACK")).unwrap();
    scene.assert_holds(&history, &[], "while it was locked");
    scene.run().expect(0, "once it is free");
    scene.assert_holds(&history, &history.files, "once it is free");
    scene.assert_applied_once_and_clean(history.files.len(), "once it is free");
}
