//! The monitors that an entry names: those that follow a CDC run, and those with a schedule of their own.

use super::fields::{Fields, Given, Unknown, in_words};
use super::spelling::{CRON, MONITOR, folded, monitor_words};
use super::value::{Schedule, schedule, text, texts};
use crate::config::document::Node;
use crate::config::fault::Report;
use crate::config::path::{Path, shown};
use crate::config::suggest::did_you_mean;

/// A kind of monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MonitorKind {
    Delay,
    DuplicateRows,
    Updates,
    MissingRows,
}

impl MonitorKind {
    pub(super) const ALL: [MonitorKind; 4] =
        [MonitorKind::Delay, MonitorKind::DuplicateRows, MonitorKind::Updates, MonitorKind::MissingRows];

    /// Its key in the configuration.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            MonitorKind::Delay => "delay",
            MonitorKind::DuplicateRows => "duplicate_rows",
            MonitorKind::Updates => "updates",
            MonitorKind::MissingRows => "missing_rows",
        }
    }

    /// What it is called elsewhere; `monitor` and `monitoring` around it don't matter.
    fn words(self) -> &'static [&'static str] {
        match self {
            MonitorKind::Delay => &["delay", "delays", "replication_delay"],
            MonitorKind::DuplicateRows => {
                &["duplicate_rows", "duplicated_rows", "duplicates", "duplicate", "duplicated"]
            }
            MonitorKind::Updates => &["updates", "update", "updated_rows"],
            MonitorKind::MissingRows => &["missing_rows", "missing_row", "missing"],
        }
    }

    fn of_word(word: &str) -> Option<MonitorKind> {
        let plain = plain(word);
        MonitorKind::ALL.into_iter().find(|kind| kind.words().contains(&plain.as_str()))
    }
}

fn plain(word: &str) -> String {
    let word = folded(word);
    let parts = word.split('_').filter(|part| !matches!(*part, "" | "monitor" | "monitoring" | "monitors"));
    parts.collect::<Vec<_>>().join("_")
}

/// Which of the two lists of an entry names a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MonitorList {
    /// They follow a CDC run, unless they have a schedule all the same.
    AfterCdc,
    /// Each has a schedule of its own.
    Scheduled,
}

/// A monitor that is asked for.
#[derive(Debug)]
pub(super) struct MonitorEntry {
    pub(super) kind: MonitorKind,
    pub(super) at: Path,
    /// None: it follows a CDC run.
    pub(super) schedule: Option<Given<Schedule>>,
    pub(super) unknown: Vec<Unknown>,
}

/// Reads one of the lists: names, objects with a name and perhaps a schedule, or an object from names to schedules.
pub(super) fn read_monitors(given: Given<&Node>, list: MonitorList, report: &mut Report<'_>) -> Vec<MonitorEntry> {
    let at = given.at.clone();
    match given.value {
        Node::List(items) => {
            let each = items.iter().enumerate();
            each.filter_map(|(index, item)| item_of(Given { value: item, at: at.index(index) }, list, report)).collect()
        }
        Node::Map(members) => {
            let each = members.iter();
            each.filter_map(|(name, value)| member_of(name, Given { value, at: at.key(name) }, list, report)).collect()
        }
        Node::Text(_) => {
            let names = texts(given, report).map(|names| names.value).unwrap_or_default();
            names.iter().filter_map(|name| named(name, at.clone(), None, Vec::new(), list, report)).collect()
        }
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) => {
            report.add(&at, format!("a list of monitors is expected here, not {}", in_words(given.value)));
            Vec::new()
        }
    }
}

fn item_of(given: Given<&Node>, list: MonitorList, report: &mut Report<'_>) -> Option<MonitorEntry> {
    let at = given.at.clone();
    if !matches!(given.value, Node::Map(_)) {
        let name = text(given, report)?;
        return named(&name.value, at, None, Vec::new(), list, report);
    }
    let mut fields = Fields::open(given.value, &at, report)?;
    let name = fields.take(MONITOR, report);
    if name.is_none() {
        report.add(&at, "the name of the monitor is missing");
    }
    let cron = fields.take(CRON, report);
    let schedule = cron.map(|cron| schedule(cron, report));
    let name = text(name?, report)?;
    let schedule = match schedule {
        Some(None) => return None, // its fault is reported
        Some(read) => read,
        None => None,
    };
    named(&name.value, at, schedule, fields.unknown(&monitor_words()), list, report)
}

