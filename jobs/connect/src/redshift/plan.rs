//! How a batch is staged and merged, before anything exists: the columns of the files, and what makes a table like the target
//! the one they are copied into.
//!
//! The staging table is like the target, so that its rows lie where the target's do. A column that COPY can't fill as it is
//! (SUPER, TIME, types unknown here) gives way to a text, which the merge converts; a column that takes no NULL and is not
//! loaded goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use quarrel_model::target::{Generation, LoadColumn, LoadPlan, TargetTable};
use quarrel_sql::fragment::CatalogType;
use quarrel_sql::redshift::{Conversion, Merge, MergeColumn, OtherColumns, StageChange};

use super::types::{RedshiftType, VARCHAR_BYTES_MAX, column_type};
use crate::reduced::OPERATION;
use crate::rows::{Layout, loaded_columns};
use crate::target::{Load, TargetError};
use crate::values::value::Family;

/// Columns of a table, by Redshift's own limit.
const COLUMNS_MAX: usize = 1_600;
/// Bytes of a name, by Redshift's own limit.
const NAME_BYTES_MAX: usize = 127;

/// A loaded column on its way.
#[derive(Debug)]
pub(super) struct StagedColumn {
    pub(super) load: LoadColumn,
    pub(super) column_type: RedshiftType,
    /// Its name in the staging table.
    pub(super) staged: String,
    /// Whether the staging table takes NULL in it.
    pub(super) stage_nullable: bool,
}

/// How a batch is staged and merged.
#[derive(Debug)]
pub(super) struct StagePlan {
    pub(super) columns: Vec<StagedColumn>,
    pub(super) layout: Layout,
    /// The staging table's column of operations.
    pub(super) operation: String,
    /// Of the files: the operation, then the columns.
    pub(super) file_schema: SchemaRef,
}

impl StagePlan {
    pub(super) fn of(load: &Load<'_>, described: &TargetTable) -> Result<StagePlan, TargetError> {
        let plan = load.plan;
        check_added_names(plan)?;
        let loaded = loaded_columns(plan, column_type)?;
        let schema = load.rows.schema();
        let layout = Layout::of(plan, &schema, &loaded)?;
        let named = loaded.iter().map(|column| &column.target).chain(&described.columns);
        let mut taken: BTreeSet<String> = named.map(|column| column.name.to_ascii_lowercase()).collect();
        let mut columns = Vec::with_capacity(loaded.len());
        for (place, (column, index)) in loaded.into_iter().zip(&layout.columns).enumerate() {
            columns.push(staged_column(plan, column, schema.field(*index).data_type(), place, &mut taken)?);
        }
        let operation = free_name(OPERATION, &mut taken);
        let mut fields = vec![Field::new(&operation, DataType::Utf8, true)];
        let field = |column: &StagedColumn| Field::new(&column.staged, column.file_type(), true);
        fields.extend(columns.iter().map(field));
        Ok(StagePlan { columns, layout, operation, file_schema: Arc::new(Schema::new(fields)) })
    }

    /// What makes a table like the target the staging table.
    pub(super) fn stage_changes(
        &self,
        plan: &LoadPlan,
        described: &TargetTable,
    ) -> Result<Vec<StageChange>, TargetError> {
        let is_loaded = |name: &str| self.columns.iter().any(|column| column.load.target.name == name);
        let unfilled = described.columns.iter().filter(|column| !column.nullable && !is_loaded(&column.name));
        let add = |column: &str, type_name: &str| StageChange::Add {
            column: column.to_owned(),
            type_name: CatalogType::from_catalog(type_name).expect("our own spellings have no separators"),
        };
        // First, so that a table is never left without a column.
        let mut changes = vec![add(&self.operation, "character(1)")];
        changes.extend(unfilled.map(|column| StageChange::Drop { column: column.name.clone() }));
        for column in &self.columns {
            let target = &column.load.target;
            let is_there = described.columns.iter().any(|found| found.name == target.name);
            if column.column_type.parquet_type().is_none() {
                if is_there {
                    changes.push(StageChange::Drop { column: target.name.clone() });
                }
                changes.push(add(&column.staged, &format!("character varying({VARCHAR_BYTES_MAX})")));
            } else if !is_there {
                changes.push(add(&column.staged, &target.type_name));
            }
        }
        let added = changes.iter().filter(|change| matches!(change, StageChange::Add { .. })).count();
        let dropped = changes.len() - added;
        let width = described.columns.len() - dropped + added;
        if width > COLUMNS_MAX {
            let why = format!("its staging table would have {width} columns, and {COLUMNS_MAX} are the most");
            return Err(TargetError::Refused { table: plan.target.clone(), what: "a load", why });
        }
        Ok(changes)
    }

