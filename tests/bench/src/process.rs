//! Processes under measurement: seconds from start to end, and the peak memory of the process with all its children.
//!
//! Every process writes its standard error to a log of its own, has a deadline, and is ended by its own id when its owner goes.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{BenchError, at};

/// How often an end is looked for: an upper bound of the error of every wall time, small beside the second the issue allows.
const END_POLL: Duration = Duration::from_millis(2);
/// How often memory is read: the kernel keeps the peak of each process, so only a peak in a process's last moments can be missed.
const MEMORY_POLL: Duration = Duration::from_millis(50);
/// How long a server may take to listen.
const LISTEN_SECONDS: u64 = 60;

/// A process that ended well.
#[derive(Debug, Clone)]
pub struct Finished {
    pub stdout: String,
    /// Wall time, process start included.
    pub seconds: f64,
    /// Greatest sum of the peaks of the processes alive at one moment.
    pub peak_bytes: u64,
}

/// Runs `command` to its end, at most `seconds_max`, and measures it. `log` receives its standard error.
pub fn run_measured(mut command: Command, seconds_max: u64, log: &Path) -> Result<Finished, BenchError> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file(log)?);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|source| BenchError::Start { program: program.clone(), source })?;
    let mut output = child.stdout.take().expect("standard output is piped, above");
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        output.read_to_end(&mut text).map(|_| text)
    });
    let (mut peak_bytes, mut sampled) = (0, None::<Instant>);
    let status = loop {
        if sampled.is_none_or(|last| last.elapsed() >= MEMORY_POLL) {
            peak_bytes = peak_bytes.max(tree_peak_bytes(child.id()));
            sampled = Some(Instant::now());
        }
        if let Some(status) = child.try_wait().map_err(at(log))? {
            break status;
        }
        if started.elapsed().as_secs() >= seconds_max {
            end(&mut child);
            return Err(BenchError::Late { program, seconds: seconds_max, log: log.to_owned() });
        }
        std::thread::sleep(END_POLL);
    };
    let seconds = started.elapsed().as_secs_f64();
    let stdout = reader.join().expect("the reader reports errors, it does not panic").map_err(at(log))?;
    if !status.success() {
        // What a failed command printed says why it failed.
        log_file(log)?.write_all(&stdout).map_err(at(log))?;
        return Err(BenchError::Ended { program, status, log: log.to_owned() });
    }
    Ok(Finished { stdout: String::from_utf8_lossy(&stdout).into_owned(), seconds, peak_bytes })
}

/// A server process; ended when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    program: String,
    log: PathBuf,
}

impl Server {
    /// Starts `command`; both of its outputs go to `log`.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, BenchError> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(log_file(log)?).stderr(log_file(log)?);
        let child = command.spawn().map_err(|source| BenchError::Start { program: program.clone(), source })?;
        Ok(Self { child, program, log: log.to_owned() })
    }

    /// Waits until the server takes connections on `port`.
    pub fn wait_for_port(&mut self, port: u16) -> Result<(), BenchError> {
        let started = Instant::now();
        while started.elapsed().as_secs() < LISTEN_SECONDS {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().map_err(at(&self.log))? {
                return Err(BenchError::Ended { program: self.program.clone(), status, log: self.log.clone() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(BenchError::NotListening {
            program: self.program.clone(),
            port,
            seconds: LISTEN_SECONDS,
            log: self.log.clone(),
        })
    }

    /// Peak resident memory so far, children included.
    pub fn peak_bytes(&self) -> u64 {
        tree_peak_bytes(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // Both fail only for a process that has ended already.
    drop(child.kill());
    drop(child.wait());
}

/// Opens a log to append to, so that both outputs and later runs can share it.
fn log_file(path: &Path) -> Result<fs::File, BenchError> {
    fs::File::options().create(true).append(true).open(path).map_err(at(path))
}

/// A port nobody listens on now.
pub fn free_port() -> Result<u16, BenchError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|source| BenchError::Port { source })?;
    Ok(listener.local_addr().map_err(|source| BenchError::Port { source })?.port())
}

/// Sum of the peak resident memory of `root` and its living descendants; 0 for what has ended.
fn tree_peak_bytes(root: u32) -> u64 {
    let parents = parents_of_all();
    let in_tree = |mut pid: u32| {
        // The depth of a process tree is small; the bound guards against a parent that changed while /proc was read.
        for _ in 0..64 {
            if pid == root {
                return true;
            }
            match parents.get(&pid) {
                Some(parent) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    parents.keys().filter(|pid| in_tree(**pid)).map(|pid| peak_bytes_of(*pid)).sum()
}

/// Parent of every process, from `/proc/PID/stat`.
fn parents_of_all() -> HashMap<u32, u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold anything: fields are counted from the last one.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

/// `VmHWM` of one process: the most memory it ever had resident.
fn peak_bytes_of(pid: u32) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return 0 };
    parse_peak_bytes(&status).unwrap_or(0)
}

fn parse_peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> PathBuf {
        std::env::temp_dir().join(format!("quarrel-bench-process-{}.log", std::process::id()))
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn peak_is_read_from_the_line_of_the_high_water_mark() {
        let status = "Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t   12 kB\nVmRSS:\t 3 kB\n";
        assert_eq!(parse_peak_bytes(status), Some(12_288));
        assert_eq!(parse_peak_bytes("Name:\tkernel thread\n"), None);
    }

    #[test]
    fn memory_of_a_child_process_counts() {
        // The grandchild holds a string of 64 MB and says so; it ends when its standard input does.
        let script = "sh -c 'x=$(head -c 64000000 /dev/zero | tr \"\\0\" a); echo ${#x}; read line'; true";
        let mut command = shell(script);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh is there");
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("it answers");
        let peak = tree_peak_bytes(child.id());
        drop(child.stdin.take());
        child.wait().expect("it ends with its input");
        assert_eq!(line, "64000000\n");
        assert!(peak > 64_000_000, "{peak}");
    }

    #[test]
    fn failing_process_is_an_error_with_its_status() {
        let error = run_measured(shell("exit 3"), 60, &log()).expect_err("it fails");
        assert!(matches!(error, BenchError::Ended { status, .. } if status.code() == Some(3)));
    }

    #[test]
    fn process_past_its_deadline_is_ended() {
        let error = run_measured(shell("exec sleep 600"), 0, &log()).expect_err("it is late");
        assert!(matches!(error, BenchError::Late { seconds: 0, .. }));
    }
}
