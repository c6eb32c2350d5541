//! Runs a job for several tables side by side.

use std::future::Future;
use std::sync::Arc;

use quarrel_model::config::Table;
use quarrel_model::summary::RunSummary;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{CdcOptions, SharedContext, run_cdc};

/// Tables in work at a time: enough to keep the cluster busy while others load. Each database's pool sets its own, lower limit.
pub const TABLES_AT_ONCE: usize = 8;

/// Runs CDC for each table; summaries come back in the tables' order. One table's failure stops no other.
pub async fn run_tables(
    context: SharedContext,
    tables: Vec<Table>,
    options: CdcOptions,
    cancel: CancellationToken,
) -> Vec<RunSummary> {
    let run = move |context: SharedContext, table: Table| {
        let (options, cancel) = (options.clone(), cancel.clone());
        async move { run_cdc(&context, &table, &options, &cancel).await }
    };
    for_each_table(context, tables, run).await
}

/// Runs something for each table, some tables at a time; what it gives comes back in the tables' order.
pub(crate) async fn for_each_table<T, F, Fut>(context: SharedContext, tables: Vec<Table>, run: F) -> Vec<T>
where
    F: Fn(SharedContext, Table) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let slots = Arc::new(Semaphore::new(TABLES_AT_ONCE));
    let mut running = JoinSet::new();
    for (place, table) in tables.into_iter().enumerate() {
        let work = run(Arc::clone(&context), table);
        let slots = Arc::clone(&slots);
        running.spawn(async move {
            let _slot = slots.acquire_owned().await.expect("the semaphore is never closed");
            (place, work.await)
        });
    }
    let mut done = Vec::new();
    while let Some(ended) = running.join_next().await {
        done.push(ended.expect("a run reports its errors and does not panic"));
    }
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
