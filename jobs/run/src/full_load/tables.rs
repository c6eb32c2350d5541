//! Runs full loads of several tables side by side, each followed by CDC from the load's start on.

use quarrel_model::config::Table;
use quarrel_model::summary::{RunStatus, RunSummary};
use tokio_util::sync::CancellationToken;

use super::{FullLoadOptions, run_full_load};
use crate::cdc::{CdcOptions, SharedContext, for_each_table, run_cdc};

/// Runs the job for each table, and CDC behind it where the table has change files; summaries come back in the tables' order.
pub async fn run_full_load_tables(
    context: SharedContext,
    tables: Vec<Table>,
    options: FullLoadOptions,
    cdc: CdcOptions,
    cancel: CancellationToken,
) -> Vec<RunSummary> {
    let runs = for_each_table(context, tables, move |context, table| {
        let (options, cdc, cancel) = (options.clone(), cdc.clone(), cancel.clone());
        async move {
            let mut summaries = vec![run_full_load(&context, &table, &options, &cancel).await];
            if table.changes.is_some() && did_its_work(summaries[0].status) {
                summaries.push(run_cdc(&context, &table, &cdc, &cancel).await);
            }
            summaries
        }
    });
    runs.await.into_iter().flatten().collect()
}

fn did_its_work(status: RunStatus) -> bool {
    match status {
        RunStatus::Succeeded | RunStatus::NothingToDo => true,
        RunStatus::Failed | RunStatus::AlreadyRunning | RunStatus::Cancelled => false,
    }
}
