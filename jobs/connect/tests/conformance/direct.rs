//! Postgres straight into Postgres: of one moment, every type as it is, and whatever happens on the way.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quarrel_connect::postgres::PostgresTarget;
use quarrel_connect::postgres::direct::{DirectCopy, DirectOptions, DirectSnapshot, copy_direct};
use quarrel_connect::replace::{Replace as _, ReplaceError};
use quarrel_connect::target::{Retry, Target as _};
use quarrel_model::bad_value::BadValuePolicy;
use quarrel_model::change_file::FileOrder;
use quarrel_model::ledger::{Epoch, Fence};
use quarrel_model::replace::{PartReceipt, ReplacePlan};
use quarrel_model::target::{Generation, LoadColumn};
use quarrel_sql::fragment::CatalogType;
use quarrel_testkit::dump::{assert_same_rows, dump_table};
use quarrel_testkit::tcp_proxy::{Fault, FaultKind, PostgresProxy};
use quarrel_testkit::value::{Dialect, render};
use quarrel_testkit::wide_types;
use tokio_util::sync::CancellationToken;

use super::database::{Database, Engine, rows};
use super::scene::table_name;

/// Small enough that a few thousand rows make several ranges.
const SMALL: DirectOptions = DirectOptions { range_bytes: 64 << 10 };
const WIDE_ROWS: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, note text);
    INSERT INTO orders SELECT n, repeat('x', 50) || n FROM generate_series(1, 5000) AS n";

/// A source and a target, each a database of its own.
struct Pair {
    from: Database,
    to: Database,
    source: PostgresTarget,
    target: PostgresTarget,
}

impl Pair {
    async fn new(source: &str, target: &str) -> Pair {
        let (from, to) = (Database::new(Engine::Postgres).await, Database::new(Engine::Postgres).await);
        from.execute(source).await;
        to.execute(target).await;
        let open = async |url: &str| PostgresTarget::connect("test", url, 4).await.unwrap();
        let (source, target) = (open(&from.url).await, open(&to.url).await);
        Pair { from, to, source, target }
    }

    /// The plan of a load of the snapshot: every column of the target by its name, but for those that it computes.
    async fn plan(&self, snapshot: &DirectSnapshot, table: &str) -> ReplacePlan {
        let described = self.target.describe(&table.parse().unwrap()).await.unwrap().unwrap();
        let written = described.columns.into_iter().filter(|column| column.generation != Generation::Computed);
        let column = |target: quarrel_model::target::TargetColumn| LoadColumn {
            source: target.name.clone(),
            target,
            on_bad_value: BadValuePolicy::Fail,
            in_key: false,
        };
        ReplacePlan {
            table: table_name(),
            target: described.name,
            load: snapshot.load_id(&table_name()),
            fence: Some(Fence { epoch: Epoch(1), holder: "run-1".to_owned() }),
            columns: written.map(column).collect(),
            ignored_columns: vec![],
            floor: FileOrder::at(snapshot.instant()),
            lock_timeout: Duration::from_secs(20),
        }
    }

    async fn copy(&self, snapshot: &DirectSnapshot, copy: DirectCopy<'_>) -> Result<Vec<PartReceipt>, ReplaceError> {
        copy_direct(snapshot, &self.source, &self.target, copy).await
    }

    /// From the source's table to the target's, whole.
    async fn load(&self, from: &str, to: &str, options: &DirectOptions) -> Result<u64, ReplaceError> {
        let snapshot = DirectSnapshot::open(&self.source, &from.parse().unwrap(), options).await?;
        let plan = self.plan(&snapshot, to).await;
        self.target.open_beside(&plan).await?;
        let receipts = self.copy(&snapshot, direct(&plan)).await?;
        let rows = receipts.iter().map(|part| part.rows).sum();
        self.target.finish(&plan, rows, &CancellationToken::new()).await?;
        snapshot.close().await;
        Ok(rows)
    }
}

fn direct(plan: &ReplacePlan) -> DirectCopy<'_> {
    DirectCopy {
        plan,
        casts: BTreeMap::new(),
        workers: 3,
        rows_per_second: None,
        rows_done: Arc::new(AtomicU64::new(0)),
        cancel: CancellationToken::new(),
    }
}

