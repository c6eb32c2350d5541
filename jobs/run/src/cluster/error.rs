//! What can go wrong with a job on the cluster, and what to do about it.

use std::time::Duration;

use datafusion::error::DataFusionError;
use quarrel_executor::embedded::EmbeddedError;
use quarrel_executor::pinned_reader::CHANGED_WORDS;

/// A failed call; the variant says which step failed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("failed to set up the session")]
    Session { source: DataFusionError },
    #[error("failed to start the embedded cluster")]
    Embedded { source: EmbeddedError },
    #[error("no scheduler answers at {url}")]
    Unreachable { url: String, source: tonic::transport::Error },
    #[error("the health of the scheduler at {url} could not be asked for")]
    Probe { url: String, source: std::io::Error },
    #[error("the scheduler at {url} has no executors: {answer}")]
    NoExecutors { url: String, answer: String },
    #[error("{job} could not be planned")]
    Plan { job: String, source: Box<DataFusionError> },
    #[error("the scheduler at {url} did not take {job}")]
    Submit { job: String, url: String, source: Box<tonic::Status> },
    #[error("the scheduler refused the plan of {job}: {message}")]
    Refused { job: String, message: String },
    #[error("contact with the scheduler at {url} was lost while {job} ran")]
    LostContact { job: String, url: String, source: Box<tonic::Status> },
    #[error("the scheduler at {url} no longer knows {job}: it was restarted")]
    Forgotten { job: String, url: String },
    #[error("{job} failed on the cluster: {message}")]
    Job { job: String, message: String },
    #[error("{job} has finished, but its list of objects could not be fetched")]
    Parts { job: String, source: Box<DataFusionError> },
    #[error("the scheduler at {url} did not confirm that job {job_id} is cancelled")]
    Cancel { job_id: String, url: String, source: Box<tonic::Status> },
    #[error("{job} did not finish within {} s", deadline.as_secs())]
    Deadline { job: String, deadline: Duration },
    #[error("{job} was cancelled")]
    Cancelled { job: String },
}

/// What a caller may do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same job, as a new attempt with a prefix of its own.
    Again,
    /// Collect and plan anew: what the job was to read is no longer there.
    PlanAgain,
    /// Not without a change by a person.
    Never { hint: &'static str },
}

impl ClusterError {
    /// What to do now.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. }
            | Self::Probe { .. }
            | Self::NoExecutors { .. }
            | Self::Submit { .. }
            | Self::LostContact { .. }
            | Self::Forgotten { .. }
            | Self::Parts { .. }
            | Self::Cancel { .. }
            | Self::Deadline { .. } => Retry::Again,
            Self::Job { message, .. } if message.contains(CHANGED_WORDS) || message.contains("is gone") => {
                Retry::PlanAgain
            }
            Self::Job { message, .. } if message.contains("not valid Parquet") => {
                Retry::Never { hint: "the named file is corrupt: have it written again, or move it away" }
            }
            Self::Job { message, .. } if message.contains("Resources exhausted") => {
                Retry::Never { hint: "give the executors more memory, or the plan more partitions" }
            }
            Self::Job { .. } => Retry::Again,
            Self::Session { .. } | Self::Embedded { .. } => {
                Retry::Never { hint: "check the settings of the lake and the directory for temporary files" }
            }
            Self::Plan { .. } | Self::Refused { .. } => {
                Retry::Never { hint: "run the same version of Quarrel on every node, and report this plan" }
            }
            Self::Cancelled { .. } => Retry::Never { hint: "it was cancelled on purpose" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_planned_again_and_a_corrupt_one_is_not_tried_again() {
        let job = |message: &str| ClusterError::Job { job: "reduce".into(), message: message.into() };
        let changed = "External error: the file s3://b/k changed while it was read: expected etag a, 3 bytes, found b";
        assert_eq!(job(changed).retry(), Retry::PlanAgain);
        assert!(matches!(job("the file s3://b/k is not valid Parquet: EOF").retry(), Retry::Never { .. }));
        assert_eq!(job("executor lost").retry(), Retry::Again);
    }
}
