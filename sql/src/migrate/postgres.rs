//! Migrations of Postgres tables.

use quarrel_model::mapping::{TargetEngine, TargetType};
use quarrel_model::migration::{MigrationStep, NewColumn};
use quarrel_model::names::QualifiedName;

use super::{column_parts, constant, names_or_nothing};
use crate::fragment::Sql;
use crate::template::{RenderError, Template, Value, template};

const CREATE_SCHEMA: Template = template!("postgres/migrate_create_schema.sql");
const CREATE_TABLE: Template = template!("postgres/migrate_create_table.sql");
const ADD_PRIMARY_KEY: Template = template!("postgres/migrate_add_primary_key.sql");
const ADD_COLUMN: Template = template!("postgres/migrate_add_column.sql");
const SET_DEFAULT: Template = template!("postgres/migrate_set_default.sql");
const CHANGE_TYPE: Template = template!("postgres/migrate_change_type.sql");
const DROP_NOT_NULL: Template = template!("postgres/migrate_drop_not_null.sql");
const DROP_COLUMN: Template = template!("postgres/migrate_drop_column.sql");

const ENGINE: TargetEngine = TargetEngine::Postgres;

pub(super) fn statements(table: &QualifiedName, step: &MigrationStep) -> Result<Vec<Sql>, RenderError> {
    let table = || ("table", Sql::table(table).into());
    let column = |name: &str| ("column", Sql::name(name).into());
    Ok(vec![match step {
        MigrationStep::CreateSchema { schema } => CREATE_SCHEMA.render([("schema", Sql::name(schema).into())])?,
        MigrationStep::CreateTable { columns, primary_key, layout: _ } => {
            let columns = columns.iter().map(|column| column_parts(ENGINE, column)).collect();
            let key = names_or_nothing(primary_key);
            CREATE_TABLE.render([table(), ("columns", Value::List(columns)), ("key", key)])?
        }
        MigrationStep::AddPrimaryKey { columns } => {
            ADD_PRIMARY_KEY.render([table(), ("key", Value::names(columns.iter().map(String::as_str)))])?
        }
        MigrationStep::AddColumn { column } => return add_column(table(), column),
        MigrationStep::ChangeType { column: name, from: _, to } => {
            CHANGE_TYPE.render([table(), column(name), type_value(to)])?
        }
        MigrationStep::DropNotNull { column: name } => DROP_NOT_NULL.render([table(), column(name)])?,
        MigrationStep::DropColumn { column: name } => DROP_COLUMN.render([table(), column(name)])?,
    }])
}

fn type_value(target_type: &TargetType) -> (&'static str, Value) {
    ("type", Sql::target_type(ENGINE, target_type).into())
}

/// The default comes by a statement of its own: together with the column it would hold for the rows that are there.
fn add_column(table: (&'static str, Value), column: &NewColumn) -> Result<Vec<Sql>, RenderError> {
    let name = || ("column", Value::from(Sql::name(&column.name)));
    let mut statements = vec![ADD_COLUMN.render([table.clone(), name(), type_value(&column.target_type)])?];
    if let Some(default) = &column.default {
        statements.push(SET_DEFAULT.render([table, name(), ("default", constant(ENGINE, default).into())])?);
    }
    Ok(statements)
}
