//! The monitors of one table: when each runs, and by which columns it tells time.

use std::time::Duration;

use super::Givens;
use super::draft::{DraftPlace, PLACEHOLDER};
use super::entry::{DelayInterval, Entry};
use super::fields::Given;
use super::finding::Findings;
use super::monitor::{MonitorEntry, MonitorKind};
use super::value::{Schedule, Span, SpanForm};
use crate::config::Trigger;
use crate::config::duration::{DAY, MINUTE};
use crate::config::path::Path;

/// A delay that anybody would want to hear of; DESIGN's example.
const TOLERANCE_ASSUMED: Duration = MINUTE.saturating_mul(20);

const MISSING_ROWS_WINDOW_ASSUMED: Duration = DAY;

/// The monitors of a table in the making.
#[derive(Debug, Default)]
pub(super) struct DraftMonitors {
    pub(super) delay: Option<DraftDelay>,
    pub(super) duplicate_rows: Option<Trigger>,
    pub(super) updates: Option<Trigger>,
    pub(super) missing_rows: Option<DraftMissingRows>,
}

impl DraftMonitors {
    /// When each of them runs.
    pub(super) fn triggers(&self) -> Vec<(MonitorKind, &Trigger)> {
        let each = [
            (MonitorKind::Delay, self.delay.as_ref().map(|delay| &delay.trigger)),
            (MonitorKind::DuplicateRows, self.duplicate_rows.as_ref()),
            (MonitorKind::Updates, self.updates.as_ref()),
            (MonitorKind::MissingRows, self.missing_rows.as_ref().map(|missing| &missing.trigger)),
        ];
        each.into_iter().filter_map(|(kind, trigger)| Some((kind, trigger?))).collect()
    }
}

#[derive(Debug)]
pub(super) struct DraftDelay {
    pub(super) trigger: Trigger,
    pub(super) tolerance: Duration,
    pub(super) created: Option<String>,
    pub(super) updated: Option<String>,
}

#[derive(Debug)]
pub(super) struct DraftMissingRows {
    pub(super) trigger: Trigger,
    pub(super) window: Duration,
    /// None: that of the delay.
    pub(super) created: Option<String>,
}

/// The monitors that the entry asks for. Without a source only duplicate rows can be looked for.
pub(super) fn draft_monitors(
    entry: &Entry,
    source: Option<&DraftPlace>,
    givens: &Givens,
    findings: &mut Findings<'_>,
) -> DraftMonitors {
    let mut monitors = DraftMonitors::default();
    let wanted = |kind: MonitorKind| entry.monitors.iter().filter(move |monitor| monitor.kind == kind).collect();
    let duplicates: Vec<&MonitorEntry> = wanted(MonitorKind::DuplicateRows);
    monitors.duplicate_rows = trigger_of(MonitorKind::DuplicateRows, &duplicates, findings);
    if source.is_none() {
        say_without_source(entry, findings);
        return monitors;
    }
    monitors.updates = trigger_of(MonitorKind::Updates, &wanted(MonitorKind::Updates), findings);
    monitors.delay = draft_delay(entry, &wanted(MonitorKind::Delay), givens, findings);
    let trigger = trigger_of(MonitorKind::MissingRows, &wanted(MonitorKind::MissingRows), findings);
    monitors.missing_rows = trigger.map(|trigger| {
        let note = "how far back rows are looked at is not in the variable";
        findings.needs_check(None, "monitors.missing_rows.window", note);
        let of_delay = monitors.delay.as_ref().and_then(|delay| delay.created.as_ref());
        let created = match of_delay {
            Some(_) => None,
            None => Some(created_or_placeholder(entry, givens, "monitors.missing_rows.created", findings)),
        };
        DraftMissingRows { trigger, window: MISSING_ROWS_WINDOW_ASSUMED, created }
    });
    if monitors.delay.is_none() && monitors.missing_rows.is_none() {
        for column in entry.created.iter().chain(&entry.updated) {
            findings.not_mapped(&column.at, None, "no monitor of the table asks for it");
        }
    }
    monitors
}

fn say_without_source(entry: &Entry, findings: &mut Findings<'_>) {
    let note = "it compares with the source, which Quarrel can't read";
    for monitor in entry.monitors.iter().filter(|monitor| monitor.kind != MonitorKind::DuplicateRows) {
        findings.not_mapped(&monitor.at, Some(&place_of(monitor.kind)), note);
    }
    let interval = entry.delay_interval.as_ref().map(|given| &given.at);
    let tolerance = entry.delay_tolerance.as_ref().map(|given| &given.at);
    let columns = entry.created.iter().chain(&entry.updated).map(|given| &given.at);
    for at in interval.into_iter().chain(tolerance).chain(columns) {
        findings.not_mapped(at, Some(&place_of(MonitorKind::Delay)), note);
    }
}

fn place_of(kind: MonitorKind) -> String {
    format!("monitors.{}", kind.as_str())
}

