//! Statements that carry a migration out.
//!
//! Steps are values of `quarrel_model::migration`; here each becomes the exact DDL of an engine. Types are rendered from
//! [`TargetType`] and constants from [`Constant`], so no text of a source or of a configuration becomes SQL.

mod postgres;
mod redshift;
mod sqlite;
#[cfg(test)]
mod tests;

use quarrel_model::mapping::{TargetEngine, TargetType};
use quarrel_model::migration::{Constant, MigrationStep, NewColumn};
use quarrel_model::names::QualifiedName;

use crate::fragment::Sql;
use crate::template::{RenderError, Template, Value, template};

/// Whether a schema is there, by its quoted name; in Postgres.
pub const POSTGRES_SCHEMA_EXISTS: Template = template!("postgres/schema_exists.sql");

/// Whether a statement may be part of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    Inside,
    /// The engine refuses it inside one: it is run by itself, and commits by itself.
    Alone,
}

/// One statement of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatement {
    pub sql: Sql,
    pub transaction: Transaction,
}

/// The statements of some steps, in order.
///
/// # Errors
/// A step that the engine has no statement for; planning makes none.
pub fn statements(
    engine: TargetEngine,
    table: &QualifiedName,
    steps: &[MigrationStep],
) -> Result<Vec<MigrationStatement>, RenderError> {
    let mut statements = Vec::new();
    for step in steps {
        match engine {
            TargetEngine::Postgres => statements.extend(postgres::statements(table, step)?.into_iter().map(inside)),
            TargetEngine::Redshift => statements.extend(redshift::statements(table, step)?),
            TargetEngine::Sqlite => statements.push(inside(sqlite::statement(table, step)?)),
        }
    }
    Ok(statements)
}

fn inside(sql: Sql) -> MigrationStatement {
    MigrationStatement { sql, transaction: Transaction::Inside }
}

impl Sql {
    /// A type, as the engine spells it; a name that somebody gave one is quoted.
    pub fn target_type(engine: TargetEngine, target_type: &TargetType) -> Sql {
        match target_type {
            TargetType::Named { name } => Sql::table(name),
            TargetType::Array { element } => Sql::rendered(format!("{}[]", Sql::target_type(engine, element))),
            TargetType::Boolean
            | TargetType::SmallInt
            | TargetType::Integer
            | TargetType::BigInt
            | TargetType::Real
            | TargetType::DoublePrecision
            | TargetType::Numeric { .. }
            | TargetType::Money
            | TargetType::Text
            | TargetType::Varchar { .. }
            | TargetType::Char { .. }
            | TargetType::Bytes { .. }
            | TargetType::Uuid
            | TargetType::Json
            | TargetType::Jsonb
            | TargetType::Super
            | TargetType::Date
            | TargetType::Time { .. }
            | TargetType::TimeTz { .. }
            | TargetType::Timestamp { .. }
            | TargetType::TimestampTz { .. }
            | TargetType::Interval
            | TargetType::Bit { .. }
            | TargetType::BitVarying { .. }
            | TargetType::Builtin(_) => Sql::rendered(target_type.spelling(engine)),
        }
    }
}

/// Name, type, NOT NULL, DEFAULT.
fn column_parts(engine: TargetEngine, column: &NewColumn) -> Vec<Sql> {
    let not_null = if column.nullable { "" } else { " NOT NULL" };
    let default = match &column.default {
        Some(default) => format!(" DEFAULT {}", constant(engine, default)),
        None => String::new(),
    };
    vec![
        Sql::name(&column.name),
        Sql::target_type(engine, &column.target_type),
        Sql::rendered(not_null.to_owned()),
        Sql::rendered(default),
    ]
}

fn constant(engine: TargetEngine, constant: &Constant) -> Sql {
    match (constant, engine) {
        (Constant::Boolean(true), _) => Sql::rendered("TRUE".to_owned()),
        (Constant::Boolean(false), _) => Sql::rendered("FALSE".to_owned()),
        (Constant::Number(digits), _) => Sql::rendered(digits.as_str().to_owned()),
        (Constant::Text(text), TargetEngine::Postgres | TargetEngine::Redshift) => Sql::text(text),
        // A backslash is an ordinary character to SQLite, always.
        (Constant::Text(text), TargetEngine::Sqlite) => Sql::rendered(format!("'{}'", text.replace('\'', "''"))),
    }
}

/// One item, the names with commas between them, or none.
fn names_or_nothing(names: &[String]) -> Value {
    let joined = names.iter().map(|name| Sql::name(name).to_string()).collect::<Vec<_>>().join(", ");
    Value::List(if names.is_empty() { Vec::new() } else { vec![vec![Sql::rendered(joined)]] })
}
