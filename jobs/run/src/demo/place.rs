//! The demo's folder: a lake, a target and a configuration that a user can go on with.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::files::TIMESTAMP_COLUMN;
use super::tables::TABLES;

/// Where the demo runs its cycles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DemoEngine {
    /// Plain DataFusion.
    InProcess,
    /// Ballista's scheduler and executor inside the process.
    #[default]
    Embedded,
}

impl DemoEngine {
    fn word(self) -> &'static str {
        match self {
            DemoEngine::InProcess => "in_process",
            DemoEngine::Embedded => "embedded",
        }
    }
}

/// Why there is no folder for the demo.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("failed to make folder {}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("{} is not empty", path.display())]
    NotEmpty { path: PathBuf },
    #[error("failed to write {}", path.display())]
    Config { path: PathBuf, source: std::io::Error },
}

/// A folder made for one demo.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Absolute.
    pub(super) folder: PathBuf,
}

impl Place {
    /// Makes the folder, or takes an empty one; without a path, one among the system's temporary files.
    pub(super) fn make(path: Option<&Path>, now: DateTime<Utc>) -> Result<Place, PlaceError> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => {
                let name = format!("quarrel-demo-{}-{}", now.format("%Y%m%d-%H%M%S"), std::process::id());
                std::env::temp_dir().join(name)
            }
        };
        let failed = |source| PlaceError::Folder { path: path.clone(), source };
        std::fs::create_dir_all(&path).map_err(failed)?;
        if std::fs::read_dir(&path).map_err(failed)?.next().is_some() {
            return Err(PlaceError::NotEmpty { path });
        }
        let folder = std::fs::canonicalize(&path).map_err(failed)?;
        Ok(Place { folder })
    }

    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("quarrel.yaml")
    }

    pub(super) fn target(&self) -> PathBuf {
        self.folder.join("replica.db")
    }

    /// Where the change files of a table arrive.
    pub(super) fn changes_of(&self, table: &str) -> PathBuf {
        self.folder.join("lake").join("changes").join(prefix(table))
    }

    /// Writes the configuration and gives its text.
    pub(super) fn write_config(&self, engine: DemoEngine) -> Result<String, PlaceError> {
        let text = config_text(engine);
        let path = self.config();
        std::fs::write(&path, &text).map_err(|source| PlaceError::Config { path, source })?;
        Ok(text)
    }
}

fn prefix(table: &str) -> String {
    format!("shop/{table}/")
}

/// The configuration of the demo; paths in it are relative to its folder.
fn config_text(engine: DemoEngine) -> String {
    let mut text = format!(
        "# Written by `quarrel demo`. Deliver change files of your own below lake/changes/, and run `quarrel run cdc` again.\n\
         version: 1\n\
         cluster: {}\n\
         lake:\n  changes: ./lake/changes/\n  work: ./lake/work/\n\
         connections:\n  replica: {{type: sqlite, url: \"sqlite:./replica.db\", max_connections: 2}}\n\
         tables:\n",
        engine.word()
    );
    for table in &TABLES {
        let key: Vec<&str> = table.key.iter().map(|column| column.name).collect();
        text.push_str(&format!(
            "  - name: {name}\n    \
               changes: {{format: dms, prefix: {prefix}, timestamp_column: {TIMESTAMP_COLUMN}, after_load: {after_load}}}\n    \
               key: [{key}]\n    \
               targets:\n      \
                 - {{connection: replica, table: {name}}}\n",
            name = table.name,
            prefix = prefix(table.name),
            after_load = table.after_load,
            key = key.join(", "),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use quarrel_model::config::{ClusterConfig, parse};

    use super::*;

    #[test]
    fn configuration_of_the_demo_is_valid() {
        let config = parse(&config_text(DemoEngine::InProcess), "/tmp/demo").unwrap();
        assert_eq!(config.cluster, ClusterConfig::InProcess);
        let keys: Vec<usize> = config.tables.iter().map(|table| table.key.len()).collect();
        assert_eq!(keys, [1, 2, 1]);
        assert_eq!(config.lake.changes.to_string(), "file:///tmp/demo/lake/changes/");
    }
}
