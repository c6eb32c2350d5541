//! Where a database fetches rows from by itself: objects of the lake's work area, as a target sees them.

use async_trait::async_trait;
use bytes::Bytes;

/// Takes the files that a target is copied from.
///
/// # Contract
/// - Paths are relative, with `/` between steps, and made of letters, digits, `-`, `_` and `.` alone.
/// - What [`put`](Self::put) was given is there for whoever reads [`url_of`](Self::url_of) once it has returned.
/// - No credential is part of a URL: the database reads with its own.
#[async_trait]
pub trait StageStore: Send + Sync + std::fmt::Debug {
    /// The URL by which the database reads an object: `s3://bucket/…`.
    fn url_of(&self, path: &str) -> String;

    /// Writes an object whole; one that is there is replaced.
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StageStoreError>;

    /// Deletes everything below a folder, which may not exist.
    async fn delete_folder(&self, folder: &str) -> Result<(), StageStoreError>;
}

/// An object could not be written or deleted.
#[derive(Debug, thiserror::Error)]
#[error("failed to reach `{path}`")]
pub struct StageStoreError {
    pub path: String,
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
