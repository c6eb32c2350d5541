//! What every test here does: plan, apply, look again.

use std::collections::{BTreeMap, BTreeSet};

use quarrel_connect::target::Target;
use quarrel_model::mapping::{MappingRules, Route, TargetEngine};
use quarrel_model::migration::{
    Decision, KeyTiming, Migration, MigrationRules, Refusal, TableLayout, WidenPolicy, plan_migration,
};
use quarrel_model::names::QualifiedName;
use quarrel_model::source::SourceTable;
use quarrel_model::target::TargetTable;
use quarrel_testkit::postgres::PostgresServer;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// Rules that allow nothing.
pub fn rules(engine: TargetEngine, target: &str) -> MigrationRules {
    MigrationRules {
        mapping: MappingRules { engine, route: Route::Direct, overrides: BTreeMap::new(), lob_slices: BTreeMap::new() },
        target: name(target),
        key: Vec::new(),
        widen: WidenPolicy::Widen,
        allow: BTreeSet::new(),
        key_timing: KeyTiming::WithTable,
        layout: TableLayout::default(),
    }
}

pub fn name(text: &str) -> QualifiedName {
    text.parse().unwrap()
}

/// Plans against what the target has now, and applies the plan.
pub async fn follow(
    target: &dyn Target,
    source: &SourceTable,
    rules: &MigrationRules,
) -> Result<Migration, Box<Refusal>> {
    let before = target.describe(&rules.target).await.unwrap();
    let migration = plan_migration(source, before.as_ref(), rules).map_err(Box::new)?;
    target.migrate(&migration.target, &migration.steps).await.unwrap();
    target.migrate(&migration.target, &migration.after_load).await.unwrap();
    Ok(migration)
}

/// Follows, holds the plan against the database, and plans again.
pub async fn follow_and_check(target: &dyn Target, source: &SourceTable, rules: &MigrationRules) -> Migration {
    let migration = follow(target, source, rules).await.unwrap();
    let found = target.describe(&rules.target).await.unwrap().expect("the table is there now");
    assert_same_table(&migration.after, &found);
    let again = plan_migration(source, Some(&found), rules).unwrap();
    assert_eq!((again.decision, again.steps), (Decision::Nothing, Vec::new()));
    migration
}

/// Estimates are of no interest.
pub fn assert_same_table(planned: &TargetTable, found: &TargetTable) {
    let without_estimate = |table: &TargetTable| TargetTable { rows_estimate: None, ..table.clone() };
    assert_eq!(without_estimate(planned), without_estimate(found));
}

/// A new Postgres database.
pub async fn postgres_url() -> String {
    // The server starts with its own runtime, which this one must not hold.
    tokio::task::spawn_blocking(|| PostgresServer::shared().create_database()).await.unwrap()
}

/// Runs statements on a Postgres database.
pub async fn execute(url: &str, script: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let result = connection.execute(AssertSqlSafe(script.to_owned())).await;
    result.unwrap_or_else(|error| panic!("{script}: {error}"));
    connection.close().await.unwrap();
}
