//! Dates and times in ISO 8601 as databases write it: `2024-02-29 23:59:59.5+01:30`, `0044-03-15 BC`, `infinity`.
//!
//! # Invariants
//! - What is written here is read back by Postgres under any `DateStyle` to the same value, and prints under `ISO` alike.

use arrow::datatypes::TimeUnit;

use super::temporal::{
    MICROS_PER_DAY, MICROS_PER_SECOND, SECONDS_PER_DAY, civil_of, days_in_month, days_of, units_per_second,
};
use super::text::append;
use super::value::Clock;

/// Longer years are no dates of any database, and sums can't overflow.
const YEAR_DIGITS_MAX: usize = 7;
const MICRO_DIGITS: u32 = 6;
/// Postgres takes offsets below 16 hours.
const OFFSET_HOURS_MAX: i64 = 15;

/// A text that date takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateText {
    /// Since 1970-01-01; whether the text has no time of day, or a zero one.
    Day {
        days: i64,
        midnight: bool,
    },
    Infinity,
    NegativeInfinity,
}

/// A text that timestamp takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimestampText {
    /// Days since 1970-01-01 and microseconds since midnight, the offset not applied; whether there are finer digits.
    Instant {
        days: i64,
        micros: i64,
        finer: bool,
        offset_seconds: Option<i64>,
    },
    Infinity,
    NegativeInfinity,
}

pub(crate) fn parse_date(text: &str) -> Option<DateText> {
    match parse_timestamp(text)? {
        TimestampText::Infinity => Some(DateText::Infinity),
        TimestampText::NegativeInfinity => Some(DateText::NegativeInfinity),
        // A date has no place on the clock, so one with an offset means something else.
        TimestampText::Instant { offset_seconds: Some(1..=i64::MAX | i64::MIN..=-1), .. } => None,
        TimestampText::Instant { days, micros, finer, offset_seconds: Some(0) | None } => {
            Some(DateText::Day { days, midnight: !finer && micros == 0 })
        }
    }
}

/// Microseconds since midnight, and whether there are finer digits.
pub(crate) fn parse_time(text: &str) -> Option<(i64, bool)> {
    let mut cursor = Cursor(text.trim_ascii().as_bytes());
    let time = cursor.time()?;
    cursor.0.is_empty().then_some(time)
}

pub(crate) fn parse_timestamp(text: &str) -> Option<TimestampText> {
    let text = text.trim_ascii();
    if text.eq_ignore_ascii_case("infinity") || text.eq_ignore_ascii_case("+infinity") {
        return Some(TimestampText::Infinity);
    }
    if text.eq_ignore_ascii_case("-infinity") {
        return Some(TimestampText::NegativeInfinity);
    }
    let mut cursor = Cursor(text.as_bytes());
    let (year, month, day) = cursor.date()?;
    let (mut micros, mut finer, mut offset_seconds) = (0, false, None);
    let mut rest = Cursor(cursor.0);
    if (rest.take(b' ') || rest.take(b'T') || rest.take(b't')) && rest.0.first().is_some_and(u8::is_ascii_digit) {
        cursor = rest;
        (micros, finer) = cursor.time()?;
        offset_seconds = cursor.offset()?;
    }
    let year = match cursor.0.trim_ascii_start() {
        [] => year,
        era if era.eq_ignore_ascii_case(b"bc") => 1 - year,
        era if era.eq_ignore_ascii_case(b"ad") => year,
        [_, ..] => return None,
    };
    if day > days_in_month(year, month) {
        return None;
    }
    Some(TimestampText::Instant { days: days_of(year, month, day), micros, finer, offset_seconds })
}

