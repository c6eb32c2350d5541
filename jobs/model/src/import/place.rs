//! A table in a database, as an entry names it: its source, or one of its targets.

use super::engine::{EngineWord, engine};
use super::fields::{Fields, Given, Unknown};
use super::spelling::{CONNECTION, DATABASE, POOL, POOL_SIZE, SCHEMA, Spellings, TABLE, TYPE, place_words};
use super::value::{text, whole};
use crate::config::document::Node;
use crate::config::fault::Report;
use crate::config::path::{Path, is_harmless};

/// Airflow's word for a pool without a limit.
const UNLIMITED: i64 = -1;

/// A table in a database; whatever was not given or had a fault is missing.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) at: Path,
    /// The place in the entry of the configuration: `source`, `targets[0]`.
    pub(super) to: String,
    pub(super) database: Option<Given<String>>,
    pub(super) engine: Option<Given<EngineWord>>,
    pub(super) schema: Option<Given<String>>,
    pub(super) table: Option<Given<String>>,
    pub(super) connection: Option<Given<String>>,
    pub(super) pool: Option<Given<String>>,
    pub(super) pool_size: Option<Given<i64>>,
    pub(super) unknown: Vec<Unknown>,
    pub(super) stated: Stated,
}

/// What stands in the variable, be it with a fault: it is not missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) table: bool,
    pub(super) engine: bool,
    /// A connection or a database.
    pub(super) identity: bool,
    /// There is no object of its own: the settings stand in the entry.
    pub(super) flat: bool,
}

/// Where the settings of a place are looked for.
pub(super) struct Origin<'f, 'n> {
    /// The object of its own.
    pub(super) own: Option<&'f mut Fields<'n>>,
    /// The entry around it, and what stands before its settings there.
    pub(super) flat: Option<(&'f mut Fields<'n>, &'static str)>,
}

impl<'n> Origin<'_, 'n> {
    fn take(&mut self, spellings: Spellings, report: &mut Report<'_>) -> Option<Given<&'n Node>> {
        let own = self.own.as_mut().and_then(|own| own.take(spellings, report));
        let flat = self.flat.as_mut().and_then(|(entry, prefix)| entry.take_prefixed(prefix, spellings, report));
        if let (Some(own), Some(flat)) = (&own, &flat) {
            report.add(&flat.at, format!("this is said already, by `{}`", own.at));
        }
        own.or(flat)
    }
}

/// Reads a place. Of what an object of its own holds, unknown keys are kept; those of the entry are the entry's.
pub(super) fn read_place(mut origin: Origin<'_, '_>, at: &Path, to: &str, report: &mut Report<'_>) -> Place {
    let schema = origin.take(SCHEMA, report).and_then(|given| text(given, report));
    let (database, connection) = (origin.take(DATABASE, report), origin.take(CONNECTION, report));
    let (table, kind) = (origin.take(TABLE, report), origin.take(TYPE, report));
    let identity = database.is_some() || connection.is_some();
    let flat = origin.own.is_none();
    let stated = Stated { table: table.is_some(), engine: kind.is_some(), identity, flat };
    let database = database.and_then(|given| text(given, report));
    let connection = connection.and_then(|given| text(given, report)).and_then(|id| connection_id(id, report));
    let table = table.and_then(|given| text(given, report));
    let engine = kind.and_then(|given| engine(given, report));
    let Pool { name: pool, size, unknown: of_pool } =
        origin.take(POOL, report).map_or_else(Pool::default, |given| read_pool(given, report));
    let own_size = origin.take(POOL_SIZE, report).and_then(|given| whole(given, UNLIMITED, report));
    if let (Some(inside), Some(beside)) = (&size, &own_size) {
        report.add(&beside.at, format!("this is said already, by `{}`", inside.at));
    }
    let mut unknown = origin.own.map(|own| own.unknown(&place_words())).unwrap_or_default();
    unknown.extend(of_pool);
    let pool_size = size.or(own_size);
    let (at, to) = (at.clone(), to.to_owned());
    Place { at, to, database, engine, schema, table, connection, pool, pool_size, unknown, stated }
}

/// An id is a word. What is none may be the URL itself, with a password.
fn connection_id(id: Given<String>, report: &mut Report<'_>) -> Option<Given<String>> {
    if is_harmless(&id.value) && !id.value.contains("//") {
        return Some(id);
    }
    report.add_with_hint(
        &id.at,
        "the id of an Airflow connection is expected here; what stands here may hold a password, and is not taken over",
        "put the URL into an environment variable, and name the connection by its id",
    );
    None
}

/// A pool as an entry gives it.
#[derive(Debug, Default)]
struct Pool {
    name: Option<Given<String>>,
    size: Option<Given<i64>>,
    unknown: Vec<Unknown>,
}

/// A pool's name, its size, or `{"name": …, "slots": …}`.
fn read_pool(given: Given<&Node>, report: &mut Report<'_>) -> Pool {
    match given.value {
        Node::Integer(_) | Node::Float(_) => Pool { size: whole(given, UNLIMITED, report), ..Pool::default() },
        Node::Map(_) => {
            let Some(mut fields) = Fields::open(given.value, &given.at, report) else { return Pool::default() };
            let name = fields.take(&["name", "pool"], report).and_then(|name| text(name, report));
            let size = fields.take(&["slots", "size"], report).and_then(|size| whole(size, UNLIMITED, report));
            Pool { name, size, unknown: fields.unknown(&["name".to_owned(), "slots".to_owned()]) }
        }
        Node::Null | Node::Bool(_) | Node::Text(_) | Node::List(_) => {
            Pool { name: text(given, report), ..Pool::default() }
        }
    }
}
