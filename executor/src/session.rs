//! The session of every node: one function builds it, for the client, the scheduler, the executors and a single process.
//!
//! What must stay true: a setting that changes what a plan means is made here, so that no node can miss it; nothing secret is
//! in a session's settings, because they travel with each job.

use std::path::PathBuf;
use std::sync::Arc;

use ballista_core::extension::ballista_window_functions;
use ballista_core::extension::{SessionConfigExt, ballista_aggregate_functions, ballista_scalar_functions};
use ballista_core::serde::BallistaCodec;
use datafusion::error::Result;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};

use crate::codec::{LogicalCodec, PhysicalCodec};
use crate::keep_rows_rule::KeepRows;
use crate::part_writer::PartWritePlanner;
use crate::stores::{StoreSettings, registry};

/// gRPC's limit, each way, on every node. Ballista's 16 MiB hold a plan of about 60,000 files of 100-byte keys; a batch that
/// is read twice by its plan, with ETags, still fits four times over.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Partitions of a plan where nothing else is said.
pub const TARGET_PARTITIONS_DEFAULT: usize = 4;
/// A message about exhausted memory names this many of the largest users.
const MEMORY_USERS_NAMED: usize = 5;

/// What a session depends on besides the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    pub stores: StoreSettings,
    /// Partitions of a plan: the tasks a stage can be cut into.
    pub target_partitions: usize,
    /// Bytes that operators of this process may hold before they spill; `None`: no limit. Executors have limits of their own.
    pub memory_limit: Option<usize>,
    /// Where they spill to; `None`: the system's directory for temporary files.
    pub spill_dir: Option<PathBuf>,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            stores: StoreSettings::default(),
            target_partitions: TARGET_PARTITIONS_DEFAULT,
            memory_limit: None,
            spill_dir: None,
        }
    }
}

/// The settings that every node starts from, and that travel with a job.
pub fn session_config(settings: &SessionSettings) -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_target_partitions(settings.target_partitions.max(1))
        // With adaptive planning, a job whose executor was killed waits for ever (see the notes on Ballista 55).
        .with_ballista_adaptive_query_planner(false)
        .with_ballista_grpc_client_max_message_size(MESSAGE_BYTES_MAX)
        .with_ballista_logical_extension_codec(Arc::new(LogicalCodec::default()))
        .with_ballista_physical_extension_codec(Arc::new(PhysicalCodec::default()))
        // Old writers store timestamps as INT96, whose nanoseconds end in 2262; the targets hold microseconds.
        .set_str("datafusion.execution.parquet.coerce_int96", "us")
        // Views are faster to read, but a batch of views drags its whole buffers through every shuffle. Ballista turns them
        // off for that reason; in one process the plan should be the same plan.
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
        // Our joins have a small side (one position a key); sorting the large side instead costs more than the whole reduction.
        .set_bool("datafusion.optimizer.prefer_hash_join", true)
        // Statistics of pinned files are not known, and must not be guessed from listings.
        .set_bool("datafusion.execution.collect_statistics", false)
}

/// Stores, memory and disk of one process.
pub fn runtime_env(settings: &SessionSettings) -> Result<Arc<RuntimeEnv>> {
    let disk = match &settings.spill_dir {
        Some(dir) => DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![dir.clone()])),
        None => DiskManagerBuilder::default().with_mode(DiskManagerMode::OsTmpDirectory),
    };
    let mut builder =
        RuntimeEnvBuilder::new().with_object_store_registry(registry(&settings.stores)).with_disk_manager_builder(disk);
    if let Some(bytes) = settings.memory_limit {
        let users = MEMORY_USERS_NAMED.try_into().expect("more than no users are named");
        builder = builder.with_memory_pool(Arc::new(TrackConsumersPool::new(FairSpillPool::new(bytes), users)));
    }
    builder.build_arc()
}

/// The session itself.
pub fn session_state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> SessionState {
    SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_query_planner(Arc::new(PartWritePlanner))
        .with_physical_optimizer_rules(physical_optimizer_rules())
        .with_optimizer_rules(ballista_core::optimizer::ballista_default_optimizer_rules())
        .with_scalar_functions(ballista_scalar_functions())
        .with_aggregate_functions(ballista_aggregate_functions())
        .with_window_functions(ballista_window_functions())
        .build()
}

/// DataFusion's rules, and first the one that needs a join before its sides are chosen.
fn physical_optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let first: Arc<dyn PhysicalOptimizerRule + Send + Sync> = Arc::new(KeepRows);
    std::iter::once(first).chain(PhysicalOptimizer::new().rules).collect()
}

/// The codecs as Ballista's servers take them.
pub fn ballista_codec() -> BallistaCodec<LogicalPlanNode, PhysicalPlanNode> {
    BallistaCodec::new(Arc::new(LogicalCodec::default()), Arc::new(PhysicalCodec::default()))
}
