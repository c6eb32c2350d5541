//! The commands: each calls what does the work, prints its value, and says how the process ends.

mod demo;
mod files;
mod import;
mod jobs;
mod servers;
mod state;
mod validate;

pub use self::import::ImportReport;
pub use self::state::{Status, TableStatus, TargetStatus};
pub use self::validate::Report;

use crate::cli::Command;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::Bars;

/// Carries a command out.
pub async fn run(command: Command, output: Output, bars: &Bars) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::demo(&args, output, bars).await,
        Command::Init(args) => files::init(&args, output),
        Command::Import(args) => import::import(&args, output),
        Command::Schema => files::schema(),
        Command::Validate(args) => validate::validate(&args, output).await,
        Command::Plan(args) => jobs::plan(&args, output).await,
        Command::Run(args) => jobs::run(&args, output, bars).await,
        Command::Status(args) => state::status(&args, output).await,
        Command::Runs(args) => state::runs(&args, output).await,
        Command::Scheduler(args) => servers::scheduler(&args).await,
        Command::Executor(args) => servers::executor(&args).await,
        Command::Completions { shell } => files::completions(shell),
    }
}
