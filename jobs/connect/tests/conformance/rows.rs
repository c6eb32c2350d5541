//! What becomes of rows: written, overwritten, deleted, once.

use arrow::datatypes::DataType;
use quarrel_model::target::LoadOutcome;

use super::database::{Engine, rows};
use super::memory::MemoryRows;
use super::scene::{INT, Scene, TEXT, file};

crate::for_each_engine!(
    inserts_updates_and_deletes_reach_the_table,
    repeated_batch_changes_nothing,
    batch_repeated_after_a_later_one_changes_nothing,
    table_without_an_index_is_kept_like_one_with,
    columns_that_are_not_loaded_keep_values_and_get_defaults,
    key_of_eight_columns_tells_rows_apart,
    table_of_key_columns_alone_is_kept,
    table_as_wide_as_postgres_takes_is_loaded,
    rows_in_many_parts_all_arrive,
    empty_batch_changes_only_the_ledger,
);

const COLUMNS: [(&str, DataType); 2] = [("id", INT), ("note", TEXT)];
const TABLE: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, note text)";

async fn inserts_updates_and_deletes_reach_the_table(engine: Engine) {
    let script = format!("{TABLE}; INSERT INTO orders VALUES (1, 'old'), (2, 'old'), (3, 'old')");
    let scene = Scene::new(engine, &script, "orders", &["id"]).await;
    let changes: &[(&str, &[&str])] =
        &[("U", &["1", "new"]), ("D", &["2", "NULL"]), ("I", &["4", "NULL"]), ("D", &["9", "NULL"])];
    let receipt = scene.load(&file(1), &COLUMNS, changes).await.unwrap();
    assert_eq!(receipt.outcome, LoadOutcome::Applied);
    assert_eq!((receipt.rows, receipt.upserts, receipt.deletes, receipt.quarantined), (4, 2, 2, 0));
    let expected = rows(&[&["1", "new"], &["3", "old"], &["4", "NULL"]]);
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, expected);
}

async fn repeated_batch_changes_nothing(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let changes: &[(&str, &[&str])] = &[("I", &["1", "a"]), ("D", &["2", "NULL"])];
    let memory = || MemoryRows::new(&COLUMNS, changes);
    let plan = scene.plan(&file(1), &memory()).await;
    scene.run(&plan, std::sync::Arc::new(memory())).await.unwrap();
    scene.database.execute("UPDATE orders SET note = 'touched since'").await;
    let again = scene.run(&plan, std::sync::Arc::new(memory())).await.unwrap();
    assert_eq!(again.outcome, LoadOutcome::AlreadyApplied);
    assert_eq!((again.rows, again.upserts, again.deletes), (2, 1, 1));
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "touched since"]]));
}

async fn batch_repeated_after_a_later_one_changes_nothing(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let first = || MemoryRows::new(&COLUMNS, &[("I", &["1", "first"]), ("I", &["2", "first"])]);
    let plan = scene.plan(&file(1), &first()).await;
    scene.run(&plan, std::sync::Arc::new(first())).await.unwrap();
    scene.load(&file(2), &COLUMNS, &[("U", &["1", "second"]), ("D", &["2", "NULL"])]).await.unwrap();
    let again = scene.run(&plan, std::sync::Arc::new(first())).await.unwrap();
    assert_eq!(again.outcome, LoadOutcome::AlreadyApplied);
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "second"]]));
}

async fn table_without_an_index_is_kept_like_one_with(engine: Engine) {
    let script = "CREATE TABLE orders (id bigint, region text, note text); INSERT INTO orders VALUES (1, 'n', 'old'), (2, 'n', 'old')";
    let scene = Scene::new(engine, script, "orders", &["id", "region"]).await;
    let columns = [("id", INT), ("region", TEXT), ("note", TEXT)];
    let changes: &[(&str, &[&str])] =
        &[("U", &["1", "n", "new"]), ("I", &["1", "s", "new"]), ("D", &["2", "n", "NULL"]), ("U", &["3", "n", "new"])];
    for number in [1, 2] {
        scene.load(&file(number), &columns, changes).await.unwrap();
        let expected = rows(&[&["1", "n", "new"], &["1", "s", "new"], &["3", "n", "new"]]);
        assert_eq!(scene.database.rows("orders", &["id", "region", "note"]).await, expected, "load {number}");
    }
}

async fn columns_that_are_not_loaded_keep_values_and_get_defaults(engine: Engine) {
    let script = "CREATE TABLE orders (note text, own text DEFAULT 'default', id bigint PRIMARY KEY);
        INSERT INTO orders (id, note, own) VALUES (1, 'old', 'kept')";
    let scene = Scene::new(engine, script, "orders", &["id"]).await;
    scene.load(&file(1), &COLUMNS, &[("U", &["1", "new"]), ("I", &["2", "new"])]).await.unwrap();
    let expected = rows(&[&["1", "new", "kept"], &["2", "new", "default"]]);
    assert_eq!(scene.database.rows("orders", &["id", "note", "own"]).await, expected);
}

