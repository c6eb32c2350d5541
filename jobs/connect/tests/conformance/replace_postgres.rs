//! What a Postgres table has beside its rows, and who reads it, while it is replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quarrel_connect::replace::ReplaceError;
use quarrel_connect::target::{Retry, TargetError};
use quarrel_model::bad_value::BadValuePolicy;
use quarrel_model::target::LoadOutcome;
use quarrel_testkit::tcp_proxy::{Fault, FaultKind, PostgresProxy};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use super::database::{Engine, rows};
use super::replace_scene::{FullLoad, FullMemory, replacing};
use super::scene::Scene;

const TABLE: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, note text); INSERT INTO orders VALUES (7, 'old')";

/// A table with all that is carried over. The roles belong to the whole server, so they are made once.
const DRESSED: &str = r#"
DO $$ BEGIN CREATE ROLE "Quarrel Owner"; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE quarrel_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
CREATE SCHEMA "Live";
GRANT ALL ON SCHEMA "Live" TO "Quarrel Owner";
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
CREATE FUNCTION "Live".twice(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE TABLE "Live"."My Orders" (
    id bigint PRIMARY KEY,
    dropped integer,
    note text COLLATE "C" NOT NULL DEFAULT 'none',
    "Select" text,
    number bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5),
    counter bigserial,
    doubled bigint GENERATED ALWAYS AS ("Live".twice(id)) STORED,
    during int4range,
    CONSTRAINT "orders 100%" CHECK (id > -1000) NO INHERIT,
    CONSTRAINT orders_note_unique UNIQUE (note, "Select") DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT orders_during EXCLUDE USING gist (during WITH &&)
) WITH (fillfactor = 71, toast.autovacuum_enabled = false);
ALTER TABLE "Live"."My Orders" DROP COLUMN dropped;
ALTER TABLE "Live"."My Orders" ALTER COLUMN note SET STATISTICS 321, ALTER COLUMN "Select" SET (n_distinct = 5);
ALTER TABLE "Live"."My Orders" ALTER COLUMN "Select" SET STORAGE EXTERNAL;
INSERT INTO "Live"."My Orders" (id, note) VALUES (7, 'old');
CREATE INDEX "By Select" ON "Live"."My Orders" USING btree (lower("Select") DESC NULLS LAST) INCLUDE (note)
    WITH (fillfactor = 50) WHERE note <> '100%';
CREATE UNIQUE INDEX orders_number ON "Live"."My Orders" (number);
ALTER TABLE "Live"."My Orders" REPLICA IDENTITY USING INDEX "My Orders_pkey";
ALTER TABLE "Live"."My Orders" CLUSTER ON orders_number;
CREATE STATISTICS "Live".orders_statistics (ndistinct) ON note, "Select" FROM "Live"."My Orders";
COMMENT ON TABLE "Live"."My Orders" IS 'it''s the \ table';
COMMENT ON COLUMN "Live"."My Orders".note IS 'a column';
COMMENT ON INDEX "Live"."By Select" IS 'an index';
COMMENT ON CONSTRAINT "orders 100%" ON "Live"."My Orders" IS 'a constraint';
REVOKE ALL ON "Live"."My Orders" FROM PUBLIC;
GRANT SELECT ON "Live"."My Orders" TO quarrel_reader WITH GRANT OPTION;
GRANT UPDATE (note, id), SELECT (note) ON "Live"."My Orders" TO quarrel_reader;
GRANT USAGE ON SEQUENCE "Live"."My Orders_number_seq" TO quarrel_reader;
ALTER TABLE "Live"."My Orders" OWNER TO "Quarrel Owner";
REVOKE TRUNCATE ON "Live"."My Orders" FROM "Quarrel Owner";
CREATE VIEW "Live".upper_view AS SELECT id, note AS "Note" FROM "Live"."My Orders" WHERE id > 0 WITH LOCAL CHECK OPTION;
CREATE VIEW joined WITH (security_barrier) AS
    SELECT lower_one.id, upper_one."Note" FROM "Live"."My Orders" AS lower_one JOIN "Live".upper_view AS upper_one USING (id);
CREATE VIEW grouped AS SELECT id, note, count(*) AS many FROM "Live"."My Orders" GROUP BY id;
CREATE MATERIALIZED VIEW above AS SELECT * FROM "Live".upper_view;
GRANT SELECT ON joined TO quarrel_reader;
COMMENT ON VIEW joined IS 'a view';
"#;

