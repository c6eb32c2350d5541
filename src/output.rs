//! Printing: results on stdout in the form that was asked for, failures on stderr.

use std::io::{self, Write as _};

use clap::ValueEnum;
use quarrel_model::config::ConfigFault;
use serde::Serialize;

use crate::exit::Failure;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Table,
    /// One JSON document on stdout; a failure is one on stderr, `{"error": …, "hint": …}`.
    Json,
}

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub format: OutputFormat,
}

impl Output {
    pub fn new(format: OutputFormat) -> Self {
        Output { format }
    }

    /// Prints a result: the value as JSON, or the text made of it.
    pub fn result<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Table => print(&text(value)),
            OutputFormat::Json => {
                let json = serde_json::to_string_pretty(value);
                print(&json.map_err(|source| Failure::internal(&format!("failed to write JSON: {source}")))?)
            }
        }
    }

    /// Prints something on the way to a result, for people only.
    pub fn remark(self, text: &str) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Table => print(text),
            OutputFormat::Json => Ok(()),
        }
    }

    /// Prints why a command failed.
    pub fn failure(self, failure: &Failure) {
        let text = match self.format {
            OutputFormat::Table => failure_text(failure),
            OutputFormat::Json => serde_json::to_string_pretty(failure).unwrap_or_else(|_| failure_text(failure)),
        };
        eprintln!("{text}");
    }
}

/// Writes a text and a line's end to stdout. A reader that has gone (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written =
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::internal(&format!("failed to write to stdout: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a text and a line's end to stderr, for people. Nobody listening is no failure.
pub fn tell(text: &str) {
    let mut stderr = io::stderr().lock();
    // There is nowhere left to report it to.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.write_all(b"\n"));
}

fn failure_text(failure: &Failure) -> String {
    let mut lines = vec![format!("error: {}", failure.error)];
    lines.extend(failure.faults.iter().map(fault_text));
    lines.extend(failure.hint.iter().map(|hint| format!("hint: {hint}")));
    lines.join("\n")
}

/// A fault with its hint on a line of its own.
pub fn fault_text(fault: &ConfigFault) -> String {
    let mut text = String::from("  ");
    if let Some(line) = fault.line {
        text.push_str(&format!("line {line}: "));
    }
    if !fault.path.is_empty() {
        text.push_str(&format!("{}: ", fault.path));
    }
    text.push_str(&fault.message);
    if let Some(hint) = &fault.hint {
        text.push_str(&format!("\n    hint: {hint}"));
    }
    text
}
