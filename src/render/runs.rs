//! Run summaries: a line a table, then whatever is not as usual.

use quarrel_model::summary::{RunSummary, TargetSummary};

use super::grid::{Align, grid};
use super::units::{count, counted, instant, seconds};

const COLUMNS: [(&str, Align); 14] = [
    ("table", Align::Left),
    ("job", Align::Left),
    ("status", Align::Left),
    ("files", Align::Right),
    ("changes", Align::Right),
    ("kept", Align::Right),
    ("upserts", Align::Right),
    ("deletes", Align::Right),
    ("collect", Align::Right),
    ("reduce", Align::Right),
    ("load", Align::Right),
    ("clean", Align::Right),
    ("total s", Align::Right),
    ("watermark", Align::Left),
];

/// The summaries of one command.
pub fn text(runs: &[RunSummary]) -> String {
    let mut lines = vec![grid(&COLUMNS, runs.iter().map(row))];
    lines.extend(runs.iter().flat_map(notes));
    lines.join("\n")
}

fn row(run: &RunSummary) -> Vec<String> {
    let spent = &run.seconds;
    vec![
        run.table.to_string(),
        run.job.replace('_', " "),
        run.status.as_str().replace('_', " "),
        count(run.files),
        count(run.changes),
        count(run.kept),
        count(run.upserts),
        count(run.deletes),
        seconds(spent.collect),
        seconds(spent.reduce),
        seconds(spent.load),
        seconds(spent.clean),
        seconds(spent.total),
        instant(run.watermark.as_deref()),
    ]
}

/// What a row of the table can't say.
fn notes(run: &RunSummary) -> Vec<String> {
    let name = &run.table;
    let mut notes = Vec::new();
    notes.extend(run.migrations.iter().map(|migration| format!("{name} → {migration}")));
    if let (Some(estimate), true) = (run.estimate_seconds, run.seconds.load > 0.0) {
        notes.push(format!(
            "{name}: loaded in {} s; {} s were estimated",
            seconds(run.seconds.load),
            seconds(estimate)
        ));
    }
    if run.late_files > 0 {
        let (late, replayed) = (counted(run.late_files, "file"), counted(run.replayed_files, "file"));
        notes.push(format!("{name}: {late} came late; {replayed} applied before were replayed behind"));
    }
    if run.quarantined > 0 {
        notes.push(format!("{name}: {} went into quarantine", counted(run.quarantined, "row")));
    }
    if run.targets.len() > 1 || run.targets.iter().any(|target| target.error.is_some()) {
        notes.extend(run.targets.iter().map(|target| format!("{name} → {}", target_text(target))));
    }
    notes.extend(run.warnings.iter().map(|warning| format!("{name}: warning: {warning}")));
    notes.extend(run.error.iter().map(|error| format!("{name}: error: {error}")));
    notes.extend(run.hint.iter().map(|hint| format!("  hint: {hint}")));
    notes
}

fn target_text(target: &TargetSummary) -> String {
    let place = format!("{}:{}", target.connection, target.table);
    match &target.error {
        Some(error) => format!("{place}: error: {error}"),
        None => format!(
            "{place}: {}, {}, {} in {} s",
            counted(target.rows, "row"),
            counted(target.upserts, "upsert"),
            counted(target.deletes, "delete"),
            seconds(target.seconds)
        ),
    }
}
