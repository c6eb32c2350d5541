//! Vcores of tasks that their job has dropped come back: a real scheduler, and executors that do what the test says.
//!
//! A reduce task that can't fetch has its stage rolled back, as when an executor is lost; what the other executors were
//! running for that stage is cancelled, and Ballista 55 itself never gave them the vcores back.

use std::collections::BTreeSet;
use std::time::Duration;

use ballista_core::BALLISTA_PROTOCOL_VERSION;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::executor_grpc_server::{ExecutorGrpc, ExecutorGrpcServer};
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{
    self, CancelTasksParams, CancelTasksResult, ExecuteQueryParams, ExecutorRegistration, ExecutorStatus, FailedTask,
    FetchPartitionError, GetJobStatusParams, HeartBeatParams, KeyValuePair, LaunchMultiTaskParams,
    LaunchMultiTaskResult, LaunchTaskParams, LaunchTaskResult, RegisterExecutorParams, RemoveJobDataParams,
    RemoveJobDataResult, ShuffleWritePartition, StopExecutorParams, StopExecutorResult, SuccessfulTask, TaskKilled,
    TaskStatus, UpdateTaskStatusParams, execute_query_result, executor_status, job_status, task_status,
};
use ballista_core::serde::scheduler::{ExecutorOperatingSystemSpecification, ExecutorSpecification};
use datafusion::prelude::{CsvReadOptions, SessionContext};
use datafusion_proto::logical_plan::AsLogicalPlan;
use datafusion_proto::protobuf::LogicalPlanNode;
use quarrel_executor::codec::LogicalCodec;
use quarrel_executor::scheduler_link::{SchedulerClient, connect_scheduler};
use quarrel_executor::session::{SessionSettings, runtime_env, session_config, session_state};
use quarrel_scheduler::process::{BoundScheduler, SchedulerProcess};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// The longest step is the minute that an orphan without a report is given; a loaded machine gets a multiple.
const STEP_TIME_MAX: Duration = Duration::from_secs(180);
/// Between heartbeats; the scheduler gives an executor up after four missed ones.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// Of the reduce stage; more than there are vcores, so that every free one gets a task.
const PARTITIONS: usize = 4;
const MAP_STAGE: u32 = 1;
const REDUCE_STAGE: u32 = 2;

/// A task as an executor gets it.
#[derive(Debug, Clone)]
struct Task {
    job: String,
    stage: u32,
    attempt: u32,
    id: u32,
    partitions: Vec<u32>,
}

/// Hands on what the scheduler sends.
struct Inbox {
    launched: mpsc::UnboundedSender<Task>,
    cancelled: mpsc::UnboundedSender<u32>,
}

#[tonic::async_trait]
impl ExecutorGrpc for Inbox {
    async fn launch_multi_task(
        &self,
        request: Request<LaunchMultiTaskParams>,
    ) -> Result<Response<LaunchMultiTaskResult>, Status> {
        for tasks in request.into_inner().multi_tasks {
            for task in tasks.task_ids {
                let task = Task {
                    job: tasks.job_id.clone(),
                    stage: tasks.stage_id,
                    attempt: tasks.stage_attempt_num,
                    id: task.task_id,
                    partitions: task.global_output_partition_ids,
                };
                self.launched.send(task).expect("the test outlives its executors");
            }
        }
        Ok(Response::new(LaunchMultiTaskResult { failed_jobs: Vec::new() }))
    }

    async fn cancel_tasks(&self, request: Request<CancelTasksParams>) -> Result<Response<CancelTasksResult>, Status> {
        for task in request.into_inner().task_infos {
            self.cancelled.send(task.task_id).expect("the test outlives its executors");
        }
        Ok(Response::new(CancelTasksResult { cancelled: true }))
    }

    async fn launch_task(&self, _: Request<LaunchTaskParams>) -> Result<Response<LaunchTaskResult>, Status> {
        Err(Status::unimplemented("the scheduler launches several tasks at once"))
    }

