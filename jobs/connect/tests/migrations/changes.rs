//! Random changes of a source: its copy follows, or refuses with a diff that names just the columns that changed.

use std::collections::BTreeSet;

use proptest::prelude::*;
use quarrel_connect::postgres::{PostgresSource, PostgresTarget};
use quarrel_connect::source::Source;
use quarrel_connect::target::Target;
use quarrel_model::mapping::TargetEngine;
use quarrel_model::migration::{Decision, Migration, Refusal, plan_migration};
use quarrel_model::source::{
    Generated, NumericModifiers, PostgresType, SourceColumn, SourceKind, SourceTable, SourceType,
};
use quarrel_model::target::TargetTable;
use quarrel_testkit::schema_changes::{Change, FAMILIES, Shape, ShapeColumn, histories};

use super::follow::{execute, follow_and_check, name, postgres_url, rules};

const PURE_CASES: u32 = 600;
const POSTGRES_CASES: u32 = 40;

/// The type at a place of [`FAMILIES`], as a catalog would tell it.
fn postgres_type(family: usize, level: usize) -> PostgresType {
    let array = |element| PostgresType::Array { element: Box::new(element) };
    let by_place = |levels: &[PostgresType]| levels[level].clone();
    match family {
        0 => by_place(&[
            PostgresType::SmallInt,
            PostgresType::Integer,
            PostgresType::BigInt,
            PostgresType::Numeric { modifiers: Some(NumericModifiers { precision: 25, scale: 3 }) },
        ]),
        1 => by_place(&[
            PostgresType::Varchar { length: Some(10) },
            PostgresType::Varchar { length: Some(20) },
            PostgresType::Varchar { length: Some(20_000) },
            PostgresType::Text,
        ]),
        2 => by_place(&[PostgresType::Timestamp { precision: Some(0) }, PostgresType::Timestamp { precision: None }]),
        3 => by_place(&[PostgresType::Time { precision: Some(2) }, PostgresType::Time { precision: Some(4) }]),
        4 => by_place(&[PostgresType::Real, PostgresType::DoublePrecision]),
        5 => by_place(&[PostgresType::BitVarying { length: Some(3) }, PostgresType::BitVarying { length: None }]),
        6 => by_place(&[array(PostgresType::Integer), array(PostgresType::BigInt)]),
        7 => PostgresType::Boolean,
        8 => PostgresType::Jsonb,
        _ => panic!("no such family: {family}"),
    }
}

fn source_column(name: &str, source_type: PostgresType, spelling: &str, nullable: bool) -> SourceColumn {
    SourceColumn {
        name: name.to_owned(),
        source_type: SourceType::Postgres(source_type),
        spelling: spelling.to_owned(),
        nullable,
        default: None,
        generated: Generated::No,
        comment: None,
        collation: None,
    }
}

fn source_table(shape: &Shape) -> SourceTable {
    let column = |column: &ShapeColumn| {
        let source_type = postgres_type(column.family, column.level);
        source_column(&column.name, source_type, FAMILIES[column.family][column.level].0, column.nullable)
    };
    let id = source_column("id", PostgresType::BigInt, "bigint", false);
    SourceTable {
        name: name("live.t"),
        kind: SourceKind::Table,
        columns: [id].into_iter().chain(shape.columns.iter().map(column)).collect(),
        primary_key: vec!["id".to_owned()],
        unique_keys: Vec::new(),
        comment: None,
        rows_estimate: None,
        bytes_estimate: None,
    }
}

/// Name, type and nullability of a copy's columns, without the key's.
fn seen(table: &TargetTable) -> Vec<(String, String, bool)> {
    let column = |c: &quarrel_model::target::TargetColumn| (c.name.clone(), c.type_name.clone(), c.nullable);
    table.columns.iter().skip(1).map(column).collect()
}

fn wanted(shape: &Shape) -> Vec<(String, String, bool)> {
    let column = |c: &ShapeColumn| (c.name.clone(), c.copy_type().to_owned(), c.nullable);
    shape.columns.iter().map(column).collect()
}

fn plan(shape: &Shape, target: Option<&TargetTable>, engine: TargetEngine) -> Result<Migration, Box<Refusal>> {
    plan_migration(&source_table(shape), target, &rules(engine, "replica.t")).map_err(Box::new)
}

/// A copy in Postgres, against the oracle: what it does, what it becomes, and what it says when it refuses.
fn check_postgres(first: &Shape, groups: &[Vec<Change>]) -> Result<(), TestCaseError> {
    let mut source = first.clone();
    let mut copy = first.clone();
    let mut table = plan(first, None, TargetEngine::Postgres).expect("a new table is made").after;
    prop_assert_eq!(seen(&table), wanted(first));
    for group in groups {
        let before = source.clone();
        for change in group {
            source.apply("live.t", change);
        }
        let expected = copy.expect(&source);
        match plan(&source, Some(&table), TargetEngine::Postgres) {
            Ok(migration) => {
                prop_assert!(!expected.is_refused, "{:?}", migration.steps);
                prop_assert_eq!(migration.decision == Decision::Nothing, expected.changed.is_empty());
                copy = copy.followed(&source);
                prop_assert_eq!(seen(&migration.after), wanted(&copy));
                table = migration.after;
                let again = plan(&source, Some(&table), TargetEngine::Postgres).expect("what was followed is followed");
                prop_assert_eq!(again.steps, vec![]);
            }
            Err(refusal) => {
                prop_assert!(expected.is_refused, "{}", refusal);
                let named: BTreeSet<String> = refusal.columns().into_iter().map(str::to_owned).collect();
                prop_assert_eq!(named, expected.changed, "{}", refusal);
                source = before;
            }
        }
    }
    Ok(())
}

