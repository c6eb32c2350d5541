//! What makes a target table follow its source; decided here, never done.
//!
//! [`plan_migration`] compares a [`SourceTable`] with what the target has and answers with a [`Migration`] or a [`Refusal`]. A
//! migration's steps are data; `quarrel-sql` renders them, a target carries them out.
//!
//! # What is carried over
//! Columns with their types (by [`crate::mapping`]) and order, the key, NOT NULL (Postgres: of every column; Redshift and
//! SQLite, which can't drop it again: of the key alone), and defaults that are constants both engines read the same: numbers,
//! booleans, texts. Redshift gets no defaults, since it would then refuse to widen their columns.
//!
//! # What is not
//! Defaults by function or expression, identities and sequences, generated columns (they become ordinary ones: their values
//! come with the rows), check constraints and domains' checks, foreign keys, triggers, further unique keys and indexes,
//! collations, comments, grants. A copy takes rows in the order of their changes, which constraints between rows would refuse.
//!
//! # Invariants
//! - Same inputs, same plan. Planning again on [`Migration::after`] yields no steps.
//! - Nothing is dropped or narrowed without an [`Allowance`]; nothing is retyped or renamed at all.
//! - A refusal names every column that differs.

mod apply;
mod constant;
mod create;
mod difference;
mod names;
mod plan;
mod record;
mod rules;
mod step;
#[cfg(test)]
mod tests;

pub use self::apply::is_varchar_growth;
pub use self::constant::{Constant, Digits};
pub use self::difference::{Difference, Refusal};
pub use self::plan::plan_migration;
pub use self::record::MigrationRecord;
pub use self::rules::{Allowance, KeyTiming, MigrationRules, WidenPolicy};
pub use self::step::{Distribution, MigrationStep, NewColumn, TableLayout};

use serde::{Deserialize, Serialize};

use crate::mapping::{MappedColumn, TargetEngine};
use crate::names::QualifiedName;
use crate::target::TargetTable;

#[cfg(doc)]
use crate::source::SourceTable;

/// What a migration amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The target follows its source already.
    Nothing,
    Create,
    /// Columns are added, widened, relieved of NOT NULL, or what else was allowed.
    Alter,
}

/// Everything a migration does to one target table: what `quarrel plan` prints and a target carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub engine: TargetEngine,
    pub target: QualifiedName,
    pub decision: Decision,
    /// The table as it was described; none: there was none.
    pub before: Option<TargetTable>,
    /// The table as its database will describe it once `steps` and `after_load` are done.
    pub after: TargetTable,
    /// Every source column in the source's order: where it goes, and what is lost on the way.
    pub columns: Vec<PlannedColumn>,
    /// In order. Empty when the decision is [`Decision::Nothing`].
    pub steps: Vec<MigrationStep>,
    /// Steps for when the rows are there, by [`KeyTiming::AfterLoad`]; else empty.
    pub after_load: Vec<MigrationStep>,
    /// What somebody may want to know before the steps are done.
    pub notes: Vec<Note>,
}

/// A source column and the target column that takes its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedColumn {
    /// Name at the target.
    pub target: String,
    pub mapped: MappedColumn,
}

/// What a migration leaves behind or leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum Note {
    /// The default is no constant that both engines read the same.
    DefaultNotCarried {
        column: String,
        default: String,
    },
    /// A generated or identity column becomes an ordinary one.
    GenerationNotCarried {
        column: String,
    },
    CollationNotCarried {
        column: String,
        collation: String,
    },
    /// Rows that are in the target already have NULL there until they are loaded again.
    AddedColumnIsNull {
        column: String,
    },
    /// A column that only the target has stays.
    Kept {
        column: String,
    },
    /// A column that is wider than its source stays so.
    KeptWide {
        column: String,
        target: String,
        source: String,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Note::DefaultNotCarried { column, default } => {
                write!(f, "`{column}`: the default {default} is not carried over")
            }
            Note::GenerationNotCarried { column } => {
                write!(f, "`{column}` is generated at the source and an ordinary column in the target")
            }
            Note::CollationNotCarried { column, collation } => {
                write!(f, "`{column}`: collation {collation} is not carried over")
            }
            Note::AddedColumnIsNull { column } => {
                write!(f, "`{column}` is NULL in rows that are there already, until they are loaded again")
            }
            Note::Kept { column } => write!(f, "`{column}` is in the target alone, and stays"),
            Note::KeptWide { column, target, source } => {
                write!(f, "`{column}` stays {target}, which is wider than its source's {source}")
            }
        }
    }
}

impl Migration {
    /// The change in one line: `create 12 columns`, `add 2 columns, widen 1`.
    pub fn summary(&self) -> String {
        if let Decision::Create = self.decision {
            return format!("create {}", counted(self.after.columns.len(), "column"));
        }
        let count = |wanted: fn(&MigrationStep) -> bool| self.steps.iter().filter(|step| wanted(step)).count();
        let counts = [
            ("add", count(|step| matches!(step, MigrationStep::AddColumn { .. }))),
            ("retype", count(|step| matches!(step, MigrationStep::ChangeType { .. }))),
            ("take NULL in", count(|step| matches!(step, MigrationStep::DropNotNull { .. }))),
            ("drop", count(|step| matches!(step, MigrationStep::DropColumn { .. }))),
        ];
        let parts: Vec<String> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(verb, count)| format!("{verb} {}", counted(count, "column")))
            .collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
