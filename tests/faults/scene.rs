//! Owns what a fault strikes: one table `items`, its change files in a lake, and its targets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use quarrel_testkit::ddl::{KeyIndex, create_table};
use quarrel_testkit::dms::{DmsOptions, encode};
use quarrel_testkit::dump::table_names;
use quarrel_testkit::history::{ChangeFileSpec, History, Shape};
use quarrel_testkit::oracle::Oracle;
use quarrel_testkit::redshift::{RedshiftStandIn, S3Access};
use quarrel_testkit::s3::S3Server;
use quarrel_testkit::value::{Column, Dialect};

use crate::harness::bucket::Bucket;
use crate::harness::database::Database;
use crate::harness::process::{Ended, Running, SIGKILL, ended_by};
use crate::harness::project::{Config, Project, RUN_TIME_MAX};
use crate::harness::wait::block_on;

/// The folder of the table's files below the lake's changes.
const PREFIX: &str = "shop/items";
/// The tables of Quarrel's schema that stay.
const LEDGER: [&str; 6] = [
    "quarrel.full_load_parts",
    "quarrel.ledger_batches",
    "quarrel.ledger_files",
    "quarrel.ledger_full_loads",
    "quarrel.ledger_tables",
    "quarrel.load_lock",
];
/// A connection to Redshift, which copies from the lake with some role.
const REDSHIFT: &str = "type: redshift, iam_role: 'arn:aws:iam::123456789012:role/copy'";
pub const FOLDER_LAKE: &str = "{changes: ./changes/, work: ./work/}";

/// A history of about a dozen files, some of them empty, with every kind of column.
pub fn short_history(seed: u64) -> History {
    History::seeded(seed, 300, &Shape::default())
}

/// An empty table in an empty database, as the first file of a history knows it.
pub fn empty_target(key: &[Column], columns: &[Column]) -> Database {
    let database = Database::create();
    database.execute(&create_table("items", key, columns, KeyIndex::PrimaryKey, Dialect::Postgres));
    database
}

/// Where change files lie.
#[derive(Debug)]
enum Lake {
    Folder,
    Bucket(Bucket),
}

/// A table, its lake and its targets.
#[derive(Debug)]
pub struct Scene {
    pub project: Project,
    pub targets: Vec<Database>,
    lake: Lake,
}

/// A scene in the making.
#[derive(Debug)]
pub struct Setup {
    pub key: Vec<Column>,
    /// The columns of the target's table, without the key.
    pub columns: Vec<Column>,
    /// Entries of `changes:` beside the prefix, as YAML: `, settle: 0s`.
    pub changes: &'static str,
    /// Entries of the table, as YAML: `, lock_timeout: 5s`.
    pub table: &'static str,
    /// `reduce:`, as YAML.
    pub reduce: &'static str,
}

impl Setup {
    pub fn of(history: &History) -> Setup {
        let columns = history.files.first().map_or(&history.columns, |file| &file.columns);
        Setup { key: history.key.clone(), columns: columns.clone(), changes: "", table: "", reduce: "{}" }
    }

    /// With the lake in a folder, and so many databases.
    pub fn in_folder(&self, targets: usize) -> Scene {
        let config = Config::new("in_process", FOLDER_LAKE);
        let databases = (0..targets).map(|_| self.target()).collect();
        self.scene(config, databases, Lake::Folder, |database| database.url.clone())
    }

    /// With the lake in a folder, and one database by another URL than its own.
    pub fn by_way_of(&self, database: Database, url: &str) -> Scene {
        let config = Config::new("in_process", FOLDER_LAKE);
        self.scene(config, vec![database], Lake::Folder, |_| url.to_owned())
    }

    /// With the lake in a bucket behind an endpoint, and one database.
    pub fn in_bucket(&self, endpoint: &str, cluster: &str) -> Scene {
        let bucket = Bucket::create("faults");
        let config = bucket.config(cluster, endpoint, "one");
        self.scene(config, vec![self.target()], Lake::Bucket(bucket), |database| database.url.clone())
    }

    /// With the lake in a bucket, one Postgres database, and one of a stand-in for Redshift, which goes with the scene.
    pub fn beside_redshift(&self) -> (Scene, RedshiftStandIn) {
        let endpoint = S3Server::shared().endpoint();
        let stand_in = RedshiftStandIn::start(&Database::create().url, S3Access::at(endpoint));
        let dwh = Database { url: stand_in.url() };
        dwh.execute(&create_table("items", &self.key, &self.columns, KeyIndex::PrimaryKey, Dialect::Redshift));
        let bucket = Bucket::create("redshift");
        let targets = vec![self.target(), dwh];
        let config = bucket.config("in_process", endpoint, "one").reduce(self.reduce);
        let config = config.connection("target0", &targets[0].url).database("target1", REDSHIFT, &targets[1].url);
        let scene = Scene { project: Project::new(&self.with_table(config, 2)), targets, lake: Lake::Bucket(bucket) };
        (scene, stand_in)
    }

    pub fn target(&self) -> Database {
        empty_target(&self.key, &self.columns)
    }

    fn scene(&self, config: Config, targets: Vec<Database>, lake: Lake, url: impl Fn(&Database) -> String) -> Scene {
        let mut config = config.reduce(self.reduce);
        for (number, database) in targets.iter().enumerate() {
            config = config.connection(&format!("target{number}"), &url(database));
        }
        Scene { project: Project::new(&self.with_table(config, targets.len())), targets, lake }
    }