    async fn stop_executor(&self, _: Request<StopExecutorParams>) -> Result<Response<StopExecutorResult>, Status> {
        Ok(Response::new(StopExecutorResult {}))
    }

    async fn remove_job_data(&self, _: Request<RemoveJobDataParams>) -> Result<Response<RemoveJobDataResult>, Status> {
        Ok(Response::new(RemoveJobDataResult {}))
    }
}

/// An executor of one vcore that runs nothing, and reports what it is told to.
struct Executor {
    id: &'static str,
    scheduler: SchedulerClient,
    launched: mpsc::UnboundedReceiver<Task>,
    cancelled: mpsc::UnboundedReceiver<u32>,
}

impl Executor {
    async fn register(id: &'static str, mut scheduler: SchedulerClient) -> Executor {
        let (launched_sender, launched) = mpsc::unbounded_channel();
        let (cancelled_sender, cancelled) = mpsc::unbounded_channel();
        let inbox = ExecutorGrpcServer::new(Inbox { launched: launched_sender, cancelled: cancelled_sender });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Server::builder().add_service(inbox).serve_with_incoming(TcpIncoming::from(listener)));
        let metadata = ExecutorRegistration {
            id: id.to_owned(),
            host: Some(address.ip().to_string()),
            port: u32::from(address.port()),
            grpc_port: u32::from(address.port()),
            specification: Some(ExecutorSpecification::default().with_vcores(1).into()),
            os_info: Some(ExecutorOperatingSystemSpecification::default().into()),
            ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
        };
        let registration = RegisterExecutorParams { metadata: Some(metadata.clone()) };
        scheduler.register_executor(registration).await.unwrap();
        tokio::spawn(keep_alive(metadata, scheduler.clone()));
        Executor { id, scheduler, launched, cancelled }
    }

    /// The next task it gets, which must be of this stage and attempt.
    #[track_caller]
    fn task(&mut self, stage: u32, attempt: u32) -> impl Future<Output = Task> {
        let caller = std::panic::Location::caller();
        async move {
            let task = tokio::time::timeout(STEP_TIME_MAX, self.launched.recv()).await;
            let task = task.unwrap_or_else(|_| panic!("{caller}: {} got no task", self.id)).unwrap();
            assert_eq!((task.stage, task.attempt), (stage, attempt), "{caller}: {} got {task:?}", self.id);
            task
        }
    }

    async fn report(&mut self, task: &Task, status: task_status::Status) {
        let status = TaskStatus {
            task_id: task.id,
            job_id: task.job.clone(),
            stage_id: task.stage,
            stage_attempt_num: task.attempt,
            status: Some(status),
            ..TaskStatus::default()
        };
        let params = UpdateTaskStatusParams { executor_id: self.id.to_owned(), task_status: vec![status] };
        self.scheduler.update_task_status(params).await.unwrap();
    }

    /// Reports that the task has written what its stage writes.
    async fn succeed(&mut self, task: &Task) {
        let written = if task.stage == MAP_STAGE { (0..PARTITIONS as u32).collect() } else { task.partitions.clone() };
        let partitions = written.into_iter().map(|partition| ShuffleWritePartition {
            partition_id: u64::from(partition),
            num_batches: 1,
            num_rows: 1,
            num_bytes: 1,
            ..ShuffleWritePartition::default()
        });
        let status = SuccessfulTask {
            executor_id: self.id.to_owned(),
            partitions: partitions.collect(),
            ..SuccessfulTask::default()
        };
        self.report(task, task_status::Status::Successful(status)).await;
    }

    async fn fail(&mut self, task: &Task, reason: FailedReason) {
        let status = FailedTask {
            error: "as the test says".to_owned(),
            retryable: true,
            failed_reason: Some(reason),
            ..FailedTask::default()
        };
        self.report(task, task_status::Status::Failed(status)).await;
    }
}

