//! The errors of a full load, as a family, and what can be done about them.

use std::sync::Arc;

use quarrel_connect::replace::ReplaceError;
use quarrel_connect::source::SourceError;
use quarrel_connect::target::Retry;
use quarrel_model::full_load::LoadRefusal;
use quarrel_model::migration::Refusal;
use quarrel_model::names::{ConnectionName, QualifiedName, TableName};
use quarrel_model::target::LoadPlanError;

use crate::dms::DmsError;
use crate::inspect::InspectError;
use crate::secrets::SecretError;
use crate::targets::OpenTargetError;

/// The step of a full load that failed.
#[derive(Debug, thiserror::Error)]
pub enum FullLoadError {
    #[error("table {table} has neither `source` nor `changes` in the configuration")]
    NoOrigin { table: TableName },
    #[error("{table} does not exist in {connection}")]
    NoSource { connection: ConnectionName, table: QualifiedName },
    #[error("connection {connection} can't be a source yet: Postgres and MySQL can")]
    SourceEngine { connection: ConnectionName },
    #[error("failed to resolve the URL of connection {connection}")]
    Secret { connection: ConnectionName, source: SecretError },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    OpenTarget(Arc<OpenTargetError>),
    #[error("connection {connection} can't take full loads yet: Postgres and SQLite can")]
    TargetEngine { connection: ConnectionName },
    #[error("{table} can't be read straight from {connection} into {target}: only Postgres into Postgres can")]
    DirectPair { table: QualifiedName, connection: ConnectionName, target: ConnectionName },
    #[error(transparent)]
    Migration(#[from] Refusal),
    #[error("a statement of the migration of {target} can't be made from its file")]
    Render { target: QualifiedName, source: quarrel_sql::RenderError },
    #[error("the type of column `{column}` can't be cast at the source")]
    Cast { column: String },
    #[error(transparent)]
    Dms(#[from] DmsError),
    #[error(transparent)]
    Refused(#[from] LoadRefusal),
    #[error("`changes.prefix` {prefix} doesn't tell schema and table, and the table has no `source`")]
    UnknownTable { prefix: String },
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error(transparent)]
    Plan(#[from] LoadPlanError),
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    #[error(
        "change file `{file}` was applied to {target} after the load began and is gone from change area and archive: the new \
         table would lack its changes"
    )]
    ChangesGone { file: String, target: QualifiedName },
}

impl FullLoadError {
    /// What the operator can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            FullLoadError::NoOrigin { .. } => Some("say under `source` which table it comes from"),
            FullLoadError::Migration(_) => Some(
                "what the diff says is never done by itself: alter the target, or allow it once with --allow drop, narrow or keep",
            ),
            FullLoadError::Refused(refusal) => Some(refusal.hint()),
            FullLoadError::Replace(error) => retry_hint(error.retry()),
            FullLoadError::Source(error) => retry_hint(error.retry()),
            FullLoadError::ChangesGone { .. } => {
                Some("load the table again from a newer state of the source, so that those changes are in it")
            }
            FullLoadError::DirectPair { .. } => Some("load from files with `full_load: {from: files}`"),
            FullLoadError::UnknownTable { .. } => Some("name the table under `source`"),
            FullLoadError::NoSource { .. }
            | FullLoadError::SourceEngine { .. }
            | FullLoadError::Secret { .. }
            | FullLoadError::OpenTarget(_)
            | FullLoadError::TargetEngine { .. }
            | FullLoadError::Render { .. }
            | FullLoadError::Cast { .. }
            | FullLoadError::Dms(_)
            | FullLoadError::Inspect(_)
            | FullLoadError::Plan(_) => None,
        }
    }
}

fn retry_hint(retry: Retry) -> Option<&'static str> {
    match retry {
        Retry::Again => Some("the same run may succeed later"),
        Retry::Replan => Some("something changed meanwhile; run again"),
        Retry::Never { hint } => hint,
    }
}
