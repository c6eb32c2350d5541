//! Compares a source with its target, and decides.

use super::apply::apply_steps;
use super::create::{Wanted, create_steps};
use super::difference::{Difference, Refusal};
use super::names::{check_names, match_columns, target_name};
use super::rules::{Allowance, MigrationRules, WidenPolicy};
use super::step::MigrationStep;
use super::{Decision, Migration, Note, PlannedColumn};
use crate::mapping::{KnownLoss, MappedColumn, Relation, TargetEngine, TargetType, map_column, relate_types};
use crate::names::QualifiedName;
use crate::source::{SourceColumn, SourceTable, SourceType};
use crate::target::{Generation, TargetColumn, TargetTable};

/// Decides what makes a target follow its source.
///
/// # Errors
/// Everything that stands in the way, at once, with every other difference beside it.
pub fn plan_migration(
    source: &SourceTable,
    target: Option<&TargetTable>,
    rules: &MigrationRules,
) -> Result<Migration, Refusal> {
    let engine = rules.mapping.engine;
    let name = target.map_or(&rules.target, |table| &table.name);
    let mut found = Findings::new(rules);
    let key = key(source, rules);
    let wanted = want(source, &key, rules, &mut found);
    let planned: Vec<PlannedColumn> = wanted.iter().map(|wanted| wanted.planned.clone()).collect();
    found.check(check_names(engine, &planned));
    found.check_key(source, &key);
    let target_key: Vec<String> = key.iter().map(|column| target_name(engine, column)).collect();
    let (steps, after_load) = match target {
        None => {
            found.check_room(engine, wanted.len());
            create_steps(&wanted, &target_key, rules, &mut found.notes)
        }
        Some(table) => (compare(&wanted, &target_key, table, &mut found), Vec::new()),
    };
    if !found.blocking.is_empty() {
        return Err(found.refusal(name));
    }
    let decision = match (target, steps.is_empty()) {
        (None, _) => Decision::Create,
        (Some(_), true) => Decision::Nothing,
        (Some(_), false) => Decision::Alter,
    };
    let columns = match target {
        None => planned,
        Some(table) => renamed_to_found(planned, table),
    };
    Ok(Migration {
        engine,
        target: name.clone(),
        decision,
        before: target.cloned(),
        after: apply_steps(engine, name, target, steps.iter().chain(&after_load)),
        columns,
        steps,
        after_load,
        notes: found.notes,
    })
}

/// The key by its names at the source.
fn key(source: &SourceTable, rules: &MigrationRules) -> Vec<String> {
    if rules.key.is_empty() { source.primary_key.clone() } else { rules.key.clone() }
}

fn want<'s>(
    source: &'s SourceTable,
    key: &[String],
    rules: &MigrationRules,
    found: &mut Findings<'_>,
) -> Vec<Wanted<'s>> {
    let mut wanted = Vec::new();
    for column in &source.columns {
        match map_column(column, &rules.mapping) {
            Ok(mut mapped) => {
                let in_key = key.contains(&column.name);
                if in_key && compares_loosely(column, &mapped) {
                    mapped.losses.push(KnownLoss::CaseInsensitiveKey);
                }
                let planned = PlannedColumn { target: target_name(rules.mapping.engine, &column.name), mapped };
                wanted.push(Wanted { source: column, in_key, planned });
            }
            Err(error) => found.check([Difference::NoType { column: column.name.clone(), error }]),
        }
    }
    if source.columns.is_empty() {
        found.check([Difference::NoColumns]);
    }
    wanted
}

/// Whether the source takes keys for one that differ in case or accents: MySQL's collations do unless they end in `_bin` or
/// `_cs`. The target compares bytes, unless a type of somebody's own does otherwise.
fn compares_loosely(column: &SourceColumn, mapped: &MappedColumn) -> bool {
    let is_exact =
        |collation: &String| collation.ends_with("_bin") || collation.ends_with("_cs") || collation == "binary";
    match (&column.source_type, &mapped.target_type) {
        (SourceType::MySql(_), TargetType::Named { .. }) | (SourceType::Postgres(_), _) => false,
        (SourceType::MySql(_), _) => column.collation.as_ref().is_some_and(|collation| !is_exact(collation)),
    }
}

