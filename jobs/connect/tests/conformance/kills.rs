//! A process that is killed while it loads, at every named place, and the load after it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::DataType;
use quarrel_connect::fail_point;
use quarrel_testkit::redshift::real::RealRedshift;
use quarrel_testkit::s3::{self, S3Server};

use super::database::{Database, Engine};
use super::memory::MemoryRows;
use super::scene::{INT, Scene, TEXT, file};
use super::stage_place::{StagePlace, StoreOf};

crate::for_each_engine!(load_after_a_killed_one_completes_it);

const COLUMNS: [(&str, DataType); 2] = [("id", INT), ("note", TEXT)];
const TABLE: &str =
    "CREATE TABLE orders (id bigint, note text); INSERT INTO orders VALUES (0, 'old'), (1, 'old'), (-1, 'old')";
const SIGKILL: i32 = 9;
/// What the killed process is told: where to load, and how many rows.
const URL: &str = "QUARREL_TEST_KILLED_URL";
const ROWS: &str = "QUARREL_TEST_KILLED_ROWS";
/// Bucket and role, for Redshift.
const STAGE: &str = "QUARREL_TEST_KILLED_STAGE";

/// Keys from 0 on; the first is deleted, the others are written. There is no index: a row that comes twice stays twice.
fn changes(rows: i64) -> MemoryRows {
    let operations = (0..rows).map(|id| if id == 0 { "D" } else { "I" }).collect();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let notes: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|_| "new")));
    MemoryRows::of_arrays(&COLUMNS, operations, vec![ids, notes]).split(2, 4_096)
}

/// Not a test by itself: the process that [`load_after_a_killed_one_completes_it`] starts and that dies on its way.
#[tokio::test]
async fn process_that_is_killed() {
    let (Ok(url), Ok(rows)) = (std::env::var(URL), std::env::var(ROWS)) else { return };
    let stage = std::env::var(STAGE).ok().and_then(|stage| {
        let (bucket, role) = stage.split_once(' ')?;
        let store = match RealRedshift::from_environment() {
            Some(_) => StoreOf::Environment,
            None => StoreOf::TestServer,
        };
        Some(StagePlace { bucket: bucket.to_owned(), role: role.to_owned(), store })
    });
    let engine = match &stage {
        Some(_) => Engine::Redshift,
        None if url.starts_with("sqlite:") => Engine::Sqlite,
        None => Engine::Postgres,
    };
    let scene = Scene::on(Database::at(engine, url, stage), "orders", &["id"]).await;
    scene.load_rows(&file(1), changes(rows.parse().unwrap())).await.unwrap();
}

async fn load_after_a_killed_one_completes_it(engine: Engine) {
    for rows in [100, 110_000] {
        for point in fail_point::POINTS {
            let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
            let url = scene.database.url.clone();
            let stage = scene.database.stage.clone();
            let status = tokio::task::spawn_blocking(move || {
                let mut command = Command::new(std::env::current_exe().unwrap());
                if let Some(stage) = stage {
                    command.env(STAGE, format!("{} {}", stage.bucket, stage.role));
                    command.env(s3::ENDPOINT_VARIABLE, S3Server::shared().endpoint());
                }
                command
                    .args(["--exact", "conformance::kills::process_that_is_killed"])
                    .env(URL, url)
                    .env(ROWS, rows.to_string())
                    .env(fail_point::VARIABLE, point)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .unwrap()
            });
            assert_eq!(status.await.unwrap().signal(), Some(SIGKILL), "{point}");
            let committed = scene.database.number("SELECT count(*) FROM orders WHERE note = 'new'").await;
            let expected = if *point == "commit_after" { rows - 1 } else { 0 };
            assert_eq!(committed, expected, "{point}: all of the batch or nothing");

            // The run that follows plans by the ledger: the batch again, unless it is there.
            let memory = changes(rows);
            let mut plan = scene.plan(&file(1), &memory).await;
            if *point == "commit_after" {
                assert_eq!(plan.after.as_ref(), Some(&plan.batch), "the ledger names the batch");
                plan.after = None;
            }
            scene.run(&plan, Arc::new(memory)).await.unwrap();
            let counted = scene.database.number("SELECT count(*) FROM orders").await;
            assert_eq!(counted, rows - 1 + 1, "{point}: keys 1 to n, and the one row that no change names");
            let tables = scene.database.tables().await;
            assert!(!tables.iter().any(|name| name.contains("stage")), "{point}: {tables:?}");
        }
    }
}
