//! The parts on large data: reduction, staging, S3, hot keys, memory. Each turns figures into lines with the bounds.

use super::place::{Place, Stage};
use super::{Bench, Ours, Reference, SparkForms, progress};
use crate::data::{DataSet, DataSpec};
use crate::error::{BenchError, at};
use crate::peers::{Peer, Reduction, check_counts, same};
use crate::report::Line;
use crate::sample::{Bound, Sample, Unit};

/// Bounds of the issue, in one place.
const ONE_PROCESS_TO_DUCKDB: Bound = Bound::RatioAtMost(0.8);
const CLUSTER_TO_DUCKDB: Bound = Bound::RatioAtMost(1.0);
const CLUSTER_TO_PYSPARK: Bound = Bound::RatioAtMost(1.0 / 6.0);
const EXECUTOR_MEGABYTES: Bound = Bound::FigureAtMost(700.0);
const S3_TO_FILES: Bound = Bound::RatioAtMost(1.5);
const STAGING_TO_PSQL: Bound = Bound::RatioAtLeast(0.8);
/// The issue says "flat": read as at most half again the peak of the smallest size.
const MEMORY_TO_SMALLEST: Bound = Bound::RatioAtMost(1.5);

impl Bench {
    pub(super) fn measure_reduce(&mut self) -> Result<(), BenchError> {
        let data = self.data(self.spec)?;
        let duckdb = self.reference(&data)?;
        let window = self.duckdb_window(&data, &duckdb);
        let window = self.keep("DuckDB, window", window).flatten();
        let spark = self.pyspark(&data, &duckdb);
        let spark = self.keep("PySpark", spark);
        let places = [
            (Place::InProcess, Some(ONE_PROCESS_TO_DUCKDB)),
            (Place::Embedded, None),
            (Place::Cluster, Some(CLUSTER_TO_DUCKDB)),
        ];
        for (place, bound) in places {
            let measured = self.ours(place, &data);
            let Some(ours) = self.keep(place.name(), measured) else { continue };
            self.add_reduction(place, "", &ours, &duckdb, bound);
            if let Some((figure, peak_bytes)) = &window {
                let line = Line::new(format!("reduce, {}", place.name()), Unit::Seconds, ours.reduce.clone()).beside(
                    "DuckDB's window",
                    figure.clone(),
                    Some(*peak_bytes),
                );
                self.report.lines.push(match bound {
                    Some(bound) => line.bounded(bound),
                    None => line,
                });
            }
            if let (Place::Cluster, Some(spark)) = (place, &spark) {
                let line = Line::new(format!("reduce, {}", place.name()), Unit::Seconds, ours.reduce.clone())
                    .beside("PySpark local[2]", spark.sample()?, Some(spark.peak_bytes))
                    .bounded(CLUSTER_TO_PYSPARK);
                self.report.lines.push(line);
            }
            if let Some(peak) = ours.executor_peak_bytes {
                let line = Line::new("peak memory of an executor", Unit::Megabytes, megabytes(peak));
                self.report.lines.push(line.bounded(EXECUTOR_MEGABYTES));
            }
            self.add_whole(place, "", &ours);
        }
        Ok(())
    }

    /// DuckDB's window function: the form the issue's own figures (6.1–7.2 s) are of, shown as well, where another
    /// is quicker.
    fn duckdb_window(&self, data: &DataSet, duckdb: &Reference) -> Result<Option<(Sample, u64)>, BenchError> {
        const WINDOW: &str = "qualify";
        if duckdb.form == WINDOW {
            return Ok(None);
        }
        self.duckdb_processes(data, WINDOW).map(Some)
    }

    /// PySpark's reduction, its rows compared with DuckDB's.
    fn pyspark(&mut self, data: &DataSet, duckdb: &Reference) -> Result<Reduction, BenchError> {
        let peer = Peer::PySpark;
        let mut form = peer.forms()[0];
        if self.spark_forms == SparkForms::All {
            let mut best = f64::INFINITY;
            for other in peer.forms() {
                let seconds = self.peers.reduce(peer, data, other, 1, 1)?.answer.seconds[0];
                self.report.notes.push(format!("PySpark's form {other}: {seconds:.1} s"));
                if seconds < best {
                    (best, form) = (seconds, other);
                }
            }
        }
        progress(&format!("PySpark, form {form}, {} runs", self.runs));
        let reduction = self.peers.reduce(peer, data, form, 1, self.runs)?;
        self.report.machine.add_version("PySpark", reduction.answer.version.clone());
        self.report.notes.push(format!(
            "PySpark (form {form}) took {:.1} s more to start its session, which is counted nowhere",
            reduction.answer.start_seconds
        ));
        let digest = self.peers.digest_of_parquet(&self.peers.output(peer, data))?;
        check_counts("PySpark", data, &digest)?;
        same("PySpark's rows and DuckDB's", &duckdb.digest, &digest)?;
        self.report.checks.push(format!("PySpark's {} rows equal DuckDB's", digest.rows));
        Ok(reduction)
    }

    pub(super) fn measure_load(&mut self) -> Result<(), BenchError> {
        let data = self.data(self.spec)?;
        let duckdb = self.reference(&data)?;
        let psql = self.yardstick(&duckdb)?;
        for place in [Place::InProcess, Place::Cluster] {
            let measured = self.ours(place, &data);
            let Some(ours) = self.keep(place.name(), measured) else { continue };
            let Some(rate) = ours.stage_rows_per_second else {
                self.report.failures.push(format!("staging, {}: the summary has no stage_seconds", place.name()));
                continue;
            };
            let line = Line::new(format!("staging into Postgres, {}", place.name()), Unit::RowsPerSecond, rate)
                .beside("psql \\copy binary", psql.clone(), None)
                .bounded(STAGING_TO_PSQL);
            self.report.lines.push(line);
        }
        Ok(())
    }

