//! Owns what histories run in: one context with its lake, state and targets, shared by all histories of a test function.
//!
//! Each history gets names of its own: a table of the configuration, a folder of the lake, a table in each target. What it
//! leaves in the targets is dropped when it has passed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quarrel_connect::redshift::{RedshiftSettings, RedshiftTarget};
use quarrel_connect::target::Target;
use quarrel_model::config::{AfterLoad, ClusterConfig, Config, Table, TargetEntry, Window, parse};
use quarrel_model::names::{ConnectionName, QualifiedName, TableName};
use quarrel_run::context::{Context, Silent};
use quarrel_run::lake::LakeArea;
use quarrel_run::stage_store::LakeStage;
use quarrel_run::targets::Targets;
use quarrel_testkit::ddl::{create_first_table, quoted};
use quarrel_testkit::dms::{self, Damage};
use quarrel_testkit::history::History;
use quarrel_testkit::postgres::PostgresServer;
use quarrel_testkit::redshift::{RedshiftStandIn, S3Access};
use quarrel_testkit::s3::S3Server;
use quarrel_testkit::value::Dialect;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use tempfile::TempDir;

use crate::case::{Case, Cleaning, Content, TargetCount};
use crate::fault::ScriptedTarget;
use crate::model::Version;
use crate::tally::Tally;

/// A file without bytes must be older than `settle` to be taken for finished.
const LONG_AGO: Duration = Duration::from_secs(3600);

/// One of the two databases that histories are loaded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    /// By way of the stand-in, which copies from a bucket of its own.
    Redshift,
}

/// A database, reached by Quarrel through a scripted target and by the test directly.
#[derive(Debug)]
pub struct Side {
    pub name: ConnectionName,
    pub url: String,
    pub dialect: Dialect,
    /// Quarrel's own, without a script.
    pub plain: Arc<dyn Target>,
    pub scripted: Arc<ScriptedTarget>,
}

/// Everything that outlives a history.
pub struct World {
    pub context: Context,
    pub sides: [Side; 2],
    pub tally: RefCell<Tally>,
    folder: TempDir,
    histories: usize,
    #[expect(dead_code, reason = "held for their Drop, which stops them")]
    stand_ins: Vec<RedshiftStandIn>,
}

/// The names of one history.
#[derive(Debug)]
pub struct Place {
    pub table: Table,
    number: usize,
}

impl Place {
    /// The table's quoted name in the targets.
    pub fn sql_name(&self) -> String {
        quoted(&self.table.targets[0].table.name)
    }
}

impl World {
    /// Opens a context with two targets of the given kinds.
    pub async fn open(cluster: ClusterConfig, kinds: [Kind; 2], postgres_urls: [String; 2]) -> World {
        sqlx::any::install_default_drivers();
        let folder = scratch_folder();
        let root = folder.path().to_str().expect("temporary folders have plain names").to_owned();
        let names = ["one", "two"];
        let mut urls = Vec::new();
        let mut connections = String::new();
        let mut stand_ins = Vec::new();
        for (place, kind) in kinds.iter().enumerate() {
            let (word, url) = match kind {
                Kind::Sqlite => ("sqlite", format!("sqlite://{root}/{}.db", names[place])),
                Kind::Postgres => ("postgres", postgres_urls[place].clone()),
                // Opened as such below: the lake of these histories is a folder, from which Redshift can't copy.
                Kind::Redshift => {
                    let s3 = S3Access::at(S3Server::shared().endpoint());
                    stand_ins.push(RedshiftStandIn::start(&postgres_urls[place], s3));
                    ("postgres", stand_ins.last().expect("it was just pushed").url())
                }
            };
            if *kind == Kind::Sqlite {
                std::fs::File::create(format!("{root}/{}.db", names[place])).expect("the folder is ours");
            }
            connections.push_str(&format!("  {}: {{type: {word}, url: '{url}', max_connections: 3}}\n", names[place]));
            urls.push(url);
        }
        std::fs::create_dir_all(format!("{root}/changes")).expect("the folder is ours");
        let text = format!(
            "version: 1\nlake: {{changes: ./changes/, work: ./work/}}\nconnections:\n{connections}tables:\n  \
             - {{name: t, changes: {{prefix: t/}}, key: [id], targets: \
             [{{connection: one, table: t}}, {{connection: two, table: t}}]}}\n"
        );
        let config = Config { cluster, ..parse(&text, &root).expect("the configuration is sound") };
        let mut context = Context::open(config, &root, Arc::new(Silent)).await.expect("a context opens");
        let redshift = [redshift_target(kinds[0], &urls[0]).await, redshift_target(kinds[1], &urls[1]).await];
        let side = |place: usize| {
            let name = ConnectionName(names[place].to_owned());
            let opened = context.targets.get(&name).expect("both targets open");
            let plain = redshift[place].clone().unwrap_or(opened);
            let scripted = Arc::new(ScriptedTarget::new(Arc::clone(&plain)));
            let dialect = match kinds[place] {
                Kind::Sqlite => Dialect::Sqlite,
                Kind::Postgres => Dialect::Postgres,
                Kind::Redshift => Dialect::Redshift,
            };
            Side { name, url: urls[place].clone(), dialect, plain, scripted }
        };
        let sides = [side(0), side(1)];
        let wrapped = sides.iter().map(|side| (side.name.clone(), Arc::clone(&side.scripted) as Arc<dyn Target>));
        context.targets = Targets::of(wrapped.collect::<BTreeMap<_, _>>());
        World { context, sides, tally: RefCell::default(), folder, histories: 0, stand_ins }
    }

