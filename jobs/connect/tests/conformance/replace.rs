//! Tables that are replaced whole, in every engine.

use arrow::datatypes::DataType;
use quarrel_connect::replace::ReplaceError;
use quarrel_connect::target::{Retry, TargetError};
use quarrel_model::bad_value::BadValuePolicy;
use quarrel_model::ledger::Epoch;
use quarrel_model::position::Watermark;
use quarrel_model::target::LoadOutcome;

use super::database::{Engine, rows};
use super::memory::MemoryRows;
use super::replace_scene::{FullLoad, FullMemory, floor};
use super::scene::{INT, Scene, TEXT, file};

crate::for_each_replacing_engine!(
    full_load_replaces_every_row_and_starts_the_ledger_anew,
    batch_that_was_applied_before_the_load_is_applied_again_after_it,
    load_planned_before_the_swap_is_refused_after_it,
    ledger_of_an_older_version_is_read_and_completed,
    load_that_is_begun_again_lacks_only_the_parts_that_are_not_recorded,
    wrong_row_count_swaps_nothing,
    load_that_is_given_up_leaves_nothing,
    tables_of_other_loads_are_dropped,
    load_that_is_asked_for_again_is_answered_from_the_ledger,
    older_run_may_neither_open_nor_swap,
    bad_value_of_a_full_load_is_quarantined_or_stops_it,
    load_that_was_never_opened_is_refused,
    missing_table_is_named,
);

const TABLE: &str =
    "CREATE TABLE orders (id bigint PRIMARY KEY, note text); INSERT INTO orders VALUES (7, 'old'), (8, 'old')";
const COLUMNS: [(&str, DataType); 2] = [("id", INT), ("note", TEXT)];

fn two_parts() -> FullMemory {
    FullMemory::new(&["id", "note"], &[&[&["1", "a"], &["2", "NULL"]], &[&["3", "c"]]])
}

async fn no_table_is_left(scene: &Scene) {
    let tables = scene.database.tables().await;
    assert!(!tables.iter().any(|name| name.contains("load_") && !name.contains("parts")), "{tables:?}");
    let parts =
        if scene.database.engine == Engine::Postgres { "quarrel.full_load_parts" } else { "quarrel_full_load_parts" };
    assert_eq!(scene.database.number(&format!("SELECT count(*) FROM {parts}")).await, 0);
}

async fn full_load_replaces_every_row_and_starts_the_ledger_anew(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    scene.load(&file(1), &COLUMNS, &[("I", &["9", "cdc"])]).await.unwrap();
    scene.load(&file(9), &COLUMNS, &[("I", &["10", "cdc"])]).await.unwrap();
    let load = FullLoad::new(&scene, "first", two_parts()).await;
    let beside = load.target.open_beside(&load.plan).await.unwrap();
    assert_eq!((beside.recorded, beside.already_applied), (vec![], false));
    let receipts = load.copy().await.unwrap();
    let counts: Vec<_> = receipts.iter().map(|part| (part.part.as_str(), part.rows)).collect();
    assert_eq!(counts, [("LOAD00000000.parquet", 2), ("LOAD00000001.parquet", 1)]);
    assert_eq!(scene.database.number("SELECT count(*) FROM orders").await, 4, "nothing is seen before the swap");

    let receipt = load.finish(3).await.unwrap();
    assert_eq!((receipt.outcome, receipt.rows), (LoadOutcome::Applied, 3));
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "a"], &["2", "NULL"], &["3", "c"]]));
    let ledger = scene.ledger().await;
    assert_eq!(ledger.watermark, Some(Watermark { file: floor(), sequence: None }), "it moved back with the rows");
    assert_eq!((ledger.floor, ledger.last_batch), (Some(floor()), Some(load.plan.load.batch())));
    assert_eq!((ledger.files, ledger.schema, ledger.fence), (vec![], None, Some(scene.fence.clone())));
    no_table_is_left(&scene).await;

    scene.load(&file(6), &COLUMNS, &[("U", &["1", "later"]), ("D", &["2", "NULL"])]).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "later"], &["3", "c"]]));
    let ledger = scene.ledger().await;
    assert_eq!((ledger.floor, ledger.files.len()), (Some(floor()), 1), "loads leave the floor where it is");
}

