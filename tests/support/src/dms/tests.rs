//! Change files read back with Parquet's own reader.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::history::{Operation, Shape, Step, Wish};

/// `bytes::Bytes` without naming the crate: what Parquet's reader takes.
fn reader(bytes: Vec<u8>) -> parquet::errors::Result<ParquetRecordBatchReaderBuilder<std::fs::File>> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file)
}

fn read(bytes: Vec<u8>) -> RecordBatch {
    let builder = reader(bytes).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

fn one_file(shape: &Shape, count: usize) -> ChangeFileSpec {
    let mut steps = Step::seeded(1, count);
    steps.iter_mut().for_each(|step| step.cut = crate::history::Cut::SameFile);
    History::build(shape, &steps).files.remove(0)
}

#[test]
fn every_codec_gives_back_the_same_rows_in_row_groups_of_the_size_asked_for() {
    let file = one_file(&Shape::default(), 250);
    let plain = read(encode(&file, &DmsOptions::default()));
    assert_eq!(plain.num_rows(), 250);
    for codec in Codec::ALL {
        let bytes = encode(&file, &DmsOptions { codec, row_group_rows: 100, ..DmsOptions::default() });
        let groups = reader(bytes.clone()).unwrap().metadata().row_groups().to_vec();
        assert_eq!(groups.iter().map(|group| group.num_rows()).collect::<Vec<_>>(), [100, 100, 50], "{codec:?}");
        assert!(groups.iter().all(|group| group.column(1).compression() == codec.compression()));
        assert_eq!(read(bytes), plain, "{codec:?}");
    }
}

#[test]
fn columns_come_in_dms_order_and_with_dms_types() {
    let shape = Shape { sequence: Sequence::Present, key_columns: 2, ..Shape::default() };
    let file = one_file(&shape, 10);
    let options = DmsOptions { timestamp_column: Some("committed".into()), ..DmsOptions::default() };
    let batch = read(encode(&file, &options));
    let schema = batch.schema();
    let fields: Vec<(&str, &DataType)> =
        schema.fields().iter().map(|field| (field.name().as_str(), field.data_type())).collect();
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(
        fields,
        [
            ("Op", &DataType::Utf8),
            ("committed", &DataType::Utf8),
            ("id", &DataType::Int64),
            ("code1", &DataType::Utf8),
            ("count", &DataType::Int64),
            ("note", &DataType::Utf8),
            ("flag", &DataType::Utf8),
            ("small", &DataType::Int32),
            ("ratio", &DataType::Float64),
            ("amount", &DataType::Decimal128(18, 4)),
            ("total", &DataType::Decimal128(38, 10)),
            ("payload", &DataType::Binary),
            ("day", &DataType::Date32),
            ("clock", &DataType::Time32(TimeUnit::Millisecond)),
            ("at", &DataType::Timestamp(TimeUnit::Microsecond, None)),
            ("seen_at", &utc),
            ("AR_H_CHANGE_SEQ", &DataType::Utf8),
        ]
    );
    assert!(schema.fields().iter().all(|field| field.is_nullable()));
    let committed = batch.column(1).as_string::<i32>().value(0).to_owned();
    assert_eq!((committed.len(), &committed[..17]), (26, "2024-05-06 13:59:"));
    assert_eq!(arrow_type(ColumnType::Bool, Booleans::AsBoolean), DataType::Boolean);
}

#[test]
fn delete_carries_its_key_and_nothing_else() {
    let steps = [Wish::Put, Wish::Delete].map(|wish| Step {
        key: 4,
        wish,
        salt: 1,
        clock: crate::history::Clock::Tie,
        cut: crate::history::Cut::SameFile,
    });
    let file = History::build(&Shape::default(), &steps).files.remove(0);
    assert_eq!(file.events[1].operation, Operation::Delete);
    let batch = read(encode(&file, &DmsOptions::default()));
    assert_eq!(batch.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("I"), Some("D")]);
    assert_eq!(batch.column(1).as_primitive::<Int64Type>().values(), &[3, 3]);
    assert!((2..batch.num_columns()).all(|place| batch.column(place).is_null(1)));
    assert!((2..batch.num_columns()).any(|place| batch.column(place).is_valid(0)));
}

#[test]
fn file_without_events_is_still_parquet() {
    let mut file = one_file(&Shape::default(), 1);
    file.events.clear();
    assert_eq!(read(encode(&file, &DmsOptions::default())).num_rows(), 0);
}

#[test]
fn damaged_files_are_refused() {
    let bytes = encode(&one_file(&Shape::default(), 100), &DmsOptions { codec: Codec::Zstd, ..Default::default() });
    for damage in [Damage::Emptied, Damage::CutInHalf, Damage::BadFooter] {
        assert!(reader(damaged(bytes.clone(), damage)).is_err(), "{damage:?}");
    }
    let opened = reader(damaged(bytes, Damage::BadPages)).expect("the footer is whole");
    let pages: Result<Vec<_>, _> = opened.build().and_then(|pages| pages.map(|page| Ok(page?)).collect());
    assert!(pages.is_err(), "the pages are not");
}

#[test]
fn files_are_written_into_their_folders() {
    let shape = Shape { folders: crate::history::Folders::ByHour, ..Shape::default() };
    let history = History::seeded(4, 200, &shape);
    let folder = tempfile::tempdir().unwrap();
    write_history(folder.path(), &history, &DmsOptions::default());
    for file in &history.files {
        let written = std::fs::read(folder.path().join(&file.path)).unwrap();
        assert_eq!(read(written).num_rows(), file.events.len());
    }
}
