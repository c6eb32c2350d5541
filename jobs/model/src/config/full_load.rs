//! How a table is loaded whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Report;
use super::path::Path;
use crate::migration::WidenPolicy;

/// Enough to keep a small source and a small target busy.
const STREAMS_DEFAULT: u32 = 4;
/// No pool is larger.
const STREAMS_MAX: u32 = 100;

/// How a table is loaded whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullLoadShape {
    /// Where the rows come from. Default: the producer's full-load files where the table has `changes`, else the source itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<LoadOrigin>,
    /// How many streams copy rows at once, within the pools of source and target. Default: 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = STREAMS_MAX))]
    streams: Option<u32>,
    /// `direct` only: rows a second that are read from the source at most, all streams together. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    max_rows_per_second: Option<u64>,
    /// What is done where the source's types have become wider than the target's. Default: widen.
    #[serde(skip_serializing_if = "Option::is_none")]
    widen: Option<WidenShape>,
}

/// Where the rows of a full load come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadOrigin {
    /// The producer's full-load files (`LOAD00000001.parquet`) beside the change files.
    Files,
    /// The source table itself, read in one snapshot.
    Direct,
}

/// What is done where the source's types have become wider than the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WidenShape {
    /// The target's are widened.
    Widen,
    /// The table stops with a diff.
    Refuse,
}

/// How a table is loaded whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullLoadSettings {
    /// None: the default of what else the table has.
    pub from: Option<LoadOrigin>,
    /// 1 to 100.
    pub streams: usize,
    pub max_rows_per_second: Option<u64>,
    pub widen: WidenPolicy,
}

impl Default for FullLoadSettings {
    fn default() -> Self {
        FullLoadSettings {
            from: None,
            streams: STREAMS_DEFAULT as usize,
            max_rows_per_second: None,
            widen: WidenPolicy::default(),
        }
    }
}

/// What else a table has, as far as a full load depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadSurroundings {
    pub(crate) has_source: bool,
    pub(crate) has_changes: bool,
}

impl FullLoadShape {
    pub(crate) fn convert(&self, around: LoadSurroundings, at: &Path, report: &mut Report<'_>) -> FullLoadSettings {
        let from_at = at.key("from");
        match self.from {
            Some(LoadOrigin::Files) if !around.has_changes => {
                report.add_with_hint(&from_at, "the table has no change files", "say where they are under `changes`");
            }
            Some(LoadOrigin::Direct) if !around.has_source => {
                report.add_with_hint(&from_at, "the table has no source", "say which it is under `source`");
            }
            Some(LoadOrigin::Files | LoadOrigin::Direct) | None => {}
        }
        let from_files = self.from == Some(LoadOrigin::Files) || (self.from.is_none() && around.has_changes);
        if self.max_rows_per_second.is_some() && from_files {
            report.add(&at.key("max_rows_per_second"), "only loads straight from the source can be slowed down");
        }
        FullLoadSettings {
            from: self.from,
            streams: self.streams.unwrap_or(STREAMS_DEFAULT) as usize,
            max_rows_per_second: self.max_rows_per_second,
            widen: match self.widen {
                Some(WidenShape::Widen) | None => WidenPolicy::Widen,
                Some(WidenShape::Refuse) => WidenPolicy::Refuse,
            },
        }
    }
}
