//! The contract of a database that takes reduced batches.

use std::sync::Arc;

use async_trait::async_trait;
use quarrel_model::batch::BatchId;
use quarrel_model::ledger::{AppliedFile, Epoch, Fence, Ledger, LedgerFrom};
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadPlan, LoadReceipt, TargetTable};

use crate::database_error::{is_altered_meanwhile, is_column_there, retry_of};
use crate::reduced::{Quarantine, QuarantineError, ReducedError, ReducedRows};
use crate::stage_store::StageStoreError;

/// A database that can take a reduced batch.
///
/// # Contract
/// - Repeating a batch changes nothing: replies get lost, and we ask again. A batch that the ledger names is answered with
///   [`LoadOutcome::AlreadyApplied`](quarrel_model::target::LoadOutcome) and its recorded counts.
/// - Rows, added columns and ledger entry commit in one transaction, or none does.
/// - A load whose plan was made before another batch was applied (`LoadPlan::after` is not the ledger's last batch, and the
///   ledger does not name the plan's own) touches nothing: [`TargetError::Moved`].
/// - A load whose fence is older than the ledger's, or of the same epoch but another holder, touches nothing.
/// - A value that would be rounded or cut is an error, unless the column's policy says otherwise.
/// - Loads into one table are serialised by the target, whoever runs them.
/// - A load that fails leaves no staging table behind, or the next load into that table removes it.
///
/// No default methods: a wrapper that forgot one would bypass the database it wraps.
#[async_trait]
pub trait Target: Send + Sync + std::fmt::Debug {
    /// Describes a table; None when it doesn't exist.
    async fn describe(&self, table: &QualifiedName) -> Result<Option<TargetTable>, TargetError>;

    /// Reads the ledger of a table in one of its targets: fence, watermark, schema, and the applied files from `from` on,
    /// in order. One database may hold several targets of a table, so the target is part of the ledger's key; however it is
    /// written (`t`, `public.t`), one table has one ledger.
    ///
    /// A target that has never been loaded has an empty ledger; reading does not create it.
    async fn read_ledger(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Ledger, TargetError>;

    /// Applied files alone, from `from` on, in order.
    async fn read_applied(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Vec<AppliedFile>, TargetError>;

    /// Creates the ledger's schema and tables where they are missing.
    async fn prepare_ledger(&self) -> Result<(), TargetError>;

    /// Carries out a plan: stages the rows, then in one transaction checks the fence, adds columns, deletes, upserts, and
    /// writes the ledger.
    ///
    /// Retries what [`TargetError::retry`] says can be retried, a bounded number of times, the whole transaction each time.
    /// Dropping the future, or cancelling through [`Load::cancel`], leaves the target as it was.
    async fn load(&self, load: Load<'_>) -> Result<LoadReceipt, TargetError>;

    /// Carries out the steps of a [`Migration`](quarrel_model::migration::Migration) of this table, in order and in one
    /// transaction: all of them, or none. (An engine that can't do one of them in a transaction says so in its own documentation;
    /// what it has done before a failure is then part of what the next plan finds.)
    ///
    /// It checks nothing and does not repeat itself: whoever gets an error, a lost reply among them, describes and plans again,
    /// and finds nothing to do if it was committed.
    async fn migrate(&self, table: &QualifiedName, steps: &[MigrationStep]) -> Result<(), TargetError>;

    /// Checks what a load needs: that the database answers, and that the account may create the ledger and write the table.
    /// Gives each thing that is missing, in words for the operator.
    async fn check(&self, table: &QualifiedName) -> Result<Vec<String>, TargetError>;

    /// Closes the pool and waits for its connections.
    async fn close(&self);
}

/// The arguments of one load.
#[derive(Clone)]
pub struct Load<'a> {
    pub plan: &'a LoadPlan,
    pub rows: Arc<dyn ReducedRows>,
    /// Takes the rows whose columns' policy is `quarantine`.
    pub quarantine: Arc<dyn Quarantine>,
    pub cancel: tokio_util::sync::CancellationToken,
}

/// What a caller can do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// The same call may succeed later: connection lost, serialisation failure, lock not had in time.
    Again,
    /// State has changed: read the ledger and plan again.
    Replan,
    /// Never, unless the operator changes something.
    Never { hint: Option<&'static str> },
}

/// The step of an operation on a target that failed.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("failed to connect to {connection}")]
    Connect { connection: String, source: sqlx::Error },
    #[error("failed to describe {table}")]
    Describe { table: QualifiedName, source: sqlx::Error },
    #[error("failed to read the ledger of {table}")]
    ReadLedger { table: TableName, source: sqlx::Error },
    #[error("the ledger of {table} holds an entry that can't be read: {detail}")]
    CorruptLedger { table: TableName, detail: String },
    #[error("failed to prepare the ledger")]
    PrepareLedger { source: sqlx::Error },
    #[error("failed to stage batch {batch} for {table}")]
    Stage { table: QualifiedName, batch: BatchId, source: sqlx::Error },
    #[error("failed to read the reduced batch {batch}")]
    Reduced { batch: BatchId, source: ReducedError },
    #[error("failed to merge batch {batch} into {table}")]
    Merge { table: QualifiedName, batch: BatchId, source: sqlx::Error },
    #[error("failed to add column `{column}` to {table}")]
    AddColumn { table: QualifiedName, column: String, source: sqlx::Error },
    #[error("failed to migrate {table}")]
    Migrate { table: QualifiedName, source: sqlx::Error },
    #[error("failed to commit batch {batch} into {table}, and it is not in the ledger")]
    Commit { table: QualifiedName, batch: BatchId, source: sqlx::Error },
    #[error("{table} is locked: {blocker}")]
    Locked { table: QualifiedName, blocker: String, source: sqlx::Error },
    #[error("another run (epoch {found}, {holder}) owns {table}; this one holds epoch {held}")]
    Fenced { table: TableName, held: Epoch, found: Epoch, holder: String },
    #[error("batch {found} was applied to {table} after this load was planned")]
    Moved { table: TableName, found: BatchId },
    #[error(transparent)]
    BadValue(Box<BadValue>),
    #[error("{table}: `{operation}` is no operation (change file `{file}`, row {row}); I, U and D are")]
    UnknownOperation { table: QualifiedName, operation: String, file: String, row: i64 },
    #[error("failed to keep quarantined rows of batch {batch}")]
    Quarantine { batch: BatchId, source: QuarantineError },
    #[error("{column} of {table}: {from} can't be loaded into {to}")]
    Incompatible { table: QualifiedName, column: String, from: String, to: String },
    #[error("{what} is not possible for {table}: {why}")]
    Refused { table: QualifiedName, what: &'static str, why: String },
    #[error("a statement for {table} can't be made from its file")]
    Render { table: QualifiedName, source: quarrel_sql::RenderError },
    #[error("failed to write the files that batch {batch} is copied from")]
    StageFiles { batch: BatchId, source: StageStoreError },
    #[error("failed to encode batch {batch} as Parquet")]
    Encode { batch: BatchId, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("failed to check {table}")]
    Check { table: QualifiedName, source: sqlx::Error },
    #[error("the load of batch {batch} was cancelled")]
    Cancelled { batch: BatchId },
}

/// A value that the target can't hold, of a column whose policy does not let the load go on. It names the row by its key,
/// and shows no other value of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{table}, column `{column}`, key {key}: {reason} (change file `{file}`, row {row}); see `on_bad_value` in the configuration"
)]
pub struct BadValue {
    pub table: QualifiedName,
    pub column: String,
    /// `id=42, region="north"`
    pub key: String,
    pub reason: String,
    pub file: String,
    pub row: i64,
}

