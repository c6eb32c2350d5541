//! What a run tells: the shape of `--output json` and of the table on the terminal.

use serde::{Deserialize, Serialize};

use crate::batch::BatchId;
use crate::names::{ConnectionName, QualifiedName, TableName};

/// How a run of one job on one table ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Every target has all changes that were found.
    Succeeded,
    /// There was nothing to apply.
    NothingToDo,
    Failed,
    /// Another run holds the table.
    AlreadyRunning,
    Cancelled,
}

impl RunStatus {
    /// The word that is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Succeeded => "succeeded",
            RunStatus::NothingToDo => "nothing_to_do",
            RunStatus::Failed => "failed",
            RunStatus::AlreadyRunning => "already_running",
            RunStatus::Cancelled => "cancelled",
        }
    }
}

/// Seconds of each step of a run, all batches together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StepSeconds {
    /// Full load only.
    #[serde(default)]
    pub migrate: f64,
    pub collect: f64,
    pub reduce: f64,
    pub load: f64,
    pub clean: f64,
    pub total: f64,
}

/// What one target got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    pub connection: ConnectionName,
    pub table: QualifiedName,
    /// Rows of reduced batches staged.
    pub rows: u64,
    pub upserts: u64,
    pub deletes: u64,
    pub quarantined: u64,
    pub seconds: f64,
    pub stage_seconds: f64,
    pub merge_seconds: f64,
    /// Why this target was not brought up to date.
    pub error: Option<String>,
}

/// One execution of one job on one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    pub run_id: String,
    pub job: String,
    pub table: TableName,
    pub status: RunStatus,
    pub batches: Vec<BatchId>,
    pub files: u64,
    pub late_files: u64,
    pub replayed_files: u64,
    pub bytes: u64,
    pub changes: u64,
    /// Rows of the reduced batches: one a key.
    pub kept: u64,
    pub upserts: u64,
    pub deletes: u64,
    pub quarantined: u64,
    pub cleaned_files: u64,
    pub targets: Vec<TargetSummary>,
    pub seconds: StepSeconds,
    /// The instant in the name of the last file applied to every target, RFC 3339.
    pub watermark: Option<String>,
    /// What was done to the targets' columns, a line each; full load only.
    #[serde(default)]
    pub migrations: Vec<String>,
    /// What was expected before rows were loaded, beside `seconds.load`; full load only.
    #[serde(default)]
    pub estimate_seconds: Option<f64>,
    pub warnings: Vec<String>,
    /// The whole chain of causes.
    pub error: Option<String>,
    /// What the operator can do about it.
    pub hint: Option<String>,
}
