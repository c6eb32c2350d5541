//! Makes the targets of a table follow its source's columns, and keeps what was done.
//!
//! # Invariants
//! - All targets are planned before one is touched: a refusal of any stops the table as it was.
//! - What was run is kept as JSON in the lake and in the state store, after it was run; planning again then finds nothing to
//!   do, so a crash in between costs the record, never the columns.

use std::sync::Arc;

use chrono::Utc;
use quarrel_connect::replace::Replace;
use quarrel_connect::target::Target;
use quarrel_model::config::Table;
use quarrel_model::migration::{Migration, MigrationRecord};
use quarrel_model::names::{ConnectionName, QualifiedName};
use quarrel_model::source::SourceTable;
use quarrel_model::target::TargetTable;

use super::FullLoadOptions;
use super::columns::{losses_of, plan_columns};
use super::error::FullLoadError;
use crate::cdc::target_name;
use crate::context::Context;
use crate::error::RunError;
use crate::record::RunRecorder;
use crate::state::{StateError, stored_instant};

/// A target that can be loaded.
#[derive(Debug, Clone)]
pub(super) struct OpenTarget {
    pub(super) index: usize,
    pub(super) connection: ConnectionName,
    pub(super) name: QualifiedName,
    pub(super) target: Arc<dyn Target>,
    pub(super) replace: Arc<dyn Replace>,
}

/// A target with the plan that makes it follow its source; no plan where the table has no source.
#[derive(Debug, Clone)]
pub(super) struct PlannedTarget {
    pub(super) open: OpenTarget,
    pub(super) described: Option<TargetTable>,
    pub(super) migration: Option<Migration>,
}

impl PlannedTarget {
    /// The table as it is once the migration is done.
    ///
    /// # Errors
    /// There is none, and nothing that says how to make it.
    pub(super) fn table(&self) -> Result<&TargetTable, RunError> {
        let planned = self.migration.as_ref().map(|migration| &migration.after);
        planned.or(self.described.as_ref()).ok_or_else(|| RunError::NoTable { target: self.open.name.clone() })
    }
}

/// Opens the targets of a table; one that can't be opened fails alone.
pub(super) fn open_targets(context: &Context, table: &Table) -> Vec<Result<OpenTarget, (usize, FullLoadError)>> {
    let open = |(index, entry): (usize, &quarrel_model::config::TargetEntry)| {
        let connection = entry.connection.clone();
        let target = context.targets.get(&connection).map_err(|error| (index, FullLoadError::OpenTarget(error)))?;
        let replace = context.targets.replace(&connection);
        let replace = replace.ok_or_else(|| (index, FullLoadError::TargetEngine { connection: connection.clone() }))?;
        Ok(OpenTarget { index, connection, name: entry.table.clone(), target, replace })
    };
    table.targets.iter().enumerate().map(open).collect()
}

/// Plans what makes a target follow its source.
///
/// # Errors
/// The target can't be described, or differs in what is never changed by itself.
pub(super) async fn plan_target(
    context: &Context,
    table: &Table,
    source: Option<&SourceTable>,
    open: OpenTarget,
    options: &FullLoadOptions,
) -> Result<PlannedTarget, RunError> {
    let described = open.target.describe(&open.name).await?;
    let migration = match source {
        Some(source) => {
            let entry = (&open.connection, &open.name);
            plan_columns(&context.config, table, source, entry, described.as_ref(), &options.allow)
                .map_err(FullLoadError::from)?
        }
        None => None,
    };
    Ok(PlannedTarget { open, described, migration })
}

/// The statements that carry a migration out.
///
/// # Errors
/// A defect of the statements' files.
pub(super) fn ddl_of(migration: &Migration) -> Result<Vec<String>, FullLoadError> {
    let target = &migration.target;
    let statements = quarrel_sql::migrate::statements(migration.engine, target, &migration.steps)
        .map_err(|source| FullLoadError::Render { target: target.clone(), source })?;
    Ok(statements.iter().map(|statement| statement.sql.as_str().to_owned()).collect())
}

/// Carries a migration out and keeps its record; the table as its database describes it afterwards.
///
/// # Errors
/// The database refuses, or the record can't be kept.
pub(super) async fn migrate(
    context: &Context,
    table: &Table,
    planned: &PlannedTarget,
    recorder: &mut RunRecorder,
) -> Result<TargetTable, RunError> {
    let open = &planned.open;
    if let Some(migration) = planned.migration.as_ref().filter(|migration| !migration.steps.is_empty()) {
        let ddl = ddl_of(migration)?;
        open.target.migrate(&open.name, &migration.steps).await?;
        let run = recorder.run_id().to_owned();
        let names = (&table.name, &open.connection);
        if let Some(record) = MigrationRecord::of(migration, ddl, names, &run, Utc::now()) {
            keep_record(context, table, open, &record).await?;
        }
        recorder.migrated(format!("{}:{}: {}", open.connection, open.name, migration.summary()));
    }
    if let Some(migration) = &planned.migration {
        store_losses(context, table, open.index, migration).await?;
    }
    let found = open.target.describe(&open.name).await?;
    found.ok_or_else(|| RunError::NoTable { target: open.name.clone() })
}

async fn keep_record(
    context: &Context,
    table: &Table,
    open: &OpenTarget,
    record: &MigrationRecord,
) -> Result<(), RunError> {
    let json =
        serde_json::to_string_pretty(record).map_err(|source| StateError::Json { what: "a migration", source })?;
    // By instant, so that a listing is in order; the run and target tell two of one instant apart.
    let name = format!("{}-{}-{}.json", stored_instant(record.at), record.run, open.index);
    let key = context.lake.migrations_folder(&table.name).join(name);
    context.lake.work.write(&key, json.clone()).await?;
    context.state.store_migration(record, &target_name(table, open.index), json).await?;
    Ok(())
}

async fn store_losses(context: &Context, table: &Table, index: usize, migration: &Migration) -> Result<(), RunError> {
    context.state.store_losses(&table.name, &target_name(table, index), losses_of(migration)).await?;
    Ok(())
}
