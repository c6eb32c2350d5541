//! The change files of a benchmark: described by a [`DataSpec`], made once, kept and found again.
//!
//! # Invariants
//! - Same spec, same bytes: every value follows from the seed and the place of its change, never from thread timing.
//! - `dataset.json` is written last: a folder that has it is complete.
//! - Memory is bounded by the keys (one byte each) and a few files of plans and row groups, whatever the number of changes.

mod plan;
mod rows;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::error::{BenchError, at};
use plan::{FilePlan, Planner};

/// Raised whenever the same spec would give other bytes: folders of an older format are not used again.
const FORMAT: u32 = 1;
/// Rows of a row group, as AWS DMS writes them.
pub const ROW_GROUP_ROWS: usize = 10_024;
/// Threads that encode Parquet: the machine of the issue has two cores.
const WRITERS: usize = 2;
/// File plans waiting for a writer: enough to keep both busy, a few hundred kilobytes each.
const PLANS_AHEAD: usize = 4;
/// Folder of the change files below the data set's: the prefix that the configuration names.
pub const PREFIX: &str = "bench/transactions/";

/// What makes a data set; two equal specs have the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSpec {
    pub changes: u64,
    pub files: u32,
    /// Keys are drawn evenly from this many.
    pub keys: u64,
    pub seed: u64,
}

impl DataSpec {
    /// The shape: 25,000 changes a file, a key for every five changes.
    pub fn of_changes(changes: u64) -> Self {
        let files = u32::try_from((changes / 25_000).max(1)).expect("a data set has fewer than 2^32 files");
        Self { changes, files, keys: (changes / 5).max(1), seed: 42 }
    }

    /// The same changes on a hundredth of the keys: nearly all of the work is reduction, hardly any is loading.
    pub fn with_hot_keys(self) -> Self {
        Self { keys: (self.keys / 100).max(1), ..self }
    }

    /// The load of the system Quarrel replaces: 19 files and 1.22 MB in one cycle.
    pub fn small_cycle() -> Self {
        Self { changes: 19 * 577, files: 19, keys: 3_000, seed: 7 }
    }

    fn folder_name(&self) -> String {
        format!("changes-v{FORMAT}-n{}-f{}-k{}-s{}", self.changes, self.files, self.keys, self.seed)
    }
}

/// A complete data set on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataSet {
    pub spec: DataSpec,
    /// Parquet bytes of all files.
    pub bytes: u64,
    /// Keys that have at least one change: the rows of a right reduction.
    pub keys_changed: u64,
    /// Of these, keys whose newest change is a delete.
    pub keys_deleted: u64,
    #[serde(skip)]
    root: PathBuf,
}

impl DataSet {
    /// The folder that holds [`PREFIX`]: what `lake.changes` names.
    pub fn lake(&self) -> &Path {
        &self.root
    }

    /// The folder of the change files.
    pub fn changes(&self) -> PathBuf {
        self.root.join(PREFIX)
    }

    /// The change files, oldest first.
    pub fn files(&self) -> Result<Vec<PathBuf>, BenchError> {
        let folder = self.changes();
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).map_err(at(&folder))? {
            files.push(entry.map_err(at(&folder))?.path());
        }
        files.sort();
        Ok(files)
    }
}

/// Finds the data set of `spec` under `cache`, or makes it there.
pub fn open_or_generate(spec: DataSpec, cache: &Path) -> Result<DataSet, BenchError> {
    let root = cache.join(spec.folder_name());
    let description = root.join("dataset.json");
    if let Ok(text) = fs::read_to_string(&description) {
        let found: DataSet = serde_json::from_str(&text)
            .map_err(|source| BenchError::Json { what: description.display().to_string(), source })?;
        if found.spec == spec {
            return Ok(DataSet { root, ..found });
        }
    }
    if root.exists() {
        fs::remove_dir_all(&root).map_err(at(&root))?;
    }
    let made = generate(spec, root)?;
    let text = serde_json::to_string_pretty(&made)
        .map_err(|source| BenchError::Json { what: "the data set".to_owned(), source })?;
    fs::write(&description, text).map_err(at(&description))?;
    Ok(made)
}

fn generate(spec: DataSpec, root: PathBuf) -> Result<DataSet, BenchError> {
    let folder = root.join(PREFIX);
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let mut planner = Planner::new(spec);
    let (sender, receiver) = sync_channel::<FilePlan>(PLANS_AHEAD);
    let receiver = Arc::new(Mutex::new(receiver));
    let bytes: Result<u64, BenchError> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (receiver, folder) = (Arc::clone(&receiver), folder.as_path());
                scope.spawn(move || write_planned(spec, folder, &receiver))
            })
            .collect();
        // The writers hold the receiver from here on, so that a plan nobody can take ends the loop.
        drop(receiver);
        for plan in planner.by_ref() {
            if sender.send(plan).is_err() {
                break;
            }
        }
        drop(sender);
        writers.into_iter().map(|writer| writer.join().expect("a writer reports errors, it does not panic")).sum()
    });
    let (keys_changed, keys_deleted) = planner.outcome();
    Ok(DataSet { spec, bytes: bytes?, keys_changed, keys_deleted, root })
}

/// Takes plans until there are none left; yields the bytes written.
fn write_planned(spec: DataSpec, folder: &Path, plans: &Mutex<Receiver<FilePlan>>) -> Result<u64, BenchError> {
    let mut bytes = 0;
    loop {
        let next = plans.lock().expect("no writer panics while it holds the lock").recv();
        let Ok(plan) = next else { return Ok(bytes) };
        bytes += write_file(spec, folder, &plan)?;
    }
}

fn write_file(spec: DataSpec, folder: &Path, plan: &FilePlan) -> Result<u64, BenchError> {
    let path = folder.join(file_name(0, plan.file));
    let parquet = |source| BenchError::WriteChanges { path: path.clone(), source };
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let file = fs::File::create(&path).map_err(at(&path))?;
    let mut writer = ArrowWriter::try_new(file, rows::schema(), Some(properties)).map_err(parquet)?;
    let mut values = rows::Values::new(spec, plan.file);
    for first in (0..plan.changes.len()).step_by(ROW_GROUP_ROWS) {
        let last = (first + ROW_GROUP_ROWS).min(plan.changes.len());
        let batch = values
            .batch(plan.first_change + first as u64, &plan.changes[first..last])
            .map_err(|source| BenchError::BuildChanges { source })?;
        writer.write(&batch).map_err(parquet)?;
    }
    writer.close().map_err(parquet)?;
    Ok(fs::metadata(&path).map_err(at(&path))?.len())
}

/// A name as AWS DMS gives it: the date, a dash, the time of day and three digits of its fraction. A file every 30 s; later cycles
/// begin on later days.
pub fn file_name(cycle: u32, file: u32) -> String {
    let second = file * 30;
    let (day, second) = (cycle + second / 86_400, second % 86_400);
    let (month, day) = (1 + day / 28, 1 + day % 28);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("2024{month:02}{day:02}-{hour:02}{minute:02}{second:02}{:03}.parquet", file % 1_000)
}

#[cfg(test)]
mod tests;