/// Everything the catalog says of that table but its rows and numbers, in texts.
const CATALOG: &str = r#"
WITH t AS (SELECT c.* FROM pg_class c WHERE c.oid = '"Live"."My Orders"'::regclass)
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
    SELECT 'class ' || concat_ws('|', relname, relowner::regrole, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) a),
        reloptions, relpersistence, relreplident, relkind) AS line FROM t
    UNION ALL SELECT 'toast ' || (SELECT reloptions::text FROM pg_class WHERE oid = t.reltoastrelid) FROM t
    UNION ALL SELECT 'column ' || concat_ws('|', row_number() OVER (ORDER BY attnum), attname, format_type(atttypid, atttypmod),
        attnotnull, attidentity, attgenerated, attcollation::regcollation, attstorage, attstattarget, attoptions,
        (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(attacl) x), col_description(attrelid, attnum),
        (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef d WHERE d.adrelid = attrelid AND d.adnum = attnum))
        FROM t JOIN pg_attribute a ON attrelid = t.oid AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'index ' || concat_ws('|', pg_get_indexdef(indexrelid), indisprimary, indisclustered, indisreplident, indisvalid,
        obj_description(indexrelid, 'pg_class')) FROM t JOIN pg_index i ON indrelid = t.oid
    UNION ALL SELECT 'constraint ' || concat_ws('|', conname, pg_get_constraintdef(k.oid), condeferrable,
        obj_description(k.oid, 'pg_constraint')) FROM t JOIN pg_constraint k ON conrelid = t.oid
    UNION ALL SELECT 'statistics ' || pg_get_statisticsobjdef(s.oid) FROM t JOIN pg_statistic_ext s ON stxrelid = t.oid
    UNION ALL SELECT 'comment ' || obj_description(t.oid, 'pg_class') FROM t
    UNION ALL SELECT 'sequence ' || concat_ws('|', d.deptype, d.objid::regclass, c.relowner::regrole, c.relacl, q.seqstart, q.seqincrement,
        d.refobjsubid = (SELECT attnum FROM pg_attribute WHERE attrelid = t.oid AND attname IN ('number', 'counter') AND attnum = d.refobjsubid))
        FROM t JOIN pg_depend d ON d.refobjid = t.oid AND d.classid = 'pg_class'::regclass
        JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_sequence q ON q.seqrelid = c.oid
    UNION ALL SELECT 'view ' || concat_ws('|', v.oid, v.relname, v.reloptions, v.relacl, pg_get_viewdef(v.oid),
        obj_description(v.oid, 'pg_class')) FROM pg_class v WHERE v.relname IN ('upper_view', 'joined', 'grouped', 'above')
) lines
"#;

