//! Reads a Parquet file that was pinned by size and ETag, or says why it can't.
//!
//! What must stay true: every byte handed to the decoder comes from the pinned version of the file; a body that was cut is
//! read again, a bounded number of times; every error names the file.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, coalesce_ranges};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One body is asked for at most this often. The client below already repeats requests that failed outright; this is for
/// bodies that broke off, where two in a row are rare and three mean that the file or the store is broken.
const READ_ATTEMPTS_MAX: u32 = 4;
/// The pause before the second attempt; it doubles from there, with up to as much again at random.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Footers of change files are a few kB; one request should bring the whole of it.
const FOOTER_BYTES: usize = 64 * 1024;
/// Two ranges closer than this are fetched as one: a request costs about as much as transferring this.
const GAP_BYTES_MAX: u64 = 512 * 1024;

/// The words in which a changed file is reported: errors cross the cluster as text.
pub const CHANGED_WORDS: &str = "changed while it was read";

/// A file as it was when its batch was frozen.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PinnedFile {
    /// The key within the store, as a listing gives it.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// `None` where the store has none: then only the size is held against what is read.
    pub etag: Option<String>,
}

/// Why a pinned file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the file {file} {CHANGED_WORDS}: expected {expected}, found {found}")]
    Changed { file: String, expected: String, found: String },
    #[error("the file {file} is gone")]
    Gone { file: String, source: object_store::Error },
    #[error("the file {file} could not be read")]
    Request { file: String, source: object_store::Error },
    #[error("the body of {file} broke off in bytes {}..{}", range.start, range.end)]
    Body { file: String, range: Range<u64>, source: object_store::Error },
    #[error("the body of {file} has {found} bytes where {} were asked for", range.end - range.start)]
    Length { file: String, range: Range<u64>, found: u64 },
    #[error("the file {file} is not valid Parquet")]
    Footer { file: String, source: ParquetError },
}

impl ReadError {
    /// Whether asking again can help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Body { .. } | Self::Length { .. } => true,
            Self::Changed { .. } | Self::Gone { .. } | Self::Request { .. } | Self::Footer { .. } => false,
        }
    }
}

/// A pinned file and the store it is in.
#[derive(Debug)]
pub struct PinnedSource {
    store: Arc<dyn ObjectStore>,
    location: Path,
    /// For people: `s3://bucket/key`.
    name: String,
    size: u64,
    etag: Option<String>,
}

impl PinnedSource {
    /// `store_url` is the root of `store`, ending in a slash.
    pub fn new(store: Arc<dyn ObjectStore>, store_url: &str, location: Path, size: u64, etag: Option<String>) -> Self {
        let name = format!("{store_url}{location}");
        Self { store, location, name, size, etag }
    }

    /// The file's URL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of `range`, all of them, or an error.
    async fn fetch(&self, range: Range<u64>) -> Result<Bytes, ReadError> {
        let mut attempt = 1;
        loop {
            match self.fetch_once(range.clone()).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.is_passing() && attempt < READ_ATTEMPTS_MAX => {
                    tracing::warn!(file = %self.name, attempt, error = %error, "reading a body again");
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn fetch_once(&self, range: Range<u64>) -> Result<Bytes, ReadError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        let result = self.store.get_opts(&self.location, options).await.map_err(|source| self.request_error(source))?;
        if let (Some(expected), Some(found)) = (&self.etag, &result.meta.e_tag)
            && bare_etag(expected) != bare_etag(found)
        {
            return Err(self.changed(found.clone()));
        }
        if result.meta.size != self.size {
            return Err(self.changed(format!("{} bytes", result.meta.size)));
        }
        let bytes = result.bytes().await.map_err(|source| ReadError::Body {
            file: self.name.clone(),
            range: range.clone(),
            source,
        })?;
        let found = bytes.len() as u64;
        if found != range.end - range.start {
            return Err(ReadError::Length { file: self.name.clone(), range, found });
        }
        Ok(bytes)
    }

    fn request_error(&self, source: object_store::Error) -> ReadError {
        let file = self.name.clone();
        match source {
            object_store::Error::Precondition { .. } => self.changed("another version".to_owned()),
            object_store::Error::NotFound { .. } => ReadError::Gone { file, source },
            source => ReadError::Request { file, source },
        }
    }

    fn changed(&self, found: String) -> ReadError {
        let expected = match &self.etag {
            Some(etag) => format!("etag {etag}, {} bytes", self.size),
            None => format!("{} bytes", self.size),
        };
        ReadError::Changed { file: self.name.clone(), expected, found }
    }
}

/// Stores differ in whether they quote an ETag, and mark it weak.
fn bare_etag(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

fn pause(attempt: u32) -> Duration {
    let base = PAUSE_FIRST * 2_u32.pow(attempt - 1);
    let random_byte = u32::from(Uuid::now_v7().as_bytes()[15]);
    base + base * random_byte / 255
}

/// How a file will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// One request for the whole body, held in memory until the file is decoded.
    Whole,
    /// The footer now, the columns when the decoder asks.
    Ranges,
}

/// A pinned file whose footer, and in [`ReadMode::Whole`] whose body, has been read.
#[derive(Clone)]
pub struct OpenedFile {
    source: Arc<PinnedSource>,
    metadata: Arc<ParquetMetaData>,
    body: Option<Bytes>,
}

impl fmt::Debug for OpenedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedFile").field("name", &self.source.name).finish_non_exhaustive()
    }
}