/// Sends heartbeats until the scheduler is gone.
async fn keep_alive(metadata: ExecutorRegistration, mut scheduler: SchedulerClient) {
    let heartbeat = HeartBeatParams {
        executor_id: metadata.id.clone(),
        metrics: Vec::new(),
        status: Some(ExecutorStatus { status: Some(executor_status::Status::Active(String::new())) }),
        metadata: Some(metadata),
    };
    while scheduler.heart_beat_from_executor(heartbeat.clone()).await.is_ok() {
        tokio::time::sleep(HEARTBEAT_INTERVAL).await;
    }
}

/// Submits a job of a map stage with two tasks and a reduce stage; its id.
async fn submit(scheduler: &mut SchedulerClient, files: &std::path::Path) -> String {
    for name in ["a.csv", "b.csv"] {
        std::fs::write(files.join(name), "key,number\n1,1\n2,2\n").unwrap();
    }
    let settings = SessionSettings { target_partitions: PARTITIONS, ..SessionSettings::default() };
    let config = session_config(&settings);
    let context = SessionContext::new_with_state(session_state(config.clone(), runtime_env(&settings).unwrap()));
    context.register_csv("changes", files.to_str().unwrap(), CsvReadOptions::new()).await.unwrap();
    let query = "SELECT key, max(number) FROM changes GROUP BY key";
    let plan = context.sql(query).await.unwrap().into_optimized_plan().unwrap();
    let plan = LogicalPlanNode::try_from_logical_plan(&plan, &LogicalCodec::default()).unwrap();
    let mut encoded = Vec::new();
    plan.try_encode(&mut encoded).unwrap();

    let entries = config.options().entries().into_iter();
    let mut request = Request::new(ExecuteQueryParams {
        session_id: context.session_id(),
        settings: entries.map(|entry| KeyValuePair { key: entry.key, value: entry.value }).collect(),
        operation_id: "one".to_owned(),
        query: Some(Query::LogicalPlan(encoded)),
    });
    ballista_core::version::insert_version_header(request.metadata_mut());
    match scheduler.execute_query(request).await.unwrap().into_inner().result {
        Some(execute_query_result::Result::Success(submitted)) => submitted.job_id,
        refused => panic!("the job was refused: {refused:?}"),
    }
}

