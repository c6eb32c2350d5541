//! Owns change histories: what happened to the rows of one table, in files as DMS cuts them.
//!
//! A history is built by a pure function, [`History::build`], from a [`Shape`] (what the table and its files look like) and
//! a list of [`Step`]s (what happens). Both are plain data, so a failing test prints them, proptest shrinks them (a list
//! with steps left out is still a history), and [`Step::seeded`] makes them from a number.
//!
//! # Invariants
//! - Files are in position order: their names grow, and no event is committed before one of an earlier file.
//! - Events of a file are in the order of its rows. With [`RowOrder::Reversed`], that is not the order of their change
//!   sequence, which then decides.
//! - A delete carries its key and nothing else.

mod build;
mod values;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::build::Builder;
pub use self::values::value_of;
use crate::value::{Column, Value};

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    /// The letter of DMS's `Op` column.
    pub fn letter(self) -> &'static str {
        match self {
            Operation::Insert => "I",
            Operation::Update => "U",
            Operation::Delete => "D",
        }
    }
}

/// One change of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub operation: Operation,
    pub key: Vec<Value>,
    /// The row without its key, in the order of the file's columns; empty for a delete.
    pub values: Vec<Value>,
    /// Microseconds since 1970; events of one transaction share it.
    pub commit_micros: i64,
    /// `AR_H_CHANGE_SEQ`: 16 digits of time and 19 of a counter.
    pub change_sequence: Option<String>,
}

/// A change file before it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeFileSpec {
    /// Relative to the table's folder, such as `20240506-135930123.parquet` or `2024/05/06/13/20240506-….parquet`.
    pub path: String,
    pub key: Vec<Column>,
    /// Without the key; later files may have more.
    pub columns: Vec<Column>,
    pub sequence: Sequence,
    pub events: Vec<Event>,
}

impl ChangeFileSpec {
    /// The path without its folders: what files are ordered by.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().expect("splitting gives at least one part")
    }
}

/// What happened to one table.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub key: Vec<Column>,
    /// The columns without the key, with those added on the way.
    pub columns: Vec<Column>,
    /// In position order.
    pub files: Vec<ChangeFileSpec>,
}

/// Whether files have a column `AR_H_CHANGE_SEQ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sequence {
    Absent,
    Present,
}

/// How many digits follow the dash in a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameDigits {
    Nine,
    Ten,
    /// By turns: both must sort together.
    Mixed,
}

/// Where files lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Folders {
    Flat,
    /// `yyyy/mm/dd/hh/` of the file's time.
    ByHour,
}

/// The order of rows in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowOrder {
    AsCommitted,
    /// Newest first, where [`Sequence::Present`] says so; without a sequence, as committed.
    Reversed,
}

/// The columns beside the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnSet {
    /// One number and one text.
    Narrow,
    /// Of every kind: numbers, decimals, texts, bytes, dates and times, and flags.
    Mixed,
}

/// What the table and its files look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// How many different keys there are.
    pub keys: u16,
    /// How many columns the key has; numbers and texts by turns.
    pub key_columns: u8,
    pub columns: ColumnSet,
    /// For each added column, the number of the first event that has it.
    pub added_at: Vec<usize>,
    pub sequence: Sequence,
    pub row_order: RowOrder,
    pub name_digits: NameDigits,
    pub folders: Folders,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            keys: 20,
            key_columns: 1,
            columns: ColumnSet::Mixed,
            added_at: Vec::new(),
            sequence: Sequence::Absent,
            row_order: RowOrder::AsCommitted,
            name_digits: NameDigits::Nine,
            folders: Folders::Flat,
        }
    }
}

/// What a step wants; the state of the row decides which operation that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wish {
    /// An insert of a row that is not there, else an update.
    Put,
    /// An insert even of a row that is there, as when full load and changes overlap.
    InsertAnyway,
    /// A delete even of a row that is not there, as when the history is joined midway.
    Delete,
}

/// When a step is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clock {
    /// At the same instant as the step before it.
    Tie,
    /// So many milliseconds later.
    Later(u32),
}

/// Where a step's event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    SameFile,
    NewFile,
    /// A file without rows comes between.
    NewFileAfterEmpty,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// Which key, modulo [`Shape::keys`].
    pub key: u16,
    pub wish: Wish,
    /// What the values are made from.
    pub salt: u32,
    pub clock: Clock,
    pub cut: Cut,
}

impl Step {
    /// `count` steps from a seed: puts mostly, one delete in five, ties one in three, about 25 events a file.
    pub fn seeded(seed: u64, count: usize) -> Vec<Step> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut step = || Step {
            key: random.random(),
            wish: match random.random_range(0..10) {
                0..7 => Wish::Put,
                7 => Wish::InsertAnyway,
                _ => Wish::Delete,
            },
            salt: random.random(),
            clock: if random.random_range(0..3) == 0 {
                Clock::Tie
            } else {
                Clock::Later(random.random_range(0..5_000))
            },
            cut: match random.random_range(0..50) {
                0 => Cut::NewFile,
                1 => Cut::NewFileAfterEmpty,
                _ => Cut::SameFile,
            },
        };
        (0..count).map(|_| step()).collect()
    }
}

impl History {
    /// What the steps do to a table of that shape.
    pub fn build(shape: &Shape, steps: &[Step]) -> History {
        let mut builder = Builder::new(shape);
        for (number, step) in steps.iter().enumerate() {
            builder.take(number, step);
        }
        builder.finish()
    }

    /// The history that `seed` gives: [`Step::seeded`] and [`History::build`] in one.
    pub fn seeded(seed: u64, count: usize, shape: &Shape) -> History {
        History::build(shape, &Step::seeded(seed, count))
    }

    /// All events, file by file.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.files.iter().flat_map(|file| &file.events)
    }

    /// The names of all columns, the key's first.
    pub fn column_names(&self) -> Vec<&str> {
        self.key.iter().chain(&self.columns).map(|column| column.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests;
