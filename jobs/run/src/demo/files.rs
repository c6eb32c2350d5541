//! Writes the demo's change files as AWS DMS would: the operation first, deletes with their key alone, small row groups.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::history::{Change, DemoFile};
use super::tables::{Column, Sequence, TableSpec};
use super::value::{Kind, Value};

/// The column of the commit time, DMS's `TimestampColumnName`: no data.
pub(super) const TIMESTAMP_COLUMN: &str = "dms_commit_at";
const OPERATION_COLUMN: &str = "Op";
const SEQUENCE_COLUMN: &str = "AR_H_CHANGE_SEQ";
/// Small enough that even the demo's files have several row groups.
const ROW_GROUP_ROWS: usize = 1_000;
/// Digits of every decimal in the files.
const DECIMAL_DIGITS: u8 = 18;

/// Why a change file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteFileError {
    #[error("failed to encode {name}")]
    Encode { name: String, source: ParquetError },
    #[error("failed to lay out the columns of {name}")]
    Layout { name: String, source: ArrowError },
    #[error("failed to write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

/// Writes a file under its name in one step: a reader sees all of it, or none.
///
/// # Errors
/// Encoding or writing failed.
pub(super) async fn write_file(folder: &Path, table: &TableSpec, file: &DemoFile) -> Result<u64, WriteFileError> {
    let bytes = encode(table, file)?;
    let size = bytes.len() as u64;
    let path = folder.join(&file.name);
    let unfinished = folder.join(format!(".{}.part", file.name));
    let written = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&unfinished, bytes).await?;
        tokio::fs::rename(&unfinished, &path).await
    };
    written.await.map_err(|source| WriteFileError::Write { path: path.clone(), source })?;
    Ok(size)
}

fn encode(table: &TableSpec, file: &DemoFile) -> Result<Vec<u8>, WriteFileError> {
    let batch = batch_of(table, file).map_err(|source| WriteFileError::Layout { name: file.name.clone(), source })?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut bytes = Vec::new();
    let written = ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), options).and_then(|mut writer| {
        writer.write(&batch)?;
        writer.close()
    });
    written.map_err(|source| WriteFileError::Encode { name: file.name.clone(), source })?;
    Ok(bytes)
}

fn batch_of(table: &TableSpec, file: &DemoFile) -> Result<RecordBatch, ArrowError> {
    let changes = &file.changes;
    let texts = |text: &dyn Fn(&Change) -> String| -> ArrayRef {
        Arc::new(changes.iter().map(|change| Some(text(change))).collect::<StringArray>())
    };
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        (OPERATION_COLUMN, texts(&|change| change.operation.letter().to_owned())),
        (TIMESTAMP_COLUMN, texts(&commit_text)),
    ];
    for (place, column) in table.key.iter().enumerate() {
        columns.push((column.name, array_of(column, changes.iter().map(|change| change.key.get(place)))?));
    }
    for (place, column) in table.columns.iter().enumerate().filter(|(_, column)| column.since_file <= file.place) {
        columns.push((column.name, array_of(column, changes.iter().map(|change| change.values.get(place)))?));
    }
    match table.sequence {
        Sequence::Absent => {}
        Sequence::Present => columns.push((SEQUENCE_COLUMN, texts(&sequence_text))),
    }
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect())
}

fn commit_text(change: &Change) -> String {
    let instant = DateTime::from_timestamp_micros(change.commit_micros).unwrap_or_default();
    instant.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// Sixteen digits of time, nineteen of a counter, as DMS writes them.
fn sequence_text(change: &Change) -> String {
    let instant = DateTime::from_timestamp_micros(change.commit_micros).unwrap_or_default();
    let hundredths = change.commit_micros.rem_euclid(1_000_000) / 10_000;
    format!("{}{hundredths:02}{:019}", instant.format("%Y%m%d%H%M%S"), change.number)
}

/// Picks what a column of this kind holds; everything else, a delete's missing value among it, is NULL.
macro_rules! values {
    ($values:expr, $pattern:pat => $content:expr) => {
        $values.map(|value| if let Some($pattern) = value { Some($content) } else { None })
    };
}

fn array_of<'a>(column: &Column, values: impl Iterator<Item = Option<&'a Value>>) -> Result<ArrayRef, ArrowError> {
    Ok(match column.kind {
        Kind::Integer => Arc::new(values!(values, Value::Integer(number) => *number).collect::<Int64Array>()),
        Kind::Decimal(scale) => {
            let scale = i8::try_from(scale).expect("a scale is far below 127");
            let array = values!(values, Value::Decimal(units) => i128::from(*units)).collect::<Decimal128Array>();
            Arc::new(array.with_precision_and_scale(DECIMAL_DIGITS, scale)?)
        }
        Kind::Text => Arc::new(values!(values, Value::Text(text) => text.as_str()).collect::<StringArray>()),
        Kind::Boolean => {
            let word = |flag: bool| if flag { "true" } else { "false" };
            Arc::new(values!(values, Value::Boolean(flag) => word(*flag)).collect::<StringArray>())
        }
        Kind::Instant => {
            Arc::new(values!(values, Value::Instant(micros) => *micros).collect::<TimestampMicrosecondArray>())
        }
    })
}
