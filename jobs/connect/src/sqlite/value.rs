//! Arrow values as SQLite keeps them.
//!
//! SQLite has integers, floating-point numbers, texts and blobs; a column's declared type only says what it prefers (its
//! affinity). So each kind of value has one canonical form:
//!
//! | value | form |
//! |---|---|
//! | boolean, and `true`/`false` as text in a column declared BOOLEAN | 1, 0 |
//! | decimal, in a column that prefers text, or has no preference | text, every digit kept: `1.10` |
//! | decimal, in a column that prefers numbers | integer if it is one; a float if it has at most 15 digits; else a bad value |
//! | date, time, timestamp | text as Postgres shows it: `2026-11-22`, `10:15:00.5`, `2026-11-22 10:15:00.5`, `… +00` for instants |
//! | year before 1 | counted backwards, ` BC` behind: `0044-03-15 BC` |
//!
//! # Invariants
//! - A value comes out as the one that went in, or as a [`Misfit`]; SQLite is never left to round it.

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Decimal256Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use quarrel_model::schema::ColumnType;

/// Decimal digits that every double keeps.
const EXACT_DIGITS: usize = 15;
/// Integers up to this one are doubles.
const EXACT_INTEGER: u64 = 1 << 53;

/// A value as it is bound.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// Why a value can't be kept as it is, and the nearest one that can.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misfit {
    pub(super) reason: &'static str,
    pub(super) nearest: Option<Value>,
}

/// What a column's declared type prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affinity {
    /// Whole numbers as integers, others as floats, texts that are no numbers as texts: INTEGER and NUMERIC.
    Numeric,
    Real,
    Text,
    /// Everything as it comes.
    None,
}

/// What the form of a value depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SqliteColumn {
    affinity: Affinity,
    is_boolean: Boolean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boolean {
    No,
    Yes,
}

impl SqliteColumn {
    /// By SQLite's own rules for a declared type.
    pub(super) fn of(declared: &str) -> SqliteColumn {
        let declared = declared.to_ascii_uppercase();
        let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
        let affinity = if has(&["INT"]) {
            Affinity::Numeric
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Affinity::Text
        } else if declared.is_empty() || declared == "ANY" || has(&["BLOB"]) {
            Affinity::None
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Affinity::Real
        } else {
            Affinity::Numeric
        };
        SqliteColumn { affinity, is_boolean: if has(&["BOOL"]) { Boolean::Yes } else { Boolean::No } }
    }
}

/// The declared type of a column that a load adds.
pub(super) fn column_type(column_type: &ColumnType) -> Option<String> {
    let name = match column_type {
        ColumnType::Boolean => "BOOLEAN",
        // Past the range of INTEGER there are digits to keep.
        ColumnType::Unsigned(64) => "TEXT",
        ColumnType::Integer(_) | ColumnType::Unsigned(_) => "INTEGER",
        ColumnType::Float32 | ColumnType::Float64 => "REAL",
        ColumnType::Binary => "BLOB",
        ColumnType::Decimal { .. } | ColumnType::Text => "TEXT",
        ColumnType::Date | ColumnType::Time | ColumnType::Timestamp { .. } => "TEXT",
        ColumnType::Unsupported(_) => return None,
    };
    Some(name.to_owned())
}

/// Reads the value of a row that is not NULL.
pub(super) type Reader<'a> = Box<dyn Fn(usize) -> Result<Value, Misfit> + Send + Sync + 'a>;

