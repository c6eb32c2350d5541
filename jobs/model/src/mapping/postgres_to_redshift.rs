//! Postgres to Redshift: texts are measured in bytes, and what Redshift has no type for is text.

use super::loss::KnownLoss;
use super::target_type::TargetType;
use super::{Mapped, Route, dms};
use crate::source::{Builtin, NumericModifiers, PostgresType};

/// The longest VARCHAR, in bytes.
pub(super) const VARCHAR_MAX: u32 = 65_535;
/// The longest VARBYTE that every Redshift takes, in bytes.
pub(super) const VARBYTE_MAX: u32 = 1_024_000;
/// UTF-8 takes at most so many bytes for a character.
const CHARACTER_BYTES: u32 = 4;
const PRECISION_MAX: u16 = 38;
const SCALE_MAX: i16 = 37;
/// What a numeric without precision gets when it is read from the source: the most whole digits that leave ten decimals.
const BARE_NUMERIC: (u16, i16) = (38, 10);
/// `00000000-0000-0000-0000-000000000000`
pub(super) const UUID_BYTES: u32 = 36;
/// `12:34:56.789012`, and `+15:59:59` behind it.
const TIME_BYTES: u32 = 15;
const TIMETZ_BYTES: u32 = 24;
/// An interval as Postgres or DMS writes it, every field at its longest.
const INTERVAL_BYTES: u32 = 128;
/// The longest label of an enum, and the longest name.
const LABEL_BYTES: u32 = 63;
/// A network or hardware address, an object id, a log position.
pub(super) const SHORT_BYTES: u32 = 64;

pub(super) fn map(from: &PostgresType, route: Route) -> Mapped {
    match from {
        PostgresType::Boolean => Mapped::value(TargetType::Boolean),
        PostgresType::SmallInt => Mapped::value(TargetType::SmallInt),
        PostgresType::Integer => Mapped::value(TargetType::Integer),
        PostgresType::BigInt => Mapped::value(TargetType::BigInt),
        PostgresType::Real => Mapped::value(TargetType::Real),
        PostgresType::DoublePrecision => Mapped::value(TargetType::DoublePrecision),
        PostgresType::Numeric { modifiers } => numeric(*modifiers, route),
        PostgresType::Money => Mapped::value(TargetType::numeric(19, 4)),
        PostgresType::Text => varchar(None),
        PostgresType::Varchar { length } => varchar(*length),
        PostgresType::Char { length } => varchar(Some(*length)).with(KnownLoss::PaddingStripped),
        PostgresType::Bytea => bytes(VARBYTE_MAX).with(KnownLoss::BytesLength { bytes: VARBYTE_MAX }),
        PostgresType::Uuid => Mapped::text(TargetType::varchar(UUID_BYTES)),
        PostgresType::Json | PostgresType::Jsonb => Mapped::text(TargetType::Super).with(KnownLoss::JsonRewritten),
        PostgresType::Date => Mapped::value(TargetType::Date).with(KnownLoss::InfinityClipped),
        PostgresType::Time { .. } => Mapped::text(TargetType::varchar(TIME_BYTES)).with(KnownLoss::TimeAsText),
        PostgresType::TimeTz { .. } => {
            Mapped::text(TargetType::varchar(TIMETZ_BYTES)).with(KnownLoss::TimeAsText).with(KnownLoss::TimeZone)
        }
        PostgresType::Timestamp { .. } => {
            Mapped::value(TargetType::Timestamp { precision: None }).with(KnownLoss::InfinityClipped)
        }
        PostgresType::TimestampTz { .. } => {
            Mapped::value(TargetType::TimestampTz { precision: None }).with(KnownLoss::InfinityClipped)
        }
        PostgresType::Interval => Mapped::text(TargetType::varchar(INTERVAL_BYTES)).with(KnownLoss::IntervalAsText),
        PostgresType::Bit { length } => digits(Some(*length)),
        PostgresType::BitVarying { length } => digits(*length),
        PostgresType::Builtin(builtin) => builtin_type(*builtin),
        PostgresType::Enum { .. } => Mapped::text(TargetType::varchar(LABEL_BYTES)).with(KnownLoss::EnumAsText),
        PostgresType::Domain { base, .. } => map(base, route).with(KnownLoss::DomainAsBase),
        PostgresType::Array { .. } => longest().with(KnownLoss::ArrayAsText),
        PostgresType::Composite { .. } => longest().with(KnownLoss::StructureAsText),
        PostgresType::Other { .. } => longest().with(KnownLoss::OtherAsText),
    }
}

