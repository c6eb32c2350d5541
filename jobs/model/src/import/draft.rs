//! The entry of the configuration that is made of one entry of the variable.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::Givens;
use super::connections::Connections;
use super::draft_monitors::{DraftMonitors, draft_monitors};
use super::engine::EngineWord;
use super::entry::{Entry, LobSlice};
use super::fields::Given;
use super::finding::Findings;
use super::naming::entry_name;
use super::place::Place;
use super::value::{Schedule, Span, SpanForm, SpanUnit};
use crate::config::CronExpression;
use crate::config::document::Lines;
use crate::config::path::{Path, shown};
use crate::names::QualifiedName;

/// What stands where nobody knows: no column has that name, so no run gets anywhere before it is replaced.
pub(super) const PLACEHOLDER: &str = "REPLACE_ME";

/// What DMS names the folder of a table after, when the entry names no schema.
const SCHEMA_ASSUMED: &str = "public";

/// A table of the configuration in the making.
#[derive(Debug)]
pub(super) struct DraftTable<'l> {
    pub(super) at: Path,
    pub(super) name: String,
    /// None: Quarrel can't read such a database.
    pub(super) source: Option<DraftPlace>,
    pub(super) prefix: String,
    pub(super) dms_task: Option<String>,
    pub(super) key: Vec<String>,
    pub(super) targets: Vec<DraftTarget>,
    pub(super) lob_slices: BTreeMap<String, u32>,
    pub(super) schedule: Option<CronExpression>,
    pub(super) timezone: Tz,
    pub(super) ahead: Option<Duration>,
    pub(super) look_back: Option<Duration>,
    pub(super) monitors: DraftMonitors,
    pub(super) findings: Findings<'l>,
}

/// A table in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DraftPlace {
    pub(super) connection: String,
    pub(super) table: QualifiedName,
}

/// A target, and whether Quarrel can load it.
#[derive(Debug)]
pub(super) struct DraftTarget {
    pub(super) place: DraftPlace,
    pub(super) at: Path,
    /// Its place among the targets of its entry: `targets[1]`.
    pub(super) to: String,
    pub(super) support: Support,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    Supported,
    NotYet,
}

impl DraftTable<'_> {
    /// Whether at least one target can be loaded; a table without one is written as a comment.
    pub(super) fn support(&self) -> Support {
        let supported = self.targets.iter().any(|target| target.support == Support::Supported);
        if supported { Support::Supported } else { Support::NotYet }
    }
}

/// The table that an entry stands for; none when the entry doesn't say which table it is about, which is reported.
pub(super) fn draft_table<'l>(
    entry: &Entry,
    name: &str,
    connections: &Connections<'_>,
    givens: &Givens,
    now: DateTime<Utc>,
    lines: &'l Lines,
) -> Option<DraftTable<'l>> {
    let source = entry.source.as_ref()?;
    let original = source_name(source)?;
    let mut findings = Findings::new(lines);
    say_name(entry, source, name, &mut findings);
    let draft_source = draft_source(source, &original, connections, &mut findings);
    let prefix = prefix(entry, source, &original, &mut findings);
    if let Some(task) = &entry.dms_task {
        findings.mapped(&task.at, "changes.dms_task");
    }
    let key = key(entry, givens, &mut findings);
    let targets = draft_targets(entry, &original, connections, &mut findings);
    let lob_slices = lob_slices(entry, &key, &mut findings);
    let schedule = draft_schedule(entry, &mut findings);
    let mut side =
        |given: &Option<Given<Span>>, to: &str| given.as_ref().map(|span| side_of_window(span, to, &mut findings));
    let ahead = side(&entry.ahead, "window.ahead");
    let look_back = side(&entry.look_back, "window.look_back");
    let monitors = draft_monitors(entry, draft_source.as_ref(), givens, &mut findings);
    if let Some(start) = &entry.start_date {
        findings.not_mapped(&start.at, None, start_note(&start.value, now));
    }
    let unknown = entry.unknown.iter().chain(&source.unknown);
    let unknown = unknown.chain(entry.targets.iter().flat_map(|target| &target.unknown));
    for key in unknown.chain(entry.monitors.iter().flat_map(|monitor| &monitor.unknown)) {
        findings.not_recognised(&key.at, key.hint.clone());
    }
    Some(DraftTable {
        at: entry.at.clone(),
        name: name.to_owned(),
        source: draft_source,
        prefix,
        dms_task: entry.dms_task.as_ref().map(|task| task.value.clone()),
        key,
        targets,
        lob_slices,
        schedule,
        timezone: entry.timezone.as_ref().map_or(Tz::UTC, |timezone| timezone.value),
        ahead,
        look_back,
        monitors,
        findings,
    })
}

/// The table at the source. `schema.table` in one text is taken apart where no schema is given.
pub(super) fn source_name(source: &Place) -> Option<QualifiedName> {
    let table = &source.table.as_ref()?.value;
    Some(match (&source.schema, table.split_once('.')) {
        (Some(schema), _) => QualifiedName { schema: Some(schema.value.clone()), name: table.clone() },
        (None, Some((schema, name))) if !schema.is_empty() && !name.is_empty() => {
            QualifiedName { schema: Some(schema.to_owned()), name: name.to_owned() }
        }
        (None, _) => QualifiedName { schema: None, name: table.clone() },
    })
}

