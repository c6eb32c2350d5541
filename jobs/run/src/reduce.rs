//! Reduces a batch on the cluster to one row a key, and keeps the manifest of what was written.
//!
//! # Invariants
//! - Every attempt writes below a prefix of its own; what a manifest doesn't name is litter, and is swept with the batch.
//! - Only manifests come back from the cluster: rows stay in the lake.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use object_store::path::Path;
use quarrel_executor::change_table::{ChangeTable, ChangeTableError, PinnedFile};
use quarrel_model::batch::{Area, Batch, BatchId};
use quarrel_model::config::Changes;
use quarrel_model::position::OrderBy;
use quarrel_sql::RenderError;
use quarrel_sql::reduce::Reduction;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::cluster::{Cluster, ClusterError, PartJob};
use crate::inspect::arrow_type;
use crate::lake::{Lake, LakeError};
use crate::state::{StateError, StateStore};

/// Name under which the batch's changes are registered.
const CHANGES: &str = "changes";

/// The step of a reduction that failed.
#[derive(Debug, thiserror::Error)]
pub enum ReduceError {
    #[error("failed to reduce batch {batch} on the cluster")]
    Cluster { batch: BatchId, source: ClusterError },
    #[error("failed to describe the files of batch {batch}")]
    Table { batch: BatchId, source: ChangeTableError },
    #[error("failed to render the reduction")]
    Render { source: RenderError },
    #[error("change files have a data column `{column}`, a name that Quarrel needs for itself")]
    ReservedColumn { column: String },
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("`{url}` is no URL")]
    Url { url: String, source: url::ParseError },
}

/// What a reduction wrote: the parts to load, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub batch: BatchId,
    /// Data columns, in the order they stand in the parts.
    pub columns: Vec<String>,
    pub parts: Vec<ManifestPart>,
}

/// One object of a reduced batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// Key within the work area's store.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
}

impl Manifest {
    /// Rows of all parts.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }
}

/// The arguments of a reduction.
#[derive(Debug, Clone, Copy)]
pub struct ReduceContext<'a> {
    pub cluster: &'a Cluster,
    pub lake: &'a Lake,
    pub state: &'a StateStore,
    pub changes: &'a Changes,
    pub key: &'a [String],
    pub deadline: Duration,
}

/// Reduces a batch, or takes what an earlier attempt left whole.
///
/// `columns` are the data columns wanted, in the order wanted.
///
/// # Errors
/// The step that failed. The cluster's job does not go on.
pub async fn reduce_batch(
    context: ReduceContext<'_>,
    batch: &Batch,
    columns: &[String],
    cancel: &CancellationToken,
) -> Result<Manifest, ReduceError> {
    if let Some(found) = find_manifest(context, batch, columns).await? {
        return Ok(found);
    }
    let folder = context.lake.batches_folder(&batch.table).join(batch.id.0.as_str());
    let attempt = folder.join(Uuid::now_v7().to_string());
    let parts = match batch.changes() {
        0 => Vec::new(),
        _ => write_parts(context, batch, columns, &attempt, cancel).await?,
    };
    let manifest = Manifest { batch: batch.id.clone(), columns: columns.to_vec(), parts };
    let json = serde_json::to_string(&manifest).map_err(|source| StateError::Json { what: "a manifest", source })?;
    context.lake.work.write(&attempt.join("manifest.json"), json.clone()).await?;
    context.state.batch_reduced(batch, json).await?;
    Ok(manifest)
}

