//! Why a value does not fit its target column, and what to do about it.
//!
//! # Invariants
//! - A [`Misfit`] never carries the value, or a piece of it: it ends up in logs.

/// What to do with a value that has to be changed to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Refuse it.
    Exact,
    /// Write the nearest value that the column can hold; refuse only what has none.
    Nearest,
}

/// Why a value can't be stored as it is. Its text continues a sentence that begins with the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("is NULL, and the column takes none")]
    Null,
    #[error("holds a NUL character")]
    Nul,
    #[error("is longer than {max} characters")]
    TooLong { max: u32 },
    #[error("is longer than {max} bytes")]
    TooManyBytes { max: u32 },
    #[error("holds a character of more than one byte, which CHAR can't hold")]
    NotAscii,
    #[error("is longer than {max} bytes, the most that Postgres takes")]
    TooBig { max: usize },
    #[error("is out of the range of {of}")]
    OutOfRange { of: &'static str },
    #[error("has more digits before the decimal point than numeric({precision},{scale}) holds")]
    TooLarge { precision: u16, scale: i16 },
    #[error("has more than {digits} decimals and would be rounded")]
    TooFine { digits: i16 },
    #[error("can't be held exactly by {by} and would be rounded")]
    Inexact { by: &'static str },
    #[error("has a time of day, which a date would lose")]
    TimeOfDay,
    #[error("is not {what}")]
    Malformed { what: &'static str },
    #[error("is not UTF-8")]
    Encoding,
    #[error("is not JSON: it ends within a value, after {bytes} bytes")]
    JsonCut { bytes: usize },
    #[error("is not JSON: unexpected character in line {line}, column {column}")]
    JsonSyntax { line: usize, column: usize },
    #[error("is nested deeper than {max} levels, which Postgres can't parse")]
    JsonDepth { max: usize },
    #[error("holds a number that jsonb can't hold")]
    JsonNumber,
    #[error("holds the escape \\u0000, which jsonb can't hold")]
    JsonNul,
    #[error("holds one half of a surrogate pair, which jsonb can't hold")]
    JsonSurrogate,
}
