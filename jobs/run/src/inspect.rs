//! Looks into change files without reading their rows: footers give row counts, columns and change sequences.
//!
//! # Invariants
//! - A file that can't be read stops its table and is named. Only on a local disk may it be a file still being written, and
//!   then the batch ends before it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{Array as _, AsArray as _};
use datafusion::arrow::compute::{cast, max_string, min_string};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use futures::{StreamExt as _, TryStreamExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;
use quarrel_executor::pinned_reader::{OpenedFile, ReadError};
use quarrel_model::change_file::FileIdentity;
use quarrel_model::collect::InspectedFile;
use quarrel_model::config::Changes;
use quarrel_model::position::{ChangeSequence, SequenceRange};
use quarrel_model::schema::{ColumnType, FileColumn, FileSchema};

use crate::lake::{LakeArea, ListedFile};

/// Footers read at a time.
const INSPECT_CONCURRENCY: usize = 16;
/// What Parquet starts and ends with; the smallest file holds both and a length.
const PARQUET_BYTES_MIN: u64 = 12;

/// Why a file could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("failed to look into change file `{key}`")]
    Read { key: String, source: ReadError },
    #[error("failed to read the columns of change file `{key}`")]
    Columns { key: String, source: ParquetError },
    #[error("change file `{key}` is {size} bytes long, too short for Parquet")]
    TooShort { key: String, size: u64 },
    #[error("change file `{key}` has no operation column `{column}`; it has: {found}")]
    NoOperation { key: String, column: String, found: String },
    #[error("full-load files `{first}` and `{key}` have different columns: {first_columns} and {columns}")]
    Differ { first: String, first_columns: String, key: String, columns: String },
    #[error("failed to read the change sequences of `{key}`")]
    Sequences { key: String, source: ParquetError },
}

/// Files looked into, and the file that was still being written, if one ended the list.
#[derive(Debug, Default)]
pub struct Inspection {
    pub files: Vec<InspectedFile>,
    pub unfinished: Option<String>,
}

/// Footers already read by this run: several targets, and several rounds, ask for the same files.
#[derive(Debug, Default)]
pub struct InspectCache(HashMap<FileIdentity, InspectedFile>);

