//! Every pair of types through a real server: COPY in, cast to the target's type, print.
//!
//! What is expected is stated, or is what Postgres makes of a literal that Arrow's own display wrote.

use arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal256Array, Float32Array, Float64Array, Int8Array,
    Int16Array, LargeStringArray, StringViewArray, Time32MillisecondArray, Time32SecondArray, Time64MicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::i256;
use arrow::util::display::array_value_to_string;
use quarrel_testkit::postgres::PostgresServer;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::*;

async fn connect() -> PgConnection {
    let mut connection = PgConnection::connect(&PostgresServer::shared().create_database()).await.unwrap();
    connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')").await.unwrap();
    connection
}

/// Copies a column into a staging table and gives each value as Postgres prints it after the merge's cast.
async fn loaded(connection: &mut PgConnection, values: &ArrayRef, type_name: &str) -> Vec<Option<String>> {
    let places: ArrayRef = Arc::new(Int64Array::from_iter_values(0..values.len() as i64));
    let batch = reduced(&vec!["I"; values.len()], &[("place", places), ("v", values.clone())]);
    let columns = vec![key("place", 0, "bigint"), column("v", 1, type_name)];
    let stage = columns[1].stage.stage_type_sql();
    let mut bytes = BytesMut::new();
    CopyEncoder::header(&mut bytes);
    let encoded = encoder(&batch, columns).encode(&batch, &mut bytes).unwrap_or_else(|error| panic!("{error}"));
    CopyEncoder::trailer(&mut bytes);
    assert_eq!(encoded.rows, values.len());

    let create = format!("CREATE TEMP TABLE stage (_op \"char\", place bigint, v {stage})");
    connection.execute("DROP TABLE IF EXISTS pg_temp.stage").await.unwrap();
    connection.execute(AssertSqlSafe(create)).await.unwrap();
    let mut copy = connection.copy_in_raw("COPY stage FROM STDIN (FORMAT binary)").await.unwrap();
    copy.send(bytes.freeze()).await.unwrap();
    let copied = copy.finish().await.unwrap_or_else(|error| panic!("{type_name}: {error}"));
    assert_eq!(copied, values.len() as u64);
    let select = format!("SELECT v::{type_name}::text FROM stage WHERE _op = 'I' ORDER BY place");
    sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(connection).await.unwrap_or_else(|e| panic!("{type_name}: {e}"))
}

/// Compares value by value: whole columns in a message say nothing.
fn assert_same(found: &[Option<String>], expected: &[Option<String>], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, expected, "row {row}: {what}");
    }
}

/// What Postgres prints for literals of a type.
async fn literals(connection: &mut PgConnection, texts: &[Option<String>], type_name: &str) -> Vec<Option<String>> {
    let select = format!(
        "SELECT t::{type_name}::text FROM unnest($1::text[]) WITH ORDINALITY AS literal (t, place) ORDER BY place"
    );
    sqlx::query_scalar(AssertSqlSafe(select)).bind(texts).fetch_all(connection).await.unwrap()
}

/// Each value as Arrow displays it.
fn displayed(values: &ArrayRef) -> Vec<Option<String>> {
    let text = |row| array_value_to_string(values, row).unwrap();
    (0..values.len()).map(|row| values.is_valid(row).then(|| text(row))).collect()
}

async fn check(connection: &mut PgConnection, values: ArrayRef, type_names: &[&str]) {
    let shown = displayed(&values);
    for type_name in type_names {
        let expected = literals(connection, &shown, type_name).await;
        let found = loaded(connection, &values, type_name).await;
        assert_same(&found, &expected, &format!("{} into {type_name}", values.data_type()));
    }
}

