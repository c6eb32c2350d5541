//! What is kept of a migration that was carried out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Decision, Migration};
use crate::names::{ConnectionName, TableName};

/// A migration that was run: stored as JSON in the lake and in the state store, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationRecord {
    pub table: TableName,
    pub connection: ConnectionName,
    /// Of the run that did it.
    pub run: String,
    pub at: DateTime<Utc>,
    /// Before, after and the steps between.
    pub migration: Migration,
    /// The statements that were run, in order.
    pub ddl: Vec<String>,
}

impl MigrationRecord {
    /// The record of a migration, or none where there is nothing to tell.
    pub fn of(
        migration: &Migration,
        ddl: Vec<String>,
        (table, connection): (&TableName, &ConnectionName),
        run: &str,
        at: DateTime<Utc>,
    ) -> Option<MigrationRecord> {
        match migration.decision {
            Decision::Nothing => None,
            Decision::Create | Decision::Alter => Some(MigrationRecord {
                table: table.clone(),
                connection: connection.clone(),
                run: run.to_owned(),
                at,
                migration: migration.clone(),
                ddl,
            }),
        }
    }
}
