//! Names with anything in them come through JSON, YAML and the configuration as they were.

use quarrel_model::import::Givens;
use serde_json::json;

use super::imported;

#[test]
fn names_come_through_whatever_is_in_them() {
    let names = [
        "plain",
        "MiXeD",
        "with space",
        "a.b",
        "say \"hi\"",
        "it's",
        "a: b # c",
        "- x",
        "null",
        "true",
        "0x1F",
        "~",
        "tab\there",
        "line\nbreak",
        "{a: 1}",
        "[x]",
        "*",
        "&a",
        "!t",
        "%",
        "ключ",
        "表",
        "😀",
        "a\\b",
        "a\u{2028}b",
        "${X}",
        "{{ds}}",
        "a'b\"c",
    ];
    for (schema, table) in names.iter().zip(names.iter().cycle().skip(7)) {
        let text = json!([{
            "name": "t",
            "prefix": "a/b",
            "dms_task": format!("task {table}"),
            "source": {"type": "postgres", "connection": "live", "database": schema, "schema": schema, "table": table},
            "targets": [{"type": "postgres", "connection": "replica", "schema": table, "table": schema}],
            "key": [schema, "other"],
            "created_column": table,
            "delay_monitoring_interval": 5,
            "lob_slice": {*table: 10},
            format!("key of {table}"): 1,
        }]);
        let (_, config) = imported(&text.to_string(), &Givens::default());
        let found = &config.tables[0];
        let source = &found.source.as_ref().unwrap().table;
        assert_eq!((source.schema.as_deref(), source.name.as_str()), (Some(*schema), *table));
        let target = &found.targets[0].table;
        assert_eq!((target.schema.as_deref(), target.name.as_str()), (Some(*table), *schema));
        assert_eq!(found.key, [schema, "other"]);
        assert_eq!(found.changes.as_ref().unwrap().dms_task, Some(format!("task {table}")));
        assert_eq!(found.columns[*table].lob_slice, Some(10));
        assert_eq!(found.monitors.delay.as_ref().unwrap().created.as_deref(), Some(*table));
    }
}

#[test]
fn ids_that_are_no_names_get_names_and_variables_of_their_own() {
    let entry = |table: &str, connection: &str| {
        json!({
            "source": {"type": "postgres", "connection": connection, "table": table},
            "targets": [{"type": "postgres", "connection": "replica", "schema": "r", "table": table}],
            "key": "id",
        })
    };
    let text = json!([entry("a", "my live"), entry("b", "my_live"), entry("c", "my-live"), entry("d", "my live")]);
    let (import, config) = imported(&text.to_string(), &Givens::default());
    let found: Vec<_> = import.connections.iter().map(|found| (found.name.as_str(), found.variable.as_str())).collect();
    let expected = [
        ("my_live", "AIRFLOW_CONN_MY_LIVE"),
        ("replica", "AIRFLOW_CONN_REPLICA"),
        ("my_live_2", "AIRFLOW_CONN_MY_LIVE_2"),
        ("my-live", "AIRFLOW_CONN_MY_LIVE_3"),
    ];
    assert_eq!(found, expected);
    let sources: Vec<_> =
        config.tables.iter().map(|table| table.source.as_ref().unwrap().connection.0.as_str()).collect();
    assert_eq!(sources, ["my_live", "my_live_2", "my-live", "my_live"]);
}
