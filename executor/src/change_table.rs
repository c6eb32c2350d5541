//! A frozen list of Parquet files as one table, each row with the place it came from.
//!
//! The table has the columns of `file_schema` (a file that lacks one gives NULL), then `_file`, the file's ordinal in the list,
//! `_row`, the row's place in its file, and `_position`, both in one number that grows along the list. What must stay true: on
//! every node, in one process or many, each (file, row) comes out exactly once; the files are the pinned versions.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::common::config::TableParquetOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::change_scan::{ChangeScanExec, Places};
pub use crate::pinned_reader::PinnedFile;

/// The ordinal of a row's file in the table's list, `Int32`.
pub const FILE_COLUMN: &str = "_file";
/// The place of a row in its file, `Int64`, from 0.
pub const ROW_COLUMN: &str = "_row";
/// File and row as one number, `Int64`: the ordinal × 2³² + the row. No two rows share one, and it grows along the list.
pub const POSITION_COLUMN: &str = "_position";
/// The columns that a table adds to those of its files, at their end.
pub(crate) const OWN_COLUMNS: usize = 3;
/// Carries each file's ETag to the node that reads it; never a column of the table.
pub(crate) const ETAG_COLUMN: &str = "_file_etag";

/// Opening a file costs about as much as reading this many bytes more: so many tiny files weigh something, too.
const OPEN_COST_BYTES: u64 = 64 * 1024;

/// Why a list of files cannot be a table.
#[derive(Debug, thiserror::Error)]
pub enum ChangeTableError {
    #[error("the files have a column named {name}, which change tables keep for themselves")]
    ReservedColumn { name: String },
    #[error("{count} files are more than one change table can number")]
    TooManyFiles { count: usize },
    #[error("{path} is not a valid key")]
    Path { path: String, source: object_store::path::Error },
    #[error("{url} is not the root of a store")]
    StoreUrl { url: String, source: DataFusionError },
}

/// Pinned Parquet files, in order, as a table.
#[derive(Debug, Clone)]
pub struct ChangeTable {
    store_url: ObjectStoreUrl,
    files: Arc<Vec<PinnedFile>>,
    file_schema: SchemaRef,
    schema: SchemaRef,
}

impl ChangeTable {
    /// `store_url` is the root of the store (`s3://bucket/` or `file:///`); `file_schema` the union of the files' columns.
    /// Columns become nullable, since a file may lack one.
    pub fn new(store_url: &str, files: Vec<PinnedFile>, file_schema: &Schema) -> Result<Self, ChangeTableError> {
        if i32::try_from(files.len()).is_err() {
            return Err(ChangeTableError::TooManyFiles { count: files.len() });
        }
        for file in &files {
            Path::parse(&file.path).map_err(|source| ChangeTableError::Path { path: file.path.clone(), source })?;
        }
        for name in [FILE_COLUMN, ROW_COLUMN, POSITION_COLUMN, ETAG_COLUMN] {
            if file_schema.field_with_name(name).is_ok() {
                return Err(ChangeTableError::ReservedColumn { name: name.to_owned() });
            }
        }
        let store_url = ObjectStoreUrl::parse(store_url)
            .map_err(|source| ChangeTableError::StoreUrl { url: store_url.to_owned(), source })?;
        let fields: Vec<FieldRef> =
            file_schema.fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
        let mut all = fields.clone();
        all.push(Arc::new(file_field()));
        all.push(Arc::new(row_field()));
        all.push(Arc::new(position_field()));
        Ok(Self {
            store_url,
            files: Arc::new(files),
            file_schema: Arc::new(Schema::new(fields)),
            schema: Arc::new(Schema::new(all)),
        })
    }

    /// The files, by ordinal.
    pub fn files(&self) -> &[PinnedFile] {
        &self.files
    }

    /// The root of the store the files are in.
    pub fn store_url(&self) -> &str {
        self.store_url.as_str()
    }

    /// The files in at most `partitions` groups of about equal cost, each in order.
    fn file_groups(&self, partitions: usize) -> Result<Vec<FileGroup>> {
        let costs: Vec<u64> = self.files.iter().map(|file| file.size + OPEN_COST_BYTES).collect();
        let of_ordinal = |ordinal: usize| partitioned_file(ordinal, &self.files[ordinal]);
        let groups = deal(&costs, partitions).into_iter();
        groups.map(|group| Ok(FileGroup::new(group.into_iter().map(of_ordinal).collect::<Result<_>>()?))).collect()
    }
}

pub(crate) fn file_field() -> Field {
    Field::new(FILE_COLUMN, DataType::Int32, false)
}

pub(crate) fn row_field() -> Field {
    Field::new(ROW_COLUMN, DataType::Int64, false)
}

pub(crate) fn position_field() -> Field {
    Field::new(POSITION_COLUMN, DataType::Int64, false)
}

