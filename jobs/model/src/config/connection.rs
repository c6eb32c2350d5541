//! Databases, and where the state is kept.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Report;
use super::lake::resolve_path;
use super::path::{Path, shown};
use super::reference::{Reference, ReferenceText, reference_setting, scheme};
use super::suggest::{did_you_mean, quoted_list};
use crate::names::ConnectionName;

/// Enough for a small database; a busy one is told.
const CONNECTIONS_DEFAULT: u32 = 4;

/// What Postgres allows as a whole by default: one tool should never ask for more.
const CONNECTIONS_MAX: u32 = 100;

/// Two nodes of the smallest kind; a workgroup reads more side by side, and loses little by fewer files.
const SLICES_DEFAULT: u32 = 4;

/// The largest clusters there are.
const SLICES_MAX: u32 = 2_048;

/// Names go into logs, paths and flags.
const NAME_BYTES_MAX: usize = 64;

/// A database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionShape {
    /// What kind of database it is.
    #[serde(rename = "type")]
    engine: Engine,
    /// The database's URL: a reference, or the URL itself when it carries no password.
    url: ReferenceText,
    /// How many connections are open at most: the pool of that database, shared by all tables and jobs. Default: 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = CONNECTIONS_MAX))]
    max_connections: Option<u32>,
    /// Redshift only: the role with which `COPY` reads the work area.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "arn:aws:iam::123456789012:role/copy")]
    iam_role: Option<String>,
    /// Redshift only: slices of the cluster; large batches are copied from a multiple of so many files. Default: 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = SLICES_MAX))]
    slices: Option<u32>,
}

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    Postgres,
    Redshift,
    Sqlite,
    Mysql,
    Clickhouse,
}

impl Engine {
    /// Whether rows can be loaded into it today.
    pub fn is_target(self) -> bool {
        match self {
            Engine::Postgres | Engine::Redshift | Engine::Sqlite => true,
            Engine::Mysql | Engine::Clickhouse => false,
        }
    }

    /// Whether it takes columns `ID` and `id` for the same, however they are quoted.
    pub fn folds_column_case(self) -> bool {
        match self {
            Engine::Sqlite | Engine::Redshift | Engine::Mysql => true,
            Engine::Postgres | Engine::Clickhouse => false,
        }
    }

    /// The longest name, in bytes; longer ones are cut in silence or refused. None: no limit that matters.
    pub fn name_bytes_max(self) -> Option<usize> {
        match self {
            Engine::Postgres => Some(63),
            Engine::Redshift => Some(127),
            Engine::Mysql => Some(64),
            Engine::Sqlite | Engine::Clickhouse => None,
        }
    }

    fn schemes(self) -> &'static [&'static str] {
        match self {
            Engine::Postgres => &["postgres", "postgresql"],
            Engine::Redshift => &["redshift", "postgres", "postgresql"],
            Engine::Sqlite => &["sqlite"],
            Engine::Mysql => &["mysql", "mariadb"],
            Engine::Clickhouse => &["clickhouse", "http", "https"],
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Postgres => "Postgres",
            Engine::Redshift => "Redshift",
            Engine::Sqlite => "SQLite",
            Engine::Mysql => "MySQL",
            Engine::Clickhouse => "ClickHouse",
        })
    }
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub engine: Engine,
    pub url: Reference,
    /// The pool of that database, 1 to 100.
    pub max_connections: u32,
    /// Redshift only: the role with which `COPY` reads the work area.
    pub iam_role: Option<String>,
    /// Redshift only: slices of the cluster.
    pub slices: u32,
}

/// Where runs, batches and watermarks are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StateConfig {
    /// SQLite, `.quarrel/state.db` beside the configuration.
    #[default]
    Default,
    /// A Postgres or SQLite URL, once the reference is resolved.
    Url(Reference),
}

/// The connections that the tables' entries may name.
pub(crate) struct Connections {
    /// Every name in the document, of broken entries as well; none when there is no list of them.
    pub(crate) names: Option<Vec<String>>,
    pub(crate) valid: BTreeMap<ConnectionName, Connection>,
}

