//! Plans: what the next batch of each table is, and what it would do to each target.

use quarrel_model::batch::BatchFile;
use quarrel_run::cdc::plan::{BatchPlan, CdcPlan, PlannedLoad};

use super::units::{bytes, counted};

/// The plans of one command.
pub fn text(plans: &[CdcPlan]) -> String {
    plans.iter().map(plan_text).collect::<Vec<_>>().join("\n\n")
}

fn plan_text(plan: &CdcPlan) -> String {
    let mut lines = vec![plan.table.to_string()];
    if plan.batches.is_empty() && plan.errors.is_empty() {
        lines.push("  nothing to apply".to_owned());
    }
    lines.extend(plan.batches.iter().flat_map(batch_lines));
    if plan.left > 0 {
        lines.push(format!("  {} left for later batches of the same run", counted(plan.left as u64, "file")));
    }
    if plan.full_load_files > 0 {
        lines.push(format!("  {} left to full load", counted(plan.full_load_files as u64, "file")));
    }
    lines.extend(plan.warnings.iter().map(|warning| format!("  warning: {warning}")));
    lines.extend(plan.errors.iter().map(|error| format!("  error: {error}")));
    lines.join("\n")
}

fn batch_lines(planned: &BatchPlan) -> Vec<String> {
    let batch = &planned.batch;
    let new = planned.files - planned.late_files - planned.replayed_files;
    let files = counted(planned.files as u64, "file");
    let mut lines = vec![
        format!("  batch {}", batch.id),
        format!(
            "    {files} ({new} new, {} late, {} replayed), {}, {}",
            planned.late_files,
            planned.replayed_files,
            bytes(planned.bytes),
            counted(planned.changes, "change")
        ),
    ];
    let key = |file: Option<&BatchFile>| file.map(|file| file.file.key.clone()).unwrap_or_default();
    lines.push(format!("    first {}", key(batch.files.first())));
    if batch.files.len() > 1 {
        lines.push(format!("    last  {}", key(batch.files.last())));
    }
    lines.extend(planned.loads.iter().flat_map(load_lines));
    lines
}

fn load_lines(load: &PlannedLoad) -> Vec<String> {
    let plan = &load.plan;
    let method = if plan.columns.is_empty() {
        "no rows: moves the watermark"
    } else if plan.key_is_unique {
        "delete, then upsert by the unique key"
    } else {
        "delete, then update and insert (no unique index is over the key)"
    };
    let mut lines = vec![format!(
        "    → {}:{}: {}, {method}",
        load.connection,
        plan.target,
        counted(plan.columns.len() as u64, "column")
    )];
    if !plan.add_columns.is_empty() {
        let added = plan.add_columns.iter().map(|column| format!("{} ({})", column.name, column.column_type));
        lines.push(format!("      adds {}", added.collect::<Vec<_>>().join(", ")));
    }
    if !plan.ignored_columns.is_empty() {
        lines.push(format!("      leaves out {}", plan.ignored_columns.join(", ")));
    }
    lines
}
