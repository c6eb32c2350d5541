//! `scheduler` and `executor`: Ballista's processes, until a signal drains them.

use quarrel_executor::process::{ExecutorError, run_executor};
use quarrel_scheduler::process::BoundScheduler;

use crate::cli::{ExecutorArgs, SchedulerArgs};
use crate::exit::{Exit, Failure};
use crate::output::print;
use crate::signals::cancelled_by_signals;

/// Runs a scheduler; its address is printed once it listens, for those who asked for any free port.
pub async fn scheduler(args: &SchedulerArgs) -> Result<Exit, Failure> {
    let shutdown = cancelled_by_signals()?;
    let failed = |error| Failure::of(Exit::UsageOrInternal, &error);
    let scheduler = BoundScheduler::bind(args.settings()).await.map_err(failed)?;
    print(&scheduler.url())?;
    scheduler.serve(shutdown).await.map_err(failed)?;
    Ok(Exit::Success)
}

/// Runs an executor.
pub async fn executor(args: &ExecutorArgs) -> Result<Exit, Failure> {
    let shutdown = cancelled_by_signals()?;
    run_executor(args.settings(), shutdown).await.map_err(|error| {
        let exit = match &error {
            ExecutorError::NoScheduler { .. } | ExecutorError::Register { .. } => Exit::Unreachable,
            ExecutorError::Memory { .. }
            | ExecutorError::WorkDir { .. }
            | ExecutorError::Listen { .. }
            | ExecutorError::Session { .. }
            | ExecutorError::Stopped { .. } => Exit::UsageOrInternal,
        };
        Failure::of(exit, &error)
    })?;
    Ok(Exit::Success)
}
