//! Owns the run of one case: deliveries and runs by turns, and after each run what must hold.
//!
//! After every run, however it ended:
//! - a target's rows are the oracle's for exactly the files that its ledger names;
//! - each file is in one batch last, the watermark is the last file's and has not moved back;
//! - a file left the change area only after every target had it, and lies in the archive then.
//!
//! After a run that was let finish, too: the ledger names the files that the plain rules of [`crate::model`] expect, the status
//! is the one they give, and nothing is left in the reduced area.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use quarrel_model::collect::SchemaChangeRule;
use quarrel_model::ledger::{Ledger, LedgerFrom};
use quarrel_model::position::Watermark;
use quarrel_model::summary::{RunStatus, RunSummary};
use quarrel_run::cdc::{CdcOptions, run_cdc};
use quarrel_testkit::dump::{difference, dump_table};
use quarrel_testkit::history::History;
use quarrel_testkit::oracle::Oracle;
use tokio_util::sync::CancellationToken;

use crate::case::{Case, Cleaning, Interruption, Reach, RunSpec, TargetFault, WindowSpec};
use crate::interrupt::{cancel_after, drop_after};
use crate::model::{Bounds, Expected, Outcome, Version, VersionsByPath, expect_run, name_millis};
use crate::world::{Place, World};

/// Looks back further than any history reaches.
const WIDE_LOOK_BACK: Duration = Duration::from_secs(60 * 60 * 24 * 30);

/// One case on its way.
struct Course<'a> {
    world: &'a World,
    case: &'a Case,
    history: &'a History,
    place: &'a Place,
    versions: Vec<Version>,
    in_lake: VersionsByPath,
    /// By target.
    applied: Vec<VersionsByPath>,
    watermarks: Vec<Option<Watermark>>,
    /// In seconds; a run's window never ends before that of the run before it.
    until: i64,
}

/// Runs a case from the first delivery to a last run that finds nothing to do.
///
/// # Errors
/// What did not hold, and what had happened.
pub async fn check(world: &mut World, case: &Case) -> Result<(), String> {
    let history = case.history();
    let place = world.place(case, &history).await;
    let targets = place.table.targets.len();
    let mut course = Course {
        world,
        case,
        history: &history,
        place: &place,
        versions: Vec::new(),
        in_lake: VersionsByPath::new(),
        applied: vec![VersionsByPath::new(); targets],
        watermarks: vec![None; targets],
        until: 0,
    };
    let checked = course.follow().await;
    let story = checked.as_ref().err().map(|problem| format!("{problem}\n{}", course.story()));
    world.clear(&place).await;
    story.map_or(Ok(()), Err)
}

