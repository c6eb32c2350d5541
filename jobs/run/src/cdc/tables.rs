//! Runs CDC for several tables side by side.

use std::sync::Arc;

use quarrel_model::config::Table;
use quarrel_model::summary::RunSummary;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{CdcOptions, SharedContext, run_cdc};

/// Tables in work at a time: enough to keep the cluster busy while others load. Each database's pool sets its own, lower limit.
pub const TABLES_AT_ONCE: usize = 8;

/// Runs the job for each table; summaries come back in the tables' order. One table's failure stops no other.
pub async fn run_tables(
    context: SharedContext,
    tables: Vec<Table>,
    options: CdcOptions,
    cancel: CancellationToken,
) -> Vec<RunSummary> {
    let slots = Arc::new(Semaphore::new(TABLES_AT_ONCE));
    let mut running = JoinSet::new();
    for (place, table) in tables.into_iter().enumerate() {
        let (context, options, cancel) = (Arc::clone(&context), options.clone(), cancel.clone());
        let slots = Arc::clone(&slots);
        running.spawn(async move {
            let _slot = slots.acquire_owned().await.expect("the semaphore is never closed");
            (place, run_cdc(&context, &table, &options, &cancel).await)
        });
    }
    let mut summaries = Vec::new();
    while let Some(ended) = running.join_next().await {
        summaries.push(ended.expect("a run reports its errors and does not panic"));
    }
    summaries.sort_by_key(|(place, _)| *place);
    summaries.into_iter().map(|(_, summary)| summary).collect()
}
