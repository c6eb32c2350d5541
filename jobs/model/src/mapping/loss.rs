//! What is known to be lost between a source and its copy, before a single row is read.

use serde::{Deserialize, Serialize};

/// One loss of one column: what a monitor shows as such, rather than as a mismatch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "loss")]
pub enum KnownLoss {
    /// A numeric without precision is given one.
    NumericWithoutPrecision {
        precision: u16,
        scale: i16,
    },
    /// A numeric with more digits than the target's holds is kept as text.
    NumericAsText,
    /// DMS's limited LOB mode cuts values; `characters`: where, if the configuration says it.
    LobCut {
        characters: Option<u32>,
    },
    /// The target counts bytes: a text of that many characters may be longer.
    VarcharBytes {
        characters: Option<u32>,
        bytes: u32,
    },
    /// A binary may be longer than the target takes.
    BytesLength {
        bytes: u32,
    },
    /// An instant travels as its reading in UTC, or a time of day loses or keeps its offset as text only.
    TimeZone,
    /// A time of day is kept as text.
    TimeAsText,
    /// A span of time is kept in a column for times of day.
    TimeOfDay,
    IntervalAsText,
    EnumAsText,
    SetAsText,
    ArrayAsText,
    /// A composite, range, geometric, network or search value is kept in its text form.
    StructureAsText,
    /// A type of an extension or of a user is kept in its text form.
    OtherAsText,
    GeometryAsText,
    /// The domain's checks are left behind.
    DomainAsBase,
    /// A bit string of more than one bit is kept as bytes.
    BitAsBytes,
    /// The target's type takes numbers below zero, too.
    Unsigned,
    /// ±infinity becomes the first or last date there is.
    InfinityClipped,
    /// Not-a-number is no value of the target's type.
    NanRefused,
    /// A text with NUL (0x00) is no text to the target.
    NulStripped,
    /// `0000-00-00` and dates with a month or a day 0 are none to the target.
    ZeroDate,
    /// The source takes two keys for one that the target tells apart.
    CaseInsensitiveKey,
    /// JSON keeps its meaning, but not its blanks, its order or what is said twice.
    JsonRewritten,
    /// Blanks at the end of a padded text are not kept.
    PaddingStripped,
    /// The configuration chose a type that may not hold what the mapping's would.
    ChosenType {
        mapping: String,
    },
}

impl KnownLoss {
    /// One sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            KnownLoss::NumericWithoutPrecision { precision, scale } => format!(
                "a numeric without precision is squeezed to numeric({precision},{scale}): further decimals are rounded, and \
                 larger numbers don't fit"
            ),
            KnownLoss::LobCut { characters: Some(characters) } => {
                format!(
                    "DMS cuts values at {characters} characters without a word; reading the source again repairs them"
                )
            }
            KnownLoss::VarcharBytes { characters: Some(characters), bytes } => {
                format!("{characters} characters may take more than the {bytes} bytes that the target's varchar holds")
            }
            KnownLoss::VarcharBytes { characters: None, bytes } => {
                format!("a text may be longer than the {bytes} bytes that the target's varchar holds")
            }
            KnownLoss::BytesLength { bytes } => {
                format!("a binary may be longer than the {bytes} bytes that the target's type holds")
            }
            KnownLoss::ChosenType { mapping } => {
                format!("the configured type may not hold every value that {mapping} would")
            }
            KnownLoss::NumericAsText
            | KnownLoss::LobCut { characters: None }
            | KnownLoss::TimeZone
            | KnownLoss::TimeAsText
            | KnownLoss::TimeOfDay
            | KnownLoss::IntervalAsText
            | KnownLoss::EnumAsText
            | KnownLoss::SetAsText
            | KnownLoss::ArrayAsText
            | KnownLoss::StructureAsText
            | KnownLoss::OtherAsText
            | KnownLoss::GeometryAsText
            | KnownLoss::DomainAsBase
            | KnownLoss::BitAsBytes
            | KnownLoss::Unsigned
            | KnownLoss::InfinityClipped
            | KnownLoss::NanRefused
            | KnownLoss::NulStripped
            | KnownLoss::ZeroDate
            | KnownLoss::CaseInsensitiveKey
            | KnownLoss::JsonRewritten
            | KnownLoss::PaddingStripped => self.fixed_sentence().to_owned(),
        }
    }

    /// The sentence of those that carry no numbers.
    fn fixed_sentence(&self) -> &'static str {
        match self {
            KnownLoss::NumericAsText => {
                "the number has more digits than the target's numeric holds and is kept as text"
            }
            KnownLoss::TimeZone => "an instant or an offset travels as text or as a reading in UTC",
            KnownLoss::TimeAsText => "a time of day is kept as text: the target can't load its own type from Parquet",
            KnownLoss::TimeOfDay => "a span of 24 hours and more, or below zero, does not fit a time of day",
            KnownLoss::IntervalAsText => "an interval is kept as text",
            KnownLoss::EnumAsText => "an enum is kept as text: the target does not check its labels",
            KnownLoss::SetAsText => "a set is kept as text, its members with commas between them",
            KnownLoss::ArrayAsText => "an array is kept as text, as its source writes it",
            KnownLoss::StructureAsText => "the value is kept as text, as its source writes it",
            KnownLoss::OtherAsText => "a type of an extension or a user is kept as text, as its source writes it",
            KnownLoss::GeometryAsText => "a geometry is kept as text, without its spatial index and functions",
            KnownLoss::DomainAsBase => "a domain becomes its base type: the target does not check its rules",
            KnownLoss::BitAsBytes => "a bit string is kept as bytes, the highest first",
            KnownLoss::Unsigned => "the target's type takes numbers below zero, too",
            KnownLoss::InfinityClipped => "infinity and -infinity become the last and the first date the route knows",
            KnownLoss::NanRefused => "not-a-number is no value of the target's type and follows the column's policy",
            KnownLoss::NulStripped => {
                "the target's text can't hold NUL (0x00): such a value follows the column's policy"
            }
            KnownLoss::ZeroDate => "a zero date (0000-00-00) is no date to the target and becomes NULL or a bad value",
            KnownLoss::CaseInsensitiveKey => {
                "the source compares keys without case or accents, the target byte by byte"
            }
            KnownLoss::JsonRewritten => "JSON keeps its meaning, but not its blanks, order and doubled keys",
            KnownLoss::PaddingStripped => "blanks at the end of a padded text are not kept",
            KnownLoss::LobCut { .. } => "DMS's limited LOB mode may cut values without a word",
            KnownLoss::NumericWithoutPrecision { .. }
            | KnownLoss::VarcharBytes { .. }
            | KnownLoss::BytesLength { .. }
            | KnownLoss::ChosenType { .. } => "",
        }
    }
}

impl std::fmt::Display for KnownLoss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence())
    }
}
