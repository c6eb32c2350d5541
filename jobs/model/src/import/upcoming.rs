//! The next runs of a schedule.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::config::CronExpression;

/// How many are shown: enough to see whether the expression means what it should.
const RUNS_SHOWN: usize = 5;

/// A schedule, and when it runs next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upcoming {
    /// `cdc`, or the name of a monitor.
    pub job: String,
    pub cron: String,
    pub timezone: String,
    /// In RFC 3339, with the offset of the time zone at that time.
    pub next: Vec<String>,
}

/// The next runs after `now`, in the schedule's time zone.
pub(super) fn upcoming(job: &str, cron: &CronExpression, timezone: Tz, now: DateTime<Utc>) -> Upcoming {
    let next = cron.cron().iter_after(now.with_timezone(&timezone)).take(RUNS_SHOWN);
    Upcoming {
        job: job.to_owned(),
        cron: cron.to_string(),
        timezone: timezone.name().to_owned(),
        next: next.map(|run| run.to_rfc3339_opts(SecondsFormat::Secs, true)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(cron: &str, timezone: Tz, now: &str) -> Vec<String> {
        upcoming("cdc", &cron.parse().unwrap(), timezone, now.parse().unwrap()).next
    }

    #[test]
    fn runs_are_after_now_and_in_the_time_of_their_zone() {
        assert_eq!(
            next("*/20 * * * *", Tz::UTC, "2026-11-25T13:20:00Z"),
            ["13:40", "14:00", "14:20", "14:40", "15:00"].map(|time| format!("2026-11-25T{time}:00Z"))
        );
        assert_eq!(
            next("0 3 * * MON", Tz::America__Sao_Paulo, "2026-11-25T13:20:00Z"),
            ["11-30", "12-07", "12-14", "12-21", "12-28"].map(|day| format!("2026-{day}T03:00:00-03:00"))
        );
        assert_eq!(next("0 0 29 2 *", Tz::UTC, "2026-11-25T13:20:00Z")[0], "2028-02-29T00:00:00Z");
    }

    #[test]
    fn the_hour_that_daylight_saving_skips_runs_right_after_the_gap() {
        let runs = next("30 2 * * *", Tz::Europe__Berlin, "2026-03-28T12:00:00Z");
        assert_eq!(runs[0], "2026-03-29T03:00:00+02:00");
        assert_eq!(runs[1], "2026-03-30T02:30:00+02:00");
    }
}
