//! Names of every kind through a whole CDC run into a real Postgres: tables, schemas, key and data columns.
//!
//! A name is data until the one quoting type has put quotes around it; here, random ones full of quotes, newlines, statement
//! separators, reserved words and unicode go through collecting, reducing and loading, and the rows must be there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::test_runner::{Config as RunnerConfig, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use quarrel_model::collect::SchemaChangeRule;
use quarrel_model::config::{ClusterConfig, Config, parse};
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::summary::RunStatus;
use quarrel_run::cdc::{CdcOptions, run_cdc};
use quarrel_run::context::{Context, Silent};
use quarrel_testkit::ddl::{KeyIndex, create_first_table, quoted};
use quarrel_testkit::dms::{DmsOptions, write_history};
use quarrel_testkit::dump::{difference, dump_table, table_names};
use quarrel_testkit::history::{ColumnSet, History, Shape, Step};
use quarrel_testkit::oracle::Oracle;
use quarrel_testkit::postgres::PostgresServer;
use quarrel_testkit::value::{Column, Dialect};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const SEED_VARIABLE: &str = "QUARREL_TEST_SEED";
/// Each case is two runs and a table; more would find little more, and take long.
const CASES: u32 = 100;
/// Postgres cuts longer names, in silence.
const NAME_BYTES_MAX: usize = 63;
/// Names of Quarrel's own in reduced rows, and of the producer in change files.
const TAKEN: [&str; 7] = ["_op", "_file", "_row", "_position", "_file_etag", "Op", "AR_H_CHANGE_SEQ"];

/// The names of a table with a key of two columns, the data columns behind it, one of them added on the way.
#[derive(Debug, Clone)]
struct Names {
    schema: String,
    table: String,
    columns: Vec<String>,
}

/// Pieces that mean something to SQL, to templates, to formats or to somebody's eyes.
const PIECES: [&str; 34] = [
    "\"", "\"\"", "'", "''", "\n", "\r\n", "\t", "\\", ";", "--", "/*", "*/", "$1", "$$", "{{key}}", "{0}", "%", "%s",
    "?", ":a", ".", " ", ",", "(", ")", "=", "select", "ORDER", "Größe", "漢字", "🏹", "e\u{301}", "\u{202e}",
    "\u{a0}",
];
const WORDS: [&str; 14] = [
    "select", "table", "user", "order", "group", "primary", "id", "ID", "Id", "position", "changes", "last", "staged",
    "target",
];

fn name() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
        2 => "[a-zA-Z0-9_]{1,4}",
        1 => any::<char>().prop_filter("NUL ends a name", |c| *c != '\0').prop_map(String::from),
    ];
    let pieces = proptest::collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat());
    let word = proptest::sample::select(&WORDS[..]).prop_map(str::to_owned);
    let long = "[a-z\"]{63}";
    prop_oneof![6 => pieces, 3 => word, 1 => long].prop_filter("a name fits", |name| {
        name.len() <= NAME_BYTES_MAX && !TAKEN.contains(&name.as_str()) && !name.starts_with("AR_H_")
    })
}

fn names() -> impl Strategy<Value = Names> {
    let system = |name: &String| name.starts_with("pg_") || name == "quarrel" || name == "information_schema";
    let schema = name().prop_filter("a schema of the system", move |name| !system(name));
    let columns = proptest::collection::vec(name(), 5).prop_filter("columns are told apart", |columns| {
        // A column that comes later is taken for the only one of the target that is equal but for case.
        let (added, first) = columns.split_last().expect("there are five");
        first.iter().collect::<BTreeSet<_>>().len() == first.len()
            && !first.iter().any(|name| name.eq_ignore_ascii_case(added))
    });
    (schema, name(), columns).prop_map(|(schema, table, columns)| Names { schema, table, columns })
}

/// A history of a table with these names: two files, the second with a column more.
fn history(names: &Names) -> History {
    let shape = Shape { keys: 12, key_columns: 2, columns: ColumnSet::Narrow, added_at: vec![40], ..Shape::default() };
    let mut history = History::build(&shape, &Step::seeded(4, 80));
    let rename = |columns: &mut Vec<Column>, first: usize| {
        columns.iter_mut().zip(&names.columns[first..]).for_each(|(column, name)| column.name.clone_from(name));
    };
    rename(&mut history.key, 0);
    rename(&mut history.columns, 2);
    for file in &mut history.files {
        rename(&mut file.key, 0);
        rename(&mut file.columns, 2);
    }
    history
}

