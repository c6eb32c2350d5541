//! Killed with SIGKILL at every named place, and run again.

use quarrel_testkit::history::{ChangeFileSpec, History};

use crate::harness::long_history::LongHistory;
use crate::scene::{Scene, Setup, short_history, staging_tables};

/// The places of a run, in order: `quarrel_run::cdc::FAIL_POINTS`.
const POINTS_OF_RUN: [&str; 10] = [
    "collect_before",
    "collect_after",
    "batch_stored",
    "reduce_before",
    "reduce_after",
    "load_before",
    "load_after",
    "history_stored",
    "clean_before",
    "clean_after",
];
/// The places of a load, in order: `quarrel_connect::fail_point::POINTS`.
const POINTS_OF_LOAD: [&str; 8] = [
    "load_begin",
    "stage_begin",
    "stage_copied",
    "merge_begin",
    "merge_done",
    "ledger_written",
    "commit_before",
    "commit_after",
];

#[test]
fn places_tested_are_all_that_there_are() {
    let sources = [
        (include_str!("../../jobs/run/src/cdc.rs"), "FAIL_POINTS: &[&str] = &[", POINTS_OF_RUN.as_slice()),
        (include_str!("../../jobs/connect/src/fail_point.rs"), "POINTS: &[&str] = &[", POINTS_OF_LOAD.as_slice()),
    ];
    for (source, list, tested) in sources {
        let (_, names) = source.split_once(list).expect("the list is there");
        let (names, _) = names.split_once("];").expect("the list ends");
        let names: Vec<&str> = names.split('"').skip(1).step_by(2).collect();
        assert_eq!(names, tested);
    }
}

/// Two targets, several batches a run, files that go to the archive.
fn setup(history: &History) -> Setup {
    Setup { changes: ", after_load: archive", reduce: "{batch_max_files: 5}", ..Setup::of(history) }
}

#[track_caller]
fn assert_recovered(scene: &Scene, history: &History, files: &[ChangeFileSpec], context: &str) {
    scene.assert_holds(history, files, context);
    scene.assert_applied_once_and_clean(files.len(), context);
    scene.assert_archived(files, context);
}

/// Half of the history is applied in peace; a run of the other half dies; the next run brings everything in order.
fn recovers_from_death_at(point: &str, seed: u64) {
    let history = short_history(seed);
    let scene = setup(&history).in_folder(2);
    let (first, second) = history.files.split_at(history.files.len() / 2);
    scene.deliver(first);
    scene.run().expect(0, point);
    scene.deliver(second);
    scene.run_killed_at(point);
    scene.run().expect(0, point);
    assert_recovered(&scene, &history, &history.files, point);
}

#[test]
fn run_killed_at_any_place_of_its_own_is_made_good_by_the_next() {
    for (point, seed) in POINTS_OF_RUN.iter().zip(100..) {
        recovers_from_death_at(point, seed);
    }
}

#[test]
fn run_killed_at_any_place_of_a_load_is_made_good_by_the_next() {
    for (point, seed) in POINTS_OF_LOAD.iter().zip(200..) {
        recovers_from_death_at(point, seed);
    }
}

#[test]
fn first_run_of_all_killed_at_any_place_is_made_good_by_the_next() {
    for (point, seed) in POINTS_OF_RUN.iter().chain(&POINTS_OF_LOAD).zip(300..) {
        let history = short_history(seed);
        let scene = setup(&history).in_folder(2);
        scene.deliver(&history.files);
        scene.run_killed_at(point);
        scene.run().expect(0, point);
        assert_recovered(&scene, &history, &history.files, point);
    }
}

#[test]
fn runs_killed_one_after_another_are_made_good_by_the_last() {
    let history = short_history(400);
    let scene = setup(&history).in_folder(2);
    scene.deliver(&history.files);
    for point in ["reduce_after", "stage_copied", "commit_after", "load_after", "history_stored", "clean_before"] {
        scene.run_killed_at(point);
    }
    scene.run().expect(0, "the last run");
    assert_recovered(&scene, &history, &history.files, "the last run");
}

/// More rows than go through one connection: they are staged in tables that others can see, and that outlive the killed.
#[test]
fn large_load_killed_while_it_stages_leaves_nothing_behind_after_the_next() {
    const LARGE: LongHistory = LongHistory { files: 4, changes_per_file: 27_000, keys: 105_000, seed: 5 };
    let files: Vec<ChangeFileSpec> = (0..LARGE.files).map(|number| LARGE.file(number)).collect();
    let history = History { key: LongHistory::key(), columns: LongHistory::columns(), files };
    for point in ["stage_begin", "stage_copied", "commit_before"] {
        let scene = Setup { changes: ", after_load: archive", ..Setup::of(&history) }.in_folder(2);
        scene.deliver(&history.files);
        scene.run_killed_at(point);
        let left = scene.targets.iter().any(|database| !staging_tables(database).is_empty());
        assert!(left, "{point}: the killed run had staged for all to see");
        scene.run().expect(0, point);
        assert_recovered(&scene, &history, &history.files, point);
    }
}
