//! A table with a source, change files, full-load files and a copy.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use quarrel_testkit::ddl::{KeyIndex, create_table};
use quarrel_testkit::dms::{DmsOptions, encode, encode_full_load};
use quarrel_testkit::history::{ChangeFileSpec, History, Shape};
use quarrel_testkit::oracle::Oracle;
use quarrel_testkit::value::Dialect;
use serde_json::Value;

use crate::harness::database::Database;
use crate::harness::process::{Ended, Running, SIGKILL, ended_by};
use crate::harness::project::{AT, Config, Project, RUN_TIME_MAX};

const PREFIX: &str = "finops/shop/items";
/// 2024-05-06 14:00:00 UTC, when histories begin, in seconds since 1970.
pub const HISTORY_BEGINS: u64 = 1_715_004_000;

/// A history of some files, with every kind of column.
pub fn history(seed: u64) -> History {
    History::seeded(seed, 300, &Shape::default())
}

/// What these files leave.
pub fn oracle(history: &History, files: &[ChangeFileSpec]) -> Oracle {
    Oracle::of_files(&history.key, &history.columns, files)
}

/// A project with one table.
#[derive(Debug)]
pub struct Scene {
    pub project: Project,
    #[expect(dead_code, reason = "held because the configuration names it")]
    source: Database,
    pub target: Database,
}

impl Scene {
    /// The source has the history's table, empty; the target database is empty. `table` are further entries of the table, as
    /// YAML, and `changes` further entries of its changes.
    pub fn new(history: &History, changes: &str, table: &str, env: &[(String, String)]) -> Scene {
        let (source, target) = (Database::create(), Database::create());
        let columns = &history.columns;
        source.execute(&create_table("items", &history.key, columns, KeyIndex::PrimaryKey, Dialect::Postgres));
        let key: Vec<&str> = history.key.iter().map(|column| column.name.as_str()).collect();
        let mut config = Config::new("in_process", "{changes: ./changes/, work: ./work/}")
            .connection("live", &source.url)
            .connection("copy", &target.url)
            .table(&format!(
                "{{name: items, source: {{connection: live, table: public.items}}, \
                 changes: {{prefix: {PREFIX}/{changes}}}, key: [{}], \
                 targets: [{{connection: copy, table: replica.items}}]{table}}}",
                key.join(", ")
            ));
        for (name, value) in env {
            config = config.env(name, value);
        }
        Scene { project: Project::new(&config), source, target }
    }

    /// Puts change files into the lake.
    pub fn deliver(&self, files: &[ChangeFileSpec]) {
        for file in files {
            self.write(&file.path, encode(file, &DmsOptions::default()));
        }
    }

    /// Puts full-load files into the lake, written at an instant (seconds since 1970).
    pub fn deliver_load(&self, files: &[ChangeFileSpec], written_at: u64) {
        for file in files {
            let path = self.write(&file.path, encode_full_load(file, &DmsOptions::default()));
            let written = SystemTime::UNIX_EPOCH + Duration::from_secs(written_at);
            File::options()
                .append(true)
                .open(&path)
                .and_then(|file| file.set_modified(written))
                .expect("a file of ours");
        }
    }

    fn write(&self, path: &str, bytes: Vec<u8>) -> PathBuf {
        let path = self.folder().join(path);
        let folder = path.parent().expect("a path below a folder has a parent");
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    fn folder(&self) -> PathBuf {
        self.project.path().join("changes").join(PREFIX)
    }

    /// The names of the full-load files in the change area.
    pub fn load_files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.contains("LOAD"))
            .collect();
        names.sort();
        names
    }

    /// Runs a full load, and CDC behind it, to their end.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> Ended {
        let mut command = self.project.command(&["run", "full-load", "--at", AT, "--output", "json"]);
        Running::start(command.args(words)).end_within(RUN_TIME_MAX)
    }

    /// Runs a full load and lets it die at a fail point.
    #[track_caller]
    pub fn run_killed_at(&self, point: &str) {
        let mut command = self.project.command(&["run", "full-load", "--at", AT, "--output", "json"]);
        let ended = Running::start(command.env("QUARREL_FAIL_AT", point)).end_within(RUN_TIME_MAX);
        assert!(ended_by(&ended, SIGKILL), "nothing died at `{point}`: {ended:?}");
    }

    /// The plan of the table's next full load.
    #[track_caller]
    pub fn plan(&self, code: i32) -> Value {
        let mut command = self.project.command(&["plan", "full-load", "--at", AT, "--output", "json"]);
        let ended = Running::start(&mut command).end_within(RUN_TIME_MAX).expect(code, "the plan");
        let plan: Value = serde_json::from_str(&ended.stdout).expect("a plan is JSON");
        plan["tables"][0].clone()
    }

    /// Asserts that the target holds the rows of an oracle.
    #[track_caller]
    pub fn assert_holds(&self, oracle: &Oracle, context: &str) {
        let expected = oracle.text_rows(Dialect::Postgres);
        self.target.assert_rows("replica.items", &oracle.column_names(), &expected, context);
    }
}

/// The summaries of a run: the full load's, and CDC's behind it.
#[track_caller]
pub fn summaries(ended: &Ended) -> Vec<Value> {
    let printed: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("stdout is no JSON ({error}): {ended:?}"));
    printed["runs"].as_array().expect("runs are a list").clone()
}