async fn write_parts(
    context: ReduceContext<'_>,
    batch: &Batch,
    columns: &[String],
    attempt: &Path,
    cancel: &CancellationToken,
) -> Result<Vec<ManifestPart>, ReduceError> {
    let table = change_table(context, batch, attempt).await?;
    let reduction = Reduction {
        changes: CHANGES,
        order_by: batch.order_by,
        operation: &context.changes.operation_column,
        sequence: &context.changes.sequence_column,
        key: context.key,
        columns,
    };
    let sql = quarrel_sql::reduce::reduce(&reduction).map_err(|source| ReduceError::Render { source })?;
    let url = format!("{}/", context.lake.work.url_of(&attempt.clone().join("parts")));
    let prefix = Url::parse(&url).map_err(|source| ReduceError::Url { url, source })?;
    let job = PartJob {
        name: format!("reduce {} {}", batch.table, batch.id),
        tables: vec![(CHANGES.to_owned(), Arc::new(table))],
        sql: sql.as_str().to_owned(),
        prefix,
        deadline: context.deadline,
    };
    let (state, identity) = (context.state.clone(), (batch.table.clone(), batch.id.clone()));
    let submitted = move |job: &str| {
        let (state, identity, job) = (state.clone(), identity.clone(), job.to_owned());
        // Only history: a run after a crash cancels the job it finds here. Losing the note costs cluster time, no rows.
        tokio::spawn(async move {
            if let Err(error) = state.batch_submitted((&identity.0, &identity.1), Some(&job)).await {
                tracing::warn!(error = %error, job, "could not record the cluster's job");
            }
        });
    };
    let parts = context.cluster.write_parts(&job, submitted, cancel).await;
    let parts = parts.map_err(|source| ReduceError::Cluster { batch: batch.id.clone(), source })?;
    Ok(parts.into_iter().map(|part| ManifestPart { path: part.path, rows: part.rows, bytes: part.bytes }).collect())
}

/// The batch's files as one table. Files in two stores are gathered in the work area first.
async fn change_table(context: ReduceContext<'_>, batch: &Batch, attempt: &Path) -> Result<ChangeTable, ReduceError> {
    let lake = context.lake;
    let archived = batch.files.iter().any(|file| file.location.area == Area::Archive);
    let gather = archived && lake.changes.store_url != lake.work.store_url;
    let mut pinned = Vec::with_capacity(batch.files.len());
    for (ordinal, file) in batch.changed_files().enumerate() {
        let location = &file.location;
        pinned.push(match (gather, location.area) {
            (true, Area::Changes) => {
                let copy = lake.gather(location, &attempt.clone().join("input").join(format!("{ordinal}"))).await?;
                PinnedFile { path: copy.location.to_string(), size: copy.size, etag: copy.e_tag }
            }
            (true, Area::Archive) | (false, _) => {
                PinnedFile { path: location.key.clone(), size: file.file.size, etag: location.etag.clone() }
            }
        });
    }
    let store_url = if archived { &lake.work.store_url } else { &lake.changes.store_url };
    let schema = file_schema(context.changes, batch)?;
    ChangeTable::new(store_url, pinned, &schema)
        .map_err(|source| ReduceError::Table { batch: batch.id.clone(), source })
}

fn file_schema(changes: &Changes, batch: &Batch) -> Result<Schema, ReduceError> {
    let mut fields = vec![Field::new(&changes.operation_column, DataType::Utf8, true)];
    if batch.order_by == OrderBy::Sequence {
        fields.push(Field::new(&changes.sequence_column, DataType::Utf8, true));
    }
    for column in &batch.schema.columns {
        if column.name == quarrel_connect::reduced::OPERATION {
            return Err(ReduceError::ReservedColumn { column: column.name.clone() });
        }
        fields.push(Field::new(&column.name, arrow_type(&column.column_type), true));
    }
    Ok(Schema::new(fields))
}

/// The manifest of an earlier attempt, if all its parts are still there, whole.
async fn find_manifest(
    context: ReduceContext<'_>,
    batch: &Batch,
    columns: &[String],
) -> Result<Option<Manifest>, ReduceError> {
    let Some(json) = context.state.reduced_manifest(batch).await? else { return Ok(None) };
    let Ok(manifest) = serde_json::from_str::<Manifest>(&json) else { return Ok(None) };
    if manifest.batch != batch.id || manifest.columns != columns {
        return Ok(None);
    }
    for part in &manifest.parts {
        let found = context.lake.work.head(&Path::from(part.path.as_str())).await?;
        if found.is_none_or(|found| found.size != part.bytes) {
            return Ok(None);
        }
    }
    Ok(Some(manifest))
}
