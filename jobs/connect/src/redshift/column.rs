//! One column on its way into a Parquet file: values converted to what COPY takes for the target's type.
//!
//! # Invariants
//! - A value is written exactly as it is, or refused with a reason: limits count as Redshift counts them, in bytes.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder,
    Int16Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};

use super::types::{RedshiftType, VARCHAR_BYTES_MAX};
use crate::values::decimal_text::NumericText;
use crate::values::json::check_jsonb;
use crate::values::misfit::{Fit, Misfit};
use crate::values::number::{to_bool, to_float4, to_float8, to_integer};
use crate::values::parse::hexadecimal_bytes;
use crate::values::temporal::{
    EPOCH_DAYS, EPOCH_MICROS, MICROS_PER_DAY, TIMESTAMP_MAX, TIMESTAMP_MIN, Zone, to_date, to_time, to_timestamp,
};
use crate::values::temporal_text::write_time;
use crate::values::text::{BytesAs, as_text};
use crate::values::value::Value;

/// Microseconds are the finest that Redshift keeps.
const MICROSECOND_DIGITS: u8 = 6;
/// The last day that timestamps reach, counted from 2000-01-01: dates end there as well.
const DATE_MAX: i64 = TIMESTAMP_MAX / MICROS_PER_DAY;

/// The values of a column of one batch, as far as they were appended.
pub(super) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    SmallInt(Int16Builder),
    Integer(Int32Builder),
    BigInt(Int64Builder),
    Real(Float32Builder),
    Double(Float64Builder),
    Numeric { builder: Decimal128Builder, precision: u8, scale: u8 },
    Text { builder: StringBuilder, limit: TextLimit },
    Bytes { builder: BinaryBuilder, bytes_max: u32 },
    Date(Date32Builder),
    Timestamp { builder: TimestampMicrosecondBuilder, zone: Zone },
}

/// What a text has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextLimit {
    Varchar {
        bytes_max: u32,
    },
    Char {
        bytes_max: u32,
    },
    /// JSON, for a SUPER.
    Json,
    /// A time of day, for a cast.
    Time,
    /// The text of whatever it is, for a cast.
    Cast,
}

