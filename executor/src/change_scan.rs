//! The node that reads pinned files: it wraps DataFusion's Parquet scan and adds each row's position in its file.
//!
//! It wraps, and is not a leaf, because Ballista gives each task its share of the files by slicing `DataSourceExec` and copies
//! other leaves whole, and because virtual columns do not survive its wire. Files are opened one scan each, some ahead of the
//! decoder. What must stay true: partition `p` yields exactly the rows of file group `p`, file after file, row after row; no
//! filter enters, since a filtered file would number its rows all the same but the batch's counts would lie; errors name the file.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
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
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;

use crate::change_table::{NO_EXPRESSIONS, ROW_COLUMN, row_field};
use crate::pinned_reader::{OpenedFile, OpenedFileFactory, PinnedSource, ReadError, ReadMode, open_file};

/// Up to this size a file of which most columns are wanted comes with one request.
pub const WHOLE_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Up to this size any file does: a second request takes longer than the bytes saved.
pub const SMALL_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Files opened ahead of the decoder, per partition: hides the latency of many tiny files,
const FILES_AHEAD_MAX: usize = 16;
/// as long as the bodies waiting in memory stay within this.
const BYTES_AHEAD_MAX: u64 = 16 * 1024 * 1024;

/// Reads pinned Parquet files, with `_row` at a place of its output.
#[derive(Debug)]
pub struct ChangeScanExec {
    input: Arc<dyn ExecutionPlan>,
    row_at: Option<usize>,
    properties: Arc<PlanProperties>,
}

impl ChangeScanExec {
    /// `input` is a Parquet scan whose files carry (ordinal, ETag) as partition values; `row_at` is where `_row` stands in the
    /// output, or `None` if it is not wanted.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, row_at: Option<usize>) -> Result<Self> {
        let mut fields: Vec<FieldRef> = input.schema().fields().iter().cloned().collect();
        if let Some(at) = row_at {
            if at > fields.len() {
                return internal_err!("{ROW_COLUMN} cannot stand at {at} of {} columns", fields.len());
            }
            fields.insert(at, Arc::new(row_field()));
        }
        let schema = Arc::new(Schema::new(fields));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            input.properties().output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self { input, row_at, properties: Arc::new(properties) })
    }

    /// Where `_row` stands in the output.
    pub fn row_at(&self) -> Option<usize> {
        self.row_at
    }

    fn parquet_scan(&self) -> Result<(&FileScanConfig, &ParquetSource)> {
        let Some(scan) = self.input.downcast_ref::<DataSourceExec>() else {
            return internal_err!("the input of a change scan is a {}", self.input.name());
        };
        let Some(parts) = scan.downcast_to_file_source::<ParquetSource>() else {
            return internal_err!("the input of a change scan does not read Parquet");
        };
        Ok(parts)
    }
}

impl DisplayAs for ChangeScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row_at {
            Some(at) => write!(f, "ChangeScanExec: {ROW_COLUMN} at {at}"),
            None => write!(f, "ChangeScanExec"),
        }
    }
}

impl ExecutionPlan for ChangeScanExec {
    fn name(&self) -> &'static str {
        "ChangeScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        // It does, but saying so lets the optimizer push a sort in between, and the input must stay the bare scan.
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        NO_EXPRESSIONS
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self::try_new(input, self.row_at)?)),
            Err(children) => internal_err!("a change scan has one input, not {}", children.len()),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (config, source) = self.parquet_scan()?;
        let Some(group) = config.file_groups.get(partition) else {
            return internal_err!(
                "a change scan of {} partitions has no partition {partition}",
                config.file_groups.len()
            );
        };
        let files = group.files().to_vec();
        let ahead = files_ahead(&files);
        let schema = self.schema();
        let reader = Arc::new(FileReader {
            store: context.runtime_env().object_store(&config.object_store_url)?,
            store_url: config.object_store_url.to_string(),
            mode_max_bytes: whole_file_bytes(source),
            template: scan_template(config, source, self.row_at)?,
            schema: Arc::clone(&schema),
            context,
        });
        // Each file is opened by a task of its own, so that it arrives while the decoder is busy with another.
        let opened = futures::stream::iter(files).map(move |file| {
            let reader = Arc::clone(&reader);
            let opening = SpawnedTask::spawn({
                let reader = Arc::clone(&reader);
                let file = file.clone();
                async move { reader.open(&file).await }
            });
            async move {
                let opened =
                    opening.join().await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
                reader.rows(file, opened)
            }
        });
        let rows = opened.buffered(ahead).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// How many files may be open at once: many if they are tiny, two if they are not.
