//! The rows of one pinned file at a time, with the place of each: the work below a change scan.
//!
//! What must stay true: rows come in the file's order and under the scan's own schema; `_row` and `_position` are those of the
//! file, whichever of its rows are read; errors name the file.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int64Array};
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{ScalarValue, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::parquet::arrow::RowNumber;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use object_store::ObjectStore;

use crate::change_scan::{Places, SMALL_FILE_BYTES_MAX, WHOLE_FILE_BYTES_MAX};
use crate::change_table::{ROW_COLUMN, row_field};
use crate::kept_rows::{KeptRows, ROW_BITS};
use crate::pinned_reader::{OpenedFile, OpenedFileFactory, PinnedSource, ReadError, ReadMode, open_file};

/// What reading one file of a partition takes.
pub(crate) struct FileReader {
    store: Arc<dyn ObjectStore>,
    store_url: String,
    mode_max_bytes: u64,
    template: ScanTemplate,
    places: Places,
    schema: SchemaRef,
    context: Arc<TaskContext>,
}

impl FileReader {
    /// A reader of the files of `config`, whose rows have the columns of `schema`, the scan's own among them at `places`.
    pub(crate) fn new(
        (config, source): (&FileScanConfig, &ParquetSource),
        places: Places,
        schema: SchemaRef,
        context: Arc<TaskContext>,
    ) -> Result<Self> {
        Ok(Self {
            store: context.runtime_env().object_store(&config.object_store_url)?,
            store_url: config.object_store_url.to_string(),
            mode_max_bytes: whole_file_bytes(source),
            template: scan_template(config, source, places)?,
            places,
            schema,
            context,
        })
    }

    /// Reads the footer of a file, or all of it.
    pub(crate) async fn open(&self, file: &PartitionedFile) -> Result<OpenedFile> {
        let etag = match file.partition_values.get(1) {
            Some(ScalarValue::Utf8(etag)) => etag.clone(),
            other => return internal_err!("a file of a change scan carries its ETag as text, not as {other:?}"),
        };
        let meta = &file.object_meta;
        let source =
            PinnedSource::new(Arc::clone(&self.store), &self.store_url, meta.location.clone(), meta.size, etag);
        let mode = if meta.size <= self.mode_max_bytes { ReadMode::Whole } else { ReadMode::Ranges };
        open_file(Arc::new(source), mode).await.map_err(read_failed)
    }

    /// The rows of one open file, or those of them that are kept.
    pub(crate) fn rows(
        &self,
        mut file: PartitionedFile,
        opened: OpenedFile,
        kept: Option<&KeptRows>,
    ) -> Result<SendableRecordBatchStream> {
        let name = format!("{}{}", self.store_url, file.object_meta.location);
        let ordinal = ordinal(&file)?;
        if let Some(kept) = kept {
            match kept.selection(ordinal, opened.rows()) {
                Some(selection) => file = file.with_extension(selection),
                None => return Ok(self.stream(futures::stream::empty())),
            }
        }
        let ScanTemplate { config, source, projection } = self.template.clone();
        let source = source.with_parquet_file_reader_factory(Arc::new(OpenedFileFactory(opened)));
        let Some(source) = source.try_pushdown_projection(&projection)? else {
            return internal_err!("a Parquet scan takes any projection");
        };
        let config = config.with_source(source).with_file_groups(vec![FileGroup::new(vec![file])]).build();
        let batches = DataSourceExec::from_data_source(config).execute(0, Arc::clone(&self.context))?;
        let (schema, places) = (Arc::clone(&self.schema), self.places);
        Ok(self.stream(batches.map(move |batch| match batch {
            Ok(batch) => with_places(&batch, &schema, places, ordinal),
            Err(error) => Err(error.context(format!("failed to read {name}"))),
        })))
    }

    fn stream(
        &self,
        batches: impl futures::Stream<Item = Result<RecordBatch>> + Send + 'static,
    ) -> SendableRecordBatchStream {
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// The place of a file in its table's list.
pub(crate) fn ordinal(file: &PartitionedFile) -> Result<usize> {
    match file.partition_values.first() {
        Some(ScalarValue::Int32(Some(ordinal))) if *ordinal >= 0 => Ok(*ordinal as usize),
        other => internal_err!("a file of a change scan carries its ordinal, not {other:?}"),
    }
}

/// Files up to this size are read with one request.
fn whole_file_bytes(source: &ParquetSource) -> u64 {
    let columns = source.table_schema().file_schema().fields().len();
    let wanted = match source.projection() {
        Some(projection) => projection.iter().count(),
        None => columns,
    };
    if wanted * 2 >= columns { WHOLE_FILE_BYTES_MAX } else { SMALL_FILE_BYTES_MAX }
}

#[derive(Clone)]
struct ScanTemplate {
    config: FileScanConfigBuilder,
    source: ParquetSource,
    projection: ProjectionExprs,
}

/// The scan of any one of the files: as planned, with the row number behind all columns where a place is wanted.
fn scan_template(config: &FileScanConfig, source: &ParquetSource, places: Places) -> Result<ScanTemplate> {
    let old = source.table_schema();
    let mut exprs: Vec<ProjectionExpr> = match source.projection() {
        Some(projection) => projection.iter().cloned().collect(),
        None => return internal_err!("a Parquet scan always has a projection"),
    };
    let table_schema = if places.any() {
        let row: FieldRef = Arc::new(row_field().with_extension_type(RowNumber));
        let column = Column::new(ROW_COLUMN, old.table_schema().fields().len());
        exprs.push(ProjectionExpr::new(Arc::new(column), ROW_COLUMN));
        TableSchema::builder(Arc::clone(old.file_schema()))
            .with_table_partition_cols(old.table_partition_cols().clone())
            .with_virtual_columns(vec![row])
            .build()
    } else {
        old.clone()
    };
    let source = ParquetSource::new(table_schema).with_table_parquet_options(source.table_parquet_options().clone());
    let config = FileScanConfigBuilder::new(config.object_store_url.clone(), Arc::new(source.clone()))
        .with_limit(config.limit)
        .with_preserve_order(true)
        .with_batch_size(config.batch_size);
    Ok(ScanTemplate { config, source, projection: ProjectionExprs::new(exprs) })
}

/// The batch under the scan's schema: the row number, which stands last, becomes the columns wanted of it.
fn with_places(batch: &RecordBatch, schema: &SchemaRef, places: Places, ordinal: usize) -> Result<RecordBatch> {
    let mut read = batch.columns().iter();
    let rows = if places.any() { read.next_back().cloned() } else { None };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for at in 0..schema.fields().len() {
        let column = match &rows {
            Some(rows) if places.row_at == Some(at) => Some(Arc::clone(rows)),
            Some(rows) if places.position_at == Some(at) => Some(positions(rows, ordinal)?),
            Some(_) | None => read.next().cloned(),
        };
        match column {
            Some(column) => columns.push(column),
            None => return internal_err!("a file yields {} columns", batch.num_columns()),
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn positions(rows: &ArrayRef, ordinal: usize) -> Result<ArrayRef> {
    let Some(rows) = rows.as_any().downcast_ref::<Int64Array>() else {
        return internal_err!("row numbers are Int64, not {}", rows.data_type());
    };
    let file = (ordinal as i64) << ROW_BITS;
    if rows.values().iter().any(|row| row >> ROW_BITS != 0) {
        return internal_err!("a file of more than 2^{ROW_BITS} rows has no positions");
    }
    Ok(Arc::new(Int64Array::from_iter_values(rows.values().iter().map(|row| file | row))))
}

/// The text of an error is all that reaches the client of a cluster, so it carries its causes.
fn read_failed(error: ReadError) -> DataFusionError {
    use std::error::Error;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    DataFusionError::External(Box::new(error)).context(text)
}
