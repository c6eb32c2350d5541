//! The demo's change history: what happened at a source, in the order it happened, cut into files.
//!
//! # Invariants
//! - Same number of changes, same history: nothing here asks a clock or the system's randomness.
//! - Changes of a table stand in commit order, within a file and from file to file.

use chrono::{DateTime, TimeDelta, Utc};

use super::random::Random;
use super::tables::{TABLES, TableSpec, key_of, row_of};
use super::value::Value;

/// Files of each table.
pub(super) const FILES: usize = 20;
/// When the first file was written: in the past, so that a later `quarrel run cdc` has nothing of the demo before it.
const BEGIN_SECONDS: i64 = 1_748_851_200;
/// Between two files, as DMS cuts them by default.
const FILE_SPAN: TimeDelta = TimeDelta::seconds(60);
/// Rows that are always left: updates and deletes need some.
const LIVE_MIN: usize = 8;
/// Updates often go to one of this many rows written last, so that a file has several changes of a key.
const RECENT: usize = 16;
const SEED: u64 = 20_250_602;

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    pub(super) fn letter(self) -> &'static str {
        match self {
            Operation::Insert => "I",
            Operation::Update => "U",
            Operation::Delete => "D",
        }
    }
}

/// One change of one row.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) operation: Operation,
    pub(super) commit_micros: i64,
    /// Counts the changes of a table, for its change sequence.
    pub(super) number: u64,
    pub(super) key: Vec<Value>,
    /// Every column behind the key; empty for a delete.
    pub(super) values: Vec<Value>,
}

/// A change file, before it is written.
#[derive(Debug)]
pub(super) struct DemoFile {
    /// Its place among the table's files.
    pub(super) place: usize,
    pub(super) name: String,
    pub(super) changes: Vec<Change>,
}

/// Everything that happened to one table.
#[derive(Debug)]
pub(super) struct TableHistory {
    pub(super) table: &'static TableSpec,
    pub(super) files: Vec<DemoFile>,
}

/// When the file of this place was begun.
pub(super) fn file_instant(place: usize) -> DateTime<Utc> {
    let begin = DateTime::from_timestamp(BEGIN_SECONDS, 0).expect("a date of our time");
    begin + FILE_SPAN * i32::try_from(place).expect("there are few files")
}

/// Makes the histories of all tables, of `changes` changes together.
pub(super) fn make_history(changes: usize) -> Vec<TableHistory> {
    let mut left = changes;
    let last = TABLES.len() - 1;
    let tables = TABLES.iter().enumerate();
    tables
        .map(|(place, table)| {
            let count = if place == last { left } else { changes * table.share_percent / 100 };
            left -= count;
            let mut writer = Source::new(table, SEED + place as u64);
            let files = (0..FILES).map(|file| {
                let begin = count * file / FILES;
                writer.file(file, count * (file + 1) / FILES - begin)
            });
            TableHistory { table, files: files.collect() }
        })
        .collect()
}

/// A table at its source, while it is being written to.
struct Source {
    table: &'static TableSpec,
    random: Random,
    live: Vec<Vec<Value>>,
    deleted: Vec<Vec<Value>>,
    inserted: u64,
    changes: u64,
}

impl Source {
    fn new(table: &'static TableSpec, seed: u64) -> Self {
        Source { table, random: Random::new(seed), live: Vec::new(), deleted: Vec::new(), inserted: 0, changes: 0 }
    }

    fn file(&mut self, place: usize, count: usize) -> DemoFile {
        let begin = file_instant(place).timestamp_micros();
        let span = FILE_SPAN.num_microseconds().unwrap_or(0);
        // About every third change begins a new transaction; the others share their commit time with the one before.
        let pause = span / (count as i64 + 1);
        let mut commit_micros = begin;
        let changes = (0..count).map(|number| {
            if number == 0 || self.random.one_in(3) {
                commit_micros = begin + pause * number as i64;
            }
            self.change(commit_micros)
        });
        let changes = changes.collect();
        DemoFile { place, name: self.file_name(place), changes }
    }

