//! Collects the next batches of a table: listing, ledgers and footers in, frozen batches out.
//!
//! Targets that lack the same files share a batch, and its reduction. A target that was away catches up with a batch of its
//! own and holds nobody back.
//!
//! # Invariants
//! - The decisions are `quarrel_model::collect`'s; this only reads what they need.
//! - Nothing is touched.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use quarrel_connect::target::{Target, TargetError};
use quarrel_model::batch::{Area, Batch, BatchId, FileLocation};
use quarrel_model::change_file::FileOrder;
use quarrel_model::collect::{
    BatchLimits, InspectedFile, ReplayFrom, SchemaChangeRule, TimeWindow, find_replay, is_late, plan_batch,
    replayed_files, select_pending,
};
use quarrel_model::config::{Changes, Table};
use quarrel_model::ledger::{AppliedFile, Fence, Ledger, LedgerFrom, same_object};
use quarrel_model::names::QualifiedName;
use quarrel_model::schema::SchemaConflict;

use crate::inspect::{InspectCache, InspectError, inspect_files};
use crate::lake::{Lake, LakeError, ListedFile, Listing};

/// Keys named when a late file can't be replayed.
const KEYS_NAMED_MAX: usize = 20;

/// Why no batch could be made.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error(transparent)]
    Schema(#[from] SchemaConflict),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(
        "change file `{late}` came late, and `{missing}`, which was applied after it, is gone; the keys it touches may hold \
         older values once it is applied: {keys}"
    )]
    ReplayGone { late: String, missing: String, keys: String },
}

/// A target of a table, with its place among the table's targets.
#[derive(Debug, Clone)]
pub struct TargetOfTable {
    pub index: usize,
    pub connection: Arc<dyn Target>,
    pub table: QualifiedName,
}

/// A target that lacks a batch, with its ledger's state when the batch was planned.
#[derive(Debug, Clone)]
pub struct Member {
    pub index: usize,
    /// The batch as this target sees it: roles and watermark are its own.
    pub batch: Batch,
    pub fence: Option<Fence>,
    pub last_batch: Option<BatchId>,
}

/// A batch and the targets that lack it: the same files, columns and order for all.
#[derive(Debug, Clone)]
pub struct BatchGroup {
    /// Never empty.
    pub members: Vec<Member>,
}

impl BatchGroup {
    /// The batch to reduce.
    pub fn batch(&self) -> &Batch {
        &self.members[0].batch
    }
}

/// What one round of collecting found.
#[derive(Debug, Default)]
pub struct Collected {
    pub groups: Vec<BatchGroup>,
    /// Targets that could not be planned for.
    pub failed: Vec<(usize, CollectError)>,
    /// Pending files that limits or an unfinished file left for a later round.
    pub left: usize,
    pub unfinished: Option<String>,
}

/// The arguments that don't change between rounds.
#[derive(Debug, Clone)]
pub struct CollectContext<'a> {
    pub lake: &'a Lake,
    pub table: &'a Table,
    pub changes: &'a Changes,
    pub window: TimeWindow,
    pub limits: BatchLimits,
    pub rule: SchemaChangeRule,
    pub now: DateTime<Utc>,
}

/// Makes the next batch of each target, and joins those that are the same.
///
/// # Errors
/// Listing failed, or a change file has no place in the order; a single target's trouble is in `failed`.
pub async fn collect(
    context: &CollectContext<'_>,
    listing: &Listing,
    targets: &[TargetOfTable],
    cache: &mut InspectCache,
) -> Result<Collected, CollectError> {
    let mut collected = Collected::default();
    for target in targets {
        let index = &target.index;
        match collect_for(context, listing, target, cache).await {
            Ok(found) => {
                collected.left = collected.left.max(found.left);
                collected.unfinished = collected.unfinished.take().or(found.unfinished);
                if let Some(batch) = found.batch {
                    let (fence, last_batch) = (found.fence, found.last_batch);
                    join(&mut collected.groups, Member { index: *index, batch, fence, last_batch });
                }
            }
            Err(error) => collected.failed.push((*index, error)),
        }
    }
    Ok(collected)
}

fn join(groups: &mut Vec<BatchGroup>, member: Member) {
    let batch = &member.batch;
    let same = |group: &&mut BatchGroup| {
        let first = group.batch();
        first.id == batch.id && first.schema == batch.schema && first.order_by == batch.order_by
    };
    match groups.iter_mut().find(same) {
        Some(group) => group.members.push(member),
        None => groups.push(BatchGroup { members: vec![member] }),
    }
}

struct Found {
    batch: Option<Batch>,
    fence: Option<Fence>,
    last_batch: Option<BatchId>,
    left: usize,
    unfinished: Option<String>,
}

