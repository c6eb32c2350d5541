//! The monitors of one table: what they look for, when they run, and what they may repair.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{DAY, DurationText, MINUTE, SECOND, duration_setting};
use super::fault::Report;
use super::path::Path;
use super::schedule::{CronExpression, CronText, cron_setting};

/// A repair that would touch more rows waits for somebody's decision.
const REPAIR_ROWS_DEFAULT: u64 = 1_000;

/// Beyond a million rows a full load is the better repair.
const REPAIR_ROWS_MAX: u64 = 1_000_000;

/// A monitor that runs more often would load the databases more than the replication does.
const EVERY_MIN: Duration = SECOND.saturating_mul(10);
const EVERY_MAX: Duration = DAY.saturating_mul(31);

/// Ten years: the whole of nearly every table.
const WINDOW_MAX: Duration = DAY.saturating_mul(3_660);

/// The monitors of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonitorsShape {
    /// How far the targets lag behind the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<DelayShape>,
    /// Keys that occur more than once on a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_rows: Option<DuplicateRowsShape>,
    /// Rows that CDC touched, compared column by column.
    #[serde(skip_serializing_if = "Option::is_none")]
    updates: Option<UpdatesShape>,
    /// Keys of the source that a target lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_rows: Option<MissingRowsShape>,
}

/// How far the targets lag behind the source. One of `every`, `after` and `cron` says when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DelayShape {
    /// Runs at this interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<DurationText>,
    /// Runs after each run of this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<AfterJob>,
    /// Runs at these times, in the time zone of the table's schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<CronText>,
    /// The delay from which on an alert is raised.
    tolerance: DurationText,
    /// The column with the time at which a row was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// The column with the time at which a row was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
}

/// Keys that occur more than once on a target. One of `every`, `after` and `cron` says when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DuplicateRowsShape {
    /// Runs at this interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<DurationText>,
    /// Runs after each run of this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<AfterJob>,
    /// Runs at these times, in the time zone of the table's schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<CronText>,
}

/// Rows that CDC touched, compared column by column. One of `every`, `after` and `cron` says when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UpdatesShape {
    /// Runs at this interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<DurationText>,
    /// Runs after each run of this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<AfterJob>,
    /// Runs at these times, in the time zone of the table's schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<CronText>,
    /// Whether differences are repaired at once. Default: manual.
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<RepairMode>,
    /// A repair of more rows waits for somebody's decision. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = REPAIR_ROWS_MAX))]
    repair_max_rows: Option<u64>,
}

/// Keys of the source that a target lacks. One of `every`, `after` and `cron` says when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MissingRowsShape {
    /// Runs at this interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<DurationText>,
    /// Runs after each run of this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<AfterJob>,
    /// Runs at these times, in the time zone of the table's schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<CronText>,
    /// How far back the rows are looked at, by the time of their creation.
    window: DurationText,
    /// The column with the time at which a row was created. Default: that of `delay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// Whether missing rows are copied at once. Default: manual.
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<RepairMode>,
    /// A repair of more rows waits for somebody's decision. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = REPAIR_ROWS_MAX))]
    repair_max_rows: Option<u64>,
}

/// A job whose runs start a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AfterJob {
    Cdc,
}

/// Who starts the repair of what a monitor found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairMode {
    /// Somebody, by `quarrel repair`.
    #[default]
    Manual,
    /// The monitor itself.
    Auto,
}

/// The monitors of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Monitors {
    pub delay: Option<DelayMonitor>,
    pub duplicate_rows: Option<DuplicateRowsMonitor>,
    pub updates: Option<UpdatesMonitor>,
    pub missing_rows: Option<MissingRowsMonitor>,
}

/// When a monitor runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    Every(Duration),
    /// After each CDC run of the table.
    AfterCdc,
    /// In the time zone of the table's schedule; UTC if it has none.
    Cron(CronExpression),
}

/// How far the targets lag behind the source; at least one of the columns is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayMonitor {
    pub trigger: Trigger,
    pub tolerance: Duration,
    pub created: Option<String>,
    pub updated: Option<String>,
}

/// Keys that occur more than once on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateRowsMonitor {
    pub trigger: Trigger,
}

/// Rows that CDC touched, compared column by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatesMonitor {
    pub trigger: Trigger,
    pub repair: RepairPolicy,
}

/// Keys of the source that a target lacks, among the rows created in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRowsMonitor {
    pub trigger: Trigger,
    pub window: Duration,
    /// The column with the time at which a row was created.
    pub created: String,
    pub repair: RepairPolicy,
}

/// What a monitor may repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairPolicy {
    pub mode: RepairMode,
    /// A repair of more rows waits for somebody's decision.
    pub rows_max: u64,
}

/// What the table around the monitors has to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Surroundings {
    pub(crate) source: Presence,
    pub(crate) changes: Presence,
}

/// Whether a part of the table's entry is there; a part with faults is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Present,
    Absent,
}

impl<T> From<&Option<T>> for Presence {
    fn from(part: &Option<T>) -> Presence {
        if part.is_some() { Presence::Present } else { Presence::Absent }
    }
}

