//! Builds types from rows of `pg_type` and their modifiers.

use std::collections::HashMap;

use quarrel_model::names::QualifiedName;
use quarrel_model::source::{Builtin, NumericModifiers, PostgresType};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};

/// The lengths of texts and numerics are kept with the size of their header.
const HEADER: i32 = 4;
/// Of a type's modifier: there is none.
const NO_MODIFIER: i32 = -1;
/// Digits of a second that are kept without a modifier, too.
const MICROSECONDS: i32 = 6;

#[derive(Debug, Clone)]
pub(super) struct TypeRow {
    oid: i64,
    schema: String,
    name: String,
    kind: String,
    base: i64,
    base_modifier: i32,
    element: i64,
    not_null: bool,
    labels: Vec<String>,
}

impl FromRow<'_, PgRow> for TypeRow {
    fn from_row(row: &PgRow) -> Result<TypeRow, sqlx::Error> {
        Ok(TypeRow {
            oid: row.try_get("oid")?,
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            kind: row.try_get("kind")?,
            base: row.try_get("base")?,
            base_modifier: row.try_get("base_modifier")?,
            element: row.try_get("element")?,
            not_null: row.try_get("not_null")?,
            labels: row.try_get("labels")?,
        })
    }
}

/// Every type that a table needs.
pub(super) struct Types(HashMap<i64, TypeRow>);

impl Types {
    pub(super) fn new(rows: Vec<TypeRow>) -> Types {
        Types(rows.into_iter().map(|row| (row.oid, row)).collect())
    }

    /// The type of that number; None if the catalog was changed between two looks.
    pub(super) fn resolve(&self, oid: i64, modifier: i32) -> Option<PostgresType> {
        let row = self.0.get(&oid)?;
        let name = || QualifiedName { schema: Some(row.schema.clone()), name: row.name.clone() };
        match row.kind.as_str() {
            "d" => {
                Some(PostgresType::Domain { name: name(), base: Box::new(self.resolve(row.base, row.base_modifier)?) })
            }
            "e" => Some(PostgresType::Enum { name: name(), labels: row.labels.clone() }),
            "c" => Some(PostgresType::Composite { name: name() }),
            _ if row.element != 0 => {
                Some(PostgresType::Array { element: Box::new(self.resolve(row.element, modifier)?) })
            }
            _ if row.schema == "pg_catalog" => {
                Some(builtin(&row.name, modifier).unwrap_or_else(|| PostgresType::Other { name: name() }))
            }
            _ => Some(PostgresType::Other { name: name() }),
        }
    }

    /// Whether a domain, or one it is made of, takes no NULL.
    pub(super) fn is_not_null(&self, oid: i64) -> bool {
        let domain = self.0.get(&oid).filter(|row| row.kind == "d");
        domain.is_some_and(|row| row.not_null || self.is_not_null(row.base))
    }
}

fn builtin(name: &str, modifier: i32) -> Option<PostgresType> {
    let given = (modifier != NO_MODIFIER).then_some(modifier);
    let length = given.and_then(|modifier| u32::try_from(modifier - HEADER).ok());
    let bits = given.and_then(|modifier| u32::try_from(modifier).ok());
    let precision = || given.filter(|given| *given < MICROSECONDS).and_then(|given| u8::try_from(given).ok());
    Some(match name {
        "bool" => PostgresType::Boolean,
        "int2" => PostgresType::SmallInt,
        "int4" => PostgresType::Integer,
        "int8" => PostgresType::BigInt,
        "float4" => PostgresType::Real,
        "float8" => PostgresType::DoublePrecision,
        "numeric" => PostgresType::Numeric { modifiers: given.and_then(numeric) },
        "money" => PostgresType::Money,
        "text" => PostgresType::Text,
        "varchar" => PostgresType::Varchar { length },
        // Without a length it has no blanks to pad with.
        "bpchar" => length.map_or(PostgresType::Text, |length| PostgresType::Char { length }),
        "bytea" => PostgresType::Bytea,
        "uuid" => PostgresType::Uuid,
        "json" => PostgresType::Json,
        "jsonb" => PostgresType::Jsonb,
        "date" => PostgresType::Date,
        "time" => PostgresType::Time { precision: precision() },
        "timetz" => PostgresType::TimeTz { precision: precision() },
        "timestamp" => PostgresType::Timestamp { precision: precision() },
        "timestamptz" => PostgresType::TimestampTz { precision: precision() },
        "interval" => PostgresType::Interval,
        "bit" => PostgresType::Bit { length: bits.unwrap_or(1) },
        "varbit" => PostgresType::BitVarying { length: bits },
        "char" => PostgresType::Builtin(Builtin::SingleByteChar),
        _ => PostgresType::Builtin(Builtin::from_spelling(name)?),
    })
}

/// The precision in the upper half; the scale in the lower eleven bits, signed.
fn numeric(modifier: i32) -> Option<NumericModifiers> {
    let packed = modifier - HEADER;
    let precision = u16::try_from((packed >> 16) & 0xffff).ok()?;
    let scale = i16::try_from(((packed & 0x7ff) ^ 1_024) - 1_024).ok()?;
    Some(NumericModifiers { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_unpacked_as_postgres_packs_them() {
        let modifiers = |precision, scale| Some(NumericModifiers { precision, scale });
        let cases = [(((18 << 16) | 4) + 4, modifiers(18, 4)), (((3 << 16) | (-2 & 0x7ff)) + 4, modifiers(3, -2))];
        for (packed, expected) in cases {
            assert_eq!(numeric(packed), expected, "{packed}");
        }
        assert_eq!(builtin("varchar", 24), Some(PostgresType::Varchar { length: Some(20) }));
        assert_eq!(builtin("varchar", -1), Some(PostgresType::Varchar { length: None }));
        assert_eq!(builtin("timestamp", 6), Some(PostgresType::Timestamp { precision: None }));
        assert_eq!(builtin("timestamp", 0), Some(PostgresType::Timestamp { precision: Some(0) }));
        assert_eq!(builtin("bit", 8), Some(PostgresType::Bit { length: 8 }));
        assert_eq!(builtin("regclass", -1), None);
    }
}
