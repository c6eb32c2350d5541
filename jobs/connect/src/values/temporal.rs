//! Dates and times as Postgres counts them: days and microseconds since 2000-01-01, within its range.
//!
//! # Invariants
//! - A reading without a zone becomes an instant as UTC, and an instant becomes a reading in UTC: no session setting matters.
//! - Nothing finer than the column holds is dropped in silence.

use arrow::datatypes::TimeUnit;

use super::misfit::{Fit, Misfit};
use super::temporal_text::{DateText, TimestampText, parse_date, parse_time, parse_timestamp};
use super::value::{Clock, Value};

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const SECONDS_PER_DAY: i64 = 86_400;
pub(crate) const MICROS_PER_DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;

/// From 1970-01-01 to 2000-01-01.
pub(crate) const EPOCH_DAYS: i64 = 10_957;
pub(crate) const EPOCH_MICROS: i64 = EPOCH_DAYS * MICROS_PER_DAY;
/// 4714-11-24 BC, day 0 of the Julian calendar's count, and 5874897-12-31.
const DATE_MIN: i64 = -2_451_545;
const DATE_MAX: i64 = 2_145_031_948;
/// 4714-11-24 BC, and the last microsecond of 294276.
pub(crate) const TIMESTAMP_MIN: i64 = DATE_MIN * MICROS_PER_DAY;
pub(crate) const TIMESTAMP_MAX: i64 = 9_223_371_331_199_999_999;

/// Days since 2000-01-01; the infinities are the limits of i32.
pub(crate) fn to_date(value: Value<'_>, fit: Fit) -> Result<i32, Misfit> {
    let days = match value {
        Value::Date(days) => days,
        Value::Timestamp(count, clock) => {
            let per_day = units_per_second(clock.unit) * SECONDS_PER_DAY;
            if fit == Fit::Exact && count.rem_euclid(per_day) != 0 {
                return Err(Misfit::TimeOfDay);
            }
            count.div_euclid(per_day)
        }
        Value::Text(text) => match parse_date(text).ok_or(Misfit::Malformed { what: "a date" })? {
            DateText::Infinity => return Ok(i32::MAX),
            DateText::NegativeInfinity => return Ok(i32::MIN),
            DateText::Day { days, midnight: true } => days,
            DateText::Day { days, midnight: false } => match fit {
                Fit::Exact => return Err(Misfit::TimeOfDay),
                Fit::Nearest => days,
            },
        },
        Value::Bool(_) | Value::Int(_) | Value::Unsigned(_) | Value::Float4(_) | Value::Float8(_) => {
            return Err(Misfit::Malformed { what: "a date" });
        }
        Value::Decimal(_, _) | Value::Wide(_, _) | Value::Bytes(_) | Value::Time(_, _) => {
            return Err(Misfit::Malformed { what: "a date" });
        }
    };
    let days = within(i128::from(days - EPOCH_DAYS), DATE_MIN, DATE_MAX, "date", fit)?;
    Ok(i32::try_from(days).expect("the limits of date lie within i32"))
}

/// Microseconds since midnight, 24:00:00 included.
pub(crate) fn to_time(value: Value<'_>, digits: u8, fit: Fit) -> Result<i64, Misfit> {
    let micros = match value {
        Value::Time(count, unit) => to_micros(count, unit, fit)?,
        Value::Text(text) => {
            let (micros, finer) = parse_time(text).ok_or(Misfit::Malformed { what: "a time" })?;
            refuse_finer(finer, fit)?;
            i128::from(micros)
        }
        Value::Bool(_) | Value::Int(_) | Value::Unsigned(_) | Value::Float4(_) | Value::Float8(_) => {
            return Err(Misfit::Malformed { what: "a time" });
        }
        Value::Decimal(_, _) | Value::Wide(_, _) | Value::Bytes(_) | Value::Date(_) | Value::Timestamp(_, _) => {
            return Err(Misfit::Malformed { what: "a time" });
        }
    };
    let micros = within(micros, 0, MICROS_PER_DAY, "time", fit)?;
    to_digits(micros, digits, MICROS_PER_DAY, fit)
}

/// Whether a timestamp column holds instants or readings of a clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    With,
    Without,
}

