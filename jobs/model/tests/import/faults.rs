//! Faults of the variable: all at once, each with its place in the JSON and its line, and no secret in any.

use quarrel_model::import::{Givens, import};

use super::now;

fn faults(text: &str) -> Vec<String> {
    let faults = import(text, &Givens::default(), now()).expect_err("the text has faults");
    faults.0.iter().map(ToString::to_string).collect()
}

const FAULTY: &str = r#"[
  {
    "source": {"type": "postgers", "connection": "live", "schema": "live", "table": "a"},
    "targets": [{"type": "postgres", "connection": "replica", "schema": 5.5, "table": "a"}],
    "key": ["id"],
    "monitors": ["mising_rows"],
    "cron_schedule": "61 * * * *",
    "execution_frequency": -1,
    "cdc_look_for_past_interval": "soon",
    "lob_slice": "all",
    "timezone": "Europe/Berln"
  },
  "not an object",
  {
    "source": {"type": "postgres", "connection": "live", "schema": "live"},
    "targets": []
  },
  {},
  {
    "source": {"type": "postgres", "connection": "live", "schema": "live", "table": "b"},
    "targets": [{"type": "mysql", "connection": "live", "table": "b"}],
    "key": ["id", "id"],
    "execution_frequency": 9000,
    "monitors": ["delay"],
    "delay_monitoring_interval": 0
  }
]"#;

#[test]
fn every_fault_is_told_at_once_with_place_and_line() {
    let found = faults(FAULTY);
    let expected = [
        "line 3: [0].source.type: there is no kind of database `postgers`; did you mean `postgres`?",
        "line 4: [0].targets[0].schema: text is expected here, not a number",
        "line 6: [0].monitors[0]: there is no monitor `mising_rows`; did you mean `missing_rows`?",
        "line 7: [0].cron_schedule: `61 * * * *` is not a cron expression; \
         five fields are expected, as `*/20 * * * *`, or a preset, as `@daily`",
        "line 8: [0].execution_frequency: -1 hours is not a length of time; \
         write a number of hours, or `90s`, `20m`, `6h`",
        "line 9: [0].cdc_look_for_past_interval: `soon` is not a length of time; \
         write a number of hours, or `90s`, `20m`, `6h`",
        "line 10: [0].lob_slice: a whole number from 1 on is expected here",
        "line 11: [0].timezone: there is no time zone `Europe/Berln`; did you mean `Europe/Berlin`?",
        "line 13: [1]: an object is expected here, not text",
        "line 15: [2].source: the name of the source's table is missing",
        "line 16: [2].targets: the list is empty",
        "line 18: [3]: the source is missing; give `source: {…}`, or `source_table` and its like",
        "line 18: [3]: the targets are missing; give `targets: [{…}]`, or `target_table` and its like",
        "line 21: [4].targets[0].type: connection `live` is MySQL here, and Postgres at `[2].source.type`",
    ];
    for expected in expected {
        assert!(found.iter().any(|fault| fault == expected), "{expected}\nis missing in\n{}", found.join("\n"));
    }
}

#[test]
fn what_the_configuration_refuses_is_told_at_its_place_in_the_variable() {
    let text = r#"[
  {
    "source": {"type": "postgres", "connection": "live", "schema": "live", "table": "b*"},
    "targets": [{"type": "oracle", "connection": "old", "table": "b"},
                {"type": "postgres", "connection": "live", "schema": "live", "table": "b*"}],
    "key": ["id", "id"],
    "execution_frequency": 9000,
    "delay_monitoring_interval": 0,
    "delay_monitoring_tolerance_interval": 5
  }
]"#;
    let expected = [
        "line 3: [0].source.table: `%`, `?`, `#`, `*`, `\\` and control characters can't be used in a prefix",
        "line 5: [0].targets[1]: `targets[0].table`: the table would be replicated onto itself",
        "line 6: [0].key: `id` is in the key already",
        "line 7: [0].execution_frequency: 375d is outside of 0s to 366d",
        "line 8: [0].delay_monitoring_interval: 0s is outside of 10s to 31d",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn two_entries_of_one_table_or_target_are_refused_with_what_to_do() {
    let entry = |table: &str, target: &str, more: &str| {
        format!(
            r#"{{"source": {{"type": "postgres", "connection": "live", "schema": "s", "table": "{table}"}},
"targets": [{{"type": "postgres", "connection": "replica", "schema": "r", "table": "{target}"}}], "key": "id"{more}}}"#
        )
    };
    let same_source = format!("[{},\n{}]", entry("a", "a", ""), entry("a", "b", ""));
    let told = faults(&same_source);
    assert_eq!(
        told,
        ["line 3: [1]: this is the same source table as `[0]` (line 1); \
          put the targets of both into `targets` of one entry: a table's change files are applied once"]
    );
    let same_target = format!("[{},\n{}]", entry("a", "a", ""), entry("b", "a", ""));
    assert_eq!(
        faults(&same_target),
        ["line 4: [1].targets[0]: `replica:r.a` is the target of `[0].targets[0]` (line 2) already"]
    );
    // Files in folders of their own are tables of their own, with names of their own.
    let two_tasks = format!("[{}, {}]", entry("a", "a", ""), entry("a", "b", r#", "prefix": "other/a""#));
    let import = import(&two_tasks, &Givens::default(), now()).unwrap();
    let names: Vec<&str> = import.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["s_a", "s_a_2"]);
}

