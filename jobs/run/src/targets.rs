//! The configured databases as targets: one pool a connection, shared by every table of the process.

use std::collections::BTreeMap;
use std::sync::Arc;

use quarrel_connect::postgres::PostgresTarget;
use quarrel_connect::redshift::{RedshiftSettings, RedshiftTarget};
use quarrel_connect::sqlite::SqliteTarget;
use quarrel_connect::target::{Target, TargetError};
use quarrel_model::config::{Config, Connection, Engine};
use quarrel_model::names::ConnectionName;

use crate::lake::LakeArea;
use crate::secrets::{SecretError, resolve};
use crate::stage_store::LakeStage;

/// Why a connection can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenTargetError {
    #[error("failed to resolve the URL of connection {connection}")]
    Secret { connection: ConnectionName, source: SecretError },
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("connection {connection} can't be a target: only postgres, redshift and sqlite can")]
    Engine { connection: ConnectionName },
    #[error("connection {connection} copies from the lake's work area, which can't be opened")]
    NoWorkArea { connection: ConnectionName },
    #[error("connection {connection} has no `iam_role`, with which Redshift reads the lake's work area")]
    NoRole { connection: ConnectionName },
}

/// The targets of a process, by connection. A connection that can't be opened fails the tables that need it, no others.
#[derive(Debug, Default)]
pub struct Targets {
    open: BTreeMap<ConnectionName, Arc<dyn Target>>,
    failed: BTreeMap<ConnectionName, Arc<OpenTargetError>>,
}

impl Targets {
    /// Targets that are open already: of one's own making, or with something around them.
    pub fn of(open: BTreeMap<ConnectionName, Arc<dyn Target>>) -> Self {
        Targets { open, failed: BTreeMap::new() }
    }

    /// Opens the connections that some table writes to. Pools connect when they are first used.
    ///
    /// `work` is the lake's work area, from which some databases copy by themselves.
    pub async fn open(config: &Config, work: Option<&LakeArea>) -> Self {
        let mut targets = Targets::default();
        let names: std::collections::BTreeSet<_> =
            config.tables.iter().flat_map(|table| &table.targets).map(|target| &target.connection).collect();
        for name in names {
            match open_target(name, config.connection(name), work).await {
                Ok(target) => {
                    targets.open.insert(name.clone(), target);
                }
                Err(error) => {
                    targets.failed.insert(name.clone(), Arc::new(error));
                }
            }
        }
        targets
    }

    /// The target behind a connection.
    ///
    /// # Errors
    /// Why it could not be opened.
    pub fn get(&self, name: &ConnectionName) -> Result<Arc<dyn Target>, Arc<OpenTargetError>> {
        match (self.open.get(name), self.failed.get(name)) {
            (Some(target), _) => Ok(Arc::clone(target)),
            (None, Some(error)) => Err(Arc::clone(error)),
            (None, None) => Err(Arc::new(OpenTargetError::Engine { connection: name.clone() })),
        }
    }

    /// Closes every pool.
    pub async fn close(&self) {
        for target in self.open.values() {
            target.close().await;
        }
    }
}

async fn open_target(
    name: &ConnectionName,
    connection: &Connection,
    work: Option<&LakeArea>,
) -> Result<Arc<dyn Target>, OpenTargetError> {
    let secret = |source| OpenTargetError::Secret { connection: name.clone(), source };
    match connection.engine {
        Engine::Postgres => {
            let url = resolve(&connection.url).map_err(secret)?;
            Ok(Arc::new(PostgresTarget::connect(&name.0, &url, connection.max_connections).await?))
        }
        Engine::Sqlite => {
            let url = resolve(&connection.url).map_err(secret)?;
            Ok(Arc::new(SqliteTarget::connect(&name.0, &url, connection.max_connections).await?))
        }
        Engine::Redshift => {
            let url = resolve(&connection.url).map_err(secret)?;
            let work = work.ok_or_else(|| OpenTargetError::NoWorkArea { connection: name.clone() })?;
            let iam_role = connection.iam_role.clone();
            let settings = RedshiftSettings {
                iam_role: iam_role.ok_or_else(|| OpenTargetError::NoRole { connection: name.clone() })?,
                slices: connection.slices as usize,
                store: Arc::new(LakeStage::new(work.clone())),
            };
            Ok(Arc::new(RedshiftTarget::connect(&name.0, &url, connection.max_connections, settings).await?))
        }
        Engine::Mysql | Engine::Clickhouse => Err(OpenTargetError::Engine { connection: name.clone() }),
    }
}
