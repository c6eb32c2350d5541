//! What becomes of names at the target.

use std::collections::BTreeMap;

use super::PlannedColumn;
use super::difference::Difference;
use crate::mapping::TargetEngine;
use crate::target::{TargetColumn, TargetTable};

/// The name under which the engine keeps a column that is made with this one.
pub(super) fn target_name(engine: TargetEngine, name: &str) -> String {
    match engine {
        TargetEngine::Postgres | TargetEngine::Sqlite => name.to_owned(),
        // Even in quotes, unless the cluster says otherwise.
        TargetEngine::Redshift => name.to_ascii_lowercase(),
    }
}

/// Names the engine would cut, and names that are one to it.
pub(super) fn check_names(engine: TargetEngine, columns: &[PlannedColumn]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for column in columns {
        let source = column.mapped.source.as_str();
        let bytes_max = engine.engine().name_bytes_max().unwrap_or(usize::MAX);
        if source.is_empty() || column.target.len() > bytes_max {
            let (column, bytes) = (source.to_owned(), column.target.len());
            differences.push(Difference::NameLength { column, bytes, bytes_max });
        }
        let folded = if engine.engine().folds_column_case() { source.to_ascii_lowercase() } else { source.to_owned() };
        if let Some(first) = seen.insert(folded, source) {
            let (first, second) = (first.to_owned(), source.to_owned());
            differences.push(Difference::NameCollision { first, second, engine });
        }
    }
    differences
}

/// The target's column for each planned one: by its name, or else by the only one equal but for case that no other has.
pub(super) fn match_columns<'t>(
    columns: &[PlannedColumn],
    table: &'t TargetTable,
) -> (Vec<Option<&'t TargetColumn>>, Vec<&'t TargetColumn>) {
    let exact = |name: &str| table.columns.iter().find(|column| column.name == name);
    let mut found: Vec<Option<&TargetColumn>> = columns.iter().map(|column| exact(&column.target)).collect();
    let mut free: Vec<&TargetColumn> = table.columns.iter().filter(|column| !is_in(&found, column)).collect();
    for (place, column) in columns.iter().enumerate() {
        let alike = |candidate: &&&TargetColumn| candidate.name.eq_ignore_ascii_case(&column.target);
        let mut candidates = free.iter().filter(alike);
        let (first, second) = (candidates.next().copied(), candidates.next());
        let rivals = columns.iter().filter(|rival| rival.target.eq_ignore_ascii_case(&column.target)).count();
        if let (None, Some(only), None, 1) = (found[place], first, second, rivals) {
            found[place] = Some(only);
            free.retain(|candidate| candidate.name != only.name);
        }
    }
    (found, free)
}

fn is_in(found: &[Option<&TargetColumn>], column: &TargetColumn) -> bool {
    found.iter().flatten().any(|taken| taken.name == column.name)
}
