//! One part of a full load in the shape of a reduced batch, so that what stages and checks batches does so for full loads.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use quarrel_model::batch::Digest;
use quarrel_model::position::Watermark;
use quarrel_model::replace::ReplacePlan;
use quarrel_model::schema::FileSchema;
use quarrel_model::target::LoadPlan;

use super::FullRows;
use crate::reduced::{FILE, OPERATION, ROW, ReducedError, ReducedRows, RowStream};

/// A part as a batch of inserts.
pub(crate) struct PartRows {
    rows: Arc<dyn FullRows>,
    part: usize,
    schema: SchemaRef,
}

impl PartRows {
    pub(crate) fn new(rows: Arc<dyn FullRows>, part: usize) -> PartRows {
        let own = [
            Field::new(OPERATION, DataType::Utf8, false),
            Field::new(FILE, DataType::Int32, false),
            Field::new(ROW, DataType::Int64, false),
        ];
        let data = rows.schema();
        let fields = own.into_iter().map(Arc::new).chain(data.fields().iter().cloned());
        PartRows { schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), rows, part }
    }
}

#[async_trait]
impl ReducedRows for PartRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn parts(&self) -> usize {
        1
    }

    /// Not known before the part has been read; nothing that takes parts asks for it.
    fn rows(&self) -> u64 {
        0
    }

    async fn open(&self, _part: usize) -> Result<RowStream, ReducedError> {
        let batches = self.rows.open(self.part).await?;
        let (schema, ordinal, path) = (Arc::clone(&self.schema), self.part, self.rows.part_name(self.part));
        let mut first_row = 0_i64;
        let shaped = batches.map(move |batch| {
            let batch = batch?;
            let count = batch.num_rows();
            let shaped = as_inserts(&schema, &batch, i32::try_from(ordinal).unwrap_or(i32::MAX), first_row);
            first_row += count as i64;
            shaped.map_err(|error| ReducedError { path: path.clone(), source: Box::new(error) })
        });
        Ok(shaped.boxed())
    }

    fn file_name(&self, ordinal: i32) -> String {
        match usize::try_from(ordinal) {
            Ok(part) if part < self.rows.parts() => self.rows.part_name(part),
            Ok(_) | Err(_) => format!("part {ordinal}"),
        }
    }
}

fn as_inserts(
    schema: &SchemaRef,
    batch: &RecordBatch,
    ordinal: i32,
    first_row: i64,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let rows = batch.num_rows();
    let own: [ArrayRef; 3] = [
        Arc::new(StringArray::from(vec!["I"; rows])),
        Arc::new(Int32Array::from(vec![ordinal; rows])),
        Arc::new(Int64Array::from_iter_values(first_row..first_row + rows as i64)),
    ];
    let columns = own.into_iter().chain(batch.columns().iter().cloned()).collect();
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// The plan of a load of one part. The table it names is the target, for messages; its rows go beside it.
pub(crate) fn part_plan(plan: &ReplacePlan) -> LoadPlan {
    LoadPlan {
        table: plan.table.clone(),
        target: plan.target.clone(),
        batch: plan.load.batch(),
        digest: Digest(plan.load.0.clone()),
        fence: plan.fence.clone(),
        after: None,
        add_columns: Vec::new(),
        columns: plan.columns.clone(),
        ignored_columns: plan.ignored_columns.clone(),
        key_is_unique: false,
        schema: FileSchema::default(),
        watermark: Watermark { file: plan.floor.clone(), sequence: None },
        files: Vec::new(),
        lock_timeout: plan.lock_timeout,
    }
}
