//! A folder to run `quarrel` in, and what a run of it leaves.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a finished command left.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Stdout as the one JSON document it has to be.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is no JSON ({error}): {self:?}"))
    }

    /// Asserts the exit code; the message shows everything printed.
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A folder that goes with its test.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    pub fn empty() -> Project {
        Project { folder: tempfile::tempdir().expect("the system's folder for temporary files can be written") }
    }

    /// With this `quarrel.yaml`.
    pub fn with_config(config: &str) -> Project {
        let project = Project::empty();
        project.write("quarrel.yaml", config);
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("a file can be written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("the file can be read")
    }

    /// `quarrel` with these words, in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quarrel"));
        command.args(arguments).current_dir(self.path()).env_remove("QUARREL_LOG").stdin(Stdio::null());
        command
    }

    /// Runs `quarrel` to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        finish(&mut self.command(arguments))
    }
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Ended {
    let output = command.output().expect("the binary under test can be started");
    Ended {
        code: output.status.code().expect("it ends by itself, not by a signal"),
        stdout: String::from_utf8(output.stdout).expect("stdout is text"),
        stderr: String::from_utf8(output.stderr).expect("stderr is text"),
    }
}
