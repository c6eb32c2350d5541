//! Plans of full loads: what becomes of each target, and what is loaded.

use quarrel_model::config::LoadOrigin;
use quarrel_run::full_load::plan::{FullLoadPlan, TargetPlan};

use super::units::{bytes, counted, seconds};

/// The plans of one command.
pub fn text(plans: &[FullLoadPlan]) -> String {
    plans.iter().map(plan_text).collect::<Vec<_>>().join("\n\n")
}

fn plan_text(plan: &FullLoadPlan) -> String {
    let mut lines = vec![plan.table.to_string()];
    match (&plan.waiting, plan.from) {
        (Some(reason), _) => lines.push(format!("  nothing to load: {reason}")),
        (None, Some(LoadOrigin::Files)) => lines.push(format!(
            "  {}, {}, {}{}",
            counted(plan.files, "file"),
            counted(plan.rows, "row"),
            bytes(plan.bytes),
            estimate(plan)
        )),
        (None, Some(LoadOrigin::Direct)) => lines.push(format!(
            "  straight from the source: about {}, {}{}",
            counted(plan.rows, "row"),
            bytes(plan.bytes),
            estimate(plan)
        )),
        (None, None) => {}
    }
    lines.extend(plan.targets.iter().flat_map(target_lines));
    lines.extend(plan.errors.iter().map(|error| format!("  error: {error}")));
    lines.join("\n")
}

fn estimate(plan: &FullLoadPlan) -> String {
    plan.estimate_seconds.map(|estimate| format!(", about {} s", seconds(estimate))).unwrap_or_default()
}

fn target_lines(target: &TargetPlan) -> Vec<String> {
    let migration = target.migration.as_deref().unwrap_or("no source to follow: the table stays as it is");
    let mut lines = vec![format!("  → {}:{}: {migration}", target.connection, target.target)];
    for statement in &target.ddl {
        lines.extend(statement.lines().map(|line| format!("      {line}")));
    }
    lines.extend(target.notes.iter().map(|note| format!("    note: {note}")));
    lines.extend(target.losses.iter().map(|loss| format!("    lost on the way: {loss}")));
    lines.extend(target.refusals.iter().map(|refusal| format!("    can't be replaced: {refusal}")));
    lines
}
