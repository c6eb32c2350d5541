//! Statements for Postgres targets.
//!
//! Statements without names of a user's tables are constants, run as they stand; the others are rendered by functions here.
//! A staged column is named `c0`, `c1`, … by its place in the load, so no name of a user is used twice.

use quarrel_model::names::QualifiedName;

use crate::fragment::{CatalogType, Sql};
use crate::template::{RenderError, Template, Value, template};

/// Finds a table by name.
pub const RESOLVE_TABLE: Template = template!("postgres/resolve_table.sql");
/// Lists a table's columns.
pub const DESCRIBE_COLUMNS: Template = template!("postgres/describe_columns.sql");
/// Lists the keys a row can be found by.
pub const DESCRIBE_UNIQUE_KEYS: Template = template!("postgres/describe_unique_keys.sql");
/// Lists columns whose type is a domain over text.
pub const DESCRIBE_DOMAINS: Template = template!("postgres/describe_domains.sql");
/// Asks for the account's privileges.
pub const CHECK_PRIVILEGES: Template = template!("postgres/check_privileges.sql");
/// Finds who holds a lock that a load waited for.
pub const FIND_BLOCKER: Template = template!("postgres/find_blocker.sql");

/// Whether the ledger is there.
pub const LEDGER_EXISTS: Template = template!("postgres/ledger_exists.sql");
/// Serialises its creation.
pub const LEDGER_LOCK_CREATION: Template = template!("postgres/ledger_lock_creation.sql");
/// Whether the ledger's schema is there.
pub const LEDGER_SCHEMA_EXISTS: Template = template!("postgres/ledger_schema_exists.sql");
/// Creates the ledger's schema.
pub const LEDGER_CREATE_SCHEMA: Template = template!("postgres/ledger_create_schema.sql");
/// Creates the ledger in its schema, in this order.
pub const LEDGER_CREATE: [Template; 4] = [
    template!("postgres/ledger_create_tables.sql"),
    template!("postgres/ledger_create_batches.sql"),
    template!("postgres/ledger_create_files.sql"),
    template!("postgres/ledger_create_file_order.sql"),
];
/// Reads fence, watermark and schema.
pub const LEDGER_READ_TABLE: Template = template!("postgres/ledger_read_table.sql");
/// Reads applied files.
pub const LEDGER_READ_FILES: Template = template!("postgres/ledger_read_files.sql");
/// Reads an applied batch.
pub const LEDGER_READ_BATCH: Template = template!("postgres/ledger_read_batch.sql");
/// Serialises loads into a table.
pub const LEDGER_LOCK_LOADS: Template = template!("postgres/ledger_lock_loads.sql");
/// Serialises the staging of large batches.
pub const LEDGER_LOCK_STAGING: Template = template!("postgres/ledger_lock_staging.sql");
/// Gives that lock back.
pub const LEDGER_UNLOCK_STAGING: Template = template!("postgres/ledger_unlock_staging.sql");
/// Locks and reads the fence.
pub const LEDGER_LOCK_TABLE: Template = template!("postgres/ledger_lock_table.sql");
/// Writes fence, watermark and schema.
pub const LEDGER_WRITE_TABLE: Template = template!("postgres/ledger_write_table.sql");
/// Writes an applied batch.
pub const LEDGER_WRITE_BATCH: Template = template!("postgres/ledger_write_batch.sql");
/// Writes applied files.
pub const LEDGER_WRITE_FILES: Template = template!("postgres/ledger_write_files.sql");

/// Begins a transaction that reads one state.
pub const BEGIN_SNAPSHOT: Template = template!("postgres/begin_snapshot.sql");
/// Bounds waits for locks.
pub const SET_LOCK_TIMEOUT: Template = template!("postgres/set_lock_timeout.sql");
/// Lets the server notice that this client is gone.
pub const WATCH_CLIENT: Template = template!("postgres/watch_client.sql");
/// Marks where a merge begins.
pub const SAVEPOINT: Template = template!("postgres/savepoint.sql");
/// Goes back there.
pub const ROLLBACK_TO_SAVEPOINT: Template = template!("postgres/rollback_to_savepoint.sql");
/// Lists what earlier loads left.
pub const STAGE_LEFTOVERS: Template = template!("postgres/stage_leftovers.sql");

