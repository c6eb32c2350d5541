//! Decisions and refusals, without a database.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;

use super::{
    Allowance, Decision, Difference, KeyTiming, Migration, MigrationRecord, MigrationRules, MigrationStep, Refusal,
    TableLayout, WidenPolicy, plan_migration,
};
use crate::mapping::{MappingRules, Route, TargetEngine};
use crate::names::{ConnectionName, QualifiedName, TableName};
use crate::source::{Generated, PostgresType, SourceColumn, SourceKind, SourceTable, SourceType};
use crate::target::{Generation, TargetColumn, TargetTable};

fn source(columns: &[(&str, PostgresType)], key: &[&str]) -> SourceTable {
    let column = |(name, source_type): &(&str, PostgresType)| SourceColumn {
        name: (*name).to_owned(),
        source_type: SourceType::Postgres(source_type.clone()),
        spelling: format!("{source_type:?}"),
        nullable: !key.contains(name),
        default: None,
        generated: Generated::No,
        comment: None,
        collation: None,
    };
    SourceTable {
        name: name("live.t"),
        kind: SourceKind::Table,
        columns: columns.iter().map(column).collect(),
        primary_key: key.iter().map(|column| (*column).to_owned()).collect(),
        unique_keys: Vec::new(),
        comment: None,
        rows_estimate: None,
        bytes_estimate: None,
    }
}

fn target(columns: &[(&str, &str)], key: &[&str]) -> TargetTable {
    let column = |(name, type_name): &(&str, &str)| TargetColumn {
        name: (*name).to_owned(),
        type_name: (*type_name).to_owned(),
        nullable: !key.contains(name),
        has_default: false,
        generation: Generation::None,
    };
    TargetTable {
        name: name("replica.t"),
        columns: columns.iter().map(column).collect(),
        unique_keys: if key.is_empty() { Vec::new() } else { vec![key.iter().map(|k| (*k).to_owned()).collect()] },
        rows_estimate: None,
    }
}

fn name(text: &str) -> QualifiedName {
    text.parse().unwrap()
}

fn rules(engine: TargetEngine) -> MigrationRules {
    MigrationRules {
        mapping: MappingRules { engine, route: Route::Direct, overrides: BTreeMap::new(), lob_slices: BTreeMap::new() },
        target: name("replica.t"),
        key: Vec::new(),
        widen: WidenPolicy::Widen,
        allow: BTreeSet::new(),
        key_timing: KeyTiming::WithTable,
        layout: TableLayout::default(),
    }
}

fn refusal(planned: Result<Migration, Refusal>) -> String {
    let refusal = planned.unwrap_err();
    refusal.differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

const INT: PostgresType = PostgresType::Integer;

#[test]
fn redshift_refuses_names_that_are_one_to_it_and_postgres_does_not() {
    let both = source(&[("ID", INT), ("id", INT)], &["ID"]);
    assert!(plan_migration(&both, None, &rules(TargetEngine::Postgres)).is_ok());
    let expected = "Redshift takes ID and id for the same column";
    assert_eq!(refusal(plan_migration(&both, None, &rules(TargetEngine::Redshift))), expected);
    let expected = "SQLite takes ID and id for the same column";
    assert_eq!(refusal(plan_migration(&both, None, &rules(TargetEngine::Sqlite))), expected);
}

#[test]
fn redshift_gets_lower_case_names_and_finds_them_again() {
    let mixed = source(&[("Id", INT), ("Größe", PostgresType::Text)], &["Id"]);
    let created = plan_migration(&mixed, None, &rules(TargetEngine::Redshift)).unwrap();
    let names: Vec<_> = created.after.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "größe"]);
    assert_eq!(created.after.unique_keys, [["id"]]);
    assert_eq!(created.columns[0].mapped.source, "Id");
    let again = plan_migration(&mixed, Some(&created.after), &rules(TargetEngine::Redshift)).unwrap();
    assert_eq!(again.decision, Decision::Nothing);
}

#[test]
fn a_name_that_the_target_would_cut_is_refused() {
    let (fits, long) = ("x".repeat(63), "ü".repeat(32));
    assert!(plan_migration(&source(&[(&fits, INT)], &[]), None, &rules(TargetEngine::Postgres)).is_ok());
    let expected = format!("{long} has 64 bytes, and the target cuts names at 63");
    let table = source(&[(&long, INT)], &[]);
    assert_eq!(refusal(plan_migration(&table, None, &rules(TargetEngine::Postgres))), expected);
    assert!(plan_migration(&table, None, &rules(TargetEngine::Redshift)).is_ok());
}

