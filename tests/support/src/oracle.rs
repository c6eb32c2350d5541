//! Owns the truth: applies histories row by row, in one thread, in the plainest way there is.
//!
//! An insert or update puts the whole row, a delete takes it away, in the order of position: the change sequence when every
//! change has one, else file name and row. A column that a file lacks is NULL in the rows of that file.

use std::collections::BTreeMap;

use crate::history::{ChangeFileSpec, Event, History, Operation};
use crate::value::{Column, Dialect, Value, render};

/// The rows a table must have.
#[derive(Debug, Clone, PartialEq)]
pub struct Oracle {
    key: Vec<Column>,
    columns: Vec<Column>,
    rows: BTreeMap<Vec<Value>, Vec<Value>>,
}

impl Oracle {
    /// An empty table.
    pub fn new(key: &[Column], columns: &[Column]) -> Oracle {
        Oracle { key: key.to_vec(), columns: columns.to_vec(), rows: BTreeMap::new() }
    }

    /// What the whole history leaves, in whatever order its files come.
    pub fn of(history: &History) -> Oracle {
        Oracle::of_files(&history.key, &history.columns, &history.files)
    }

    /// What these files leave in an empty table, in whatever order they are given; the same file twice counts once.
    pub fn of_files(key: &[Column], columns: &[Column], files: &[ChangeFileSpec]) -> Oracle {
        let mut by_name: Vec<&ChangeFileSpec> = files.iter().collect();
        by_name.sort_by(|left, right| left.name().cmp(right.name()));
        by_name.dedup_by(|left, right| left.path == right.path);
        let mut changes: Vec<(&ChangeFileSpec, &Event)> =
            by_name.into_iter().flat_map(|file| file.events.iter().map(move |event| (file, event))).collect();
        if changes.iter().all(|(_, event)| event.change_sequence.is_some()) {
            changes.sort_by(|(_, left), (_, right)| left.change_sequence.cmp(&right.change_sequence));
        }
        let mut oracle = Oracle::new(key, columns);
        for (file, event) in changes {
            oracle.change(file, event);
        }
        oracle
    }

    /// Applies one more file; right when its changes come after all that were applied.
    pub fn apply(&mut self, file: &ChangeFileSpec) {
        let mut events: Vec<&Event> = file.events.iter().collect();
        if events.iter().all(|event| event.change_sequence.is_some()) {
            events.sort_by(|left, right| left.change_sequence.cmp(&right.change_sequence));
        }
        for event in events {
            self.change(file, event);
        }
    }

    /// The rows without their keys, by key.
    pub fn rows(&self) -> &BTreeMap<Vec<Value>, Vec<Value>> {
        &self.rows
    }

    /// The table as full-load files with these names: its rows as inserts, dealt out to the files in turn.
    pub fn full_load(&self, names: &[&str]) -> Vec<ChangeFileSpec> {
        let mut files: Vec<ChangeFileSpec> = names
            .iter()
            .map(|name| ChangeFileSpec {
                path: (*name).to_owned(),
                key: self.key.clone(),
                columns: self.columns.clone(),
                sequence: crate::history::Sequence::Absent,
                events: Vec::new(),
            })
            .collect();
        for (number, (key, values)) in self.rows.iter().enumerate() {
            let file = number % files.len();
            files[file].events.push(Event {
                operation: Operation::Insert,
                key: key.clone(),
                values: values.clone(),
                commit_micros: 0,
                change_sequence: None,
            });
        }
        files
    }

    /// The names of all columns, the key's first: the order of [`Oracle::text_rows`].
    pub fn column_names(&self) -> Vec<&str> {
        self.key.iter().chain(&self.columns).map(|column| column.name.as_str()).collect()
    }

    /// The rows as the target shows them, sorted by that text: what [`crate::dump::dump_table`] must give.
    pub fn text_rows(&self, dialect: Dialect) -> Vec<Vec<Option<String>>> {
        let text = |(key, values): (&Vec<Value>, &Vec<Value>)| {
            key.iter().chain(values).map(|value| render(value, dialect)).collect::<Vec<_>>()
        };
        let mut rows: Vec<_> = self.rows.iter().map(text).collect();
        rows.sort();
        rows
    }

    fn change(&mut self, file: &ChangeFileSpec, event: &Event) {
        match event.operation {
            Operation::Insert | Operation::Update => {
                self.add_columns(&file.columns);
                let row = self.columns.iter().map(|column| value_in(file, event, &column.name)).collect();
                self.rows.insert(event.key.clone(), row);
            }
            Operation::Delete => {
                self.rows.remove(&event.key);
            }
        }
    }