impl Connections {
    /// The connection of that name. One that doesn't exist is reported; one that is broken has been reported already.
    pub(crate) fn find(&self, name: &str, at: &Path, report: &mut Report<'_>) -> Option<&Connection> {
        let names = self.names.as_ref()?;
        if !names.iter().any(|known| known == name) {
            let message = format!("there is no connection {}", shown(name));
            match did_you_mean(name, names.iter().map(String::as_str)) {
                Some(hint) => report.add_with_hint(at, message, hint),
                None => report.add(at, message),
            }
        }
        self.valid.get(&ConnectionName(name.to_owned()))
    }
}

impl ConnectionShape {
    pub(crate) fn convert(&self, folder: &str, at: &Path, report: &mut Report<'_>) -> Option<Connection> {
        if let Some(role) = &self.iam_role {
            let at = at.key("iam_role");
            if self.engine != Engine::Redshift {
                report.add(&at, format!("{} takes no role; only Redshift does", self.engine));
            } else if !is_role(role) {
                report.add_with_hint(&at, "this is not the ARN of a role", "it begins with `arn:aws:iam::`");
            }
        }
        if self.slices.is_some() && self.engine != Engine::Redshift {
            report.add(&at.key("slices"), format!("{} has no slices; only Redshift does", self.engine));
        }
        let url = reference_setting(&self.url, folder, &at.key("url"), report)?;
        Some(Connection {
            engine: self.engine,
            url: database_url(url, self.engine.schemes(), folder, &at.key("url"), report)?,
            max_connections: self.max_connections.unwrap_or(CONNECTIONS_DEFAULT),
            iam_role: self.iam_role.clone(),
            slices: self.slices.unwrap_or(SLICES_DEFAULT),
        })
    }
}

/// Whether a text is the ARN of a role, or of a chain of them: it becomes part of a statement, and of logs.
fn is_role(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-:/".contains(c);
    text.starts_with("arn:") && text.chars().all(plain)
}

pub(crate) fn convert_state(
    text: Option<&ReferenceText>,
    folder: &str,
    at: &Path,
    report: &mut Report<'_>,
) -> Option<StateConfig> {
    let Some(text) = text else { return Some(StateConfig::Default) };
    let url = reference_setting(text, folder, at, report)?;
    database_url(url, &["postgres", "postgresql", "sqlite"], folder, at, report).map(StateConfig::Url)
}

/// Checks the scheme of a plain URL, and resolves the path of a SQLite file against the configuration's folder.
fn database_url(
    url: Reference,
    schemes: &[&str],
    folder: &str,
    at: &Path,
    report: &mut Report<'_>,
) -> Option<Reference> {
    let Reference::Plain(text) = &url else { return Some(url) };
    let found = scheme(text);
    if !schemes.contains(&found) {
        report.add(at, format!("the URL begins with {}, not with one of {}", shown(found), quoted_list(schemes)));
        return None;
    }
    let Some(rest) = text.strip_prefix("sqlite:") else { return Some(url) };
    let (path, parameters) = match rest.split_once('?') {
        Some((path, parameters)) => (path, format!("?{parameters}")),
        None => (rest, String::new()),
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains(":memory:") || parameters.contains("mode=memory") {
        report.add_with_hint(
            at,
            "a database in memory is gone when the run ends",
            "name a file: `sqlite:./replica.db`",
        );
        return None;
    }
    Some(Reference::Plain(format!("sqlite://{}{parameters}", resolve_path(folder, path))))
}

/// Whether the name of a table or a connection is one that flags, paths and logs can carry; reported where it isn't.
pub(crate) fn is_entry_name(name: &str, at: &Path, report: &mut Report<'_>) -> bool {
    let fits = name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !fits {
        report.add_with_hint(
            at,
            format!("{} can't be a name here", shown(name)),
            format!("use up to {NAME_BYTES_MAX} letters, digits, `_`, `-` and `.`"),
        );
    }
    fits
}
