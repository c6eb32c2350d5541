//! Values of change files, whatever database they go to: read from Arrow, converted, found not to fit.
//!
//! # Invariants
//! - A conversion gives the value exactly, or says why it can't ([`misfit::Misfit`]); only [`misfit::Fit::Nearest`] changes it.
//! - Reasons carry no value.

pub(crate) mod decimal_text;
pub(crate) mod json;
pub(crate) mod misfit;
pub(crate) mod number;
pub(crate) mod parse;
pub(crate) mod policy;
pub(crate) mod temporal;
pub(crate) mod temporal_text;
pub(crate) mod text;
pub(crate) mod value;
