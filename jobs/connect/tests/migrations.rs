//! Migrations on real databases: a source is described, its copy planned, made, and described again.
//!
//! What a plan says a table will be is held against what the database then says it is; and planning again finds nothing to do.

mod migrations {
    pub mod follow;

    mod changes;
    mod mysql;
    mod postgres;
    mod postgres_source;
    mod sqlite;
}
