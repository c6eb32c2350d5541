//! One value into one COPY field, by the type of the staging column.
//!
//! # Invariants
//! - A field is its length and its bytes, written together; on an error, what was appended is for the caller to take back.
//! - Nothing is allocated on the way of a value that fits.

use bytes::BytesMut;

use super::decimal_text::NumericText;
use super::json::{check_json, check_jsonb};
use super::misfit::{Fit, Misfit};
use super::numeric::{NumericCheck, put_scaled, put_text as put_numeric_text};
use super::parse::{parse_bool, parse_hexadecimal, parse_uuid};
use super::stage::StageType;
use super::temporal::{Zone, to_date, to_time, to_timestamp};
use super::text::{BytesAs, Searched, as_text, put_bytes, put_text};
use super::value::Value;

/// What jsonb's binary form begins with.
const JSONB_VERSION: u8 = 1;
/// Scales that unscaled 128-bit values are computed with; others go through text.
const SCALE_MAX: u8 = 38;

/// How the values of one column are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) stage: StageType,
    /// For `Numeric`, at the scale of the source column.
    pub(crate) numeric: NumericCheck,
    pub(crate) searched: Searched,
}

/// A field that is NULL.
#[inline]
pub(crate) fn put_null(out: &mut BytesMut) {
    out.extend_from_slice(&(-1i32).to_be_bytes());
}

/// Appends a field of a fixed width, with its length, in one piece.
macro_rules! fixed_width {
    ($name:ident, $width:literal) => {
        #[inline]
        pub(crate) fn $name(bytes: [u8; $width], out: &mut BytesMut) {
            let mut field = [0u8; 4 + $width];
            field[3] = $width;
            field[4..].copy_from_slice(&bytes);
            out.extend_from_slice(&field);
        }
    };
}
fixed_width!(put_1, 1);
fixed_width!(put_2, 2);
fixed_width!(put_4, 4);
fixed_width!(put_8, 8);
fixed_width!(put_16, 16);

/// Appends a value as the field's type has it, or says why it can't be.
#[inline]
pub(crate) fn put_value(
    value: Value<'_>,
    field: &Field,
    fit: Fit,
    scratch: &mut String,
    out: &mut BytesMut,
) -> Result<(), Misfit> {
    match field.stage {
        StageType::Bool => put_1([u8::from(to_bool(value, fit)?)], out),
        StageType::Int2 => {
            let value = to_integer(value, i16::MIN.into(), i16::MAX.into(), "smallint", fit, scratch)?;
            put_2((value as i16).to_be_bytes(), out);
        }
        StageType::Int4 => {
            let value = to_integer(value, i32::MIN.into(), i32::MAX.into(), "integer", fit, scratch)?;
            put_4((value as i32).to_be_bytes(), out);
        }
        StageType::Int8 => {
            let value = to_integer(value, i64::MIN, i64::MAX, "bigint", fit, scratch)?;
            put_8(value.to_be_bytes(), out);
        }
        StageType::Float4 => put_4(to_float4(value, fit, scratch)?.to_be_bytes(), out),
        StageType::Float8 => put_8(to_float8(value, fit, scratch)?.to_be_bytes(), out),
        StageType::Numeric { .. } => put_numeric(value, &field.numeric, fit, scratch, out)?,
        StageType::Text { max_chars, padded: _ } => {
            put_text(as_text(value, BytesAs::Utf8, scratch)?, max_chars, field.searched, fit, out)?;
        }
        StageType::Cast => {
            put_text(as_text(value, BytesAs::Hexadecimal, scratch)?, None, field.searched, fit, out)?;
        }
        StageType::Bytea => put_bytea(value, out)?,
        StageType::Uuid => put_16(to_uuid(value)?, out),
        StageType::Date => put_4(to_date(value, fit)?.to_be_bytes(), out),
        StageType::Time { digits } => put_8(to_time(value, digits, fit)?.to_be_bytes(), out),
        StageType::Timestamp { digits } => {
            put_8(to_timestamp(value, Zone::Without, digits, fit)?.to_be_bytes(), out);
        }
        StageType::Timestamptz { digits } => put_8(to_timestamp(value, Zone::With, digits, fit)?.to_be_bytes(), out),
        StageType::Json => {
            let text = as_text(value, BytesAs::Utf8, scratch)?;
            check_json(text)?;
            put_bytes(text.as_bytes(), out)?;
        }
        StageType::Jsonb => {
            let text = as_text(value, BytesAs::Utf8, scratch)?;
            check_jsonb(text)?;
            put_jsonb(text, out)?;
        }
    }
    Ok(())
}

