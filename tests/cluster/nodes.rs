//! Owns the processes of a cluster: one scheduler, and executors of one core each.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use quarrel_testkit::s3::{ACCESS_KEY, REGION, S3Server, SECRET_KEY};
use tempfile::TempDir;

use crate::harness::process::{Ended, Running};
use crate::harness::wait::until;

/// Starting, registering and leaving take a second or two; a loaded machine gets a multiple.
pub const NODE_TIME_MAX: Duration = Duration::from_secs(60);
/// A port may be taken between finding and using it; three times in a row means something else.
const START_ATTEMPTS_MAX: usize = 3;

/// A scheduler.
pub struct Scheduler {
    process: Running,
    pub port: u16,
}

impl Scheduler {
    /// On this port; 0: any free one.
    pub fn start(port: u16) -> Scheduler {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quarrel"));
        command.args(["scheduler", "--port", &port.to_string()]);
        let process = Running::start(command.env_remove("QUARREL_LOG"));
        let address =
            |process: &Running| Some(process.printed().0.trim().strip_prefix("http://127.0.0.1:")?.to_owned());
        let port = until("the scheduler prints its address", NODE_TIME_MAX, || address(&process)?.parse().ok());
        Scheduler { process, port }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until it knows so many executors.
    pub fn wait_for_executors(&self, count: usize) {
        let ready = format!("ready: {count} executors registered");
        until(&ready, NODE_TIME_MAX, || probe(self.port, "/readyz").filter(|answer| answer.contains(&ready)));
    }

    /// Waits until its log has a line with both words.
    pub fn wait_for_log(&self, first: &str, second: &str) {
        let has_both = |line: &str| line.contains(first) && line.contains(second);
        let logged = || self.process.printed().1.lines().any(has_both).then_some(());
        until(&format!("the scheduler logs `{first}` and `{second}`"), NODE_TIME_MAX, logged);
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop, as a service manager does.
    pub fn stop(mut self) -> Ended {
        self.process.signal("TERM");
        self.process.end_within(NODE_TIME_MAX)
    }
}

/// An executor of one core and 1 GB.
pub struct Executor {
    process: Running,
    pub health_port: u16,
    work: TempDir,
}

impl Executor {
    /// Starts it and waits until it is ready.
    pub fn start(scheduler: &Scheduler) -> Executor {
        for _ in 0..START_ATTEMPTS_MAX {
            let mut executor = Executor::spawn(scheduler);
            let started = until("an executor is ready or ends", NODE_TIME_MAX, || {
                let ready = probe(executor.health_port, "/readyz").filter(|answer| answer.starts_with("HTTP/1.1 200"));
                ready.map(|_| true).or_else(|| (!executor.process.is_running()).then_some(false))
            });
            if started {
                return executor;
            }
            eprintln!("an executor ended while it started:\n{}", executor.process.printed().1);
        }
        panic!("no executor started in {START_ATTEMPTS_MAX} attempts");
    }

    fn spawn(scheduler: &Scheduler) -> Executor {
        let work = TempDir::with_prefix("quarrel-executor-").expect("the folder of temporary files takes a folder");
        let health_port = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_quarrel"));
        command.args(["executor", "--scheduler", &format!("127.0.0.1:{}", scheduler.port)]);
        command.args(["--port", "0", "--grpc-port", "0", "--health-port", &health_port.to_string()]);
        command.args(["--vcores", "1", "--memory", "1GB", "--drain", "30s", "--work-dir"]).arg(work.path());
        command.args(["--s3-endpoint", S3Server::shared().endpoint(), "--s3-region", REGION]);
        command.args(["--s3-allow-http", "--s3-path-style"]);
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        let process = Running::start(command.env_remove("QUARREL_LOG"));
        Executor { process, health_port, work }
    }

    /// Whether it has written shuffle files: tasks of a job's first stage run, or have run.
    pub fn has_shuffle_files(&self) -> bool {
        has_files(&self.work.path().join("shuffle"))
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until it has left by itself.
    pub fn end(&mut self) -> Ended {
        self.process.end_within(NODE_TIME_MAX)
    }

    /// Asks it to stop, as a service manager does.
    pub fn stop(mut self) -> Ended {
        self.process.signal("TERM");
        self.end()
    }
}

/// A scheduler and two executors, ready.
pub fn start_cluster() -> (Scheduler, [Executor; 2]) {
    let scheduler = Scheduler::start(0);
    let executors = [Executor::start(&scheduler), Executor::start(&scheduler)];
    scheduler.wait_for_executors(executors.len());
    (scheduler, executors)
}

/// The answer to a GET, head and body; none when nobody answers.
pub fn probe(port: u16, path: &str) -> Option<String> {
    const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

fn has_files(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| if path.is_dir() { has_files(&path) } else { true })
}
