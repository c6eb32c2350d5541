//! Carries a migration of a Redshift table out: in one transaction, but for the statements that Redshift takes by themselves alone.

use quarrel_model::mapping::TargetEngine;
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::QualifiedName;
use quarrel_sql::migrate::{MigrationStatement, Transaction, statements};
use sqlx::{Connection, PgConnection};

use super::RedshiftTarget;
use super::statements::execute;
use crate::fail_point;
use crate::pool::Session;
use crate::target::TargetError;

/// Statements in their order; those that may be in a transaction share one with their neighbours. A migration that dies between
/// two of them is planned anew from what it left, like any other.
pub(super) async fn migrate(
    target: &RedshiftTarget,
    table: &QualifiedName,
    steps: &[MigrationStep],
) -> Result<(), TargetError> {
    let rendered = statements(TargetEngine::Redshift, table, steps)
        .map_err(|source| TargetError::Render { table: table.clone(), source })?;
    let mut session = Session::open(&target.pool).await?;
    for group in rendered.chunk_by(|a, b| (a.transaction, b.transaction) == (Transaction::Inside, Transaction::Inside))
    {
        run(&mut session, group).await.map_err(|source| TargetError::Migrate { table: table.clone(), source })?;
        fail_point::hit("migrate_step");
    }
    session.release();
    Ok(())
}

async fn run(connection: &mut PgConnection, group: &[MigrationStatement]) -> Result<(), sqlx::Error> {
    if let [alone] = group
        && alone.transaction == Transaction::Alone
    {
        return execute(connection, &alone.sql).await;
    }
    let mut tx = connection.begin().await?;
    for rendered in group {
        execute(&mut tx, &rendered.sql).await?;
    }
    tx.commit().await
}
