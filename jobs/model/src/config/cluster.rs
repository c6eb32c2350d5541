//! Where the work is done: in this process, or on a Ballista cluster.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::fault::Report;
use super::lake::{is_web_address, resolve_path};
use super::path::Path;

const IN_PROCESS: &str = "in_process";
const EMBEDDED: &str = "embedded";

/// A word, or the address of a scheduler. Written by hand, since serde's `untagged` would lose what was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClusterShape {
    InProcess,
    Embedded,
    Remote(RemoteShape),
}

/// A Ballista cluster that is already running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoteShape {
    /// The scheduler's address, for example `http://10.0.1.5:50050`.
    scheduler: String,
    /// Mutual TLS with the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsShape>,
}

/// PEM files for mutual TLS; relative paths are taken from the configuration's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsShape {
    /// The authority that signed the cluster's certificates.
    ca: String,
    /// The certificate that Quarrel shows.
    cert: String,
    /// The certificate's key.
    key: String,
}

/// Where the work is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ClusterConfig {
    /// Plain DataFusion in this process, without Ballista.
    InProcess,
    /// Ballista's scheduler and executor inside this process.
    #[default]
    Embedded,
    /// A cluster that is already running.
    Remote { scheduler: String, tls: Option<TlsFiles> },
}

/// Absolute paths of PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub ca: String,
    pub cert: String,
    pub key: String,
}

impl ClusterShape {
    pub(crate) fn convert(&self, folder: &str, at: &Path, report: &mut Report<'_>) -> ClusterConfig {
        match self {
            ClusterShape::InProcess => ClusterConfig::InProcess,
            ClusterShape::Embedded => ClusterConfig::Embedded,
            ClusterShape::Remote(remote) => {
                if !is_web_address(&remote.scheduler) {
                    let at = at.key("scheduler");
                    report.add_with_hint(
                        &at,
                        "this is not the address of a scheduler",
                        "for example `http://10.0.1.5:50050`",
                    );
                }
                let scheduler = remote.scheduler.trim_end_matches('/').to_owned();
                let tls = remote.tls.as_ref().map(|tls| tls.convert(folder, &at.key("tls"), report));
                ClusterConfig::Remote { scheduler, tls }
            }
        }
    }
}

impl TlsShape {
    fn convert(&self, folder: &str, at: &Path, report: &mut Report<'_>) -> TlsFiles {
        let mut file = |key: &str, path: &str| {
            if path.trim().is_empty() || path.contains('\n') {
                report.add_with_hint(&at.key(key), "this is not a path", "give the file, not its content");
            }
            resolve_path(folder, path)
        };
        TlsFiles { ca: file("ca", &self.ca), cert: file("cert", &self.cert), key: file("key", &self.key) }
    }
}

impl Serialize for ClusterShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ClusterShape::InProcess => serializer.serialize_str(IN_PROCESS),
            ClusterShape::Embedded => serializer.serialize_str(EMBEDDED),
            ClusterShape::Remote(remote) => remote.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClusterShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ClusterShape, D::Error> {
        deserializer.deserialize_any(ClusterVisitor)
    }
}

struct ClusterVisitor;

impl<'de> Visitor<'de> for ClusterVisitor {
    type Value = ClusterShape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`in_process`, `embedded` or a scheduler")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<ClusterShape, E> {
        match word {
            IN_PROCESS => Ok(ClusterShape::InProcess),
            EMBEDDED => Ok(ClusterShape::Embedded),
            other => Err(E::unknown_variant(other, &[IN_PROCESS, EMBEDDED])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<ClusterShape, A::Error> {
        RemoteShape::deserialize(MapAccessDeserializer::new(entries)).map(ClusterShape::Remote)
    }
}

impl JsonSchema for ClusterShape {
    fn schema_name() -> Cow<'static, str> {
        "ClusterShape".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where the work is done: `in_process` (plain DataFusion), `embedded` (Ballista inside this process; the default), or the scheduler of a cluster.",
            "oneOf": [
                { "type": "string", "enum": [IN_PROCESS, EMBEDDED] },
                generator.subschema_for::<RemoteShape>(),
            ],
        })
    }
}
