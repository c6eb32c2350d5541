//! Runs SQL on the cluster, each partition of the result writing an object of its own to the lake.
//!
//! The same call serves one process, an embedded cluster and a remote one. What must stay true: a call ends by its deadline,
//! whatever becomes of scheduler and executors; a job whose caller lost interest (deadline, cancellation, a dropped future) is
//! cancelled on the scheduler; concurrent calls share nothing but stores, memory and connections.

mod error;
mod probe;
mod remote;

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use ballista_core::extension::SessionConfigExt;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use quarrel_executor::embedded::EmbeddedCluster;
use quarrel_executor::part_writer::{parts, write_parts_plan};
use quarrel_executor::session::{SessionSettings, runtime_env, session_config, session_state};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::error::{ClusterError, Retry};
pub use quarrel_executor::part_writer::Part;

use self::remote::Scheduler;

/// An embedded executor that has not registered after this long has failed.
const EMBEDDED_READY_TIME_MAX: Duration = Duration::from_secs(10);

/// Where plans run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterAddress {
    /// DataFusion in this process, without a scheduler: the fastest way for small batches.
    InProcess,
    /// A Ballista scheduler and executor inside this process.
    Embedded,
    /// `http://host:port` of a scheduler.
    Remote { scheduler: String },
}

/// A query whose result goes to the lake.
#[derive(Debug, Clone)]
pub struct PartJob {
    /// For people: shown by the scheduler and in errors.
    pub name: String,
    /// The tables the query names.
    pub tables: Vec<(String, Arc<dyn TableProvider>)>,
    pub sql: String,
    /// Where the objects go; each attempt of a job should have a prefix of its own.
    pub prefix: Url,
    /// From the call to its end.
    pub deadline: Duration,
}

/// What [`Cluster::check`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterHealth {
    /// Executors that are registered and alive; at least one.
    pub executors: usize,
}

/// A way to run plans; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Cluster {
    engine: Engine,
    settings: SessionSettings,
    runtime: Arc<RuntimeEnv>,
}

#[derive(Debug, Clone)]
enum Engine {
    InProcess,
    Embedded { scheduler: Scheduler, _cluster: Arc<EmbeddedCluster> },
    Remote { scheduler: Scheduler },
}

impl Cluster {
    /// Connects, or starts the embedded cluster if this process has none yet.
    pub async fn connect(address: &ClusterAddress, settings: &SessionSettings) -> Result<Self, ClusterError> {
        let engine = match address {
            ClusterAddress::InProcess => Engine::InProcess,
            ClusterAddress::Embedded => {
                let cluster = embedded_cluster(settings).await?;
                Engine::Embedded { scheduler: Scheduler::connect(cluster.scheduler_url()).await?, _cluster: cluster }
            }
            ClusterAddress::Remote { scheduler } => Engine::Remote { scheduler: Scheduler::connect(scheduler).await? },
        };
        let runtime = runtime_env(settings).map_err(|source| ClusterError::Session { source })?;
        Ok(Self { engine, settings: settings.clone(), runtime })
    }

