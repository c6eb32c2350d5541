//! Postgres to Postgres.

use quarrel_connect::postgres::{PostgresSource, PostgresTarget};
use quarrel_connect::source::Source;
use quarrel_connect::target::{Retry, Target, TargetError};
use quarrel_model::mapping::{KnownLoss, TargetEngine};
use quarrel_model::migration::{Allowance, Decision, KeyTiming, Note, plan_migration};
use quarrel_model::source::SourceTable;
use quarrel_testkit::wide_types;
use sqlx::{Connection, Executor, PgConnection};

use super::follow::{assert_same_table, execute, follow, follow_and_check, name, postgres_url, rules};

async fn describe(url: &str, table: &str) -> SourceTable {
    let source = PostgresSource::connect("live", url, 2).await.unwrap();
    let described = source.describe(&name(table)).await.unwrap().unwrap();
    source.close().await;
    described
}

async fn target(url: &str) -> PostgresTarget {
    PostgresTarget::connect("replica", url, 2).await.unwrap()
}

#[tokio::test]
async fn every_type_there_is_comes_to_be_in_the_copy_and_is_found_there() {
    let url = postgres_url().await;
    execute(&url, &wide_types::create_statements("wide").join(";\n")).await;
    let more = "CREATE EXTENSION IF NOT EXISTS hstore; \
        ALTER TABLE wide ADD t3 timestamp(3), ADD tz0 timestamptz(0), ADD n numeric(3,-2), ADD b bit(7), \
        ADD moods wide_mood[], ADD points wide_point[], ADD positives wide_positive[], ADD h hstore, ADD r tstzrange, \
        ADD i interval year to month, ADD x xml, ADD c \"char\", ADD nm name, ADD vs varchar(7)[], ADD bp bpchar";
    execute(&url, more).await;
    let source = describe(&url, "wide").await;
    let replica = target(&url).await;
    let migration = follow_and_check(&replica, &source, &rules(TargetEngine::Postgres, "replica.wide")).await;
    assert_eq!(migration.decision, Decision::Create);

    let type_of = |column: &str| {
        let found = migration.after.columns.iter().find(|found| found.name == column).unwrap();
        found.type_name.as_str()
    };
    let expected = [
        ("a_numeric", "numeric(18,4)"),
        ("a_bare_numeric", "numeric"),
        ("a_varchar", "character varying(10)"),
        ("a_char", "character(5)"),
        ("a_domain", "integer"),
        ("an_enum", "text"),
        ("a_composite", "text"),
        ("a_money", "money"),
        ("an_integer_array", "integer[]"),
        ("bits", "bit varying"),
        ("t3", "timestamp(3) without time zone"),
        ("tz0", "timestamp(0) with time zone"),
        ("n", "numeric(3,-2)"),
        ("b", "bit(7)"),
        ("moods", "text[]"),
        ("points", "text[]"),
        ("positives", "integer[]"),
        ("h", "text"),
        ("r", "tstzrange"),
        ("c", "\"char\""),
        ("vs", "character varying(7)[]"),
        ("bp", "text"),
    ];
    for (column, type_name) in expected {
        assert_eq!(type_of(column), type_name, "{column}");
    }
    let losses = |column: &str| {
        let found = migration.columns.iter().find(|found| found.target == column).unwrap();
        found.mapped.losses.clone()
    };
    assert_eq!(losses("an_enum"), [KnownLoss::EnumAsText]);
    assert_eq!(losses("a_domain"), [KnownLoss::DomainAsBase]);
    assert_eq!(losses("a_text"), []);
    replica.close().await;
}

