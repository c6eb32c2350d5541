//! Owns the rows of Parquet files on their way into the server: held against the table's types by position, then written as
//! lines of a COPY.

use std::fmt::Write as _;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};

use super::statement::Refusal;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A column of a table as COPY from Parquet sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) column_type: ColumnType,
}

/// A type that a Parquet column is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    Numeric { precision: u8, scale: i8 },
    Characters { bytes_max: usize },
    Bytes,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Super,
}

impl ColumnType {
    /// The type as `format_type` spells it.
    pub(super) fn of(type_name: &str) -> Option<ColumnType> {
        let (name, modifiers) = match type_name.split_once('(') {
            Some((name, rest)) => {
                let (modifiers, behind) = rest.split_once(')')?;
                (format!("{name}{behind}"), modifiers)
            }
            None => (type_name.to_owned(), ""),
        };
        let mut numbers = modifiers.split(',').map(|number| number.trim().parse::<usize>().ok());
        let first = numbers.next().flatten();
        Some(match name.as_str() {
            "boolean" => ColumnType::Boolean,
            "smallint" => ColumnType::SmallInt,
            "integer" => ColumnType::Integer,
            "bigint" => ColumnType::BigInt,
            "real" => ColumnType::Real,
            "double precision" => ColumnType::Double,
            "numeric" => ColumnType::Numeric {
                precision: u8::try_from(first?).ok()?,
                scale: i8::try_from(numbers.next().flatten()?).ok()?,
            },
            "character varying" | "character" => ColumnType::Characters { bytes_max: first? },
            "varbyte" | "bytea" => ColumnType::Bytes,
            "date" => ColumnType::Date,
            "time without time zone" | "time with time zone" => ColumnType::Time,
            "timestamp without time zone" => ColumnType::Timestamp,
            "timestamp with time zone" => ColumnType::Timestamptz,
            "super" | "jsonb" => ColumnType::Super,
            _ => return None,
        })
    }

    /// Whether a column of a file can be loaded.
    fn takes(self, found: &DataType) -> bool {
        match self {
            ColumnType::Boolean => matches!(found, DataType::Boolean),
            ColumnType::SmallInt => matches!(found, DataType::Int16 | DataType::Int8),
            ColumnType::Integer => matches!(found, DataType::Int32),
            ColumnType::BigInt => matches!(found, DataType::Int64),
            ColumnType::Real => matches!(found, DataType::Float32),
            ColumnType::Double => matches!(found, DataType::Float64),
            ColumnType::Numeric { precision, scale } => *found == DataType::Decimal128(precision, scale),
            ColumnType::Characters { .. } | ColumnType::Super => matches!(found, DataType::Utf8),
            ColumnType::Bytes => matches!(found, DataType::Binary),
            ColumnType::Date => matches!(found, DataType::Date32),
            // From Parquet, no column of this type can be loaded.
            ColumnType::Time => false,
            ColumnType::Timestamp | ColumnType::Timestamptz => matches!(found, DataType::Timestamp(_, _)),
        }
    }
}

/// Holds the columns of a file against those of the table, by position.
pub(super) fn check_schema(schema: &Schema, columns: &[TableColumn]) -> Result<(), String> {
    if schema.fields().len() != columns.len() {
        return Err(format!("has {} columns; the table expects {}", schema.fields().len(), columns.len()));
    }
    for (field, column) in schema.fields().iter().zip(columns) {
        if !column.column_type.takes(field.data_type()) {
            return Err(format!("has an incompatible Parquet schema for a column of type {:?}", column.column_type));
        }
    }
    Ok(())
}

/// Appends a line for each row.
pub(super) fn write_rows(batch: &RecordBatch, columns: &[TableColumn], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut cell = String::new();
    for row in 0..batch.num_rows() {
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                out.push(b'\t');
            }
            let array = batch.column(place);
            if array.is_null(row) {
                out.extend_from_slice(b"\\N");
                continue;
            }
            cell.clear();
            write_cell(array.as_ref(), row, column, &mut cell)?;
            for byte in cell.bytes() {
                match byte {
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    b'\t' => out.extend_from_slice(b"\\t"),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    other => out.push(other),
                }
            }
        }
        out.push(b'\n');
    }
    Ok(())
}

