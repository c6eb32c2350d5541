//! The lake: listing change files, moving them away, and keeping what runs write.
//!
//! # Invariants
//! - A file is removed only as the object that was applied: key, ETag and size are compared first.
//! - Archiving copies, then deletes: a crash between the two leaves both, and the next run deletes again.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutPayload};
use quarrel_executor::pinned_reader::{OpenedFile, PinnedSource, ReadError, ReadMode, open_file};
use quarrel_executor::stores::{StoreError, StoreSettings, open_store};
use quarrel_model::batch::{Area, FileLocation};
use quarrel_model::change_file::{ChangeFile, FileOrder, ObjectKind, UnknownFileName, classify_dms};
use quarrel_model::config::LakeUrl;
use quarrel_model::ledger::same_object;
use quarrel_model::names::TableName;
use url::Url;

/// Objects that one listing may return: memory for a listing is bounded, at some 200 bytes each.
const LISTING_MAX: usize = 2_000_000;
/// Objects moved or deleted at a time.
const CLEAN_CONCURRENCY: usize = 16;

/// The step on the lake that failed.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("failed to open the lake at {url}")]
    Open { url: String, source: Box<StoreError> },
    #[error("`{url}` is no URL")]
    Url { url: String, source: url::ParseError },
    #[error("failed to list {url}")]
    List { url: String, source: object_store::Error },
    #[error("{url} holds more than {LISTING_MAX} objects")]
    TooMany { url: String },
    #[error(transparent)]
    Name(#[from] UnknownFileName),
    #[error("failed to read {key}")]
    Read { key: String, source: object_store::Error },
    #[error("failed to write {key}")]
    Write { key: String, source: object_store::Error },
    #[error("failed to archive {key}")]
    Archive { key: String, source: object_store::Error },
    #[error("{key} was changed since it was listed")]
    Changed { key: String },
    #[error("failed to delete {key}")]
    Delete { key: String, source: object_store::Error },
}

/// One area of the lake: a folder of a store.
#[derive(Debug, Clone)]
pub struct LakeArea {
    pub store: Arc<dyn ObjectStore>,
    /// `s3://bucket/` or `file:///`: the root that keys are relative to.
    pub store_url: String,
    /// The area's folder, without slashes around it.
    pub prefix: Path,
}

/// Both areas.
#[derive(Debug, Clone)]
pub struct Lake {
    pub changes: LakeArea,
    pub work: LakeArea,
}

/// A change file as listed, with the time its store says it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    pub file: ChangeFile,
    pub location: FileLocation,
    pub modified: DateTime<Utc>,
}

/// What a table's folder in the change area holds.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// In order.
    pub files: Vec<ListedFile>,
    /// Full-load files, which CDC leaves alone.
    pub full_load_files: usize,
    pub other_objects: usize,
}

impl LakeArea {
    /// Opens an area.
    ///
    /// # Errors
    /// The URL's store can't be opened.
    pub fn open(url: &LakeUrl, settings: &StoreSettings) -> Result<Self, LakeError> {
        let text = url.to_string();
        let parsed = Url::parse(&text).map_err(|source| LakeError::Url { url: text.clone(), source })?;
        let (store, prefix) = open_store(settings, &parsed)
            .map_err(|source| LakeError::Open { url: text.clone(), source: Box::new(source) })?;
        let store_url = match url {
            LakeUrl::S3 { bucket, .. } => format!("s3://{bucket}/"),
            LakeUrl::File { .. } => "file:///".to_owned(),
        };
        Ok(LakeArea { store, store_url, prefix })
    }

    /// The key of an object below this area.
    pub fn key(&self, relative: &str) -> Path {
        below(&self.prefix, relative)
    }

    /// The URL of an object.
    pub fn url_of(&self, key: &Path) -> String {
        format!("{}{key}", self.store_url)
    }