const STAGE_CREATE_TEMPORARY: Template = template!("postgres/stage_create_temporary.sql");
const STAGE_CREATE_SHARED: Template = template!("postgres/stage_create_shared.sql");
const STAGE_DROP: Template = template!("postgres/stage_drop.sql");
const STAGE_COPY: Template = template!("postgres/stage_copy.sql");
const STAGE_ANALYZE: Template = template!("postgres/stage_analyze.sql");
const MERGE_ADD_COLUMN: Template = template!("postgres/merge_add_column.sql");
const MERGE_DELETE: Template = template!("postgres/merge_delete.sql");
const MERGE_DELETE_REIDENTIFIED: Template = template!("postgres/merge_delete_reidentified.sql");
const MERGE_UPSERT: Template = template!("postgres/merge_upsert.sql");
const MERGE_INSERT_NEW: Template = template!("postgres/merge_insert_new.sql");
const MERGE_UPDATE: Template = template!("postgres/merge_update.sql");
const MERGE_INSERT_MISSING: Template = template!("postgres/merge_insert_missing.sql");
const CAST_FAULT_FUNCTION: Template = template!("postgres/cast_fault_function.sql");
const CAST_FAULT_FUNCTION_DROP: Template = template!("postgres/cast_fault_function_drop.sql");
const CAST_FAULTS: Template = template!("postgres/cast_faults.sql");
const CAST_FAULT_CLEAR: Template = template!("postgres/cast_fault_clear.sql");
const CAST_FAULT_REMOVE: Template = template!("postgres/cast_fault_remove.sql");

/// Where a staging table lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageTable {
    /// This session's own, until its transaction ends.
    Temporary { name: String },
    /// In schema `quarrel`, for several sessions.
    Shared { name: String },
}

impl StageTable {
    /// The quoted name.
    pub fn sql(&self) -> Sql {
        let (schema, name) = match self {
            StageTable::Temporary { name } => ("pg_temp", name),
            StageTable::Shared { name } => ("quarrel", name),
        };
        Sql::table(&QualifiedName { schema: Some(schema.to_owned()), name: name.clone() })
    }
}

/// A column of a staging table, and its type there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageColumn {
    pub name: String,
    pub type_name: CatalogType,
}

/// How a staged value becomes one of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversion {
    /// As the assignment to the column does.
    Assigned,
    /// By a cast to this type first.
    Cast(CatalogType),
}

/// A loaded column: its name in the target and the staged value that goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeColumn {
    pub target: String,
    pub staged: String,
    pub conversion: Conversion,
    pub in_key: bool,
    /// `GENERATED ALWAYS AS IDENTITY`: written by INSERT with a clause of its own, and never updated.
    pub is_identity: IdentityAlways,
}

/// Whether a column is `GENERATED ALWAYS AS IDENTITY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityAlways {
    No,
    Yes,
}

/// How the rows to delete and to write are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageShape {
    /// By column `_op` of one table.
    OneTable { stage: StageTable },
    /// Deletes are in a table of their own: with `_op` the other would have too many columns.
    TwoTables { upserts: StageTable, deletes: StageTable },
}

/// Everything the statements of one merge need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    pub target: QualifiedName,
    pub shape: StageShape,
    pub columns: Vec<MergeColumn>,
}

/// Whether a unique index is over the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyIndex {
    Unique,
    Absent,
}

/// One statement of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeStep {
    Delete(Sql),
    Write(Sql),
}

impl Merge {
    fn upserts(&self) -> (&StageTable, Sql) {
        match &self.shape {
            StageShape::OneTable { stage } => (stage, UPSERTS_BY_OPERATION.condition()),
            StageShape::TwoTables { upserts, .. } => (upserts, EVERY_ROW.condition()),
        }
    }

    fn deletes(&self) -> (&StageTable, Sql) {
        match &self.shape {
            StageShape::OneTable { stage } => (stage, DELETES_BY_OPERATION.condition()),
            StageShape::TwoTables { deletes, .. } => (deletes, EVERY_ROW.condition()),
        }
    }

    fn key(&self) -> impl Iterator<Item = &MergeColumn> {
        self.columns.iter().filter(|column| column.in_key)
    }

    /// Columns that an UPDATE sets.
    fn updated(&self) -> impl Iterator<Item = &MergeColumn> {
        self.columns.iter().filter(|column| !column.in_key && column.is_identity == IdentityAlways::No)
    }