    /// Adds columns not seen before: NULL in the rows that are there.
    fn add_columns(&mut self, columns: &[Column]) {
        for column in columns {
            if !self.columns.iter().any(|known| known.name == column.name) {
                self.columns.push(column.clone());
                self.rows.values_mut().for_each(|row| row.push(Value::Null));
            }
        }
    }
}

fn value_in(file: &ChangeFileSpec, event: &Event, column: &str) -> Value {
    let place = file.columns.iter().position(|known| known.name == column);
    place.map_or(Value::Null, |place| event.values[place].clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Sequence;
    use crate::value::ColumnType;

    fn event(operation: Operation, key: i64, values: &[i64], sequence: Option<&str>) -> Event {
        Event {
            operation,
            key: vec![Value::Int(key)],
            values: values.iter().map(|value| Value::Int(*value)).collect(),
            commit_micros: 0,
            change_sequence: sequence.map(str::to_owned),
        }
    }

    fn file(name: &str, columns: &[&str], events: Vec<Event>) -> ChangeFileSpec {
        ChangeFileSpec {
            path: format!("2024/{name}"),
            key: vec![Column::new("id", ColumnType::Int64)],
            columns: columns.iter().map(|name| Column::new(*name, ColumnType::Int64)).collect(),
            sequence: Sequence::Absent,
            events,
        }
    }

    fn texts(oracle: &Oracle) -> Vec<String> {
        let row = |row: Vec<Option<String>>| {
            row.into_iter().map(|text| text.unwrap_or("-".into())).collect::<Vec<_>>().join(" ")
        };
        oracle.text_rows(Dialect::Postgres).into_iter().map(row).collect()
    }

    use Operation::{Delete, Insert, Update};

    #[test]
    fn last_change_of_a_key_decides() {
        let first = file(
            "a",
            &["n"],
            vec![
                event(Insert, 1, &[10], None),
                event(Insert, 2, &[20], None),
                event(Update, 1, &[11], None),
                event(Delete, 2, &[], None),
                event(Insert, 3, &[30], None),
            ],
        );
        let second = file(
            "b",
            &["n"],
            vec![event(Insert, 2, &[22], None), event(Delete, 3, &[], None), event(Delete, 9, &[], None)],
        );
        let files = [second, first];
        let oracle = Oracle::of_files(&files[0].key, &[], &files);
        assert_eq!(texts(&oracle), ["1 11", "2 22"]);
        assert_eq!(oracle.column_names(), ["id", "n"]);
    }

    #[test]
    fn files_one_by_one_leave_what_all_at_once_leave() {
        let history =
            History::seeded(5, 800, &crate::history::Shape { added_at: vec![100, 300], ..Default::default() });
        let mut one_by_one = Oracle::new(&history.key, &[]);
        history.files.iter().for_each(|file| one_by_one.apply(file));
        assert_eq!(one_by_one, Oracle::of_files(&history.key, &[], &history.files));
        assert_eq!(one_by_one, Oracle::of(&history));
    }

    #[test]
    fn added_column_is_null_in_rows_that_were_there() {
        let first = file("a", &["n"], vec![event(Insert, 1, &[10], None), event(Insert, 2, &[20], None)]);
        let second = file("b", &["n", "m"], vec![event(Update, 2, &[21, 5], None)]);
        let oracle = Oracle::of_files(&first.key, &[], &[first.clone(), second]);
        assert_eq!(texts(&oracle), ["1 10 -", "2 21 5"]);
    }

    #[test]
    fn change_sequence_overrules_files_and_rows_when_every_change_has_one() {
        let newer_first = vec![event(Update, 1, &[12], Some("3")), event(Insert, 1, &[11], Some("2"))];
        let older = vec![event(Insert, 1, &[10], Some("1"))];
        let files = [file("a", &["n"], newer_first), file("b", &["n"], older)];
        assert_eq!(texts(&Oracle::of_files(&files[0].key, &[], &files)), ["1 12"]);

        let mut without = files;
        without[1].events[0].change_sequence = None;
        assert_eq!(texts(&Oracle::of_files(&without[0].key, &[], &without)), ["1 10"]);
    }

    #[test]
    fn file_delivered_twice_counts_once() {
        let first = file("a", &["n"], vec![event(Insert, 1, &[10], None)]);
        let second = file("b", &["n"], vec![event(Delete, 1, &[], None)]);
        let oracle = Oracle::of_files(&first.key, &[], &[first.clone(), second, first.clone()]);
        assert!(oracle.rows().is_empty());
    }
}
