//! Faults of configurations and arguments: what is told, where, and with which exit code.

use serde_json::Value;

use crate::project::Project;

const CONFIG: &str = "\
version: 1
cluster: in_process
lake: {changes: ./changes/, work: ./work/}
connections:
  replica: {type: sqlite, url: 'sqlite:./replica.db'}
tables:
  - name: customers
    changes: {prefix: shop/customers/}
    key: [id]
    targets: [{connection: replica, table: customers}]
  - name: orders
    changes: {prefix: shop/orders/}
    key: [id]
    targets: [{connection: replica, table: orders}]
";

const FAULTY: &str = "\
version: 1
lake: {changes: ./changes/, work: ./work/}
connections:
  replica: {type: sqlite, url: 'sqlite:./replica.db'}
tables:
  - name: customers
    kye: [id]
    targets: [{connection: replcia, table: customers}]
";

#[test]
fn every_fault_is_told_with_line_and_path() {
    let project = Project::with_config(FAULTY);
    let told = project.run(&["validate"]).expect(3).stdout;
    for part in ["line 7: tables[0]", "did you mean `key`?"] {
        assert!(told.contains(part), "`{part}` is missing:\n{told}");
    }
    let report = project.run(&["validate", "--output", "json"]).expect(3).json();
    assert_eq!(report["valid"], false);
    assert!(report["faults"].as_array().unwrap().iter().any(|fault| fault["line"] == 7), "{report}");

    let ended = project.run(&["run", "cdc"]).expect(3);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.starts_with("error: quarrel.yaml has "), "{}", ended.stderr);
    let failure = project.run(&["run", "cdc", "--output", "json"]).expect(3).stderr;
    let failure: Value = serde_json::from_str(&failure).unwrap();
    assert!(!failure["faults"].as_array().unwrap().is_empty() && failure["error"].is_string(), "{failure}");
}

#[test]
fn configuration_that_is_not_there_is_a_fault_of_the_configuration() {
    let ended = Project::empty().run(&["status", "--config", "other.yaml"]).expect(3);
    assert!(ended.stderr.contains("other.yaml") && ended.stderr.contains("\nhint: `quarrel init`"), "{}", ended.stderr);
}

#[test]
fn unknown_tables_are_answered_with_the_nearest_and_all_known_ones() {
    let project = Project::with_config(CONFIG);
    for command in [&["run", "cdc"], &["plan", "cdc"], &["runs", "--limit=1"]] {
        let ended = project.run(&[command[0], command[1], "--table", "custmers"]).expect(2);
        assert_eq!(
            ended.stderr,
            "error: there is no table `custmers`\n\
             hint: did you mean `customers`? The configuration has: customers, orders\n"
        );
    }
    let failure = project.run(&["run", "cdc", "--table", "x", "--output", "json"]).expect(2);
    let failure: Value = serde_json::from_str(&failure.stderr).unwrap();
    assert_eq!(failure["hint"], "the configuration has: customers, orders");
}

#[test]
fn wrong_arguments_end_with_two_and_print_no_result() {
    let project = Project::with_config(CONFIG);
    let cases: [&[&str]; 7] = [
        &[],
        &["sing"],
        &["run", "sing"],
        &["run", "cdc", "--at", "yesterday"],
        &["run", "cdc", "--look-back", "5"],
        &["demo", "--changes", "1"],
        &["status", "--log-level", "loud=very"],
    ];
    for arguments in cases {
        let ended = project.run(arguments).expect(2);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn first_configuration_is_written_once_and_is_valid() {
    let project = Project::empty();
    project.run(&["init"]).expect(0);
    let written = project.read("quarrel.yaml");
    let told = project.run(&["validate"]).expect(0).stdout;
    assert_eq!(told, "quarrel.yaml is valid: 1 table\n");
    let again = project.run(&["init"]).expect(2);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    assert_eq!(project.read("quarrel.yaml"), written);
}

#[test]
fn schema_and_completions_are_printed() {
    let project = Project::empty();
    let schema = project.run(&["schema"]).expect(0).json();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(schema["properties"]["tables"].is_object());
    let script = project.run(&["completions", "bash"]).expect(0).stdout;
    assert!(script.contains("--look-back"));
}

#[test]
fn tables_that_have_never_run_are_shown_as_such() {
    let project = Project::with_config(CONFIG);
    let told = project.run(&["status"]).expect(0).stdout;
    assert_eq!(told.matches("never run").count(), 2, "{told}");
    assert_eq!(project.run(&["runs"]).expect(0).stdout, "no runs yet\n");
}
