//! The databases Quarrel reads tables' descriptions from and writes to, behind two traits.
//!
//! [`Source`](source::Source), [`Target`] and [`Replace`](replace::Replace) are the contracts; an engine is a folder ([`postgres`],
//! [`redshift`], [`sqlite`], [`mysql`]); one conformance suite in `tests/` holds for
//! all of them. Nothing here decides what to load: that is a [`LoadPlan`](quarrel_model::target::LoadPlan), made elsewhere.
//!
//! # Invariants
//! - Rows and ledger entry commit in one transaction, or neither does.
//! - Names reach SQL through `quarrel-sql` only; values are bound or travel in COPY.

mod backoff;
mod database_error;
pub mod fail_point;
mod ledger_text;
pub mod mysql;
mod pool;
pub mod postgres;
pub mod redshift;
pub mod reduced;
pub mod replace;
mod rows;
pub mod source;
pub mod sqlite;
pub mod stage_store;
mod statement;
pub mod target;
mod values;
