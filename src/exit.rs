//! How the process ends: the documented exit codes, and what is told about a failure.

use std::fmt;
use std::process::ExitCode;

use quarrel_model::config::{ConfigFault, ConfigFaults};
use quarrel_model::summary::{RunStatus, RunSummary};
use quarrel_run::cluster::ClusterError;
use quarrel_run::context::ContextError;
use quarrel_run::error::chain;
use quarrel_run::state::StateError;
use serde::Serialize;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success,
    /// Some tables failed, or were cancelled.
    TablesFailed,
    /// Wrong arguments, or a failure that is none of the others.
    UsageOrInternal,
    /// The configuration has faults, or what it names doesn't fit.
    Configuration,
    /// Two sides that should agree don't.
    Differences,
    /// Every table that failed is in another run's hands.
    AlreadyRunning,
    /// State store, cluster, lake or a database doesn't answer.
    Unreachable,
}

impl Exit {
    /// The number the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::TablesFailed => 1,
            Exit::UsageOrInternal => 2,
            Exit::Configuration => 3,
            Exit::Differences => 4,
            Exit::AlreadyRunning => 5,
            Exit::Unreachable => 6,
        }
    }

    /// The code for the runs of several tables.
    pub fn of_runs(runs: &[RunSummary]) -> Exit {
        let mut exit = Exit::Success;
        for run in runs {
            exit = match (run.status, exit) {
                (RunStatus::Succeeded | RunStatus::NothingToDo, exit) => exit,
                (RunStatus::AlreadyRunning, Exit::Success) => Exit::AlreadyRunning,
                (RunStatus::AlreadyRunning, exit) => exit,
                (RunStatus::Failed | RunStatus::Cancelled, _) => Exit::TablesFailed,
            };
        }
        exit
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a command could not do its work. In JSON this is what stderr gets.
#[derive(Debug, Serialize)]
pub struct Failure {
    #[serde(skip)]
    pub exit: Exit,
    /// The error with all its causes.
    pub error: String,
    /// What the operator can do about it.
    pub hint: Option<String>,
    /// Faults of the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<ConfigFault>,
}

impl Failure {
    pub fn new(exit: Exit, error: impl Into<String>) -> Self {
        Failure { exit, error: error.into(), hint: None, faults: Vec::new() }
    }

    pub fn internal(error: &dyn fmt::Display) -> Self {
        Failure::new(Exit::UsageOrInternal, error.to_string())
    }

    /// An error with its causes.
    pub fn of(exit: Exit, error: &dyn std::error::Error) -> Self {
        Failure::new(exit, chain(error))
    }

    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Failure { hint: Some(hint.into()), ..self }
    }

    /// The faults of a configuration file.
    pub fn of_faults(file: &str, faults: ConfigFaults) -> Self {
        let count = faults.0.len();
        let error = match count {
            1 => format!("{file} has a fault"),
            _ => format!("{file} has {count} faults"),
        };
        Failure { faults: faults.0, ..Failure::new(Exit::Configuration, error) }
    }
}

impl From<ContextError> for Failure {
    fn from(error: ContextError) -> Self {
        let (exit, hint) = match &error {
            ContextError::Lake(_) => (Exit::Configuration, Some("check `lake` in the configuration")),
            ContextError::StateUrl { .. } => (Exit::Configuration, Some("check `state` in the configuration")),
            ContextError::State(error) => of_state(error),
            ContextError::Tls => (Exit::Configuration, Some("check `cluster` in the configuration")),
            ContextError::Cluster { source } => of_cluster(source),
        };
        let failure = Failure::of(exit, &error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        let (exit, hint) = of_state(&error);
        let failure = Failure::of(exit, &error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

fn of_state(error: &StateError) -> (Exit, Option<&'static str>) {
    match error {
        StateError::Open { .. } | StateError::Migrate { .. } | StateError::Statement { .. } => {
            (Exit::Unreachable, Some("check that the state store's database is up and the account may use it"))
        }
        StateError::UnknownEngine => (Exit::Configuration, Some("check `state` in the configuration")),
        StateError::Held { .. } | StateError::LeaseLost { .. } => (Exit::AlreadyRunning, None),
        StateError::CreateFolder { .. } | StateError::Render { .. } | StateError::Json { .. } => {
            (Exit::UsageOrInternal, None)
        }
    }
}

fn of_cluster(error: &ClusterError) -> (Exit, Option<&'static str>) {
    match error {
        ClusterError::Session { .. } | ClusterError::Embedded { .. } => (Exit::UsageOrInternal, None),
        ClusterError::Unreachable { .. }
        | ClusterError::Probe { .. }
        | ClusterError::NoExecutors { .. }
        | ClusterError::Submit { .. }
        | ClusterError::LostContact { .. }
        | ClusterError::Cancel { .. } => {
            (Exit::Unreachable, Some("check that the scheduler runs, and `cluster` in the configuration"))
        }
        ClusterError::Plan { .. }
        | ClusterError::Refused { .. }
        | ClusterError::Forgotten { .. }
        | ClusterError::Job { .. }
        | ClusterError::Parts { .. }
        | ClusterError::Deadline { .. }
        | ClusterError::Cancelled { .. } => (Exit::UsageOrInternal, None),
    }
}

#[cfg(test)]
mod tests {
    use quarrel_model::names::TableName;
    use quarrel_model::summary::StepSeconds;

    use super::*;

    fn run(status: RunStatus) -> RunSummary {
        RunSummary {
            run_id: String::new(),
            job: "cdc".to_owned(),
            table: TableName("t".to_owned()),
            status,
            batches: Vec::new(),
            files: 0,
            late_files: 0,
            replayed_files: 0,
            bytes: 0,
            changes: 0,
            kept: 0,
            upserts: 0,
            deletes: 0,
            quarantined: 0,
            cleaned_files: 0,
            targets: Vec::new(),
            seconds: StepSeconds::default(),
            watermark: None,
            migrations: Vec::new(),
            estimate_seconds: None,
            warnings: Vec::new(),
            error: None,
            hint: None,
        }
    }

    #[test]
    fn tables_in_other_hands_count_only_when_nothing_else_failed() {
        use RunStatus::{AlreadyRunning, Cancelled, Failed, NothingToDo, Succeeded};
        let cases: [(&[RunStatus], u8); 7] = [
            (&[], 0),
            (&[Succeeded, NothingToDo], 0),
            (&[Succeeded, Failed], 1),
            (&[Cancelled], 1),
            (&[AlreadyRunning, Succeeded], 5),
            (&[AlreadyRunning, Failed], 1),
            (&[Failed, AlreadyRunning], 1),
        ];
        for (statuses, code) in cases {
            let runs: Vec<_> = statuses.iter().map(|status| run(*status)).collect();
            assert_eq!(Exit::of_runs(&runs).code(), code, "{statuses:?}");
        }
    }
}
