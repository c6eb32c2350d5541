//! What the encoder does with rows: fields in bytes, policies, keys in errors. Types are in `tests/conversions.rs`, and
//! every pair goes through a server in `tests/round_trip.rs`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};

use super::*;

mod conversions;
mod round_trip;

/// A batch of the reduced schema with these operations and data columns.
fn reduced(operations: &[&str], columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let rows = operations.len();
    let mut arrays: Vec<(&str, ArrayRef)> = vec![
        ("_op", Arc::new(StringArray::from(operations.to_vec()))),
        ("_file", Arc::new(Int32Array::from(vec![7; rows]))),
        ("_row", Arc::new(Int64Array::from_iter_values(100..100 + rows as i64))),
    ];
    arrays.extend(columns.iter().cloned());
    let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Schema::new(arrays.iter().map(field).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), arrays.into_iter().map(|(_, array)| array).collect()).unwrap()
}

/// A nullable column outside the key, policy `fail`, of the data column with this index.
fn column(target: &str, index: usize, type_name: &str) -> CopyColumn {
    CopyColumn {
        target: target.to_owned(),
        source_index: 3 + index,
        stage: StageType::of(type_name),
        nullable: true,
        policy: BadValuePolicy::Fail,
        in_key: false,
    }
}

fn key(target: &str, index: usize, type_name: &str) -> CopyColumn {
    CopyColumn { nullable: false, in_key: true, ..column(target, index, type_name) }
}

fn encoder(batch: &RecordBatch, columns: Vec<CopyColumn>) -> CopyEncoder {
    CopyEncoder::new(&batch.schema(), columns, 0, 1, 2).unwrap()
}

fn encode(batch: &RecordBatch, columns: Vec<CopyColumn>) -> (Result<Encoded, EncodeError>, Vec<u8>) {
    let mut out = BytesMut::new();
    let encoded = encoder(batch, columns).encode(batch, &mut out);
    (encoded, out.to_vec())
}

fn ids(ids: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(ids.to_vec()))
}

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