    async fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>, LakeError> {
        let url = || self.url_of(folder);
        let listed = self.store.list(Some(folder)).take(LISTING_MAX + 1).try_collect::<Vec<_>>().await;
        let objects = match listed {
            Ok(objects) => objects,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(source) => return Err(LakeError::List { url: url(), source }),
        };
        if objects.len() > LISTING_MAX { Err(LakeError::TooMany { url: url() }) } else { Ok(objects) }
    }

    /// Opens a Parquet object as the version it was listed as: another version is an error.
    ///
    /// # Errors
    /// It is gone, was changed, can't be read, or is not Parquet.
    pub async fn open_parquet(&self, key: &str, size: u64, etag: Option<String>) -> Result<OpenedFile, ReadError> {
        let store = Arc::clone(&self.store);
        let source = PinnedSource::new(store, &self.store_url, path_of(key), size, etag);
        open_file(Arc::new(source), ReadMode::Ranges).await
    }

    /// Reads a small object whole; None when there is none.
    ///
    /// # Errors
    /// Reading failed.
    pub async fn read(&self, key: &Path) -> Result<Option<bytes::Bytes>, LakeError> {
        let failed = |source| LakeError::Read { key: key.to_string(), source };
        match self.store.get(key).await {
            Ok(found) => found.bytes().await.map(Some).map_err(failed),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(failed(source)),
        }
    }

    /// Writes a small object whole.
    ///
    /// # Errors
    /// Writing failed.
    pub async fn write(&self, key: &Path, bytes: impl Into<PutPayload>) -> Result<(), LakeError> {
        let put = self.store.put(key, bytes.into()).await;
        put.map(drop).map_err(|source| LakeError::Write { key: key.to_string(), source })
    }

    /// What the store says of an object; None when there is none.
    ///
    /// # Errors
    /// Asking failed.
    pub async fn head(&self, key: &Path) -> Result<Option<ObjectMeta>, LakeError> {
        match self.store.head(key).await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(LakeError::Read { key: key.to_string(), source }),
        }
    }

    /// Deletes everything below a folder of this area; gives the number of objects.
    ///
    /// # Errors
    /// Listing or the first deletion that failed.
    pub async fn delete_folder(&self, folder: &Path) -> Result<usize, LakeError> {
        let objects = self.list(folder).await?;
        let count = objects.len();
        futures::stream::iter(objects)
            .map(|object| self.delete_owned(object.location))
            .buffer_unordered(CLEAN_CONCURRENCY)
            .try_collect::<()>()
            .await?;
        Ok(count)
    }

    async fn delete_owned(&self, key: Path) -> Result<(), LakeError> {
        self.delete(&key).await
    }

    async fn delete(&self, key: &Path) -> Result<(), LakeError> {
        match self.store.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(LakeError::Delete { key: key.to_string(), source }),
        }
    }
}

impl Lake {
    /// Lists the change files of one table.
    ///
    /// # Errors
    /// Listing failed, or a Parquet file's name gives it no place in the order.
    pub async fn list_changes(&self, prefix: &str) -> Result<Listing, LakeError> {
        let mut listing = Listing::default();
        for object in self.changes.list(&self.changes.key(prefix)).await? {
            let key = object.location.to_string();
            match classify_dms(&key)? {
                ObjectKind::FullLoad => listing.full_load_files += 1,
                ObjectKind::Other => listing.other_objects += 1,
                ObjectKind::Change(order) => {
                    let file = ChangeFile { key, etag: object.e_tag, size: object.size, order };
                    let location = FileLocation::at_source(&file);
                    listing.files.push(ListedFile { file, location, modified: object.last_modified });
                }
            }
        }
        listing.files.sort_by(|a, b| a.file.order.cmp(&b.file.order));
        Ok(listing)
    }

