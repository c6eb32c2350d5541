//! Everything to SQLite: whole numbers, floats, blobs and booleans are such; all else is text in one canonical form, so that
//! no digit is left to SQLite's own rounding.

use super::loss::KnownLoss;
use super::mysql_to_postgres::signed;
use super::target_type::TargetType;
use super::{Mapped, mysql_to_postgres, postgres_to_postgres};
use crate::source::{MySqlType, PostgresType, Signedness};

pub(super) fn from_postgres(from: &PostgresType) -> Mapped {
    match from {
        PostgresType::Boolean => Mapped::value(TargetType::Boolean),
        PostgresType::SmallInt | PostgresType::Integer | PostgresType::BigInt => Mapped::value(TargetType::BigInt),
        PostgresType::Real | PostgresType::DoublePrecision => {
            Mapped::value(TargetType::DoublePrecision).with(KnownLoss::NanRefused)
        }
        PostgresType::Bytea => Mapped::value(TargetType::Bytes { length: None }),
        PostgresType::Numeric { .. }
        | PostgresType::Text
        | PostgresType::Varchar { .. }
        | PostgresType::Char { .. }
        | PostgresType::Uuid
        | PostgresType::Json
        | PostgresType::Jsonb
        | PostgresType::Date
        | PostgresType::Time { .. }
        | PostgresType::Timestamp { .. }
        | PostgresType::TimestampTz { .. } => Mapped::value(TargetType::Text),
        PostgresType::Money | PostgresType::Bit { .. } | PostgresType::BitVarying { .. } => {
            Mapped::text(TargetType::Text)
        }
        PostgresType::TimeTz { .. } => Mapped::text(TargetType::Text).with(KnownLoss::TimeZone),
        PostgresType::Interval => Mapped::text(TargetType::Text).with(KnownLoss::IntervalAsText),
        PostgresType::Builtin(_) => Mapped::text(TargetType::Text).with(KnownLoss::StructureAsText),
        PostgresType::Array { .. } => Mapped::text(TargetType::Text).with(KnownLoss::ArrayAsText),
        PostgresType::Domain { base, .. } => from_postgres(base).with(KnownLoss::DomainAsBase),
        PostgresType::Enum { .. } | PostgresType::Composite { .. } | PostgresType::Other { .. } => {
            postgres_to_postgres::map(from)
        }
    }
}

pub(super) fn from_mysql(from: &MySqlType) -> Option<Mapped> {
    Some(match from {
        // Past the range of INTEGER there are digits to keep.
        MySqlType::BigInt { sign: Signedness::Unsigned } => Mapped::value(TargetType::Text).with(KnownLoss::Unsigned),
        MySqlType::TinyInt { sign, .. }
        | MySqlType::SmallInt { sign }
        | MySqlType::MediumInt { sign }
        | MySqlType::Int { sign }
        | MySqlType::BigInt { sign } => signed(Mapped::value(TargetType::BigInt), *sign),
        MySqlType::Float { sign } | MySqlType::Double { sign } => {
            signed(Mapped::value(TargetType::DoublePrecision), *sign)
        }
        MySqlType::Decimal { sign, .. } => signed(Mapped::value(TargetType::Text), *sign),
        MySqlType::Year => Mapped::value(TargetType::BigInt),
        MySqlType::Bit { length: 1 } => Mapped::value(TargetType::Boolean),
        MySqlType::Bit { .. } => Mapped::value(TargetType::Bytes { length: None }).with(KnownLoss::BitAsBytes),
        MySqlType::Binary { .. } | MySqlType::VarBinary { .. } | MySqlType::Blob(_) => {
            Mapped::value(TargetType::Bytes { length: None })
        }
        MySqlType::Char { .. } | MySqlType::Varchar { .. } | MySqlType::Text(_) => Mapped::value(TargetType::Text),
        MySqlType::Json | MySqlType::Uuid | MySqlType::Inet4 | MySqlType::Inet6 => Mapped::value(TargetType::Text),
        MySqlType::Time { .. } => Mapped::value(TargetType::Text).with(KnownLoss::TimeAsText),
        MySqlType::Date | MySqlType::DateTime { .. } | MySqlType::Timestamp { .. } => {
            Mapped::value(TargetType::Text).with(KnownLoss::ZeroDate)
        }
        MySqlType::Enum { .. } | MySqlType::Set { .. } | MySqlType::Geometry { .. } => mysql_to_postgres::map(from)?,
        MySqlType::Other { .. } => return None,
    })
}