/// A copy elsewhere: what is followed is followed for good, and a refusal names nothing that didn't change.
fn check_elsewhere(first: &Shape, groups: &[Vec<Change>], engine: TargetEngine) -> Result<(), TestCaseError> {
    let mut source = first.clone();
    let mut followed = first.clone();
    let mut table = plan(first, None, engine).expect("a new table is made").after;
    for group in groups {
        for change in group {
            source.apply("live.t", change);
        }
        match plan(&source, Some(&table), engine) {
            Ok(migration) => {
                quarrel_sql::migrate::statements(engine, &migration.target, &migration.steps)
                    .expect("what is planned can be rendered");
                table = migration.after;
                followed = source.clone();
                let again = plan(&source, Some(&table), engine).expect("what was followed is followed");
                prop_assert_eq!(again.steps, vec![]);
            }
            Err(refusal) => {
                let changed = followed.expect(&source).changed;
                let named: BTreeSet<String> = refusal.columns().into_iter().map(str::to_lowercase).collect();
                let changed: BTreeSet<String> = changed.iter().map(|name| name.to_lowercase()).collect();
                prop_assert!(!named.is_empty() && named.is_subset(&changed), "{} {:?}", refusal, changed);
                source = followed.clone();
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: PURE_CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_copy_follows_or_names_the_columns_that_keep_it((first, groups) in histories()) {
        check_postgres(&first, &groups)?;
    }

    #[test]
    fn copies_elsewhere_follow_or_name_columns_that_changed((first, groups) in histories()) {
        check_elsewhere(&first, &groups, TargetEngine::Redshift)?;
        check_elsewhere(&first, &groups, TargetEngine::Sqlite)?;
    }
}

/// The same on a real Postgres, where the source is described, too, and its copy has to be what the plan said.
async fn check_on_postgres(url: &str, number: u32, first: &Shape, groups: &[Vec<Change>]) {
    let (live, replica) = (format!("live_{number}"), format!("replica_{number}"));
    let table = format!("{live}.t");
    execute(url, &format!("CREATE SCHEMA {live}; {}", first.create(&table))).await;
    let source = PostgresSource::connect("live", url, 1).await.unwrap();
    let target = PostgresTarget::connect("replica", url, 1).await.unwrap();
    let rules = rules(TargetEngine::Postgres, &format!("{replica}.t"));
    let (mut shape, mut copy) = (first.clone(), first.clone());
    let described = source.describe(&name(&table)).await.unwrap().unwrap();
    follow_and_check(&target, &described, &rules).await;
    for group in groups {
        let statements: Vec<String> = group.iter().filter_map(|change| shape.apply(&table, change)).collect();
        execute(url, &statements.join("; ")).await;
        let expected = copy.expect(&shape);
        let described = source.describe(&name(&table)).await.unwrap().unwrap();
        let before = target.describe(&rules.target).await.unwrap().unwrap();
        match plan_migration(&described, Some(&before), &rules) {
            Ok(migration) => {
                assert!(!expected.is_refused, "{:?}", migration.steps);
                follow_and_check(&target, &described, &rules).await;
                copy = copy.followed(&shape);
                let found = target.describe(&rules.target).await.unwrap().unwrap();
                assert_eq!(seen(&found), wanted(&copy));
            }
            Err(refusal) => {
                assert!(expected.is_refused, "{refusal}");
                let named: BTreeSet<String> = refusal.columns().into_iter().map(str::to_owned).collect();
                assert_eq!(named, expected.changed, "{refusal}");
                // The operator has the copy made anew.
                execute(url, &format!("DROP TABLE {replica}.t")).await;
                follow_and_check(&target, &described, &rules).await;
                copy = shape.clone();
            }
        }
    }
    execute(url, &format!("DROP SCHEMA {live} CASCADE; DROP SCHEMA {replica} CASCADE")).await;
    target.close().await;
    source.close().await;
}

#[test]
fn a_copy_on_postgres_follows_or_names_the_columns_that_keep_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let url = runtime.block_on(postgres_url());
    let number = std::cell::Cell::new(0);
    let config = ProptestConfig {
        cases: POSTGRES_CASES,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..ProptestConfig::default()
    };
    proptest!(config, |((first, groups) in histories())| {
        number.set(number.get() + 1);
        runtime.block_on(check_on_postgres(&url, number.get(), &first, &groups));
    });
}