async fn batch_that_was_applied_before_the_load_is_applied_again_after_it(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let changes: [(&str, &[&str]); 1] = [("I", &["9", "cdc"])];
    scene.load(&file(9), &COLUMNS, &changes).await.unwrap();
    FullLoad::new(&scene, "first", two_parts()).await.run().await.unwrap();
    assert_eq!(scene.database.number("SELECT count(*) FROM orders WHERE id = 9").await, 0);
    let receipt = scene.load(&file(9), &COLUMNS, &changes).await.unwrap();
    assert_eq!(receipt.outcome, LoadOutcome::Applied);
    assert_eq!(scene.database.number("SELECT count(*) FROM orders WHERE id = 9").await, 1);
}

async fn load_planned_before_the_swap_is_refused_after_it(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let memory = MemoryRows::new(&COLUMNS, &[("I", &["9", "cdc"])]);
    let plan = scene.plan(&file(9), &memory).await;
    FullLoad::new(&scene, "first", two_parts()).await.run().await.unwrap();
    let error = scene.run(&plan, std::sync::Arc::new(memory)).await.unwrap_err();
    assert!(matches!(error, TargetError::Moved { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Replan);
}

async fn ledger_of_an_older_version_is_read_and_completed(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    scene.load(&file(1), &COLUMNS, &[("I", &["9", "cdc"])]).await.unwrap();
    scene
        .database
        .execute(match engine {
            Engine::Postgres => "DROP TABLE quarrel.ledger_full_loads, quarrel.full_load_parts",
            Engine::Sqlite => "DROP TABLE quarrel_ledger_full_loads; DROP TABLE quarrel_full_load_parts",
            Engine::Redshift => unreachable!("it replaces no tables yet"),
        })
        .await;
    let ledger = scene.ledger().await;
    assert_eq!((ledger.files.len(), ledger.floor), (1, None));
    FullLoad::new(&scene, "first", two_parts()).await.run().await.unwrap();
    assert_eq!(scene.ledger().await.floor, Some(floor()));
}

async fn load_that_is_begun_again_lacks_only_the_parts_that_are_not_recorded(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let mut load =
        FullLoad::new(&scene, "first", FullMemory::new(&["id", "note"], &[&[&["1", "a"], &["2", "NULL"]]])).await;
    load.target.open_beside(&load.plan).await.unwrap();
    load.copy().await.unwrap();

    // Another process, with the same files: the first part is there, the second is not.
    load.rows = two_parts();
    load.rows.closed = vec![0];
    load.quarantine.push(Default::default());
    let beside = load.target.open_beside(&load.plan).await.unwrap();
    assert_eq!(beside.recorded.iter().map(|part| part.rows).collect::<Vec<_>>(), [2]);
    let receipts = load.copy().await.unwrap();
    assert_eq!(receipts.iter().map(|part| part.rows).collect::<Vec<_>>(), [2, 1]);
    load.finish(3).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["1"], &["2"], &["3"]]));
}

async fn wrong_row_count_swaps_nothing(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let load = FullLoad::new(&scene, "first", two_parts()).await;
    load.target.open_beside(&load.plan).await.unwrap();
    load.copy().await.unwrap();
    let error = load.finish(4).await.unwrap_err();
    assert!(matches!(error, ReplaceError::RowCount { expected: 4, found: 3, .. }), "{error}");
    assert!(matches!(error.retry(), Retry::Never { hint: Some(_) }));
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["7"], &["8"]]));
    assert_eq!(scene.ledger().await.floor, None);
}

