//! Owns one Postgres table with every type that DMS can carry, for round trips: how each value is written in a change file,
//! and what the table must show for it.
//!
//! What is written and what is shown are both stated here by hand. The test below lets Postgres itself confirm that the one
//! becomes the other.

use chrono::NaiveDate;

use crate::ddl::quoted;
use crate::dms::{DmsOptions, encode};
use crate::dump::TextRow;
use crate::history::{ChangeFileSpec, Event, Operation, Sequence};
use crate::value::{Column, ColumnType, Value};

/// A column of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct WideColumn {
    pub name: String,
    /// The column's type in the target, as SQL.
    pub postgres_type: &'static str,
    /// The type in the change file.
    pub written_as: ColumnType,
    /// What is written, and the text Postgres then shows; one a row, NULL in rows beyond.
    pub cells: Vec<(Value, &'static str)>,
}

/// The rows of the table: the most cells of a column, and one of NULLs.
pub const ROWS: usize = 5;

/// The statements that make the table and the types it needs, in the order in which they must run; `table` is quoted SQL.
pub fn create_statements(table: &str) -> Vec<String> {
    let columns: Vec<String> =
        columns().iter().map(|column| format!("{} {}", quoted(&column.name), column.postgres_type)).collect();
    vec![
        "CREATE TYPE wide_mood AS ENUM ('sad', 'ok', 'very happy')".into(),
        "CREATE TYPE wide_point AS (x integer, label text)".into(),
        "CREATE DOMAIN wide_positive AS integer CHECK (VALUE > 0)".into(),
        format!("CREATE TABLE {table} (\n  id bigint PRIMARY KEY,\n  {}\n)", columns.join(",\n  ")),
    ]
}

/// The names of the table's columns, the key `id` first.
pub fn column_names() -> Vec<String> {
    ["id".to_owned()].into_iter().chain(columns().into_iter().map(|column| column.name)).collect()
}

/// What the table must show, in the order of [`column_names`], sorted as [`crate::dump::dump_table`] sorts.
pub fn expected_rows() -> Vec<TextRow> {
    let columns = columns();
    let cell = |column: &WideColumn, row: usize| column.cells.get(row).map(|(_, shown)| (*shown).to_owned());
    (0..ROWS)
        .map(|row| [Some(row.to_string())].into_iter().chain(columns.iter().map(|column| cell(column, row))).collect())
        .collect()
}

/// The change file that brings the rows: one insert each.
pub fn change_file() -> ChangeFileSpec {
    let columns = columns();
    let cell =
        |column: &WideColumn, row: usize| column.cells.get(row).map_or(Value::Null, |(written, _)| written.clone());
    let event = |row: usize| Event {
        operation: Operation::Insert,
        key: vec![Value::Int(i64::try_from(row).expect("few rows"))],
        values: columns.iter().map(|column| cell(column, row)).collect(),
        commit_micros: 0,
        change_sequence: None,
    };
    ChangeFileSpec {
        path: "20240506-120000000.parquet".into(),
        key: vec![Column::new("id", ColumnType::Int64)],
        columns: columns.iter().map(|column| Column::new(column.name.clone(), column.written_as)).collect(),
        sequence: Sequence::Absent,
        events: (0..ROWS).map(event).collect(),
    }
}

/// The bytes of [`change_file`], as DMS writes them by default.
pub fn change_file_bytes() -> Vec<u8> {
    encode(&change_file(), &DmsOptions::default())
}

/// All columns but the key.
pub fn columns() -> Vec<WideColumn> {
    [numbers(), texts(), structures(), times()].concat()
}

fn column(
    name: &str,
    postgres_type: &'static str,
    written_as: ColumnType,
    cells: impl IntoIterator<Item = (Value, &'static str)>,
) -> WideColumn {
    let cells: Vec<_> = cells.into_iter().collect();
    assert!(cells.len() < ROWS, "the last row is all NULL");
    WideColumn { name: name.into(), postgres_type, written_as, cells }
}

/// A column whose values DMS writes as text.
fn text_column(name: &str, postgres_type: &'static str, cells: &[(&str, &'static str)]) -> WideColumn {
    let cells = cells.iter().map(|(written, shown)| (Value::Text((*written).into()), *shown));
    column(name, postgres_type, ColumnType::Text, cells)
}

/// A column whose values are written and shown alike.
fn same_text_column(name: &str, postgres_type: &'static str, cells: &[&'static str]) -> WideColumn {
    let cells: Vec<_> = cells.iter().map(|text| (*text, *text)).collect();
    text_column(name, postgres_type, &cells)
}

