//! The configuration from outside: whole files, and exactly the faults that each of them has.

use std::time::Duration;

use quarrel_model::config::{
    AddedColumnPolicy, AfterLoad, Alerts, BadValuePolicy, ChangeFormat, ClusterConfig, Config, ConfigFaults,
    Connection, Engine, LakeUrl, ReduceSettings, Reference, RepairMode, StateConfig, TargetEntry, TlsFiles, Trigger,
    Window, json_schema, parse,
};
use quarrel_model::names::{ConnectionName, QualifiedName, TableName};

const FOLDER: &str = "/etc/quarrel";
const FULL: &str = include_str!("config/full.yaml");
const MISTYPED: &str = include_str!("config/mistyped.yaml");
const IMPOSSIBLE: &str = include_str!("config/impossible.yaml");
const SENTINEL: &str = "s3nt1nel-pa55w0rd";

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

fn connection(name: &str) -> ConnectionName {
    ConnectionName(name.to_owned())
}

fn table(schema: &str, name: &str) -> QualifiedName {
    QualifiedName { schema: Some(schema.to_owned()), name: name.to_owned() }
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

#[test]
fn the_documented_example_means_what_it_says() {
    let config = parsed(FULL);
    assert_eq!(config.cluster, ClusterConfig::Embedded);
    assert_eq!(config.lake.changes.to_string(), "s3://acme-dms/");
    assert_eq!(config.lake.work, LakeUrl::S3 { bucket: "acme-quarrel".to_owned(), prefix: String::new() });
    assert_eq!(config.lake.s3, None);
    assert_eq!(config.state, StateConfig::Url(Reference::Env("QUARREL_STATE".to_owned())));
    let dwh = Connection {
        engine: Engine::Redshift,
        url: Reference::Env("DWH_URL".to_owned()),
        max_connections: 4,
        iam_role: Some("arn:aws:iam::123456789012:role/copy".to_owned()),
        slices: 4,
    };
    assert_eq!(config.connection(&connection("dwh")), &dwh);
    assert_eq!(config.connection(&connection("finops")).max_connections, 8);
    let Some(Alerts { slack }) = &config.alerts else { panic!("alerts") };
    assert_eq!((slack.token.to_string().as_str(), slack.channel.as_str()), ("env:SLACK_TOKEN", "data-alerts"));
    assert_eq!(config.reduce, ReduceSettings::default());
    assert_eq!(config.tables.len(), 1);
}

#[test]
fn the_documented_table_means_what_it_says() {
    let config = parsed(FULL);
    let entry = config.table(&TableName("transactions".to_owned())).unwrap();
    let source = entry.source.as_ref().unwrap();
    assert_eq!((&source.connection, &source.table), (&connection("live"), &table("live", "TransactionsNew")));
    let changes = entry.changes.as_ref().unwrap();
    assert_eq!((changes.format, changes.after_load), (ChangeFormat::Dms, AfterLoad::Archive));
    assert_eq!(changes.prefix, "finops-db/live/TransactionsNew/");
    assert_eq!(changes.dms_task.as_deref(), Some("finops-postgres-s3"));
    assert_eq!((changes.operation_column.as_str(), changes.sequence_column.as_str()), ("Op", "AR_H_CHANGE_SEQ"));
    assert_eq!((&changes.timestamp_column, changes.settle), (&None, minutes(1)));
    assert_eq!(entry.key, ["id"]);
    assert_eq!(
        entry.targets,
        [
            TargetEntry { connection: connection("finops"), table: table("replica", "transactions") },
            TargetEntry { connection: connection("dwh"), table: table("replica", "transactions") },
        ]
    );
    let payload = entry.column_policy("payload");
    assert_eq!((payload.lob_slice, payload.on_bad_value), (Some(63_000), BadValuePolicy::Quarantine));
    assert_eq!(entry.column_policy("other").on_bad_value, BadValuePolicy::Fail);
    let schedule = entry.schedule.as_ref().unwrap();
    assert_eq!((schedule.cron.as_str(), schedule.timezone.name()), ("*/20 * * * *", "UTC"));
    assert_eq!(schedule.catch_up, minutes(6 * 60));
    assert_eq!(entry.window, Window { ahead: minutes(60), look_back: minutes(5 * 60) });
    assert_eq!((entry.on_added_column, entry.lock_timeout), (AddedColumnPolicy::Add, Duration::from_secs(30)));
}

#[test]
fn the_documented_monitors_mean_what_they_say() {
    let config = parsed(FULL);
    let monitors = &config.tables[0].monitors;
    let delay = monitors.delay.as_ref().unwrap();
    assert_eq!((&delay.trigger, delay.tolerance), (&Trigger::Every(minutes(10)), minutes(20)));
    assert_eq!((delay.created.as_deref(), delay.updated.as_deref()), (Some("created_at"), Some("updated_at")));
    assert_eq!(monitors.duplicate_rows.as_ref().unwrap().trigger, Trigger::AfterCdc);
    let updates = monitors.updates.as_ref().unwrap();
    assert_eq!(
        (&updates.trigger, updates.repair.mode, updates.repair.rows_max),
        (&Trigger::AfterCdc, RepairMode::Auto, 1_000)
    );
    let missing = monitors.missing_rows.as_ref().unwrap();
    assert_eq!(missing.trigger, Trigger::Cron("0 3 * * *".parse().unwrap()));
    assert_eq!((missing.window, missing.created.as_str()), (minutes(24 * 60), "created_at"));
}

#[test]
fn what_is_left_out_has_its_documented_default() {
    let config = parsed(SMALL);
    assert_eq!((&config.cluster, &config.state), (&ClusterConfig::Embedded, &StateConfig::Default));
    assert_eq!(config.lake.changes, LakeUrl::File { path: "/etc/quarrel/changes/".to_owned() });
    let copy = config.connection(&connection("copy"));
    assert_eq!(copy.url, Reference::Plain("sqlite:///etc/quarrel/copy.db".to_owned()));
    assert_eq!(copy.max_connections, 4);
    let expected = ReduceSettings {
        memory: 1_000_000_000,
        partitions: None,
        batch_max_files: 5_000,
        batch_max_bytes: 8_000_000_000,
        deadline: minutes(30),
    };
    assert_eq!(config.reduce, expected);
    let entry = &config.tables[0];
    assert_eq!(entry.changes.as_ref().unwrap().prefix, "live/orders/");
    assert_eq!(entry.changes.as_ref().unwrap().after_load, AfterLoad::Keep);
    assert_eq!((&entry.source, &entry.schedule), (&None, &None));
    assert_eq!(entry.window, Window { ahead: minutes(60), look_back: minutes(300) });
}

#[test]
fn every_setting_can_be_given() {
    let more = "\
cluster: {scheduler: 'https://10.0.1.5:50050/', tls: {ca: ca.pem, cert: ./tls/cert.pem, key: /run/key.pem}}
state: sqlite:.quarrel/state.db
reduce: {memory: 512MiB, partitions: 8, batch_max_files: 10, batch_max_bytes: 2GB, deadline: 1h30m}
defaults: {window: {look_back: 2d}}
";
    let table = "    window: {ahead: 0s}
    schedule: {cron: '5 4 * * *', timezone: Europe/Berlin}
    added_columns: ignore
    lock_timeout: 2m
";
    let text = SMALL.replace(
        "{prefix: live/orders}",
        "{prefix: live/orders, settle: 0s, timestamp_column: ts, operation_column: op}",
    );
    let config = parsed(&format!("{more}{text}{table}"));
    let tls = TlsFiles {
        ca: "/etc/quarrel/ca.pem".to_owned(),
        cert: "/etc/quarrel/tls/cert.pem".to_owned(),
        key: "/run/key.pem".to_owned(),
    };
    assert_eq!(
        config.cluster,
        ClusterConfig::Remote { scheduler: "https://10.0.1.5:50050".to_owned(), tls: Some(tls) }
    );
    assert_eq!(config.state, StateConfig::Url(Reference::Plain("sqlite:///etc/quarrel/.quarrel/state.db".to_owned())));
    let expected = ReduceSettings {
        memory: 536_870_912,
        partitions: Some(8),
        batch_max_files: 10,
        batch_max_bytes: 2_000_000_000,
        deadline: minutes(90),
    };
    assert_eq!(config.reduce, expected);
    let entry = &config.tables[0];
    assert_eq!(entry.window, Window { ahead: Duration::ZERO, look_back: minutes(2 * 24 * 60) });
    assert_eq!(entry.schedule.as_ref().unwrap().timezone.name(), "Europe/Berlin");
    assert_eq!((entry.on_added_column, entry.lock_timeout), (AddedColumnPolicy::Ignore, minutes(2)));
    let changes = entry.changes.as_ref().unwrap();
    assert_eq!((changes.settle, changes.timestamp_column.as_deref()), (Duration::ZERO, Some("ts")));
    assert_eq!(changes.operation_column, "op");
}

#[test]
fn the_other_forms_of_cluster_and_store_are_read() {
    let in_process = parsed(&format!("cluster: in_process\n{SMALL}"));
    assert_eq!(in_process.cluster, ClusterConfig::InProcess);
    let s3 = "lake: {changes: 's3://c', work: 's3://w/q', s3: {endpoint: 'http://127.0.0.1:9000', allow_http: true}}";
    let config = parsed(&SMALL.replace("lake: {changes: ./changes, work: ./work}", s3));
    let store = config.lake.s3.unwrap();
    assert_eq!((store.allow_http, store.path_style, store.region), (true, true, None));
    assert_eq!(config.lake.work.to_string(), "s3://w/q/");
}

#[test]
fn every_slip_of_the_keyboard_is_reported_with_its_line() {
    let expected = [
        "line 3: cluster: `embeded` is not one of `in_process`, `embedded`; did you mean `embedded`?",
        "line 4: lake.work: is missing",
        "line 6: lake.wrok: unknown key `wrok`; did you mean `work`?",
        "line 7: conections: unknown key `conections`; did you mean `connections`?",
        "line 9: connections.live.type: `postgers` is not one of `postgres`, `redshift`, `sqlite`, `mysql`, `clickhouse`; \
         did you mean `postgres`?",
        "line 10: connections.finops.max_connections: 800 is outside of 1 to 100",
        "line 13: tables[0].source.tabel: unknown key `tabel`; did you mean `table`?",
        "line 14: tables[0].changes.format: `dsm` is not one of `dms`; did you mean `dms`?",
        "line 15: tables[0].key: a list is expected here, not text",
        "line 17: tables[0].targets[0].table: is missing",
        "line 19: tables[1].key[1]: text is expected here, not a number; put it in quotes",
        "line 21: tables[1].lock_timeout: text is expected here, not a number; for example `20m`",
        "line 22: tables[1].added_columns: `Add` is not one of `add`, `ignore`, `fail`; did you mean `add`?",
        "line 24: tables[1].monitors.delays: unknown key `delays`; did you mean `delay`?",
        "line 25: tables[1].monitors.updates.after: `full-load` is not one of `cdc`",
        "line 26: tables[2].key: the list is empty",
        "line 28: tables[2].name: the key stands here a second time",
        "line 29: tables[2].targets: a list is expected here, not text",
    ];
    assert_eq!(lines(MISTYPED), expected);
}

#[test]
fn everything_that_cannot_work_is_reported_with_its_line() {
    let expected = [
        "line 1: version: version 2 is not known; this build reads version 1",
        "line 4: lake.work: the work area and the changes overlap: Quarrel's own files would be read as change files; \
         give each a folder or a bucket of its own",
        "line 5: lake.s3.endpoint: the endpoint is plain http; use https, or add `allow_http: true`",
        "line 9: connections.same.iam_role: SQLite takes no role; only Redshift does",
        "line 10: connections.dwh.url: the URL begins with `mysql`, not with one of `redshift`, `postgres`, `postgresql`",
        "line 12: defaults.schedule.cron: `0 0 30 2 *` never happens; no day fits both the day of the month and the month",
        "line 12: defaults.schedule.timezone: there is no time zone `Europe/Berln`; did you mean `Europe/Berlin`?",
        "line 13: defaults.window.look_back: `5 hours` has no unit that is known: `ms`, `s`, `m`, `h`, `d` or `w`; \
         write it as `90s`, `20m`, `6h` or `1d`",
        "line 14: reduce.deadline: 3d is outside of 10s to 1d",
        "line 17: tables[0].source.connection: there is no connection `lvie`; did you mean `live`?",
        "line 18: tables[0].changes.timestamp_column: `id` is part of the table's key",
        "line 19: tables[0].key[1]: `id` is in the key already",
        "line 21: tables[0].columns.ID: SQLite takes `ID` and `id` for the same column",
        "line 21: tables[0].columns.id.on_bad_value: `id` is part of the key: a key that is changed names another row; \
         use `fail` or `quarantine`",
        "line 22: tables[1].name: `Orders` differs from `orders` (line 16) by case alone",
        "line 23: tables[1].changes.prefix: it overlaps `live/orders/` of table `orders` (line 18): \
         one would apply the other's changes",
        "line 26: tables[1].targets[0].table: table `orders` writes to this target already (line 20)",
        "line 27: tables[1].targets[1].table: `live.orders.copy` has 3 parts; `table` or `schema.table` is expected; \
         write `table`, `schema.table` or `\"Quoted\".\"Name\"`",
        "line 32: tables[2].targets[1].table: table `events` writes to this target already (line 31)",
        "line 34: tables[2].monitors.delay: it compares with the source, and the table has no `source`",
        "line 34: tables[2].monitors.delay: there is no column to tell the delay by; \
         add `created` or `updated`, the column with a row's time",
        "line 34: tables[2].monitors.delay.every: 1s is outside of 10s to 31d",
        "line 35: tables[2].monitors.duplicate_rows.after: the table has no `changes`, so CDC never runs for it",
        "line 36: tables[2].monitors.updates: it compares with the source, and the table has no `source`",
        "line 36: tables[2].monitors.updates: it can't run at several kinds of times; \
         give one of `every: 10m`, `after: cdc` and `cron: \"0 3 * * *\"`",
        "line 37: tables[2].monitors.missing_rows: it compares with the source, and the table has no `source`",
        "line 37: tables[2].monitors.missing_rows: there is no column to tell by which rows lie in the window; \
         add `created`, the column with the time at which a row was created, here or in `delay`",
        "line 37: tables[2].monitors.missing_rows: nothing says when it runs; \
         give one of `every: 10m`, `after: cdc` and `cron: \"0 3 * * *\"`",
    ];
    let mut found = lines(IMPOSSIBLE);
    let mut expected = expected.map(str::to_owned);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn faults_come_in_the_order_of_their_lines() {
    for text in [MISTYPED, IMPOSSIBLE] {
        let found: Vec<usize> = faults(text).0.iter().map(|fault| fault.line.unwrap()).collect();
        assert!(found.is_sorted(), "{found:?}");
    }
}

#[test]
fn faults_of_shape_and_of_sense_are_reported_together() {
    let text = SMALL.replace("key: [id]", "key: [id]\n    kee: [id]").replace("connection: copy", "connection: cpoy");
    let expected = [
        "line 8: tables[0].kee: unknown key `kee`; did you mean `key`?",
        "line 9: tables[0].targets[0].connection: there is no connection `cpoy`; did you mean `copy`?",
    ];
    assert_eq!(lines(&text), expected);
}

#[test]
fn a_broken_connection_is_reported_once_and_not_as_missing() {
    let text = SMALL.replace("type: sqlite", "type: sqlit");
    assert_eq!(faults(&text).0.len(), 1, "{}", faults(&text));
}

#[test]
fn single_faults_are_found_where_they_stand() {
    let cases = [
        ("", "line 1: a mapping is expected here, not nothing"),
        ("- a", "line 1: a mapping is expected here, not a list"),
        ("version: 1\nlake:\nconnections: {}\ntables: [", "line 4: not YAML: did not find expected node content"),
    ];
    for (text, expected) in cases {
        let found = lines(text);
        assert!(found[0].starts_with(expected), "{text}: {found:?}");
    }
    let replaced = [
        ("version: 1\n", "", "line 1: version: is missing"),
        ("url: 'sqlite:./copy.db'", "url: 'sqlite::memory:'", "line 3: connections.copy.url: a database in memory"),
        ("{copy:", "{'my copy':", "line 3: connections[\"my copy\"]: `my copy` can't be a name here"),
        ("name: orders", "name: ../orders", "line 5: tables[0].name: `../orders` can't be a name here"),
        ("live/orders", "''", "line 6: tables[0].changes.prefix: the prefix is empty"),
        ("live/orders", "s3://b/x", "line 6: tables[0].changes.prefix: the prefix must be relative"),
        (
            "live/orders",
            "live/orders, sequence_column: Op",
            "line 6: tables[0].changes.sequence_column: `Op` is the `operation_column` already",
        ),
        ("work: ./work", "work: ./changes/work", "line 2: lake.work: the work area and the changes overlap"),
        ("work: ./work", "work: .", "line 2: lake.work: the work area and the changes overlap"),
        ("table: orders", "table: 'a b'", "line 8: tables[0].targets[0].table: unexpected ` ` in `a b`"),
        ("key: [id]", "key: [id, ID]", "line 7: tables[0].key[1]: SQLite takes `ID` and `id` for the same column"),
        ("key: [id]", "key: ['']", "line 7: tables[0].key[0]: this is not the name of a column"),
        ("key: [id]", "key: [id]\n    lock_timeout: 1d", "line 8: tables[0].lock_timeout: 1d is outside of 1s to 1h"),
    ];
    for (old, new, expected) in replaced {
        let text = SMALL.replacen(old, new, 1);
        let found = lines(&text);
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{text}\n{found:#?}");
    }
}

#[test]
fn names_too_long_for_the_engine_are_refused() {
    let long = "n".repeat(64);
    let postgres = SMALL.replace("type: sqlite, url: 'sqlite:./copy.db'", "type: postgres, url: 'env:U'");
    let text =
        postgres.replace("key: [id]", &format!("key: [{long}]")).replace("table: orders", &format!("table: {long}"));
    let found = lines(&text);
    assert_eq!(found[0], format!("line 7: tables[0].key[0]: Postgres cuts names at 63 bytes, and `{long}` is longer"));
    assert_eq!(found[1], "line 8: tables[0].targets[0].table: Postgres cuts names at 63 bytes");
    assert_eq!(found.len(), 2);
}

#[test]
fn tables_may_not_take_each_others_changes() {
    let second = |prefix: &str| {
        format!(
            "{SMALL}  - {{name: other, changes: {{prefix: {prefix}}}, key: [id], targets: [{{connection: copy, table: other}}]}}\n"
        )
    };
    for prefix in ["live/orders", "live/orders/", "live", "live/orders/2026"] {
        let found = faults(&second(prefix)).0;
        assert_eq!(found.len(), 1, "{prefix}");
        assert_eq!((found[0].path.as_str(), found[0].line), ("tables[1].changes.prefix", Some(9)), "{prefix}");
    }
    for prefix in ["live/orders2", "liv", "orders"] {
        assert_eq!(parsed(&second(prefix)).tables.len(), 2, "{prefix}");
    }
}

#[test]
fn a_table_is_not_replicated_onto_itself() {
    let text = SMALL.replace("    key:", "    source: {connection: copy, table: orders}\n    key:");
    assert_eq!(lines(&text), ["line 9: tables[0].targets[0].table: the table would be replicated onto itself"]);
}

/// Places where somebody may put a password by mistake; none may be repeated.
#[test]
fn a_password_is_never_shown() {
    let url = format!("postgres://quarrel:{SENTINEL}@db.internal/live");
    let texts = [
        SMALL.replace("sqlite:./copy.db", &url),
        SMALL.replace("sqlite:./copy.db", SENTINEL),
        SMALL.replace("sqlite:./copy.db", &format!("sqlite:./copy.db?password={SENTINEL}")),
        SMALL.replace("sqlite:./copy.db", &format!("env:{SENTINEL}")),
        SMALL.replace("{copy:", &format!("{{'{url}':")),
        SMALL.replace("{copy:", &format!("{{'{url}': {{}}, '{url}': {{}}, copy:")),
        SMALL.replace("type: sqlite", &format!("type: '{url}'")),
        SMALL.replace("connection: copy", &format!("connection: '{url}'")),
        SMALL.replace("./changes", &url),
        SMALL.replace("live/orders", &url),
        SMALL.replace("table: orders", &format!("table: '{url}'")),
        SMALL.replace("key: [id]", &format!("key: [id]\n    '{url}': 1")),
        SMALL.replace("key: [id]", &format!("key: [id]\n    lock_timeout: '{url}'")),
        SMALL.replace("key: [id]", &format!("key: [id]\n    '{url}': !secret x")),
        format!("state: '{url}'\n{SMALL}"),
        format!("state: {SENTINEL}\n{SMALL}"),
        format!("cluster: {{scheduler: 'http://u:{SENTINEL}@h:1'}}\n{SMALL}"),
        format!("alerts: {{slack: {{token: {SENTINEL}, channel: c}}}}\n{SMALL}"),
        format!("alerts: {{slack: {{token: '{url}', channel: c}}}}\n{SMALL}"),
    ];
    for text in texts {
        assert!(text.contains(SENTINEL));
        let faults = faults(&text);
        for shown in [faults.to_string(), format!("{faults:?}"), serde_json::to_string(&faults).unwrap()] {
            assert!(!shown.contains(SENTINEL), "{shown}");
        }
    }
}

#[test]
fn a_plain_url_is_not_shown_with_the_configuration() {
    let text = SMALL
        .replace("type: sqlite, url: 'sqlite:./copy.db'", &format!("type: postgres, url: 'postgres://{SENTINEL}@h/d'"));
    let config = parsed(&text);
    assert!(!format!("{config:?}").contains(SENTINEL));
}

#[test]
fn the_schema_describes_every_key_and_allows_no_others() {
    let schema = json_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(schema["required"], serde_json::json!(["version", "lake", "connections", "tables"]));
    let mut objects = vec![("root".to_owned(), &schema)];
    objects.extend(schema["definitions"].as_object().unwrap().iter().map(|(name, object)| (name.clone(), object)));
    let mut described = 0;
    for (name, object) in objects {
        let Some(properties) = object["properties"].as_object() else { continue };
        assert_eq!(object["additionalProperties"], false, "{name}");
        for (key, property) in properties {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 5), "{name}.{key}: {property}");
            described += 1;
        }
    }
    assert!(described > 60, "{described}");
}

#[test]
fn the_policy_null_is_read_with_quotes_and_without() {
    let policy = |written: &str| format!("{SMALL}    columns: {{note: {{on_bad_value: {written}}}}}\n");
    for (written, expected) in [
        ("null", BadValuePolicy::Null),
        ("'null'", BadValuePolicy::Null),
        ("replace", BadValuePolicy::Replace),
        ("quarantine", BadValuePolicy::Quarantine),
        ("fail", BadValuePolicy::Fail),
    ] {
        assert_eq!(parsed(&policy(written)).tables[0].column_policy("note").on_bad_value, expected, "{written}");
    }
    assert_eq!(lines(&policy("")), ["line 9: tables[0].columns.note.on_bad_value: the policy is missing"]);
    assert_eq!(parsed(&policy("fail").replace("on_bad_value: fail", "")).tables[0].columns.len(), 1);
}

#[test]
fn aliases_and_quoted_words_are_plain_yaml() {
    let text = SMALL.replace("key: [id]", "key: &key [id]").replace("name: orders", "\"name\": 'orders'");
    let second = "  - {name: other, key: *key, targets: [{connection: copy, table: other}]}\n";
    let config = parsed(&format!("{text}{second}"));
    assert_eq!(config.tables[1].key, ["id"]);
}
