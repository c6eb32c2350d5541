//! Carries a migration of a SQLite table out, in one transaction.

use quarrel_model::mapping::TargetEngine;
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::QualifiedName;
use quarrel_sql::migrate as migrations;
use sqlx::SqlitePool;

use super::ledger;
use crate::database_error::is_busy;
use crate::statement::statement;
use crate::target::TargetError;

pub(super) async fn migrate(
    pool: &SqlitePool,
    table: &QualifiedName,
    steps: &[MigrationStep],
) -> Result<(), TargetError> {
    let failed = |source| {
        if is_busy(&source) {
            let blocker = "another connection is writing to the file".to_owned();
            return TargetError::Locked { table: table.clone(), blocker, source };
        }
        TargetError::Migrate { table: table.clone(), source }
    };
    let rendered = migrations::statements(TargetEngine::Sqlite, table, steps)
        .map_err(|source| TargetError::Render { table: table.clone(), source })?;
    let mut tx = ledger::begin(pool).await.map_err(failed)?;
    for rendered in rendered {
        sqlx::raw_sql(statement(&rendered.sql)).execute(&mut *tx).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)
}
