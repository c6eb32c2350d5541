//! Owns long histories: made file by file from a seed, so that a million changes need no memory for a million.
//!
//! Any change may be an insert, an update or a delete, whatever the row's state: what is last for a key counts.

use quarrel_testkit::history::{ChangeFileSpec, Event, Operation, Sequence};
use quarrel_testkit::value::{Column, ColumnType, Value};

/// 2024-05-06 14:00:00, in microseconds since 1970.
const FIRST_MICROS: i64 = 1_715_004_000_000_000;
/// One change in so many is a delete.
const DELETES_ONE_IN: u64 = 8;

/// How long a history is.
#[derive(Debug, Clone, Copy)]
pub struct LongHistory {
    pub files: u64,
    pub changes_per_file: u64,
    pub keys: u64,
    pub seed: u64,
}

impl LongHistory {
    pub fn key() -> Vec<Column> {
        vec![Column::new("id", ColumnType::Int64)]
    }

    pub fn columns() -> Vec<Column> {
        vec![
            Column::new("count", ColumnType::Int64),
            Column::new("amount", ColumnType::Decimal { precision: 18, scale: 4 }),
            Column::new("note", ColumnType::Text),
            Column::new("at", ColumnType::Timestamp),
        ]
    }

    /// A file, by its number from 0; at most an hour of them, one a second.
    pub fn file(&self, number: u64) -> ChangeFileSpec {
        let event = |row: u64| self.event(number * self.changes_per_file + row);
        ChangeFileSpec {
            path: format!("20240506-14{:02}{:02}000.parquet", number / 60, number % 60),
            key: LongHistory::key(),
            columns: LongHistory::columns(),
            sequence: Sequence::Absent,
            events: (0..self.changes_per_file).map(event).collect(),
        }
    }

    /// While there are keys that have not come up, each change takes the next: every key comes up.
    fn event(&self, change: u64) -> Event {
        let bits = spread(self.seed.wrapping_add(change));
        let key = if change < self.keys { change } else { spread(bits) % self.keys };
        let commit_micros = FIRST_MICROS + change.cast_signed() * 100;
        let operation = match bits % DELETES_ONE_IN {
            0 if change >= self.keys => Operation::Delete,
            1..4 => Operation::Insert,
            _ => Operation::Update,
        };
        let values = match operation {
            Operation::Delete => Vec::new(),
            Operation::Insert | Operation::Update => vec![
                Value::Int(change.cast_signed()),
                Value::Decimal { unscaled: (bits >> 20).into(), precision: 18, scale: 4 },
                if bits & 256 == 0 { Value::Null } else { Value::Text(format!("note {}", bits >> 40)) },
                Value::TimestampMicros(commit_micros),
            ],
        };
        Event { operation, key: vec![Value::Int(key.cast_signed())], values, commit_micros, change_sequence: None }
    }
}

/// Spreads a number over all bits, each number differently.
fn spread(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
