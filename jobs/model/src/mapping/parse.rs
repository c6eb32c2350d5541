//! Reads a type's spelling: what a target's catalog prints, and what a configuration asks for.

use super::TargetEngine;
use super::target_type::TargetType;
use crate::names::QualifiedName;
use crate::source::{Builtin, NumericModifiers};

/// Postgres's own limits.
const NUMERIC_PRECISION_MAX: i32 = 1_000;
const LENGTH_MAX: i32 = 10_485_760;
/// Redshift's.
const REDSHIFT_PRECISION_MAX: i32 = 38;
const REDSHIFT_SCALE_MAX: i32 = 37;
const REDSHIFT_VARCHAR_MAX: i32 = 65_535;
const REDSHIFT_VARBYTE_MAX: i32 = 16_777_216;
/// What Redshift makes of a bare VARCHAR, CHAR, DECIMAL and VARBYTE.
const REDSHIFT_VARCHAR_DEFAULT: i32 = 256;
const REDSHIFT_VARBYTE_DEFAULT: i32 = 64_000;
const REDSHIFT_NUMERIC_DEFAULT: (i32, i32) = (18, 0);
/// Digits of a second that are kept.
const MICROSECONDS: i32 = 6;

impl TargetType {
    /// The type an engine means by a spelling; None for one it doesn't have, or that we don't know.
    ///
    /// Modifiers stand behind the first word or the last: `timestamp(3) without time zone`, `varchar(20)`. On Postgres a name
    /// that is no built-in type is one that somebody made: `"Mood"`, `public.mood`.
    pub fn parse(engine: TargetEngine, spelling: &str) -> Option<TargetType> {
        let spelling = spelling.trim();
        match engine {
            TargetEngine::Sqlite => Some(sqlite(spelling)),
            TargetEngine::Redshift => redshift(spelling),
            TargetEngine::Postgres => postgres(spelling),
        }
    }
}

/// By SQLite's own rules for a declared type, and those of its loads.
fn sqlite(declared: &str) -> TargetType {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    if has("INT") {
        TargetType::BigInt
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        TargetType::Text
    } else if declared.is_empty() || has("BLOB") {
        TargetType::Bytes { length: None }
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        TargetType::DoublePrecision
    } else if has("BOOL") {
        TargetType::Boolean
    } else {
        TargetType::Numeric { modifiers: None }
    }
}

/// A spelling taken apart: its words in lower case, and the numbers between parentheses.
struct Words {
    words: String,
    numbers: Vec<i32>,
}

fn split(spelling: &str) -> Option<Words> {
    let (before, numbers, after) = match spelling.split_once('(') {
        None => (spelling, "", ""),
        Some((before, rest)) => {
            let (numbers, after) = rest.split_once(')')?;
            (before, numbers, after)
        }
    };
    let numbers = match numbers.trim() {
        "" if spelling.contains('(') => return None,
        "" => Vec::new(),
        listed => listed.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?,
    };
    let words: Vec<String> = before.split_whitespace().chain(after.split_whitespace()).map(str::to_lowercase).collect();
    Some(Words { words: words.join(" "), numbers })
}

impl Words {
    /// The only number, or the default where there is none; None where there are more, or it is out of bounds.
    fn number(&self, default: Option<i32>, bounds: std::ops::RangeInclusive<i32>) -> Option<Option<u32>> {
        let number = match self.numbers.as_slice() {
            [] => default,
            [number] if bounds.contains(number) => Some(*number),
            [_] | [_, _, ..] => return None,
        };
        Some(number.and_then(|number| u32::try_from(number).ok()))
    }

    fn precision(&self) -> Option<Option<u8>> {
        let precision = self.number(None, 0..=MICROSECONDS)?;
        let precision = precision.and_then(|precision| u8::try_from(precision).ok());
        Some(precision.filter(|precision| i32::from(*precision) != MICROSECONDS))
    }

    /// A type without modifiers.
    fn bare(&self, bare: TargetType) -> Option<TargetType> {
        self.numbers.is_empty().then_some(bare)
    }

    fn numeric(&self, default: Option<(i32, i32)>, precision_max: i32) -> Option<TargetType> {
        let (precision, scale) = match self.numbers.as_slice() {
            [] => match default {
                Some(default) => default,
                None => return Some(TargetType::Numeric { modifiers: None }),
            },
            [precision] => (*precision, 0),
            [precision, scale] => (*precision, *scale),
            [_, _, _, ..] => return None,
        };
        if !(1..=precision_max).contains(&precision) || !(-1_000..=1_000).contains(&scale) {
            return None;
        }
        let modifiers =
            NumericModifiers { precision: u16::try_from(precision).ok()?, scale: i16::try_from(scale).ok()? };
        Some(TargetType::Numeric { modifiers: Some(modifiers) })
    }
}