/// When a monitor runs. One that both follows CDC and has a schedule follows CDC: that is more often.
fn trigger_of(kind: MonitorKind, wanted: &[&MonitorEntry], findings: &mut Findings<'_>) -> Option<Trigger> {
    let place = place_of(kind);
    let mut chosen: Option<Trigger> = None;
    let after_cdc = wanted.iter().filter(|monitor| monitor.schedule.is_none());
    let scheduled = wanted.iter().filter(|monitor| monitor.schedule.is_some());
    for monitor in after_cdc.chain(scheduled) {
        if chosen.is_some() {
            let note = "it is named more than once, and runs at one kind of times: after CDC, or at the first schedule";
            findings.not_mapped(&monitor.at, Some(&place), note);
            continue;
        }
        if monitor.schedule.as_ref().is_some_and(|schedule| schedule.at != monitor.at) {
            findings.mapped(&monitor.at, &place);
        }
        chosen = match &monitor.schedule {
            None => {
                findings.mapped(&monitor.at, &format!("{place}.after"));
                Some(Trigger::AfterCdc)
            }
            Some(Given { value: Schedule::Cron(cron), at }) => {
                findings.mapped(at, &format!("{place}.cron"));
                Some(Trigger::Cron(cron.clone()))
            }
            Some(Given { value: Schedule::Preset { name, cron }, at }) => {
                findings.changed(at, &format!("{place}.cron"), format!("`{name}` in Airflow"));
                Some(Trigger::Cron(cron.clone()))
            }
            Some(Given { value: Schedule::None { name }, at }) => {
                findings.not_mapped(at, Some(&place), format!("`{name}` is no schedule"));
                None
            }
        };
    }
    chosen
}

/// The delay is watched when it is named, or when its interval or tolerance is given.
fn draft_delay(
    entry: &Entry,
    wanted: &[&MonitorEntry],
    givens: &Givens,
    findings: &mut Findings<'_>,
) -> Option<DraftDelay> {
    let trigger = match &entry.delay_interval {
        Some(interval) => {
            for monitor in wanted {
                findings.changed(&monitor.at, "monitors.delay", "it runs at its own interval");
            }
            Some(interval_trigger(interval, givens, findings))
        }
        None => trigger_of(MonitorKind::Delay, wanted, findings),
    };
    let trigger = match (trigger, &entry.delay_tolerance) {
        (Some(trigger), _) => trigger,
        (None, Some(tolerance)) => {
            findings.needs_check(Some(&tolerance.at), "monitors.delay.after", "nothing says how often it is measured");
            Trigger::AfterCdc
        }
        (None, None) => return None,
    };
    let to = "monitors.delay.tolerance";
    let tolerance = match &entry.delay_tolerance {
        Some(given) => {
            say_delay_span(&given.value, &given.at, to, givens, findings);
            given.value.length
        }
        None => {
            findings.needs_check(None, to, "no tolerance is given");
            TOLERANCE_ASSUMED
        }
    };
    let updated = column(&entry.updated, &givens.updated, "--updated", "monitors.delay.updated", findings);
    let created = match (&entry.created, &givens.created, &updated) {
        (None, None, Some(_)) => None,
        (Some(_), _, _) | (_, Some(_), _) | (None, None, None) => {
            Some(created_or_placeholder(entry, givens, "monitors.delay.created", findings))
        }
    };
    Some(DraftDelay { trigger, tolerance, created, updated })
}

fn interval_trigger(interval: &Given<DelayInterval>, givens: &Givens, findings: &mut Findings<'_>) -> Trigger {
    match &interval.value {
        DelayInterval::Every(span) => {
            say_delay_span(span, &interval.at, "monitors.delay.every", givens, findings);
            Trigger::Every(span.length)
        }
        DelayInterval::Cron(cron) => {
            findings.mapped(&interval.at, "monitors.delay.cron");
            Trigger::Cron(cron.clone())
        }
    }
}

/// Minutes are assumed where nothing is said: if they were hours, the monitor is too strict, which is noticed; hours in place of
/// minutes would not be.
fn say_delay_span(span: &Span, at: &Path, to: &str, givens: &Givens, findings: &mut Findings<'_>) {
    match (span.form, givens.delay_unit) {
        (SpanForm::WithUnit, _) => findings.mapped(at, to),
        (SpanForm::Bare, Some(unit)) => findings.changed(at, to, format!("{} in Airflow", span.in_unit(unit))),
        (SpanForm::Bare, None) => {
            findings.needs_check(Some(at), to, "a number without a unit, taken for minutes (`--delay-unit`)");
        }
    }
}

fn created_or_placeholder(entry: &Entry, givens: &Givens, to: &str, findings: &mut Findings<'_>) -> String {
    column(&entry.created, &givens.created, "--created", to, findings).unwrap_or_else(|| {
        findings
            .needs_filling_in(to, "the column with the time at which a row was created, which is not in the variable");
        PLACEHOLDER.to_owned()
    })
}

/// The entry's column, or that of the command line.
fn column(
    own: &Option<Given<String>>,
    given: &Option<String>,
    option: &str,
    to: &str,
    findings: &mut Findings<'_>,
) -> Option<String> {
    match (own, given) {
        (Some(own), _) => {
            findings.mapped(&own.at, to);
            Some(own.value.clone())
        }
        (None, Some(given)) => {
            findings.needs_check(None, to, format!("not in the variable: from `{option}`"));
            Some(given.clone())
        }
        (None, None) => None,
    }
}
