//! What full loads leave in the state store: schema migrations, and what is known to be lost on the way.

use quarrel_model::migration::MigrationRecord;
use quarrel_model::names::TableName;
use quarrel_sql::state;
use serde::Serialize;
use sqlx::Row as _;

use super::{StateError, StateStore, stored_instant};

/// A migration as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredMigration {
    pub target: String,
    pub run_id: String,
    /// RFC 3339.
    pub migrated_at: String,
    pub summary: String,
    /// A [`MigrationRecord`] as JSON.
    pub record: String,
}

/// Something of a column that doesn't reach a target, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredLoss {
    pub target: String,
    pub column: String,
    pub loss: String,
}

impl StateStore {
    /// Keeps the record of a migration, `json` being its own form; one of a run that is kept already stays as it is.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn store_migration(
        &self,
        record: &MigrationRecord,
        target: &str,
        json: String,
    ) -> Result<(), StateError> {
        self.statement(&state::SCHEMA_STORE_MIGRATION, [])?
            .bind(record.table.0.clone())
            .bind(target.to_owned())
            .bind(record.run.clone())
            .bind(stored_instant(record.at))
            .bind(record.migration.summary())
            .bind(json)
            .execute(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "store a migration", source })?;
        Ok(())
    }

    /// The migrations of a table, oldest first.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn migrations(&self, table: &TableName) -> Result<Vec<StoredMigration>, StateError> {
        let rows = self
            .statement(&state::SCHEMA_LIST_MIGRATIONS, [])?
            .bind(table.0.clone())
            .fetch_all(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "read migrations", source })?;
        let stored = |row: &sqlx::any::AnyRow| StoredMigration {
            target: row.get("target"),
            run_id: row.get("run_id"),
            migrated_at: row.get("migrated_at"),
            summary: row.get("summary"),
            record: row.get("record"),
        };
        Ok(rows.iter().map(stored).collect())
    }

    /// Stores the known losses of a target, column and sentence each, in place of those it had.
    ///
    /// # Errors
    /// A statement failed; then the earlier ones are still there.
    pub async fn store_losses(
        &self,
        table: &TableName,
        target: &str,
        losses: Vec<(String, String)>,
    ) -> Result<(), StateError> {
        let failed = |source| StateError::Statement { action: "store known losses", source };
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        self.statement(&state::SCHEMA_DELETE_LOSSES, [])?
            .bind(table.0.clone())
            .bind(target.to_owned())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        for (number, (column, loss)) in (0_i64..).zip(losses) {
            self.statement(&state::SCHEMA_STORE_LOSS, [])?
                .bind(table.0.clone())
                .bind(target.to_owned())
                .bind(number)
                .bind(column)
                .bind(loss)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// The known losses of a table.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn losses(&self, table: &TableName) -> Result<Vec<StoredLoss>, StateError> {
        let rows = self
            .statement(&state::SCHEMA_LIST_LOSSES, [])?
            .bind(table.0.clone())
            .fetch_all(&self.pool)
            .await
            .map_err(|source| StateError::Statement { action: "read known losses", source })?;
        let stored = |row: &sqlx::any::AnyRow| StoredLoss {
            target: row.get("target"),
            column: row.get("column_name"),
            loss: row.get("loss"),
        };
        Ok(rows.iter().map(stored).collect())
    }
}
