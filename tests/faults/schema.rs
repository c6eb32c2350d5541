//! Columns that come, go, or change from one file to the next.

use quarrel_testkit::dump::TextRow;
use quarrel_testkit::history::{ChangeFileSpec, Event, History, Operation, Sequence, Shape};
use quarrel_testkit::value::{Column, ColumnType, Value};

use crate::scene::{Scene, Setup};

fn file(number: u32, columns: &[(&str, ColumnType)], rows: &[(i64, &[Value])]) -> ChangeFileSpec {
    let event = |(id, values): &(i64, &[Value])| Event {
        operation: Operation::Update,
        key: vec![Value::Int(*id)],
        values: values.to_vec(),
        commit_micros: 0,
        change_sequence: None,
    };
    ChangeFileSpec {
        path: format!("20240506-1400{number:02}000.parquet"),
        key: vec![Column::new("id", ColumnType::Int64)],
        columns: columns.iter().map(|(name, column_type)| Column::new(*name, *column_type)).collect(),
        sequence: Sequence::Absent,
        events: rows.iter().map(event).collect(),
    }
}

fn history(files: &[ChangeFileSpec]) -> History {
    History { key: files[0].key.clone(), columns: files[0].columns.clone(), files: files.to_vec() }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn row(values: &[&str]) -> TextRow {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

/// What is known at first: two rows of a number and a name.
fn first_file() -> ChangeFileSpec {
    let columns = [("count", ColumnType::Int64), ("name", ColumnType::Text)];
    file(0, &columns, &[(1, &[Value::Int(10), text("one")]), (2, &[Value::Int(20), text("two")])])
}

fn added_history() -> History {
    History::seeded(800, 200, &Shape { added_at: vec![60, 130], ..Shape::default() })
}

fn columns_of(scene: &Scene) -> Vec<String> {
    let query = "SELECT string_agg(column_name, ' ' ORDER BY column_name COLLATE \"C\") \
                 FROM information_schema.columns WHERE table_name = 'items'";
    scene.targets[0].text(query).unwrap().split(' ').map(str::to_owned).collect()
}

#[test]
fn added_columns_are_added_to_the_target_by_default() {
    let history = added_history();
    let scene = Setup::of(&history).in_folder(1);
    scene.deliver(&history.files);
    scene.run().expect(0, "with columns added");
    scene.assert_holds(&history, &history.files, "with columns added");
}

#[test]
fn added_columns_are_left_out_when_they_are_to_be_ignored() {
    let history = added_history();
    let scene = Setup { table: ", added_columns: ignore", ..Setup::of(&history) }.in_folder(1);
    let before = columns_of(&scene);
    scene.deliver(&history.files);
    scene.run().expect(0, "with columns ignored");
    assert_eq!(columns_of(&scene), before);
    let known = history.files[0].columns.clone();
    let without: Vec<ChangeFileSpec> =
        history.files.iter().cloned().map(|file| without_added(file, known.len())).collect();
    scene.assert_holds(&History { columns: known, ..history }, &without, "with columns ignored");
}

fn without_added(mut file: ChangeFileSpec, known: usize) -> ChangeFileSpec {
    file.columns.truncate(known);
    file.events.iter_mut().for_each(|event| event.values.truncate(known));
    file
}

#[test]
fn added_columns_stop_the_table_when_they_are_to_fail() {
    let history = added_history();
    let scene = Setup { table: ", added_columns: fail", ..Setup::of(&history) }.in_folder(1);
    let before = columns_of(&scene);
    let known = history.files[0].columns.len();
    let first_with_more = history.files.iter().position(|file| file.columns.len() > known).unwrap();
    scene.deliver(&history.files[..first_with_more]);
    scene.run().expect(0, "before the columns came");
    scene.deliver(&history.files[first_with_more..]);
    let ended = scene.run().expect(1, "with columns added");
    let added = &history.files[first_with_more].columns[known].name;
    assert!(ended.stdout.contains(added.as_str()), "the column is named: {ended:?}");
    assert_eq!(columns_of(&scene), before);
    let known = History { columns: history.files[0].columns.clone(), ..history.clone() };
    scene.assert_holds(&known, &history.files[..first_with_more], "with columns added");
}

/// Applies the first file, then stops at the second with this diff, and goes on once the operator has changed the target.
fn stops_then_goes_on(second: ChangeFileSpec, diff: &str, mend: &str, columns: &[&str], expected: &[TextRow]) {
    let first = first_file();
    let history = history(&[first.clone(), second.clone()]);
    let scene = Setup::of(&history).in_folder(1);
    scene.deliver(std::slice::from_ref(&first));
    scene.run().expect(0, "before the change");
    scene.deliver(std::slice::from_ref(&second));
    let ended = scene.run().expect(1, diff);
    assert!(ended.stdout.contains(diff), "the diff is shown, `{diff}`: {ended:?}");
    assert!(ended.stdout.contains(second.name()), "the file is named: {ended:?}");
    scene.assert_holds(&history, std::slice::from_ref(&first), diff);

    if !mend.is_empty() {
        scene.targets[0].execute(mend);
    }
    scene.run_with("--accept-schema-changes").expect(0, "once it is accepted");
    scene.targets[0].assert_rows("items", columns, expected, "once it is accepted");
    scene.run().expect(0, "from then on");
}

#[test]
fn dropped_column_stops_the_table_with_a_diff() {
    let second = file(1, &[("count", ColumnType::Int64)], &[(2, &[Value::Int(21)]), (3, &[Value::Int(30)])]);
    let expected = [row(&["1", "10"]), row(&["2", "21"]), row(&["3", "30"])];
    stops_then_goes_on(second, "- name text", "", &["id", "count"], &expected);
}

#[test]
fn renamed_column_stops_the_table_with_a_diff() {
    let columns = [("count", ColumnType::Int64), ("title", ColumnType::Text)];
    let second = file(1, &columns, &[(2, &[Value::Int(21), text("TWO")])]);
    let expected = [row(&["1", "10", "one"]), row(&["2", "21", "TWO"])];
    let mend = "ALTER TABLE items RENAME COLUMN name TO title";
    stops_then_goes_on(second, "- name text; + title text", mend, &["id", "count", "title"], &expected);
}

#[test]
fn retyped_column_stops_the_table_with_a_diff() {
    let columns = [("count", ColumnType::Text), ("name", ColumnType::Text)];
    let second = file(1, &columns, &[(2, &[text("many"), text("TWO")])]);
    let expected = [row(&["1", "10", "one"]), row(&["2", "many", "TWO"])];
    let mend = "ALTER TABLE items ALTER COLUMN count TYPE text";
    stops_then_goes_on(second, "~ count int64 → text", mend, &["id", "count", "name"], &expected);
}

#[test]
fn columns_that_change_within_one_batch_stop_the_table_before_anything_is_applied() {
    let second = file(1, &[("count", ColumnType::Int64)], &[(3, &[Value::Int(30)])]);
    let history = history(&[first_file(), second]);
    let scene = Setup::of(&history).in_folder(1);
    scene.deliver(&history.files);
    let ended = scene.run().expect(1, "with a column dropped");
    assert!(ended.stdout.contains("- name text"), "{ended:?}");
    scene.assert_holds(&history, &[], "with a column dropped");
    scene.assert_staging_is_empty("with a column dropped");
}
