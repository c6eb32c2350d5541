//! One value into one COPY field, by the type of the staging column.
//!
//! # Invariants
//! - A field is its length and its bytes, written together; on an error, what was appended is for the caller to take back.
//! - Nothing is allocated on the way of a value that fits.

use bytes::{BufMut, BytesMut};

use super::numeric::{NumericCheck, put_scaled, put_text as put_numeric_text};
use super::stage::StageType;
use super::text::{Searched, put_bytes, put_text};
use crate::values::json::{check_json, check_jsonb};
use crate::values::misfit::{Fit, Misfit};
use crate::values::number::{to_bool, to_float4, to_float8, to_integer, to_uuid};
use crate::values::parse::hexadecimal_bytes;
use crate::values::temporal::{Zone, to_date, to_time, to_timestamp};
use crate::values::text::{BytesAs, as_text};
use crate::values::value::Value;

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
        Value::Text(text) => {
            let bytes = hexadecimal_bytes(text).ok_or(malformed)?;
            out.put_i32(i32::try_from(bytes.len()).map_err(|_| malformed)?);
            out.extend(bytes);
            Ok(())
        }
        Value::Bool(_) | Value::Int(_) | Value::Unsigned(_) | Value::Float4(_) | Value::Float8(_) => Err(malformed),
        Value::Decimal(_, _) | Value::Wide(_, _) | Value::Date(_) | Value::Time(_, _) | Value::Timestamp(_, _) => {
            Err(malformed)
        }
    }
}
