//! A real cluster of processes: the same rows as without one, and no hanging, whichever process dies.
//!
//! Schedulers, executors and clients are the binary under test; the lake is on an S3 server, the target is Postgres.

mod harness;

#[path = "cluster/nodes.rs"]
mod nodes;
#[path = "cluster/scene.rs"]
mod scene;
#[path = "cluster/state.rs"]
mod state;

#[path = "cluster/agreement.rs"]
mod agreement;
#[path = "cluster/deaths.rs"]
mod deaths;
#[path = "cluster/drain.rs"]
mod drain;
