//! Logs: on stderr, as text or JSON, and never through a spinner.

use std::io::{self, IsTerminal as _, Write};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::{Cli, Command};
use crate::exit::Failure;
use crate::progress::Bars;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging as the arguments say: warnings for commands that people wait for, more for processes that stay.
pub fn start(cli: &Cli, bars: &Bars) -> Result<(), Failure> {
    let directives = cli.global.log_level.as_deref().unwrap_or_else(|| default_directives(&cli.command));
    let filter = EnvFilter::try_new(directives).map_err(|error| {
        Failure::internal(&format!("`{directives}` is no log level: {error}"))
            .with_hint("error, warn, info, debug, trace, or directives as `quarrel_run=debug,warn`")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(BesideBars(bars.clone()));
    match cli.global.log_format {
        LogFormat::Text => builder.with_ansi(wants_colour()).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

fn default_directives(command: &Command) -> &'static str {
    match command {
        Command::Scheduler(_) | Command::Executor(_) => "info,datafusion=warn,sqlx=warn,h2=warn",
        // What the engine warns about ends up in a run's error, or doesn't matter.
        Command::Demo(_)
        | Command::Init(_)
        | Command::Import(_)
        | Command::Schema
        | Command::Validate(_)
        | Command::Plan(_)
        | Command::Run(_)
        | Command::Status(_)
        | Command::Runs(_)
        | Command::Completions { .. } => {
            "warn,sqlx=error,ballista=error,ballista_core=error,ballista_executor=error,ballista_scheduler=error"
        }
    }
}

/// Colours are for terminals, and for people who want them (<https://no-color.org>).
fn wants_colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes to stderr while the spinners stand still.
#[derive(Debug, Clone)]
struct BesideBars(Bars);

impl Write for BesideBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(line)).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for BesideBars {
    type Writer = BesideBars;

    fn make_writer(&'a self) -> BesideBars {
        self.clone()
    }
}
