//! `import` from beginning to end: the file, the report, the exit codes, and a configuration that `validate` takes.

use std::io::Write as _;
use std::process::Stdio;

use crate::project::Project;

/// Six tables with every key that the variable has, in every form.
const VARIABLE: &str = include_str!("../../jobs/model/tests/import/replication_tables.json");

fn project() -> Project {
    let project = Project::empty();
    project.write("replication_tables.json", VARIABLE);
    project
}

#[test]
fn the_configuration_is_written_and_is_valid() {
    let project = project();
    let ended = project.run(&["import", "replication_tables.json", "--out", "quarrel.yaml"]).expect(0);
    assert_eq!(ended.stdout, "");
    for part in [
        "replication_tables.json: 6 tables, 1 of them commented out",
        "TransactionsNew ([0], line 2)",
        "  changed        execution_frequency → window.ahead: 1 hour in Airflow",
        "  not mapped     targets[1]: `oracle` is not supported as a target yet",
        "  not recognised excution_frequency: did you mean `execution_frequency`?",
        "  fill in        key: ",
        "  next runs      cdc (*/20 * * * *, America/Sao_Paulo): ",
        "wrote quarrel.yaml\nnext: replace 5 placeholders",
    ] {
        assert!(ended.stderr.contains(part), "`{part}` is missing:\n{}", ended.stderr);
    }
    let runs = ended.stderr.lines().find(|line| line.contains("next runs      cdc (*/20")).unwrap();
    assert_eq!(runs.rsplit_once("): ").unwrap().1.split(", ").count(), 5, "{runs}");
    assert_eq!(project.run(&["validate"]).expect(0).stdout, "quarrel.yaml is valid: 5 tables\n");
}

#[test]
fn a_placeholder_never_passes_for_a_database() {
    let project = project();
    project.run(&["import", "replication_tables.json", "--out", "quarrel.yaml"]).expect(0);
    let ended = project.run(&["plan", "cdc"]);
    assert_ne!(ended.code, 0, "{ended:?}");
}

#[test]
fn without_a_file_the_configuration_is_all_that_stdout_gets() {
    let project = project();
    let printed = project.run(&["import", "replication_tables.json"]).expect(0).stdout;
    project.run(&["import", "replication_tables.json", "--out", "written.yaml"]).expect(0);
    assert_eq!(printed, project.read("written.yaml"));
}

#[test]
fn stdin_is_read_and_json_is_one_document() {
    let project = project();
    let mut command =
        project.command(&["import", "-", "--output", "json", "--key", "id", "--changes", "s3://acme-dms/"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(VARIABLE.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["file"], &report["written"]), (&"stdin".into(), &serde_json::Value::Null));
    assert_eq!(report["tables"].as_array().unwrap().len(), 6);
    assert_eq!(report["tables"][4]["status"], "commented_out");
    assert_eq!(report["tables"][0]["schedules"][0]["next"].as_array().unwrap().len(), 5);
    assert!(report["config"].as_str().unwrap().contains("\n  changes: s3://acme-dms/\n"));
    assert_eq!(report["to_fill_in"], 3);
}

#[test]
fn sizes_of_pools_are_read_from_the_export_of_airflow() {
    let project = project();
    project.write("pools.json", r#"{"crm_pool": {"slots": 3, "description": "x"}, "default_pool": {"slots": -1}}"#);
    let import = ["import", "replication_tables.json", "--output", "json", "--pools"];
    let report = project.run(&[&import[..], &["pools.json"]].concat()).expect(0).json();
    let connections = report["connections"].as_array().unwrap();
    let crm = connections.iter().find(|connection| connection["name"] == "crm_mysql").unwrap();
    assert_eq!(crm["max_connections"], 3);
    project.write("pools.json", "[]");
    let ended = project.run(&[&import[..], &["pools.json"]].concat()).expect(3);
    assert!(ended.stderr.contains("airflow pools export"), "{}", ended.stderr);
}

#[test]
fn a_file_that_is_there_stays_unless_it_is_forced() {
    let project = project();
    project.write("quarrel.yaml", "mine");
    let import = ["import", "replication_tables.json", "--out", "quarrel.yaml"];
    let ended = project.run(&import).expect(2);
    assert!(ended.stderr.contains("quarrel.yaml is there already, and stays as it is"), "{}", ended.stderr);
    assert_eq!(project.read("quarrel.yaml"), "mine");
    project.run(&[&import[..], &["--force"]].concat()).expect(0);
    assert!(project.read("quarrel.yaml").starts_with("# Made by `quarrel import`"));
}

#[test]
fn faults_end_with_three_and_nothing_is_written() {
    let project = Project::empty();
    project.write("broken.json", "[\n  {\"a\": 1,}\n]");
    project.write("faulty.json", "[\n{\"source\": {\"type\": \"postgers\"}},\n{\"targets\": []}]");
    let ended = project.run(&["import", "broken.json", "--out", "quarrel.yaml"]).expect(3);
    assert!(ended.stderr.contains("line 2: column 11: not JSON"), "{}", ended.stderr);
    let ended = project.run(&["import", "faulty.json", "--out", "quarrel.yaml"]).expect(3);
    for part in ["faulty.json has 6 faults", "line 2: [0].source.type", "hint: did you mean `postgres`?", "line 3: [1]"]
    {
        assert!(ended.stderr.contains(part), "`{part}` is missing:\n{}", ended.stderr);
    }
    let failure = project.run(&["import", "faulty.json", "--output", "json"]).expect(3).stderr;
    let failure: serde_json::Value = serde_json::from_str(&failure).unwrap();
    assert_eq!(failure["faults"].as_array().unwrap().len(), 6, "{failure}");
    assert!(!project.path().join("quarrel.yaml").exists());
    project.run(&["import", "nowhere.json"]).expect(3);
}
