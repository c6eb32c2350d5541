//! What a table is after some steps, as its database will describe it.

use super::step::{MigrationStep, NewColumn};
use crate::mapping::{TargetEngine, TargetType};
use crate::names::QualifiedName;
use crate::target::{Generation, TargetColumn, TargetTable};

pub(super) fn apply_steps<'a>(
    engine: TargetEngine,
    name: &QualifiedName,
    before: Option<&TargetTable>,
    steps: impl IntoIterator<Item = &'a MigrationStep>,
) -> TargetTable {
    let mut table = before.cloned().unwrap_or_else(|| TargetTable {
        name: described_name(engine, name),
        columns: Vec::new(),
        unique_keys: Vec::new(),
        rows_estimate: None,
    });
    for step in steps {
        apply_step(engine, &mut table, step);
    }
    table
}

/// SQLite knows no schemas.
fn described_name(engine: TargetEngine, name: &QualifiedName) -> QualifiedName {
    match engine {
        TargetEngine::Postgres | TargetEngine::Redshift => name.clone(),
        TargetEngine::Sqlite => QualifiedName { schema: None, name: name.name.clone() },
    }
}

fn apply_step(engine: TargetEngine, table: &mut TargetTable, step: &MigrationStep) {
    match step {
        MigrationStep::CreateSchema { .. } => {}
        MigrationStep::CreateTable { columns, primary_key, layout: _ } => {
            table.columns = columns.iter().map(|column| described(engine, column, primary_key)).collect();
            table.unique_keys.extend((!primary_key.is_empty()).then(|| primary_key.clone()));
        }
        MigrationStep::AddPrimaryKey { columns } => {
            for column in table.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
                column.nullable = false;
            }
            table.unique_keys.insert(0, columns.clone());
        }
        MigrationStep::AddColumn { column } => table.columns.push(described(engine, column, &[])),
        MigrationStep::ChangeType { column, to, .. } => change_type(engine, table, column, to),
        MigrationStep::DropNotNull { column } => {
            for found in table.columns.iter_mut().filter(|found| found.name == *column) {
                found.nullable = true;
            }
        }
        MigrationStep::DropColumn { column } => {
            table.columns.retain(|found| found.name != *column);
            table.unique_keys.retain(|key| !key.contains(column));
        }
    }
}

fn described(engine: TargetEngine, column: &NewColumn, primary_key: &[String]) -> TargetColumn {
    let in_key = primary_key.contains(&column.name);
    // SQLite's row id gets a value by itself.
    let is_row_id = engine == TargetEngine::Sqlite
        && in_key
        && primary_key.len() == 1
        && column.target_type.spelling(engine) == "INTEGER";
    TargetColumn {
        name: column.name.clone(),
        type_name: column.target_type.spelling(engine),
        nullable: column.nullable && !in_key,
        has_default: column.default.is_some() || is_row_id,
        generation: Generation::None,
    }
}

fn change_type(engine: TargetEngine, table: &mut TargetTable, column: &str, to: &TargetType) {
    let Some(place) = table.columns.iter().position(|found| found.name == column) else { return };
    let from = TargetType::parse(engine, &table.columns[place].type_name);
    table.columns[place].type_name = to.spelling(engine);
    if engine == TargetEngine::Redshift && !is_varchar_growth(from.as_ref(), to) {
        // Redshift's column is replaced by a new one, behind all others.
        let replaced = table.columns.remove(place);
        table.columns.push(TargetColumn { nullable: true, has_default: false, ..replaced });
    }
}

/// Whether Redshift can change this type where it stands: it makes a VARCHAR longer, and nothing else.
pub fn is_varchar_growth(from: Option<&TargetType>, to: &TargetType) -> bool {
    match (from, to) {
        (Some(TargetType::Varchar { length: Some(from) }), TargetType::Varchar { length: Some(to) }) => from < to,
        (_, _) => false,
    }
}
