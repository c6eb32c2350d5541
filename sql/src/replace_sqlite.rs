//! Statements that load a table's rows beside it in SQLite, and exchange them.

use quarrel_model::names::QualifiedName;

use crate::fragment::Sql;
use crate::template::{RenderError, Template, Value, template};

/// Creates what full loads need of the ledger, in this order.
pub const LEDGER_CREATE: [Template; 2] =
    [template!("sqlite/replace/ledger_create_full_loads.sql"), template!("sqlite/replace/ledger_create_parts.sql")];
/// Whether that is there.
pub const LEDGER_COMPLETE: Template = template!("sqlite/replace/ledger_complete.sql");
/// Reads where the last full load starts.
pub const READ_FLOOR: Template = template!("sqlite/replace/read_floor.sql");
/// Says where a full load starts.
pub const WRITE_FLOOR: Template = template!("sqlite/replace/write_floor.sql");
/// Starts the ledger of a table anew.
pub const WRITE_TABLE: Template = template!("sqlite/replace/write_table.sql");
/// Forgets applied files.
pub const FORGET_FILES: Template = template!("sqlite/replace/forget_files.sql");
/// Forgets applied batches.
pub const FORGET_BATCHES: Template = template!("sqlite/replace/forget_batches.sql");
/// Lists the committed parts of a load.
pub const READ_PARTS: Template = template!("sqlite/replace/read_parts.sql");
/// Records a part.
pub const WRITE_PART: Template = template!("sqlite/replace/write_part.sql");
/// Forgets the parts of other loads.
pub const FORGET_PARTS: Template = template!("sqlite/replace/forget_parts.sql");
/// Lists a table's triggers.
pub const TRIGGERS: Template = template!("sqlite/replace/triggers.sql");
/// Lists tables that loads have begun.
pub const LEFTOVERS: Template = template!("sqlite/replace/leftovers.sql");
/// Lists a table's columns.
pub const COLUMN_NAMES: Template = template!("sqlite/replace/column_names.sql");

const CREATE: Template = template!("sqlite/stage_create.sql");
const DROP: Template = template!("sqlite/stage_drop.sql");
const INSERT_PART: Template = template!("sqlite/stage_insert.sql");
const COUNT_ROWS: Template = template!("sqlite/replace/count_rows.sql");
const DELETE_ROWS: Template = template!("sqlite/replace/delete_rows.sql");
const INSERT_ROWS: Template = template!("sqlite/replace/insert_rows.sql");

fn main_table(name: &str) -> Sql {
    Sql::table(&QualifiedName { schema: Some("main".to_owned()), name: name.to_owned() })
}

/// Makes the table that is loaded; its columns have no type, so values are kept as they come.
///
/// # Errors
/// A template that doesn't fit its values, here and below: a defect of this crate.
pub fn create<'a>(beside: &str, columns: impl IntoIterator<Item = &'a str>) -> Result<Sql, RenderError> {
    CREATE.render([("stage", main_table(beside).into()), ("columns", Value::names(columns))])
}

/// Drops it.
///
/// # Errors
/// As [`create`].
pub fn drop(beside: &str) -> Result<Sql, RenderError> {
    DROP.render([("stage", main_table(beside).into())])
}

/// Takes `rows` rows of `columns` values each.
///
/// # Errors
/// As [`create`].
pub fn insert_part(beside: &str, columns: usize, rows: usize) -> Result<Sql, RenderError> {
    let row = vec![Sql::rendered(vec!["?"; columns].join(", "))];
    INSERT_PART.render([("stage", main_table(beside).into()), ("rows", Value::List(vec![row; rows]))])
}

/// Counts rows.
///
/// # Errors
/// As [`create`].
pub fn count_rows(table: &str) -> Result<Sql, RenderError> {
    COUNT_ROWS.render([("table", main_table(table).into())])
}

/// Deletes every row.
///
/// # Errors
/// As [`create`].
pub fn delete_rows(table: &str) -> Result<Sql, RenderError> {
    DELETE_ROWS.render([("table", main_table(table).into())])
}

/// Writes the loaded rows.
///
/// # Errors
/// As [`create`].
pub fn insert_rows<'a>(
    table: &str,
    beside: &str,
    columns: impl IntoIterator<Item = &'a str>,
) -> Result<Sql, RenderError> {
    INSERT_ROWS.render([
        ("table", main_table(table).into()),
        ("beside", main_table(beside).into()),
        ("columns", Value::names(columns)),
    ])
}
