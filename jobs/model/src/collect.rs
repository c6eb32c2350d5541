//! Decides which change files the next batch takes; never lists or reads one.
//!
//! Planning goes in three steps, each a pure function, with the reading between them done by the job:
//! [`select_pending`] turns a listing and a ledger into the files to look into; [`find_replay`] tells, from their footers,
//! which applied files have to be read again; [`plan_batch`] freezes the batch.
//!
//! # Invariants
//! - A file is taken once: what the ledger has, by key, ETag and size, is not pending.
//! - A file before the ledger's floor is contained in the last full load: it is neither pending nor late, whatever its content.
//! - A file before the watermark brings every applied file behind it into the same batch. So the last change of each key
//!   wins, whatever came late, and the replay is one transaction: readers never see a row move back.
//! - Same listing, ledger and window: same batch, same id.

use chrono::{DateTime, Utc};

use crate::batch::{Batch, BatchFile, FileLocation, FileRole};
use crate::change_file::{ChangeFile, FileOrder};
use crate::ledger::{AppliedFile, Ledger};
use crate::names::TableName;
use crate::position::{OrderBy, SequenceRange, Watermark};
use crate::schema::{FileAge, FileSchema, SchemaConflict, unify_schemas};

/// The instants between which files are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// How much one batch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    pub files: usize,
    pub bytes: u64,
}

/// The files that no batch has applied, in order, and whether the limits cut the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub files: Vec<ChangeFile>,
    /// Files left for the next batch.
    pub left: usize,
}

/// Picks the files of the window, and those behind the watermark that the window would miss, less what the ledger has.
///
/// A table without a watermark takes every file up to the window's end.
pub fn select_pending(listing: &[ChangeFile], ledger: &Ledger, window: TimeWindow, limits: BatchLimits) -> Pending {
    let (from, until) = (FileOrder::at(window.from), FileOrder::at(window.until));
    let wanted = |file: &&ChangeFile| {
        let behind_watermark = ledger.watermark.as_ref().is_none_or(|watermark| file.order > watermark.file);
        file.order < until && (file.order >= from || behind_watermark)
    };
    let applied = ledger.index();
    let mut files: Vec<ChangeFile> = listing.iter().filter(wanted).filter(|file| !applied.has(file)).cloned().collect();
    files.sort_by(|a, b| a.order.cmp(&b.order));
    let mut bytes = 0_u64;
    let fits = |file: &&ChangeFile| {
        bytes = bytes.saturating_add(file.size);
        bytes <= limits.bytes
    };
    let count = files.iter().take(limits.files).take_while(fits).count().max(usize::from(!files.is_empty()));
    // An applied file that was overwritten comes along, whatever the limits: a late file before it brings it back into the
    // batch, and its old content is gone.
    let overwritten: Vec<ChangeFile> =
        files.iter().skip(count).filter(|file| applied.has_key(&file.key)).cloned().collect();
    let left = files.len() - count - overwritten.len();
    files.truncate(count);
    files.extend(overwritten);
    Pending { files, left }
}

/// A file with what its footer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedFile {
    pub file: ChangeFile,
    pub location: FileLocation,
    pub rows: u64,
    pub schema: FileSchema,
    /// None when the file has no change sequence, or no rows.
    pub sequences: Option<SequenceRange>,
}

/// The place from which applied files have to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayFrom {
    Order(FileOrder),
    Sequence(crate::position::ChangeSequence),
}

/// Whether a pending file stands before changes already applied.
///
/// By change sequence where both the file and the watermark have one, by name otherwise. A file without rows is never late.
pub fn is_late(file: &InspectedFile, ledger: &Ledger) -> bool {
    let Some(watermark) = &ledger.watermark else { return false };
    match (&file.sequences, &watermark.sequence) {
        (Some(range), Some(applied)) => range.first <= *applied || is_before_unsequenced(file, watermark, ledger),
        (None, _) | (_, None) => file.rows > 0 && file.file.order <= watermark.file,
    }
}

/// Whether changes without a sequence have been applied behind a file: against those, only its name can tell its place.
fn is_before_unsequenced(file: &InspectedFile, watermark: &Watermark, ledger: &Ledger) -> bool {
    let behind = |applied: &AppliedFile| applied.file.order > file.file.order;
    file.file.order <= watermark.file
        && ledger.files.iter().any(|applied| applied.rows > 0 && applied.sequences.is_none() && behind(applied))
}

/// From where on applied files must be read again, if a pending file is late: all that could hold a later change of its
/// keys. Both places are needed when some late files have a sequence and others don't.
pub fn find_replay(pending: &[InspectedFile], ledger: &Ledger) -> Vec<ReplayFrom> {
    let late: Vec<_> = pending.iter().filter(|file| is_late(file, ledger)).collect();
    let goes_by_sequence = |file: &&&InspectedFile| match &ledger.watermark {
        Some(watermark) => {
            let both = file.sequences.is_some() && watermark.sequence.is_some();
            both && !is_before_unsequenced(file, watermark, ledger)
        }
        None => false,
    };
    let by_sequence = late.iter().filter(goes_by_sequence).filter_map(|file| file.sequences.as_ref());
    let first_sequence = by_sequence.map(|range| range.first.clone()).min();
    let by_name = late.iter().filter(|file| !goes_by_sequence(file));
    let first_order = by_name.map(|file| file.file.order.clone()).min();
    first_sequence.map(ReplayFrom::Sequence).into_iter().chain(first_order.map(ReplayFrom::Order)).collect()
}

