//! What the ledger says, and whom it stops.

use arrow::datatypes::DataType;
use quarrel_connect::target::{Retry, TargetError};
use quarrel_model::ledger::{Epoch, Fence, LedgerFrom};
use quarrel_model::names::TableName;
use quarrel_model::position::{ChangeSequence, SequenceRange};
use quarrel_model::schema::ColumnType;

use super::database::{Engine, rows};
use super::memory::MemoryRows;
use super::scene::{INT, Scene, TEXT, batch_of_version, file, order, table_name};

crate::for_each_engine!(
    ledger_of_an_untouched_database_is_empty_and_not_created,
    ledger_tells_what_was_applied,
    older_epoch_touches_nothing,
    newer_epoch_takes_over,
    plan_made_before_another_batch_touches_nothing,
    applied_files_are_read_from_a_place_on,
    overwritten_file_replaces_its_entry,
    watermark_never_moves_back,
    ledger_is_prepared_by_many_at_once,
    two_targets_of_one_table_have_ledgers_of_their_own,
    added_column_comes_with_its_load_or_not_at_all,
    loads_into_one_table_are_serialised,
);

const COLUMNS: [(&str, DataType); 2] = [("id", INT), ("note", TEXT)];
const TABLE: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, note text)";

async fn ledger_of_an_untouched_database_is_empty_and_not_created(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    assert_eq!(scene.ledger().await, Default::default());
    let applied = scene.target.read_applied(&table_name(), &scene.table, &LedgerFrom::Beginning).await.unwrap();
    assert_eq!(applied, []);
    let expected = match engine {
        Engine::Postgres => "public.orders",
        Engine::Sqlite => "orders",
    };
    assert_eq!(scene.database.tables().await, [expected]);
}

async fn ledger_tells_what_was_applied(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let memory = MemoryRows::new(&COLUMNS, &[("I", &["1", "a"]), ("I", &["2", "b"])]);
    let mut plan = scene.plan(&file(1), &memory).await;
    let range = SequenceRange { first: ChangeSequence("001".to_owned()), last: ChangeSequence("009".to_owned()) };
    plan.files[0].sequences = Some(range.clone());
    plan.watermark.sequence = Some(range.last.clone());
    scene.run(&plan, std::sync::Arc::new(memory)).await.unwrap();
    let ledger = scene.ledger().await;
    assert_eq!(ledger.fence, Some(scene.fence.clone()));
    assert_eq!(ledger.watermark, Some(plan.watermark.clone()));
    assert_eq!(ledger.last_batch, Some(plan.batch.clone()));
    assert_eq!(ledger.schema.unwrap().columns[0].column_type, ColumnType::Integer(64));
    assert_eq!(ledger.files, plan.files);
    assert_eq!((ledger.files[0].rows, ledger.files[0].file.key.as_str()), (2, file(1).as_str()));
}

async fn older_epoch_touches_nothing(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    scene.fence = Fence { epoch: Epoch(5), holder: "run-5".to_owned() };
    scene.load(&file(1), &COLUMNS, &[("I", &["1", "mine"])]).await.unwrap();
    for (epoch, holder) in [(4, "run-4"), (5, "somebody else")] {
        scene.fence = Fence { epoch: Epoch(epoch), holder: holder.to_owned() };
        let error = scene.load(&file(2), &COLUMNS, &[("U", &["1", "theirs"])]).await.unwrap_err();
        assert!(matches!(&error, TargetError::Fenced { found: Epoch(5), .. }), "{error}");
        assert_eq!(error.retry(), Retry::Replan);
    }
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "mine"]]));
    assert_eq!(scene.ledger().await.files.len(), 1);
}

async fn newer_epoch_takes_over(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    scene.load(&file(1), &COLUMNS, &[("I", &["1", "first"])]).await.unwrap();
    scene.fence = Fence { epoch: Epoch(2), holder: "run-2".to_owned() };
    scene.load(&file(2), &COLUMNS, &[("U", &["1", "second"])]).await.unwrap();
    assert_eq!(scene.ledger().await.fence, Some(scene.fence.clone()));
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "second"]]));
}

async fn plan_made_before_another_batch_touches_nothing(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let memory = MemoryRows::new(&COLUMNS, &[("I", &["1", "planned first"])]);
    let early = scene.plan(&file(1), &memory).await;
    scene.load(&file(2), &COLUMNS, &[("I", &["1", "came between"])]).await.unwrap();
    let error = scene.run(&early, std::sync::Arc::new(memory)).await.unwrap_err();
    let found = scene.ledger().await.last_batch.unwrap();
    assert!(matches!(&error, TargetError::Moved { found: named, .. } if *named == found), "{error}");
    assert_eq!(error.retry(), Retry::Replan);
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "came between"]]));
}

