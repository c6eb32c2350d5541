//! What the next full load of a table would do: the value that `quarrel plan full-load` prints. Nothing is touched.

use quarrel_model::config::{LoadOrigin, Table};
use quarrel_model::migration::Migration;
use quarrel_model::names::{ConnectionName, QualifiedName, TableName};
use quarrel_model::replace::plan_replace;
use quarrel_model::source::SourceTable;
use quarrel_model::summary::RunStatus;
use serde::Serialize;

use super::columns::{describe_source, losses_of};
use super::files::{Found, find_load};
use super::follow::{self, PlannedTarget};
use super::{FullLoadError, FullLoadOptions, JOB, direct};
use crate::cdc::load_rules;
use crate::context::Context;
use crate::error::{RunError, chain};

/// Rows a second where no load of the table has been measured yet: what a small machine does from files into Postgres.
const ROWS_PER_SECOND_GUESS: f64 = 100_000.0;
/// Runs that are looked at for the last load that was measured.
const RUNS_LOOKED_AT: u32 = 200;

/// The plan of one table.
#[derive(Debug, Serialize)]
pub struct FullLoadPlan {
    pub table: TableName,
    /// `files` or `direct`.
    pub from: Option<LoadOrigin>,
    /// Why there is nothing to load now.
    pub waiting: Option<String>,
    /// Full-load files; none for a direct load.
    pub files: u64,
    /// By the files' footers, or by the source's own estimate.
    pub rows: u64,
    pub bytes: u64,
    /// Of copying the rows; a guess until a load of the table has been measured.
    pub estimate_seconds: Option<f64>,
    pub targets: Vec<TargetPlan>,
    /// Why nothing can be planned for the table, or for a target of it.
    pub errors: Vec<String>,
}

/// What becomes of one target.
#[derive(Debug, Serialize)]
pub struct TargetPlan {
    pub connection: ConnectionName,
    pub target: QualifiedName,
    /// In a line; none where the table has no source to follow.
    pub migration: Option<String>,
    pub ddl: Vec<String>,
    pub notes: Vec<String>,
    /// What is lost on the way, by column.
    pub losses: Vec<String>,
    /// What the target has that can't be carried over to a new table.
    pub refusals: Vec<String>,
}

/// Plans the next full load of a table.
pub async fn plan_full_load(context: &Context, table: &Table, options: &FullLoadOptions) -> FullLoadPlan {
    let mut plan = FullLoadPlan {
        table: table.name.clone(),
        from: table.load_origin(),
        waiting: None,
        files: 0,
        rows: 0,
        bytes: 0,
        estimate_seconds: None,
        targets: Vec::new(),
        errors: Vec::new(),
    };
    if let Err(error) = fill(context, table, options, &mut plan).await {
        plan.errors.push(chain(&error));
    }
    plan
}

async fn fill(
    context: &Context,
    table: &Table,
    options: &FullLoadOptions,
    plan: &mut FullLoadPlan,
) -> Result<(), RunError> {
    let origin = plan.from.ok_or_else(|| FullLoadError::NoOrigin { table: table.name.clone() })?;
    let source = describe_source(&context.config, table).await?;
    let mut planned = Vec::new();
    for open in follow::open_targets(context, table) {
        let target = match open {
            Ok(open) => follow::plan_target(context, table, source.as_ref(), open, options).await,
            Err((_, error)) => Err(error.into()),
        };
        match target {
            Ok(target) => planned.push(target),
            Err(error) => plan.errors.push(chain(&error)),
        }
    }
    match origin {
        LoadOrigin::Files => fill_files(context, table, options, &planned, plan).await?,
        LoadOrigin::Direct => fill_direct(context, table, source.as_ref(), &planned, plan)?,
    }
    if plan.waiting.is_none() {
        plan.estimate_seconds = estimate(context, table, plan.rows).await?;
    }
    for target in &planned {
        plan.targets.push(target_plan(target).await?);
    }
    Ok(())
}

async fn fill_files(
    context: &Context,
    table: &Table,
    options: &FullLoadOptions,
    planned: &[PlannedTarget],
    plan: &mut FullLoadPlan,
) -> Result<(), RunError> {
    let changes = table.changes.as_ref().ok_or_else(|| RunError::NoChanges { table: table.name.clone() })?;
    let load = match find_load(context, table, changes, options, "plan").await? {
        Found::Nothing { told } => {
            plan.waiting = Some(told.unwrap_or_else(|| "there are no full-load files".to_owned()));
            return Ok(());
        }
        Found::Unfinished { reason } => {
            plan.waiting = Some(reason);
            return Ok(());
        }
        Found::Load(load) => load,
    };
    (plan.files, plan.rows, plan.bytes) = (load.files.len() as u64, load.rows, load.bytes);
    for target in planned {
        let described = target.table()?;
        let rules = load_rules(table);
        if let Err(error) =
            plan_replace(&table.name, load.id.clone(), &load.schema, described, &rules, load.floor.clone())
        {
            plan.errors.push(chain(&error));
        }
    }
    Ok(())
}

fn fill_direct(
    context: &Context,
    table: &Table,
    source: Option<&SourceTable>,
    planned: &[PlannedTarget],
    plan: &mut FullLoadPlan,
) -> Result<(), RunError> {
    let from = table.source.as_ref().ok_or_else(|| FullLoadError::NoOrigin { table: table.name.clone() })?;
    for target in planned {
        direct::check_pair(context, table, from, &target.open)?;
    }
    if let Some(source) = source {
        (plan.rows, plan.bytes) = (source.rows_estimate.unwrap_or(0), source.bytes_estimate.unwrap_or(0));
    }
    Ok(())
}

async fn target_plan(target: &PlannedTarget) -> Result<TargetPlan, RunError> {
    let open = &target.open;
    let refusals = match &target.described {
        Some(_) => open.replace.refusals(&open.name).await.map_err(FullLoadError::from)?,
        None => Vec::new(),
    };
    let migration = target.migration.as_ref();
    Ok(TargetPlan {
        connection: open.connection.clone(),
        target: open.name.clone(),
        migration: migration.map(Migration::summary),
        ddl: migration.map(follow::ddl_of).transpose()?.unwrap_or_default(),
        notes: migration.map(|migration| migration.notes.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        losses: migration.map(loss_lines).unwrap_or_default(),
        refusals,
    })
}

fn loss_lines(migration: &Migration) -> Vec<String> {
    losses_of(migration).into_iter().map(|(column, loss)| format!("`{column}`: {loss}")).collect()
}

/// How long copying takes by the table's last load, or by a guess; None for no rows.
///
/// # Errors
/// The state store can't be asked.
pub(super) async fn estimate(context: &Context, table: &Table, rows: u64) -> Result<Option<f64>, RunError> {
    if rows == 0 {
        return Ok(None);
    }
    let runs = context.state.runs(Some(&table.name), RUNS_LOOKED_AT).await?;
    let measured =
        runs.iter().filter(|run| run.job == JOB).filter_map(|run| run.summary.as_ref()).find_map(|summary| {
            let measured = summary.status == RunStatus::Succeeded && summary.changes > 0 && summary.seconds.load > 0.0;
            measured.then(|| summary.changes as f64 / summary.seconds.load)
        });
    Ok(Some(rows as f64 / measured.unwrap_or(ROWS_PER_SECOND_GUESS)))
}
