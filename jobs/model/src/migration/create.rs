//! The steps that make a table.

use super::constant::{CarriedDefault, Constant, carry_default};
use super::rules::{KeyTiming, MigrationRules};
use super::step::{MigrationStep, NewColumn};
use super::{Note, PlannedColumn};
use crate::mapping::TargetEngine;
use crate::source::{Generated, SourceColumn, SourceType};

/// A source column with everything the target is to have for it.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'s> {
    pub(super) source: &'s SourceColumn,
    pub(super) planned: PlannedColumn,
    pub(super) in_key: bool,
}

impl Wanted<'_> {
    /// Whether the column takes NULL in a table of ours. Engines that can't drop NOT NULL have it on the key alone.
    fn nullable(&self, engine: TargetEngine) -> bool {
        match engine {
            TargetEngine::Postgres => self.source.nullable && !self.in_key,
            TargetEngine::Redshift | TargetEngine::Sqlite => !self.in_key,
        }
    }

    /// The default in a table of ours, and a note on one that stays behind.
    fn default(&self, engine: TargetEngine) -> (Option<Constant>, Option<Note>) {
        let column = || self.source.name.clone();
        match self.source.generated {
            Generated::No => {}
            Generated::Computed { .. }
            | Generated::IdentityAlways
            | Generated::IdentityByDefault
            | Generated::AutoIncrement => return (None, Some(Note::GenerationNotCarried { column: column() })),
        }
        let left = |default: String| (None, Some(Note::DefaultNotCarried { column: column(), default }));
        match (carry_default(self.source, &self.planned.mapped.target_type), engine) {
            (CarriedDefault::None, _) => (None, None),
            (CarriedDefault::Carried(_), TargetEngine::Redshift) => {
                left(self.source.default.clone().unwrap_or_default())
            }
            (CarriedDefault::Carried(constant), TargetEngine::Postgres | TargetEngine::Sqlite) => {
                (Some(constant), None)
            }
            (CarriedDefault::NotCarried(expression), _) => left(expression),
        }
    }

    /// As a column of a new table.
    pub(super) fn new_column(&self, engine: TargetEngine, notes: &mut Vec<Note>) -> NewColumn {
        let (default, note) = self.default(engine);
        notes.extend(note);
        // Every text of MySQL has a collation; those that matter, in keys, are known losses.
        let chosen = matches!(self.source.source_type, SourceType::Postgres(_));
        if let (Some(collation), true) = (&self.source.collation, chosen) {
            notes.push(Note::CollationNotCarried { column: self.source.name.clone(), collation: collation.clone() });
        }
        NewColumn {
            name: self.planned.target.clone(),
            target_type: self.planned.mapped.target_type.clone(),
            nullable: self.nullable(engine),
            default,
        }
    }

    /// As a column that is added to a table with rows: it has no value in them.
    pub(super) fn added_column(&self, engine: TargetEngine, notes: &mut Vec<Note>) -> NewColumn {
        let column = self.new_column(engine, notes);
        notes.push(Note::AddedColumnIsNull { column: self.source.name.clone() });
        let default = match engine {
            TargetEngine::Postgres => column.default,
            // SQLite would fill the rows that are there with it.
            TargetEngine::Redshift | TargetEngine::Sqlite => None,
        };
        NewColumn { nullable: true, default, ..column }
    }
}

/// The steps before and after the load.
pub(super) fn create_steps(
    wanted: &[Wanted<'_>],
    key: &[String],
    rules: &MigrationRules,
    notes: &mut Vec<Note>,
) -> (Vec<MigrationStep>, Vec<MigrationStep>) {
    let engine = rules.mapping.engine;
    let columns = wanted.iter().map(|wanted| wanted.new_column(engine, notes)).collect();
    let (with_table, after_load) = match (engine, rules.key_timing) {
        (TargetEngine::Postgres, KeyTiming::AfterLoad) if !key.is_empty() => {
            (Vec::new(), vec![MigrationStep::AddPrimaryKey { columns: key.to_vec() }])
        }
        (_, KeyTiming::AfterLoad | KeyTiming::WithTable) => (key.to_vec(), Vec::new()),
    };
    let schema = match engine {
        TargetEngine::Postgres | TargetEngine::Redshift => rules.target.schema.clone(),
        TargetEngine::Sqlite => None,
    };
    let mut steps: Vec<MigrationStep> =
        schema.map(|schema| MigrationStep::CreateSchema { schema }).into_iter().collect();
    steps.push(MigrationStep::CreateTable { columns, primary_key: with_table, layout: rules.layout.clone() });
    (steps, after_load)
}
