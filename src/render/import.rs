//! What `import` made of the variable, a table at a time.

use quarrel_model::import::{Finding, ImportStatus, ImportedConnection, ImportedTable, Outcome, Upcoming};

use super::units::counted;
use crate::commands::ImportReport;

/// The width of the words before each line.
const WORD: usize = 15;

/// The report, without the configuration itself.
pub fn text(report: &ImportReport<'_>) -> String {
    let commented = report.tables.iter().filter(|table| table.status == ImportStatus::CommentedOut).count();
    let mut lines = vec![match commented {
        0 => format!("{}: {}", report.file, counted(report.tables.len() as u64, "table")),
        _ => {
            let tables = counted(report.tables.len() as u64, "table");
            format!(
                "{}: {tables}, {commented} of them commented out: no target of theirs is supported yet",
                report.file
            )
        }
    }];
    if report.other_variables > 0 {
        let others = counted(report.other_variables as u64, "other variable");
        lines.push(format!("{others} of the export left alone"));
    }
    lines.extend(report.findings.iter().map(|finding| finding_line(finding, "")));
    lines.push("\nconnections".to_owned());
    lines.extend(report.connections.iter().flat_map(connection_lines));
    for table in report.tables {
        lines.push(String::new());
        lines.extend(table_lines(table));
    }
    lines.push(String::new());
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.push(String::new());
    lines.push(next_step(report));
    lines.join("\n")
}

fn next_step(report: &ImportReport<'_>) -> String {
    let file = report.written.as_deref().unwrap_or("quarrel.yaml");
    let written = report.written.as_ref().map(|file| format!("wrote {file}\n")).unwrap_or_default();
    match report.to_fill_in {
        0 => {
            format!("{written}next: set the connections' variables, then `quarrel validate --connect --config {file}`")
        }
        count => format!(
            "{written}next: replace {} (`grep 'fill in' {file}`), set the connections' variables, \
             then `quarrel validate --connect --config {file}`",
            counted(count as u64, "placeholder")
        ),
    }
}

fn connection_lines(connection: &ImportedConnection) -> Vec<String> {
    let Some(engine) = connection.engine else {
        return vec![format!("  {}: left out, as Quarrel doesn't know its kind of database", connection.name)];
    };
    let limit = connection.max_connections.map(|count| format!(", at most {count} open")).unwrap_or_default();
    let mut lines = vec![format!("  {}: {engine}, env:{}{limit}", connection.name, connection.variable)];
    let told = connection.findings.iter().filter(|finding| finding.outcome != Outcome::Mapped);
    lines.extend(told.map(|finding| format!("  {}", finding_line(finding, ""))));
    lines
}

fn table_lines(table: &ImportedTable) -> Vec<String> {
    let line = table.line.map(|line| format!(", line {line}")).unwrap_or_default();
    let status = match table.status {
        ImportStatus::Imported => "",
        ImportStatus::CommentedOut => ", commented out",
    };
    let mut lines = vec![format!("{} ({}{line}){status}", table.name, table.entry)];
    let mut mapped: Vec<&str> = Vec::new();
    for finding in table.findings.iter().filter(|finding| finding.outcome == Outcome::Mapped) {
        let place = finding.from.as_deref().map_or("", |from| within(from, &table.entry));
        if !mapped.contains(&place) {
            mapped.push(place);
        }
    }
    if !mapped.is_empty() {
        lines.push(format!("  {:<WORD$}{}", "mapped", mapped.join(", ")));
    }
    let mut told: Vec<&Finding> = table.findings.iter().filter(|finding| finding.outcome != Outcome::Mapped).collect();
    told.sort_by_key(|finding| finding.outcome);
    lines.extend(told.into_iter().map(|finding| finding_line(finding, &table.entry)));
    lines.extend(table.schedules.iter().map(schedule_line));
    lines
}

fn finding_line(finding: &Finding, entry: &str) -> String {
    let word = match finding.outcome {
        Outcome::Mapped => "mapped",
        Outcome::Changed => "changed",
        Outcome::ToCheck => "check",
        Outcome::ToFillIn => "fill in",
        Outcome::NotMapped => "not mapped",
        Outcome::NotRecognised => "not recognised",
    };
    // A finding of the whole entry has nothing to name but where it leads.
    let from = finding.from.as_deref().map(|from| within(from, entry)).filter(|from| !from.is_empty());
    let place = match (from, finding.to.as_deref()) {
        (Some(from), Some(to)) if from != to => format!("{from} → {to}"),
        (Some(place), _) | (None, Some(place)) => place.to_owned(),
        (None, None) => String::new(),
    };
    let note = finding.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("  {word:<WORD$}{place}{note}")
}

/// The place as seen from its entry.
fn within<'p>(place: &'p str, entry: &str) -> &'p str {
    let inner = place.strip_prefix(entry).unwrap_or(place);
    inner.strip_prefix('.').unwrap_or(inner)
}

fn schedule_line(schedule: &Upcoming) -> String {
    let minute = |run: &String| run.get(..16).unwrap_or(run).replacen('T', " ", 1);
    let next = schedule.next.iter().map(minute).collect::<Vec<_>>().join(", ");
    let Upcoming { job, cron, timezone, .. } = schedule;
    format!("  {:<WORD$}{job} ({cron}, {timezone}): {next}", "next runs")
}
