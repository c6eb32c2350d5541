//! Every kind of value into every kind of column that takes it: the bytes, or the reason against it.

use arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Decimal256Array, FixedSizeBinaryArray, Float32Array, Float64Array,
    NullArray, StringViewArray, Time32MillisecondArray, Time64NanosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::i256;

use super::*;

/// The field that the first value becomes, without its length; `None` for NULL.
fn field(array: &ArrayRef, type_name: &str, policy: BadValuePolicy) -> Result<Option<Vec<u8>>, String> {
    let batch = reduced(&["I"], &[("v", array.slice(0, 1))]);
    match encode(&batch, vec![CopyColumn { policy, ..column("v", 0, type_name) }]) {
        (Ok(_), bytes) => {
            let (length, value) = bytes[7..].split_at(4);
            let length = i32::from_be_bytes(length.try_into().unwrap());
            let value = usize::try_from(length).ok().map(|_| value.to_vec());
            assert!(value.as_ref().is_none_or(|value| value.len() == length as usize), "{type_name}: the length lies");
            Ok(value)
        }
        (Err(EncodeError::BadValue { reason, .. }), _) => Err(reason),
        (Err(error), _) => panic!("{error}"),
    }
}

fn exact(array: &ArrayRef, type_name: &str) -> Result<Vec<u8>, String> {
    field(array, type_name, BadValuePolicy::Fail).map(|value| value.expect("no NULL goes in"))
}

fn nearest(array: &ArrayRef, type_name: &str) -> Vec<u8> {
    field(array, type_name, BadValuePolicy::Replace).unwrap().unwrap()
}

fn text(value: &str) -> ArrayRef {
    texts(&[Some(value)])
}

fn int(value: i64) -> ArrayRef {
    ids(&[value])
}

fn float(value: f64) -> ArrayRef {
    Arc::new(Float64Array::from(vec![value]))
}

fn decimal(value: i128, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).unwrap())
}

fn reason(array: &ArrayRef, type_name: &str) -> String {
    exact(array, type_name).unwrap_err()
}

#[test]
fn null_columns_are_null_everywhere() {
    let nulls: ArrayRef = Arc::new(NullArray::new(1));
    for type_name in ["boolean", "numeric(3,1)", "text", "uuid", "timestamp", "jsonb", "interval"] {
        assert_eq!(field(&nulls, type_name, BadValuePolicy::Fail), Ok(None), "{type_name}");
    }
}

#[test]
fn booleans_come_as_booleans_texts_and_integers() {
    let yes: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    for array in [&yes, &text("true"), &text("T"), &int(1)] {
        assert_eq!(exact(array, "boolean"), Ok(vec![1]));
    }
    for array in [text("false"), text("no"), int(0)] {
        assert_eq!(exact(&array, "boolean"), Ok(vec![0]));
    }
    assert_eq!(reason(&int(2), "boolean"), "is not a boolean");
    assert_eq!(reason(&text("maybe"), "boolean"), "is not a boolean");
    assert_eq!(exact(&yes, "text"), Ok(b"true".to_vec()));
}