/// The names that an entry could have, plain ones first.
pub(super) fn name_candidates(entry: &Entry) -> Vec<String> {
    let Some(source) = &entry.source else { return vec![entry.at.to_string()] };
    let Some(original) = source_name(source) else { return vec![entry.at.to_string()] };
    let mut names = vec![entry.name.as_ref().map_or(original.name.clone(), |name| name.value.clone())];
    let schema = original.schema.as_ref().map(|schema| format!("{schema}_{}", original.name));
    let longest = schema.clone().unwrap_or(original.name);
    names.extend(schema);
    names.extend(source.database.as_ref().map(|database| format!("{}_{longest}", database.value)));
    names
}

fn say_name(entry: &Entry, source: &Place, name: &str, findings: &mut Findings<'_>) {
    let Some(given) = entry.name.as_ref().or(source.table.as_ref()) else { return };
    if given.value == name {
        findings.mapped(&given.at, "name");
    } else if entry_name(&given.value) == given.value {
        findings.changed(&given.at, "name", format!("another table is {} as well", shown(&given.value)));
    } else {
        findings.changed(&given.at, "name", format!("{} can't be a name here", shown(&given.value)));
    }
}

fn draft_source(
    source: &Place,
    original: &QualifiedName,
    connections: &Connections<'_>,
    findings: &mut Findings<'_>,
) -> Option<DraftPlace> {
    let connection = connections.of(source)?;
    if let Some(EngineWord::Unknown(word)) = &connection.engine {
        let word = shown(word);
        leave_out(
            source,
            format!("Quarrel can't read {word}: the table has no source, and CDC runs from its files alone"),
            findings,
        );
        return None;
    }
    say_place(source, &connection.name, findings);
    Some(DraftPlace { connection: connection.name.clone(), table: original.clone() })
}

fn say_place(place: &Place, connection: &str, findings: &mut Findings<'_>) {
    let to = &place.to;
    for (given, setting) in [(&place.schema, "table"), (&place.table, "table"), (&place.connection, "connection")] {
        if let Some(given) = given {
            findings.mapped(&given.at, &format!("{to}.{setting}"));
        }
    }
    let of_connection = [(&place.database, "url"), (&place.pool, "max_connections")];
    for (given, setting) in of_connection {
        if let Some(given) = given {
            findings.mapped(&given.at, &format!("connections.{connection}.{setting}"));
        }
    }
    if let Some(engine) = &place.engine {
        findings.mapped(&engine.at, &format!("connections.{connection}.type"));
    }
    if let Some(size) = &place.pool_size {
        findings.mapped(&size.at, &format!("connections.{connection}.max_connections"));
    }
}

/// A place that the configuration can't have, as a whole: its object, or each of its settings in the entry.
fn leave_out(place: &Place, note: String, findings: &mut Findings<'_>) {
    if !place.stated.flat {
        findings.not_mapped(&place.at, Some(&place.to), note.clone());
    }
    let texts = [&place.database, &place.schema, &place.table, &place.connection, &place.pool];
    let settings = texts.into_iter().flatten().map(|given| &given.at);
    let settings = settings.chain(place.pool_size.iter().map(|given| &given.at));
    for at in place.engine.iter().map(|given| &given.at).chain(settings) {
        if place.stated.flat || !at.is_within(&place.at) {
            findings.not_mapped(at, Some(&place.to), note.clone());
        }
    }
}

/// DMS writes to `bucket folder/schema/table/`.
fn prefix(entry: &Entry, source: &Place, original: &QualifiedName, findings: &mut Findings<'_>) -> String {
    let to = "changes.prefix";
    if let Some(prefix) = &entry.prefix {
        findings.mapped(&prefix.at, to);
        return format!("{}/", prefix.value.trim_end_matches('/'));
    }
    let at = source.table.as_ref().map(|table| &table.at);
    let schema = original.schema.as_deref().unwrap_or(SCHEMA_ASSUMED);
    let inner = format!("{schema}/{}/", original.name);
    let (prefix, note) = match (&entry.bucket_folder, &source.database) {
        (Some(folder), _) => {
            findings.changed(&folder.at, to, "folder/schema/table, as DMS writes");
            return format!("{}/{inner}", folder.value.trim_matches('/'));
        }
        (None, Some(database)) => (
            format!("{}/{inner}", database.value),
            "DMS's bucket folder is not in the variable: the database is assumed",
        ),
        (None, None) => (inner, "DMS's bucket folder is not in the variable: none is assumed"),
    };
    findings.needs_check(at, to, note);
    prefix
}

fn key(entry: &Entry, givens: &Givens, findings: &mut Findings<'_>) -> Vec<String> {
    if let Some(key) = &entry.key {
        findings.mapped(&key.at, "key");
        return key.value.clone();
    }
    if !givens.key.is_empty() {
        findings.needs_check(None, "key", "not in the variable: from `--key`");
        return givens.key.clone();
    }
    findings.needs_filling_in("key", "the columns of the primary key, which are not in the variable");
    vec![PLACEHOLDER.to_owned()]
}

