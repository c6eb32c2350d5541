//! Owns what a cluster works on: a long history in a bucket, and projects that bring it into databases of their own.

use std::time::Duration;

use quarrel_testkit::ddl::{KeyIndex, create_table};
use quarrel_testkit::dms::{DmsOptions, encode};
use quarrel_testkit::dump::TextRow;
use quarrel_testkit::oracle::Oracle;
use quarrel_testkit::s3::S3Server;
use quarrel_testkit::value::Dialect;

use crate::harness::bucket::Bucket;
use crate::harness::database::Database;
use crate::harness::long_history::LongHistory;
use crate::harness::process::Running;
use crate::harness::project::{Project, RUN_TIME_MAX};
use crate::harness::wait::until;
use crate::nodes::Executor;
use crate::state::State;

/// A history in the lake, and the rows it leaves.
pub struct Lake {
    pub bucket: Bucket,
    pub expected: Vec<TextRow>,
}

impl Lake {
    pub fn with(history: LongHistory) -> Lake {
        let bucket = Bucket::create("cluster");
        let mut oracle = Oracle::new(&LongHistory::key(), &LongHistory::columns());
        for number in 0..history.files {
            let file = history.file(number);
            oracle.apply(&file);
            bucket.put(&format!("changes/shop/items/{}", file.path), encode(&file, &DmsOptions::default()));
        }
        Lake { bucket, expected: oracle.text_rows(Dialect::Postgres) }
    }

    /// A project with this lake, a folder of its own for work, and an empty target.
    pub fn copy(&self, cluster: &str, reduce: &str, name: &str) -> Copy {
        let database = Database::create();
        let (key, columns) = (LongHistory::key(), LongHistory::columns());
        database.execute(&create_table("items", &key, &columns, KeyIndex::PrimaryKey, Dialect::Postgres));
        let config = self.bucket.config(cluster, S3Server::shared().endpoint(), name);
        let config = config.reduce(reduce).connection("replica", &database.url).table(
            "{name: items, changes: {prefix: shop/items/}, key: [id], targets: [{connection: replica, table: items}]}",
        );
        Copy { project: Project::new(&config), database }
    }
}

/// A project and its target.
pub struct Copy {
    pub project: Project,
    pub database: Database,
}

impl Copy {
    #[track_caller]
    pub fn assert_holds(&self, expected: &[TextRow], context: &str) {
        let columns = LongHistory::columns();
        let names: Vec<&str> = ["id"].into_iter().chain(columns.iter().map(|column| column.name.as_str())).collect();
        self.database.assert_rows("items", &names, expected, context);
    }

    fn state(&self) -> State {
        State::beside(self.project.path())
    }

    /// The id of the cluster's job, once the run has one.
    pub fn job(&self) -> Option<String> {
        self.state().text("SELECT cluster_job FROM batches WHERE cluster_job IS NOT NULL")
    }

    /// Starts a run and waits until it is in the middle of its reduction: its job is known, and an executor has
    /// written what a later stage will read.
    pub fn start_until_reducing(&self, executor: &Executor) -> Running {
        let run = Running::start(&mut self.project.cdc());
        until("the run has a job on the cluster", RUN_TIME_MAX, || self.job());
        until("an executor works", RUN_TIME_MAX, || executor.has_shuffle_files().then_some(()));
        run
    }

    /// Asserts that the run has not got its reduction: a fault that comes later proves nothing.
    #[track_caller]
    pub fn assert_still_reducing(&self) {
        let status = self.state().text("SELECT status FROM batches");
        assert_eq!(status.as_deref(), Some("collected"), "the fault came too late to count: use a longer history");
    }

    /// Ends a run whose cluster broke under it: with the right rows, or with an error that says so. Whichever it is, the
    /// next run has the right rows.
    pub fn end_right_or_recover(&self, run: &mut Running, expected: &[TextRow], within: Duration) {
        let ended = run.end_within(within);
        match ended.status.code() {
            Some(0) => {}
            Some(1) => {
                let error = ended.summary()["error"].as_str().unwrap_or_default().to_owned();
                assert!(!error.is_empty(), "a failed run says why: {ended:?}");
                eprintln!("the run failed, as it may: {error}");
                self.project.run_cdc().expect(0, "the next run");
            }
            _ => panic!("neither done nor failed in good order: {ended:?}"),
        }
        self.assert_holds(expected, "after the fault");
        self.database.assert_applied_once(self.files(), "after the fault");
        let again = self.project.run_cdc().expect(0, "a run with nothing to do");
        assert_eq!(again.summary()["status"], "nothing_to_do");
    }

    fn files(&self) -> usize {
        let listed = self.state().text("SELECT CAST(files AS TEXT) FROM batches");
        listed.and_then(|files| files.parse().ok()).expect("the one batch has a number of files")
    }
}
