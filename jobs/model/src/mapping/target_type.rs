//! The types of target columns, and how each engine spells them.

use serde::{Deserialize, Serialize};

use super::TargetEngine;
use crate::names::QualifiedName;
use crate::source::{Builtin, NumericModifiers};

/// A type of a target column: words of the engine and numbers, or the name of a type that is there.
///
/// Precisions count digits of a second; None is the engine's most, six. Lengths of texts count characters, on Redshift bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Real,
    DoublePrecision,
    Numeric {
        modifiers: Option<NumericModifiers>,
    },
    Money,
    Text,
    Varchar {
        length: Option<u32>,
    },
    Char {
        length: u32,
    },
    /// `bytea`; on Redshift `varbyte(n)`.
    Bytes {
        length: Option<u32>,
    },
    Uuid,
    Json,
    Jsonb,
    /// Redshift's.
    Super,
    Date,
    Time {
        precision: Option<u8>,
    },
    TimeTz {
        precision: Option<u8>,
    },
    Timestamp {
        precision: Option<u8>,
    },
    TimestampTz {
        precision: Option<u8>,
    },
    Interval,
    Bit {
        length: u32,
    },
    BitVarying {
        length: Option<u32>,
    },
    Builtin(Builtin),
    Array {
        element: Box<TargetType>,
    },
    /// A type somebody made in the target: an enum, a domain. Only a configuration asks for one.
    Named {
        name: QualifiedName,
    },
}

impl TargetType {
    /// `numeric(precision,scale)`.
    pub fn numeric(precision: u16, scale: i16) -> TargetType {
        TargetType::Numeric { modifiers: Some(NumericModifiers { precision, scale }) }
    }

    /// `varchar(length)`.
    pub fn varchar(length: u32) -> TargetType {
        TargetType::Varchar { length: Some(length) }
    }

    /// The type as the engine's catalog prints it (`format_type`; SQLite: as it is declared): `character varying(20)`.
    ///
    /// For people, and for comparing with what a catalog says. SQL is made by `quarrel_sql::Sql::target_type`.
    pub fn spelling(&self, engine: TargetEngine) -> String {
        match engine {
            TargetEngine::Postgres | TargetEngine::Redshift => self.postgres_spelling(engine),
            TargetEngine::Sqlite => self.sqlite_spelling().to_owned(),
        }
    }

    fn postgres_spelling(&self, engine: TargetEngine) -> String {
        let sized = |name: &str, length: &Option<u32>| match length {
            Some(length) => format!("{name}({length})"),
            None => name.to_owned(),
        };
        let timed = |name: &str, precision: &Option<u8>, zone: &str| match precision {
            Some(precision) => format!("{name}({precision}) {zone} time zone"),
            None => format!("{name} {zone} time zone"),
        };
        match self {
            TargetType::Boolean => "boolean".to_owned(),
            TargetType::SmallInt => "smallint".to_owned(),
            TargetType::Integer => "integer".to_owned(),
            TargetType::BigInt => "bigint".to_owned(),
            TargetType::Real => "real".to_owned(),
            TargetType::DoublePrecision => "double precision".to_owned(),
            TargetType::Numeric { modifiers: None } => "numeric".to_owned(),
            TargetType::Numeric { modifiers: Some(NumericModifiers { precision, scale }) } => {
                format!("numeric({precision},{scale})")
            }
            TargetType::Money => "money".to_owned(),
            TargetType::Text => "text".to_owned(),
            TargetType::Varchar { length } => sized("character varying", length),
            TargetType::Char { length } => format!("character({length})"),
            TargetType::Bytes { length } => match engine {
                TargetEngine::Redshift => sized("binary varying", length),
                TargetEngine::Postgres | TargetEngine::Sqlite => "bytea".to_owned(),
            },
            TargetType::Uuid => "uuid".to_owned(),
            TargetType::Json => "json".to_owned(),
            TargetType::Jsonb => "jsonb".to_owned(),
            TargetType::Super => "super".to_owned(),
            TargetType::Date => "date".to_owned(),
            TargetType::Time { precision } => timed("time", precision, "without"),
            TargetType::TimeTz { precision } => timed("time", precision, "with"),
            TargetType::Timestamp { precision } => timed("timestamp", precision, "without"),
            TargetType::TimestampTz { precision } => timed("timestamp", precision, "with"),
            TargetType::Interval => "interval".to_owned(),
            TargetType::Bit { length } => format!("bit({length})"),
            TargetType::BitVarying { length } => sized("bit varying", length),
            TargetType::Builtin(builtin) => builtin.spelling().to_owned(),
            TargetType::Array { element } => format!("{}[]", element.postgres_spelling(engine)),
            TargetType::Named { name } => name.to_string(),
        }
    }

    /// SQLite's declared types are preferences; each of these is the one under which values keep their canonical form.
    fn sqlite_spelling(&self) -> &'static str {
        match self {
            TargetType::Boolean => "BOOLEAN",
            TargetType::SmallInt | TargetType::Integer | TargetType::BigInt => "INTEGER",
            TargetType::Real | TargetType::DoublePrecision => "REAL",
            TargetType::Bytes { .. } => "BLOB",
            TargetType::Numeric { .. } => "NUMERIC",
            TargetType::Money
            | TargetType::Text
            | TargetType::Varchar { .. }
            | TargetType::Char { .. }
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
            | TargetType::Builtin(_)
            | TargetType::Array { .. }
            | TargetType::Named { .. } => "TEXT",
        }
    }
}
