//! Killed with SIGKILL at every named place of a full load, and run again.

use crate::scene::{HISTORY_BEGINS, Scene, history, oracle};

/// The places of a run, in order: `quarrel_run::full_load::FAIL_POINTS`.
const POINTS: [&str; 7] = [
    "full_load_planned",
    "full_load_migrated",
    "full_load_taken_over",
    "full_load_opened",
    "full_load_copied",
    "full_load_swapped",
    "full_load_cleaned",
];

#[test]
fn places_tested_are_all_that_there_are() {
    let source = include_str!("../../jobs/run/src/full_load.rs");
    let (_, names) = source.split_once("FAIL_POINTS: &[&str] = &[").expect("the list is there");
    let (names, _) = names.split_once("];").expect("the list ends");
    let names: Vec<&str> = names.split('"').skip(1).step_by(2).collect();
    assert_eq!(names, POINTS);
}

#[test]
fn load_killed_at_any_place_is_made_good_by_the_next_run() {
    for (point, seed) in POINTS.iter().zip(100..) {
        let history = history(seed);
        let scene = Scene::new(&history, ", after_load: archive", "", &[]);
        let half = history.files.len() / 2;
        // A table that CDC has been at is replaced: its changes have to come back from the archive.
        let nothing = oracle(&history, &[]).full_load(&["LOAD00000001.parquet"]);
        scene.deliver_load(&nothing, HISTORY_BEGINS);
        scene.deliver(&history.files[..half]);
        scene.run(&[]).expect(0, point);
        let load =
            oracle(&history, &history.files[..half / 2]).full_load(&["LOAD00000002.parquet", "LOAD00000003.parquet"]);
        scene.deliver_load(&load, HISTORY_BEGINS);
        scene.deliver(&history.files[half..]);
        scene.run_killed_at(point);
        scene.run(&[]).expect(0, point);
        scene.assert_holds(&oracle(&history, &history.files), point);
        assert_eq!(scene.load_files(), [""; 0], "{point}");
        let left = scene.target.text(
            "SELECT coalesce(string_agg(schemaname || '.' || tablename, ' '), '') FROM pg_tables \
             WHERE schemaname = 'replica' AND tablename <> 'items'",
        );
        assert_eq!(left, Some(String::new()), "{point}: tables beside the target");
    }
}

/// The swap is done, the producer's files are still there, and CDC has deleted what it applied since: nothing has to come back.
#[test]
fn load_whose_run_died_after_the_swap_is_not_taken_for_a_new_one() {
    let history = history(200);
    let scene = Scene::new(&history, ", after_load: delete", "", &[]);
    scene.deliver_load(&oracle(&history, &[]).full_load(&["LOAD00000001.parquet"]), HISTORY_BEGINS);
    scene.deliver(&history.files);
    scene.run_killed_at("full_load_swapped");
    crate::harness::process::Running::start(&mut scene.project.cdc())
        .end_within(crate::harness::project::RUN_TIME_MAX)
        .expect(0, "CDC goes on");
    scene.assert_holds(&oracle(&history, &history.files), "behind CDC");
    scene.run(&[]).expect(0, "the load is known");
    scene.assert_holds(&oracle(&history, &history.files), "behind the second run");
    assert_eq!(scene.load_files(), [""; 0], "the files are cleaned away now");
}
