//! Brings change files back that the old table has and the new one will lack.
//!
//! A full load contains what happened before its floor. Change files from there on were perhaps applied to the old table, and
//! archived: they have to be applied to the new one as well.
//!
//! # Invariants
//! - Files are back in the change area before the swap; the old ledger still names them, so until then no run applies them.
//! - A file that is nowhere any more is an error: without its changes the new table would be wrong.

use std::collections::HashMap;

use quarrel_model::change_file::FileOrder;
use quarrel_model::config::Table;
use quarrel_model::ledger::LedgerFrom;

use super::error::FullLoadError;
use super::follow::OpenTarget;
use crate::context::Context;
use crate::error::RunError;

/// Brings back what a target applied from the floor on; how many files.
///
/// # Errors
/// A file is gone, or can't be moved.
pub(super) async fn bring_back(
    context: &Context,
    table: &Table,
    open: &OpenTarget,
    floor: &FileOrder,
) -> Result<usize, RunError> {
    let Some(changes) = &table.changes else { return Ok(0) };
    let from = LedgerFrom::Order(floor.clone());
    let applied = open.target.read_applied(&table.name, &open.name, &from).await?;
    if applied.iter().all(|file| file.rows == 0) {
        return Ok(0);
    }
    let listing = context.lake.list_changes(&changes.prefix).await?;
    let listed: HashMap<&str, u64> =
        listing.files.iter().map(|listed| (listed.file.key.as_str(), listed.file.size)).collect();
    let mut restored = 0;
    for file in applied.iter().filter(|file| file.rows > 0) {
        if listed.contains_key(file.file.key.as_str()) {
            continue;
        }
        if !context.lake.restore(&table.name, &file.file).await? {
            let (file, target) = (file.file.key.clone(), open.name.clone());
            return Err(FullLoadError::ChangesGone { file, target }.into());
        }
        restored += 1;
    }
    Ok(restored)
}
