//! The configured databases as targets: one pool a connection, shared by every table of the process.

use std::collections::BTreeMap;
use std::sync::Arc;

use quarrel_connect::postgres::PostgresTarget;
use quarrel_connect::redshift::{RedshiftSettings, RedshiftTarget};
use quarrel_connect::replace::Replace;
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

/// An open connection, by what it can do: one value, seen from each side.
#[derive(Debug, Clone)]
struct Opened {
    target: Arc<dyn Target>,
    replace: Option<Arc<dyn Replace>>,
    postgres: Option<PostgresTarget>,
}

/// The targets of a process, by connection. A connection that can't be opened fails the tables that need it, no others.
#[derive(Debug, Default)]
pub struct Targets {
    open: BTreeMap<ConnectionName, Opened>,
    failed: BTreeMap<ConnectionName, Arc<OpenTargetError>>,
}

impl Targets {
    /// Targets that are open already: of one's own making, or with something around them.
    pub fn of(open: BTreeMap<ConnectionName, Arc<dyn Target>>) -> Self {
        let opened = |target| Opened { target, replace: None, postgres: None };
        let open = open.into_iter().map(|(name, target)| (name, opened(target))).collect();
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
            (Some(opened), _) => Ok(Arc::clone(&opened.target)),
            (None, Some(error)) => Err(Arc::clone(error)),
            (None, None) => Err(Arc::new(OpenTargetError::Engine { connection: name.clone() })),
        }
    }

    /// The target behind a connection, if its tables can be replaced whole.
    pub fn replace(&self, name: &ConnectionName) -> Option<Arc<dyn Replace>> {
        self.open.get(name).and_then(|opened| opened.replace.clone())
    }

    /// The target behind a connection, if it is a Postgres.
    pub fn postgres(&self, name: &ConnectionName) -> Option<PostgresTarget> {
        self.open.get(name).and_then(|opened| opened.postgres.clone())
    }

    /// Closes every pool.
    pub async fn close(&self) {
        for opened in self.open.values() {
            opened.target.close().await;
        }
    }
}

async fn open_target(
    name: &ConnectionName,
    connection: &Connection,
    work: Option<&LakeArea>,
) -> Result<Opened, OpenTargetError> {
    let secret = |source| OpenTargetError::Secret { connection: name.clone(), source };
    match connection.engine {
        Engine::Postgres => {
            let url = resolve(&connection.url).map_err(secret)?;
            let target = PostgresTarget::connect(&name.0, &url, connection.max_connections).await?;
            Ok(Opened {
                target: Arc::new(target.clone()),
                replace: Some(Arc::new(target.clone())),
                postgres: Some(target),
            })
        }
        Engine::Sqlite => {
            let url = resolve(&connection.url).map_err(secret)?;
            let target = SqliteTarget::connect(&name.0, &url, connection.max_connections).await?;
            Ok(Opened { target: Arc::new(target.clone()), replace: Some(Arc::new(target)), postgres: None })
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
            let target = RedshiftTarget::connect(&name.0, &url, connection.max_connections, settings).await?;
            Ok(Opened { target: Arc::new(target), replace: None, postgres: None })
        }
        Engine::Mysql | Engine::Clickhouse => Err(OpenTargetError::Engine { connection: name.clone() }),
    }
}