    /// With the table, and so many targets that are connections already.
    fn with_table(&self, config: Config, targets: usize) -> Config {
        let place = |number: usize| format!("{{connection: target{number}, table: items}}");
        let places: Vec<String> = (0..targets).map(place).collect();
        let key: Vec<&str> = self.key.iter().map(|column| column.name.as_str()).collect();
        let (key, places) = (key.join(", "), places.join(", "));
        let (changes, table) = (self.changes, self.table);
        config.table(&format!(
            "{{name: items, changes: {{prefix: {PREFIX}/{changes}}}, key: [{key}], targets: [{places}]{table}}}"
        ))
    }
}

impl Scene {
    /// Puts change files into the lake.
    pub fn deliver(&self, files: &[ChangeFileSpec]) {
        files.iter().for_each(|file| self.deliver_bytes(&file.path, encode(file, &DmsOptions::default())));
    }

    /// Puts an object of any content beside the change files.
    pub fn deliver_bytes(&self, path: &str, bytes: Vec<u8>) {
        match &self.lake {
            Lake::Folder => {
                let path = self.changes_folder().join(path);
                let folder = path.parent().expect("a path below a folder has a parent");
                let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes));
                written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
            }
            Lake::Bucket(bucket) => bucket.put(&format!("changes/{PREFIX}/{path}"), bytes),
        }
    }

    /// Runs CDC to its end.
    #[track_caller]
    pub fn run(&self) -> Ended {
        self.project.run_cdc()
    }

    /// Runs CDC with a further word.
    #[track_caller]
    pub fn run_with(&self, word: &str) -> Ended {
        Running::start(self.project.cdc().arg(word)).end_within(RUN_TIME_MAX)
    }

    /// Runs CDC and lets it die at a fail point.
    #[track_caller]
    pub fn run_killed_at(&self, point: &str) {
        let ended = Running::start(self.project.cdc().env("QUARREL_FAIL_AT", point)).end_within(RUN_TIME_MAX);
        assert!(ended_by(&ended, SIGKILL), "nothing died at `{point}`: {ended:?}");
    }

    /// Asserts that every target holds what these files leave.
    #[track_caller]
    pub fn assert_holds(&self, history: &History, files: &[ChangeFileSpec], context: &str) {
        let oracle = Oracle::of_files(&history.key, &history.columns, files);
        for (number, database) in self.targets.iter().enumerate() {
            let expected = oracle.text_rows(Dialect::Postgres);
            database.assert_rows("items", &oracle.column_names(), &expected, &format!("{context}, target {number}"));
        }
    }

    /// Asserts that every target has each of the files once, and nothing of any attempt is left, in a target or the lake.
    #[track_caller]
    pub fn assert_applied_once_and_clean(&self, files: usize, context: &str) {
        for (number, database) in self.targets.iter().enumerate() {
            database.assert_applied_once(files, &format!("{context}, target {number}"));
        }
        self.assert_staging_is_empty(context);
        assert_eq!(self.work_files("batches"), [""; 0], "{context}: files of batches");
    }

    /// Asserts that no target has a staging table.
    #[track_caller]
    pub fn assert_staging_is_empty(&self, context: &str) {
        for (number, database) in self.targets.iter().enumerate() {
            assert_eq!(staging_tables(database), [""; 0], "{context}, target {number}: staging tables");
        }
    }

    /// Asserts that these files, and no others, have been moved to the archive.
    #[track_caller]
    pub fn assert_archived(&self, files: &[ChangeFileSpec], context: &str) {
        assert_eq!(self.change_files(), [""; 0], "{context}: files left in the lake");
        let expected: BTreeSet<String> = files.iter().map(|file| format!("items/{PREFIX}/{}", file.path)).collect();
        let archived: BTreeSet<String> = self.work_files("archive").into_iter().collect();
        assert_eq!(archived, expected, "{context}: files in the archive");
    }

    /// The change files in the lake, relative to the table's folder.
    pub fn change_files(&self) -> Vec<String> {
        match &self.lake {
            Lake::Folder => files_below(&self.changes_folder()),
            Lake::Bucket(bucket) => bucket.keys_below(&format!("changes/{PREFIX}/")),
        }
    }

    /// Quarrel's own files in a folder of the work area, relative to it.
    pub fn work_files(&self, folder: &str) -> Vec<String> {
        match &self.lake {
            Lake::Folder => files_below(&self.project.path().join("work").join(folder)),
            Lake::Bucket(bucket) => bucket.keys_below(&format!("work/one/{folder}/")),
        }
    }

    fn changes_folder(&self) -> PathBuf {
        self.project.path().join("changes").join(PREFIX)
    }
}

/// Tables that a load may leave for a moment, and never for longer.
pub fn staging_tables(database: &Database) -> Vec<String> {
    let names = block_on(table_names(&database.url));
    let is_ours = |name: &String| name.starts_with("quarrel.") && !LEDGER.contains(&name.as_str());
    names.into_iter().filter(is_ours).collect()
}

/// The files below a folder, relative to it, sorted.
pub fn files_below(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(folder).expect("it lies below the folder");
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}
