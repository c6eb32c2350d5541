//! Checks on a table's targets: the database answers and lets us write, the table is there, and the newest change file fits it.

use std::sync::Arc;

use chrono::Utc;
use quarrel_connect::target::{Retry, Target, TargetError};
use quarrel_model::batch::Batch;
use quarrel_model::collect::{SchemaChangeRule, plan_batch};
use quarrel_model::config::{Config, Engine, Table, TargetEntry};
use quarrel_model::ledger::Ledger;
use quarrel_model::target::{LoadPlan, TargetTable, plan_load};

use super::{Check, Finding, bounded, lake};
use crate::cdc::load_rules;
use crate::error::chain;
use crate::inspect::{InspectCache, inspect_files};
use crate::lake::{Lake, Listing};
use crate::targets::{OpenTargetError, Targets};

/// Looks at a table's change files and at each of its targets.
pub(super) async fn check_table(config: &Config, table: &Table, lake: Option<&Lake>, targets: &Targets) -> Vec<Check> {
    let mut checks = Vec::new();
    let newest = match (lake, &table.changes) {
        (Some(lake), Some(_)) => newest_batch(table, lake, &mut checks).await,
        (None, _) | (_, None) => None,
    };
    for entry in &table.targets {
        let subject = format!("{}, {}:{}", table.name, entry.connection, entry.table);
        let mut found = Vec::new();
        let unanswered = bounded(&subject, async {
            let engine = config.connection(&entry.connection).engine;
            found = check_target(table, (entry, engine), &subject, targets, newest.as_ref()).await;
            Check::new(subject.as_str(), Finding::Passed, "")
        })
        .await;
        if found.is_empty() {
            found.push(unanswered);
        }
        checks.extend(found);
    }
    checks
}

/// Lists the change files and makes a batch of the newest one, as if nothing had been applied.
async fn newest_batch(table: &Table, lake: &Lake, checks: &mut Vec<Check>) -> Option<Batch> {
    let changes = table.changes.as_ref()?;
    let subject = format!("{}, changes", table.name);
    let mut listing: Option<Listing> = None;
    let check = bounded(&subject, async {
        let (check, found) = lake::check_changes(lake, &subject, changes).await;
        listing = found;
        check
    });
    checks.push(check.await);
    let newest = listing?.files.pop()?;
    let mut cache = InspectCache::default();
    let inspected = inspect_files(&lake.changes, &[newest], changes, Utc::now(), &mut cache).await;
    let files = match inspected {
        Ok(inspection) => inspection.files,
        Err(error) => {
            checks.push(Check::new(subject, Finding::Failed, chain(&error)));
            return None;
        }
    };
    let planned = plan_batch(&table.name, &Ledger::default(), files, Vec::new(), SchemaChangeRule::Accept);
    planned.ok().flatten()
}

async fn check_target(
    table: &Table,
    (entry, engine): (&TargetEntry, Engine),
    subject: &str,
    targets: &Targets,
    newest: Option<&Batch>,
) -> Vec<Check> {
    let connection = match targets.get(&entry.connection) {
        Ok(connection) => connection,
        Err(error) => return vec![unopened(subject, &error)],
    };
    let described = match connection.describe(&entry.table).await {
        Ok(Some(described)) => described,
        Ok(None) if table.source.is_some() => {
            let hint = "`quarrel run full-load` makes it from its source";
            return vec![Check::new(subject, Finding::Warning, "the table does not exist yet").with_hint(Some(hint))];
        }
        Ok(None) => {
            let hint = "create the table first: CDC adds columns, it doesn't create tables";
            return vec![Check::new(subject, Finding::Failed, "the table does not exist").with_hint(Some(hint))];
        }
        Err(error) => return vec![failed(subject, &error)],
    };
    let mut checks = check_privileges(&connection, entry, subject).await;
    checks.extend(check_key(table, engine, &described, subject));
    match newest.map(|batch| plan_load(batch, &described, &load_rules(table))) {
        Some(Ok(plan)) => checks.push(Check::new(subject, Finding::Passed, plan_text(&plan))),
        Some(Err(error)) => checks.push(Check::new(subject, Finding::Failed, chain(&error))),
        None => {}
    }
    if checks.is_empty() {
        checks.push(Check::new(subject, Finding::Passed, "the table is there and can be written"));
    }
    checks
}

async fn check_privileges(connection: &Arc<dyn Target>, entry: &TargetEntry, subject: &str) -> Vec<Check> {
    match connection.check(&entry.table).await {
        Ok(missing) => missing.into_iter().map(|what| Check::new(subject, Finding::Failed, what)).collect(),
        Err(error) => vec![failed(subject, &error)],
    }
}

fn check_key(table: &Table, engine: Engine, described: &TargetTable, subject: &str) -> Vec<Check> {
    let mut columns = Vec::new();
    for name in &table.key {
        match described.column(name) {
            Some(column) => columns.push(column.name.clone()),
            None => {
                let names: Vec<&str> = described.columns.iter().map(|column| column.name.as_str()).collect();
                let detail = format!("the target has no key column `{name}`; it has {}", names.join(", "));
                return vec![Check::new(subject, Finding::Failed, detail)];
            }
        }
    }
    // Redshift has no index, and enforces no key.
    if engine == Engine::Redshift || described.is_unique(&columns) {
        return Vec::new();
    }
    let detail = format!("no unique index is over the key ({})", columns.join(", "));
    let hint = "with one, loads are faster and the database itself refuses duplicates";
    vec![Check::new(subject, Finding::Warning, detail).with_hint(Some(hint))]
}

fn plan_text(plan: &LoadPlan) -> String {
    let mut text = format!("the newest change file fits: {} columns", plan.columns.len());
    if !plan.add_columns.is_empty() {
        let names: Vec<&str> = plan.add_columns.iter().map(|column| column.name.as_str()).collect();
        text.push_str(&format!("; would be added to the target: {}", names.join(", ")));
    }
    if !plan.ignored_columns.is_empty() {
        text.push_str(&format!("; left out: {}", plan.ignored_columns.join(", ")));
    }
    text
}

fn unopened(subject: &str, error: &Arc<OpenTargetError>) -> Check {
    match error.as_ref() {
        OpenTargetError::Target(error) => failed(subject, error),
        OpenTargetError::Secret { .. }
        | OpenTargetError::Engine { .. }
        | OpenTargetError::NoWorkArea { .. }
        | OpenTargetError::NoRole { .. } => Check::new(subject, Finding::Failed, chain(error.as_ref())),
    }
}

fn failed(subject: &str, error: &TargetError) -> Check {
    let (finding, hint) = match error.retry() {
        Retry::Again => (Finding::Unreachable, None),
        Retry::Replan => (Finding::Failed, None),
        Retry::Never { hint } => (Finding::Failed, hint),
    };
    Check::new(subject, finding, chain(error)).with_hint(hint)
}
