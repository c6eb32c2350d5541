//! A database for one test, and how to ask it without going through the code under test.

use std::sync::Arc;

use quarrel_connect::postgres::PostgresTarget;
use quarrel_connect::redshift::{RedshiftSettings, RedshiftTarget};
use quarrel_connect::sqlite::SqliteTarget;
use quarrel_connect::target::Target;
use quarrel_testkit::dump::dump_table;
use quarrel_testkit::postgres::PostgresServer;
use quarrel_testkit::redshift::real::RealRedshift;
use quarrel_testkit::redshift::{RedshiftStandIn, S3Access};
use quarrel_testkit::s3::S3Server;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use super::stage_place::{StagePlace, StoreOf};

/// Runs test functions of an engine for one of them, in a module of its own.
#[macro_export]
macro_rules! for_engine {
    ($module:ident, $engine:ident: $($test:ident),*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test($crate::conformance::database::Engine::$engine).await;
                }
            )*
        }
    };
}

/// Runs test functions of an engine for each of them.
#[macro_export]
macro_rules! for_each_engine {
    ($($test:ident),* $(,)?) => {
        $crate::for_engine!(postgres, Postgres: $($test),*);
        $crate::for_engine!(redshift, Redshift: $($test),*);
        $crate::for_engine!(sqlite, Sqlite: $($test),*);
    };
}

/// Runs test functions of an engine for each that can replace a table whole.
#[macro_export]
macro_rules! for_each_replacing_engine {
    ($($test:ident),* $(,)?) => {
        $crate::for_engine!(postgres, Postgres: $($test),*);
        $crate::for_engine!(sqlite, Sqlite: $($test),*);
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    /// The stand-in, or a real one if the environment names it.
    Redshift,
    Sqlite,
}

/// An empty database.
pub struct Database {
    pub engine: Engine,
    pub url: String,
    /// Where Redshift copies from.
    pub stage: Option<StagePlace>,
    keep: Keep,
}

/// What goes with a database.
enum Keep {
    Nothing,
    Folder { _folder: tempfile::TempDir },
    StandIn(RedshiftStandIn),
    Real(RealRedshift),
}

/// Of the clusters that the targets of tests are told of.
pub const SLICES: usize = 4;

/// A database of a real Redshift, if the environment names one, or of a stand-in.
fn redshift() -> Database {
    if let Some(real) = RealRedshift::from_environment() {
        let database = real.create_database();
        let stage =
            Some(StagePlace { bucket: real.bucket.clone(), role: real.role.clone(), store: StoreOf::Environment });
        return Database { engine: Engine::Redshift, url: database.url.clone(), stage, keep: Keep::Real(database) };
    }
    let s3 = S3Server::shared();
    let bucket = s3.create_unique_bucket("redshift");
    let stand_in = RedshiftStandIn::start(&PostgresServer::shared().create_database(), S3Access::at(s3.endpoint()));
    let role = "arn:aws:iam::123456789012:role/copy".to_owned();
    let stage = Some(StagePlace { bucket, role, store: StoreOf::TestServer });
    Database { engine: Engine::Redshift, url: stand_in.url(), stage, keep: Keep::StandIn(stand_in) }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Keep::Real(database) = &self.keep {
            database.drop_database();
        }
    }
}

/// Rows as text, in the order of their texts.
pub type Rows = Vec<Vec<Option<String>>>;

impl Database {
    pub async fn new(engine: Engine) -> Database {
        match engine {
            // The server starts with its own runtime, which this one must not hold.
            Engine::Postgres => {
                let url = tokio::task::spawn_blocking(|| PostgresServer::shared().create_database()).await.unwrap();
                Database { engine, url, stage: None, keep: Keep::Nothing }
            }
            Engine::Redshift => tokio::task::spawn_blocking(redshift).await.unwrap(),
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}", folder.path().join("target.db").display());
                Database { engine, url, stage: None, keep: Keep::Folder { _folder: folder } }
            }
        }
    }

    /// The stand-in; none before a real Redshift.
    pub fn stand_in(&self) -> Option<&RedshiftStandIn> {
        match &self.keep {
            Keep::StandIn(stand_in) => Some(stand_in),
            Keep::Nothing | Keep::Folder { .. } | Keep::Real(_) => None,
        }
    }

    /// A database that is there.
    pub fn at(engine: Engine, url: String, stage: Option<StagePlace>) -> Database {
        Database { engine, url, stage, keep: Keep::Nothing }
    }

    /// A new target on this database, as another process would have it.
    pub async fn target(&self, max_connections: u32) -> Arc<dyn Target> {
        self.target_at(&self.url, max_connections).await
    }

    /// A target on this database by another way, such as a proxy.
    pub async fn target_at(&self, url: &str, max_connections: u32) -> Arc<dyn Target> {
        match self.engine {
            Engine::Postgres => Arc::new(PostgresTarget::connect("test", url, max_connections).await.unwrap()),
            Engine::Redshift => {
                let stage = self.stage.as_ref().expect("a database for Redshift has a place to copy from");
                let settings = RedshiftSettings { iam_role: stage.role.clone(), slices: SLICES, store: stage.store() };
                Arc::new(RedshiftTarget::connect("test", url, max_connections, settings).await.unwrap())
            }
            Engine::Sqlite => Arc::new(SqliteTarget::connect("test", url, max_connections).await.unwrap()),
        }
    }

    /// Runs statements on a connection of their own.
    pub async fn execute(&self, script: &str) {
        let result = match self.engine {
            Engine::Postgres | Engine::Redshift => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                connection.execute(AssertSqlSafe(script.to_owned())).await.map(|_| ())
            }
            Engine::Sqlite => {
                let url = format!("{}?mode=rwc", self.url);
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                connection.execute(AssertSqlSafe(script.to_owned())).await.map(|_| ())
            }
        };
        result.unwrap_or_else(|error| panic!("{script}: {error}"));
    }

    /// The rows of a table; `table` is quoted SQL, `columns` are bare names.
    pub async fn rows(&self, table: &str, columns: &[&str]) -> Rows {
        dump_table(&self.url, table, columns).await
    }

    /// One whole number.
    pub async fn number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query.to_owned());
        match self.engine {
            Engine::Postgres | Engine::Redshift => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            }
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// Every table there is.
    pub async fn tables(&self) -> Vec<String> {
        quarrel_testkit::dump::table_names(&self.url).await
    }
}

/// Rows written out: `None` where a cell is `NULL`.
pub fn rows(written: &[&[&str]]) -> Rows {
    let cell = |text: &&str| if *text == "NULL" { None } else { Some((*text).to_owned()) };
    let mut rows: Rows = written.iter().map(|row| row.iter().map(cell).collect()).collect();
    rows.sort();
    rows
}
