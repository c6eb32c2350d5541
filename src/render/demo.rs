//! The demo, told as it goes on.

use std::path::Path;

use quarrel_run::demo::{Arrival, Comparison, CycleReport, Delivered, DemoReport, Prepared};

use super::runs;
use super::units::{bytes, count, counted, seconds};

/// What is about to happen.
pub fn prepared(prepared: &Prepared) -> String {
    format!(
        "{} in {} of {} tables ({}), made in memory; folder {}",
        counted(prepared.changes, "change"),
        counted(prepared.files as u64, "file"),
        prepared.tables.len(),
        prepared.tables.join(", "),
        prepared.folder.display()
    )
}

/// What has come before a cycle.
pub fn delivered(delivered: &Delivered) -> String {
    let mut lines = vec![format!(
        "\ncycle {} of {}: {} delivered, {}",
        delivered.cycle,
        delivered.cycles,
        counted(delivered.files as u64, "file"),
        bytes(delivered.bytes)
    )];
    for (table, file, arrival) in &delivered.out_of_turn {
        let how = match arrival {
            Arrival::InTurn => "in turn",
            Arrival::Late => "late, behind files that were applied before",
            Arrival::Again => "once more",
        };
        lines.push(format!("  {table}: {file} comes {how}"));
    }
    lines.join("\n")
}

/// What a cycle did.
pub fn cycle(report: &CycleReport) -> String {
    let mut lines = vec![runs::text(&report.runs)];
    lines.extend(report.comparison.iter().map(comparison));
    lines.join("\n")
}

fn comparison(found: &Comparison) -> String {
    if found.different == 0 {
        return format!("{} rows in {} tables are equal to an independent replay", count(found.equal), found.tables);
    }
    let mut lines = vec![format!(
        "{} rows are equal to an independent replay, and {} are NOT:",
        count(found.equal),
        count(found.different)
    )];
    lines.extend(found.differences.iter().map(|difference| format!("  {difference}")));
    lines.join("\n")
}

/// How it ended, and what to try next.
pub fn end(report: &DemoReport) -> String {
    let verdict = match (report.all_ran(), report.all_equal()) {
        (true, true) => {
            let last = report.cycles.last().and_then(|cycle| cycle.comparison.as_ref());
            let found = last.map(comparison).unwrap_or_default();
            format!("{found}, after every cycle. {} s in all.", seconds(report.seconds))
        }
        (true, false) => "The target differs from the independent replay: this is a defect of Quarrel.".to_owned(),
        (false, _) => "Not every run did its work; see above.".to_owned(),
    };
    let prepared = &report.prepared;
    let (quarrel, config) = (program(), quoted(&prepared.config));
    let next = [
        ("how far every table is", format!("{quarrel} status --config {config}")),
        ("the runs there were", format!("{quarrel} runs --config {config}")),
        (
            "another cycle; there is nothing left to do unless something failed",
            format!("{quarrel} run cdc --config {config}"),
        ),
        ("what would be done", format!("{quarrel} plan cdc --config {config}")),
        ("everything the configuration names", format!("{quarrel} validate --connect --config {config}")),
        ("the replica itself", format!("sqlite3 {} 'SELECT * FROM customers LIMIT 5'", quoted(&prepared.target))),
    ];
    let mut lines = vec![format!("\n{verdict}"), "\nTry next:".to_owned()];
    lines.extend(next.iter().map(|(what, command)| format!("  {command}\n      {what}")));
    lines.join("\n")
}

/// This program as the user can call it again: by its name if that was enough before, else by its path.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let by_name = Path::new(&called).components().count() == 1;
    match std::env::current_exe() {
        Ok(path) if !by_name => quoted(&path),
        Ok(_) | Err(_) => "quarrel".to_owned(),
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ':' | '='));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