#[test]
fn settings_that_are_given_twice_are_refused() {
    let text = r#"[{"source": {"type": "postgres", "connection": "live", "table": "a", "table_name": "b"},
 "source_schema": "s", "sourceConnection": "live", "cron": "* * * * *", "cron": "0 * * * *",
 "targets": [{"type": "postgres", "connection": "r"}], "key": "id"}]"#;
    let expected = [
        "line 1: [0].source.table_name: this is said already, by `[0].source.table`",
        "line 2: [0].sourceConnection: this is said already, by `[0].source.connection`",
        "line 2: [0].cron: this is said already, by `[0].cron`",
    ];
    let found = faults(text);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(expected.iter().all(|expected| found.iter().any(|fault| fault == expected)), "{found:?}");
}

#[test]
fn passwords_are_in_no_fault() {
    let urls = ["postgres://u:s3cret@h/d", "host=h password=s3cret", "postgresql://h/d?password=s3cret", "s3cret@h"];
    let places = ["connection", "database", "schema", "table", "pool", "type"];
    for (url, place) in urls.iter().flat_map(|url| places.map(|place| (*url, place))) {
        // Names may have an `@` in them; the ids of connections have not.
        if url == "s3cret@h" && place != "connection" {
            continue;
        }
        let text = format!(
            r#"[{{"source": {{"type": "postgres", "connection": "live", "table": "a"}}, "key": "id",
                 "targets": [{{"{place}": "{url}"}}], "{url}": "{url}"}}]"#
        );
        let told = import(&text, &Givens::default(), now()).expect_err("an address is no name").to_string();
        assert!(told.contains("may hold a password") && !told.contains("s3cret"), "{place} {url}: {told}");
    }
}

#[test]
fn a_kind_that_one_entry_states_holds_for_all_of_the_connection() {
    let text = |kind: &str| {
        format!(
            r#"[{{"source": {{"connection": "live", "table": "a"}}, "targets": [{{"connection": "r"}}], "key": "id"}},
                {{"source": {{"connection": "live", {kind}"table": "b"}}, "targets": [{{"connection": "r"}}], "key": "id",
                 "target_type": 1}}]"#
        )
    };
    let found = faults(&text(r#""type": "postgres", "#));
    let expected =
        "line 1: [0].targets[0]: nothing says what kind of database `r` is; add `type: postgres`, for example";
    assert_eq!(found, [expected]);
    assert_eq!(faults(&text("")).len(), 2);
}

#[test]
fn a_variable_without_any_supported_target_is_a_fault() {
    let text = r#"[{"source": {"type": "postgres", "connection": "live", "table": "a"}, "key": "id",
                    "targets": [{"type": "oracle", "connection": "r"}]}]"#;
    let told = faults(text);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("line 1: no table has a target that is supported; supported as targets are Postgres, "),
        "{told:?}"
    );
}

#[test]
fn faults_of_the_command_line_are_told_as_such() {
    let text = r#"[{"source": {"type": "postgres", "connection": "live", "table": "a"}, "key": "id",
                    "targets": [{"type": "postgres", "connection": "r"}]}]"#;
    let givens = Givens { changes: Some("gs://bucket/".to_owned()), ..Givens::default() };
    let told = import(text, &givens, now()).unwrap_err().to_string();
    assert!(told.starts_with("--changes: only `s3://`, `file://` and paths are known"), "{told}");
}
