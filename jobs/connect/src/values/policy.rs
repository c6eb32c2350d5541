//! What a column's policy makes of a value that does not fit.

use quarrel_model::bad_value::BadValuePolicy;

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mending {
    /// NULL takes its place.
    Null,
    /// The nearest value that fits takes its place; where there is none, the load fails.
    Nearest,
    /// Its row is kept apart.
    Quarantine,
    /// The load fails.
    Fail,
}

/// `takes_null`: whether the column may hold NULL. `is_there`: whether there is a value; a NULL where none is taken has no
/// nearest value.
pub(crate) fn mending_of(policy: BadValuePolicy, takes_null: bool, is_there: bool) -> Mending {
    match policy {
        BadValuePolicy::Quarantine => Mending::Quarantine,
        BadValuePolicy::Null if is_there && takes_null => Mending::Null,
        BadValuePolicy::Replace if is_there => Mending::Nearest,
        BadValuePolicy::Fail | BadValuePolicy::Null | BadValuePolicy::Replace => Mending::Fail,
    }
}