/// `"missing_rows": "0 3 * * *"`, or `"missing_rows": {"cron": "0 3 * * *"}`.
fn member_of(name: &str, given: Given<&Node>, list: MonitorList, report: &mut Report<'_>) -> Option<MonitorEntry> {
    let at = given.at.clone();
    match given.value {
        Node::Null | Node::Bool(true) => named(name, at, None, Vec::new(), list, report),
        Node::Bool(false) => None,
        Node::Map(_) => {
            let mut fields = Fields::open(given.value, &at, report)?;
            let schedule = match fields.take(CRON, report) {
                Some(cron) => Some(schedule(cron, report)?),
                None => None,
            };
            named(name, at, schedule, fields.unknown(&monitor_words()), list, report)
        }
        Node::Integer(_) | Node::Float(_) | Node::Text(_) | Node::List(_) => {
            let schedule = schedule(given, report)?;
            named(name, at, Some(schedule), Vec::new(), list, report)
        }
    }
}

fn named(
    name: &str,
    at: Path,
    schedule: Option<Given<Schedule>>,
    unknown: Vec<Unknown>,
    list: MonitorList,
    report: &mut Report<'_>,
) -> Option<MonitorEntry> {
    let Some(kind) = MonitorKind::of_word(name) else {
        let hint = did_you_mean(&plain(name), MonitorKind::ALL.map(MonitorKind::as_str)).unwrap_or_default();
        report.add_with_hint(&at, format!("there is no monitor {}", shown(name)), hint);
        return None;
    };
    if list == MonitorList::Scheduled && schedule.is_none() && kind != MonitorKind::Delay {
        report.add_with_hint(
            &at,
            "a monitor with a schedule of its own is expected here, and this one has none",
            "write `{\"name\": …, \"cron\": \"0 3 * * *\"}`, or name it among those that follow a CDC run",
        );
        return None;
    }
    Some(MonitorEntry { kind, at, schedule, unknown })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::Lines;

    fn read(json: &str, list: MonitorList) -> (Vec<(MonitorKind, bool)>, String) {
        let lines = Lines::default();
        let mut report = Report::new(&lines);
        let node: Node = serde_json::from_str(json).unwrap();
        let read = read_monitors(Given { value: &node, at: Path::root().index(0).key("monitors") }, list, &mut report);
        let found = read.iter().map(|monitor| (monitor.kind, monitor.schedule.is_some())).collect();
        (found, report.into_faults().to_string())
    }

    #[test]
    fn monitors_are_named_in_every_form() {
        use MonitorKind::{Delay, DuplicateRows, MissingRows, Updates};
        let after = [
            (r#"["updates", "duplicate_rows"]"#, vec![(Updates, false), (DuplicateRows, false)]),
            (r#""updates, Missing-Rows-Monitor""#, vec![(Updates, false), (MissingRows, false)]),
            (r#"[{"name": "delayMonitoring"}]"#, vec![(Delay, false)]),
            (r#"{"updates": true, "delay": false}"#, vec![(Updates, false)]),
        ];
        for (json, expected) in after {
            assert_eq!(read(json, MonitorList::AfterCdc), (expected, String::new()), "{json}");
        }
        for json in [
            r#"[{"monitor": "missing_rows", "cron": "0 3 * * *"}]"#,
            r#"{"missing_rows": "0 3 * * *"}"#,
            r#"{"missing_rows": {"schedule_interval": "@daily"}}"#,
        ] {
            assert_eq!(read(json, MonitorList::Scheduled), (vec![(MissingRows, true)], String::new()), "{json}");
        }
    }

    #[test]
    fn unknown_monitors_are_answered_with_the_nearest() {
        let cases = [
            (r#"["mising_rows"]"#, "[0].monitors[0]: there is no monitor `mising_rows`; did you mean `missing_rows`?"),
            (
                r#"["freshness"]"#,
                "[0].monitors[0]: there is no monitor `freshness`; \
                 known are `delay`, `duplicate_rows`, `updates`, `missing_rows`",
            ),
            (r#"[{"cron": "0 3 * * *"}]"#, "[0].monitors[0]: the name of the monitor is missing"),
            ("7", "[0].monitors: a list of monitors is expected here, not a number"),
        ];
        for (json, expected) in cases {
            assert_eq!(read(json, MonitorList::AfterCdc), (Vec::new(), expected.to_owned()), "{json}");
        }
        let (found, told) = read(r#"["updates"]"#, MonitorList::Scheduled);
        assert!(found.is_empty() && told.contains("this one has none"), "{told}");
    }
}
