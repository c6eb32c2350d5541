//! Redshift's types: how they are spelled, what COPY takes for them, and which one a column gets that a load adds.

use arrow::datatypes::{DataType, TimeUnit};
use quarrel_model::schema::ColumnType;

use crate::values::value::Family;

/// What a VARCHAR holds at most; what can't be copied as it is goes through one.
pub(super) const VARCHAR_BYTES_MAX: u32 = 65_535;
/// What a VARBYTE holds at most.
const VARBYTE_BYTES_MAX: u32 = 1_024_000;
const NUMERIC_PRECISION_MAX: u8 = 38;
/// Digits of the largest decimal that Parquet files have here, with its sign and point.
const WIDE_DECIMAL_BYTES: u32 = 80;

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RedshiftType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    Numeric {
        precision: u8,
        scale: u8,
    },
    Varchar {
        bytes_max: u32,
    },
    Char {
        bytes_max: u32,
    },
    Varbyte {
        bytes_max: u32,
    },
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Super,
    /// Any other: its texts are cast in the merge.
    Other(String),
}

impl RedshiftType {
    /// The type as [`spelled`] spells it.
    pub(super) fn of(type_name: &str) -> RedshiftType {
        let (name, modifiers) = match type_name.split_once('(') {
            Some((name, rest)) => (name.trim(), rest.split(')').next().unwrap_or_default()),
            None => (type_name, ""),
        };
        let mut numbers = modifiers.split(',').map(|number| number.trim().parse::<u32>().ok());
        let (first, second) = (numbers.next().flatten(), numbers.next().flatten());
        let small = |number: Option<u32>| number.and_then(|number| u8::try_from(number).ok());
        match name {
            "boolean" => RedshiftType::Boolean,
            "smallint" => RedshiftType::SmallInt,
            "integer" => RedshiftType::Integer,
            "bigint" => RedshiftType::BigInt,
            "real" => RedshiftType::Real,
            "double precision" => RedshiftType::Double,
            "numeric" => match (small(first), small(second)) {
                (Some(precision), Some(scale)) => RedshiftType::Numeric { precision, scale },
                (_, _) => RedshiftType::Other(type_name.to_owned()),
            },
            "character varying" => RedshiftType::Varchar { bytes_max: first.unwrap_or(VARCHAR_BYTES_MAX) },
            "character" => RedshiftType::Char { bytes_max: first.unwrap_or(1) },
            "binary varying" => RedshiftType::Varbyte { bytes_max: first.unwrap_or(VARBYTE_BYTES_MAX) },
            "date" => RedshiftType::Date,
            "time without time zone" => RedshiftType::Time,
            "timestamp without time zone" => RedshiftType::Timestamp,
            "timestamp with time zone" => RedshiftType::Timestamptz,
            "super" => RedshiftType::Super,
            _ => RedshiftType::Other(type_name.to_owned()),
        }
    }

    /// What a Parquet file has for a column of this type; None where COPY takes none, or another value than the text says.
    pub(super) fn parquet_type(&self) -> Option<DataType> {
        Some(match self {
            RedshiftType::Boolean => DataType::Boolean,
            RedshiftType::SmallInt => DataType::Int16,
            RedshiftType::Integer => DataType::Int32,
            RedshiftType::BigInt => DataType::Int64,
            RedshiftType::Real => DataType::Float32,
            RedshiftType::Double => DataType::Float64,
            RedshiftType::Numeric { precision, scale } => DataType::Decimal128(*precision, i8::try_from(*scale).ok()?),
            RedshiftType::Varchar { .. } | RedshiftType::Char { .. } => DataType::Utf8,
            RedshiftType::Varbyte { .. } => DataType::Binary,
            RedshiftType::Date => DataType::Date32,
            RedshiftType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            RedshiftType::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            // COPY takes no times from Parquet, and puts JSON into a SUPER as one string.
            RedshiftType::Time | RedshiftType::Super | RedshiftType::Other(_) => return None,
        })
    }

