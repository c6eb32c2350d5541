//! Every kind of value that fits or does not: the value, or the reason against it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{TimeUnit, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;

use super::*;
use crate::values::value::Clock;

/// The value as Arrow shows it.
fn written(value: Value<'_>, type_name: &str, fit: Fit) -> Result<String, String> {
    let mut builder = ColumnBuilder::new(&RedshiftType::of(type_name), 1);
    builder.append(value, fit, &mut String::new()).map_err(|misfit| misfit.to_string())?;
    let array = builder.finish().unwrap();
    assert_eq!((array.len(), array.null_count()), (1, 0));
    // Arrow shows no zone by name.
    let array = match array.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(instants) => Arc::new(instants.clone().with_timezone_opt(None::<&str>)),
        None => array,
    };
    Ok(array_value_to_string(&array, 0).unwrap())
}

fn exact(value: Value<'_>, type_name: &str) -> Result<String, String> {
    written(value, type_name, Fit::Exact)
}

fn nearest(value: Value<'_>, type_name: &str) -> String {
    written(value, type_name, Fit::Nearest).unwrap()
}

#[test]
fn texts_are_limited_in_bytes() {
    assert_eq!(exact(Value::Text("éé"), "character varying(4)").as_deref(), Ok("éé"));
    let refused = exact(Value::Text("ééx"), "character varying(4)");
    assert_eq!(refused, Err("is longer than 4 bytes".to_owned()));
    assert_eq!(nearest(Value::Text("xéé"), "character varying(4)"), "xé", "no character is cut in two");
    let most = "x".repeat(65_535);
    assert_eq!(exact(Value::Text(&most), "character varying(65535)"), Ok(most.clone()));
    assert!(exact(Value::Text(&format!("{most}x")), "character varying(65535)").is_err());
    assert_eq!(exact(Value::Text("a\0b"), "character varying(9)"), Err("holds a NUL character".to_owned()));
    assert_eq!(nearest(Value::Text("a\0b"), "character varying(9)"), "ab");
    assert!(exact(Value::Text("é"), "character(9)").is_err(), "CHAR holds bytes of ASCII");
}

#[test]
fn decimals_are_held_exactly_or_refused() {
    let (small, unscaled) = ("numeric(9,2)", Value::Decimal(12_345, 3));
    assert_eq!(exact(Value::Decimal(-1250, 3), small).as_deref(), Ok("-1.25"));
    assert_eq!(exact(unscaled, small), Err("has more than 2 decimals and would be rounded".to_owned()));
    assert_eq!(nearest(unscaled, small), "12.35", "half away from zero");
    assert_eq!(nearest(Value::Decimal(-12_345, 3), small), "-12.35");
    assert_eq!(exact(Value::Int(9_999_999), small).as_deref(), Ok("9999999.00"));
    assert!(exact(Value::Int(10_000_000), small).unwrap_err().contains("numeric(9,2)"));
    assert_eq!(nearest(Value::Int(-10_000_000), small), "-9999999.99");
    assert_eq!(exact(Value::Text(" 1.5e2 "), small).as_deref(), Ok("150.00"));
    assert_eq!(exact(Value::Text("0.001"), small), Err("has more than 2 decimals and would be rounded".to_owned()));
    assert_eq!(nearest(Value::Text("0.005"), small), "0.01");
    assert_eq!(exact(Value::Float8(0.25), small).as_deref(), Ok("0.25"));
    assert!(exact(Value::Text("NaN"), small).is_err() && exact(Value::Text("inf"), small).is_err());
    assert_eq!(nearest(Value::Text("-inf"), small), "-9999999.99");
    let most = "9".repeat(38);
    assert_eq!(exact(Value::Text(&most), "numeric(38,0)"), Ok(most.clone()));
    assert!(exact(Value::Text(&format!("1{most}")), "numeric(38,0)").is_err());
    assert_eq!(nearest(Value::Text(&format!("1{most}")), "numeric(38,0)"), most);
    assert!(exact(Value::Decimal(1, -38), "numeric(38,37)").is_err());
    assert_eq!(nearest(Value::Decimal(4, 38), "numeric(9,0)"), "0");
}

#[test]
fn instants_past_what_files_count_are_refused() {
    let clock = Clock { unit: TimeUnit::Second, zoned: false };
    assert_eq!(exact(Value::Timestamp(-1, clock), "timestamp without time zone").as_deref(), Ok("1969-12-31T23:59:59"));
    assert!(exact(Value::Text("infinity"), "timestamp without time zone").unwrap_err().contains("out of the range"));
    assert!(exact(Value::Text("infinity"), "date").is_err());
    assert!(exact(Value::Text("300000-01-01"), "date").is_err());
    assert!(exact(Value::Timestamp(i64::MAX, clock), "timestamp with time zone").is_err());
    assert_eq!(exact(Value::Text("0001-01-01"), "date").as_deref(), Ok("0001-01-01"));
    assert_eq!(
        exact(Value::Text("2024-02-29 23:59:59.5+01:30"), "timestamp with time zone").as_deref(),
        Ok("2024-02-29T22:29:59.500")
    );
}

#[test]
fn what_copy_does_not_take_goes_as_text() {
    assert_eq!(
        exact(Value::Time(86_399_500_000, TimeUnit::Microsecond), "time without time zone").as_deref(),
        Ok("23:59:59.5")
    );
    assert_eq!(exact(Value::Text("{\"a\": [1]}"), "super").as_deref(), Ok("{\"a\": [1]}"));
    assert!(exact(Value::Text("{\"a\": [1"), "super").unwrap_err().contains("not JSON"));
    let long = format!("\"{}\"", "x".repeat(65_535));
    assert_eq!(exact(Value::Text(&long), "super"), Err("is longer than 65535 bytes".to_owned()));
    assert!(written(Value::Text(&long), "super", Fit::Nearest).is_err(), "JSON that is cut is JSON no more");
    assert_eq!(exact(Value::Text("1 day"), "interval day to second").as_deref(), Ok("1 day"));
}

#[test]
fn bytes_are_taken_as_they_are_or_as_digits() {
    assert_eq!(exact(Value::Bytes(b"\x00\xff"), "binary varying").as_deref(), Ok("00ff"));
    assert_eq!(exact(Value::Text("\\x00ff"), "binary varying").as_deref(), Ok("00ff"));
    assert_eq!(exact(Value::Bytes(b"abc"), "binary varying(2)"), Err("is longer than 2 bytes".to_owned()));
    assert_eq!(nearest(Value::Bytes(b"abc"), "binary varying(2)"), "6162");
}

#[test]
fn whole_numbers_have_ranges() {
    assert_eq!(exact(Value::Int(-32_768), "smallint").as_deref(), Ok("-32768"));
    assert_eq!(exact(Value::Int(32_768), "smallint"), Err("is out of the range of smallint".to_owned()));
    assert_eq!(nearest(Value::Unsigned(u64::MAX), "bigint"), i64::MAX.to_string());
    assert_eq!(exact(Value::Text("yes"), "boolean").as_deref(), Ok("true"));
}