#[tokio::test]
async fn every_type_arrives_as_it_is() {
    let create = wide_types::create_statements("wide").join(";\n");
    let mut fill = create.clone();
    for event in &wide_types::change_file().events {
        let literal = |value| match render(value, Dialect::Postgres) {
            Some(text) => format!("'{}'", text.replace('\'', "''")),
            None => "NULL".to_owned(),
        };
        let row: Vec<String> = event.key.iter().chain(&event.values).map(literal).collect();
        fill += &format!(";\nINSERT INTO wide VALUES ({})", row.join(", "));
    }
    let names = wide_types::column_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // Types of a user's own have other numbers in another database.
    let pair = Pair::new(&fill, &format!("CREATE TYPE before AS ENUM ('first');\n{create}")).await;
    assert_eq!(pair.load("wide", "wide", &SMALL).await.unwrap(), wide_types::ROWS as u64);
    assert_same_rows(&wide_types::expected_rows(), &dump_table(&pair.to.url, "wide", &names).await, "wide");

    // Without the composite, which needs text, the rest travels in binary.
    let leave_out = "ALTER TABLE wide DROP COLUMN a_composite";
    pair.from.execute(leave_out).await;
    pair.to.execute(&format!("{leave_out}; TRUNCATE wide")).await;
    let names: Vec<&str> = names.into_iter().filter(|name| *name != "a_composite").collect();
    let expected = dump_table(&pair.from.url, "wide", &names).await;
    assert_eq!(pair.load("wide", "wide", &SMALL).await.unwrap(), wide_types::ROWS as u64);
    assert_same_rows(&expected, &dump_table(&pair.to.url, "wide", &names).await, "wide in binary");
}

#[tokio::test]
async fn table_is_copied_in_ranges_as_of_one_moment() {
    let pair = Pair::new(WIDE_ROWS, "CREATE TABLE orders (id bigint PRIMARY KEY, note text)").await;
    let snapshot = DirectSnapshot::open(&pair.source, &"orders".parse().unwrap(), &SMALL).await.unwrap();
    assert!(snapshot.ranges().len() >= 5, "{:?}", snapshot.ranges());
    pair.from
        .execute("DELETE FROM orders WHERE id <= 100; UPDATE orders SET note = 'later'; INSERT INTO orders VALUES (9999, 'later')")
        .await;
    let plan = pair.plan(&snapshot, "orders").await;
    pair.target.open_beside(&plan).await.unwrap();
    let copy = direct(&plan);
    let done = Arc::clone(&copy.rows_done);
    let receipts = pair.copy(&snapshot, copy).await.unwrap();
    assert_eq!(receipts.len(), snapshot.ranges().len());
    assert_eq!(receipts.iter().map(|part| part.rows).sum::<u64>(), 5_000);
    assert!(done.load(Ordering::Relaxed) >= 5_000);
    // Asked for again under the same snapshot, nothing is copied.
    let again = direct(&plan);
    let done = Arc::clone(&again.rows_done);
    assert_eq!(pair.copy(&snapshot, again).await.unwrap(), receipts);
    assert_eq!(done.load(Ordering::Relaxed), 0);
    pair.target.finish(&plan, 5_000, &CancellationToken::new()).await.unwrap();
    assert_eq!(pair.to.number("SELECT count(DISTINCT id) FROM orders").await, 5_000);
    assert_eq!(pair.to.number("SELECT count(*) FROM orders WHERE note = repeat('x', 50) || id").await, 5_000);
}

#[tokio::test]
async fn partitions_children_and_views_are_copied() {
    let source = r#"CREATE TABLE parted (id bigint, note text) PARTITION BY RANGE (id);
        CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (1000);
        CREATE TABLE parted_high (note text, dropped int, id bigint); ALTER TABLE parted_high DROP COLUMN dropped;
        ALTER TABLE parted ATTACH PARTITION parted_high FOR VALUES FROM (1000) TO (9000);
        INSERT INTO parted SELECT n, 'n' || n FROM generate_series(1, 3000) AS n;
        CREATE TABLE parent (id bigint, note text); CREATE TABLE child (more int) INHERITS (parent);
        INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 0);
        CREATE VIEW "A View" AS SELECT id, note FROM parted WHERE id % 3 = 0"#;
    let pair = Pair::new(source, "CREATE TABLE orders (note text, id bigint)").await;
    assert_eq!(pair.load("parted", "orders", &SMALL).await.unwrap(), 3_000);
    assert_eq!(pair.to.number("SELECT count(*) FROM orders WHERE note = 'n' || id").await, 3_000);
    assert_eq!(pair.load("parent", "orders", &SMALL).await.unwrap(), 2);
    assert_eq!(pair.to.rows("orders", &["id", "note"]).await, rows(&[&["1", "p"], &["2", "c"]]));
    assert_eq!(pair.load("\"A View\"", "orders", &SMALL).await.unwrap(), 1_000);
    assert_eq!(pair.to.number("SELECT sum(id)::bigint FROM orders").await, (1..=1000).map(|n| 3 * n).sum::<i64>());
}

