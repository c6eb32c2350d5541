//! Quarrel's vocabulary and its decisions, without I/O.
//!
//! Everything here is a value or a function from values to values: configuration, change files and their order, batches,
//! ledgers, plans. Reading, running and storing them is other crates' work, so that a plan can be printed, tested and
//! planned again after a crash.
//!
//! # Invariants
//! - No I/O, no clock, no randomness: instants, listings and identifiers are arguments.
//! - Same inputs, same plan.

pub mod bad_value;
pub mod batch;
pub mod change_file;
pub mod collect;
pub mod config;
pub mod full_load;
pub mod import;
pub mod ledger;
pub mod mapping;
pub mod migration;
pub mod names;
pub mod position;
pub mod replace;
pub mod schema;
pub mod source;
pub mod summary;
pub mod target;
