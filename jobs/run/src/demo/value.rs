//! The values of the demo's rows, and how they are recognised when they come back from SQLite as text.
//!
//! # Invariants
//! - Two values are equal when they mean the same, however the database wrote them: `12.5` and `12.50` are one decimal.

use std::fmt;

use chrono::{DateTime, NaiveDateTime};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    /// A decimal with this many digits behind the point.
    Decimal(u8),
    Text,
    /// Written as the words `true` and `false`, as DMS writes booleans of Postgres.
    Boolean,
    /// Microseconds since the epoch.
    Instant,
}

/// A value. Decimals are counted in units of their last digit, instants in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Decimal(i64),
    Text(String),
    Boolean(bool),
    Instant(i64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Decimal(units) => write!(f, "{units} units of the last digit"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Boolean(flag) => write!(f, "{flag}"),
            Value::Instant(micros) => write!(f, "{micros} µs since 1970"),
        }
    }
}

/// Reads a value as the database wrote it; None when the text is no such value.
pub(super) fn read_value(kind: Kind, text: Option<&str>) -> Option<Value> {
    let Some(text) = text else { return Some(Value::Null) };
    match kind {
        Kind::Integer => text.parse().ok().map(Value::Integer),
        Kind::Decimal(scale) => read_decimal(text, scale).map(Value::Decimal),
        Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Boolean => match text {
            "1" | "true" | "t" => Some(Value::Boolean(true)),
            "0" | "false" | "f" => Some(Value::Boolean(false)),
            _ => None,
        },
        Kind::Instant => read_instant(text).map(Value::Instant),
    }
}

fn read_decimal(text: &str, scale: u8) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = usize::from(scale);
    if fraction.trim_end_matches('0').len() > scale {
        return None;
    }
    let fraction = format!("{fraction:0<scale$}");
    let units: i64 = format!("{whole}{}", &fraction[..scale]).parse().ok()?;
    Some(if negative { -units } else { units })
}

fn read_instant(text: &str) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.timestamp_micros());
    }
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let read = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    read.map(|instant| instant.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_equal_however_many_noughts_they_end_in() {
        let cases = [
            ("12.5", Some(1250)),
            ("12.50", Some(1250)),
            ("-0.07", Some(-7)),
            ("3", Some(300)),
            ("1.001", None),
            ("x", None),
        ];
        for (text, units) in cases {
            assert_eq!(read_value(Kind::Decimal(2), Some(text)), units.map(Value::Decimal), "{text}");
        }
    }

    #[test]
    fn instants_are_read_in_the_forms_databases_write() {
        // 2025-06-02T08:00:00Z is 1,748,851,200 s after the epoch.
        let expected = Some(Value::Instant(1_748_851_200_250_000));
        for text in [
            "2025-06-02 08:00:00.25",
            "2025-06-02T08:00:00.250000",
            "2025-06-02T08:00:00.250Z",
            "2025-06-02T10:00:00.25+02:00",
        ] {
            assert_eq!(read_value(Kind::Instant, Some(text)), expected, "{text}");
        }
        assert_eq!(read_value(Kind::Instant, None), Some(Value::Null));
    }
}
