//! How the columns of a target are staged: which types COPY writes as such, and which ones the merge casts from text.
//!
//! # Invariants
//! - A staging column is never narrower than the target's: limits (`numeric(18,2)`, `character varying(20)`) are checked
//!   while encoding, where the policy of the column applies, and again by the database in the merge.
//! - A type that is not known here is staged as text.

use crate::values::value::Family;

/// Microseconds are the finest that Postgres keeps.
const MICROSECOND_DIGITS: u8 = 6;

/// How a target column is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageType {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// `scale` is set whenever `precision` is; it may be negative or above the precision from Postgres 15 on.
    Numeric {
        precision: Option<u16>,
        scale: Option<i16>,
    },
    /// `padded`: `character(n)`, whose trailing spaces mean nothing.
    Text {
        max_chars: Option<u32>,
        padded: bool,
    },
    Bytea,
    Uuid,
    Date,
    /// `digits` of a second's fraction, 0 to 6, here and below.
    Time {
        digits: u8,
    },
    Timestamp {
        digits: u8,
    },
    Timestamptz {
        digits: u8,
    },
    Json,
    Jsonb,
    /// Anything else: staged as text, cast in the merge.
    Cast,
}

impl StageType {
    /// Whether some value of this family can be loaded into such a column.
    pub(crate) fn takes(&self, family: Family) -> bool {
        match self {
            StageType::Text { .. } | StageType::Cast => true,
            StageType::Bool => matches!(family, Family::Null | Family::Text | Family::Bool | Family::Int),
            StageType::Int2
            | StageType::Int4
            | StageType::Int8
            | StageType::Float4
            | StageType::Float8
            | StageType::Numeric { .. } => {
                matches!(family, Family::Null | Family::Text | Family::Int | Family::Float | Family::Decimal)
            }
            StageType::Bytea | StageType::Uuid | StageType::Json | StageType::Jsonb => {
                matches!(family, Family::Null | Family::Text | Family::Bytes)
            }
            StageType::Date | StageType::Timestamp { .. } | StageType::Timestamptz { .. } => {
                matches!(family, Family::Null | Family::Text | Family::Date | Family::Timestamp)
            }
            StageType::Time { .. } => matches!(family, Family::Null | Family::Text | Family::Time),
        }
    }

    /// The stage of a type as `format_type` spells it; the usual aliases (`int8`, `varchar(20)`) are known as well.
    pub fn of(type_name: &str) -> StageType {
        let Some((name, modifiers)) = split_modifiers(type_name.trim()) else { return StageType::Cast };
        match (name.as_str(), modifiers.as_slice()) {
            ("boolean" | "bool", []) => StageType::Bool,
            ("smallint" | "int2", []) => StageType::Int2,
            ("integer" | "int" | "int4", []) => StageType::Int4,
            ("bigint" | "int8", []) => StageType::Int8,
            ("real" | "float4", []) => StageType::Float4,
            ("double precision" | "float8", []) => StageType::Float8,
            ("numeric" | "decimal", modifiers) => numeric(modifiers),
            ("text", []) => StageType::Text { max_chars: None, padded: false },
            ("character varying" | "varchar", modifiers) => text(modifiers, None, false),
            ("character" | "char", modifiers) => text(modifiers, Some(1), true),
            ("bpchar", modifiers) => text(modifiers, None, true),
            ("bytea", []) => StageType::Bytea,
            ("uuid", []) => StageType::Uuid,
            ("date", []) => StageType::Date,
            ("time" | "time without time zone", modifiers) => temporal(modifiers, |digits| StageType::Time { digits }),
            ("timestamp" | "timestamp without time zone", modifiers) => {
                temporal(modifiers, |digits| StageType::Timestamp { digits })
            }
            ("timestamptz" | "timestamp with time zone", modifiers) => {
                temporal(modifiers, |digits| StageType::Timestamptz { digits })
            }
            ("json", []) => StageType::Json,
            ("jsonb", []) => StageType::Jsonb,
            (_, _) => StageType::Cast,
        }
    }

