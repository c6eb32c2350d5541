//! Positions: where a change stands in the order of all changes of its table.
//!
//! A change has a change sequence where its files carry one; otherwise its place is its file's [`FileOrder`] and its row.
//! Both are total orders. Which one a batch uses is decided for the batch as a whole ([`OrderBy`]).

use serde::{Deserialize, Serialize};

use crate::change_file::FileOrder;

/// A change sequence as DMS writes it: 35 digits that sort as text. Other producers' must sort as text too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeSequence(pub String);

/// The first and last change sequence in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceRange {
    pub first: ChangeSequence,
    pub last: ChangeSequence,
}

/// What orders the changes of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderBy {
    /// The change sequence; file and row break ties, which only re-delivered changes have.
    Sequence,
    /// File name, then row.
    FileName,
}

/// How far changes have been applied to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Last file, by name order.
    pub file: FileOrder,
    /// Last change sequence seen, where files carry one.
    pub sequence: Option<ChangeSequence>,
}

impl Watermark {
    /// The later of two watermarks, component by component: it never moves back.
    pub fn advance(self, file: &FileOrder, sequence: Option<&ChangeSequence>) -> Self {
        let sequence = match (self.sequence, sequence) {
            (Some(held), Some(new)) => Some(held.max(new.clone())),
            (Some(held), None) => Some(held),
            (None, new) => new.cloned(),
        };
        Watermark { file: self.file.max(file.clone()), sequence }
    }
}
