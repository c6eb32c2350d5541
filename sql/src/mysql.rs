//! Statements for MySQL and MariaDB sources. They take names as values: none is part of a statement.

use crate::template::{Template, template};

/// Finds a table by name.
pub const SOURCE_TABLE: Template = template!("mysql/source_table.sql");
/// Lists its columns.
pub const SOURCE_COLUMNS: Template = template!("mysql/source_columns.sql");
/// Lists the columns of its unique indexes.
pub const SOURCE_KEYS: Template = template!("mysql/source_keys.sql");
/// Lists the columns that MariaDB keeps JSON in.
pub const SOURCE_JSON_CHECKS: Template = template!("mysql/source_json_checks.sql");
