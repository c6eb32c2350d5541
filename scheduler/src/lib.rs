//! The control plane's cluster side: the Ballista scheduler process, with our session and codecs.
//!
//! # Invariants
//! - A scheduler keeps its state in memory and is disposable: who submitted a job watches it, and submits it again.
//! - It plans with the session every node shares (`quarrel_executor::session`).

mod cluster_state;
pub mod process;
mod vcores;
