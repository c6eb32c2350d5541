//! Keeps rows that a target can't hold: as Parquet in the lake, with column, reason, change file and row.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray, UInt64Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use quarrel_connect::reduced::{BadRow, FILE, Quarantine, QuarantineError};
use quarrel_model::batch::{Batch, BatchId};
use quarrel_model::names::{QualifiedName, TableName};

use crate::lake::LakeArea;

/// Where the quarantined rows of one batch and target go: `quarantine/<table>/<target>/<batch>/`.
#[derive(Debug)]
pub struct LakeQuarantine {
    area: LakeArea,
    folder: Path,
    files: Vec<String>,
    objects: AtomicU64,
}

impl LakeQuarantine {
    /// Writes nothing until a row is kept.
    pub fn new(area: LakeArea, batch: &Batch, target: &QualifiedName) -> Self {
        let folder = area.prefix.clone().join("quarantine").join(batch.table.0.as_str());
        let folder = folder.join(target.to_string()).join(batch.id.0.as_str());
        let files = batch.changed_files().map(|file| file.file.key.clone()).collect();
        LakeQuarantine { area, folder, files, objects: AtomicU64::new(0) }
    }

    /// For one part of a full load; `files` are the names of all parts. What an earlier attempt of this process left is not
    /// known here, so a restart always looks.
    pub fn of_load(
        area: LakeArea,
        (table, target, load): (&TableName, &QualifiedName, &BatchId),
        part: usize,
        files: Vec<String>,
    ) -> Self {
        let folder = area.prefix.clone().join("quarantine").join(table.0.as_str());
        let folder = folder.join(target.to_string()).join(load.0.as_str()).join(format!("{part:06}"));
        LakeQuarantine { area, folder, files, objects: AtomicU64::new(1) }
    }

    fn failed(&self, source: impl std::error::Error + Send + Sync + 'static) -> QuarantineError {
        QuarantineError { path: self.folder.to_string(), source: Box::new(source) }
    }
}

#[async_trait]
impl Quarantine for LakeQuarantine {
    async fn restart(&self) -> Result<(), QuarantineError> {
        if self.objects.swap(0, Ordering::Relaxed) > 0 {
            self.area.delete_folder(&self.folder).await.map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    async fn keep(&self, batch: &RecordBatch, rows: &[BadRow]) -> Result<(), QuarantineError> {
        let kept = with_reasons(batch, rows, &self.files).map_err(|source| self.failed(source))?;
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, kept.schema(), None).map_err(|source| self.failed(source))?;
        writer.write(&kept).map_err(|source| self.failed(source))?;
        writer.close().map_err(|source| self.failed(source))?;
        let number = self.objects.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.clone().join(format!("part-{number:06}.parquet"));
        self.area.write(&path, bytes).await.map_err(|source| self.failed(source))
    }
}

/// The rows, with `_column`, `_reason` and `_change_file` behind their own columns.
fn with_reasons(
    batch: &RecordBatch,
    rows: &[BadRow],
    files: &[String],
) -> Result<RecordBatch, datafusion::arrow::error::ArrowError> {
    let indices = UInt64Array::from_iter_values(rows.iter().map(|row| row.index as u64));
    let mut columns = batch.columns().iter().map(|c| take(c, &indices, None)).collect::<Result<Vec<ArrayRef>, _>>()?;
    let file_column = batch.schema().index_of(FILE)?;
    let ordinals = columns[file_column].as_primitive::<Int32Type>().clone();
    let name = |ordinal: Option<i32>| {
        let ordinal = ordinal.and_then(|ordinal| usize::try_from(ordinal).ok());
        ordinal.and_then(|ordinal| files.get(ordinal)).map(String::as_str)
    };
    let names: StringArray =
        (0..ordinals.len()).map(|row| name(ordinals.is_valid(row).then(|| ordinals.value(row)))).collect();
    let mut fields: Vec<_> = batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let texts = [
        ("_column", StringArray::from_iter_values(rows.iter().map(|row| &row.column))),
        ("_reason", StringArray::from_iter_values(rows.iter().map(|row| &row.reason))),
        ("_change_file", names),
    ];
    for (name, values) in texts {
        fields.push(Field::new(name, DataType::Utf8, true));
        columns.push(Arc::new(values));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
