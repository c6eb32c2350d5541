//! Values as booleans, whole numbers, floats and UUIDs.

use super::decimal_text::NumericText;
use super::misfit::{Fit, Misfit};
use super::parse::{parse_bool, parse_uuid};
use super::text::{BytesAs, as_text};
use super::value::Value;

pub(crate) fn to_bool(value: Value<'_>, fit: Fit) -> Result<bool, Misfit> {
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
pub(crate) fn to_integer(
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
pub(crate) fn to_float8(value: Value<'_>, fit: Fit, scratch: &mut String) -> Result<f64, Misfit> {
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
pub(crate) fn to_float4(value: Value<'_>, fit: Fit, scratch: &mut String) -> Result<f32, Misfit> {
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

pub(crate) fn to_uuid(value: Value<'_>) -> Result<[u8; 16], Misfit> {
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
