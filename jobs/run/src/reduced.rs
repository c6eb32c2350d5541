//! Reads a reduced batch back from the lake, part by part.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::{StreamExt as _, TryStreamExt as _};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use quarrel_connect::reduced::{FILE, OPERATION, ROW, ReducedError, ReducedRows, RowStream};
use quarrel_model::batch::Batch;

use crate::inspect::arrow_type;
use crate::lake::LakeArea;
use crate::reduce::Manifest;

/// Rows of one Arrow batch: large enough to keep encoders busy, small enough that a few wide ones fit in memory.
const BATCH_ROWS: usize = 8192;

/// The parts that a manifest names.
#[derive(Debug)]
pub struct LakeRows {
    area: LakeArea,
    manifest: Manifest,
    schema: SchemaRef,
    files: Vec<String>,
}

impl LakeRows {
    /// Opens nothing yet.
    pub fn new(area: LakeArea, manifest: Manifest, batch: &Batch) -> Self {
        let schema = Arc::new(reduced_schema(batch, &manifest.columns));
        let files = batch.changed_files().map(|file| file.file.key.clone()).collect();
        LakeRows { area, manifest, schema, files }
    }
}

/// The schema of a reduced batch with these data columns.
pub fn reduced_schema(batch: &Batch, columns: &[String]) -> Schema {
    let mut fields = vec![
        Field::new(OPERATION, DataType::Utf8, true),
        Field::new(FILE, DataType::Int32, false),
        Field::new(ROW, DataType::Int64, false),
    ];
    let known = columns.iter().filter_map(|name| batch.schema.column(name));
    fields.extend(known.map(|column| Field::new(&column.name, arrow_type(&column.column_type), true)));
    Schema::new(fields)
}

/// A part does not have the columns that were asked for.
#[derive(Debug, thiserror::Error)]
#[error("columns differ from the plan's: expected {expected}, found {found}")]
struct SchemaMismatch {
    expected: String,
    found: String,
}

#[async_trait]
impl ReducedRows for LakeRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn parts(&self) -> usize {
        self.manifest.parts.len()
    }

    fn rows(&self) -> u64 {
        self.manifest.rows()
    }

    async fn open(&self, part: usize) -> Result<RowStream, ReducedError> {
        let part = &self.manifest.parts[part];
        let path = part.path.clone();
        let failed = {
            let path = path.clone();
            move |source: Box<dyn std::error::Error + Send + Sync>| ReducedError { path: path.clone(), source }
        };
        let reader = self.area.open_parquet(&path, part.bytes, None).await.map_err(|error| failed(error.into()))?;
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(|error| failed(error.into()))?;
        let types = |schema: &Schema| {
            let field = |field: &Arc<Field>| format!("{} {}", field.name(), field.data_type());
            schema.fields().iter().map(field).collect::<Vec<_>>().join(", ")
        };
        let (expected, found) = (types(&self.schema), types(builder.schema()));
        if expected != found {
            return Err(failed(SchemaMismatch { expected, found }.into()));
        }
        let batches = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| failed(error.into()))?;
        Ok(batches.map_err(move |error| failed(error.into())).boxed())
    }

    fn file_name(&self, ordinal: i32) -> String {
        let known = usize::try_from(ordinal).ok().and_then(|ordinal| self.files.get(ordinal));
        known.cloned().unwrap_or_else(|| format!("file {ordinal}"))
    }
}