/// The applied files that a replay reads again, less those whose object has since been overwritten by a pending one.
pub fn replayed_files<'a>(
    applied: impl IntoIterator<Item = &'a AppliedFile>,
    from: &[ReplayFrom],
    pending: &[InspectedFile],
) -> Vec<&'a AppliedFile> {
    let overwritten: std::collections::HashSet<&str> = pending.iter().map(|file| file.file.key.as_str()).collect();
    let wanted = |file: &&AppliedFile| {
        from.iter().any(|from| match (from, &file.sequences) {
            (ReplayFrom::Sequence(first), Some(range)) => range.last >= *first,
            (ReplayFrom::Sequence(_), None) => false,
            (ReplayFrom::Order(first), _) => file.file.order >= *first,
        })
    };
    let replayed = applied.into_iter().filter(wanted).filter(|file| file.rows > 0);
    replayed.filter(|file| !overwritten.contains(file.file.key.as_str())).collect()
}

/// What to do at a file whose columns are not those known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaChangeRule {
    /// A dropped, renamed or retyped column is an error.
    Refuse,
    /// The operator has looked at the diff: files before the change make a batch of their own, and the change starts anew.
    Accept,
}

/// Freezes the next batch from the pending files and, if some are late, the applied files to read again.
///
/// Returns None when there is nothing to apply.
///
/// # Errors
/// The first file that changes the columns in a way that isn't carried over by itself.
pub fn plan_batch(
    table: &TableName,
    ledger: &Ledger,
    pending: Vec<InspectedFile>,
    replayed: Vec<InspectedFile>,
    rule: SchemaChangeRule,
) -> Result<Option<Batch>, SchemaConflict> {
    let role = |file: &InspectedFile| if is_late(file, ledger) { FileRole::Late } else { FileRole::New };
    let mut files: Vec<(FileRole, InspectedFile)> = pending.into_iter().map(|file| (role(&file), file)).collect();
    files.extend(replayed.into_iter().map(|file| (FileRole::Replayed, file)));
    files.sort_by(|(_, a), (_, b)| a.file.order.cmp(&b.file.order));
    let schema = unify(ledger, &mut files, rule)?;
    if files.is_empty() {
        return Ok(None);
    }
    let changed = || files.iter().map(|(_, file)| file).filter(|file| file.rows > 0);
    let order_by = match changed().next().is_some() && changed().all(|file| file.sequences.is_some()) {
        true => OrderBy::Sequence,
        false => OrderBy::FileName,
    };
    let mut after: Option<Watermark> = ledger.watermark.clone();
    for (_, file) in &files {
        let sequence = file.sequences.as_ref().map(|range| &range.last);
        after = Some(match after {
            Some(watermark) => watermark.advance(&file.file.order, sequence),
            None => Watermark { file: file.file.order.clone(), sequence: sequence.cloned() },
        });
    }
    let Some(after) = after else { return Ok(None) };
    let files = files.into_iter().map(|(role, file)| BatchFile {
        file: file.file,
        location: file.location,
        role,
        rows: file.rows,
        sequences: file.sequences,
    });
    Ok(Some(Batch::freeze(table.clone(), order_by, files.collect(), schema, after)))
}

fn unify(
    ledger: &Ledger,
    files: &mut Vec<(FileRole, InspectedFile)>,
    rule: SchemaChangeRule,
) -> Result<FileSchema, SchemaConflict> {
    // Each pass but the last cuts the list, and a list of one file always joins with nothing known: two passes at most.
    let mut known = ledger.schema.as_ref();
    loop {
        let age = |file: &InspectedFile| match &ledger.watermark {
            Some(watermark) if file.file.order <= watermark.file => FileAge::BeforeWatermark,
            Some(_) | None => FileAge::New,
        };
        let with_columns = files.iter().filter(|(_, file)| !file.schema.columns.is_empty());
        let result =
            unify_schemas(known, with_columns.map(|(_, file)| (file.file.key.as_str(), age(file), &file.schema)));
        let conflict = match (result, rule) {
            (Ok(schema), _) => return Ok(schema),
            (Err(conflict), SchemaChangeRule::Refuse) => return Err(conflict),
            (Err(conflict), SchemaChangeRule::Accept) => conflict,
        };
        let at = files.iter().position(|(_, file)| file.file.key == conflict.file).unwrap_or(0);
        match at {
            0 if known.is_none() => return Err(conflict),
            0 => known = None,
            at => files.truncate(at),
        }
    }
}

#[cfg(test)]
mod tests;
