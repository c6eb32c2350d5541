//! Decimal numbers as text, of any length: parsed in place, asked for digits, rounded.
//!
//! # Invariants
//! - Parsing takes what Postgres's numeric takes: sign, digits, point, exponent, `NaN`, infinities, spaces around.
//! - Only rounding copies digits.

use super::misfit::{Fit, Misfit};

const DIGITS_PER_GROUP: i64 = 4;
/// Exponents past this are cut to it: no database holds such numbers, and sums can't overflow.
const EXPONENT_MAX: i64 = 1_000_000_000;
/// Whole numbers of more digits are past every integer type.
const WHOLE_DIGITS_MAX: i64 = 38;

/// What Postgres holds in an unlimited numeric.
pub(crate) const UNLIMITED_WHOLE_DIGITS_MAX: i64 = 131_072;
pub(crate) const UNLIMITED_SCALE_MAX: i64 = 16_383;

/// A text that numeric takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NumericText<'a> {
    Number(DecimalText<'a>),
    NotANumber,
    Infinity { negative: bool },
}

/// `±0.digits × 10^point`, the digits lying in two pieces of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecimalText<'a> {
    negative: bool,
    /// ASCII digits before the point, and behind it.
    before: &'a [u8],
    behind: &'a [u8],
    /// How many digits stand before the point once the exponent is applied; may be negative.
    point: i64,
    /// First and last digit that is not zero; none in zero.
    significant: Option<(i64, i64)>,
}

/// Digits of a number that was rounded.
#[derive(Debug)]
pub(crate) struct Rounded {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl<'a> NumericText<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<NumericText<'a>, Misfit> {
        let bytes = text.trim_ascii().as_bytes();
        let (negative, unsigned) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            [..] => (false, bytes),
        };
        if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
            return Ok(NumericText::Infinity { negative });
        }
        if bytes.eq_ignore_ascii_case(b"nan") {
            return Ok(NumericText::NotANumber);
        }
        let malformed = Misfit::Malformed { what: "a number" };
        let (before, rest) = split_digits(unsigned);
        let (behind, rest) = match rest {
            [b'.', rest @ ..] => split_digits(rest),
            [..] => (&rest[..0], rest),
        };
        if before.is_empty() && behind.is_empty() {
            return Err(malformed);
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => parse_exponent(rest).ok_or(malformed)?,
            [..] => return Err(malformed),
        };
        Ok(NumericText::Number(DecimalText::of_parts(negative, before, behind, exponent)))
    }
}

/// ASCII digits at the start, and what follows them.
fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    bytes.split_at(end)
}

