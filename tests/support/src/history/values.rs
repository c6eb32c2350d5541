//! Owns the columns of a history's table, and makes keys and values from small numbers.

use super::ColumnSet;
use crate::value::{Column, ColumnType, Value};

pub(super) fn key_columns(count: u8) -> Vec<Column> {
    let column = |place: u8| match place % 2 {
        0 => Column::new(if place == 0 { "id".to_owned() } else { format!("id{place}") }, ColumnType::Int64),
        _ => Column::new(format!("code{place}"), ColumnType::Text),
    };
    (0..count.max(1)).map(column).collect()
}

/// The key's number in base 3, the last column taking what is left: keys that share most of their columns.
pub(super) fn key_values(key: u16, count: u8) -> Vec<Value> {
    let mut rest = key;
    let mut digit = |place: u8| {
        let last = place + 1 >= count.max(1);
        let digit = if last { rest } else { rest % 3 };
        rest = if last { 0 } else { rest / 3 };
        match place % 2 {
            0 => Value::Int(i64::from(digit) - 1),
            _ => Value::Text(format!("c{digit} 'ü'")),
        }
    };
    (0..count.max(1)).map(&mut digit).collect()
}

pub(super) fn data_columns(set: ColumnSet) -> Vec<Column> {
    let narrow = [("count", ColumnType::Int64), ("note", ColumnType::Text)];
    let mixed = [
        ("flag", ColumnType::Bool),
        ("small", ColumnType::Int32),
        ("ratio", ColumnType::Float64),
        ("amount", ColumnType::Decimal { precision: 18, scale: 4 }),
        ("total", ColumnType::Decimal { precision: 38, scale: 10 }),
        ("payload", ColumnType::Bytes),
        ("day", ColumnType::Date),
        ("clock", ColumnType::Time),
        ("at", ColumnType::Timestamp),
        ("seen_at", ColumnType::Timestamptz),
    ];
    let more: &[(&str, ColumnType)] = match set {
        ColumnSet::Narrow => &[],
        ColumnSet::Mixed => &mixed,
    };
    narrow.iter().chain(more).map(|(name, column_type)| Column::new(*name, *column_type)).collect()
}

pub(super) fn added_column(place: usize) -> Column {
    let types = [ColumnType::Text, ColumnType::Int64, ColumnType::Timestamp];
    Column::new(format!("added{place}"), types[place % types.len()])
}

/// Spreads a small salt over all bits, differently for each column.
pub(super) fn mix(salt: u32, place: u32) -> u32 {
    let mut bits = salt.wrapping_add(place.wrapping_mul(0x9E37_79B9));
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x85EB_CA6B);
    bits = (bits ^ (bits >> 13)).wrapping_mul(0xC2B2_AE35);
    bits ^ (bits >> 16)
}

/// A value of a type; one in eight is NULL, and the ends of a type's range come up.
pub fn value_of(column_type: ColumnType, bits: u32) -> Value {
    if bits % 8 == 7 {
        return Value::Null;
    }
    let signed = i64::from(bits.cast_signed());
    let edge = (bits >> 3).is_multiple_of(16);
    match column_type {
        ColumnType::Bool => Value::Bool(bits & 16 == 0),
        ColumnType::Int16 => Value::Int(if edge { i16::MIN.into() } else { signed % 30_000 }),
        ColumnType::Int32 if edge => Value::Int(if signed < 0 { i32::MIN.into() } else { i32::MAX.into() }),
        ColumnType::Int32 => Value::Int(signed % 1_000_000),
        ColumnType::Int64 if edge => Value::Int(if signed < 0 { i64::MIN } else { i64::MAX }),
        ColumnType::Int64 => Value::Int(signed * 1_000),
        // Eighths: exact in binary, and short in every text form.
        ColumnType::Float32 => Value::Float((signed % 1_000) as f64 / 8.0),
        ColumnType::Float64 => Value::Float((signed % 1_000_000) as f64 / 8.0),
        ColumnType::Decimal { precision, scale } => {
            let largest = 10_i128.pow(precision.into()) - 1;
            let unscaled = if edge { largest * i128::from(signed.signum()) } else { i128::from(signed) % largest };
            Value::Decimal { unscaled, precision, scale }
        }
        ColumnType::Text => Value::Text(TEXTS[(bits >> 3) as usize % TEXTS.len()].replace('#', &bits.to_string())),
        ColumnType::Bytes => Value::Bytes(bits.to_le_bytes()[..(bits >> 5) as usize % 5].to_vec()),
        // Years 1676 to 2263: both sides of 1970.
        ColumnType::Date => Value::Date((signed % 107_000) as i32),
        ColumnType::Time => Value::Time((bits % 86_400_000) as i32),
        ColumnType::Timestamp => Value::TimestampMicros(signed * 4_000_003),
        ColumnType::TimestampMillis => Value::TimestampMicros(signed * 4_000_000),
        ColumnType::Timestamptz => Value::TimestamptzMicros(signed * 4_000_037),
    }
}

/// Texts with what COPY, CSV and SQL give a meaning to; `#` becomes a number.
const TEXTS: [&str; 10] = [
    "plain #",
    "",
    "quote ' and \" #",
    "tab\tand\nnewline #",
    "back\\slash \\N \\. #",
    "ünï©ødé 漢字 🏹 #",
    " leading and trailing ",
    "NULL",
    "{\"json\": [1, \"#\"]}",
    "a,b;c|d #",
];
