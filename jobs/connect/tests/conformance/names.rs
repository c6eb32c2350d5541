//! Names of every kind, through real databases.

use arrow::datatypes::DataType;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use quarrel_model::names::QualifiedName;

use super::database::{Database, Engine, rows};
use super::scene::{INT, Scene, TEXT, file};

crate::for_each_engine!(names_that_need_quotes_are_loaded_by, any_name_is_loaded_by);

/// Statements of the test itself: quoted the usual way.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn load_by(database: Database, table: &str, key: &str, column: &str) -> Database {
    let create =
        format!("CREATE TABLE {} ({} bigint PRIMARY KEY, {} text)", quoted(table), quoted(key), quoted(column));
    database.execute(&create).await;
    let mut scene = Scene::on(database, "placeholder", &[key]).await;
    scene.table = QualifiedName { schema: None, name: table.to_owned() };
    let columns = [(key, INT), (column, TEXT)];
    scene.load(&file(1), &columns, &[("I", &["1", "a"]), ("I", &["2", "b"])]).await.unwrap();
    scene.load(&file(2), &columns, &[("U", &["1", "c"]), ("D", &["2", "NULL"])]).await.unwrap();
    let added = [(key, INT), (column, TEXT), ("added \" too", DataType::Utf8)];
    scene.load(&file(3), &added, &[("I", &["3", "d", "e"])]).await.unwrap();
    let found = scene.database.rows(&quoted(table), &[key, column, "added \" too"]).await;
    assert_eq!(found, rows(&[&["1", "c", "NULL"], &["3", "d", "e"]]), "{table:?} {key:?} {column:?}");
    scene.target.close().await;
    scene.database
}

async fn names_that_need_quotes_are_loaded_by(engine: Engine) {
    let mut database = Database::new(engine).await;
    for (table, key, column) in [
        ("Mixed", "Id", "camelCase"),
        ("select", "from", "where"),
        ("a table", "the key", "a value"),
        ("o'clock", "it''s", "b\\s"),
        ("say \"hi\"", "\"", "\"\"\""),
        ("line\nbreak", "tab\there", "\u{1F3F9} bolt"),
        ("{{target}}", "{0}", "{1|x|y}"),
        ("orders; DROP TABLE orders; --", "/*", "*/ -- $1 ?1"),
        ("été", "größe", "名前"),
    ] {
        database = load_by(database, table, key, column).await;
    }
}

/// Any name without NUL, at most 63 bytes, and none of ours.
fn name() -> impl Strategy<Value = String> {
    let text = vec(
        prop_oneof![
            4 => proptest::char::range(' ', '~'),
            1 => proptest::sample::select(vec!['"', '\'', '\\', '\n', '\t', '$', '?', '{', '}', '|', ';', ':']),
            1 => proptest::char::range('¡', '\u{2FFF}'),
        ],
        1..20,
    );
    text.prop_map(|chars| chars.into_iter().collect::<String>())
        .prop_filter("own, or too long", |name| {
            name.len() <= 63 && !name.starts_with('_') && !name.starts_with("quarrel")
        })
        .prop_filter("SQLite keeps these names for itself", |name| !name.to_lowercase().starts_with("sqlite_"))
}

async fn any_name_is_loaded_by(engine: Engine) {
    const CASES: u32 = 12;
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let cases: Vec<(String, String, String)> = (0..CASES)
        .map(|_| (name(), name(), name()).new_tree(&mut runner).unwrap().current())
        .filter(|(_, key, column)| key.to_lowercase() != column.to_lowercase())
        .collect();
    let mut database = Database::new(engine).await;
    for (number, (table, key, column)) in cases.iter().enumerate() {
        let table: String = format!("{number}{table}").chars().take(20).collect();
        println!("table {table:?}, key {key:?}, column {column:?}");
        database = load_by(database, &table, key, column).await;
    }
}
