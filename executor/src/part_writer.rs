//! Lets every partition of a plan write its own Parquet object; what the plan returns is their list.
//!
//! `COPY … TO` is planned as one task; this stays as parallel as its input. What must stay true: an object in the list is
//! complete; a partition without rows writes nothing; a task that runs again writes a new object, so what is not in the list
//! of the successful job is litter, never data; memory per writer is bounded.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use datafusion::arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::parquet::arrow::AsyncArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use futures::StreamExt;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use url::Url;
use uuid::Uuid;

use crate::change_table::NO_EXPRESSIONS;

/// Rows of a row group: large enough to compress well, small enough to read back in parallel.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// A row group is also closed at this size, encoded: rows can be wide, and a row group is built in memory.
const ROW_GROUP_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A dictionary that outgrows this is given up: a column with more values than that is mostly unique ones, and looking each up
/// costs more than it saves.
const DICTIONARY_BYTES_MAX: usize = 128 * 1024;

static PARTS_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("rows", DataType::Int64, false),
        Field::new("bytes", DataType::Int64, false),
    ]))
});
static PARTS_DF_SCHEMA: LazyLock<DFSchemaRef> =
    LazyLock::new(|| Arc::new(DFSchema::try_from(PARTS_SCHEMA.as_ref().clone()).expect("the three names differ")));

/// One object a plan wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    /// The key within the store.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
}

/// `input`, with every partition written below `prefix`; its rows are read with [`parts`].
pub fn write_parts_plan(input: LogicalPlan, prefix: &Url) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(PartWrite { input, prefix: prefix.to_string() }) })
}

/// Reads the rows of a part-writing plan, ordered by path.
pub fn parts(batches: &[RecordBatch]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for batch in batches {
        let (Some(paths), Some(rows), Some(bytes)) = (
            batch.columns().first().and_then(|column| column.as_any().downcast_ref::<StringArray>()),
            batch.columns().get(1).and_then(|column| column.as_any().downcast_ref::<Int64Array>()),
            batch.columns().get(2).and_then(|column| column.as_any().downcast_ref::<Int64Array>()),
        ) else {
            return internal_err!("a list of parts has path, rows and bytes, not {}", batch.schema());
        };
        for row in 0..batch.num_rows() {
            parts.push(Part {
                path: paths.value(row).to_owned(),
                rows: rows.value(row).unsigned_abs(),
                bytes: bytes.value(row).unsigned_abs(),
            });
        }
    }
    parts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(parts)
}

/// The logical node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartWrite {
    pub(crate) input: LogicalPlan,
    pub(crate) prefix: String,
}

impl PartialOrd for PartWrite {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (&self.prefix, &self.input).partial_cmp(&(&other.prefix, &other.input))
    }
}

impl UserDefinedLogicalNodeCore for PartWrite {
    fn name(&self) -> &'static str {
        "PartWrite"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &PARTS_DF_SCHEMA
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartWrite: {}", self.prefix)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match <[_; 1]>::try_from(inputs) {
            Ok([input]) => Ok(Self { input, prefix: self.prefix.clone() }),
            Err(inputs) => internal_err!("a part writer has one input, not {}", inputs.len()),
        }
    }
}

/// DataFusion's planner, knowing the part writer.
#[derive(Debug)]
pub struct PartWritePlanner;

#[async_trait]
impl QueryPlanner for PartWritePlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(PartWriteExtension)])
            .create_physical_plan(plan, session)
            .await
    }
}

#[derive(Debug)]
struct PartWriteExtension;

#[async_trait]
impl ExtensionPlanner for PartWriteExtension {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        match (node.as_any().downcast_ref::<PartWrite>(), inputs) {
            (Some(write), [input]) => Ok(Some(Arc::new(PartWriteExec::new(Arc::clone(input), write.prefix.clone())))),
            _ => Ok(None),
        }
    }
}

/// The physical node.
#[derive(Debug)]
pub struct PartWriteExec {
    input: Arc<dyn ExecutionPlan>,
    prefix: String,
    properties: Arc<PlanProperties>,
}

