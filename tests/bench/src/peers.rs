//! The peers' side: their Python processes, and the check that everybody found the same rows.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::data::DataSet;
use crate::error::BenchError;
use crate::process::run_measured;
use crate::sample::Sample;

/// PySpark needs about 45 s a run on the data, six runs a process.
const PEER_SECONDS_MAX: u64 = 3_600;

/// A peer that reduces change files to Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    DuckDb,
    PySpark,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::PySpark => "PySpark",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb_reduce.py",
            Self::PySpark => "pyspark_reduce.py",
        }
    }

    /// The ways of writing the reduction that the peer's script offers, the usually quickest first.
    pub fn forms(self) -> &'static [&'static str] {
        match self {
            Self::DuckDb => &["join", "semi", "qualify", "arg_max"],
            Self::PySpark => &["window", "join", "max_by"],
        }
    }
}

/// One peer process, ended.
#[derive(Debug, Clone)]
pub struct Reduction {
    pub answer: Answer,
    pub peak_bytes: u64,
}

/// The line a peer prints.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    pub version: String,
    pub form: String,
    /// Of each timed run: reading, reducing and writing; interpreter and session start are not in it.
    pub seconds: Vec<f64>,
    pub start_seconds: f64,
    pub rows: u64,
}

impl Reduction {
    pub fn sample(&self) -> Result<Sample, BenchError> {
        Sample::new(self.answer.seconds.clone()).ok_or_else(|| BenchError::NoResult {
            program: self.answer.form.clone(),
            reason: "no timed run".to_owned(),
        })
    }
}

/// Rows of a result, and sums over them that do not depend on their order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Digest {
    pub rows: u64,
    /// Rows that are not deletes, and the checksum of all their columns but `Op`.
    pub live_rows: u64,
    pub live_checksum: String,
    /// Checksum of the keys of deletes; none for a table, which holds none.
    pub deleted_checksum: Option<String>,
}

/// Where the peers' Python and scripts are, and the folders they may use.
#[derive(Debug, Clone)]
pub struct Peers {
    pub python: PathBuf,
    pub scripts: PathBuf,
    pub scratch: PathBuf,
}

impl Peers {
    /// Where a peer's reduced Parquet lies.
    pub fn output(&self, peer: Peer, data: &DataSet) -> PathBuf {
        let name = format!("{}-{}-{}", peer.name().to_lowercase(), data.spec.changes, data.spec.keys);
        self.scratch.join("reduced").join(name)
    }

    /// Runs one peer process: `warm_up` untimed and `runs` timed reductions in one form.
    pub fn reduce(
        &self,
        peer: Peer,
        data: &DataSet,
        form: &str,
        warm_up: u32,
        runs: u32,
    ) -> Result<Reduction, BenchError> {
        let mut command = self.python(peer.script());
        command.arg("--changes").arg(data.changes()).arg("--out").arg(self.output(peer, data));
        command.args(["--form", form, "--warm-up", &warm_up.to_string(), "--runs", &runs.to_string()]);
        let log = self.scratch.join(format!("{}.log", peer.name().to_lowercase()));
        let finished = run_measured(command, PEER_SECONDS_MAX, &log)?;
        let answer: Answer = answer(peer.script(), &finished.stdout)?;
        same(&format!("rows of {}, form {form}", peer.name()), &data.keys_changed, &answer.rows)?;
        Ok(Reduction { answer, peak_bytes: finished.peak_bytes })
    }

    /// Digest of a folder of reduced Parquet files.
    pub fn digest_of_parquet(&self, folder: &Path) -> Result<Digest, BenchError> {
        self.digest("--parquet", folder)
    }

    /// Digest of the target's rows, exported as CSV without a header.
    pub fn digest_of_csv(&self, file: &Path) -> Result<Digest, BenchError> {
        self.digest("--csv", file)
    }

    /// Writes all reduced rows as CSV, from which the yardstick of COPY is rendered.
    pub fn export_csv(&self, folder: &Path, file: &Path) -> Result<(), BenchError> {
        let mut command = self.python("digest.py");
        command.arg("--parquet").arg(folder).arg("--export").arg(file);
        run_measured(command, PEER_SECONDS_MAX, &self.scratch.join("digest.log")).map(drop)
    }

    fn digest(&self, kind: &str, path: &Path) -> Result<Digest, BenchError> {
        let mut command = self.python("digest.py");
        command.arg(kind).arg(path);
        let finished = run_measured(command, PEER_SECONDS_MAX, &self.scratch.join("digest.log"))?;
        answer("digest.py", &finished.stdout)
    }

    fn python(&self, script: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.scripts.join(script)).current_dir(&self.scratch);
        // Temporary files of the peers (shuffles, spills) lie beside ours, on the same disk.
        command.env("TMPDIR", &self.scratch).env("SPARK_LOCAL_DIRS", &self.scratch).env("TZ", "UTC");
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// The last line of a script's output, as JSON.
fn answer<T: for<'a> Deserialize<'a>>(script: &str, stdout: &str) -> Result<T, BenchError> {
    let line = stdout
        .lines()
        .last()
        .ok_or_else(|| BenchError::NoResult { program: script.to_owned(), reason: "empty output".to_owned() })?;
    serde_json::from_str(line).map_err(|source| BenchError::Json { what: format!("the answer of {script}"), source })
}

/// The rows of a right reduction are known from the history itself.
pub fn check_counts(who: &str, data: &DataSet, digest: &Digest) -> Result<(), BenchError> {
    let expected = (data.keys_changed, data.keys_changed - data.keys_deleted);
    let found = (digest.rows, digest.live_rows);
    same(&format!("rows and live rows of {who}"), &expected, &found)
}

/// An error unless both are equal.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<(), BenchError> {
    if expected == found {
        return Ok(());
    }
    Err(BenchError::Differs { what: what.to_owned(), expected: format!("{expected:?}"), found: format!("{found:?}") })
}
