//! Records a run: its steps in the state store, its figures in the summary.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use quarrel_model::batch::{Batch, BatchId, FileRole};
use quarrel_model::config::Table;
use quarrel_model::ledger::Fence;
use quarrel_model::names::TableName;
use quarrel_model::position::Watermark;
use quarrel_model::replace::LoadId;
use quarrel_model::summary::{RunStatus, RunSummary, StepSeconds, TargetSummary};
use quarrel_model::target::LoadReceipt;

use crate::error::{RunError, chain};
use crate::state::records::{RunStart, StepRecord};
use crate::state::{StateError, StateStore, stored_instant};

/// A step that has begun.
#[derive(Debug)]
pub(crate) struct OpenStep {
    name: &'static str,
    batch: Option<BatchId>,
    started_at: DateTime<Utc>,
    started: Instant,
}

/// What a full load did to one target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replaced {
    pub(crate) rows: u64,
    pub(crate) quarantined: u64,
    pub(crate) elapsed: Duration,
    pub(crate) copy_seconds: f64,
    pub(crate) finish_seconds: f64,
}

/// Gathers what a run does.
pub(crate) struct RunRecorder {
    state: StateStore,
    summary: RunSummary,
    started: Instant,
    steps: i64,
    recorded: bool,
    failed: Vec<usize>,
    watermark: Option<Watermark>,
}

impl RunRecorder {
    pub(crate) fn new(state: &StateStore, run_id: &str, job: &str, table: &Table) -> Self {
        let target = |entry: &quarrel_model::config::TargetEntry| TargetSummary {
            connection: entry.connection.clone(),
            table: entry.table.clone(),
            rows: 0,
            upserts: 0,
            deletes: 0,
            quarantined: 0,
            seconds: 0.0,
            stage_seconds: 0.0,
            merge_seconds: 0.0,
            error: None,
        };
        let summary = RunSummary {
            run_id: run_id.to_owned(),
            job: job.to_owned(),
            table: table.name.clone(),
            status: RunStatus::Failed,
            batches: Vec::new(),
            files: 0,
            late_files: 0,
            replayed_files: 0,
            bytes: 0,
            changes: 0,
            kept: 0,
            upserts: 0,
            deletes: 0,
            quarantined: 0,
            cleaned_files: 0,
            targets: table.targets.iter().map(target).collect(),
            seconds: StepSeconds::default(),
            watermark: None,
            migrations: Vec::new(),
            estimate_seconds: None,
            warnings: Vec::new(),
            error: None,
            hint: None,
        };
        RunRecorder {
            state: state.clone(),
            summary,
            started: Instant::now(),
            steps: 0,
            recorded: false,
            failed: Vec::new(),
            watermark: None,
        }
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.summary.run_id
    }

    fn table(&self) -> &TableName {
        &self.summary.table
    }

    /// Records the start; steps are recorded only behind it.
    pub(crate) async fn start(&mut self, at: DateTime<Utc>, fence: &Fence) -> Result<(), StateError> {
        let run = RunStart {
            run_id: self.run_id(),
            job: &self.summary.job,
            table: self.table(),
            logical_at: at,
            started_at: Utc::now(),
            fence,
        };
        self.state.start_run(&run).await?;
        self.recorded = true;
        Ok(())
    }

    pub(crate) fn begin(&self, name: &'static str, batch: Option<&BatchId>) -> OpenStep {
        OpenStep { name, batch: batch.cloned(), started_at: Utc::now(), started: Instant::now() }
    }

    pub(crate) async fn end(&mut self, step: OpenStep, error: Option<&RunError>) -> Result<(), StateError> {
        let seconds = step.started.elapsed().as_secs_f64();
        match step.name {
            "collect" => self.summary.seconds.collect += seconds,
            "reduce" => self.summary.seconds.reduce += seconds,
            "migrate" => self.summary.seconds.migrate += seconds,
            "load" => self.summary.seconds.load += seconds,
            _ => self.summary.seconds.clean += seconds,
        }
        self.steps += 1;
        let record = StepRecord {
            run_id: self.run_id(),
            number: self.steps,
            step: step.name,
            batch: step.batch.as_ref(),
            started_at: step.started_at,
            seconds,
            error: error.map(|error| chain(error)),
        };
        tracing::info!(
            job = self.summary.job, table = %self.table(), step = step.name,
            batch = step.batch.as_ref().map(|batch| batch.0.as_str()), seconds, error = record.error, "step ended"
        );
        self.state.record_step(&record).await
    }

