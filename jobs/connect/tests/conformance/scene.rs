//! One table in one database, and loads into it, each planned as the CDC job plans them: from the table's description and the
//! ledger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::DataType;
use quarrel_connect::reduced::ReducedRows;
use quarrel_connect::target::{Load, Target, TargetError};
use quarrel_model::bad_value::BadValuePolicy;
use quarrel_model::batch::{Batch, BatchFile, FileLocation, FileRole};
use quarrel_model::change_file::{ChangeFile, FileOrder, ObjectKind, classify_dms};
use quarrel_model::config::AddedColumnPolicy;
use quarrel_model::ledger::{Epoch, Fence, Ledger, LedgerFrom};
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::position::{OrderBy, Watermark};
use quarrel_model::target::{LoadPlan, LoadReceipt, LoadRules, plan_load};
use tokio_util::sync::CancellationToken;

use super::database::{Database, Engine};
use super::memory::{Change, MemoryQuarantine, MemoryRows};

/// A table to load, and what the configuration says about it.
pub struct Scene {
    pub database: Database,
    pub target: Arc<dyn Target>,
    pub table: QualifiedName,
    pub rules: LoadRules,
    pub fence: Fence,
    pub quarantine: Arc<MemoryQuarantine>,
    pub cancel: CancellationToken,
}

impl Scene {
    /// Runs the script, and gets ready to load `table` by `key`.
    pub async fn new(engine: Engine, script: &str, table: &str, key: &[&str]) -> Scene {
        let database = Database::new(engine).await;
        database.execute(script).await;
        Scene::on(database, table, key).await
    }

    pub async fn on(database: Database, table: &str, key: &[&str]) -> Scene {
        let target = database.target(4).await;
        Scene {
            target,
            database,
            table: table.parse().unwrap(),
            rules: LoadRules {
                key: key.iter().map(|name| (*name).to_owned()).collect(),
                added_columns: AddedColumnPolicy::Add,
                on_bad_value: BTreeMap::new(),
                lock_timeout: Duration::from_secs(20),
            },
            fence: Fence { epoch: Epoch(1), holder: "run-1".to_owned() },
            quarantine: Arc::default(),
            cancel: CancellationToken::new(),
        }
    }

    pub fn policy(&mut self, column: &str, policy: BadValuePolicy) {
        self.rules.on_bad_value.insert(column.to_owned(), policy);
    }

    /// The batch of one file, and its plan by the ledger as it stands.
    pub async fn plan(&self, file: &str, rows: &MemoryRows) -> LoadPlan {
        let described = self.target.describe(&self.table).await.unwrap().expect("the table is there");
        let mut plan = plan_load(&batch(file, rows), &described, &self.rules).unwrap();
        plan.fence = Some(self.fence.clone());
        plan.after = self.ledger().await.last_batch;
        plan
    }

    /// Loads rows as the batch of a file, planned now.
    pub async fn load(
        &self,
        file: &str,
        columns: &[(&str, DataType)],
        changes: &[Change<'_>],
    ) -> Result<LoadReceipt, TargetError> {
        self.load_rows(file, MemoryRows::new(columns, changes)).await
    }

    pub async fn load_rows(&self, file: &str, rows: MemoryRows) -> Result<LoadReceipt, TargetError> {
        let plan = self.plan(file, &rows).await;
        self.run(&plan, Arc::new(rows)).await
    }

    /// Carries a plan out.
    pub async fn run(&self, plan: &LoadPlan, rows: Arc<dyn ReducedRows>) -> Result<LoadReceipt, TargetError> {
        let quarantine = self.quarantine.clone();
        self.target.load(Load { plan, rows, quarantine, cancel: self.cancel.clone() }).await
    }

    pub async fn ledger(&self) -> Ledger {
        self.target.read_ledger(&table_name(), &self.table, &LedgerFrom::Beginning).await.unwrap()
    }
}

pub fn table_name() -> TableName {
    TableName("orders".to_owned())
}

pub fn order(file: &str) -> FileOrder {
    match classify_dms(file).unwrap() {
        ObjectKind::Change(order) => order,
        other => panic!("{file}: {other:?}"),
    }
}

/// A batch of one file, whose content is known by its row count.
pub fn batch(file: &str, rows: &MemoryRows) -> Batch {
    batch_of_version(file, "etag-1", rows)
}

/// The same of a certain version of the file.
pub fn batch_of_version(file: &str, etag: &str, rows: &MemoryRows) -> Batch {
    let change_file =
        ChangeFile { key: file.to_owned(), etag: Some(etag.to_owned()), size: rows.rows(), order: order(file) };
    let watermark = Watermark { file: change_file.order.clone(), sequence: None };
    let file = BatchFile {
        location: FileLocation::at_source(&change_file),
        file: change_file,
        role: FileRole::New,
        rows: rows.rows(),
        sequences: None,
    };
    Batch::freeze(table_name(), OrderBy::FileName, vec![file], rows.file_schema(), watermark)
}

/// The n-th change file of the day.
pub fn file(number: u32) -> String {
    format!("orders/20261122-{:06}000.parquet", 100_000 + number)
}

pub const INT: DataType = DataType::Int64;
pub const TEXT: DataType = DataType::Utf8;
