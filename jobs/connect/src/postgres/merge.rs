//! The merge of a staged batch, inside the load's transaction.

use quarrel_model::target::LoadPlan;
use quarrel_sql::fragment::CatalogType;
use quarrel_sql::postgres as sql;
use quarrel_sql::postgres::{KeyIndex, Merge, MergeStep, StageShape};
use sqlx::PgConnection;

use super::cast_fault;
use super::describe::resolve;
use super::stage::{Counts, Origins, StagePlan, Tables};
use super::types::column_type;
use crate::database_error::is_bad_value;
use crate::fail_point;
use crate::reduced::OPERATION;
use crate::statement::statement;
use crate::target::{Load, TargetError};

/// Below so many rows the planner's guess is as good as statistics.
const ANALYZE_ROWS_MIN: u64 = 1_000;

/// Adds columns, deletes and writes. The counts change when rows have to be quarantined after all.
pub(super) async fn merge(
    tx: &mut PgConnection,
    load: &Load<'_>,
    staging: &StagePlan,
    shape: StageShape,
    counts: &mut Counts,
) -> Result<(), TargetError> {
    let plan = load.plan;
    fail_point::hit("merge_begin");
    add_columns(tx, plan).await?;
    let domains = if staging.has_casts() { text_domains(tx, plan).await? } else { Vec::new() };
    analyze(tx, plan, staging, &shape, *counts).await?;
    let merge = staging.merge(plan, shape, &domains)?;
    let repairs = staging.origins == Origins::Staged && staging.tables == Tables::One;
    if repairs {
        execute(tx, plan, sql::SAVEPOINT.text()).await?;
    }
    match run(tx, plan, &merge, *counts).await {
        Err(TargetError::Merge { source, .. }) if repairs && is_bad_value(&source) => {
            execute(tx, plan, sql::ROLLBACK_TO_SAVEPOINT.text()).await?;
            if !cast_fault::repair(tx, load, staging, &merge, counts).await? {
                return Err(merge_failed(plan, source));
            }
            run(tx, plan, &merge, *counts).await?;
        }
        Err(error) => return Err(error),
        Ok(()) => {}
    }
    fail_point::hit("merge_done");
    Ok(())
}

async fn add_columns(tx: &mut PgConnection, plan: &LoadPlan) -> Result<(), TargetError> {
    for added in &plan.add_columns {
        let type_name = column_type(&added.column_type).and_then(|name| CatalogType::from_catalog(&name));
        let type_name = type_name.ok_or_else(|| TargetError::Incompatible {
            table: plan.target.clone(),
            column: added.name.clone(),
            from: added.column_type.to_string(),
            to: "a new column".to_owned(),
        })?;
        let text =
            sql::add_column(&plan.target, &added.name, &type_name).map_err(|error| render_failed(plan, error))?;
        sqlx::raw_sql(statement(&text)).execute(&mut *tx).await.map_err(|source| TargetError::AddColumn {
            table: plan.target.clone(),
            column: added.name.clone(),
            source,
        })?;
    }
    Ok(())
}

pub(super) async fn text_domains(tx: &mut PgConnection, plan: &LoadPlan) -> Result<Vec<String>, TargetError> {
    let failed = |source| merge_failed(plan, source);
    let Some(resolved) = resolve(tx, &plan.target).await.map_err(failed)? else { return Ok(Vec::new()) };
    sqlx::query_scalar(sql::DESCRIBE_DOMAINS.text()).bind(resolved.oid).fetch_all(tx).await.map_err(failed)
}

async fn analyze(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    staging: &StagePlan,
    shape: &StageShape,
    counts: Counts,
) -> Result<(), TargetError> {
    if counts.upserts + counts.deletes <= ANALYZE_ROWS_MIN {
        return Ok(());
    }
    let mut names = staging.key_names();
    let tables = match shape {
        StageShape::OneTable { stage } => {
            names.push(OPERATION.to_owned());
            vec![stage]
        }
        StageShape::TwoTables { upserts, deletes } => vec![upserts, deletes],
    };
    for table in tables {
        let text = sql::analyze_stage(table, names.iter().map(String::as_str));
        let text = text.map_err(|error| render_failed(plan, error))?;
        sqlx::raw_sql(statement(&text)).execute(&mut *tx).await.map_err(|source| merge_failed(plan, source))?;
    }
    Ok(())
}

/// Runs the steps that have rows: a step without any could still scan the target.
async fn run(tx: &mut PgConnection, plan: &LoadPlan, merge: &Merge, counts: Counts) -> Result<(), TargetError> {
    let index = if plan.key_is_unique { KeyIndex::Unique } else { KeyIndex::Absent };
    for step in merge.statements(index).map_err(|error| render_failed(plan, error))? {
        let (text, rows) = match &step {
            MergeStep::Delete(text) => (text, counts.deletes),
            MergeStep::Write(text) => (text, counts.upserts),
        };
        if rows == 0 {
            continue;
        }
        sqlx::raw_sql(statement(text)).execute(&mut *tx).await.map_err(|source| merge_failed(plan, source))?;
    }
    Ok(())
}

async fn execute(tx: &mut PgConnection, plan: &LoadPlan, text: &'static str) -> Result<(), TargetError> {
    let done = sqlx::raw_sql(text).execute(tx).await;
    done.map(|_| ()).map_err(|source| merge_failed(plan, source))
}

pub(super) fn merge_failed(plan: &LoadPlan, source: sqlx::Error) -> TargetError {
    TargetError::Merge { table: plan.target.clone(), batch: plan.batch.clone(), source }
}

pub(super) fn render_failed(plan: &LoadPlan, source: quarrel_sql::RenderError) -> TargetError {
    TargetError::Render { table: plan.target.clone(), source }
}
