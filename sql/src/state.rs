//! Statements on the state store: the same texts for Postgres and SQLite, but for the clock.

use crate::fragment::Sql;
use crate::template::{RenderError, Template, template};

/// A step of the state store's schema, in order.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub version: i64,
    pub description: &'static str,
    pub sql: &'static str,
}

/// Every migration, oldest first. A migration that has been released is never edited: its checksum is stored.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, description: "runs", sql: include_str!("../state/migrations/0001_runs.sql") },
    Migration {
        version: 2,
        description: "schema migrations",
        sql: include_str!("../state/migrations/0002_schema_migrations.sql"),
    },
];

/// The engine that keeps the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateEngine {
    Postgres,
    Sqlite,
}

impl StateEngine {
    /// The database's clock: leases never use the process's own.
    ///
    /// # Errors
    /// A defect of this crate's texts.
    pub fn clock(self) -> Result<Sql, RenderError> {
        match self {
            StateEngine::Postgres => CLOCK_POSTGRES.render([]),
            StateEngine::Sqlite => CLOCK_SQLITE.render([]),
        }
    }
}

const CLOCK_POSTGRES: Template = template!("state/clock.postgres.sql");
const CLOCK_SQLITE: Template = template!("state/clock.sqlite.sql");
/// Marks the runs of a table that their process left unfinished; the caller holds the table's lease.
pub const RUN_ABANDON: Template = template!("state/runs/abandon.sql");
/// Records how a run ended.
pub const RUN_FINISH: Template = template!("state/runs/finish.sql");
/// The latest run of each table.
pub const RUN_LATEST: Template = template!("state/runs/latest.sql");
/// The latest runs, newest first.
pub const RUN_LIST: Template = template!("state/runs/list.sql");
/// Records that a run has started.
pub const RUN_START: Template = template!("state/runs/start.sql");
/// Records a finished step of a run.
pub const RUN_STEP: Template = template!("state/runs/step.sql");
/// The steps of a run, in order.
pub const RUN_STEPS: Template = template!("state/runs/steps.sql");
/// Records that every target has a batch.
pub const BATCH_APPLIED: Template = template!("state/batches/applied.sql");
/// Stores a frozen batch, or brings one back that an earlier run left unfinished.
pub const BATCH_COLLECT: Template = template!("state/batches/collect.sql");
/// A stored batch.
pub const BATCH_FIND: Template = template!("state/batches/find.sql");
/// Cluster jobs that crashed runs of a table may have left running.
pub const BATCH_LEFT_JOBS: Template = template!("state/batches/left_jobs.sql");
/// Records where a batch's reduced form lies.
pub const BATCH_REDUCED: Template = template!("state/batches/reduced.sql");
/// Remembers the cluster's job for a batch, so that a run after a crash can cancel it.
pub const BATCH_SUBMITTED: Template = template!("state/batches/submitted.sql");
/// How far every target is.
pub const WATERMARK_LIST: Template = template!("state/watermarks/list.sql");
/// Stores how far a target is.
pub const WATERMARK_STORE: Template = template!("state/watermarks/store.sql");
/// Keeps the record of a schema migration.
pub const SCHEMA_STORE_MIGRATION: Template = template!("state/schema/store_migration.sql");
/// The migrations of a table, oldest first.
pub const SCHEMA_LIST_MIGRATIONS: Template = template!("state/schema/list_migrations.sql");
/// Forgets the known losses of a target.
pub const SCHEMA_DELETE_LOSSES: Template = template!("state/schema/delete_losses.sql");
/// Stores a known loss of a column.
pub const SCHEMA_STORE_LOSS: Template = template!("state/schema/store_loss.sql");
/// The known losses of a table.
pub const SCHEMA_LIST_LOSSES: Template = template!("state/schema/list_losses.sql");
/// Takes a lease that is free or has expired; the epoch grows with every taking.
pub const LEASE_ACQUIRE: Template = template!("state/leases/acquire.sql");
/// Who holds a lease.
pub const LEASE_FIND: Template = template!("state/leases/find.sql");
/// Lets a lease go; its epoch stays.
pub const LEASE_RELEASE: Template = template!("state/leases/release.sql");
/// Prolongs a lease that is still held, and raises its epoch where a target knows a later one.
pub const LEASE_RENEW: Template = template!("state/leases/renew.sql");
/// Sets a new connection to a Postgres state store up.
pub const CONNECT_POSTGRES: Template = template!("state/connect.postgres.sql");
/// Sets a new connection to a SQLite state store up.
pub const CONNECT_SQLITE: Template = template!("state/connect.sqlite.sql");
