//! What a table is at its source, as the source's database describes it.
//!
//! A [`SourceTable`] is the input of the type mapping ([`crate::mapping`]) and of migrations ([`crate::migration`]). Reading
//! it is the work of `quarrel-connect`.
//!
//! # Invariants
//! - Columns are in the table's own order.
//! - A type is never lost: what has no variant of its own is kept by name, and the database's spelling is kept beside it.

mod column;
mod mysql_type;
mod postgres_type;

pub use self::column::{Generated, SourceColumn, SourceType};
pub use self::mysql_type::{MySqlType, MySqlTypeError, Signedness, TextSize};
pub use self::postgres_type::{Builtin, NumericModifiers, PostgresType};

use serde::{Deserialize, Serialize};

use crate::names::QualifiedName;

/// What a source relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    Table,
    /// A partitioned table: described as one, its partitions are not seen.
    Partitioned,
    /// A view, materialized or not: it has neither keys nor an estimate of its own.
    View,
}

impl std::fmt::Display for SourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SourceKind::Table => "table",
            SourceKind::Partitioned => "partitioned table",
            SourceKind::View => "view",
        })
    }
}

/// A table at its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTable {
    /// With its schema (MySQL: its database), as the catalog spells both.
    pub name: QualifiedName,
    pub kind: SourceKind,
    pub columns: Vec<SourceColumn>,
    /// Columns of the primary key in the key's order; empty: there is none.
    pub primary_key: Vec<String>,
    /// Column sets of the other unique keys that cover every row.
    pub unique_keys: Vec<Vec<String>>,
    pub comment: Option<String>,
    /// Rows by the database's own estimate; none where it keeps none, or has not looked yet.
    pub rows_estimate: Option<u64>,
    /// Bytes of the rows without indexes, by the database's own account.
    pub bytes_estimate: Option<u64>,
}

impl SourceTable {
    /// The column of this name, matched exactly.
    pub fn column(&self, name: &str) -> Option<&SourceColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether the source itself says that these columns, in any order, tell a row from all others.
    pub fn is_unique(&self, key: &[String]) -> bool {
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort();
            names
        };
        let key = sorted(key);
        let keys = self.unique_keys.iter().chain((!self.primary_key.is_empty()).then_some(&self.primary_key));
        keys.into_iter().any(|columns| sorted(columns) == key)
    }
}
