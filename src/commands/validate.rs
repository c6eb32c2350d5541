//! `validate`: the faults of the configuration and, with `--connect`, of what it names.

use quarrel_model::config::{ConfigFault, parse};
use quarrel_run::validate::{Check, Finding, check_dependencies};
use serde::Serialize;

use crate::cli::ValidateArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::read;
use crate::render;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub config: String,
    pub valid: bool,
    pub tables: usize,
    pub faults: Vec<ConfigFault>,
    /// None without `--connect`, or when the configuration has faults.
    pub checks: Option<Vec<Check>>,
}

/// Reports every fault.
pub async fn validate(args: &ValidateArgs, output: Output) -> Result<Exit, Failure> {
    let (text, folder) = read(&args.config.config)?;
    let mut report = Report {
        config: args.config.config.display().to_string(),
        valid: true,
        tables: 0,
        faults: Vec::new(),
        checks: None,
    };
    let mut exit = Exit::Success;
    match parse(&text, &folder) {
        Ok(config) => {
            report.tables = config.tables.len();
            if args.connect {
                let validation = check_dependencies(&config, &folder).await;
                exit = exit_of(validation.worst());
                report.checks = Some(validation.checks);
            }
        }
        Err(faults) => {
            exit = Exit::Configuration;
            report.valid = false;
            report.faults = faults.0;
        }
    }
    output.result(&report, render::validate::text)?;
    Ok(exit)
}

fn exit_of(worst: Finding) -> Exit {
    match worst {
        Finding::Passed | Finding::Warning => Exit::Success,
        Finding::NotChecked | Finding::Failed => Exit::Configuration,
        Finding::Unreachable => Exit::Unreachable,
    }
}
