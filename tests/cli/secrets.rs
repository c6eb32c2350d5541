//! A password that is in no output, no log and no state, however a connection fails.

use crate::project::{Ended, Project, finish};

const SENTINEL: &str = "s3ntinel-0f-secrets";

/// A database and, if asked for, a state store where nobody listens: port 1 of loopback.
fn project(state: &str) -> Project {
    Project::with_config(&format!(
        "version: 1\n\
         cluster: in_process\n\
         lake: {{changes: ./changes/, work: ./work/}}\n\
         {state}\
         connections:\n  db: {{type: postgres, url: 'env:QUARREL_TEST_URL'}}\n\
         tables:\n  \
           - {{name: t, changes: {{prefix: t/}}, key: [id], targets: [{{connection: db, table: t}}]}}\n"
    ))
}

fn run(project: &Project, arguments: &[&str]) -> Ended {
    let url = format!("postgres://somebody:{SENTINEL}@127.0.0.1:1/db");
    let ended = finish(project.command(arguments).env("QUARREL_TEST_URL", url).args(["--log-level", "trace"]));
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(SENTINEL), "{arguments:?} prints the password:\n{text}");
    }
    ended
}

#[test]
fn password_of_an_unreachable_target_is_nowhere() {
    let project = project("");
    run(&project, &["runs"]).expect(0);
    // Each of them waits for the pool's bound of time: side by side it is waited for once.
    std::thread::scope(|scope| {
        scope.spawn(|| run(&project, &["run", "cdc"]).expect(1));
        scope.spawn(|| run(&project, &["plan", "cdc", "--output", "json"]).expect(1));
        let checked = run(&project, &["validate", "--connect"]).expect(6);
        assert!(checked.stdout.contains("unreachable  t, db:t: "), "{}", checked.stdout);
    });
    run(&project, &["runs"]).expect(0);
    let state = std::fs::read(project.path().join(".quarrel/state.db")).expect("the state store is there");
    assert!(!state.windows(SENTINEL.len()).any(|window| window == SENTINEL.as_bytes()));
}

#[test]
fn unreachable_state_store_ends_with_six() {
    let ended = run(&project("state: env:QUARREL_TEST_URL\n"), &["run", "cdc"]).expect(6);
    assert!(ended.stderr.contains("failed to open the state store"), "{}", ended.stderr);
}

#[test]
fn variable_that_is_not_set_is_named() {
    let project = project("state: env:QUARREL_TEST_NOT_SET\n");
    let ended = run(&project, &["status"]).expect(3);
    assert!(ended.stderr.contains("QUARREL_TEST_NOT_SET"), "{}", ended.stderr);
}

#[test]
fn password_in_the_configuration_is_refused_and_not_repeated() {
    let project = Project::with_config(&format!(
        "version: 1\n\
         lake: {{changes: ./changes/, work: ./work/}}\n\
         connections:\n  db: {{type: postgres, url: 'postgres://somebody:{SENTINEL}@127.0.0.1:1/db'}}\n\
         tables:\n  \
           - {{name: t, changes: {{prefix: t/}}, key: [id], targets: [{{connection: db, table: t}}]}}\n"
    ));
    let told = run(&project, &["validate"]).expect(3).stdout;
    assert!(told.contains("line 4: connections.db.url"), "{told}");
}