#[test]
fn a_table_made_by_hand_under_another_case_is_taken_as_it_is() {
    let mixed = source(&[("Id", INT), ("Note", PostgresType::Text)], &["Id"]);
    let by_hand = target(&[("id", "integer"), ("note", "text")], &["id"]);
    let planned = plan_migration(&mixed, Some(&by_hand), &rules(TargetEngine::Postgres)).unwrap();
    assert_eq!(planned.decision, Decision::Nothing);
    assert_eq!(planned.columns[1].target, "note");
}

#[test]
fn the_key_must_be_there_and_be_the_same() {
    let table = source(&[("id", INT), ("region", INT)], &["id", "region"]);
    let mut configured = rules(TargetEngine::Postgres);
    configured.key = vec!["id".to_owned()];
    assert_eq!(refusal(plan_migration(&table, None, &configured)), "key (id) → (id, region)");
    configured.key = vec!["gone".to_owned()];
    assert_eq!(refusal(plan_migration(&table, None, &configured)), "key column gone is not in the source");
    let other = target(&[("id", "integer"), ("region", "integer")], &["id"]);
    let changed = refusal(plan_migration(&table, Some(&other), &rules(TargetEngine::Postgres)));
    assert_eq!(changed, "key (id) → (id, region)");
    let turned = target(&[("id", "integer"), ("region", "integer")], &["region", "id"]);
    assert!(plan_migration(&table, Some(&turned), &rules(TargetEngine::Postgres)).is_ok());
    let without = target(&[("id", "integer"), ("region", "integer")], &[]);
    assert!(plan_migration(&table, Some(&without), &rules(TargetEngine::Postgres)).is_ok());
}

#[test]
fn a_refusal_names_what_would_have_been_no_reason_as_well() {
    let table = source(&[("id", PostgresType::BigInt), ("new", INT), ("d", PostgresType::Date)], &["id"]);
    let old = target(&[("id", "integer"), ("gone", "text"), ("d", "text")], &["id"]);
    let refused = plan_migration(&table, Some(&old), &rules(TargetEngine::Postgres)).unwrap_err();
    let expected = "~ id integer → bigint (wider); ~ d text → date; + new integer; - gone text";
    assert_eq!(refusal(Err(refused.clone())), expected);
    assert_eq!(refused.columns().into_iter().collect::<Vec<_>>(), ["d", "gone", "id", "new"]);
    assert!(refused.hints.iter().any(|hint| hint.contains("drop")), "{:?}", refused.hints);
}

#[test]
fn a_rename_is_guessed_by_type_and_never_carried_out() {
    let table = source(&[("id", INT), ("b", PostgresType::Text), ("n", INT)], &["id"]);
    let old = target(&[("id", "integer"), ("a", "text"), ("m", "integer")], &["id"]);
    let mut rules = rules(TargetEngine::Postgres);
    assert_eq!(refusal(plan_migration(&table, Some(&old), &rules)), "~ a → b (renamed?); ~ m → n (renamed?)");
    rules.allow = [Allowance::Drop].into();
    let dropped = plan_migration(&table, Some(&old), &rules).unwrap();
    assert_eq!(dropped.summary(), "add 2 columns, drop 2 columns");
}

#[test]
fn widening_is_refused_where_the_policy_says_so() {
    let table = source(&[("id", PostgresType::BigInt)], &["id"]);
    let old = target(&[("id", "integer")], &["id"]);
    let mut rules = rules(TargetEngine::Postgres);
    rules.widen = WidenPolicy::Refuse;
    assert_eq!(refusal(plan_migration(&table, Some(&old), &rules)), "~ id integer → bigint (wider)");
}

#[test]
fn a_column_only_the_target_has_stays_only_if_rows_may_leave_it_out() {
    let table = source(&[("id", INT)], &["id"]);
    let mut old = target(&[("id", "integer"), ("loaded_at", "text")], &["id"]);
    let mut rules = rules(TargetEngine::Postgres);
    rules.allow = [Allowance::Keep].into();
    assert_eq!(plan_migration(&table, Some(&old), &rules).unwrap().decision, Decision::Nothing);
    old.columns[1].nullable = false;
    assert_eq!(refusal(plan_migration(&table, Some(&old), &rules)), "- loaded_at text");
    old.columns[1].generation = Generation::Computed;
    rules.allow = BTreeSet::new();
    assert_eq!(plan_migration(&table, Some(&old), &rules).unwrap().decision, Decision::Nothing);
}

