//! Redshift beside Postgres, by way of the stand-in: whole runs of the binary, killed ones among them.

use quarrel_testkit::redshift::Conflict;

use crate::harness::process::Running;
use crate::harness::project::RUN_TIME_MAX;
use crate::scene::{Setup, short_history};

#[test]
fn change_files_reach_redshift_and_postgres_alike() {
    let history = short_history(31);
    let (scene, stand_in) = Setup { changes: ", after_load: archive", ..Setup::of(&history) }.beside_redshift();
    let (first, rest) = history.files.split_at(history.files.len() / 2);
    scene.deliver(first);
    let checked = Running::start(&mut scene.project.command(&["validate", "--connect"])).end_within(RUN_TIME_MAX);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    scene.run().expect(0, "first half");
    scene.assert_holds(&history, first, "first half");
    // What meets another transaction is done again.
    stand_in.refuse_deletes(Conflict::Error1023, 2);
    scene.deliver(rest);
    scene.run().expect(0, "all");
    assert_eq!(stand_in.refused_deletes(), 2);
    scene.assert_holds(&history, &history.files, "all");
    scene.assert_applied_once_and_clean(history.files.len(), "all");
    scene.assert_archived(&history.files, "all");
    assert_eq!(scene.work_files("copy"), [""; 0], "files that Redshift was copied from");
}

#[test]
fn run_killed_on_its_way_into_redshift_is_completed_by_the_next() {
    let history = short_history(32);
    for point in ["stage_copied", "merge_done", "commit_before", "commit_after"] {
        let (scene, _stand_in) = Setup::of(&history).beside_redshift();
        scene.deliver(&history.files);
        scene.run_killed_at(point);
        scene.run().expect(0, point);
        scene.assert_holds(&history, &history.files, point);
        scene.assert_applied_once_and_clean(history.files.len(), point);
        // Behind the commit there was nothing left to load, so they wait for the next batch.
        if point != "commit_after" {
            assert_eq!(scene.work_files("copy"), [""; 0], "{point}: files that Redshift was copied from");
        }
    }
}