/// A reader for one column of one batch; None for a type that SQLite has no form for.
pub(super) fn reader<'a>(array: &'a dyn Array, column: SqliteColumn) -> Option<Reader<'a>> {
    let to = |data_type: DataType| cast(array, &data_type).ok();
    let reader: Reader<'a> = match array.data_type() {
        DataType::Null => Box::new(|_| Ok(Value::Null)),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row| Ok(Value::Integer(values.value(row).into())))
        }
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            Box::new(move |row| unsigned(values.value(row), column))
        }
        data_type if data_type.is_integer() => {
            let values = to(DataType::Int64)?;
            Box::new(move |row| integer(values.as_primitive::<Int64Type>().value(row), column))
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let values = to(DataType::Float64)?;
            Box::new(move |row| float(values.as_primitive::<Float64Type>().value(row), column))
        }
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            decimal_reader(array, column)?
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let values: StringArray = to(DataType::Utf8)?.as_string().clone();
            Box::new(move |row| text(values.value(row), column))
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let values = to(DataType::LargeBinary)?;
            Box::new(move |row| Ok(Value::Blob(values.as_binary::<i64>().value(row).to_vec())))
        }
        DataType::Date32 | DataType::Date64 => {
            let values = to(DataType::Date32)?;
            Box::new(move |row| date(values.as_primitive::<Date32Type>().value(row)))
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            let values = to(DataType::Time64(TimeUnit::Nanosecond))?;
            Box::new(move |row| time(values.as_primitive::<Time64NanosecondType>().value(row)))
        }
        DataType::Timestamp(unit, zone) => {
            let (unit, zone) = (*unit, if zone.is_some() { "+00" } else { "" });
            Box::new(move |row| timestamp(timestamp_value(array, unit, row), unit, zone))
        }
        _ => return None,
    };
    Some(reader)
}

fn decimal_reader<'a>(array: &dyn Array, column: SqliteColumn) -> Option<Reader<'a>> {
    let (precision, scale) = match array.data_type() {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => (*precision, *scale),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => (*precision, *scale),
        _ => return None,
    };
    if matches!(array.data_type(), DataType::Decimal256(..)) {
        let values: Decimal256Array = array.as_primitive_opt()?.clone();
        return Some(Box::new(move |row| decimal(values.value_as_string(row), column)));
    }
    let values: ArrayRef = cast(array, &DataType::Decimal128(precision, scale)).ok()?;
    let values: Decimal128Array = values.as_primitive_opt()?.clone();
    Some(Box::new(move |row| decimal(values.value_as_string(row), column)))
}

fn timestamp_value(array: &dyn Array, unit: TimeUnit, row: usize) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
    }
}

const INEXACT: &str = "has more digits than a number of SQLite keeps";

fn integer(number: i64, column: SqliteColumn) -> Result<Value, Misfit> {
    match column.affinity {
        Affinity::Text => Ok(Value::Text(number.to_string())),
        Affinity::Real if number.unsigned_abs() > EXACT_INTEGER => {
            Err(Misfit { reason: INEXACT, nearest: Some(Value::Real(number as f64)) })
        }
        Affinity::Real => Ok(Value::Real(number as f64)),
        Affinity::Numeric | Affinity::None => Ok(Value::Integer(number)),
    }
}

fn unsigned(number: u64, column: SqliteColumn) -> Result<Value, Misfit> {
    match (i64::try_from(number), column.affinity) {
        (Ok(number), _) => integer(number, column),
        (Err(_), Affinity::Text) => Ok(Value::Text(number.to_string())),
        (Err(_), Affinity::Numeric | Affinity::Real | Affinity::None) => {
            Err(Misfit { reason: "is past the largest integer of SQLite", nearest: Some(Value::Integer(i64::MAX)) })
        }
    }
}

fn float(number: f64, column: SqliteColumn) -> Result<Value, Misfit> {
    match column.affinity {
        // The shortest digits that read back as the same number; SQLite itself would cut them to 15.
        Affinity::Text => Ok(Value::Text(number.to_string())),
        Affinity::Numeric | Affinity::Real | Affinity::None if number.is_nan() => {
            Err(Misfit { reason: "is not a number (NaN), which SQLite takes for NULL", nearest: None })
        }
        Affinity::Numeric | Affinity::Real | Affinity::None => Ok(Value::Real(number)),
    }
}