    /// Nine digits after the dash or ten: DMS writes both.
    fn file_name(&mut self, place: usize) -> String {
        let digits = 3 + place % 2;
        let fraction = self.random.below(10_usize.pow(3));
        format!("{}{fraction:0<digits$}.parquet", file_instant(place).format("%Y%m%d-%H%M%S"))
    }

    fn change(&mut self, commit_micros: i64) -> Change {
        self.changes += 1;
        let operation = match self.random.below(100) {
            _ if self.live.len() < LIVE_MIN => Operation::Insert,
            0..50 => Operation::Insert,
            50..85 => Operation::Update,
            _ => Operation::Delete,
        };
        let key = match operation {
            Operation::Insert => self.insert(),
            Operation::Update => self.pick_live().clone(),
            Operation::Delete => self.delete(),
        };
        let values = match operation {
            Operation::Insert | Operation::Update => row_of(self.table, &key, commit_micros, &mut self.random),
            Operation::Delete => Vec::new(),
        };
        Change { operation, commit_micros, number: self.changes, key, values }
    }

    /// A new key, or one that was deleted not long ago.
    fn insert(&mut self) -> Vec<Value> {
        let again = if self.random.one_in(6) { self.deleted.pop() } else { None };
        let key = again.unwrap_or_else(|| {
            let key = key_of(self.table, self.inserted);
            self.inserted += 1;
            key
        });
        self.live.push(key.clone());
        key
    }

    fn pick_live(&mut self) -> &Vec<Value> {
        let count = self.live.len();
        let among = if self.random.one_in(2) { RECENT.min(count) } else { count };
        let back = self.random.below(among);
        &self.live[count - 1 - back]
    }

    fn delete(&mut self) -> Vec<Value> {
        let place = self.random.below(self.live.len());
        let key = self.live.swap_remove(place);
        self.deleted.push(key.clone());
        key
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use quarrel_model::change_file::{ObjectKind, classify_dms};

    use super::*;

    #[test]
    fn history_has_every_change_asked_for_in_files_whose_names_sort_as_they_were_written() {
        let history = make_history(1_003);
        let counts: Vec<usize> =
            history.iter().map(|table| table.files.iter().map(|file| file.changes.len()).sum()).collect();
        assert_eq!(counts, [300, 401, 302]);
        for table in &history {
            let orders: Vec<_> = table
                .files
                .iter()
                .map(|file| match classify_dms(&file.name) {
                    Ok(ObjectKind::Change(order)) => order,
                    other => panic!("{}: {other:?}", file.name),
                })
                .collect();
            assert!(orders.is_sorted());
        }
    }

    #[test]
    fn history_holds_what_makes_replication_hard() {
        let history = make_history(6_000);
        for table in &history {
            let mut ties = 0;
            let mut twice_in_a_file = 0;
            let mut reinserted = 0;
            let mut last: BTreeMap<&[Value], Operation> = BTreeMap::new();
            for file in &table.files {
                ties += file.changes.windows(2).filter(|pair| pair[0].commit_micros == pair[1].commit_micros).count();
                let mut keys: Vec<_> = file.changes.iter().map(|change| &change.key).collect();
                keys.sort();
                twice_in_a_file += keys.windows(2).filter(|pair| pair[0] == pair[1]).count();
                for change in &file.changes {
                    let before = last.insert(&change.key, change.operation);
                    let deleted_before = before == Some(Operation::Delete);
                    match change.operation {
                        Operation::Insert => reinserted += usize::from(deleted_before),
                        Operation::Update | Operation::Delete => assert!(before.is_some() && !deleted_before),
                    }
                }
            }
            assert!(ties > 100 && twice_in_a_file > 100 && reinserted > 10, "{ties} {twice_in_a_file} {reinserted}");
        }
    }
}
