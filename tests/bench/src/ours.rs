//! Quarrel under measurement: the real binary, as processes.
//!
//! Everything the benchmark knows of Quarrel's outside — flags, configuration, the summary's shape — is in the modules below, each in
//! one place: [`cluster`] starts the scheduler and the executors, [`config`] writes `quarrel.yaml`, [`summary`] reads what a run says.

pub mod cluster;
pub mod config;
pub mod summary;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{BenchError, at};
use crate::process::{Finished, run_measured};
use cluster::Cluster;
use config::{Engine, Lake, TARGET_VARIABLE};
use summary::Summary;

/// A whole run of any size asked for so far takes minutes at most; a run past this is stuck.
const RUN_SECONDS_MAX: u64 = 1_800;

/// One finished `quarrel run cdc`.
#[derive(Debug, Clone)]
pub struct CdcRun {
    pub summary: Summary,
    /// From the start of the process to its end.
    pub seconds: f64,
    /// Peak memory of the command itself: all of Quarrel when it runs in one process, the client of a cluster otherwise.
    pub peak_bytes: u64,
}

/// A folder with a configuration and the state of its runs.
#[derive(Debug)]
pub struct Project {
    binary: PathBuf,
    folder: PathBuf,
    lake: Lake,
    target_url: String,
}

impl Project {
    /// Makes `folder` anew: no state, no reduced files of an earlier project.
    pub fn create(
        binary: &Path,
        folder: PathBuf,
        engine: &Engine,
        lake: Lake,
        target_url: &str,
    ) -> Result<Self, BenchError> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(at(&folder))?;
        }
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        lake.make_work()?;
        let file = folder.join("quarrel.yaml");
        std::fs::write(&file, config::render(engine, &lake)).map_err(at(&file))?;
        Ok(Self { binary: binary.to_owned(), folder, lake, target_url: target_url.to_owned() })
    }

    /// Runs one cycle and reads its summary.
    pub fn run_cdc(&self) -> Result<CdcRun, BenchError> {
        let mut command = Command::new(&self.binary);
        command
            .args(["run", "cdc", "--output", "json", "--config"])
            .arg(self.folder.join("quarrel.yaml"))
            .current_dir(&self.folder)
            .env(TARGET_VARIABLE, &self.target_url)
            .env("NO_COLOR", "1")
            .envs(self.lake.environment());
        let Finished { stdout, seconds, peak_bytes } =
            run_measured(command, RUN_SECONDS_MAX, &self.folder.join("run.log"))?;
        Ok(CdcRun { summary: summary::parse(&stdout)?, seconds, peak_bytes })
    }
}

/// Peak memory of all processes of a run, named.
pub fn memory_of(run: &CdcRun, cluster: Option<&Cluster>) -> Vec<(String, u64)> {
    match cluster {
        None => vec![("process".to_owned(), run.peak_bytes)],
        Some(cluster) => {
            let mut memory = cluster.peaks();
            memory.push(("client".to_owned(), run.peak_bytes));
            memory
        }
    }
}