#[tokio::test]
async fn numbers_arrive_in_every_type_that_holds_them() {
    let mut connection = connect().await;
    let number_types =
        ["smallint", "integer", "bigint", "real", "double precision", "numeric", "numeric(9,3)", "text", "money"];
    let small = [Some(0), Some(1), Some(-1), None, Some(127), Some(-128)];
    let arrays: [ArrayRef; 7] = [
        Arc::new(Int8Array::from(small.to_vec())),
        Arc::new(Int16Array::from_iter(small.map(|value| value.map(i16::from)))),
        Arc::new(Int32Array::from_iter(small.map(|value| value.map(i32::from)))),
        Arc::new(Int64Array::from_iter(small.map(|value| value.map(i64::from)))),
        Arc::new(UInt8Array::from(vec![Some(0), None, Some(255)])),
        Arc::new(UInt32Array::from(vec![Some(0), None, Some(9_999), Some(10_000)])),
        Arc::new(UInt64Array::from(vec![Some(0), None, Some(10_001)])),
    ];
    for array in arrays {
        check(&mut connection, array, &number_types).await;
    }
    let bits: ArrayRef = Arc::new(Int64Array::from(vec![Some(0), Some(1), None]));
    check(&mut connection, bits, &["boolean", "text", "character varying(1)"]).await;
    let bools: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
    check(&mut connection, bools, &["boolean", "text"]).await;
    let limits: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX]));
    check(&mut connection, limits, &["bigint", "numeric", "numeric(19,0)", "text", "character(20)"]).await;
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    check(&mut connection, unsigned, &["numeric", "numeric(20)", "text"]).await;
}

#[tokio::test]
async fn floats_arrive_and_print_as_postgres_prints_them() {
    let mut connection = connect().await;
    let mut wide = vec![0.0, -0.0, 1.0, -1.5, 0.1, 1e-4, 9.9e-5, 123_456.0, 1e14, 1e15, 1.25e15, 123_456_789_012_345.6];
    wide.extend([1e100, -1e-100, f64::MAX, f64::MIN_POSITIVE, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    let mut random = SmallRng::seed_from_u64(1);
    wide.extend((0..2_000).map(|_| f64::from_bits(random.random())).filter(|value| !value.is_nan()));
    let narrow: Vec<f32> =
        (0..2_000).map(|_| f32::from_bits(random.random())).filter(|value| !value.is_nan()).collect();
    let edges = [0.1f32, 1e5, 1e6, 999_999.0, 1.5e6, 1e-4, 1e-5, f32::MAX, f32::MIN_POSITIVE, f32::NAN, f32::INFINITY];
    // As text, what comes back has to mean the same bits, and to look alike where the last digit leaves no choice.
    for (values, float) in [
        (Arc::new(Float64Array::from(wide)) as ArrayRef, "double precision"),
        (Arc::new(Float32Array::from([narrow.as_slice(), &edges].concat())) as ArrayRef, "real"),
    ] {
        let printed = loaded(&mut connection, &values, float).await;
        let texts = loaded(&mut connection, &values, "text").await;
        assert_same(&literals(&mut connection, &texts, float).await, &printed, "as text");
        let alike = texts.iter().zip(&printed).filter(|(text, printed)| text == printed).count();
        assert!(alike * 100 > printed.len() * 98, "{alike} of {}", printed.len());
    }
    let decimals: ArrayRef = Arc::new(Float64Array::from(vec![0.1, -12.375, 1e-7, 1e22, 123_456.789]));
    let expected = ["0.1", "-12.375", "0.0000001", "10000000000000000000000", "123456.789"];
    let found = loaded(&mut connection, &decimals, "numeric").await;
    assert_eq!(found, expected.map(|text| Some(text.to_owned())));
    let narrow: ArrayRef = Arc::new(Float32Array::from(vec![0.1, 16_777_216.0]));
    let found = loaded(&mut connection, &narrow, "numeric").await;
    assert_eq!(found, ["0.1", "16777216"].map(|text| Some(text.to_owned())), "the fewest digits that mean this float");
    let whole: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -3.0, 32_000.0]));
    for type_name in ["smallint", "integer", "bigint"] {
        let expected = ["0", "-3", "32000"].map(|text| Some(text.to_owned()));
        assert_same(&loaded(&mut connection, &whole, type_name).await, &expected, type_name);
    }
}

/// A decimal written out by the school method.
fn decimal_literal(unscaled: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, decimals) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{}{whole}{point}{decimals}", if unscaled < 0 { "-" } else { "" })
}

fn edge_decimals() -> Vec<i128> {
    let powers = (0..=38).map(|exponent| 10i128.pow(exponent));
    let mut values: Vec<i128> = powers.flat_map(|power| [power - 1, power, power + 1, power / 2 * 3]).collect();
    values.retain(|value| *value < 10i128.pow(38));
    values.extend([9_999, 10_000, 99_990_000, 100_000_000, 12_345_678_901_234_567_890, i128::from(u64::MAX)]);
    let mut random = SmallRng::seed_from_u64(2);
    values.extend((0..500).map(|_| random.random_range(0..10i128.pow(38)) / 10i128.pow(random.random_range(0..38))));
    values.extend(values.clone().iter().map(|value| -value));
    values
}