#[tokio::test]
async fn differing_types_are_cast_and_limits_are_the_targets_to_check() {
    let source =
        "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE orders (id integer, mood mood, amount numeric(10,2), note text);
        INSERT INTO orders VALUES (1, 'ok', 1.50, 'short')";
    let target = "CREATE TABLE orders (id bigint, mood text, amount double precision, note varchar(5),
        twice bigint GENERATED ALWAYS AS (id * 2) STORED)";
    let pair = Pair::new(source, target).await;
    assert_eq!(pair.load("orders", "orders", &SMALL).await.unwrap(), 1);
    let columns = ["id", "mood", "amount", "note", "twice"];
    assert_eq!(pair.to.rows("orders", &columns).await, rows(&[&["1", "ok", "1.5", "short", "2"]]));

    pair.from.execute("INSERT INTO orders VALUES (2, NULL, NULL, 'too long')").await;
    let error = pair.load("orders", "orders", &SMALL).await.unwrap_err();
    let ReplaceError::Copy { part, .. } = &error else { panic!("{error}") };
    assert_eq!(part, "public.orders, pages 0 to the end");
    assert!(matches!(error.retry(), Retry::Never { hint: Some(_) }), "a value too long is not cut");
    assert_eq!(pair.to.rows("orders", &["id"]).await, rows(&[&["1"]]));
}

#[tokio::test]
async fn column_is_read_as_its_cast_says() {
    let source =
        "CREATE TABLE orders (id bigint, at timestamptz); INSERT INTO orders VALUES (1, '2024-03-31 01:00+00')";
    let pair = Pair::new(source, "CREATE TABLE orders (id bigint, at text)").await;
    let snapshot = DirectSnapshot::open(&pair.source, &"orders".parse().unwrap(), &SMALL).await.unwrap();
    let plan = pair.plan(&snapshot, "orders").await;
    pair.target.open_beside(&plan).await.unwrap();
    let casts = BTreeMap::from([("at".to_owned(), CatalogType::from_catalog("date").unwrap())]);
    let error = pair.copy(&snapshot, DirectCopy { casts, ..direct(&plan) }).await.unwrap_err();
    assert!(matches!(error, ReplaceError::Copy { .. }), "bytes of a date are no text: {error}");
    let casts = BTreeMap::from([("at".to_owned(), CatalogType::from_catalog("text").unwrap())]);
    pair.copy(&snapshot, DirectCopy { casts, ..direct(&plan) }).await.unwrap();
    pair.target.finish(&plan, 1, &CancellationToken::new()).await.unwrap();
    assert_eq!(pair.to.rows("orders", &["at"]).await, rows(&[&["2024-03-31 01:00:00+00"]]));
}

#[tokio::test]
async fn value_that_the_source_can_not_cast_is_an_error_of_its_range() {
    let source = "CREATE TABLE orders (id bigint); INSERT INTO orders VALUES (1), (3000000000)";
    let pair = Pair::new(source, "CREATE TABLE orders (id integer)").await;
    let error = pair.load("orders", "orders", &SMALL).await.unwrap_err();
    let ReplaceError::ReadSource { range, .. } = &error else { panic!("{error}") };
    assert_eq!(range, "public.orders, pages 0 to the end");
}

#[tokio::test]
async fn one_connection_on_each_side_is_enough_and_none_on_one_is_an_error() {
    let mut pair = Pair::new(WIDE_ROWS, "CREATE TABLE orders (id bigint, note text)").await;
    pair.source = PostgresTarget::connect("test", &pair.from.url, 1).await.unwrap();
    pair.target = PostgresTarget::connect("test", &pair.to.url, 1).await.unwrap();
    assert_eq!(pair.load("orders", "orders", &SMALL).await.unwrap(), 5_000);
    assert_eq!(pair.to.number("SELECT count(DISTINCT id) FROM orders").await, 5_000);
}

#[tokio::test]
async fn copy_within_one_database_shares_its_pool() {
    let mut pair = Pair::new(WIDE_ROWS, "SELECT 1").await;
    pair.from.execute("CREATE SCHEMA replica; CREATE TABLE replica.orders (id bigint, note text)").await;
    pair.source = PostgresTarget::connect("test", &pair.from.url, 3).await.unwrap();
    pair.target = pair.source.clone();
    assert_eq!(pair.load("orders", "replica.orders", &SMALL).await.unwrap(), 5_000);
    assert_eq!(pair.from.number("SELECT count(DISTINCT id) FROM replica.orders").await, 5_000);
}

