//! Values as text for people: tables first, what needs words below them.

pub mod demo;
pub mod full_load;
pub mod import;
pub mod plan;
pub mod runs;
pub mod status;
pub mod validate;

mod grid;
mod units;
