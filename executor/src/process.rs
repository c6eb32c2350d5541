//! The executor process: takes tasks from a scheduler, serves their shuffle files, and leaves in good order.
//!
//! Ballista's own `start_executor_process` can only be stopped by signals, so the pieces it is made of are put together here.
//! What must stay true: it listens where it is told, by default on loopback only; operators of all tasks together hold at most
//! the memory it was given; when asked to stop it takes no more tasks, finishes the running ones within a bound, then goes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::protobuf::{ExecutorRegistration, ExecutorStatus, ExecutorStoppedParams, HeartBeatParams};
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::execution_engine::DefaultExecutionEngine;
use ballista_executor::executor::{Executor, TasksDrainedFuture};
use ballista_executor::executor_process::{ExecutorProcessConfig, structure_executor_metadata};
use ballista_executor::executor_server::{self, TERMINATING};
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::health::ExecutorHealth;
use ballista_executor::metrics::LoggingMetricsCollector;
use ballista_executor::runtime_cache::{DefaultSessionRuntimeCache, MemoryPoolPolicy};
use ballista_executor::shutdown::ShutdownNotifier;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

use crate::health::serve_health;
use crate::scheduler_link::{SchedulerClient, connect_scheduler};
use crate::session::{MESSAGE_BYTES_MAX, SessionSettings, ballista_codec, runtime_env, session_config, session_state};
use crate::shuffle_clients::ShuffleClients;
use crate::shuffle_files::sweep_shuffle_files;

/// Bytes the operators of one executor process may hold. Ballista's default, 70 % of the machine for each process, does not
/// survive a second process.
pub const MEMORY_POOL_BYTES_DEFAULT: u64 = 1024 * 1024 * 1024;
/// Between heartbeats; the scheduler gives an executor up after four missed ones.
const HEARTBEAT_SECONDS: u64 = 5;
/// Between attempts to reach a scheduler that is still starting.
const CONNECT_PAUSE: Duration = Duration::from_millis(500);
/// Sessions whose stores and footers are kept: every job has a session of its own, few run at once.
const SESSIONS_KEPT: usize = 16;
/// How often abandoned shuffle files are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// For telling the scheduler that this executor leaves.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(5);
/// For the servers to close their connections once no task is running.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

/// Settings of an executor process.
#[derive(Debug, Clone)]
pub struct ExecutorProcess {
    /// Tasks that run at once.
    pub vcores: usize,
    /// The address the servers listen on.
    pub bind_host: IpAddr,
    /// The name others reach it by; `None`: the bind address.
    pub advertised_host: Option<String>,
    /// Shuffle files are served here; 0: any free port.
    pub flight_port: u16,
    /// Tasks arrive here; 0: any free port.
    pub grpc_port: u16,
    /// `http://host:port`.
    pub scheduler_url: String,
    /// How long to wait for a scheduler that is not there yet.
    pub scheduler_wait: Duration,
    /// Shuffle and spill files; `None`: a temporary directory.
    pub work_dir: Option<PathBuf>,
    /// Bytes, divided evenly among the vcores; operators that need more spill.
    pub memory_pool_bytes: u64,
    /// Files of a job that nobody has written to for this long are removed.
    pub shuffle_age_max: Duration,
    /// How long running tasks may take once the process was asked to stop.
    pub drain_max: Duration,
    /// Where probes are answered.
    pub health_port: Option<u16>,
    pub session: SessionSettings,
}

impl Default for ExecutorProcess {
    fn default() -> Self {
        Self {
            vcores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            bind_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertised_host: None,
            flight_port: 50051,
            grpc_port: 50052,
            scheduler_url: "http://127.0.0.1:50050".to_owned(),
            scheduler_wait: Duration::from_secs(60),
            work_dir: None,
            memory_pool_bytes: MEMORY_POOL_BYTES_DEFAULT,
            shuffle_age_max: Duration::from_secs(6 * 3600),
            drain_max: Duration::from_secs(60),
            health_port: None,
            session: SessionSettings::default(),
        }
    }
}

