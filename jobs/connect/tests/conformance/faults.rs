//! Faults of the connection and of others on the database.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::DataType;
use quarrel_connect::target::{Retry, TargetError};
use quarrel_model::target::LoadOutcome;
use quarrel_testkit::tcp_proxy::{Fault, FaultKind, PostgresProxy};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, SqliteConnection};

use super::database::{Engine, rows};
use super::memory::{Ending, MemoryRows};
use super::scene::{INT, Scene, TEXT, file};

crate::for_each_engine!(
    load_that_is_cancelled_leaves_the_target_as_it_was,
    load_that_is_dropped_leaves_the_target_as_it_was
);

const COLUMNS: [(&str, DataType); 2] = [("id", INT), ("note", TEXT)];
const TABLE: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, note text)";

/// A scene whose target goes through a proxy, with its ledger prepared: one COMMIT is to come, the load's.
async fn proxied(script: &str) -> (Scene, PostgresProxy) {
    let mut scene = Scene::new(Engine::Postgres, script, "orders", &["id"]).await;
    let url = scene.database.url.clone();
    let proxy = tokio::task::spawn_blocking(move || PostgresProxy::start(&url)).await.unwrap();
    scene.target.prepare_ledger().await.unwrap();
    scene.target = scene.database.target_at(&proxy.url(&scene.database.url), 4).await;
    (scene, proxy)
}

#[tokio::test]
async fn commit_whose_reply_is_lost_is_found_in_the_ledger() {
    let (scene, proxy) = proxied("CREATE TABLE orders (id bigint, note text)").await;
    let memory = MemoryRows::new(&COLUMNS, &[("I", &["1", "once"])]);
    let plan = scene.plan(&file(1), &memory).await;
    proxy.arm(Fault::LoseCommitReply);
    let receipt = scene.run(&plan, Arc::new(memory)).await.unwrap();
    assert_eq!(proxy.fired(FaultKind::LoseCommitReply), 1);
    assert_eq!((receipt.outcome, receipt.upserts), (LoadOutcome::AlreadyApplied, 1));
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "once"]]));
}

#[tokio::test]
async fn commit_that_is_never_heard_is_done_again() {
    let (scene, proxy) = proxied("CREATE TABLE orders (id bigint, note text)").await;
    let memory = MemoryRows::new(&COLUMNS, &[("I", &["1", "once"])]);
    let plan = scene.plan(&file(1), &memory).await;
    proxy.arm(Fault::LoseCommitRequest);
    let receipt = scene.run(&plan, Arc::new(memory)).await.unwrap();
    assert_eq!(proxy.fired(FaultKind::LoseCommitRequest), 1);
    assert_eq!(receipt.outcome, LoadOutcome::Applied);
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "once"]]));
}

#[tokio::test]
async fn connection_lost_in_mid_copy_is_made_up_for() {
    let (scene, proxy) = proxied(TABLE).await;
    let texts: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let cells: Vec<[&str; 2]> = texts.iter().map(|text| [text.as_str(), "some text to fill the stream"]).collect();
    let changes: Vec<(&str, &[&str])> = cells.iter().map(|cells| ("I", cells.as_slice())).collect();
    let memory = MemoryRows::new(&COLUMNS, &changes).split(2, 1_000);
    let plan = scene.plan(&file(1), &memory).await;
    proxy.arm(Fault::DropAfterCopyBytes(100_000));
    scene.run(&plan, Arc::new(memory)).await.unwrap();
    assert_eq!(proxy.fired(FaultKind::DropAfterCopyBytes), 1);
    assert_eq!(scene.database.number("SELECT count(*) FROM orders").await, 20_000);
    let tables = scene.database.tables().await;
    assert!(!tables.iter().any(|name| name.contains("stage")), "{tables:?}");
}

#[tokio::test]
async fn server_that_refuses_connections_for_a_while_is_waited_for() {
    let (scene, proxy) = proxied(TABLE).await;
    let memory = MemoryRows::new(&COLUMNS, &[("I", &["1", "a"])]);
    let plan = scene.plan(&file(1), &memory).await;
    proxy.cut_all();
    proxy.arm(Fault::RefuseConnections(2));
    scene.run(&plan, Arc::new(memory)).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["1"]]));
}

