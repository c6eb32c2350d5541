//! The node that reads pinned files: it wraps DataFusion's Parquet scan and adds each row's place.
//!
//! It wraps, and is not a leaf, because Ballista gives each task its share of the files by slicing `DataSourceExec` and copies
//! other leaves whole, and because virtual columns do not survive its wire. Files are opened one scan each, some ahead of the
//! decoder. A second input may name the positions of the rows to keep; then only those are read.
//!
//! What must stay true: partition `p` yields exactly the rows of file group `p`, file after file, row after row, or those of
//! them that are kept; no other filter enters; errors name the file.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{SharedResult, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileScanConfig, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::change_table::{NO_EXPRESSIONS, POSITION_COLUMN, ROW_COLUMN, position_field, row_field};
use crate::file_rows::{FileReader, ordinal};
use crate::kept_rows::KeptRows;

/// Up to this size a file of which most columns are wanted comes with one request.
pub const WHOLE_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Up to this size any file does: a second request takes longer than the bytes saved.
pub const SMALL_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Files opened ahead of the decoder, per partition: hides the latency of many tiny files,
const FILES_AHEAD_MAX: usize = 16;
/// as long as the bodies waiting in memory stay within this.
const BYTES_AHEAD_MAX: u64 = 16 * 1024 * 1024;

/// Where the columns of a scan's own stand in its output; `None`: not wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    pub row_at: Option<usize>,
    pub position_at: Option<usize>,
}

impl Places {
    /// Whether rows are to be numbered at all.
    pub(crate) fn any(self) -> bool {
        self.row_at.is_some() || self.position_at.is_some()
    }

    /// The columns in the order of their places.
    fn fields(self) -> Vec<(usize, FieldRef)> {
        let row = self.row_at.map(|at| (at, Arc::new(row_field())));
        let position = self.position_at.map(|at| (at, Arc::new(position_field())));
        let mut fields: Vec<_> = row.into_iter().chain(position).collect();
        fields.sort_by_key(|(at, _)| *at);
        fields
    }
}

/// What is kept, once it is known: the partitions of a node share it.
type Kept = Arc<OnceCell<SharedResult<Arc<KeptRows>>>>;

/// Reads pinned Parquet files.
#[derive(Debug, Clone)]
pub struct ChangeScanExec {
    input: Arc<dyn ExecutionPlan>,
    /// Positions of the rows to keep, in one partition.
    positions: Option<Arc<dyn ExecutionPlan>>,
    kept: Kept,
    places: Places,
    properties: Arc<PlanProperties>,
}

impl ChangeScanExec {
    /// `input` is a Parquet scan whose files carry (ordinal, ETag) as partition values.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, places: Places) -> Result<Self> {
        let mut fields: Vec<FieldRef> = input.schema().fields().iter().cloned().collect();
        for (at, field) in places.fields() {
            if at > fields.len() {
                return internal_err!("{} cannot stand at {at} of {} columns", field.name(), fields.len());
            }
            fields.insert(at, field);
        }
        let schema = Arc::new(Schema::new(fields));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            input.properties().output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self { input, positions: None, kept: Kept::default(), places, properties: Arc::new(properties) })
    }

    /// The scan of the rows alone whose positions, as in [`POSITION_COLUMN`], are in the one column of `positions`.
    pub fn keeping(self, positions: Arc<dyn ExecutionPlan>) -> Self {
        Self { positions: Some(positions), kept: Kept::default(), ..self }
    }

    /// Whether all rows are read.
    pub fn keeps_all(&self) -> bool {
        self.positions.is_none()
    }

    /// Where the columns of its own stand in the output.
    pub fn places(&self) -> Places {
        self.places
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

    /// What is to be kept of the files of all partitions; `None`: everything.
    async fn kept_rows(&self, context: Arc<TaskContext>) -> Result<Option<Arc<KeptRows>>> {
        let Some(positions) = &self.positions else { return Ok(None) };
        // An error is kept as well: the input can't be asked twice.
        let collect = || async {
            let ordinals: Result<Vec<usize>> =
                self.parquet_scan()?.0.file_groups.iter().flat_map(|group| group.files()).map(ordinal).collect();
            let stream = positions.execute(0, Arc::clone(&context))?;
            KeptRows::collect(ordinals?, stream, context.memory_pool()).await.map(Arc::new)
        };
        let kept = self.kept.get_or_init(|| async { collect().await.map_err(Arc::new) }).await;
        kept.clone().map(Some).map_err(DataFusionError::Shared)
    }
}

