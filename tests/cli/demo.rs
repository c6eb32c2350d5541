//! `quarrel demo`, and the commands it tells the user to go on with.

use std::path::Path;

use serde_json::{Value, json};

use crate::project::Project;

fn total(cycles: &Value, table: &str, figure: &str) -> u64 {
    let runs = cycles.as_array().expect("cycles").iter().flat_map(|cycle| cycle["runs"].as_array().expect("runs"));
    runs.filter(|run| run["table"] == table).map(|run| run[figure].as_u64().expect("a number")).sum()
}

#[test]
fn demo_is_equal_to_its_replay_and_leaves_a_project_to_go_on_with() {
    let project = Project::empty();
    let report = project.run(&["demo", "--changes", "3000", "--dir", ".", "--output", "json"]).expect(0).json();
    assert_eq!(report["prepared"]["changes"], 3_000);
    let cycles = &report["cycles"];
    let equal: Vec<_> = cycles.as_array().unwrap().iter().map(|cycle| &cycle["comparison"]).collect();
    assert_eq!(equal.len(), 3);
    for comparison in &equal {
        assert_eq!((&comparison["tables"], &comparison["different"]), (&json!(3), &json!(0)), "{comparison}");
        assert!(comparison["equal"].as_u64() > Some(100), "{comparison}");
    }
    // The customers' sixth file comes in the last cycle, and brings the seventh to thirteenth back, applied the cycle before.
    assert_eq!(total(cycles, "customers", "late_files"), 1);
    assert_eq!(total(cycles, "customers", "replayed_files"), 7);
    // The order lines' fourth file comes again, with two files of the first cycle behind it.
    assert_eq!(total(cycles, "order_lines", "late_files"), 1);
    assert_eq!(total(cycles, "order_lines", "replayed_files"), 2);
    assert_eq!(total(cycles, "events", "late_files"), 0);
    // Every change was read once, those of late and replayed files once more.
    assert_eq!(total(cycles, "events", "changes"), 900);
    assert_eq!(total(cycles, "events", "files"), 20);
    go_on(&project);
}

fn go_on(project: &Project) {
    let again = project.run(&["run", "cdc", "--output", "json"]).expect(0).json();
    let statuses: Vec<_> = again["runs"].as_array().unwrap().iter().map(|run| run["status"].clone()).collect();
    assert_eq!(statuses, [json!("nothing_to_do"), json!("nothing_to_do"), json!("nothing_to_do")]);

    let plan = project.run(&["plan", "cdc", "--output", "json"]).expect(0).json();
    let planned = plan["tables"].as_array().unwrap();
    assert_eq!(planned.len(), 3);
    assert!(planned.iter().all(|table| table["batches"] == json!([]) && table["errors"] == json!([])), "{plan}");

    let status = project.run(&["status", "--output", "json"]).expect(0).json();
    let customers = &status["tables"][0];
    assert_eq!(
        (&customers["table"], &customers["targets"][0]["target"]),
        (&json!("customers"), &json!("replica:customers"))
    );
    let applied = &customers["targets"][0]["watermark"]["applied_instant"];
    assert_eq!(applied, "2025-06-02T08:19:00.000000Z", "the twentieth file is written 19 minutes after the first");

    let runs = project.run(&["runs", "--table", "events", "--limit", "2", "--output", "json"]).expect(0).json();
    let runs = runs["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run["table"] == "events" && run["job"] == "cdc"));

    let text = project.run(&["validate", "--connect"]).expect(0).stdout;
    assert!(text.contains("quarrel.yaml is valid: 3 tables") && !text.contains("failed"), "{text}");
}

#[test]
fn demo_in_one_process_tells_people_what_it_did() {
    let project = Project::empty();
    let ended = project.run(&["demo", "--changes", "600", "--dir", "d", "--cluster", "in-process"]).expect(0);
    for part in [
        "600 changes in 60 files of 3 tables",
        "cycle 3 of 3",
        "rows in 3 tables are equal to an independent replay, after every cycle",
        "status --config ",
    ] {
        assert!(ended.stdout.contains(part), "`{part}` is missing:\n{}", ended.stdout);
    }
    assert_eq!(ended.stderr, "", "without a terminal there is no progress, and nothing to warn about");
    let refused = project.run(&["demo", "--changes", "600", "--dir", "d"]).expect(2);
    assert!(refused.stderr.contains("is not empty") && refused.stderr.contains("\nhint: "), "{}", refused.stderr);
}

/// A second configuration on the demo's files: its tables have other names, so the ledger knows nothing of them.
fn second_config(demo: &Path) -> String {
    let demo = demo.canonicalize().expect("the demo's folder is there");
    let demo = demo.display();
    format!(
        "version: 1\n\
         cluster: in_process\n\
         lake: {{changes: \"file://{demo}/lake/changes/\", work: ./work/}}\n\
         connections:\n  replica: {{type: sqlite, url: \"sqlite://{demo}/replica.db\"}}\n\
         tables:\n  \
           - name: lines\n    \
             changes: {{prefix: shop/order_lines/, timestamp_column: dms_commit_at}}\n    \
             key: [order_id, line]\n    \
             targets: [{{connection: replica, table: order_lines}}]\n  \
           - name: missing\n    \
             changes: {{prefix: shop/events/, timestamp_column: dms_commit_at}}\n    \
             key: [id]\n    \
             targets: [{{connection: replica, table: nowhere}}]\n"
    )
}

#[test]
fn one_tables_failure_stops_no_other_and_is_told_with_a_hint() {
    let demo = Project::empty();
    demo.run(&["demo", "--changes", "600", "--dir", ".", "--cluster", "in-process"]).expect(0);
    let project = Project::with_config(&second_config(demo.path()));

    let planned = project.run(&["plan", "cdc", "--table", "lines"]).expect(0).stdout;
    for part in [
        "20 files (20 new, 0 late, 0 replayed)",
        "240 changes",
        "→ replica:order_lines: 5 columns, delete, then upsert",
    ] {
        assert!(planned.contains(part), "`{part}` is missing:\n{planned}");
    }

    let ended = project.run(&["run", "cdc", "--output", "json"]).expect(1).json();
    let (lines, missing) = (&ended["runs"][0], &ended["runs"][1]);
    assert_eq!((&lines["status"], &lines["files"], &lines["changes"]), (&json!("succeeded"), &json!(20), &json!(240)));
    assert_eq!(lines["watermark"], "2025-06-02T08:19:00.000000Z");
    assert_eq!(missing["status"], "failed");
    let told = missing.to_string();
    assert!(told.contains("nowhere does not exist") && told.contains("create the table first"), "{told}");

    let checked = project.run(&["validate", "--connect"]).expect(3).stdout;
    assert!(checked.contains("failed       missing, replica:nowhere: the table does not exist"), "{checked}");
    let text = project.run(&["run", "cdc"]).expect(1).stdout;
    assert!(text.contains("\n  hint: create the table first"), "{text}");
}
