//! The steps of a migration, as data.

use serde::{Deserialize, Serialize};

use super::constant::Constant;
use crate::mapping::TargetType;

/// A column to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub target_type: TargetType,
    pub nullable: bool,
    pub default: Option<Constant>,
}

/// Where Redshift puts the rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Redshift chooses, and changes its mind as the table grows.
    #[default]
    Auto,
    Even,
    All,
    /// By the value of this column of the target.
    Key(String),
}

/// How Redshift lays a table out; other engines have nothing of the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableLayout {
    pub distribution: Distribution,
    /// Columns of the target; empty: Redshift chooses.
    pub sort_key: Vec<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum MigrationStep {
    /// Makes the table's schema where it is missing.
    CreateSchema {
        schema: String,
    },
    /// Makes the table; no primary key: none, or one that comes after the load.
    CreateTable {
        columns: Vec<NewColumn>,
        primary_key: Vec<String>,
        layout: TableLayout,
    },
    /// Makes the primary key of a table that has none.
    AddPrimaryKey {
        columns: Vec<String>,
    },
    /// Adds a column, nullable: no row has a value yet. A default holds for rows to come.
    AddColumn {
        column: NewColumn,
    },
    /// Changes a type, values converted by the engine's own cast. `from` is the target's spelling.
    ChangeType {
        column: String,
        from: String,
        to: TargetType,
    },
    DropNotNull {
        column: String,
    },
    DropColumn {
        column: String,
    },
}
