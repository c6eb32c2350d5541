//! Migrations of Redshift tables.
//!
//! Redshift makes a VARCHAR longer where it stands, outside any transaction. Every other change of a type adds a column,
//! fills it, drops the old one and takes its name: the column is then the last.

use quarrel_model::mapping::{TargetEngine, TargetType};
use quarrel_model::migration::{Distribution, MigrationStep, TableLayout, is_varchar_growth};
use quarrel_model::names::QualifiedName;

use super::{MigrationStatement, Transaction, column_parts, inside, names_or_nothing};
use crate::fragment::Sql;
use crate::template::{RenderError, Template, Value, template};

const CREATE_SCHEMA: Template = template!("redshift/migrate_create_schema.sql");
const CREATE_TABLE: Template = template!("redshift/migrate_create_table.sql");
const ADD_PRIMARY_KEY: Template = template!("redshift/migrate_add_primary_key.sql");
const ADD_COLUMN: Template = template!("redshift/migrate_add_column.sql");
const LENGTHEN_VARCHAR: Template = template!("redshift/migrate_lengthen_varchar.sql");
const FILL_COLUMN: Template = template!("redshift/migrate_fill_column.sql");
const DROP_COLUMN: Template = template!("redshift/migrate_drop_column.sql");
const RENAME_COLUMN: Template = template!("redshift/migrate_rename_column.sql");

const ENGINE: TargetEngine = TargetEngine::Redshift;
/// The name of a column until it takes that of the one it replaces.
const REPLACEMENT: &str = "quarrel_replacement";

pub(super) fn statements(table: &QualifiedName, step: &MigrationStep) -> Result<Vec<MigrationStatement>, RenderError> {
    let table_value = || ("table", Value::from(Sql::table(table)));
    let column = |name: &str| ("column", Value::from(Sql::name(name)));
    let one = |sql: Sql| Ok(vec![inside(sql)]);
    match step {
        MigrationStep::CreateSchema { schema } => one(CREATE_SCHEMA.render([("schema", Sql::name(schema).into())])?),
        MigrationStep::CreateTable { columns, primary_key, layout } => {
            let parts = |column| column_parts(ENGINE, column).into_iter().take(3).collect();
            one(CREATE_TABLE.render([
                table_value(),
                ("columns", Value::List(columns.iter().map(parts).collect())),
                ("key", names_or_nothing(primary_key)),
                ("distribution", distribution(layout).into()),
                ("sort_key", names_or_nothing(&layout.sort_key)),
            ])?)
        }
        MigrationStep::AddPrimaryKey { columns } => {
            let key = Value::names(columns.iter().map(String::as_str));
            one(ADD_PRIMARY_KEY.render([table_value(), ("key", key)])?)
        }
        MigrationStep::AddColumn { column: added } => {
            one(ADD_COLUMN.render([table_value(), column(&added.name), type_value(&added.target_type)])?)
        }
        MigrationStep::ChangeType { column: name, from, to } => {
            if is_varchar_growth(TargetType::parse(ENGINE, from).as_ref(), to) {
                let sql = LENGTHEN_VARCHAR.render([table_value(), column(name), type_value(to)])?;
                return Ok(vec![MigrationStatement { sql, transaction: Transaction::Alone }]);
            }
            let replacement = || ("replacement", Value::from(Sql::name(REPLACEMENT)));
            let statements = [
                ADD_COLUMN.render([table_value(), column(REPLACEMENT), type_value(to)])?,
                FILL_COLUMN.render([table_value(), replacement(), column(name), type_value(to)])?,
                DROP_COLUMN.render([table_value(), column(name)])?,
                RENAME_COLUMN.render([table_value(), replacement(), column(name)])?,
            ];
            Ok(statements.into_iter().map(inside).collect())
        }
        MigrationStep::DropColumn { column: name } => one(DROP_COLUMN.render([table_value(), column(name)])?),
        MigrationStep::DropNotNull { .. } => {
            Err(RenderError::Impossible { what: "NULL in a column that takes none", engine: ENGINE })
        }
    }
}

fn type_value(target_type: &TargetType) -> (&'static str, Value) {
    ("type", Sql::target_type(ENGINE, target_type).into())
}

fn distribution(layout: &TableLayout) -> Sql {
    match &layout.distribution {
        Distribution::Auto => Sql::rendered("DISTSTYLE AUTO".to_owned()),
        Distribution::Even => Sql::rendered("DISTSTYLE EVEN".to_owned()),
        Distribution::All => Sql::rendered("DISTSTYLE ALL".to_owned()),
        Distribution::Key(column) => Sql::rendered(format!("DISTKEY ({})", Sql::name(column))),
    }
}
