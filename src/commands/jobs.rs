//! `plan` and `run`.

use std::sync::Arc;

use chrono::Utc;
use quarrel_model::summary::RunSummary;
use quarrel_run::cdc::plan::{CdcPlan, plan_cdc};
use quarrel_run::cdc::run_tables;
use quarrel_run::context::{Context, Silent};
use serde::Serialize;

use crate::cli::{Job, JobArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::Bars;
use crate::project::Project;
use crate::render;
use crate::signals::cancelled_by_signals;

#[derive(Debug, Serialize)]
struct Plans {
    tables: Vec<CdcPlan>,
}

/// Prints what a job would do.
pub async fn plan(args: &JobArgs, output: Output) -> Result<Exit, Failure> {
    match args.job {
        Job::Cdc => {}
    }
    let project = Project::open(&args.config.config)?;
    let tables = project.cdc_tables(&args.tables)?;
    let context = Context::open(project.config, &project.folder, Arc::new(Silent)).await?;
    let options = args.cdc_options(Utc::now());
    let mut plans = Plans { tables: Vec::new() };
    for table in &tables {
        plans.tables.push(plan_cdc(&context, table, &options).await);
    }
    context.close().await;
    output.result(&plans, |plans| render::plan::text(&plans.tables))?;
    let planned = plans.tables.iter().all(|plan| plan.errors.is_empty());
    Ok(if planned { Exit::Success } else { Exit::TablesFailed })
}

#[derive(Debug, Serialize)]
struct Runs {
    runs: Vec<RunSummary>,
}

/// Runs a job.
pub async fn run(args: &JobArgs, output: Output, bars: &Bars) -> Result<Exit, Failure> {
    match args.job {
        Job::Cdc => {}
    }
    let project = Project::open(&args.config.config)?;
    let tables = project.cdc_tables(&args.tables)?;
    let cancel = cancelled_by_signals()?;
    let context = Arc::new(Context::open(project.config, &project.folder, bars.progress()).await?);
    let options = args.cdc_options(Utc::now());
    let runs = Runs { runs: run_tables(Arc::clone(&context), tables, options, cancel).await };
    context.close().await;
    output.result(&runs, |runs| render::runs::text(&runs.runs))?;
    Ok(Exit::of_runs(&runs.runs))
}