#[test]
fn integers_are_held_to_the_range_of_the_column() {
    assert_eq!(exact(&int(-2), "smallint"), Ok(vec![0xFF, 0xFE]));
    assert_eq!(exact(&int(65_536), "integer"), Ok(vec![0, 1, 0, 0]));
    assert_eq!(exact(&int(i64::MIN), "bigint"), Ok(vec![0x80, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(reason(&int(32_768), "smallint"), "is out of the range of smallint");
    assert_eq!(nearest(&int(-32_769), "smallint"), [0x80, 0]);
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    assert_eq!(reason(&unsigned, "bigint"), "is out of the range of bigint");
    assert_eq!(nearest(&unsigned, "bigint"), i64::MAX.to_be_bytes());
    assert_eq!(exact(&unsigned, "text"), Ok(b"18446744073709551615".to_vec()));
    assert_eq!(
        exact(&unsigned, "numeric"),
        Ok(vec![0, 5, 0, 4, 0, 0, 0, 0, 7, 0x34, 0x1A, 0x58, 2, 0xE1, 3, 0xBB, 6, 0x4F])
    );
}

#[test]
fn other_numbers_become_integers_when_they_are_whole() {
    for array in [text("42"), text(" +42.000 "), text("4.2e1"), float(42.0), decimal(4_200, 2), decimal(42, 0)] {
        assert_eq!(exact(&array, "smallint"), Ok(vec![0, 42]), "{array:?}");
    }
    for array in [text("41.5"), float(41.5), decimal(4_150, 2)] {
        assert_eq!(reason(&array, "smallint"), "has more than 0 decimals and would be rounded", "{array:?}");
        assert_eq!(nearest(&array, "smallint"), [0, 42], "{array:?}");
    }
    for array in [text("1e30"), text("1e300"), float(1e18), float(f64::INFINITY), decimal(10i128.pow(37), 0)] {
        assert_eq!(reason(&array, "integer"), "is out of the range of integer", "{array:?}");
        assert_eq!(nearest(&array, "integer"), [0x7F, 0xFF, 0xFF, 0xFF], "{array:?}");
    }
    assert_eq!(reason(&float(f64::NAN), "integer"), "is not a number");
    assert_eq!(reason(&text("twelve"), "integer"), "is not a number");
    let wide: ArrayRef = Arc::new(
        Decimal256Array::from(vec![i256::from_string("-70000000000").unwrap()])
            .with_precision_and_scale(76, 6)
            .unwrap(),
    );
    assert_eq!(exact(&wide, "integer"), Ok((-70_000i32).to_be_bytes().to_vec()));
}

#[test]
fn floats_are_the_nearest_of_decimals_but_keep_integers_and_wider_floats_exact() {
    assert_eq!(exact(&decimal(1, 1), "double precision"), Ok(0.1f64.to_be_bytes().to_vec()));
    assert_eq!(exact(&text("1e-3"), "real"), Ok(0.001f32.to_be_bytes().to_vec()));
    assert_eq!(exact(&text("-Infinity"), "real"), Ok(f32::NEG_INFINITY.to_be_bytes().to_vec()));
    assert_eq!(exact(&float(-0.0), "double precision"), Ok((-0.0f64).to_be_bytes().to_vec()));
    assert_eq!(exact(&float(1.5), "real"), Ok(1.5f32.to_be_bytes().to_vec()));
    let narrow: ArrayRef = Arc::new(Float32Array::from(vec![0.1f32]));
    assert_eq!(exact(&narrow, "double precision"), Ok(f64::from(0.1f32).to_be_bytes().to_vec()));
    assert_eq!(reason(&float(0.1), "real"), "can't be held exactly by real and would be rounded");
    assert_eq!(nearest(&float(0.1), "real"), 0.1f32.to_be_bytes());
    let odd = (1 << 53) + 1;
    assert_eq!(reason(&int(odd), "double precision"), "can't be held exactly by double precision and would be rounded");
    assert_eq!(nearest(&int(odd), "double precision"), 9_007_199_254_740_992f64.to_be_bytes());
    for (array, limit) in [(text("1e400"), f64::MAX), (text("-1e400"), f64::MIN), (text("1e-400"), 0.0)] {
        assert_eq!(reason(&array, "double precision"), "is out of the range of double precision", "{array:?}");
        assert_eq!(nearest(&array, "double precision"), limit.to_be_bytes(), "{array:?}");
    }
    assert_eq!(nearest(&float(1e39), "real"), f32::MAX.to_be_bytes());
    assert_eq!(exact(&text("0e-400"), "real"), Ok(0.0f32.to_be_bytes().to_vec()));
}

#[test]
fn texts_are_checked_for_nul_and_length() {
    let views: ArrayRef = Arc::new(StringViewArray::from(vec!["a\0b"]));
    for array in [text("a\0b"), views] {
        assert_eq!(reason(&array, "text"), "holds a NUL character");
        assert_eq!(nearest(&array, "text"), b"ab");
        assert_eq!(nearest(&array, "character varying(1)"), b"a");
        assert_eq!(reason(&array, "interval"), "holds a NUL character");
    }
    assert_eq!(exact(&text("größe"), "character varying(5)"), Ok("größe".as_bytes().to_vec()));
    assert_eq!(reason(&text("größer"), "character varying(5)"), "is longer than 5 characters");
    assert_eq!(nearest(&text("größer"), "character varying(5)"), "größe".as_bytes());
    assert_eq!(exact(&text("ab   "), "character(2)"), Ok(b"ab".to_vec()));
    assert_eq!(reason(&text("ab  c"), "character(2)"), "is longer than 2 characters");
    assert_eq!(reason(&int(1_000), "character varying(3)"), "is longer than 3 characters");
}

#[test]
fn bytes_become_text_only_as_utf8_and_are_hexadecimal_where_a_cast_follows() {
    let bytes = |bytes: &[u8]| -> ArrayRef { Arc::new(BinaryArray::from(vec![bytes])) };
    assert_eq!(exact(&bytes(b"\0\xff"), "bytea"), Ok(vec![0, 0xFF]));
    assert_eq!(exact(&bytes(b"caf\xc3\xa9"), "text"), Ok("café".as_bytes().to_vec()));
    assert_eq!(reason(&bytes(b"caf\xe9"), "text"), "is not UTF-8");
    assert_eq!(exact(&bytes(b"\x01\xaf"), "inventory.blob"), Ok(b"\\x01af".to_vec()));
    assert_eq!(exact(&text("\\x01AF"), "bytea"), Ok(vec![1, 0xAF]));
    assert_eq!(exact(&bytes(b"{}"), "jsonb"), Ok(b"\x01{}".to_vec()));
    assert_eq!(reason(&bytes(b"123"), "uuid"), "is not a UUID");
    let uuid: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([[9u8; 16]].into_iter()).unwrap());
    assert_eq!(exact(&uuid, "uuid"), Ok(vec![9; 16]));
    assert_eq!(exact(&text("09090909-0909-0909-0909-090909090909"), "uuid"), Ok(vec![9; 16]));
}

#[test]
fn json_that_was_cut_is_refused() {
    assert_eq!(exact(&text("{\"a\": 1}"), "json"), Ok(b"{\"a\": 1}".to_vec()));
    assert_eq!(exact(&text("[]"), "jsonb"), Ok(b"\x01[]".to_vec()));
    assert_eq!(reason(&text("{\"a\": "), "json"), "is not JSON: it ends within a value, after 6 bytes");
    assert_eq!(reason(&text("nil"), "jsonb"), "is not JSON: unexpected character in line 1, column 2");
}

/// Microseconds from 2000-01-01 to the given reading, by the calendar of chrono.
fn micros(year: i32, month: u32, day: u32, second: u32, micro: u32) -> Vec<u8> {
    let at = |year, month, day, second, micro: u32| {
        let day = chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap().and_time(chrono::NaiveTime::MIN);
        (day + chrono::TimeDelta::seconds(i64::from(second))).and_utc().timestamp_micros() + i64::from(micro)
    };
    (at(year, month, day, second, micro) - at(2000, 1, 1, 0u32, 0)).to_be_bytes().to_vec()
}

#[test]
fn timestamps_are_counted_from_2000_in_utc() {
    let seconds = |count| -> ArrayRef { Arc::new(TimestampSecondArray::from(vec![count])) };
    let zoned: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![-1]).with_timezone("+05:00"));
    let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![-1_000]));
    for type_name in ["timestamp without time zone", "timestamp with time zone"] {
        assert_eq!(exact(&seconds(946_684_800), type_name), Ok(vec![0; 8]), "{type_name}");
        assert_eq!(exact(&zoned, type_name), Ok(micros(1969, 12, 31, 86_399, 999_000)), "{type_name}");
        assert_eq!(exact(&nanos, type_name), Ok(micros(1969, 12, 31, 86_399, 999_999)), "{type_name}");
        assert_eq!(exact(&text("0001-01-01 00:00:00.5"), type_name), Ok(micros(1, 1, 1, 0, 500_000)), "{type_name}");
        assert_eq!(exact(&text("0001-12-31 BC"), type_name), Ok(micros(0, 12, 31, 0, 0)), "{type_name}");
        assert_eq!(exact(&text("2024-02-29T23:59:59Z"), type_name), Ok(micros(2024, 2, 29, 86_399, 0)), "{type_name}");
        assert_eq!(exact(&text("infinity"), type_name), Ok(i64::MAX.to_be_bytes().to_vec()), "{type_name}");
        assert_eq!(nearest(&seconds(i64::MAX), type_name), 9_223_371_331_199_999_999i64.to_be_bytes(), "{type_name}");
        assert_eq!(nearest(&seconds(i64::MIN), type_name), (-211_813_488_000_000_000i64).to_be_bytes(), "{type_name}");
        assert_eq!(exact(&seconds(-210_866_803_200), type_name).unwrap(), (-211_813_488_000_000_000i64).to_be_bytes());
        assert!(reason(&seconds(-210_866_803_201), type_name).starts_with("is out of the range of timestamp"));
        for bad in
            ["2023-02-29", "2024-13-01", "24-01-01", "0000-01-01", "2024-01-01 25:00", "2024-01-01 00:00:60", "now"]
        {
            assert_eq!(reason(&text(bad), type_name), "is not a timestamp", "{bad}");
        }
    }
    let offset = text("2024-01-01 00:00:00+02:30");
    assert_eq!(exact(&offset, "timestamp with time zone"), Ok(micros(2023, 12, 31, 77_400, 0)));
    assert_eq!(reason(&offset, "timestamp without time zone"), "is not a timestamp without time zone");
}

