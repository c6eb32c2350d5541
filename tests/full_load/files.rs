//! From the producer's full-load files: the copy is made, loaded, swapped in, and CDC goes on from the load's start.

use serde_json::json;

use crate::scene::{HISTORY_BEGINS, Scene, history, oracle, summaries};

const FILES: [&str; 3] = ["LOAD00000001.parquet", "LOAD0000000A.parquet", "SEGMENT1_LOAD00000001.parquet"];
const LATER: u64 = 3 * 3600;

#[test]
fn load_during_which_changes_arrive_ends_equal_to_the_oracle() {
    let history = history(1);
    let scene = Scene::new(&history, ", after_load: archive", "", &[]);
    let half = history.files.len() / 2;
    // The load holds what the first half of the files has left; all files are there, before and behind it.
    scene.deliver(&history.files);
    scene.deliver_load(&oracle(&history, &history.files[..half]).full_load(&FILES), HISTORY_BEGINS);
    let runs = summaries(&scene.run(&[]).expect(0, "a full load"));
    assert_eq!((&runs[0]["job"], &runs[0]["status"]), (&json!("full_load"), &json!("succeeded")));
    assert_eq!((&runs[1]["job"], &runs[1]["status"]), (&json!("cdc"), &json!("succeeded")));
    assert_eq!(runs[0]["files"], json!(3));
    scene.assert_holds(&oracle(&history, &history.files), "load and changes");
    assert_eq!(scene.load_files(), [""; 0], "the producer's files are gone once the target has them");
}

#[test]
fn changes_before_the_load_are_contained_in_it() {
    let history = history(2);
    let scene = Scene::new(&history, "", "", &[]);
    scene.deliver(&history.files);
    scene.deliver_load(&oracle(&history, &history.files).full_load(&FILES), HISTORY_BEGINS + LATER);
    let runs = summaries(&scene.run(&[]).expect(0, "a full load"));
    assert_eq!(runs[1]["status"], json!("nothing_to_do"), "every change file is older than the load");
    scene.assert_holds(&oracle(&history, &history.files), "the load alone");
}

#[test]
fn the_same_files_are_loaded_once_and_again_when_asked() {
    let history = history(3);
    let scene = Scene::new(&history, "", "", &[]);
    scene.deliver_load(&oracle(&history, &history.files).full_load(&FILES), HISTORY_BEGINS + LATER);
    scene.run(&[]).expect(0, "the first load");
    scene.target.execute("DELETE FROM replica.items");
    let runs = summaries(&scene.run(&[]).expect(0, "the same files again"));
    assert_eq!(runs[0]["status"], json!("nothing_to_do"));
    assert_eq!(scene.target.text("SELECT count(*)::text FROM replica.items"), Some("0".to_owned()));
    scene.run(&["--reload"]).expect(0, "the same files, on purpose");
    scene.assert_holds(&oracle(&history, &history.files), "reloaded");
}

#[test]
fn changes_that_the_old_table_had_are_brought_back_from_the_archive() {
    let history = history(4);
    let scene = Scene::new(&history, ", after_load: archive", "", &[]);
    let half = history.files.len() / 2;
    scene.deliver_load(&oracle(&history, &[]).full_load(&FILES[..1]), HISTORY_BEGINS);
    scene.deliver(&history.files);
    scene.run(&[]).expect(0, "an empty load, and every change");
    scene.assert_holds(&oracle(&history, &history.files), "before the second load");
    // The second load is of an earlier state: what came behind it is in the archive alone.
    scene.deliver_load(&oracle(&history, &history.files[..half]).full_load(&FILES[1..]), HISTORY_BEGINS);
    scene.run(&[]).expect(0, "the second load");
    scene.assert_holds(&oracle(&history, &history.files), "behind the second load");
}

#[test]
fn changes_that_are_gone_stop_the_load_and_leave_the_table() {
    let history = history(5);
    let scene = Scene::new(&history, ", after_load: delete", "", &[]);
    scene.deliver_load(&oracle(&history, &[]).full_load(&FILES[..1]), HISTORY_BEGINS);
    scene.deliver(&history.files);
    scene.run(&[]).expect(0, "an empty load, and every change");
    scene.deliver_load(&oracle(&history, &[]).full_load(&FILES[1..2]), HISTORY_BEGINS);
    let ended = scene.run(&[]).expect(1, "the changes are deleted");
    assert!(ended.stdout.contains("is gone from change area and archive"), "{ended:?}");
    scene.assert_holds(&oracle(&history, &history.files), "the old table");
}

#[test]
fn files_of_two_loads_with_other_columns_are_refused() {
    let history = history(6);
    let scene = Scene::new(&history, "", "", &[]);
    let mut files = oracle(&history, &history.files).full_load(&FILES[..2]);
    files[1].columns.truncate(1);
    files[1].events.iter_mut().for_each(|event| event.values.truncate(1));
    scene.deliver_load(&files, HISTORY_BEGINS);
    let ended = scene.run(&[]).expect(1, "files that differ");
    assert!(ended.stdout.contains("LOAD0000000A.parquet` have different columns"), "{ended:?}");
}

#[test]
fn plan_tells_files_ddl_and_time_and_touches_nothing() {
    let history = history(7);
    let scene = Scene::new(&history, "", "", &[]);
    let rows = oracle(&history, &history.files).rows().len();
    scene.deliver_load(&oracle(&history, &history.files).full_load(&FILES), HISTORY_BEGINS);
    let plan = scene.plan(0);
    assert_eq!((&plan["files"], &plan["rows"], &plan["from"]), (&json!(3), &json!(rows), &json!("files")));
    assert!(plan["estimate_seconds"].as_f64() > Some(0.0), "{plan}");
    let ddl: Vec<&str> = plan["targets"][0]["ddl"].as_array().unwrap().iter().filter_map(|ddl| ddl.as_str()).collect();
    assert!(ddl.iter().any(|ddl| ddl.contains("CREATE TABLE") && ddl.contains("\"replica\".\"items\"")), "{plan}");
    let made = scene.target.text("SELECT count(*)::text FROM pg_namespace WHERE nspname IN ('replica', 'quarrel')");
    assert_eq!(made, Some("0".to_owned()), "a plan makes nothing");
    assert!(!scene.project.path().join("work").exists(), "nor in the work area");
}
