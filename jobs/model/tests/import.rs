//! The variable of the old service becomes a configuration that parses, and every one of its keys is accounted for.

#[path = "import/faults.rs"]
mod faults;
#[path = "import/names.rs"]
mod names;

use std::time::Duration;

use chrono::{DateTime, Utc};
use quarrel_model::config::{Config, Engine, Reference, Table, Trigger, parse};
use quarrel_model::import::{Finding, Givens, Import, ImportStatus, Outcome, SpanUnit, import};
use serde_json::Value;

const VARIABLE: &str = include_str!("import/replication_tables.json");

fn now() -> DateTime<Utc> {
    "2026-11-25T13:00:00Z".parse().unwrap()
}

fn imported(text: &str, givens: &Givens) -> (Import, Config) {
    let import = import(text, givens, now()).unwrap_or_else(|faults| panic!("{faults}"));
    let config = parse(&import.config, "/etc/quarrel").unwrap_or_else(|faults| panic!("{faults}\n{}", import.config));
    (import, config)
}

fn fixture() -> (Import, Config) {
    imported(VARIABLE, &Givens::default())
}

fn table<'c>(config: &'c Config, name: &str) -> &'c Table {
    config.tables.iter().find(|table| table.name.0 == name).unwrap_or_else(|| panic!("there is no table {name}"))
}

fn findings<'i>(import: &'i Import, table: &str) -> &'i [Finding] {
    &import.tables.iter().find(|found| found.name == table).unwrap_or_else(|| panic!("no table {table}")).findings
}

/// The outcome of a place in the variable, and the note.
fn told<'f>(findings: &'f [Finding], from: &str) -> Vec<(Outcome, &'f str)> {
    let of_place = findings.iter().filter(|finding| finding.from.as_deref() == Some(from));
    of_place.map(|finding| (finding.outcome, finding.note.as_deref().unwrap_or_default())).collect()
}

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_whole_entry_is_mapped() {
    let (_, config) = fixture();
    let found = table(&config, "TransactionsNew");
    let source = found.source.as_ref().unwrap();
    assert_eq!(
        (source.connection.0.as_str(), source.table.to_string().as_str()),
        ("finops-live", "live.\"TransactionsNew\"")
    );
    let changes = found.changes.as_ref().unwrap();
    assert_eq!(changes.prefix, "finops-db/live/TransactionsNew/");
    assert_eq!(changes.dms_task.as_deref(), Some("finops-postgres-s3"));
    assert_eq!(found.key, ["id"]);
    let targets: Vec<String> = found.targets.iter().map(|to| format!("{}:{}", to.connection, to.table)).collect();
    assert_eq!(targets, ["replica_db_replica:replica.transactions"]);
    assert_eq!(found.columns["payload"].lob_slice, Some(63_000));
    let schedule = found.schedule.as_ref().unwrap();
    assert_eq!((schedule.cron.as_str(), schedule.timezone.name()), ("*/20 * * * *", "America/Sao_Paulo"));
    assert_eq!((found.window.ahead, found.window.look_back), (HOUR, 5 * HOUR));
    let monitors = &found.monitors;
    let delay = monitors.delay.as_ref().unwrap();
    assert_eq!((&delay.trigger, delay.tolerance), (&Trigger::Every(10 * MINUTE), 20 * MINUTE));
    assert_eq!((delay.created.as_deref(), delay.updated.as_deref()), (Some("created_at"), Some("updated_at")));
    assert_eq!(monitors.duplicate_rows.as_ref().unwrap().trigger, Trigger::AfterCdc);
    assert_eq!(monitors.updates.as_ref().unwrap().trigger, Trigger::AfterCdc);
    let missing = monitors.missing_rows.as_ref().unwrap();
    assert_eq!(missing.trigger, Trigger::Cron("0 3 * * *".parse().unwrap()));
    assert_eq!((missing.window, missing.created.as_str()), (24 * HOUR, "created_at"));
}

