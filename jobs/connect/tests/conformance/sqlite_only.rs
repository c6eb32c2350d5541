//! What only SQLite has: types that are preferences.

use arrow::datatypes::{DataType, TimeUnit};
use quarrel_model::target::Generation;

use super::database::{Engine, rows};
use super::scene::{INT, Scene, TEXT, file};

#[tokio::test]
async fn values_are_kept_in_their_canonical_forms() {
    let script =
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, flag BOOLEAN, exact TEXT, price DECIMAL(9,2), day TEXT, at TEXT,
        instant TEXT, clock TEXT, bytes BLOB)";
    let scene = Scene::new(Engine::Sqlite, script, "orders", &["id"]).await;
    let columns = [
        ("id", INT),
        ("flag", TEXT),
        ("exact", DataType::Decimal128(38, 3)),
        ("price", DataType::Decimal128(9, 2)),
        ("day", DataType::Date32),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("instant", DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()))),
        ("clock", DataType::Time64(TimeUnit::Microsecond)),
        ("bytes", DataType::Binary),
    ];
    let cells = [
        "1",
        "true",
        "12345678901234567890.500",
        "19.90",
        "1969-12-31",
        "2026-11-22 10:00:00.000001",
        "2026-11-22 10:00:00Z",
        "23:59:59.5",
        "ab",
    ];
    scene.load(&file(1), &columns, &[("I", &cells)]).await.unwrap();
    let expected = rows(&[&[
        "1",
        "1",
        "12345678901234567890.500",
        "19.9",
        "1969-12-31",
        "2026-11-22 10:00:00.000001",
        "2026-11-22 10:00:00+00",
        "23:59:59.5",
        "\\x6162",
    ]]);
    let shown = ["id", "flag", "exact", "price", "day", "at", "instant", "clock", "bytes"];
    assert_eq!(scene.database.rows("orders", &shown).await, expected);
}

#[tokio::test]
async fn table_is_described_as_its_pragmas_have_it() {
    let script = "CREATE TABLE Orders (id INTEGER PRIMARY KEY, code TEXT NOT NULL COLLATE NOCASE UNIQUE, price NUMERIC DEFAULT 1,
        doubled NUMERIC GENERATED ALWAYS AS (price * 2), other TEXT, UNIQUE (other, price));
        CREATE UNIQUE INDEX partial ON Orders (price) WHERE price > 0;
        CREATE VIEW v AS SELECT 1";
    let scene = Scene::new(Engine::Sqlite, script, "orders", &["id"]).await;
    let table = scene.target.describe(&scene.table).await.unwrap().unwrap();
    assert_eq!(table.name.name, "Orders");
    assert_eq!(table.unique_keys, [vec!["id".to_owned()], vec!["other".to_owned(), "price".to_owned()]]);
    let generations: Vec<_> = table.columns.iter().map(|column| column.generation).collect();
    let (none, computed) = (Generation::None, Generation::Computed);
    assert_eq!(generations, [none, none, none, computed, none]);
    assert!(table.columns[0].has_default && table.columns[2].has_default && !table.columns[1].nullable);
    assert!(scene.target.describe(&"v".parse().unwrap()).await.is_err());
    assert!(scene.target.describe(&"missing".parse().unwrap()).await.unwrap().is_none());
    assert_eq!(scene.target.check(&scene.table).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn key_that_ignores_case_finds_its_row() {
    let script = "CREATE TABLE orders (code TEXT PRIMARY KEY COLLATE NOCASE, note TEXT); INSERT INTO orders VALUES ('Ab', 'old')";
    let scene = Scene::new(Engine::Sqlite, script, "orders", &["code"]).await;
    let columns = [("code", TEXT), ("note", TEXT)];
    scene.load(&file(1), &columns, &[("U", &["aB", "new"])]).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["note"]).await, rows(&[&["new"]]));
    scene.load(&file(2), &columns, &[("D", &["AB", "NULL"])]).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["note"]).await, rows(&[]));
}