fn decimal_column(
    name: &str,
    postgres_type: &'static str,
    (precision, scale): (u8, u8),
    cells: &[(i128, &'static str)],
) -> WideColumn {
    let cells =
        cells.iter().map(|(unscaled, shown)| (Value::Decimal { unscaled: *unscaled, precision, scale }, *shown));
    column(name, postgres_type, ColumnType::Decimal { precision, scale }, cells)
}

fn numbers() -> Vec<WideColumn> {
    const NINES: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;
    use Value::{Bool, Float, Int};
    let f32_max = f64::from(f32::MAX);
    vec![
        column("a_smallint", "smallint", ColumnType::Int16, [(Int(-32_768), "-32768"), (Int(32_767), "32767")]),
        column("an_integer", "integer", ColumnType::Int32, [(Int(i32::MIN.into()), "-2147483648"), (Int(0), "0")]),
        column(
            "a_bigint",
            "bigint",
            ColumnType::Int64,
            [(Int(i64::MIN), "-9223372036854775808"), (Int(i64::MAX), "9223372036854775807")],
        ),
        column("a_real", "real", ColumnType::Float32, [(Float(0.1), "0.1"), (Float(f32_max), "3.4028235e+38")]),
        column(
            "a_double",
            "double precision",
            ColumnType::Float64,
            [
                (Float(0.1), "0.1"),
                (Float(f64::MIN_POSITIVE), "2.2250738585072014e-308"),
                (Float(f64::NAN), "NaN"),
                (Float(f64::INFINITY), "Infinity"),
            ],
        ),
        decimal_column("a_numeric", "numeric(18,4)", (18, 4), &[(-5, "-0.0005"), (123_456_789, "12345.6789")]),
        decimal_column(
            "a_wide_numeric",
            "numeric(38,0)",
            (38, 0),
            &[(NINES, "99999999999999999999999999999999999999"), (-NINES, "-99999999999999999999999999999999999999")],
        ),
        decimal_column(
            "a_deep_numeric",
            "numeric(38,38)",
            (38, 38),
            &[(NINES, "0.99999999999999999999999999999999999999"), (1, "0.00000000000000000000000000000000000001")],
        ),
        // DMS gives a numeric without precision 28 digits, 6 of them decimals.
        decimal_column("a_bare_numeric", "numeric", (28, 6), &[(1_500_000, "1.500000"), (-1, "-0.000001")]),
        // Past 38 digits it writes text.
        same_text_column(
            "a_huge_numeric",
            "numeric(60,5)",
            &["1234567890123456789012345678901234567890123456789012345.67890", "-0.00001", "NaN"],
        ),
        decimal_column("a_money", "money", (38, 4), &[(12_345_600, "$1,234.56"), (-5_000, "-$0.50")]),
        column("a_boolean", "boolean", ColumnType::Bool, [(Bool(true), "true"), (Bool(false), "false")]),
        column("a_domain", "wide_positive", ColumnType::Int32, [(Int(7), "7")]),
    ]
}

fn texts() -> Vec<WideColumn> {
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    vec![
        same_text_column("a_text", "text", &["", "it's \"quoted\"", "tab\tnew\nline\\N \\.", "ünï 漢字 🏹"]),
        same_text_column("a_varchar", "varchar(10)", &["ten chars!", "漢字漢字漢字漢字漢字"]),
        // A blank-padded text loses its blanks when it is shown as text.
        text_column("a_char", "character(5)", &[("ab   ", "ab"), ("abcde", "abcde")]),
        column("a_bytea", "bytea", ColumnType::Bytes, [(bytes(&[]), "\\x"), (bytes(&[0, 255, 92, 10]), "\\x00ff5c0a")]),
        text_column(
            "a_uuid",
            "uuid",
            &[
                ("123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
                ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
            ],
        ),
        same_text_column("an_enum", "wide_mood", &["sad", "very happy"]),
        same_text_column("an_inet", "inet", &["192.168.0.1/24", "::1/128"]),
        same_text_column("a_cidr", "cidr", &["10.0.0.0/8"]),
        text_column("a_macaddr", "macaddr", &[("08-00-2B-01-02-03", "08:00:2b:01:02:03")]),
        same_text_column("bits", "bit varying", &["10110", ""]),
    ]
}

fn structures() -> Vec<WideColumn> {
    vec![
        // json keeps its text, jsonb its meaning.
        same_text_column("a_json", "json", &["{\"b\":1,  \"a\": [true, null]}", "null"]),
        text_column(
            "a_jsonb",
            "jsonb",
            &[
                ("{\"b\":1,  \"a\": [true, null], \"b\": 2}", "{\"a\": [true, null], \"b\": 2}"),
                ("1e2", "100"),
                ("\"\\u00fc\"", "\"ü\""),
            ],
        ),
        same_text_column("an_integer_array", "integer[]", &["{1,2,NULL}", "{}", "{{1,2},{3,4}}"]),
        same_text_column("a_text_array", "text[]", &["{plain,\"with space\",NULL,\"NULL\",\"quote \\\" comma ,\"}"]),
        same_text_column("a_composite", "wide_point", &["(1,\"a label\")", "(,)"]),
        text_column("a_range", "int4range", &[("[1,5]", "[1,6)"), ("empty", "empty")]),
        same_text_column("a_point", "point", &["(1.5,-2)"]),
    ]
}

fn times() -> Vec<WideColumn> {
    let day =
        |year, month, day| -> NaiveDate { NaiveDate::from_ymd_opt(year, month, day).expect("the dates below exist") };
    let days = |date: NaiveDate| {
        Value::Date(i32::try_from((date - NaiveDate::default()).num_days()).expect("a few million days"))
    };
    let micros =
        |date: NaiveDate, past_midnight: i64| (date - NaiveDate::default()).num_days() * 86_400_000_000 + past_midnight;
    let timestamp = |date, past_midnight| Value::TimestampMicros(micros(date, past_midnight));
    let instant = |date, past_midnight| Value::TimestamptzMicros(micros(date, past_midnight));
    vec![
        column(
            "a_date",
            "date",
            ColumnType::Date,
            [
                (days(day(2024, 2, 29)), "2024-02-29"),
                (days(day(1582, 10, 10)), "1582-10-10"),
                (days(day(-43, 3, 15)), "0044-03-15 BC"),
                (days(day(9999, 12, 31)), "9999-12-31"),
            ],
        ),
        column(
            "a_time",
            "time",
            ColumnType::Time,
            [(Value::Time(0), "00:00:00"), (Value::Time(86_399_999), "23:59:59.999")],
        ),
        // DMS clips infinity and -infinity to the last two.
        column(
            "a_timestamp",
            "timestamp",
            ColumnType::Timestamp,
            [
                (timestamp(day(1969, 12, 31), 86_399_999_999), "1969-12-31 23:59:59.999999"),
                (timestamp(day(2024, 2, 29), 1), "2024-02-29 00:00:00.000001"),
                (timestamp(day(9999, 12, 31), 0), "9999-12-31 00:00:00"),
                (timestamp(day(-4712, 1, 1), 0), "4713-01-01 00:00:00 BC"),
            ],
        ),
        column(
            "a_timestamp_in_millis",
            "timestamp",
            ColumnType::TimestampMillis,
            [
                (timestamp(day(2024, 2, 29), 1_000), "2024-02-29 00:00:00.001"),
                (timestamp(day(1900, 1, 1), 999_000), "1900-01-01 00:00:00.999"),
            ],
        ),
        column(
            "a_timestamptz",
            "timestamptz",
            ColumnType::Timestamptz,
            [
                (instant(day(2024, 3, 31), 3_600_000_000), "2024-03-31 01:00:00+00"),
                (instant(day(1900, 1, 1), 500_000), "1900-01-01 00:00:00.5+00"),
                (instant(day(9999, 12, 31), 0), "9999-12-31 00:00:00+00"),
            ],
        ),
        text_column(
            "an_interval",
            "interval",
            &[
                ("1 YEAR, 2 MONTHS, 3 DAYS, 4 HOURS, 5 MINUTES, 6.5 SECONDS", "1 year 2 mons 3 days 04:05:06.5"),
                ("-3 DAYS", "-3 days"),
            ],
        ),
        text_column("a_timetz", "timetz", &[("12:34:56.789+02", "12:34:56.789+02")]),
    ]
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

    use super::*;
    use crate::dump::{assert_same_rows, dump_table};
    use crate::postgres::PostgresServer;
    use crate::value::{Dialect, render};

    #[tokio::test]
    async fn postgres_shows_what_is_expected_of_what_is_written() {
        let url = PostgresServer::shared().create_database();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        for statement in create_statements("wide") {
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        let file = change_file();
        for event in &file.events {
            let literal = |value: &Value| match render(value, Dialect::Postgres) {
                Some(text) => format!("'{}'", text.replace('\'', "''")),
                None => "NULL".into(),
            };
            let row: Vec<String> = event.key.iter().chain(&event.values).map(literal).collect();
            let insert = format!("INSERT INTO wide VALUES ({})", row.join(", "));
            connection.execute(AssertSqlSafe(insert)).await.unwrap();
        }
        let names = column_names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_same_rows(&expected_rows(), &dump_table(&url, "wide", &names).await, "wide");
    }

    #[test]
    fn change_file_has_every_column_once() {
        let names: std::collections::BTreeSet<String> = column_names().into_iter().collect();
        assert_eq!(names.len(), 1 + columns().len());
        assert!(change_file_bytes().ends_with(b"PAR1"));
        assert!(expected_rows()[ROWS - 1][1..].iter().all(Option::is_none), "the last row is all NULL");
    }
}
