//! Full loads, as a user runs them: `quarrel run full-load` and `quarrel plan full-load`, from files and straight from a
//! source, killed at every place and run again, and followed by CDC.
//!
//! Runs are the binary under test; sources and targets are Postgres databases; the control plane is moto's.

#[expect(dead_code, reason = "shared with the tests of clusters and of faults, which use more of it")]
mod harness;

#[path = "full_load/scene.rs"]
mod scene;

#[path = "full_load/direct.rs"]
mod direct;
#[path = "full_load/dms.rs"]
mod dms;
#[path = "full_load/files.rs"]
mod files;
#[path = "full_load/kills.rs"]
mod kills;
