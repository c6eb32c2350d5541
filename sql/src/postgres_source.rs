//! Statements that describe a Postgres source. They take its number as a value: no name is part of a statement.

use crate::template::{Template, template};

/// Tells comment and size.
pub const TABLE: Template = template!("postgres/source_table.sql");
/// Lists its columns.
pub const COLUMNS: Template = template!("postgres/source_columns.sql");
/// Lists the types of its columns, and what those are made of.
pub const TYPES: Template = template!("postgres/source_types.sql");
/// Lists its unique keys.
pub const KEYS: Template = template!("postgres/source_keys.sql");
