//! Values that a target can't hold, and what the column's policy makes of them.

use arrow::datatypes::DataType;
use quarrel_connect::target::{Retry, TargetError};
use quarrel_model::bad_value::BadValuePolicy;

use super::database::{Engine, rows};
use super::memory::Kept;
use super::scene::{INT, Scene, TEXT, file};

crate::for_each_engine!(
    bad_value_stops_the_table_by_default,
    bad_value_is_quarantined_with_its_whole_row,
    bad_value_is_replaced_by_the_nearest,
    bad_value_gives_way_to_null,
    null_stops_the_table_where_none_is_taken,
    key_is_never_null,
    delete_is_judged_by_its_key_alone,
    unknown_operation_stops_the_table,
    quarantine_forgets_an_attempt_that_failed,
);

const TABLE: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, amount bigint, note text NOT NULL)";
const COLUMNS: [(&str, DataType); 3] = [("id", INT), ("amount", DataType::UInt64), ("note", TEXT)];
/// Past what 64 bits with a sign hold.
const PAST: &str = "18446744073709551615";

async fn bad_value_stops_the_table_by_default(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let changes: &[(&str, &[&str])] = &[("I", &["1", "5", "x"]), ("I", &["42", PAST, "x"])];
    let error = scene.load(&file(1), &COLUMNS, changes).await.unwrap_err();
    assert!(matches!(error.retry(), Retry::Never { hint: Some(hint) } if hint.contains("on_bad_value")));
    let TargetError::BadValue(bad) = &error else { panic!("{error}") };
    assert_eq!((bad.column.as_str(), bad.file.as_str(), bad.row), ("amount", "file-0", 1));
    assert_eq!(bad.key, "id=42");
    assert!(!error.to_string().contains(PAST), "an error shows no value but the key's: {error}");
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[]));
    assert_eq!(scene.ledger().await.files, []);
}

async fn bad_value_is_quarantined_with_its_whole_row(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    scene.policy("amount", BadValuePolicy::Quarantine);
    let changes: &[(&str, &[&str])] = &[("I", &["1", "5", "x"]), ("I", &["42", PAST, "x"]), ("I", &["3", "NULL", "x"])];
    let receipt = scene.load(&file(1), &COLUMNS, changes).await.unwrap();
    assert_eq!((receipt.rows, receipt.upserts, receipt.quarantined), (3, 2, 1));
    let kept = scene.quarantine.kept();
    let [Kept { column, reason, first_cell }] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((column.as_str(), first_cell.as_str()), ("amount", "42"));
    assert!(!reason.contains(PAST), "{reason}");
    assert_eq!(scene.database.rows("orders", &["id", "amount"]).await, rows(&[&["1", "5"], &["3", "NULL"]]));
}

async fn bad_value_is_replaced_by_the_nearest(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    scene.policy("amount", BadValuePolicy::Replace);
    scene.load(&file(1), &COLUMNS, &[("I", &["1", PAST, "x"])]).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["id", "amount"]).await, rows(&[&["1", "9223372036854775807"]]));
}

async fn bad_value_gives_way_to_null(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    scene.policy("amount", BadValuePolicy::Null);
    scene.load(&file(1), &COLUMNS, &[("I", &["1", PAST, "x"])]).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["id", "amount"]).await, rows(&[&["1", "NULL"]]));
}

async fn null_stops_the_table_where_none_is_taken(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let changes: &[(&str, &[&str])] = &[("I", &["1", "1", "NULL"]), ("I", &["2", "1", "x"])];
    for policy in [BadValuePolicy::Fail, BadValuePolicy::Null, BadValuePolicy::Replace] {
        scene.policy("note", policy);
        let error = scene.load(&file(1), &COLUMNS, changes).await.unwrap_err();
        assert!(matches!(&error, TargetError::BadValue(bad) if bad.column == "note" && bad.row == 0), "{error}");
    }
    scene.policy("note", BadValuePolicy::Quarantine);
    let receipt = scene.load(&file(1), &COLUMNS, changes).await.unwrap();
    assert_eq!((receipt.upserts, receipt.quarantined), (1, 1));
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["2"]]));
}

async fn key_is_never_null(engine: Engine) {
    let scene = Scene::new(engine, "CREATE TABLE orders (id bigint, note text)", "orders", &["id"]).await;
    for operation in ["I", "D"] {
        let columns = [("id", INT), ("note", TEXT)];
        let error = scene.load(&file(1), &columns, &[(operation, &["NULL", "x"])]).await.unwrap_err();
        assert!(matches!(&error, TargetError::BadValue(bad) if bad.column == "id"), "{error}");
    }
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[]));
}

async fn delete_is_judged_by_its_key_alone(engine: Engine) {
    let script = format!("{TABLE}; INSERT INTO orders VALUES (1, 1, 'x'), (2, 1, 'x')");
    let scene = Scene::new(engine, &script, "orders", &["id"]).await;
    scene.load(&file(1), &COLUMNS, &[("D", &["1", PAST, "NULL"])]).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["2"]]));
}

async fn unknown_operation_stops_the_table(engine: Engine) {
    let scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    let changes: &[(&str, &[&str])] = &[("I", &["1", "1", "x"]), ("T", &["2", "1", "x"])];
    let error = scene.load(&file(1), &COLUMNS, changes).await.unwrap_err();
    let TargetError::UnknownOperation { operation, file, row, .. } = &error else { panic!("{error}") };
    assert_eq!((operation.as_str(), file.as_str(), *row), ("T", "file-0", 1));
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[]));
}

async fn quarantine_forgets_an_attempt_that_failed(engine: Engine) {
    let mut scene = Scene::new(engine, TABLE, "orders", &["id"]).await;
    scene.policy("amount", BadValuePolicy::Quarantine);
    let failing: &[(&str, &[&str])] = &[("I", &["1", PAST, "x"]), ("I", &["2", "1", "NULL"])];
    scene.load(&file(1), &COLUMNS, failing).await.unwrap_err();
    scene.load(&file(2), &COLUMNS, &[("I", &["3", PAST, "x"])]).await.unwrap();
    let kept: Vec<String> = scene.quarantine.kept().into_iter().map(|kept| kept.first_cell).collect();
    assert_eq!(kept, ["3"]);
}
