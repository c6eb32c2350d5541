//! What is done with a value that the target cannot hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The policy of one column for values that its target column cannot hold: NUL in text, a timestamp out of range, a decimal
/// with too many digits, a text that is too long. The monitors apply the same policy before they compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadValuePolicy {
    /// The table stops with the key and the column of the value; nothing of its batch is applied.
    #[default]
    Fail,
    /// The whole row is kept apart, as Parquet, with the reason, its file and its row; the others are applied.
    Quarantine,
    /// The nearest value which fits is stored instead: NUL is left out, a text is cut, an instant is moved to the limit.
    Replace,
    /// NULL is stored instead.
    Null,
}
