//! What `validate` found.

use quarrel_run::validate::{Check, Finding};

use super::units::counted;
use crate::commands::Report;
use crate::output::fault_text;

/// Faults, or the checks.
pub fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    if report.faults.is_empty() {
        lines.push(format!("{} is valid: {}", report.config, counted(report.tables as u64, "table")));
    } else {
        lines.push(format!("{} has {}:", report.config, counted(report.faults.len() as u64, "fault")));
        lines.extend(report.faults.iter().map(fault_text));
    }
    lines.extend(report.checks.iter().flatten().map(check_text));
    lines.join("\n")
}

fn check_text(check: &Check) -> String {
    let word = match check.finding {
        Finding::Passed => "ok",
        Finding::Warning => "warning",
        Finding::NotChecked => "not checked",
        Finding::Failed => "failed",
        Finding::Unreachable => "unreachable",
    };
    let mut text = format!("{word:<11}  {}: {}", check.subject, check.detail);
    if let Some(hint) = &check.hint {
        text.push_str(&format!("\n{:<11}  hint: {hint}", ""));
    }
    text
}