    /// Makes room for a history: its configuration, and its empty tables.
    pub async fn place(&mut self, case: &Case, history: &History) -> Place {
        self.histories += 1;
        self.tally.borrow_mut().histories += 1;
        let number = self.histories;
        let mut table = self.context.config.tables[0].clone();
        table.name = TableName(format!("t{number}"));
        let changes = table.changes.as_mut().expect("the template has changes");
        changes.prefix = format!("t{number}/");
        changes.timestamp_column.clone_from(&case.options.timestamp_column);
        changes.after_load = match case.after_load {
            Cleaning::Keep => AfterLoad::Keep,
            Cleaning::Archive => AfterLoad::Archive,
        };
        table.key = history.key.iter().map(|column| column.name.clone()).collect();
        let wanted = match case.targets {
            TargetCount::One => 1,
            TargetCount::Two => 2,
        };
        table.targets = self.sides[..wanted]
            .iter()
            .map(|side| TargetEntry {
                connection: side.name.clone(),
                table: QualifiedName { schema: None, name: format!("Table {number}") },
            })
            .collect();
        // The instants of a run are given by `CdcOptions`; a narrow window is given there as well.
        table.window = Window { ahead: Duration::ZERO, look_back: Duration::ZERO };
        self.context.config.reduce.batch_max_files = case.batch_files_max;
        let place = Place { table, number };
        for side in &self.sides[..wanted] {
            let statement = create_first_table(&place.sql_name(), history, case.index, side.dialect);
            execute(&side.url, &statement).await;
        }
        place
    }

    /// Drops the tables of a history that has passed.
    pub async fn clear(&self, place: &Place) {
        for entry in &place.table.targets {
            let side = self.side(&entry.connection);
            execute(&side.url, &format!("DROP TABLE {}", place.sql_name())).await;
        }
        let _ = std::fs::remove_dir_all(self.changes_folder(place));
        let _ = std::fs::remove_dir_all(self.folder.path().join("work"));
    }

    pub fn side(&self, name: &ConnectionName) -> &Side {
        self.sides.iter().find(|side| side.name == *name).expect("places use both sides only")
    }

    fn changes_folder(&self, place: &Place) -> PathBuf {
        self.folder.path().join("changes").join(format!("t{}", place.number))
    }

    /// The path of a change file on disk.
    pub fn change_path(&self, place: &Place, path: &str) -> PathBuf {
        self.changes_folder(place).join(path)
    }

    /// Where a change file lies once it is archived.
    pub fn archived_path(&self, place: &Place, path: &str) -> PathBuf {
        let table = &place.table.name;
        self.folder.path().join("work").join("archive").join(&table.0).join(format!("t{}", place.number)).join(path)
    }

