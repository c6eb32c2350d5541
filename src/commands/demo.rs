//! `demo`.

use quarrel_run::demo::{
    CycleReport, Delivered, DemoError, DemoObserver, DemoOptions, DemoReport, PlaceError, Prepared, run_demo,
};

use crate::cli::DemoArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::Bars;
use crate::render;
use crate::signals::cancelled_by_signals;

/// Runs the demo and says what to try next.
pub async fn demo(args: &DemoArgs, output: Output, bars: &Bars) -> Result<Exit, Failure> {
    let cancel = cancelled_by_signals()?;
    let options = DemoOptions { changes: args.changes, folder: args.dir.clone(), engine: args.engine() };
    let told = Told { output };
    let report = run_demo(&options, bars.progress(), &told, &cancel).await.map_err(of_demo)?;
    output.result(&report, render::demo::end)?;
    Ok(exit_of(&report))
}

fn exit_of(report: &DemoReport) -> Exit {
    match (report.all_ran(), report.all_equal()) {
        (false, _) => Exit::TablesFailed,
        (true, false) => Exit::Differences,
        (true, true) => Exit::Success,
    }
}

fn of_demo(error: DemoError) -> Failure {
    match error {
        DemoError::Context(error) => error.into(),
        DemoError::Config { source } => Failure::of_faults("the demo's configuration", source)
            .with_hint("`--dir` takes a folder whose path has none of % ? # * \\"),
        DemoError::Place(PlaceError::NotEmpty { path }) => {
            Failure::internal(&format!("{} is not empty", path.display()))
                .with_hint("`--dir` takes an empty folder, or one to be made")
        }
        error @ (DemoError::Changes { .. }
        | DemoError::Place(_)
        | DemoError::WriteFile(_)
        | DemoError::Check(_)
        | DemoError::History { .. }) => Failure::of(Exit::UsageOrInternal, &error),
    }
}

/// Prints while the demo goes on. What can't be printed now is in the report at the end.
struct Told {
    output: Output,
}

impl DemoObserver for Told {
    fn prepared(&self, prepared: &Prepared) {
        self.output.remark(&render::demo::prepared(prepared)).ok();
    }

    fn delivered(&self, delivered: &Delivered) {
        self.output.remark(&render::demo::delivered(delivered)).ok();
    }

    fn cycle(&self, report: &CycleReport) {
        self.output.remark(&render::demo::cycle(report)).ok();
    }
}
