//! The types of Postgres, as its catalog has them.

use serde::{Deserialize, Serialize};

use crate::names::QualifiedName;

/// `numeric(precision,scale)`. From Postgres 15 on, the scale may be below zero or above the precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NumericModifiers {
    pub precision: u16,
    pub scale: i16,
}

/// A type of a Postgres column. Lengths count characters, precisions digits of a second; none: as many as there can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostgresType {
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
    Bytea,
    Uuid,
    Json,
    Jsonb,
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
    /// Fields and precision narrow what it holds; they are in the column's spelling alone.
    Interval,
    Bit {
        length: u32,
    },
    BitVarying {
        length: Option<u32>,
    },
    /// A type of Postgres itself that takes no modifiers and that other databases know as text at best.
    Builtin(Builtin),
    Enum {
        name: QualifiedName,
        labels: Vec<String>,
    },
    Domain {
        name: QualifiedName,
        base: Box<PostgresType>,
    },
    Array {
        element: Box<PostgresType>,
    },
    Composite {
        name: QualifiedName,
    },
    /// A type of an extension or of a user: `hstore`, a range of one's own.
    Other {
        name: QualifiedName,
    },
}

/// Types that are named by one word of `pg_catalog` and take no modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Builtin {
    Inet,
    Cidr,
    MacAddr,
    MacAddr8,
    Point,
    Line,
    Lseg,
    Box,
    Path,
    Polygon,
    Circle,
    TsVector,
    TsQuery,
    Xml,
    JsonPath,
    Int4Range,
    Int8Range,
    NumRange,
    TsRange,
    TsTzRange,
    DateRange,
    Int4MultiRange,
    Int8MultiRange,
    NumMultiRange,
    TsMultiRange,
    TsTzMultiRange,
    DateMultiRange,
    Oid,
    Name,
    #[serde(rename = "char")]
    SingleByteChar,
    #[serde(rename = "pg_lsn")]
    PgLsn,
}

impl Builtin {
    /// Every one, with its name in `pg_type`, which is also how `format_type` spells it (`"char"` in quotes).
    pub const ALL: [(Builtin, &'static str); 31] = [
        (Builtin::Inet, "inet"),
        (Builtin::Cidr, "cidr"),
        (Builtin::MacAddr, "macaddr"),
        (Builtin::MacAddr8, "macaddr8"),
        (Builtin::Point, "point"),
        (Builtin::Line, "line"),
        (Builtin::Lseg, "lseg"),
        (Builtin::Box, "box"),
        (Builtin::Path, "path"),
        (Builtin::Polygon, "polygon"),
        (Builtin::Circle, "circle"),
        (Builtin::TsVector, "tsvector"),
        (Builtin::TsQuery, "tsquery"),
        (Builtin::Xml, "xml"),
        (Builtin::JsonPath, "jsonpath"),
        (Builtin::Int4Range, "int4range"),
        (Builtin::Int8Range, "int8range"),
        (Builtin::NumRange, "numrange"),
        (Builtin::TsRange, "tsrange"),
        (Builtin::TsTzRange, "tstzrange"),
        (Builtin::DateRange, "daterange"),
        (Builtin::Int4MultiRange, "int4multirange"),
        (Builtin::Int8MultiRange, "int8multirange"),
        (Builtin::NumMultiRange, "nummultirange"),
        (Builtin::TsMultiRange, "tsmultirange"),
        (Builtin::TsTzMultiRange, "tstzmultirange"),
        (Builtin::DateMultiRange, "datemultirange"),
        (Builtin::Oid, "oid"),
        (Builtin::Name, "name"),
        (Builtin::SingleByteChar, "\"char\""),
        (Builtin::PgLsn, "pg_lsn"),
    ];

    /// How `format_type` spells it.
    pub fn spelling(self) -> &'static str {
        Builtin::ALL.iter().find(|(builtin, _)| *builtin == self).map_or("text", |(_, name)| name)
    }

    /// The one that is spelled so.
    pub fn from_spelling(spelling: &str) -> Option<Builtin> {
        Builtin::ALL.iter().find(|(_, name)| *name == spelling).map(|(builtin, _)| *builtin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_types_are_found_by_their_spelling() {
        for (builtin, name) in Builtin::ALL {
            assert_eq!((builtin.spelling(), Builtin::from_spelling(name)), (name, Some(builtin)));
        }
        assert_eq!(Builtin::from_spelling("hstore"), None);
    }
}
