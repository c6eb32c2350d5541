//! MySQL and MariaDB to Postgres.
//!
//! - `tinyint(1)`, which MySQL makes of BOOLEAN, is smallint: it may hold 2 as well. `type: boolean` says it doesn't.
//! - Unsigned numbers take the next wider type; `bigint unsigned` is numeric(20,0).
//! - `datetime` is a reading, `timestamp` an instant. `time` is a span that is kept as a time of day.
//! - Texts lose nothing but NUL; a `char` comes as MySQL shows it, without the blanks behind it, so it is a varchar.

use super::loss::KnownLoss;
use super::postgres_to_postgres::limited;
use super::target_type::TargetType;
use super::{Mapped, ReadAs};
use crate::source::{Builtin, MySqlType, Signedness};

pub(super) fn map(from: &MySqlType) -> Option<Mapped> {
    use Signedness::{Signed, Unsigned};
    Some(match from {
        MySqlType::TinyInt { sign: Signed, .. } | MySqlType::SmallInt { sign: Signed } => {
            Mapped::value(TargetType::SmallInt)
        }
        MySqlType::TinyInt { sign: Unsigned, .. } => Mapped::value(TargetType::SmallInt).with(KnownLoss::Unsigned),
        MySqlType::SmallInt { sign: Unsigned } => Mapped::value(TargetType::Integer).with(KnownLoss::Unsigned),
        MySqlType::MediumInt { sign: Signed } | MySqlType::Int { sign: Signed } => Mapped::value(TargetType::Integer),
        MySqlType::MediumInt { sign: Unsigned } => Mapped::value(TargetType::Integer).with(KnownLoss::Unsigned),
        MySqlType::Int { sign: Unsigned } => Mapped::value(TargetType::BigInt).with(KnownLoss::Unsigned),
        MySqlType::BigInt { sign: Signed } => Mapped::value(TargetType::BigInt),
        MySqlType::BigInt { sign: Unsigned } => Mapped::value(TargetType::numeric(20, 0)).with(KnownLoss::Unsigned),
        MySqlType::Decimal { precision, scale, sign } => {
            signed(Mapped::value(TargetType::numeric(u16::from(*precision), i16::from(*scale))), *sign)
        }
        MySqlType::Float { sign } => signed(Mapped::value(TargetType::Real), *sign),
        MySqlType::Double { sign } => signed(Mapped::value(TargetType::DoublePrecision), *sign),
        MySqlType::Bit { length: 1 } => Mapped::value(TargetType::Boolean),
        MySqlType::Bit { .. } => Mapped::value(TargetType::Bytes { length: None }).with(KnownLoss::BitAsBytes),
        MySqlType::Char { length } | MySqlType::Varchar { length } => {
            Mapped::value(TargetType::varchar(u32::from(*length).max(1))).with(KnownLoss::NulStripped)
        }
        MySqlType::Text(_) => Mapped::value(TargetType::Text).with(KnownLoss::NulStripped),
        MySqlType::Binary { .. } | MySqlType::VarBinary { .. } | MySqlType::Blob(_) => {
            Mapped::value(TargetType::Bytes { length: None })
        }
        MySqlType::Date => Mapped::value(TargetType::Date).with(KnownLoss::ZeroDate),
        MySqlType::Time { precision } => {
            Mapped::value(TargetType::Time { precision: limited(Some(*precision)) }).with(KnownLoss::TimeOfDay)
        }
        MySqlType::DateTime { precision } => {
            Mapped::value(TargetType::Timestamp { precision: limited(Some(*precision)) }).with(KnownLoss::ZeroDate)
        }
        MySqlType::Timestamp { precision } => {
            Mapped::value(TargetType::TimestampTz { precision: limited(Some(*precision)) }).with(KnownLoss::ZeroDate)
        }
        MySqlType::Year => Mapped::value(TargetType::SmallInt),
        MySqlType::Enum { .. } => Mapped::value(TargetType::Text).with(KnownLoss::EnumAsText),
        MySqlType::Set { .. } => Mapped::value(TargetType::Text).with(KnownLoss::SetAsText),
        // `json`, not `jsonb`: MariaDB keeps the text as it was written, and so does this.
        MySqlType::Json => Mapped::value(TargetType::Json),
        MySqlType::Uuid => Mapped::value(TargetType::Uuid),
        MySqlType::Inet4 | MySqlType::Inet6 => Mapped::value(TargetType::Builtin(Builtin::Inet)),
        MySqlType::Geometry { .. } => {
            Mapped { read_as: ReadAs::Cast(TargetType::Text), ..Mapped::value(TargetType::Text) }
                .with(KnownLoss::GeometryAsText)
        }
        MySqlType::Other { .. } => return None,
    })
}

pub(super) fn signed(mapped: Mapped, sign: Signedness) -> Mapped {
    match sign {
        Signedness::Signed => mapped,
        Signedness::Unsigned => mapped.with(KnownLoss::Unsigned),
    }
}