fn parse_exponent(bytes: &[u8]) -> Option<i64> {
    let (sign, digits) = match bytes {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        [..] => (1, bytes),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: i64, digit: &u8| (sum * 10 + i64::from(digit - b'0')).min(EXPONENT_MAX);
    Some(sign * digits.iter().fold(0, add))
}

impl<'a> DecimalText<'a> {
    /// `±digits × 10^exponent`.
    pub(crate) fn new(negative: bool, digits: &'a [u8], exponent: i64) -> DecimalText<'a> {
        DecimalText::of_parts(negative, digits, &[], exponent)
    }

    fn of_parts(negative: bool, before: &'a [u8], behind: &'a [u8], exponent: i64) -> DecimalText<'a> {
        let point = before.len() as i64 + exponent;
        let mut number = DecimalText { negative, before, behind, point, significant: None };
        let length = number.length();
        let first = (0..length).find(|at| number.digit(*at) != 0);
        let last = (0..length).rev().find(|at| number.digit(*at) != 0);
        number.significant = first.zip(last);
        number
    }

    fn length(&self) -> i64 {
        (self.before.len() + self.behind.len()) as i64
    }

    /// The digit at an index, counted from the first one written.
    fn digit(&self, at: i64) -> u16 {
        let at = at as usize;
        let ascii = match at.checked_sub(self.before.len()) {
            None => self.before[at],
            Some(at) => self.behind[at],
        };
        u16::from(ascii - b'0')
    }

    /// False for zero, which has no sign.
    pub(crate) fn is_negative(&self) -> bool {
        self.negative && self.significant.is_some()
    }

    /// Digits before the point without leading zeros; zero or less when there are none.
    pub(crate) fn whole_digits(&self) -> i64 {
        self.significant.map_or(i64::MIN, |(first, _)| self.point - first)
    }

    /// Decimals that are needed to write the number: less than zero when it ends in zeros before the point.
    pub(crate) fn decimals(&self) -> i64 {
        self.significant.map_or(i64::MIN, |(_, last)| last + 1 - self.point)
    }

    /// Decimals as written, trailing zeros among them.
    pub(crate) fn display_scale(&self) -> i64 {
        (self.length() - self.point).max(0)
    }

    /// The weights of the first and last group of four digits that is not zero; none for zero.
    pub(crate) fn group_weights(&self) -> Option<(i64, i64)> {
        let weight = |at: i64| -(at - self.point).div_euclid(DIGITS_PER_GROUP) - 1;
        self.significant.map(|(first, last)| (weight(first), weight(last)))
    }

    /// The four digits that count 10,000^weight.
    pub(crate) fn group(&self, weight: i64) -> u16 {
        let start = self.point - DIGITS_PER_GROUP * (weight + 1);
        let written = 0..self.length();
        let digit = |at: i64| if written.contains(&at) { self.digit(at) } else { 0 };
        (start..start + DIGITS_PER_GROUP).fold(0, |group, at| group * 10 + digit(at))
    }

    /// The number times ten to the power of `places`.
    pub(crate) fn times_power_of_ten(self, places: i64) -> DecimalText<'a> {
        DecimalText { point: self.point + places, ..self }
    }

    /// Rounds half away from zero to so many decimals, fewer than it has.
    pub(crate) fn round(&self, decimals: i64) -> Rounded {
        let nothing = Rounded { negative: false, digits: Vec::new(), exponent: -decimals };
        let Some((first, _)) = self.significant else { return nothing };
        // Index of the first digit that goes; it decides.
        let end = self.point + decimals;
        if end < first {
            return nothing;
        }
        let mut digits: Vec<u8> = (first..end).map(|at| b'0' + self.digit(at) as u8).collect();
        if self.digit(end) >= 5 {
            increment(&mut digits);
        }
        Rounded { negative: self.negative, digits, exponent: -decimals }
    }

    /// The number as an integer; past i128, its limit.
    pub(crate) fn to_integer(self, fit: Fit) -> Result<i128, Misfit> {
        if self.decimals() > 0 {
            return match fit {
                Fit::Exact => Err(Misfit::TooFine { digits: 0 }),
                Fit::Nearest => self.round(0).as_text().to_integer(fit),
            };
        }
        if self.whole_digits() > WHOLE_DIGITS_MAX {
            return Ok(if self.negative { i128::MIN } else { i128::MAX });
        }
        let Some((first, last)) = self.significant else { return Ok(0) };
        let digits = (first..=last).fold(0i128, |sum, at| sum * 10 + i128::from(self.digit(at)));
        let zeros = u32::try_from(-self.decimals()).expect("a whole number of at most 38 digits ends in as many zeros");
        let magnitude = digits * 10i128.pow(zeros);
        Ok(if self.negative { -magnitude } else { magnitude })
    }
}

/// Adds one to the last digit.
fn increment(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

impl Rounded {
    pub(crate) fn as_text(&self) -> DecimalText<'_> {
        DecimalText::new(self.negative, &self.digits, self.exponent)
    }
}

/// Whether a text is a number that an unlimited numeric takes with all the decimals it is written with.
pub(crate) fn is_within_unlimited(text: &str) -> bool {
    match NumericText::parse(text) {
        Ok(NumericText::Number(number)) => {
            number.whole_digits() <= UNLIMITED_WHOLE_DIGITS_MAX && number.display_scale() <= UNLIMITED_SCALE_MAX
        }
        Ok(NumericText::NotANumber | NumericText::Infinity { .. }) | Err(_) => false,
    }
}
