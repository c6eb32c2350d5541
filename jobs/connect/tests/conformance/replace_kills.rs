//! A process that is killed during a full load, at every named place, and the load that goes on after it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use quarrel_connect::fail_point;
use quarrel_model::target::LoadOutcome;

use super::database::{Database, Engine};
use super::replace_scene::{FullLoad, FullMemory, floor};
use super::scene::Scene;

crate::for_each_replacing_engine!(full_load_after_a_killed_one_completes_it);

/// No index over the key: a row that comes twice stays twice.
const TABLE: &str = "CREATE TABLE orders (id bigint, note text); CREATE INDEX orders_note ON orders (note);
    INSERT INTO orders VALUES (0, 'old'), (1, 'old'), (-1, 'old')";
const ROWS: i64 = 10_000;
const SIGKILL: i32 = 9;
/// What the killed process is told: where to load.
const URL: &str = "QUARREL_TEST_REPLACED_URL";

/// Not a test by itself: the process that the test below starts and that dies on its way.
#[tokio::test]
async fn process_that_is_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let engine = if url.starts_with("sqlite:") { Engine::Sqlite } else { Engine::Postgres };
    let scene = Scene::on(Database::at(engine, url, None), "orders", &[]).await;
    FullLoad::new(&scene, "load", FullMemory::numbered(ROWS, 3, "new")).await.run().await.unwrap();
}

async fn full_load_after_a_killed_one_completes_it(engine: Engine) {
    for point in fail_point::REPLACE_POINTS {
        let scene = Scene::new(engine, TABLE, "orders", &[]).await;
        let url = scene.database.url.clone();
        let status = tokio::task::spawn_blocking(move || {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "conformance::replace_kills::process_that_is_killed"])
                .env(URL, url)
                .env(fail_point::VARIABLE, point)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap()
        });
        assert_eq!(status.await.unwrap().signal(), Some(SIGKILL), "{point}");
        let committed = *point == "replace_commit_after";
        let found = scene.database.number("SELECT count(*) FROM orders").await;
        assert_eq!(found, if committed { ROWS } else { 3 }, "{point}: the old table or the new one");
        assert_eq!(scene.ledger().await.floor, committed.then(floor), "{point}");

        let mut load = FullLoad::new(&scene, "load", FullMemory::numbered(ROWS, 3, "new")).await;
        let beside = load.target.open_beside(&load.plan).await.unwrap();
        assert_eq!(beside.already_applied, committed, "{point}");
        load.rows.closed = (0..3)
            .filter(|part| {
                let name = format!("LOAD{part:08X}.parquet");
                beside.recorded.iter().any(|recorded| recorded.part == name)
            })
            .collect();
        let all = ["replace_built", "replace_swapped", "replace_ledger_written", "replace_commit_before"];
        if all.contains(point) {
            assert_eq!(load.rows.closed.len(), 3, "{point}: parts that have committed are not loaded again");
        }
        let receipt = load.run().await.unwrap();
        assert_eq!(receipt.outcome == LoadOutcome::AlreadyApplied, committed, "{point}");
        let counted = scene.database.number("SELECT count(*) FROM orders WHERE note = 'new'").await;
        let keys = scene.database.number("SELECT count(DISTINCT id) FROM orders").await;
        assert_eq!((counted, keys), (ROWS, ROWS), "{point}");
        let tables = scene.database.tables().await;
        assert!(!tables.iter().any(|name| name.contains("load_") && !name.contains("parts")), "{point}: {tables:?}");
    }
}
