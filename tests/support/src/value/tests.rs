//! The texts that [`render`] states, against Postgres itself.

use sqlx::{Connection, PgConnection};

use super::*;
use crate::postgres::PostgresServer;
use crate::process::block_on;

/// Values, the expression that makes them in Postgres, and the text expected of both.
fn table() -> Vec<(Value, &'static str, &'static str)> {
    const DAY: i64 = 86_400_000_000;
    let decimal = |unscaled, scale| Value::Decimal { unscaled, precision: 38, scale };
    vec![
        (Value::Bool(true), "true", "true"),
        (Value::Int(i64::MIN), "'-9223372036854775808'::bigint", "-9223372036854775808"),
        (Value::Float(0.1), "0.1::float8", "0.1"),
        (Value::Float(-0.0), "'-0'::float8", "-0"),
        (Value::Float(3.0), "3::float8", "3"),
        (Value::Float(0.0001), "0.0001::float8", "0.0001"),
        (Value::Float(0.000_012_5), "0.0000125::float8", "1.25e-05"),
        (Value::Float(1e14), "1e14::float8", "100000000000000"),
        (Value::Float(1e15), "1e15::float8", "1e+15"),
        (Value::Float(1.797_693_134_862_315_7e308), "1.7976931348623157e308::float8", "1.7976931348623157e+308"),
        (Value::Float(f64::NAN), "'NaN'::float8", "NaN"),
        (Value::Float(f64::NEG_INFINITY), "'-Infinity'::float8", "-Infinity"),
        (decimal(0, 4), "0::numeric(38,4)", "0.0000"),
        (decimal(-5, 4), "-0.0005::numeric(38,4)", "-0.0005"),
        (decimal(1_234_567, 2), "12345.67::numeric(38,2)", "12345.67"),
        (decimal(12, 0), "12::numeric(38,0)", "12"),
        (decimal(-12, 0), "-12::numeric(38,0)", "-12"),
        (Value::Text("a'b\\c\nü".into()), "E'a\\'b\\\\c\\nü'", "a'b\\c\nü"),
        (Value::Bytes(vec![0, 15, 255]), "'\\x000fff'::bytea", "\\x000fff"),
        (Value::Bytes(vec![]), "''::bytea", "\\x"),
        (Value::Date(0), "'1970-01-01'::date", "1970-01-01"),
        (Value::Date(-719_163), "'0001-12-31 BC'::date", "0001-12-31 BC"),
        (Value::Date(2_932_897), "'10000-01-01'::date", "10000-01-01"),
        (Value::Time(0), "'00:00'::time", "00:00:00"),
        (Value::Time(86_399_120), "'23:59:59.12'::time", "23:59:59.12"),
        (Value::TimestampMicros(-1), "'1969-12-31 23:59:59.999999'::timestamp", "1969-12-31 23:59:59.999999"),
        (Value::TimestampMicros(-719_163 * DAY), "'0001-12-31 00:00 BC'::timestamp", "0001-12-31 00:00:00 BC"),
        (Value::TimestamptzMicros(500_000), "'1970-01-01 02:00:00.5+02'::timestamptz", "1970-01-01 00:00:00.5+00"),
        (
            Value::TimestamptzMicros(-719_163 * DAY),
            "'0001-12-31 00:00+00 BC'::timestamptz",
            "0001-12-31 00:00:00+00 BC",
        ),
    ]
}

#[test]
fn rendered_values_are_what_postgres_shows() {
    let url = PostgresServer::shared().url("postgres");
    block_on(async {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        for (value, expression, expected) in table() {
            let query = sqlx::AssertSqlSafe(format!("SELECT ({expression})::text"));
            let shown: String = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
            assert_eq!(shown, expected, "Postgres, {expression}");
            assert_eq!(render(&value, Dialect::Postgres).as_deref(), Some(expected), "{value:?}");
        }
    });
}

#[test]
fn sqlite_shows_flags_as_digits_and_whole_floats_with_a_point() {
    let rendered = [Value::Bool(true), Value::Bool(false), Value::Float(3.0), Value::Float(0.5), Value::Null]
        .map(|value| render(&value, Dialect::Sqlite));
    assert_eq!(rendered, [Some("1".into()), Some("0".into()), Some("3.0".into()), Some("0.5".into()), None]);
}

#[test]
fn values_have_a_total_order() {
    let ordered =
        [Value::Null, Value::Bool(false), Value::Int(-1), Value::Int(2), Value::Float(-0.0), Value::Float(0.0)];
    let mut sorted = ordered.to_vec();
    sorted.reverse();
    sorted.sort();
    assert_eq!(sorted, ordered);
    assert_eq!(Value::Float(f64::NAN), Value::Float(f64::NAN));
    assert_ne!(Value::Int(1), Value::Bool(true));
}
