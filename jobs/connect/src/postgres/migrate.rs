//! Carries a migration of a Postgres table out, in one transaction.

use std::time::Duration;

use quarrel_model::mapping::TargetEngine;
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::QualifiedName;
use quarrel_sql::{Sql, migrate as migrations, postgres as sql};
use sqlx::{Connection, PgConnection};

use super::PostgresTarget;
use crate::database_error::is_lock_timeout;
use crate::fail_point;
use crate::pool::Session;
use crate::statement::statement;
use crate::target::TargetError;

/// While a statement of ours waits for its lock, every reader that comes later waits behind it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn migrate(
    target: &PostgresTarget,
    table: &QualifiedName,
    steps: &[MigrationStep],
) -> Result<(), TargetError> {
    let mut session = Session::open(&target.pool).await?;
    run(&mut session, table, steps).await.map_err(|error| locked(table, error))?;
    session.release();
    Ok(())
}

async fn run(connection: &mut PgConnection, table: &QualifiedName, steps: &[MigrationStep]) -> Result<(), TargetError> {
    let failed = |source| TargetError::Migrate { table: table.clone(), source };
    let mut tx = connection.begin().await.map_err(failed)?;
    let timeout = format!("{}ms", LOCK_TIMEOUT.as_millis());
    sqlx::query(sql::SET_LOCK_TIMEOUT.text()).bind(timeout).execute(&mut *tx).await.map_err(failed)?;
    for step in steps {
        if is_done(&mut tx, step).await.map_err(failed)? {
            continue;
        }
        let rendered = migrations::statements(TargetEngine::Postgres, table, std::slice::from_ref(step))
            .map_err(|source| TargetError::Render { table: table.clone(), source })?;
        for rendered in rendered {
            sqlx::raw_sql(statement(&rendered.sql)).execute(&mut *tx).await.map_err(failed)?;
        }
        fail_point::hit("migrate_step");
    }
    tx.commit().await.map_err(failed)
}

/// A schema that is there is not created: even with IF NOT EXISTS that asks for a privilege.
async fn is_done(connection: &mut PgConnection, step: &MigrationStep) -> Result<bool, sqlx::Error> {
    match step {
        MigrationStep::CreateSchema { schema } => {
            let name = Sql::name(schema);
            sqlx::query_scalar(migrations::POSTGRES_SCHEMA_EXISTS.text())
                .bind(name.as_str())
                .fetch_one(connection)
                .await
        }
        MigrationStep::CreateTable { .. }
        | MigrationStep::AddPrimaryKey { .. }
        | MigrationStep::AddColumn { .. }
        | MigrationStep::ChangeType { .. }
        | MigrationStep::DropNotNull { .. }
        | MigrationStep::DropColumn { .. } => Ok(false),
    }
}

fn locked(table: &QualifiedName, error: TargetError) -> TargetError {
    match error {
        TargetError::Migrate { source, .. } if is_lock_timeout(&source) => {
            let blocker = "another transaction reads or writes it, and did not end in time".to_owned();
            TargetError::Locked { table: table.clone(), blocker, source }
        }
        other => other,
    }
}