fn files_ahead(files: &[PartitionedFile]) -> usize {
    let bytes: u64 = files.iter().map(|file| file.object_meta.size.min(WHOLE_FILE_BYTES_MAX)).sum();
    let average = bytes / (files.len().max(1) as u64) + 1;
    usize::try_from(BYTES_AHEAD_MAX / average).unwrap_or(FILES_AHEAD_MAX).clamp(2, FILES_AHEAD_MAX)
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

/// The scan of any one of the files: as planned, with the row number added where it is wanted.
fn scan_template(config: &FileScanConfig, source: &ParquetSource, row_at: Option<usize>) -> Result<ScanTemplate> {
    let old = source.table_schema();
    let mut exprs: Vec<ProjectionExpr> = match source.projection() {
        Some(projection) => projection.iter().cloned().collect(),
        None => return internal_err!("a Parquet scan always has a projection"),
    };
    let table_schema = match row_at {
        None => old.clone(),
        Some(at) => {
            let row: FieldRef = Arc::new(row_field().with_extension_type(RowNumber));
            let column = Column::new(ROW_COLUMN, old.table_schema().fields().len());
            exprs.insert(at, ProjectionExpr::new(Arc::new(column), ROW_COLUMN));
            TableSchema::builder(Arc::clone(old.file_schema()))
                .with_table_partition_cols(old.table_partition_cols().clone())
                .with_virtual_columns(vec![row])
                .build()
        }
    };
    let source = ParquetSource::new(table_schema).with_table_parquet_options(source.table_parquet_options().clone());
    let config = FileScanConfigBuilder::new(config.object_store_url.clone(), Arc::new(source.clone()))
        .with_limit(config.limit)
        .with_preserve_order(true)
        .with_batch_size(config.batch_size);
    Ok(ScanTemplate { config, source, projection: ProjectionExprs::new(exprs) })
}

#[derive(Clone)]
struct ScanTemplate {
    config: FileScanConfigBuilder,
    source: ParquetSource,
    projection: ProjectionExprs,
}

/// What reading one file of a partition takes.
struct FileReader {
    store: Arc<dyn ObjectStore>,
    store_url: String,
    mode_max_bytes: u64,
    template: ScanTemplate,
    schema: SchemaRef,
    context: Arc<TaskContext>,
}

impl FileReader {
    async fn open(&self, file: &PartitionedFile) -> Result<OpenedFile> {
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

    /// The rows of one open file, under this scan's own schema.
    fn rows(&self, file: PartitionedFile, opened: OpenedFile) -> Result<SendableRecordBatchStream> {
        let name = format!("{}{}", self.store_url, file.object_meta.location);
        let ScanTemplate { config, source, projection } = self.template.clone();
        let source = source.with_parquet_file_reader_factory(Arc::new(OpenedFileFactory(opened)));
        let Some(source) = source.try_pushdown_projection(&projection)? else {
            return internal_err!("a Parquet scan takes any projection");
        };
        let config = config.with_source(source).with_file_groups(vec![FileGroup::new(vec![file])]).build();
        let batches = DataSourceExec::from_data_source(config).execute(0, Arc::clone(&self.context))?;
        let schema = Arc::clone(&self.schema);
        let relabelled = batches.map(move |batch| match batch {
            Ok(batch) => {
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options)?)
            }
            Err(error) => Err(error.context(format!("failed to read {name}"))),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), relabelled)))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_tiny_files_are_opened_at_once_and_large_ones_two_at_a_time() {
        let files = |size| vec![PartitionedFile::new("a", size); 40];
        assert_eq!(files_ahead(&files(64 * 1024)), 16);
        assert_eq!(files_ahead(&files(1024 * 1024)), 15);
        assert_eq!(files_ahead(&files(4 * 1024 * 1024)), 3);
        assert_eq!(files_ahead(&files(1024 * 1024 * 1024)), 3);
        assert_eq!(files_ahead(&[]), 16);
    }
}
