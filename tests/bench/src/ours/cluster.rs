//! Owns a cluster of processes: one scheduler and executors of one core each, on free ports of loopback.
//!
//! All flags of `quarrel scheduler` and `quarrel executor` that the benchmark uses are in [`scheduler_command`] and
//! [`executor_command`].

use std::path::Path;
use std::process::Command;

use super::config::MEMORY;
use crate::error::{BenchError, at};
use crate::process::{Server, free_port};

/// The cluster: two executors of one core.
pub const EXECUTORS: u32 = 2;

/// A running cluster; ends when dropped, executors first.
#[derive(Debug)]
pub struct Cluster {
    executors: Vec<Server>,
    scheduler: Server,
    pub scheduler_port: u16,
}

struct ExecutorPorts {
    flight: u16,
    grpc: u16,
}

fn scheduler_command(binary: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    command.arg("scheduler").args(["--bind-host", "127.0.0.1"]).args(["--port", &port.to_string()]);
    command
}

fn executor_command(binary: &Path, scheduler_port: u16, ports: &ExecutorPorts, work: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .arg("executor")
        .args(["--bind-host", "127.0.0.1"])
        .args(["--scheduler", &format!("127.0.0.1:{scheduler_port}")])
        .args(["--port", &ports.flight.to_string()])
        .args(["--grpc-port", &ports.grpc.to_string()])
        .args(["--vcores", "1"])
        .args(["--memory", MEMORY])
        .arg("--work-dir")
        .arg(work);
    command
}

impl Cluster {
    /// Starts the processes and waits until all of them listen. Their logs and work folders go below `folder`.
    pub fn start(binary: &Path, folder: &Path, environment: &[(&str, String)]) -> Result<Self, BenchError> {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        let scheduler_port = free_port()?;
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut command = scheduler_command(binary, scheduler_port);
        command.envs(environment.iter().copied());
        let mut scheduler = Server::start(command, &folder.join("scheduler.log"))?;
        scheduler.wait_for_port(scheduler_port)?;
        let mut executors = Vec::new();
        for number in 0..EXECUTORS {
            let work = folder.join(format!("executor-{number}"));
            std::fs::create_dir_all(&work).map_err(at(&work))?;
            let ports = ExecutorPorts { flight: free_port()?, grpc: free_port()? };
            let mut command = executor_command(binary, scheduler_port, &ports, &work);
            command.envs(environment.iter().copied());
            let mut executor = Server::start(command, &folder.join(format!("executor-{number}.log")))?;
            executor.wait_for_port(ports.flight)?;
            executors.push(executor);
        }
        Ok(Self { executors, scheduler, scheduler_port })
    }

    /// Peak memory of each process so far; executors are named by number.
    pub fn peaks(&self) -> Vec<(String, u64)> {
        let executors = self.executors.iter().enumerate();
        let mut peaks: Vec<_> =
            executors.map(|(number, server)| (format!("executor {number}"), server.peak_bytes())).collect();
        peaks.push(("scheduler".to_owned(), self.scheduler.peak_bytes()));
        peaks
    }

    /// The greatest peak of an executor.
    pub fn executor_peak_bytes(&self) -> u64 {
        self.executors.iter().map(Server::peak_bytes).max().unwrap_or(0)
    }
}
