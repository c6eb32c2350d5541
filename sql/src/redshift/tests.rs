//! Every statement for Redshift, rendered with awkward names, is parsed by a Redshift dialect; the merge is stated in full.

use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;

use super::*;

const KEY: LedgerKey<'static> = LedgerKey { table: "or'ders", target: "s.\"back\\slash\"" };

fn target() -> QualifiedName {
    QualifiedName { schema: Some("s".to_owned()), name: "my \"table\"".to_owned() }
}

fn type_name(name: &str) -> CatalogType {
    CatalogType::from_catalog(name).unwrap()
}

fn column(target: &str, staged: &str, conversion: Conversion, in_key: bool) -> MergeColumn {
    MergeColumn { target: target.to_owned(), staged: staged.to_owned(), conversion, in_key }
}

fn merge(others: OtherColumns) -> Merge {
    Merge {
        target: QualifiedName { schema: Some("s".to_owned()), name: "t".to_owned() },
        operation: "_op".to_owned(),
        columns: vec![
            column("id", "id", Conversion::Assigned, true),
            column("doc", "_text_1", Conversion::JsonParse, false),
            column("at", "_text_2", Conversion::Cast(type_name("time")), false),
        ],
        others,
    }
}

fn every_statement() -> Vec<Sql> {
    let file = LedgerFileRow {
        key: "a\\b'c",
        etag: None,
        size: 5,
        order: "20261122",
        sequence_first: Some("1"),
        sequence_last: None,
        rows: 3,
    };
    let row = LedgerTableRow {
        epoch: 7,
        holder: "run",
        watermark_file: "20261122",
        watermark_sequence: None,
        last_batch: "b",
        schema_pieces: &["[{\"name\":\"i", "d\"}]"],
    };
    let changes = [
        StageChange::Drop { column: "doc".to_owned() },
        StageChange::Add { column: "_op".to_owned(), type_name: type_name("character(1)") },
    ];
    let whole = [RESET_STATEMENT_TIMEOUT, DESCRIBE_SCHEMA, LEDGER_EXISTS, LEDGER_LOCK, FIND_BLOCKER];
    let mut statements: Vec<Sql> =
        whole.into_iter().chain(LEDGER_CREATE).map(|template| template.render([]).unwrap()).collect();
    statements.extend([
        set_statement_timeout(5_000).unwrap(),
        describe_columns("s", "t").unwrap(),
        describe_kind("s", "t").unwrap(),
        check_privileges(&target()).unwrap(),
        read_ledger_table(KEY).unwrap(),
        read_ledger_files(KEY, Some("2026"), None).unwrap(),
        read_ledger_batch(KEY, "b").unwrap(),
        write_ledger_batch(KEY, "b", "d", 7, [1, 2, 3, 4, 5]).unwrap(),
        copy_stage(["_op", "id"], "s3://b/m.json", "arn:aws:iam::123456789012:role/copy").unwrap(),
        add_column(&target(), "neu \"e\"", &type_name("character varying(65535)")).unwrap(),
    ]);
    statements.extend(write_ledger_table(KEY, &row).unwrap());
    statements.extend(write_ledger_files(KEY, "b", &[file, file]).unwrap());
    statements.extend(create_stage(&target(), &changes).unwrap());
    statements.extend(merge(OtherColumns::None).statements().unwrap());
    statements.extend(merge(OtherColumns::Some).statements().unwrap());
    statements
}

/// What sqlparser has no grammar for, put into words that it has: `LOCK name`, a statement of the same shape.
fn in_known_words(statement: &str) -> String {
    statement.replace("LOCK quarrel", "TRUNCATE quarrel")
}

#[test]
fn every_statement_is_parsed_by_a_redshift_dialect() {
    let statements = every_statement();
    for statement in &statements {
        let text = in_known_words(statement.as_str());
        let parsed = Parser::parse_sql(&RedshiftSqlDialect {}, &text);
        assert_eq!(parsed.map(|found| found.len()), Ok(1), "{text}");
    }
    // Each file of the folder is one of them: the merge's two shapes have its DELETE in common. Migrations are parsed where they
    // are rendered (`migrate/tests.rs`).
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/redshift")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| !name.starts_with("migrate_")).count(), statements.len() - 1);
}

#[test]
fn texts_have_no_backslash() {
    assert_eq!(text("it's").as_str(), "'it''s'");
    assert_eq!(text("a\\b\\").as_str(), "('a' || CHR(92) || 'b' || CHR(92) || '')");
}

fn plain(statement: &Sql) -> String {
    statement.as_str().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn merge_of_whole_rows_is_a_delete_and_an_insert() {
    let statements: Vec<String> = merge(OtherColumns::None).statements().unwrap().iter().map(plain).collect();
    let expected = [
        r#"DELETE FROM "s"."t" USING "quarrel_stage" WHERE TRUE AND "t"."id" = "quarrel_stage"."id""#,
        r#"INSERT INTO "s"."t" ("id", "doc", "at") SELECT "quarrel_stage"."id", JSON_PARSE("quarrel_stage"."_text_1"), CAST("quarrel_stage"."_text_2" AS time) FROM "quarrel_stage" WHERE "quarrel_stage"."_op" <> 'D'"#,
    ];
    assert_eq!(statements, expected);
}

#[test]
fn merge_beside_other_columns_overwrites_and_inserts_what_is_missing() {
    let statements: Vec<String> = merge(OtherColumns::Some).statements().unwrap().iter().map(plain).collect();
    assert!(statements[0].contains(r#"WHERE "quarrel_stage"."_op" = 'D' AND "t"."id" ="#), "{}", statements[0]);
    assert!(statements[1].starts_with(r#"UPDATE "s"."t" SET "doc" = JSON_PARSE("#), "{}", statements[1]);
    assert!(
        statements[2].ends_with(
            r#"LEFT JOIN "s"."t" AS quarrel_held ON quarrel_held."id" = "quarrel_stage"."id" WHERE "quarrel_stage"."_op" <> 'D' AND quarrel_held."id" IS NULL"#
        ),
        "{}",
        statements[2]
    );
}
