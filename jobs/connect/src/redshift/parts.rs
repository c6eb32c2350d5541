//! Writes the files that COPY reads, and their manifest, into the work area.
//!
//! A batch of many rows becomes a multiple of as many files as the cluster has slices, of about the same size: each slice
//! reads its own. Each attempt has a folder of its own, so that no COPY finds files of another.
//!
//! # Invariants
//! - What is in memory is one round of files: a part's bytes times the slices.
//! - The manifest names each file with its length, and says that it has to be there.

use std::hash::{BuildHasher, RandomState};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::try_join_all;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use quarrel_model::target::LoadPlan;
use sha2::{Digest, Sha256};

use super::RedshiftSettings;
use super::encode::encode;
use super::plan::StagePlan;
use crate::target::{Load, TargetError};

/// Rows encoded before they go to a file, so that wide rows don't pile up.
const ROWS_PER_ENCODE: usize = 8_192;
/// Below so many rows a file is not worth a request of its own.
const ROWS_PER_PART_MIN: u64 = 10_000;
/// A file is ended at about this size: Redshift splits Parquet from 128 MB on only, and reads smaller files side by side.
const PART_BYTES: usize = 32 << 20;

/// The files of a batch.
#[derive(Debug, Clone)]
pub(super) struct StagedFiles {
    pub(super) manifest_url: String,
    /// Where they lie.
    pub(super) folder: String,
    /// The columns of each file, as its footer has them.
    pub(super) footers: Vec<SchemaRef>,
    pub(super) upserts: u64,
    pub(super) deletes: u64,
    pub(super) quarantined: u64,
}

/// Writes all rows of a load that are to be copied; all or nothing.
pub(super) async fn write(
    settings: &RedshiftSettings,
    load: &Load<'_>,
    plan: &StagePlan,
) -> Result<StagedFiles, TargetError> {
    let folder = format!("{}/{}", folder(load.plan), attempt_name());
    let written = write_into(&folder, settings, load, plan).await;
    if written.is_err() {
        remove(settings, load.plan, &folder).await;
    }
    written
}

async fn write_into(
    folder: &str,
    settings: &RedshiftSettings,
    load: &Load<'_>,
    plan: &StagePlan,
) -> Result<StagedFiles, TargetError> {
    let lanes = usize::try_from(load.rows.rows().div_ceil(ROWS_PER_PART_MIN)).unwrap_or(usize::MAX);
    let mut writer = FilesWriter {
        settings,
        load,
        plan,
        lanes: lanes.clamp(1, settings.slices.max(1)),
        round: Vec::new(),
        entries: Vec::new(),
        files: StagedFiles {
            manifest_url: String::new(),
            folder: folder.to_owned(),
            footers: Vec::new(),
            upserts: 0,
            deletes: 0,
            quarantined: 0,
        },
    };
    for part in 0..load.rows.parts() {
        let failed = |source| TargetError::Reduced { batch: load.plan.batch.clone(), source };
        let mut batches = load.rows.open(part).await.map_err(failed)?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(failed)?;
            for start in (0..batch.num_rows()).step_by(ROWS_PER_ENCODE) {
                writer.add(&batch.slice(start, ROWS_PER_ENCODE.min(batch.num_rows() - start))).await?;
            }
        }
    }
    writer.finish().await
}

