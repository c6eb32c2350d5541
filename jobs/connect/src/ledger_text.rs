//! The ledger's rows as every engine stores them: texts and integers, read back into the model's types.

use quarrel_model::batch::BatchId;
use quarrel_model::change_file::{ChangeFile, FileOrder};
use quarrel_model::ledger::{AppliedFile, Epoch, Fence, Ledger, LedgerFrom};
use quarrel_model::names::TableName;
use quarrel_model::position::{ChangeSequence, SequenceRange, Watermark};
use quarrel_model::replace::{PartReceipt, ReplacePlan, ReplaceReceipt};
use quarrel_model::target::{LoadOutcome, LoadPlan, LoadReceipt};

use crate::target::{TargetError, is_fenced_off};

/// epoch, holder, watermark_file, watermark_sequence, schema_json, last_batch
pub(crate) type StoredTable = (i64, String, Option<String>, Option<String>, Option<String>, Option<String>);

/// epoch, holder, last_batch
pub(crate) type StoredFence = (i64, String, Option<String>);

/// file_key, etag, size, file_order, sequence_first, sequence_last, rows, batch_id
pub(crate) type StoredFile = (String, Option<String>, i64, String, Option<String>, Option<String>, i64, String);

/// digest, rows, upserts, deletes, quarantined
pub(crate) type StoredBatch = (String, i64, i64, i64, i64);

/// The bounds of a read: first order, first sequence.
pub(crate) fn bounds(from: &LedgerFrom) -> (Option<&str>, Option<&str>) {
    match from {
        LedgerFrom::Order(order) => (Some(order.as_str()), None),
        LedgerFrom::Sequence(sequence) => (None, Some(sequence.0.as_str())),
        LedgerFrom::Beginning => (None, None),
    }
}

/// The ledger without its files.
pub(crate) fn ledger(table: &TableName, stored: Option<StoredTable>) -> Result<Ledger, TargetError> {
    let Some((epoch, holder, file, sequence, schema, last_batch)) = stored else { return Ok(Ledger::default()) };
    let corrupt = |error: serde_json::Error| TargetError::CorruptLedger {
        table: table.clone(),
        detail: format!("schema_json: {error}"),
    };
    Ok(Ledger {
        fence: Some(Fence { epoch: Epoch(epoch), holder }),
        watermark: file
            .map(|file| Watermark { file: FileOrder::from_stored(file), sequence: sequence.map(ChangeSequence) }),
        last_batch: last_batch.map(BatchId),
        schema: schema.map(|schema| serde_json::from_str(&schema)).transpose().map_err(corrupt)?,
        floor: None,
        files: Vec::new(),
    })
}

/// An applied file.
pub(crate) fn applied_file(table: &TableName, stored: StoredFile) -> Result<AppliedFile, TargetError> {
    let (key, etag, size, order, first, last, rows, batch) = stored;
    let sequences = match (first, last) {
        (Some(first), Some(last)) => Some(SequenceRange { first: ChangeSequence(first), last: ChangeSequence(last) }),
        (None, _) | (_, None) => None,
    };
    Ok(AppliedFile {
        rows: count(table, "rows", rows)?,
        file: ChangeFile { etag, size: count(table, "size", size)?, order: FileOrder::from_stored(order), key },
        sequences,
        batch: BatchId(batch),
    })
}

/// What an applied batch did, for a caller that asks for it again.
fn repeated_receipt(plan: &LoadPlan, stored: StoredBatch) -> Result<LoadReceipt, TargetError> {
    let (digest, rows, upserts, deletes, quarantined) = stored;
    let table = &plan.table;
    if digest != plan.digest.0 {
        let detail = format!("batch {} is there with another digest", plan.batch);
        return Err(TargetError::CorruptLedger { table: table.clone(), detail });
    }
    Ok(LoadReceipt {
        outcome: LoadOutcome::AlreadyApplied,
        rows: count(table, "rows", rows)?,
        upserts: count(table, "upserts", upserts)?,
        deletes: count(table, "deletes", deletes)?,
        quarantined: count(table, "quarantined", quarantined)?,
        stage_seconds: 0.0,
        merge_seconds: 0.0,
    })
}

