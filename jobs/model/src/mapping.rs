//! Which type a column gets at its target, and what is lost on the way.
//!
//! A pair of databases is a table of its own ([`postgres_to_postgres`], [`postgres_to_redshift`], [`mysql_to_postgres`],
//! [`mysql_to_redshift`], [`to_sqlite`]): one exhaustive `match`, a line a type. What the route loses, whatever the target, is
//! another ([`dms`]). [`map_column`] joins them with the configuration's override.
//!
//! # Invariants
//! - A mapping holds every value of its source, or says by a [`KnownLoss`] which it does not.
//! - A type's SQL is made from [`TargetType`] alone: no text of a source or of a configuration becomes part of it.

mod dms;
mod fits;
mod loss;
mod mysql_to_postgres;
mod mysql_to_redshift;
mod parse;
mod postgres_to_postgres;
mod postgres_to_redshift;
mod target_type;
#[cfg(test)]
mod tests;
mod to_sqlite;

pub use self::fits::{Relation, relate_types};
pub use self::loss::KnownLoss;
pub use self::target_type::TargetType;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Engine;
use crate::source::{SourceColumn, SourceType};

/// A kind of database that tables are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetEngine {
    Postgres,
    Redshift,
    Sqlite,
}

impl TargetEngine {
    /// The target engine of a configured connection; None for one that tables aren't made in.
    pub fn of(engine: Engine) -> Option<TargetEngine> {
        match engine {
            Engine::Postgres => Some(TargetEngine::Postgres),
            Engine::Redshift => Some(TargetEngine::Redshift),
            Engine::Sqlite => Some(TargetEngine::Sqlite),
            Engine::Mysql | Engine::Clickhouse => None,
        }
    }

    /// The connection's engine.
    pub fn engine(self) -> Engine {
        match self {
            TargetEngine::Postgres => Engine::Postgres,
            TargetEngine::Redshift => Engine::Redshift,
            TargetEngine::Sqlite => Engine::Sqlite,
        }
    }
}

impl std::fmt::Display for TargetEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.engine().fmt(f)
    }
}

/// How rows come from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// By files that AWS DMS writes.
    Dms,
    /// By reading the source.
    Direct,
}

/// What the mapping of one table depends on.
#[derive(Debug, Clone)]
pub struct MappingRules {
    pub engine: TargetEngine,
    pub route: Route,
    /// Types by column, as the configuration has them (`columns: {c: {type: "varchar(64)"}}`).
    pub overrides: BTreeMap<String, String>,
    /// How many characters of a column DMS keeps (`columns: {c: {lob_slice: 63000}}`).
    pub lob_slices: BTreeMap<String, u32>,
}

/// Who chose a column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    Mapping,
    Configuration,
}

/// How the direct route reads a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadAs {
    /// As it is: the target takes the source's own value.
    Value,
    /// Cast at the source to this type (of the source's engine) first.
    Cast(TargetType),
}

/// A column on its way: what it becomes, and what is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedColumn {
    /// Name at the source.
    pub source: String,
    /// The source's own spelling of its type.
    pub source_type: String,
    #[serde(rename = "type")]
    pub target_type: TargetType,
    /// The target's spelling of it.
    pub spelling: String,
    pub chosen_by: ChosenBy,
    pub read_as: ReadAs,
    pub losses: Vec<KnownLoss>,
}

/// Why a column has no type at its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum MappingError {
    #[error(
        "column `{column}`: {engine} has no type for `{spelling}`; name one in `columns: {{{column}: {{type: …}}}}`"
    )]
    NoType { column: String, spelling: String, engine: TargetEngine },
    #[error("column `{column}`: `{text}` is not a type of {engine} that Quarrel knows")]
    Override { column: String, text: String, engine: TargetEngine },
}

/// What one table of types says of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapped {
    target_type: TargetType,
    read_as: ReadAs,
    losses: Vec<KnownLoss>,
}

impl Mapped {
    fn value(target_type: TargetType) -> Mapped {
        Mapped { target_type, read_as: ReadAs::Value, losses: Vec::new() }
    }

    /// Read by the source's text form.
    fn text(target_type: TargetType) -> Mapped {
        Mapped { target_type, read_as: ReadAs::Cast(TargetType::Text), losses: Vec::new() }
    }

    fn with(mut self, loss: KnownLoss) -> Mapped {
        self.losses.push(loss);
        self
    }
}

/// The type of a column at the target, and what is lost on the way there.
///
/// # Errors
/// A type that no table has a place for, or an override that is no type of the target.
pub fn map_column(column: &SourceColumn, rules: &MappingRules) -> Result<MappedColumn, MappingError> {
    let mut mapped = map_type(column, rules);
    let mut chosen_by = ChosenBy::Mapping;
    if let Some(text) = rules.overrides.get(&column.name) {
        let chosen = TargetType::parse(rules.engine, text).ok_or_else(|| MappingError::Override {
            column: column.name.clone(),
            text: text.clone(),
            engine: rules.engine,
        })?;
        chosen_by = ChosenBy::Configuration;
        mapped = Some(chosen_type(mapped, chosen, rules));
    }
    let Some(mapped) = mapped else {
        return Err(MappingError::NoType {
            column: column.name.clone(),
            spelling: column.spelling.clone(),
            engine: rules.engine,
        });
    };
    let mut losses = match rules.route {
        Route::Dms => dms::losses(&column.source_type, rules.lob_slices.get(&column.name).copied()),
        Route::Direct => Vec::new(),
    };
    for loss in mapped.losses {
        if !losses.contains(&loss) {
            losses.push(loss);
        }
    }
    Ok(MappedColumn {
        source: column.name.clone(),
        source_type: column.spelling.clone(),
        spelling: mapped.target_type.spelling(rules.engine),
        target_type: mapped.target_type,
        chosen_by,
        read_as: mapped.read_as,
        losses,
    })
}

fn map_type(column: &SourceColumn, rules: &MappingRules) -> Option<Mapped> {
    match (&column.source_type, rules.engine) {
        (SourceType::Postgres(from), TargetEngine::Postgres) => Some(postgres_to_postgres::map(from)),
        (SourceType::Postgres(from), TargetEngine::Redshift) => Some(postgres_to_redshift::map(from, rules.route)),
        (SourceType::Postgres(from), TargetEngine::Sqlite) => Some(to_sqlite::from_postgres(from)),
        (SourceType::MySql(from), TargetEngine::Postgres) => mysql_to_postgres::map(from),
        (SourceType::MySql(from), TargetEngine::Redshift) => mysql_to_redshift::map(from),
        (SourceType::MySql(from), TargetEngine::Sqlite) => to_sqlite::from_mysql(from),
    }
}

/// The configuration's choice in place of the mapping's: it is told when it holds less.
fn chosen_type(mapped: Option<Mapped>, chosen: TargetType, rules: &MappingRules) -> Mapped {
    let Some(mapped) = mapped else { return Mapped::text(chosen) };
    match relate_types(&mapped.target_type, &chosen) {
        Relation::Same => Mapped { target_type: chosen, ..mapped },
        Relation::Widens => Mapped { target_type: chosen, losses: Vec::new(), ..mapped },
        Relation::Narrows | Relation::Differs => {
            let mapping = mapped.target_type.spelling(rules.engine);
            let read_as = if chosen == TargetType::Text { ReadAs::Cast(TargetType::Text) } else { mapped.read_as };
            Mapped { target_type: chosen, read_as, losses: vec![KnownLoss::ChosenType { mapping }] }
        }
    }
}
