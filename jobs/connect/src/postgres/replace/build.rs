//! What is built once the rows are there: indexes, constraints, statistics.
//!
//! Each step commits by itself, and one that an earlier attempt has built is not built again.

use quarrel_model::replace::ReplacePlan;
use quarrel_sql::replace as sql;
use sqlx::Connection;

use super::{Place, catalog, render_failed};
use crate::pool::Session;
use crate::replace::ReplaceError;
use crate::statement::statement;

/// What the swap has to know of a table that is ready.
pub(super) struct Built {
    pub(super) rows: u64,
    /// The greatest values of the columns that sequences fill.
    pub(super) max_values: Vec<(String, Option<i64>)>,
}

/// Counts the rows, and builds what is missing.
///
/// # Errors
/// Another number of rows than expected: then nothing has been built.
pub(super) async fn build(
    session: &mut Session,
    plan: &ReplacePlan,
    place: &Place,
    expected_rows: u64,
) -> Result<Built, ReplaceError> {
    let table = || plan.target.clone();
    let building = |what: &str| building(plan, what);
    let counting = building("a count of the rows");
    let found = catalog::find_beside(session, place).await.map_err(&counting)?;
    let beside = found.ok_or_else(|| ReplaceError::NotOpen { table: table() })?;
    let text = sql::count_rows(&place.beside).map_err(|source| render_failed(plan, source))?;
    let count: i64 = sqlx::query_scalar(statement(&text)).fetch_one(&mut **session).await.map_err(&counting)?;
    let rows = u64::try_from(count).expect("a count is not negative");
    if rows != expected_rows {
        return Err(ReplaceError::RowCount { table: table(), expected: expected_rows, found: rows });
    }
    // Spelled in a transaction whose names are qualified, and so good for any search path.
    let reading = building("what the target has");
    let mut tx = session.begin().await.map_err(&reading)?;
    catalog::qualify_names(&mut tx).await.map_err(&reading)?;
    let steps = catalog::build_steps(&mut tx, place, beside).await.map_err(&reading)?;
    let sequences = catalog::sequences(&mut tx, place, beside).await.map_err(&reading)?;
    tx.rollback().await.map_err(&reading)?;
    for step in steps.into_iter().filter(|step| !step.is_built) {
        let text = step.statement.ok_or_else(|| ReplaceError::Changed { table: table() })?;
        tracing::debug!(table = %plan.target, what = step.what, "building beside the table");
        let done = sqlx::raw_sql(statement(&text)).execute(&mut **session).await;
        done.map_err(building(&step.what))?;
    }
    let text = sql::analyze(&place.beside).map_err(|source| render_failed(plan, source))?;
    sqlx::raw_sql(statement(&text)).execute(&mut **session).await.map_err(building("statistics"))?;
    let mut max_values = Vec::new();
    for sequence in sequences.into_iter().filter(|sequence| sequence.counts) {
        let text = sql::max_value(&place.beside, &sequence.column).map_err(|source| render_failed(plan, source))?;
        let value: Option<i64> =
            sqlx::query_scalar(statement(&text)).fetch_one(&mut **session).await.map_err(building("sequences"))?;
        max_values.push((sequence.column, value));
    }
    Ok(Built { rows, max_values })
}

/// The error of a step.
fn building(plan: &ReplacePlan, what: &str) -> impl Fn(sqlx::Error) -> ReplaceError + use<> {
    let (table, what) = (plan.target.clone(), what.to_owned());
    move |source| ReplaceError::Build { table: table.clone(), what: what.clone(), source }
}