    /// The statements of the merge, in order.
    ///
    /// # Errors
    /// A template that doesn't fit its values: a defect of this crate.
    pub fn statements(&self, index: KeyIndex) -> Result<Vec<MergeStep>, RenderError> {
        let mut steps = vec![MergeStep::Delete(self.delete()?)];
        if self.columns.iter().any(|column| !column.in_key && column.is_identity == IdentityAlways::Yes) {
            steps.push(MergeStep::Write(self.delete_reidentified()?));
        }
        let updates = self.updated().next().is_some();
        match (index, updates) {
            (KeyIndex::Unique, true) => steps.push(MergeStep::Write(self.upsert()?)),
            (KeyIndex::Unique, false) => steps.push(MergeStep::Write(self.insert_new()?)),
            (KeyIndex::Absent, true) => {
                steps.push(MergeStep::Write(self.update()?));
                steps.push(MergeStep::Write(self.insert_missing()?));
            }
            (KeyIndex::Absent, false) => steps.push(MergeStep::Write(self.insert_missing()?)),
        }
        Ok(steps)
    }

    fn delete(&self) -> Result<Sql, RenderError> {
        let (stage, deletes) = self.deletes();
        MERGE_DELETE.render([
            ("target", Sql::table(&self.target).into()),
            ("stage", stage.sql().into()),
            ("deletes", deletes.into()),
            ("key", assignments(self.key())),
        ])
    }

    fn delete_reidentified(&self) -> Result<Sql, RenderError> {
        let (stage, upserts) = self.upserts();
        let identity = self.columns.iter().filter(|c| !c.in_key && c.is_identity == IdentityAlways::Yes);
        MERGE_DELETE_REIDENTIFIED.render([
            ("target", Sql::table(&self.target).into()),
            ("stage", stage.sql().into()),
            ("upserts", upserts.into()),
            ("key", assignments(self.key())),
            ("identity", assignments(identity)),
        ])
    }

    fn upsert(&self) -> Result<Sql, RenderError> {
        let (stage, upserts) = self.upserts();
        MERGE_UPSERT.render([
            ("target", Sql::table(&self.target).into()),
            ("stage", stage.sql().into()),
            ("upserts", upserts.into()),
            ("overriding", self.overriding().into()),
            ("columns", assignments(self.columns.iter())),
            ("key", Value::names(self.key().map(|column| column.target.as_str()))),
            ("updated", Value::names(self.updated().map(|column| column.target.as_str()))),
        ])
    }

    fn insert_new(&self) -> Result<Sql, RenderError> {
        let (stage, upserts) = self.upserts();
        MERGE_INSERT_NEW.render([
            ("target", Sql::table(&self.target).into()),
            ("stage", stage.sql().into()),
            ("upserts", upserts.into()),
            ("overriding", self.overriding().into()),
            ("columns", assignments(self.columns.iter())),
            ("key", Value::names(self.key().map(|column| column.target.as_str()))),
        ])
    }

    fn update(&self) -> Result<Sql, RenderError> {
        let (stage, upserts) = self.upserts();
        MERGE_UPDATE.render([
            ("target", Sql::table(&self.target).into()),
            ("stage", stage.sql().into()),
            ("upserts", upserts.into()),
            ("key", assignments(self.key())),
            ("updated", assignments(self.updated())),
        ])
    }

    fn insert_missing(&self) -> Result<Sql, RenderError> {
        let (stage, upserts) = self.upserts();
        MERGE_INSERT_MISSING.render([
            ("target", Sql::table(&self.target).into()),
            ("stage", stage.sql().into()),
            ("upserts", upserts.into()),
            ("overriding", self.overriding().into()),
            ("columns", assignments(self.columns.iter())),
            ("key", assignments(self.key())),
        ])
    }

    pub(crate) fn overriding(&self) -> Sql {
        let any = self.columns.iter().any(|column| column.is_identity == IdentityAlways::Yes);
        if any { Sql::rendered("OVERRIDING SYSTEM VALUE".to_owned()) } else { Sql::rendered(String::new()) }
    }
}

