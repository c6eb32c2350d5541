//! What became of each setting, and what could not be told from the variable.

use serde::Serialize;

use crate::config::document::Lines;
use crate::config::path::Path;

/// What became of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It stands in the configuration as it stood in the variable.
    Mapped,
    /// It stands there in another form.
    Changed,
    /// Its value is an assumption: somebody who knows the old system has to look at it.
    ToCheck,
    /// Nothing says what it is. A placeholder stands there, with which no run succeeds.
    ToFillIn,
    /// The configuration has no place for it.
    NotMapped,
    /// Its key is none of the spellings that are known.
    NotRecognised,
}

/// What became of one setting, or where one comes from that is not in the variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub outcome: Outcome,
    /// The place in the variable, as `[3].targets[0].type`; none when nothing there says it.
    pub from: Option<String>,
    /// The line of that place, counted from 1.
    pub line: Option<usize>,
    /// The place in the entry of the configuration, as `window.ahead`; none when there is none.
    pub to: Option<String>,
    pub note: Option<String>,
}

/// The findings of one table or connection.
#[derive(Debug)]
pub(super) struct Findings<'l> {
    lines: &'l Lines,
    pub(super) list: Vec<Finding>,
}

impl<'l> Findings<'l> {
    pub(super) fn new(lines: &'l Lines) -> Findings<'l> {
        Findings { lines, list: Vec::new() }
    }

    pub(super) fn mapped(&mut self, from: &Path, to: &str) {
        self.add(Outcome::Mapped, Some(from), Some(to), None);
    }

    pub(super) fn changed(&mut self, from: &Path, to: &str, note: impl Into<String>) {
        self.add(Outcome::Changed, Some(from), Some(to), Some(note.into()));
    }

    pub(super) fn needs_check(&mut self, from: Option<&Path>, to: &str, note: impl Into<String>) {
        self.add(Outcome::ToCheck, from, Some(to), Some(note.into()));
    }

    pub(super) fn needs_filling_in(&mut self, to: &str, note: impl Into<String>) {
        self.add(Outcome::ToFillIn, None, Some(to), Some(note.into()));
    }

    /// A setting without a place; `to` names the one it would have, when that is written as a comment.
    pub(super) fn not_mapped(&mut self, from: &Path, to: Option<&str>, note: impl Into<String>) {
        self.add(Outcome::NotMapped, Some(from), to, Some(note.into()));
    }

    pub(super) fn not_recognised(&mut self, from: &Path, hint: Option<String>) {
        self.add(Outcome::NotRecognised, Some(from), None, hint);
    }

    /// The line of a place in the variable.
    pub(super) fn line_of(&self, at: &Path) -> Option<usize> {
        self.lines.nearest(at)
    }

    fn add(&mut self, outcome: Outcome, from: Option<&Path>, to: Option<&str>, note: Option<String>) {
        self.list.push(Finding {
            outcome,
            from: from.map(Path::to_string),
            line: from.and_then(|from| self.lines.nearest(from)),
            to: to.map(str::to_owned),
            note,
        });
    }
}
