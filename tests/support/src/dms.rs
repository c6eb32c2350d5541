//! Owns change files in the form in which AWS DMS writes them to S3.
//!
//! `Op` comes first, then the timestamp column when one is asked for, the table's columns, all nullable, and
//! `AR_H_CHANGE_SEQ` last. A delete carries its key and NULL everywhere else. Files have no Arrow schema in their footer, as
//! DMS writes none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, RecordBatch, StringArray, Time32MillisecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::history::{ChangeFileSpec, Event, History, Sequence};
use crate::value::{Column, ColumnType, Value, timestamp_of};

/// The rows in a row group, unless DMS is told otherwise.
pub const ROW_GROUP_ROWS: usize = 10_024;
pub const OPERATION_COLUMN: &str = "Op";
pub const SEQUENCE_COLUMN: &str = "AR_H_CHANGE_SEQ";

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    Uncompressed,
    Snappy,
    Gzip,
    Zstd,
    Lz4,
    Brotli,
}

impl Codec {
    pub const ALL: [Codec; 6] =
        [Codec::Uncompressed, Codec::Snappy, Codec::Gzip, Codec::Zstd, Codec::Lz4, Codec::Brotli];

    fn compression(self) -> Compression {
        match self {
            Codec::Uncompressed => Compression::UNCOMPRESSED,
            Codec::Snappy => Compression::SNAPPY,
            Codec::Gzip => Compression::GZIP(GzipLevel::default()),
            Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
            Codec::Lz4 => Compression::LZ4_RAW,
            Codec::Brotli => Compression::BROTLI(BrotliLevel::default()),
        }
    }
}

/// How booleans are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Booleans {
    /// `"true"` and `"false"`: the default of DMS.
    AsText,
    /// With `MapBooleanAsBoolean`.
    AsBoolean,
}

/// The settings of the endpoint that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmsOptions {
    pub row_group_rows: usize,
    pub codec: Codec,
    /// `TimestampColumnName`: a text of the commit time.
    pub timestamp_column: Option<String>,
    pub booleans: Booleans,
}

impl Default for DmsOptions {
    fn default() -> DmsOptions {
        DmsOptions {
            row_group_rows: ROW_GROUP_ROWS,
            codec: Codec::Uncompressed,
            timestamp_column: None,
            booleans: Booleans::AsText,
        }
    }
}

/// The bytes of a change file.
///
/// # Panics
/// When a value is not of its column's type.
pub fn encode(file: &ChangeFileSpec, options: &DmsOptions) -> Vec<u8> {
    encode_batch(&batch_of(file, options), options)
}

/// The bytes of a full-load file: the rows of `file`, whose events are inserts, without `Op`, as DMS writes them unless it is
/// told otherwise (`IncludeOpForFullLoad`).
///
/// # Panics
/// When a value is not of its column's type.
pub fn encode_full_load(file: &ChangeFileSpec, options: &DmsOptions) -> Vec<u8> {
    let batch = batch_of(file, options);
    let data: Vec<usize> = (1..batch.num_columns()).collect();
    encode_batch(&batch.project(&data).expect("the columns are there"), options)
}

fn encode_batch(batch: &RecordBatch, options: &DmsOptions) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(options.codec.compression())
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .build();
    let writer_options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut bytes = Vec::new();
    let written =
        ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), writer_options).and_then(|mut writer| {
            writer.write(batch)?;
            writer.close()
        });
    written.unwrap_or_else(|error| panic!("cannot encode a file: {error}"));
    bytes
}

/// Writes a file under a table's folder and returns its path.
pub fn write_file(table_folder: &Path, file: &ChangeFileSpec, options: &DmsOptions) -> PathBuf {
    let path = table_folder.join(&file.path);
    let folder = path.parent().expect("a path below a folder has a parent");
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, encode(file, options)));
    written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    path
}

/// Writes all files of a history under a table's folder.
pub fn write_history(table_folder: &Path, history: &History, options: &DmsOptions) {
    for file in &history.files {
        write_file(table_folder, file, options);
    }
}

/// Puts a file under a prefix (`schema/table`, with or without a slash at the end) and returns its key.
pub async fn put_file(
    store: &dyn ObjectStore,
    prefix: &str,
    file: &ChangeFileSpec,
    options: &DmsOptions,
) -> object_store::path::Path {
    let key = object_store::path::Path::from(format!("{}/{}", prefix.trim_end_matches('/'), file.path));
    let put = store.put(&key, encode(file, options).into()).await;
    put.unwrap_or_else(|error| panic!("cannot put {key}: {error}"));
    key
}

/// Puts all files of a history under a prefix.
pub async fn put_history(store: &dyn ObjectStore, prefix: &str, history: &History, options: &DmsOptions) {
    for file in &history.files {
        put_file(store, prefix, file, options).await;
    }
}

/// A way for a file to be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Damage {
    /// No bytes at all.
    Emptied,
    /// The end is missing, footer included, as while the file is still being written.
    CutInHalf,
    /// The footer's length is nonsense.
    BadFooter,
    /// The footer is whole; the first pages are not.
    BadPages,
}

