//! The contract of a database that can replace a table whole.

pub(crate) mod part_rows;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::replace::{LoadId, PartReceipt, ReplacePlan, ReplaceReceipt};
use tokio_util::sync::CancellationToken;

use crate::database_error::retry_of;
use crate::reduced::{Quarantine, ReducedError, RowStream};
use crate::target::{Retry, TargetError};

/// A database that can take a full load: into a new table beside the target, which then takes its place.
///
/// The calls of one load, in order: [`refusals`](Self::refusals), [`open_beside`](Self::open_beside), parts by
/// [`copy_parts`](Self::copy_parts) (or by another way into the same table), [`finish`](Self::finish).
///
/// # Contract
/// - Until `finish` commits, readers and loads of the target notice nothing; from then on they have the new table. A statement
///   sees the old rows or the new ones, never fewer. (A REPEATABLE READ transaction that began before the load and first
///   touches the table after the swap sees it as it was when the transaction began: in Postgres, without the rows that were
///   loaded since.)
/// - What the target has beside its rows stays: owner, grants, comments, indexes, constraints, sequences, views. What can't be
///   carried over is refused before anything is loaded.
/// - A part commits by itself, together with its record. A load that was killed and is begun again with the same id lacks only
///   the parts that are not recorded. A part that comes twice is in the table once.
/// - Rows, ledger and swap commit in one transaction, or none does. The ledger then names no file, its watermark and floor are
///   the plan's floor, and its last batch is the load's id.
/// - A load whose fence is older than the ledger's, or of the same epoch but another holder, is refused: nothing is swapped.
/// - Repeating `finish` changes nothing: replies get lost, and we ask again. A load that the ledger names is answered with
///   [`LoadOutcome::AlreadyApplied`](quarrel_model::target::LoadOutcome).
/// - Opening drops the tables that other loads into the same target have left.
/// - A value that would be rounded or cut is an error, unless the column's policy says otherwise.
///
/// No default methods: a wrapper that forgot one would bypass the database it wraps.
#[async_trait]
pub trait Replace: Send + Sync + std::fmt::Debug {
    /// What of this table can't be carried over to a new one, each in words for the operator; empty when it can be replaced.
    ///
    /// # Errors
    /// The table does not exist, or the database can't be asked.
    async fn refusals(&self, target: &QualifiedName) -> Result<Vec<String>, ReplaceError>;

    /// Makes the empty table beside the target, or finds the one that an earlier attempt of the same load has begun.
    ///
    /// # Errors
    /// [`ReplaceError::Refused`], when [`refusals`](Self::refusals) finds something; a fence; a lock that is not had in time.
    async fn open_beside(&self, plan: &ReplacePlan) -> Result<Beside, ReplaceError>;

    /// Loads the parts that are not recorded, several at a time where connections are free, and gives the receipts of all, in
    /// the parts' order.
    ///
    /// Retries a part as [`ReplaceError::retry`] says, a bounded number of times. Dropping the future, or cancelling, leaves
    /// the parts that have committed.
    async fn copy_parts(&self, copy: CopyParts<'_>) -> Result<Vec<PartReceipt>, ReplaceError>;

    /// Builds indexes, constraints and statistics, counts the rows, and swaps.
    ///
    /// `expected_rows` is what the new table must hold: the rows of the files by their footers, less those in quarantine.
    ///
    /// # Errors
    /// [`ReplaceError::RowCount`], when it holds another number. [`ReplaceError::Changed`], when the target was altered since
    /// the load was opened: it has to be opened and loaded again. Nothing has been swapped after an error, but for
    /// [`ReplaceError::Commit`], which asks to be called again.
    async fn finish(
        &self,
        plan: &ReplacePlan,
        expected_rows: u64,
        cancel: &CancellationToken,
    ) -> Result<ReplaceReceipt, ReplaceError>;

    /// Drops the table beside the target and the load's records, if they are there.
    async fn abandon(&self, plan: &ReplacePlan) -> Result<(), ReplaceError>;
}

/// A table that is being loaded beside a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    pub name: QualifiedName,
    /// The parts an earlier attempt of the same load has committed.
    pub recorded: Vec<PartReceipt>,
    /// Whether the ledger names the load: it has been swapped in, and only `finish` is left to be asked for its receipt.
    pub already_applied: bool,
}

/// Rows of a full load, in parts that can be read side by side and again. All are inserts.
#[async_trait]
pub trait FullRows: Send + Sync {
    /// The data columns, named as [`LoadColumn::source`](quarrel_model::target::LoadColumn) has them; others are left out.
    fn schema(&self) -> SchemaRef;