    /// Rows a second of `psql \copy … (format binary)`: one untimed copy, then `runs` timed ones, each into an empty table.
    fn yardstick(&mut self, duckdb: &Reference) -> Result<Sample, BenchError> {
        let (csv, binary) = (self.scratch.join("reduced.csv"), self.scratch.join("reduced.pgcopy"));
        self.peers.export_csv(&duckdb.folder, &csv)?;
        self.database.create_target()?;
        self.database.render_binary(&csv, &binary)?;
        std::fs::remove_file(&csv).map_err(at(&csv))?;
        self.database.time_binary_copy(&binary)?;
        let mut rates = Vec::new();
        for _ in 0..self.runs {
            rates.push(duckdb.digest.rows as f64 / self.database.time_binary_copy(&binary)?);
        }
        std::fs::remove_file(&binary).map_err(at(&binary))?;
        Sample::new(rates)
            .ok_or_else(|| BenchError::NoResult { program: "psql".to_owned(), reason: "no timed run".to_owned() })
    }

    pub(super) fn measure_s3(&mut self) -> Result<(), BenchError> {
        let data = self.data(self.spec)?;
        let files = self.ours(Place::Cluster, &data)?;
        let s3 = self.ours(Place::ClusterOnS3, &data)?;
        let reduce = Line::new("reduce, cluster on S3", Unit::Seconds, s3.reduce.clone())
            .beside("ours on local files", files.reduce, None)
            .bounded(S3_TO_FILES)
            .with_memory(&s3.memory);
        let whole = Line::new("whole run, cluster on S3", Unit::Seconds, s3.whole).beside(
            "ours on local files",
            files.whole,
            None,
        );
        self.report.lines.extend([reduce, whole]);
        Ok(())
    }

    pub(super) fn measure_hot(&mut self) -> Result<(), BenchError> {
        let data = self.data(self.spec.with_hot_keys())?;
        let duckdb = self.reference(&data)?;
        for place in [Place::InProcess, Place::Cluster] {
            let measured = self.ours(place, &data);
            let Some(ours) = self.keep(&format!("hot keys, {}", place.name()), measured) else { continue };
            self.add_reduction(place, ", hot keys", &ours, &duckdb, None);
            self.add_whole(place, ", hot keys", &ours);
        }
        Ok(())
    }

    pub(super) fn measure_memory(&mut self) -> Result<(), BenchError> {
        for place in [Place::InProcess, Place::Cluster] {
            let mut smallest: Option<(u64, Sample)> = None;
            for changes in self.memory_changes.clone() {
                let data = self.data(DataSpec::of_changes(changes))?;
                // A fresh cluster for each size: a process's peak never falls again.
                let stage = Stage::open(place, &data, &self.binary, &self.scratch)?;
                let measured = self.run_sampled(&stage, &data, 1);
                drop(stage);
                let Some(ours) = self.keep(&format!("memory, {}, {changes} changes", place.name()), measured) else {
                    continue;
                };
                let peak =
                    ours.executor_peak_bytes.or_else(|| ours.memory.first().map(|(_, bytes)| *bytes)).unwrap_or(0);
                let measure = format!("peak memory, {}, {} M changes", place.name(), changes as f64 / 1e6);
                let line = Line::new(measure, Unit::Megabytes, megabytes(peak)).with_memory(&ours.memory);
                let line = match &smallest {
                    None => {
                        smallest = Some((changes, megabytes(peak)));
                        line
                    }
                    Some((least, figure)) => line
                        .beside(format!("ours, {} M changes", *least as f64 / 1e6), figure.clone(), None)
                        .bounded(MEMORY_TO_SMALLEST),
                };
                self.report.lines.push(line);
            }
        }
        Ok(())
    }

    fn add_reduction(&mut self, place: Place, suffix: &str, ours: &Ours, duckdb: &Reference, bound: Option<Bound>) {
        let line = Line::new(format!("reduce, {}{suffix}", place.name()), Unit::Seconds, ours.reduce.clone())
            .beside(format!("DuckDB's best ({})", duckdb.form), duckdb.figure.clone(), Some(duckdb.peak_bytes))
            .with_memory(&ours.memory);
        self.report.lines.push(match bound {
            Some(bound) => line.bounded(bound),
            None => line,
        });
    }

    fn add_whole(&mut self, place: Place, suffix: &str, ours: &Ours) {
        let line = Line::new(format!("whole run, {}{suffix}", place.name()), Unit::Seconds, ours.whole.clone());
        self.report.lines.push(line);
        let steps = ours.last.seconds;
        let total = steps.collect + steps.reduce + steps.load + steps.clean;
        if let (true, Some(share)) = (total > 0.0, Sample::new(vec![steps.reduce / total * 100.0])) {
            let measure = format!("share of reduce in the run, {}{suffix}", place.name());
            self.report.lines.push(Line::new(measure, Unit::Percent, share));
        }
    }
}

fn megabytes(bytes: u64) -> Sample {
    Sample::new(vec![bytes as f64 / 1e6]).expect("one figure is not none")
}