/// The fence of a plan, which a run fills in.
pub(crate) fn held_fence(plan: &LoadPlan) -> Result<&Fence, TargetError> {
    plan.fence.as_ref().ok_or_else(|| TargetError::Refused {
        table: plan.target.clone(),
        what: "a load",
        why: "its plan has no fence".to_owned(),
    })
}

/// The fence of a full load, which a run fills in.
pub(crate) fn replace_fence(plan: &ReplacePlan) -> Result<&Fence, TargetError> {
    plan.fence.as_ref().ok_or_else(|| TargetError::Refused {
        table: plan.target.clone(),
        what: "a full load",
        why: "its plan has no fence".to_owned(),
    })
}

/// What the ledger says of a full load before it is begun, and before it is swapped in: its receipt, when that has happened.
///
/// # Errors
/// Another run has fenced this one off.
pub(crate) fn check_replace(
    plan: &ReplacePlan,
    found: Option<StoredFence>,
    applied: Option<StoredBatch>,
) -> Result<Option<ReplaceReceipt>, TargetError> {
    check_fence(&plan.table, replace_fence(plan)?, found)?;
    let Some((_, rows, ..)) = applied else { return Ok(None) };
    let rows = count(&plan.table, "rows", rows)?;
    Ok(Some(ReplaceReceipt { outcome: LoadOutcome::AlreadyApplied, rows, build_seconds: 0.0, swap_seconds: 0.0 }))
}

/// The last batch, when the fence that is found does not keep the one that is held off.
fn check_fence(table: &TableName, held: &Fence, found: Option<StoredFence>) -> Result<Option<BatchId>, TargetError> {
    let Some((epoch, holder, last_batch)) = found else { return Ok(None) };
    let found = Fence { epoch: Epoch(epoch), holder };
    if is_fenced_off(held, Some(&found)) {
        let (table, holder) = (table.clone(), found.holder);
        return Err(TargetError::Fenced { table, held: held.epoch, found: found.epoch, holder });
    }
    Ok(last_batch.map(BatchId))
}

/// A part as it was recorded: name, rows, quarantined.
pub(crate) fn recorded_part(
    table: &TableName,
    (part, rows, quarantined): (String, i64, i64),
) -> Result<PartReceipt, TargetError> {
    let (rows, quarantined) = (count(table, "rows", rows)?, count(table, "quarantined", quarantined)?);
    Ok(PartReceipt { part, rows, quarantined })
}

/// What the ledger says of a load before it is begun: the receipt of its batch, when that has been applied.
///
/// # Errors
/// Another run has fenced this one off, or another batch was applied after the plan was made.
pub(crate) fn check_load(
    plan: &LoadPlan,
    found: Option<StoredFence>,
    applied: Option<StoredBatch>,
) -> Result<Option<LoadReceipt>, TargetError> {
    let last_batch = check_fence(&plan.table, held_fence(plan)?, found)?;
    if let Some(stored) = applied {
        return repeated_receipt(plan, stored).map(Some);
    }
    match last_batch {
        Some(found) if plan.after.as_ref() != Some(&found) => {
            Err(TargetError::Moved { table: plan.table.clone(), found })
        }
        None if plan.after.is_some() => Err(TargetError::CorruptLedger {
            table: plan.table.clone(),
            detail: "the batch that this load was planned after is no longer there".to_owned(),
        }),
        Some(_) | None => Ok(None),
    }
}

/// A count as databases store it.
pub(crate) fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn count(table: &TableName, column: &str, stored: i64) -> Result<u64, TargetError> {
    u64::try_from(stored)
        .map_err(|_| TargetError::CorruptLedger { table: table.clone(), detail: format!("{column} is {stored}") })
}
