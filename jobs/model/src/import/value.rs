//! Single values: texts, numbers, spans of time, time zones, schedules.
//!
//! # Invariants
//! - No fault repeats a text that may be a URL with a password; none is taken over either.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;

use super::fields::{Given, in_words};
use super::spelling::folded;
use crate::config::document::Node;
use crate::config::duration::{DAY, HOUR, MINUTE, SECOND};
use crate::config::fault::Report;
use crate::config::path::shown;
use crate::config::suggest::did_you_mean;
use crate::config::{CronExpression, parse_duration};

/// The longest span that is read: more is a slip of the unit, and would overflow sums with instants.
const SPAN_SECONDS_MAX: f64 = 10.0 * 366.0 * 86_400.0;

/// What a number without a unit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanUnit {
    Minutes,
    Hours,
}

impl SpanUnit {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            SpanUnit::Minutes => "minutes",
            SpanUnit::Hours => "hours",
        }
    }

    fn length(self) -> Duration {
        match self {
            SpanUnit::Minutes => MINUTE,
            SpanUnit::Hours => HOUR,
        }
    }
}

/// Whether a span said its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpanForm {
    /// A number: the unit is the reader's.
    Bare,
    /// `20m`, `{"minutes": 20}`, `00:20:00`.
    WithUnit,
}

/// A length of time, and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) length: Duration,
    pub(super) form: SpanForm,
}

impl Span {
    /// The length as a number of units.
    pub(super) fn in_unit(self, unit: SpanUnit) -> String {
        let count = self.length.as_secs_f64() / unit.length().as_secs_f64();
        let word = if self.length == unit.length() { unit.as_str().trim_end_matches('s') } else { unit.as_str() };
        format!("{} {word}", (count * 100.0).round() / 100.0)
    }
}

/// A text that isn't empty; numbers are taken for their digits.
pub(super) fn text(given: Given<&Node>, report: &mut Report<'_>) -> Option<Given<String>> {
    let value = match given.value {
        Node::Text(text) => text.trim().to_owned(),
        Node::Integer(number) => number.to_string(),
        Node::Null | Node::Bool(_) | Node::Float(_) | Node::List(_) | Node::Map(_) => {
            report.add(&given.at, format!("text is expected here, not {}", in_words(given.value)));
            return None;
        }
    };
    if value.is_empty() {
        report.add(&given.at, "the text is empty");
        return None;
    }
    if may_hold_a_password(&value) {
        report.add_with_hint(
            &given.at,
            "this looks like the address of a database; it may hold a password, and is not taken over",
            "name the Airflow connection by its id",
        );
        return None;
    }
    Some(Given { value, at: given.at })
}

fn may_hold_a_password(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    (text.contains("://") && text.contains('@')) || text.contains("password=") || text.contains("pwd=")
}

/// One text, a list of them, or several with commas between them.
pub(super) fn texts(given: Given<&Node>, report: &mut Report<'_>) -> Option<Given<Vec<String>>> {
    let at = given.at.clone();
    let value = match given.value {
        Node::List(items) => {
            let read = items
                .iter()
                .enumerate()
                .map(|(index, item)| text(Given { value: item, at: at.index(index) }, report).map(|item| item.value));
            read.collect::<Vec<_>>().into_iter().collect::<Option<Vec<String>>>()?
        }
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) | Node::Text(_) | Node::Map(_) => {
            let list = text(given, report)?.value;
            list.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
        }
    };
    if value.is_empty() {
        report.add(&at, "the list is empty");
        return None;
    }
    Some(Given { value, at })
}

/// A whole number of at least `least`; as text too.
pub(super) fn whole(given: Given<&Node>, least: i64, report: &mut Report<'_>) -> Option<Given<i64>> {
    let number = match given.value {
        Node::Integer(number) => i64::try_from(*number).ok(),
        Node::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        Node::Text(text) => text.trim().parse::<i64>().ok(),
        Node::Null | Node::Bool(_) | Node::Float(_) | Node::List(_) | Node::Map(_) => None,
    };
    match number.filter(|number| *number >= least) {
        Some(value) => Some(Given { value, at: given.at }),
        None => {
            report.add(&given.at, format!("a whole number from {least} on is expected here"));
            None
        }
    }
}