/// A condition that is part of a statement.
struct Condition(&'static str);

impl Condition {
    fn condition(&self) -> Sql {
        Sql::rendered(self.0.to_owned())
    }
}

const UPSERTS_BY_OPERATION: Condition = Condition("staged.\"_op\" <> 'D'");
const DELETES_BY_OPERATION: Condition = Condition("staged.\"_op\" = 'D'");
const EVERY_ROW: Condition = Condition("TRUE");

fn assignments<'a>(columns: impl Iterator<Item = &'a MergeColumn>) -> Value {
    Value::List(columns.map(|column| vec![Sql::name(&column.target), staged(column)]).collect())
}

/// `staged."c3"`, or a cast of it.
pub(crate) fn staged(column: &MergeColumn) -> Sql {
    let value = format!("staged.{}", Sql::name(&column.staged));
    Sql::rendered(match &column.conversion {
        Conversion::Assigned => value,
        Conversion::Cast(type_name) => format!("CAST({value} AS {})", Sql::type_name(type_name)),
    })
}

/// Makes a staging table.
///
/// # Errors
/// A template that doesn't fit its values: a defect of this crate.
pub fn create_stage(stage: &StageTable, columns: &[StageColumn]) -> Result<Sql, RenderError> {
    let column = |column: &StageColumn| vec![Sql::name(&column.name), Sql::type_name(&column.type_name)];
    let columns = Value::List(columns.iter().map(column).collect());
    match stage {
        // A temporary table is created without a schema in front: TEMPORARY says it.
        StageTable::Temporary { name } => {
            STAGE_CREATE_TEMPORARY.render([("stage", Sql::name(name).into()), ("columns", columns)])
        }
        StageTable::Shared { .. } => STAGE_CREATE_SHARED.render([("stage", stage.sql().into()), ("columns", columns)]),
    }
}

/// Drops a staging table.
///
/// # Errors
/// As [`create_stage`].
pub fn drop_stage(stage: &StageTable) -> Result<Sql, RenderError> {
    STAGE_DROP.render([("stage", stage.sql().into())])
}

/// Sends rows to these columns of a staging table.
///
/// # Errors
/// As [`create_stage`].
pub fn copy_stage(stage: &StageTable, columns: &[StageColumn]) -> Result<Sql, RenderError> {
    let names = Value::names(columns.iter().map(|column| column.name.as_str()));
    STAGE_COPY.render([("stage", stage.sql().into()), ("columns", names)])
}

/// Gathers statistics of staged keys.
///
/// # Errors
/// As [`create_stage`].
pub fn analyze_stage<'a>(stage: &StageTable, key: impl IntoIterator<Item = &'a str>) -> Result<Sql, RenderError> {
    STAGE_ANALYZE.render([("stage", stage.sql().into()), ("columns", Value::names(key))])
}

/// Adds a column to the target.
///
/// # Errors
/// As [`create_stage`].
pub fn add_column(target: &QualifiedName, column: &str, type_name: &CatalogType) -> Result<Sql, RenderError> {
    MERGE_ADD_COLUMN.render([
        ("target", Sql::table(target).into()),
        ("column", Sql::name(column).into()),
        ("type", Sql::type_name(type_name).into()),
    ])
}

/// The name of the function that tries casts.
const CAST_FAULT: &str = "quarrel_cast_fault";

/// Makes the function that tries casts to a type, in place of the one before.
///
/// # Errors
/// As [`create_stage`].
pub fn cast_fault_function(type_name: &CatalogType) -> Result<Sql, RenderError> {
    CAST_FAULT_FUNCTION.render([("function", Sql::name(CAST_FAULT).into()), ("type", Sql::type_name(type_name).into())])
}

/// Drops that function.
///
/// # Errors
/// As [`create_stage`].
pub fn drop_cast_fault_function() -> Result<Sql, RenderError> {
    CAST_FAULT_FUNCTION_DROP.render([("function", Sql::name(CAST_FAULT).into())])
}

/// Finds the values of a staged column that the function of [`cast_fault_function`] finds fault with. Deletes carry their
/// key alone, so their other columns are not looked at.
///
/// # Errors
/// As [`create_stage`].
pub fn cast_faults(stage: &StageTable, column: &MergeColumn) -> Result<Sql, RenderError> {
    let rows = if column.in_key { EVERY_ROW } else { UPSERTS_BY_OPERATION };
    CAST_FAULTS.render([
        ("stage", stage.sql().into()),
        ("column", Sql::name(&column.staged).into()),
        ("function", Sql::name(CAST_FAULT).into()),
        ("rows", rows.condition().into()),
    ])
}

