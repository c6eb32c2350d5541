//! A reduced batch as a target sees it: parts of Arrow batches, readable more than once.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;

/// Column of the last operation of a key: `I`, `U` or `D`.
pub const OPERATION: &str = "_op";
/// Column of the ordinal of the change file that the row comes from.
pub const FILE: &str = "_file";
/// Column of the row's position in that file.
pub const ROW: &str = "_row";

/// One row a key, with its last operation, in parts that can be read side by side and again.
#[async_trait]
pub trait ReducedRows: Send + Sync {
    /// `_op` (Utf8), `_file` (Int32), `_row` (Int64), then the data columns, named as in the change files.
    fn schema(&self) -> SchemaRef;

    /// How many parts there are; possibly none.
    fn parts(&self) -> usize;

    /// Rows of all parts.
    fn rows(&self) -> u64;

    /// Opens a part from its start. At most a few batches are held at once.
    async fn open(&self, part: usize) -> Result<RowStream, ReducedError>;

    /// The key of the change file with this ordinal.
    fn file_name(&self, ordinal: i32) -> String;
}

/// Batches of one part, in no particular order.
pub type RowStream = BoxStream<'static, Result<RecordBatch, ReducedError>>;

/// A reduced batch could not be read back.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{path}`")]
pub struct ReducedError {
    pub path: String,
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A row that a target can't hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Index into the batch it is handed over with.
    pub index: usize,
    /// The target's column.
    pub column: String,
    pub reason: String,
}

/// Keeps the rows that a target can't hold and whose column's policy is `quarantine`.
///
/// # Contract
/// - What [`keep`](Self::keep) was given since the last [`restart`](Self::restart) is durable once it has returned.
/// - A load that begins anew calls `restart`: rows kept by the attempt before are dropped.
#[async_trait]
pub trait Quarantine: Send + Sync {
    /// Forgets the rows of an attempt that did not commit.
    async fn restart(&self) -> Result<(), QuarantineError>;

    /// Keeps whole rows of a batch of the reduced schema, with column and reason.
    async fn keep(&self, batch: &RecordBatch, rows: &[BadRow]) -> Result<(), QuarantineError>;
}

/// Quarantined rows could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write `{path}`")]
pub struct QuarantineError {
    pub path: String,
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
