//! The errors of a run, as a family, and what can be done about them.

use std::sync::Arc;

use quarrel_connect::target::{Retry, TargetError};
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::LoadPlanError;

use crate::collect::CollectError;
use crate::full_load::FullLoadError;
use crate::lake::LakeError;
use crate::reduce::ReduceError;
use crate::state::StateError;
use crate::targets::OpenTargetError;

/// The step of a run that failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Collect(#[from] CollectError),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Reduce(#[from] ReduceError),
    #[error(transparent)]
    Plan(#[from] LoadPlanError),
    #[error(transparent)]
    Load(#[from] TargetError),
    #[error(transparent)]
    OpenTarget(Arc<OpenTargetError>),
    #[error("{target} does not exist")]
    NoTable { target: QualifiedName },
    #[error("table {table} has no `changes` in the configuration")]
    NoChanges { table: TableName },
    #[error(transparent)]
    FullLoad(#[from] FullLoadError),
    #[error("cancelled")]
    Cancelled,
}

impl RunError {
    /// What the operator can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            RunError::Collect(CollectError::Schema(_)) => Some(
                "if the source changed on purpose, change the target to match and run once with --accept-schema-changes",
            ),
            RunError::Collect(CollectError::ReplayGone { .. }) => Some(
                "put the missing files back into the archive, or repair those keys from the source; `after_load: archive` \
                 keeps files for this case",
            ),
            RunError::Collect(CollectError::Inspect(_)) => {
                Some("no change is skipped: replace the file by a whole copy, or move it away knowingly")
            }
            RunError::Collect(CollectError::Target(error)) | RunError::Load(error) => match error.retry() {
                Retry::Again => Some("the same run may succeed later"),
                Retry::Replan => Some("another run was at this table; run again"),
                Retry::Never { hint } => hint,
            },
            RunError::Collect(CollectError::Lake(_)) | RunError::Lake(_) => None,
            RunError::NoTable { .. } => {
                Some("create the table first, or have `quarrel run full-load` make it from its source")
            }
            RunError::FullLoad(error) => error.hint(),
            RunError::NoChanges { .. } => Some("give the table a `changes:` entry"),
            RunError::State(StateError::Held { .. }) => Some("wait for the other run, or see `quarrel runs`"),
            RunError::State(_)
            | RunError::Reduce(_)
            | RunError::Plan(_)
            | RunError::OpenTarget(_)
            | RunError::Cancelled => None,
        }
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
