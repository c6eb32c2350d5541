//! Finds the staged texts that the database itself could not read as values of their column, and carries out the column's
//! policy for them.
//!
//! The database says only that some value is wrong. So each column that is cast is tried row by row, by a function of this
//! session that catches the error. That is slow, and happens only after a merge has failed.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use futures::StreamExt;
use quarrel_model::bad_value::BadValuePolicy;
use quarrel_model::target::LoadPlan;
use quarrel_sql::postgres as sql;
use quarrel_sql::postgres::{Merge, StageShape, StageTable};
use sqlx::PgConnection;

use super::merge::{merge_failed, render_failed};
use super::stage::{Counts, StagePlan};
use crate::reduced::BadRow;
use crate::rows::{Fault, takes_null};
use crate::statement::statement;
use crate::target::{BadValue, Load, TargetError};

/// More bad values in one column than this are a wrong type, not bad values.
const FAULTS_MAX: i64 = 100_000;

/// Ordinal of the change file, and position in it.
type Place = (i32, i64);

/// What is wrong with a row, and what becomes of it.
struct Finding {
    column: usize,
    reason: String,
}

/// Clears, or takes out, what the target can't hold. False when every value could be read: then the merge failed for another
/// reason.
///
/// # Errors
/// The first bad value of a column whose policy is to fail.
pub(super) async fn repair(
    tx: &mut PgConnection,
    load: &Load<'_>,
    staging: &StagePlan,
    merge: &Merge,
    counts: &mut Counts,
) -> Result<bool, TargetError> {
    let plan = load.plan;
    let StageShape::OneTable { stage } = &merge.shape else { return Ok(false) };
    let mut quarantined: HashMap<Place, Finding> = HashMap::new();
    let mut found_any = false;
    for column in (0..staging.columns.len()).filter(|column| staging.is_cast(*column)) {
        let faults = find(tx, plan, staging, merge, stage, column).await?;
        found_any |= !faults.is_empty();
        let load_column = &staging.columns[column];
        if takes_null(load_column) {
            clear(tx, plan, stage, &merge.columns[column].staged, &faults).await?;
            continue;
        }
        for (place, finding) in faults {
            match (load_column.on_bad_value, place) {
                (BadValuePolicy::Quarantine, Some(place)) => {
                    quarantined.entry(place).or_insert(finding);
                }
                (BadValuePolicy::Quarantine, None) => return Err(bad_value(load, staging, None, finding).await?),
                (BadValuePolicy::Fail | BadValuePolicy::Replace | BadValuePolicy::Null, place) => {
                    return Err(bad_value(load, staging, place, finding).await?);
                }
            }
        }
    }
    if !quarantined.is_empty() {
        let kept = keep(load, staging, &quarantined).await?;
        remove(tx, plan, stage, quarantined.keys().copied()).await?;
        counts.upserts -= kept;
        counts.quarantined += kept;
    }
    let dropped = sql::drop_cast_fault_function().map_err(|error| render_failed(plan, error))?;
    sqlx::raw_sql(statement(&dropped)).execute(tx).await.map_err(|source| merge_failed(plan, source))?;
    Ok(found_any)
}

/// The bad values of one column. A delete has no place: it carries its key alone.
async fn find(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    staging: &StagePlan,
    merge: &Merge,
    stage: &StageTable,
    column: usize,
) -> Result<Vec<(Option<Place>, Finding)>, TargetError> {
    let failed = |source| merge_failed(plan, source);
    let type_name = staging.catalog_type(plan, column)?;
    let function = sql::cast_fault_function(&type_name).map_err(|error| render_failed(plan, error))?;
    sqlx::raw_sql(statement(&function)).execute(&mut *tx).await.map_err(failed)?;
    let query = sql::cast_faults(stage, &merge.columns[column]).map_err(|error| render_failed(plan, error))?;
    // Not kept prepared: the function is another one for the next column.
    let rows: Vec<(Option<i32>, Option<i64>, String)> =
        sqlx::query_as(statement(&query)).persistent(false).bind(FAULTS_MAX).fetch_all(tx).await.map_err(failed)?;
    let finding = |(file, row, sqlstate): (Option<i32>, Option<i64>, String)| {
        let reason = format!("is no value of {} (SQLSTATE {sqlstate})", staging.columns[column].target.type_name);
        (file.zip(row), Finding { column, reason })
    };
    Ok(rows.into_iter().map(finding).collect())
}