async fn applied_files_are_read_from_a_place_on(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    for number in [1, 2, 3] {
        let memory = MemoryRows::new(&COLUMNS, &[]);
        let mut plan = scene.plan(&file(number), &memory).await;
        let sequence = |at: u32| ChangeSequence(format!("{:03}", number * 10 + at));
        plan.files[0].sequences = Some(SequenceRange { first: sequence(0), last: sequence(9) });
        scene.run(&plan, std::sync::Arc::new(memory)).await.unwrap();
    }
    let keys = async |from: LedgerFrom| -> Vec<String> {
        let found = scene.target.read_applied(&table_name(), &scene.table, &from).await.unwrap();
        found.into_iter().map(|applied| applied.file.key).collect()
    };
    assert_eq!(keys(LedgerFrom::Beginning).await, [file(1), file(2), file(3)]);
    assert_eq!(keys(LedgerFrom::Order(order(&file(2)))).await, [file(2), file(3)]);
    assert_eq!(keys(LedgerFrom::Sequence(ChangeSequence("029".to_owned()))).await, [file(2), file(3)]);
    assert_eq!(keys(LedgerFrom::Sequence(ChangeSequence("030".to_owned()))).await, [file(3)]);
}

async fn overwritten_file_replaces_its_entry(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let described = scene.target.describe(&scene.table).await.unwrap().unwrap();
    for etag in ["etag-1", "etag-2"] {
        let memory = MemoryRows::new(&COLUMNS, &[("I", &["1", etag])]);
        let batch = batch_of_version(&file(1), etag, &memory);
        let mut plan = quarrel_model::target::plan_load(&batch, &described, &scene.rules).unwrap();
        plan.fence = Some(scene.fence.clone());
        plan.after = scene.ledger().await.last_batch;
        scene.run(&plan, std::sync::Arc::new(memory)).await.unwrap();
    }
    let files = scene.ledger().await.files;
    let etags: Vec<_> = files.iter().map(|applied| applied.file.etag.as_deref()).collect();
    assert_eq!(etags, [Some("etag-2")]);
}

async fn watermark_never_moves_back(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    for (number, sequence) in [(5, Some("50")), (3, None), (2, Some("20"))] {
        let memory = MemoryRows::new(&COLUMNS, &[]);
        let mut plan = scene.plan(&file(number), &memory).await;
        plan.watermark.sequence = sequence.map(|text| ChangeSequence(text.to_owned()));
        scene.run(&plan, std::sync::Arc::new(memory)).await.unwrap();
        let watermark = scene.ledger().await.watermark.unwrap();
        assert_eq!(watermark.file, order(&file(5)));
        assert_eq!(watermark.sequence, Some(ChangeSequence("50".to_owned())));
    }
}

async fn ledger_is_prepared_by_many_at_once(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let mut targets = Vec::new();
    for _ in 0..8 {
        targets.push(scene.database.target(1).await);
    }
    let prepared = futures::future::join_all(targets.iter().map(|target| target.prepare_ledger())).await;
    prepared.into_iter().for_each(|result| result.unwrap());
    assert_eq!(scene.database.tables().await.iter().filter(|name| name.contains("ledger")).count(), 4);
}

async fn two_targets_of_one_table_have_ledgers_of_their_own(engine: Engine) {
    let script = format!("{TABLE}; CREATE TABLE copy (id bigint PRIMARY KEY, note text)");
    let mut scene = Scene::new(engine, &script, "orders", &["id"]).await;
    scene.load(&file(1), &COLUMNS, &[("I", &["1", "a"])]).await.unwrap();
    scene.table = "copy".parse().unwrap();
    assert_eq!(scene.ledger().await, Default::default());
    scene.load(&file(1), &COLUMNS, &[("I", &["1", "a"])]).await.unwrap();
    assert_eq!(scene.database.rows("copy", &["id", "note"]).await, rows(&[&["1", "a"]]));
}

async fn added_column_comes_with_its_load_or_not_at_all(engine: Engine) {
    let script = "CREATE TABLE orders (id bigint PRIMARY KEY, note text CHECK (note <> 'refused'))";
    let scene = Scene::new(engine, script, "orders", &["id"]).await;
    let columns = [("id", INT), ("note", TEXT), ("Added, later", DataType::Decimal128(9, 2))];
    let error = scene.load(&file(1), &columns, &[("I", &["1", "refused", "1.50"])]).await.unwrap_err();
    assert!(matches!(&error, TargetError::Merge { .. }), "{error}");
    assert!(matches!(error.retry(), Retry::Never { hint: Some(_) }));
    let described = scene.target.describe(&scene.table).await.unwrap().unwrap();
    assert_eq!(described.columns.len(), 2, "the column went with its load");
    assert_eq!(scene.ledger().await.files, []);
    scene.load(&file(1), &columns, &[("I", &["1", "taken", "1.50"])]).await.unwrap();
    let found = scene.database.rows("orders", &["id", "note", "Added, later"]).await;
    assert_eq!(found, rows(&[&["1", "taken", "1.50"]]));
}

/// Two runs under two names of one table, which has no index to help: without a lock, both would insert their row.
async fn loads_into_one_table_are_serialised(engine: Engine) {
    let scene = Scene::new(engine, "CREATE TABLE orders (id bigint, note text)", "orders", &["id"]).await;
    let mut loads = Vec::new();
    for number in 0..6 {
        let memory = MemoryRows::new(&COLUMNS, &[("I", &["1", "x"]), ("I", &["2", "x"])]);
        let mut plan = scene.plan(&file(number), &memory).await;
        plan.table = TableName(format!("name-{number}"));
        loads.push((plan, std::sync::Arc::new(memory)));
    }
    let running = loads.iter().map(|(plan, memory)| scene.run(plan, memory.clone()));
    for result in futures::future::join_all(running).await {
        result.unwrap();
    }
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "x"], &["2", "x"]]));
}
