//! Full loads into one table, planned as the job plans them, with rows that live in memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use quarrel_connect::postgres::PostgresTarget;
use quarrel_connect::reduced::{Quarantine, ReducedError, RowStream};
use quarrel_connect::replace::{CopyParts, FullRows, PartQuarantine, Replace, ReplaceError};
use quarrel_connect::sqlite::SqliteTarget;
use quarrel_model::change_file::{FileIdentity, FileOrder};
use quarrel_model::replace::{LoadId, PartReceipt, ReplacePlan, ReplaceReceipt, plan_replace};
use quarrel_model::schema::{ColumnType, FileColumn, FileSchema};

use super::database::{Database, Engine};
use super::memory::MemoryQuarantine;
use super::scene::{INT, Scene, TEXT, order, table_name};

/// Rows of text columns but for `id`, part by part.
#[derive(Clone)]
pub struct FullMemory {
    schema: SchemaRef,
    parts: Vec<RecordBatch>,
    /// Parts that must not be opened.
    pub closed: Vec<usize>,
}

impl FullMemory {
    /// Columns `id` and then texts; one list of rows a part. `NULL` is NULL.
    pub fn new(columns: &[&str], parts: &[&[&[&str]]]) -> FullMemory {
        let fields = columns.iter().map(|name| Field::new(*name, if *name == "id" { INT } else { TEXT }, true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let part = |rows: &&[&[&str]]| {
            let array = |place: usize| -> ArrayRef {
                let cells = rows.iter().map(|row| Some(row[place]).filter(|cell| *cell != "NULL"));
                if columns[place] == "id" {
                    Arc::new(Int64Array::from_iter(cells.map(|cell| cell.map(|text| text.parse::<i64>().unwrap()))))
                } else {
                    Arc::new(StringArray::from_iter(cells))
                }
            };
            RecordBatch::try_new(Arc::clone(&schema), (0..columns.len()).map(array).collect()).unwrap()
        };
        FullMemory { parts: parts.iter().map(part).collect(), schema, closed: Vec::new() }
    }

    /// Columns `id` and `note`: keys from 0 on, in so many parts.
    pub fn numbered(rows: i64, parts: i64, note: &str) -> FullMemory {
        let schema = Arc::new(Schema::new(vec![Field::new("id", INT, true), Field::new("note", TEXT, true)]));
        let part = |part: i64| {
            let ids = Int64Array::from_iter_values((0..rows).filter(|id| id % parts == part));
            let notes = StringArray::from_iter_values((0..arrow::array::Array::len(&ids)).map(|_| note));
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(ids) as ArrayRef, Arc::new(notes)]).unwrap()
        };
        FullMemory { parts: (0..parts).map(part).collect(), schema: Arc::clone(&schema), closed: Vec::new() }
    }

    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.num_rows() as u64).sum()
    }

    fn file_schema(&self) -> FileSchema {
        let column = |field: &Arc<Field>| FileColumn {
            name: field.name().clone(),
            column_type: if *field.data_type() == INT { ColumnType::Integer(64) } else { ColumnType::Text },
        };
        FileSchema { columns: self.schema.fields().iter().map(column).collect() }
    }
}

#[async_trait]
impl FullRows for FullMemory {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn parts(&self) -> usize {
        self.parts.len()
    }

    fn part_name(&self, part: usize) -> String {
        format!("LOAD{part:08X}.parquet")
    }

    async fn open(&self, part: usize) -> Result<RowStream, ReducedError> {
        assert!(!self.closed.contains(&part), "part {part} is recorded and must not be read again");
        Ok(stream::iter([Ok(self.parts[part].clone())]).boxed())
    }
}

struct OneQuarantine(Vec<Arc<MemoryQuarantine>>);

impl PartQuarantine for OneQuarantine {
    fn of_part(&self, part: usize) -> Arc<dyn Quarantine> {
        self.0[part].clone()
    }
}

/// The database as one that can replace tables, as another process would have it.
pub async fn replacing(database: &Database, url: &str) -> Arc<dyn Replace> {
    match database.engine {
        Engine::Postgres => Arc::new(PostgresTarget::connect("test", url, 4).await.unwrap()),
        Engine::Sqlite => Arc::new(SqliteTarget::connect("test", url, 4).await.unwrap()),
        Engine::Redshift => unreachable!("it replaces no tables yet"),
    }
}

/// Where the loads of these tests start.
pub fn floor() -> FileOrder {
    FileOrder::at(order(&super::scene::file(5)).instant().unwrap())
}

/// A full load, ready to go.
pub struct FullLoad {
    pub target: Arc<dyn Replace>,
    pub plan: ReplacePlan,
    pub rows: FullMemory,
    pub quarantine: Vec<Arc<MemoryQuarantine>>,
}

impl FullLoad {
    /// The load of these rows into the table of a scene; `name` tells it from other loads.
    pub async fn new(scene: &Scene, name: &str, rows: FullMemory) -> FullLoad {
        let described = scene.target.describe(&scene.table).await.unwrap().expect("the table is there");
        let identity = FileIdentity { key: name.to_owned(), etag: None, size: 1 };
        let load = LoadId::of_files(&table_name(), "", [&identity]);
        let planned = plan_replace(&table_name(), load, &rows.file_schema(), &described, &scene.rules, floor());
        let mut plan = planned.unwrap();
        plan.fence = Some(scene.fence.clone());
        let target = replacing(&scene.database, &scene.database.url).await;
        let quarantine = rows.parts.iter().map(|_| Arc::default()).collect();
        FullLoad { target, plan, rows, quarantine }
    }

    pub async fn copy(&self) -> Result<Vec<PartReceipt>, ReplaceError> {
        let copy = CopyParts {
            plan: &self.plan,
            rows: Arc::new(self.rows.clone()),
            quarantine: Arc::new(OneQuarantine(self.quarantine.clone())),
            streams: 3,
            cancel: Default::default(),
        };
        self.target.copy_parts(copy).await
    }

    pub async fn finish(&self, rows: u64) -> Result<ReplaceReceipt, ReplaceError> {
        self.target.finish(&self.plan, rows, &Default::default()).await
    }

    /// From its beginning to its end.
    pub async fn run(&self) -> Result<ReplaceReceipt, ReplaceError> {
        if !self.target.open_beside(&self.plan).await?.already_applied {
            self.copy().await?;
        }
        let quarantined: usize = self.quarantine.iter().map(|kept| kept.kept().len()).sum();
        self.finish(self.rows.rows() - quarantined as u64).await
    }
}