/// Columns that a table has under another case keep their names there.
fn renamed_to_found(mut planned: Vec<PlannedColumn>, table: &TargetTable) -> Vec<PlannedColumn> {
    let (found, _) = match_columns(&planned, table);
    let names: Vec<Option<String>> = found.into_iter().map(|column| column.map(|column| column.name.clone())).collect();
    for (column, name) in planned.iter_mut().zip(names) {
        if let Some(name) = name {
            column.target = name;
        }
    }
    planned
}

/// What a comparison comes upon.
struct Findings<'r> {
    rules: &'r MigrationRules,
    /// Every difference, in the order of the columns.
    all: Vec<Difference>,
    /// Those that stand in the way.
    blocking: Vec<Difference>,
    notes: Vec<Note>,
}

impl<'r> Findings<'r> {
    fn new(rules: &'r MigrationRules) -> Findings<'r> {
        Findings { rules, all: Vec::new(), blocking: Vec::new(), notes: Vec::new() }
    }

    /// Differences that always stand in the way.
    fn check(&mut self, differences: impl IntoIterator<Item = Difference>) {
        for difference in differences {
            self.all.push(difference.clone());
            self.blocking.push(difference);
        }
    }

    fn allows(&self, allowance: Allowance) -> bool {
        self.rules.allow.contains(&allowance)
    }

    /// The key must be there, and tell rows apart at the source, if the source says what does.
    fn check_key(&mut self, source: &SourceTable, key: &[String]) {
        let missing = key.iter().filter(|column| source.column(column).is_none());
        let missing: Vec<Difference> =
            missing.map(|column| Difference::KeyMissing { column: column.clone() }).collect();
        let is_known = !source.primary_key.is_empty();
        if missing.is_empty() && is_known && !source.is_unique(key) {
            self.check([Difference::KeyChanged { before: key.to_vec(), after: source.primary_key.clone() }]);
        }
        self.check(missing);
    }

    fn check_room(&mut self, engine: TargetEngine, columns: usize) {
        let columns_max = columns_max(engine);
        if columns > columns_max {
            self.check([Difference::TooManyColumns { columns, columns_max }]);
        }
    }

    fn refusal(self, target: &QualifiedName) -> Refusal {
        let mut hints: Vec<String> = self.blocking.iter().filter_map(hint).map(str::to_owned).collect();
        hints.sort();
        hints.dedup();
        Refusal { target: target.clone(), differences: self.all, hints }
    }
}

fn columns_max(engine: TargetEngine) -> usize {
    match engine {
        TargetEngine::Postgres | TargetEngine::Redshift => 1_600,
        TargetEngine::Sqlite => 2_000,
    }
}

fn hint(difference: &Difference) -> Option<&'static str> {
    match difference {
        Difference::Dropped { .. } => {
            Some("allow `drop` to drop what the source no longer has, or `keep` to let it stay in the target")
        }
        Difference::Renamed { .. } => Some(
            "rename the column in the target as well, or allow `drop` or `keep` for the old one and have a new one",
        ),
        Difference::Narrowed { .. } => {
            Some("allow `keep` to let the wider type stay, or `narrow` to change it, or name the type under `columns`")
        }
        Difference::Widened { .. } => Some("let types be widened, or alter the target"),
        Difference::Retyped { .. } | Difference::NotAlterable { .. } | Difference::NullTaken { .. } => Some(
            "name the target's type under `columns`, alter the target, or load the table anew (`full-load --reload`)",
        ),
        Difference::KeyChanged { .. } | Difference::KeyMissing { .. } => {
            Some("set `key` to the columns that tell rows apart, and load the table anew (`full-load --reload`)")
        }
        Difference::NameCollision { .. } | Difference::NameLength { .. } => {
            Some("rename the column at the source, or replicate a view that does")
        }
        Difference::Added { .. }
        | Difference::NoType { .. }
        | Difference::TooManyColumns { .. }
        | Difference::NoColumns => None,
    }
}

