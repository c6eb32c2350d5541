//! What the configuration and the operator say about one migration.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::step::TableLayout;
use crate::config::Table;
use crate::mapping::{MappingRules, Route, TargetEngine};
use crate::names::QualifiedName;

/// Whether types are widened when the source's were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WidenPolicy {
    #[default]
    Widen,
    /// The table stops with a diff.
    Refuse,
}

/// What a migration does only when it is told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// Columns that the source no longer has are dropped, with their values.
    Drop,
    /// Types are narrowed as the source's were. Decimals that no longer fit are rounded, as the source rounded them; anything
    /// else that doesn't fit makes the database refuse.
    Narrow,
    /// Columns that only the target has stay, and so do types that are wider than the source's.
    Keep,
}

/// When the primary key of a new table is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyTiming {
    #[default]
    WithTable,
    /// Postgres only: its index is built faster once the rows are there. Elsewhere as [`KeyTiming::WithTable`].
    AfterLoad,
}

/// Everything but the two tables that a plan depends on.
#[derive(Debug, Clone)]
pub struct MigrationRules {
    pub mapping: MappingRules,
    /// The target's name when it is made.
    pub target: QualifiedName,
    /// Key columns by their names at the source; empty: the source's primary key.
    pub key: Vec<String>,
    pub widen: WidenPolicy,
    pub allow: BTreeSet<Allowance>,
    pub key_timing: KeyTiming,
    /// Redshift only.
    pub layout: TableLayout,
}

impl MigrationRules {
    /// The rules of a configured table and one of its targets, with nothing allowed.
    pub fn of(table: &Table, target: &QualifiedName, engine: TargetEngine, route: Route) -> MigrationRules {
        let policies = || table.columns.iter();
        MigrationRules {
            mapping: MappingRules {
                engine,
                route,
                overrides: policies()
                    .filter_map(|(column, policy)| Some((column.clone(), policy.target_type.clone()?)))
                    .collect(),
                lob_slices: policies()
                    .filter_map(|(column, policy)| Some((column.clone(), policy.lob_slice?)))
                    .collect(),
            },
            target: target.clone(),
            key: table.key.clone(),
            widen: WidenPolicy::default(),
            allow: BTreeSet::new(),
            key_timing: KeyTiming::default(),
            layout: TableLayout::default(),
        }
    }
}
