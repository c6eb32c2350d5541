//! The configuration, `quarrel.yaml`: from text to a model that is valid, or to every fault there is.
//!
//! [`parse`] goes three steps. `document` reads the YAML, with the line of each node. `check` holds it against the JSON Schema
//! of the shapes and reports each unknown key, missing key, wrong type and unknown word. Whatever is sound in shape is then
//! deserialised and converted, each setting by the file of its name; what tables must not share is looked at last (`cross`).
//!
//! # Invariants
//! - Pure: no file, variable or clock is read. Secrets stay references; resolving them is the work of the crate that uses them.
//! - A [`Config`] keeps what the documentation of its types promises; no later check is needed, except against real databases.
//! - All faults are reported at once, each with path and line, and none repeats a value that may be a secret.

mod alerts;
mod bytes;
mod changes;
mod check;
mod cluster;
mod columns;
mod connection;
mod cross;
pub(crate) mod document;
pub(crate) mod duration;
pub(crate) mod fault;
mod full_load;
mod lake;
mod monitors;
pub(crate) mod path;
mod redshift;
mod reduce;
mod reference;
mod schedule;
mod shape;
pub(crate) mod suggest;
mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::alerts::{Alerts, SlackAlerts};
pub use self::bytes::{BytesError, display_bytes, parse_bytes};
pub use self::changes::{AfterLoad, ChangeFormat, Changes};
pub use self::cluster::{ClusterConfig, TlsFiles};
pub use self::columns::ColumnPolicy;
pub use self::connection::{Connection, Engine, StateConfig};
pub use self::duration::{DurationError, display_duration, parse_duration};
pub use self::fault::{ConfigFault, ConfigFaults};
pub use self::full_load::{FullLoadSettings, LoadOrigin};
pub use self::lake::{Lake, LakeUrl, LakeUrlError, S3Settings, parse_lake_url};
pub use self::monitors::{
    DelayMonitor, DuplicateRowsMonitor, MissingRowsMonitor, Monitors, RepairMode, RepairPolicy, Trigger, UpdatesMonitor,
};
pub use self::reduce::ReduceSettings;
pub use self::reference::{Reference, ReferenceError};
pub use self::schedule::{CronExpression, CronExpressionError, Schedule, Window};
pub use self::table::{AddedColumnPolicy, Source, Table, TargetEntry};

use self::connection::{Connections, convert_state, is_entry_name};
use self::cross::Placements;
use self::fault::Report;
use self::path::Path;
use self::redshift::check_redshift;
use self::shape::{ConfigShape, DefaultsShape, connection_names, sound_parts};
use self::table::TableContext;
pub use crate::bad_value::BadValuePolicy;
use crate::names::{ConnectionName, TableName};

/// The version of the format that this build reads.
const VERSION: u64 = 1;

/// A valid configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub cluster: ClusterConfig,
    pub lake: Lake,
    pub state: StateConfig,
    pub connections: BTreeMap<ConnectionName, Connection>,
    pub alerts: Option<Alerts>,
    /// In the document's order; not empty.
    pub tables: Vec<Table>,
    pub reduce: ReduceSettings,
}

impl Config {
    /// The table of that name.
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The connection of a source or target of this configuration.
    ///
    /// # Panics
    /// When the name is of another configuration.
    pub fn connection(&self, name: &ConnectionName) -> &Connection {
        self.connections.get(name).expect("a configuration's tables name only connections that it has")
    }
}

