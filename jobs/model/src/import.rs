//! Airflow's variable `replication_tables`, turned into `quarrel.yaml`, with a report of what became of each setting.
//!
//! [`import`] reads the list of tables that generated the pipelines of the old service. `document` reads JSON in any of the
//! forms that Airflow writes; `entry` (with `place`, `monitor`, `value`) reads one entry under any of the spellings in
//! `spelling`; `connections` and `draft` decide what becomes of it, and say so as [`Finding`]s; `yaml` writes the result, with
//! findings as its comments. What was written is then read by [`config::parse`](crate::config::parse): the configuration's own
//! check decides what is valid, and `faults` says where in the variable the cause stands.
//!
//! `docs/import.md` lists the spellings, and what each setting becomes.
//!
//! # Invariants
//! - Pure: the time is an argument, and no variable or file is read.
//! - Every key of an entry, or the object it stands in, is in a finding or a fault. None is dropped in silence.
//! - What no setting of the variable says is a placeholder with which no run succeeds, or an assumption that is told.
//! - No text that may be a URL with a password is written or repeated.

mod connections;
mod document;
mod draft;
mod draft_monitors;
mod engine;
mod entry;
mod faults;
mod fields;
mod finding;
mod monitor;
mod naming;
mod place;
mod pools;
mod spelling;
mod upcoming;
mod value;
mod yaml;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use self::finding::{Finding, Outcome};
pub use self::upcoming::Upcoming;
pub use self::value::SpanUnit;

use self::connections::{Connections, DraftConnection};
use self::document::{Variable, read_variable};
use self::draft::{DraftTable, Support, draft_table, name_candidates};
use self::entry::{Entry, read_entry};
use self::finding::Findings;
use self::naming::table_names;
use self::upcoming::upcoming;
use self::yaml::{DraftLake, write_config};
use crate::config::fault::{ConfigFaults, Report};
use crate::config::path::{Path, shown};
use crate::config::{Engine, Trigger, parse};

/// No bucket's name has capitals: nothing is ever read from or written to these.
const CHANGES_PLACEHOLDER: &str = "s3://REPLACE-ME-DMS/";
const WORK_PLACEHOLDER: &str = "s3://REPLACE-ME-WORK/";

/// What holds for every import.
const NOTES: [&str; 5] = [
    "each connection's URL is read from the variable that Airflow itself would read, AIRFLOW_CONN_ and the id, with the \
     database behind it where there are several: `airflow connections export` shows the URLs; it must be a URL, not JSON, \
     and name the database",
    "Airflow names a run by the beginning of its interval, Quarrel by the time it starts: windows are around that time",
    "schedules without a time zone are in UTC, as in Airflow unless `default_timezone` says otherwise",
    "change files are kept (`after_load: keep`), so that a table can be tried out; pause its pipeline in Airflow first: \
     what that deletes, Quarrel never sees",
    "monitors only report: `repair: auto` lets `updates` and `missing_rows` repair what they find",
];

/// What the variable does not say, from somebody who knows.
#[derive(Debug, Clone, Default)]
pub struct Givens {
    /// `lake.changes`: where DMS writes.
    pub changes: Option<String>,
    /// `lake.work`.
    pub work: Option<String>,
    /// The key of tables whose entry names none; empty: unknown.
    pub key: Vec<String>,
    /// The column with the time at which a row was created, where the entry names none.
    pub created: Option<String>,
    /// The column with the time at which a row was last changed, where the entry names none.
    pub updated: Option<String>,
    /// What a number in `delay_monitoring_…` counts; none: assumed to be minutes, and told.
    pub delay_unit: Option<SpanUnit>,
    /// Sizes of pools by name.
    pub pools: BTreeMap<String, u32>,
}

/// The configuration, and what became of the variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The text of `quarrel.yaml`.
    pub config: String,
    pub connections: Vec<ImportedConnection>,
    pub tables: Vec<ImportedTable>,
    /// Of the configuration as a whole.
    pub findings: Vec<Finding>,
    pub notes: Vec<String>,
    /// Variables of the export that were not looked at.
    pub other_variables: usize,
    /// Placeholders in the configuration.
    pub to_fill_in: usize,
}

/// A database of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedConnection {
    pub name: String,
    pub airflow_id: Option<String>,
    pub database: Option<String>,
    /// What kind of database it is; none: one that Quarrel doesn't know, so that it is not in the configuration.
    pub engine: Option<Engine>,
    /// The environment variable that its URL is read from.
    pub variable: String,
    pub max_connections: Option<u32>,
    pub findings: Vec<Finding>,
}

/// An entry of the variable, and what it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedTable {
    pub name: String,
    /// The entry's place, as `[3]`.
    pub entry: String,
    pub line: Option<usize>,
    pub status: ImportStatus,
    pub findings: Vec<Finding>,
    pub schedules: Vec<Upcoming>,
}

/// Whether a table is in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    Imported,
    /// It stands there as a comment: none of its targets can be loaded yet.
    CommentedOut,
}