    /// Lists the full-load files of one table, by key. Their order says nothing: a load's rows have no order.
    ///
    /// # Errors
    /// Listing failed, or a Parquet file is neither a full-load file nor a change file by its name.
    pub async fn list_full_load(&self, prefix: &str) -> Result<Vec<ListedFile>, LakeError> {
        let mut files = Vec::new();
        for object in self.changes.list(&self.changes.key(prefix)).await? {
            let key = object.location.to_string();
            match classify_dms(&key)? {
                ObjectKind::FullLoad => {
                    let order = FileOrder::from_stored(key.clone());
                    let file = ChangeFile { key, etag: object.e_tag, size: object.size, order };
                    let location = FileLocation::at_source(&file);
                    files.push(ListedFile { file, location, modified: object.last_modified });
                }
                ObjectKind::Other | ObjectKind::Change(_) => {}
            }
        }
        files.sort_by(|a, b| a.file.key.cmp(&b.file.key));
        Ok(files)
    }

    /// The folder of a table's full loads: a folder for each load.
    pub fn full_load_folder(&self, table: &TableName) -> Path {
        self.work.prefix.clone().join("full_load").join(table.0.as_str())
    }

    /// The folder of a table's migrations, one JSON document each.
    pub fn migrations_folder(&self, table: &TableName) -> Path {
        self.work.prefix.clone().join("migrations").join(table.0.as_str())
    }

    /// Puts an archived change file back to where it came from; whether it was in the archive.
    ///
    /// # Errors
    /// Copying or deleting failed: it is then in the archive still, or in both places.
    pub async fn restore(&self, table: &TableName, file: &ChangeFile) -> Result<bool, LakeError> {
        let archived = self.archive_key(table, &file.key);
        if self.work.head(&archived).await?.is_none_or(|found| found.size != file.size) {
            return Ok(false);
        }
        let to = path_of(&file.key);
        let failed = |source| LakeError::Archive { key: file.key.clone(), source };
        if self.changes.store_url == self.work.store_url {
            self.changes.store.copy(&archived, &to).await.map_err(failed)?;
        } else {
            copy_between(&self.work.store, &archived, &self.changes.store, &to).await.map_err(failed)?;
        }
        self.work.delete(&archived).await?;
        Ok(true)
    }

    /// Deletes the folders of a table's earlier full loads; `keep` is the one that is needed.
    ///
    /// # Errors
    /// Listing or the first deletion that failed.
    pub async fn drop_earlier_loads(&self, table: &TableName, keep: &Path) -> Result<usize, LakeError> {
        let objects = self.work.list(&self.full_load_folder(table)).await?;
        let earlier: Vec<Path> =
            objects.into_iter().map(|object| object.location).filter(|key| !key.prefix_matches(keep)).collect();
        let count = earlier.len();
        futures::stream::iter(earlier)
            .map(|key| self.work.delete_owned(key))
            .buffer_unordered(CLEAN_CONCURRENCY)
            .try_collect::<()>()
            .await?;
        Ok(count)
    }

    /// The area that a file lies in.
    pub fn area(&self, area: Area) -> &LakeArea {
        match area {
            Area::Changes => &self.changes,
            Area::Archive => &self.work,
        }
    }

    /// Where a change file goes when it is archived: under its table, with its folders below the change area.
    pub fn archive_key(&self, table: &TableName, key: &str) -> Path {
        let relative = key.strip_prefix(self.changes.prefix.as_ref()).unwrap_or(key);
        below(&self.work.prefix.clone().join("archive").join(table.0.as_str()), relative)
    }

    /// The folder of a table's unfinished batches.
    pub fn batches_folder(&self, table: &TableName) -> Path {
        self.work.prefix.clone().join("batches").join(table.0.as_str())
    }

    /// Moves applied files into the archive.
    ///
    /// # Errors
    /// The first file that could not be moved; the others of the same call may have been.
    pub async fn archive(&self, table: &TableName, files: &[ChangeFile]) -> Result<(), LakeError> {
        futures::stream::iter(files.to_vec())
            .map(|file| self.archive_file(table, file))
            .buffer_unordered(CLEAN_CONCURRENCY)
            .try_collect()
            .await
    }

