//! What the columns of a table's targets should be, by its source: described and planned, nothing touched.

use quarrel_connect::mysql::MySqlSource;
use quarrel_connect::postgres::PostgresSource;
use quarrel_connect::source::Source;
use quarrel_model::config::{Config, Engine, LoadOrigin, Table};
use quarrel_model::mapping::{Route, TargetEngine};
use quarrel_model::migration::{Allowance, Migration, MigrationRules, Refusal, plan_migration};
use quarrel_model::names::{ConnectionName, QualifiedName};
use quarrel_model::source::SourceTable;
use quarrel_model::target::TargetTable;

use super::error::FullLoadError;
use crate::secrets::resolve;

/// Describing takes one connection, for a moment.
const DESCRIBE_CONNECTIONS: u32 = 1;

/// Describes the source of a table; None where the configuration names none.
///
/// # Errors
/// It can't be reached, or has no such table.
pub(crate) async fn describe_source(config: &Config, table: &Table) -> Result<Option<SourceTable>, FullLoadError> {
    let Some(from) = &table.source else { return Ok(None) };
    let name = &from.connection;
    let connection = config.connection(name);
    let url = || resolve(&connection.url).map_err(|source| FullLoadError::Secret { connection: name.clone(), source });
    let source: Box<dyn Source> = match connection.engine {
        Engine::Postgres => Box::new(PostgresSource::connect(&name.0, &url()?, DESCRIBE_CONNECTIONS).await?),
        Engine::Mysql => Box::new(MySqlSource::connect(&name.0, &url()?, DESCRIBE_CONNECTIONS).await?),
        Engine::Redshift | Engine::Sqlite | Engine::Clickhouse => {
            return Err(FullLoadError::SourceEngine { connection: name.clone() });
        }
    };
    let described = source.describe(&from.table).await;
    source.close().await;
    let missing = || FullLoadError::NoSource { connection: name.clone(), table: from.table.clone() };
    described?.ok_or_else(missing).map(Some)
}

/// Plans what makes a target follow its source; None for a target whose tables Quarrel doesn't make.
///
/// # Errors
/// The target differs in what is never changed by itself, or was not allowed.
pub(crate) fn plan_columns(
    config: &Config,
    table: &Table,
    source: &SourceTable,
    (connection, target): (&ConnectionName, &QualifiedName),
    described: Option<&TargetTable>,
    allow: &[Allowance],
) -> Result<Option<Migration>, Refusal> {
    let Some(engine) = TargetEngine::of(config.connection(connection).engine) else { return Ok(None) };
    let route = match table.load_origin() {
        Some(LoadOrigin::Direct) => Route::Direct,
        Some(LoadOrigin::Files) | None => Route::Dms,
    };
    let mut rules = MigrationRules::of(table, target, engine, route);
    rules.widen = table.full_load.widen;
    rules.allow = allow.iter().copied().collect();
    plan_migration(source, described, &rules).map(Some)
}

/// What is known to be lost on the way, by column, in sentences.
pub(crate) fn losses_of(migration: &Migration) -> Vec<(String, String)> {
    let of_column = |planned: &quarrel_model::migration::PlannedColumn| {
        let column = planned.mapped.source.clone();
        planned.mapped.losses.iter().map(move |loss| (column.clone(), loss.sentence())).collect::<Vec<_>>()
    };
    migration.columns.iter().flat_map(of_column).collect()
}
