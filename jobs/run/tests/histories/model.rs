//! Owns the expectation: which version of which file a target has applied, told by plain rules from what lies in the lake.
//!
//! Nothing here knows of batches as Quarrel makes them; a run is a loop over "the first few files that are wanted and not
//! there yet", which is what the documentation promises.

use std::collections::BTreeMap;

use crate::case::{Content, TargetFault};

/// One content under one path, in the order of delivery.
#[derive(Debug, Clone)]
pub struct Version {
    pub content: Content,
    /// As the store knows it.
    pub etag: Option<String>,
    pub size: u64,
}

impl Version {
    /// What files are ordered by.
    pub fn name(&self) -> &str {
        self.content.spec().name()
    }

    /// The instant in the name, in milliseconds: `yyyyMMdd-HHmmssfff`, and digits that come after.
    pub fn millis(&self) -> i64 {
        name_millis(self.name())
    }
}

/// The instant in a file's name, to the millisecond.
pub fn name_millis(name: &str) -> i64 {
    let instant = chrono::NaiveDateTime::parse_from_str(&name[..15], "%Y%m%d-%H%M%S").expect("a name begins so");
    instant.and_utc().timestamp_millis() + name[15..18].parse::<i64>().expect("three digits follow")
}

/// Numbers of versions by path.
pub type VersionsByPath = BTreeMap<String, usize>;

/// From where and to where a run looks, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub from: i64,
    pub until: i64,
}

/// What a run should have done to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub applied: VersionsByPath,
    /// Batches that were loaded.
    pub loads: usize,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more could be taken.
    Done,
    /// The target failed on the way.
    Failed,
}

/// What a run does to a target that has applied `before`.
pub fn expect_run(
    versions: &[Version],
    in_lake: &VersionsByPath,
    before: &VersionsByPath,
    bounds: Bounds,
    files_max: usize,
    fault: TargetFault,
) -> Expected {
    let mut applied = before.clone();
    let mut loads = 0;
    let ended = |applied, loads, outcome| Expected { applied, loads, outcome };
    if fault == TargetFault::Away {
        return ended(applied, 0, Outcome::Failed);
    }
    loop {
        let last = applied.values().map(|version| versions[*version].name()).max();
        let mut wanted: Vec<(&String, usize)> = in_lake
            .iter()
            .map(|(path, version)| (path, *version))
            .filter(|(path, version)| applied.get(*path) != Some(version))
            .filter(|(_, version)| {
                let version = &versions[*version];
                let behind_all = last.is_none_or(|last| version.name() > last);
                version.millis() < bounds.until && (version.millis() >= bounds.from || behind_all)
            })
            .collect();
        wanted.sort_by_key(|(_, version)| versions[*version].name());
        let overwritten: Vec<_> =
            wanted.iter().skip(files_max).filter(|(path, _)| applied.contains_key(*path)).copied().collect();
        wanted.truncate(files_max);
        // An overwritten file comes along early: its old content could not be replayed any more.
        wanted.extend(overwritten);
        let half = wanted.iter().position(|(_, version)| matches!(versions[*version].content, Content::Half(_)));
        wanted.truncate(half.unwrap_or(wanted.len()));
        if wanted.is_empty() {
            return ended(applied, loads, Outcome::Done);
        }
        match fault {
            TargetFault::Rejects { load } if load == loads => return ended(applied, loads, Outcome::Failed),
            TargetFault::None
            | TargetFault::Away
            | TargetFault::Rejects { .. }
            | TargetFault::FailsAfterWrite { .. } => {}
        }
        applied.extend(wanted.into_iter().map(|(path, version)| (path.clone(), version)));
        loads += 1;
        match fault {
            TargetFault::FailsAfterWrite { load } if load + 1 == loads => {
                return ended(applied, loads, Outcome::Failed);
            }
            TargetFault::None
            | TargetFault::Away
            | TargetFault::Rejects { .. }
            | TargetFault::FailsAfterWrite { .. } => {}
        }
    }
}
