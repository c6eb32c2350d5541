//! Faults made for real: killed processes, lost replies, broken stores, bad files. Each line of FAULTS.md that concerns CDC
//! is a test here, in `cluster.rs`, or beside the code it concerns.
//!
//! Runs are the binary under test; targets are Postgres databases, and once a stand-in for Redshift; lakes are folders, or buckets behind a proxy.

mod harness;

#[path = "faults/scene.rs"]
mod scene;

#[path = "faults/connections.rs"]
mod connections;
#[path = "faults/crashes.rs"]
mod crashes;
#[path = "faults/files.rs"]
mod files;
#[path = "faults/redshift.rs"]
mod redshift;
#[path = "faults/schema.rs"]
mod schema;
#[path = "faults/secrets.rs"]
mod secrets;
#[path = "faults/side_by_side.rs"]
mod side_by_side;
#[path = "faults/store.rs"]
mod store;