    pub(crate) fn collected(&mut self, batch: &Batch, kept: u64) {
        let summary = &mut self.summary;
        summary.batches.push(batch.id.clone());
        summary.files += batch.files.len() as u64;
        summary.late_files += batch.count(FileRole::Late) as u64;
        summary.replayed_files += batch.count(FileRole::Replayed) as u64;
        summary.bytes += batch.bytes();
        summary.changes += batch.changes();
        summary.kept += kept;
        self.watermark = Some(match self.watermark.take() {
            Some(held) => held.advance(&batch.watermark.file, batch.watermark.sequence.as_ref()),
            None => batch.watermark.clone(),
        });
    }

    pub(crate) fn loaded(&mut self, index: usize, receipt: &LoadReceipt, elapsed: Duration) {
        let target = &mut self.summary.targets[index];
        target.rows += receipt.rows;
        target.upserts += receipt.upserts;
        target.deletes += receipt.deletes;
        target.quarantined += receipt.quarantined;
        target.seconds += elapsed.as_secs_f64();
        target.stage_seconds += receipt.stage_seconds;
        target.merge_seconds += receipt.merge_seconds;
    }

    pub(crate) fn target_failed(&mut self, index: usize, error: &RunError) {
        let text = chain(error);
        tracing::error!(job = self.summary.job, table = %self.table(), target = index, error = text, "target failed");
        let target = &mut self.summary.targets[index];
        target.error.get_or_insert(text);
        if self.summary.hint.is_none() {
            self.summary.hint = error.hint().map(str::to_owned);
        }
        if !self.failed.contains(&index) {
            self.failed.push(index);
        }
    }

    pub(crate) fn failed_targets(&self) -> &[usize] {
        &self.failed
    }

    pub(crate) fn has_batches(&self) -> bool {
        !self.summary.batches.is_empty()
    }

    /// Notes what a full load takes: rows are counted as changes, each an insert.
    pub(crate) fn full_load(
        &mut self,
        load: &LoadId,
        files: u64,
        bytes: u64,
        rows: u64,
        estimate_seconds: Option<f64>,
    ) {
        let summary = &mut self.summary;
        summary.batches.push(load.batch());
        summary.files = files;
        summary.bytes = bytes;
        summary.changes = rows;
        summary.kept = rows;
        summary.estimate_seconds = estimate_seconds;
    }

    /// Notes what a full load did to a target.
    pub(crate) fn replaced(&mut self, index: usize, replaced: &Replaced) {
        let target = &mut self.summary.targets[index];
        target.rows = replaced.rows + replaced.quarantined;
        target.upserts = replaced.rows;
        target.quarantined = replaced.quarantined;
        target.seconds = replaced.elapsed.as_secs_f64();
        target.stage_seconds = replaced.copy_seconds;
        target.merge_seconds = replaced.finish_seconds;
    }

    /// Notes a migration, in a line.
    pub(crate) fn migrated(&mut self, what: String) {
        self.summary.migrations.push(what);
    }

    /// Notes how far every target is by a full load.
    pub(crate) fn reached(&mut self, watermark: Watermark) {
        self.watermark = Some(watermark);
    }

    pub(crate) fn cleaned(&mut self, files: usize) {
        self.summary.cleaned_files += files as u64;
    }

    pub(crate) fn warn(&mut self, warning: String) {
        tracing::warn!(table = %self.table(), "{warning}");
        self.summary.warnings.push(warning);
    }

    /// How a run without failures ended.
    pub(crate) fn success(&self) -> RunStatus {
        if self.has_batches() { RunStatus::Succeeded } else { RunStatus::NothingToDo }
    }

    /// Ends the run: totals over targets are the largest of any, since all get the same rows.
    pub(crate) async fn finish(mut self, status: RunStatus, error: Option<RunError>) -> RunSummary {
        let summary = &mut self.summary;
        summary.status = status;
        summary.upserts = summary.targets.iter().map(|target| target.upserts).max().unwrap_or(0);
        summary.deletes = summary.targets.iter().map(|target| target.deletes).max().unwrap_or(0);
        summary.quarantined = summary.targets.iter().map(|target| target.quarantined).max().unwrap_or(0);
        summary.seconds.total = self.started.elapsed().as_secs_f64();
        if self.failed.is_empty() {
            summary.watermark = self.watermark.and_then(|watermark| watermark.file.instant()).map(stored_instant);
        }
        if let Some(error) = error {
            summary.error = Some(chain(&error));
            summary.hint = error.hint().map(str::to_owned);
        }
        if self.recorded
            && let Err(error) = self.state.finish_run(&self.summary, Utc::now()).await
        {
            self.summary.warnings.push(format!("the run's end could not be recorded: {}", chain(&error)));
        }
        self.summary
    }
}