    /// The names of the columns of the files, in their order, in the staging table.
    pub(super) fn staged_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.operation.as_str()).chain(self.columns.iter().map(|column| column.staged.as_str()))
    }

    /// The statements of the merge.
    pub(super) fn merge(&self, plan: &LoadPlan, described: &TargetTable) -> Result<Merge, TargetError> {
        let is_loaded = |name: &str| self.columns.iter().any(|column| column.load.target.name == name);
        let others = described.columns.iter().any(|column| !is_loaded(&column.name));
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let target = &column.load.target;
            let conversion = match &column.column_type {
                RedshiftType::Super => Conversion::JsonParse,
                RedshiftType::Time | RedshiftType::Other(_) => {
                    let refused = || TargetError::Refused {
                        table: plan.target.clone(),
                        what: "a load",
                        why: format!("the type of column `{}` has an unusual name", target.name),
                    };
                    Conversion::Cast(CatalogType::from_catalog(&target.type_name).ok_or_else(refused)?)
                }
                _ => Conversion::Assigned,
            };
            columns.push(MergeColumn {
                target: target.name.clone(),
                staged: column.staged.clone(),
                conversion,
                in_key: column.load.in_key,
            });
        }
        Ok(Merge {
            target: plan.target.clone(),
            operation: self.operation.clone(),
            columns,
            others: if others { OtherColumns::Some } else { OtherColumns::None },
        })
    }

    /// Holds the columns of a file against the table as it is now: COPY itself would name neither.
    pub(super) fn check_footer(
        &self,
        plan: &LoadPlan,
        footer: &Schema,
        described: &TargetTable,
    ) -> Result<(), TargetError> {
        for (place, column) in self.columns.iter().enumerate() {
            let target = &column.load.target;
            let now = described.columns.iter().find(|found| found.name == target.name);
            let now_type = now.map_or_else(|| target.type_name.clone(), |found| found.type_name.clone());
            let wanted = RedshiftType::of(&now_type).parquet_type().unwrap_or(DataType::Utf8);
            // The operation comes first.
            let found = footer.fields().get(place + 1).map(|field| field.data_type());
            if found != Some(&wanted) {
                return Err(TargetError::Incompatible {
                    table: plan.target.clone(),
                    column: target.name.clone(),
                    from: found.map_or_else(|| "nothing".to_owned(), |found| format!("Parquet {found}")),
                    to: now_type,
                });
            }
        }
        Ok(())
    }
}

impl StagedColumn {
    fn file_type(&self) -> DataType {
        self.column_type.parquet_type().unwrap_or(DataType::Utf8)
    }
}

/// Redshift folds names: two that differ by case alone are one column.
fn check_added_names(plan: &LoadPlan) -> Result<(), TargetError> {
    let refused = |why: String| TargetError::Refused { table: plan.target.clone(), what: "adding columns", why };
    let mut seen = BTreeSet::new();
    for added in &plan.add_columns {
        if !seen.insert(added.name.to_ascii_lowercase()) {
            return Err(refused(format!("`{}` and another new column differ by case alone", added.name)));
        }
        if added.name.len() > NAME_BYTES_MAX {
            return Err(refused(format!("`{}` is longer than {NAME_BYTES_MAX} bytes", added.name)));
        }
    }
    Ok(())
}

fn staged_column(
    plan: &LoadPlan,
    mut load: LoadColumn,
    from: &DataType,
    place: usize,
    taken: &mut BTreeSet<String>,
) -> Result<StagedColumn, TargetError> {
    let column_type = RedshiftType::of(&load.target.type_name);
    if !Family::of(from).is_some_and(|family| column_type.takes(family)) {
        return Err(TargetError::Incompatible {
            table: plan.target.clone(),
            column: load.target.name,
            from: from.to_string(),
            to: load.target.type_name,
        });
    }
    if load.target.generation == Generation::IdentityAlways {
        let why = format!(
            "column `{}` is an IDENTITY, which takes no value: make it GENERATED BY DEFAULT AS IDENTITY",
            load.target.name
        );
        return Err(TargetError::Refused { table: plan.target.clone(), what: "a load", why });
    }
    load.target.name = load.target.name.to_ascii_lowercase();
    let goes_as_text = column_type.parquet_type().is_none();
    let staged = if goes_as_text { free_name(&format!("_text_{place}"), taken) } else { load.target.name.clone() };
    let stage_nullable = goes_as_text || load.target.nullable;
    Ok(StagedColumn { load, column_type, staged, stage_nullable })
}

/// A name that no column has.
fn free_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = wanted.to_owned();
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}
