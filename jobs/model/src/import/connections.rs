//! The connections that the entries name, each with its kind, its variable and its pool.
//!
//! A connection of Airflow leads to a server, and an entry picks the database; one of Quarrel leads to one database. So a
//! connection that is used with several databases becomes several.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::EngineWord;
use super::finding::Findings;
use super::naming::{connection_variable, entry_name, unique};
use super::place::Place;
use super::pools::{PoolUse, pool_sizes, set_pool};
use crate::config::Engine;
use crate::config::document::Lines;
use crate::config::fault::Report;
use crate::config::path::{Path, shown};

/// A role that can't be anybody's: `COPY` fails with it until it is replaced.
pub(super) const ROLE_PLACEHOLDER: &str = "arn:aws:iam::000000000000:role/REPLACE_ME";

/// A connection in the making.
#[derive(Debug)]
pub(super) struct DraftConnection<'l> {
    pub(super) name: String,
    /// The id in Airflow; none when only a database was given.
    pub(super) airflow_id: Option<String>,
    pub(super) database: Option<String>,
    /// None: its fault is reported.
    pub(super) engine: Option<EngineWord>,
    /// The environment variable with its URL.
    pub(super) variable: String,
    pub(super) max_connections: Option<u32>,
    pub(super) iam_role: Option<&'static str>,
    /// Where it is named first.
    pub(super) at: Path,
    pub(super) findings: Findings<'l>,
}

/// What makes two places use one connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    id: String,
    database: Option<String>,
}

/// The connections, in the order in which the entries name them.
#[derive(Debug)]
pub(super) struct Connections<'l> {
    pub(super) list: Vec<DraftConnection<'l>>,
    indexes: BTreeMap<Identity, usize>,
    databases: BTreeMap<String, BTreeSet<String>>,
}

impl<'l> Connections<'l> {
    /// The connections of all places; what contradicts itself is reported.
    pub(super) fn plan(
        places: &[&Place],
        known_sizes: &BTreeMap<String, u32>,
        lines: &'l Lines,
        report: &mut Report<'_>,
    ) -> Connections<'l> {
        let mut databases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for place in places {
            if let (Some(id), Some(database)) = (id_of(place), &place.database) {
                databases.entry(id.to_owned()).or_default().insert(database.value.clone());
            }
        }
        let mut planned = Connections { list: Vec::new(), indexes: BTreeMap::new(), databases };
        let mut uses: Vec<Vec<&Place>> = Vec::new();
        for place in places {
            let Some(identity) = planned.identity(place) else {
                if !place.stated.identity {
                    report.add(&place.at, "neither a connection nor a database is given");
                }
                continue;
            };
            let index = *planned.indexes.entry(identity).or_insert(uses.len());
            if index == uses.len() {
                uses.push(Vec::new());
            }
            uses[index].push(place);
        }
        planned.list = planned.name_all(&uses, lines);
        for (connection, places) in planned.list.iter_mut().zip(&uses) {
            connection.engine = engine_of(connection, places, report);
            if connection.engine == Some(EngineWord::Known(Engine::Redshift)) {
                connection.iam_role = Some(ROLE_PLACEHOLDER);
                connection.findings.needs_filling_in("iam_role", "the role with which COPY reads the work area");
            }
        }
        let sizes = pool_sizes(places, known_sizes, report);
        let pools: Vec<PoolUse> = uses.iter().map(|places| PoolUse::of(places)).collect();
        for (index, connection) in planned.list.iter_mut().enumerate() {
            set_pool(connection, index, &pools, &sizes);
        }
        planned
    }

    /// The connection of a place; none when it has a fault, which is reported.
    pub(super) fn of(&self, place: &Place) -> Option<&DraftConnection<'l>> {
        self.indexes.get(&self.identity(place)?).map(|index| &self.list[*index])
    }

    /// A place that names no database means the connection's only one, if there is just one.
    fn identity(&self, place: &Place) -> Option<Identity> {
        let id = id_of(place)?;
        let database = match (&place.database, self.databases.get(id)) {
            (Some(database), _) => Some(database.value.clone()),
            (None, Some(known)) if known.len() == 1 => known.first().cloned(),
            (None, Some(_) | None) => None,
        };
        Some(Identity { id: id.to_owned(), database })
    }

    fn name_all(&self, uses: &[Vec<&Place>], lines: &'l Lines) -> Vec<DraftConnection<'l>> {
        let mut order: Vec<(&Identity, usize)> =
            self.indexes.iter().map(|(identity, index)| (identity, *index)).collect();
        order.sort_by_key(|(_, index)| *index);
        let (mut names, mut variables) = (BTreeSet::new(), BTreeSet::new());
        let each = order.into_iter().map(|(identity, index)| {
            let first = uses[index][0];
            let several = self.databases.get(&identity.id).is_some_and(|databases| databases.len() > 1);
            let wanted = match &identity.database {
                Some(database) if several => format!("{}_{database}", identity.id),
                Some(_) | None => identity.id.clone(),
            };
            let name = unique(&entry_name(&wanted), &mut names);
            let variable = unique(&connection_variable(&wanted), &mut variables).to_ascii_uppercase();
            let mut connection = DraftConnection {
                name,
                airflow_id: first.connection.as_ref().map(|id| id.value.clone()),
                database: identity.database.clone(),
                engine: None,
                variable,
                max_connections: None,
                iam_role: None,
                at: first.connection.as_ref().or(first.database.as_ref()).map_or(&first.at, |given| &given.at).clone(),
                findings: Findings::new(lines),
            };
            connection.say_where_it_comes_from(several);
            connection
        });
        each.collect()
    }
}