impl DisplayAs for ChangeScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangeScanExec: ")?;
        match self.positions {
            Some(_) => write!(f, "rows whose {POSITION_COLUMN} is in the second input")?,
            None => write!(f, "all rows")?,
        }
        for (name, at) in [(ROW_COLUMN, self.places.row_at), (POSITION_COLUMN, self.places.position_at)] {
            if let Some(at) = at {
                write!(f, ", {name} at {at}")?;
            }
        }
        Ok(())
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
        std::iter::once(&self.input).chain(&self.positions).collect()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        // Every partition, and on a cluster every task, needs all positions, and its own files alone.
        let positions = self.positions.iter().map(|_| Distribution::SinglePartition);
        InputDistributionRequirements::new(
            std::iter::once(Distribution::UnspecifiedDistribution).chain(positions).collect(),
        )
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.children().len()]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        // It does, but saying so lets the optimizer push a sort in between, and the input must stay the bare scan.
        vec![false; self.children().len()]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        NO_EXPRESSIONS
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.as_slice(), self.keeps_all()) {
            ([input], true) => Ok(Arc::new(Self::try_new(Arc::clone(input), self.places)?)),
            ([input, positions], false) => {
                Ok(Arc::new(Self::try_new(Arc::clone(input), self.places)?.keeping(Arc::clone(positions))))
            }
            (children, _) => internal_err!("a change scan does not take {} inputs", children.len()),
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
        let schema = self.schema();
        let reader =
            Arc::new(FileReader::new((config, source), self.places, Arc::clone(&schema), Arc::clone(&context))?);
        let scan = self.clone();
        let rows = futures::stream::once(async move {
            let kept = scan.kept_rows(context).await?;
            Ok::<_, DataFusionError>(rows_of_files(reader, wanted_files(files, kept.as_deref())?, kept))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows.try_flatten())))
    }
}

/// The files of which anything is kept.
fn wanted_files(files: Vec<PartitionedFile>, kept: Option<&KeptRows>) -> Result<Vec<PartitionedFile>> {
    let Some(kept) = kept else { return Ok(files) };
    let mut wanted = Vec::with_capacity(files.len());
    for file in files {
        if !kept.skips(ordinal(&file)?) {
            wanted.push(file);
        }
    }
    Ok(wanted)
}

fn rows_of_files(
    reader: Arc<FileReader>,
    files: Vec<PartitionedFile>,
    kept: Option<Arc<KeptRows>>,
) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
    let ahead = files_ahead(&files);
    // Each file is opened by a task of its own, so that it arrives while the decoder is busy with another.
    let opened = futures::stream::iter(files).map(move |file| {
        let (reader, kept) = (Arc::clone(&reader), kept.clone());
        let opening = SpawnedTask::spawn({
            let reader = Arc::clone(&reader);
            let file = file.clone();
            async move { reader.open(&file).await }
        });
        async move {
            let opened = opening.join().await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
            reader.rows(file, opened, kept.as_deref())
        }
    });
    opened.buffered(ahead).try_flatten()
}

/// How many files may be open at once: many if they are tiny, two if they are not.
fn files_ahead(files: &[PartitionedFile]) -> usize {
    let bytes: u64 = files.iter().map(|file| file.object_meta.size.min(WHOLE_FILE_BYTES_MAX)).sum();
    let average = bytes / (files.len().max(1) as u64) + 1;
    usize::try_from(BYTES_AHEAD_MAX / average).unwrap_or(FILES_AHEAD_MAX).clamp(2, FILES_AHEAD_MAX)
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