fn partitioned_file(ordinal: usize, file: &PinnedFile) -> Result<PartitionedFile> {
    let location = Path::parse(&file.path).map_err(|error| DataFusionError::External(Box::new(error)))?;
    let ordinal = i32::try_from(ordinal).expect("ChangeTable::new counts the files");
    let meta = ObjectMeta {
        location,
        last_modified: Default::default(),
        size: file.size,
        e_tag: file.etag.clone(),
        version: None,
    };
    // Only the partition values of a file reach another node.
    Ok(PartitionedFile::new_from_meta(meta)
        .with_partition_values(vec![ScalarValue::Int32(Some(ordinal)), ScalarValue::Utf8(file.etag.clone())]))
}

/// Deals the items out to at most `parts` groups, each to the one with the least so far; no group is empty.
///
/// Neighbours go to different groups, and that matters: the last changes of keys lie mostly in the last files, and a group of
/// those would have nearly all the rows to keep and to write.
fn deal(costs: &[u64], parts: usize) -> Vec<Vec<usize>> {
    let mut groups: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new()); parts.clamp(1, costs.len().max(1))];
    for (item, cost) in costs.iter().enumerate() {
        let least = groups.iter_mut().min_by_key(|(sum, items)| (*sum, items.len()));
        let (sum, items) = least.expect("there is at least one group");
        *sum += cost;
        items.push(item);
    }
    groups.into_iter().map(|(_, items)| items).filter(|items| !items.is_empty()).collect()
}

#[async_trait]
impl TableProvider for ChangeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let position_index = self.schema.fields().len() - 1;
        let row_index = position_index - 1;
        let wanted: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..=position_index).collect(),
        };
        if self.files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(&wanted)?))));
        }
        let place_of = |own: usize| wanted.iter().position(|index| *index == own);
        let places = Places { row_at: place_of(row_index), position_at: place_of(position_index) };
        let inner: Vec<usize> = wanted.into_iter().filter(|index| *index < row_index).collect();

        let table_schema = TableSchema::builder(Arc::clone(&self.file_schema))
            .with_table_partition_cols(vec![
                Arc::new(file_field()) as FieldRef,
                Arc::new(Field::new(ETAG_COLUMN, DataType::Utf8, true)),
            ])
            .build();
        let mut parquet = state.config_options().execution.parquet.clone();
        // No predicate ever reaches these scans, so nothing that serves one is worth reading.
        parquet.pruning = false;
        parquet.enable_page_index = false;
        parquet.bloom_filter_on_read = false;
        let options = TableParquetOptions { global: parquet, ..TableParquetOptions::default() };
        let source = ParquetSource::new(table_schema).with_table_parquet_options(options);
        let config = FileScanConfigBuilder::new(self.store_url.clone(), Arc::new(source))
            .with_file_groups(self.file_groups(state.config().target_partitions())?)
            .with_projection_indices(Some(inner))?
            .with_limit(limit)
            .with_preserve_order(true)
            .build();
        Ok(Arc::new(ChangeScanExec::try_new(DataSourceExec::from_data_source(config), places)?))
    }
}

/// Both the scan and the writer hold no expressions of their own.
pub(crate) const NO_EXPRESSIONS: Result<TreeNodeRecursion> = Ok(TreeNodeRecursion::Continue);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_go_to_different_groups_of_about_equal_cost() {
        assert_eq!(deal(&[1, 1, 1, 1, 1], 2), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(deal(&[10, 1, 1, 1, 1], 2), [vec![0], vec![1, 2, 3, 4]]);
        assert_eq!(deal(&[1, 1, 10, 1], 2), [vec![0, 2], vec![1, 3]]);
        assert_eq!(deal(&[5], 4), [vec![0]]);
        assert_eq!(deal(&[3, 3, 3], 8), [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn no_file_is_lost_or_read_twice_and_each_group_is_in_order() {
        for parts in 1..9 {
            for seed in 0..50_u64 {
                let costs: Vec<u64> = (0..1 + seed % 13).map(|i| 1 + (seed * 7919 + i * i * 104_729) % 1000).collect();
                let groups = deal(&costs, parts);
                assert!(groups.iter().all(|group| group.is_sorted()), "{groups:?}");
                let mut all: Vec<usize> = groups.into_iter().flatten().collect();
                all.sort();
                assert_eq!(all, (0..costs.len()).collect::<Vec<_>>(), "{costs:?} in {parts}");
            }
        }
    }

    #[test]
    fn a_file_with_a_reserved_column_is_refused() {
        let schema = Schema::new(vec![Field::new("_row", DataType::Int64, true)]);
        let error = ChangeTable::new("file:///", Vec::new(), &schema).unwrap_err();
        assert!(matches!(error, ChangeTableError::ReservedColumn { name } if name == "_row"));
    }
}
