//! Batches of a reduced batch as batches of the files that COPY reads, column by column, under the bad-value policies.
//!
//! # Invariants
//! - On a D row only the key is read: the other columns hold nothing that is known.
//! - A row that is refused or quarantined is in no file. The first fault of a row decides, in the order of the columns.

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use quarrel_model::target::LoadColumn;

use super::column::ColumnBuilder;
use super::plan::{StagePlan, StagedColumn};
use crate::reduced::BadRow;
use crate::rows::{Fault, Operation};
use crate::target::{Load, TargetError};
use crate::values::misfit::{Fit, Misfit};
use crate::values::policy::{Mending, mending_of};
use crate::values::value::{Cells, Value};

/// What became of the rows of a batch.
pub(super) struct Encoded {
    /// Of the files' schema.
    pub(super) batch: RecordBatch,
    pub(super) upserts: u64,
    pub(super) deletes: u64,
    /// Rows left out, in order, each once, with its first fault.
    pub(super) quarantined: Vec<BadRow>,
}

/// The first fault of a row, and what becomes of the row.
struct Found {
    column: usize,
    misfit: Misfit,
    fails: bool,
}

/// Encodes a batch.
///
/// # Errors
/// A value that the target can't hold, where the policy is to fail; an operation that is none.
pub(super) fn encode(plan: &StagePlan, load: &Load<'_>, batch: &RecordBatch) -> Result<Encoded, TargetError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| TargetError::Encode {
        batch: load.plan.batch.clone(),
        source,
    };
    let operations = plan.layout.operations(batch, &load.plan.target, load.rows.as_ref())?;
    let mut found: Vec<Option<Found>> = Vec::new();
    found.resize_with(batch.num_rows(), || None);
    let letters = operations.iter().map(|operation| match operation {
        Operation::Upsert => "U",
        Operation::Delete => "D",
    });
    let mut arrays: Vec<ArrayRef> = vec![std::sync::Arc::new(StringArray::from_iter_values(letters))];
    for (place, (column, index)) in plan.columns.iter().zip(&plan.layout.columns).enumerate() {
        let array = batch.column(*index);
        let cells = Cells::of(array.as_ref()).ok_or_else(|| TargetError::Incompatible {
            table: load.plan.target.clone(),
            column: column.load.target.name.clone(),
            from: array.data_type().to_string(),
            to: column.load.target.type_name.clone(),
        })?;
        let lane = Lane { place, column, array, cells };
        arrays.push(lane.build(&operations, &mut found).map_err(|error| failed(error.into()))?);
    }
    let whole = RecordBatch::try_new(plan.file_schema.clone(), arrays).map_err(|error| failed(error.into()))?;
    let quarantined = judge(plan, load, batch, &found)?;
    let kept = |wanted: Operation| {
        let rows = operations.iter().zip(&found);
        rows.filter(|(operation, found)| **operation == wanted && found.is_none()).count() as u64
    };
    let (upserts, deletes) = (kept(Operation::Upsert), kept(Operation::Delete));
    let batch = if quarantined.is_empty() {
        whole
    } else {
        let good: BooleanArray = found.iter().map(|found| Some(found.is_none())).collect();
        filter_record_batch(&whole, &good).map_err(|error| failed(error.into()))?
    };
    Ok(Encoded { batch, upserts, deletes, quarantined })
}

/// A column in one batch.
struct Lane<'a> {
    place: usize,
    column: &'a StagedColumn,
    array: &'a ArrayRef,
    cells: Cells<'a>,
}

impl Lane<'_> {
    fn build(
        &self,
        operations: &[Operation],
        found: &mut [Option<Found>],
    ) -> Result<ArrayRef, arrow::error::ArrowError> {
        let load = &self.column.load;
        let mut builder = ColumnBuilder::new(&self.column.column_type, operations.len());
        let mut scratch = String::new();
        for (row, operation) in operations.iter().enumerate() {
            if *operation == Operation::Delete && !load.in_key {
                self.append_nothing(&mut builder);
                continue;
            }
            let value = if self.array.is_null(row) { None } else { self.cells.value(row) };
            let misfit = match value {
                Some(value) => match builder.append(value, Fit::Exact, &mut scratch) {
                    Ok(()) => continue,
                    Err(misfit) => misfit,
                },
                None if takes_null(load) => {
                    builder.append_null();
                    continue;
                }
                None => Misfit::Null,
            };
            if let Some(fails) = self.mend(value, &mut builder, &mut scratch) {
                self.append_nothing(&mut builder);
                found[row].get_or_insert(Found { column: self.place, misfit, fails });
            }
        }
        builder.finish()
    }

    /// Fills the cell of a row whose value is of no interest.
    fn append_nothing(&self, builder: &mut ColumnBuilder) {
        if self.column.stage_nullable { builder.append_null() } else { builder.append_filler() }
    }

    /// Carries out the column's policy for a value that does not fit. None when something was appended in its place; else
    /// whether the load fails.
    #[cold]
    fn mend(&self, value: Option<Value<'_>>, builder: &mut ColumnBuilder, scratch: &mut String) -> Option<bool> {
        let load = &self.column.load;
        match (mending_of(load.on_bad_value, takes_null(load), value.is_some()), value) {
            (Mending::Null, _) => {
                builder.append_null();
                None
            }
            (Mending::Nearest, Some(value)) => match builder.append(value, Fit::Nearest, scratch) {
                Ok(()) => None,
                Err(_) => Some(true),
            },
            (Mending::Quarantine, _) => Some(false),
            (Mending::Fail, _) | (Mending::Nearest, None) => Some(true),
        }
    }
}

fn takes_null(load: &LoadColumn) -> bool {
    load.target.nullable && !load.in_key
}

/// The rows to quarantine.
///
/// # Errors
/// The first row with a fault that its column's policy does not let pass.
fn judge(
    plan: &StagePlan,
    load: &Load<'_>,
    batch: &RecordBatch,
    found: &[Option<Found>],
) -> Result<Vec<BadRow>, TargetError> {
    let mut quarantined = Vec::new();
    for (row, found) in found.iter().enumerate() {
        let Some(found) = found else { continue };
        if found.fails {
            let columns: Vec<LoadColumn> = plan.columns.iter().map(|column| column.load.clone()).collect();
            let fault = Fault { row, column: found.column, reason: found.misfit.to_string() };
            return Err(plan.layout.bad_value(batch, fault, &load.plan.target, &columns, load.rows.as_ref()));
        }
        let column = plan.columns[found.column].load.target.name.clone();
        quarantined.push(BadRow { index: row, column, reason: found.misfit.to_string() });
    }
    Ok(quarantined)
}
