//! What no two tables may share: a name, the change files of a prefix, a target.
//!
//! Each table tells its places as it is converted, also when it has faults of its own, so that these checks miss nothing.

use std::collections::BTreeMap;

use super::connection::{Connection, Engine};
use super::fault::Report;
use super::path::{Path, shown};
use super::reference::Reference;
use crate::names::QualifiedName;

/// The places of all tables, in the document's order.
#[derive(Default)]
pub(crate) struct Placements {
    names: Vec<(String, Path)>,
    prefixes: Vec<Prefix>,
    targets: Vec<(TargetIdentity, String, Path)>,
}

struct Prefix {
    prefix: String,
    table: String,
    at: Path,
}

/// What makes two targets the same table: two connections may lead to one database.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TargetIdentity {
    url: Reference,
    schema: Option<String>,
    name: String,
}

impl TargetIdentity {
    fn of(connection: &Connection, table: &QualifiedName) -> TargetIdentity {
        let (schema, name) = match connection.engine {
            Engine::Sqlite => {
                let schema = table.schema.as_deref().unwrap_or("main").to_lowercase();
                (Some(schema), table.name.to_lowercase())
            }
            Engine::Redshift => (table.schema.as_deref().map(str::to_ascii_lowercase), table.name.to_ascii_lowercase()),
            Engine::Postgres | Engine::Mysql | Engine::Clickhouse => (table.schema.clone(), table.name.clone()),
        };
        TargetIdentity { url: connection.url.clone(), schema, name }
    }
}

impl Placements {
    pub(crate) fn add_name(&mut self, name: &str, at: Path) {
        self.names.push((name.to_owned(), at));
    }

    pub(crate) fn add_prefix(&mut self, prefix: &str, table: &str, at: Path) {
        self.prefixes.push(Prefix { prefix: prefix.to_owned(), table: table.to_owned(), at });
    }

    pub(crate) fn add_target(&mut self, connection: &Connection, table: &QualifiedName, entry: &str, at: Path) {
        self.targets.push((TargetIdentity::of(connection, table), entry.to_owned(), at));
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        self.check_names(report);
        self.check_prefixes(report);
        self.check_targets(report);
    }

    /// Names are parts of paths, and some file systems know no case.
    fn check_names(&self, report: &mut Report<'_>) {
        let mut seen: BTreeMap<String, (&str, &Path)> = BTreeMap::new();
        for (name, at) in &self.names {
            let (first, first_at) = *seen.entry(name.to_lowercase()).or_insert((name, at));
            if first_at == at {
                continue;
            }
            let place = place(first_at, report);
            let message = if first == name {
                format!("there is another table {} {place}", shown(name))
            } else {
                format!("{} differs from {} {place} by case alone", shown(name), shown(first))
            };
            report.add(at, message);
        }
    }

    /// Every prefix ends with `/`, so that one is inside another exactly when it starts with it.
    fn check_prefixes(&self, report: &mut Report<'_>) {
        let mut seen: BTreeMap<&str, &Prefix> = BTreeMap::new();
        for here in &self.prefixes {
            let around = here.prefix.match_indices('/').find_map(|(end, _)| seen.get(&here.prefix[..=end]));
            let inside = || {
                let next = seen.range(here.prefix.as_str()..).next();
                next.filter(|(prefix, _)| prefix.starts_with(&here.prefix)).map(|(_, other)| other)
            };
            if let Some(other) = around.or_else(inside) {
                let (table, place) = (shown(&other.table), place(&other.at, report));
                let message = if other.prefix == here.prefix {
                    format!("table {table} has the same prefix {place}: the changes of both would go to both")
                } else {
                    format!(
                        "it overlaps {} of table {table} {place}: one would apply the other's changes",
                        shown(&other.prefix)
                    )
                };
                report.add(&here.at, message);
            }
            seen.entry(&here.prefix).or_insert(here);
        }
    }

    fn check_targets(&self, report: &mut Report<'_>) {
        let mut seen: BTreeMap<&TargetIdentity, (&str, &Path)> = BTreeMap::new();
        for (identity, entry, at) in &self.targets {
            let (first, first_at) = *seen.entry(identity).or_insert((entry, at));
            if first_at != at {
                let place = place(first_at, report);
                report.add(at, format!("table {} writes to this target already {place}", shown(first)));
            }
        }
    }
}

fn place(at: &Path, report: &Report<'_>) -> String {
    match report.line_of(at) {
        Some(line) => format!("(line {line})"),
        None => format!("({at})"),
    }
}