#[tokio::test]
async fn decimals_of_every_scale_arrive_to_the_last_digit() {
    let mut connection = connect().await;
    let values = edge_decimals();
    for scale in (0..=13).chain([27, 28, 29, 35, 36, 37, 38]) {
        let array = Decimal128Array::from(values.clone()).with_precision_and_scale(38, scale).unwrap();
        let literal = |value: &i128| Some(decimal_literal(*value, scale as usize));
        let expected: Vec<_> = values.iter().map(literal).collect();
        let array: ArrayRef = Arc::new(array);
        for type_name in ["numeric", &format!("numeric(38,{scale})"), "text"] {
            let what = format!("scale {scale} into {type_name}");
            assert_same(&loaded(&mut connection, &array, type_name).await, &expected, &what);
        }
        let texts: ArrayRef = Arc::new(StringArray::from(expected.clone()));
        assert_same(&loaded(&mut connection, &texts, "numeric").await, &expected, &format!("text of scale {scale}"));
    }
    let hundreds = Decimal128Array::from(vec![0, 7, -120]).with_precision_and_scale(38, -2).unwrap();
    let found = loaded(&mut connection, &(Arc::new(hundreds) as ArrayRef), "numeric").await;
    assert_eq!(found, ["0", "700", "-12000"].map(|text| Some(text.to_owned())));
    let digits = "98765432109876543210".repeat(3);
    let wide = Decimal256Array::from(vec![i256::from_string(&digits).unwrap(), i256::from_i128(-5)]);
    let wide: ArrayRef = Arc::new(wide.with_precision_and_scale(76, 10).unwrap());
    let expected = [format!("{}.{}", &digits[..50], &digits[50..]), "-0.0000000005".to_owned()].map(Some);
    assert_eq!(loaded(&mut connection, &wide, "numeric").await, expected);
    assert_eq!(loaded(&mut connection, &wide, "text").await, expected);
    let short = Decimal128Array::from(vec![Some(0), Some(12_300), None, Some(-3_276_800)]);
    let short: ArrayRef = Arc::new(short.with_precision_and_scale(20, 2).unwrap());
    for type_name in ["smallint", "integer", "bigint", "real", "double precision", "numeric(7,1)"] {
        let whole = literals(&mut connection, &displayed(&short), &format!("numeric::{type_name}")).await;
        assert_same(&loaded(&mut connection, &short, type_name).await, &whole, type_name);
    }
}

#[tokio::test]
async fn numeric_texts_of_any_length_arrive_as_postgres_reads_them() {
    let mut connection = connect().await;
    let mut random = SmallRng::seed_from_u64(3);
    let mut texts: Vec<String> = ["0", "-0", "0.00", "1e10", "1.5E-3", "-12e-30", ".5", "5.", " 7 ", "NaN", "Infinity"]
        .map(str::to_owned)
        .to_vec();
    texts.push(format!("{}.{}", "9".repeat(1_000), "1".repeat(1_000)));
    for _ in 0..2_000 {
        let digits = |count: usize, random: &mut SmallRng| -> String {
            (0..count).map(|_| if random.random_bool(0.4) { '0' } else { random.random_range('1'..='9') }).collect()
        };
        let (whole, decimals) = (random.random_range(1..60), random.random_range(0..40));
        let sign = if random.random_bool(0.5) { "-" } else { "" };
        texts.push(format!("{sign}{}.{}", digits(whole, &mut random), digits(decimals, &mut random)));
    }
    let array: ArrayRef = Arc::new(StringArray::from(texts));
    check(&mut connection, array, &["numeric"]).await;
}