impl From<BadValue> for TargetError {
    fn from(bad: BadValue) -> TargetError {
        TargetError::BadValue(Box::new(bad))
    }
}

impl TargetError {
    /// What a caller can do about this error.
    pub fn retry(&self) -> Retry {
        const BAD_VALUE: &str =
            "correct the row at its source, or set the column's `on_bad_value` to quarantine, replace or null";
        const CORRUPT: &str = "something else wrote to Quarrel's ledger tables: restore them from a backup";
        match self {
            TargetError::Connect { source, .. }
            | TargetError::Describe { source, .. }
            | TargetError::ReadLedger { source, .. }
            | TargetError::PrepareLedger { source }
            | TargetError::Stage { source, .. }
            | TargetError::Merge { source, .. }
            | TargetError::Check { source, .. } => retry_of(source),
            TargetError::AddColumn { source, .. } if is_column_there(source) => Retry::Replan,
            TargetError::Migrate { source, .. } if is_altered_meanwhile(source) => Retry::Replan,
            TargetError::Migrate { source, .. } => retry_of(source),
            TargetError::AddColumn { source, .. } => retry_of(source),
            // Whether it was committed is asked of the ledger, first thing in the next attempt.
            TargetError::Commit { .. } | TargetError::Locked { .. } => Retry::Again,
            // The store's client has retried what it could; a new run may find the object again.
            TargetError::Reduced { .. } | TargetError::Quarantine { .. } | TargetError::StageFiles { .. } => {
                Retry::Again
            }
            TargetError::Fenced { .. } | TargetError::Moved { .. } => Retry::Replan,
            TargetError::BadValue(_) => Retry::Never { hint: Some(BAD_VALUE) },
            TargetError::UnknownOperation { .. } => Retry::Never {
                hint: Some("the files are not change files, or `changes.operation` names another column"),
            },
            TargetError::CorruptLedger { .. } => Retry::Never { hint: Some(CORRUPT) },
            TargetError::Incompatible { .. } => Retry::Never {
                hint: Some("change the column's type in the target to one that holds the source's values"),
            },
            TargetError::Refused { .. }
            | TargetError::Render { .. }
            | TargetError::Encode { .. }
            | TargetError::Cancelled { .. } => Retry::Never { hint: None },
        }
    }
}

/// Whether a load may go on under a fence that the ledger holds.
pub fn is_fenced_off(held: &Fence, ledger: Option<&Fence>) -> bool {
    ledger.is_some_and(|found| found.epoch > held.epoch || (found.epoch == held.epoch && found.holder != held.holder))
}
