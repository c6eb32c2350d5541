//! The measurements, part by part, and what they share: servers, data, results already measured in this run.
//!
//! A part that fails leaves a sentence in the report and the other parts go on. Figures that two parts need are measured once.

mod full_load;
mod parts;
pub mod place;
mod small;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::data::{DataSet, DataSpec, open_or_generate};
use crate::error::{BenchError, at, chain};
use crate::ours::summary::Summary;
use crate::ours::{CdcRun, Project, memory_of};
use crate::peers::{Digest, Peer, Peers, Reduction, check_counts, same};
use crate::postgres::Database;
use crate::report::Report;
use crate::sample::Sample;
use place::{Place, Stage};

/// What can be measured on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The reduction, in one process, embedded and on a cluster, beside DuckDB and PySpark; and the whole runs.
    Reduce,
    /// Staging into Postgres beside psql.
    Load,
    /// The cluster on an S3 server beside the cluster on local files.
    S3,
    /// Many changes of few keys: reduction alone.
    Hot,
    /// 19 files and 1.22 MB, from start to commit.
    Small,
    /// A whole table from one Postgres into another, beside psql, pgloader and sling.
    FullLoad,
    /// Peak memory from 1 M to 20 M changes.
    Memory,
}

/// Everything a part needs.
#[derive(Debug)]
pub struct Bench {
    pub binary: PathBuf,
    /// Data sets are kept here from run to run.
    pub cache: PathBuf,
    /// Everything else lies here and may be deleted after a run.
    pub scratch: PathBuf,
    pub spec: DataSpec,
    pub runs: u32,
    /// Numbers of changes whose peak memory is compared.
    pub memory_changes: Vec<u64>,
    pub spark_forms: SparkForms,
    pub database: Database,
    pub peers: Peers,
    pub report: Report,
    ours: Vec<(Place, DataSpec, Ours)>,
    references: Vec<(DataSpec, Reference)>,
}

/// How much is done to find PySpark's quickest way of writing the reduction; DuckDB's ways are all tried in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SparkForms {
    /// The usually quickest one.
    First,
    /// Every one, twice each, before the timed runs.
    All,
}

/// What DuckDB made of a data set: a peer's figure, and the rows everybody must find.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    /// DuckDB's quickest form.
    form: String,
    figure: Sample,
    peak_bytes: u64,
    digest: Digest,
    folder: PathBuf,
}

/// Our figures for one place and data set.
#[derive(Debug, Clone)]
pub(crate) struct Ours {
    reduce: Sample,
    /// The command from start to end.
    whole: Sample,
    stage_rows_per_second: Option<Sample>,
    memory: Vec<(String, u64)>,
    executor_peak_bytes: Option<u64>,
    last: Summary,
}

impl Bench {
    pub fn new(settings: BenchSettings, report: Report) -> Self {
        let BenchSettings { binary, cache, scratch, spec, runs, memory_changes, spark_forms, database, peers } =
            settings;
        Self {
            binary,
            cache,
            scratch,
            spec,
            runs,
            memory_changes,
            spark_forms,
            database,
            peers,
            report,
            ours: Vec::new(),
            references: Vec::new(),
        }
    }

    /// Measures one part; what fails is in the report's failures.
    pub fn measure(&mut self, part: Part) {
        let result = match part {
            Part::Reduce => self.measure_reduce(),
            Part::Load => self.measure_load(),
            Part::S3 => self.measure_s3(),
            Part::Hot => self.measure_hot(),
            Part::Small => self.measure_small(),
            Part::FullLoad => self.measure_full_load(),
            Part::Memory => self.measure_memory(),
        };
        self.keep(&format!("{part:?}"), result);
    }