    /// Runs the job's SQL over its tables and returns the objects that were written below its prefix, ordered by path.
    ///
    /// `on_submitted` gets the job's id as soon as a scheduler has accepted it; a caller that stores it can
    /// [`cancel_job`](Self::cancel_job) after a crash. Only what is returned counts: other objects below the prefix are left
    /// by tasks that ran twice.
    pub async fn write_parts(
        &self,
        job: &PartJob,
        on_submitted: impl Fn(&str),
        cancel: &CancellationToken,
    ) -> Result<Vec<Part>, ClusterError> {
        let submitted = Submitted { cluster: self.clone(), id: Mutex::new(None) };
        let work = async {
            let (context, plan) = self.plan(job).await.map_err(|source| plan_error(job, source))?;
            match self.scheduler() {
                None => run_in_process(job, &context, plan).await,
                Some(scheduler) => {
                    let submitted = |id: &str| {
                        submitted.set(id);
                        on_submitted(id);
                    };
                    scheduler.run(job, &context, &plan, submitted).await
                }
            }
        };
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ClusterError::Cancelled { job: job.name.clone() }),
            done = tokio::time::timeout(job.deadline, work) => {
                done.unwrap_or_else(|_| Err(ClusterError::Deadline { job: job.name.clone(), deadline: job.deadline }))
            }
        };
        match (&outcome, submitted.take()) {
            (Ok(_) | Err(ClusterError::Job { .. } | ClusterError::Parts { .. }), _) | (_, None) => {}
            (Err(_), Some(id)) => {
                if let Err(error) = self.cancel_job(&id).await {
                    tracing::warn!(job = %job.name, id, error = %error, "the job may still be running");
                }
            }
        }
        outcome
    }

    /// Cancels a job that an earlier call, or an earlier process, submitted. Unknown and finished jobs are no error.
    pub async fn cancel_job(&self, job_id: &str) -> Result<(), ClusterError> {
        match self.scheduler() {
            None => Ok(()),
            Some(scheduler) => scheduler.cancel(job_id).await,
        }
    }

    /// Asks whether a job submitted now would run.
    pub async fn check(&self) -> Result<ClusterHealth, ClusterError> {
        let executors = match &self.engine {
            Engine::InProcess => 1,
            // Its executor registers by itself, some milliseconds after the start: jobs wait for it, and so does this.
            Engine::Embedded { scheduler, .. } => {
                probe::await_executors(scheduler.url(), EMBEDDED_READY_TIME_MAX).await?
            }
            Engine::Remote { scheduler } => probe::ready_executors(scheduler.url()).await?,
        };
        Ok(ClusterHealth { executors })
    }

    fn scheduler(&self) -> Option<&Scheduler> {
        match &self.engine {
            Engine::InProcess => None,
            Engine::Embedded { scheduler, .. } | Engine::Remote { scheduler } => Some(scheduler),
        }
    }

    /// A session of its own for each call: equal table names of concurrent jobs do not meet.
    async fn plan(&self, job: &PartJob) -> Result<(SessionContext, LogicalPlan), DataFusionError> {
        let config = session_config(&self.settings).with_ballista_job_name(&job.name);
        let context = SessionContext::new_with_state(session_state(config, Arc::clone(&self.runtime)));
        for (name, table) in &job.tables {
            context.register_table(TableReference::bare(name.as_str()), Arc::clone(table))?;
        }
        let query = context.state().create_logical_plan(&job.sql).await?;
        Ok((context, write_parts_plan(query, &job.prefix)))
    }
}

/// The job a call has submitted. If the call's future is dropped, the job is cancelled all the same.
struct Submitted {
    cluster: Cluster,
    id: Mutex<Option<String>>,
}

impl Submitted {
    fn set(&self, id: &str) {
        *self.id.lock().expect("no one panics while holding this lock") = Some(id.to_owned());
    }

    fn take(&self) -> Option<String> {
        self.id.lock().expect("no one panics while holding this lock").take()
    }
}

impl Drop for Submitted {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.take(), tokio::runtime::Handle::try_current()) else { return };
        let cluster = self.cluster.clone();
        runtime.spawn(async move {
            if let Err(error) = cluster.cancel_job(&id).await {
                tracing::warn!(id, error = %error, "the job of a dropped call may still be running");
            }
        });
    }
}

fn plan_error(job: &PartJob, source: DataFusionError) -> ClusterError {
    ClusterError::Plan { job: job.name.clone(), source: Box::new(source) }
}

async fn run_in_process(job: &PartJob, context: &SessionContext, plan: LogicalPlan) -> Result<Vec<Part>, ClusterError> {
    let failed = |source: DataFusionError| ClusterError::Job { job: job.name.clone(), message: source.to_string() };
    let frame = context.execute_logical_plan(plan).await.map_err(|source| plan_error(job, source))?;
    let batches = frame.collect().await.map_err(failed)?;
    parts(&batches).map_err(failed)
}

/// The one embedded cluster of this process and these settings; it ends when the last [`Cluster`] that uses it does.
async fn embedded_cluster(settings: &SessionSettings) -> Result<Arc<EmbeddedCluster>, ClusterError> {
    static RUNNING: tokio::sync::Mutex<Vec<(SessionSettings, Weak<EmbeddedCluster>)>> =
        tokio::sync::Mutex::const_new(Vec::new());
    let mut running = RUNNING.lock().await;
    running.retain(|(_, cluster)| cluster.strong_count() > 0);
    let known = running.iter().find(|(of, _)| of == settings).and_then(|(_, cluster)| cluster.upgrade());
    if let Some(cluster) = known {
        return Ok(cluster);
    }
    let vcores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cluster = EmbeddedCluster::start(settings, vcores).await.map_err(|source| ClusterError::Embedded { source })?;
    let cluster = Arc::new(cluster);
    running.push((settings.clone(), Arc::downgrade(&cluster)));
    Ok(cluster)
}
