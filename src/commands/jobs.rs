//! `plan` and `run`.

use std::sync::Arc;

use chrono::Utc;
use quarrel_model::summary::RunSummary;
use quarrel_run::cdc::plan::{CdcPlan, plan_cdc};
use quarrel_run::cdc::run_tables;
use quarrel_run::context::{Context, Silent};
use quarrel_run::full_load::plan::{FullLoadPlan, plan_full_load};
use quarrel_run::full_load::run_full_load_tables;
use serde::Serialize;

use crate::cli::{Job, JobArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::Bars;
use crate::project::Project;
use crate::render;
use crate::signals::cancelled_by_signals;

#[derive(Debug, Serialize)]
struct Plans<T> {
    tables: Vec<T>,
}

/// Prints what a job would do.
pub async fn plan(args: &JobArgs, output: Output) -> Result<Exit, Failure> {
    match args.job {
        Job::Cdc => plan_cdc_tables(args, output).await,
        Job::FullLoad => plan_full_load_tables(args, output).await,
    }
}

async fn plan_cdc_tables(args: &JobArgs, output: Output) -> Result<Exit, Failure> {
    let project = Project::open(&args.config.config)?;
    let tables = project.cdc_tables(&args.tables)?;
    let context = Context::open(project.config, &project.folder, Arc::new(Silent)).await?;
    let options = args.cdc_options(Utc::now());
    let mut plans: Plans<CdcPlan> = Plans { tables: Vec::new() };
    for table in &tables {
        plans.tables.push(plan_cdc(&context, table, &options).await);
    }
    context.close().await;
    output.result(&plans, |plans| render::plan::text(&plans.tables))?;
    Ok(planned(plans.tables.iter().all(|plan| plan.errors.is_empty())))
}

async fn plan_full_load_tables(args: &JobArgs, output: Output) -> Result<Exit, Failure> {
    let project = Project::open(&args.config.config)?;
    let tables = project.full_load_tables(&args.tables)?;
    let context = Context::open(project.config, &project.folder, Arc::new(Silent)).await?;
    let options = args.full_load_options(Utc::now());
    let mut plans: Plans<FullLoadPlan> = Plans { tables: Vec::new() };
    for table in &tables {
        plans.tables.push(plan_full_load(&context, table, &options).await);
    }
    context.close().await;
    output.result(&plans, |plans| render::full_load::text(&plans.tables))?;
    Ok(planned(plans.tables.iter().all(|plan| plan.errors.is_empty())))
}

fn planned(all: bool) -> Exit {
    if all { Exit::Success } else { Exit::TablesFailed }
}

#[derive(Debug, Serialize)]
struct Runs {
    runs: Vec<RunSummary>,
}

/// Runs a job.
pub async fn run(args: &JobArgs, output: Output, bars: &Bars) -> Result<Exit, Failure> {
    let project = Project::open(&args.config.config)?;
    let tables = match args.job {
        Job::Cdc => project.cdc_tables(&args.tables)?,
        Job::FullLoad => project.full_load_tables(&args.tables)?,
    };
    let cancel = cancelled_by_signals()?;
    let context = Arc::new(Context::open(project.config, &project.folder, bars.progress()).await?);
    let now = Utc::now();
    let cdc = args.cdc_options(now);
    let runs = match args.job {
        Job::Cdc => run_tables(Arc::clone(&context), tables, cdc, cancel).await,
        Job::FullLoad => {
            run_full_load_tables(Arc::clone(&context), tables, args.full_load_options(now), cdc, cancel).await
        }
    };
    let runs = Runs { runs };
    context.close().await;
    output.result(&runs, |runs| render::runs::text(&runs.runs))?;
    Ok(Exit::of_runs(&runs.runs))
}