#[tokio::test]
async fn a_copy_follows_added_widened_and_relaxed_columns_and_keeps_its_rows() {
    let url = postgres_url().await;
    execute(
        &url,
        "CREATE TABLE \"Src\" (id int, \"Mixed Case\" varchar(10) NOT NULL, \"select\" numeric(10,2) DEFAULT 1.5, \
         at timestamp(3) DEFAULT now(), state text NOT NULL DEFAULT 'new', PRIMARY KEY (id, state))",
    )
    .await;
    let replica = target(&url).await;
    let rules = rules(TargetEngine::Postgres, "replica.\"Copy\"");
    let created = follow_and_check(&replica, &describe(&url, "\"Src\"").await, &rules).await;
    let notes = [Note::DefaultNotCarried { column: "at".into(), default: "now()".into() }];
    assert_eq!(created.notes, notes);
    execute(&url, "INSERT INTO replica.\"Copy\" (id, \"Mixed Case\") VALUES (1, 'ten chars!')").await;

    execute(
        &url,
        "ALTER TABLE \"Src\" ALTER id TYPE bigint, ALTER \"Mixed Case\" TYPE varchar(40), \
         ALTER \"Mixed Case\" DROP NOT NULL, ALTER \"select\" TYPE numeric(14,4), ALTER at TYPE timestamp, \
         ADD added int NOT NULL DEFAULT 7",
    )
    .await;
    let altered = follow_and_check(&replica, &describe(&url, "\"Src\"").await, &rules).await;
    assert_eq!(altered.summary(), "add 1 column, retype 4 columns, take NULL in 1 column");
    let columns = ["id", "Mixed Case", "select", "state", "added"];
    let rows = quarrel_testkit::dump::dump_table(&url, "replica.\"Copy\"", &columns).await;
    let text = |cell: &str| Some(cell.to_owned());
    // The row was there before: its source's default is for rows to come.
    assert_eq!(rows, [vec![text("1"), text("ten chars!"), text("1.5000"), text("new"), None]]);
    execute(&url, "INSERT INTO replica.\"Copy\" (id) VALUES (2)").await;
    let rows = quarrel_testkit::dump::dump_table(&url, "replica.\"Copy\"", &["id", "added"]).await;
    assert_eq!(rows, [vec![text("1"), None], vec![text("2"), text("7")]]);
    replica.close().await;
}

#[tokio::test]
async fn nothing_is_dropped_narrowed_or_renamed_by_itself() {
    let url = postgres_url().await;
    execute(&url, "CREATE TABLE s (id int PRIMARY KEY, a varchar(10), b bigint, c text, d date)").await;
    let replica = target(&url).await;
    let mut rules = rules(TargetEngine::Postgres, "replica.t");
    follow_and_check(&replica, &describe(&url, "s").await, &rules).await;
    execute(
        &url,
        "ALTER TABLE s ALTER a TYPE varchar(5), ALTER b TYPE integer, DROP c, ADD e text, ALTER d TYPE timestamp",
    )
    .await;
    let source = describe(&url, "s").await;
    let refusal = follow(&replica, &source, &rules).await.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "replica.t can't follow its source: ~ a character varying(10) → character varying(5) (narrower); \
         ~ b bigint → integer (narrower); ~ d date → timestamp without time zone; ~ c → e (renamed?)"
    );
    assert_eq!(refusal.columns().into_iter().collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);

    execute(&url, "ALTER TABLE s ALTER d TYPE date").await;
    let source = describe(&url, "s").await;
    rules.allow = [Allowance::Keep].into();
    let kept = follow(&replica, &source, &rules).await.unwrap();
    assert_eq!(kept.summary(), "add 1 column");
    let kept_names: Vec<_> = kept.after.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(kept_names, ["id", "a", "b", "c", "d", "e"]);

    rules.allow = [Allowance::Drop, Allowance::Narrow].into();
    let dropped = follow_and_check(&replica, &source, &rules).await;
    assert_eq!(dropped.summary(), "retype 2 columns, drop 1 column");
    replica.close().await;
}

#[tokio::test]
async fn a_key_made_after_the_load_is_the_same_key() {
    let url = postgres_url().await;
    execute(&url, "CREATE TABLE s (id int, region text, PRIMARY KEY (region, id))").await;
    let replica = target(&url).await;
    let mut rules = rules(TargetEngine::Postgres, "replica.t");
    rules.key_timing = KeyTiming::AfterLoad;
    let migration = follow_and_check(&replica, &describe(&url, "s").await, &rules).await;
    assert_eq!(migration.after_load.len(), 1);
    assert_eq!(migration.after.unique_keys, [["region", "id"]]);
    replica.close().await;
}

