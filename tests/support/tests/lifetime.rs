//! Servers end with the process that started them, however it ends.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use quarrel_testkit::postgres::PostgresServer;

const CHILD_VARIABLE: &str = "QUARREL_TESTKIT_LIFETIME_CHILD";
/// The watchdog needs milliseconds; the bound is only there so that a failure ends.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// What the child process does: starts a server, says which, and waits to be killed.
fn run_child() -> ! {
    let server = PostgresServer::start();
    println!("\nserver {}", server.pid().unwrap());
    loop {
        // A thread may be woken for no reason.
        std::thread::park();
    }
}

#[test]
fn server_ends_when_its_test_process_is_killed() {
    if std::env::var_os(CHILD_VARIABLE).is_some() {
        run_child();
    }
    let temporary = tempfile::Builder::new().prefix("lifetime-").tempdir().unwrap();
    std::fs::set_permissions(temporary.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server_ends_when_its_test_process_is_killed", "--nocapture"])
        .env(CHILD_VARIABLE, "1")
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let pid = lines.map(Result::unwrap).find_map(|line| Some(line.strip_prefix("server ")?.to_owned())).unwrap();
    let process = PathBuf::from(format!("/proc/{pid}/cmdline"));
    let is_postgres = || std::fs::read(&process).is_ok_and(|line| String::from_utf8_lossy(&line).contains("postgres"));
    let folders = || std::fs::read_dir(temporary.path()).unwrap().count();
    assert!(is_postgres() && folders() == 1, "the server runs, in its folder");

    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + GONE_WITHIN;
    while (is_postgres() || folders() > 0) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!is_postgres(), "the server outlived the process that started it");
    assert_eq!(folders(), 0, "its folder outlived it");
}
