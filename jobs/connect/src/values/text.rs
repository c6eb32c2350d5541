//! Every value as text.
//!
//! # Invariants
//! - A value becomes the text that Postgres itself prints for it (`DateStyle` ISO, UTC), so that a cast in the merge gives
//!   the same value as a column of that type would. Floats are the one exception: the text is a shortest one that reads
//!   back to the same bits, in Postgres's manner, and in one case of some hundred Postgres ends it in another digit.

use std::fmt::Write;

use super::misfit::Misfit;
use super::temporal_text::{write_date, write_time, write_timestamp};
use super::value::Value;

/// How bytes become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BytesAs {
    /// They are text already, in UTF-8.
    Utf8,
    /// `\x` and hexadecimal digits, as Postgres prints bytea.
    Hexadecimal,
}

/// The text of a value: its own, or one rendered into `scratch`.
pub(crate) fn as_text<'t>(value: Value<'t>, bytes_as: BytesAs, scratch: &'t mut String) -> Result<&'t str, Misfit> {
    scratch.clear();
    match value {
        Value::Text(text) => return Ok(text),
        Value::Bytes(bytes) => match bytes_as {
            BytesAs::Utf8 => return std::str::from_utf8(bytes).map_err(|_| Misfit::Encoding),
            BytesAs::Hexadecimal => write_hexadecimal(bytes, scratch),
        },
        Value::Bool(value) => scratch.push_str(if value { "true" } else { "false" }),
        Value::Int(value) => append(scratch, format_args!("{value}")),
        Value::Unsigned(value) => append(scratch, format_args!("{value}")),
        Value::Float4(value) => {
            append(scratch, format_args!("{value:e}"));
            write_float(value.into(), FLOAT4_PLAIN_BELOW, scratch);
        }
        Value::Float8(value) => {
            append(scratch, format_args!("{value:e}"));
            write_float(value, FLOAT8_PLAIN_BELOW, scratch);
        }
        Value::Decimal(value, scale) => {
            append(scratch, format_args!("{value}"));
            place_point(scale, scratch);
        }
        Value::Wide(value, scale) => {
            append(scratch, format_args!("{value}"));
            place_point(scale, scratch);
        }
        Value::Date(days) => write_date(days, scratch),
        Value::Time(count, unit) => write_time(count, unit, scratch),
        Value::Timestamp(count, clock) => write_timestamp(count, clock, scratch),
    }
    Ok(scratch)
}

/// Turns an unscaled integer into a plain decimal: 5 of scale 2 is `0.05`, of scale -2 `500`.
fn place_point(scale: i8, text: &mut String) {
    let start = usize::from(text.starts_with('-'));
    match usize::try_from(scale) {
        Ok(0) => {}
        Ok(scale) => {
            let digits = text.len() - start;
            for _ in digits..=scale {
                text.insert(start, '0');
            }
            text.insert(text.len() - scale, '.');
        }
        Err(_) => {
            let zeros = if &text[start..] == "0" { 0 } else { scale.unsigned_abs() };
            text.extend((0..zeros).map(|_| '0'));
        }
    }
}

/// Postgres prints floats plainly from 10^-4 on, up to this power of ten.
const FLOAT4_PLAIN_BELOW: i32 = 6;
const FLOAT8_PLAIN_BELOW: i32 = 15;
const FLOAT_PLAIN_FROM: i32 = -4;

/// Rewrites the fewest digits that give the value back, as `1.25e-7`, in Postgres's manner.
fn write_float(value: f64, plain_below: i32, text: &mut String) {
    if !value.is_finite() {
        text.clear();
        return text.push_str(match (value.is_nan(), value > 0.0) {
            (true, _) => "NaN",
            (false, true) => "Infinity",
            (false, false) => "-Infinity",
        });
    }
    let at = text.rfind('e').expect("the exponent form has an exponent");
    let exponent: i32 = text[at + 1..].parse().expect("the exponent of a float is a small number");
    text.truncate(at);
    if !(FLOAT_PLAIN_FROM..plain_below).contains(&exponent) {
        return append(text, format_args!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()));
    }
    let start = usize::from(text.starts_with('-'));
    if text[start..].len() > 1 {
        text.remove(start + 1);
    }
    let decimals = text.len() as i32 - start as i32 - 1 - exponent;
    place_point(i8::try_from(decimals).expect("17 digits at most, and a small exponent"), text);
}

fn write_hexadecimal(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push_str("\\x");
    text.extend(
        bytes
            .iter()
            .flat_map(|byte| [char::from(DIGITS[usize::from(byte >> 4)]), char::from(DIGITS[usize::from(byte & 15)])]),
    );
}

pub(crate) fn append(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a String can't fail");
}