/// Why an executor did not start, or stopped unasked.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    #[error("{bytes} bytes of memory cannot be divided among {vcores} vcores")]
    Memory { bytes: u64, vcores: usize },
    #[error("failed to make the work directory {}", path.display())]
    WorkDir { path: PathBuf, source: std::io::Error },
    #[error("failed to listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("failed to set up the session")]
    Session { source: datafusion::error::DataFusionError },
    #[error("no scheduler answered at {url} within {} s", waited.as_secs())]
    NoScheduler { url: String, waited: Duration, source: tonic::transport::Error },
    #[error("failed to register with the scheduler at {url}")]
    Register { url: String, source: BallistaError },
    #[error("the executor stopped: {message}")]
    Stopped { message: String },
}

/// Runs an executor until `shutdown`, then drains it.
pub async fn run_executor(settings: ExecutorProcess, shutdown: CancellationToken) -> Result<(), ExecutorError> {
    let work = WorkDir::open(settings.work_dir.as_deref())?;
    let flight_listener = listen(settings.bind_host, settings.flight_port).await?;
    let flight_address = local_address(&flight_listener, settings.bind_host)?;
    let process = Arc::new(ballista_process(&settings, flight_address.port(), free_port(&settings).await?));
    let registration = structure_executor_metadata(&process, settings.vcores.max(1) as u32);
    let executor = Arc::new(executor(&settings, &work, registration.clone())?);
    let Some(scheduler) = reach_scheduler(&settings, &shutdown).await? else { return Ok(()) };

    let background = CancellationToken::new();
    let _stop_background = background.clone().drop_guard();
    let health = ExecutorHealth::new();
    if let Some(port) = settings.health_port {
        let listener = listen(settings.bind_host, port).await?;
        let health = health.clone();
        tokio::spawn(serve_health(listener, move || health.is_ready(), background.clone()));
    }
    tokio::spawn(sweep_shuffle_files(work.shuffle.clone(), SWEEP_INTERVAL, settings.shuffle_age_max, background));

    let notifier = ShutdownNotifier::new();
    let mut flight = serve_shuffle_files(flight_listener, &work, &notifier);
    let (stop_sender, mut stop_requests) = mpsc::channel(1);
    let mut tasks = executor_server::startup(
        scheduler.clone(),
        Arc::clone(&process),
        Arc::clone(&executor),
        ballista_codec(),
        stop_sender,
        &notifier,
        health,
    )
    .await
    .map_err(|source| ExecutorError::Register { url: settings.scheduler_url.clone(), source })?;
    tracing::info!(executor = %registration.id, scheduler = %settings.scheduler_url, flight = %flight_address, "executor ready");

    let stopped = tokio::select! {
        () = shutdown.cancelled() => None,
        _ = stop_requests.recv() => Some("the scheduler gave this executor up".to_owned()),
        ended = &mut flight => Some(ended_message(ended)),
        ended = &mut tasks => Some(ended_message(ended)),
    };
    leave(scheduler, registration, executor, notifier, settings.drain_max).await;
    match stopped {
        None => Ok(()),
        Some(message) => Err(ExecutorError::Stopped { message }),
    }
}

fn ended_message(ended: Result<Result<(), BallistaError>, tokio::task::JoinError>) -> String {
    match ended {
        Ok(Ok(())) => "one of its servers ended by itself".to_owned(),
        Ok(Err(error)) => format!("one of its servers failed: {error}"),
        Err(error) => format!("one of its servers broke off: {error}"),
    }
}