    async fn archive_file(&self, table: &TableName, file: ChangeFile) -> Result<(), LakeError> {
        let from = path_of(&file.key);
        let to = self.archive_key(table, &file.key);
        if self.is_unchanged(&file).await? {
            self.copy(&from, &to).await.map_err(|source| LakeError::Archive { key: file.key.clone(), source })?;
            self.changes.delete(&from).await?;
        }
        Ok(())
    }

    /// Deletes applied files.
    ///
    /// # Errors
    /// The first file that could not be deleted.
    pub async fn delete(&self, files: &[ChangeFile]) -> Result<(), LakeError> {
        futures::stream::iter(files.to_vec())
            .map(|file| self.delete_file(file))
            .buffer_unordered(CLEAN_CONCURRENCY)
            .try_collect()
            .await
    }

    async fn delete_file(&self, file: ChangeFile) -> Result<(), LakeError> {
        if self.is_unchanged(&file).await? {
            self.changes.delete(&path_of(&file.key)).await?;
        }
        Ok(())
    }

    /// Whether the object under a file's key is still the one that was applied.
    async fn is_unchanged(&self, file: &ChangeFile) -> Result<bool, LakeError> {
        let found = self.changes.head(&path_of(&file.key)).await?;
        Ok(found.is_some_and(|found| {
            let now = ChangeFile { etag: found.e_tag, size: found.size, ..file.clone() };
            same_object(&now.identity(), &file.identity())
        }))
    }

    async fn copy(&self, from: &Path, to: &Path) -> object_store::Result<()> {
        if self.changes.store_url == self.work.store_url {
            return self.changes.store.copy(from, to).await;
        }
        copy_between(&self.changes.store, from, &self.work.store, to).await
    }

    /// Copies a file of the change area into the work area, as the object that was listed.
    ///
    /// # Errors
    /// It was changed since, copying failed, or the copy is not whole.
    pub async fn copy_whole(&self, file: &ChangeFile, to: &Path) -> Result<ObjectMeta, LakeError> {
        if !self.is_unchanged(file).await? {
            return Err(LakeError::Changed { key: file.key.clone() });
        }
        let copy = self.gather(&FileLocation::at_source(file), to).await?;
        if copy.size == file.size { Ok(copy) } else { Err(LakeError::Changed { key: file.key.clone() }) }
    }

    /// Copies a change file into a folder of the work area, for a batch whose files lie in two stores.
    ///
    /// # Errors
    /// Copying failed, or the copy is not whole.
    pub async fn gather(&self, from: &FileLocation, to: &Path) -> Result<ObjectMeta, LakeError> {
        let failed = |source| LakeError::Archive { key: from.key.clone(), source };
        self.copy(&path_of(&from.key), to).await.map_err(failed)?;
        self.work.store.head(to).await.map_err(failed)
    }
}

/// A key as a path, to the letter: `Path::from` would escape what a producer's names may have, such as brackets.
fn path_of(key: &str) -> Path {
    Path::parse(key).unwrap_or_else(|_| Path::from(key))
}

/// A key some steps below a folder; empty steps are left out.
fn below(folder: &Path, relative: &str) -> Path {
    let steps = folder.as_ref().split('/').chain(relative.split('/')).filter(|step| !step.is_empty());
    path_of(&steps.collect::<Vec<_>>().join("/"))
}

/// Streams an object from one store to another, part by part.
async fn copy_between(
    source: &Arc<dyn ObjectStore>,
    from: &Path,
    target: &Arc<dyn ObjectStore>,
    to: &Path,
) -> object_store::Result<()> {
    let mut body = source.get(from).await?.into_stream();
    let mut upload = object_store::WriteMultipart::new(target.put_multipart(to).await?);
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => {
                upload.wait_for_capacity(4).await?;
                upload.write(&chunk);
            }
            Err(error) => {
                upload.abort().await?;
                return Err(error);
            }
        }
    }
    upload.finish().await.map(drop)
}
