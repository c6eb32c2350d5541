//! Migrations of SQLite tables.

use quarrel_model::mapping::TargetEngine;
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::QualifiedName;

use super::{column_parts, names_or_nothing};
use crate::fragment::Sql;
use crate::template::{RenderError, Template, Value, template};

const CREATE_TABLE: Template = template!("sqlite/migrate_create_table.sql");
const ADD_COLUMN: Template = template!("sqlite/migrate_add_column.sql");
const DROP_COLUMN: Template = template!("sqlite/migrate_drop_column.sql");

const ENGINE: TargetEngine = TargetEngine::Sqlite;

pub(super) fn statement(table: &QualifiedName, step: &MigrationStep) -> Result<Sql, RenderError> {
    let main = QualifiedName { schema: Some("main".to_owned()), name: table.name.clone() };
    let table = || ("table", Value::from(Sql::table(&main)));
    let impossible = |what| Err(RenderError::Impossible { what, engine: ENGINE });
    match step {
        MigrationStep::CreateTable { columns, primary_key, layout: _ } => {
            let columns = columns.iter().map(|column| column_parts(ENGINE, column)).collect();
            let key = names_or_nothing(primary_key);
            CREATE_TABLE.render([table(), ("columns", Value::List(columns)), ("key", key)])
        }
        MigrationStep::AddColumn { column } => ADD_COLUMN.render([
            table(),
            ("column", Sql::name(&column.name).into()),
            ("type", Sql::target_type(ENGINE, &column.target_type).into()),
        ]),
        MigrationStep::DropColumn { column } => DROP_COLUMN.render([table(), ("column", Sql::name(column).into())]),
        MigrationStep::CreateSchema { .. } => impossible("a schema"),
        MigrationStep::AddPrimaryKey { .. } => impossible("a primary key for a table that is there"),
        MigrationStep::ChangeType { .. } => impossible("another type for a column"),
        MigrationStep::DropNotNull { .. } => impossible("NULL in a column that takes none"),
    }
}
