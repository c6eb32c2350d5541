//! MySQL and MariaDB to Redshift: as to Postgres, with texts measured in bytes and no time of day.

use super::Mapped;
use super::loss::KnownLoss;
use super::mysql_to_postgres::{self, signed};
use super::postgres_to_redshift::{
    SHORT_BYTES, UUID_BYTES, VARBYTE_MAX, VARCHAR_MAX, bytes, exact_numeric, longest, varchar,
};
use super::target_type::TargetType;
use crate::source::{MySqlType, TextSize};

/// A label of an enum has at most so many characters.
const LABEL_CHARACTERS: u32 = 255;
/// `-838:59:59.000000`
const TIME_BYTES: u32 = 17;
/// A TINYTEXT or TINYBLOB, in bytes.
const TINY_BYTES: u32 = 255;

pub(super) fn map(from: &MySqlType) -> Option<Mapped> {
    Some(match from {
        MySqlType::TinyInt { .. }
        | MySqlType::SmallInt { .. }
        | MySqlType::MediumInt { .. }
        | MySqlType::Int { .. }
        | MySqlType::BigInt { .. }
        | MySqlType::Float { .. }
        | MySqlType::Double { .. }
        | MySqlType::Year
        | MySqlType::Date => mysql_to_postgres::map(from)?,
        MySqlType::Decimal { precision, scale, sign } => {
            signed(exact_numeric(u16::from(*precision), i16::from(*scale)), *sign)
        }
        MySqlType::Bit { length: 1 } => Mapped::value(TargetType::Boolean),
        MySqlType::Bit { length } => bytes(u32::from(*length).div_ceil(8)).with(KnownLoss::BitAsBytes),
        MySqlType::Char { length } | MySqlType::Varchar { length } => {
            varchar(Some(u32::from(*length))).with(KnownLoss::NulStripped)
        }
        MySqlType::Text(TextSize::Tiny) => Mapped::value(TargetType::varchar(TINY_BYTES)).with(KnownLoss::NulStripped),
        // It holds no more bytes than a VARCHAR.
        MySqlType::Text(TextSize::Normal) => {
            Mapped::value(TargetType::varchar(VARCHAR_MAX)).with(KnownLoss::NulStripped)
        }
        MySqlType::Text(TextSize::Medium | TextSize::Long) => varchar(None).with(KnownLoss::NulStripped),
        MySqlType::Binary { length } | MySqlType::VarBinary { length } => bytes(u32::from(*length)),
        MySqlType::Blob(TextSize::Tiny) => bytes(TINY_BYTES),
        MySqlType::Blob(TextSize::Normal) => bytes(VARCHAR_MAX),
        MySqlType::Blob(TextSize::Medium | TextSize::Long) => {
            bytes(VARBYTE_MAX).with(KnownLoss::BytesLength { bytes: VARBYTE_MAX })
        }
        MySqlType::Time { .. } => Mapped::value(TargetType::varchar(TIME_BYTES)).with(KnownLoss::TimeAsText),
        MySqlType::DateTime { .. } => {
            Mapped::value(TargetType::Timestamp { precision: None }).with(KnownLoss::ZeroDate)
        }
        MySqlType::Timestamp { .. } => {
            Mapped::value(TargetType::TimestampTz { precision: None }).with(KnownLoss::ZeroDate)
        }
        MySqlType::Enum { .. } => varchar(Some(LABEL_CHARACTERS)).with(KnownLoss::EnumAsText),
        MySqlType::Set { .. } => varchar(None).with(KnownLoss::SetAsText),
        MySqlType::Json => Mapped::value(TargetType::Super).with(KnownLoss::JsonRewritten),
        MySqlType::Uuid => Mapped::value(TargetType::varchar(UUID_BYTES)),
        MySqlType::Inet4 | MySqlType::Inet6 => {
            Mapped::value(TargetType::varchar(SHORT_BYTES)).with(KnownLoss::StructureAsText)
        }
        MySqlType::Geometry { .. } => longest().with(KnownLoss::GeometryAsText),
        MySqlType::Other { .. } => return None,
    })
}
