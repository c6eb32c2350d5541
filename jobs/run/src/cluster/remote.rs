//! A job on a scheduler: submitted, watched, its list of objects fetched, its shuffle files removed; or cancelled.
//!
//! Ballista's own client waits for ever when a scheduler forgets a job, and keeps the job's id to itself. What must stay true
//! here: the id is known before anything runs; losing contact, and being forgotten, end in an error within the bounds below.

use std::time::Duration;

use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::extension::{SessionConfigExt, SessionConfigHelperExt};
use ballista_core::serde::protobuf::{
    CancelJobParams, CleanJobDataParams, ExecuteQueryParams, GetJobStatusParams, PartitionLocation,
    execute_query_params::Query, execute_query_result, job_status,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion_proto::logical_plan::AsLogicalPlan;
use datafusion_proto::protobuf::LogicalPlanNode;
use futures::TryStreamExt;
use quarrel_executor::part_writer::{Part, parts};
use quarrel_executor::scheduler_link::{SchedulerClient, connect_scheduler};
use quarrel_executor::session::MESSAGE_BYTES_MAX;
use tokio::time::Instant;
use uuid::Uuid;

use super::PartJob;
use super::error::ClusterError;

/// Between two questions for a job's state: short for short jobs,
const ASK_PAUSE_FIRST: Duration = Duration::from_millis(10);
/// and so long for long ones.
const ASK_PAUSE_MAX: Duration = Duration::from_millis(100);
/// A scheduler that does not answer for this long has lost the job, too: its state is in its memory.
const CONTACT_LOST_MAX: Duration = Duration::from_secs(20);
/// A job is unknown between its submission and the scheduler's next turn; longer means forgotten.
const UNKNOWN_MAX: Duration = Duration::from_secs(10);
/// For a cancellation, or the removal of shuffle files.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(5);
/// The list of objects is fetched again this often, at this distance, if an executor's connection breaks.
const FETCH_RETRIES: u8 = 3;
const FETCH_RETRY_MS: u64 = 250;

/// A scheduler this process is connected to.
#[derive(Debug, Clone)]
pub(super) struct Scheduler {
    url: String,
    client: SchedulerClient,
}

impl Scheduler {
    pub(super) async fn connect(url: &str) -> Result<Self, ClusterError> {
        let url = url.trim_end_matches('/').to_owned();
        let client =
            connect_scheduler(&url).await.map_err(|source| ClusterError::Unreachable { url: url.clone(), source })?;
        Ok(Self { url, client })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Runs a part-writing plan to its end.
    pub(super) async fn run(
        &self,
        job: &PartJob,
        context: &SessionContext,
        plan: &LogicalPlan,
        on_submitted: impl Fn(&str),
    ) -> Result<Vec<Part>, ClusterError> {
        let id = self.submit(job, context, plan).await?;
        on_submitted(&id);
        tracing::info!(job = %job.name, id = %id, "job submitted");
        let locations = self.wait(job, &id).await?;
        let batches = fetch_all(locations).await.map_err(|source| parts_error(job, source))?;
        let parts = parts(&batches).map_err(|source| parts_error(job, source))?;
        self.remove_shuffle_files(&id).await;
        Ok(parts)
    }

    /// The id under which the scheduler took the job.
    async fn submit(
        &self,
        job: &PartJob,
        context: &SessionContext,
        plan: &LogicalPlan,
    ) -> Result<String, ClusterError> {
        let state = context.state();
        let mut message = Vec::new();
        LogicalPlanNode::try_from_logical_plan(plan, state.config().ballista_logical_extension_codec().as_ref())
            .and_then(|node| node.try_encode(&mut message))
            .map_err(|source| ClusterError::Plan { job: job.name.clone(), source: Box::new(source) })?;
        let mut request = tonic::Request::new(ExecuteQueryParams {
            session_id: state.session_id().to_owned(),
            settings: state.config().to_key_value_pairs(),
            operation_id: Uuid::now_v7().to_string(),
            query: Some(Query::LogicalPlan(message)),
        });
        ballista_core::version::insert_version_header(request.metadata_mut());
        let mut client = self.client.clone();
        let answer = client.execute_query(request).await.map_err(|source| ClusterError::Submit {
            job: job.name.clone(),
            url: self.url.clone(),
            source: Box::new(source),
        })?;
        match answer.into_inner().result {
            Some(execute_query_result::Result::Success(accepted)) => Ok(accepted.job_id),
            Some(execute_query_result::Result::Failure(failure)) => {
                let message = format!("{:?}", failure.failure);
                Err(ClusterError::Refused { job: job.name.clone(), message })
            }
            None => Err(ClusterError::Refused { job: job.name.clone(), message: "an empty answer".to_owned() }),
        }
    }

    pub(super) async fn cancel(&self, job_id: &str) -> Result<(), ClusterError> {
        let mut client = self.client.clone();
        let request = client.cancel_job(CancelJobParams { job_id: job_id.to_owned() });
        let answer = tokio::time::timeout(GOODBYE_TIME_MAX, request)
            .await
            .unwrap_or_else(|_| Err(tonic::Status::deadline_exceeded("no answer")));
        match answer {
            Ok(_) => Ok(()),
            Err(source) => {
                Err(ClusterError::Cancel { job_id: job_id.to_owned(), url: self.url.clone(), source: Box::new(source) })
            }
        }
    }

    /// Asks until the job has ended; returns where its result lies.
    async fn wait(&self, job: &PartJob, id: &str) -> Result<Vec<PartitionLocation>, ClusterError> {
        let mut client = self.client.clone();
        let mut pause = ASK_PAUSE_FIRST;
        let mut last_contact = Instant::now();
        let submitted = Instant::now();
        let mut was_known = false;
        loop {
            match client.get_job_status(GetJobStatusParams { job_id: id.to_owned() }).await {
                Ok(answer) => {
                    last_contact = Instant::now();
                    match answer.into_inner().status.and_then(|status| status.status) {
                        Some(job_status::Status::Successful(done)) => return Ok(done.partition_location),
                        Some(job_status::Status::Failed(failed)) => {
                            return Err(ClusterError::Job { job: job.name.clone(), message: failed.error });
                        }
                        Some(job_status::Status::Queued(_) | job_status::Status::Running(_)) => was_known = true,
                        None if was_known || submitted.elapsed() > UNKNOWN_MAX => {
                            return Err(ClusterError::Forgotten { job: job.name.clone(), url: self.url.clone() });
                        }
                        None => {}
                    }
                }
                Err(source) if last_contact.elapsed() > CONTACT_LOST_MAX => {
                    return Err(ClusterError::LostContact {
                        job: job.name.clone(),
                        url: self.url.clone(),
                        source: Box::new(source),
                    });
                }
                Err(error) => tracing::warn!(job = %job.name, id, error = %error, "scheduler not reached"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(ASK_PAUSE_MAX);
        }
    }

    /// Frees the executors' disks now; what is missed, the scheduler removes some minutes later.
    async fn remove_shuffle_files(&self, id: &str) {
        let mut client = self.client.clone();
        let request = client.clean_job_data(CleanJobDataParams { job_id: id.to_owned(), ..Default::default() });
        match tokio::time::timeout(GOODBYE_TIME_MAX, request).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(id, error = %error, "shuffle files were not removed yet"),
            Err(_) => tracing::debug!(id, "shuffle files were not removed yet"),
        }
    }
}

fn parts_error(job: &PartJob, source: DataFusionError) -> ClusterError {
    ClusterError::Parts { job: job.name.clone(), source: Box::new(source) }
}

/// The rows a finished job left on its executors: here, one for each object written.
async fn fetch_all(locations: Vec<PartitionLocation>) -> Result<Vec<RecordBatch>, DataFusionError> {
    let mut batches = Vec::new();
    for location in locations {
        batches.extend(fetch(location).await?);
    }
    Ok(batches)
}

async fn fetch(location: PartitionLocation) -> Result<Vec<RecordBatch>, DataFusionError> {
    let layout = location.layout();
    let missing = |what: &str| DataFusionError::Execution(format!("a result without {what}"));
    let executor = location.executor_meta.ok_or_else(|| missing("its executor"))?;
    let partition = location.partition_id.ok_or_else(|| missing("its partition"))?;
    let port = u16::try_from(executor.port).map_err(|_| missing("a valid port"))?;
    let mut client = BallistaClient::try_new(
        &executor.host,
        port,
        MESSAGE_BYTES_MAX,
        false,
        None,
        FETCH_RETRIES,
        FETCH_RETRY_MS,
        0,
        0,
    )
    .await
    .map_err(BallistaError::into_datafusion)?;
    let stream = client
        .fetch_partition(&executor.id, &partition.into(), location.file_id, layout, true)
        .await
        .map_err(BallistaError::into_datafusion)?;
    stream.try_collect().await
}