/// The steps that make an existing table follow.
fn compare(wanted: &[Wanted<'_>], key: &[String], table: &TargetTable, found: &mut Findings<'_>) -> Vec<MigrationStep> {
    let engine = found.rules.mapping.engine;
    let planned: Vec<PlannedColumn> = wanted.iter().map(|wanted| wanted.planned.clone()).collect();
    let (matched, free) = match_columns(&planned, table);
    // A column the target computes itself is nobody's.
    let mut gone: Vec<&TargetColumn> = free.into_iter().filter(|c| c.generation != Generation::Computed).collect();
    let mut steps = Vec::new();
    let mut added = Vec::new();
    for (wanted, column) in wanted.iter().zip(&matched) {
        match column {
            Some(column) => compare_column(wanted, column, found, &mut steps),
            None => added.push(wanted),
        }
    }
    guess_renames(&mut added, &mut gone, found);
    let kept = matched.iter().flatten().count() + gone.len();
    for wanted in added {
        steps.push(MigrationStep::AddColumn { column: wanted.added_column(engine, &mut found.notes) });
        let mapped = &wanted.planned.mapped;
        found.all.push(Difference::Added { column: mapped.source.clone(), to: mapped.spelling.clone() });
    }
    for column in gone {
        compare_gone(column, table, found, &mut steps);
    }
    let adds = steps.iter().filter(|step| matches!(step, MigrationStep::AddColumn { .. })).count();
    if adds > 0 {
        found.check_room(engine, kept + adds);
    }
    let found_key: Vec<String> = key.iter().map(|name| found_name(name, &planned, &matched)).collect();
    if let Some(first) = table.unique_keys.first()
        && !key.is_empty()
        && !table.is_unique(&found_key)
    {
        found.check([Difference::KeyChanged { before: first.clone(), after: found_key }]);
    }
    steps
}

/// The name that a planned column has in the table, if it is there.
fn found_name(name: &str, planned: &[PlannedColumn], matched: &[Option<&TargetColumn>]) -> String {
    let mut pairs = planned.iter().zip(matched);
    let found = pairs.find(|(column, _)| column.target == name).and_then(|(_, column)| *column);
    found.map_or_else(|| name.to_owned(), |column| column.name.clone())
}

/// A column that both have.
fn compare_column(
    wanted: &Wanted<'_>,
    column: &TargetColumn,
    found: &mut Findings<'_>,
    steps: &mut Vec<MigrationStep>,
) {
    let engine = found.rules.mapping.engine;
    let mapped = &wanted.planned.mapped;
    let (name, from, to) = (column.name.clone(), column.type_name.clone(), mapped.spelling.clone());
    let parsed = TargetType::parse(engine, &column.type_name);
    let relation = match &parsed {
        Some(parsed) => relate_types(parsed, &mapped.target_type),
        None if from == to => Relation::Same,
        None => Relation::Differs,
    };
    let change = |name: String| {
        let from = column.type_name.clone();
        MigrationStep::ChangeType { column: name, from, to: mapped.target_type.clone() }
    };
    let obstacle = type_obstacle(engine, wanted);
    let not_alterable = |why: &str| Difference::NotAlterable {
        column: column.name.clone(),
        from: column.type_name.clone(),
        to: mapped.spelling.clone(),
        why: why.to_owned(),
    };
    match (relation, obstacle) {
        (Relation::Same, _) => {}
        (Relation::Differs, _) => found.check([Difference::Retyped { column: name, from, to }]),
        (Relation::Widens, _) if found.rules.widen == WidenPolicy::Refuse => {
            found.check([Difference::Widened { column: name, from, to }]);
        }
        (Relation::Widens, Some(why)) => found.check([not_alterable(why)]),
        (Relation::Widens, None) => {
            steps.push(change(name.clone()));
            found.all.push(Difference::Widened { column: name, from, to });
        }
        (Relation::Narrows, _) if found.allows(Allowance::Keep) => {
            found.notes.push(Note::KeptWide { column: name, target: from, source: to });
        }
        (Relation::Narrows, None) if found.allows(Allowance::Narrow) => {
            steps.push(change(name.clone()));
            found.all.push(Difference::Narrowed { column: name, from, to });
        }
        (Relation::Narrows, Some(why)) if found.allows(Allowance::Narrow) => found.check([not_alterable(why)]),
        (Relation::Narrows, _) => found.check([Difference::Narrowed { column: name, from, to }]),
    }
    let is_ordinary = column.generation == Generation::None;
    if wanted.source.nullable && !wanted.in_key && !column.nullable && is_ordinary {
        match engine {
            TargetEngine::Postgres => {
                steps.push(MigrationStep::DropNotNull { column: column.name.clone() });
                found.all.push(Difference::NullTaken { column: column.name.clone() });
            }
            TargetEngine::Redshift | TargetEngine::Sqlite => {
                found.check([Difference::NullTaken { column: column.name.clone() }]);
            }
        }
    }
}

/// Why an engine can't change the type of a column.
fn type_obstacle(engine: TargetEngine, wanted: &Wanted<'_>) -> Option<&'static str> {
    match engine {
        TargetEngine::Postgres => None,
        TargetEngine::Redshift if wanted.in_key => Some("Redshift does not change the type of a key column"),
        TargetEngine::Redshift => None,
        TargetEngine::Sqlite => Some("SQLite does not change the type of a column"),
    }
}

/// Pairs what went with what came, type by type, in order; only where neither `drop` nor `keep` says what to do with it.
fn guess_renames(added: &mut Vec<&Wanted<'_>>, gone: &mut Vec<&TargetColumn>, found: &mut Findings<'_>) {
    if found.allows(Allowance::Drop) || found.allows(Allowance::Keep) {
        return;
    }
    let engine = found.rules.mapping.engine;
    let mut renamed = Vec::new();
    gone.retain(|column| {
        let Some(type_name) = TargetType::parse(engine, &column.type_name) else { return true };
        let fits =
            |wanted: &&Wanted<'_>| relate_types(&type_name, &wanted.planned.mapped.target_type) == Relation::Same;
        let Some(place) = added.iter().position(fits) else { return true };
        let wanted = added.remove(place);
        renamed.push(Difference::Renamed { from: column.name.clone(), to: wanted.planned.mapped.source.clone() });
        false
    });
    found.check(renamed);
}

/// A column that only the target has.
fn compare_gone(column: &TargetColumn, table: &TargetTable, found: &mut Findings<'_>, steps: &mut Vec<MigrationStep>) {
    let engine = found.rules.mapping.engine;
    let dropped = Difference::Dropped { column: column.name.clone(), from: column.type_name.clone() };
    let takes_nothing = column.nullable || column.has_default || column.generation != Generation::None;
    let is_indexed = table.unique_keys.iter().any(|key| key.contains(&column.name));
    if found.allows(Allowance::Drop) {
        if engine == TargetEngine::Sqlite && is_indexed {
            let why = "SQLite does not drop a column with a unique index".to_owned();
            let (column, from) = (column.name.clone(), column.type_name.clone());
            found.check([Difference::NotAlterable { column, from, to: "dropped".to_owned(), why }]);
        } else {
            steps.push(MigrationStep::DropColumn { column: column.name.clone() });
            found.all.push(dropped);
        }
    } else if found.allows(Allowance::Keep) && takes_nothing {
        found.notes.push(Note::Kept { column: column.name.clone() });
    } else {
        found.check([dropped]);
    }
}