async fn assert_succeeds(scheduler: &mut SchedulerClient, job_id: &str) {
    let give_up = tokio::time::Instant::now() + STEP_TIME_MAX;
    loop {
        let params = GetJobStatusParams { job_id: job_id.to_owned() };
        let status = scheduler.get_job_status(params).await.unwrap().into_inner().status.and_then(|job| job.status);
        match status {
            Some(job_status::Status::Successful(_)) => return,
            Some(job_status::Status::Failed(protobuf::FailedJob { error, .. })) => panic!("the job failed: {error}"),
            other => assert!(tokio::time::Instant::now() < give_up, "the job has not succeeded: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A job whose reduce stage was rolled back while the second executor ran a task of it: the orphan. It was told to cancel it.
/// The first executor has the task `again`, with which the reduce stage can start anew.
struct Rollback {
    _scheduler: DropGuard,
    client: SchedulerClient,
    job: String,
    first: Executor,
    second: Executor,
    orphan: Task,
    again: Task,
}

impl Rollback {
    async fn happen() -> Rollback {
        let settings = SchedulerProcess { port: 0, ..SchedulerProcess::default() };
        let scheduler = BoundScheduler::bind(settings).await.unwrap();
        let url = scheduler.url();
        let shutdown = CancellationToken::new();
        tokio::spawn(scheduler.serve(shutdown.clone()));
        let mut client = connect_scheduler(&url).await.unwrap();
        let mut first = Executor::register("first", client.clone()).await;
        let mut second = Executor::register("second", client.clone()).await;
        let files = tempfile::tempdir().unwrap();
        let job = submit(&mut client, files.path()).await;

        let (map, lost) = (first.task(MAP_STAGE, 0).await, second.task(MAP_STAGE, 0).await);
        first.succeed(&map).await;
        second.succeed(&lost).await;

        // The first can't fetch what the second wrote: that is written again.
        let (fetching, orphan) = (first.task(REDUCE_STAGE, 0).await, second.task(REDUCE_STAGE, 0).await);
        let unreadable = FetchPartitionError {
            executor_id: second.id.to_owned(),
            map_stage_id: MAP_STAGE,
            map_partition_id: lost.id,
        };
        first.fail(&fetching, FailedReason::FetchPartitionError(unreadable)).await;
        let cancelled = tokio::time::timeout(STEP_TIME_MAX, second.cancelled.recv()).await.expect("a cancellation");
        assert_eq!(cancelled, Some(orphan.id));
        let again = first.task(MAP_STAGE, 1).await;
        Rollback { _scheduler: shutdown.drop_guard(), client, job, first, second, orphan, again }
    }
}

const KILLED: FailedReason = FailedReason::TaskKilled(TaskKilled {});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executor_whose_task_was_dropped_gets_its_vcore_back_when_it_reports() {
    let Rollback { _scheduler, mut client, job, mut first, mut second, orphan, again } = Rollback::happen().await;
    second.fail(&orphan, KILLED).await;
    first.succeed(&again).await;
    let running = first.task(REDUCE_STAGE, 1).await;
    let mut reduced = BTreeSet::new();
    for _ in 1..PARTITIONS {
        let task = second.task(REDUCE_STAGE, 1).await;
        second.succeed(&task).await;
        reduced.extend(task.partitions);
    }
    first.succeed(&running).await;
    reduced.extend(running.partitions);
    assert_eq!(reduced, (0..PARTITIONS as u32).collect());
    assert_succeeds(&mut client, &job).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_launched_beside_a_dropped_task_that_may_still_run() {
    let Rollback { _scheduler, mut client, job, mut first, mut second, orphan, again } = Rollback::happen().await;
    first.succeed(&again).await;
    let mut reduced = BTreeSet::new();
    for _ in 0..2 {
        let task = first.task(REDUCE_STAGE, 1).await;
        first.succeed(&task).await;
        reduced.extend(task.partitions);
    }
    let running = first.task(REDUCE_STAGE, 1).await;
    assert!(second.launched.try_recv().is_err(), "a task was launched beside one that may still run");

    // Its number is by now that of another task, whose vcore must not be given back in its stead.
    second.fail(&orphan, KILLED).await;
    let task = second.task(REDUCE_STAGE, 1).await;
    second.succeed(&task).await;
    first.succeed(&running).await;
    reduced.extend(task.partitions.into_iter().chain(running.partitions));
    assert_eq!(reduced, (0..PARTITIONS as u32).collect());
    assert_succeeds(&mut client, &job).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executor_that_never_reports_a_dropped_task_gets_its_vcore_back_in_time() {
    let Rollback { _scheduler, mut client, job, mut first, mut second, orphan: _, again } = Rollback::happen().await;
    first.succeed(&again).await;
    let running = first.task(REDUCE_STAGE, 1).await;
    let task = second.task(REDUCE_STAGE, 1).await;
    let mut reduced: BTreeSet<u32> = running.partitions.iter().chain(&task.partitions).copied().collect();
    second.succeed(&task).await;
    first.succeed(&running).await;
    let (third, fourth) = (first.task(REDUCE_STAGE, 1).await, second.task(REDUCE_STAGE, 1).await);
    first.succeed(&third).await;
    second.succeed(&fourth).await;
    reduced.extend(third.partitions.into_iter().chain(fourth.partitions));
    assert_eq!(reduced, (0..PARTITIONS as u32).collect());
    assert_succeeds(&mut client, &job).await;
}
