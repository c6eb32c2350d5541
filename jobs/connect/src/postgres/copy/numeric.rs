//! Postgres's numeric on the wire: digits to base 10,000, computed without strings from Arrow decimals and integers.
//!
//! A numeric is `digits: i16, weight: i16, sign: u16, display_scale: u16`, then the digits, most significant first; the
//! first one counts 10,000^weight. Zeros at either end are left out.
//!
//! # Invariants
//! - A value is written exactly, or rounded half away from zero under [`Fit::Nearest`]; never rounded in silence.

use bytes::{BufMut, BytesMut};

use crate::values::decimal_text::{
    DecimalText, NumericText, UNLIMITED_SCALE_MAX as DISPLAY_SCALE_MAX, UNLIMITED_WHOLE_DIGITS_MAX as WHOLE_DIGITS_MAX,
};
use crate::values::misfit::{Fit, Misfit};

const BASE: u64 = 10_000;
const DIGITS_PER_GROUP: u32 = 4;
/// 39 decimal digits of a u128, and a first group that the scale may cut in two.
const GROUPS_MAX: usize = 12;
const HEADER_BYTES: usize = 8;
/// The biggest power of ten that a u128 holds.
const POWER_MAX: u32 = 38;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// The limits of one numeric column, prepared for values of one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumericCheck {
    /// Precision and scale of `numeric(p,s)`.
    limit: Option<(u16, i16)>,
    /// Unscaled values have to be multiples of it.
    step: u128,
    /// Unscaled values have to be below it.
    end: u128,
}

impl NumericCheck {
    /// For unscaled values of `source_scale`: 0 for integers.
    pub(crate) fn new(precision: Option<u16>, scale: Option<i16>, source_scale: i8) -> NumericCheck {
        let Some(precision) = precision else { return NumericCheck { limit: None, step: 1, end: u128::MAX } };
        let scale = scale.unwrap_or(0);
        let excess = i32::from(source_scale) - i32::from(scale);
        let digits = i32::from(precision) + excess;
        // Past what a u128 holds, no value but zero is a multiple, and every value is below.
        let power = |exponent: i32| match u32::try_from(exponent) {
            Ok(exponent) if exponent <= POWER_MAX => 10u128.pow(exponent),
            Ok(_) => u128::MAX,
            Err(_) => 1,
        };
        NumericCheck { limit: Some((precision, scale)), step: power(excess), end: power(digits) }
    }
}

/// Writes `magnitude / 10^scale`, length included.
#[inline]
pub(crate) fn put_scaled(
    negative: bool,
    magnitude: u128,
    scale: u8,
    check: &NumericCheck,
    fit: Fit,
    out: &mut BytesMut,
) -> Result<(), Misfit> {
    let mut magnitude = magnitude;
    if check.step > 1 && !is_multiple(magnitude, check.step) {
        if fit == Fit::Exact {
            return Err(Misfit::TooFine { digits: check.limit.map_or(0, |(_, scale)| scale) });
        }
        magnitude = (magnitude + check.step / 2) / check.step * check.step;
    }
    if magnitude >= check.end {
        return too_large(negative, check, fit, out);
    }
    put_groups(negative, magnitude, scale, out);
    Ok(())
}

#[inline]
fn is_multiple(magnitude: u128, step: u128) -> bool {
    match (u64::try_from(magnitude), u64::try_from(step)) {
        (Ok(magnitude), Ok(step)) => magnitude.is_multiple_of(step),
        (_, _) => magnitude.is_multiple_of(step),
    }
}

#[inline]
fn put_groups(negative: bool, magnitude: u128, scale: u8, out: &mut BytesMut) {
    // Least significant first.
    let mut groups = [0u16; GROUPS_MAX];
    let mut count = 0;
    let mut push = |group: u64| {
        groups[count] = group as u16;
        count += 1;
    };
    let scale = u32::from(scale);
    let cut = scale % DIGITS_PER_GROUP;
    let mut rest = magnitude;
    if cut > 0 {
        // The last group has fewer decimals than four: fill it up with zeros.
        let power = 10u64.pow(cut);
        let low = match u64::try_from(rest) {
            Ok(small) => {
                rest = u128::from(small / power);
                small % power
            }
            Err(_) => {
                let low = (rest % u128::from(power)) as u64;
                rest /= u128::from(power);
                low
            }
        };
        push(low * 10u64.pow(DIGITS_PER_GROUP - cut));
    }
    let mut small = loop {
        match u64::try_from(rest) {
            Ok(small) => break small,
            Err(_) => {
                /// Four groups at once: a division of a u128 is dear.
                const CHUNK: u128 = 10_000_000_000_000_000;
                let mut chunk = (rest % CHUNK) as u64;
                rest /= CHUNK;
                for _ in 0..4 {
                    push(chunk % BASE);
                    chunk /= BASE;
                }
            }
        }
    };
    while small > 0 {
        push(small % BASE);
        small /= BASE;
    }
    let decimals = scale.div_ceil(DIGITS_PER_GROUP) as usize;
    put_stripped(negative, &groups[..count], decimals, scale as u16, out);
}