/// The bytes of a file, broken.
pub fn damaged(mut bytes: Vec<u8>, damage: Damage) -> Vec<u8> {
    /// The magic number at the start.
    const HEAD_BYTES: usize = 4;
    /// The footer's length and the magic number at the end.
    const TAIL_BYTES: usize = 8;
    match damage {
        Damage::Emptied => bytes.clear(),
        Damage::CutInHalf => bytes.truncate(bytes.len() / 2),
        Damage::BadFooter => {
            let tail = bytes.len() - TAIL_BYTES;
            bytes[tail..tail + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        }
        Damage::BadPages => {
            let tail = bytes.len() - TAIL_BYTES;
            let footer_bytes = u32::from_le_bytes(bytes[tail..tail + 4].try_into().expect("four bytes")) as usize;
            bytes[HEAD_BYTES..tail - footer_bytes].fill(0xFF);
        }
    }
    bytes
}

fn batch_of(file: &ChangeFileSpec, options: &DmsOptions) -> RecordBatch {
    let events = &file.events;
    let mut columns: Vec<(String, ArrayRef)> = vec![(
        OPERATION_COLUMN.into(),
        Arc::new(StringArray::from_iter_values(events.iter().map(|event| event.operation.letter()))),
    )];
    if let Some(name) = &options.timestamp_column {
        let text = |event: &Event| timestamp_of(event.commit_micros).format("%Y-%m-%d %H:%M:%S%.6f").to_string();
        columns.push((name.clone(), Arc::new(StringArray::from_iter_values(events.iter().map(text)))));
    }
    for (place, column) in file.key.iter().enumerate() {
        let values: Vec<&Value> = events.iter().map(|event| &event.key[place]).collect();
        columns.push((column.name.clone(), array_of(column, &values, options.booleans)));
    }
    for (place, column) in file.columns.iter().enumerate() {
        let values: Vec<&Value> = events.iter().map(|event| event.values.get(place).unwrap_or(&Value::Null)).collect();
        columns.push((column.name.clone(), array_of(column, &values, options.booleans)));
    }
    match file.sequence {
        Sequence::Absent => {}
        Sequence::Present => {
            let sequences = events.iter().map(|event| event.change_sequence.as_deref());
            columns.push((SEQUENCE_COLUMN.into(), Arc::new(StringArray::from_iter(sequences))));
        }
    }
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("every column has a value for each event")
}

/// Picks the content of one variant; NULL stays NULL, any other variant is a mistake of the test.
macro_rules! values {
    ($column:expr, $values:expr, $pattern:pat => $content:expr) => {
        $values.iter().map(|value| match value {
            Value::Null => None,
            $pattern => Some($content),
            other => panic!("{other:?} is not a value of column {:?}", $column),
        })
    };
}

fn array_of(column: &Column, values: &[&Value], booleans: Booleans) -> ArrayRef {
    match column.column_type {
        ColumnType::Bool => match booleans {
            Booleans::AsText => Arc::new(StringArray::from_iter(
                values!(column, values, Value::Bool(flag) => if *flag { "true" } else { "false" }),
            )),
            Booleans::AsBoolean => {
                Arc::new(BooleanArray::from_iter(values!(column, values, Value::Bool(flag) => *flag)))
            }
        },
        ColumnType::Int16 => Arc::new(Int16Array::from_iter(values!(column, values, Value::Int(number) =>
            i16::try_from(*number).expect("a column of 16 bits holds numbers of 16 bits")))),
        ColumnType::Int32 => Arc::new(Int32Array::from_iter(values!(column, values, Value::Int(number) =>
            i32::try_from(*number).expect("a column of 32 bits holds numbers of 32 bits")))),
        ColumnType::Int64 => Arc::new(Int64Array::from_iter(values!(column, values, Value::Int(number) => *number))),
        ColumnType::Float32 => {
            Arc::new(Float32Array::from_iter(values!(column, values, Value::Float(number) => *number as f32)))
        }
        ColumnType::Float64 => {
            Arc::new(Float64Array::from_iter(values!(column, values, Value::Float(number) => *number)))
        }
        ColumnType::Decimal { precision, scale } => {
            let scale = i8::try_from(scale).expect("a scale is at most 38");
            let array =
                values!(column, values, Value::Decimal { unscaled, .. } => *unscaled).collect::<Decimal128Array>();
            Arc::new(array.with_precision_and_scale(precision, scale).expect("precision and scale fit each other"))
        }
        ColumnType::Text => {
            Arc::new(StringArray::from_iter(values!(column, values, Value::Text(text) => text.as_str())))
        }
        ColumnType::Bytes => {
            Arc::new(BinaryArray::from_iter(values!(column, values, Value::Bytes(bytes) => bytes.as_slice())))
        }
        ColumnType::Date => Arc::new(Date32Array::from_iter(values!(column, values, Value::Date(days) => *days))),
        ColumnType::Time => {
            Arc::new(Time32MillisecondArray::from_iter(values!(column, values, Value::Time(millis) => *millis)))
        }
        ColumnType::Timestamp => Arc::new(TimestampMicrosecondArray::from_iter(
            values!(column, values, Value::TimestampMicros(micros) => *micros),
        )),
        ColumnType::TimestampMillis => Arc::new(TimestampMillisecondArray::from_iter(
            values!(column, values, Value::TimestampMicros(micros) => micros.div_euclid(1_000)),
        )),
        ColumnType::Timestamptz => Arc::new(
            TimestampMicrosecondArray::from_iter(values!(column, values, Value::TimestamptzMicros(micros) => *micros))
                .with_timezone("UTC"),
        ),
    }
}

/// The type of a column as it stands in a file.
pub fn arrow_type(column_type: ColumnType, booleans: Booleans) -> DataType {
    array_of(&Column::new("", column_type), &[], booleans).data_type().clone()
}

#[cfg(test)]
mod tests;
