//! Full loads: whether the producer has finished one, and whether its files hold what it says it wrote.
//!
//! DMS says when a table's load is done and how many rows it read; the files' footers say how many rows are there. A load is
//! taken only when both agree. Nothing here asks or reads: the job does.

use serde::{Deserialize, Serialize};

use crate::change_file::ChangeFile;

/// A replication task, as DMS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmsTask {
    pub name: String,
    /// `running`, `stopped`, `failed`, …
    pub status: String,
    /// Why it stopped, in DMS's words.
    pub stop_reason: Option<String>,
    /// Of all its tables.
    pub full_load_percent: Option<u8>,
}

/// A table of a task, as DMS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmsTable {
    /// In DMS's words: `Table completed`, `Full load`, `Table error`, …
    pub state: String,
    pub full_load_rows: u64,
    pub full_load_error_rows: u64,
}

/// A full-load file of the change area, with the rows its footer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadFile {
    pub file: ChangeFile,
    pub rows: u64,
}

/// How far the producer's load is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadProgress {
    /// It goes on, for this reason: look again later.
    Unfinished { reason: String },
    /// All rows have been written.
    Finished { rows: u64 },
}

/// Why a load's files must not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadRefusal {
    #[error("DMS task `{task}` has no table {schema}.{table}")]
    NoTable { task: String, schema: String, table: String },
    #[error("DMS task `{task}` failed to load the table: its state is `{state}`{}", reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default())]
    Failed { task: String, state: String, reason: Option<String> },
    #[error("DMS task `{task}` could not load {rows} rows of the table")]
    ErrorRows { task: String, rows: u64 },
    #[error("DMS read {expected} rows, but the {files} full-load files hold {found}")]
    Rows { expected: u64, found: u64, files: usize },
}

impl LoadRefusal {
    /// What an operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            LoadRefusal::NoTable { .. } => "check `changes.dms_task` and `source.table`",
            LoadRefusal::Failed { .. } | LoadRefusal::ErrorRows { .. } => {
                "look at the task's log and reload the table in DMS"
            }
            LoadRefusal::Rows { .. } => {
                "files of another load lie beside these, or some are missing: reload the table in DMS into an empty folder"
            }
        }
    }
}

/// The words for a table whose rows have all been written.
const COMPLETED: &str = "Table completed";
/// The words for states that lead to [`COMPLETED`] by themselves.
const ON_THE_WAY: [&str; 4] = ["Before load", "Full load", "Table is being reloaded", "Being reloaded"];
/// States of a task in which tables make no progress any more.
const DEAD_TASKS: [&str; 2] = ["failed", "failed-move"];

/// Tells how far the load of `table` (schema and name) is.
///
/// # Errors
/// It will not finish, or rows were left out.
pub fn judge_load(
    task: &DmsTask,
    (schema, table): (&str, &str),
    found: Option<&DmsTable>,
) -> Result<LoadProgress, LoadRefusal> {
    let Some(found) = found else {
        let (schema, table) = (schema.to_owned(), table.to_owned());
        return Err(LoadRefusal::NoTable { task: task.name.clone(), schema, table });
    };
    if found.state == COMPLETED {
        return match found.full_load_error_rows {
            0 => Ok(LoadProgress::Finished { rows: found.full_load_rows }),
            rows => Err(LoadRefusal::ErrorRows { task: task.name.clone(), rows }),
        };
    }
    let dead = DEAD_TASKS.contains(&task.status.as_str());
    if dead || !ON_THE_WAY.iter().any(|state| found.state.eq_ignore_ascii_case(state)) {
        let reason = task.stop_reason.clone();
        return Err(LoadRefusal::Failed { task: task.name.clone(), state: found.state.clone(), reason });
    }
    let percent = task.full_load_percent.map(|percent| format!(", {percent} % of the task")).unwrap_or_default();
    let reason = format!("DMS task `{}`: table state `{}`{percent}", task.name, found.state);
    Ok(LoadProgress::Unfinished { reason })
}

/// Holds the files against the rows that were to be written.
///
/// # Errors
/// The numbers differ.
pub fn check_rows(expected: u64, files: &[LoadFile]) -> Result<(), LoadRefusal> {
    let found = files.iter().map(|file| file.rows).sum();
    if found == expected { Ok(()) } else { Err(LoadRefusal::Rows { expected, found, files: files.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(status: &str) -> DmsTask {
        DmsTask { name: "finops".to_owned(), status: status.to_owned(), stop_reason: None, full_load_percent: Some(40) }
    }

    fn table(state: &str, rows: u64, errors: u64) -> DmsTable {
        DmsTable { state: state.to_owned(), full_load_rows: rows, full_load_error_rows: errors }
    }

    #[test]
    fn a_load_is_finished_only_when_dms_says_so_without_errors() {
        let judge = |task: &DmsTask, table: &DmsTable| judge_load(task, ("live", "t"), Some(table));
        assert_eq!(judge(&task("running"), &table("Table completed", 7, 0)), Ok(LoadProgress::Finished { rows: 7 }));
        let unfinished = judge(&task("running"), &table("Full load", 3, 0));
        let reason = "DMS task `finops`: table state `Full load`, 40 % of the task".to_owned();
        assert_eq!(unfinished, Ok(LoadProgress::Unfinished { reason }));
        let refused = judge(&task("running"), &table("Table completed", 7, 2)).unwrap_err();
        assert_eq!(refused.to_string(), "DMS task `finops` could not load 2 rows of the table");
    }

    #[test]
    fn a_load_that_will_never_finish_is_refused() {
        let mut failed = task("failed");
        failed.stop_reason = Some("Stop Reason FATAL_ERROR".to_owned());
        let refused = judge_load(&failed, ("live", "t"), Some(&table("Full load", 3, 0))).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "DMS task `finops` failed to load the table: its state is `Full load` (Stop Reason FATAL_ERROR)"
        );
        for state in ["Table error", "Table cancelled", "Table does not exist", "something new"] {
            assert!(judge_load(&task("running"), ("live", "t"), Some(&table(state, 0, 0))).is_err(), "{state}");
        }
        let refused = judge_load(&task("running"), ("live", "t"), None).unwrap_err();
        assert_eq!(refused.to_string(), "DMS task `finops` has no table live.t");
    }

    #[test]
    fn files_must_hold_the_rows_that_were_read() {
        let file = |rows| LoadFile {
            file: ChangeFile {
                key: "t/LOAD00000001.parquet".to_owned(),
                etag: None,
                size: 1,
                order: crate::change_file::FileOrder::from_stored(String::new()),
            },
            rows,
        };
        assert_eq!(check_rows(5, &[file(2), file(3)]), Ok(()));
        assert_eq!(check_rows(0, &[]), Ok(()));
        let refused = check_rows(6, &[file(2), file(3)]).unwrap_err();
        assert_eq!(refused.to_string(), "DMS read 6 rows, but the 2 full-load files hold 5");
    }
}
