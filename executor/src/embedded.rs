//! A scheduler and an executor inside this process, on loopback ports the system picks.
//!
//! What must stay true: the plan runs as it would on a cluster, through the same codecs and the same session; shuffle files
//! live in a directory that goes away with the cluster.

use std::sync::Arc;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::BALLISTA_PROTOCOL_VERSION;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::ExecutorRegistration;
use ballista_core::serde::scheduler::{ExecutorOperatingSystemSpecification, ExecutorSpecification};
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::execution_loop::poll_loop;
use ballista_executor::executor::Executor;
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::health::ExecutorHealth;
use ballista_executor::metrics::LoggingMetricsCollector;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use uuid::Uuid;

use crate::codec::{LogicalCodec, PhysicalCodec};
use crate::scheduler_link::connect_scheduler;
use crate::session::{MESSAGE_BYTES_MAX, SessionSettings, ballista_codec, runtime_env, session_config, session_state};

/// Why no embedded cluster came up.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("failed to make a directory for shuffle files")]
    WorkDir { source: std::io::Error },
    #[error("failed to open a loopback port")]
    Port { source: std::io::Error },
    #[error("failed to set up the session")]
    Session { source: datafusion::error::DataFusionError },
    #[error("failed to start the embedded scheduler")]
    Scheduler { source: BallistaError },
    #[error("failed to reach the embedded scheduler")]
    Connect { source: tonic::transport::Error },
}

/// A running embedded cluster; dropping it stops it.
#[derive(Debug)]
pub struct EmbeddedCluster {
    scheduler_url: String,
    /// Aborted on drop.
    _servers: JoinSet<()>,
    _work_dir: TempDir,
}

impl EmbeddedCluster {
    /// Starts scheduler and executor with `vcores` concurrent tasks.
    pub async fn start(settings: &SessionSettings, vcores: usize) -> Result<Self, EmbeddedError> {
        let work_dir = TempDir::with_prefix("quarrel-shuffle-").map_err(|source| EmbeddedError::WorkDir { source })?;
        let mut servers = JoinSet::new();
        let scheduler_url = start_scheduler(settings, &mut servers).await?;
        start_executor(settings, &scheduler_url, vcores.max(1), &work_dir, &mut servers).await?;
        Ok(Self { scheduler_url, _servers: servers, _work_dir: work_dir })
    }

    /// Where the scheduler listens, `http://127.0.0.1:port`.
    pub fn scheduler_url(&self) -> &str {
        &self.scheduler_url
    }
}

async fn start_scheduler(settings: &SessionSettings, servers: &mut JoinSet<()>) -> Result<String, EmbeddedError> {
    let listener = loopback_listener().await?;
    let address = listener.local_addr().map_err(|source| EmbeddedError::Port { source })?;
    let runtime = runtime_env(settings).map_err(|source| EmbeddedError::Session { source })?;
    let config = {
        let settings = settings.clone();
        SchedulerConfig {
            external_host: address.ip().to_string(),
            bind_host: address.ip().to_string(),
            bind_port: address.port(),
            scheduling_policy: TaskSchedulingPolicy::PullStaged,
            grpc_server_max_decoding_message_size: MESSAGE_BYTES_MAX as u32,
            grpc_server_max_encoding_message_size: MESSAGE_BYTES_MAX as u32,
            grpc_client_max_message_size: MESSAGE_BYTES_MAX as u32,
            override_config_producer: Some(Arc::new(move || session_config(&settings))),
            override_session_builder: Some(Arc::new(move |config| Ok(session_state(config, Arc::clone(&runtime))))),
            override_logical_codec: Some(Arc::new(LogicalCodec::default())),
            override_physical_codec: Some(Arc::new(PhysicalCodec::default())),
            ..SchedulerConfig::default()
        }
    };
    let cluster =
        BallistaCluster::new_from_config(&config).await.map_err(|source| EmbeddedError::Scheduler { source })?;
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config))
        .await
        .map_err(|source| EmbeddedError::Scheduler { source })?;
    servers.spawn(async move {
        if let Err(error) = start_grpc_service_with_listener(listener, scheduler).await {
            tracing::error!(error = %error, "the embedded scheduler stopped");
        }
    });
    Ok(format!("http://{address}"))
}

async fn start_executor(
    settings: &SessionSettings,
    scheduler_url: &str,
    vcores: usize,
    work_dir: &TempDir,
    servers: &mut JoinSet<()>,
) -> Result<(), EmbeddedError> {
    let listener = loopback_listener().await?;
    let address = listener.local_addr().map_err(|source| EmbeddedError::Port { source })?;
    let registration = ExecutorRegistration {
        id: Uuid::now_v7().to_string(),
        host: Some(address.ip().to_string()),
        port: u32::from(address.port()),
        // Tasks are pulled here, so nobody calls the executor.
        grpc_port: 0,
        specification: Some(ExecutorSpecification::default().with_vcores(vcores as u32).into()),
        os_info: Some(ExecutorOperatingSystemSpecification::default().into()),
        ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
    };
    let runtime = runtime_env(settings).map_err(|source| EmbeddedError::Session { source })?;
    let functions = session_state(session_config(settings), Arc::clone(&runtime));
    let work_dir = work_dir.path().to_string_lossy().into_owned();
    let executor = {
        let settings = settings.clone();
        Executor::with_default_execution_engine(
            registration,
            &work_dir,
            Arc::new(move |_| Ok(Arc::clone(&runtime))),
            Arc::new(move || session_config(&settings)),
            Arc::new((&functions).into()),
            Arc::new(LoggingMetricsCollector::default()),
            vcores,
        )
    };
    let flight = FlightServiceServer::new(BallistaFlightService::new(work_dir))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    servers.spawn(async move {
        let served = create_grpc_server(&GrpcServerConfig::default())
            .add_service(flight)
            .serve_with_incoming(TcpIncoming::from(listener))
            .await;
        if let Err(error) = served {
            tracing::error!(error = %error, "the embedded shuffle server stopped");
        }
    });
    let scheduler = connect_scheduler(scheduler_url).await.map_err(|source| EmbeddedError::Connect { source })?;
    servers.spawn(async move {
        let polling =
            poll_loop(scheduler, Arc::new(executor), ballista_codec(), None, None, ExecutorHealth::new()).await;
        if let Err(error) = polling {
            tracing::error!(error = %error, "the embedded executor stopped");
        }
    });
    Ok(())
}

async fn loopback_listener() -> Result<TcpListener, EmbeddedError> {
    TcpListener::bind(("127.0.0.1", 0)).await.map_err(|source| EmbeddedError::Port { source })
}
