//! The state store: runs and their steps, batches, watermarks and leases, in SQLite or Postgres.
//!
//! # Invariants
//! - The ledger in the targets decides what has been applied; nothing here is needed for correctness but the leases. A lost
//!   state store costs history, not data.
//! - One set of migrations and statements for both engines.

pub mod lease;
pub mod records;
pub mod schema;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use quarrel_sql::state::{MIGRATIONS, StateEngine};
use quarrel_sql::{RenderError, Template, Value};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyPool, AssertSqlSafe, SqlSafeStr as _};

/// Connections a process keeps to the state store: a run needs one at a time, and a few run side by side.
const CONNECTIONS: u32 = 4;
/// How long a statement waits for one of them.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);

/// Tries at bringing the schema up to date, beside other processes that do the same.
const MIGRATE_ATTEMPTS_MAX: u32 = 5;
/// Between two of them: a migration takes a few milliseconds.
const MIGRATE_PAUSE: Duration = Duration::from_millis(100);

/// The step on the state store that failed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("failed to open the state store")]
    Open { source: sqlx::Error },
    #[error("failed to create folder `{path}` for the state store")]
    CreateFolder { path: String, source: std::io::Error },
    #[error("the state store's URL starts with neither sqlite: nor postgres:")]
    UnknownEngine,
    #[error("failed to migrate the state store")]
    Migrate { source: MigrateError },
    #[error("failed to {action} in the state store")]
    Statement { action: &'static str, source: sqlx::Error },
    #[error("failed to render a statement for the state store")]
    Render { source: RenderError },
    #[error("failed to write {what} as JSON")]
    Json { what: &'static str, source: serde_json::Error },
    #[error("{lease} is held by {holder}")]
    Held { lease: String, holder: String },
    #[error("the lease on {lease} was lost: another run took it over")]
    LeaseLost { lease: String },
}

/// A connected, migrated state store; cheap to clone.
#[derive(Debug, Clone)]
pub struct StateStore {
    pub(crate) pool: AnyPool,
    pub(crate) engine: StateEngine,
}

impl StateStore {
    /// Opens a store by URL (`sqlite:///path/state.db`, `postgres://…`) and brings its schema up to date.
    ///
    /// A SQLite file and its folder are created; in Postgres everything lives in schema `quarrel_state`.
    ///
    /// # Errors
    /// The step that failed; the URL is in none of them.
    pub async fn open(url: &str) -> Result<Self, StateError> {
        sqlx::any::install_default_drivers();
        let (engine, url) = if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            create_folder(path)?;
            (StateEngine::Sqlite, format!("sqlite://{path}?mode=rwc"))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            (StateEngine::Postgres, url.to_owned())
        } else {
            return Err(StateError::UnknownEngine);
        };
        let options = AnyConnectOptions::from_str(&url).map_err(|source| StateError::Open { source })?;
        let set_up = match engine {
            StateEngine::Postgres => quarrel_sql::state::CONNECT_POSTGRES.text(),
            StateEngine::Sqlite => quarrel_sql::state::CONNECT_SQLITE.text(),
        };
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(set_up).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(|source| StateError::Open { source })?;
        let store = StateStore { pool, engine };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StateError> {
        let migration = |step: &quarrel_sql::state::Migration| {
            Migration::new(step.version, step.description.into(), MigrationType::Simple, step.sql.into_sql_str(), false)
        };
        let migrator = Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect());
        let mut attempt = 1;
        loop {
            match migrator.run(&self.pool).await {
                Ok(()) => return Ok(()),
                // SQLite has no lock for this: of two processes that find a new store, one comes second, and then finds it made.
                Err(_) if attempt < MIGRATE_ATTEMPTS_MAX => attempt += 1,
                Err(source) => return Err(StateError::Migrate { source }),
            }
            tokio::time::sleep(MIGRATE_PAUSE).await;
        }
    }

    /// Closes the pool.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn statement<'a>(
        &self,
        template: &Template,
        values: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments>, StateError> {
        let sql = template.render(values).map_err(|source| StateError::Render { source })?;
        Ok(sqlx::query(AssertSqlSafe(sql.as_str().to_owned())))
    }

    pub(crate) fn clock(&self) -> Result<Value, StateError> {
        self.engine.clock().map(Value::One).map_err(|source| StateError::Render { source })
    }
}

/// An instant as the store keeps it: RFC 3339 in UTC with microseconds, so that texts sort as instants do.
pub fn stored_instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn create_folder(path: &str) -> Result<(), StateError> {
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = folder else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .map_err(|source| StateError::CreateFolder { path: folder.display().to_string(), source })
}
