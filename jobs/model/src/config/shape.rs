//! The shape of the whole document, and what of a damaged one can still be read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use super::alerts::AlertsShape;
use super::cluster::ClusterShape;
use super::connection::ConnectionShape;
use super::document::Node;
use super::lake::LakeShape;
use super::path::Path;
use super::reduce::ReduceShape;
use super::reference::ReferenceText;
use super::schedule::{ScheduleShape, WindowShape};
use super::table::TableShape;

/// Quarrel's configuration.
///
/// All parts are optional here, so that the sound ones of a damaged document can be checked; the schema says what is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "quarrel.yaml", description = "Quarrel's configuration.")]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigShape {
    /// The version of this format: 1.
    #[schemars(required)]
    pub(crate) version: Option<u64>,
    /// Where the work is done. Default: embedded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<ClusterShape>,
    /// The object store.
    #[schemars(required)]
    pub(crate) lake: Option<LakeShape>,
    /// Where runs, batches and watermarks are kept: a Postgres or SQLite URL. Default: SQLite, `.quarrel/state.db` beside this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<ReferenceText>,
    /// The databases, by the names that tables refer to.
    #[schemars(required)]
    pub(crate) connections: Option<BTreeMap<String, ConnectionShape>>,
    /// Where alerts go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alerts: Option<AlertsShape>,
    /// What tables have that don't say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) defaults: Option<DefaultsShape>,
    /// How batches are cut and reduced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reduce: Option<ReduceShape>,
    /// The replicated tables.
    #[schemars(required, length(min = 1))]
    pub(crate) tables: Option<Vec<TableShape>>,
}

/// What tables have that don't say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultsShape {
    /// When CDC runs by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<ScheduleShape>,
    /// Which change files a run looks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<WindowShape>,
}

/// The JSON Schema (draft 7) of `quarrel.yaml`.
pub(crate) fn config_schema() -> serde_json::Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<ConfigShape>().to_value()
}

/// What is left of a document once its damaged parts are taken out.
pub(crate) struct Sound {
    pub(crate) value: serde_yaml::Value,
    /// For each table that is left, its index in the document.
    pub(crate) table_indexes: Vec<usize>,
}

/// Takes out whatever has a damaged place in it: single tables and connections, other parts of the document whole.
pub(crate) fn sound_parts(root: Node, damaged: &[Path]) -> Sound {
    let is_damaged = |part: &Path| damaged.iter().any(|place| place.is_within(part));
    let mut kept = Vec::new();
    let mut table_indexes = Vec::new();
    let Node::Map(entries) = root else {
        return Sound { value: serde_yaml::Value::Mapping(serde_yaml::Mapping::new()), table_indexes };
    };
    for (key, node) in entries {
        let at = Path::root().key(&key);
        if damaged.contains(&at) {
            continue;
        }
        let node = match (key.as_str(), node) {
            ("tables", Node::List(tables)) => {
                let sound = tables.into_iter().enumerate().filter(|(index, _)| !is_damaged(&at.index(*index)));
                let (indexes, tables): (Vec<usize>, Vec<Node>) = sound.unzip();
                table_indexes = indexes;
                Node::List(tables)
            }
            ("connections", Node::Map(connections)) => {
                Node::Map(connections.into_iter().filter(|(name, _)| !is_damaged(&at.key(name))).collect())
            }
            (_, node) if is_damaged(&at) => {
                drop(node);
                continue;
            }
            (_, node) => node,
        };
        kept.push((key, node));
    }
    Sound { value: Node::Map(kept).into_value(), table_indexes }
}

/// The names of the document's connections, of damaged ones as well.
pub(crate) fn connection_names(root: &Node) -> Option<Vec<String>> {
    let Node::Map(entries) = root else { return None };
    let (_, connections) = entries.iter().find(|(key, _)| key == "connections")?;
    match connections {
        Node::Map(connections) => Some(connections.iter().map(|(name, _)| name.clone()).collect()),
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) | Node::Text(_) | Node::List(_) => None,
    }
}