async fn text(scene: &Scene, query: &str) -> String {
    let mut connection = PgConnection::connect(&scene.database.url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn all_that_a_table_has_beside_its_rows_survives() {
    let scene = Scene::new(Engine::Postgres, DRESSED, r#""Live"."My Orders""#, &["id"]).await;
    let (before, oid) = (
        text(&scene, CATALOG).await,
        scene.database.number("SELECT '\"Live\".\"My Orders\"'::regclass::oid::bigint").await,
    );
    for part in
        ["reader=r*/", "fillfactor=71", "toast {autovacuum_enabled=false}", "note|text|t", "321", "n_distinct=5"]
    {
        assert!(before.contains(part), "{part}: {before}");
    }
    for (kind, count) in
        [("column", 7), ("index", 5), ("constraint", 4), ("statistics", 1), ("sequence", 2), ("view", 4)]
    {
        let found = before.lines().filter(|line| line.starts_with(&format!("{kind} "))).count();
        assert_eq!(found, count, "{kind}: {before}");
    }
    let given: &[&[&str]] = &[&["1", "a", "x", "250", "9", "[1,5)"], &["2", "b", "NULL", "300", "3", "NULL"]];
    let full = FullMemory::new(&["id", "note", "Select", "number", "counter", "during"], &[given]);
    for name in ["first", "second"] {
        let load = FullLoad::new(&scene, name, full.clone()).await;
        assert_eq!(load.target.refusals(&scene.table).await.unwrap(), [] as [String; 0]);
        load.run().await.unwrap();
        similar(&before, &text(&scene, CATALOG).await);
    }
    assert_ne!(scene.database.number("SELECT '\"Live\".\"My Orders\"'::regclass::oid::bigint").await, oid);
    let table = r#""Live"."My Orders""#;
    let columns = ["id", "note", "Select", "number", "counter", "doubled", "during"];
    let expected = rows(&[&["1", "a", "x", "250", "9", "2", "[1,5)"], &["2", "b", "NULL", "300", "3", "4", "NULL"]]);
    assert_eq!(scene.database.rows(table, &columns).await, expected);
    assert_eq!(scene.database.rows("joined", &["id", "Note"]).await, rows(&[&["1", "a"], &["2", "b"]]));
    assert_eq!(scene.database.rows("grouped", &["id", "many"]).await, rows(&[&["1", "1"], &["2", "1"]]));
    // What is inserted next is past what is there: 300 by 5, and 9 by 1.
    scene.database.execute(&format!("INSERT INTO {table} (id, note) VALUES (3, 'next')")).await;
    let next = scene.database.number(&format!("SELECT number * 1000 + counter FROM {table} WHERE id = 3")).await;
    assert_eq!(next, 305_010);
    assert!(scene.database.number("SELECT reltuples::bigint FROM pg_class WHERE relname = 'My Orders'").await >= 2);
    scene
        .database
        .execute(r#"DROP SCHEMA "Live" CASCADE; ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC"#)
        .await;
}

/// Line by line, so that a difference can be seen.
fn similar(before: &str, after: &str) {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let lost: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(lost.is_empty() && new.is_empty(), "lost: {lost:#?}\nnew: {new:#?}");
    assert_eq!(before.len(), after.len());
}

#[tokio::test]
async fn sequence_that_is_ahead_of_its_column_stays_there() {
    let script = "CREATE TABLE orders (id bigserial PRIMARY KEY, note text); SELECT setval('orders_id_seq', 500)";
    let scene = Scene::new(Engine::Postgres, script, "orders", &["id"]).await;
    FullLoad::new(&scene, "first", FullMemory::new(&["id", "note"], &[&[&["1", "a"]]])).await.run().await.unwrap();
    assert_eq!(scene.database.number("INSERT INTO orders (note) VALUES ('b') RETURNING id").await, 501);
}

#[tokio::test]
async fn account_that_is_a_member_of_the_owner_is_enough_and_one_that_is_not_is_told_so() {
    let script = "
        DO $$ BEGIN CREATE ROLE quarrel_team; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
        DO $$ BEGIN CREATE ROLE quarrel_loader LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
        DO $$ BEGIN CREATE ROLE quarrel_stranger LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
        GRANT quarrel_team TO quarrel_loader;
        DO $$ BEGIN EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO quarrel_loader', current_database()); END $$;
        CREATE SCHEMA live AUTHORIZATION quarrel_team;
        GRANT USAGE ON SCHEMA live TO quarrel_stranger;
        CREATE TABLE live.orders (id bigserial PRIMARY KEY, note text, address inet);
        CREATE INDEX by_note ON live.orders (note);
        CREATE VIEW live.notes AS SELECT note FROM live.orders;
        ALTER TABLE live.orders OWNER TO quarrel_team;
        ALTER VIEW live.notes OWNER TO quarrel_team;
        GRANT SELECT ON live.orders TO quarrel_stranger";
    let scene = Scene::new(Engine::Postgres, script, "live.orders", &["id"]).await;
    let full = FullMemory::new(&["id", "note", "address"], &[&[&["41", "a", "::1"]]]);
    let mut load = FullLoad::new(&scene, "first", full).await;
    let url_of = |role: &str| scene.database.url.replacen("//postgres", &format!("//{role}"), 1);
    load.target = replacing(&scene.database, &url_of("quarrel_loader")).await;
    assert_eq!(load.target.refusals(&scene.table).await.unwrap(), [] as [String; 0]);
    load.run().await.unwrap();
    let owner = text(&scene, "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'orders'").await;
    assert_eq!(owner, "quarrel_team");
    assert_eq!(scene.database.number("INSERT INTO live.orders (note) VALUES ('b') RETURNING id").await, 42);
    assert_eq!(scene.database.rows("live.notes", &["note"]).await, rows(&[&["a"], &["b"]]));

    let stranger = replacing(&scene.database, &url_of("quarrel_stranger")).await;
    let expected = [
        "the account does not own it: make it a member of quarrel_team",
        "the account may not create tables in schema live: GRANT CREATE",
        "view live.notes belongs to quarrel_team",
    ];
    let mut found = stranger.refusals(&scene.table).await.unwrap();
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_can_not_be_carried_over_is_refused_before_anything_is_loaded() {
    let cases = [
        ("CREATE TABLE lines (id bigint REFERENCES orders)", vec!["foreign key lines_id_fkey of lines"]),
        (
            "CREATE TABLE people (id bigint PRIMARY KEY); ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES people NOT VALID",
            vec!["foreign key orders_id_fkey of orders"],
        ),
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER audit BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()",
            vec!["trigger audit"],
        ),
        (
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON orders USING (id > 0)",
            vec!["policy mine", "row security is on"],
        ),
        ("CREATE RULE silent AS ON DELETE TO orders DO INSTEAD NOTHING", vec!["rule silent"]),
        ("CREATE TABLE child () INHERITS (orders)", vec!["child inherits from it"]),
        ("CREATE TABLE parent (note text); ALTER TABLE orders INHERIT parent", vec!["it inherits from parent"]),
        ("CREATE PUBLICATION one_table FOR TABLE orders", vec!["publication one_table"]),
        ("CREATE PUBLICATION everything FOR ALL TABLES", vec!["publication everything"]),
        (
            "CREATE MATERIALIZED VIEW cached AS SELECT * FROM orders",
            vec!["rule _RETURN on materialized view cached depends on it"],
        ),
        (
            "CREATE TABLE other (id bigint); CREATE RULE copies AS ON INSERT TO other DO INSERT INTO orders VALUES (NEW.id)",
            vec!["rule copies on table other depends on it"],
        ),
        ("CREATE TABLE typed (whole orders)", vec!["column whole of table typed depends on it"]),
        (
            "CREATE FUNCTION takes(orders) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            vec!["function takes(orders) depends on it"],
        ),
        ("ALTER TABLE orders SET UNLOGGED", vec!["it is unlogged or temporary"]),
        (
            "DROP TABLE orders; CREATE TABLE orders (id bigint, note text) PARTITION BY RANGE (id)",
            vec!["it is partitioned"],
        ),
    ];
    for (script, expected) in cases {
        let scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
        scene.database.execute(script).await;
        let load = FullLoad::new(&scene, "first", FullMemory::new(&["id", "note"], &[&[&["1", "a"]]])).await;
        let found = load.target.refusals(&scene.table).await.unwrap();
        let unexpected: Vec<_> = found.iter().filter(|object| !object.ends_with("depends on it")).collect();
        assert!(expected.iter().all(|object| found.iter().any(|text| text == object)), "{script}: {found:?}");
        assert!(unexpected.iter().all(|object| expected.contains(&object.as_str())), "{script}: {found:?}");
        let error = load.target.open_beside(&load.plan).await.unwrap_err();
        let ReplaceError::Refused { objects, .. } = &error else { panic!("{script}: {error}") };
        assert_eq!(*objects, found);
        assert!(matches!(error.retry(), Retry::Never { hint: Some(_) }));
        let tables = scene.database.tables().await;
        assert!(!tables.iter().any(|name| name.contains("load_") && !name.contains("parts")), "{script}: {tables:?}");
    }
}

#[tokio::test]
async fn table_that_is_altered_while_it_is_loaded_is_not_swapped() {
    let alterations = [
        "ALTER TABLE orders ADD COLUMN added integer",
        "ALTER TABLE orders ALTER COLUMN note SET NOT NULL",
        "DROP TABLE orders; CREATE TABLE orders (id integer PRIMARY KEY, note text)",
    ];
    for alteration in alterations {
        let scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
        let load = FullLoad::new(&scene, "first", FullMemory::new(&["id", "note"], &[&[&["1", "a"]]])).await;
        load.target.open_beside(&load.plan).await.unwrap();
        load.copy().await.unwrap();
        scene.database.execute(alteration).await;
        let error = load.finish(1).await.unwrap_err();
        assert!(matches!(error, ReplaceError::Changed { .. }), "{alteration}: {error}");
        assert_eq!(error.retry(), Retry::Replan);
        // Opened again, the load is begun anew with the table as it is now.
        let again = FullLoad::new(&scene, "first", load.rows.clone()).await;
        let beside = again.target.open_beside(&again.plan).await.unwrap();
        assert_eq!(beside.recorded, [], "{alteration}");
        again.copy().await.unwrap();
        again.finish(1).await.unwrap();
        assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["1"]]));
    }
}

#[tokio::test]
async fn index_that_is_made_while_the_table_is_loaded_is_built_too() {
    let scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
    let load = FullLoad::new(&scene, "first", FullMemory::new(&["id", "note"], &[&[&["1", "a"]]])).await;
    load.target.open_beside(&load.plan).await.unwrap();
    load.copy().await.unwrap();
    scene.database.execute("CREATE INDEX by_note ON orders (note); CREATE VIEW late AS SELECT * FROM orders").await;
    load.finish(1).await.unwrap();
    let index = text(&scene, "SELECT indexdef FROM pg_indexes WHERE indexname = 'by_note'").await;
    assert_eq!(index, "CREATE INDEX by_note ON public.orders USING btree (note)");
    assert_eq!(scene.database.rows("late", &["id"]).await, rows(&[&["1"]]));
}

/// Readers of the table, of a view on it and of a view on that, while it is swapped for ever larger ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reader_never_sees_fewer_rows_than_the_old_or_the_new_table() {
    let script = "CREATE TABLE orders (id bigint PRIMARY KEY, note text);
        INSERT INTO orders SELECT n, 'old' FROM generate_series(1, 500) AS n;
        CREATE VIEW one AS SELECT * FROM orders; CREATE VIEW two AS SELECT one.id FROM orders JOIN one USING (id)";
    let scene = Scene::new(Engine::Postgres, script, "orders", &["id"]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let read = |query: &'static str| {
        let (stop, url) = (Arc::clone(&stop), scene.database.url.clone());
        tokio::spawn(async move {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let mut seen: Vec<i64> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                // Prepared for some, parsed anew for others.
                seen.push(sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap());
                let anew = sqlx::query_scalar(query).persistent(false).fetch_one(&mut connection).await;
                seen.push(anew.unwrap());
            }
            seen
        })
    };
    let readers = [
        read("SELECT count(*) FROM orders"),
        read("SELECT count(*) FROM orders"),
        read("SELECT count(*) FROM one"),
        read("SELECT count(*) FROM two"),
    ];
    let sizes = [1_000, 1_500, 2_000, 2_500, 3_000];
    for size in sizes {
        let name = size.to_string();
        FullLoad::new(&scene, &name, FullMemory::numbered(size, 2, "new")).await.run().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        let seen = reader.await.unwrap();
        assert!(seen.is_sorted(), "rows are only ever added here");
        assert!(seen.iter().all(|rows| *rows == 500 || sizes.contains(rows)), "no table in between");
        assert!(seen.len() >= 2);
    }
    assert_eq!(scene.database.number("SELECT count(*) FROM two").await, 3_000);
}