impl ColumnBuilder {
    pub(super) fn new(column_type: &RedshiftType, rows: usize) -> ColumnBuilder {
        let text = |limit| ColumnBuilder::Text { builder: StringBuilder::with_capacity(rows, rows * 16), limit };
        match column_type {
            RedshiftType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::with_capacity(rows)),
            RedshiftType::SmallInt => ColumnBuilder::SmallInt(Int16Builder::with_capacity(rows)),
            RedshiftType::Integer => ColumnBuilder::Integer(Int32Builder::with_capacity(rows)),
            RedshiftType::BigInt => ColumnBuilder::BigInt(Int64Builder::with_capacity(rows)),
            RedshiftType::Real => ColumnBuilder::Real(Float32Builder::with_capacity(rows)),
            RedshiftType::Double => ColumnBuilder::Double(Float64Builder::with_capacity(rows)),
            RedshiftType::Numeric { precision, scale } => ColumnBuilder::Numeric {
                builder: Decimal128Builder::with_capacity(rows),
                precision: *precision,
                scale: *scale,
            },
            RedshiftType::Varchar { bytes_max } => text(TextLimit::Varchar { bytes_max: *bytes_max }),
            RedshiftType::Char { bytes_max } => text(TextLimit::Char { bytes_max: *bytes_max }),
            RedshiftType::Varbyte { bytes_max } => {
                ColumnBuilder::Bytes { builder: BinaryBuilder::with_capacity(rows, rows * 16), bytes_max: *bytes_max }
            }
            RedshiftType::Date => ColumnBuilder::Date(Date32Builder::with_capacity(rows)),
            RedshiftType::Timestamp => ColumnBuilder::Timestamp {
                builder: TimestampMicrosecondBuilder::with_capacity(rows),
                zone: Zone::Without,
            },
            RedshiftType::Timestamptz => ColumnBuilder::Timestamp {
                builder: TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"),
                zone: Zone::With,
            },
            RedshiftType::Super => text(TextLimit::Json),
            RedshiftType::Time => text(TextLimit::Time),
            RedshiftType::Other(_) => text(TextLimit::Cast),
        }
    }

    /// Appends a value, or says why it can't be held; then nothing is appended.
    pub(super) fn append(&mut self, value: Value<'_>, fit: Fit, scratch: &mut String) -> Result<(), Misfit> {
        match self {
            ColumnBuilder::Boolean(builder) => builder.append_value(to_bool(value, fit)?),
            ColumnBuilder::SmallInt(builder) => {
                let value = to_integer(value, i16::MIN.into(), i16::MAX.into(), "smallint", fit, scratch)?;
                builder.append_value(value as i16);
            }
            ColumnBuilder::Integer(builder) => {
                let value = to_integer(value, i32::MIN.into(), i32::MAX.into(), "integer", fit, scratch)?;
                builder.append_value(value as i32);
            }
            ColumnBuilder::BigInt(builder) => {
                builder.append_value(to_integer(value, i64::MIN, i64::MAX, "bigint", fit, scratch)?);
            }
            ColumnBuilder::Real(builder) => builder.append_value(to_float4(value, fit, scratch)?),
            ColumnBuilder::Double(builder) => builder.append_value(to_float8(value, fit, scratch)?),
            ColumnBuilder::Numeric { builder, precision, scale } => {
                builder.append_value(to_unscaled(value, *precision, *scale, fit, scratch)?);
            }
            ColumnBuilder::Text { builder, limit } => builder.append_value(to_text(value, *limit, fit, scratch)?),
            ColumnBuilder::Bytes { builder, bytes_max } => builder.append_value(to_bytes(value, *bytes_max, fit)?),
            ColumnBuilder::Date(builder) => builder.append_value(to_days(value, fit)?),
            ColumnBuilder::Timestamp { builder, zone } => builder.append_value(to_micros(value, *zone, fit)?),
        }
        Ok(())
    }

    pub(super) fn append_null(&mut self) {
        match self {
            ColumnBuilder::Boolean(builder) => builder.append_null(),
            ColumnBuilder::SmallInt(builder) => builder.append_null(),
            ColumnBuilder::Integer(builder) => builder.append_null(),
            ColumnBuilder::BigInt(builder) => builder.append_null(),
            ColumnBuilder::Real(builder) => builder.append_null(),
            ColumnBuilder::Double(builder) => builder.append_null(),
            ColumnBuilder::Numeric { builder, .. } => builder.append_null(),
            ColumnBuilder::Text { builder, .. } => builder.append_null(),
            ColumnBuilder::Bytes { builder, .. } => builder.append_null(),
            ColumnBuilder::Date(builder) => builder.append_null(),
            ColumnBuilder::Timestamp { builder, .. } => builder.append_null(),
        }
    }

    /// Appends a value that means nothing: a delete knows its key alone, and the staging table takes NULL where the target
    /// does.
    pub(super) fn append_filler(&mut self) {
        match self {
            ColumnBuilder::Boolean(builder) => builder.append_value(false),
            ColumnBuilder::SmallInt(builder) => builder.append_value(0),
            ColumnBuilder::Integer(builder) => builder.append_value(0),
            ColumnBuilder::BigInt(builder) => builder.append_value(0),
            ColumnBuilder::Real(builder) => builder.append_value(0.0),
            ColumnBuilder::Double(builder) => builder.append_value(0.0),
            ColumnBuilder::Numeric { builder, .. } => builder.append_value(0),
            ColumnBuilder::Text { builder, .. } => builder.append_value(""),
            ColumnBuilder::Bytes { builder, .. } => builder.append_value([]),
            ColumnBuilder::Date(builder) => builder.append_value(0),
            ColumnBuilder::Timestamp { builder, .. } => builder.append_value(0),
        }
    }

    pub(super) fn finish(self) -> Result<ArrayRef, arrow::error::ArrowError> {
        Ok(match self {
            ColumnBuilder::Boolean(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::SmallInt(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Integer(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::BigInt(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Real(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Double(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Numeric { mut builder, precision, scale } => {
                Arc::new(builder.finish().with_precision_and_scale(precision, scale as i8)?)
            }
            ColumnBuilder::Text { mut builder, .. } => Arc::new(builder.finish()),
            ColumnBuilder::Bytes { mut builder, .. } => Arc::new(builder.finish()),
            ColumnBuilder::Date(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Timestamp { mut builder, .. } => Arc::new(builder.finish()),
        })
    }
}

/// The unscaled integer of a `numeric(precision,scale)`.
fn to_unscaled(value: Value<'_>, precision: u8, scale: u8, fit: Fit, scratch: &mut String) -> Result<i128, Misfit> {
    let scaled = match value {
        Value::Decimal(unscaled, scale) => Some((unscaled, scale)),
        Value::Int(value) => Some((value.into(), 0)),
        Value::Unsigned(value) => Some((value.into(), 0)),
        Value::Wide(value, scale) => value.to_i128().map(|value| (value, scale)),
        Value::Text(_) | Value::Float4(_) | Value::Float8(_) => None,
        Value::Bool(_) | Value::Bytes(_) | Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => {
            return Err(Misfit::Malformed { what: "a number" });
        }
    };
    let limit = 10i128.pow(precision.into());
    let too_large = |negative: bool| match fit {
        Fit::Exact => Err(Misfit::TooLarge { precision: precision.into(), scale: scale.into() }),
        Fit::Nearest => Ok(if negative { 1 - limit } else { limit - 1 }),
    };
    let unscaled = match scaled {
        Some((unscaled, from)) => rescale(unscaled, i32::from(scale) - i32::from(from), scale, fit)?,
        None => match NumericText::parse(as_text(value, BytesAs::Utf8, scratch)?)? {
            NumericText::Number(number) => {
                if number.decimals() > i64::from(scale) && fit == Fit::Exact {
                    return Err(Misfit::TooFine { digits: scale.into() });
                }
                // Past 38 digits, to_integer gives a limit of i128, which is past every precision.
                Some(number.times_power_of_ten(scale.into()).to_integer(fit)?)
            }
            NumericText::Infinity { negative } => return too_large(negative),
            NumericText::NotANumber => return Err(Misfit::Malformed { what: "a number" }),
        },
    };
    match unscaled {
        Some(unscaled) if unscaled > -limit && unscaled < limit => Ok(unscaled),
        Some(unscaled) => too_large(unscaled < 0),
        None => too_large(scaled.is_some_and(|(unscaled, _)| unscaled < 0)),
    }
}

/// Multiplies by ten to the power of `places`; None past i128.
fn rescale(unscaled: i128, places: i32, scale: u8, fit: Fit) -> Result<Option<i128>, Misfit> {
    let power = 10i128.checked_pow(places.unsigned_abs());
    if places >= 0 {
        return Ok(if unscaled == 0 { Some(0) } else { power.and_then(|power| unscaled.checked_mul(power)) });
    }
    // A divisor past i128 leaves nothing.
    let (quotient, rest, half) = match power {
        Some(power) => (unscaled / power, unscaled % power, power / 2),
        None => (0, unscaled, i128::MAX),
    };
    match (rest, fit) {
        (0, Fit::Exact | Fit::Nearest) => Ok(Some(quotient)),
        (_, Fit::Exact) => Err(Misfit::TooFine { digits: scale.into() }),
        (rest, Fit::Nearest) if rest.unsigned_abs() >= half.unsigned_abs() => Ok(Some(quotient + rest.signum())),
        (_, Fit::Nearest) => Ok(Some(quotient)),
    }
}

fn to_text<'t>(value: Value<'t>, limit: TextLimit, fit: Fit, scratch: &'t mut String) -> Result<Cow<'t, str>, Misfit> {
    let (text, bytes_max) = match limit {
        TextLimit::Time => {
            let micros = to_time(value, MICROSECOND_DIGITS, fit)?;
            scratch.clear();
            write_time(micros, arrow::datatypes::TimeUnit::Microsecond, scratch);
            return Ok(Cow::Borrowed(scratch));
        }
        TextLimit::Json => {
            let text = as_text(value, BytesAs::Utf8, scratch)?;
            check_jsonb(text)?;
            return within_bytes(Cow::Borrowed(text), VARCHAR_BYTES_MAX, Fit::Exact);
        }
        TextLimit::Cast => (as_text(value, BytesAs::Hexadecimal, scratch)?, VARCHAR_BYTES_MAX),
        TextLimit::Varchar { bytes_max } => (as_text(value, BytesAs::Utf8, scratch)?, bytes_max),
        TextLimit::Char { bytes_max } => {
            let text = as_text(value, BytesAs::Utf8, scratch)?;
            if !text.is_ascii() {
                return Err(Misfit::NotAscii);
            }
            (text, bytes_max)
        }
    };
    let text = match (text.as_bytes().contains(&0), fit) {
        (false, Fit::Exact | Fit::Nearest) => Cow::Borrowed(text),
        (true, Fit::Exact) => return Err(Misfit::Nul),
        (true, Fit::Nearest) => Cow::Owned(text.replace('\0', "")),
    };
    within_bytes(text, bytes_max, fit)
}

/// Cuts at a character's end, where the text may be changed.
fn within_bytes(text: Cow<'_, str>, max: u32, fit: Fit) -> Result<Cow<'_, str>, Misfit> {
    if text.len() <= max as usize {
        return Ok(text);
    }
    match fit {
        Fit::Exact => Err(Misfit::TooManyBytes { max }),
        Fit::Nearest => {
            let end = text.floor_char_boundary(max as usize);
            Ok(match text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
                Cow::Owned(text) => Cow::Owned(text[..end].to_owned()),
            })
        }
    }
}

fn to_bytes(value: Value<'_>, max: u32, fit: Fit) -> Result<Cow<'_, [u8]>, Misfit> {
    let malformed = Misfit::Malformed { what: "bytes in hexadecimal form" };
    let bytes = match value {
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
        Value::Text(text) => Cow::Owned(hexadecimal_bytes(text).ok_or(malformed)?.collect::<Vec<u8>>()),
        Value::Bool(_) | Value::Int(_) | Value::Unsigned(_) | Value::Float4(_) | Value::Float8(_) => {
            return Err(malformed);
        }
        Value::Decimal(_, _) | Value::Wide(_, _) | Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => {
            return Err(malformed);
        }
    };
    match (bytes.len() > max as usize, fit) {
        (false, Fit::Exact | Fit::Nearest) => Ok(bytes),
        (true, Fit::Exact) => Err(Misfit::TooManyBytes { max }),
        (true, Fit::Nearest) => Ok(Cow::Owned(bytes[..max as usize].to_vec())),
    }
}

/// Days since 1970-01-01. There are no infinities.
fn to_days(value: Value<'_>, fit: Fit) -> Result<i32, Misfit> {
    let days = i64::from(to_date(value, fit)?);
    let days = match (days == i64::from(i32::MIN) || days > DATE_MAX, fit) {
        (false, Fit::Exact | Fit::Nearest) => days,
        (true, Fit::Exact) => return Err(Misfit::OutOfRange { of: "date" }),
        (true, Fit::Nearest) if days < 0 => TIMESTAMP_MIN / MICROS_PER_DAY,
        (true, Fit::Nearest) => DATE_MAX,
    };
    Ok(i32::try_from(days + EPOCH_DAYS).expect("the limits of date lie within i32"))
}

/// Microseconds since 1970-01-01. There are no infinities; what a file counts ends a few days before Redshift does.
fn to_micros(value: Value<'_>, zone: Zone, fit: Fit) -> Result<i64, Misfit> {
    let micros = to_timestamp(value, zone, MICROSECOND_DIGITS, fit)?;
    let counted = if micros == i64::MIN { None } else { micros.checked_add(EPOCH_MICROS) };
    match (counted, fit) {
        (Some(counted), Fit::Exact | Fit::Nearest) => Ok(counted),
        (None, Fit::Exact) => Err(Misfit::OutOfRange { of: "timestamp" }),
        (None, Fit::Nearest) if micros < 0 => Ok(TIMESTAMP_MIN + EPOCH_MICROS),
        (None, Fit::Nearest) => Ok(i64::MAX),
    }
}

#[cfg(test)]
mod tests;
