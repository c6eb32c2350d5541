//! Statements that load a Postgres table beside another one and swap the two.
//!
//! Much of a swap is spelled by the database itself: a catalog query gives whole statements, in which it has quoted every name.

use quarrel_model::names::QualifiedName;

use crate::fragment::Sql;
use crate::postgres::{Merge, StageTable, staged};
use crate::template::{RenderError, Template, Value, template};

/// Creates what full loads need of the ledger, in this order.
pub const LEDGER_CREATE: [Template; 2] =
    [template!("postgres/replace/ledger_create_full_loads.sql"), template!("postgres/replace/ledger_create_parts.sql")];
/// Whether that is there.
pub const LEDGER_COMPLETE: Template = template!("postgres/replace/ledger_complete.sql");
/// Reads where the last full load starts.
pub const READ_FLOOR: Template = template!("postgres/replace/read_floor.sql");
/// Says where a full load starts.
pub const WRITE_FLOOR: Template = template!("postgres/replace/write_floor.sql");
/// Starts the ledger of a table anew.
pub const WRITE_TABLE: Template = template!("postgres/replace/write_table.sql");
/// Forgets applied files.
pub const FORGET_FILES: Template = template!("postgres/replace/forget_files.sql");
/// Forgets applied batches.
pub const FORGET_BATCHES: Template = template!("postgres/replace/forget_batches.sql");
/// Lists the committed parts of a load.
pub const READ_PARTS: Template = template!("postgres/replace/read_parts.sql");
/// Records a part.
pub const WRITE_PART: Template = template!("postgres/replace/write_part.sql");
/// Forgets the parts of other loads.
pub const FORGET_PARTS: Template = template!("postgres/replace/forget_parts.sql");

/// Makes the catalog spell every name with its schema.
pub const QUALIFY_NAMES: Template = template!("postgres/replace/qualify_names.sql");
/// Lists what can't be carried over.
pub const REFUSALS: Template = template!("postgres/replace/refusals.sql");
/// Finds a table in schema `quarrel`.
pub const FIND_BESIDE: Template = template!("postgres/replace/find_beside.sql");
/// Spells the making of a new table.
pub const CREATE_STATEMENTS: Template = template!("postgres/replace/create_statements.sql");
/// Whether two tables have the same columns.
pub const SAME_COLUMNS: Template = template!("postgres/replace/same_columns.sql");
/// Spells the building of indexes and constraints.
pub const BUILD_STATEMENTS: Template = template!("postgres/replace/build_statements.sql");
/// Spells what happens to views.
pub const VIEWS: Template = template!("postgres/replace/views.sql");
/// Lists a table's sequences.
pub const SEQUENCES: Template = template!("postgres/replace/sequences.sql");
/// Sets a sequence.
pub const SET_SEQUENCE: Template = template!("postgres/replace/set_sequence.sql");
/// Spells owner, grants and comments.
pub const DRESS_STATEMENTS: Template = template!("postgres/replace/dress_statements.sql");

const COPY: Template = template!("postgres/replace/copy.sql");
const COPY_TEXT: Template = template!("postgres/replace/copy_text.sql");
const INSERT_STAGED: Template = template!("postgres/replace/insert_staged.sql");
const COUNT_ROWS: Template = template!("postgres/replace/count_rows.sql");
const ANALYZE: Template = template!("postgres/replace/analyze.sql");
const LOCK_TABLE: Template = template!("postgres/replace/lock_table.sql");
const RENAME_TABLE: Template = template!("postgres/replace/rename_table.sql");
const MOVE_TABLE: Template = template!("postgres/replace/move_table.sql");
const DROP_TABLE: Template = template!("postgres/replace/drop_table.sql");
const MAX_VALUE: Template = template!("postgres/replace/max_value.sql");

/// How COPY spells rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Binary,
    Text,
}

/// Sends rows to these columns of a table.
///
/// # Errors
/// A template that doesn't fit its values, here and below: a defect of this crate.
pub fn copy<'a>(
    table: &QualifiedName,
    columns: impl IntoIterator<Item = &'a str>,
    format: CopyFormat,
) -> Result<Sql, RenderError> {
    let template = match format {
        CopyFormat::Binary => COPY,
        CopyFormat::Text => COPY_TEXT,
    };
    template.render([("table", Sql::table(table).into()), ("columns", Value::names(columns))])
}

/// Writes every staged row of a merge into another table.
///
/// # Errors
/// As [`copy`].
pub fn insert_staged(table: &QualifiedName, stage: &StageTable, merge: &Merge) -> Result<Sql, RenderError> {
    let columns = merge.columns.iter().map(|column| vec![Sql::name(&column.target), staged(column)]);
    INSERT_STAGED.render([
        ("table", Sql::table(table).into()),
        ("stage", stage.sql().into()),
        ("overriding", merge.overriding().into()),
        ("columns", Value::List(columns.collect())),
    ])
}

/// Counts rows.
///
/// # Errors
/// As [`copy`].
pub fn count_rows(table: &QualifiedName) -> Result<Sql, RenderError> {
    COUNT_ROWS.render([("table", Sql::table(table).into())])
}

/// Gathers statistics.
///
/// # Errors
/// As [`copy`].
pub fn analyze(table: &QualifiedName) -> Result<Sql, RenderError> {
    ANALYZE.render([("table", Sql::table(table).into())])
}

/// Keeps everybody off a table.
///
/// # Errors
/// As [`copy`].
pub fn lock_table(table: &QualifiedName) -> Result<Sql, RenderError> {
    LOCK_TABLE.render([("table", Sql::table(table).into())])
}

/// Gives a table another name.
///
/// # Errors
/// As [`copy`].
pub fn rename_table(table: &QualifiedName, name: &str) -> Result<Sql, RenderError> {
    RENAME_TABLE.render([("table", Sql::table(table).into()), ("name", Sql::name(name).into())])
}

/// Brings a table into another schema.
///
/// # Errors
/// As [`copy`].
pub fn move_table(table: &QualifiedName, schema: &str) -> Result<Sql, RenderError> {
    MOVE_TABLE.render([("table", Sql::table(table).into()), ("schema", Sql::name(schema).into())])
}

/// Drops a table.
///
/// # Errors
/// As [`copy`].
pub fn drop_table(table: &QualifiedName) -> Result<Sql, RenderError> {
    DROP_TABLE.render([("table", Sql::table(table).into())])
}

/// Reads the greatest value of a column.
///
/// # Errors
/// As [`copy`].
pub fn max_value(table: &QualifiedName, column: &str) -> Result<Sql, RenderError> {
    MAX_VALUE.render([("table", Sql::table(table).into()), ("column", Sql::name(column).into())])
}
