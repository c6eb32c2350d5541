//! One replicated table: where it comes from, where it goes, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::changes::{Changes, ChangesShape};
use super::columns::{ColumnPolicy, ColumnShape, convert_columns};
use super::connection::{Connection, Connections, Engine, is_entry_name};
use super::cross::Placements;
use super::duration::{DurationText, HOUR, SECOND, duration_setting};
use super::fault::Report;
use super::full_load::{FullLoadSettings, FullLoadShape, LoadOrigin, LoadSurroundings};
use super::monitors::{Monitors, MonitorsShape, Presence, Surroundings};
use super::path::{Path, is_harmless, shown};
use super::schedule::{Schedule, ScheduleShape, Window, WindowShape};
use crate::names::{ConnectionName, QualifiedName, TableName};

/// Postgres allows 32 columns in an index, and the key is one.
const KEY_COLUMNS_MAX: usize = 32;

const LOCK_TIMEOUT_DEFAULT: Duration = SECOND.saturating_mul(30);

/// A replicated table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableShape {
    /// The name of this entry: what follows `--table`.
    name: String,
    /// The original. Left out, only what needs no source runs: CDC from files, duplicate rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<PlaceShape>,
    /// The change files that CDC applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ChangesShape>,
    /// The columns that tell a row from all others.
    #[schemars(length(min = 1))]
    key: Vec<String>,
    /// The copies.
    #[schemars(length(min = 1))]
    targets: Vec<PlaceShape>,
    /// Policies of single columns, by the column's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    columns: BTreeMap<String, ColumnShape>,
    /// When CDC runs by itself. Default: that of `defaults`.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<ScheduleShape>,
    /// Which change files a run looks for. Default: that of `defaults`.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowShape>,
    /// What is done with a column that the change files have and a target lacks. Default: add.
    #[serde(skip_serializing_if = "Option::is_none")]
    added_columns: Option<AddedColumnPolicy>,
    /// How long a load waits for a lock on the target. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    lock_timeout: Option<DurationText>,
    /// How the table is loaded whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    full_load: Option<FullLoadShape>,
    /// What is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    monitors: Option<MonitorsShape>,
}

/// A table in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceShape {
    /// One of `connections`.
    connection: String,
    /// The table's name as SQL writes it: `schema.table`, `"Quoted"."Name"`.
    #[schemars(example = "replica.transactions")]
    table: String,
}

/// What is done with a column that the change files have and a target lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AddedColumnPolicy {
    /// It is added to the target.
    #[default]
    Add,
    /// It is left out.
    Ignore,
    /// The table stops before anything is touched.
    Fail,
}

/// A replicated table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: TableName,
    pub source: Option<Source>,
    pub changes: Option<Changes>,
    /// Not empty, no column twice.
    pub key: Vec<String>,
    /// Not empty, no target twice, neither here nor in another table.
    pub targets: Vec<TargetEntry>,
    pub columns: BTreeMap<String, ColumnPolicy>,
    pub schedule: Option<Schedule>,
    pub window: Window,
    pub on_added_column: AddedColumnPolicy,
    pub lock_timeout: Duration,
    pub full_load: FullLoadSettings,
    pub monitors: Monitors,
}

impl Table {
    /// Where the rows of a full load come from; none: nothing is known that has them.
    pub fn load_origin(&self) -> Option<LoadOrigin> {
        let default = || match (&self.changes, &self.source) {
            (Some(_), _) => Some(LoadOrigin::Files),
            (None, Some(_)) => Some(LoadOrigin::Direct),
            (None, None) => None,
        };
        self.full_load.from.or_else(default)
    }

    /// The policy of a column; that of one which is not mentioned is the default.
    pub fn column_policy(&self, column: &str) -> ColumnPolicy {
        self.columns.get(column).cloned().unwrap_or_default()
    }
}

/// The original of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    pub connection: ConnectionName,
    pub table: QualifiedName,
}

/// A copy of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetEntry {
    pub connection: ConnectionName,
    pub table: QualifiedName,
}

/// What a table's entry is read against.
pub(crate) struct TableContext<'a> {
    pub(crate) connections: &'a Connections,
    pub(crate) schedule: Option<&'a Schedule>,
    pub(crate) window: Window,
}

impl TableShape {
    /// The table, unless its entry has faults; what other tables must not share with it goes to `placements` either way.
    pub(crate) fn convert(
        &self,
        context: &TableContext<'_>,
        at: &Path,
        placements: &mut Placements,
        report: &mut Report<'_>,
    ) -> Option<Table> {
        let name_at = at.key("name");
        if is_entry_name(&self.name, &name_at, report) {
            placements.add_name(&self.name, name_at);
        }
        let source = self.source.as_ref().and_then(|place| place.convert(context, &at.key("source"), report));
        self.check_key(&at.key("key"), report);
        let changes = self.changes.as_ref().and_then(|shape| shape.convert(&self.key, &at.key("changes"), report));
        if let Some(changes) = &changes {
            placements.add_prefix(&changes.prefix, &self.name, at.key("changes").key("prefix"));
        }
        let targets = self.convert_targets(context, source.as_ref(), &at.key("targets"), placements, report);
        let engines: Vec<Engine> = targets
            .iter()
            .filter_map(|target| context.connections.valid.get(&target.connection))
            .map(|connection| connection.engine)
            .collect();
        let columns = convert_columns(&self.columns, &self.key, &engines, &at.key("columns"), report);
        let schedule = match &self.schedule {
            Some(schedule) => schedule.convert(&at.key("schedule"), report),
            None => context.schedule.cloned(),
        };
        let window = match &self.window {
            Some(window) => window.convert(context.window, &at.key("window"), report),
            None => context.window,
        };
        let timeout_at = at.key("lock_timeout");
        let timeout = self.lock_timeout.as_ref();
        let lock_timeout = duration_setting(timeout, LOCK_TIMEOUT_DEFAULT, SECOND..=HOUR, &timeout_at, report);
        let around = LoadSurroundings { has_source: self.source.is_some(), has_changes: self.changes.is_some() };
        let full_load = self.full_load.as_ref().map(|shape| shape.convert(around, &at.key("full_load"), report));
        let surroundings = Surroundings { source: (&self.source).into(), changes: Presence::from(&self.changes) };
        let monitors = self.monitors.as_ref().map(|shape| shape.convert(surroundings, &at.key("monitors"), report));
        Some(Table {
            name: TableName(self.name.clone()),
            source: source.map(|(_, place)| Source { connection: place.connection, table: place.table }),
            changes,
            key: self.key.clone(),
            targets,
            columns,
            schedule,
            window,
            on_added_column: self.added_columns.unwrap_or_default(),
            lock_timeout,
            full_load: full_load.unwrap_or_default(),
            monitors: monitors.unwrap_or_default(),
        })
    }

