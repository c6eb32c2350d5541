//! A password that is in no output, no log, no state and no file, however a run goes.

use std::process::Command;

use crate::harness::process::{Ended, Running};
use crate::harness::project::RUN_TIME_MAX;
use crate::scene::{Scene, Setup, files_below, short_history};

const SENTINEL: &str = "s3ntinel-0f-secrets";

/// The URL of a server that trusts everybody, with a password.
fn with_password(url: &str) -> String {
    let (user, rest) = url.split_once('@').expect("the URL names a user");
    format!("{user}:{SENTINEL}@{rest}")
}

#[track_caller]
fn assert_nowhere(scene: &Scene, ended: &Ended, context: &str) {
    for (name, printed) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        assert!(!printed.contains(SENTINEL), "{context}: the password is in {name}:\n{printed}");
    }
    for name in files_below(scene.project.path()) {
        let bytes = std::fs::read(scene.project.path().join(&name)).unwrap();
        let found = bytes.windows(SENTINEL.len()).any(|window| window == SENTINEL.as_bytes());
        assert!(!found, "{context}: the password is in {name}");
    }
}

fn run(command: &mut Command) -> Ended {
    Running::start(command.args(["--log-level", "trace"])).end_within(RUN_TIME_MAX)
}

#[test]
fn password_of_a_target_is_nowhere_while_runs_succeed_fail_and_die() {
    let history = short_history(900);
    let setup = Setup::of(&history);
    let database = setup.target();
    let url = with_password(&database.url);
    let scene = setup.by_way_of(database, &url);
    let (first, second) = history.files.split_at(history.files.len() / 2);

    scene.deliver(first);
    let ended = run(&mut scene.project.cdc()).expect(0, "a run that succeeds");
    assert_nowhere(&scene, &ended, "a run that succeeds");

    scene.deliver(second);
    let ended = run(scene.project.cdc().env("QUARREL_FAIL_AT", "load_before"));
    assert!(!scene.work_files("batches").is_empty(), "the killed run has left its batch: {ended:?}");
    assert_nowhere(&scene, &ended, "a run that is killed");

    scene.targets[0].execute("ALTER TABLE items ADD CHECK (false) NOT VALID");
    let ended = run(&mut scene.project.cdc()).expect(1, "a run that fails");
    assert_nowhere(&scene, &ended, "a run that fails");
    for words in [["status", "--output=json"], ["runs", "--output=json"], ["validate", "--connect"]] {
        let ended = run(&mut scene.project.command(&words));
        assert_nowhere(&scene, &ended, words[0]);
    }
}