#[test]
fn flat_keys_other_spans_and_presets_are_mapped() {
    let (import, config) = fixture();
    let found = table(&config, "live_customers");
    assert_eq!(found.source.as_ref().unwrap().table.to_string(), "live.customers");
    assert_eq!(found.targets[0].table.to_string(), "replica.customers");
    assert_eq!(found.key, ["REPLACE_ME"]);
    assert_eq!(found.schedule.as_ref().unwrap().cron.as_str(), "0 * * * *");
    assert_eq!((found.window.ahead, found.window.look_back), (30 * MINUTE, 26 * HOUR));
    let delay = found.monitors.delay.as_ref().unwrap();
    assert_eq!((&delay.trigger, delay.tolerance), (&Trigger::Every(30 * MINUTE), 2 * MINUTE));
    assert_eq!(delay.created.as_deref(), Some("REPLACE_ME"));
    let of_table = findings(&import, "live_customers");
    assert_eq!(told(of_table, "[1].execution_frequency"), [(Outcome::Changed, "0.5 hours in Airflow")]);
    assert_eq!(told(of_table, "[1].delay_monitoring_interval"), [(Outcome::Mapped, "")]);
    assert_eq!(told(of_table, "[1].delay_monitoring_tolerance_interval")[0].0, Outcome::ToCheck);
    assert!(told(of_table, "[1].lob_slice")[0].1.contains("columns: {NAME: {lob_slice: 1000}}"));
    assert!(told(of_table, "[1].start_date")[0].1.contains("still to come"));
    assert_eq!(told(of_table, "[1].cron_schedule"), [(Outcome::Changed, "`@hourly` in Airflow")]);
}

#[test]
fn what_quarrel_cannot_read_or_load_is_told_and_not_written() {
    let (import, config) = fixture();
    let ledger = table(&config, "LEDGER");
    assert_eq!(ledger.source, None);
    assert!(ledger.monitors.updates.is_none() && ledger.monitors.delay.is_none());
    assert!(ledger.monitors.duplicate_rows.is_some());
    assert_eq!(ledger.changes.as_ref().unwrap().prefix, "erp/ERP/LEDGER/");
    let of_ledger = findings(&import, "LEDGER");
    for from in ["[3].source", "[3].monitors[0]", "[3].delay_monitoring_interval"] {
        assert_eq!(told(of_ledger, from)[0].0, Outcome::NotMapped, "{from}");
    }
    let target = told(findings(&import, "TransactionsNew"), "[0].targets[1]");
    assert_eq!(target, [(Outcome::NotMapped, "`oracle` is not supported as a target yet")]);
    let statuses: Vec<_> = import.tables.iter().map(|table| (table.name.as_str(), table.status)).collect();
    assert_eq!(statuses[4], ("JOURNAL", ImportStatus::CommentedOut));
    assert_eq!(config.tables.len(), 5);
    assert!(import.config.contains("\n  # - name: JOURNAL\n"), "{}", import.config);
}

#[test]
fn pools_and_databases_become_connections() {
    let (import, config) = fixture();
    let found: Vec<_> = config
        .connections
        .iter()
        .map(|(name, connection)| (name.0.as_str(), connection.engine, &connection.url, connection.max_connections))
        .collect();
    let url = |name: &str| Reference::Env(name.to_owned());
    let urls = [
        url("AIRFLOW_CONN_CRM_MYSQL"),
        url("AIRFLOW_CONN_FINOPS_LIVE"),
        url("AIRFLOW_CONN_REPLICA_DB_ARCHIVE"),
        url("AIRFLOW_CONN_REPLICA_DB_REPLICA"),
        url("AIRFLOW_CONN_WEB"),
    ];
    let expected = [
        ("crm_mysql", Engine::Mysql, &urls[0], 4),
        ("finops-live", Engine::Postgres, &urls[1], 4),
        ("replica_db_archive", Engine::Postgres, &urls[2], 4),
        ("replica_db_replica", Engine::Postgres, &urls[3], 8),
        ("web", Engine::Postgres, &urls[4], 100),
    ];
    assert_eq!(found, expected);
    let note = |name: &str| {
        let connection = import.connections.iter().find(|connection| connection.name == name).unwrap();
        let of_pool = connection.findings.iter().find(|finding| finding.to.as_deref() == Some("max_connections"));
        of_pool.map(|finding| (finding.outcome, finding.note.clone().unwrap_or_default())).unwrap()
    };
    assert_eq!(note("replica_db_replica"), (Outcome::Changed, "pool `replica_pool`".to_owned()));
    assert!(note("crm_mysql").1.contains("pool `crm_pool` has no size here"));
    assert!(note("web").1.contains("300 is more than Quarrel opens"));

    let pools = [("crm_pool".to_owned(), 2), ("replica_pool".to_owned(), 6)];
    let (import, config) = imported(VARIABLE, &Givens { pools: pools.into(), ..Givens::default() });
    let sizes: Vec<u32> = config.connections.values().map(|connection| connection.max_connections).collect();
    assert_eq!(sizes, [2, 4, 4, 6, 100]);
    let replica = import.connections.iter().find(|connection| connection.name == "replica_db_replica").unwrap();
    let told = replica.findings.iter().filter_map(|finding| finding.note.as_deref()).collect::<Vec<_>>().join("\n");
    assert!(told.contains("is given 2 sizes") && told.contains("the smallest size is taken"), "{told}");
}

