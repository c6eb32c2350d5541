//! What a target says has been applied to it.
//!
//! The ledger lives in the target, beside the rows, and changes in the transaction that changes them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::batch::BatchId;
use crate::change_file::{ChangeFile, FileIdentity, FileOrder};
use crate::position::{ChangeSequence, SequenceRange, Watermark};
use crate::schema::FileSchema;

/// Grows each time a run takes a table over; a run that holds a smaller one than the target knows is fenced off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Who holds an epoch: two runs with equal epochs from different state stores are told apart by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    pub epoch: Epoch,
    pub holder: String,
}

/// A change file that a target has applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedFile {
    pub file: ChangeFile,
    pub rows: u64,
    pub sequences: Option<SequenceRange>,
    /// The batch that applied it last.
    pub batch: BatchId,
}

/// The ledger of one table in one target, as far as a plan needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// None until the first batch.
    pub fence: Option<Fence>,
    pub watermark: Option<Watermark>,
    /// The batch applied last; a load planned on this ledger is refused once another batch has come between.
    pub last_batch: Option<BatchId>,
    /// The data columns of the last batch applied.
    pub schema: Option<FileSchema>,
    /// Where the last full load starts: change files before it are contained in the table, and count as applied.
    pub floor: Option<FileOrder>,
    /// Applied files from a given order on.
    pub files: Vec<AppliedFile>,
}

impl Ledger {
    /// The applied files by key.
    pub fn index(&self) -> LedgerIndex<'_> {
        let mut index: HashMap<&str, Vec<&AppliedFile>> = HashMap::new();
        for applied in &self.files {
            index.entry(applied.file.key.as_str()).or_default().push(applied);
        }
        LedgerIndex { files: index, floor: self.floor.as_ref() }
    }
}

/// Whether two identities are of one object.
pub fn same_object(a: &FileIdentity, b: &FileIdentity) -> bool {
    let etags_agree = match (&a.etag, &b.etag) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => true,
    };
    a.key == b.key && a.size == b.size && etags_agree
}

/// From where on applied files are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerFrom {
    /// Files with this order or a later one.
    Order(FileOrder),
    /// Files whose last change has this sequence or a later one.
    Sequence(ChangeSequence),
    Beginning,
}

/// Applied files by key, for many look-ups.
#[derive(Debug)]
pub struct LedgerIndex<'a> {
    files: HashMap<&'a str, Vec<&'a AppliedFile>>,
    floor: Option<&'a FileOrder>,
}

impl LedgerIndex<'_> {
    /// Whether some object under this key has been applied.
    pub fn has_key(&self, key: &str) -> bool {
        self.files.contains_key(key)
    }

    /// Whether exactly this object has been applied, or stands before the floor. An object without an ETag on either side is
    /// known by key and size.
    pub fn has(&self, file: &ChangeFile) -> bool {
        if self.floor.is_some_and(|floor| file.order < *floor) {
            return true;
        }
        let held = self.files.get(file.key.as_str()).into_iter().flatten();
        held.into_iter().any(|applied| same_object(&applied.file.identity(), &file.identity()))
    }
}