#[tokio::test]
async fn locked_table_names_who_holds_it() {
    let mut scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
    scene.rules.lock_timeout = Duration::from_millis(50);
    let options: PgConnectOptions = scene.database.url.parse().unwrap();
    let mut other = options.application_name("reporting").connect().await.unwrap();
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut other).await.unwrap();
    other.execute("BEGIN; LOCK TABLE orders IN SHARE MODE").await.unwrap();
    let error = scene.load(&file(1), &COLUMNS, &[("I", &["1", "secret value"])]).await.unwrap_err();
    let TargetError::Locked { blocker, .. } = &error else { panic!("{error:?}") };
    assert!(blocker.contains(&format!("process {pid} (reporting, idle in transaction")), "{blocker}");
    assert!(!blocker.contains("LOCK TABLE"), "queries are not shown: {blocker}");
    assert_eq!(error.retry(), Retry::Again);
    other.execute("ROLLBACK").await.unwrap();
    scene.load(&file(1), &COLUMNS, &[("I", &["1", "a"])]).await.unwrap();
}

#[tokio::test]
async fn locked_row_names_who_holds_it() {
    let mut scene =
        Scene::new(Engine::Postgres, &format!("{TABLE}; INSERT INTO orders VALUES (1, 'old')"), "orders", &["id"])
            .await;
    scene.rules.lock_timeout = Duration::from_millis(50);
    let mut other = PgConnection::connect(&scene.database.url).await.unwrap();
    other.execute("BEGIN; UPDATE orders SET note = 'theirs'").await.unwrap();
    let error = scene.load(&file(1), &COLUMNS, &[("U", &["1", "a"])]).await.unwrap_err();
    assert!(matches!(&error, TargetError::Locked { blocker, .. } if blocker.starts_with("process ")), "{error:?}");
}

#[tokio::test]
async fn sqlite_file_that_another_writes_to_is_waited_for_and_then_reported() {
    let mut scene = Scene::new(Engine::Sqlite, TABLE, "orders", &["id"]).await;
    scene.rules.lock_timeout = Duration::from_millis(20);
    scene.load(&file(1), &COLUMNS, &[("I", &["1", "a"])]).await.unwrap();
    let mut other = SqliteConnection::connect(&scene.database.url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let error = scene.load(&file(2), &COLUMNS, &[("I", &["2", "a"])]).await.unwrap_err();
    assert!(matches!(&error, TargetError::Locked { .. }), "{error:?}");
    other.execute("ROLLBACK").await.unwrap();
    scene.load(&file(2), &COLUMNS, &[("I", &["2", "a"])]).await.unwrap();
}

async fn load_that_is_cancelled_leaves_the_target_as_it_was(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let hanging = MemoryRows::new(&COLUMNS, &[("I", &["1", "a"])]).ending(Ending::Hangs);
    let plan = scene.plan(&file(1), &hanging).await;
    scene.cancel.cancel();
    let error = scene.run(&plan, Arc::new(hanging)).await.unwrap_err();
    assert!(matches!(error, TargetError::Cancelled { .. }), "{error}");

    scene.cancel = Default::default();
    let hanging = MemoryRows::new(&COLUMNS, &[("I", &["1", "a"])]).opened_together(2);
    let cancel = scene.cancel.clone();
    let load = scene.run(&plan, Arc::new(hanging));
    // The load waits for a second reader that never comes.
    let (result, ()) = tokio::join!(load, async { cancel.cancel() });
    assert!(matches!(result, Err(TargetError::Cancelled { .. })), "{result:?}");
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[]));
    assert_eq!(scene.ledger().await.files, []);

    scene.cancel = Default::default();
    scene.load(&file(1), &COLUMNS, &[("I", &["1", "a"])]).await.unwrap();
}

async fn load_that_is_dropped_leaves_the_target_as_it_was(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let hanging = MemoryRows::new(&COLUMNS, &[("I", &["1", "a"])]).ending(Ending::Hangs);
    let plan = scene.plan(&file(1), &hanging).await;
    {
        let load = scene.run(&plan, Arc::new(hanging));
        let dropped = tokio::time::timeout(Duration::from_millis(300), load).await;
        assert!(dropped.is_err(), "the load waits for the end of a part that has none");
    }
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[]));
    scene.load(&file(1), &COLUMNS, &[("I", &["1", "b"])]).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "b"]]));
}
