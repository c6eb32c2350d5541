//! The cluster as the scheduler sees it: Ballista's in-memory state, but with vcores that come back.
//!
//! What must stay true: every executor that Ballista may bind tasks to has an account in the [`VcoreLedger`]; binding and
//! giving back never overlap; everything but vcores is Ballista's own.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use ballista_core::serde::protobuf::{ExecutorHeartbeat, UpdateTaskStatusParams};
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;
use tokio::sync::Mutex;

use crate::vcores::VcoreLedger;

/// How often orphans without a report are looked for: seldom against the time they are given.
const OVERDUE_INTERVAL: Duration = Duration::from_secs(5);

/// A [`ClusterState`] that settles its vcores with the jobs' graphs whenever tasks are bound.
pub(crate) struct SettledClusterState {
    /// Executors, their heartbeats and events.
    inner: Arc<dyn ClusterState>,
    ledger: Mutex<VcoreLedger>,
}

impl SettledClusterState {
    pub(crate) fn new(inner: Arc<dyn ClusterState>) -> Self {
        Self { inner, ledger: Mutex::default() }
    }

    /// The state in which these vcores are free, for one binding: Ballista binds against a state, and has no way to set one.
    async fn with_free(&self, free: &HashMap<String, u32>) -> Result<InMemoryClusterState> {
        let state = InMemoryClusterState::default();
        for metadata in self.inner.registered_executor_metadata().await {
            if let Some(&available_vcores) = free.get(&metadata.id) {
                let total_vcores = metadata.specification.vcores;
                let data = ExecutorData { executor_id: metadata.id.clone(), total_vcores, available_vcores };
                state.register_executor(metadata, data).await?;
            }
        }
        Ok(state)
    }
}

/// Vcores of the tasks that the jobs' graphs say are running, by executor.
async fn running_vcores(jobs: &HashMap<JobId, JobInfoCache>) -> HashMap<String, u32> {
    let mut running = HashMap::new();
    for job in jobs.values() {
        let graph = job.execution_graph.read().await;
        for task in graph.running_tasks() {
            let vcores = graph.task_vcores(task.stage_id, task.task_id).unwrap_or(0);
            *running.entry(task.executor_id).or_default() += vcores;
        }
    }
    running
}

#[async_trait]
impl ClusterState for SettledClusterState {
    async fn init(&self) -> Result<()> {
        self.inner.init().await
    }

    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let mut ledger = self.ledger.lock().await;
        let settled = ledger.settle(&running_vcores(&active_jobs).await, Instant::now());
        for (executor, vcores) in &settled.returned {
            tracing::info!(%executor, vcores, "vcores of tasks that no job knows any more are free again");
        }
        let state = self.with_free(&settled.free).await?;
        let bound = state.bind_schedulable_tasks(distribution, active_jobs, executors).await?;
        let mut taken: HashMap<&str, u32> = HashMap::new();
        for (executor, task) in &bound {
            *taken.entry(executor).or_default() += task.vcores_consumed;
        }
        for (executor, vcores) in taken {
            ledger.take(executor, vcores);
        }
        Ok(bound)
    }

    async fn unbind_tasks(&self, executor_slots: Vec<ExecutorSlot>) -> Result<()> {
        let mut ledger = self.ledger.lock().await;
        for (executor, vcores) in executor_slots {
            ledger.give_back(&executor, vcores);
        }
        Ok(())
    }

    async fn register_executor(&self, metadata: ExecutorMetadata, spec: ExecutorData) -> Result<()> {
        let mut ledger = self.ledger.lock().await;
        let (executor, vcores) = (spec.executor_id.clone(), spec.available_vcores);
        self.inner.register_executor(metadata, spec).await?;
        ledger.register(&executor, vcores);
        Ok(())
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.inner.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.inner.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.inner.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        let mut ledger = self.ledger.lock().await;
        ledger.remove(executor_id);
        self.inner.remove_executor(executor_id).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.inner.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.inner.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.inner.cluster_state_events().await
    }
}

/// Makes `scheduler` bind tasks again once orphans have had their time: without a report, nothing else would.
pub(crate) async fn bind_when_overdue(state: Arc<SettledClusterState>, scheduler: impl SchedulerGrpc) -> Infallible {
    let mut ticks = tokio::time::interval(OVERDUE_INTERVAL);
    loop {
        ticks.tick().await;
        let overdue = state.ledger.lock().await.overdue(Instant::now());
        for executor_id in overdue {
            tracing::warn!(executor = %executor_id, "no report of tasks that no job knows any more");
            // A report on no task changes nothing, and is followed by a binding.
            let nothing = UpdateTaskStatusParams { executor_id, task_status: Vec::new() };
            if let Err(error) = scheduler.update_task_status(tonic::Request::new(nothing)).await {
                tracing::warn!(error = %error, "the scheduler was not made to bind tasks again");
            }
        }
    }
}