fn decimal(digits: String, column: SqliteColumn) -> Result<Value, Misfit> {
    match column.affinity {
        Affinity::Text | Affinity::None => Ok(Value::Text(digits)),
        Affinity::Numeric | Affinity::Real => plain_number(&digits, column).unwrap_or(Ok(Value::Text(digits))),
    }
}

fn text(text: &str, column: SqliteColumn) -> Result<Value, Misfit> {
    if column.is_boolean == Boolean::Yes {
        match text {
            "true" | "t" => return Ok(Value::Integer(1)),
            "false" | "f" => return Ok(Value::Integer(0)),
            _ => {}
        }
    }
    match column.affinity {
        Affinity::Text | Affinity::None => Ok(Value::Text(text.to_owned())),
        Affinity::Numeric | Affinity::Real => plain_number(text, column).unwrap_or(Ok(Value::Text(text.to_owned()))),
    }
}

/// The number that `-12.50` writes, in a column that prefers numbers; None for a text of another form.
fn plain_number(text: &str, column: SqliteColumn) -> Option<Result<Value, Misfit>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() && column.affinity == Affinity::Numeric {
        let sign = if text.starts_with('-') { "-" } else { "" };
        if let Ok(number) = format!("{sign}{whole}").parse() {
            return Some(Ok(Value::Integer(number)));
        }
    }
    let number: f64 = text.parse().ok()?;
    let significant = format!("{whole}{fraction}");
    let significant = significant.trim_start_matches('0');
    let significant = if fraction.is_empty() { significant.trim_end_matches('0') } else { significant };
    Some(if significant.len() <= EXACT_DIGITS {
        Ok(Value::Real(number))
    } else {
        Err(Misfit { reason: INEXACT, nearest: Some(Value::Real(number)) })
    })
}

fn date(days: i32) -> Result<Value, Misfit> {
    let date = NaiveDate::default().checked_add_signed(TimeDelta::days(days.into()));
    let date = date.ok_or(Misfit { reason: "is out of the range of dates", nearest: None })?;
    let (year, era) = era(date);
    Ok(Value::Text(format!("{year:04}-{:02}-{:02}{era}", date.month(), date.day())))
}

fn time(nanoseconds: i64) -> Result<Value, Misfit> {
    const SECOND: i64 = 1_000_000_000;
    let parts =
        u32::try_from(nanoseconds.div_euclid(SECOND)).ok().zip(u32::try_from(nanoseconds.rem_euclid(SECOND)).ok());
    let time = parts.and_then(|(seconds, rest)| NaiveTime::from_num_seconds_from_midnight_opt(seconds, rest));
    let time = time.ok_or(Misfit { reason: "is no time of a day", nearest: None })?;
    Ok(Value::Text(time_text(time)))
}

fn timestamp(value: i64, unit: TimeUnit, zone: &str) -> Result<Value, Misfit> {
    let per_second: i64 = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let nanoseconds = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let instant = DateTime::from_timestamp(value.div_euclid(per_second), u32::try_from(nanoseconds).unwrap_or(0));
    let instant = instant.ok_or_else(|| {
        let limit = if value < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX };
        Misfit { reason: "is out of the range of timestamps", nearest: Some(Value::Text(timestamp_text(limit, zone))) }
    })?;
    Ok(Value::Text(timestamp_text(instant.naive_utc(), zone)))
}

fn timestamp_text(timestamp: NaiveDateTime, zone: &str) -> String {
    let date = timestamp.date();
    let (year, era) = era(date);
    format!("{year:04}-{:02}-{:02} {}{zone}{era}", date.month(), date.day(), time_text(timestamp.time()))
}

fn time_text(time: NaiveTime) -> String {
    let seconds = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let fraction = format!("{:09}", time.nanosecond());
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { seconds } else { format!("{seconds}.{fraction}") }
}