async fn clear(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    stage: &StageTable,
    column: &str,
    faults: &[(Option<Place>, Finding)],
) -> Result<(), TargetError> {
    let (files, rows): (Vec<i32>, Vec<i64>) = faults.iter().filter_map(|(place, _)| *place).unzip();
    let query = sql::clear_cast_faults(stage, column).map_err(|error| render_failed(plan, error))?;
    let done = sqlx::query(statement(&query)).bind(files).bind(rows).execute(tx).await;
    done.map(|_| ()).map_err(|source| merge_failed(plan, source))
}

async fn remove(
    tx: &mut PgConnection,
    plan: &LoadPlan,
    stage: &StageTable,
    places: impl Iterator<Item = Place>,
) -> Result<(), TargetError> {
    let (files, rows): (Vec<i32>, Vec<i64>) = places.unzip();
    let query = sql::remove_cast_faults(stage).map_err(|error| render_failed(plan, error))?;
    let done = sqlx::query(statement(&query)).bind(files).bind(rows).execute(tx).await;
    done.map(|_| ()).map_err(|source| merge_failed(plan, source))
}

/// Hands the rows at these places to the quarantine; says how many there were.
async fn keep(load: &Load<'_>, staging: &StagePlan, places: &HashMap<Place, Finding>) -> Result<u64, TargetError> {
    let batch_id = &load.plan.batch;
    let mut kept = 0;
    for part in 0..load.rows.parts() {
        let failed = |source| TargetError::Reduced { batch: batch_id.clone(), source };
        let mut batches = load.rows.open(part).await.map_err(failed)?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(failed)?;
            let bad = |row: usize| {
                let finding = places.get(&staging.layout.position(&batch, row))?;
                let column = staging.columns[finding.column].target.name.clone();
                Some(BadRow { index: row, column, reason: finding.reason.clone() })
            };
            let rows: Vec<BadRow> = (0..batch.num_rows()).filter_map(bad).collect();
            if !rows.is_empty() {
                kept += rows.len() as u64;
                let done = load.quarantine.keep(&batch, &rows).await;
                done.map_err(|source| TargetError::Quarantine { batch: batch_id.clone(), source })?;
            }
        }
    }
    Ok(kept)
}

/// The error for a bad value, with the key of its row, which is read back.
async fn bad_value(
    load: &Load<'_>,
    staging: &StagePlan,
    place: Option<Place>,
    finding: Finding,
) -> Result<TargetError, TargetError> {
    let table = &load.plan.target;
    if let Some((batch, row)) = read_back(load, staging, place).await? {
        let fault = Fault { row, column: finding.column, reason: finding.reason };
        return Ok(staging.layout.bad_value(&batch, fault, table, &staging.columns, load.rows.as_ref()));
    }
    Ok(BadValue {
        table: table.clone(),
        column: staging.columns[finding.column].target.name.clone(),
        key: "of a delete".to_owned(),
        reason: finding.reason,
        file: "unknown".to_owned(),
        row: -1,
    }
    .into())
}

async fn read_back(
    load: &Load<'_>,
    staging: &StagePlan,
    place: Option<Place>,
) -> Result<Option<(RecordBatch, usize)>, TargetError> {
    let Some(place) = place else { return Ok(None) };
    for part in 0..load.rows.parts() {
        let failed = |source| TargetError::Reduced { batch: load.plan.batch.clone(), source };
        let mut batches = load.rows.open(part).await.map_err(failed)?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(failed)?;
            let row = (0..batch.num_rows()).find(|row| staging.layout.position(&batch, *row) == place);
            if let Some(row) = row {
                return Ok(Some((batch, row)));
            }
        }
    }
    Ok(None)
}