struct World {
    context: Context,
    url: String,
    folder: TempDir,
    cases: usize,
}

impl World {
    async fn open(url: String) -> World {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let root = folder.path().to_str().expect("temporary folders have plain names");
        std::fs::create_dir(folder.path().join("changes")).expect("the folder is ours");
        let text = format!(
            "version: 1\nlake: {{changes: ./changes/, work: ./work/}}\nconnections:\n  pg: {{type: postgres, url: '{url}'}}\n\
             tables:\n  - {{name: t, changes: {{prefix: t/}}, key: [id], targets: [{{connection: pg, table: t}}]}}\n"
        );
        let parsed = parse(&text, root).expect("the configuration is sound");
        let config = Config { cluster: ClusterConfig::InProcess, ..parsed };
        let context = Context::open(config, root, Arc::new(Silent)).await.expect("a context opens");
        World { context, url, folder, cases: 0 }
    }

    async fn check(&mut self, names: &Names) -> Result<(), String> {
        self.cases += 1;
        let history = history(names);
        let mut table = self.context.config.tables[0].clone();
        table.name = TableName(format!("t{}", self.cases));
        table.key = names.columns[..2].to_vec();
        table.targets[0].table = QualifiedName { schema: Some(names.schema.clone()), name: names.table.clone() };
        table.changes.as_mut().expect("the template has changes").prefix = format!("t{}/", self.cases);
        write_history(&self.folder.path().join("changes").join(&table.name.0), &history, &DmsOptions::default());

        let schema = quoted(&names.schema);
        let target = format!("{schema}.{}", quoted(&names.table));
        let create = create_first_table(&target, &history, KeyIndex::PrimaryKey, Dialect::Postgres);
        let mut connection = PgConnection::connect(&self.url).await.map_err(|error| error.to_string())?;
        for statement in [format!("CREATE SCHEMA {schema}"), create] {
            connection.execute(AssertSqlSafe(statement)).await.map_err(|error| error.to_string())?;
        }
        let at: DateTime<Utc> = "2024-05-07T00:00:00Z".parse().expect("an instant");
        let look_back = Some(std::time::Duration::from_secs(3 * 24 * 3600));
        let options = CdcOptions { at, look_back, schema_changes: SchemaChangeRule::Refuse };
        for expected in [RunStatus::Succeeded, RunStatus::NothingToDo] {
            let summary = run_cdc(&self.context, &table, &options, &CancellationToken::new()).await;
            if summary.status != expected {
                return Err(format!("{expected:?} is expected: {summary:?}"));
            }
        }
        let oracle = Oracle::of(&history);
        let found = dump_table(&self.url, &target, &oracle.column_names()).await;
        let drop = format!("DROP SCHEMA {schema} CASCADE");
        connection.execute(AssertSqlSafe(drop)).await.map_err(|error| error.to_string())?;
        connection.close().await.map_err(|error| error.to_string())?;
        let rest = table_names(&self.url).await;
        if let Some(stray) = rest.iter().find(|name| !name.starts_with("quarrel.")) {
            return Err(format!("a table was made beside the target: {stray}"));
        }
        difference(&oracle.text_rows(Dialect::Postgres), &found).map_or(Ok(()), Err)
    }
}

#[test]
fn names_of_every_kind_go_through_a_whole_run() {
    let seed: u64 = match std::env::var(SEED_VARIABLE) {
        Ok(text) => text.parse().expect("a seed is a number"),
        Err(_) => uuid::Uuid::now_v7().as_u64_pair().1,
    };
    println!("{SEED_VARIABLE}={seed}");
    let url = PostgresServer::shared().create_database();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let world = RefCell::new(runtime.block_on(World::open(url)));
    let config = RunnerConfig { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Default::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let result =
        runner.run(&names(), |names| runtime.block_on(world.borrow_mut().check(&names)).map_err(TestCaseError::fail));
    if let Err(error) = result {
        panic!("{SEED_VARIABLE}={seed}: {error}");
    }
}
