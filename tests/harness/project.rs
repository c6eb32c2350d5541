//! Owns a folder with a `quarrel.yaml`, and runs the binary in it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Ended, Running};

/// The instant that runs are told it is: half an hour behind the first change of every history here. Late files and what
/// they bring back lie within the window around it.
pub const AT: &str = "2024-05-06T14:30Z";
/// No run of these tests may take longer, however loaded the machine is.
pub const RUN_TIME_MAX: Duration = Duration::from_secs(240);

/// A `quarrel.yaml` in the making. URLs go through the environment.
#[derive(Debug, Clone)]
pub struct Config {
    head: String,
    connections: String,
    tables: String,
    env: Vec<(String, String)>,
}

impl Config {
    /// `cluster` and `lake` are YAML.
    pub fn new(cluster: &str, lake: &str) -> Config {
        let head = format!("version: 1\ncluster: {cluster}\nlake: {lake}\n");
        Config { head, connections: String::new(), tables: String::new(), env: Vec::new() }
    }

    /// `reduce:`, as YAML.
    pub fn reduce(mut self, settings: &str) -> Config {
        self.head.push_str(&format!("reduce: {settings}\n"));
        self
    }

    /// A Postgres database.
    pub fn connection(self, name: &str, url: &str) -> Config {
        self.database(name, "type: postgres", url)
    }

    /// A database of another kind, which the settings say as YAML.
    pub fn database(mut self, name: &str, settings: &str, url: &str) -> Config {
        let variable = format!("QUARREL_TEST_{}", name.to_uppercase());
        self.connections.push_str(&format!("  {name}: {{{settings}, url: 'env:{variable}'}}\n"));
        self.env(&variable, url)
    }

    /// A table, as YAML.
    pub fn table(mut self, entry: &str) -> Config {
        self.tables.push_str(&format!("  - {entry}\n"));
        self
    }

    /// A variable that runs get.
    pub fn env(mut self, name: &str, value: &str) -> Config {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A folder that goes with its test.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl Project {
    pub fn new(config: &Config) -> Project {
        let folder = TempDir::with_prefix("quarrel-test-").expect("the folder of temporary files takes a folder");
        let text = format!("{}connections:\n{}tables:\n{}", config.head, config.connections, config.tables);
        std::fs::write(folder.path().join("quarrel.yaml"), text).expect("a new folder takes a file");
        Project { folder, env: config.env.clone() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `quarrel` with these words, in this folder.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quarrel"));
        command.args(words).current_dir(self.path()).env_remove("QUARREL_LOG").envs(self.env.iter().cloned());
        command
    }

    /// `quarrel run cdc`, with its summary as JSON.
    pub fn cdc(&self) -> Command {
        self.command(&["run", "cdc", "--at", AT, "--output", "json"])
    }

    /// Runs CDC to its end.
    #[track_caller]
    pub fn run_cdc(&self) -> Ended {
        Running::start(&mut self.cdc()).end_within(RUN_TIME_MAX)
    }
}