#[tokio::test]
async fn a_replaced_numeric_is_rounded_as_postgres_rounds() {
    let mut connection = connect().await;
    let mut random = SmallRng::seed_from_u64(4);
    let values: Vec<i128> = (0..1_000).map(|_| random.random_range(-99_999_994_999..99_999_994_999)).collect();
    let places: ArrayRef = Arc::new(Int64Array::from_iter_values(0..values.len() as i64));
    let array = Decimal128Array::from(values.clone()).with_precision_and_scale(38, 7).unwrap();
    let batch = reduced(&vec!["I"; values.len()], &[("place", places), ("v", Arc::new(array))]);
    let rounded = CopyColumn { policy: BadValuePolicy::Replace, ..column("v", 1, "numeric(6,2)") };
    let mut bytes = BytesMut::new();
    CopyEncoder::header(&mut bytes);
    encoder(&batch, vec![key("place", 0, "bigint"), rounded]).encode(&batch, &mut bytes).unwrap();
    CopyEncoder::trailer(&mut bytes);
    connection.execute("CREATE TEMP TABLE stage (_op \"char\", place bigint, v numeric)").await.unwrap();
    let mut copy = connection.copy_in_raw("COPY stage FROM STDIN (FORMAT binary)").await.unwrap();
    copy.send(bytes.freeze()).await.unwrap();
    copy.finish().await.unwrap();
    let found: Vec<Option<String>> = sqlx::query_scalar("SELECT v::numeric(6,2)::text FROM stage ORDER BY place")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let texts: Vec<_> = values.iter().map(|value| Some(decimal_literal(*value, 7))).collect();
    assert_same(&found, &literals(&mut connection, &texts, "numeric(6,2)").await, "rounded");
}

#[tokio::test]
async fn dates_and_times_arrive_from_every_unit_and_every_age() {
    let mut connection = connect().await;
    let years = [1, 999, 1582, 1600, 1899, 1900, 1969, 1970, 1999, 2000, 2001, 2023, 2024, 2100, 9999];
    let month_ends = [(1, 1), (2, 28), (3, 1), (12, 31)];
    let days = years.iter().flat_map(|year| month_ends.map(|(month, day)| (*year, month, day)));
    let days: Vec<i32> = days
        .chain([(2000, 2, 29), (2024, 2, 29)])
        .map(|(year, month, day)| chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap().to_epoch_days())
        .collect();
    let temporal = ["date", "timestamp", "timestamp with time zone", "timestamp(0) without time zone", "text"];
    check(&mut connection, Arc::new(Date32Array::from(days.clone())), &["date", "timestamp", "timestamptz", "text"])
        .await;
    let seconds = |per_second: i64| days.iter().map(move |day| i64::from(*day) * 86_400 * per_second);
    let shown = displayed(&(Arc::new(Date32Array::from(days.clone())) as ArrayRef));
    let date64: ArrayRef = Arc::new(Date64Array::from_iter_values(seconds(1_000)));
    assert_eq!(loaded(&mut connection, &date64, "date").await, shown);

    // Midnights, then readings within a day. Arrow writes the T of ISO 8601, which as a text would stay.
    let midnights: ArrayRef = Arc::new(TimestampSecondArray::from_iter_values(seconds(1)));
    check(&mut connection, midnights, &temporal[..4]).await;
    let offsets = [1, 999_999, 1_000_000, 43_200_123_456, 86_399_999_999];
    let micros = seconds(1_000_000).flat_map(|day| offsets.map(|offset| day + offset));
    let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(micros));
    check(&mut connection, micros.clone(), &["timestamp", "timestamp with time zone"]).await;
    let printed = loaded(&mut connection, &micros, "timestamp").await;
    assert_eq!(loaded(&mut connection, &micros, "text").await, printed);
    let zoned = micros.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().clone().with_timezone("UTC");
    let zoned: ArrayRef = Arc::new(zoned);
    let printed = loaded(&mut connection, &zoned, "timestamptz").await;
    assert_eq!(loaded(&mut connection, &zoned, "text").await, printed);
    assert_eq!(loaded(&mut connection, &zoned, "time with time zone").await.len(), zoned.len());
    let millis = TimestampMillisecondArray::from_iter_values(seconds(1_000).map(|day| day + 7));
    check(&mut connection, Arc::new(millis), &["timestamp", "timestamptz", "timestamp(3) without time zone"]).await;
    let nanos = TimestampNanosecondArray::from(vec![-1_000, 0, 1_700_000_000_123_456_000]);
    check(&mut connection, Arc::new(nanos), &["timestamp", "timestamptz"]).await;

    let arrays: [ArrayRef; 3] = [
        Arc::new(Time32SecondArray::from(vec![Some(0), Some(86_399), None])),
        Arc::new(Time32MillisecondArray::from(vec![0, 1, 500, 86_399_999])),
        Arc::new(Time64MicrosecondArray::from(vec![0, 1, 86_399_999_999])),
    ];
    for array in arrays {
        check(&mut connection, array.clone(), &["time", "interval"]).await;
        let printed = loaded(&mut connection, &array, "time").await;
        assert_eq!(loaded(&mut connection, &array, "text").await, printed);
    }
}

