//! Batches large enough to be staged before the merge's transaction.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::DataType;

use super::database::{Engine, rows};
use super::memory::{Ending, MemoryRows};
use super::scene::{INT, Scene, TEXT, file};

const COLUMNS: [(&str, DataType); 2] = [("id", INT), ("note", TEXT)];
const TABLE: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, note text)";
/// Past what goes in one transaction.
const MANY: i64 = 120_000;

/// Keys from 0 on; every tenth is deleted, the others are written.
fn many() -> MemoryRows {
    let operations = (0..MANY).map(|id| if id % 10 == 0 { "D" } else { "I" }).collect();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..MANY));
    let notes: ArrayRef = Arc::new(StringArray::from_iter_values((0..MANY).map(|id| format!("note {id}"))));
    MemoryRows::of_arrays(&COLUMNS, operations, vec![ids, notes])
}

async fn assert_loaded(scene: &Scene) {
    let count = scene.database.number("SELECT count(*) FROM orders").await;
    assert_eq!(count, MANY / 10 * 9);
    let sum = scene.database.number("SELECT CAST(sum(id) AS bigint) FROM orders").await;
    let deleted: i64 = (0..MANY).step_by(10).sum();
    assert_eq!(sum, (0..MANY).sum::<i64>() - deleted);
}

/// Tables of schema `quarrel` that are no ledger.
async fn staging_tables(scene: &Scene) -> Vec<String> {
    let tables = scene.database.tables().await;
    tables.into_iter().filter(|name| name.starts_with("quarrel.stage")).collect()
}

#[tokio::test]
async fn large_batch_goes_by_two_streams_and_leaves_no_staging_table() {
    let script = format!("{TABLE}; INSERT INTO orders SELECT n, 'old' FROM generate_series(0, 999) AS n");
    let scene = Scene::new(Engine::Postgres, &script, "orders", &["id"]).await;
    // One stream alone would wait for ever for the second part to be opened.
    let memory = many().split(2, 4_096).opened_together(2);
    let receipt = scene.load_rows(&file(1), memory).await.unwrap();
    assert_eq!((receipt.upserts, receipt.deletes), (108_000, 12_000));
    assert_loaded(&scene).await;
    assert_eq!(staging_tables(&scene).await, [""; 0]);
    let again = scene.load(&file(2), &COLUMNS, &[("D", &["1", "NULL"])]).await.unwrap();
    assert_eq!(again.deletes, 1, "the connections are fit for more");
}

#[tokio::test]
async fn large_batch_goes_by_one_stream_where_there_is_one_connection() {
    let mut scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
    scene.target = scene.database.target(1).await;
    scene.load_rows(&file(1), many().split(3, 5_000)).await.unwrap();
    assert_loaded(&scene).await;
}

#[tokio::test]
async fn large_batch_reaches_sqlite() {
    let scene = Scene::new(Engine::Sqlite, TABLE, "orders", &["id"]).await;
    scene.load_rows(&file(1), many().split(3, 5_000)).await.unwrap();
    assert_loaded(&scene).await;
}

#[tokio::test]
async fn several_large_batches_share_a_small_pool() {
    let names = ["a", "b", "c", "d"];
    let script: Vec<String> =
        names.map(|name| format!("CREATE TABLE {name} (id bigint PRIMARY KEY, note text)")).to_vec();
    let mut scene = Scene::new(Engine::Postgres, &script.join(";"), "a", &["id"]).await;
    scene.target = scene.database.target(2).await;
    let mut loads = Vec::new();
    for name in names {
        scene.table = name.parse().unwrap();
        let memory = many().split(4, 5_000);
        loads.push((scene.plan(&file(1), &memory).await, Arc::new(memory)));
    }
    let running = loads.iter().map(|(plan, memory)| scene.run(plan, memory.clone()));
    for result in futures::future::join_all(running).await {
        assert_eq!(result.unwrap().upserts, 108_000);
    }
}

#[tokio::test]
async fn staging_table_of_a_load_that_was_dropped_goes_with_the_next_load() {
    let scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
    let hanging = many().split(1, 5_000).ending(Ending::Hangs);
    let plan = scene.plan(&file(1), &hanging).await;
    let load = scene.run(&plan, Arc::new(hanging));
    // The load stages what it gets, and waits for more; it is dropped once its staging table is there.
    tokio::select! {
        ended = load => panic!("{ended:?}"),
        () = async {
            while staging_tables(&scene).await.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } => {}
    }
    assert_eq!(staging_tables(&scene).await.len(), 1);
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[]));
    scene.load_rows(&file(2), many().split(2, 5_000)).await.unwrap();
    assert_loaded(&scene).await;
    assert_eq!(staging_tables(&scene).await, [""; 0]);
}

#[tokio::test]
async fn bad_value_in_a_large_batch_leaves_no_staging_table() {
    let script = "CREATE TABLE orders (id bigint PRIMARY KEY, note varchar(10))";
    let scene = Scene::new(Engine::Postgres, script, "orders", &["id"]).await;
    let error = scene.load_rows(&file(1), many().split(2, 5_000)).await.unwrap_err();
    assert!(matches!(error, quarrel_connect::target::TargetError::BadValue(_)), "{error}");
    assert_eq!(staging_tables(&scene).await, [""; 0]);
}