#[tokio::test]
async fn swap_waits_for_a_reader_and_then_names_it() {
    let mut scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
    scene.rules.lock_timeout = Duration::from_millis(50);
    let load = FullLoad::new(&scene, "first", FullMemory::new(&["id", "note"], &[&[&["1", "a"]]])).await;
    load.target.open_beside(&load.plan).await.unwrap();
    load.copy().await.unwrap();
    let options: PgConnectOptions = scene.database.url.parse().unwrap();
    let mut other = options.application_name("reporting").connect().await.unwrap();
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut other).await.unwrap();
    other.execute("BEGIN; SELECT * FROM orders").await.unwrap();
    let error = load.finish(1).await.unwrap_err();
    let ReplaceError::Target(TargetError::Locked { blocker, .. }) = &error else { panic!("{error:?}") };
    assert!(blocker.contains(&format!("process {pid} (reporting, idle in transaction")), "{blocker}");
    assert_eq!(error.retry(), Retry::Again);
    other.execute("ROLLBACK").await.unwrap();
    load.finish(1).await.unwrap();
    assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["1"]]));
}

#[tokio::test]
async fn swap_goes_on_once_a_reader_has_ended_within_the_bound() {
    let scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
    let load = FullLoad::new(&scene, "first", FullMemory::new(&["id", "note"], &[&[&["1", "a"]]])).await;
    load.target.open_beside(&load.plan).await.unwrap();
    load.copy().await.unwrap();
    let mut other = PgConnection::connect(&scene.database.url).await.unwrap();
    other.execute("BEGIN; SELECT * FROM orders").await.unwrap();
    let reader = async {
        // Longer than one wait for a lock.
        tokio::time::sleep(Duration::from_millis(900)).await;
        other.execute("SELECT * FROM orders; COMMIT").await.unwrap();
    };
    let (receipt, ()) = tokio::join!(load.finish(1), reader);
    assert_eq!(receipt.unwrap().outcome, LoadOutcome::Applied);
}