async fn collect_for(
    context: &CollectContext<'_>,
    listing: &Listing,
    target: &TargetOfTable,
    cache: &mut InspectCache,
) -> Result<Found, CollectError> {
    let from = LedgerFrom::Order(FileOrder::at(context.window.from));
    let ledger = target.connection.read_ledger(&context.table.name, &target.table, &from).await?;
    let files: Vec<_> = listing.files.iter().map(|listed| listed.file.clone()).collect();
    let pending = select_pending(&files, &ledger, context.window, context.limits);
    let listed: HashMap<&str, &ListedFile> = listing.files.iter().map(|l| (l.file.key.as_str(), l)).collect();
    let pending_listed: Vec<ListedFile> =
        pending.files.iter().filter_map(|file| listed.get(file.key.as_str()).map(|l| (*l).clone())).collect();
    let inspection = inspect_files(&context.lake.changes, &pending_listed, context.changes, context.now, cache).await?;
    let left = pending.left + pending_listed.len() - inspection.files.len();
    let replayed = locate_replay(context, listing, target, &ledger, &inspection.files, cache).await?;
    let batch = plan_batch(&context.table.name, &ledger, inspection.files, replayed, context.rule)?;
    let (fence, last_batch) = (ledger.fence, ledger.last_batch);
    Ok(Found { batch, fence, last_batch, left, unfinished: inspection.unfinished })
}

/// Finds the applied files that late ones bring back, in the change area or in the archive.
async fn locate_replay(
    context: &CollectContext<'_>,
    listing: &Listing,
    target: &TargetOfTable,
    ledger: &Ledger,
    pending: &[InspectedFile],
    cache: &mut InspectCache,
) -> Result<Vec<InspectedFile>, CollectError> {
    let from = find_replay(pending, ledger);
    let mut applied: Vec<AppliedFile> = Vec::new();
    for place in &from {
        let from = match place {
            ReplayFrom::Order(order) => LedgerFrom::Order(order.clone()),
            ReplayFrom::Sequence(sequence) => LedgerFrom::Sequence(sequence.clone()),
        };
        applied.extend(target.connection.read_applied(&context.table.name, &target.table, &from).await?);
    }
    applied.sort_by(|a, b| a.file.order.cmp(&b.file.order));
    applied.dedup_by(|a, b| a.file == b.file);
    let wanted = replayed_files(&applied, &from, pending);
    let (mut at_source, mut archived) = (Vec::new(), Vec::new());
    let listed: HashMap<&str, &ListedFile> = listing.files.iter().map(|l| (l.file.key.as_str(), l)).collect();
    for file in wanted {
        let found = listed.get(file.file.key.as_str());
        if let Some(found) = found.filter(|l| same_object(&l.file.identity(), &file.file.identity())) {
            at_source.push((*found).clone());
            continue;
        }
        match find_archived(context, file).await? {
            Some(found) => archived.push(found),
            None => return Err(replay_gone(context, ledger, pending, file).await),
        }
    }
    let lake = context.lake;
    let changes = context.changes;
    let mut files = inspect_files(&lake.changes, &at_source, changes, context.now, cache).await?.files;
    files.extend(inspect_files(&lake.work, &archived, changes, context.now, cache).await?.files);
    Ok(files)
}

async fn find_archived(context: &CollectContext<'_>, file: &AppliedFile) -> Result<Option<ListedFile>, LakeError> {
    let key = context.lake.archive_key(&context.table.name, &file.file.key);
    let found = context.lake.work.head(&key).await?.filter(|found| found.size == file.file.size);
    Ok(found.map(|found| {
        let location = FileLocation { area: Area::Archive, key: key.to_string(), etag: found.e_tag };
        ListedFile { file: file.file.clone(), location, modified: found.last_modified }
    }))
}

async fn replay_gone(
    context: &CollectContext<'_>,
    ledger: &Ledger,
    pending: &[InspectedFile],
    missing: &AppliedFile,
) -> CollectError {
    let late = pending.iter().find(|file| is_late(file, ledger));
    let keys = match late {
        Some(late) => read_keys(context, late).await.unwrap_or_else(|error| format!("(unreadable: {error})")),
        None => String::new(),
    };
    CollectError::ReplayGone {
        late: late.map(|late| late.file.key.clone()).unwrap_or_default(),
        missing: missing.file.key.clone(),
        keys,
    }
}

/// The first keys of a change file, as text.
async fn read_keys(context: &CollectContext<'_>, file: &InspectedFile) -> Result<String, ParquetError> {
    use datafusion::arrow::util::display::array_value_to_string;
    let area = context.lake.area(file.location.area);
    let location = &file.location;
    let reader = area
        .open_parquet(&location.key, file.file.size, location.etag.clone())
        .await
        .map_err(|error| ParquetError::External(Box::new(error)))?;
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
    let key = &context.table.key;
    let roots = key.iter().filter_map(|name| builder.schema().index_of(name).ok());
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let mut batches = builder.with_projection(mask).with_limit(KEYS_NAMED_MAX).build()?;
    let mut keys = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| array_value_to_string(column, row));
            let values: Vec<String> = values.collect::<Result<_, _>>()?;
            keys.push(values.join("/"));
        }
    }
    keys.sort();
    keys.dedup();
    let more = if file.rows as usize > KEYS_NAMED_MAX { ", …" } else { "" };
    Ok(format!("{}{more}", keys.join(", ")))
}
