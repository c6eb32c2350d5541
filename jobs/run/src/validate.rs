//! `quarrel validate --connect`: whether everything a configuration names is there, and fits together.
//!
//! # Invariants
//! - Nothing is changed but for a probe object in the work area, which is deleted again, and the state store's schema.
//! - One finding hides no other: every part is asked, each within a bound of time.

mod lake;
mod source;
mod target;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use quarrel_model::config::Config;
use serde::Serialize;

use crate::context::{Context, ContextError, Silent, open_lake, open_state, session_settings};
use crate::error::chain;
use crate::lake::Lake;
use crate::targets::Targets;

/// A dependency that has not answered by then counts as unreachable: object stores are tried again for 45 s.
const CHECK_TIME_MAX: Duration = Duration::from_secs(60);
/// Tables looked at side by side.
const TABLES_AT_ONCE: usize = 8;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    Passed,
    /// It works, and the operator should know.
    Warning,
    /// Not asked, since something before it failed.
    NotChecked,
    /// It is there, and doesn't fit.
    Failed,
    /// It doesn't answer.
    Unreachable,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `state`, `cluster`, `lake`, or a table with its target.
    pub subject: String,
    pub finding: Finding,
    pub detail: String,
    pub hint: Option<String>,
}

impl Check {
    fn new(subject: impl Into<String>, finding: Finding, detail: impl Into<String>) -> Self {
        Check { subject: subject.into(), finding, detail: detail.into(), hint: None }
    }

    fn with_hint(self, hint: Option<impl Into<String>>) -> Self {
        Check { hint: hint.map(Into::into), ..self }
    }
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validation {
    pub checks: Vec<Check>,
}

impl Validation {
    /// The worst finding.
    pub fn worst(&self) -> Finding {
        self.checks.iter().map(|check| check.finding).max().unwrap_or(Finding::Passed)
    }
}

/// Asks the state store, the lake, the cluster, every source and every target.
///
/// `folder` is the configuration's.
pub async fn check_dependencies(config: &Config, folder: &str) -> Validation {
    let (state, (lake, mut checks)) = tokio::join!(check_state(config, folder), check_lake(config));
    checks.insert(0, state);
    checks.push(match is_usable(&checks) {
        Usable::Yes => bounded("cluster", check_cluster(config, folder)).await,
        Usable::No => Check::new("cluster", Finding::NotChecked, "state store and lake come first"),
    });
    let targets = Targets::open(config, lake.as_ref().map(|lake| &lake.work)).await;
    let tables = futures::stream::iter(&config.tables).map(|table| async {
        let mut checks = source::check_source(config, table, &targets).await;
        checks.extend(target::check_table(config, table, lake.as_ref(), &targets).await);
        checks
    });
    let of_tables: Vec<Vec<Check>> = tables.buffered(TABLES_AT_ONCE).collect().await;
    targets.close().await;
    checks.extend(of_tables.into_iter().flatten());
    Validation { checks }
}

enum Usable {
    Yes,
    No,
}

fn is_usable(checks: &[Check]) -> Usable {
    let good = |check: &Check| match check.finding {
        Finding::Passed | Finding::Warning => true,
        Finding::NotChecked | Finding::Failed | Finding::Unreachable => false,
    };
    if checks.iter().all(good) { Usable::Yes } else { Usable::No }
}

/// Ends a check that gets no answer.
async fn bounded(subject: &str, check: impl Future<Output = Check>) -> Check {
    match tokio::time::timeout(CHECK_TIME_MAX, check).await {
        Ok(check) => check,
        Err(_) => {
            let detail = format!("no answer within {} s", CHECK_TIME_MAX.as_secs());
            Check::new(subject, Finding::Unreachable, detail)
        }
    }
}

async fn check_state(config: &Config, folder: &str) -> Check {
    let check = async {
        match open_state(&config.state, folder).await {
            Ok(state) => {
                state.close().await;
                Check::new("state", Finding::Passed, "the state store answers, its schema is up to date")
            }
            Err(error) => Check::new("state", context_finding(&error), chain(&error)),
        }
    };
    bounded("state", check).await
}

fn context_finding(error: &ContextError) -> Finding {
    use crate::state::StateError;
    match error {
        ContextError::State(StateError::Open { .. } | StateError::Migrate { .. } | StateError::Statement { .. })
        | ContextError::Cluster { .. } => Finding::Unreachable,
        ContextError::State(
            StateError::CreateFolder { .. }
            | StateError::UnknownEngine
            | StateError::Render { .. }
            | StateError::Json { .. }
            | StateError::Held { .. }
            | StateError::LeaseLost { .. },
        )
        | ContextError::StateUrl { .. }
        | ContextError::Tls
        | ContextError::Lake(_) => Finding::Failed,
    }
}

async fn check_lake(config: &Config) -> (Option<Lake>, Vec<Check>) {
    let settings = session_settings(config);
    match open_lake(config, &settings.stores) {
        Ok(opened) => {
            let check = bounded("lake.work", lake::check_work(&opened.work)).await;
            (Some(opened), vec![check])
        }
        Err(error) => (None, vec![Check::new("lake", Finding::Failed, chain(&error))]),
    }
}

/// Opens what a job opens, and asks for executors.
async fn check_cluster(config: &Config, folder: &str) -> Check {
    let context = match Context::open(config.clone(), folder, Arc::new(Silent)).await {
        Ok(context) => context,
        Err(error) => return Check::new("cluster", context_finding(&error), chain(&error)),
    };
    let check = match context.cluster.check().await {
        Ok(health) => Check::new("cluster", Finding::Passed, format!("ready, executors: {}", health.executors)),
        Err(error) => Check::new("cluster", Finding::Unreachable, chain(&error)),
    };
    context.close().await;
    check
}