#[tokio::test]
async fn texts_become_what_postgres_reads_in_them() {
    let mut connection = connect().await;
    let cases: [(&[&str], &[&str]); 13] = [
        (&["true", "f", "YES", "0", "on"], &["boolean"]),
        (&["0", "-32768", "+7"], &["smallint", "integer", "bigint", "real", "double precision", "money"]),
        (&["0.1", "-1e-30", "1e30", "NaN", "-Infinity", "inf"], &["real", "double precision"]),
        (&["1.50", "-0.5", "99999.999", "NaN"], &["numeric(8,3)", "numeric"]),
        (
            &["2024-02-29", "0044-03-15 BC", "infinity", "-infinity", "0001-01-01"],
            &["date", "timestamp", "timestamptz"],
        ),
        (&["4714-11-24 BC", "294276-12-31", "5874897-12-31"], &["date"]),
        (
            &[
                "4714-11-24 00:00:00 BC",
                "9999-12-31 23:59:59.999999",
                "294276-12-31 23:59:59.999999",
                "2024-01-01T10:30Z",
            ],
            &["timestamp", "timestamptz"],
        ),
        (&["2024-07-01 12:00:00+05:30", "1969-12-31 23:59:59.5-0330", "2000-01-01 00:00:00 -08"], &["timestamptz"]),
        (&["00:00", "9:05:06.5", "24:00:00"], &["time", "time(1) without time zone"]),
        (&["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}"], &["uuid"]),
        (&["{\"b\": [1, 2.50, \"\\u00e9\\n\"], \"a\": null}", "\"x\"", " 1e5 "], &["json", "jsonb"]),
        (&["\\x", "\\x00ff10DE"], &["bytea"]),
        (&["", "ok", "it's \\ \"quoted\"\n\tü😀"], &["text", "character varying(40)", "character(30)"]),
    ];
    for (texts, type_names) in cases {
        let arrays: [ArrayRef; 3] = [
            Arc::new(StringArray::from(texts.to_vec())),
            Arc::new(LargeStringArray::from(texts.to_vec())),
            Arc::new(StringViewArray::from(texts.to_vec())),
        ];
        for array in arrays {
            check(&mut connection, array, type_names).await;
        }
    }
}

#[tokio::test]
async fn documents_as_deep_and_numbers_as_long_as_allowed_are_taken_by_the_server() {
    let mut connection = connect().await;
    let deep = format!("{}{}", "{\"a\":[".repeat(5_000), "]}".repeat(5_000));
    let texts = [deep, "[1e131071, 1e-16383, 0e-16383]".to_owned()];
    check(&mut connection, Arc::new(StringArray::from(texts.to_vec())), &["json", "jsonb"]).await;
}

#[tokio::test]
async fn types_without_an_encoding_of_their_own_are_cast_from_text() {
    let mut connection = connect().await;
    let cases = [
        ("1 YEAR, 2 MONTHS 3 DAYS", "interval"),
        ("{a,\"b c\",NULL}", "text[]"),
        ("{{1.5,2},{3,4}}", "numeric(8,2)[]"),
        ("ok", "mood"),
        ("10.0.0.0/8", "cidr"),
        ("[2024-01-01,2024-02-01)", "daterange"),
        ("10:30:00+02", "time with time zone"),
        ("1011", "bit(4)"),
        ("<a/>", "xml"),
        ("(1,2)", "point"),
    ];
    for (value, type_name) in cases {
        let xml_is_missing = type_name == "xml" && connection.execute("SELECT '<a/>'::xml").await.is_err();
        if !xml_is_missing {
            check(&mut connection, text_array(value), &[type_name]).await;
        }
    }
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"\x00\xff".as_slice(), b""]));
    let expected = ["\\x00ff", "\\x"].map(|text| Some(text.to_owned()));
    assert_eq!(loaded(&mut connection, &bytes, "bytea").await, expected);
    connection.execute("CREATE DOMAIN blob AS bytea").await.unwrap();
    assert_eq!(loaded(&mut connection, &bytes, "blob").await, expected);
}

fn text_array(text: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![Some(text), None]))
}
