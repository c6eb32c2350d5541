//! Postgres to Postgres: every built-in type stays what it is; what somebody made becomes its base or its text.

use super::loss::KnownLoss;
use super::target_type::TargetType;
use super::{Mapped, ReadAs};
use crate::source::PostgresType;

/// Digits of a second that are kept anyway.
const MICROSECONDS: u8 = 6;

pub(super) fn map(from: &PostgresType) -> Mapped {
    match from {
        PostgresType::Boolean => Mapped::value(TargetType::Boolean),
        PostgresType::SmallInt => Mapped::value(TargetType::SmallInt),
        PostgresType::Integer => Mapped::value(TargetType::Integer),
        PostgresType::BigInt => Mapped::value(TargetType::BigInt),
        PostgresType::Real => Mapped::value(TargetType::Real),
        PostgresType::DoublePrecision => Mapped::value(TargetType::DoublePrecision),
        PostgresType::Numeric { modifiers } => Mapped::value(TargetType::Numeric { modifiers: *modifiers }),
        PostgresType::Money => Mapped::value(TargetType::Money),
        PostgresType::Text => Mapped::value(TargetType::Text),
        PostgresType::Varchar { length } => Mapped::value(TargetType::Varchar { length: *length }),
        PostgresType::Char { length } => Mapped::value(TargetType::Char { length: *length }),
        PostgresType::Bytea => Mapped::value(TargetType::Bytes { length: None }),
        PostgresType::Uuid => Mapped::value(TargetType::Uuid),
        PostgresType::Json => Mapped::value(TargetType::Json),
        PostgresType::Jsonb => Mapped::value(TargetType::Jsonb),
        PostgresType::Date => Mapped::value(TargetType::Date),
        PostgresType::Time { precision } => Mapped::value(TargetType::Time { precision: limited(*precision) }),
        PostgresType::TimeTz { precision } => Mapped::value(TargetType::TimeTz { precision: limited(*precision) }),
        PostgresType::Timestamp { precision } => {
            Mapped::value(TargetType::Timestamp { precision: limited(*precision) })
        }
        PostgresType::TimestampTz { precision } => {
            Mapped::value(TargetType::TimestampTz { precision: limited(*precision) })
        }
        PostgresType::Interval => Mapped::value(TargetType::Interval),
        PostgresType::Bit { length } => Mapped::value(TargetType::Bit { length: *length }),
        PostgresType::BitVarying { length } => Mapped::value(TargetType::BitVarying { length: *length }),
        PostgresType::Builtin(builtin) => Mapped::value(TargetType::Builtin(*builtin)),
        PostgresType::Enum { .. } => Mapped::text(TargetType::Text).with(KnownLoss::EnumAsText),
        PostgresType::Composite { .. } => Mapped::text(TargetType::Text).with(KnownLoss::StructureAsText),
        PostgresType::Other { .. } => Mapped::text(TargetType::Text).with(KnownLoss::OtherAsText),
        PostgresType::Domain { base, .. } => map(base).with(KnownLoss::DomainAsBase),
        PostgresType::Array { element } => array(element),
    }
}

/// An array's value names the type of its elements: where that changes, the array is cast at the source.
fn array(element: &PostgresType) -> Mapped {
    let mapped = map(element);
    let is_nested = matches!(mapped.target_type, TargetType::Array { .. });
    let changes = mapped.read_as != ReadAs::Value || matches!(element, PostgresType::Domain { .. });
    // An array of a domain over arrays has no counterpart without the domain.
    let (target_type, losses) = if is_nested {
        (TargetType::Text, vec![KnownLoss::ArrayAsText])
    } else {
        (TargetType::Array { element: Box::new(mapped.target_type) }, mapped.losses)
    };
    let read_as = if changes { ReadAs::Cast(target_type.clone()) } else { ReadAs::Value };
    Mapped { target_type, read_as, losses }
}

/// Six digits are what there is without a limit.
pub(super) fn limited(precision: Option<u8>) -> Option<u8> {
    precision.filter(|precision| *precision < MICROSECONDS)
}
