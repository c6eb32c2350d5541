//! The faults of a configuration: all of them, each with its place; and how they are collected.
//!
//! A fault never repeats a value which may be a secret: messages show words, numbers and names only.

use std::fmt;

use serde::Serialize;

use super::document::Lines;
use super::path::Path;

/// One thing that is wrong with a configuration, where it stands, and what may help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigFault {
    /// The place, as `tables[0].targets[1].connection`; empty for the whole document.
    pub path: String,
    /// The line, counted from 1; of the enclosing mapping where something is missing.
    pub line: Option<usize>,
    pub message: String,
    /// What to do about it: "did you mean `key`?", or the form that is expected.
    pub hint: Option<String>,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Every fault of one configuration, by line. Never empty when [`parse`](super::parse) returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}

/// Collects faults while a document is checked and turned into the model.
pub(crate) struct Report<'a> {
    lines: &'a Lines,
    faults: Vec<ConfigFault>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(lines: &'a Lines) -> Report<'a> {
        Report { lines, faults: Vec::new() }
    }

    pub(crate) fn add(&mut self, at: &Path, message: impl Into<String>) {
        self.push(at, self.lines.nearest(at), message.into(), None);
    }

    pub(crate) fn add_with_hint(&mut self, at: &Path, message: impl Into<String>, hint: impl Into<String>) {
        self.push(at, self.lines.nearest(at), message.into(), Some(hint.into()));
    }

    /// A fault of the key's second, third … occurrence; the first has number 0.
    pub(crate) fn add_at_occurrence(&mut self, at: &Path, occurrence: usize, message: impl Into<String>) {
        self.push(at, self.lines.occurrence(at, occurrence), message.into(), None);
    }

    pub(crate) fn line_of(&self, at: &Path) -> Option<usize> {
        self.lines.nearest(at)
    }

    /// Whether nothing is written where the value should be, as after `key:`.
    pub(crate) fn is_blank(&self, at: &Path) -> bool {
        self.lines.is_blank(at)
    }

    fn push(&mut self, at: &Path, line: Option<usize>, message: String, hint: Option<String>) {
        self.faults.push(ConfigFault { path: at.to_string(), line, message, hint });
    }

    /// How many faults there are so far.
    pub(crate) fn count(&self) -> usize {
        self.faults.len()
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// The faults as a reader goes through the file: by line, and in the order they were found within one.
    pub(crate) fn into_faults(mut self) -> ConfigFaults {
        self.faults.sort_by_key(|fault| fault.line);
        ConfigFaults(self.faults)
    }
}
