//! What the state store remembers: status and the list of runs.

use quarrel_run::state::records::RunRecord;

use super::grid::{Align, grid};
use super::units::{count, instant, seconds};
use crate::commands::{Status, TableStatus, TargetStatus};

const STATUS_COLUMNS: [(&str, Align); 6] = [
    ("table", Align::Left),
    ("target", Align::Left),
    ("applied up to", Align::Left),
    ("last run", Align::Left),
    ("job", Align::Left),
    ("ended", Align::Left),
];

/// A line for each target of each table.
pub fn text(status: &Status) -> String {
    let rows = status.tables.iter().flat_map(|table| table.targets.iter().map(|target| status_row(table, target)));
    grid(&STATUS_COLUMNS, rows)
}

fn status_row(table: &TableStatus, target: &TargetStatus) -> Vec<String> {
    let applied = target.watermark.as_ref().and_then(|watermark| watermark.applied_instant.as_deref());
    let last = table.last_runs.first();
    vec![
        table.table.clone(),
        target.target.clone(),
        instant(applied),
        last.map_or_else(|| "never run".to_owned(), |run| run.status.replace('_', " ")),
        last.map(|run| run.job.clone()).unwrap_or_default(),
        instant(last.and_then(|run| run.ended_at.as_deref())),
    ]
}

const RUN_COLUMNS: [(&str, Align); 9] = [
    ("started", Align::Left),
    ("table", Align::Left),
    ("job", Align::Left),
    ("status", Align::Left),
    ("files", Align::Right),
    ("changes", Align::Right),
    ("upserts", Align::Right),
    ("deletes", Align::Right),
    ("total s", Align::Right),
];

/// A line a run, and the errors of those that failed.
pub fn runs_text(runs: &[RunRecord]) -> String {
    if runs.is_empty() {
        return "no runs yet".to_owned();
    }
    let mut lines = vec![grid(&RUN_COLUMNS, runs.iter().map(run_row))];
    for run in runs {
        let Some(summary) = &run.summary else { continue };
        let of_targets = summary.targets.iter().filter_map(|target| target.error.as_ref());
        for error in summary.error.iter().chain(of_targets) {
            lines.push(format!("{} {}: {error}", instant(Some(&run.started_at)), run.table));
        }
    }
    lines.join("\n")
}

fn run_row(run: &RunRecord) -> Vec<String> {
    let figure = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), count);
    let summary = run.summary.as_ref();
    vec![
        instant(Some(&run.started_at)),
        run.table.to_string(),
        run.job.clone(),
        run.status.replace('_', " "),
        figure(summary.map(|summary| summary.files)),
        figure(summary.map(|summary| summary.changes)),
        figure(summary.map(|summary| summary.upserts)),
        figure(summary.map(|summary| summary.deletes)),
        summary.map_or_else(|| "-".to_owned(), |summary| seconds(summary.seconds.total)),
    ]
}