#[test]
fn a_copy_begins_with_the_signature_and_ends_with_no_row() {
    let mut out = BytesMut::new();
    CopyEncoder::header(&mut out);
    CopyEncoder::trailer(&mut out);
    assert_eq!(out.as_ref(), b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\xff\xff");
}

#[test]
fn rows_are_an_operation_and_the_columns_in_their_order() {
    let batch = reduced(&["U", "D"], &[("id", ids(&[2, 3])), ("name", texts(&[Some("né"), Some("unknown")]))]);
    let (encoded, bytes) = encode(&batch, vec![column("name", 1, "text"), key("id", 0, "integer")]);
    assert_eq!(encoded, Ok(Encoded { rows: 2, upserts: 1, deletes: 1, quarantined: Vec::new() }));
    let upsert = b"\0\x03\0\0\0\x01U\0\0\0\x03n\xc3\xa9\0\0\0\x04\0\0\0\x02";
    let delete = b"\0\x03\0\0\0\x01D\xff\xff\xff\xff\0\0\0\x04\0\0\0\x03";
    assert_eq!(bytes, [upsert.as_slice(), delete].concat());
}

#[test]
fn upserts_and_deletes_can_be_staged_apart_and_without_their_operation() {
    let batch = reduced(&["I", "D", "U"], &[("id", ids(&[1, 2, 3])), ("n", ids(&[4, 5, 6]))]);
    let staged = |rows| {
        let mut out = BytesMut::new();
        let encoder = encoder(&batch, vec![key("id", 0, "smallint"), column("n", 1, "smallint")]).only(rows);
        (encoder.encode(&batch, &mut out).unwrap(), out.to_vec())
    };
    let (encoded, bytes) = staged(StagedRows::Upserts);
    assert_eq!(encoded, Encoded { rows: 2, upserts: 2, deletes: 0, quarantined: Vec::new() });
    assert_eq!(bytes, b"\0\x02\0\0\0\x02\0\x01\0\0\0\x02\0\x04\0\x02\0\0\0\x02\0\x03\0\0\0\x02\0\x06");
    let (encoded, bytes) = staged(StagedRows::Deletes);
    assert_eq!(encoded, Encoded { rows: 1, upserts: 0, deletes: 1, quarantined: Vec::new() });
    assert_eq!(bytes, b"\0\x01\0\0\0\x02\0\x02");
}

#[test]
fn values_of_deleted_rows_are_never_checked() {
    let batch = reduced(&["D"], &[("id", ids(&[1])), ("name", texts(&[Some("a\0b")])), ("must", texts(&[None]))]);
    let must = CopyColumn { nullable: false, ..column("must", 2, "text") };
    let (encoded, bytes) = encode(&batch, vec![key("id", 0, "smallint"), column("name", 1, "text"), must]);
    assert_eq!(encoded.unwrap().deletes, 1);
    assert_eq!(bytes, b"\0\x04\0\0\0\x01D\0\0\0\x02\0\x01\xff\xff\xff\xff\xff\xff\xff\xff");
}

#[test]
fn a_bad_value_fails_with_its_key_and_its_place_but_not_itself() {
    let region = format!("eu\"{}", "x".repeat(80));
    let columns = [("id", ids(&[42])), ("region", texts(&[Some(&region)])), ("note", texts(&[Some("sesame\0secret")]))];
    let batch = reduced(&["I"], &columns);
    let columns = vec![key("id", 0, "bigint"), key("region", 1, "text"), column("note", 2, "text")];
    let error = encode(&batch, columns).0.unwrap_err();
    let expected_key = format!("id=42, region=\"eu\\\"{}…\"", "x".repeat(61));
    assert_eq!(
        error,
        EncodeError::BadValue {
            column: "note".to_owned(),
            key: expected_key,
            reason: "holds a NUL character".to_owned(),
            file: 7,
            row: 100,
        }
    );
    assert!(!error.to_string().contains("sesame"));
}

#[test]
fn the_first_fault_of_a_row_decides() {
    let columns =
        [("id", ids(&[1, 2])), ("a", texts(&[Some("\0"), Some("ok")])), ("b", texts(&[Some("xx"), Some("x")]))];
    let batch = reduced(&["I", "I"], &columns);
    let bad = |policy_a, policy_b| {
        let a = CopyColumn { policy: policy_a, ..column("a", 1, "text") };
        let b = CopyColumn { policy: policy_b, ..column("b", 2, "character varying(1)") };
        encode(&batch, vec![key("id", 0, "smallint"), a, b])
    };
    let (encoded, bytes) = bad(BadValuePolicy::Quarantine, BadValuePolicy::Fail);
    let kept = BadRow { index: 0, column: "a".to_owned(), reason: "holds a NUL character".to_owned() };
    assert_eq!(encoded, Ok(Encoded { rows: 1, upserts: 1, deletes: 0, quarantined: vec![kept] }));
    assert_eq!(bytes, b"\0\x04\0\0\0\x01I\0\0\0\x02\0\x02\0\0\0\x02ok\0\0\0\x01x", "the first row left no byte");
    let (error, _) = bad(BadValuePolicy::Fail, BadValuePolicy::Quarantine);
    assert!(matches!(error, Err(EncodeError::BadValue { column, .. }) if column == "a"));
    let (encoded, _) = bad(BadValuePolicy::Replace, BadValuePolicy::Quarantine);
    let kept = BadRow { index: 0, column: "b".to_owned(), reason: "is longer than 1 characters".to_owned() };
    assert_eq!(encoded.unwrap().quarantined, [kept]);
}

#[test]
fn policies_say_what_becomes_of_a_value_that_does_not_fit() {
    let cases = [
        (BadValuePolicy::Replace, true, Some(b"\0\x02\0\0\0\x01I\0\0\0\x02\x7f\xff".as_slice())),
        (BadValuePolicy::Null, true, Some(b"\0\x02\0\0\0\x01I\xff\xff\xff\xff".as_slice())),
        (BadValuePolicy::Null, false, None),
        (BadValuePolicy::Fail, true, None),
    ];
    let batch = reduced(&["I"], &[("n", ids(&[40_000]))]);
    for (policy, nullable, expected) in cases {
        let (encoded, bytes) = encode(&batch, vec![CopyColumn { policy, nullable, ..column("n", 0, "smallint") }]);
        match expected {
            Some(expected) => assert_eq!((encoded.unwrap().rows, bytes.as_slice()), (1, expected), "{policy:?}"),
            None => assert!(matches!(encoded, Err(EncodeError::BadValue { .. })), "{policy:?}: {encoded:?}"),
        }
    }
}

#[test]
fn a_value_without_a_nearest_one_fails_under_replace() {
    for (type_name, value) in [("uuid", "not one"), ("json", "{\"cut\": "), ("date", "yesterday"), ("bytea", "raw")] {
        let batch = reduced(&["I"], &[("v", texts(&[Some(value)]))]);
        let replaced = CopyColumn { policy: BadValuePolicy::Replace, ..column("v", 0, type_name) };
        assert!(matches!(encode(&batch, vec![replaced]).0, Err(EncodeError::BadValue { .. })), "{type_name}");
    }
}

#[test]
fn null_where_none_is_taken_fails_unless_the_row_is_quarantined() {
    let batch = reduced(&["I"], &[("v", texts(&[None]))]);
    for (policy, in_key) in [
        (BadValuePolicy::Fail, true),
        (BadValuePolicy::Replace, true),
        (BadValuePolicy::Null, true),
        (BadValuePolicy::Fail, false),
        (BadValuePolicy::Replace, false),
        (BadValuePolicy::Null, false),
    ] {
        let error = encode(&batch, vec![CopyColumn { policy, in_key, ..key("v", 0, "text") }]).0.unwrap_err();
        match error {
            EncodeError::NullKey { key, file: 7, row: 100, .. } => assert_eq!((key.as_str(), in_key), ("v=NULL", true)),
            EncodeError::BadValue { reason, .. } => {
                assert_eq!((reason.as_str(), in_key), ("is NULL, and the column takes none", false));
            }
            other => panic!("{other}"),
        }
    }
    let quarantined = CopyColumn { policy: BadValuePolicy::Quarantine, ..key("v", 0, "text") };
    assert_eq!(encode(&batch, vec![quarantined]).0.unwrap().quarantined.len(), 1);
    let deleted = reduced(&["D"], &[("v", texts(&[None]))]);
    assert!(matches!(encode(&deleted, vec![key("v", 0, "text")]).0, Err(EncodeError::NullKey { .. })));
}

#[test]
fn an_unknown_operation_stops_the_batch() {
    let error = encode(&reduced(&["I", "X"], &[]), Vec::new()).0.unwrap_err();
    assert_eq!(error, EncodeError::UnknownOperation { operation: "X".to_owned(), file: 7, row: 101 });
}

#[test]
fn pairs_that_never_load_are_refused_at_once() {
    let timestamps: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0]));
    let decimals: ArrayRef = Arc::new(Decimal128Array::from(vec![0]));
    let batch = reduced(&["I"], &[("t", timestamps), ("d", decimals), ("n", ids(&[0]))]);
    for (index, type_name) in [(0, "integer"), (0, "uuid"), (0, "time"), (1, "boolean"), (1, "date"), (2, "jsonb")] {
        let error = CopyEncoder::new(&batch.schema(), vec![column("c", index, type_name)], 0, 1, 2).unwrap_err();
        assert_eq!(error.column, "c");
        assert_eq!(error.to, StageType::of(type_name).stage_type_sql());
    }
    assert!(CopyEncoder::new(&batch.schema(), Vec::new(), 1, 1, 2).is_err(), "_op is no number");
}