/// Deletes a folder of a load's files, or of all loads of its table and target.
pub(super) async fn remove(settings: &RedshiftSettings, plan: &LoadPlan, folder: &str) {
    if let Err(error) = settings.store.delete_folder(folder).await {
        let error = &error as &(dyn std::error::Error + 'static);
        tracing::warn!(table = %plan.target, error, "files of a load are left for the next one to delete");
    }
}

/// The folder of a table and target. Its loads have a lease; of two that run all the same, one is fenced off.
pub(super) fn folder(plan: &LoadPlan) -> String {
    let target: String =
        Sha256::digest(plan.target.to_string()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("copy/{}/{target}", plan.table)
}

/// A name that no attempt had before.
fn attempt_name() -> String {
    // A hasher with fresh keys is all the randomness this needs.
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

struct FilesWriter<'a> {
    settings: &'a RedshiftSettings,
    load: &'a Load<'a>,
    plan: &'a StagePlan,
    /// Files written side by side.
    lanes: usize,
    round: Vec<ArrowWriter<Vec<u8>>>,
    /// Of the manifest.
    entries: Vec<serde_json::Value>,
    files: StagedFiles,
}

impl FilesWriter<'_> {
    async fn add(&mut self, batch: &RecordBatch) -> Result<(), TargetError> {
        if self.load.cancel.is_cancelled() {
            return Err(TargetError::Cancelled { batch: self.load.plan.batch.clone() });
        }
        let encoded = encode(self.plan, self.load, batch)?;
        if !encoded.quarantined.is_empty() {
            let kept = self.load.quarantine.keep(batch, &encoded.quarantined).await;
            kept.map_err(|source| TargetError::Quarantine { batch: self.load.plan.batch.clone(), source })?;
        }
        self.files.upserts += encoded.upserts;
        self.files.deletes += encoded.deletes;
        self.files.quarantined += encoded.quarantined.len() as u64;
        self.spread(&encoded.batch)?;
        let bytes: usize = self.round.iter().map(|part| part.bytes_written() + part.in_progress_size()).sum();
        if bytes >= self.lanes * PART_BYTES { self.end_round().await } else { Ok(()) }
    }

    /// Gives each file of the round its share of the rows.
    fn spread(&mut self, batch: &RecordBatch) -> Result<(), TargetError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        while self.round.len() < self.lanes {
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let part = ArrowWriter::try_new(Vec::new(), self.plan.file_schema.clone(), Some(properties));
            self.round.push(part.map_err(|error| failed(self.load, error))?);
        }
        let share = batch.num_rows().div_ceil(self.lanes);
        for (part, start) in self.round.iter_mut().zip((0..batch.num_rows()).step_by(share)) {
            let slice = batch.slice(start, share.min(batch.num_rows() - start));
            part.write(&slice).map_err(|error| failed(self.load, error))?;
        }
        Ok(())
    }

    /// Ends and uploads the files of a round. One without rows is left out.
    async fn end_round(&mut self) -> Result<(), TargetError> {
        let mut puts = Vec::new();
        for part in std::mem::take(&mut self.round) {
            if part.bytes_written() == 0 && part.in_progress_rows() == 0 {
                continue;
            }
            let bytes = Bytes::from(part.into_inner().map_err(|error| failed(self.load, error))?);
            self.files.footers.push(footer(&bytes).map_err(|error| failed(self.load, error))?);
            let path = format!("{}/part-{:05}.parquet", self.files.folder, self.entries.len());
            self.entries.push(serde_json::json!({
                "url": self.settings.store.url_of(&path),
                "mandatory": true,
                "meta": {"content_length": bytes.len()},
            }));
            puts.push(self.put(path, bytes));
        }
        try_join_all(puts).await.map(|_| ())
    }

    fn put(&self, path: String, bytes: Bytes) -> impl Future<Output = Result<(), TargetError>> + use<> {
        let (store, batch) = (self.settings.store.clone(), self.load.plan.batch.clone());
        async move { store.put(&path, bytes).await.map_err(|source| TargetError::StageFiles { batch, source }) }
    }

    async fn finish(mut self) -> Result<StagedFiles, TargetError> {
        self.end_round().await?;
        let path = format!("{}/manifest.json", self.files.folder);
        self.files.manifest_url = self.settings.store.url_of(&path);
        let manifest = serde_json::json!({ "entries": self.entries }).to_string();
        self.put(path, manifest.into()).await?;
        Ok(self.files)
    }
}

/// The columns as the file has them, whoever wrote it.
fn footer(bytes: &Bytes) -> Result<SchemaRef, parquet::errors::ParquetError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    Ok(ParquetRecordBatchReaderBuilder::try_new_with_options(bytes.clone(), options)?.schema().clone())
}

fn failed(load: &Load<'_>, error: parquet::errors::ParquetError) -> TargetError {
    TargetError::Encode { batch: load.plan.batch.clone(), source: error.into() }
}