/// Takes no more tasks, waits for the running ones, says goodbye, closes the servers.
///
/// The goodbye comes last: with it the scheduler gives up what this executor did, and has it done again elsewhere.
async fn leave(
    mut scheduler: SchedulerClient,
    registration: ExecutorRegistration,
    executor: Arc<Executor>,
    notifier: ShutdownNotifier,
    drain_max: Duration,
) {
    // From now on every heartbeat says so, and no task is sent here.
    TERMINATING.store(true, Ordering::Release);
    let executor_id = registration.id.clone();
    let heartbeat = HeartBeatParams {
        executor_id: executor_id.clone(),
        metrics: Vec::new(),
        status: Some(ExecutorStatus { status: Some(Status::Terminating(String::new())) }),
        metadata: Some(registration),
    };
    tell_scheduler("takes no more tasks", scheduler.clone().heart_beat_from_executor(heartbeat)).await;
    tracing::info!(running = executor.active_task_count(), "waiting for running tasks");
    if tokio::time::timeout(drain_max, TasksDrainedFuture(executor)).await.is_err() {
        tracing::warn!("running tasks were given up");
    }
    let goodbye = ExecutorStoppedParams { executor_id, reason: "asked to stop".to_owned() };
    tell_scheduler("leaves", scheduler.executor_stopped(goodbye)).await;

    let ShutdownNotifier { notify_shutdown, mut shutdown_complete_rx, shutdown_complete_tx } = notifier;
    // No receiver means that every server has ended already.
    let _ = notify_shutdown.send(());
    drop((notify_shutdown, shutdown_complete_tx));
    // The loops each hold a sender; the channel closes when the last has ended.
    if tokio::time::timeout(CLOSE_TIME_MAX, shutdown_complete_rx.recv()).await.is_err() {
        tracing::warn!("connections were still open when the executor stopped");
    }
}

/// A scheduler that is gone finds out by the missing heartbeats.
async fn tell_scheduler<T>(what: &'static str, request: impl Future<Output = Result<T, tonic::Status>>) {
    match tokio::time::timeout(FAREWELL_TIME_MAX, request).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(what, error = %error, "the scheduler was not told that this executor leaves"),
        Err(_) => tracing::warn!(what, "the scheduler did not answer that this executor leaves"),
    }
}

/// Shuffle and spill files apart, so that the sweep of one never meets the other.
struct WorkDir {
    shuffle: PathBuf,
    spill: PathBuf,
    /// Removed on drop.
    _temporary: Option<TempDir>,
}

impl WorkDir {
    fn open(path: Option<&Path>) -> Result<Self, ExecutorError> {
        let (root, temporary) = match path {
            Some(path) => (path.to_owned(), None),
            None => {
                let failed = |source| ExecutorError::WorkDir { path: std::env::temp_dir(), source };
                let dir = TempDir::with_prefix("quarrel-executor-").map_err(failed)?;
                (dir.path().to_owned(), Some(dir))
            }
        };
        let work = Self { shuffle: root.join("shuffle"), spill: root.join("spill"), _temporary: temporary };
        for path in [&work.shuffle, &work.spill] {
            std::fs::create_dir_all(path).map_err(|source| ExecutorError::WorkDir { path: path.clone(), source })?;
        }
        Ok(work)
    }
}

async fn listen(host: IpAddr, port: u16) -> Result<TcpListener, ExecutorError> {
    let address = SocketAddr::new(host, port);
    TcpListener::bind(address).await.map_err(|source| ExecutorError::Listen { address, source })
}

fn local_address(listener: &TcpListener, host: IpAddr) -> Result<SocketAddr, ExecutorError> {
    listener.local_addr().map_err(|source| ExecutorError::Listen { address: SocketAddr::new(host, 0), source })
}

/// Ballista binds the task port by number itself, so a free one is found by asking for it and giving it back.
async fn free_port(settings: &ExecutorProcess) -> Result<u16, ExecutorError> {
    match settings.grpc_port {
        0 => Ok(local_address(&listen(settings.bind_host, 0).await?, settings.bind_host)?.port()),
        port => Ok(port),
    }
}

