//! Batches: a frozen list of change files, and what identifies it.
//!
//! # Invariants
//! - The digest covers key, ETag and size of every file, in order: equal digests mean equal input.
//! - A batch's id is made of its table and its digest, so planning the same work twice gives the same id.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::change_file::ChangeFile;
use crate::names::TableName;
use crate::position::{OrderBy, SequenceRange, Watermark};
use crate::schema::FileSchema;

/// Identifies a batch: the first 128 bits of a digest over its table and file list, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub String);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 over a batch's file list, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

/// Where the bytes of a change file are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The change area, where the producer put it.
    Changes,
    /// The archive in the work area, where Quarrel moved it once it was applied.
    Archive,
}

/// Where a change file can be read, and as which object: an archived file has another key, and maybe another ETag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLocation {
    pub area: Area,
    pub key: String,
    pub etag: Option<String>,
}

impl FileLocation {
    /// The place where the producer put a file.
    pub fn at_source(file: &ChangeFile) -> Self {
        FileLocation { area: Area::Changes, key: file.key.clone(), etag: file.etag.clone() }
    }
}

/// Why a file is in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    /// Behind the watermark's end: the usual case.
    New,
    /// Not applied yet, though later changes were.
    Late,
    /// Applied before, and applied again because a late file stands before it.
    Replayed,
}

/// A file of a batch, with what its footer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchFile {
    /// The file as the producer wrote it: what the ledger knows it by.
    pub file: ChangeFile,
    pub location: FileLocation,
    pub role: FileRole,
    pub rows: u64,
    pub sequences: Option<SequenceRange>,
}

/// A frozen list of change files of one table, in position order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub id: BatchId,
    pub table: TableName,
    pub digest: Digest,
    pub order_by: OrderBy,
    pub files: Vec<BatchFile>,
    /// The data columns of all files together.
    pub schema: FileSchema,
    /// Where the watermark stands once the batch is applied.
    pub watermark: Watermark,
}

impl Batch {
    /// Freezes a list of files, which must be in position order and not empty.
    pub fn freeze(
        table: TableName,
        order_by: OrderBy,
        files: Vec<BatchFile>,
        schema: FileSchema,
        watermark: Watermark,
    ) -> Self {
        let digest = digest_files(files.iter().map(|file| &file.file));
        let id = BatchId(hex(&Sha256::digest(format!("{table}\n{}", digest.0)))[..32].to_owned());
        Batch { id, table, digest, order_by, files, schema, watermark }
    }

    /// The files that hold changes; a reduced row's file ordinal counts these.
    pub fn changed_files(&self) -> impl Iterator<Item = &BatchFile> {
        self.files.iter().filter(|file| file.rows > 0)
    }

    /// Changes in all files, by their footers.
    pub fn changes(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.file.size).sum()
    }

    /// How many files have this role.
    pub fn count(&self, role: FileRole) -> usize {
        self.files.iter().filter(|file| file.role == role).count()
    }
}

/// Digest of a file list; order matters.
pub fn digest_files<'a>(files: impl IntoIterator<Item = &'a ChangeFile>) -> Digest {
    let mut hasher = Sha256::new();
    for file in files {
        for part in [file.key.as_bytes(), file.etag.as_deref().unwrap_or("").as_bytes()] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(file.size.to_le_bytes());
    }
    Digest(hex(&hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