#[tokio::test]
async fn a_failing_step_leaves_none_of_the_others_behind() {
    let url = postgres_url().await;
    execute(&url, "CREATE TABLE s (id int PRIMARY KEY, a int, b text); CREATE SCHEMA replica").await;
    execute(&url, "CREATE TABLE replica.t (id int PRIMARY KEY, b text)").await;
    let replica = target(&url).await;
    let rules = rules(TargetEngine::Postgres, "replica.t");
    let before = replica.describe(&rules.target).await.unwrap();
    execute(&url, "ALTER TABLE s ADD c int").await;
    let migration = plan_migration(&describe(&url, "s").await, before.as_ref(), &rules).unwrap();
    assert_eq!(migration.summary(), "add 2 columns");
    // Somebody is quicker with the second of them.
    execute(&url, "ALTER TABLE replica.t ADD c int").await;
    let error = replica.migrate(&migration.target, &migration.steps).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Replan);
    let found = replica.describe(&rules.target).await.unwrap().unwrap();
    assert_eq!(found.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["id", "b", "c"]);
    let again = follow_and_check(&replica, &describe(&url, "s").await, &rules).await;
    assert_eq!(again.summary(), "add 1 column");
    assert_same_table(&again.after, &replica.describe(&rules.target).await.unwrap().unwrap());
    replica.close().await;
}

#[tokio::test]
async fn names_that_need_quotes_and_names_of_63_bytes_are_kept() {
    let url = postgres_url().await;
    let long = "ü".repeat(31) + "x";
    execute(
        &url,
        &format!(
            "CREATE TABLE \"a \"\"b\"\" {{0}}\" (\"ID\" int PRIMARY KEY, id int, \"order\" text, \"new\nline\" text, \
             \"{long}\" text DEFAULT '{{{{x}}}} \\ ''')"
        ),
    )
    .await;
    let replica = target(&url).await;
    let source = describe(&url, "\"a \"\"b\"\" {0}\"").await;
    let migration = follow_and_check(&replica, &source, &rules(TargetEngine::Postgres, "\"Odd; --\".\"t\"\"\"")).await;
    assert_eq!(migration.notes, []);
    let names: Vec<_> = migration.after.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["ID", "id", "order", "new\nline", &long]);
    replica.close().await;
}

#[tokio::test]
async fn a_migration_does_not_wait_for_ever_behind_a_reader() {
    let url = postgres_url().await;
    execute(&url, "CREATE TABLE s (id int PRIMARY KEY); CREATE SCHEMA replica").await;
    let replica = target(&url).await;
    let rules = rules(TargetEngine::Postgres, "replica.t");
    follow_and_check(&replica, &describe(&url, "s").await, &rules).await;
    execute(&url, "ALTER TABLE s ADD a int").await;
    let mut reader = PgConnection::connect(&url).await.unwrap();
    let mut reading = reader.begin().await.unwrap();
    reading.execute("SELECT count(*) FROM replica.t").await.unwrap();

    let before = replica.describe(&rules.target).await.unwrap();
    let migration = plan_migration(&describe(&url, "s").await, before.as_ref(), &rules).unwrap();
    let error = replica.migrate(&migration.target, &migration.steps).await.unwrap_err();
    assert!(matches!(error, TargetError::Locked { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Again);
    reading.rollback().await.unwrap();
    follow_and_check(&replica, &describe(&url, "s").await, &rules).await;
    replica.close().await;
}

#[tokio::test]
async fn an_enum_goes_into_the_targets_own_where_the_configuration_says_so() {
    let url = postgres_url().await;
    let moods = "AS ENUM ('sad', 'ok')";
    execute(
        &url,
        &format!(
            "CREATE SCHEMA replica; CREATE TYPE mood {moods}; CREATE TYPE replica.\"Mood\" {moods}; \
             CREATE TABLE s (id int PRIMARY KEY, m mood NOT NULL DEFAULT 'ok', n varchar(9))"
        ),
    )
    .await;
    let replica = target(&url).await;
    let mut rules = rules(TargetEngine::Postgres, "replica.t");
    let chosen = [("m", "replica.\"Mood\""), ("n", "varchar(64)")];
    rules.mapping.overrides = chosen.map(|(column, chosen)| (column.to_owned(), chosen.to_owned())).into();
    let created = follow_and_check(&replica, &describe(&url, "s").await, &rules).await;
    let types: Vec<_> = created.after.columns.iter().map(|column| column.type_name.as_str()).collect();
    assert_eq!(types, ["integer", "replica.\"Mood\"", "character varying(64)"]);
    replica.close().await;
}