fn numeric(modifiers: Option<NumericModifiers>, route: Route) -> Mapped {
    let Some(NumericModifiers { precision, scale }) = modifiers else {
        let (precision, scale) = match route {
            Route::Dms => (dms::NUMERIC_PRECISION, dms::NUMERIC_SCALE),
            Route::Direct => BARE_NUMERIC,
        };
        let mapped = Mapped::value(TargetType::numeric(precision, scale));
        return mapped.with(KnownLoss::NumericWithoutPrecision { precision, scale }).with(KnownLoss::NanRefused);
    };
    exact_numeric(precision, scale).with(KnownLoss::NanRefused)
}

/// A numeric of the same digits, or a text where Redshift has none.
pub(super) fn exact_numeric(precision: u16, scale: i16) -> Mapped {
    // A scale below zero means zeros before the point, one above the precision zeros behind it: both need digits.
    let whole = i32::from(precision) - i32::from(scale);
    let decimals = i32::from(scale).max(0);
    let digits = (whole.max(0) + decimals).max(1);
    match (u16::try_from(digits), i16::try_from(decimals)) {
        (Ok(digits), Ok(decimals)) if digits <= PRECISION_MAX && decimals <= SCALE_MAX => {
            Mapped::value(TargetType::numeric(digits, decimals))
        }
        // A sign, a point and a zero before it.
        (_, _) => {
            let length = u32::try_from(digits + 3).unwrap_or(VARCHAR_MAX);
            Mapped::text(TargetType::varchar(length)).with(KnownLoss::NumericAsText)
        }
    }
}

/// A text of at most so many characters.
pub(super) fn varchar(characters: Option<u32>) -> Mapped {
    let wanted = characters.map(|length| length.max(1).saturating_mul(CHARACTER_BYTES));
    match wanted {
        Some(bytes) if bytes <= VARCHAR_MAX => Mapped::value(TargetType::varchar(bytes)),
        Some(_) | None => Mapped::value(TargetType::varchar(VARCHAR_MAX))
            .with(KnownLoss::VarcharBytes { characters, bytes: VARCHAR_MAX }),
    }
}

/// A binary of at most so many bytes.
pub(super) fn bytes(length: u32) -> Mapped {
    Mapped::value(TargetType::Bytes { length: Some(length.max(1)) })
}

/// The text form of something that has no bound.
pub(super) fn longest() -> Mapped {
    Mapped::text(TargetType::varchar(VARCHAR_MAX))
        .with(KnownLoss::VarcharBytes { characters: None, bytes: VARCHAR_MAX })
}

fn digits(length: Option<u32>) -> Mapped {
    match length {
        Some(length) if length <= VARCHAR_MAX => {
            Mapped::text(TargetType::varchar(length.max(1))).with(KnownLoss::StructureAsText)
        }
        Some(_) | None => longest().with(KnownLoss::StructureAsText),
    }
}

fn builtin_type(builtin: Builtin) -> Mapped {
    let mapped = match builtin {
        Builtin::Inet
        | Builtin::Cidr
        | Builtin::MacAddr
        | Builtin::MacAddr8
        | Builtin::Oid
        | Builtin::Name
        | Builtin::SingleByteChar
        | Builtin::PgLsn => Mapped::text(TargetType::varchar(SHORT_BYTES)),
        Builtin::Point
        | Builtin::Line
        | Builtin::Lseg
        | Builtin::Box
        | Builtin::Path
        | Builtin::Polygon
        | Builtin::Circle
        | Builtin::TsVector
        | Builtin::TsQuery
        | Builtin::Xml
        | Builtin::JsonPath
        | Builtin::Int4Range
        | Builtin::Int8Range
        | Builtin::NumRange
        | Builtin::TsRange
        | Builtin::TsTzRange
        | Builtin::DateRange
        | Builtin::Int4MultiRange
        | Builtin::Int8MultiRange
        | Builtin::NumMultiRange
        | Builtin::TsMultiRange
        | Builtin::TsTzMultiRange
        | Builtin::DateMultiRange => longest(),
    };
    mapped.with(KnownLoss::StructureAsText)
}