/// `groups`: least significant first; the first `decimals` of them stand behind the decimal point.
#[inline]
fn put_stripped(negative: bool, groups: &[u16], decimals: usize, display_scale: u16, out: &mut BytesMut) {
    let first = groups.iter().position(|group| *group != 0);
    let last = groups.iter().rposition(|group| *group != 0);
    let (Some(first), Some(last)) = (first, last) else {
        return put_special(0, display_scale, out);
    };
    let count = last - first + 1;
    let mut cell = [0u8; 4 + HEADER_BYTES + 2 * GROUPS_MAX];
    let length = HEADER_BYTES + 2 * count;
    cell[..4].copy_from_slice(&(length as i32).to_be_bytes());
    cell[4..6].copy_from_slice(&(count as i16).to_be_bytes());
    cell[6..8].copy_from_slice(&(last as i16 - decimals as i16).to_be_bytes());
    cell[8..10].copy_from_slice(&if negative { NEGATIVE } else { 0 }.to_be_bytes());
    cell[10..12].copy_from_slice(&display_scale.to_be_bytes());
    for (place, group) in cell[12..].chunks_exact_mut(2).zip(groups[first..=last].iter().rev()) {
        place.copy_from_slice(&group.to_be_bytes());
    }
    out.extend_from_slice(&cell[..4 + length]);
}

/// A numeric without digits: zero, NaN, an infinity.
fn put_special(sign: u16, display_scale: u16, out: &mut BytesMut) {
    out.put_i32(HEADER_BYTES as i32);
    out.put_i16(0);
    out.put_i16(0);
    out.put_u16(sign);
    out.put_u16(display_scale);
}

/// Writes a number given as text, of any length, length included.
pub(crate) fn put_text(text: &str, check: &NumericCheck, fit: Fit, out: &mut BytesMut) -> Result<(), Misfit> {
    let number = match NumericText::parse(text)? {
        NumericText::Number(number) => number,
        NumericText::NotANumber => {
            put_special(NAN, 0, out);
            return Ok(());
        }
        NumericText::Infinity { negative } => {
            if check.limit.is_some() {
                return too_large(negative, check, fit, out);
            }
            put_special(if negative { NEGATIVE_INFINITY } else { INFINITY }, 0, out);
            return Ok(());
        }
    };
    let Some((precision, scale)) = check.limit else { return put_unlimited(&number, fit, out) };
    let rounded;
    let mut number = number;
    if number.decimals() > i64::from(scale) {
        if fit == Fit::Exact {
            return Err(Misfit::TooFine { digits: scale });
        }
        rounded = number.round(i64::from(scale));
        number = rounded.as_text();
    }
    if number.whole_digits() > i64::from(precision) - i64::from(scale) {
        return too_large(number.is_negative(), check, fit, out);
    }
    put_number(&number, out);
    Ok(())
}

fn put_unlimited(number: &DecimalText<'_>, fit: Fit, out: &mut BytesMut) -> Result<(), Misfit> {
    if number.whole_digits() > WHOLE_DIGITS_MAX {
        return Err(Misfit::OutOfRange { of: "numeric" });
    }
    if number.decimals() <= DISPLAY_SCALE_MAX {
        put_number(number, out);
        return Ok(());
    }
    match fit {
        Fit::Exact => Err(Misfit::TooFine { digits: DISPLAY_SCALE_MAX as i16 }),
        Fit::Nearest => {
            put_number(&number.round(DISPLAY_SCALE_MAX).as_text(), out);
            Ok(())
        }
    }
}

/// A number that fits.
fn put_number(number: &DecimalText<'_>, out: &mut BytesMut) {
    let display_scale = number.display_scale().clamp(0, DISPLAY_SCALE_MAX) as u16;
    let Some((high, low)) = number.group_weights() else { return put_special(0, display_scale, out) };
    let count = high - low + 1;
    out.put_i32((HEADER_BYTES as i64 + 2 * count) as i32);
    out.put_i16(count as i16);
    out.put_i16(high as i16);
    out.put_u16(if number.is_negative() { NEGATIVE } else { 0 });
    out.put_u16(display_scale);
    for weight in (low..=high).rev() {
        out.put_u16(number.group(weight));
    }
}

/// The nearest value is the biggest one, `p` nines of which `s` are decimals.
#[cold]
fn too_large(negative: bool, check: &NumericCheck, fit: Fit, out: &mut BytesMut) -> Result<(), Misfit> {
    let Some((precision, scale)) = check.limit else { return Err(Misfit::OutOfRange { of: "numeric" }) };
    match fit {
        Fit::Exact => Err(Misfit::TooLarge { precision, scale }),
        Fit::Nearest => {
            let nines = vec![b'9'; usize::from(precision)];
            put_number(&DecimalText::new(negative, &nines, -i64::from(scale)), out);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