#[tokio::test]
async fn commit_of_a_swap_whose_reply_is_lost_is_found_in_the_ledger() {
    for fault in [Fault::LoseCommitReply, Fault::LoseCommitRequest] {
        let scene = Scene::new(Engine::Postgres, TABLE, "orders", &["id"]).await;
        let mut load = FullLoad::new(&scene, "first", FullMemory::new(&["id", "note"], &[&[&["1", "a"]]])).await;
        load.target.open_beside(&load.plan).await.unwrap();
        load.copy().await.unwrap();
        let url = scene.database.url.clone();
        let proxy = tokio::task::spawn_blocking(move || PostgresProxy::start(&url)).await.unwrap();
        load.target = replacing(&scene.database, &proxy.url(&scene.database.url)).await;
        proxy.arm(fault);
        let receipt = load.finish(1).await.unwrap();
        let (kind, outcome) = match fault {
            Fault::LoseCommitReply => (FaultKind::LoseCommitReply, LoadOutcome::AlreadyApplied),
            _ => (FaultKind::LoseCommitRequest, LoadOutcome::Applied),
        };
        assert_eq!((proxy.fired(kind), receipt.outcome, receipt.rows), (1, outcome, 1));
        assert_eq!(scene.database.rows("orders", &["id"]).await, rows(&[&["1"]]));
    }
}

