//! Turns steps into events, and events into files, one after another.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::values::{added_column, data_columns, key_columns, key_values, mix};
use super::{
    ChangeFileSpec, Clock, Cut, Event, Folders, History, NameDigits, Operation, RowOrder, Sequence, Shape, Step, Wish,
    value_of,
};
use crate::value::{Column, Value, timestamp_of};

/// Half a minute before an hour ends, so that short histories cross into another folder.
fn first_micros() -> i64 {
    let start = NaiveDate::from_ymd_opt(2024, 5, 6).and_then(|day| day.and_hms_opt(13, 59, 30));
    start.expect("a valid instant").and_utc().timestamp_micros()
}

pub(super) struct Builder<'shape> {
    shape: &'shape Shape,
    key: Vec<Column>,
    columns: Vec<Column>,
    present: BTreeSet<u16>,
    files: Vec<ChangeFileSpec>,
    events: Vec<Event>,
    commit_micros: i64,
    file_millis: i64,
    sequence_counter: u64,
}

impl<'shape> Builder<'shape> {
    pub(super) fn new(shape: &'shape Shape) -> Builder<'shape> {
        let commit_micros = first_micros();
        Builder {
            shape,
            key: key_columns(shape.key_columns),
            columns: data_columns(shape.columns),
            present: Default::default(),
            files: Vec::new(),
            events: Vec::new(),
            commit_micros,
            file_millis: commit_micros / 1000,
            sequence_counter: 0,
        }
    }

    pub(super) fn take(&mut self, number: usize, step: &Step) {
        match step.cut {
            Cut::SameFile => {}
            Cut::NewFile => self.end_file(Rows::Required),
            Cut::NewFileAfterEmpty => {
                self.end_file(Rows::Required);
                self.end_file(Rows::Optional);
            }
        }
        for _ in self.shape.added_at.iter().filter(|at| **at == number) {
            // DMS starts a new file when the table changes.
            self.end_file(Rows::Required);
            self.columns.push(added_column(self.columns.len()));
        }
        if let Clock::Later(millis) = step.clock {
            self.commit_micros += i64::from(millis) * 1000 + 1;
        }
        let key = step.key % self.shape.keys.max(1);
        let operation = self.operation(key, step.wish);
        let values = match operation {
            Operation::Insert | Operation::Update => self.row(step.salt),
            Operation::Delete => Vec::new(),
        };
        let change_sequence = self.next_sequence();
        self.events.push(Event {
            operation,
            key: key_values(key, self.shape.key_columns),
            values,
            commit_micros: self.commit_micros,
            change_sequence,
        });
    }

    fn operation(&mut self, key: u16, wish: Wish) -> Operation {
        match wish {
            Wish::Put if !self.present.insert(key) => Operation::Update,
            Wish::Put => Operation::Insert,
            Wish::InsertAnyway => {
                self.present.insert(key);
                Operation::Insert
            }
            Wish::Delete => {
                self.present.remove(&key);
                Operation::Delete
            }
        }
    }

    fn row(&self, salt: u32) -> Vec<Value> {
        self.columns.iter().zip(0..).map(|(column, place)| value_of(column.column_type, mix(salt, place))).collect()
    }

    fn next_sequence(&mut self) -> Option<String> {
        match self.shape.sequence {
            Sequence::Absent => None,
            Sequence::Present => {
                self.sequence_counter += 1;
                let time = timestamp_of(self.commit_micros).format("%Y%m%d%H%M%S%3f").to_string();
                // Hundredths of a second: the sixteenth digit is the last.
                Some(format!("{}{:019}", &time[..16], self.sequence_counter))
            }
        }
    }

    /// Closes the file of the events gathered so far.
    fn end_file(&mut self, rows: Rows) {
        match rows {
            Rows::Required if self.events.is_empty() => return,
            Rows::Required | Rows::Optional => {}
        }
        self.file_millis = (self.file_millis + 1).max(self.commit_micros / 1000);
        let mut events = std::mem::take(&mut self.events);
        match (self.shape.row_order, self.shape.sequence) {
            (RowOrder::Reversed, Sequence::Present) => events.reverse(),
            (RowOrder::Reversed, Sequence::Absent) | (RowOrder::AsCommitted, _) => {}
        }
        self.files.push(ChangeFileSpec {
            path: file_path(self.file_millis, self.files.len(), self.shape),
            key: self.key.clone(),
            columns: self.columns.clone(),
            sequence: self.shape.sequence,
            events,
        });
    }

    pub(super) fn finish(mut self) -> History {
        self.end_file(Rows::Required);
        History { key: self.key, columns: self.columns, files: self.files }
    }
}

/// Whether a file is made for no events.
enum Rows {
    Required,
    Optional,
}

fn file_path(millis: i64, number: usize, shape: &Shape) -> String {
    let time = timestamp_of(millis * 1000);
    let tenth_digit = match (shape.name_digits, number % 2) {
        (NameDigits::Nine, _) | (NameDigits::Mixed, 0) => String::new(),
        (NameDigits::Ten, _) | (NameDigits::Mixed, _) => (number % 10).to_string(),
    };
    let folder = match shape.folders {
        Folders::Flat => String::new(),
        Folders::ByHour => time.format("%Y/%m/%d/%H/").to_string(),
    };
    format!("{folder}{}{tenth_digit}.parquet", time.format("%Y%m%d-%H%M%S%3f"))
}