fn write_cell(array: &dyn Array, row: usize, column: &TableColumn, cell: &mut String) -> Result<(), Refusal> {
    let written = match array.data_type() {
        DataType::Boolean => write!(cell, "{}", array.as_boolean().value(row)),
        DataType::Int8 => write!(cell, "{}", array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => write!(cell, "{}", array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => write!(cell, "{}", array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => write!(cell, "{}", array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => write!(cell, "{}", array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => write!(cell, "{}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, _) => write!(cell, "{}", array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Utf8 => return write_text(array.as_string::<i32>().value(row), column, cell),
        DataType::Binary => {
            cell.push_str("\\x");
            array.as_binary::<i32>().value(row).iter().try_for_each(|byte| write!(cell, "{byte:02x}"))
        }
        DataType::Date32 => write_date(array.as_primitive::<Date32Type>().value(row).into(), None, cell),
        DataType::Timestamp(unit, _) => {
            let micros = match unit {
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row) * 1_000,
                TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row) / 1_000,
                TimeUnit::Microsecond | TimeUnit::Second => array.as_primitive::<TimestampMicrosecondType>().value(row),
            };
            let micros_per_day = SECONDS_PER_DAY * MICROS_PER_SECOND;
            write_date(micros.div_euclid(micros_per_day), Some(micros.rem_euclid(micros_per_day)), cell)
        }
        other => return Err(Refusal::unsupported(format!("Parquet type {other} is not supported"))),
    };
    written.expect("writing to a String can't fail");
    Ok(())
}

fn write_text(text: &str, column: &TableColumn, cell: &mut String) -> Result<(), Refusal> {
    match column.column_type {
        // A text becomes a string of a SUPER: nothing is parsed.
        ColumnType::Super => cell.push_str(&serde_json::Value::from(text).to_string()),
        ColumnType::Characters { bytes_max } if text.len() > bytes_max => {
            let message = format!(
                "The length of the data column {} is longer than the length defined in the table. Table: {bytes_max}, Data: {}",
                column.name,
                text.len()
            );
            return Err(Refusal { code: "XX000", message });
        }
        _ if text.contains('\0') => {
            let message = format!("Invalid null byte in column {}", column.name);
            return Err(Refusal { code: "22021", message });
        }
        _ => cell.push_str(text),
    }
    Ok(())
}

/// A day counted from 1970-01-01, and microseconds of it where there are some.
fn write_date(days: i64, micros: Option<i64>, cell: &mut String) -> std::fmt::Result {
    let (year, month, day) = civil_of(days);
    let (shown, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    write!(cell, "{shown:04}-{month:02}-{day:02}")?;
    if let Some(micros) = micros {
        let seconds = micros / MICROS_PER_SECOND;
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        write!(cell, " {hours:02}:{minutes:02}:{:02}.{:06}+00", seconds % 60, micros % MICROS_PER_SECOND)?;
    }
    cell.push_str(era);
    Ok(())
}

/// Year, month and day of the Gregorian calendar, counted month by month from the era of 400 years that the day is in.
fn civil_of(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    /// From 0000-01-01 to 1970-01-01.
    const EPOCH: i64 = 719_528;
    let counted = days + EPOCH;
    let mut year = counted.div_euclid(DAYS_PER_ERA) * 400;
    let mut rest = counted.rem_euclid(DAYS_PER_ERA);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_year = |year: i64| if is_leap(year) { 366 } else { 365 };
    while rest >= days_in_year(year) {
        rest -= days_in_year(year);
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_far_from_ours_are_written_as_postgres_reads_them() {
        let text = |days| {
            let mut cell = String::new();
            write_date(days, None, &mut cell).unwrap();
            cell
        };
        assert_eq!(text(0), "1970-01-01");
        assert_eq!(text(-1), "1969-12-31");
        assert_eq!(text(11_016), "2000-02-29");
        assert_eq!(text(-719_528), "0001-01-01 BC");
        assert_eq!(text(2_932_896), "9999-12-31");
    }

    #[test]
    fn types_of_files_have_to_match_by_position() {
        let column = |name: &str, type_name: &str| TableColumn {
            name: name.to_owned(),
            column_type: ColumnType::of(type_name).unwrap(),
        };
        let columns = [column("id", "integer"), column("price", "numeric(9,2)")];
        let schema = |first, second| {
            Schema::new(vec![
                arrow::datatypes::Field::new("a", first, true),
                arrow::datatypes::Field::new("b", second, true),
            ])
        };
        assert_eq!(check_schema(&schema(DataType::Int32, DataType::Decimal128(9, 2)), &columns), Ok(()));
        assert!(check_schema(&schema(DataType::Int64, DataType::Decimal128(9, 2)), &columns).is_err());
        assert!(check_schema(&schema(DataType::Int32, DataType::Decimal128(10, 2)), &columns).is_err());
        assert!(check_schema(&schema(DataType::Int32, DataType::Decimal128(9, 2)), &columns[..1]).is_err());
    }
}