#[tokio::test]
async fn part_whose_commit_is_lost_is_there_once() {
    let script = "CREATE TABLE orders (id bigint, note text)";
    for (fault, kind) in [
        (Fault::LoseCommitReply, FaultKind::LoseCommitReply),
        (Fault::LoseCommitRequest, FaultKind::LoseCommitRequest),
        (Fault::DropAfterCopyBytes(20_000), FaultKind::DropAfterCopyBytes),
    ] {
        let scene = Scene::new(Engine::Postgres, script, "orders", &["id"]).await;
        let mut load = FullLoad::new(&scene, "first", FullMemory::numbered(5_000, 3, "new")).await;
        load.target.open_beside(&load.plan).await.unwrap();
        let url = scene.database.url.clone();
        let proxy = tokio::task::spawn_blocking(move || PostgresProxy::start(&url)).await.unwrap();
        load.target = replacing(&scene.database, &proxy.url(&scene.database.url)).await;
        proxy.arm(fault);
        let receipts = load.copy().await.unwrap();
        assert_eq!(proxy.fired(kind), 1, "{fault:?}");
        assert_eq!(receipts.iter().map(|part| part.rows).sum::<u64>(), 5_000, "{fault:?}");
        load.finish(5_000).await.unwrap();
        assert_eq!(scene.database.number("SELECT count(DISTINCT id) FROM orders").await, 5_000);
    }
}

#[tokio::test]
async fn types_that_copy_does_not_write_are_cast_by_the_database() {
    let script = "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(3);
        CREATE TABLE orders (id bigint PRIMARY KEY, mood mood, address inet, numbers integer[], span interval, name short)";
    let mut scene = Scene::new(Engine::Postgres, script, "orders", &["id"]).await;
    let columns = ["id", "mood", "address", "numbers", "span", "name"];
    let given: &[&[&str]] = &[
        &["1", "ok", "10.0.0.1", "{1,NULL}", "1 day", "abc"],
        &["2", "NULL", "NULL", "NULL", "NULL", "NULL"],
        &["3", "angry", "10.0.0.2", "{}", "1 day", "a"],
    ];
    let load = FullLoad::new(&scene, "first", FullMemory::new(&columns, &[given])).await;
    load.target.open_beside(&load.plan).await.unwrap();
    let error = load.copy().await.unwrap_err();
    let ReplaceError::Target(TargetError::BadValue(bad)) = &error else { panic!("{error}") };
    assert_eq!((bad.column.as_str(), bad.key.as_str(), bad.row), ("mood", "id=3", 2));

    scene.policy("mood", BadValuePolicy::Quarantine);
    let load = FullLoad::new(&scene, "second", FullMemory::new(&columns, &[given])).await;
    load.run().await.unwrap();
    assert_eq!(load.quarantine[0].kept().len(), 1);
    let expected = rows(&[
        &["1", "ok", "10.0.0.1/32", "{1,NULL}", "1 day", "abc"],
        &["2", "NULL", "NULL", "NULL", "NULL", "NULL"],
    ]);
    assert_eq!(scene.database.rows("orders", &columns).await, expected);
}
