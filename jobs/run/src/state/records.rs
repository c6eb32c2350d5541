//! What runs leave in the state store, and how it is read back.

use chrono::{DateTime, Utc};
use quarrel_model::batch::{Batch, BatchId};
use quarrel_model::ledger::Fence;
use quarrel_model::names::TableName;
use quarrel_model::position::Watermark;
use quarrel_model::summary::RunSummary;
use quarrel_sql::state;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{StateError, StateStore, stored_instant};

/// A run that begins.
#[derive(Debug, Clone)]
pub struct RunStart<'a> {
    pub run_id: &'a str,
    pub job: &'a str,
    pub table: &'a TableName,
    /// The run's logical time (`--at`).
    pub logical_at: DateTime<Utc>,
    pub started_at: DateTime<Utc>,
    pub fence: &'a Fence,
}

/// A step that has ended.
#[derive(Debug, Clone)]
pub struct StepRecord<'a> {
    pub run_id: &'a str,
    pub number: i64,
    pub step: &'a str,
    pub batch: Option<&'a BatchId>,
    pub started_at: DateTime<Utc>,
    pub seconds: f64,
    pub error: Option<String>,
}

/// A run as it is listed. Instants are RFC 3339.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRecord {
    pub run_id: String,
    pub job: String,
    pub table: TableName,
    pub logical_at: String,
    pub started_at: String,
    pub ended_at: Option<String>,
    /// A [`RunStatus`](quarrel_model::summary::RunStatus), `running` or `abandoned`.
    pub status: String,
    pub summary: Option<RunSummary>,
}

/// How far a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatermarkRecord {
    pub table: TableName,
    pub target: String,
    pub applied_file: String,
    pub applied_sequence: Option<String>,
    /// The instant in the last applied file's name, RFC 3339.
    pub applied_instant: Option<String>,
    pub updated_at: String,
}

impl StateStore {
    /// Records a run's start, and marks earlier runs of the table that never ended as abandoned.
    ///
    /// # Errors
    /// The statement that failed.
    pub async fn start_run(&self, run: &RunStart<'_>) -> Result<(), StateError> {
        let failed = |source| StateError::Statement { action: "record a run", source };
        self.statement(&state::RUN_ABANDON, [])?
            .bind(run.table.0.clone())
            .bind(stored_instant(run.started_at))
            .bind(run.job.to_owned())
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        self.statement(&state::RUN_START, [])?
            .bind(run.run_id.to_owned())
            .bind(run.job.to_owned())
            .bind(run.table.0.clone())
            .bind(stored_instant(run.logical_at))
            .bind(stored_instant(run.started_at))
            .bind(run.fence.epoch.0)
            .bind(run.fence.holder.clone())
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        Ok(())
    }

