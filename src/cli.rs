//! The arguments of every command.

mod import;
mod servers;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use quarrel_model::collect::SchemaChangeRule;
use quarrel_model::migration::Allowance;
use quarrel_run::cdc::CdcOptions;
use quarrel_run::demo::{CHANGES_DEFAULT, CHANGES_MAX, CHANGES_MIN, DemoEngine};
use quarrel_run::full_load::{FullLoadOptions, Repeat};

pub use self::import::ImportArgs;
pub use self::servers::{ExecutorArgs, SchedulerArgs};

use self::values::{parse_instant, parse_span};
use crate::logs::LogFormat;
use crate::output::OutputFormat;

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  some tables failed, or were cancelled
  2  wrong arguments, or an internal error
  3  the configuration has faults, or what it names doesn't fit
  4  differences were found
  5  another run holds the tables
  6  a dependency can't be reached";

/// Replicates tables between databases in batches on a Ballista cluster, and proves that the copies agree.
#[derive(Debug, Parser)]
#[command(name = "quarrel", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// How results are printed on stdout; in JSON, failures are JSON too, on stderr.
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "table")]
    pub output: OutputFormat,
    /// What is logged on stderr: a level, or directives as `quarrel_run=debug,warn` [default: warn; info for servers].
    #[arg(long, global = true, env = "QUARREL_LOG", value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// The form of log lines.
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a change history, replicate it, and check the copy row by row. Needs nothing installed.
    Demo(DemoArgs),
    /// Write a commented configuration to begin with.
    Init(ConfigArgs),
    /// Turn the table list of an Airflow replication service into a configuration, with a report.
    Import(ImportArgs),
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
    /// Report every fault of the configuration, with line and path.
    Validate(ValidateArgs),
    /// Print what a job would do; touch nothing.
    Plan(JobArgs),
    /// Run a job.
    Run(JobArgs),
    /// Show how far every table is, and how its last run ended.
    Status(ConfigArgs),
    /// List the latest runs.
    Runs(RunsArgs),
    /// Run a Ballista scheduler.
    Scheduler(SchedulerArgs),
    /// Run a Ballista executor.
    Executor(ExecutorArgs),
    /// Print a completion script.
    Completions {
        /// The shell it is for.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "quarrel.yaml")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Changes in all tables together.
    #[arg(long, value_name = "N", default_value_t = CHANGES_DEFAULT,
          value_parser = clap::value_parser!(u64).range(CHANGES_MIN..=CHANGES_MAX))]
    pub changes: u64,
    /// An empty folder, or one to be made [default: one among the system's temporary files, which stays].
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where the cycles run.
    #[arg(long, value_enum, default_value = "embedded")]
    cluster: DemoCluster,
}

impl DemoArgs {
    pub fn engine(&self) -> DemoEngine {
        match self.cluster {
            DemoCluster::InProcess => DemoEngine::InProcess,
            DemoCluster::Embedded => DemoEngine::Embedded,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DemoCluster {
    /// Plain DataFusion in this process.
    InProcess,
    /// A Ballista scheduler and executor in this process.
    Embedded,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Ask state store, lake, cluster and targets as well.
    #[arg(long)]
    pub connect: bool,
}

/// The jobs that can be planned and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Job {
    /// Apply the change files that the targets lack.
    Cdc,
    /// Make the targets, or make them follow their source, and load them whole; then CDC goes on.
    FullLoad,
}

#[derive(Debug, Args)]
pub struct JobArgs {
    #[arg(value_enum)]
    pub job: Job,
    #[command(flatten)]
    pub config: ConfigArgs,
    /// A table by its name in the configuration; may be repeated [default: all].
    #[arg(long = "table", value_name = "NAME")]
    pub tables: Vec<String>,
    /// The run's logical time, as `2026-11-22T10:00Z` or `2026-11-22` [default: now].
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    at: Option<DateTime<Utc>>,
    /// How far before it change files are looked for, as `5h` or `30d` [default: the configuration's].
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    look_back: Option<Duration>,
    /// Go on where columns were dropped, renamed or retyped: you have looked at the diff and changed the target.
    #[arg(long)]
    accept_schema_changes: bool,
    /// full-load: load files once more that were loaded before.
    #[arg(long)]
    reload: bool,
    /// full-load: what a migration may do that it never does by itself; may be repeated.
    #[arg(long, value_enum, value_name = "WHAT")]
    allow: Vec<Allowed>,
    /// full-load: rows a second that are read from the source at most [default: the configuration's].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_rows_per_second: Option<u64>,
}

/// What a migration may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Allowed {
    /// Drop columns that the source no longer has, with their values.
    Drop,
    /// Narrow types as the source's were.
    Narrow,
    /// Keep columns and wider types that only the target has.
    Keep,
}

impl From<Allowed> for Allowance {
    fn from(allowed: Allowed) -> Self {
        match allowed {
            Allowed::Drop => Allowance::Drop,
            Allowed::Narrow => Allowance::Narrow,
            Allowed::Keep => Allowance::Keep,
        }
    }
}

impl JobArgs {
    pub fn full_load_options(&self, now: DateTime<Utc>) -> FullLoadOptions {
        FullLoadOptions {
            at: self.at.unwrap_or(now),
            repeat: if self.reload { Repeat::Again } else { Repeat::OnlyNew },
            allow: self.allow.iter().copied().map(Allowance::from).collect(),
            max_rows_per_second: self.max_rows_per_second,
        }
    }

    pub fn cdc_options(&self, now: DateTime<Utc>) -> CdcOptions {
        CdcOptions {
            at: self.at.unwrap_or(now),
            look_back: self.look_back,
            schema_changes: match self.accept_schema_changes {
                true => SchemaChangeRule::Accept,
                false => SchemaChangeRule::Refuse,
            },
        }
    }
}

#[derive(Debug, Args)]
pub struct RunsArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Runs of this table alone.
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// How many, newest first.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
    }
}
