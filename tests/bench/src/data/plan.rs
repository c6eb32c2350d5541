//! Which key each change touches, and how: the history, without its values.
//!
//! The planner walks all changes once, in order, and remembers one byte a key. So a key's first change is an insert, a deleted key is
//! inserted again before it is updated, and the right outcome of the whole history is known without any reduction.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::DataSpec;

/// Changes of a key that exists: one in this many is a delete.
const DELETE_ONE_IN: u32 = 16;

/// The `Op` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Insert,
    Update,
    Delete,
}

impl Op {
    pub fn letter(self) -> &'static str {
        match self {
            Self::Insert => "I",
            Self::Update => "U",
            Self::Delete => "D",
        }
    }
}

/// The changes of one file, in order.
#[derive(Debug)]
pub struct FilePlan {
    pub file: u32,
    /// Number of the first change in the whole history.
    pub first_change: u64,
    /// Key and operation.
    pub changes: Vec<(i64, Op)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Untouched,
    Live,
    Deleted,
}

/// Yields the plans of all files, in order.
#[derive(Debug)]
pub struct Planner {
    spec: DataSpec,
    keys: Vec<Key>,
    random: SmallRng,
    next_file: u32,
}

impl Planner {
    pub fn new(spec: DataSpec) -> Self {
        let keys = usize::try_from(spec.keys).expect("one byte a key fits in memory");
        Self { spec, keys: vec![Key::Untouched; keys], random: SmallRng::seed_from_u64(spec.seed), next_file: 0 }
    }

    /// Keys with at least one change so far, and those of them that are deleted now.
    pub fn outcome(&self) -> (u64, u64) {
        let count = |state: Key| self.keys.iter().filter(|key| **key == state).count() as u64;
        let deleted = count(Key::Deleted);
        (count(Key::Live) + deleted, deleted)
    }

    fn next_change(&mut self) -> (i64, Op) {
        let index = self.random.random_range(0..self.keys.len());
        let op = match self.keys[index] {
            Key::Untouched | Key::Deleted => Op::Insert,
            Key::Live if self.random.random_range(0..DELETE_ONE_IN) == 0 => Op::Delete,
            Key::Live => Op::Update,
        };
        self.keys[index] = match op {
            Op::Insert | Op::Update => Key::Live,
            Op::Delete => Key::Deleted,
        };
        (index as i64 + 1, op)
    }
}

impl Iterator for Planner {
    type Item = FilePlan;

    fn next(&mut self) -> Option<FilePlan> {
        if self.next_file == self.spec.files {
            return None;
        }
        let file = self.next_file;
        self.next_file += 1;
        let starts = |file: u32| self.spec.changes * u64::from(file) / u64::from(self.spec.files);
        let (first_change, end) = (starts(file), starts(file + 1));
        let changes = (first_change..end).map(|_| self.next_change()).collect();
        Some(FilePlan { file, first_change, changes })
    }
}
