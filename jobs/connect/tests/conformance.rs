//! One suite for every target: what [`quarrel_connect::target::Target`] promises, asked of real databases.
//!
//! A test that holds for all engines is a function of [`Engine`] and runs once for each; what only one engine has is in a
//! module of its own. Expected rows are written out, or computed by plain code beside the test.

mod conformance {
    pub mod database;
    pub mod memory;
    pub mod replace_scene;
    pub mod scene;
    pub mod stage_place;

    mod bad_values;
    mod direct;
    mod faults;
    mod kills;
    mod large;
    mod ledger;
    mod names;
    mod postgres_only;
    mod redshift_only;
    mod replace;
    mod replace_kills;
    mod replace_postgres;
    mod rows;
    mod sqlite_only;
}