    /// The value, or `None` and a sentence about the failure in the report.
    pub(crate) fn keep<T>(&mut self, what: &str, result: Result<T, BenchError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let sentence = format!("{what}: {}", chain(&error));
                progress(&format!("FAILED {sentence}"));
                self.report.failures.push(sentence);
                None
            }
        }
    }

    pub(crate) fn data(&self, spec: DataSpec) -> Result<DataSet, BenchError> {
        progress(&format!("data: {} changes of {} keys in {} files", spec.changes, spec.keys, spec.files));
        open_or_generate(spec, &self.cache)
    }

    /// DuckDB's figures for a data set, in its best form: each form once to find it, then `runs` processes of it.
    pub(crate) fn reference(&mut self, data: &DataSet) -> Result<Reference, BenchError> {
        if let Some((_, found)) = self.references.iter().find(|(spec, _)| *spec == data.spec) {
            return Ok(found.clone());
        }
        let peer = Peer::DuckDb;
        let mut tried: Vec<Reduction> = Vec::new();
        for form in peer.forms() {
            // The second of two: the very first would pay for reading the files from the disk.
            let result = self.peers.reduce(peer, data, form, 1, 1);
            if let Some(reduction) = self.keep(&format!("DuckDB, form {form}"), result) {
                progress(&format!("DuckDB, form {form}: {:.2} s", reduction.answer.seconds[0]));
                tried.push(reduction);
            }
        }
        tried.sort_by(|left, right| left.answer.seconds[0].total_cmp(&right.answer.seconds[0]));
        let Some(best) = tried.first() else {
            return Err(BenchError::NoResult { program: "DuckDB".to_owned(), reason: "no form ended well".to_owned() });
        };
        let form = best.answer.form.clone();
        self.report.machine.add_version("DuckDB", best.answer.version.clone());
        let figures: Vec<String> =
            tried.iter().map(|one| format!("{} {:.2} s", one.answer.form, one.answer.seconds[0])).collect();
        self.report.notes.push(format!("DuckDB's forms on {} changes: {}", data.spec.changes, figures.join(", ")));
        let (figure, peak_bytes) = self.duckdb_processes(data, &form)?;
        let folder = self.peers.output(peer, data);
        let digest = self.peers.digest_of_parquet(&folder)?;
        check_counts("DuckDB", data, &digest)?;
        let reference = Reference { form: form.clone(), figure, peak_bytes, digest, folder };
        self.report.checks.push(format!(
            "DuckDB ({form}) found the {} rows, {} of them live, that the history of {} changes has",
            data.keys_changed,
            data.keys_changed - data.keys_deleted,
            data.spec.changes
        ));
        self.references.push((data.spec, reference.clone()));
        Ok(reference)
    }

    /// `runs` processes of DuckDB in one form: seconds of each, and the greatest peak. A process a run, as ours is.
    pub(crate) fn duckdb_processes(&self, data: &DataSet, form: &str) -> Result<(Sample, u64), BenchError> {
        let (mut seconds, mut peak_bytes) = (Vec::new(), 0);
        for _ in 0..self.runs {
            let reduction = self.peers.reduce(Peer::DuckDb, data, form, 0, 1)?;
            seconds.extend(reduction.answer.seconds);
            peak_bytes = peak_bytes.max(reduction.peak_bytes);
        }
        let none = || BenchError::NoResult { program: "DuckDB".to_owned(), reason: "no timed run".to_owned() };
        Ok((Sample::new(seconds).ok_or_else(none)?, peak_bytes))
    }

    /// Our figures for a place and a data set: one run to warm up, whose rows are compared with DuckDB's, then `runs` timed ones.
    pub(crate) fn ours(&mut self, place: Place, data: &DataSet) -> Result<Ours, BenchError> {
        if let Some((_, _, found)) = self.ours.iter().find(|(at, spec, _)| *at == place && *spec == data.spec) {
            return Ok(found.clone());
        }
        let reference = self.reference(data)?;
        let stage = Stage::open(place, data, &self.binary, &self.scratch)?;
        self.run_whole(&stage, data)?;
        self.check_target(place, data, &reference)?;
        let measured = self.run_sampled(&stage, data, self.runs)?;
        self.note_steps(place, data, &measured);
        self.ours.push((place, data.spec, measured.clone()));
        Ok(measured)
    }

    /// `runs` whole runs, each from nothing: no state, an empty target, no ledger.
    pub(crate) fn run_sampled(&mut self, stage: &Stage, data: &DataSet, runs: u32) -> Result<Ours, BenchError> {
        let (mut reduce, mut whole, mut staged, mut client_peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let mut last = None;
        for number in 1..=runs {
            let run = self.run_whole(stage, data)?;
            progress(&format!(
                "{} run {number}: {:.2} s, reduce {:.2} s",
                stage.place.name(),
                run.seconds,
                run.summary.seconds.reduce
            ));
            reduce.push(run.summary.seconds.reduce);
            whole.push(run.seconds);
            staged.extend(run.summary.stage_rows_per_second());
            client_peak = client_peak.max(run.peak_bytes);
            last = Some(run);
        }
        let none = || BenchError::NoResult { program: "quarrel".to_owned(), reason: "no timed run".to_owned() };
        let last = CdcRun { peak_bytes: client_peak, ..last.ok_or_else(none)? };
        Ok(Ours {
            reduce: Sample::new(reduce).ok_or_else(none)?,
            whole: Sample::new(whole).ok_or_else(none)?,
            stage_rows_per_second: Sample::new(staged),
            memory: memory_of(&last, stage.cluster.as_ref()),
            executor_peak_bytes: stage.cluster.as_ref().map(|cluster| cluster.executor_peak_bytes()),
            last: last.summary,
        })
    }

    fn run_whole(&self, stage: &Stage, data: &DataSet) -> Result<CdcRun, BenchError> {
        self.database.create_target()?;
        let folder = self.scratch.join(format!("project-{}", stage.place.slug()));
        let project = Project::create(&self.binary, folder, &stage.engine(), stage.lake.clone(), &self.database.url)?;
        let run = project.run_cdc()?;
        same("changes in the summary", &data.spec.changes, &run.summary.changes)?;
        same("rows kept, in the summary", &data.keys_changed, &run.summary.kept)?;
        Ok(run)
    }

    /// Compares the target's rows with DuckDB's live ones, value by value.
    fn check_target(&mut self, place: Place, data: &DataSet, reference: &Reference) -> Result<(), BenchError> {
        let csv = self.scratch.join("target.csv");
        self.database.export_target(&csv)?;
        let digest = self.peers.digest_of_csv(&csv)?;
        std::fs::remove_file(&csv).map_err(at(&csv))?;
        let expected = (reference.digest.live_rows, &reference.digest.live_checksum);
        same(&format!("rows in Postgres, {}", place.name()), &expected, &(digest.live_rows, &digest.live_checksum))?;
        self.report.checks.push(format!(
            "{}: all {} rows in Postgres after {} changes equal DuckDB's",
            place.name(),
            digest.live_rows,
            data.spec.changes
        ));
        Ok(())
    }

    fn note_steps(&mut self, place: Place, data: &DataSet, ours: &Ours) {
        let steps = ours.last.seconds;
        let total = steps.collect + steps.reduce + steps.load + steps.clean;
        let share =
            |seconds: f64| format!("{seconds:.2} s ({:.0} %)", if total > 0.0 { seconds / total * 100.0 } else { 0.0 });
        self.report.notes.push(format!(
            "{}, last run of {} changes by step: collect {}, reduce {}, load {}, clean {}",
            place.name(),
            data.spec.changes,
            share(steps.collect),
            share(steps.reduce),
            share(steps.load),
            share(steps.clean)
        ));
    }
}

/// What a [`Bench`] is made of.
#[derive(Debug)]
pub struct BenchSettings {
    pub binary: PathBuf,
    pub cache: PathBuf,
    pub scratch: PathBuf,
    pub spec: DataSpec,
    pub runs: u32,
    pub memory_changes: Vec<u64>,
    pub spark_forms: SparkForms,
    pub database: Database,
    pub peers: Peers,
}

/// Tells the person who waits what is being done.
pub fn progress(sentence: &str) {
    eprintln!("bench: {sentence}");
}
