//! The part on full loads: one Postgres into another on the same server, straight, beside psql, pgloader and sling.
//!
//! Everybody copies the same table into a database that lacks it, from the start of the command to its end: the table made, rows
//! copied, the primary key built. Rows are compared after every kind of run.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Bench, progress};
use crate::error::{BenchError, at};
use crate::peers::same;
use crate::postgres::Database;
use crate::process::{Finished, run_measured};
use crate::report::Line;
use crate::sample::{Bound, Sample, Unit};

/// The size.
const ROWS: u64 = 5_000_000;
/// For everybody who has a setting for it.
const STREAMS: u32 = 4;
/// The bounds, as rows a second.
const TO_PGLOADER: Bound = Bound::RatioAtLeast(3.0);
const TO_SLING: Bound = Bound::RatioAtLeast(2.0);
const TO_PSQL: Bound = Bound::RatioAtLeast(0.7);
const MEGABYTES: Bound = Bound::FigureAtMost(500.0);
/// A copy past this is stuck.
const SECONDS_MAX: u64 = 1_800;

const SOURCE_VARIABLE: &str = "QUARREL_BENCH_SOURCE";
const TARGET_VARIABLE: &str = "QUARREL_BENCH_TARGET";

/// Somebody's runs.
struct Measured {
    seconds: Vec<f64>,
    peak_bytes: u64,
}

/// The two databases, and where files go.
struct Pair {
    source: Database,
    target: Database,
    digest: String,
}

impl Bench {
    pub(super) fn measure_full_load(&mut self) -> Result<(), BenchError> {
        let pair = self.make_pair()?;
        let binary = self.binary.clone();
        let scratch = self.scratch.clone();
        let ours = self.time_copies("full load, ours", &pair, || quarrel(&binary, &scratch, &pair))?;
        let scripts = self.peers.scripts.clone();
        let sling = self.peers.python.parent().map(|bin| bin.join("sling-binary")).unwrap_or_default();
        let peers: [(&str, Bound, Vec<String>); 3] = [
            ("psql \\copy | psql \\copy", TO_PSQL, vec!["psql_pipe.sh".into(), STREAMS.to_string()]),
            ("pgloader", TO_PGLOADER, vec!["pgloader.sh".into(), scratch.display().to_string()]),
            ("sling", TO_SLING, vec!["sling.sh".into(), sling.display().to_string()]),
        ];
        let none = || BenchError::NoResult { program: "quarrel".to_owned(), reason: "no timed run".to_owned() };
        let rate = |measured: &Measured| Sample::new(measured.seconds.iter().map(|s| ROWS as f64 / s).collect());
        let our_rate = rate(&ours).ok_or_else(none)?;
        for (name, bound, words) in peers {
            let script = scripts.join(&words[0]);
            let further = words[1..].to_vec();
            let measured = self.time_copies(name, &pair, || peer(&script, &further, &pair));
            let Some(measured) = self.keep(name, measured) else { continue };
            let line = Line::new(
                format!("full load, Postgres → Postgres, {ROWS} rows"),
                Unit::RowsPerSecond,
                our_rate.clone(),
            )
            .beside(name, rate(&measured).ok_or_else(none)?, Some(measured.peak_bytes))
            .bounded(bound)
            .with_memory(&[("process".to_owned(), ours.peak_bytes)]);
            self.report.lines.push(line);
        }
        let peak = Sample::new(vec![ours.peak_bytes as f64 / 1e6]).ok_or_else(none)?;
        self.report.lines.push(Line::new("full load, peak memory", Unit::Megabytes, peak).bounded(MEGABYTES));
        Ok(())
    }

    /// Two databases on the server of the target; the source's table is filled.
    fn make_pair(&mut self) -> Result<Pair, BenchError> {
        progress(&format!("full load: filling a table of {ROWS} rows"));
        let beside = |name: &str| {
            let (server, _) = self.database.url.rsplit_once('/').unwrap_or((self.database.url.as_str(), ""));
            Database { url: format!("{server}/{name}"), scratch: self.scratch.clone() }
        };
        let (source, target) = (beside("bench_source"), beside("bench_target"));
        for name in ["bench_source", "bench_target"] {
            self.database.create_database(name)?;
        }
        source.create_source(ROWS)?;
        let digest = source.digest_rows()?;
        Ok(Pair { source, target, digest })
    }

    /// One run that warms up, then the timed ones; rows are compared after the first.
    fn time_copies(
        &self,
        name: &str,
        pair: &Pair,
        mut copy: impl FnMut() -> Result<Finished, BenchError>,
    ) -> Result<Measured, BenchError> {
        let mut measured = Measured { seconds: Vec::new(), peak_bytes: 0 };
        for run in 0..=self.runs {
            let finished = copy()?;
            progress(&format!("{name}, run {run}: {:.2} s", finished.seconds));
            if run == 0 {
                same(&format!("rows copied by {name}"), &pair.digest, &pair.target.digest_rows()?)?;
                continue;
            }
            measured.seconds.push(finished.seconds);
            measured.peak_bytes = measured.peak_bytes.max(finished.peak_bytes);
        }
        Ok(measured)
    }
}

/// Our run, into a database without table or ledger.
fn quarrel(binary: &Path, scratch: &Path, pair: &Pair) -> Result<Finished, BenchError> {
    pair.target.drop_schemas()?;
    let folder: PathBuf = scratch.join("project-full-load");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(at(&folder))?;
    }
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    let file = folder.join("quarrel.yaml");
    let text = format!(
        "version: 1\n\
         cluster: in_process\n\
         lake: {{changes: ./changes/, work: ./work/}}\n\
         connections:\n  \
           source: {{type: postgres, url: \"env:{SOURCE_VARIABLE}\", max_connections: 8}}\n  \
           target: {{type: postgres, url: \"env:{TARGET_VARIABLE}\", max_connections: 8}}\n\
         tables:\n  \
           - name: transactions\n    \
             source: {{connection: source, table: bench.transactions}}\n    \
             key: [id]\n    \
             full_load: {{streams: {STREAMS}}}\n    \
             targets: [{{connection: target, table: bench.transactions}}]\n"
    );
    std::fs::write(&file, text).map_err(at(&file))?;
    let mut command = Command::new(binary);
    command
        .args(["run", "full-load", "--output", "json", "--config"])
        .arg(&file)
        .current_dir(&folder)
        .env(SOURCE_VARIABLE, &pair.source.url)
        .env(TARGET_VARIABLE, &pair.target.url)
        .env("NO_COLOR", "1");
    run_measured(command, SECONDS_MAX, &folder.join("run.log"))
}

fn peer(script: &Path, further: &[String], pair: &Pair) -> Result<Finished, BenchError> {
    pair.target.drop_schemas()?;
    let mut command = Command::new(script);
    command.arg(&pair.source.url).arg(&pair.target.url).args(further);
    run_measured(command, SECONDS_MAX, &pair.target.scratch.join("peer.log"))
}