#[test]
fn redshift_widens_in_place_or_behind_all_others_and_not_in_the_key() {
    let table =
        source(&[("id", INT), ("n", PostgresType::BigInt), ("v", PostgresType::Varchar { length: Some(20) })], &["id"]);
    let old = target(&[("id", "integer"), ("n", "integer"), ("v", "character varying(40)")], &["id"]);
    let widened = plan_migration(&table, Some(&old), &rules(TargetEngine::Redshift)).unwrap();
    let after: Vec<_> = widened.after.columns.iter().map(|c| (c.name.as_str(), c.type_name.as_str())).collect();
    assert_eq!(after, [("id", "integer"), ("v", "character varying(80)"), ("n", "bigint")]);
    let again = plan_migration(&table, Some(&widened.after), &rules(TargetEngine::Redshift)).unwrap();
    assert_eq!(again.decision, Decision::Nothing);

    let wider_key = source(&[("id", PostgresType::BigInt)], &["id"]);
    let old = target(&[("id", "integer")], &["id"]);
    let refused = plan_migration(&wider_key, Some(&old), &rules(TargetEngine::Redshift)).unwrap_err();
    assert!(matches!(refused.differences[..], [Difference::NotAlterable { .. }]), "{refused}");
}

#[test]
fn not_null_is_carried_only_where_it_can_be_dropped_again() {
    let mut table = source(&[("id", INT), ("a", INT)], &["id"]);
    table.columns[1].nullable = false;
    let nullable = |engine| {
        let created = plan_migration(&table, None, &rules(engine)).unwrap();
        created.after.columns.iter().map(|column| column.nullable).collect::<Vec<_>>()
    };
    assert_eq!(nullable(TargetEngine::Postgres), [false, false]);
    assert_eq!(nullable(TargetEngine::Redshift), [false, true]);
    assert_eq!(nullable(TargetEngine::Sqlite), [false, true]);
    table.columns[1].nullable = true;
    let mut by_hand = target(&[("id", "INTEGER"), ("a", "INTEGER")], &["id"]);
    by_hand.columns[1].nullable = false;
    assert_eq!(refusal(plan_migration(&table, Some(&by_hand), &rules(TargetEngine::Sqlite))), "~ a takes NULL");
}

#[test]
fn tables_without_columns_and_with_too_many_are_refused() {
    let none = source(&[], &[]);
    assert_eq!(refusal(plan_migration(&none, None, &rules(TargetEngine::Postgres))), "the source has no columns");
    let names: Vec<String> = (0..1_601).map(|number| format!("c{number}")).collect();
    let columns: Vec<(&str, PostgresType)> = names.iter().map(|name| (name.as_str(), INT)).collect();
    assert!(plan_migration(&source(&columns[..1_600], &[]), None, &rules(TargetEngine::Postgres)).is_ok());
    let refused = refusal(plan_migration(&source(&columns, &[]), None, &rules(TargetEngine::Postgres)));
    assert_eq!(refused, "1601 columns, and the target takes 1600");
}

#[test]
fn a_record_comes_back_from_its_json_and_nothing_makes_none() {
    let table = source(&[("id", INT), ("a", PostgresType::Text)], &["id"]);
    let migration = plan_migration(&table, None, &rules(TargetEngine::Postgres)).unwrap();
    assert!(matches!(migration.steps[..], [MigrationStep::CreateSchema { .. }, MigrationStep::CreateTable { .. }]));
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let place = (&TableName("t".to_owned()), &ConnectionName("dwh".to_owned()));
    let record = MigrationRecord::of(&migration, vec!["CREATE TABLE …".to_owned()], place, "run-1", at).unwrap();
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<MigrationRecord>(&json).unwrap(), record);
    let again = plan_migration(&table, Some(&migration.after), &rules(TargetEngine::Postgres)).unwrap();
    assert_eq!(MigrationRecord::of(&again, Vec::new(), place, "run-2", at), None);
}
