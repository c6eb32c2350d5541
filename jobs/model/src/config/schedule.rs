//! When jobs run by themselves, and which change files a run looks for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{DAY, DurationText, HOUR, duration_setting};
use super::fault::Report;
use super::path::{Path, shown};
use super::suggest::did_you_mean;

/// A missed run is worth catching up with for as long as the files it would read are surely still looked for.
const CATCH_UP_DEFAULT: Duration = HOUR.saturating_mul(6);

/// Longer gaps are for a backfill, which somebody decides on.
const CATCH_UP_MAX: Duration = DAY.saturating_mul(31);

const AHEAD_DEFAULT: Duration = HOUR;
const LOOK_BACK_DEFAULT: Duration = HOUR.saturating_mul(5);

/// Listing more than a year at every run would cost more than the run.
const WINDOW_MAX: Duration = DAY.saturating_mul(366);

/// The instant from which a schedule must have a next run, to tell `0 0 30 2 *` from one that happens: 2024-01-01, a leap year.
const CRON_PROBE_UNIX_SECONDS: i64 = 1_704_067_200;

/// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(example = "*/20 * * * *", example = "0 3 * * *")]
pub(crate) struct CronText(pub(crate) String);

/// When a job runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleShape {
    /// The times, as a cron expression of five fields.
    cron: CronText,
    /// The time zone of the cron expression. Default: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// How long after its time a missed run is still started. Default: 6h.
    #[serde(skip_serializing_if = "Option::is_none")]
    catch_up: Option<DurationText>,
}

/// Which change files a run looks for, around the run's logical time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowShape {
    /// How far after the run's time. Default: 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<DurationText>,
    /// How far before the run's time. Default: 5h.
    #[serde(skip_serializing_if = "Option::is_none")]
    look_back: Option<DurationText>,
}

/// A cron expression that is valid and happens. Two of them are equal when they are written alike.
#[derive(Debug, Clone)]
pub struct CronExpression {
    text: String,
    cron: Box<Cron>,
}

impl CronExpression {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parsed expression, for the next and the previous time.
    pub fn cron(&self) -> &Cron {
        &self.cron
    }
}

impl PartialEq for CronExpression {
    fn eq(&self, other: &CronExpression) -> bool {
        self.text == other.text
    }
}

impl Eq for CronExpression {}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not a schedule.
#[derive(Debug, thiserror::Error)]
pub enum CronExpressionError {
    #[error("{} is not a cron expression", shown(text))]
    Syntax { text: String, source: croner::errors::CronError },
    #[error("{} never happens", shown(text))]
    Never { text: String },
}

impl FromStr for CronExpression {
    type Err = CronExpressionError;

    fn from_str(text: &str) -> Result<CronExpression, CronExpressionError> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = match parser.parse(&text) {
            Ok(cron) => cron,
            Err(source) => return Err(CronExpressionError::Syntax { text, source }),
        };
        let probe = DateTime::<Utc>::from_timestamp(CRON_PROBE_UNIX_SECONDS, 0).expect("2024 is within chrono's range");
        match cron.find_next_occurrence(&probe, true) {
            Ok(_) => Ok(CronExpression { text, cron: Box::new(cron) }),
            Err(_) => Err(CronExpressionError::Never { text }),
        }
    }
}

/// When a job runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub cron: CronExpression,
    pub timezone: Tz,
    /// How long after its time a missed run is still started.
    pub catch_up: Duration,
}

/// Which change files a run looks for: from `look_back` before to `ahead` after the run's logical time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub ahead: Duration,
    pub look_back: Duration,
}

impl Default for Window {
    fn default() -> Window {
        Window { ahead: AHEAD_DEFAULT, look_back: LOOK_BACK_DEFAULT }
    }
}

impl ScheduleShape {
    pub(crate) fn convert(&self, at: &Path, report: &mut Report<'_>) -> Option<Schedule> {
        let cron = cron_setting(&self.cron, &at.key("cron"), report);
        let timezone = timezone_setting(self.timezone.as_deref(), &at.key("timezone"), report);
        let bounds = Duration::ZERO..=CATCH_UP_MAX;
        let catch_up = duration_setting(self.catch_up.as_ref(), CATCH_UP_DEFAULT, bounds, &at.key("catch_up"), report);
        Some(Schedule { cron: cron?, timezone: timezone?, catch_up })
    }
}

pub(crate) fn cron_setting(text: &CronText, at: &Path, report: &mut Report<'_>) -> Option<CronExpression> {
    match text.0.parse::<CronExpression>() {
        Ok(cron) => Some(cron),
        Err(error) => {
            let hint = match &error {
                CronExpressionError::Syntax { .. } => "five fields are expected, as `*/20 * * * *`",
                CronExpressionError::Never { .. } => "no day fits both the day of the month and the month",
            };
            report.add_with_hint(at, error.to_string(), hint);
            None
        }
    }
}

fn timezone_setting(name: Option<&str>, at: &Path, report: &mut Report<'_>) -> Option<Tz> {
    let Some(name) = name else { return Some(Tz::UTC) };
    if let Ok(timezone) = name.parse::<Tz>() {
        return Some(timezone);
    }
    let message = format!("there is no time zone {}", shown(name));
    match did_you_mean(name, chrono_tz::TZ_VARIANTS.iter().map(|timezone| timezone.name())) {
        Some(hint) => report.add_with_hint(at, message, hint),
        None => report.add_with_hint(at, message, "for example `UTC` or `Europe/Berlin`"),
    }
    None
}

impl WindowShape {
    /// The window; what is left out is taken from `defaults`.
    pub(crate) fn convert(&self, defaults: Window, at: &Path, report: &mut Report<'_>) -> Window {
        let mut side = |text: Option<&DurationText>, default: Duration, key: &str| {
            duration_setting(text, default, Duration::ZERO..=WINDOW_MAX, &at.key(key), report)
        };
        Window {
            ahead: side(self.ahead.as_ref(), defaults.ahead, "ahead"),
            look_back: side(self.look_back.as_ref(), defaults.look_back, "look_back"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_fields_that_happen_are_a_schedule() {
        for text in ["*/20 * * * *", "0 3 * * *", " 0  3 * * MON-FRI ", "0 0 29 2 *", "@daily", "0 0 L * *"] {
            let cron: CronExpression = text.parse().unwrap();
            assert_eq!(cron, cron.as_str().parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_schedule() {
        for text in ["", "* * * *", "61 * * * *", "0 0 3 * * *", "every hour", "0 25 * * *"] {
            assert!(matches!(text.parse::<CronExpression>(), Err(CronExpressionError::Syntax { .. })), "{text}");
        }
        for text in ["0 0 30 2 *", "0 0 31 4 *"] {
            assert!(matches!(text.parse::<CronExpression>(), Err(CronExpressionError::Never { .. })), "{text}");
        }
    }
}