fn put_jsonb(text: &str, out: &mut BytesMut) -> Result<(), Misfit> {
    let start = out.len();
    // The version is no part of the text: write the field a byte further on, and its head once the length was checked.
    out.extend_from_slice(&[0]);
    put_bytes(text.as_bytes(), out)?;
    out[start..start + 4].copy_from_slice(&(text.len() as i32 + 1).to_be_bytes());
    out[start + 4] = JSONB_VERSION;
    Ok(())
}

fn to_bool(value: Value<'_>, fit: Fit) -> Result<bool, Misfit> {
    let malformed = Misfit::Malformed { what: "a boolean" };
    match value {
        Value::Bool(value) => Ok(value),
        Value::Int(0) | Value::Unsigned(0) => Ok(false),
        Value::Int(1) | Value::Unsigned(1) => Ok(true),
        Value::Int(_) | Value::Unsigned(_) => match fit {
            Fit::Exact => Err(malformed),
            // As Postgres and every other database cast it.
            Fit::Nearest => Ok(true),
        },
        Value::Text(text) => parse_bool(text).ok_or(malformed),
        Value::Float4(_) | Value::Float8(_) | Value::Decimal(_, _) | Value::Wide(_, _) | Value::Bytes(_) => {
            Err(malformed)
        }
        Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => Err(malformed),
    }
}