/// Reads the footer of a file, or all of it.
pub async fn open_file(source: Arc<PinnedSource>, mode: ReadMode) -> Result<OpenedFile, ReadError> {
    let footer_error = |error| match error {
        ParquetError::External(error) => match error.downcast::<ReadError>() {
            Ok(error) => *error,
            Err(error) => ReadError::Footer { file: source.name.clone(), source: ParquetError::External(error) },
        },
        other => ReadError::Footer { file: source.name.clone(), source: other },
    };
    let (metadata, body) = match mode {
        ReadMode::Whole => {
            let body = source.fetch(0..source.size).await?;
            (ParquetMetaDataReader::new().parse_and_finish(&body).map_err(footer_error)?, Some(body))
        }
        ReadMode::Ranges => {
            let fetch = |range: Range<u64>| {
                let source = Arc::clone(&source);
                async move { source.fetch(range).await.map_err(parquet_error) }
            };
            let reader = ParquetMetaDataReader::new().with_prefetch_hint(Some(FOOTER_BYTES));
            (reader.load_and_finish(FetchFn(fetch), source.size).await.map_err(footer_error)?, None)
        }
    };
    Ok(OpenedFile { source, metadata: Arc::new(metadata), body })
}

/// The footer reader takes a type of its own for "fetch this range".
struct FetchFn<F>(F);

impl<F, Fut> datafusion::parquet::arrow::async_reader::MetadataFetch for FetchFn<F>
where
    F: FnMut(Range<u64>) -> Fut + Send,
    Fut: Future<Output = Result<Bytes, ParquetError>> + Send + 'static,
{
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        (self.0)(range).boxed()
    }
}

fn parquet_error(error: ReadError) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl OpenedFile {
    /// Rows of the file, by its footer.
    pub fn rows(&self) -> usize {
        usize::try_from(self.metadata.file_metadata().num_rows()).unwrap_or(0)
    }

    fn slice(&self, body: &Bytes, range: &Range<u64>) -> Result<Bytes, ParquetError> {
        let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
            return Err(ParquetError::EOF(format!("{} has no bytes {range:?}", self.source.name)));
        };
        if start > end || end > body.len() {
            return Err(ParquetError::EOF(format!("{} has no bytes {range:?}", self.source.name)));
        }
        Ok(body.slice(start..end))
    }
}

impl AsyncFileReader for OpenedFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            match &self.body {
                Some(body) => self.slice(body, &range),
                None => self.source.fetch(range).await.map_err(parquet_error),
            }
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            match &self.body {
                Some(body) => ranges.iter().map(|range| self.slice(body, range)).collect(),
                None => {
                    let fetch = |range| self.source.fetch(range);
                    coalesce_ranges(&ranges, fetch, GAP_BYTES_MAX).await.map_err(parquet_error)
                }
            }
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        // Page indexes serve predicates, and none is ever pushed into these scans.
        std::future::ready(Ok(Arc::clone(&self.metadata))).boxed()
    }
}

/// Hands DataFusion's Parquet scan the one file that is already open.
#[derive(Debug)]
pub struct OpenedFileFactory(pub OpenedFile);

impl ParquetFileReaderFactory for OpenedFileFactory {
    fn create_reader(
        &self,
        _partition_index: usize,
        _file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> datafusion::error::Result<Box<dyn AsyncFileReader + Send>> {
        Ok(Box::new(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_weakness_do_not_change_an_etag() {
        assert_eq!(bare_etag("\"abc-1\""), "abc-1");
        assert_eq!(bare_etag("W/\"abc-1\""), "abc-1");
        assert_eq!(bare_etag("abc-1"), "abc-1");
    }

    #[test]
    fn pauses_double_and_stay_within_twice_their_base() {
        for (attempt, base_ms) in [(1, 100), (2, 200), (3, 400)] {
            let pause = pause(attempt).as_millis();
            assert!((base_ms..=2 * base_ms).contains(&pause), "attempt {attempt}: {pause} ms");
        }
    }
}