async fn load_that_is_given_up_leaves_nothing(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let load = FullLoad::new(&scene, "first", two_parts()).await;
    load.target.open_beside(&load.plan).await.unwrap();
    load.copy().await.unwrap();
    load.target.abandon(&load.plan).await.unwrap();
    no_table_is_left(&scene).await;
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["7"], &["8"]]));
    load.target.abandon(&load.plan).await.unwrap();
}

async fn tables_of_other_loads_are_dropped(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    for name in ["dead", "dead too"] {
        let dead = FullLoad::new(&scene, name, two_parts()).await;
        dead.target.open_beside(&dead.plan).await.unwrap();
        dead.copy().await.unwrap();
    }
    FullLoad::new(&scene, "live", two_parts()).await.run().await.unwrap();
    no_table_is_left(&scene).await;
}

async fn load_that_is_asked_for_again_is_answered_from_the_ledger(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let load = FullLoad::new(&scene, "first", two_parts()).await;
    load.run().await.unwrap();
    scene.load(&file(6), &COLUMNS, &[("I", &["9", "cdc"])]).await.unwrap();
    assert!(load.target.open_beside(&load.plan).await.unwrap().already_applied);
    let receipt = load.finish(0).await.unwrap();
    assert_eq!((receipt.outcome, receipt.rows), (LoadOutcome::AlreadyApplied, 3));
    assert_eq!(scene.database.number("SELECT count(*) FROM orders").await, 4);
    no_table_is_left(&scene).await;
}

async fn older_run_may_neither_open_nor_swap(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let old = FullLoad::new(&scene, "first", two_parts()).await;
    old.target.open_beside(&old.plan).await.unwrap();
    old.copy().await.unwrap();
    scene.fence.epoch = Epoch(2);
    scene.load(&file(1), &COLUMNS, &[("I", &["9", "newer"])]).await.unwrap();
    for error in [old.finish(3).await.unwrap_err(), old.target.open_beside(&old.plan).await.unwrap_err()] {
        assert!(matches!(error, ReplaceError::Target(TargetError::Fenced { .. })), "{error}");
    }
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["7"], &["8"], &["9"]]));
}

async fn bad_value_of_a_full_load_is_quarantined_or_stops_it(engine: Engine) {
    let script = "CREATE TABLE orders (id bigint PRIMARY KEY, note text NOT NULL)";
    let mut scene = Scene::new(engine, script, "orders", &["id"]).await;
    let bad = || FullMemory::new(&["id", "note"], &[&[&["1", "5"]], &[&["2", "6"], &["3", "NULL"]]]);
    let stopped = FullLoad::new(&scene, "first", bad()).await;
    stopped.target.open_beside(&stopped.plan).await.unwrap();
    let error = stopped.copy().await.unwrap_err();
    let ReplaceError::Target(TargetError::BadValue(value)) = &error else { panic!("{error}") };
    assert_eq!((value.column.as_str(), value.key.as_str(), value.row), ("note", "id=3", 1));
    assert_eq!(value.file, "LOAD00000001.parquet");

    scene.policy("note", BadValuePolicy::Quarantine);
    let load = FullLoad::new(&scene, "second", bad()).await;
    load.run().await.unwrap();
    let kept: Vec<_> = load.quarantine.iter().map(|part| part.kept().len()).collect();
    assert_eq!(kept, [0, 1]);
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "5"], &["2", "6"]]));
}

async fn load_that_was_never_opened_is_refused(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let load = FullLoad::new(&scene, "first", two_parts()).await;
    let error = load.finish(3).await.unwrap_err();
    assert!(matches!(error, ReplaceError::NotOpen { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Replan);
}

async fn missing_table_is_named(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let mut load = FullLoad::new(&scene, "first", two_parts()).await;
    load.plan.target = "elsewhere".parse().unwrap();
    let error = load.target.open_beside(&load.plan).await.unwrap_err();
    assert!(matches!(error, ReplaceError::NoTable { .. }), "{error}");
    assert!(load.target.refusals(&load.plan.target).await.is_err());
}
