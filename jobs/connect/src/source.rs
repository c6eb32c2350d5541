//! The contract of a database that tables come from.

use async_trait::async_trait;
use quarrel_model::names::QualifiedName;
use quarrel_model::source::SourceTable;

use crate::database_error::retry_of;
use crate::target::Retry;

/// A database that tables come from.
///
/// # Contract
/// - Nothing is written, locked or created.
/// - A description is of one state: columns, keys and types of it agree.
/// - What is described is what the account may see; a table that it may not see does not exist.
///
/// No default methods: a wrapper that forgot one would bypass the database it wraps.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Describes a table, a partitioned table or a view by the catalog; None when there is no such thing.
    async fn describe(&self, table: &QualifiedName) -> Result<Option<SourceTable>, SourceError>;

    /// Closes the pool and waits for its connections.
    async fn close(&self);
}

/// The step of an operation on a source that failed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("failed to connect to {connection}")]
    Connect { connection: String, source: sqlx::Error },
    #[error("failed to describe {table}")]
    Describe { table: QualifiedName, source: sqlx::Error },
    #[error("{table} can't be a source: {why}")]
    Refused { table: QualifiedName, why: String },
    #[error("the catalog does not say what type {column} of {table} has ({spelling})")]
    Catalog { table: QualifiedName, column: String, spelling: String },
}

impl SourceError {
    /// What a caller can do about this error.
    pub fn retry(&self) -> Retry {
        match self {
            SourceError::Connect { source, .. } | SourceError::Describe { source, .. } => retry_of(source),
            // Somebody alters the table while it is described.
            SourceError::Catalog { .. } => Retry::Again,
            SourceError::Refused { .. } => Retry::Never { hint: Some("name a table or a view as the source") },
        }
    }
}