#[tokio::test]
async fn rows_per_second_are_not_exceeded() {
    let source = "CREATE TABLE orders (id bigint); INSERT INTO orders SELECT generate_series(1, 300)";
    let pair = Pair::new(source, "CREATE TABLE orders (id bigint)").await;
    let snapshot = DirectSnapshot::open(&pair.source, &"orders".parse().unwrap(), &SMALL).await.unwrap();
    let plan = pair.plan(&snapshot, "orders").await;
    pair.target.open_beside(&plan).await.unwrap();
    let begun = Instant::now();
    let copy = DirectCopy { rows_per_second: NonZeroU64::new(200), ..direct(&plan) };
    let receipts = pair.copy(&snapshot, copy).await.unwrap();
    assert_eq!(receipts.iter().map(|part| part.rows).sum::<u64>(), 300);
    assert!(begun.elapsed() >= Duration::from_millis(1_500), "300 rows at 200 a second: {:?}", begun.elapsed());
}

#[tokio::test]
async fn copy_that_is_cancelled_leaves_the_target_as_it_was() {
    let pair =
        Pair::new(WIDE_ROWS, "CREATE TABLE orders (id bigint, note text); INSERT INTO orders VALUES (1, 'old')").await;
    let snapshot = DirectSnapshot::open(&pair.source, &"orders".parse().unwrap(), &SMALL).await.unwrap();
    let plan = pair.plan(&snapshot, "orders").await;
    pair.target.open_beside(&plan).await.unwrap();
    let copy = DirectCopy { rows_per_second: NonZeroU64::new(10), ..direct(&plan) };
    let cancel = copy.cancel.clone();
    // At ten rows a second it would take minutes.
    let (copied, ()) = tokio::join!(pair.copy(&snapshot, copy), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    });
    assert!(matches!(copied, Err(ReplaceError::Cancelled { .. })), "{copied:?}");
    assert_eq!(pair.to.rows("orders", &["id"]).await, rows(&[&["1"]]));
    pair.target.abandon(&plan).await.unwrap();
}

#[tokio::test]
async fn range_whose_target_connection_is_lost_is_copied_again() {
    for fault in [Fault::DropAfterCopyBytes(30_000), Fault::LoseCommitReply, Fault::LoseCommitRequest] {
        let mut pair = Pair::new(WIDE_ROWS, "CREATE TABLE orders (id bigint, note text)").await;
        let snapshot = DirectSnapshot::open(&pair.source, &"orders".parse().unwrap(), &SMALL).await.unwrap();
        let plan = pair.plan(&snapshot, "orders").await;
        pair.target.open_beside(&plan).await.unwrap();
        let url = pair.to.url.clone();
        let proxy = tokio::task::spawn_blocking(move || PostgresProxy::start(&url)).await.unwrap();
        pair.target = PostgresTarget::connect("test", &proxy.url(&pair.to.url), 4).await.unwrap();
        proxy.arm(fault);
        let receipts = pair.copy(&snapshot, direct(&plan)).await.unwrap();
        assert_eq!(receipts.iter().map(|part| part.rows).sum::<u64>(), 5_000, "{fault:?}");
        let kinds = [FaultKind::DropAfterCopyBytes, FaultKind::LoseCommitReply, FaultKind::LoseCommitRequest];
        assert_eq!(kinds.map(|kind| proxy.fired(kind)).iter().sum::<u64>(), 1, "{fault:?}");
        pair.target.finish(&plan, 5_000, &CancellationToken::new()).await.unwrap();
        assert_eq!(pair.to.number("SELECT count(DISTINCT id) FROM orders").await, 5_000, "{fault:?}");
    }
}

#[tokio::test]
async fn copy_whose_snapshot_is_lost_is_begun_again() {
    let mut pair = Pair::new(WIDE_ROWS, "CREATE TABLE orders (id bigint, note text)").await;
    let url = pair.from.url.clone();
    let proxy = tokio::task::spawn_blocking(move || PostgresProxy::start(&url)).await.unwrap();
    pair.source = PostgresTarget::connect("test", &proxy.url(&pair.from.url), 4).await.unwrap();
    let snapshot = DirectSnapshot::open(&pair.source, &"orders".parse().unwrap(), &SMALL).await.unwrap();
    let plan = pair.plan(&snapshot, "orders").await;
    pair.target.open_beside(&plan).await.unwrap();
    let copy = DirectCopy { rows_per_second: NonZeroU64::new(2_000), ..direct(&plan) };
    let (copied, ()) = tokio::join!(pair.copy(&snapshot, copy), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.cut_all();
    });
    let error = copied.unwrap_err();
    assert!(matches!(error, ReplaceError::SnapshotLost { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::Replan);
    snapshot.close().await;
    assert_eq!(pair.load("orders", "orders", &SMALL).await.unwrap(), 5_000);
    assert_eq!(pair.to.number("SELECT count(DISTINCT id) FROM orders").await, 5_000);
    let left = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'quarrel' AND relname LIKE 'load%'";
    assert_eq!(pair.to.number(left).await, 0, "the table of the lost snapshot is dropped");
}