/// A length of time: a number in `unit`, `20m`, `1h30m`, `00:20:00`, or `{"hours": 1, "minutes": 30}`.
pub(super) fn span(given: Given<&Node>, unit: SpanUnit, report: &mut Report<'_>) -> Option<Given<Span>> {
    let hint = || format!("write a number of {}, or `90s`, `20m`, `6h`", unit.as_str());
    match read_span(given.value, unit) {
        Some(value) => Some(Given { value, at: given.at }),
        None => {
            let message = match given.value {
                Node::Text(text) => format!("{} is not a length of time", shown(text)),
                Node::Integer(number) => format!("{number} {} is not a length of time", unit.as_str()),
                Node::Float(number) => format!("{number} {} is not a length of time", unit.as_str()),
                Node::Null | Node::Bool(_) | Node::List(_) | Node::Map(_) => {
                    format!("a length of time is expected here, not {}", in_words(given.value))
                }
            };
            report.add_with_hint(&given.at, message, hint());
            None
        }
    }
}

fn read_span(node: &Node, unit: SpanUnit) -> Option<Span> {
    let bare =
        |number: f64| Some(Span { length: seconds(number * unit.length().as_secs_f64())?, form: SpanForm::Bare });
    let with_unit = |length| Span { length, form: SpanForm::WithUnit };
    match node {
        Node::Integer(number) => bare(*number as f64),
        Node::Float(number) => bare(*number),
        Node::Text(text) => {
            let text = text.trim();
            match text.parse::<f64>() {
                Ok(number) => bare(number),
                Err(_) => parse_duration(text).ok().or_else(|| clock_span(text)).map(with_unit),
            }
        }
        Node::Map(members) => timedelta(members).map(with_unit),
        Node::Null | Node::Bool(_) | Node::List(_) => None,
    }
}

/// As Python writes a `timedelta`: `1:30:00`.
fn clock_span(text: &str) -> Option<Duration> {
    let parts: Vec<u64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [hours, minutes, rest] if minutes < 60 && rest < 60 => seconds((hours * 3_600 + minutes * 60 + rest) as f64),
        _ => None,
    }
}

/// The arguments of a `timedelta`.
fn timedelta(members: &[(String, Node)]) -> Option<Duration> {
    let units: BTreeMap<&str, Duration> =
        [("weeks", 7 * DAY), ("days", DAY), ("hours", HOUR), ("minutes", MINUTE), ("seconds", SECOND)].into();
    let mut sum = 0.0;
    for (name, node) in members {
        let count = match node {
            Node::Integer(count) => *count as f64,
            Node::Float(count) => *count,
            Node::Null | Node::Bool(_) | Node::Text(_) | Node::List(_) | Node::Map(_) => return None,
        };
        sum += count * units.get(folded(name).as_str())?.as_secs_f64();
    }
    if members.is_empty() { None } else { seconds(sum) }
}

/// To the second: that is as fine as any schedule here.
fn seconds(count: f64) -> Option<Duration> {
    (0.0..=SPAN_SECONDS_MAX).contains(&count).then(|| Duration::from_secs(count.round() as u64))
}

/// A time zone by its name.
pub(super) fn timezone(given: Given<&Node>, report: &mut Report<'_>) -> Option<Given<Tz>> {
    let name = text(given, report)?;
    match name.value.parse::<Tz>() {
        Ok(value) => Some(Given { value, at: name.at }),
        Err(_) => {
            let hint = did_you_mean(&name.value, chrono_tz::TZ_VARIANTS.iter().map(|timezone| timezone.name()));
            let hint = hint.unwrap_or_else(|| "for example `UTC` or `Europe/Berlin`".to_owned());
            report.add_with_hint(&name.at, format!("there is no time zone {}", shown(&name.value)), hint);
            None
        }
    }
}

/// What Airflow takes for a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Schedule {
    /// A cron expression of five fields.
    Cron(CronExpression),
    /// A preset, with what it stands for.
    Preset { name: String, cron: CronExpression },
    /// `None`, `@once`, `@continuous`: nothing that a cron expression could say.
    None { name: String },
}

/// What Airflow's presets stand for.
const PRESETS: [(&str, &str); 8] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@quarterly", "0 0 1 */3 *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Presets that no cron expression stands for.
const UNSCHEDULED: [&str; 3] = ["@once", "@continuous", "none"];

