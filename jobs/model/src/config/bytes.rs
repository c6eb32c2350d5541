//! Sizes as they are written: `1GB` (a thousand millions of bytes), `1GiB` (2³⁰).

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Report;
use super::path::{Path, shown};

/// The units with their bytes, larger ones first.
const UNITS: [(&str, u64); 9] = [
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// A size: a whole number with a unit (`B`, `KB`, `MB`, `GB`, `TB`; `KiB`, `MiB`, `GiB`, `TiB`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(example = "512MB", example = "1GB", extend("pattern" = r"^[0-9]+ ?([KMGT]i?)?B$"))]
pub(crate) struct BytesText(pub(crate) String);

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a size", shown(text))]
pub struct BytesError {
    pub text: String,
}

/// Reads a size, as `512MB`.
///
/// # Errors
/// When the text is not a whole number with one of the units, or means 2⁶⁴ bytes and more.
pub fn parse_bytes(text: &str) -> Result<u64, BytesError> {
    let refused = || BytesError { text: text.to_owned() };
    let trimmed = text.trim();
    let (digits, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len()));
    let unit = unit.trim_start();
    let (_, unit_bytes) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
    digits.parse::<u64>().ok().and_then(|count| count.checked_mul(*unit_bytes)).ok_or_else(refused)
}

/// A size in the form that [`parse_bytes`] reads, in the largest unit that divides it: `1500MB`.
pub fn display_bytes(bytes: u64) -> String {
    let decimal = UNITS.iter().filter(|(name, _)| !name.contains('i'));
    match decimal.into_iter().find(|(_, unit_bytes)| bytes >= *unit_bytes && bytes.is_multiple_of(*unit_bytes)) {
        Some((unit, unit_bytes)) => format!("{}{unit}", bytes / unit_bytes),
        None => format!("{bytes}B"),
    }
}

/// The setting's size, or its default; a size that is none, or out of bounds, is reported.
pub(crate) fn bytes_setting(
    text: Option<&BytesText>,
    default: u64,
    bounds: RangeInclusive<u64>,
    at: &Path,
    report: &mut Report<'_>,
) -> u64 {
    let Some(BytesText(text)) = text else { return default };
    match parse_bytes(text) {
        Ok(bytes) if bounds.contains(&bytes) => bytes,
        Ok(bytes) => {
            let (least, most) = (display_bytes(*bounds.start()), display_bytes(*bounds.end()));
            report.add(at, format!("{} is outside of {least} to {most}", display_bytes(bytes)));
            default
        }
        Err(error) => {
            report.add_with_hint(at, error.to_string(), "write it as `512MB`, `1GB` or `1GiB`");
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_they_are_written() {
        let cases =
            [("1GB", 1_000_000_000), ("1GiB", 1_073_741_824), ("512 MB", 512_000_000), ("64KiB", 65_536), ("7B", 7)];
        for (text, bytes) in cases {
            assert_eq!(parse_bytes(text).unwrap(), bytes, "{text}");
            assert_eq!(parse_bytes(&display_bytes(bytes)).unwrap(), bytes, "{text}");
        }
        assert_eq!(display_bytes(1_500_000_000), "1500MB");
    }

    #[test]
    fn texts_that_are_no_sizes_are_refused() {
        for text in ["", "GB", "1", "1.5GB", "-1GB", "1gb", "1 G B", "18446744073709551615KB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