#[test]
fn a_pool_that_limits_several_databases_is_told() {
    let entry = |table: &str, database: &str| {
        format!(
            r#"{{"source": {{"type": "postgres", "connection": "live", "table": "{table}", "pool": "shared", "pool_size": 5}},
                "targets": [{{"type": "postgres", "connection": "{database}", "pool": "shared"}}], "key": ["id"]}}"#
        )
    };
    let (import, _) = imported(&format!("[{}, {}]", entry("a", "r1"), entry("b", "r2")), &Givens::default());
    for connection in &import.connections {
        assert_eq!(connection.max_connections, Some(5));
        let told: Vec<_> = connection.findings.iter().filter_map(|finding| finding.note.as_deref()).collect();
        assert!(told.contains(&"pool `shared` limited 3 databases together, this limits one"), "{told:?}");
    }
}

#[test]
fn keys_that_nobody_knows_are_reported_with_the_nearest() {
    let (import, _) = fixture();
    let crm = findings(&import, "crm_customers");
    assert_eq!(told(crm, "[2].retries"), [(Outcome::NotRecognised, "")]);
    assert_eq!(told(crm, "[2].excution_frequency"), [(Outcome::NotRecognised, "did you mean `execution_frequency`?")]);
    let description = told(findings(&import, "TransactionsNew"), "[0].source.pool.description");
    assert_eq!(description, [(Outcome::NotRecognised, "")]);
    assert!(import.config.contains("# [2].retries: not recognised\n"), "{}", import.config);
    assert_eq!(told(crm, "[2].schedule_interval")[0].0, Outcome::NotMapped);
}

/// Every key of every entry, except `null`, is a place that a finding names, or has such places inside.
#[test]
fn no_key_is_dropped_in_silence() {
    let (import, _) = fixture();
    let of_tables = import.tables.iter().flat_map(|table| &table.findings);
    let of_connections = import.connections.iter().flat_map(|connection| &connection.findings);
    let told: Vec<&str> = of_tables.chain(of_connections).filter_map(|finding| finding.from.as_deref()).collect();
    let variable: Value = serde_json::from_str(VARIABLE).unwrap();
    let mut leaves = Vec::new();
    collect_leaves(&variable, String::new(), &mut leaves);
    assert!(leaves.len() > 100, "{}", leaves.len());
    for leaf in leaves {
        let is_told = told.iter().any(|from| {
            leaf == *from || leaf.starts_with(&format!("{from}.")) || leaf.starts_with(&format!("{from}["))
        });
        assert!(is_told, "{leaf} is in no finding");
    }
}

fn collect_leaves(value: &Value, at: String, leaves: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let separator = if at.is_empty() { "" } else { "." };
                collect_leaves(value, format!("{at}{separator}{key}"), leaves);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect_leaves(value, format!("{at}[{index}]"), leaves);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => leaves.push(at),
    }
}

#[test]
fn flat_settings_of_a_place_that_is_left_out_are_each_told() {
    let text = r#"[{"source_type": "oracle", "source_connection": "erp", "source_table": "t", "source_pool": "p", "key": "id",
                    "target": {"type": "postgres", "connection": "r"}}]"#;
    let (import, _) = imported(text, &Givens::default());
    for key in ["source_type", "source_connection", "source_table", "source_pool"] {
        let found = told(&import.tables[0].findings, &format!("[0].{key}"));
        assert!(found.iter().any(|(outcome, _)| *outcome == Outcome::NotMapped), "{key}: {found:?}");
    }
}

