//! The configuration that a command works on, and the tables of it that were asked for.

use std::path::{Path, PathBuf};

use quarrel_model::config::{Config, Table, parse};
use quarrel_model::names::TableName;

use crate::exit::{Exit, Failure};

/// How alike two names must be, from 0 to 1, before one is offered for the other.
const LIKENESS_MIN: f64 = 0.6;

/// A configuration and the folder it lies in.
#[derive(Debug)]
pub struct Project {
    pub config: Config,
    /// Absolute.
    pub folder: String,
}

impl Project {
    /// Reads the configuration.
    pub fn open(file: &Path) -> Result<Self, Failure> {
        let (text, folder) = read(file)?;
        let config = parse(&text, &folder).map_err(|faults| Failure::of_faults(&file.display().to_string(), faults))?;
        Ok(Project { config, folder })
    }

    /// The tables of these names, in the configuration's order; all of them when none is named.
    pub fn tables(&self, names: &[String]) -> Result<Vec<Table>, Failure> {
        let tables = &self.config.tables;
        let known = |name: &&String| tables.iter().any(|table| table.name.0 == **name);
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            return Err(self.unknown_table(unknown));
        }
        let wanted = |table: &&Table| names.is_empty() || names.contains(&table.name.0);
        Ok(tables.iter().filter(wanted).cloned().collect())
    }

    /// The tables that CDC runs for: those named, or all that have change files.
    pub fn cdc_tables(&self, names: &[String]) -> Result<Vec<Table>, Failure> {
        let mut tables = self.tables(names)?;
        if names.is_empty() {
            tables.retain(|table| table.changes.is_some());
        }
        if tables.is_empty() {
            let failure = Failure::new(Exit::UsageOrInternal, "no table of the configuration has `changes`");
            return Err(failure.with_hint("CDC reads change files: say where they are with `changes: {prefix: …}`"));
        }
        Ok(tables)
    }

    /// The tables that are loaded whole: those named, or all that say where their rows come from.
    pub fn full_load_tables(&self, names: &[String]) -> Result<Vec<Table>, Failure> {
        let mut tables = self.tables(names)?;
        if names.is_empty() {
            tables.retain(|table| table.load_origin().is_some());
        }
        if tables.is_empty() {
            let failure =
                Failure::new(Exit::UsageOrInternal, "no table of the configuration has `source` or `changes`");
            return Err(failure.with_hint("say where the rows come from with `source: {connection: …, table: …}`"));
        }
        Ok(tables)
    }

    /// The name of a table that is known.
    pub fn table_name(&self, name: &str) -> Result<TableName, Failure> {
        let found = self.config.table(&TableName(name.to_owned()));
        found.map(|table| table.name.clone()).ok_or_else(|| self.unknown_table(name))
    }

    fn unknown_table(&self, name: &str) -> Failure {
        let known: Vec<&str> = self.config.tables.iter().map(|table| table.name.0.as_str()).collect();
        let nearest = known
            .iter()
            .map(|known| (strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase()), known))
            .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
            .max_by(|(left, _), (right, _)| left.total_cmp(right));
        let all = known.join(", ");
        let hint = match nearest {
            Some((_, nearest)) => format!("did you mean `{nearest}`? The configuration has: {all}"),
            None => format!("the configuration has: {all}"),
        };
        Failure::new(Exit::UsageOrInternal, format!("there is no table `{name}`")).with_hint(hint)
    }
}

/// The text of a configuration file, and the absolute path of its folder.
pub fn read(file: &Path) -> Result<(String, String), Failure> {
    let failed = |source: std::io::Error| {
        let error = format!("failed to read {}: {source}", file.display());
        let failure = Failure::new(Exit::Configuration, error);
        match source.kind() {
            std::io::ErrorKind::NotFound => failure.with_hint("`quarrel init` writes one to begin with"),
            _ => failure,
        }
    };
    let text = std::fs::read_to_string(file).map_err(failed)?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder: PathBuf = parent.unwrap_or(Path::new(".")).canonicalize().map_err(failed)?;
    let folder = folder
        .into_os_string()
        .into_string()
        .map_err(|_| Failure::new(Exit::Configuration, "the path of the configuration's folder is not Unicode"))?;
    Ok((text, folder))
}