    /// How many parts there are; possibly none.
    fn parts(&self) -> usize;

    /// The name a part is recorded by, unique within the load and the same in every attempt: a file's key.
    fn part_name(&self, part: usize) -> String;

    /// Opens a part from its start: batches of [`schema`](Self::schema), in the file's order. At most a few are held at once.
    async fn open(&self, part: usize) -> Result<RowStream, ReducedError>;
}

/// Where the quarantined rows of each part go; asked for by the part's index. Batches handed over have the columns `_op`,
/// `_file` (the part's index) and `_row` (its position in the part) before the data columns, as reduced batches do.
pub trait PartQuarantine: Send + Sync {
    /// The quarantine of one part: its `restart` forgets what an earlier attempt of that part kept.
    fn of_part(&self, part: usize) -> Arc<dyn Quarantine>;
}

/// The arguments of [`Replace::copy_parts`].
#[derive(Clone)]
pub struct CopyParts<'a> {
    pub plan: &'a ReplacePlan,
    pub rows: Arc<dyn FullRows>,
    /// Takes the rows whose columns' policy is `quarantine`.
    pub quarantine: Arc<dyn PartQuarantine>,
    /// At most so many parts at a time; the pool may allow fewer.
    pub streams: usize,
    pub cancel: CancellationToken,
}

/// The step of a full load that failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// Connecting, the ledger, a fence, a lock, a value: as in any load. Batches in it are loads' ids.
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("{table} does not exist")]
    NoTable { table: QualifiedName },
    #[error("{table} can't be replaced: {}", objects.join("; "))]
    Refused { table: QualifiedName, objects: Vec<String> },
    #[error("failed to open a table beside {table}")]
    Open { table: QualifiedName, source: sqlx::Error },
    #[error("failed to copy part `{part}` of load {load} beside {table}")]
    Copy { table: QualifiedName, load: LoadId, part: String, source: sqlx::Error },
    #[error("the table beside {table} is gone, or was never opened")]
    NotOpen { table: QualifiedName },
    #[error("failed to build {what} beside {table}")]
    Build { table: QualifiedName, what: String, source: sqlx::Error },
    #[error("the table loaded for {table} holds {found} rows; {expected} were expected")]
    RowCount { table: QualifiedName, expected: u64, found: u64 },
    #[error("{table} was altered since its load was opened")]
    Changed { table: QualifiedName },
    #[error("failed to swap {table} for the table loaded beside it")]
    Swap { table: QualifiedName, source: sqlx::Error },
    #[error("failed to commit load {load} of {table}, and it is not in the ledger")]
    Commit { table: QualifiedName, load: LoadId, source: sqlx::Error },
    #[error("failed to read {source_table} at its source ({range})")]
    ReadSource { source_table: QualifiedName, range: String, source: sqlx::Error },
    #[error("{source_table} can't be copied directly: {why}")]
    SourceRefused { source_table: QualifiedName, why: String },
    #[error("the snapshot of {source_table} is gone, and with it the parts loaded from it")]
    SnapshotLost { source_table: QualifiedName, source: sqlx::Error },
    #[error("the full load of {table} was cancelled")]
    Cancelled { table: TableName },
}

impl ReplaceError {
    /// What a caller can do about this error. `Replan` means: open and load again.
    pub fn retry(&self) -> Retry {
        match self {
            ReplaceError::Target(error) => error.retry(),
            ReplaceError::Open { source, .. }
            | ReplaceError::Copy { source, .. }
            | ReplaceError::Build { source, .. }
            | ReplaceError::Swap { source, .. }
            | ReplaceError::ReadSource { source, .. } => retry_of(source),
            // Whether it was committed is asked of the ledger, first thing in the next attempt.
            ReplaceError::Commit { .. } => Retry::Again,
            ReplaceError::Changed { .. } | ReplaceError::NotOpen { .. } | ReplaceError::SnapshotLost { .. } => {
                Retry::Replan
            }
            ReplaceError::NoTable { .. } | ReplaceError::SourceRefused { .. } | ReplaceError::Cancelled { .. } => {
                Retry::Never { hint: None }
            }
            ReplaceError::Refused { .. } => {
                Retry::Never { hint: Some("drop these objects, or have them made anew by hand after the load") }
            }
            ReplaceError::RowCount { .. } => Retry::Never {
                hint: Some("the files changed, or something else wrote to the new table: load again from its start"),
            },
        }
    }
}
