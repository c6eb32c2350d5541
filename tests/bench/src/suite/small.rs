//! The part on small cycles: 19 new files and 1.22 MB each, on a table in use, from the start of the command to its end.
//!
//! Cycle after cycle is run with the same state, ledger and table, as a schedule would: what happens only on the very first run (the
//! ledger's table, the state's) is in the cycle that warms up.

use std::fs;
use std::path::Path;

use super::place::{Place, Stage};
use super::{Bench, progress};
use crate::data::{DataSet, DataSpec, PREFIX, file_name};
use crate::error::{BenchError, at};
use crate::ours::config::Lake;
use crate::ours::{Project, memory_of};
use crate::peers::same;
use crate::report::Line;
use crate::sample::{Bound, Sample, Unit};

const WARM_CLUSTER_SECONDS: Bound = Bound::FigureAtMost(1.0);
const COLD_EMBEDDED_SECONDS: Bound = Bound::FigureAtMost(2.0);

impl Bench {
    pub(super) fn measure_small(&mut self) -> Result<(), BenchError> {
        let data = self.data(DataSpec::small_cycle())?;
        self.report.notes.push(format!(
            "a small cycle is {} files, {} changes, {:.2} MB, on a table of 100,000 rows",
            data.spec.files,
            data.spec.changes,
            data.bytes as f64 / 1e6
        ));
        let places = [
            (Place::Cluster, Some(WARM_CLUSTER_SECONDS), "small cycle, warm cluster"),
            (Place::Embedded, Some(COLD_EMBEDDED_SECONDS), "small cycle, cold embedded"),
            (Place::InProcess, None, "small cycle, cold one process"),
        ];
        for (place, bound, measure) in places {
            let line = self.cycles(place, measure, &data);
            let Some(line) = self.keep(measure, line) else { continue };
            self.report.lines.push(match bound {
                Some(bound) => line.bounded(bound),
                None => line,
            });
        }
        Ok(())
    }

    fn cycles(&mut self, place: Place, measure: &str, data: &DataSet) -> Result<Line, BenchError> {
        let mut stage = Stage::open(place, data, &self.binary, &self.scratch)?;
        let lake = self.scratch.join("small-lake");
        if lake.exists() {
            fs::remove_dir_all(&lake).map_err(at(&lake))?;
        }
        let folder = lake.join(PREFIX);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        stage.lake = Lake::Files { changes: lake, work: self.scratch.join("small-work") };
        self.database.create_target()?;
        self.database.fill_target()?;
        let project = Project::create(
            &self.binary,
            self.scratch.join(format!("project-small-{}", place.slug())),
            &stage.engine(),
            stage.lake.clone(),
            &self.database.url,
        )?;
        let (mut seconds, mut last) = (Vec::new(), None);
        // Cycle 0 warms up.
        for cycle in 0..=self.runs {
            add_files(data, cycle, &folder)?;
            let run = project.run_cdc()?;
            same("files of a small cycle", &u64::from(data.spec.files), &run.summary.files)?;
            progress(&format!("{measure}, cycle {cycle}: {:.3} s", run.seconds));
            if cycle > 0 {
                seconds.push(run.seconds);
            }
            last = Some(run);
        }
        let none = || BenchError::NoResult { program: "quarrel".to_owned(), reason: "no timed cycle".to_owned() };
        let line = Line::new(measure, Unit::Seconds, Sample::new(seconds).ok_or_else(none)?);
        Ok(line.with_memory(&memory_of(&last.ok_or_else(none)?, stage.cluster.as_ref())))
    }
}

/// Copies the data set's files into the lake under the names of a later day.
fn add_files(data: &DataSet, cycle: u32, folder: &Path) -> Result<(), BenchError> {
    for (number, file) in (0..data.spec.files).zip(data.files()?) {
        let to = folder.join(file_name(cycle, number));
        fs::copy(&file, &to).map_err(at(&to))?;
    }
    Ok(())
}
