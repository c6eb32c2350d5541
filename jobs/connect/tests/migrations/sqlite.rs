//! Postgres to SQLite.

use quarrel_connect::postgres::PostgresSource;
use quarrel_connect::source::Source;
use quarrel_connect::sqlite::SqliteTarget;
use quarrel_connect::target::{Retry, Target};
use quarrel_model::mapping::{TargetEngine, TargetType};
use quarrel_model::migration::{Allowance, MigrationStep, NewColumn, Note, TableLayout};
use quarrel_testkit::wide_types;

use super::follow::{execute, follow, follow_and_check, name, postgres_url, rules};

#[tokio::test]
async fn a_copy_of_every_type_follows_what_sqlite_can_follow() {
    let url = postgres_url().await;
    execute(&url, &wide_types::create_statements("wide").join(";\n")).await;
    execute(&url, "ALTER TABLE wide ADD dflt text NOT NULL DEFAULT 'a\\b ''c'''").await;
    let source = PostgresSource::connect("live", &url, 1).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = format!("sqlite:{}", folder.path().join("replica.db").display());
    let target = SqliteTarget::connect("replica", &path, 2).await.unwrap();
    let mut rules = rules(TargetEngine::Sqlite, "wide");
    let wide = name("wide");
    let created = follow_and_check(&target, &source.describe(&wide).await.unwrap().unwrap(), &rules).await;
    assert_eq!(created.after.unique_keys, [["id"]]);

    // Neither a longer varchar nor NULL asks anything of SQLite.
    execute(&url, "ALTER TABLE wide ALTER a_varchar TYPE varchar(99), ALTER dflt DROP NOT NULL, ADD added bigint")
        .await;
    let altered = follow_and_check(&target, &source.describe(&wide).await.unwrap().unwrap(), &rules).await;
    assert_eq!(altered.summary(), "add 1 column");
    assert_eq!(altered.notes, [Note::AddedColumnIsNull { column: "added".into() }]);

    execute(&url, "ALTER TABLE wide ALTER added TYPE text, DROP a_real").await;
    let changed = source.describe(&wide).await.unwrap().unwrap();
    let refusal = follow(&target, &changed, &rules).await.unwrap_err();
    assert_eq!(refusal.to_string(), "wide can't follow its source: ~ added INTEGER → TEXT; - a_real REAL");
    execute(&url, "ALTER TABLE wide ALTER added TYPE bigint USING NULL").await;
    rules.allow = [Allowance::Drop].into();
    let dropped = follow_and_check(&target, &source.describe(&wide).await.unwrap().unwrap(), &rules).await;
    assert_eq!(dropped.summary(), "drop 1 column");
    target.close().await;
    source.close().await;
}

#[tokio::test]
async fn a_failing_step_leaves_none_of_the_others_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("sqlite:{}", folder.path().join("replica.db").display());
    let target = SqliteTarget::connect("replica", &path, 2).await.unwrap();
    let column = |name: &str| NewColumn {
        name: name.to_owned(),
        target_type: TargetType::BigInt,
        nullable: true,
        default: None,
    };
    let add = |name: &str| MigrationStep::AddColumn { column: column(name) };
    let create = MigrationStep::CreateTable {
        columns: vec![column("id"), column("there")],
        primary_key: vec!["id".to_owned()],
        layout: TableLayout::default(),
    };
    let table = name("t");
    target.migrate(&table, &[create]).await.unwrap();
    let error = target.migrate(&table, &[add("first"), add("there")]).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Replan);
    let found = target.describe(&table).await.unwrap().unwrap();
    assert_eq!(found.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["id", "there"]);
    target.close().await;
}
