//! Change files: what lies in the lake, and the order its names give.
//!
//! # Invariants
//! - [`FileOrder`] is a total order: two different keys are never equal, whatever folders they lie in.
//! - A Parquet file whose name says nothing about its place in the order is an error, never skipped.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// One object of the lake's change area, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeFile {
    /// Key within the change area's store.
    pub key: String,
    /// Entity tag of the object when it was listed; local files have one too (from inode, time and size).
    pub etag: Option<String>,
    /// Bytes.
    pub size: u64,
    pub order: FileOrder,
}

impl ChangeFile {
    /// What makes two listings of a file the same file: an overwritten object is another one.
    pub fn identity(&self) -> FileIdentity {
        FileIdentity { key: self.key.clone(), etag: self.etag.clone(), size: self.size }
    }
}

/// Key, ETag and size: equal for the same bytes under the same name, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileIdentity {
    pub key: String,
    pub etag: Option<String>,
    pub size: u64,
}

/// The place of a file among the files of its table: the instant in its name, then its key.
///
/// DMS writes `yyyyMMdd-HHmmss` and three or four more digits; the digits after the seconds are a fraction, so
/// `…000123` and `…0001230` are the same instant, and the key breaks the tie.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileOrder(String);

/// Digits that an instant is padded to: 14 of date and time, 9 of fraction.
const INSTANT_DIGITS: usize = 23;

impl FileOrder {
    fn new(instant: &str, key: &str) -> Self {
        FileOrder(format!("{instant:0<INSTANT_DIGITS$}/{key}"))
    }

    /// The instant in the file's name, to the second.
    pub fn instant(&self) -> Option<DateTime<Utc>> {
        parse_instant(self.0.get(..14)?)
    }

    /// The smallest order that a file of this instant can have; for bounds of windows.
    pub fn at(instant: DateTime<Utc>) -> Self {
        FileOrder(format!("{:0<INSTANT_DIGITS$}", instant.format("%Y%m%d%H%M%S").to_string()))
    }

    /// The text that is stored in ledgers; sorts, byte by byte, as the order does.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes back what [`as_str`](Self::as_str) gave.
    pub fn from_stored(text: String) -> Self {
        FileOrder(text)
    }
}

/// What an object in a table's change area is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectKind {
    /// A change file, with its place in the order.
    Change(FileOrder),
    /// A full-load file (`LOAD00000001.parquet`, `SEGMENT1_LOAD…`): another job's.
    FullLoad,
    /// Not Parquet: markers, logs, unfinished uploads.
    Other,
}

/// A Parquet object that is neither a change file nor a full-load file by its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{key}` is Parquet, but its name gives no place in the order of changes (expected yyyyMMdd-HHmmss and a fraction)"
)]
pub struct UnknownFileName {
    pub key: String,
}

/// Tells what an object is from the name DMS gave it.
pub fn classify_dms(key: &str) -> Result<ObjectKind, UnknownFileName> {
    let name = key.rsplit('/').next().unwrap_or(key);
    if name.starts_with(['.', '_']) {
        return Ok(ObjectKind::Other);
    }
    let Some(stem) = name.strip_suffix(".parquet") else {
        return Ok(ObjectKind::Other);
    };
    if is_full_load(stem) {
        return Ok(ObjectKind::FullLoad);
    }
    match dms_instant(stem) {
        Some(instant) => Ok(ObjectKind::Change(FileOrder::new(&instant, key))),
        None => Err(UnknownFileName { key: key.to_owned() }),
    }
}

fn is_full_load(stem: &str) -> bool {
    let load = match stem.strip_prefix("SEGMENT").and_then(|rest| rest.split_once('_')) {
        Some((_, load)) => load,
        None => stem,
    };
    load.strip_prefix("LOAD").is_some_and(|count| !count.is_empty() && count.chars().all(|c| c.is_ascii_hexdigit()))
}

/// `20261122-101500123` → `20261122101500123`, when it is a real date and time followed by a fraction.
fn dms_instant(stem: &str) -> Option<String> {
    let (date, time) = stem.split_once('-')?;
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if date.len() != 8 || !(9..=15).contains(&time.len()) || !digits(date) || !digits(time) {
        return None;
    }
    let instant = format!("{date}{time}");
    parse_instant(instant.get(..14)?)?;
    Some(instant)
}

fn parse_instant(digits: &str) -> Option<DateTime<Utc>> {
    let date = NaiveDate::parse_from_str(digits.get(..8)?, "%Y%m%d").ok()?;
    let time = NaiveTime::parse_from_str(digits.get(8..14)?, "%H%M%S").ok()?;
    Some(NaiveDateTime::new(date, time).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(key: &str) -> FileOrder {
        match classify_dms(key) {
            Ok(ObjectKind::Change(order)) => order,
            other => panic!("{key}: {other:?}"),
        }
    }

    #[test]
    fn names_sort_by_the_instant_in_them_whatever_their_folders_and_digits() {
        let sorted = [
            "t/2026/11/22/09/20261122-095959999.parquet",
            "t/20261122-100000000.parquet",
            "t/20261122-1000000005.parquet",
            "t/2026/11/22/10/20261122-100000001.parquet",
            "a/20261122-100000002.parquet",
        ];
        let mut shuffled: Vec<_> = [3, 0, 4, 2, 1].iter().map(|i| order(sorted[*i])).collect();
        shuffled.sort();
        assert_eq!(shuffled, sorted.map(order));
    }

    #[test]
    fn nine_and_ten_digits_of_one_instant_are_still_two_places() {
        assert!(order("t/20261122-100000123.parquet") < order("t/20261122-1000001230.parquet"));
    }

    #[test]
    fn objects_are_told_apart_by_name() {
        let cases = [
            ("t/LOAD00000001.parquet", Some(ObjectKind::FullLoad)),
            ("t/LOAD0000000A.parquet", Some(ObjectKind::FullLoad)),
            ("t/SEGMENT1_LOAD00000001.parquet", Some(ObjectKind::FullLoad)),
            ("t/_SUCCESS", Some(ObjectKind::Other)),
            ("t/.20261122-100000123.parquet.tmp", Some(ObjectKind::Other)),
            ("t/20261122-100000123.csv", Some(ObjectKind::Other)),
            ("t/part-0000.parquet", None),
            ("t/20261322-100000123.parquet", None),
            ("t/20261122-10000012.parquet", None),
        ];
        for (key, expected) in cases {
            assert_eq!(classify_dms(key).ok(), expected, "{key}");
        }
    }

    #[test]
    fn an_order_gives_back_its_instant_and_bounds_it() {
        let order = order("t/20261122-100001123.parquet");
        let instant = order.instant().unwrap();
        assert_eq!(instant.to_rfc3339(), "2026-11-22T10:00:01+00:00");
        assert!(FileOrder::at(instant) <= order);
        assert!(FileOrder::at(instant + chrono::Duration::seconds(1)) > order);
    }
}
