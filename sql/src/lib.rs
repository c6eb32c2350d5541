//! Every SQL text of Quarrel, and the one place that quotes a name.
//!
//! A statement is a file under `sql/`, by engine and purpose, compiled in by the modules here. Its placeholders are filled
//! with [`Sql`] fragments, and a fragment is only ever made from a quoted name, a quoted text, a number or a rendered
//! statement: there is no way from a plain string into SQL.
//!
//! # Invariants
//! - Only this crate quotes.
//! - A placeholder without a value, or a value without a placeholder, is an error: no statement is half filled.

pub mod demo;
pub mod direct;
pub mod fragment;
pub mod migrate;
pub mod mysql;
pub mod postgres;
pub mod postgres_source;
pub mod redshift;
pub mod reduce;
pub mod replace;
pub mod replace_sqlite;
pub mod sqlite;
pub mod state;
pub mod template;

pub use fragment::Sql;
pub use template::{RenderError, Template, Value};
