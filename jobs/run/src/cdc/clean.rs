//! Cleans up after a run: source files that every target has, and reduced batches that nobody needs any more.
//!
//! # Invariants
//! - What may go is asked of the targets' ledgers, after their commits; nothing is taken from the run's own memory.
//! - `keep` touches no source file.

use quarrel_model::change_file::ChangeFile;
use quarrel_model::config::{AfterLoad, Changes, Table};
use quarrel_model::ledger::LedgerFrom;

use crate::collect::CollectContext;
use crate::context::Context;
use crate::error::RunError;
use crate::record::RunRecorder;

/// Cleans away what all targets have.
///
/// `every_target` tells whether this run brought every target up to date: only then is the batches' work area emptied.
///
/// # Errors
/// A ledger can't be read, or a file can't be moved or deleted; the next run tries again.
pub(super) async fn clean(
    context: &Context,
    collecting: &CollectContext<'_>,
    table: &Table,
    changes: &Changes,
    every_target: bool,
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    let step = recorder.begin("clean", None);
    let result = clean_all(context, collecting, table, changes, every_target, recorder).await;
    recorder.end(step, result.as_ref().err()).await?;
    result
}

async fn clean_all(
    context: &Context,
    collecting: &CollectContext<'_>,
    table: &Table,
    changes: &Changes,
    every_target: bool,
    recorder: &mut RunRecorder,
) -> Result<(), RunError> {
    context.progress.step(&table.name, "clean", "");
    // Also after a run without batches: the one before it may have died between its last commit and here.
    if every_target {
        context.lake.work.delete_folder(&context.lake.batches_folder(&table.name)).await?;
    }
    match changes.after_load {
        AfterLoad::Keep => return Ok(()),
        AfterLoad::Archive | AfterLoad::Delete => {}
    }
    let files = files_all_have(context, collecting, table, changes).await?;
    match changes.after_load {
        AfterLoad::Keep => {}
        AfterLoad::Archive => context.lake.archive(&table.name, &files).await?,
        AfterLoad::Delete => context.lake.delete(&files).await?,
    }
    recorder.cleaned(files.len());
    Ok(())
}

/// The listed files that every target's ledger names. A target that can't be asked has none.
async fn files_all_have(
    context: &Context,
    collecting: &CollectContext<'_>,
    table: &Table,
    changes: &Changes,
) -> Result<Vec<ChangeFile>, RunError> {
    let listing = collecting.lake.list_changes(&changes.prefix).await?;
    let mut files: Vec<ChangeFile> = listing.files.into_iter().map(|listed| listed.file).collect();
    let Some(first) = files.first() else { return Ok(files) };
    let from = LedgerFrom::Order(first.order.clone());
    for entry in &table.targets {
        let Ok(target) = context.targets.get(&entry.connection) else { return Ok(Vec::new()) };
        let ledger = target.read_ledger(&table.name, &entry.table, &from).await?;
        let applied = ledger.index();
        files.retain(|file| applied.has(file));
    }
    Ok(files)
}
