//! The result of a benchmark: one table for people, one JSON document for machines.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::error::{BenchError, at};
use crate::machine::Machine;
use crate::sample::{Bound, Judgement, Sample, Unit};

/// One line: a figure of ours, and what it is held against.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    pub measure: String,
    pub unit: Unit,
    pub ours: Sample,
    pub other: Option<Other>,
    /// Ours divided by the other's median.
    pub ratio: Option<f64>,
    pub bound: Option<Bound>,
    pub judgement: Option<Judgement>,
    /// Peak resident memory of our processes, named, in bytes.
    pub memory: Vec<(String, u64)>,
}

/// A peer's figure for the same measure.
#[derive(Debug, Clone, Serialize)]
pub struct Other {
    pub name: String,
    pub figure: Sample,
    pub peak_bytes: Option<u64>,
}

impl Line {
    pub fn new(measure: impl Into<String>, unit: Unit, ours: Sample) -> Self {
        Self {
            measure: measure.into(),
            unit,
            ours,
            other: None,
            ratio: None,
            bound: None,
            judgement: None,
            memory: Vec::new(),
        }
    }

    pub fn beside(mut self, name: impl Into<String>, figure: Sample, peak_bytes: Option<u64>) -> Self {
        self.ratio = Some(self.ours.median() / figure.median());
        self.other = Some(Other { name: name.into(), figure, peak_bytes });
        self
    }

    /// Sets the bound and judges it; after [`Line::beside`].
    pub fn bounded(mut self, bound: Bound) -> Self {
        self.judgement = Some(bound.judge(self.ours.median(), self.ratio));
        self.bound = Some(bound);
        self
    }

    pub fn with_memory(mut self, memory: &[(String, u64)]) -> Self {
        self.memory = memory.to_vec();
        self
    }

    fn cells(&self) -> [String; 7] {
        let memory = self.memory.iter().map(|(who, bytes)| format!("{who} {}", megabytes(*bytes)));
        let theirs = self.other.iter().filter_map(|other| Some((&other.name, other.peak_bytes?)));
        let memory: Vec<String> =
            memory.chain(theirs.map(|(who, bytes)| format!("{who} {}", megabytes(bytes)))).collect();
        [
            self.measure.clone(),
            self.unit.show_sample(&self.ours),
            self.other
                .as_ref()
                .map_or_else(String::new, |other| format!("{}: {}", other.name, self.unit.show_sample(&other.figure))),
            self.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} ×")),
            self.bound.map_or_else(String::new, |bound| bound.show(self.unit)),
            match self.judgement {
                None => String::new(),
                Some(Judgement::Met) => "met".to_owned(),
                Some(Judgement::Missed(share)) => format!("missed by {:.0} %", share * 100.0),
                Some(Judgement::Unknown) => "not measured".to_owned(),
            },
            memory.join(", "),
        ]
    }
}

fn megabytes(bytes: u64) -> String {
    Unit::Megabytes.show(bytes as f64 / 1_000_000.0)
}

/// Everything one run of the benchmark found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    /// Changes of the main data set, timed runs of each measure.
    pub changes: u64,
    pub runs: u32,
    pub lines: Vec<Line>,
    /// Checks that results are equal, one sentence each.
    pub checks: Vec<String>,
    /// What could not be measured, and why.
    pub failures: Vec<String>,
    pub notes: Vec<String>,
}

impl Report {
    pub fn new(machine: Machine, changes: u64, runs: u32) -> Self {
        let (lines, checks, failures, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { machine, changes, runs, lines, checks, failures, notes }
    }

    /// Writes the whole report as JSON, over an earlier one.
    pub fn write_json(&self, path: &Path) -> Result<(), BenchError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| BenchError::Json { what: "the report".to_owned(), source })?;
        std::fs::write(path, text).map_err(at(path))
    }

    /// The report as Markdown, columns aligned for a terminal.
    pub fn to_markdown(&self) -> String {
        let mut text = self.machine.to_markdown();
        let _ = writeln!(text, "\n{} changes; median of {} runs (min–max).\n", self.changes, self.runs);
        text.push_str(&table(&self.lines));
        for (title, sentences) in [("Checked", &self.checks), ("Failed", &self.failures), ("Notes", &self.notes)] {
            if !sentences.is_empty() {
                let _ = writeln!(text, "\n{title}:");
                for sentence in sentences {
                    let _ = writeln!(text, "- {sentence}");
                }
            }
        }
        text
    }
}

fn table(lines: &[Line]) -> String {
    let head = ["measure", "ours", "beside", "ratio", "bound", "", "peak memory"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(lines.iter().map(Line::cells)).collect();
    let widths: [usize; 7] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3));
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for width in widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: f64) -> Sample {
        Sample::new(vec![value]).expect("not empty")
    }

    #[test]
    fn a_line_shows_ours_the_peer_the_ratio_and_the_judgement() {
        let line = Line::new("reduce, cluster", Unit::Seconds, one(7.0))
            .beside("PySpark", one(42.0), Some(3_000_000_000))
            .bounded(Bound::RatioAtMost(1.0 / 6.0))
            .with_memory(&[("executor".to_owned(), 600_000_000)]);
        let cells = line.cells();
        assert_eq!(cells[..4], ["reduce, cluster", "7.00 s", "PySpark: 42.0 s", "0.17 ×"].map(str::to_owned));
        assert_eq!(cells[4..], ["≤ 0.167 ×", "met", "executor 600 MB, PySpark 3000 MB"].map(str::to_owned));
    }

    #[test]
    fn columns_of_the_table_are_as_wide_as_their_widest_cell() {
        let text =
            table(&[Line::new("a long measure ×", Unit::Seconds, one(1.0)), Line::new("b", Unit::Seconds, one(2.0))]);
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    }
}
