//! Settings and life of the scheduler process.
//!
//! What must stay true: it listens on loopback unless told otherwise (Ballista's protocol knows no authentication), its REST
//! API is not compiled in, an executor that died is given up within half a minute, and its neighbours keep their vcores.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use quarrel_executor::codec::{LogicalCodec, PhysicalCodec};
use quarrel_executor::session::{MESSAGE_BYTES_MAX, SessionSettings, runtime_env, session_config, session_state};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cluster_state::{SettledClusterState, bind_when_overdue};

/// An executor that was silent for this long is given up: four of its heartbeats.
const EXECUTOR_TIMEOUT_SECONDS: u64 = 20;
/// How often silent ones are looked for.
const EXPIRE_INTERVAL_SECONDS: u64 = 5;
/// An executor that said it is leaving, and then fell silent, is given up after this: three of its heartbeats.
const LEAVING_EXECUTOR_SECONDS: u64 = 15;
/// With every executor gone, jobs that were running wait this long for one to come (back). Ballista wants it no shorter than
/// the executor timeout; the jobs' own deadlines hold besides.
const NO_EXECUTORS_GRACE_SECONDS: u64 = 60;
/// Shuffle files of a finished job are removed after this, if its client has not asked for it before.
const SHUFFLE_FILES_SECONDS: u64 = 120;
/// What a finished job leaves in the scheduler's memory goes after this.
const JOB_STATE_SECONDS: u64 = 600;

/// Settings of a scheduler process.
#[derive(Debug, Clone)]
pub struct SchedulerProcess {
    /// The address it listens on.
    pub bind_host: IpAddr,
    /// gRPC for clients and executors, `/healthz` and `/readyz` for probes; 0: any free port.
    pub port: u16,
    /// The name executors reach it by; `None`: the bind address.
    pub advertised_host: Option<String>,
    pub session: SessionSettings,
}

impl Default for SchedulerProcess {
    fn default() -> Self {
        Self {
            bind_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 50050,
            advertised_host: None,
            session: SessionSettings::default(),
        }
    }
}

/// Why a scheduler did not start, or stopped unasked.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    #[error("failed to listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("failed to set up the session")]
    Session { source: datafusion::error::DataFusionError },
    #[error("failed to start the scheduler")]
    Start { source: BallistaError },
    #[error("the scheduler on {address} stopped")]
    Stopped { address: SocketAddr, source: BallistaError },
}

/// Runs a scheduler until `shutdown`.
pub async fn run_scheduler(settings: SchedulerProcess, shutdown: CancellationToken) -> Result<(), SchedulerError> {
    BoundScheduler::bind(settings).await?.serve(shutdown).await
}

/// A scheduler that has its port, and is not serving yet.
#[derive(Debug)]
pub struct BoundScheduler {
    settings: SchedulerProcess,
    listener: TcpListener,
    address: SocketAddr,
}

impl BoundScheduler {
    /// Opens the port.
    pub async fn bind(settings: SchedulerProcess) -> Result<Self, SchedulerError> {
        let address = SocketAddr::new(settings.bind_host, settings.port);
        let failed = |source| SchedulerError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { settings, listener, address })
    }

    /// `http://host:port`, as clients and executors take it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until `shutdown`. Jobs that still run are forgotten; their clients notice and submit them elsewhere.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), SchedulerError> {
        let Self { settings, listener, address } = self;
        let config = ballista_config(&settings, address)?;
        let start_error = |source| SchedulerError::Start { source };
        config.validate().map_err(start_error)?;
        let memory = BallistaCluster::new_from_config(&config).await.map_err(start_error)?;
        let state = Arc::new(SettledClusterState::new(memory.cluster_state()));
        let cluster = BallistaCluster::new(state.clone(), memory.job_state());
        let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config))
            .await
            .map_err(start_error)?;
        let overdue = bind_when_overdue(state, scheduler.clone());
        tracing::info!(%address, "scheduler ready");
        tokio::select! {
            () = shutdown.cancelled() => {
                tracing::info!(%address, "scheduler stopped");
                Ok(())
            }
            never = overdue => match never {},
            served = start_grpc_service_with_listener(listener, scheduler) => {
                served.map_err(|source| SchedulerError::Stopped { address, source })
            }
        }
    }
}

fn ballista_config(settings: &SchedulerProcess, address: SocketAddr) -> Result<SchedulerConfig, SchedulerError> {
    let session = settings.session.clone();
    let runtime = runtime_env(&session).map_err(|source| SchedulerError::Session { source })?;
    let host = address.ip().to_string();
    Ok(SchedulerConfig {
        external_host: settings.advertised_host.clone().unwrap_or_else(|| host.clone()),
        bind_host: host,
        bind_port: address.port(),
        // Under pull, a cancelled job's tasks run on.
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        executor_timeout_seconds: EXECUTOR_TIMEOUT_SECONDS,
        expire_dead_executor_interval_seconds: EXPIRE_INTERVAL_SECONDS,
        executor_termination_grace_period: LEAVING_EXECUTOR_SECONDS,
        no_executors_grace_period_seconds: NO_EXECUTORS_GRACE_SECONDS,
        finished_job_data_clean_up_interval_seconds: SHUFFLE_FILES_SECONDS,
        finished_job_state_clean_up_interval_seconds: JOB_STATE_SECONDS,
        grpc_server_max_decoding_message_size: MESSAGE_BYTES_MAX as u32,
        grpc_server_max_encoding_message_size: MESSAGE_BYTES_MAX as u32,
        grpc_client_max_message_size: MESSAGE_BYTES_MAX as u32,
        override_config_producer: Some(Arc::new(move || session_config(&session))),
        override_session_builder: Some(Arc::new(move |config| Ok(session_state(config, Arc::clone(&runtime))))),
        override_logical_codec: Some(Arc::new(LogicalCodec::default())),
        override_physical_codec: Some(Arc::new(PhysicalCodec::default())),
        ..SchedulerConfig::default()
    })
}
