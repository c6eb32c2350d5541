//! The reduction of a batch: the last change of each key, as DataFusion SQL.

use quarrel_model::position::OrderBy;

use crate::fragment::Sql;
use crate::template::{RenderError, Template, Value, template};

/// Orders by file and row.
pub const BY_FILE: Template = template!("reduce/by_file.sql");
/// Orders by change sequence, then file and row.
pub const BY_SEQUENCE: Template = template!("reduce/by_sequence.sql");

/// What the reduction of a batch needs to know.
#[derive(Debug, Clone)]
pub struct Reduction<'a> {
    /// Name of the registered table of changes.
    pub changes: &'a str,
    pub order_by: OrderBy,
    /// Columns of the operation and of the change sequence, as the producer names them.
    pub operation: &'a str,
    pub sequence: &'a str,
    pub key: &'a [String],
    /// Columns to keep, in the order wanted; key columns among them.
    pub columns: &'a [String],
}

/// Renders the reduction of one batch.
///
/// # Errors
/// A template that doesn't fit its values: a defect of this crate.
pub fn reduce(reduction: &Reduction<'_>) -> Result<Sql, RenderError> {
    let names = |names: &[String]| Value::List(names.iter().map(|name| vec![Sql::name(name)]).collect());
    let common = [
        ("changes", Sql::name(reduction.changes).into()),
        ("operation", Sql::name(reduction.operation).into()),
        ("key", names(reduction.key)),
        ("columns", names(reduction.columns)),
    ];
    match reduction.order_by {
        OrderBy::FileName => BY_FILE.render(common),
        OrderBy::Sequence => {
            BY_SEQUENCE.render(common.into_iter().chain([("sequence", Sql::name(reduction.sequence).into())]))
        }
    }
}
