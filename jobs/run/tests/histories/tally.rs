//! Owns the count of what histories went through, so that a test that no longer meets its troubles fails.

use quarrel_model::summary::{RunStatus, RunSummary, StepSeconds};

/// What the runs of one test function were.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub histories: u64,
    pub runs: u64,
    pub dropped: u64,
    pub cancelled: u64,
    pub failed: u64,
    pub batches: u64,
    pub changes: u64,
    pub late_files: u64,
    pub replayed_files: u64,
    pub cleaned_files: u64,
    pub unfinished: u64,
    pub seconds: StepSeconds,
}

impl Tally {
    /// Counts a run; none when it was dropped before its end.
    pub fn count(&mut self, summary: Option<&RunSummary>) {
        self.runs += 1;
        let Some(summary) = summary else {
            self.dropped += 1;
            return;
        };
        match summary.status {
            RunStatus::Cancelled => self.cancelled += 1,
            RunStatus::Failed => self.failed += 1,
            RunStatus::Succeeded | RunStatus::NothingToDo | RunStatus::AlreadyRunning => {}
        }
        self.batches += summary.batches.len() as u64;
        self.changes += summary.changes;
        self.late_files += summary.late_files;
        self.replayed_files += summary.replayed_files;
        self.cleaned_files += summary.cleaned_files;
        self.unfinished +=
            summary.warnings.iter().filter(|warning| warning.contains("still being written")).count() as u64;
        self.seconds.collect += summary.seconds.collect;
        self.seconds.reduce += summary.seconds.reduce;
        self.seconds.load += summary.seconds.load;
        self.seconds.clean += summary.seconds.clean;
        self.seconds.total += summary.seconds.total;
    }

    /// What should have come up and did not.
    pub fn missing(&self) -> Vec<&'static str> {
        let counts = [
            ("dropped runs", self.dropped),
            ("cancelled runs", self.cancelled),
            ("failed runs", self.failed),
            ("late files", self.late_files),
            ("replayed files", self.replayed_files),
            ("archived files", self.cleaned_files),
            ("files still being written", self.unfinished),
        ];
        counts.into_iter().filter(|(_, count)| *count == 0).map(|(what, _)| what).collect()
    }
}