#[test]
fn digits_that_a_timestamp_would_lose_are_refused() {
    let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_500]));
    for array in [&nanos, &text("1970-01-01 00:00:00.0000015")] {
        assert_eq!(reason(array, "timestamp"), "has more than 6 decimals and would be rounded");
    }
    assert_eq!(nearest(&nanos, "timestamp"), micros(1970, 1, 1, 0, 2));
    assert_eq!(exact(&text("1970-01-01 00:00:00.1230000000"), "timestamp(3)"), Ok(micros(1970, 1, 1, 0, 123_000)));
    assert_eq!(
        reason(&text("1970-01-01 00:00:00.1235"), "timestamp(3)"),
        "has more than 3 decimals and would be rounded"
    );
    assert_eq!(nearest(&text("1970-01-01 00:00:00.1235"), "timestamp(3)"), micros(1970, 1, 1, 0, 123_000));
    assert_eq!(nearest(&text("2000-01-01 00:00:00.1235"), "timestamp(3)"), 124_000i64.to_be_bytes());
}

#[test]
fn dates_are_counted_from_2000_and_lose_no_time_of_day() {
    let days = |days| -> ArrayRef { Arc::new(Date32Array::from(vec![days])) };
    assert_eq!(exact(&days(0), "date"), Ok((-10_957i32).to_be_bytes().to_vec()));
    assert_eq!(exact(&text("1999-12-31"), "date"), Ok((-1i32).to_be_bytes().to_vec()));
    assert_eq!(exact(&text("2000-01-02 00:00:00"), "date"), Ok(1i32.to_be_bytes().to_vec()));
    assert_eq!(exact(&text("-infinity"), "date"), Ok(i32::MIN.to_be_bytes().to_vec()));
    assert_eq!(exact(&text("5874897-12-31"), "date"), Ok(2_145_031_948i32.to_be_bytes().to_vec()));
    assert_eq!(reason(&text("5874898-01-01"), "date"), "is out of the range of date");
    assert_eq!(nearest(&days(i32::MIN), "date"), (-2_451_545i32).to_be_bytes());
    let noon: ArrayRef = Arc::new(TimestampSecondArray::from(vec![-43_200]));
    let midnight: ArrayRef = Arc::new(TimestampSecondArray::from(vec![-86_400]));
    assert_eq!(exact(&midnight, "date"), Ok((-10_958i32).to_be_bytes().to_vec()));
    for array in [&noon, &text("1969-12-31 12:00")] {
        assert_eq!(reason(array, "date"), "has a time of day, which a date would lose");
        assert_eq!(nearest(array, "date"), (-10_958i32).to_be_bytes());
    }
    assert_eq!(exact(&days(-1), "timestamp"), Ok(micros(1969, 12, 31, 0, 0)));
}

