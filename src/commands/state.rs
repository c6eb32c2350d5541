//! `status` and `runs`: what the state store remembers.

use std::collections::BTreeSet;

use quarrel_model::config::Table;
use quarrel_run::context::open_state;
use quarrel_run::state::records::{RunRecord, WatermarkRecord};
use serde::Serialize;

use crate::cli::{ConfigArgs, RunsArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Project;
use crate::render;

/// Where every table is.
#[derive(Debug, Serialize)]
pub struct Status {
    pub tables: Vec<TableStatus>,
}

/// Where a table is.
#[derive(Debug, Serialize)]
pub struct TableStatus {
    pub table: String,
    /// The latest run of each job.
    pub last_runs: Vec<RunRecord>,
    pub targets: Vec<TargetStatus>,
}

/// How far a target is.
#[derive(Debug, Serialize)]
pub struct TargetStatus {
    /// `connection:table`.
    pub target: String,
    /// None until a batch has been applied.
    pub watermark: Option<WatermarkRecord>,
}

/// Shows how far every table is.
pub async fn status(args: &ConfigArgs, output: Output) -> Result<Exit, Failure> {
    let project = Project::open(&args.config)?;
    let state = open_state(&project.config.state, &project.folder).await?;
    let (watermarks, runs) = (state.watermarks().await?, state.latest_runs().await?);
    state.close().await;
    let tables = project.config.tables.iter().map(|table| table_status(table, &watermarks, &runs));
    output.result(&Status { tables: tables.collect() }, render::status::text)?;
    Ok(Exit::Success)
}

fn table_status(table: &Table, watermarks: &[WatermarkRecord], runs: &[RunRecord]) -> TableStatus {
    // A target that has left the configuration isn't shown; one that has not been loaded yet is.
    let targets: BTreeSet<String> =
        table.targets.iter().map(|target| format!("{}:{}", target.connection, target.table)).collect();
    let watermark_of = |target: &str| {
        watermarks.iter().find(|watermark| watermark.table == table.name && watermark.target == target).cloned()
    };
    TableStatus {
        table: table.name.to_string(),
        last_runs: runs.iter().filter(|run| run.table == table.name).cloned().collect(),
        targets: targets.into_iter().map(|target| TargetStatus { watermark: watermark_of(&target), target }).collect(),
    }
}

#[derive(Debug, Serialize)]
struct Runs {
    runs: Vec<RunRecord>,
}

/// Lists the latest runs.
pub async fn runs(args: &RunsArgs, output: Output) -> Result<Exit, Failure> {
    let project = Project::open(&args.config.config)?;
    let table = args.table.as_deref().map(|name| project.table_name(name)).transpose()?;
    let state = open_state(&project.config.state, &project.folder).await?;
    let runs = Runs { runs: state.runs(table.as_ref(), args.limit).await? };
    state.close().await;
    output.result(&runs, |runs| render::status::runs_text(&runs.runs))?;
    Ok(Exit::Success)
}
