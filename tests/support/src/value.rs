//! Owns the values that histories carry, their types, and how a target shows them as text.
//!
//! [`render`] states what `column::text` gives in Postgres (time zone UTC) and `CAST(column AS TEXT)` in SQLite. It is
//! written from the values, not from what a target answered.

use std::cmp::Ordering;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// A type a column can have, as DMS writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    Bool,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Text,
    Bytes,
    Date,
    /// Milliseconds since midnight.
    Time,
    /// Microseconds, without a zone.
    Timestamp,
    /// The same with `ParquetTimestampInMillisecond`: microseconds below are cut off in the file.
    TimestampMillis,
    /// Microseconds since 1970 in UTC.
    Timestamptz,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub column_type: ColumnType,
}

impl Column {
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Column {
        Column { name: name.into(), column_type }
    }
}

/// One value of one column.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Decimal {
        unscaled: i128,
        precision: u8,
        scale: u8,
    },
    Text(String),
    Bytes(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Milliseconds since midnight.
    Time(i32),
    /// Microseconds since 1970-01-01 00:00, without a zone.
    TimestampMicros(i64),
    /// Microseconds since 1970 in UTC.
    TimestamptzMicros(i64),
}

/// A total order, in which floating-point numbers are ordered by `total_cmp`: rows are keys of maps.
impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
            (Value::Int(left), Value::Int(right)) => left.cmp(right),
            (Value::Float(left), Value::Float(right)) => left.total_cmp(right),
            (
                Value::Decimal { unscaled: left, precision: left_precision, scale: left_scale },
                Value::Decimal { unscaled: right, precision: right_precision, scale: right_scale },
            ) => (left_scale, left, left_precision).cmp(&(right_scale, right, right_precision)),
            (Value::Text(left), Value::Text(right)) => left.cmp(right),
            (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
            (Value::Date(left), Value::Date(right)) | (Value::Time(left), Value::Time(right)) => left.cmp(right),
            (Value::TimestampMicros(left), Value::TimestampMicros(right))
            | (Value::TimestamptzMicros(left), Value::TimestamptzMicros(right)) => left.cmp(right),
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Value {
    /// The place of a variant among variants.
    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Int(_) => 2,
            Value::Float(_) => 3,
            Value::Decimal { .. } => 4,
            Value::Text(_) => 5,
            Value::Bytes(_) => 6,
            Value::Date(_) => 7,
            Value::Time(_) => 8,
            Value::TimestampMicros(_) => 9,
            Value::TimestamptzMicros(_) => 10,
        }
    }
}

/// A target whose text form is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `column::text`, with the time zone UTC.
    Postgres,
    /// The same before the stand-in for Redshift.
    Redshift,
    /// `CAST(column AS TEXT)` of a column declared by [`crate::ddl`]: numbers as SQLite keeps them, booleans as 0 and 1,
    /// bytes as `\x…`, everything else as the text Postgres would show.
    Sqlite,
}

/// The value as the target shows it; none for NULL.
pub fn render(value: &Value, dialect: Dialect) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => match dialect {
            Dialect::Postgres | Dialect::Redshift => flag.to_string(),
            Dialect::Sqlite => u8::from(*flag).to_string(),
        },
        Value::Int(number) => number.to_string(),
        Value::Float(number) => match dialect {
            Dialect::Postgres | Dialect::Redshift => float_text(*number),
            Dialect::Sqlite => format!("{number:?}"),
        },
        Value::Decimal { unscaled, scale, .. } => decimal_text(*unscaled, *scale),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => bytes_text(bytes),
        Value::Date(days) => date_text(date_of(*days)),
        Value::Time(millis) => time_text(time_of(*millis)),
        Value::TimestampMicros(micros) => timestamp_text(timestamp_of(*micros), ""),
        Value::TimestamptzMicros(micros) => timestamp_text(timestamp_of(*micros), "+00"),
    })
}

/// The shortest digits that read back as the same number; an exponent below -4 and from 15 on is written as such.
fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    if (-4..15).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn decimal_text(unscaled: i128, scale: u8) -> String {
    let decimals = usize::from(scale);
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if unscaled < 0 { "-" } else { "" };
    if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn bytes_text(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\x{hex}")
}

pub(crate) fn date_of(days: i32) -> NaiveDate {
    let epoch = NaiveDate::default();
    epoch.checked_add_signed(chrono::TimeDelta::days(days.into())).expect("histories stay within chrono's dates")
}

fn time_of(millis: i32) -> NaiveTime {
    let millis = u32::try_from(millis).expect("a time of day is not negative");
    NaiveTime::from_num_seconds_from_midnight_opt(millis / 1000, millis % 1000 * 1_000_000)
        .expect("a time of day is within a day")
}

pub(crate) fn timestamp_of(micros: i64) -> NaiveDateTime {
    DateTime::from_timestamp_micros(micros).expect("histories stay within chrono's dates").naive_utc()
}

/// Years before 1 are counted backwards from 1 BC, and the era is written last.
fn era(date: NaiveDate) -> (i32, &'static str) {
    if date.year() > 0 { (date.year(), "") } else { (1 - date.year(), " BC") }
}

fn date_text(date: NaiveDate) -> String {
    let (year, era) = era(date);
    format!("{year:04}-{:02}-{:02}{era}", date.month(), date.day())
}

fn time_text(time: NaiveTime) -> String {
    let seconds = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let fraction = format!("{:06}", time.nanosecond() / 1000);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { seconds } else { format!("{seconds}.{fraction}") }
}

fn timestamp_text(timestamp: NaiveDateTime, zone: &str) -> String {
    let date = timestamp.date();
    let (year, era) = era(date);
    format!("{year:04}-{:02}-{:02} {}{zone}{era}", date.month(), date.day(), time_text(timestamp.time()))
}

#[cfg(test)]
mod tests;