async fn key_of_eight_columns_tells_rows_apart(engine: Engine) {
    let script = "CREATE TABLE orders (a bigint, b text, c bigint, d text, e bigint, f text, g bigint, h text, v text,
        PRIMARY KEY (a, b, c, d, e, f, g, h));
        INSERT INTO orders VALUES (1,'1',1,'1',1,'1',1,'1','old'), (1,'1',1,'1',1,'1',1,'2','old'), (1,'1',1,'1',1,'1',1,'3','old')";
    let scene = Scene::new(engine, script, "orders", &["a", "b", "c", "d", "e", "f", "g", "h"]).await;
    let columns = [
        ("a", INT),
        ("b", TEXT),
        ("c", INT),
        ("d", TEXT),
        ("e", INT),
        ("f", TEXT),
        ("g", INT),
        ("h", TEXT),
        ("v", TEXT),
    ];
    let changes: &[(&str, &[&str])] = &[
        ("U", &["1", "1", "1", "1", "1", "1", "1", "2", "new"]),
        ("D", &["1", "1", "1", "1", "1", "1", "1", "3", "NULL"]),
        ("I", &["2", "1", "1", "1", "1", "1", "1", "1", "new"]),
    ];
    scene.load(&file(1), &columns, changes).await.unwrap();
    let expected = rows(&[&["1", "1", "old"], &["1", "2", "new"], &["2", "1", "new"]]);
    assert_eq!(scene.database.rows("orders", &["a", "h", "v"]).await, expected);
}

async fn table_of_key_columns_alone_is_kept(engine: Engine) {
    for index in ["", ", PRIMARY KEY (a, b)"] {
        let script =
            format!("CREATE TABLE orders (a bigint, b text{index}); INSERT INTO orders VALUES (1, 'x'), (2, 'x')");
        let scene = Scene::new(engine, &script, "orders", &["a", "b"]).await;
        let changes: &[(&str, &[&str])] = &[("I", &["1", "x"]), ("D", &["2", "x"]), ("I", &["3", "x"])];
        scene.load(&file(1), &[("a", INT), ("b", TEXT)], changes).await.unwrap();
        assert_eq!(scene.database.rows("orders", &["a", "b"]).await, rows(&[&["1", "x"], &["3", "x"]]), "{index}");
    }
}

async fn table_as_wide_as_postgres_takes_is_loaded(engine: Engine) {
    let width = match engine {
        Engine::Postgres | Engine::Sqlite => 1_600,
        // Its staging table has one column more, and no more than 1,600.
        Engine::Redshift => 1_599,
    };
    let names: Vec<String> = (0..width).map(|number| format!("column_{number}")).collect();
    for index in ["PRIMARY KEY", ""] {
        let rest: Vec<String> = names[1..].iter().map(|name| format!("{name} int")).collect();
        let script = format!("CREATE TABLE orders ({} int {index}, {})", names[0], rest.join(", "));
        let scene = Scene::new(engine, &script, "orders", &[&names[0]]).await;
        let columns: Vec<(&str, DataType)> = names.iter().map(|name| (name.as_str(), DataType::Int32)).collect();
        let row = |key: &'static str, value: &'static str| -> Vec<&'static str> {
            std::iter::once(key).chain(std::iter::repeat_n(value, width - 1)).collect()
        };
        let (one, two) = (row("1", "5"), row("2", "5"));
        scene.load(&file(1), &columns, &[("I", &one), ("I", &two)]).await.unwrap();
        let (one, two) = (row("1", "7"), row("2", "NULL"));
        scene.load(&file(2), &columns, &[("U", &one), ("D", &two)]).await.unwrap();
        let shown = ["column_0", "column_1", "column_800", names[width - 1].as_str()];
        assert_eq!(scene.database.rows("orders", &shown).await, rows(&[&["1", "7", "7", "7"]]), "index `{index}`");
    }
}

async fn rows_in_many_parts_all_arrive(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let texts: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    let cells: Vec<[&str; 2]> = texts.iter().map(|text| [text.as_str(), "x"]).collect();
    let changes: Vec<(&str, &[&str])> = cells.iter().map(|cells| ("I", cells.as_slice())).collect();
    let memory = MemoryRows::new(&COLUMNS, &changes).split(7, 61);
    let receipt = scene.load_rows(&file(1), memory).await.unwrap();
    assert_eq!(receipt.upserts, 5_000);
    let sum = "SELECT CAST(sum(id) AS bigint) FROM orders";
    assert_eq!(scene.database.number(sum).await, 5_000 * 4_999 / 2);
}

async fn empty_batch_changes_only_the_ledger(engine: Engine) {
    let script = format!("{TABLE}; INSERT INTO orders VALUES (1, 'old')");
    let scene = Scene::new(engine, &script, "orders", &["id"]).await;
    let receipt = scene.load(&file(1), &COLUMNS, &[]).await.unwrap();
    assert_eq!((receipt.rows, receipt.outcome), (0, LoadOutcome::Applied));
    assert_eq!(scene.database.rows("orders", &["id", "note"]).await, rows(&[&["1", "old"]]));
    let ledger = scene.ledger().await;
    assert_eq!(ledger.watermark.unwrap().file, super::scene::order(&file(1)));
    assert_eq!(ledger.files.len(), 1);
}
