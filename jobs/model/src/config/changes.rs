//! A table's change files: where they are, what their special columns are called, and what becomes of them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{DAY, DurationText, MINUTE, duration_setting};
use super::fault::Report;
use super::lake::folder_prefix;
use super::path::{Path, shown};

const OPERATION_COLUMN_DEFAULT: &str = "Op";
const SEQUENCE_COLUMN_DEFAULT: &str = "AR_H_CHANGE_SEQ";

/// DMS cuts a file at 60 s by default: a file which has been there as long is not being written any more.
const SETTLE_DEFAULT: Duration = MINUTE;

/// A table's change files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangesShape {
    /// Who writes the files. Default: dms.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<ChangeFormat>,
    /// The folder of this table's files inside `lake.changes`.
    #[schemars(example = "finops-db/live/TransactionsNew/")]
    prefix: String,
    /// The identifier of the DMS task that writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    dms_task: Option<String>,
    /// What is done with files once every target has them. Default: keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    after_load: Option<AfterLoad>,
    /// DMS's `TimestampColumnName`, if it is set: that column is no data.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_column: Option<String>,
    /// The column that says insert, update or delete. Default: Op.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_column: Option<String>,
    /// The column with the change sequence; used for the order where all files have it. Default: AR_H_CHANGE_SEQ.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_column: Option<String>,
    /// How old a file must be before a bad or missing footer counts as corruption, rather than as still being written. Default: 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    settle: Option<DurationText>,
}

/// Who writes the change files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeFormat {
    /// AWS DMS, as Parquet.
    #[default]
    Dms,
}

/// What is done with change files once every target has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterLoad {
    /// They are moved to the archive in the work area.
    Archive,
    /// They are deleted. A late file then cannot be replayed in its place.
    Delete,
    /// They stay where they are.
    #[default]
    Keep,
}

/// A table's change files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    pub format: ChangeFormat,
    /// Inside the lake's area of changes; ends with `/`.
    pub prefix: String,
    pub dms_task: Option<String>,
    pub after_load: AfterLoad,
    /// Metadata, not data.
    pub timestamp_column: Option<String>,
    pub operation_column: String,
    pub sequence_column: String,
    /// How old a file must be before a bad or missing footer counts as corruption.
    pub settle: Duration,
}

impl ChangesShape {
    pub(crate) fn convert(&self, key: &[String], at: &Path, report: &mut Report<'_>) -> Option<Changes> {
        self.check_columns(key, at, report);
        if self.dms_task.as_deref().is_some_and(|task| task.trim().is_empty()) {
            report.add(&at.key("dms_task"), "the task's name is empty");
        }
        let settle =
            duration_setting(self.settle.as_ref(), SETTLE_DEFAULT, Duration::ZERO..=DAY, &at.key("settle"), report);
        Some(Changes {
            format: self.format.unwrap_or_default(),
            prefix: self.prefix(&at.key("prefix"), report)?,
            dms_task: self.dms_task.clone(),
            after_load: self.after_load.unwrap_or_default(),
            timestamp_column: self.timestamp_column.clone(),
            operation_column: self.operation_column().to_owned(),
            sequence_column: self.sequence_column().to_owned(),
            settle,
        })
    }

    fn operation_column(&self) -> &str {
        self.operation_column.as_deref().unwrap_or(OPERATION_COLUMN_DEFAULT)
    }

    fn sequence_column(&self) -> &str {
        self.sequence_column.as_deref().unwrap_or(SEQUENCE_COLUMN_DEFAULT)
    }

    fn prefix(&self, at: &Path, report: &mut Report<'_>) -> Option<String> {
        let text = self.prefix.trim();
        if text.contains("://") || text.starts_with('/') {
            let hint = "the bucket or the root stands in `lake.changes`";
            report.add_with_hint(at, "the prefix must be relative to `lake.changes`", hint);
            return None;
        }
        if text.contains(['%', '?', '#', '*', '\\']) || text.contains(char::is_control) {
            report.add(at, "`%`, `?`, `#`, `*`, `\\` and control characters can't be used in a prefix");
            return None;
        }
        match folder_prefix(text) {
            Ok(prefix) if prefix.is_empty() => {
                report.add_with_hint(at, "the prefix is empty", "each table's files lie in a folder of their own");
                None
            }
            Ok(prefix) => Some(prefix),
            Err(_) => {
                report.add(at, "`.`, `..` and empty steps can't be used in a prefix");
                None
            }
        }
    }

    /// The special columns must be columns of their own: data in one of them would be dropped, or taken for the operation.
    fn check_columns(&self, key: &[String], at: &Path, report: &mut Report<'_>) {
        let columns = [
            ("operation_column", Some(self.operation_column())),
            ("sequence_column", Some(self.sequence_column())),
            ("timestamp_column", self.timestamp_column.as_deref()),
        ];
        for (position, (setting, column)) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let at = at.key(setting);
            if column.is_empty() {
                report.add(&at, "the column's name is empty");
            }
            if key.iter().any(|part| part == column) {
                report.add(&at, format!("{} is part of the table's key", shown(column)));
            }
            if let Some((other, _)) = columns[..position].iter().find(|(_, other)| *other == Some(*column)) {
                report.add(&at, format!("{} is the `{other}` already", shown(column)));
            }
        }
    }
}
