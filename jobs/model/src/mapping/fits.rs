//! How two types of one engine stand to each other.

use super::target_type::TargetType;
use crate::source::NumericModifiers;

/// What becomes of a column whose type is changed from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Same,
    /// Every value stays what it is, and more fit.
    Widens,
    /// Fewer values fit; those that do stay what they are.
    Narrows,
    /// Values become others, or can't be kept at all.
    Differs,
}

/// How `to` stands to `from`.
pub fn relate_types(from: &TargetType, to: &TargetType) -> Relation {
    if is_same(from, to) {
        Relation::Same
    } else if fits(from, to) {
        Relation::Widens
    } else if fits(to, from) {
        Relation::Narrows
    } else {
        Relation::Differs
    }
}

fn is_same(from: &TargetType, to: &TargetType) -> bool {
    match (from, to) {
        // A catalog leaves the schema out where the search path finds the type.
        (TargetType::Named { name: from }, TargetType::Named { name: to }) => {
            from.name == to.name && (from.schema == to.schema || from.schema.is_none() || to.schema.is_none())
        }
        (TargetType::Array { element: from }, TargetType::Array { element: to }) => is_same(from, to),
        (TargetType::Text, TargetType::Varchar { length: None }) => true,
        (TargetType::Varchar { length: None }, TargetType::Text) => true,
        (_, _) => from == to,
    }
}

/// Whether every value of one type is, unchanged, one of the other.
fn fits(from: &TargetType, to: &TargetType) -> bool {
    use TargetType as T;
    match (from, to) {
        (T::SmallInt, T::Integer | T::BigInt) | (T::Integer, T::BigInt) | (T::Real, T::DoublePrecision) => true,
        (T::SmallInt, T::Numeric { modifiers }) => holds_digits(*modifiers, 5),
        (T::Integer, T::Numeric { modifiers }) => holds_digits(*modifiers, 10),
        (T::BigInt, T::Numeric { modifiers }) => holds_digits(*modifiers, 19),
        (T::Numeric { modifiers: from }, T::Numeric { modifiers: to }) => numeric_fits(*from, *to),
        (T::Varchar { .. }, T::Text) => true,
        (T::Varchar { length: from }, T::Varchar { length: to }) => length_fits(*from, *to),
        // Blanks that pad are no part of the value.
        (T::Char { length: from }, T::Char { length: to }) => from <= to,
        (T::Bytes { length: from }, T::Bytes { length: to }) => length_fits(*from, *to),
        (T::BitVarying { length: from }, T::BitVarying { length: to }) => length_fits(*from, *to),
        (T::Time { precision: from }, T::Time { precision: to })
        | (T::TimeTz { precision: from }, T::TimeTz { precision: to })
        | (T::Timestamp { precision: from }, T::Timestamp { precision: to })
        | (T::TimestampTz { precision: from }, T::TimestampTz { precision: to }) => precision_fits(*from, *to),
        (T::Array { element: from }, T::Array { element: to }) => fits(from, to),
        (_, _) => from == to,
    }
}

fn length_fits(from: Option<u32>, to: Option<u32>) -> bool {
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => from <= to,
    }
}

fn precision_fits(from: Option<u8>, to: Option<u8>) -> bool {
    length_fits(from.map(u32::from), to.map(u32::from))
}

fn holds_digits(modifiers: Option<NumericModifiers>, digits: i32) -> bool {
    modifiers.is_none_or(|to| i32::from(to.precision) - i32::from(to.scale) >= digits && to.scale >= 0)
}

fn numeric_fits(from: Option<NumericModifiers>, to: Option<NumericModifiers>) -> bool {
    let whole = |modifiers: NumericModifiers| i32::from(modifiers.precision) - i32::from(modifiers.scale);
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => whole(from) <= whole(to) && from.scale <= to.scale,
    }
}