#[test]
fn times_of_day_run_up_to_midnight() {
    let millis = |count| -> ArrayRef { Arc::new(Time32MillisecondArray::from(vec![count])) };
    let nanos: ArrayRef = Arc::new(Time64NanosecondArray::from(vec![1_001]));
    assert_eq!(exact(&millis(1), "time"), Ok(1_000i64.to_be_bytes().to_vec()));
    assert_eq!(exact(&millis(86_400_000), "time"), Ok(86_400_000_000i64.to_be_bytes().to_vec()));
    assert_eq!(exact(&text("24:00:00"), "time"), Ok(86_400_000_000i64.to_be_bytes().to_vec()));
    assert_eq!(exact(&text("9:05"), "time"), Ok(32_700_000_000i64.to_be_bytes().to_vec()));
    assert_eq!(reason(&millis(-1), "time"), "is out of the range of time");
    assert_eq!(nearest(&millis(86_400_001), "time"), 86_400_000_000i64.to_be_bytes());
    assert_eq!(reason(&nanos, "time"), "has more than 6 decimals and would be rounded");
    assert_eq!(nearest(&text("23:59:59.9"), "time(0) without time zone"), 86_400_000_000i64.to_be_bytes());
    assert_eq!(reason(&text("noon"), "time"), "is not a time");
}
