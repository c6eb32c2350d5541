//! What the tests of clusters and of faults share: the binary as a process, projects, databases, buckets, long histories.

pub mod bucket;
pub mod database;
pub mod long_history;
pub mod process;
pub mod project;
pub mod wait;
