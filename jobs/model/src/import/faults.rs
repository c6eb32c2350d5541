//! Faults of the configuration that was made, told as faults of the variable it was made of.
//!
//! The configuration's own check decides what is valid. Where it stands in the variable is known from the findings, which have
//! both places.

use super::connections::DraftConnection;
use super::draft::{DraftTable, Support};
use super::finding::Finding;
use crate::config::document::Lines;
use crate::config::fault::ConfigFault;
use crate::config::path::Path;

/// A fault of the configuration, with the place in the variable that brought it about.
pub(super) fn of_variable(
    fault: ConfigFault,
    tables: &[DraftTable<'_>],
    connections: &[DraftConnection<'_>],
    lines: &Lines,
) -> ConfigFault {
    let ConfigFault { path, message, hint, .. } = fault;
    let message = without_line(&message);
    if let Some((index, rest)) = indexed(&path, "tables") {
        let written: Vec<&DraftTable<'_>> =
            tables.iter().filter(|table| table.support() == Support::Supported).collect();
        if let Some(table) = written.get(index) {
            let target = indexed(rest, "targets").and_then(|(index, _)| {
                table.targets.iter().filter(|target| target.support == Support::Supported).nth(index)
            });
            let place = target.map(|target| &target.at).unwrap_or(&table.at);
            return at_place(rest, &table.findings.list, place, lines, message, hint);
        }
    }
    let of_connection = path.strip_prefix("connections.").and_then(|rest| {
        let named = |connection: &&DraftConnection<'_>| {
            let rest = rest.strip_prefix(connection.name.as_str())?;
            rest.is_empty().then_some("").or(rest.strip_prefix('.'))
        };
        connections.iter().find_map(|connection| Some((connection, named(&connection)?)))
    });
    if let Some((connection, rest)) = of_connection {
        return at_place(rest, &connection.findings.list, &connection.at, lines, message, hint);
    }
    let path = match path.as_str() {
        "lake.changes" => "--changes".to_owned(),
        "lake.work" => "--work".to_owned(),
        _ => path,
    };
    ConfigFault { path, line: None, message, hint }
}

fn at_place(
    setting: &str,
    findings: &[Finding],
    around: &Path,
    lines: &Lines,
    message: String,
    hint: Option<String>,
) -> ConfigFault {
    let of_setting = findings.iter().filter(|finding| finding.from.is_some());
    let nearest = of_setting
        .filter(|finding| finding.to.as_deref().is_some_and(|to| is_within(setting, to)))
        .max_by_key(|finding| finding.to.as_deref().map(str::len));
    // Targets that were left out shift the numbers of those behind them: their place is the given one.
    match nearest.filter(|_| !setting.starts_with("targets")) {
        Some(Finding { from: Some(from), line, .. }) => ConfigFault { path: from.clone(), line: *line, message, hint },
        Some(_) | None => {
            let message = if setting.is_empty() { message } else { format!("`{setting}`: {message}") };
            ConfigFault { path: around.to_string(), line: lines.nearest(around), message, hint }
        }
    }
}

fn is_within(setting: &str, outer: &str) -> bool {
    setting.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// `tables[3].key` → 3 and `key`.
fn indexed<'p>(path: &'p str, list: &str) -> Option<(usize, &'p str)> {
    let (index, rest) = path.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

/// Lines of the configuration mean nothing to who wrote the variable.
fn without_line(message: &str) -> String {
    let Some((before, after)) = message.split_once(" (line ") else { return message.to_owned() };
    match after.split_once(')') {
        Some((_, after)) => format!("{before}{after}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_configuration_are_taken_apart() {
        assert_eq!(indexed("tables[12].targets[0].table", "tables"), Some((12, "targets[0].table")));
        assert_eq!(indexed("tables", "tables"), None);
        assert!(is_within("window.ahead", "window") && is_within("key[1]", "key") && !is_within("keys", "key"));
        assert_eq!(without_line("table `a` writes here (line 12): no"), "table `a` writes here: no");
    }
}
