//! What AWS DMS loses on the way into its files, whatever the target.

use super::loss::KnownLoss;
use crate::source::{Builtin, MySqlType, PostgresType, SourceType, TextSize};

/// What DMS gives a numeric that has no precision.
pub(super) const NUMERIC_PRECISION: u16 = 28;
pub(super) const NUMERIC_SCALE: i16 = 6;

/// The losses of a type in DMS's files; `lob_slice` is the configured limit of its LOB mode.
pub(super) fn losses(source: &SourceType, lob_slice: Option<u32>) -> Vec<KnownLoss> {
    let mut losses = match source {
        SourceType::Postgres(from) => postgres(from),
        SourceType::MySql(from) => mysql(from),
    };
    let is_lob = match source {
        SourceType::Postgres(from) => is_postgres_lob(from),
        SourceType::MySql(from) => is_mysql_lob(from),
    };
    if is_lob || lob_slice.is_some() {
        losses.push(KnownLoss::LobCut { characters: lob_slice });
    }
    losses
}

fn postgres(from: &PostgresType) -> Vec<KnownLoss> {
    match from {
        PostgresType::Numeric { modifiers: None } => {
            vec![KnownLoss::NumericWithoutPrecision { precision: NUMERIC_PRECISION, scale: NUMERIC_SCALE }]
        }
        PostgresType::Timestamp { .. } | PostgresType::TimestampTz { .. } => vec![KnownLoss::InfinityClipped],
        PostgresType::TimeTz { .. } => vec![KnownLoss::TimeZone],
        PostgresType::Domain { base, .. } => postgres(base),
        PostgresType::Boolean
        | PostgresType::SmallInt
        | PostgresType::Integer
        | PostgresType::BigInt
        | PostgresType::Real
        | PostgresType::DoublePrecision
        | PostgresType::Numeric { modifiers: Some(_) }
        | PostgresType::Money
        | PostgresType::Text
        | PostgresType::Varchar { .. }
        | PostgresType::Char { .. }
        | PostgresType::Bytea
        | PostgresType::Uuid
        | PostgresType::Json
        | PostgresType::Jsonb
        | PostgresType::Date
        | PostgresType::Time { .. }
        | PostgresType::Interval
        | PostgresType::Bit { .. }
        | PostgresType::BitVarying { .. }
        | PostgresType::Builtin(_)
        | PostgresType::Enum { .. }
        | PostgresType::Array { .. }
        | PostgresType::Composite { .. }
        | PostgresType::Other { .. } => Vec::new(),
    }
}

fn mysql(from: &MySqlType) -> Vec<KnownLoss> {
    match from {
        MySqlType::Timestamp { .. } => vec![KnownLoss::TimeZone],
        MySqlType::TinyInt { .. }
        | MySqlType::SmallInt { .. }
        | MySqlType::MediumInt { .. }
        | MySqlType::Int { .. }
        | MySqlType::BigInt { .. }
        | MySqlType::Decimal { .. }
        | MySqlType::Float { .. }
        | MySqlType::Double { .. }
        | MySqlType::Bit { .. }
        | MySqlType::Char { .. }
        | MySqlType::Varchar { .. }
        | MySqlType::Text(_)
        | MySqlType::Binary { .. }
        | MySqlType::VarBinary { .. }
        | MySqlType::Blob(_)
        | MySqlType::Date
        | MySqlType::Time { .. }
        | MySqlType::DateTime { .. }
        | MySqlType::Year
        | MySqlType::Enum { .. }
        | MySqlType::Set { .. }
        | MySqlType::Json
        | MySqlType::Uuid
        | MySqlType::Inet4
        | MySqlType::Inet6
        | MySqlType::Geometry { .. }
        | MySqlType::Other { .. } => Vec::new(),
    }
}

/// Types that DMS carries as LOBs.
fn is_postgres_lob(from: &PostgresType) -> bool {
    match from {
        PostgresType::Text
        | PostgresType::Varchar { length: None }
        | PostgresType::Bytea
        | PostgresType::Json
        | PostgresType::Jsonb
        | PostgresType::Array { .. }
        | PostgresType::Composite { .. }
        | PostgresType::Other { .. } => true,
        PostgresType::Builtin(builtin) => {
            matches!(builtin, Builtin::Xml | Builtin::TsVector | Builtin::TsQuery | Builtin::Path | Builtin::Polygon)
        }
        PostgresType::Domain { base, .. } => is_postgres_lob(base),
        PostgresType::Boolean
        | PostgresType::SmallInt
        | PostgresType::Integer
        | PostgresType::BigInt
        | PostgresType::Real
        | PostgresType::DoublePrecision
        | PostgresType::Numeric { .. }
        | PostgresType::Money
        | PostgresType::Varchar { length: Some(_) }
        | PostgresType::Char { .. }
        | PostgresType::Uuid
        | PostgresType::Date
        | PostgresType::Time { .. }
        | PostgresType::TimeTz { .. }
        | PostgresType::Timestamp { .. }
        | PostgresType::TimestampTz { .. }
        | PostgresType::Interval
        | PostgresType::Bit { .. }
        | PostgresType::BitVarying { .. }
        | PostgresType::Enum { .. } => false,
    }
}

fn is_mysql_lob(from: &MySqlType) -> bool {
    match from {
        MySqlType::Text(size) | MySqlType::Blob(size) => *size > TextSize::Tiny,
        MySqlType::Json | MySqlType::Geometry { .. } => true,
        MySqlType::TinyInt { .. }
        | MySqlType::SmallInt { .. }
        | MySqlType::MediumInt { .. }
        | MySqlType::Int { .. }
        | MySqlType::BigInt { .. }
        | MySqlType::Decimal { .. }
        | MySqlType::Float { .. }
        | MySqlType::Double { .. }
        | MySqlType::Bit { .. }
        | MySqlType::Char { .. }
        | MySqlType::Varchar { .. }
        | MySqlType::Binary { .. }
        | MySqlType::VarBinary { .. }
        | MySqlType::Date
        | MySqlType::Time { .. }
        | MySqlType::DateTime { .. }
        | MySqlType::Timestamp { .. }
        | MySqlType::Year
        | MySqlType::Enum { .. }
        | MySqlType::Set { .. }
        | MySqlType::Uuid
        | MySqlType::Inet4
        | MySqlType::Inet6
        | MySqlType::Other { .. } => false,
    }
}
