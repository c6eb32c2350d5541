//! How batches are cut and reduced.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes::{BytesText, bytes_setting};
use super::duration::{DAY, DurationText, MINUTE, SECOND, duration_setting};
use super::fault::Report;
use super::path::Path;

/// Fits beside other services on a small machine; beyond it, the reduction spills.
const MEMORY_DEFAULT: u64 = 1_000_000_000;
/// Below, not even one row group of wide rows fits.
const MEMORY_MIN: u64 = 32_000_000;
/// More than any machine has: a slip of the unit.
const MEMORY_MAX: u64 = 24_000_000_000_000;

/// A task more than this only adds tiny files.
const PARTITIONS_MAX: u32 = 1_024;

/// Some days of DMS files of one table; the list and its footers fit into a few megabytes.
const BATCH_FILES_DEFAULT: u32 = 5_000;
const BATCH_FILES_MAX: u32 = 1_000_000;

const BATCH_BYTES_DEFAULT: u64 = 8_000_000_000;
const BATCH_BYTES_MIN: u64 = 1_000_000;
const BATCH_BYTES_MAX: u64 = 10_000_000_000_000;

const DEADLINE_DEFAULT: Duration = MINUTE.saturating_mul(30);
const DEADLINE_MIN: Duration = SECOND.saturating_mul(10);

/// How batches are cut and reduced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReduceShape {
    /// The memory of the reduction on each node; beyond it, it spills to disk. Default: 1GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<BytesText>,
    /// Into how many parts the keys are divided. Default: as many as fit the cluster and the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = PARTITIONS_MAX))]
    partitions: Option<u32>,
    /// A batch has at most this many change files; more make several batches, one after the other. Default: 5000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = BATCH_FILES_MAX))]
    batch_max_files: Option<u32>,
    /// A batch has at most this many bytes, or one file. Default: 8GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_max_bytes: Option<BytesText>,
    /// A reduction that takes longer is cancelled. Default: 30m.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<DurationText>,
}

/// How batches are cut and reduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReduceSettings {
    /// Bytes of the reduction's memory pool on each node.
    pub memory: u64,
    /// Into how many parts the keys are divided, 1 to 1,024; none: as many as fit the cluster and the batch.
    pub partitions: Option<usize>,
    /// Files in a batch at most.
    pub batch_max_files: usize,
    /// Bytes in a batch at most, unless a single file has more.
    pub batch_max_bytes: u64,
    /// A reduction that takes longer is cancelled.
    pub deadline: Duration,
}

impl Default for ReduceSettings {
    fn default() -> ReduceSettings {
        ReduceSettings {
            memory: MEMORY_DEFAULT,
            partitions: None,
            batch_max_files: BATCH_FILES_DEFAULT as usize,
            batch_max_bytes: BATCH_BYTES_DEFAULT,
            deadline: DEADLINE_DEFAULT,
        }
    }
}

impl ReduceShape {
    pub(crate) fn convert(&self, at: &Path, report: &mut Report<'_>) -> ReduceSettings {
        let memory_bounds = MEMORY_MIN..=MEMORY_MAX;
        let batch_bounds = BATCH_BYTES_MIN..=BATCH_BYTES_MAX;
        let batch_max_bytes = self.batch_max_bytes.as_ref();
        let deadline_bounds = DEADLINE_MIN..=DAY;
        ReduceSettings {
            memory: bytes_setting(self.memory.as_ref(), MEMORY_DEFAULT, memory_bounds, &at.key("memory"), report),
            partitions: self.partitions.map(|partitions| partitions as usize),
            batch_max_files: self.batch_max_files.unwrap_or(BATCH_FILES_DEFAULT) as usize,
            batch_max_bytes: {
                let at = at.key("batch_max_bytes");
                bytes_setting(batch_max_bytes, BATCH_BYTES_DEFAULT, batch_bounds, &at, report)
            },
            deadline: {
                let at = at.key("deadline");
                duration_setting(self.deadline.as_ref(), DEADLINE_DEFAULT, deadline_bounds, &at, report)
            },
        }
    }
}