    /// The type of the staging column, without limits.
    pub fn stage_type_sql(&self) -> &'static str {
        match self {
            StageType::Bool => "boolean",
            StageType::Int2 => "smallint",
            StageType::Int4 => "integer",
            StageType::Int8 => "bigint",
            StageType::Float4 => "real",
            StageType::Float8 => "double precision",
            StageType::Numeric { .. } => "numeric",
            StageType::Text { .. } | StageType::Cast => "text",
            StageType::Bytea => "bytea",
            StageType::Uuid => "uuid",
            StageType::Date => "date",
            StageType::Time { .. } => "time without time zone",
            StageType::Timestamp { .. } => "timestamp without time zone",
            StageType::Timestamptz { .. } => "timestamp with time zone",
            StageType::Json => "json",
            StageType::Jsonb => "jsonb",
        }
    }
}

/// Splits `timestamp(3) with time zone` into its name and its modifiers; none for what is no plain type name, as arrays.
fn split_modifiers(type_name: &str) -> Option<(String, Vec<i32>)> {
    let Some((before, rest)) = type_name.split_once('(') else { return Some((type_name.to_owned(), Vec::new())) };
    let (modifiers, after) = rest.split_once(')')?;
    let modifiers = modifiers.split(',').map(|modifier| modifier.trim().parse().ok()).collect::<Option<_>>()?;
    Some((format!("{before}{after}"), modifiers))
}

fn numeric(modifiers: &[i32]) -> StageType {
    let (precision, scale) = match modifiers {
        [] => return StageType::Numeric { precision: None, scale: None },
        [precision] => (*precision, 0),
        [precision, scale] => (*precision, *scale),
        [_, _, _, ..] => return StageType::Cast,
    };
    match (u16::try_from(precision), i16::try_from(scale)) {
        (Ok(precision), Ok(scale)) => StageType::Numeric { precision: Some(precision), scale: Some(scale) },
        (_, _) => StageType::Cast,
    }
}

fn text(modifiers: &[i32], unmodified: Option<u32>, padded: bool) -> StageType {
    match modifiers {
        [] => StageType::Text { max_chars: unmodified, padded },
        [max_chars] => match u32::try_from(*max_chars) {
            Ok(max_chars) => StageType::Text { max_chars: Some(max_chars), padded },
            Err(_) => StageType::Cast,
        },
        [_, _, ..] => StageType::Cast,
    }
}

fn temporal(modifiers: &[i32], stage: impl Fn(u8) -> StageType) -> StageType {
    match modifiers {
        [] => stage(MICROSECOND_DIGITS),
        [digits] => match u8::try_from(*digits) {
            Ok(digits) if digits <= MICROSECOND_DIGITS => stage(digits),
            Ok(_) | Err(_) => StageType::Cast,
        },
        [_, _, ..] => StageType::Cast,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_are_read_as_format_type_writes_them() {
        let numeric = |precision, scale| StageType::Numeric { precision, scale };
        let text = |max_chars, padded| StageType::Text { max_chars, padded };
        let cases = [
            ("boolean", StageType::Bool),
            ("bigint", StageType::Int8),
            ("double precision", StageType::Float8),
            ("numeric", numeric(None, None)),
            ("numeric(18,2)", numeric(Some(18), Some(2))),
            ("numeric(3,-2)", numeric(Some(3), Some(-2))),
            ("numeric(9)", numeric(Some(9), Some(0))),
            ("text", text(None, false)),
            ("character varying", text(None, false)),
            ("character varying(20)", text(Some(20), false)),
            ("character(5)", text(Some(5), true)),
            ("bpchar", text(None, true)),
            ("time(0) without time zone", StageType::Time { digits: 0 }),
            ("timestamp without time zone", StageType::Timestamp { digits: 6 }),
            ("timestamp(3) with time zone", StageType::Timestamptz { digits: 3 }),
            ("jsonb", StageType::Jsonb),
        ];
        for (name, expected) in cases {
            assert_eq!(StageType::of(name), expected, "{name}");
        }
    }

    #[test]
    fn other_types_are_cast_in_the_merge() {
        for name in [
            "text[]",
            "numeric(18,2)[]",
            "character varying(20)[]",
            "interval",
            "interval(3)",
            "time with time zone",
            "\"char\"",
            "bit(3)",
            "inventory.my_enum",
            "geometry(Point,4326)",
            "\"text",
            "numeric(",
        ] {
            assert_eq!(StageType::of(name), StageType::Cast, "{name}");
        }
    }
}