fn ballista_process(settings: &ExecutorProcess, flight_port: u16, grpc_port: u16) -> ExecutorProcessConfig {
    let host = settings.bind_host.to_string();
    ExecutorProcessConfig {
        external_host: Some(settings.advertised_host.clone().unwrap_or_else(|| host.clone())),
        bind_host: host,
        port: flight_port,
        grpc_port,
        vcores: settings.vcores.max(1),
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        grpc_max_decoding_message_size: MESSAGE_BYTES_MAX as u32,
        grpc_max_encoding_message_size: MESSAGE_BYTES_MAX as u32,
        executor_heartbeat_interval_seconds: HEARTBEAT_SECONDS,
        ..ExecutorProcessConfig::default()
    }
}

fn executor(
    settings: &ExecutorProcess,
    work: &WorkDir,
    registration: ExecutorRegistration,
) -> Result<Executor, ExecutorError> {
    let vcores = settings.vcores.max(1);
    let session =
        SessionSettings { spill_dir: Some(work.spill.clone()), memory_limit: None, ..settings.session.clone() };
    let runtime = runtime_env(&session).map_err(|source| ExecutorError::Session { source })?;
    let functions = session_state(session_config(&session), Arc::clone(&runtime));
    let base: ballista_core::RuntimeProducer = Arc::new(move |_| Ok(Arc::clone(&runtime)));
    let cache = DefaultSessionRuntimeCache::new(
        Arc::clone(&base),
        memory_shares(settings.memory_pool_bytes, vcores)?,
        SESSIONS_KEPT,
    );
    let executor = Executor::new(
        registration,
        &work.shuffle.to_string_lossy(),
        base,
        Arc::new(move || session_config(&session)),
        Arc::new((&functions).into()),
        Arc::new(LoggingMetricsCollector::default()),
        vcores,
        Arc::new(DefaultExecutionEngine::with_client_pool(Arc::new(ShuffleClients::default()))),
    );
    Ok(executor.with_session_runtime_cache(Some(Arc::new(cache))))
}

/// Each task gets the share of its vcores, so tasks cannot starve each other, and the process keeps its bound.
fn memory_shares(bytes: u64, vcores: usize) -> Result<MemoryPoolPolicy, ExecutorError> {
    let share = usize::try_from(bytes / vcores as u64).unwrap_or(usize::MAX);
    if share == 0 {
        return Err(ExecutorError::Memory { bytes, vcores });
    }
    Ok(Arc::new(move |base, _, task_vcores| {
        let size = share.saturating_mul(task_vcores.max(1) as usize);
        RuntimeEnvBuilder::from_runtime_env(&base).with_memory_pool(Arc::new(FairSpillPool::new(size))).build_arc()
    }))
}

/// `None` if `shutdown` came first.
async fn reach_scheduler(
    settings: &ExecutorProcess,
    shutdown: &CancellationToken,
) -> Result<Option<SchedulerClient>, ExecutorError> {
    let url = &settings.scheduler_url;
    let give_up = tokio::time::Instant::now() + settings.scheduler_wait;
    loop {
        let source = tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            connected = connect_scheduler(url) => match connected {
                Ok(client) => return Ok(Some(client)),
                Err(error) => error,
            },
        };
        if tokio::time::Instant::now() + CONNECT_PAUSE > give_up {
            return Err(ExecutorError::NoScheduler { url: url.clone(), waited: settings.scheduler_wait, source });
        }
        tokio::time::sleep(CONNECT_PAUSE).await;
    }
}

fn serve_shuffle_files(
    listener: TcpListener,
    work: &WorkDir,
    notifier: &ShutdownNotifier,
) -> JoinHandle<Result<(), BallistaError>> {
    let service = FlightServiceServer::new(BallistaFlightService::new(work.shuffle.to_string_lossy().into_owned()))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let mut shutdown = notifier.subscribe_for_shutdown();
    tokio::spawn(async move {
        create_grpc_server(&GrpcServerConfig::default())
            .add_service(service)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), shutdown.recv())
            .await
            .map_err(BallistaError::TonicError)
    })
}
