//! What each step of a migration is rendered to, engine by engine; that every statement parses is tested with sqlparser.

use quarrel_model::mapping::{TargetEngine, TargetType};
use quarrel_model::migration::{Constant, Digits, Distribution, MigrationStep, NewColumn, TableLayout};
use quarrel_model::names::QualifiedName;

use sqlparser::dialect::{PostgreSqlDialect, RedshiftSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

use super::{Transaction, statements};
use crate::template::RenderError;

fn column(name: &str, target_type: TargetType, nullable: bool, default: Option<Constant>) -> NewColumn {
    NewColumn { name: name.to_owned(), target_type, nullable, default }
}

fn table() -> QualifiedName {
    QualifiedName { schema: Some("My Schema".to_owned()), name: "say \"hi\"".to_owned() }
}

fn create(layout: TableLayout) -> MigrationStep {
    MigrationStep::CreateTable {
        columns: vec![
            column("id", TargetType::BigInt, false, None),
            column("select", TargetType::varchar(20), true, Some(Constant::Text("it's \\ {0}".to_owned()))),
            column("n", TargetType::numeric(18, 2), true, Digits::parse("-1.50").map(Constant::Number)),
            column("ok", TargetType::Boolean, false, Some(Constant::Boolean(true))),
        ],
        primary_key: vec!["id".to_owned(), "select".to_owned()],
        layout,
    }
}

fn change(from: &str, to: TargetType) -> MigrationStep {
    MigrationStep::ChangeType { column: "c".to_owned(), from: from.to_owned(), to }
}

/// The statements with single blanks, and whether each may be in a transaction.
fn texts(engine: TargetEngine, table: &QualifiedName, steps: &[MigrationStep]) -> Vec<(String, Transaction)> {
    let rendered = statements(engine, table, steps).unwrap();
    let plain = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    rendered.iter().map(|statement| (plain(statement.sql.as_str()), statement.transaction)).collect()
}

fn inside(texts: &[&str]) -> Vec<(String, Transaction)> {
    texts.iter().map(|text| ((*text).to_owned(), Transaction::Inside)).collect()
}

#[test]
fn postgres_creates_what_the_steps_say() {
    let steps = [MigrationStep::CreateSchema { schema: "My Schema".to_owned() }, create(TableLayout::default())];
    let expected = inside(&[
        r#"CREATE SCHEMA IF NOT EXISTS "My Schema""#,
        "CREATE TABLE \"My Schema\".\"say \"\"hi\"\"\" ( \"id\" bigint NOT NULL, \
         \"select\" character varying(20) DEFAULT E'it''s \\\\ {0}', \"n\" numeric(18,2) DEFAULT -1.50, \
         \"ok\" boolean NOT NULL DEFAULT TRUE, PRIMARY KEY (\"id\", \"select\") )",
    ]);
    assert_eq!(texts(TargetEngine::Postgres, &table(), &steps), expected);
}

#[test]
fn postgres_adds_a_column_before_it_gives_it_a_default() {
    let added = column("c", TargetType::Integer, true, Digits::parse("7").map(Constant::Number));
    let steps = [
        MigrationStep::AddColumn { column: added },
        change("integer", TargetType::BigInt),
        MigrationStep::DropNotNull { column: "c".to_owned() },
        MigrationStep::DropColumn { column: "c".to_owned() },
        MigrationStep::AddPrimaryKey { columns: vec!["a".to_owned(), "b\"".to_owned()] },
    ];
    let t = QualifiedName { schema: None, name: "t".to_owned() };
    let expected = inside(&[
        r#"ALTER TABLE "t" ADD COLUMN "c" integer"#,
        r#"ALTER TABLE "t" ALTER COLUMN "c" SET DEFAULT 7"#,
        r#"ALTER TABLE "t" ALTER COLUMN "c" TYPE bigint"#,
        r#"ALTER TABLE "t" ALTER COLUMN "c" DROP NOT NULL"#,
        r#"ALTER TABLE "t" DROP COLUMN "c""#,
        r#"ALTER TABLE "t" ADD PRIMARY KEY ("a", "b""")"#,
    ]);
    assert_eq!(texts(TargetEngine::Postgres, &t, &steps), expected);
}

#[test]
fn redshift_lengthens_a_varchar_by_itself_and_replaces_every_other_column() {
    let t = QualifiedName { schema: Some("s".to_owned()), name: "t".to_owned() };
    let lengthen = texts(TargetEngine::Redshift, &t, &[change("character varying(20)", TargetType::varchar(80))]);
    let alone = r#"ALTER TABLE "s"."t" ALTER COLUMN "c" TYPE character varying(80)"#.to_owned();
    assert_eq!(lengthen, [(alone, Transaction::Alone)]);
    let expected = inside(&[
        r#"ALTER TABLE "s"."t" ADD COLUMN "quarrel_replacement" bigint"#,
        r#"UPDATE "s"."t" SET "quarrel_replacement" = CAST("c" AS bigint)"#,
        r#"ALTER TABLE "s"."t" DROP COLUMN "c""#,
        r#"ALTER TABLE "s"."t" RENAME COLUMN "quarrel_replacement" TO "c""#,
    ]);
    assert_eq!(texts(TargetEngine::Redshift, &t, &[change("integer", TargetType::BigInt)]), expected);
}

#[test]
fn redshift_lays_a_table_out_as_it_is_told() {
    let t = QualifiedName { schema: None, name: "t".to_owned() };
    let step = |layout| MigrationStep::CreateTable {
        columns: vec![
            column("id", TargetType::BigInt, false, None),
            column("d", TargetType::Super, true, None),
            column("b", TargetType::Bytes { length: Some(16) }, true, None),
        ],
        primary_key: vec!["id".to_owned()],
        layout,
    };
    let body = r#"CREATE TABLE "t" ( "id" bigint NOT NULL, "d" super, "b" binary varying(16), PRIMARY KEY ("id") )"#;
    let cases = [
        (TableLayout::default(), "DISTSTYLE AUTO"),
        (TableLayout { distribution: Distribution::All, sort_key: Vec::new() }, "DISTSTYLE ALL"),
        (
            TableLayout { distribution: Distribution::Key("id".into()), sort_key: vec!["id".into(), "d".into()] },
            r#"DISTKEY ("id") SORTKEY ("id", "d")"#,
        ),
    ];
    for (layout, expected) in cases {
        assert_eq!(texts(TargetEngine::Redshift, &t, &[step(layout)]), inside(&[&format!("{body} {expected}")]));
    }
}

#[test]
fn sqlite_keeps_a_backslash_as_it_is_and_refuses_what_it_has_no_statement_for() {
    let t = QualifiedName { schema: None, name: "t".to_owned() };
    let expected = inside(&["CREATE TABLE \"main\".\"t\" ( \"id\" INTEGER NOT NULL, \
         \"select\" TEXT DEFAULT 'it''s \\ {0}', \"n\" NUMERIC DEFAULT -1.50, \
         \"ok\" BOOLEAN NOT NULL DEFAULT TRUE, PRIMARY KEY (\"id\", \"select\") )"]);
    assert_eq!(texts(TargetEngine::Sqlite, &t, &[create(TableLayout::default())]), expected);
    let refused = statements(TargetEngine::Sqlite, &t, &[change("INTEGER", TargetType::Text)]);
    assert!(matches!(refused, Err(RenderError::Impossible { engine: TargetEngine::Sqlite, .. })));
}

#[test]
fn names_of_types_are_quoted_and_arrays_follow_their_elements() {
    let t = QualifiedName { schema: None, name: "t".to_owned() };
    let mood = QualifiedName { schema: Some("public".to_owned()), name: "Mood; DROP".to_owned() };
    let array = TargetType::Array { element: Box::new(TargetType::Named { name: mood }) };
    let expected = inside(&[r#"ALTER TABLE "t" ALTER COLUMN "c" TYPE "public"."Mood; DROP"[]"#]);
    assert_eq!(texts(TargetEngine::Postgres, &t, &[change("text[]", array)]), expected);
}

#[test]
fn every_statement_parses_under_its_engines_dialect() {
    let t = QualifiedName { schema: Some("s".to_owned()), name: "t".to_owned() };
    let added = column("c", TargetType::varchar(9), true, Digits::parse("7").map(Constant::Number));
    let key = |name: &str| vec![name.to_owned()];
    let layout = TableLayout { distribution: Distribution::Key("id".to_owned()), sort_key: key("id") };
    let everywhere = [
        create(TableLayout::default()),
        create(layout),
        MigrationStep::AddColumn { column: added },
        MigrationStep::DropColumn { column: "c".to_owned() },
    ];
    let beyond_sqlite = [
        MigrationStep::CreateSchema { schema: "s".to_owned() },
        MigrationStep::AddPrimaryKey { columns: key("id") },
        change("character varying(20)", TargetType::varchar(80)),
        change("integer", TargetType::TimestampTz { precision: None }),
    ];
    let check = |engine, steps: &[MigrationStep]| {
        for statement in statements(engine, &t, steps).unwrap() {
            let sql = statement.sql.as_str();
            let parsed = match engine {
                TargetEngine::Postgres => Parser::parse_sql(&PostgreSqlDialect {}, sql),
                TargetEngine::Redshift => Parser::parse_sql(&RedshiftSqlDialect {}, sql),
                TargetEngine::Sqlite => Parser::parse_sql(&SQLiteDialect {}, sql),
            };
            let parsed = parsed.unwrap_or_else(|error| panic!("{engine}: {sql}: {error}"));
            assert_eq!(parsed.len(), 1, "{sql}");
        }
    };
    for engine in [TargetEngine::Postgres, TargetEngine::Redshift, TargetEngine::Sqlite] {
        check(engine, &everywhere);
    }
    for engine in [TargetEngine::Postgres, TargetEngine::Redshift] {
        check(engine, &beyond_sqlite);
    }
}
