//! The command line: arguments in, exit codes out, and printing.
//!
//! What a command does is another crate's work; here it is called, and its value is printed.
//!
//! # Invariants
//! - Results go to stdout; progress, logs and errors to stderr.
//! - Every end of the process is one of [`Exit`]'s codes, which are documented API.
//! - No secret is printed: errors name references, and nothing here resolves one.

mod cli;
mod commands;
mod exit;
mod logs;
mod output;
mod progress;
mod project;
mod render;
mod signals;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::cli::Cli;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::Bars;

/// Tasks that were given up, of an embedded cluster for example, get this long before the process ends all the same.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.global.output);
    let bars = Bars::new();
    let ended = logs::start(&cli, &bars).and_then(|()| run(cli, output, &bars));
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli, output: Output, bars: &Bars) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::internal(&format!("failed to start the runtime: {source}")))?;
    let ended = runtime.block_on(commands::run(cli.command, output, bars));
    runtime.shutdown_timeout(CLOSE_TIME_MAX);
    ended
}
