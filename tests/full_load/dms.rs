//! With DMS asked: an unfinished load is waited for, a broken one refused, and rows are counted.

use quarrel_testkit::moto::MotoServer;
use serde_json::{Value, json};

use crate::scene::{HISTORY_BEGINS, Scene, history, oracle, summaries};

const TASK: &str = ", dms_task: finops-task";
const FILES: [&str; 2] = ["LOAD00000001.parquet", "LOAD00000002.parquet"];

fn statistics(state: &str, rows: usize, errors: u64) -> Value {
    json!([{
        "SchemaName": "public", "TableName": "items", "TableState": state,
        "FullLoadRows": rows, "FullLoadErrorRows": errors,
    }])
}

fn server() -> MotoServer {
    let server = MotoServer::start();
    server.create_task("finops-task");
    server
}

#[test]
fn load_that_is_not_finished_leaves_cdc_to_go_on_and_is_taken_when_it_is() {
    let server = server();
    let history = history(50);
    let scene = Scene::new(&history, TASK, "", &server.env());
    let (first, rest) = history.files.split_at(history.files.len() / 2);
    let whole = oracle(&history, first);
    let load = whole.full_load(&FILES);
    server.set_statistics(&statistics("Full load", 1, 0));
    scene.deliver_load(&load[..1], HISTORY_BEGINS);
    let runs = summaries(&scene.run(&[]).expect(0, "nothing can be done yet"));
    assert_eq!(runs[0]["status"], json!("nothing_to_do"));
    assert!(runs[0]["warnings"].to_string().contains("the full load is not finished yet"), "{}", runs[0]);
    assert_eq!(runs[1]["job"], json!("cdc"));

    server.set_statistics(&statistics("Table completed", whole.rows().len(), 0));
    scene.deliver_load(&load[1..], HISTORY_BEGINS);
    scene.deliver(rest);
    scene.run(&[]).expect(0, "the load is finished");
    scene.assert_holds(&oracle(&history, &history.files), "load and changes");
}

#[test]
fn rows_that_dms_could_not_load_or_that_are_missing_stop_the_table() {
    let server = server();
    let history = history(51);
    let scene = Scene::new(&history, TASK, "", &server.env());
    let whole = oracle(&history, &history.files);
    let rows = whole.rows().len();
    scene.deliver_load(&whole.full_load(&FILES), HISTORY_BEGINS);
    for (statistics, part) in [
        (statistics("Table completed", rows, 3), "could not load 3 rows"),
        (statistics("Table completed", rows + 1, 0), "but the 2 full-load files hold"),
        (statistics("Table error", rows, 0), "failed to load the table"),
        (json!([]), "has no table public.items"),
    ] {
        server.set_statistics(&statistics);
        let ended = scene.run(&[]).expect(1, part);
        assert!(ended.stdout.contains(part), "`{part}` is missing: {ended:?}");
    }
    let made = scene.target.text("SELECT count(*)::text FROM pg_namespace WHERE nspname = 'replica'");
    assert_eq!(made, Some("0".to_owned()), "nothing was touched");
}

#[test]
fn rows_that_dms_has_written_elsewhere_are_not_passed_over_in_silence() {
    let server = server();
    let scene = Scene::new(&history(52), TASK, "", &server.env());
    server.set_statistics(&statistics("Table completed", 7, 0));
    let runs = summaries(&scene.run(&[]).expect(0, "there are no files"));
    assert_eq!(runs[0]["status"], json!("nothing_to_do"));
    assert!(runs[0]["warnings"].to_string().contains("DMS has written 7 rows"), "{}", runs[0]);
}
