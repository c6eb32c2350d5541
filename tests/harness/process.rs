//! Owns a process of the binary under test: started, watched, told to stop or killed, and never left behind.
//!
//! Output goes to files, so that a process that prints a lot never waits for its reader.

use std::fmt;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::wait::until;

/// The signal of `kill -9`.
pub const SIGKILL: i32 = 9;

/// What a process left.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nstdout:\n{}\nstderr:\n{}", self.status, self.stdout, self.stderr)
    }
}

impl Ended {
    /// Asserts the exit code; the message shows everything printed.
    #[track_caller]
    pub fn expect(self, code: i32, context: &str) -> Ended {
        assert_eq!(self.status.code(), Some(code), "{context}: {self:?}");
        self
    }

    /// The summary of the one table's run, from `--output json`.
    #[track_caller]
    pub fn summary(&self) -> Value {
        let printed: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is no JSON ({error}): {self:?}"));
        printed["runs"][0].clone()
    }
}

/// A running process.
pub struct Running {
    name: String,
    child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Running {
        let file = || NamedTempFile::new().expect("the folder of temporary files takes a file");
        let (stdout, stderr) = (file(), file());
        let handle = |file: &NamedTempFile| Stdio::from(file.reopen().expect("a file just made can be opened"));
        let name = command.get_args().next().map_or(String::new(), |word| word.to_string_lossy().into_owned());
        let child = command.stdin(Stdio::null()).stdout(handle(&stdout)).stderr(handle(&stderr)).spawn();
        let child = child.expect("the binary under test can be started");
        Running { name, child, stdout, stderr }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`, and its end.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    /// What it has printed so far.
    pub fn printed(&self) -> (String, String) {
        (read(&self.stdout), read(&self.stderr))
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended within that time: a run that hangs is what these tests look for.
    #[track_caller]
    pub fn end_within(&mut self, within: Duration) -> Ended {
        let name = self.name.clone();
        let child = &mut self.child;
        let status =
            until(&format!("`quarrel {name}` ends"), within, || child.try_wait().expect("a child can be asked"));
        let (stdout, stderr) = self.printed();
        Ended { status, stdout, stderr }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("`kill` is on every Unix").success(), "{name} could not be sent to {}", self.name);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- stderr of `quarrel {}` ---\n{}", self.name, read(&self.stderr));
        }
    }
}

fn read(file: &NamedTempFile) -> String {
    let mut bytes = Vec::new();
    file.reopen().and_then(|mut file| file.read_to_end(&mut bytes)).expect("a file of ours can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a process ended by this signal.
pub fn ended_by(ended: &Ended, signal: i32) -> bool {
    ended.status.signal() == Some(signal)
}