    /// Whether some value of this family can be loaded.
    pub(super) fn takes(&self, family: Family) -> bool {
        let is = |families: &[Family]| family == Family::Null || family == Family::Text || families.contains(&family);
        match self {
            RedshiftType::Boolean => is(&[Family::Bool, Family::Int]),
            RedshiftType::SmallInt | RedshiftType::Integer | RedshiftType::BigInt => {
                is(&[Family::Int, Family::Float, Family::Decimal])
            }
            RedshiftType::Real | RedshiftType::Double | RedshiftType::Numeric { .. } => {
                is(&[Family::Int, Family::Float, Family::Decimal])
            }
            RedshiftType::Varbyte { .. } | RedshiftType::Super => is(&[Family::Bytes]),
            RedshiftType::Date | RedshiftType::Timestamp | RedshiftType::Timestamptz => {
                is(&[Family::Date, Family::Timestamp])
            }
            RedshiftType::Time => is(&[Family::Time]),
            RedshiftType::Varchar { .. } | RedshiftType::Char { .. } | RedshiftType::Other(_) => true,
        }
    }
}

/// A type with its modifiers, of the parts that the catalog has.
pub(super) fn spelled(name: &str, length: Option<i32>, precision: Option<i32>, scale: Option<i32>) -> String {
    match (name, length, precision, scale) {
        ("character varying" | "character" | "binary varying", Some(length), _, _) => format!("{name}({length})"),
        ("numeric", _, Some(precision), Some(scale)) => format!("{name}({precision},{scale})"),
        (_, _, _, _) => name.to_owned(),
    }
}

/// The narrowest type that holds every value of a change file's column; None where there is none.
pub(super) fn column_type(column_type: &ColumnType) -> Option<String> {
    let numeric = |precision: u8, scale: i8| match u8::try_from(scale) {
        Ok(scale) if scale <= precision && precision <= NUMERIC_PRECISION_MAX => {
            format!("numeric({precision},{scale})")
        }
        Ok(_) | Err(_) => format!("character varying({WIDE_DECIMAL_BYTES})"),
    };
    let name = match column_type {
        ColumnType::Boolean => "boolean",
        ColumnType::Integer(8 | 16) | ColumnType::Unsigned(8) => "smallint",
        ColumnType::Integer(32) | ColumnType::Unsigned(16) => "integer",
        ColumnType::Integer(_) | ColumnType::Unsigned(32) => "bigint",
        ColumnType::Unsigned(_) => "numeric(20,0)",
        ColumnType::Float32 => "real",
        ColumnType::Float64 => "double precision",
        ColumnType::Decimal { precision, scale } => return Some(numeric(*precision, *scale)),
        ColumnType::Text => "character varying(65535)",
        ColumnType::Binary => "binary varying(1024000)",
        ColumnType::Date => "date",
        ColumnType::Time => "time without time zone",
        ColumnType::Timestamp { zoned: true } => "timestamp with time zone",
        ColumnType::Timestamp { zoned: false } => "timestamp without time zone",
        ColumnType::Unsupported(_) => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_spelled() {
        let cases = [
            (spelled("character varying", Some(20), None, None), RedshiftType::Varchar { bytes_max: 20 }),
            (spelled("numeric", None, Some(18), Some(2)), RedshiftType::Numeric { precision: 18, scale: 2 }),
            (spelled("integer", None, Some(32), Some(0)), RedshiftType::Integer),
            (spelled("super", None, None, None), RedshiftType::Super),
            (spelled("time with time zone", None, None, None), RedshiftType::Other("time with time zone".to_owned())),
        ];
        for (name, expected) in cases {
            assert_eq!(RedshiftType::of(&name), expected, "{name}");
        }
    }

    #[test]
    fn added_columns_hold_every_value_of_their_source() {
        let cases = [
            (ColumnType::Integer(8), Some("smallint")),
            (ColumnType::Unsigned(32), Some("bigint")),
            (ColumnType::Unsigned(64), Some("numeric(20,0)")),
            (ColumnType::Decimal { precision: 38, scale: 10 }, Some("numeric(38,10)")),
            (ColumnType::Decimal { precision: 76, scale: 10 }, Some("character varying(80)")),
            (ColumnType::Text, Some("character varying(65535)")),
            (ColumnType::Unsupported("list".to_owned()), None),
        ];
        for (from, expected) in cases {
            assert_eq!(column_type(&from).as_deref(), expected, "{from}");
        }
    }
}