/// Turns the variable into a configuration. `now` is what the next runs are counted from.
///
/// # Errors
/// Every fault of the variable, by line, each with its place in the JSON; never an empty list.
pub fn import(text: &str, givens: &Givens, now: DateTime<Utc>) -> Result<Import, ConfigFaults> {
    let Variable { entries: nodes, at, lines, others } = read_variable(text)?;
    let mut report = Report::new(&lines);
    let read =
        nodes.iter().enumerate().filter_map(|(index, node)| read_entry(node, &at.index(index), givens, &mut report));
    let entries: Vec<Entry> = read.collect();
    let places: Vec<_> = entries.iter().flat_map(|entry| entry.source.iter().chain(&entry.targets)).collect();
    let connections = Connections::plan(&places, &givens.pools, &lines, &mut report);
    let names = table_names(&entries.iter().map(name_candidates).collect::<Vec<_>>());
    let drafts = entries.iter().zip(&names);
    let drafts = drafts.filter_map(|(entry, name)| draft_table(entry, name, &connections, givens, now, &lines));
    let tables = without_twins(drafts.collect(), &mut report);
    let lake = draft_lake(givens, &lines);
    let to_fill_in = count_placeholders(&lake, &connections.list, &tables);
    let config = write_config(&lake, &connections.list, &tables, to_fill_in);
    let mut faults = Vec::new();
    if tables.iter().any(|table| table.support() == Support::Supported) {
        // Relative paths lead nowhere here: only what the configuration says is checked.
        let found = parse(&config, "/").err().map(|faults| faults.0).unwrap_or_default();
        faults.extend(found.into_iter().map(|fault| faults::of_variable(fault, &tables, &connections.list, &lines)));
    } else if report.is_clean() {
        let hint = format!("supported as targets are {}", engine::supported_targets());
        report.add_with_hint(&at, "no table has a target that is supported", hint);
    }
    faults.extend(report.into_faults().0);
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.line);
        return Err(ConfigFaults(faults));
    }
    Ok(Import {
        config,
        tables: tables.into_iter().map(|table| imported_table(table, now)).collect(),
        connections: connections.list.into_iter().map(imported_connection).collect(),
        findings: lake.findings,
        notes: NOTES.map(str::to_owned).to_vec(),
        other_variables: others,
        to_fill_in,
    })
}

/// Reports tables that read the same change files, or write to the same target, and leaves the later ones out.
fn without_twins<'l>(drafts: Vec<DraftTable<'l>>, report: &mut Report<'_>) -> Vec<DraftTable<'l>> {
    let mut prefixes: BTreeMap<String, Path> = BTreeMap::new();
    let mut targets: BTreeMap<String, Path> = BTreeMap::new();
    let place = |at: &Path, report: &Report<'_>| match report.line_of(at) {
        Some(line) => format!("`{at}` (line {line})"),
        None => format!("`{at}`"),
    };
    let mut kept = Vec::new();
    for draft in drafts {
        let faults_before = report.count();
        match prefixes.get(&draft.prefix) {
            Some(first) => {
                let message = format!("this is the same source table as {}", place(first, report));
                let hint =
                    "put the targets of both into `targets` of one entry: a table's change files are applied once";
                report.add_with_hint(&draft.at, message, hint);
            }
            None => {
                prefixes.insert(draft.prefix.clone(), draft.at.clone());
            }
        }
        for target in &draft.targets {
            let identity = format!("{}:{}", target.place.connection, target.place.table);
            match targets.get(&identity) {
                Some(first) if report.count() == faults_before => {
                    let message = format!("{} is the target of {} already", shown(&identity), place(first, report));
                    report.add(&target.at, message);
                }
                Some(_) => {}
                None => {
                    targets.insert(identity, target.at.clone());
                }
            }
        }
        if report.count() == faults_before {
            kept.push(draft);
        }
    }
    kept
}

fn draft_lake(givens: &Givens, lines: &crate::config::document::Lines) -> DraftLake {
    let mut findings = Findings::new(lines);
    let mut area = |given: &Option<String>, placeholder: &str, to: &str, note: &str| {
        given.clone().unwrap_or_else(|| {
            findings.needs_filling_in(to, note);
            placeholder.to_owned()
        })
    };
    let changes = area(&givens.changes, CHANGES_PLACEHOLDER, "lake.changes", "the bucket that DMS writes to");
    let work = area(&givens.work, WORK_PLACEHOLDER, "lake.work", "a bucket or folder of Quarrel's own");
    DraftLake { changes, work, findings: findings.list }
}

fn count_placeholders(lake: &DraftLake, connections: &[DraftConnection<'_>], tables: &[DraftTable<'_>]) -> usize {
    let of_connections = connections.iter().flat_map(|connection| &connection.findings.list);
    let written = tables.iter().filter(|table| table.support() == Support::Supported);
    let of_tables = written.flat_map(|table| &table.findings.list);
    let all = lake.findings.iter().chain(of_connections).chain(of_tables);
    all.filter(|finding| finding.outcome == Outcome::ToFillIn).count()
}

fn imported_connection(connection: DraftConnection<'_>) -> ImportedConnection {
    ImportedConnection {
        engine: connection.known_engine(),
        name: connection.name,
        airflow_id: connection.airflow_id,
        database: connection.database,
        variable: connection.variable,
        max_connections: connection.max_connections,
        findings: connection.findings.list,
    }
}

fn imported_table(table: DraftTable<'_>, now: DateTime<Utc>) -> ImportedTable {
    let cdc = table.schedule.iter().map(|cron| ("cdc", cron));
    let monitors = table.monitors.triggers();
    let of_monitors = monitors.into_iter().filter_map(|(kind, trigger)| match trigger {
        Trigger::Cron(cron) => Some((kind.as_str(), cron)),
        Trigger::Every(_) | Trigger::AfterCdc => None,
    });
    let timezone = if table.schedule.is_some() { table.timezone } else { chrono_tz::Tz::UTC };
    let schedules = cdc.chain(of_monitors).map(|(job, cron)| upcoming(job, cron, timezone, now)).collect();
    let status = match table.support() {
        Support::Supported => ImportStatus::Imported,
        Support::NotYet => ImportStatus::CommentedOut,
    };
    ImportedTable {
        entry: table.at.to_string(),
        line: table.findings.line_of(&table.at),
        name: table.name,
        status,
        findings: table.findings.list,
        schedules,
    }
}
