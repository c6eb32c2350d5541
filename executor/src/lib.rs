//! The data plane: the session every node shares, and the Ballista executor process.
//!
//! Coordinator, scheduler and executors all build their session here, so that a plan made on one node means the same on every
//! other. The crate knows nothing of jobs: it reads pinned Parquet files in order ([`change_table`]), and lets every
//! partition of a plan write its own object ([`part_writer`]).
//!
//! # Invariants
//! - One function builds the session of every node: [`session::session_state`].
//! - Secrets come from the environment or the machine's role, never from a plan or a session's settings.
//! - A file that is not the one that was pinned is an error that names it, never rows.

pub mod change_scan;
pub mod change_table;
pub mod codec;
pub mod embedded;
mod file_rows;
pub mod health;
mod keep_rows_rule;
mod kept_rows;
pub mod part_writer;
pub mod pinned_reader;
pub mod process;
pub mod scheduler_link;
pub mod session;
pub mod shuffle_clients;
pub mod shuffle_files;
pub mod stores;
