//! Durations as they are written: `90s`, `20m`, `6h`, `1d`, `1h30m`.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Report;
use super::path::{Path, shown};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Ten years and some: no setting means more, and sums with instants stay within their range.
const DURATION_MAX: Duration = Duration::from_secs(4_000 * 24 * 60 * 60);

/// The units, longest first, with their milliseconds.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A length of time: whole numbers with a unit (`ms`, `s`, `m`, `h`, `d`, `w`), several of them added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(example = "20m", example = "1h30m", extend("pattern" = r"^([0-9]+(ms|s|m|h|d|w))+$"))]
pub(crate) struct DurationText(pub(crate) String);

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("{} is not a duration", shown(text))]
    Shape { text: String },
    #[error("{} has no unit that is known: `ms`, `s`, `m`, `h`, `d` or `w`", shown(text))]
    Unit { text: String },
    #[error("{} is longer than {} days", shown(text), DURATION_MAX.as_secs() / 86_400)]
    TooLong { text: String },
}

/// Reads a duration, as `1h30m`.
///
/// # Errors
/// When the text is no sequence of whole numbers, each with a unit, or means more than 4,000 days.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let mut sum = 0_u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(DurationError::Shape { text: text.to_owned() });
    }
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        if digits.is_empty() {
            return Err(DurationError::Shape { text: text.to_owned() });
        }
        let (unit, next) = after.split_at(after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len()));
        let Some((_, unit_millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(DurationError::Unit { text: text.to_owned() });
        };
        sum = digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(*unit_millis))
            .and_then(|millis| millis.checked_add(sum))
            .filter(|millis| u128::from(*millis) <= DURATION_MAX.as_millis())
            .ok_or_else(|| DurationError::TooLong { text: text.to_owned() })?;
        rest = next;
    }
    Ok(Duration::from_millis(sum))
}

/// A duration in the form that [`parse_duration`] reads, in the largest units: `1h30m`.
pub fn display_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, millis) in UNITS.into_iter().filter(|(unit, _)| *unit != "w") {
        if rest >= millis {
            text.push_str(&format!("{}{unit}", rest / millis));
            rest %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// The setting's duration, or its default; a duration that is none, or out of bounds, is reported.
pub(crate) fn duration_setting(
    text: Option<&DurationText>,
    default: Duration,
    bounds: RangeInclusive<Duration>,
    at: &Path,
    report: &mut Report<'_>,
) -> Duration {
    let Some(DurationText(text)) = text else { return default };
    match parse_duration(text) {
        Ok(duration) if bounds.contains(&duration) => duration,
        Ok(duration) => {
            let (least, most) = (display_duration(*bounds.start()), display_duration(*bounds.end()));
            report.add(at, format!("{} is outside of {least} to {most}", display_duration(duration)));
            default
        }
        Err(error) => {
            report.add_with_hint(at, error.to_string(), "write it as `90s`, `20m`, `6h` or `1d`");
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_written() {
        let cases = [
            ("90s", 90_000),
            ("20m", 1_200_000),
            ("6h", 21_600_000),
            ("1d", 86_400_000),
            ("2w", 1_209_600_000),
            ("250ms", 250),
            ("1h30m", 5_400_000),
            ("0s", 0),
            (" 5m ", 300_000),
        ];
        for (text, millis) in cases {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(parse_duration(&display_duration(duration)), Ok(duration), "{text}");
        }
        assert_eq!(display_duration(Duration::from_secs(5_400)), "1h30m");
    }

    #[test]
    fn texts_that_are_no_durations_are_refused() {
        for text in ["", "m", "-5m", "h1", "٣s"] {
            assert_eq!(parse_duration(text), Err(DurationError::Shape { text: text.to_owned() }));
        }
        for text in ["30", "5 m", "1.5h", "5min", "1y", "1M", "1h30"] {
            assert_eq!(parse_duration(text), Err(DurationError::Unit { text: text.to_owned() }));
        }
        for text in ["4001d", "99999999999999999999s", "18446744073709551615w"] {
            assert_eq!(parse_duration(text), Err(DurationError::TooLong { text: text.to_owned() }));
        }
    }
}