impl PartWriteExec {
    /// `prefix` is a URL.
    pub fn new(input: Arc<dyn ExecutionPlan>, prefix: String) -> Self {
        let partitions = input.properties().output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&PARTS_SCHEMA)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { input, prefix, properties: Arc::new(properties) }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl DisplayAs for PartWriteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartWriteExec: {}", self.prefix)
    }
}

impl ExecutionPlan for PartWriteExec {
    fn name(&self) -> &'static str {
        "PartWriteExec"
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

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        NO_EXPRESSIONS
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self::new(input, self.prefix.clone()))),
            Err(children) => internal_err!("a part writer has one input, not {}", children.len()),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let url = Url::parse(&self.prefix).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let root = ObjectStoreUrl::parse(&url[..url::Position::BeforePath])?;
        let store = context.runtime_env().object_store(&root)?;
        let prefix = Path::from_url_path(url.path()).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let input = self.input.execute(partition, context)?;
        let written = futures::stream::once(write_part(input, store, prefix)).filter_map(|part| async {
            match part {
                Ok(None) => None,
                Ok(Some(part)) => Some(part_batch(&part)),
                Err(error) => Some(Err(error)),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&PARTS_SCHEMA), written)))
    }
}

fn part_batch(part: &Part) -> Result<RecordBatch> {
    let signed = |value: u64| i64::try_from(value).map_err(|error| DataFusionError::External(Box::new(error)));
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(StringArray::from(vec![part.path.as_str()])),
        Arc::new(Int64Array::from(vec![signed(part.rows)?])),
        Arc::new(Int64Array::from(vec![signed(part.bytes)?])),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&PARTS_SCHEMA), columns)?)
}

/// Writes one partition, or nothing if it has no rows.
async fn write_part(
    mut input: SendableRecordBatchStream,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
) -> Result<Option<Part>> {
    let mut upload: Option<Upload> = None;
    while let Some(batch) = input.next().await {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        let upload = match &mut upload {
            Some(upload) => upload,
            None => upload.insert(Upload::start(&store, &prefix, batch.schema())?),
        };
        upload.write(&batch).await?;
    }
    match upload {
        Some(upload) => Ok(Some(upload.finish().await?)),
        None => Ok(None),
    }
}

type PartFile = AsyncArrowWriter<BufWriter>;

/// An object being written. Dropped before its end, by an error or a cancelled task, it aborts what was sent so far.
struct Upload {
    writer: Option<PartFile>,
    path: Path,
    rows: u64,
}

impl Upload {
    fn start(store: &Arc<dyn ObjectStore>, prefix: &Path, schema: SchemaRef) -> Result<Self> {
        // A name of its own for each attempt: an earlier attempt of this task may still be writing.
        let path = prefix.clone().join(format!("part-{}.parquet", Uuid::now_v7()));
        let properties = WriterProperties::builder()
            // These objects are read once, soon, nearby; and every loader of Parquet knows Snappy.
            .set_compression(Compression::SNAPPY)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
            // They are read whole: no reader asks for bounds.
            .set_statistics_enabled(EnabledStatistics::None)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let sink = BufWriter::new(Arc::clone(store), path.clone());
        let writer = AsyncArrowWriter::try_new(sink, schema, Some(properties))?;
        Ok(Self { writer: Some(writer), path, rows: 0 })
    }

    fn writer(&mut self) -> &mut PartFile {
        self.writer.as_mut().expect("only finish and drop take the writer")
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let writer = self.writer();
        writer.write(batch).await?;
        if writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
            writer.flush().await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Part> {
        // Out of reach of `drop`: once its shutdown has begun, the buffered writer panics when it is told to abort.
        let mut writer = self.writer.take().expect("only finish and drop take the writer");
        writer.finish().await?;
        let bytes = writer.bytes_written() as u64;
        Ok(Part { path: self.path.to_string(), rows: self.rows, bytes })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let path = self.path.clone();
        // Best effort: what a killed process leaves, the bucket's rule for incomplete uploads removes.
        runtime.spawn(async move {
            if let Err(error) = writer.into_inner().abort().await {
                tracing::warn!(path = %path, error = %error, "an unfinished upload could not be aborted");
            }
        });
    }
}
