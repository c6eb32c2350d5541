//! The databases Quarrel writes to, behind one trait.
//!
//! [`Target`] is the contract; an engine is a folder ([`postgres`], [`redshift`], [`sqlite`]); one conformance suite in `tests/` holds for
//! all of them. Nothing here decides what to load: that is a [`LoadPlan`](quarrel_model::target::LoadPlan), made elsewhere.
//!
//! # Invariants
//! - Rows and ledger entry commit in one transaction, or neither does.
//! - Names reach SQL through `quarrel-sql` only; values are bound or travel in COPY.

mod backoff;
mod database_error;
pub mod fail_point;
mod ledger_text;
mod pool;
pub mod postgres;
pub mod redshift;
pub mod reduced;
mod rows;
pub mod sqlite;
pub mod stage_store;
mod statement;
pub mod target;
mod values;