/// A schedule.
pub(super) fn schedule(given: Given<&Node>, report: &mut Report<'_>) -> Option<Given<Schedule>> {
    let written = text(given, report)?;
    let word = written.value.to_ascii_lowercase();
    if UNSCHEDULED.contains(&word.as_str()) {
        return Some(Given { value: Schedule::None { name: written.value }, at: written.at });
    }
    if let Some((_, meaning)) = PRESETS.iter().find(|(name, _)| *name == word) {
        let cron = meaning.parse().expect("the meanings of presets are cron expressions");
        return Some(Given { value: Schedule::Preset { name: written.value, cron }, at: written.at });
    }
    match written.value.parse::<CronExpression>() {
        Ok(cron) => Some(Given { value: Schedule::Cron(cron), at: written.at }),
        Err(error) => {
            let hint = "five fields are expected, as `*/20 * * * *`, or a preset, as `@daily`";
            report.add_with_hint(&written.at, error.to_string(), hint);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::Lines;
    use crate::config::path::Path;

    fn node(json: &str) -> Node {
        serde_json::from_str(json).unwrap()
    }

    fn given(node: &Node) -> Given<&Node> {
        Given { value: node, at: Path::root().index(0) }
    }

    #[test]
    fn spans_are_read_in_every_form() {
        let cases = [
            ("1", SpanUnit::Hours, 3_600, SpanForm::Bare),
            ("0.5", SpanUnit::Hours, 1_800, SpanForm::Bare),
            ("\"5\"", SpanUnit::Hours, 18_000, SpanForm::Bare),
            ("10", SpanUnit::Minutes, 600, SpanForm::Bare),
            ("0", SpanUnit::Minutes, 0, SpanForm::Bare),
            ("\"20m\"", SpanUnit::Hours, 1_200, SpanForm::WithUnit),
            ("\"1:30:00\"", SpanUnit::Minutes, 5_400, SpanForm::WithUnit),
            ("{\"hours\": 1, \"minutes\": 30}", SpanUnit::Minutes, 5_400, SpanForm::WithUnit),
        ];
        let lines = Lines::default();
        for (json, unit, seconds, form) in cases {
            let mut report = Report::new(&lines);
            let span = span(given(&node(json)), unit, &mut report).unwrap().value;
            assert_eq!((span.length.as_secs(), span.form), (seconds, form), "{json}");
            assert!(report.is_clean());
        }
    }

    #[test]
    fn values_that_mean_nothing_are_refused_with_their_place() {
        let lines = Lines::default();
        let spans = ["-1", "1e300", "\"soon\"", "\"NaN\"", "true", "[]", "{}", "{\"hour\": 1}", "\"0:99:00\""];
        for json in spans {
            let mut report = Report::new(&lines);
            assert_eq!(span(given(&node(json)), SpanUnit::Hours, &mut report), None, "{json}");
            assert_eq!(report.into_faults().0[0].path, "[0]", "{json}");
        }
        for json in ["\"\"", "1.5", "null", "[\"a\"]"] {
            let mut report = Report::new(&lines);
            assert_eq!(text(given(&node(json)), &mut report), None, "{json}");
            assert_eq!(report.into_faults().0.len(), 1, "{json}");
        }
        for json in ["-1", "1.5", "\"many\"", "true"] {
            let mut report = Report::new(&lines);
            assert_eq!(whole(given(&node(json)), 0, &mut report), None, "{json}");
        }
    }

    #[test]
    fn urls_with_users_are_neither_taken_over_nor_repeated() {
        let lines = Lines::default();
        let mut report = Report::new(&lines);
        assert_eq!(text(given(&node("\"postgres://u:s3cret@h/d\"")), &mut report), None);
        assert!(!report.into_faults().to_string().contains("s3cret"));
    }

    #[test]
    fn presets_of_airflow_have_the_meaning_they_have_there() {
        let lines = Lines::default();
        let mut report = Report::new(&lines);
        let mut read = |text: &str| schedule(given(&Node::Text(text.to_owned())), &mut report).map(|given| given.value);
        assert!(matches!(read("@quarterly"), Some(Schedule::Preset { cron, .. }) if cron.as_str() == "0 0 1 */3 *"));
        assert!(matches!(read("@once"), Some(Schedule::None { .. })));
        assert!(matches!(read("None"), Some(Schedule::None { .. })));
        assert!(matches!(read(" */20 * * * *"), Some(Schedule::Cron(cron)) if cron.as_str() == "*/20 * * * *"));
        assert_eq!(read("61 * * * *"), None);
        assert_eq!(read("@dayly"), None);
    }
}
