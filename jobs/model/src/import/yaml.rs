//! Writes the configuration as people read it: one setting a line, with a comment where it was changed or needs attention.
//!
//! # Invariants
//! - What is written parses back to what was meant, whatever characters names have in them.
//! - A comment is one line of harmless characters: nothing in it can become a setting.

use super::connections::DraftConnection;
use super::draft::{DraftTable, Support};
use super::draft_monitors::DraftMonitors;
use super::engine::config_word;
use super::finding::{Finding, Outcome};
use crate::config::{Trigger, display_duration};
use crate::names::QualifiedName;

/// A comment stands behind its setting as long as both fit into a line of this many characters, else above it.
const LINE_CHARS_MAX: usize = 118;

/// Words that YAML readers of one age or another take for something other than text.
const RESERVED: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"];

/// The two areas of the lake, and what is to be said of them.
#[derive(Debug)]
pub(super) struct DraftLake {
    pub(super) changes: String,
    pub(super) work: String,
    pub(super) findings: Vec<Finding>,
}

/// The text of the configuration.
pub(super) fn write_config(
    lake: &DraftLake,
    connections: &[DraftConnection<'_>],
    tables: &[DraftTable<'_>],
    to_fill_in: usize,
) -> String {
    let mut text = Text::default();
    text.comment(0, "Made by `quarrel import` of Airflow's variable `replication_tables`.");
    if to_fill_in > 0 {
        let message =
            format!("`fill in:` marks what the variable does not say ({to_fill_in} in all): replace it first.");
        text.comment(0, &message);
    }
    text.comment(0, "`check:` marks assumptions. Then: `quarrel validate --connect`.");
    text.line(0, "version: 1", None);
    text.line(0, "cluster: embedded", None);
    text.blank();
    text.line(0, "lake:", None);
    text.line(2, &format!("changes: {}", scalar(&lake.changes)), note(&lake.findings, "lake.changes"));
    text.line(2, &format!("work: {}", scalar(&lake.work)), note(&lake.findings, "lake.work"));
    text.blank();
    text.line(0, "connections:", None);
    for connection in connections {
        write_connection(connection, &mut text);
    }
    text.blank();
    text.line(0, "tables:", None);
    for (position, table) in tables.iter().enumerate() {
        if position > 0 {
            text.blank();
        }
        let lines = table_lines(table);
        match table.support() {
            Support::Supported => text.lines.extend(lines.lines),
            Support::NotYet => {
                text.comment(2, "No target of this table is supported yet.");
                text.lines.extend(lines.lines.iter().map(|line| format!("  # {}", line.get(2..).unwrap_or(line))));
            }
        }
    }
    let mut written = text.lines.join("\n");
    written.push('\n');
    written
}

fn write_connection(connection: &DraftConnection<'_>, text: &mut Text) {
    let findings = &connection.findings.list;
    let Some(engine) = connection.known_engine() else {
        let engine = connection.engine.as_ref().map(|engine| engine.shown()).unwrap_or_default();
        return text.comment(2, &format!("{}: {engine} is not supported", connection.name));
    };
    text.line(2, &format!("{}:", scalar(&connection.name)), note(findings, "name"));
    text.line(4, &format!("type: {}", config_word(engine)), note(findings, "type"));
    text.line(4, &format!("url: env:{}", connection.variable), note(findings, "url"));
    if let Some(count) = connection.max_connections {
        text.line(4, &format!("max_connections: {count}"), note(findings, "max_connections"));
    }
    if let Some(role) = connection.iam_role {
        text.line(4, &format!("iam_role: {}", scalar(role)), note(findings, "iam_role"));
    }
}

fn table_lines(table: &DraftTable<'_>) -> Text {
    let mut text = Text::default();
    let findings = &table.findings.list;
    let note = |to: &str| note(findings, to);
    text.line(2, &format!("- name: {}", scalar(&table.name)), note("name"));
    if let Some(source) = &table.source {
        text.line(4, &format!("source: {}", place(&source.connection, &source.table)), None);
    }
    text.line(4, "changes:", None);
    text.line(6, "format: dms", None);
    text.line(6, &format!("prefix: {}", scalar(&table.prefix)), note("changes.prefix"));
    if let Some(task) = &table.dms_task {
        text.line(6, &format!("dms_task: {}", scalar(task)), note("changes.dms_task"));
    }
    text.line(6, "after_load: keep", None);
    let key = table.key.iter().map(|column| scalar(column)).collect::<Vec<_>>().join(", ");
    text.line(4, &format!("key: [{key}]"), note("key"));
    text.line(4, "targets:", None);
    for target in &table.targets {
        let item = format!("- {}", place(&target.place.connection, &target.place.table));
        match target.support {
            Support::Supported => text.line(6, &item, note(&format!("{}.table", target.to))),
            Support::NotYet => text.comment(6, &item),
        }
    }
    if !table.lob_slices.is_empty() {
        text.line(4, "columns:", None);
    }
    for (column, characters) in &table.lob_slices {
        text.line(6, &format!("{}: {{lob_slice: {characters}}}", scalar(column)), None);
    }
    write_times(table, &mut text);
    write_monitors(&table.monitors, findings, &mut text);
    for finding in findings {
        let (Some(from), Some(said)) = (&finding.from, not_taken_over(finding)) else { continue };
        text.comment(4, &format!("{from}: {said}"));
    }
    text
}

fn write_times(table: &DraftTable<'_>, text: &mut Text) {
    let findings = &table.findings.list;
    if let Some(cron) = &table.schedule {
        text.line(4, "schedule:", None);
        text.line(6, &format!("cron: {}", scalar(cron.as_str())), note(findings, "schedule.cron"));
        text.line(6, &format!("timezone: {}", scalar(table.timezone.name())), note(findings, "schedule.timezone"));
    }
    let sides = [("ahead", table.ahead), ("look_back", table.look_back)];
    if sides.iter().any(|(_, side)| side.is_some()) {
        text.line(4, "window:", None);
    }
    for (key, side) in sides {
        if let Some(side) = side {
            text.line(6, &format!("{key}: {}", display_duration(side)), note(findings, &format!("window.{key}")));
        }
    }
}

fn write_monitors(monitors: &DraftMonitors, findings: &[Finding], text: &mut Text) {
    if monitors.triggers().is_empty() {
        return;
    }
    text.line(4, "monitors:", None);
    for (kind, trigger) in monitors.triggers() {
        let place = format!("monitors.{}", kind.as_str());
        text.line(6, &format!("{}:", kind.as_str()), note(findings, &place));
        let note = |key: &str| note(findings, &format!("{place}.{key}"));
        match trigger {
            Trigger::Every(every) => text.line(8, &format!("every: {}", display_duration(*every)), note("every")),
            Trigger::AfterCdc => text.line(8, "after: cdc", note("after")),
            Trigger::Cron(cron) => text.line(8, &format!("cron: {}", scalar(cron.as_str())), note("cron")),
        }
        let mut own = Vec::new();
        let delay = monitors.delay.as_ref().filter(|delay| std::ptr::eq(&delay.trigger, trigger));
        if let Some(delay) = delay {
            own.push(("tolerance", Some(display_duration(delay.tolerance))));
            own.push(("created", delay.created.as_deref().map(scalar)));
            own.push(("updated", delay.updated.as_deref().map(scalar)));
        }
        let missing = monitors.missing_rows.as_ref().filter(|missing| std::ptr::eq(&missing.trigger, trigger));
        if let Some(missing) = missing {
            own.push(("window", Some(display_duration(missing.window))));
            own.push(("created", missing.created.as_deref().map(scalar)));
        }
        for (key, value) in own {
            if let Some(value) = value {
                text.line(8, &format!("{key}: {value}"), note(key));
            }
        }
    }
}

fn place(connection: &str, table: &QualifiedName) -> String {
    format!("{{connection: {}, table: {}}}", scalar(connection), scalar(&table.to_string()))
}

/// What the comment of a setting says; several findings one after the other.
fn note(findings: &[Finding], to: &str) -> Option<String> {
    let of_setting = findings.iter().filter(|finding| finding.to.as_deref() == Some(to));
    let notes: Vec<String> = of_setting
        .filter_map(|finding| {
            let note = finding.note.as_ref()?;
            match finding.outcome {
                Outcome::Changed => Some(note.clone()),
                Outcome::ToCheck => Some(format!("check: {note}")),
                Outcome::ToFillIn => Some(format!("fill in: {note}")),
                Outcome::Mapped | Outcome::NotMapped | Outcome::NotRecognised => None,
            }
        })
        .collect();
    if notes.is_empty() { None } else { Some(notes.join("; ")) }
}

fn not_taken_over(finding: &Finding) -> Option<String> {
    let note = finding.note.as_deref();
    match finding.outcome {
        Outcome::NotMapped => Some(format!("not mapped: {}", note.unwrap_or_default())),
        Outcome::NotRecognised => {
            Some(format!("not recognised{}", note.map(|note| format!("; {note}")).unwrap_or_default()))
        }
        Outcome::Mapped | Outcome::Changed | Outcome::ToCheck | Outcome::ToFillIn => None,
    }
}

/// Lines in the making.
#[derive(Debug, Default)]
struct Text {
    lines: Vec<String>,
}

impl Text {
    fn line(&mut self, indent: usize, text: &str, note: Option<String>) {
        let line = format!("{:indent$}{text}", "");
        match note.map(|note| harmless(&note)) {
            Some(note) if line.chars().count() + note.chars().count() + 4 <= LINE_CHARS_MAX => {
                self.lines.push(format!("{line}  # {note}"));
            }
            Some(note) => {
                // An item of a list keeps its comment at its own indentation: above it, it would end the item before.
                self.comment(indent, &note);
                self.lines.push(line);
            }
            None => self.lines.push(line),
        }
    }

    /// A comment, broken into lines between words.
    fn comment(&mut self, indent: usize, text: &str) {
        let mut line = String::new();
        for word in harmless(text).split(' ') {
            if !line.is_empty() && indent + 3 + line.chars().count() + word.chars().count() > LINE_CHARS_MAX {
                self.lines.push(format!("{:indent$}# {line}", ""));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.lines.push(format!("{:indent$}# {line}", ""));
    }

    fn blank(&mut self) {
        self.lines.push(String::new());
    }
}

/// The text without characters that could end a comment.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect()
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text as a value of YAML: plain where it can only be text, else in quotes.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(plain)
        && !text.ends_with(':')
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    if !text.contains('\'') && text.contains('"') && text.chars().all(is_printable) {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn texts_read_back_as_they_were_whatever_is_in_them() {
        let texts = [
            "plain",
            "finops-db/live/T/",
            "env:X",
            "no",
            "Null",
            "1",
            "1.5",
            "0x10",
            ".inf",
            "~",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "",
            " a ",
            "'",
            "\"",
            "it's \"so\"",
            "live.\"T\"",
            "a\nb",
            "a\tb",
            "a\\nb",
            "{a}",
            "[a]",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "ключ",
            "表",
            "😀",
            "\u{2028}",
            "\u{85}",
            "\u{7f}",
            "\u{feff}",
            "*/20 * * * *",
        ];
        for text in texts {
            let document = format!("a: {0}\nb: [{0}]\nc: {{d: {0}}}\n? {0}\n: e\n", scalar(text));
            let read = |value: &serde_yaml::Value| value.as_str().map(str::to_owned);
            let expected = Some(text.to_owned());
            let value: BTreeMap<String, serde_yaml::Value> = serde_yaml::from_str(&document).unwrap();
            assert_eq!(read(&value["a"]), expected, "{text:?}");
            assert_eq!(read(&value["b"][0]), expected, "{text:?}");
            assert_eq!(read(&value["c"]["d"]), expected, "{text:?}");
            assert_eq!(value[text].as_str(), Some("e"), "{text:?}");
        }
    }

    #[test]
    fn comments_stay_comments() {
        let mut text = Text::default();
        text.line(2, "a: 1", Some("one\nb: 2\u{85}c: 3\u{2028}d: 4".to_owned()));
        text.line(2, "e: 5", Some(format!("long {}", "word ".repeat(60))));
        let read: BTreeMap<String, u32> = serde_yaml::from_str(&text.lines.join("\n")).unwrap();
        assert_eq!(read, BTreeMap::from([("a".to_owned(), 1), ("e".to_owned(), 5)]));
        assert!(text.lines.iter().all(|line| line.chars().count() <= LINE_CHARS_MAX + 2), "{:#?}", text.lines);
    }
}