/// Looks into files, in order, up to the first that is still being written.
///
/// # Errors
/// The first file, in order, that can't be read.
pub async fn inspect_files(
    area: &LakeArea,
    files: &[ListedFile],
    changes: &Changes,
    now: DateTime<Utc>,
    cache: &mut InspectCache,
) -> Result<Inspection, InspectError> {
    let known = &cache.0;
    let looks: Vec<_> =
        files.iter().map(|listed| inspect_unless_known(area, listed.clone(), changes, known, now)).collect();
    let results: Vec<Result<InspectedFile, InspectError>> =
        futures::stream::iter(looks).buffered(INSPECT_CONCURRENCY).collect().await;
    let mut inspection = Inspection::default();
    for (listed, result) in files.iter().zip(results) {
        match result {
            Ok(file) => {
                cache.0.insert(file.file.identity(), file.clone());
                inspection.files.push(file);
            }
            Err(_) if is_being_written(area, listed, changes, now) => {
                inspection.unfinished = Some(listed.file.key.clone());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(inspection)
}

/// Objects appear whole in object stores; on a disk a young file without a footer is one that is being written.
fn is_being_written(area: &LakeArea, listed: &ListedFile, changes: &Changes, now: DateTime<Utc>) -> bool {
    let age = now.signed_duration_since(listed.modified);
    area.store_url.starts_with("file:") && age.to_std().is_ok_and(|age| age < changes.settle)
        || area.store_url.starts_with("file:") && age < chrono::Duration::zero()
}

async fn inspect_unless_known(
    area: &LakeArea,
    listed: ListedFile,
    changes: &Changes,
    known: &HashMap<FileIdentity, InspectedFile>,
    now: DateTime<Utc>,
) -> Result<InspectedFile, InspectError> {
    match known.get(&listed.file.identity()) {
        Some(found) => Ok(InspectedFile { location: listed.location, ..found.clone() }),
        None => inspect_file(area, &listed, changes, now).await,
    }
}

async fn inspect_file(
    area: &LakeArea,
    listed: &ListedFile,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<InspectedFile, InspectError> {
    let (file, location) = (&listed.file, &listed.location);
    if file.size == 0 && !is_being_written(area, listed, changes, now) {
        // An object of no bytes is whole, and says that there were no changes; so does a file that nobody writes any more.
        return Ok(InspectedFile {
            file: file.clone(),
            location: location.clone(),
            rows: 0,
            schema: FileSchema::default(),
            sequences: None,
        });
    }
    if file.size < PARQUET_BYTES_MIN {
        return Err(InspectError::TooShort { key: file.key.clone(), size: file.size });
    }
    let mut reader = area
        .open_parquet(&location.key, file.size, location.etag.clone())
        .await
        .map_err(|source| InspectError::Read { key: file.key.clone(), source })?;
    let metadata = ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new())
        .await
        .map_err(|source| InspectError::Columns { key: file.key.clone(), source })?;
    let rows: i64 = metadata.metadata().file_metadata().num_rows();
    let schema = metadata.schema();
    if schema.field_with_name(&changes.operation_column).is_err() {
        let found = schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
        let column = changes.operation_column.clone();
        return Err(InspectError::NoOperation { key: file.key.clone(), column, found });
    }
    let sequences = match schema.column_with_name(&changes.sequence_column) {
        Some((column, field)) if rows > 0 && is_text(field) => match sequences_by_statistics(&metadata, column) {
            Some(range) => Some(range),
            None => read_sequences(reader, metadata.clone(), column)
                .await
                .map_err(|source| InspectError::Sequences { key: file.key.clone(), source })?,
        },
        Some(_) | None => None,
    };
    let columns = schema
        .fields()
        .iter()
        .filter(|field| is_data(field, changes))
        .map(|field| FileColumn { name: field.name().clone(), column_type: column_type(field.data_type()) });
    Ok(InspectedFile {
        file: file.clone(),
        location: location.clone(),
        rows: u64::try_from(rows).unwrap_or(0),
        schema: FileSchema { columns: columns.collect() },
        sequences,
    })
}

/// Columns that DMS adds by its transformation rules start with this.
const PRODUCER_PREFIX: &str = "AR_H_";

pub(crate) fn is_data(field: &Field, changes: &Changes) -> bool {
    let name = field.name();
    let own = name == &changes.operation_column
        || name == &changes.sequence_column
        || changes.timestamp_column.as_ref() == Some(name);
    !own && !name.starts_with(PRODUCER_PREFIX)
}

fn is_text(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The logical type of an Arrow type, as far as it matters whether a column was retyped.
pub fn column_type(arrow: &DataType) -> ColumnType {
    match arrow {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int8 => ColumnType::Integer(8),
        DataType::Int16 => ColumnType::Integer(16),
        DataType::Int32 => ColumnType::Integer(32),
        DataType::Int64 => ColumnType::Integer(64),
        DataType::UInt8 => ColumnType::Unsigned(8),
        DataType::UInt16 => ColumnType::Unsigned(16),
        DataType::UInt32 => ColumnType::Unsigned(32),
        DataType::UInt64 => ColumnType::Unsigned(64),
        DataType::Float32 => ColumnType::Float32,
        DataType::Float64 => ColumnType::Float64,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => ColumnType::Decimal { precision: *precision, scale: *scale },
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ColumnType::Binary
        }
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Time32(_) | DataType::Time64(_) => ColumnType::Time,
        DataType::Timestamp(_, zone) => ColumnType::Timestamp { zoned: zone.is_some() },
        other => ColumnType::Unsupported(other.to_string()),
    }
}

/// The Arrow type in which a column of a batch is read, whatever its files store exactly.
pub fn arrow_type(column: &ColumnType) -> DataType {
    match column {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Integer(8) => DataType::Int8,
        ColumnType::Integer(16) => DataType::Int16,
        ColumnType::Integer(32) => DataType::Int32,
        ColumnType::Integer(_) => DataType::Int64,
        ColumnType::Unsigned(8) => DataType::UInt8,
        ColumnType::Unsigned(16) => DataType::UInt16,
        ColumnType::Unsigned(32) => DataType::UInt32,
        ColumnType::Unsigned(_) => DataType::UInt64,
        ColumnType::Float32 => DataType::Float32,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Decimal { precision, scale } if *precision <= 38 => DataType::Decimal128(*precision, *scale),
        ColumnType::Decimal { precision, scale } => DataType::Decimal256(*precision, *scale),
        ColumnType::Text | ColumnType::Unsupported(_) => DataType::Utf8,
        ColumnType::Binary => DataType::Binary,
        ColumnType::Date => DataType::Date32,
        ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
        ColumnType::Timestamp { zoned: true } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Timestamp { zoned: false } => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

/// First and last sequence from the footer, when every row group has exact bounds.
fn sequences_by_statistics(metadata: &ArrowReaderMetadata, column: usize) -> Option<SequenceRange> {
    let mut range: Option<SequenceRange> = None;
    for group in metadata.metadata().row_groups() {
        let Some(Statistics::ByteArray(bounds)) = group.column(column).statistics() else { return None };
        if !bounds.min_is_exact() || !bounds.max_is_exact() || bounds.null_count_opt() != Some(0) {
            return None;
        }
        let text = |bytes: &parquet::data_type::ByteArray| Some(ChangeSequence(bytes.as_utf8().ok()?.to_owned()));
        let (first, last) = (text(bounds.min_opt()?)?, text(bounds.max_opt()?)?);
        range = Some(widen(range, first, last));
    }
    range.filter(|range| !range.first.0.is_empty())
}

fn widen(range: Option<SequenceRange>, first: ChangeSequence, last: ChangeSequence) -> SequenceRange {
    match range {
        Some(range) => SequenceRange { first: range.first.min(first), last: range.last.max(last) },
        None => SequenceRange { first, last },
    }
}

/// First and last sequence from the column itself; None when a row has none.
async fn read_sequences(
    reader: OpenedFile,
    metadata: ArrowReaderMetadata,
    column: usize,
) -> Result<Option<SequenceRange>, ParquetError> {
    let mask = ProjectionMask::roots(metadata.parquet_schema(), [column]);
    let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata).with_projection(mask);
    let mut batches = builder.build()?;
    let mut range: Option<SequenceRange> = None;
    while let Some(batch) = batches.try_next().await? {
        let texts = cast(batch.column(0), &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let (Some(first), Some(last)) = (min_string(texts), max_string(texts)) else { return Ok(None) };
        if texts.null_count() > 0 || first.is_empty() {
            return Ok(None);
        }
        range = Some(widen(range, ChangeSequence(first.to_owned()), ChangeSequence(last.to_owned())));
    }
    Ok(range)
}