/// Microseconds since 2000-01-01; the infinities are the limits of i64.
#[inline]
pub(crate) fn to_timestamp(value: Value<'_>, zone: Zone, digits: u8, fit: Fit) -> Result<i64, Misfit> {
    let of = match zone {
        Zone::With => "timestamp with time zone",
        Zone::Without => "timestamp",
    };
    let micros = match value {
        Value::Timestamp(count, Clock { unit, .. }) => to_micros(count, unit, fit)?,
        Value::Date(days) => i128::from(days) * i128::from(MICROS_PER_DAY),
        Value::Text(text) => match parse_timestamp(text).ok_or(Misfit::Malformed { what: "a timestamp" })? {
            TimestampText::Infinity => return Ok(i64::MAX),
            TimestampText::NegativeInfinity => return Ok(i64::MIN),
            TimestampText::Instant { days, micros, finer, offset_seconds } => {
                // A clock's reading somewhere else is not this one: Postgres would drop the offset without a word.
                if zone == Zone::Without && offset_seconds.is_some_and(|offset| offset != 0) {
                    return Err(Misfit::Malformed { what: "a timestamp without time zone" });
                }
                refuse_finer(finer, fit)?;
                let offset = offset_seconds.unwrap_or(0) * MICROS_PER_SECOND;
                i128::from(days) * i128::from(MICROS_PER_DAY) + i128::from(micros - offset)
            }
        },
        Value::Bool(_) | Value::Int(_) | Value::Unsigned(_) | Value::Float4(_) | Value::Float8(_) => {
            return Err(Misfit::Malformed { what: "a timestamp" });
        }
        Value::Decimal(_, _) | Value::Wide(_, _) | Value::Bytes(_) | Value::Time(_, _) => {
            return Err(Misfit::Malformed { what: "a timestamp" });
        }
    };
    let micros = within(micros - i128::from(EPOCH_MICROS), TIMESTAMP_MIN, TIMESTAMP_MAX, of, fit)?;
    to_digits(micros, digits, TIMESTAMP_MAX, fit)
}

pub(crate) fn units_per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

#[inline]
fn to_micros(count: i64, unit: TimeUnit, fit: Fit) -> Result<i128, Misfit> {
    const NANOS_PER_MICRO: i64 = 1_000;
    match unit {
        TimeUnit::Microsecond => Ok(i128::from(count)),
        TimeUnit::Second | TimeUnit::Millisecond => {
            Ok(i128::from(count) * i128::from(MICROS_PER_SECOND / units_per_second(unit)))
        }
        TimeUnit::Nanosecond => {
            refuse_finer(count % NANOS_PER_MICRO != 0, fit)?;
            Ok(i128::from(round(count, NANOS_PER_MICRO) / NANOS_PER_MICRO))
        }
    }
}

#[inline]
fn within(count: i128, min: i64, max: i64, of: &'static str, fit: Fit) -> Result<i64, Misfit> {
    match (i64::try_from(count), fit) {
        (Ok(count), Fit::Exact | Fit::Nearest) if (min..=max).contains(&count) => Ok(count),
        (Ok(_) | Err(_), Fit::Exact) => Err(Misfit::OutOfRange { of }),
        (Ok(_) | Err(_), Fit::Nearest) => Ok(if count < i128::from(min) { min } else { max }),
    }
}

/// A value with digits past the microsecond.
fn refuse_finer(finer: bool, fit: Fit) -> Result<(), Misfit> {
    match (finer, fit) {
        (true, Fit::Exact) => Err(Misfit::TooFine { digits: 6 }),
        (true, Fit::Nearest) | (false, Fit::Exact | Fit::Nearest) => Ok(()),
    }
}

/// Holds a count of microseconds to the decimals of the column.
#[inline]
fn to_digits(micros: i64, digits: u8, max: i64, fit: Fit) -> Result<i64, Misfit> {
    if digits >= 6 {
        return Ok(micros);
    }
    let step = 10i64.pow(6 - u32::from(digits));
    match (micros % step, fit) {
        (0, Fit::Exact | Fit::Nearest) => Ok(micros),
        (_, Fit::Exact) => Err(Misfit::TooFine { digits: i16::from(digits) }),
        (_, Fit::Nearest) => {
            let rounded = round(micros, step);
            Ok(if rounded > max { rounded - step } else { rounded })
        }
    }
}

/// To the nearest multiple of an even step, half away from zero.
fn round(count: i64, step: i64) -> i64 {
    let rest = count % step;
    let down = count - rest;
    if rest.abs() * 2 >= step { down.saturating_add(rest.signum() * step) } else { down }
}

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar; year 0 is 1 BC.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is their last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day; the inverse of [`days_of`].
pub(crate) fn civil_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}