/// What is left of a text.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// A number of `min` to `max` digits; all digits there are.
    fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length < min || length > max {
            return None;
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    }

    fn number_up_to(&mut self, limit: i64) -> Option<i64> {
        self.number(1, 2).filter(|number| *number <= limit)
    }

    fn date(&mut self) -> Option<(i64, i64, i64)> {
        let year = self.number(4, YEAR_DIGITS_MAX).filter(|year| *year > 0)?;
        let month = self.take(b'-').then(|| self.number_up_to(12))?.filter(|month| *month > 0)?;
        let day = self.take(b'-').then(|| self.number_up_to(31))?.filter(|day| *day > 0)?;
        Some((year, month, day))
    }

    fn time(&mut self) -> Option<(i64, bool)> {
        let hours = self.number_up_to(24)?;
        let minutes = self.take(b':').then(|| self.number_up_to(59))??;
        let seconds = if self.take(b':') { self.number_up_to(59)? } else { 0 };
        let (fraction, finer) = if self.take(b'.') { self.fraction() } else { (0, false) };
        let micros = ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + fraction;
        (micros < MICROS_PER_DAY || (micros == MICROS_PER_DAY && !finer)).then_some((micros, finer))
    }

    /// Microseconds, and whether a digit past them is not zero.
    fn fraction(&mut self) -> (i64, bool) {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        let digit = |at: u32| digits.get(at as usize).map_or(0, |digit| i64::from(digit - b'0'));
        let micros = (0..MICRO_DIGITS).fold(0, |sum, at| sum * 10 + digit(at));
        (micros, digits.iter().skip(MICRO_DIGITS as usize).any(|digit| *digit != b'0'))
    }

    /// Seconds east of UTC, where the text has an offset; None for one that can't be read.
    #[expect(clippy::option_option, reason = "no offset and a broken one differ")]
    fn offset(&mut self) -> Option<Option<i64>> {
        let rest = self.0.trim_ascii_start();
        let sign = match rest {
            [b'Z' | b'z', rest @ ..] => {
                self.0 = rest;
                return Some(Some(0));
            }
            [b'U', b'T', b'C', rest @ ..] => {
                self.0 = rest;
                return Some(Some(0));
            }
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            [..] => return Some(None),
        };
        self.0 = &rest[1..];
        let compact = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count() == 4;
        let number = self.number(1, 4)?;
        let (hours, minutes) = match compact {
            true => (number / 100, number % 100),
            false => (number, if self.take(b':') { self.number_up_to(59)? } else { 0 }),
        };
        let seconds = if self.take(b':') { self.number_up_to(59)? } else { 0 };
        if hours > OFFSET_HOURS_MAX || minutes > 59 {
            return None;
        }
        let seconds = (hours * 60 + minutes) * 60 + seconds;
        Some(Some(sign * seconds))
    }
}

/// Appends a date as Postgres prints it.
pub(crate) fn write_date(days: i64, text: &mut String) {
    let before_christ = write_day(days, text);
    if before_christ {
        text.push_str(" BC");
    }
}

/// Appends a timestamp as Postgres prints it; an instant with the offset of UTC.
pub(crate) fn write_timestamp(count: i64, clock: Clock, text: &mut String) {
    let per_day = SECONDS_PER_DAY * units_per_second(clock.unit);
    let before_christ = write_day(count.div_euclid(per_day), text);
    text.push(' ');
    write_time(count.rem_euclid(per_day), clock.unit, text);
    if clock.zoned {
        text.push_str("+00");
    }
    if before_christ {
        text.push_str(" BC");
    }
}

/// Appends a time of day, trailing zeros of the fraction left out.
pub(crate) fn write_time(count: i64, unit: TimeUnit, text: &mut String) {
    let per_second = units_per_second(unit);
    let (seconds, fraction) = (count.div_euclid(per_second), count.rem_euclid(per_second));
    append(text, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    if fraction != 0 {
        let width = per_second.ilog10() as usize;
        append(text, format_args!(".{fraction:0width$}"));
        text.truncate(text.trim_end_matches('0').len());
    }
}

/// Whether the year is before Christ, which Postgres says behind the time of day.
fn write_day(days: i64, text: &mut String) -> bool {
    let (year, month, day) = civil_of(days);
    let before_christ = year <= 0;
    let year = if before_christ { 1 - year } else { year };
    append(text, format_args!("{year:04}-{month:02}-{day:02}"));
    before_christ
}
