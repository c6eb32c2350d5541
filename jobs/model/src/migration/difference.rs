//! How a target differs from its source, column by column.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::mapping::{MappingError, TargetEngine};
use crate::names::QualifiedName;

/// One difference. Types are the target's: what it has, and what the source's column maps to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "difference")]
pub enum Difference {
    /// The source has a column that the target lacks.
    Added {
        column: String,
        to: String,
    },
    /// The target has a column that the source lacks.
    Dropped {
        column: String,
        from: String,
    },
    /// A guess: one column went, another came, and their types agree.
    Renamed {
        from: String,
        to: String,
    },
    Widened {
        column: String,
        from: String,
        to: String,
    },
    Narrowed {
        column: String,
        from: String,
        to: String,
    },
    Retyped {
        column: String,
        from: String,
        to: String,
    },
    /// The source takes NULL, the target doesn't.
    NullTaken {
        column: String,
    },
    /// The type or rule would have to change, and the engine can't do that to this column.
    NotAlterable {
        column: String,
        from: String,
        to: String,
        why: String,
    },
    /// The key that is configured is not the one the source or the target has.
    KeyChanged {
        before: Vec<String>,
        after: Vec<String>,
    },
    /// A key column that the source lacks.
    KeyMissing {
        column: String,
    },
    /// A column without a type at the target.
    NoType {
        column: String,
        error: MappingError,
    },
    /// Two source columns, or two names for a target column, that are one to the target.
    NameCollision {
        first: String,
        second: String,
        engine: TargetEngine,
    },
    /// A name that the target would cut, or that has nothing in it.
    NameLength {
        column: String,
        bytes: usize,
        bytes_max: usize,
    },
    /// More columns than the engine has room for.
    TooManyColumns {
        columns: usize,
        columns_max: usize,
    },
    /// Nothing to make a table of.
    NoColumns,
}

impl Difference {
    /// The columns it speaks of, by the names people know them by.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Difference::Added { column, .. }
            | Difference::Dropped { column, .. }
            | Difference::Widened { column, .. }
            | Difference::Narrowed { column, .. }
            | Difference::Retyped { column, .. }
            | Difference::NullTaken { column }
            | Difference::NotAlterable { column, .. }
            | Difference::KeyMissing { column }
            | Difference::NoType { column, .. }
            | Difference::NameLength { column, .. } => vec![column],
            Difference::Renamed { from, to } => vec![from, to],
            Difference::NameCollision { first, second, .. } => vec![first, second],
            Difference::KeyChanged { before, after } => before.iter().chain(after).map(String::as_str).collect(),
            Difference::TooManyColumns { .. } | Difference::NoColumns => Vec::new(),
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Difference::Added { column, to } => write!(f, "+ {column} {to}"),
            Difference::Dropped { column, from } => write!(f, "- {column} {from}"),
            Difference::Renamed { from, to } => write!(f, "~ {from} → {to} (renamed?)"),
            Difference::Widened { column, from, to } => write!(f, "~ {column} {from} → {to} (wider)"),
            Difference::Narrowed { column, from, to } => write!(f, "~ {column} {from} → {to} (narrower)"),
            Difference::Retyped { column, from, to } => write!(f, "~ {column} {from} → {to}"),
            Difference::NullTaken { column } => write!(f, "~ {column} takes NULL"),
            Difference::NotAlterable { column, from, to, why } => write!(f, "~ {column} {from} → {to}: {why}"),
            Difference::KeyChanged { before, after } => {
                write!(f, "key ({}) → ({})", before.join(", "), after.join(", "))
            }
            Difference::KeyMissing { column } => write!(f, "key column {column} is not in the source"),
            Difference::NoType { error, .. } => error.fmt(f),
            Difference::NameCollision { first, second, engine } => {
                write!(f, "{engine} takes {first} and {second} for the same column")
            }
            Difference::NameLength { column, bytes: 0, .. } => write!(f, "`{column}` has no name"),
            Difference::NameLength { column, bytes, bytes_max } => {
                write!(f, "{column} has {bytes} bytes, and the target cuts names at {bytes_max}")
            }
            Difference::TooManyColumns { columns, columns_max } => {
                write!(f, "{columns} columns, and the target takes {columns_max}")
            }
            Difference::NoColumns => f.write_str("the source has no columns"),
        }
    }
}

/// Why a target can't be made to follow its source as things stand; nothing was touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{target} can't follow its source: {}", render(.differences))]
pub struct Refusal {
    pub target: QualifiedName,
    /// Every difference, those that would have been no reason by themselves among them.
    pub differences: Vec<Difference>,
    /// What an operator may allow or do about it.
    pub hints: Vec<String>,
}

impl Refusal {
    /// Every column that differs.
    pub fn columns(&self) -> BTreeSet<&str> {
        self.differences.iter().flat_map(Difference::columns).collect()
    }
}

fn render(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