/// Reads a configuration. Relative paths in it are taken from `folder`, the absolute path of the folder it lies in.
///
/// # Errors
/// Every fault that the text has, by line; never an empty list.
pub fn parse(text: &str, folder: &str) -> Result<Config, ConfigFaults> {
    let document = document::read_document(text)?;
    let mut report = Report::new(&document.lines);
    let mut root = document.root;
    let damaged = check::check_shape(&mut root, &json_schema(), &mut report);
    let names = connection_names(&root);
    let sound = sound_parts(root, &damaged);
    let config = match serde_yaml::from_value::<ConfigShape>(sound.value) {
        Ok(shape) => convert(&shape, names, &sound.table_indexes, folder, &mut report),
        Err(_) => {
            // What passed the check deserialises. serde's own message is left out: it repeats values.
            report.add(&Path::root(), "this is not a configuration of Quarrel");
            None
        }
    };
    match config {
        Some(config) if report.is_clean() => Ok(config),
        Some(_) | None => Err(report.into_faults()),
    }
}

/// The JSON Schema (draft 7) of `quarrel.yaml`, for editors.
pub fn json_schema() -> serde_json::Value {
    shape::config_schema()
}

fn convert(
    shape: &ConfigShape,
    connection_names: Option<Vec<String>>,
    table_indexes: &[usize],
    folder: &str,
    report: &mut Report<'_>,
) -> Option<Config> {
    let at = Path::root();
    if let Some(version) = shape.version.filter(|version| *version != VERSION) {
        let message = format!("version {version} is not known; this build reads version {VERSION}");
        report.add(&at.key("version"), message);
    }
    let cluster = shape.cluster.as_ref().map(|cluster| cluster.convert(folder, &at.key("cluster"), report));
    let lake = shape.lake.as_ref().and_then(|lake| lake.convert(folder, &at.key("lake"), report));
    let state = convert_state(shape.state.as_ref(), folder, &at.key("state"), report);
    let valid = convert_connections(shape, folder, &at.key("connections"), report);
    let connections = Connections { names: connection_names, valid };
    let alerts = shape.alerts.as_ref().and_then(|alerts| alerts.convert(folder, &at.key("alerts"), report));
    let reduce = shape.reduce.as_ref().map(|reduce| reduce.convert(&at.key("reduce"), report));
    let tables = convert_tables(shape, &connections, table_indexes, report);
    check_redshift(&tables, &connections, lake.as_ref(), report);
    Some(Config {
        cluster: cluster.unwrap_or_default(),
        lake: lake?,
        state: state?,
        connections: connections.valid,
        alerts,
        tables,
        reduce: reduce.unwrap_or_default(),
    })
}

fn convert_connections(
    shape: &ConfigShape,
    folder: &str,
    at: &Path,
    report: &mut Report<'_>,
) -> BTreeMap<ConnectionName, Connection> {
    let mut valid = BTreeMap::new();
    for (name, connection) in shape.connections.iter().flatten() {
        let here = at.key(name);
        is_entry_name(name, &here, report);
        if let Some(connection) = connection.convert(folder, &here, report) {
            valid.insert(ConnectionName(name.clone()), connection);
        }
    }
    valid
}

fn convert_tables(
    shape: &ConfigShape,
    connections: &Connections,
    table_indexes: &[usize],
    report: &mut Report<'_>,
) -> Vec<Table> {
    let (schedule, window) = match &shape.defaults {
        Some(defaults) => convert_defaults(defaults, report),
        None => (None, Window::default()),
    };
    let context = TableContext { connections, schedule: schedule.as_ref(), window };
    let mut placements = Placements::default();
    let at = Path::root().key("tables");
    let converted = shape
        .tables
        .iter()
        .flatten()
        .zip(table_indexes)
        .filter_map(|(table, index)| table.convert(&context, &at.index(*index), &mut placements, report))
        .collect();
    placements.check(report);
    converted
}

fn convert_defaults(defaults: &DefaultsShape, report: &mut Report<'_>) -> (Option<Schedule>, Window) {
    let at = Path::root().key("defaults");
    let schedule = defaults.schedule.as_ref().and_then(|schedule| schedule.convert(&at.key("schedule"), report));
    let window = match &defaults.window {
        Some(window) => window.convert(Window::default(), &at.key("window"), report),
        None => Window::default(),
    };
    (schedule, window)
}
