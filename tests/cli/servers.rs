//! The Ballista processes: how they start, and how they end.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::project::Project;

#[test]
fn scheduler_prints_its_address_and_ends_well_when_asked_to() {
    let project = Project::empty();
    let mut command = project.command(&["scheduler", "--port", "0"]);
    let mut scheduler = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it can be started");
    let mut address = String::new();
    BufReader::new(scheduler.stdout.take().expect("a pipe")).read_line(&mut address).expect("a line");
    let asked = Command::new("kill").args(["-TERM", &scheduler.id().to_string()]).status().expect("kill is there");
    let ended = scheduler.wait().expect("it ends");
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    assert!(asked.success());
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn executor_without_a_scheduler_ends_with_six() {
    let project = Project::empty();
    let arguments =
        ["executor", "--scheduler", "127.0.0.1:1", "--scheduler-wait", "100ms", "--port", "0", "--grpc-port", "0"];
    let ended = project.run(&arguments).expect(6);
    assert!(ended.stderr.contains("no scheduler answered at http://127.0.0.1:1"), "{}", ended.stderr);
}