/// Types that Postgres and Redshift spell alike.
fn common(spelled: &Words) -> Option<TargetType> {
    match spelled.words.as_str() {
        "boolean" | "bool" => spelled.bare(TargetType::Boolean),
        "smallint" | "int2" => spelled.bare(TargetType::SmallInt),
        "integer" | "int" | "int4" => spelled.bare(TargetType::Integer),
        "bigint" | "int8" => spelled.bare(TargetType::BigInt),
        "real" | "float4" => spelled.bare(TargetType::Real),
        "double precision" | "float8" | "float" => spelled.bare(TargetType::DoublePrecision),
        "date" => spelled.bare(TargetType::Date),
        "time" | "time without time zone" => Some(TargetType::Time { precision: spelled.precision()? }),
        "timetz" | "time with time zone" => Some(TargetType::TimeTz { precision: spelled.precision()? }),
        "timestamp" | "timestamp without time zone" => Some(TargetType::Timestamp { precision: spelled.precision()? }),
        "timestamptz" | "timestamp with time zone" => Some(TargetType::TimestampTz { precision: spelled.precision()? }),
        _ => None,
    }
}

fn redshift(spelling: &str) -> Option<TargetType> {
    let spelled = split(spelling)?;
    match spelled.words.as_str() {
        "numeric" | "decimal" => {
            let numeric = spelled.numeric(Some(REDSHIFT_NUMERIC_DEFAULT), REDSHIFT_PRECISION_MAX)?;
            let TargetType::Numeric { modifiers: Some(NumericModifiers { precision, scale }) } = numeric else {
                return None;
            };
            let scale_max = REDSHIFT_SCALE_MAX.min(i32::from(precision));
            (0..=scale_max).contains(&i32::from(scale)).then_some(numeric)
        }
        "varchar" | "character varying" | "nvarchar" => {
            let length = spelled.number(Some(REDSHIFT_VARCHAR_DEFAULT), 1..=REDSHIFT_VARCHAR_MAX)?;
            Some(TargetType::Varchar { length })
        }
        "text" => spelled.bare(TargetType::Varchar { length: u32::try_from(REDSHIFT_VARCHAR_DEFAULT).ok() }),
        "char" | "character" | "nchar" | "bpchar" => {
            Some(TargetType::Char { length: spelled.number(Some(1), 1..=4_096)?? })
        }
        "varbyte" | "varbinary" | "binary varying" => {
            let length = spelled.number(Some(REDSHIFT_VARBYTE_DEFAULT), 1..=REDSHIFT_VARBYTE_MAX)?;
            Some(TargetType::Bytes { length })
        }
        "super" => spelled.bare(TargetType::Super),
        _ => common(&spelled),
    }
}

fn postgres(spelling: &str) -> Option<TargetType> {
    if let Some(element) = spelling.strip_suffix("[]") {
        // However many dimensions are declared, Postgres keeps none of them.
        let element = element.trim_end_matches("[]");
        return Some(TargetType::Array { element: Box::new(postgres(element)?) });
    }
    if let Some(builtin) = Builtin::from_spelling(spelling) {
        return Some(TargetType::Builtin(builtin));
    }
    let known = split(spelling).and_then(|spelled| postgres_words(&spelled).map(|known| (spelled, known)));
    match known {
        Some((_, Known::Type(known))) => Some(known),
        Some((_, Known::NotWithThese)) => None,
        None => {
            let name: QualifiedName = spelling.parse().ok()?;
            Some(TargetType::Named { name })
        }
    }
}

/// What is known of some words.
enum Known {
    Type(TargetType),
    /// A built-in type, but not with these modifiers.
    NotWithThese,
}

fn postgres_words(spelled: &Words) -> Option<Known> {
    let length = |default| spelled.number(default, 1..=LENGTH_MAX);
    let found = match spelled.words.as_str() {
        "numeric" | "decimal" => spelled.numeric(None, NUMERIC_PRECISION_MAX),
        "money" => spelled.bare(TargetType::Money),
        "text" => spelled.bare(TargetType::Text),
        "varchar" | "character varying" => length(None).map(|length| TargetType::Varchar { length }),
        "char" | "character" => length(Some(1)).flatten().map(|length| TargetType::Char { length }),
        "bytea" => spelled.bare(TargetType::Bytes { length: None }),
        "uuid" => spelled.bare(TargetType::Uuid),
        "json" => spelled.bare(TargetType::Json),
        "jsonb" => spelled.bare(TargetType::Jsonb),
        "interval" => spelled.bare(TargetType::Interval),
        "bit" => length(Some(1)).flatten().map(|length| TargetType::Bit { length }),
        "varbit" | "bit varying" => length(None).map(|length| TargetType::BitVarying { length }),
        // Types without a variant of their own: names of them mean no user's type.
        words if words.starts_with("interval ") || words == "bpchar" => None,
        "bool"
        | "boolean"
        | "int2"
        | "smallint"
        | "int"
        | "int4"
        | "integer"
        | "int8"
        | "bigint"
        | "float4"
        | "real"
        | "float"
        | "float8"
        | "double precision"
        | "date"
        | "time"
        | "time without time zone"
        | "timetz"
        | "time with time zone"
        | "timestamp"
        | "timestamp without time zone"
        | "timestamptz"
        | "timestamp with time zone" => common(spelled),
        _ => return None,
    };
    Some(found.map_or(Known::NotWithThese, Known::Type))
}
