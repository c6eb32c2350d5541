//! Policies of single columns.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::connection::Engine;
use super::fault::Report;
use super::path::{Path, shown};
use crate::bad_value::BadValuePolicy;
use crate::mapping::{TargetEngine, TargetType};

/// The policy of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnShape {
    /// DMS's limited LOB mode cuts values at this many characters: monitors compare that much of both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = u32::MAX))]
    lob_slice: Option<u32>,
    /// What is done with a value that the target cannot hold. Default: fail.
    #[serde(default, deserialize_with = "policy_or_null", skip_serializing_if = "Option::is_none")]
    on_bad_value: Option<BadValuePolicy>,
    /// The column's type in the targets that Quarrel makes, as they spell it; default: the one that holds the source's values.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(example = "varchar(64)")]
    target_type: Option<String>,
}

/// The policy of one column; the default is that of columns which are not mentioned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnPolicy {
    /// How many characters of a value are compared; none: all.
    pub lob_slice: Option<u32>,
    /// What is done with a value that the target cannot hold.
    pub on_bad_value: BadValuePolicy,
    /// The type in every target, in place of the mapping's: one that each of them has.
    pub target_type: Option<String>,
}

/// One of the policies is called `null`, and YAML reads that word, when it isn't quoted, as no value.
fn policy_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BadValuePolicy>, D::Error> {
    let policy = Option::<BadValuePolicy>::deserialize(deserializer)?;
    Ok(Some(policy.unwrap_or(BadValuePolicy::Null)))
}

pub(crate) fn convert_columns(
    columns: &BTreeMap<String, ColumnShape>,
    key: &[String],
    engines: &[Engine],
    at: &Path,
    report: &mut Report<'_>,
) -> BTreeMap<String, ColumnPolicy> {
    columns
        .iter()
        .map(|(name, shape)| {
            let here = at.key(name);
            if name.is_empty() || name.contains('\0') {
                report.add(&here, "this is not the name of a column");
            }
            let policy = ColumnPolicy {
                lob_slice: shape.lob_slice,
                on_bad_value: shape.on_bad_value.unwrap_or_default(),
                target_type: shape.target_type.clone(),
            };
            if let Some(text) = &policy.target_type {
                check_type(text, engines, &here.key("type"), report);
            }
            if report.is_blank(&here.key("on_bad_value")) {
                report.add(&here.key("on_bad_value"), "the policy is missing");
            }
            if key.contains(name) {
                check_key_column(name, &policy, &here, report);
            }
            (name.clone(), policy)
        })
        .collect()
}

/// The type must be one of every engine that the table goes to.
fn check_type(text: &str, engines: &[Engine], at: &Path, report: &mut Report<'_>) {
    let without = |engine: &&Engine| {
        let target = TargetEngine::of(**engine);
        target.is_some_and(|target| TargetType::parse(target, text).is_none())
    };
    if text.trim().is_empty() || text.contains('\0') {
        report.add(at, "the type is missing");
        return;
    }
    if let Some(engine) = engines.iter().find(without) {
        report.add_with_hint(
            at,
            format!("{} is not a type of {engine}", shown(text)),
            "write it as the database does: `varchar(64)`, `numeric(18,2)`, `timestamp with time zone`",
        );
    }
}

/// A key that is changed on its way names another row.
fn check_key_column(name: &str, policy: &ColumnPolicy, at: &Path, report: &mut Report<'_>) {
    match policy.on_bad_value {
        BadValuePolicy::Fail | BadValuePolicy::Quarantine => {}
        BadValuePolicy::Replace | BadValuePolicy::Null => report.add_with_hint(
            &at.key("on_bad_value"),
            format!("{} is part of the key: a key that is changed names another row", shown(name)),
            "use `fail` or `quarantine`",
        ),
    }
    if policy.lob_slice.is_some() {
        report.add(&at.key("lob_slice"), format!("{} is part of the key, which is never cut", shown(name)));
    }
}