#[test]
fn the_next_runs_are_in_the_time_zone_of_the_table() {
    let (import, _) = fixture();
    let schedules: Vec<_> = import.tables.iter().map(|table| &table.schedules).collect();
    let transactions: Vec<_> = schedules[0].iter().map(|runs| (runs.job.as_str(), runs.next[0].as_str())).collect();
    assert_eq!(transactions, [("cdc", "2026-11-25T10:20:00-03:00"), ("missing_rows", "2026-11-26T03:00:00-03:00")]);
    assert!(schedules[2].is_empty());
    let sessions = &schedules[5][0];
    let times = ["25T14:05", "25T14:35", "25T15:05", "25T15:35", "25T16:05"];
    assert_eq!(sessions.next, times.map(|time| format!("2026-11-{time}:00+01:00")));
    assert_eq!(schedules[5][1].job, "duplicate_rows");
    assert_eq!(schedules[5][1].next[0], "2026-11-29T00:00:00+01:00");
}

#[test]
fn what_the_command_line_says_takes_the_place_of_placeholders() {
    let (import, _) = fixture();
    assert_eq!((import.to_fill_in, import.config.matches("fill in: ").count()), (5, 5), "{}", import.config);
    let givens = Givens {
        changes: Some("s3://acme-dms/".to_owned()),
        work: Some("./work/".to_owned()),
        key: vec!["id".to_owned()],
        created: Some("inserted".to_owned()),
        updated: Some("changed".to_owned()),
        delay_unit: Some(SpanUnit::Hours),
        ..Givens::default()
    };
    let (import, config) = imported(VARIABLE, &givens);
    assert_eq!(import.to_fill_in, 0);
    assert!(!import.config.contains("REPLACE"), "{}", import.config);
    assert_eq!(config.lake.changes.to_string(), "s3://acme-dms/");
    assert_eq!(table(&config, "live_customers").key, ["id"]);
    assert_eq!(table(&config, "crm_customers").key, ["tenant", "id"]);
    let delay = |name: &str| table(&config, name).monitors.delay.clone().unwrap();
    assert_eq!(delay("TransactionsNew").trigger, Trigger::Every(10 * HOUR));
    assert_eq!(delay("TransactionsNew").created.as_deref(), Some("created_at"));
    assert_eq!(delay("live_customers").tolerance, 2 * HOUR);
    assert_eq!(delay("live_customers").created.as_deref(), Some("inserted"));
    assert_eq!(delay("crm_customers").tolerance, 90 * MINUTE);
}

#[test]
fn exports_give_the_same_configuration_as_the_list() {
    let (of_list, _) = fixture();
    let list: Value = serde_json::from_str(VARIABLE).unwrap();
    let exports = [
        serde_json::json!({"replication_tables": list, "smtp_password": "s3cret"}),
        serde_json::json!({"replication_tables": VARIABLE, "smtp_password": "s3cret"}),
        serde_json::json!({"replication_tables": {"value": VARIABLE, "description": "tables"}, "smtp_password": "s3cret"}),
    ];
    for export in exports {
        let (import, config) = imported(&export.to_string(), &Givens::default());
        assert_eq!(config, parse(&of_list.config, "/etc/quarrel").unwrap());
        assert_eq!(import.other_variables, 1);
        assert!(!serde_json::to_string(&import).unwrap().contains("s3cret"));
    }
}

#[test]
fn redshift_gets_a_role_to_fill_in() {
    let text = r#"[{"source": {"type": "postgres", "connection": "live", "table": "t"}, "key": "id", "targets": [
        {"type": "postgres", "connection": "replica"},
        {"type": "redshift", "connection": "dwh", "database": "dwh", "table": "t"}]}]"#;
    let (import, config) = imported(text, &Givens::default());
    let expected = if Engine::Redshift.is_target() { 2 } else { 1 };
    assert_eq!(config.tables[0].targets.len(), expected);
    let dwh = config.connections.values().find(|connection| connection.engine == Engine::Redshift).unwrap();
    assert!(dwh.iam_role.as_ref().is_some_and(|role| role.ends_with("REPLACE_ME")));
    let of_role = import.connections.iter().flat_map(|connection| &connection.findings);
    assert_eq!(of_role.filter(|finding| finding.outcome == Outcome::ToFillIn).count(), 1);
}