#[inline]
fn to_integer(
    value: Value<'_>,
    min: i64,
    max: i64,
    of: &'static str,
    fit: Fit,
    scratch: &mut String,
) -> Result<i64, Misfit> {
    let whole = match value {
        Value::Int(value) => i128::from(value),
        Value::Unsigned(value) => i128::from(value),
        Value::Float4(_)
        | Value::Float8(_)
        | Value::Decimal(_, _)
        | Value::Wide(_, _)
        | Value::Text(_)
        | Value::Bool(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::Time(_, _)
        | Value::Timestamp(_, _) => to_whole(value, fit, scratch)?,
    };
    match (i64::try_from(whole), fit) {
        (Ok(value), Fit::Exact | Fit::Nearest) if (min..=max).contains(&value) => Ok(value),
        (Ok(_) | Err(_), Fit::Exact) => Err(Misfit::OutOfRange { of }),
        (Ok(_) | Err(_), Fit::Nearest) => Ok(if whole < 0 { min } else { max }),
    }
}

/// A number that is no Arrow integer as an integer; past i128, its limit.
fn to_whole(value: Value<'_>, fit: Fit, scratch: &mut String) -> Result<i128, Misfit> {
    match value {
        Value::Decimal(value, 0) => Ok(value),
        Value::Float4(_) | Value::Float8(_) | Value::Decimal(_, _) | Value::Wide(_, _) | Value::Text(_) => {
            match NumericText::parse(as_text(value, BytesAs::Utf8, scratch)?)? {
                NumericText::Number(number) => number.to_integer(fit),
                NumericText::Infinity { negative } => Ok(if negative { i128::MIN } else { i128::MAX }),
                NumericText::NotANumber => Err(Misfit::Malformed { what: "a number" }),
            }
        }
        Value::Int(_) | Value::Unsigned(_) | Value::Bool(_) | Value::Bytes(_) => {
            Err(Misfit::Malformed { what: "a number" })
        }
        Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => Err(Misfit::Malformed { what: "a number" }),
    }
}

/// Integers and wider floats have to be held exactly; decimals, in files or as text, become the nearest float as they do in
/// Postgres: next to none is a float.
fn to_float8(value: Value<'_>, fit: Fit, scratch: &mut String) -> Result<f64, Misfit> {
    let inexact = Misfit::Inexact { by: "double precision" };
    match value {
        Value::Float8(value) => Ok(value),
        Value::Float4(value) => Ok(value.into()),
        Value::Int(value) => exact(value as f64, value as f64 as i128 == i128::from(value), inexact, fit),
        Value::Unsigned(value) => exact(value as f64, value as f64 as i128 == i128::from(value), inexact, fit),
        Value::Text(_) | Value::Decimal(_, _) | Value::Wide(_, _) => {
            let text = as_text(value, BytesAs::Utf8, scratch)?.trim_ascii();
            let value: f64 = text.parse().map_err(|_| Misfit::Malformed { what: "a number" })?;
            let within = within_float(text, value == 0.0, value.is_infinite())?;
            let nearest = if within { value } else { value.clamp(f64::MIN, f64::MAX) };
            exact(nearest, within, Misfit::OutOfRange { of: "double precision" }, fit)
        }
        Value::Bool(_) | Value::Bytes(_) | Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => {
            Err(Misfit::Malformed { what: "a number" })
        }
    }
}

/// As [`to_float8`].
fn to_float4(value: Value<'_>, fit: Fit, scratch: &mut String) -> Result<f32, Misfit> {
    let inexact = Misfit::Inexact { by: "real" };
    match value {
        Value::Float4(value) => Ok(value),
        Value::Float8(value) => {
            let narrow = value as f32;
            if narrow.is_infinite() && value.is_finite() {
                return exact(f32::MAX.copysign(narrow), false, Misfit::OutOfRange { of: "real" }, fit);
            }
            exact(narrow, f64::from(narrow) == value || value.is_nan(), inexact, fit)
        }
        Value::Int(value) => exact(value as f32, value as f32 as i128 == i128::from(value), inexact, fit),
        Value::Unsigned(value) => exact(value as f32, value as f32 as i128 == i128::from(value), inexact, fit),
        Value::Text(_) | Value::Decimal(_, _) | Value::Wide(_, _) => {
            let text = as_text(value, BytesAs::Utf8, scratch)?.trim_ascii();
            let value: f32 = text.parse().map_err(|_| Misfit::Malformed { what: "a number" })?;
            let within = within_float(text, value == 0.0, value.is_infinite())?;
            let nearest = if within { value } else { value.clamp(f32::MIN, f32::MAX) };
            exact(nearest, within, Misfit::OutOfRange { of: "real" }, fit)
        }
        Value::Bool(_) | Value::Bytes(_) | Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => {
            Err(Misfit::Malformed { what: "a number" })
        }
    }
}

fn exact<T>(value: T, is_exact: bool, misfit: Misfit, fit: Fit) -> Result<T, Misfit> {
    match (is_exact, fit) {
        (true, Fit::Exact | Fit::Nearest) | (false, Fit::Nearest) => Ok(value),
        (false, Fit::Exact) => Err(misfit),
    }
}

/// Whether a text that was read as zero or as an infinity says just that: otherwise it is too small or too big a number.
fn within_float(text: &str, zero: bool, infinite: bool) -> Result<bool, Misfit> {
    if !zero && !infinite {
        return Ok(true);
    }
    match NumericText::parse(text)? {
        NumericText::Number(number) => Ok(zero && number.group_weights().is_none()),
        NumericText::Infinity { .. } | NumericText::NotANumber => Ok(true),
    }
}

fn put_numeric(
    value: Value<'_>,
    check: &NumericCheck,
    fit: Fit,
    scratch: &mut String,
    out: &mut BytesMut,
) -> Result<(), Misfit> {
    let scaled = match value {
        Value::Decimal(value, scale) => Some((value, scale)),
        Value::Int(value) => Some((i128::from(value), 0)),
        Value::Unsigned(value) => Some((i128::from(value), 0)),
        Value::Wide(value, scale) => value.to_i128().map(|value| (value, scale)),
        Value::Float4(_) | Value::Float8(_) | Value::Text(_) => None,
        Value::Bool(_) | Value::Bytes(_) | Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => {
            return Err(Misfit::Malformed { what: "a number" });
        }
    };
    match scaled.map(|(value, scale)| (value, u8::try_from(scale))) {
        Some((value, Ok(scale))) if scale <= SCALE_MAX => {
            put_scaled(value < 0, value.unsigned_abs(), scale, check, fit, out)
        }
        Some((_, Ok(_) | Err(_))) | None => put_numeric_text(as_text(value, BytesAs::Utf8, scratch)?, check, fit, out),
    }
}

fn put_bytea(value: Value<'_>, out: &mut BytesMut) -> Result<(), Misfit> {
    let malformed = Misfit::Malformed { what: "bytea in hexadecimal form" };
    match value {
        Value::Bytes(bytes) => put_bytes(bytes, out),
        Value::Text(text) => parse_hexadecimal(text, out).ok_or(malformed),
        Value::Bool(_) | Value::Int(_) | Value::Unsigned(_) | Value::Float4(_) | Value::Float8(_) => Err(malformed),
        Value::Decimal(_, _) | Value::Wide(_, _) | Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => {
            Err(malformed)
        }
    }
}

fn to_uuid(value: Value<'_>) -> Result<[u8; 16], Misfit> {
    let malformed = Misfit::Malformed { what: "a UUID" };
    match value {
        Value::Text(text) => parse_uuid(text).ok_or(malformed),
        Value::Bytes(bytes) => bytes.try_into().map_err(|_| malformed),
        Value::Bool(_) | Value::Int(_) | Value::Unsigned(_) | Value::Float4(_) | Value::Float8(_) => Err(malformed),
        Value::Decimal(_, _) | Value::Wide(_, _) | Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => {
            Err(malformed)
        }
    }
}
