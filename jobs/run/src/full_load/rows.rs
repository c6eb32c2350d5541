//! Reads full-load files back, a file a part, in the types of the lake.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use quarrel_connect::reduced::{Quarantine, ReducedError, RowStream};
use quarrel_connect::replace::{FullRows, PartQuarantine};
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::replace::LoadId;
use quarrel_model::schema::FileSchema;

use crate::inspect::arrow_type;
use crate::lake::LakeArea;
use crate::quarantine::LakeQuarantine;

/// Rows of one Arrow batch: as of reduced batches.
const BATCH_ROWS: usize = 8192;

/// A full-load file where it can be read now.
#[derive(Debug, Clone)]
pub(super) struct LoadPart {
    /// The producer's key: what the part is recorded by, and named in errors.
    pub(super) name: String,
    pub(super) key: Path,
    pub(super) bytes: u64,
    pub(super) etag: Option<String>,
}

/// The files of a load.
#[derive(Debug)]
pub(super) struct LakeFullRows {
    area: LakeArea,
    parts: Vec<LoadPart>,
    schema: SchemaRef,
}

impl LakeFullRows {
    /// Opens nothing yet. `columns` are the data columns that every file has.
    pub(super) fn new(area: LakeArea, parts: Vec<LoadPart>, columns: &FileSchema) -> Self {
        let field = |column: &quarrel_model::schema::FileColumn| {
            Field::new(&column.name, arrow_type(&column.column_type), true)
        };
        let schema = Arc::new(Schema::new(columns.columns.iter().map(field).collect::<Vec<_>>()));
        LakeFullRows { area, parts, schema }
    }
}

#[async_trait]
impl FullRows for LakeFullRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn parts(&self) -> usize {
        self.parts.len()
    }

    fn part_name(&self, part: usize) -> String {
        self.parts[part].name.clone()
    }

    async fn open(&self, part: usize) -> Result<RowStream, ReducedError> {
        let part = &self.parts[part];
        let path = part.name.clone();
        let failed =
            move |source: Box<dyn std::error::Error + Send + Sync>| ReducedError { path: path.clone(), source };
        let reader = self.area.open_parquet(part.key.as_ref(), part.bytes, part.etag.clone()).await;
        let reader = reader.map_err(|error| failed(error.into()))?;
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(|error| failed(error.into()))?;
        let roots = self.schema.fields().iter().map(|field| builder.schema().index_of(field.name()));
        let roots = roots.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.into()))?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        let batches = batches.map_err(|error| failed(error.into()))?;
        let schema = Arc::clone(&self.schema);
        let rows = batches.map(move |batch| match batch {
            Ok(batch) => conform(&batch, &schema).map_err(|error| failed(error.into())),
            Err(error) => Err(failed(error.into())),
        });
        Ok(rows.into_stream().boxed())
    }
}

/// The batch with the columns of the schema, in its order and its types.
fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = batch.column(batch.schema().index_of(field.name())?);
        columns.push(if column.data_type() == field.data_type() {
            Arc::clone(column)
        } else {
            cast(column, field.data_type())?
        });
    }
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Where the quarantined rows of a load go: a folder for each part.
#[derive(Debug)]
pub(super) struct LoadQuarantine {
    pub(super) area: LakeArea,
    pub(super) table: TableName,
    pub(super) target: QualifiedName,
    pub(super) load: LoadId,
    /// The parts' names, by index.
    pub(super) parts: Vec<String>,
}

impl PartQuarantine for LoadQuarantine {
    fn of_part(&self, part: usize) -> Arc<dyn Quarantine> {
        let batch = self.load.batch();
        let quarantine =
            LakeQuarantine::of_load(self.area.clone(), (&self.table, &self.target, &batch), part, self.parts.clone());
        Arc::new(quarantine)
    }
}
