//! The jobs: what Quarrel does, from reading the lake to remembering what was done.
//!
//! A job reads state (ledgers, listings), plans with the pure crate, lets the cluster reduce, lets targets load, and records
//! what happened. [`cdc`] is the main one.
//!
//! # Invariants
//! - Rows never pass through a plan's result set: they go through the lake.
//! - A run may be killed anywhere; the next one reads the ledgers and goes on.

pub mod cdc;
pub mod cluster;
pub mod collect;
pub mod context;
pub mod demo;
pub mod dms;
pub mod error;
pub mod full_load;
pub mod inspect;
pub mod inspect_load;
pub mod lake;
pub mod lease_keeper;
pub mod quarantine;
mod record;
pub mod reduce;
pub mod reduced;
pub mod secrets;
pub mod stage_store;
pub mod state;
pub mod targets;
pub mod validate;