/// Puts NULL in place of staged values.
///
/// # Errors
/// As [`create_stage`].
pub fn clear_cast_faults(stage: &StageTable, column: &str) -> Result<Sql, RenderError> {
    CAST_FAULT_CLEAR.render([("stage", stage.sql().into()), ("column", Sql::name(column).into())])
}

/// Takes rows out of a staging table.
///
/// # Errors
/// As [`create_stage`].
pub fn remove_cast_faults(stage: &StageTable) -> Result<Sql, RenderError> {
    CAST_FAULT_REMOVE.render([("stage", stage.sql().into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(target: &str, staged: &str, in_key: bool) -> MergeColumn {
        MergeColumn {
            target: target.to_owned(),
            staged: staged.to_owned(),
            conversion: Conversion::Assigned,
            in_key,
            is_identity: IdentityAlways::No,
        }
    }

    fn merge(columns: Vec<MergeColumn>) -> Merge {
        let stage = StageTable::Temporary { name: "quarrel_stage".to_owned() };
        let target = QualifiedName { schema: Some("s".to_owned()), name: "T".to_owned() };
        Merge { target, shape: StageShape::OneTable { stage }, columns }
    }

    fn text(step: &MergeStep) -> String {
        let (MergeStep::Delete(sql) | MergeStep::Write(sql)) = step;
        sql.as_str().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_upsert_by_a_unique_index_is_a_delete_and_one_insert() {
        let mut json = column("j", "c1", false);
        json.conversion = Conversion::Cast(CatalogType::from_catalog("jsonb").unwrap());
        let steps = merge(vec![column("id", "c0", true), json]).statements(KeyIndex::Unique).unwrap();
        let expected = [
            r#"DELETE FROM "s"."T" AS target USING "pg_temp"."quarrel_stage" AS staged WHERE staged."_op" = 'D' AND target."id" = staged."c0""#,
            r#"INSERT INTO "s"."T" ("id", "j") SELECT staged."c0", CAST(staged."c1" AS jsonb) FROM "pg_temp"."quarrel_stage" AS staged WHERE staged."_op" <> 'D' ON CONFLICT ("id") DO UPDATE SET "j" = excluded."j""#,
        ];
        assert_eq!(steps.iter().map(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_table_of_key_columns_alone_is_never_updated() {
        let merge = merge(vec![column("a", "c0", true), column("b", "c1", true)]);
        let unique = merge.statements(KeyIndex::Unique).unwrap();
        assert!(text(&unique[1]).ends_with(r#"ON CONFLICT ("a", "b") DO NOTHING"#));
        let absent = merge.statements(KeyIndex::Absent).unwrap();
        assert_eq!(absent.len(), 2, "delete, insert");
        assert!(!absent.iter().any(|step| text(step).starts_with("UPDATE")));
    }

    #[test]
    fn an_identity_that_changes_is_deleted_and_inserted_anew() {
        let mut identity = column("n", "c1", false);
        identity.is_identity = IdentityAlways::Yes;
        let columns = vec![column("id", "c0", true), identity, column("v", "c2", false)];
        let steps: Vec<_> = merge(columns).statements(KeyIndex::Unique).unwrap().iter().map(text).collect();
        assert!(steps[1].ends_with(r#"AND (target."n" IS DISTINCT FROM staged."c1")"#), "{}", steps[1]);
        assert!(
            steps[2].contains("OVERRIDING SYSTEM VALUE") && steps[2].ends_with(r#"SET "v" = excluded."v""#),
            "{}",
            steps[2]
        );
    }

    #[test]
    fn deletes_of_a_wide_table_come_from_a_table_of_their_own() {
        let table = |name: &str| StageTable::Shared { name: name.to_owned() };
        let mut merge = merge(vec![column("id", "c0", true), column("v", "c1", false)]);
        merge.shape = StageShape::TwoTables { upserts: table("u"), deletes: table("d") };
        let steps: Vec<_> = merge.statements(KeyIndex::Absent).unwrap().iter().map(text).collect();
        assert!(
            steps[0].contains(r#"USING "quarrel"."d" AS staged WHERE TRUE AND target."id""#)
                && steps[1].contains(r#"FROM "quarrel"."u" AS staged WHERE TRUE"#)
        );
    }
}