fn draft_targets(
    entry: &Entry,
    original: &QualifiedName,
    connections: &Connections<'_>,
    findings: &mut Findings<'_>,
) -> Vec<DraftTarget> {
    let mut drafts = Vec::new();
    for place in &entry.targets {
        let Some(connection) = connections.of(place) else { continue };
        let Some(engine) = &connection.engine else { continue };
        let table = match &place.table {
            Some(_) => source_name(place),
            None => {
                let to = format!("{}.table", place.to);
                findings.needs_check(Some(&place.at), &to, "no table is given: that of the source is assumed");
                let schema = place.schema.as_ref().map(|schema| schema.value.clone());
                Some(QualifiedName { schema: schema.or(original.schema.clone()), name: original.name.clone() })
            }
        };
        let Some(table) = table else { continue };
        let support = match connection.known_engine() {
            Some(engine) if engine.is_target() => Support::Supported,
            Some(_) | None => Support::NotYet,
        };
        match support {
            Support::Supported => say_place(place, &connection.name, findings),
            Support::NotYet => {
                leave_out(place, format!("{} is not supported as a target yet", engine.shown()), findings)
            }
        }
        let place_of = DraftPlace { connection: connection.name.clone(), table };
        drafts.push(DraftTarget { place: place_of, at: place.at.clone(), to: place.to.clone(), support });
    }
    drafts
}

fn lob_slices(entry: &Entry, key: &[String], findings: &mut Findings<'_>) -> BTreeMap<String, u32> {
    let Some(given) = &entry.lob_slice else { return BTreeMap::new() };
    match &given.value {
        LobSlice::EveryColumn(characters) => {
            let note = format!(
                "it cuts every LOB column, and the variable names none: \
                 add `columns: {{NAME: {{lob_slice: {characters}}}}}` for each"
            );
            findings.not_mapped(&given.at, None, note);
            BTreeMap::new()
        }
        LobSlice::Columns(columns) => {
            let mut slices = BTreeMap::new();
            for (column, characters) in columns {
                let at = given.at.key(column);
                if key.contains(column) {
                    findings.not_mapped(&at, None, "it is part of the key, which is never cut");
                } else {
                    findings.mapped(&at, &format!("columns.{column}.lob_slice"));
                    slices.insert(column.clone(), *characters);
                }
            }
            slices
        }
    }
}

fn draft_schedule(entry: &Entry, findings: &mut Findings<'_>) -> Option<CronExpression> {
    let cron = match &entry.schedule {
        Some(Given { value: Schedule::Cron(cron), at }) => {
            findings.mapped(at, "schedule.cron");
            Some(cron.clone())
        }
        Some(Given { value: Schedule::Preset { name, cron }, at }) => {
            findings.changed(at, "schedule.cron", format!("`{name}` in Airflow"));
            Some(cron.clone())
        }
        Some(Given { value: Schedule::None { name }, at }) => {
            findings.not_mapped(at, None, format!("`{name}` is no schedule: CDC runs when it is asked for"));
            None
        }
        None => {
            findings.needs_check(None, "schedule", "no schedule is given: CDC runs when it is asked for");
            None
        }
    };
    if let Some(timezone) = &entry.timezone {
        match &cron {
            Some(_) => findings.mapped(&timezone.at, "schedule.timezone"),
            None => findings.not_mapped(&timezone.at, None, "the table has no schedule; its monitors run by UTC"),
        }
    }
    cron
}

fn side_of_window(span: &Given<Span>, to: &str, findings: &mut Findings<'_>) -> Duration {
    let length = span.value.length;
    match span.value.form {
        SpanForm::Bare => findings.changed(&span.at, to, format!("{} in Airflow", span.value.in_unit(SpanUnit::Hours))),
        SpanForm::WithUnit => findings.mapped(&span.at, to),
    }
    length
}

fn start_note(text: &str, now: DateTime<Utc>) -> &'static str {
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let time = |text: &str| {
        let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    };
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|start| start.to_utc());
    let start = zoned.or_else(|| date(text).or_else(|| time(text)).map(|start| start.and_utc()));
    match start {
        Some(start) if start > now => "it is still to come, and a schedule of Quarrel has no start: it holds at once",
        Some(_) => "it is past, and a schedule of Quarrel has no start",
        None => "a schedule of Quarrel has no start",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_to_come_is_told_from_one_that_is_past() {
        let now = "2026-11-25T00:00:00Z".parse().unwrap();
        let told = |text: &str| start_note(text, now);
        assert!(told("2026-11-27").starts_with("it is still to come"));
        for past in ["2021-01-01", "2021-01-01T00:00:00", "2021-01-01 10:00:00.5", "2021-01-01T00:00:00+03:00"] {
            assert!(told(past).starts_with("it is past"), "{past}");
        }
        assert_eq!(told("days_ago(1)"), "a schedule of Quarrel has no start");
    }
}