    fn check_key(&self, at: &Path, report: &mut Report<'_>) {
        if self.key.len() > KEY_COLUMNS_MAX {
            report.add(at, format!("the key has more than {KEY_COLUMNS_MAX} columns"));
        }
        for (index, column) in self.key.iter().enumerate() {
            if column.is_empty() || column.contains('\0') {
                report.add(&at.index(index), "this is not the name of a column");
            } else if self.key[..index].contains(column) {
                report.add(&at.index(index), format!("{} is in the key already", shown(column)));
            }
        }
    }

    fn convert_targets(
        &self,
        context: &TableContext<'_>,
        source: Option<&(Option<&Connection>, Place)>,
        at: &Path,
        placements: &mut Placements,
        report: &mut Report<'_>,
    ) -> Vec<TargetEntry> {
        let mut targets = Vec::new();
        let mut folding: Option<Engine> = None;
        for (index, shape) in self.targets.iter().enumerate() {
            let here = at.index(index);
            let Some((connection, place)) = shape.convert(context, &here, report) else { continue };
            if let Some(connection) = connection {
                self.check_target(connection, &place, &here, report);
                folding = folding.or(Some(connection.engine).filter(|engine| engine.folds_column_case()));
                placements.add_target(connection, &place.table, &self.name, here.key("table"));
                let original = source.and_then(|(connection, place)| Some(((*connection)?, place)));
                if original.is_some_and(|(origin, from)| origin.url == connection.url && from.table == place.table) {
                    report.add(&here.key("table"), "the table would be replicated onto itself");
                }
            }
            targets.push(TargetEntry { connection: place.connection, table: place.table });
        }
        if let Some(engine) = folding {
            let table = at.parent().unwrap_or_default();
            self.check_column_case(engine, &table, report);
        }
        targets
    }

    fn check_target(&self, connection: &Connection, place: &Place, at: &Path, report: &mut Report<'_>) {
        let engine = connection.engine;
        if !engine.is_target() {
            let message = format!("{engine} is not supported as a target yet");
            report.add_with_hint(&at.key("connection"), message, "Postgres, Redshift and SQLite are");
        }
        let Some(bytes_max) = engine.name_bytes_max() else { return };
        let names = place.table.schema.iter().chain([&place.table.name]);
        if names.into_iter().any(|name| name.len() > bytes_max) {
            report.add(&at.key("table"), format!("{engine} cuts names at {bytes_max} bytes"));
        }
        let table = at.parent().and_then(|targets| targets.parent()).unwrap_or_default();
        for (index, column) in self.key.iter().enumerate().filter(|(_, column)| column.len() > bytes_max) {
            let message = format!("{engine} cuts names at {bytes_max} bytes, and {} is longer", shown(column));
            report.add(&table.key("key").index(index), message);
        }
    }

    /// Columns that differ by case alone are one column for some engines.
    fn check_column_case(&self, engine: Engine, at: &Path, report: &mut Report<'_>) {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        let key_at = at.key("key");
        let key = self.key.iter().enumerate().map(|(index, column)| (column, key_at.index(index)));
        let columns = self.columns.keys().map(|column| (column, at.key("columns").key(column)));
        for (column, here) in key.chain(columns) {
            let first = *seen.entry(column.to_lowercase()).or_insert(column);
            if first != column {
                report.add(&here, format!("{engine} takes {} and {} for the same column", shown(column), shown(first)));
            }
        }
    }
}

/// A place whose connection is known by name at least.
pub(crate) struct Place {
    connection: ConnectionName,
    table: QualifiedName,
}

impl PlaceShape {
    fn convert<'a>(
        &self,
        context: &TableContext<'a>,
        at: &Path,
        report: &mut Report<'_>,
    ) -> Option<(Option<&'a Connection>, Place)> {
        let connection = context.connections.find(&self.connection, &at.key("connection"), report);
        let table = match self.table.parse::<QualifiedName>() {
            Ok(table) if self.table.contains('\0') => {
                report.add(&at.key("table"), "a name can't have the character NUL in it");
                Some(table)
            }
            Ok(table) => Some(table),
            Err(error) => {
                // The error repeats the whole text.
                let message =
                    if is_harmless(&self.table) { error.to_string() } else { "this is not a table's name".into() };
                report.add_with_hint(
                    &at.key("table"),
                    message,
                    "write `table`, `schema.table` or `\"Quoted\".\"Name\"`",
                );
                None
            }
        };
        Some((connection, Place { connection: ConnectionName(self.connection.clone()), table: table? }))
    }
}