    /// Records a step.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn record_step(&self, step: &StepRecord<'_>) -> Result<(), StateError> {
        self.statement(&state::RUN_STEP, [])?
            .bind(step.run_id.to_owned())
            .bind(step.number)
            .bind(step.step.to_owned())
            .bind(step.batch.map(|batch| batch.0.clone()))
            .bind(stored_instant(step.started_at))
            .bind(step.seconds)
            .bind(step.error.clone())
            .execute(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "record a step", source })?;
        Ok(())
    }

    /// Records how a run ended.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn finish_run(&self, summary: &RunSummary, ended_at: DateTime<Utc>) -> Result<(), StateError> {
        let json = to_json("a run's summary", summary)?;
        self.statement(&state::RUN_FINISH, [])?
            .bind(summary.run_id.clone())
            .bind(stored_instant(ended_at))
            .bind(summary.status.as_str().to_owned())
            .bind(json)
            .execute(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "record a run's end", source })?;
        Ok(())
    }

    /// Stores a frozen batch.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn store_batch(&self, batch: &Batch, run_id: &str, now: DateTime<Utc>) -> Result<(), StateError> {
        let files = to_json("a batch's file list", &batch.files)?;
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.statement(&state::BATCH_COLLECT, [])?
            .bind(batch.table.0.clone())
            .bind(batch.id.0.clone())
            .bind(run_id.to_owned())
            .bind(batch.digest.0.clone())
            .bind(count(batch.files.len() as u64))
            .bind(count(batch.bytes()))
            .bind(count(batch.changes()))
            .bind(files)
            .bind(stored_instant(now))
            .execute(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "store a batch", source })?;
        Ok(())
    }

    /// Remembers the cluster's job for a batch.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn batch_submitted(&self, batch: (&TableName, &BatchId), job: Option<&str>) -> Result<(), StateError> {
        self.statement(&state::BATCH_SUBMITTED, [])?
            .bind(batch.0.0.clone())
            .bind(batch.1.0.clone())
            .bind(job.map(str::to_owned))
            .bind(stored_instant(Utc::now()))
            .execute(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "record a cluster job", source })?;
        Ok(())
    }

    /// Records where a batch's reduced form lies.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn batch_reduced(&self, batch: &Batch, manifest: String) -> Result<(), StateError> {
        self.statement(&state::BATCH_REDUCED, [])?
            .bind(batch.table.0.clone())
            .bind(batch.id.0.clone())
            .bind(manifest)
            .bind(stored_instant(Utc::now()))
            .execute(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "record a reduced batch", source })?;
        Ok(())
    }

    /// Records that every target has a batch.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn batch_applied(&self, batch: &Batch) -> Result<(), StateError> {
        self.statement(&state::BATCH_APPLIED, [])?
            .bind(batch.table.0.clone())
            .bind(batch.id.0.clone())
            .bind(stored_instant(Utc::now()))
            .execute(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "record an applied batch", source })?;
        Ok(())
    }

    /// The manifest of a batch that an earlier run reduced and did not apply everywhere.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn reduced_manifest(&self, batch: &Batch) -> Result<Option<String>, StateError> {
        let row = self
            .statement(&state::BATCH_FIND, [])?
            .bind(batch.table.0.clone())
            .bind(batch.id.0.clone())
            .fetch_optional(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "look up a batch", source })?;
        Ok(row.and_then(|row| text(&row, "output")))
    }

    /// Cluster jobs that crashed runs of a table may have left running, with their batches.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn left_jobs(&self, table: &TableName) -> Result<Vec<(BatchId, String)>, StateError> {
        let rows = self
            .statement(&state::BATCH_LEFT_JOBS, [])?
            .bind(table.0.clone())
            .fetch_all(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "look up cluster jobs", source })?;
        Ok(rows.iter().filter_map(|row| Some((BatchId(text(row, "batch_id")?), text(row, "cluster_job")?))).collect())
    }

    /// Stores how far a target is.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn store_watermark(
        &self,
        table: &TableName,
        target: &str,
        watermark: &Watermark,
    ) -> Result<(), StateError> {
        self.statement(&state::WATERMARK_STORE, [])?
            .bind(table.0.clone())
            .bind(target.to_owned())
            .bind(watermark.file.as_str().to_owned())
            .bind(watermark.sequence.as_ref().map(|sequence| sequence.0.clone()))
            .bind(watermark.file.instant().map(stored_instant))
            .bind(stored_instant(Utc::now()))
            .execute(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "store a watermark", source })?;
        Ok(())
    }

    /// How far every target is.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn watermarks(&self) -> Result<Vec<WatermarkRecord>, StateError> {
        let rows = self
            .statement(&state::WATERMARK_LIST, [])?
            .fetch_all(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "read watermarks", source })?;
        let record = |row: &AnyRow| WatermarkRecord {
            table: TableName(row.get("table_name")),
            target: row.get("target"),
            applied_file: row.get("applied_file"),
            applied_sequence: text(row, "applied_sequence"),
            applied_instant: text(row, "applied_instant"),
            updated_at: row.get("updated_at"),
        };
        Ok(rows.iter().map(record).collect())
    }

    /// The latest runs, newest first, of one table or all.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn runs(&self, table: Option<&TableName>, limit: u32) -> Result<Vec<RunRecord>, StateError> {
        let rows = self
            .statement(&state::RUN_LIST, [])?
            .bind(table.map(|table| table.0.clone()))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "list runs", source })?;
        Ok(rows.iter().map(run_record).collect())
    }

    /// The latest run of each table and job.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn latest_runs(&self) -> Result<Vec<RunRecord>, StateError> {
        let rows = self
            .statement(&state::RUN_LATEST, [])?
            .fetch_all(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "list runs", source })?;
        Ok(rows.iter().map(run_record).collect())
    }
}

fn run_record(row: &AnyRow) -> RunRecord {
    RunRecord {
        run_id: row.get("run_id"),
        job: row.get("job"),
        table: TableName(row.get("table_name")),
        logical_at: row.get("logical_at"),
        started_at: row.get("started_at"),
        ended_at: text(row, "ended_at"),
        status: row.get("status"),
        summary: text(row, "summary").and_then(|json| serde_json::from_str(&json).ok()),
    }
}

fn text(row: &AnyRow, column: &str) -> Option<String> {
    row.try_get::<Option<String>, _>(column).ok().flatten()
}

fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StateError> {
    serde_json::to_string(value).map_err(|source| StateError::Json { what, source })
}
