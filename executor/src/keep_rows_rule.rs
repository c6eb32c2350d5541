//! Lets a scan of pinned files skip the rows that a semi-join on their position would drop.
//!
//! `changes LEFT SEMI JOIN (SELECT max(_position) … GROUP BY key) ON …`, or the same as `IN`, is planned as a hash join that sends
//! every row of every column to the join's partition. Positions tell the file and the row, so they can go to the scan
//! instead: it opens only the files, and decodes only the rows, that are kept. What must stay true: a plan that is rewritten
//! yields the rows of the join, no more, no less; a plan that doesn't match stays as it is, which is slower and just as right.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::change_scan::ChangeScanExec;

/// The rule. It comes before the rules that choose join sides and partitionings, since it makes both unnecessary.
#[derive(Debug, Default)]
pub struct KeepRows;

impl PhysicalOptimizerRule for KeepRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match node.downcast_ref::<HashJoinExec>().map(rewrite) {
            Some(Ok(Some(scan))) => Ok(Transformed::yes(scan)),
            Some(Err(error)) => Err(error),
            Some(Ok(None)) | None => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "keep_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The scan that does the join's work, if it is a semi-join of a scan's positions.
fn rewrite(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let [(left_on, right_on)] = join.on() else { return Ok(None) };
    let (changes, changes_on, positions, positions_on) = match join.join_type() {
        JoinType::LeftSemi => (join.left(), left_on, join.right(), right_on),
        JoinType::RightSemi => (join.right(), right_on, join.left(), left_on),
        JoinType::Inner
        | JoinType::Left
        | JoinType::Right
        | JoinType::Full
        | JoinType::LeftAnti
        | JoinType::RightAnti
        | JoinType::LeftMark
        | JoinType::RightMark => return Ok(None),
    };
    let Some(scan) = changes.downcast_ref::<ChangeScanExec>() else { return Ok(None) };
    if join.filter().is_some() || join.projection.is_some() || !scan.keeps_all() || !is_position(scan, changes_on) {
        return Ok(None);
    }
    let kept = ProjectionExec::try_new(
        vec![ProjectionExpr::new(Arc::clone(positions_on), "position")],
        Arc::clone(positions),
    )?;
    Ok(Some(Arc::new(scan.clone().keeping(Arc::new(kept)))))
}

fn is_position(scan: &ChangeScanExec, expr: &Arc<dyn PhysicalExpr>) -> bool {
    let column = expr.downcast_ref::<Column>().map(Column::index);
    column.is_some() && column == scan.places().position_at
}