    /// The path below the table's folder of a key of the lake.
    pub fn relative<'a>(&self, place: &Place, key: &'a str) -> &'a str {
        let folder = self.changes_folder(place);
        let folder = folder.to_str().expect("temporary folders have plain names").trim_start_matches('/');
        key.strip_prefix(folder).map_or(key, |rest| rest.trim_start_matches('/'))
    }

    /// Files that reductions have left behind.
    pub fn reduced_files(&self, place: &Place) -> Vec<PathBuf> {
        files_below(&self.folder.path().join("work").join("batches").join(&place.table.name.0))
    }

    /// Puts a content into the lake, and tells how the store names it.
    pub async fn deliver(&self, place: &Place, content: Content, case: &Case) -> Version {
        let spec = content.spec();
        let path = self.change_path(place, &spec.path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder is ours");
        let bytes = dms::encode(spec, &case.options);
        let bytes = match content {
            Content::Whole(_) => bytes,
            Content::Half(_) => dms::damaged(bytes, Damage::CutInHalf),
            Content::Empty(_) => Vec::new(),
        };
        std::fs::write(&path, bytes).expect("the folder is ours");
        if let Content::Empty(_) = content {
            let file = std::fs::File::options().write(true).open(&path).expect("it was just written");
            file.set_modified(SystemTime::now() - LONG_AGO).expect("the file is ours");
        }
        let changes = &self.context.lake.changes;
        let key = changes.key(&format!("t{}/{}", place.number, spec.path));
        let found = changes.head(&key).await.expect("the lake can be read").expect("it was just written");
        Version { content, etag: found.e_tag, size: found.size }
    }

    /// Puts what is no change file beside the change files.
    pub fn litter(&self, place: &Place) {
        let folder = self.changes_folder(place);
        std::fs::create_dir_all(&folder).expect("the folder is ours");
        for name in ["LOAD00000001.parquet", "_SUCCESS", ".20240506-135930000.parquet.tmp", "notes.txt"] {
            std::fs::write(folder.join(name), b"not a change file").expect("the folder is ours");
        }
    }

    /// Lets every lease expire, as when the process that held them is gone: a dropped run leaves its own behind.
    pub async fn expire_leases(&self) {
        let url = format!("sqlite://{}/.quarrel/state.db", self.folder.path().display());
        execute(&url, "UPDATE leases SET expires_at_ms = 0").await;
    }

    /// Waits until no transaction writes to the table any more: what a dropped run had sent may still be under way.
    pub async fn settle(&self, place: &Place) {
        for entry in &place.table.targets {
            let side = self.side(&entry.connection);
            let statement = match side.dialect {
                Dialect::Sqlite => "BEGIN IMMEDIATE; ROLLBACK".to_owned(),
                Dialect::Postgres | Dialect::Redshift => format!(
                    "SET lock_timeout = '20s'; BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; ROLLBACK",
                    place.sql_name()
                ),
            };
            execute(&side.url, &statement).await;
        }
    }
}

/// A target of the stand-in at a URL, copied from a bucket that no other has.
async fn redshift_target(kind: Kind, url: &str) -> Option<Arc<dyn Target>> {
    if kind != Kind::Redshift {
        return None;
    }
    let server = S3Server::shared();
    let bucket = server.create_unique_bucket("histories");
    let area = LakeArea {
        store: server.store(&bucket),
        store_url: format!("s3://{bucket}/"),
        prefix: object_store::path::Path::from("work"),
    };
    let settings = RedshiftSettings {
        iam_role: "arn:aws:iam::123456789012:role/copy".to_owned(),
        slices: 2,
        store: Arc::new(LakeStage::new(area)),
    };
    let target = RedshiftTarget::connect("redshift", url, 3, settings).await;
    Some(Arc::new(target.expect("the stand-in's URL can be read")))
}

/// A folder in memory where there is one: histories write thousands of small files.
fn scratch_folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = tempfile::Builder::new().prefix("quarrel-histories-").tempdir_in(memory);
    folder.unwrap_or_else(|_| tempfile::tempdir().expect("a temporary folder can be made"))
}

/// An empty database each: a history's two targets are one table in two places.
pub fn postgres_urls() -> [String; 2] {
    let server = PostgresServer::shared();
    [server.create_database(), server.create_database()]
}

/// Runs statements by a connection of their own.
pub async fn execute(url: &str, statement: &str) {
    let mut connection = AnyConnection::connect(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let done = connection.execute(sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.close().await.unwrap_or_else(|error| panic!("{url}: {error}"));
}

fn files_below(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}
