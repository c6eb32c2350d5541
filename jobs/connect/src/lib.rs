//! The databases Quarrel reads tables' descriptions from and writes to, behind two traits.
//!
//! [`Source`](source::Source) and [`Target`] are the contracts; an engine is a folder ([`postgres`], [`sqlite`], [`mysql`]); one conformance suite in `tests/` holds for
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
pub mod postgres;
pub mod reduced;
pub mod replace;
mod rows;
pub mod source;
pub mod sqlite;
mod statement;
pub mod target;