/// Years before 1 are counted backwards from 1 BC.
fn era(date: NaiveDate) -> (i32, &'static str) {
    if date.year() > 0 { (date.year(), "") } else { (1 - date.year(), " BC") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float64Array, TimestampMillisecondArray, UInt64Array};

    use super::*;

    fn read(array: impl Array, declared: &str) -> Result<Value, Misfit> {
        reader(&array, SqliteColumn::of(declared)).unwrap()(0)
    }

    fn text_of(text: &str) -> Result<Value, Misfit> {
        Ok(Value::Text(text.to_owned()))
    }

    fn decimal_of(unscaled: i128, scale: i8) -> Decimal128Array {
        Decimal128Array::from(vec![unscaled]).with_precision_and_scale(38, scale).unwrap()
    }

    #[test]
    fn decimals_keep_every_digit_or_are_refused() {
        assert_eq!(read(decimal_of(110, 2), "TEXT"), text_of("1.10"));
        assert_eq!(read(decimal_of(110, 2), "DECIMAL(9,2)"), Ok(Value::Real(1.1)));
        assert_eq!(read(decimal_of(-500, 2), "NUMERIC"), Ok(Value::Integer(-5)));
        assert_eq!(
            read(decimal_of(123_456_789_012_345_678, 0), "NUMERIC"),
            Ok(Value::Integer(123_456_789_012_345_678))
        );
        let refused = read(decimal_of(1_234_567_890_123_456, 2), "NUMERIC").unwrap_err();
        assert_eq!(refused, Misfit { reason: INEXACT, nearest: Some(Value::Real(12_345_678_901_234.56)) });
        assert_eq!(read(decimal_of(1_000_000_000_000_000_000_000, 0), "REAL"), Ok(Value::Real(1e21)));
    }

    #[test]
    fn times_are_texts_as_postgres_shows_them() {
        let at = |millis| TimestampMillisecondArray::from(vec![millis]);
        assert_eq!(read(at(-1), "TEXT"), text_of("1969-12-31 23:59:59.999"));
        assert_eq!(read(at(0).with_timezone("UTC"), "TEXT"), text_of("1970-01-01 00:00:00+00"));
        assert_eq!(read(Date32Array::from(vec![-719_529]), "TEXT"), text_of("0002-12-31 BC"));
        let far = read(TimestampMillisecondArray::from(vec![i64::MAX]), "TEXT").unwrap_err();
        assert_eq!(far.reason, "is out of the range of timestamps");
    }

    #[test]
    fn numbers_that_sqlite_would_round_are_refused() {
        assert_eq!(read(UInt64Array::from(vec![u64::MAX]), "TEXT"), text_of("18446744073709551615"));
        let past = read(UInt64Array::from(vec![u64::MAX]), "INTEGER").unwrap_err();
        assert_eq!(past.nearest, Some(Value::Integer(i64::MAX)));
        assert!(read(Float64Array::from(vec![f64::NAN]), "REAL").is_err());
        assert_eq!(read(Float64Array::from(vec![0.1 + 0.2]), "TEXT"), text_of("0.30000000000000004"));
        assert!(read(arrow::array::Int64Array::from(vec![i64::MAX]), "REAL").is_err());
    }

    #[test]
    fn texts_follow_the_declared_type() {
        let text = |value: &str| StringArray::from(vec![value]);
        assert_eq!(read(text("true"), "BOOLEAN"), Ok(Value::Integer(1)));
        assert_eq!(read(text("true"), "TEXT"), text_of("true"));
        assert_eq!(read(text("007"), "TEXT"), text_of("007"));
        assert_eq!(read(text("12.5"), "NUMERIC"), Ok(Value::Real(12.5)));
        assert_eq!(read(text("twelve"), "NUMERIC"), text_of("twelve"));
        let view: ArrayRef = cast(&(Arc::new(text("x")) as ArrayRef), &DataType::Utf8View).unwrap();
        assert_eq!(read(view, "TEXT"), text_of("x"));
    }
}
