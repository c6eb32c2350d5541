//! Airflow's pools, which limit tasks, as `max_connections`, which limits what is open to one database.

use std::collections::{BTreeMap, BTreeSet};

use super::connections::DraftConnection;
use super::fields::Given;
use super::place::Place;
use crate::config::fault::Report;
use crate::config::path::{Path, shown};

/// What a connection has that says nothing.
const CONNECTIONS_DEFAULT: u32 = 4;

/// More than one tool should ever ask for; the configuration refuses it.
const CONNECTIONS_MAX: u32 = 100;

/// The pools of one connection.
#[derive(Debug)]
pub(super) struct PoolUse {
    /// By name, each with the place that names it first.
    names: BTreeMap<String, Path>,
    /// Sizes of pools without a name.
    nameless: Vec<Given<i64>>,
}

impl PoolUse {
    pub(super) fn of(places: &[&Place]) -> PoolUse {
        let mut pools = PoolUse { names: BTreeMap::new(), nameless: Vec::new() };
        for place in places {
            match (&place.pool, &place.pool_size) {
                (Some(name), _) => {
                    pools.names.entry(name.value.clone()).or_insert_with(|| name.at.clone());
                }
                (None, Some(size)) => pools.nameless.push(size.clone()),
                (None, None) => {}
            }
        }
        pools
    }
}

/// The sizes that are given for each pool; more than one where entries contradict each other.
pub(super) fn pool_sizes(
    places: &[&Place],
    known: &BTreeMap<String, u32>,
    report: &mut Report<'_>,
) -> BTreeMap<String, BTreeSet<i64>> {
    let mut sizes: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for (name, size) in known {
        sizes.entry(name.clone()).or_default().insert(i64::from(*size));
    }
    for place in places {
        let Some(size) = &place.pool_size else { continue };
        if size.value == 0 {
            report.add(&size.at, "with a pool of size 0 nothing would ever run");
        } else if let Some(name) = &place.pool {
            sizes.entry(name.value.clone()).or_default().insert(size.value);
        }
    }
    sizes
}

/// Decides on the `max_connections` of the connection with this index, and says why.
pub(super) fn set_pool(
    connection: &mut DraftConnection<'_>,
    index: usize,
    pools: &[PoolUse],
    sizes: &BTreeMap<String, BTreeSet<i64>>,
) {
    let PoolUse { names, nameless } = &pools[index];
    let Some(at) = names.values().next().or(nameless.first().map(|size| &size.at)).cloned() else { return };
    let mut notes = Vec::new();
    let mut found: BTreeSet<i64> = nameless.iter().map(|size| size.value).collect();
    for name in names.keys() {
        let own = sizes.get(name);
        match own.map_or(0, BTreeSet::len) {
            0 => notes.push(format!("pool {} has no size here: `airflow pools list` shows it", shown(name))),
            1 => {}
            count => notes.push(format!("pool {} is given {count} sizes", shown(name))),
        }
        found.extend(own.into_iter().flatten());
        let others = pools.iter().enumerate().filter(|(other, pool)| *other != index && pool.names.contains_key(name));
        let count = others.count();
        if count > 0 {
            notes.push(format!("pool {} limited {} databases together, this limits one", shown(name), count + 1));
        }
    }
    if names.len() + nameless.len() > 1 && found.len() > 1 {
        notes.push("several pools led to this database".to_owned());
    }
    let limited: Vec<i64> = found.iter().copied().filter(|size| *size > 0).collect();
    let size = limited.iter().min().copied();
    if limited.len() > 1 {
        notes.push("the smallest size is taken".to_owned());
    }
    if size.is_none() && found.contains(&-1) {
        notes.push("the pool had no limit".to_owned());
    }
    let size = size.map(|size| u32::try_from(size).unwrap_or(u32::MAX));
    if size.is_some_and(|size| size > CONNECTIONS_MAX) {
        notes.push(format!("{} is more than Quarrel opens to one database", size.unwrap_or_default()));
    }
    connection.max_connections = Some(size.unwrap_or(CONNECTIONS_DEFAULT).min(CONNECTIONS_MAX));
    let name = names.keys().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    match (notes.is_empty(), name.is_empty()) {
        (true, true) => connection.findings.mapped(&at, "max_connections"),
        (true, false) => connection.findings.changed(&at, "max_connections", format!("pool {name}")),
        (false, _) => connection.findings.needs_check(Some(&at), "max_connections", notes.join("; ")),
    }
}