impl Course<'_> {
    async fn follow(&mut self) -> Result<(), String> {
        self.world.litter(self.place);
        for (number, contents) in self.case.timeline(self.history).into_iter().enumerate() {
            for content in contents {
                let version = self.world.deliver(self.place, content, self.case).await;
                self.in_lake.insert(version.content.spec().path.clone(), self.versions.len());
                self.versions.push(version);
            }
            self.run(&format!("run {number}"), self.case.run(number)).await?;
        }
        self.run("the quiet run", RunSpec::QUIET).await?;
        let before = self.applied.clone();
        let summary = self.run("the run again", RunSpec::QUIET).await?;
        let status = summary.map(|summary| summary.status);
        if status != Some(RunStatus::NothingToDo) || before != self.applied {
            return Err(format!("the run again ended with {status:?} and {:?} after {before:?}", self.applied));
        }
        Ok(())
    }

    async fn run(&mut self, name: &str, spec: RunSpec) -> Result<Option<RunSummary>, String> {
        let (bounds, options) = self.window(spec.reach);
        let expected: Vec<Expected> = self
            .applied
            .iter()
            .zip(spec.faults)
            .map(|(before, fault)| {
                expect_run(&self.versions, &self.in_lake, before, bounds, self.case.batch_files_max, fault)
            })
            .collect();
        for (side, fault) in self.world.sides.iter().zip(spec.faults) {
            side.scripted.follow(fault);
        }
        let summary = self.perform(&options, spec.interruption).await;
        self.world.tally.borrow_mut().count(summary.as_ref());
        for side in &self.world.sides {
            side.scripted.follow(TargetFault::None);
        }
        let told = |problem: String| format!("{name} ({spec:?}, {bounds:?}): {problem}\nsummary: {summary:?}");
        for (index, expected) in expected.iter().enumerate() {
            self.look_at_target(index, spec, expected)
                .await
                .map_err(|problem| told(format!("target {index}: {problem}")))?;
        }
        self.look_at_files().map_err(told)?;
        if let (Some(summary), Interruption::None) = (&summary, spec.interruption) {
            self.look_at_summary(summary, &expected).map_err(told)?;
        }
        Ok(summary)
    }

    /// The instants between which a run looks, for the rules and for Quarrel.
    fn window(&mut self, reach: Reach) -> (Bounds, CdcOptions) {
        let last = self.history.files.last().map_or(1_714_000_000, |file| name_millis(file.name()) / 1000 + 10);
        let until = match reach {
            Reach::Everything => last,
            Reach::File(number) => self.history.files.get(number).map_or(last, |file| name_millis(file.name()) / 1000),
        };
        self.until = self.until.max(until);
        let look_back = match self.case.window() {
            WindowSpec::Wide => WIDE_LOOK_BACK,
            WindowSpec::Narrow { minutes } => Duration::from_secs(60 * minutes.unsigned_abs()),
        };
        let at: DateTime<Utc> = DateTime::from_timestamp(self.until, 0).expect("histories stay within chrono's dates");
        let from = self.until * 1000 - i64::try_from(look_back.as_millis()).expect("a month fits");
        let options = CdcOptions { at, look_back: Some(look_back), schema_changes: SchemaChangeRule::Refuse };
        (Bounds { from, until: self.until * 1000 }, options)
    }

    async fn perform(&self, options: &CdcOptions, interruption: Interruption) -> Option<RunSummary> {
        let cancel = CancellationToken::new();
        let run = run_cdc(&self.world.context, &self.place.table, options, &cancel);
        match interruption {
            Interruption::None => Some(run.await),
            Interruption::Cancelled { wake_ups } => Some(cancel_after(run, &cancel, wake_ups).await),
            Interruption::Dropped { wake_ups } => {
                let ended = drop_after(Box::pin(run), wake_ups).await;
                if ended.is_none() {
                    self.world.settle(self.place).await;
                    self.world.expire_leases().await;
                }
                ended
            }
        }
    }

    async fn look_at_target(&mut self, index: usize, spec: RunSpec, expected: &Expected) -> Result<(), String> {
        let entry = &self.place.table.targets[index];
        let side = self.world.side(&entry.connection);
        let ledger = side.plain.read_ledger(&self.place.table.name, &entry.table, &LedgerFrom::Beginning).await;
        let ledger = ledger.map_err(|error| format!("the ledger can't be read: {error:?}"))?;
        let applied = self.versions_of(&ledger)?;
        match spec.interruption {
            Interruption::None if applied != expected.applied => {
                return Err(format!("the ledger has {applied:?}, and {:?} is expected", expected.applied));
            }
            Interruption::None => {}
            // However far it came, it took nothing back, and nothing that it was not to take.
            Interruption::Dropped { .. } | Interruption::Cancelled { .. } => {
                let before = &self.applied[index];
                let kept = |(path, version): (&String, &usize)| {
                    applied.get(path).is_some_and(|now| now == version || expected.applied.get(path) == Some(now))
                };
                let known = |(path, version): (&String, &usize)| {
                    before.get(path) == Some(version) || expected.applied.get(path) == Some(version)
                };
                if !before.iter().all(kept) || !applied.iter().all(known) {
                    return Err(format!("the ledger has {applied:?} after {before:?}, on the way to {expected:?}"));
                }
            }
        }
        self.look_at_watermark(index, &ledger, &applied)?;
        let files: Vec<_> = applied.values().map(|version| self.versions[*version].content.spec().clone()).collect();
        let first_columns = self.history.files.first().map_or(&self.history.columns, |file| &file.columns);
        let oracle = Oracle::of_files(&self.history.key, first_columns, &files);
        let found = dump_table(&side.url, &self.place.sql_name(), &oracle.column_names()).await;
        self.applied[index] = applied;
        match difference(&oracle.text_rows(side.dialect), &found) {
            Some(difference) => Err(format!("{:?}: {difference}", oracle.column_names())),
            None => Ok(()),
        }
    }

    /// The versions that a ledger names, each path once.
    fn versions_of(&self, ledger: &Ledger) -> Result<VersionsByPath, String> {
        let mut applied = BTreeMap::new();
        for file in &ledger.files {
            let path = self.world.relative(self.place, &file.file.key).to_owned();
            let found = self.versions.iter().position(|version| {
                version.content.spec().path == path && version.etag == file.file.etag && version.size == file.file.size
            });
            let version = found.ok_or_else(|| format!("the ledger has {file:?}, which was never delivered"))?;
            if applied.insert(path.clone(), version).is_some() {
                return Err(format!("{path} is in two batches last"));
            }
        }
        Ok(applied)
    }

    fn look_at_watermark(&mut self, index: usize, ledger: &Ledger, applied: &VersionsByPath) -> Result<(), String> {
        let last = applied.iter().max_by_key(|(_, version)| self.versions[**version].name());
        let found = ledger.watermark.as_ref();
        let is_last = match (last, found) {
            (None, None) => true,
            (Some((path, _)), Some(found)) => found.file.as_str().ends_with(path.as_str()),
            (None, Some(_)) | (Some(_), None) => false,
        };
        let before = self.watermarks[index].as_ref();
        let moved_back = before.is_some_and(|before| {
            found.is_none_or(|found| found.file < before.file || found.sequence < before.sequence)
        });
        if !is_last || moved_back {
            return Err(format!("the watermark is {found:?} after {before:?}; the last applied file is {last:?}"));
        }
        self.watermarks[index] = ledger.watermark.clone();
        Ok(())
    }

    /// Files leave the change area for the archive alone, once every target has them.
    fn look_at_files(&mut self) -> Result<(), String> {
        let gone: Vec<(String, usize)> = self
            .in_lake
            .iter()
            .filter(|(path, _)| !self.world.change_path(self.place, path).exists())
            .map(|(path, version)| (path.clone(), *version))
            .collect();
        for (path, version) in gone {
            let has_all = self.applied.iter().all(|applied| applied.get(&path) == Some(&version));
            let archived = std::fs::metadata(self.world.archived_path(self.place, &path));
            let is_archived = archived.is_ok_and(|archived| archived.len() == self.versions[version].size);
            if self.case.after_load == Cleaning::Keep || !has_all || !is_archived {
                return Err(format!("{path} is gone: in all targets {has_all}, archived {is_archived}"));
            }
            self.in_lake.remove(&path);
        }
        Ok(())
    }

    fn look_at_summary(&self, summary: &RunSummary, expected: &[Expected]) -> Result<(), String> {
        let failed = expected.iter().any(|target| target.outcome == Outcome::Failed);
        let loads: usize = expected.iter().map(|target| target.loads).sum();
        let wanted = match (failed, loads) {
            (true, _) => RunStatus::Failed,
            (false, 0) => RunStatus::NothingToDo,
            (false, _) => RunStatus::Succeeded,
        };
        if summary.status != wanted {
            return Err(format!("it ended with {:?}, and {wanted:?} is expected", summary.status));
        }
        let left = self.world.reduced_files(self.place);
        if !failed && !left.is_empty() {
            return Err(format!("the reduced area still has {left:?}"));
        }
        let everywhere = self
            .in_lake
            .iter()
            .filter(|(path, version)| self.applied.iter().all(|applied| applied.get(*path) == Some(version)));
        match self.case.after_load {
            Cleaning::Archive if !failed && everywhere.clone().count() > 0 => {
                Err(format!("{:?} should be in the archive", everywhere.collect::<Vec<_>>()))
            }
            Cleaning::Archive | Cleaning::Keep => Ok(()),
        }
    }

    /// What was delivered, for whoever reads a failure.
    fn story(&self) -> String {
        let mut lines = Vec::new();
        for (number, version) in self.versions.iter().enumerate() {
            let spec = version.content.spec();
            let kind = match &version.content {
                crate::case::Content::Whole(_) => "whole",
                crate::case::Content::Half(_) => "half",
                crate::case::Content::Empty(_) => "empty",
            };
            lines.push(format!("version {number}: {} {kind}, columns {:?}", spec.path, spec.columns));
            for event in &spec.events {
                let sequence = event.change_sequence.as_deref().unwrap_or("-");
                lines.push(format!("    {} {:?} {:?} {sequence}", event.operation.letter(), event.key, event.values));
            }
        }
        lines.join("\n")
    }
}
