//! What the configuration asks of targets, by their engine: whole files, and exactly the faults that each of them has.

use quarrel_model::config::{Config, ConfigFaults, parse};

const FOLDER: &str = "/etc/quarrel";
const FULL: &str = include_str!("config/full.yaml");

/// The smallest configuration that does something.
const SMALL: &str = "\
version: 1
lake: {changes: ./changes, work: ./work}
connections: {copy: {type: sqlite, url: 'sqlite:./copy.db'}}
tables:
  - name: orders
    changes: {prefix: live/orders}
    key: [id]
    targets: [{connection: copy, table: orders}]
";

fn faults(text: &str) -> ConfigFaults {
    parse(text, FOLDER).expect_err("the text has faults")
}

fn lines(text: &str) -> Vec<String> {
    faults(text).0.iter().map(ToString::to_string).collect()
}

fn parsed(text: &str) -> Config {
    parse(text, FOLDER).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn a_redshift_target_needs_a_role_and_a_work_area_that_it_can_read() {
    let without_role = FULL.replace(", iam_role: \"arn:aws:iam::123456789012:role/copy\"", "");
    let expected = "line 10: connections.dwh: a Redshift target needs `iam_role`, the role with which COPY reads the work area; \
                    `iam_role: \"arn:aws:iam::123456789012:role/copy\"`";
    assert_eq!(lines(&without_role), [expected]);
    let in_a_folder = FULL.replace("work: s3://acme-quarrel/", "work: ./work/");
    let expected =
        "lake.work: Redshift copies rows from the work area, and reads no folder of this machine; use `s3://…`";
    assert!(lines(&in_a_folder)[0].ends_with(expected), "{:?}", lines(&in_a_folder));
    // A role becomes part of a statement.
    let quoted = FULL.replace("role/copy", "role/co'py");
    assert_eq!(lines(&quoted).len(), 1);
}

#[test]
fn a_redshift_target_takes_names_that_differ_by_case_for_the_same() {
    let columns = FULL.replace("key: [id]", "key: [id, ID]");
    let expected = "Redshift takes `ID` and `id` for the same column";
    assert!(lines(&columns).iter().any(|line| line.ends_with(expected)), "{:?}", lines(&columns));
    let twice = "      - {connection: dwh, table: replica.transactions}\n";
    let tables =
        FULL.replace(twice, &format!("{twice}      - {{connection: dwh, table: 'replica.\"Transactions\"'}}\n"));
    let expected = "table `transactions` writes to this target already (line 23)";
    assert!(lines(&tables).iter().any(|line| line.ends_with(expected)), "{:?}", lines(&tables));
    let long = "x".repeat(128);
    let names = FULL.replace("dwh, table: replica.transactions", &format!("dwh, table: replica.{long}"));
    assert!(lines(&names).iter().any(|line| line.ends_with("Redshift cuts names at 127 bytes")), "{:?}", lines(&names));
}

#[test]
fn a_columns_type_must_be_one_of_every_target() {
    let with = |type_name: &str| {
        let columns = format!("key: [id]\n    columns: {{note: {{type: '{type_name}'}}}}");
        SMALL.replacen("key: [id]", &columns, 1)
    };
    assert_eq!(lines(&with(" ")), ["line 8: tables[0].columns.note.type: the type is missing"]);
    let postgres = |type_name: &str| {
        with(type_name).replace("type: sqlite", "type: postgres").replace("'sqlite:./copy.db'", "env:COPY_URL")
    };
    let found = parsed(&postgres("varchar(64)"));
    assert_eq!(found.tables[0].column_policy("note").target_type.as_deref(), Some("varchar(64)"));
    let fault = "line 8: tables[0].columns.note.type: `varchar(64` is not a type of Postgres";
    assert!(lines(&postgres("varchar(64"))[0].starts_with(fault), "{:?}", lines(&postgres("varchar(64")));
    let separated = postgres("text; DROP TABLE t");
    assert_eq!(faults(&separated).0.len(), 1, "{}", faults(&separated));
}

#[test]
fn a_full_load_has_defaults_and_bounds() {
    use quarrel_model::config::LoadOrigin;
    let with = |settings: &str| SMALL.replacen("key: [id]", &format!("key: [id]\n    full_load: {settings}"), 1);
    let table = |text: &str| parsed(text).tables[0].clone();
    assert_eq!(table(SMALL).load_origin(), Some(LoadOrigin::Files));
    assert_eq!((table(SMALL).full_load.streams, table(&with("{streams: 9}")).full_load.streams), (4, 9));
    let fault = |settings: &str| lines(&with(settings))[0].clone();
    assert!(fault("{from: direct}").starts_with("line 8: tables[0].full_load.from: the table has no source"));
    assert!(fault("{streams: 0}").contains("tables[0].full_load.streams"), "{}", fault("{streams: 0}"));
    let slowed = fault("{max_rows_per_second: 10}");
    assert!(slowed.ends_with("only loads straight from the source can be slowed down"), "{slowed}");
    assert!(fault("{stream: 2}").contains("did you mean `streams`"), "{}", fault("{stream: 2}"));
}
