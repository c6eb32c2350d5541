//! Owns the life of a server process, and the blocking start of asynchronous work.
//!
//! A [`ServerProcess`] ends when it is dropped **and** when the process that holds it dies, however it dies. A watchdog
//! shell reads from a pipe whose other end only the test process has: the end of that pipe is the order to stop. Dropping
//! takes the same way, so the path that a crash takes is the path every test takes.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Reads the server's pid, then waits for the end of its input; stops the server, first kindly (`$1`), after 5 s with
/// KILL, and removes the remaining arguments. It has a process group of its own, because a test runner that gives up on a
/// test kills the test's whole group.
const WATCHDOG: &str = r#"
signal=$1; shift
read -r pid || { rm -rf -- "$@"; exit 0; }
read -r _
kill -"$signal" "$pid" 2>/dev/null
polls=0
while kill -0 "$pid" 2>/dev/null; do
  polls=$((polls + 1))
  [ "$polls" -gt 100 ] && { kill -KILL "$pid"; break; }
  sleep 0.05
done
rm -rf -- "$@"
"#;

/// How a server is told to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StopSignal {
    /// Postgres's immediate shutdown: no checkpoint, but shared memory is released.
    Quit,
    /// For servers that take long to stop and keep nothing outside their folder.
    Kill,
}

impl StopSignal {
    fn name(self) -> &'static str {
        match self {
            StopSignal::Quit => "QUIT",
            StopSignal::Kill => "KILL",
        }
    }
}

/// A running server with a folder of its own, which goes with it.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    server: Child,
    watchdog: Child,
    folder: PathBuf,
}

impl ServerProcess {
    /// Starts `command` with its output in `log` in `folder`. `litter` are further paths to remove when it has ended.
    ///
    /// # Panics
    /// When a process cannot be started: the program's name is in the message.
    pub(crate) fn spawn(
        command: &mut Command,
        signal: StopSignal,
        folder: tempfile::TempDir,
        litter: &[PathBuf],
    ) -> ServerProcess {
        let log = File::create(log_path(folder.path())).expect("the server's own folder takes a file");
        let log_copy = log.try_clone().expect("a file just opened can be opened twice");
        let folder = folder.keep();
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog", signal.name()])
            .arg(&folder)
            .args(litter)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start sh as a watchdog: {error}"));
        command.stdin(Stdio::null()).stdout(log).stderr(log_copy).process_group(0);
        let server =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {:?}: {error}", command.get_program()));
        let pipe = watchdog.stdin.as_mut().expect("the watchdog was started with a pipe");
        writeln!(pipe, "{}", server.id()).unwrap_or_else(|error| panic!("the watchdog ended at once: {error}"));
        ServerProcess { server, watchdog, folder }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Where the server keeps its files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the server ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.server.try_wait(), Ok(Some(_)))
    }

    /// The last lines the server wrote, for messages.
    pub(crate) fn log_tail(&self) -> String {
        const LINES: usize = 20;
        let log = std::fs::read_to_string(log_path(self.folder())).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if matches!(self.watchdog.try_wait(), Ok(Some(_))) {
            // Somebody ended the watchdog: nobody else would stop the server.
            let _ = self.server.kill();
        }
        drop(self.watchdog.stdin.take());
        let _ = self.server.wait();
        let _ = self.watchdog.wait();
    }
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// `N` different loopback ports that were free a moment ago.
///
/// Another process may take one before the server does: who starts a server tries again with others.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [io::Result<TcpListener>; N] = std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)));
    listeners.map(|listener| {
        listener
            .and_then(|listener| listener.local_addr())
            .unwrap_or_else(|error| panic!("no free loopback port: {error}"))
            .port()
    })
}

/// Runs a future to its end on a thread of its own, so that it may be called with or without a runtime around it.
pub(crate) fn block_on<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    let run = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime on one thread needs only file handles")
            .block_on(future)
    };
    std::thread::scope(|scope| match scope.spawn(run).join() {
        Ok(output) => output,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
