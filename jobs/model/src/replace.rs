//! A full load: what one replacement of a whole table will do; never does it.
//!
//! A table is loaded part by part into a new one beside it, which then takes its place in one transaction. The ledger starts
//! anew with it: from then on, change files before the plan's floor are contained in the table.
//!
//! # Invariants
//! - Same files, same load: a run after a crash plans the same [`LoadId`], and resumes.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::batch::BatchId;
use crate::change_file::{FileIdentity, FileOrder};
use crate::ledger::Fence;
use crate::names::{QualifiedName, TableName};
use crate::schema::{ColumnType, FileSchema};
use crate::target::{Generation, LoadColumn, LoadOutcome, LoadPlanError, LoadRules, TargetTable};
use crate::target::{check_collisions, check_required};

/// Hexadecimal digits of an id: 128 bits.
const ID_DIGITS: usize = 32;

/// Identifies one full load of one table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoadId(pub String);

impl fmt::Display for LoadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LoadId {
    /// The load of a list of files, in this order. `occasion` tells deliberate repetitions apart: empty for a load that new
    /// files call for, a run's id for one that an operator asks for although the files were loaded before.
    pub fn of_files<'a>(
        table: &TableName,
        occasion: &str,
        files: impl IntoIterator<Item = &'a FileIdentity>,
    ) -> LoadId {
        let mut texts = vec![table.0.clone(), occasion.to_owned()];
        for file in files {
            texts.extend([file.key.clone(), file.etag.clone().unwrap_or_default(), file.size.to_string()]);
        }
        LoadId(digest("files", &texts))
    }

    /// The load of a snapshot of the source, which exists once: no other load has this id. `snapshot` is its name, `instant`
    /// the source's clock, as texts.
    pub fn of_snapshot(table: &TableName, snapshot: &str, instant: &str) -> LoadId {
        LoadId(digest("snapshot", &[table.0.clone(), snapshot.to_owned(), instant.to_owned()]))
    }

    /// The batch under which the ledger names the load: CDC that was planned before the swap is refused after it.
    pub fn batch(&self) -> BatchId {
        BatchId(self.0.clone())
    }
}

/// Each text is preceded by its length, so that no two lists run together.
fn digest(kind: &str, texts: &[String]) -> String {
    let mut hash = Sha256::new();
    for text in [kind].into_iter().chain(texts.iter().map(String::as_str)) {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let hexadecimal: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    hexadecimal[..ID_DIGITS].to_owned()
}

/// Everything one full load does to one target table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplacePlan {
    pub table: TableName,
    /// The table that is replaced; it exists, and has the columns it is to have.
    pub target: QualifiedName,
    pub load: LoadId,
    /// Filled in by the run that holds the lease.
    #[serde(skip)]
    pub fence: Option<Fence>,
    /// In the target's order; `source` is the name in the files, or in the source's table.
    pub columns: Vec<LoadColumn>,
    /// Source columns that are left out, by policy or because the target computes them.
    pub ignored_columns: Vec<String>,
    /// Change files before it are contained in the load: they are never applied again. Those from it on are.
    pub floor: FileOrder,
    /// How long the swap, and each other step that needs a lock, may wait for locks in all.
    #[serde(skip)]
    pub lock_timeout: Duration,
}

/// Decides how rows with these columns go into a table that is replaced.
///
/// # Errors
/// Everything that would make the load fail and can be known from the two schemas. The target has been migrated, so a column
/// that it lacks is an error unless the policy for added columns is to ignore it.
pub fn plan_replace(
    table: &TableName,
    load: LoadId,
    columns: &FileSchema,
    target: &TargetTable,
    rules: &LoadRules,
    floor: FileOrder,
) -> Result<ReplacePlan, LoadPlanError> {
    let (mut loaded, mut ignored_columns) = (Vec::new(), Vec::new());
    for column in &columns.columns {
        let (name, column_type) = (column.name.clone(), column.column_type.clone());
        match (target.column(&name), rules.added_columns) {
            (Some(found), _) if found.generation == Generation::Computed => ignored_columns.push(name),
            (Some(_), _) if matches!(column_type, ColumnType::Unsupported(_)) => {
                return Err(LoadPlanError::Unsupported { column: name, column_type });
            }
            (Some(found), _) => loaded.push(LoadColumn {
                on_bad_value: rules.on_bad_value.get(&name).copied().unwrap_or_default(),
                in_key: rules.key.contains(&name),
                source: name,
                target: found.clone(),
            }),
            (None, crate::config::AddedColumnPolicy::Ignore) => ignored_columns.push(name),
            (None, crate::config::AddedColumnPolicy::Add | crate::config::AddedColumnPolicy::Fail) => {
                return Err(LoadPlanError::AddedColumn { target: target.name.clone(), column: name, column_type });
            }
        }
    }
    for column in &rules.key {
        if !loaded.iter().any(|load| load.source == *column) {
            let (table, column) = (table.clone(), column.clone());
            let found = loaded.iter().map(|load| load.source.as_str()).collect::<Vec<_>>().join(", ");
            return Err(LoadPlanError::KeyNotInFiles { table, column, found });
        }
    }
    check_collisions(&loaded)?;
    check_required(target, &loaded)?;
    let place = |name: &str| target.columns.iter().position(|column| column.name == name);
    loaded.sort_by_key(|column| place(&column.target.name));
    Ok(ReplacePlan {
        table: table.clone(),
        target: target.name.clone(),
        load,
        fence: None,
        columns: loaded,
        ignored_columns,
        floor,
        lock_timeout: rules.lock_timeout,
    })
}

/// A part of a full load that has been committed beside the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartReceipt {
    /// Its name: a file's key, or a range.
    pub part: String,
    /// Rows in the new table.
    pub rows: u64,
    pub quarantined: u64,
}

/// What a finished full load did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplaceReceipt {
    pub outcome: LoadOutcome,
    /// Rows of the new table.
    pub rows: u64,
    /// Seconds of building indexes, constraints and statistics; zero when an earlier attempt had committed.
    pub build_seconds: f64,
    /// Seconds from the first lock asked for to the commit; zero when an earlier attempt had committed.
    pub swap_seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(key: &str, size: u64) -> FileIdentity {
        FileIdentity { key: key.to_owned(), etag: Some("e".to_owned()), size }
    }

    #[test]
    fn a_load_is_known_by_its_files_and_its_occasion() {
        let table = TableName("t".to_owned());
        let id = |occasion: &str, files: &[FileIdentity]| LoadId::of_files(&table, occasion, files);
        let files = [identity("LOAD00000001.parquet", 10), identity("LOAD00000002.parquet", 20)];
        assert_eq!(id("", &files), id("", &files));
        assert_eq!(id("", &files).0.len(), 32);
        let others =
            [id("run-7", &files), id("", &files[..1]), id("", &[files[0].clone(), identity(&files[1].key, 21)])];
        for other in others {
            assert_ne!(id("", &files), other);
        }
        assert_ne!(LoadId::of_snapshot(&table, "00000003-1", "a"), LoadId::of_snapshot(&table, "00000003-1", "b"));
    }
}