impl DraftConnection<'_> {
    /// The kind, when the configuration can name it.
    pub(super) fn known_engine(&self) -> Option<Engine> {
        match self.engine {
            Some(EngineWord::Known(engine)) => Some(engine),
            Some(EngineWord::Unknown(_)) | None => None,
        }
    }

    fn say_where_it_comes_from(&mut self, several: bool) {
        let at = self.at.clone();
        let note = match (&self.airflow_id, &self.database) {
            (Some(id), Some(database)) if several => {
                format!("Airflow's connection {} with database {}; the URL must name it", shown(id), shown(database))
            }
            (Some(id), Some(database)) => {
                format!("Airflow's connection {}; the URL must name database {}", shown(id), shown(database))
            }
            (Some(id), None) => format!("Airflow's connection {}", shown(id)),
            (None, _) => "no connection is given: named after its database".to_owned(),
        };
        self.findings.changed(&at, "url", note);
        if self.airflow_id.as_ref().is_some_and(|id| *id != self.name) {
            let note =
                if several { "one of several databases" } else { "Airflow's id can't be a name here, or is another's" };
            self.findings.changed(&at, "name", note);
        }
    }
}

/// Without a connection a place is known by its database.
fn id_of(place: &Place) -> Option<&str> {
    place.connection.as_ref().or(place.database.as_ref()).map(|given| given.value.as_str())
}

fn engine_of(connection: &DraftConnection<'_>, places: &[&Place], report: &mut Report<'_>) -> Option<EngineWord> {
    let mut given = places.iter().filter_map(|place| place.engine.as_ref());
    let Some(first) = given.next() else {
        // A type with a fault is a type, and its fault is reported.
        if let Some(place) = places.first().filter(|_| !places.iter().any(|place| place.stated.engine)) {
            let message = format!("nothing says what kind of database {} is", shown(&connection.name));
            report.add_with_hint(&place.at, message, "add `type: postgres`, for example");
        }
        return None;
    };
    for other in given.filter(|other| other.value != first.value) {
        let message = format!(
            "connection {} is {} here, and {} at `{}`",
            shown(&connection.name),
            other.value.shown(),
            first.value.shown(),
            first.at
        );
        report.add(&other.at, message);
    }
    Some(first.value.clone())
}
