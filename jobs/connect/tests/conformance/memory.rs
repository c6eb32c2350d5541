//! Reduced batches and quarantines that live in memory.

use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use quarrel_connect::reduced::{
    BadRow, FILE, OPERATION, Quarantine, QuarantineError, ROW, ReducedError, ReducedRows, RowStream,
};
use quarrel_model::schema::{ColumnType, FileColumn, FileSchema};
use tokio::sync::Barrier;

/// A row: its operation, and its cells as text; `NULL` is NULL.
pub type Change<'a> = (&'a str, &'a [&'a str]);

/// A reduced batch.
pub struct MemoryRows {
    schema: SchemaRef,
    parts: Vec<Vec<RecordBatch>>,
    /// What readers wait for before they get a part: so many must have opened one.
    together: Option<Arc<Barrier>>,
    /// Whether parts end, or hang after their last batch.
    ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Ends,
    Hangs,
}

impl MemoryRows {
    /// One part of one batch. Cells are read as Arrow reads texts. The n-th row is row n of file 0.
    pub fn new(columns: &[(&str, DataType)], changes: &[Change<'_>]) -> MemoryRows {
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (place, (name, data_type)) in columns.iter().enumerate() {
            let texts: StringArray = changes
                .iter()
                .map(|(_, cells)| if cells[place] == "NULL" { None } else { Some(cells[place]) })
                .collect();
            let array = cast(&texts, data_type).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(array.null_count(), texts.null_count(), "{name}: a cell can't be read as {data_type}");
            arrays.push(array);
        }
        MemoryRows::of_arrays(columns, changes.iter().map(|(operation, _)| *operation).collect(), arrays)
    }

    /// One part of one batch, of arrays.
    pub fn of_arrays(columns: &[(&str, DataType)], operations: Vec<&str>, arrays: Vec<ArrayRef>) -> MemoryRows {
        let mut fields = vec![
            Field::new(OPERATION, DataType::Utf8, false),
            Field::new(FILE, DataType::Int32, false),
            Field::new(ROW, DataType::Int64, false),
        ];
        fields.extend(columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)));
        let schema = Arc::new(Schema::new(fields));
        let rows = operations.len();
        let mut all: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(operations)),
            Arc::new(Int32Array::from(vec![0; rows])),
            Arc::new(Int64Array::from_iter_values(0..rows as i64)),
        ];
        all.extend(arrays);
        let batch = RecordBatch::try_new(Arc::clone(&schema), all).unwrap();
        MemoryRows { schema, parts: vec![vec![batch]], together: None, ending: Ending::Ends }
    }

    /// The same rows in so many parts, in batches of at most so many rows.
    pub fn split(self, parts: usize, batch_rows: usize) -> MemoryRows {
        let whole = self.parts[0][0].clone();
        let mut split = vec![Vec::new(); parts];
        for (number, start) in (0..whole.num_rows()).step_by(batch_rows).enumerate() {
            split[number % parts].push(whole.slice(start, batch_rows.min(whole.num_rows() - start)));
        }
        MemoryRows { parts: split, ..self }
    }

    /// Gives out parts only when so many readers have asked for one.
    pub fn opened_together(self, readers: usize) -> MemoryRows {
        MemoryRows { together: Some(Arc::new(Barrier::new(readers))), ..self }
    }

    pub fn ending(self, ending: Ending) -> MemoryRows {
        MemoryRows { ending, ..self }
    }

    /// The schema of the change files these rows come from.
    pub fn file_schema(&self) -> FileSchema {
        let fields = self.schema.fields().iter().skip(3);
        let column = |field: &Arc<Field>| FileColumn {
            name: field.name().clone(),
            column_type: match field.data_type() {
                DataType::Boolean => ColumnType::Boolean,
                DataType::Int32 => ColumnType::Integer(32),
                DataType::Int64 => ColumnType::Integer(64),
                DataType::UInt64 => ColumnType::Unsigned(64),
                DataType::Float64 => ColumnType::Float64,
                DataType::Decimal128(precision, scale) => ColumnType::Decimal { precision: *precision, scale: *scale },
                DataType::Utf8 => ColumnType::Text,
                DataType::Binary => ColumnType::Binary,
                DataType::Date32 => ColumnType::Date,
                DataType::Time64(_) => ColumnType::Time,
                DataType::Timestamp(_, zone) => ColumnType::Timestamp { zoned: zone.is_some() },
                other => panic!("no test uses {other}"),
            },
        };
        FileSchema { columns: fields.map(column).collect() }
    }
}

#[async_trait]
impl ReducedRows for MemoryRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn parts(&self) -> usize {
        self.parts.len()
    }

    fn rows(&self) -> u64 {
        self.parts.iter().flatten().map(|batch| batch.num_rows() as u64).sum()
    }

    async fn open(&self, part: usize) -> Result<RowStream, ReducedError> {
        if let Some(barrier) = &self.together {
            barrier.wait().await;
        }
        let batches = stream::iter(self.parts[part].clone().into_iter().map(Ok));
        Ok(match self.ending {
            Ending::Ends => batches.boxed(),
            Ending::Hangs => batches.chain(stream::pending()).boxed(),
        })
    }

    fn file_name(&self, ordinal: i32) -> String {
        format!("file-{ordinal}")
    }
}

/// A row that was kept apart: column, reason, and the row's cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub column: String,
    pub reason: String,
    pub first_cell: String,
}

/// A quarantine that remembers.
#[derive(Debug, Default)]
pub struct MemoryQuarantine {
    kept: Mutex<Vec<Kept>>,
}

impl MemoryQuarantine {
    pub fn kept(&self) -> Vec<Kept> {
        self.kept.lock().unwrap().clone()
    }
}

#[async_trait]
impl Quarantine for MemoryQuarantine {
    async fn restart(&self) -> Result<(), QuarantineError> {
        self.kept.lock().unwrap().clear();
        Ok(())
    }

    async fn keep(&self, batch: &RecordBatch, rows: &[BadRow]) -> Result<(), QuarantineError> {
        let first = cast(batch.column(3), &DataType::Utf8).unwrap();
        let first: &StringArray = first.as_any().downcast_ref().unwrap();
        let kept = rows.iter().map(|bad| Kept {
            column: bad.column.clone(),
            reason: bad.reason.clone(),
            first_cell: first.value(bad.index).to_owned(),
        });
        self.kept.lock().unwrap().extend(kept);
        Ok(())
    }
}
