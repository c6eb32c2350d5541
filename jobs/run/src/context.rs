//! What every job needs, opened once from the configuration.

use std::sync::Arc;

use quarrel_executor::session::SessionSettings;
use quarrel_executor::stores::{CONCURRENCY_DEFAULT, S3Settings, StoreSettings};
use quarrel_model::config::{ClusterConfig, Config, StateConfig};
use quarrel_model::names::TableName;

use crate::cluster::{Cluster, ClusterAddress, ClusterError};
use crate::lake::{Lake, LakeArea, LakeError};
use crate::secrets::{SecretError, resolve};
use crate::state::{StateError, StateStore};
use crate::targets::Targets;

/// Why jobs can't start.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("failed to resolve the state store's URL")]
    StateUrl { source: SecretError },
    #[error(
        "`cluster.tls` is set, but this build can't speak TLS to a scheduler; keep the cluster in a private network"
    )]
    Tls,
    #[error("failed to reach the cluster")]
    Cluster { source: ClusterError },
}

/// Told what a run is doing; must be quick.
pub trait Progress: Send + Sync {
    /// `step` is one of `collect`, `reduce`, `load`, `clean`; `detail` a few words on what it is at.
    fn step(&self, table: &TableName, step: &'static str, detail: &str);
    /// The run of a table has ended.
    fn done(&self, table: &TableName);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _table: &TableName, _step: &'static str, _detail: &str) {}
    fn done(&self, _table: &TableName) {}
}

/// Lake, state, cluster and targets of one configuration.
pub struct Context {
    pub config: Config,
    pub lake: Lake,
    pub state: StateStore,
    pub cluster: Cluster,
    pub targets: Targets,
    pub progress: Arc<dyn Progress>,
}

impl Context {
    /// Opens everything a job needs.
    ///
    /// `folder` is the configuration's: the default state store lies in it.
    ///
    /// # Errors
    /// The first part that can't be opened. A target that can't be is told when a table needs it.
    pub async fn open(config: Config, folder: &str, progress: Arc<dyn Progress>) -> Result<Self, ContextError> {
        let settings = session_settings(&config);
        let lake = open_lake(&config, &settings.stores)?;
        let state = open_state(&config.state, folder).await?;
        let cluster = Cluster::connect(&cluster_address(&config.cluster)?, &settings)
            .await
            .map_err(|source| ContextError::Cluster { source })?;
        let targets = Targets::open(&config, Some(&lake.work)).await;
        Ok(Context { config, lake, state, cluster, targets, progress })
    }

    /// Closes pools and stores.
    pub async fn close(&self) {
        self.targets.close().await;
        self.state.close().await;
    }
}

/// Opens the state store that a configuration names.
///
/// # Errors
/// Its URL can't be resolved, or it can't be opened.
pub async fn open_state(state: &StateConfig, folder: &str) -> Result<StateStore, ContextError> {
    let url = match state {
        StateConfig::Default => format!("sqlite://{folder}/.quarrel/state.db"),
        StateConfig::Url(reference) => resolve(reference).map_err(|source| ContextError::StateUrl { source })?,
    };
    Ok(StateStore::open(&url).await?)
}

/// Opens both areas of the lake.
///
/// # Errors
/// An area can't be opened.
pub fn open_lake(config: &Config, stores: &StoreSettings) -> Result<Lake, LakeError> {
    let changes = LakeArea::open(&config.lake.changes, stores)?;
    let work = LakeArea::open(&config.lake.work, stores)?;
    Ok(Lake { changes, work })
}

/// The session that a configuration asks for.
pub fn session_settings(config: &Config) -> SessionSettings {
    let s3 = config.lake.s3.as_ref().map(|s3| S3Settings {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        allow_http: Some(s3.allow_http),
        path_style: Some(s3.path_style),
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    SessionSettings {
        stores: StoreSettings { s3, concurrency: CONCURRENCY_DEFAULT },
        target_partitions: config.reduce.partitions.unwrap_or(cores.max(2)),
        memory_limit: usize::try_from(config.reduce.memory).ok(),
        spill_dir: None,
    }
}

fn cluster_address(cluster: &ClusterConfig) -> Result<ClusterAddress, ContextError> {
    Ok(match cluster {
        ClusterConfig::InProcess => ClusterAddress::InProcess,
        ClusterConfig::Embedded => ClusterAddress::Embedded,
        ClusterConfig::Remote { scheduler, tls: None } => ClusterAddress::Remote { scheduler: scheduler.clone() },
        ClusterConfig::Remote { tls: Some(_), .. } => return Err(ContextError::Tls),
    })
}