#[test]
fn a_batch_of_another_schema_is_refused() {
    let announced = reduced(&["I"], &[("n", ids(&[1]))]);
    let other = reduced(&["I"], &[("n", texts(&[Some("1")]))]);
    let encoder = encoder(&announced, vec![column("n", 0, "bigint")]);
    let error = encoder.encode(&other, &mut BytesMut::new()).unwrap_err();
    let expected = EncodeError::Schema { index: 3, expected: "Int64".to_owned(), found: "Utf8".to_owned() };
    assert_eq!(error, expected);
}

#[test]
fn slices_of_a_batch_are_encoded_like_copies_of_their_rows() {
    let columns = [("id", ids(&[1, 2, 3])), ("name", texts(&[Some("\0"), None, Some("c")]))];
    let batch = reduced(&["I", "D", "U"], &columns).slice(1, 2);
    let (encoded, bytes) = encode(&batch, vec![key("id", 0, "smallint"), column("name", 1, "text")]);
    assert_eq!(encoded.unwrap().rows, 2);
    let expected = b"\0\x03\0\0\0\x01D\0\0\0\x02\0\x02\xff\xff\xff\xff\0\x03\0\0\0\x01U\0\0\0\x02\0\x03\0\0\0\x01c";
    assert_eq!(bytes, expected);
}
