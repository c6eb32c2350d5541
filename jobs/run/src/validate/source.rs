//! Checks on a table's source: it is there, and what its targets' columns should be by it.

use quarrel_connect::target::Retry;
use quarrel_model::config::{Config, Table, TargetEntry};
use quarrel_model::migration::Decision;
use quarrel_model::source::SourceTable;

use super::{Check, Finding, bounded};
use crate::error::chain;
use crate::full_load::FullLoadError;
use crate::full_load::columns::{describe_source, losses_of, plan_columns};
use crate::targets::Targets;

/// Describes the source and holds every target's columns against it; what is known to be lost on the way is a warning.
pub(super) async fn check_source(config: &Config, table: &Table, targets: &Targets) -> Vec<Check> {
    if table.source.is_none() {
        return Vec::new();
    }
    let subject = format!("{}, source", table.name);
    let mut described = None;
    let check = bounded(&subject, async {
        match describe_source(config, table).await {
            Ok(found) => {
                let columns = found.as_ref().map_or(0, |source| source.columns.len());
                described = found;
                Check::new(subject.as_str(), Finding::Passed, format!("the source is there: {columns} columns"))
            }
            Err(error) => failed(&subject, &error),
        }
    })
    .await;
    let mut checks = vec![check];
    if let Some(source) = described {
        for entry in &table.targets {
            checks.extend(check_columns(config, table, &source, entry, targets).await);
        }
    }
    checks
}

fn failed(subject: &str, error: &FullLoadError) -> Check {
    let finding = match error {
        FullLoadError::Source(error) if error.retry() == Retry::Again => Finding::Unreachable,
        _ => Finding::Failed,
    };
    Check::new(subject, finding, chain(error)).with_hint(error.hint())
}

/// What a full load would do to a target's columns. A target that can't be asked is told of elsewhere.
async fn check_columns(
    config: &Config,
    table: &Table,
    source: &SourceTable,
    entry: &TargetEntry,
    targets: &Targets,
) -> Vec<Check> {
    let subject = format!("{}, {}:{}", table.name, entry.connection, entry.table);
    let Ok(target) = targets.get(&entry.connection) else { return Vec::new() };
    let Ok(described) = target.describe(&entry.table).await else { return Vec::new() };
    let place = (&entry.connection, &entry.table);
    let migration = match plan_columns(config, table, source, place, described.as_ref(), &[]) {
        Ok(Some(migration)) => migration,
        Ok(None) => return Vec::new(),
        Err(refusal) => {
            let hint = "`quarrel plan full-load --allow …` shows what could be done";
            return vec![Check::new(subject, Finding::Warning, refusal.to_string()).with_hint(Some(hint))];
        }
    };
    let mut checks = Vec::new();
    match migration.decision {
        Decision::Nothing => {}
        Decision::Create | Decision::Alter => {
            let detail = format!("a full load would {}", migration.summary());
            checks.push(Check::new(subject.as_str(), Finding::Warning, detail));
        }
    }
    for (column, loss) in losses_of(&migration) {
        checks.push(Check::new(subject.as_str(), Finding::Warning, format!("lost on the way, `{column}`: {loss}")));
    }
    checks
}