impl MonitorsShape {
    pub(crate) fn convert(&self, table: Surroundings, at: &Path, report: &mut Report<'_>) -> Monitors {
        let delay = self.delay.as_ref().and_then(|shape| shape.convert(table, &at.key("delay"), report));
        let duplicate_rows = self.duplicate_rows.as_ref().and_then(|shape| {
            let trigger = trigger(&shape.every, shape.after, &shape.cron, table, &at.key("duplicate_rows"), report)?;
            Some(DuplicateRowsMonitor { trigger })
        });
        let updates = self.updates.as_ref().and_then(|shape| {
            let at = at.key("updates");
            needs_source(table, &at, report);
            let trigger = trigger(&shape.every, shape.after, &shape.cron, table, &at, report)?;
            Some(UpdatesMonitor { trigger, repair: repair_policy(shape.repair, shape.repair_max_rows) })
        });
        let delay_created = self.delay.as_ref().and_then(|delay| delay.created.as_ref());
        let missing_rows = self
            .missing_rows
            .as_ref()
            .and_then(|shape| shape.convert(delay_created, table, &at.key("missing_rows"), report));
        Monitors { delay, duplicate_rows, updates, missing_rows }
    }
}

impl DelayShape {
    fn convert(&self, table: Surroundings, at: &Path, report: &mut Report<'_>) -> Option<DelayMonitor> {
        needs_source(table, at, report);
        let bounds = SECOND..=EVERY_MAX;
        let tolerance = duration_setting(Some(&self.tolerance), MINUTE, bounds, &at.key("tolerance"), report);
        if self.created.is_none() && self.updated.is_none() {
            report.add_with_hint(
                at,
                "there is no column to tell the delay by",
                "add `created` or `updated`, the column with a row's time",
            );
        }
        for (key, column) in [("created", &self.created), ("updated", &self.updated)] {
            check_column(column.as_deref(), &at.key(key), report);
        }
        let trigger = trigger(&self.every, self.after, &self.cron, table, at, report)?;
        Some(DelayMonitor { trigger, tolerance, created: self.created.clone(), updated: self.updated.clone() })
    }
}

impl MissingRowsShape {
    fn convert(
        &self,
        delay_created: Option<&String>,
        table: Surroundings,
        at: &Path,
        report: &mut Report<'_>,
    ) -> Option<MissingRowsMonitor> {
        needs_source(table, at, report);
        let window = duration_setting(Some(&self.window), DAY, MINUTE..=WINDOW_MAX, &at.key("window"), report);
        check_column(self.created.as_deref(), &at.key("created"), report);
        let created = self.created.as_ref().or(delay_created).cloned();
        if created.is_none() {
            report.add_with_hint(
                at,
                "there is no column to tell by which rows lie in the window",
                "add `created`, the column with the time at which a row was created, here or in `delay`",
            );
        }
        let trigger = trigger(&self.every, self.after, &self.cron, table, at, report);
        let repair = repair_policy(self.repair, self.repair_max_rows);
        Some(MissingRowsMonitor { trigger: trigger?, window, created: created?, repair })
    }
}

fn trigger(
    every: &Option<DurationText>,
    after: Option<AfterJob>,
    cron: &Option<CronText>,
    table: Surroundings,
    at: &Path,
    report: &mut Report<'_>,
) -> Option<Trigger> {
    let given = usize::from(every.is_some()) + usize::from(after.is_some()) + usize::from(cron.is_some());
    if given != 1 {
        let message = if given == 0 { "nothing says when it runs" } else { "it can't run at several kinds of times" };
        report.add_with_hint(at, message, "give one of `every: 10m`, `after: cdc` and `cron: \"0 3 * * *\"`");
    }
    let every = every
        .as_ref()
        .map(|text| duration_setting(Some(text), EVERY_MIN, EVERY_MIN..=EVERY_MAX, &at.key("every"), report));
    let cron = cron.as_ref().map(|text| cron_setting(text, &at.key("cron"), report));
    if let (Some(AfterJob::Cdc), Presence::Absent) = (after, table.changes) {
        report.add(&at.key("after"), "the table has no `changes`, so CDC never runs for it");
    }
    match (every, after, cron) {
        (Some(every), _, _) => Some(Trigger::Every(every)),
        (None, Some(AfterJob::Cdc), _) => Some(Trigger::AfterCdc),
        (None, None, cron) => cron.flatten().map(Trigger::Cron),
    }
}

fn needs_source(table: Surroundings, at: &Path, report: &mut Report<'_>) {
    match table.source {
        Presence::Present => {}
        Presence::Absent => report.add(at, "it compares with the source, and the table has no `source`"),
    }
}

fn check_column(column: Option<&str>, at: &Path, report: &mut Report<'_>) {
    if column.is_some_and(|column| column.is_empty() || column.contains('\0')) {
        report.add(at, "this is not the name of a column");
    }
}

fn repair_policy(mode: Option<RepairMode>, rows_max: Option<u64>) -> RepairPolicy {
    RepairPolicy { mode: mode.unwrap_or_default(), rows_max: rows_max.unwrap_or(REPAIR_ROWS_DEFAULT) }
}
