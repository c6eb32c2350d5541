//! The load that a producer has written as files: found, judged, taken over into the work area.
//!
//! # Invariants
//! - A load is taken only when DMS, where it can be asked, says that it is finished, without errors, and with the rows that the
//!   files hold.
//! - What is loaded are copies in the work area; the producer's files are touched only after every target has committed.

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use quarrel_model::change_file::{ChangeFile, FileOrder};
use quarrel_model::config::{AfterLoad, Changes, Table};
use quarrel_model::full_load::{LoadProgress, check_rows, judge_load};
use quarrel_model::replace::LoadId;
use quarrel_model::schema::FileSchema;

use super::error::FullLoadError;
use super::rows::LoadPart;
use super::{FullLoadOptions, Repeat};
use crate::context::Context;
use crate::dms::Dms;
use crate::error::RunError;
use crate::inspect_load::inspect_load;
use crate::lake::ListedFile;

/// The first file of a load is written some time after its first row was read, and clocks differ: changes of this long before
/// it are applied again, which does no harm.
const START_MARGIN: chrono::Duration = chrono::Duration::hours(1);
/// Files copied at a time.
const COPY_CONCURRENCY: usize = 8;

/// A finished load, as its files are.
#[derive(Debug, Clone)]
pub(super) struct FoundLoad {
    pub(super) id: LoadId,
    pub(super) files: Vec<ChangeFile>,
    pub(super) schema: FileSchema,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Changes of files before it are contained in the load.
    pub(super) floor: FileOrder,
}

/// What was found in the change area.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// No full-load file; `told`: what DMS says of rows that it has written all the same.
    Nothing {
        told: Option<String>,
    },
    /// The producer is at it.
    Unfinished {
        reason: String,
    },
    Load(Box<FoundLoad>),
}

/// Looks for a finished load of a table.
///
/// # Errors
/// The load failed at the producer, or its files are not what it says they are.
pub(super) async fn find_load(
    context: &Context,
    table: &Table,
    changes: &Changes,
    options: &FullLoadOptions,
    run_id: &str,
) -> Result<Found, RunError> {
    let listed = context.lake.list_full_load(&changes.prefix).await?;
    let finished = match &changes.dms_task {
        None => None,
        Some(task) => match ask_dms(context, table, changes, task).await? {
            LoadProgress::Unfinished { reason } => return Ok(Found::Unfinished { reason }),
            LoadProgress::Finished { rows } => Some(rows),
        },
    };
    if listed.is_empty() {
        // A table without rows is no reason to empty one. Rows that DMS has written were loaded and cleaned away by an earlier
        // run, or lie elsewhere: that is for the operator to tell.
        let told = finished.filter(|rows| *rows > 0).map(|rows| {
            format!("DMS has written {rows} rows, and there are no full-load files: they were loaded before, or `changes.prefix` is wrong")
        });
        return Ok(Found::Nothing { told });
    }
    let load = inspect_load(&context.lake.changes, &listed, changes).await.map_err(FullLoadError::from)?;
    if let Some(expected) = finished {
        check_rows(expected, &load.files).map_err(FullLoadError::from)?;
    }
    let occasion = match options.repeat {
        Repeat::OnlyNew => "",
        Repeat::Again => run_id,
    };
    let identities: Vec<_> = load.files.iter().map(|file| file.file.identity()).collect();
    Ok(Found::Load(Box::new(FoundLoad {
        id: LoadId::of_files(&table.name, occasion, &identities),
        rows: load.files.iter().map(|file| file.rows).sum(),
        bytes: load.files.iter().map(|file| file.file.size).sum(),
        files: load.files.into_iter().map(|file| file.file).collect(),
        schema: load.schema,
        floor: FileOrder::at(start_of(&listed)),
    })))
}

fn start_of(listed: &[ListedFile]) -> DateTime<Utc> {
    let first = listed.iter().map(|file| file.modified).min().unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
    first.checked_sub_signed(START_MARGIN).unwrap_or(DateTime::<Utc>::UNIX_EPOCH)
}

async fn ask_dms(
    context: &Context,
    table: &Table,
    changes: &Changes,
    task: &str,
) -> Result<LoadProgress, FullLoadError> {
    let (schema, name) = source_name(table, changes)?;
    let region = context.config.lake.s3.as_ref().and_then(|s3| s3.region.as_deref());
    let (task, found) = Dms::open(region)?.describe(task, (&schema, &name)).await?;
    Ok(judge_load(&task, (&schema, &name), found.as_ref())?)
}

/// Schema and table as DMS names them: the source's, or else the last two folders of the prefix, which DMS names after them.
fn source_name(table: &Table, changes: &Changes) -> Result<(String, String), FullLoadError> {
    if let Some(source) = &table.source {
        let schema = source.table.schema.clone().unwrap_or_else(|| "public".to_owned());
        return Ok((schema, source.table.name.clone()));
    }
    let mut folders = changes.prefix.trim_end_matches('/').rsplit('/');
    match (folders.next(), folders.next()) {
        (Some(name), Some(schema)) => Ok((schema.to_owned(), name.to_owned())),
        (Some(_) | None, _) => Err(FullLoadError::UnknownTable { prefix: changes.prefix.clone() }),
    }
}

/// Drops the copies of earlier loads and copies the files of this one, as far as an earlier attempt has not.
///
/// # Errors
/// Copying failed, or a copy is not whole.
pub(super) async fn take_over(context: &Context, table: &Table, load: &FoundLoad) -> Result<Vec<LoadPart>, RunError> {
    let folder = folder_of(context, table, &load.id);
    context.lake.drop_earlier_loads(&table.name, &folder).await?;
    let copies = load.files.iter().enumerate().map(|(number, file)| {
        let to = folder.clone().join(format!("{number:06}.parquet"));
        async move { copy_file(context, file, to).await }
    });
    futures::stream::iter(copies.collect::<Vec<_>>()).buffered(COPY_CONCURRENCY).try_collect().await
}

async fn copy_file(context: &Context, file: &ChangeFile, to: Path) -> Result<LoadPart, RunError> {
    let found = context.lake.work.head(&to).await?.filter(|found| found.size == file.size);
    let found = match found {
        Some(found) => found,
        None => context.lake.copy_whole(file, &to).await?,
    };
    Ok(LoadPart { name: file.key.clone(), key: to, bytes: found.size, etag: found.e_tag })
}

fn folder_of(context: &Context, table: &Table, load: &LoadId) -> Path {
    context.lake.full_load_folder(&table.name).join(load.0.as_str())
}

/// Removes the producer's files once every target has them, as the configuration says; how many.
///
/// # Errors
/// A file can't be deleted; the next run tries again.
pub(super) async fn clean(
    context: &Context,
    table: &Table,
    changes: &Changes,
    load: &FoundLoad,
) -> Result<usize, RunError> {
    match changes.after_load {
        AfterLoad::Keep => return Ok(0),
        // The copies in the work area are the archive.
        AfterLoad::Archive => context.lake.delete(&load.files).await?,
        AfterLoad::Delete => {
            context.lake.delete(&load.files).await?;
            context.lake.work.delete_folder(&folder_of(context, table, &load.id)).await?;
        }
    }
    Ok(load.files.len())
}
