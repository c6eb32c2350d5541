//! Statements for SQLite targets.
//!
//! Rows to write and rows to delete are staged in two temporary tables, whose columns are named `c0`, `c1`, … by their place
//! in the load.

use quarrel_model::names::QualifiedName;

use crate::fragment::{CatalogType, Sql};
use crate::template::{RenderError, Template, Value, template};

/// Finds a table by name.
pub const RESOLVE_TABLE: Template = template!("sqlite/resolve_table.sql");
/// Lists a table's columns.
pub const DESCRIBE_COLUMNS: Template = template!("sqlite/describe_columns.sql");
/// Lists the columns of unique indexes.
pub const DESCRIBE_UNIQUE_KEYS: Template = template!("sqlite/describe_unique_keys.sql");
/// Begins a transaction that writes.
pub const BEGIN: Template = template!("sqlite/begin.sql");
/// Whether the ledger is there.
pub const LEDGER_EXISTS: Template = template!("sqlite/ledger_exists.sql");
/// Creates the ledger, in this order.
pub const LEDGER_CREATE: [Template; 4] = [
    template!("sqlite/ledger_create_tables.sql"),
    template!("sqlite/ledger_create_batches.sql"),
    template!("sqlite/ledger_create_files.sql"),
    template!("sqlite/ledger_create_file_order.sql"),
];
/// Reads fence, watermark and schema.
pub const LEDGER_READ_TABLE: Template = template!("sqlite/ledger_read_table.sql");
/// Reads applied files.
pub const LEDGER_READ_FILES: Template = template!("sqlite/ledger_read_files.sql");
/// Reads an applied batch.
pub const LEDGER_READ_BATCH: Template = template!("sqlite/ledger_read_batch.sql");
/// Writes fence, watermark and schema.
pub const LEDGER_WRITE_TABLE: Template = template!("sqlite/ledger_write_table.sql");
/// Writes an applied batch.
pub const LEDGER_WRITE_BATCH: Template = template!("sqlite/ledger_write_batch.sql");
/// Writes an applied file.
pub const LEDGER_WRITE_FILE: Template = template!("sqlite/ledger_write_file.sql");

const SET_BUSY_TIMEOUT: Template = template!("sqlite/set_busy_timeout.sql");
const STAGE_CREATE: Template = template!("sqlite/stage_create.sql");
const STAGE_DROP: Template = template!("sqlite/stage_drop.sql");
const STAGE_INSERT: Template = template!("sqlite/stage_insert.sql");
const MERGE_ADD_COLUMN: Template = template!("sqlite/merge_add_column.sql");
const MERGE_DELETE: Template = template!("sqlite/merge_delete.sql");
const MERGE_UPSERT: Template = template!("sqlite/merge_upsert.sql");
const MERGE_INSERT_NEW: Template = template!("sqlite/merge_insert_new.sql");
const MERGE_UPDATE: Template = template!("sqlite/merge_update.sql");
const MERGE_INSERT_MISSING: Template = template!("sqlite/merge_insert_missing.sql");

/// One of the two staging tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Whole rows: every loaded column.
    Upserts,
    /// Keys alone.
    Deletes,
}

impl Stage {
    fn sql(self) -> Sql {
        let name = match self {
            Stage::Upserts => "quarrel_stage_upserts",
            Stage::Deletes => "quarrel_stage_deletes",
        };
        Sql::table(&QualifiedName { schema: Some("temp".to_owned()), name: name.to_owned() })
    }
}

/// A column of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeColumn {
    pub target: String,
    pub in_key: bool,
}

/// Whether a unique index is over the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyIndex {
    Unique,
    Absent,
}

/// Everything the statements of one merge need. A key column is staged under the same name in both tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Name of the table, in the main database.
    pub target: String,
    pub columns: Vec<MergeColumn>,
}

impl Merge {
    fn target(&self) -> Sql {
        Sql::table(&QualifiedName { schema: Some("main".to_owned()), name: self.target.clone() })
    }

    /// Target column and staged column of those that `wanted` picks.
    fn pairs(&self, wanted: impl Fn(&MergeColumn) -> bool) -> Value {
        let numbered = self.columns.iter().enumerate().filter(|(_, column)| wanted(column));
        Value::List(numbered.map(|(place, column)| vec![Sql::name(&column.target), staged(place)]).collect())
    }

    /// Makes a staging table.
    ///
    /// # Errors
    /// A template that doesn't fit its values: a defect of this crate.
    pub fn create_stage(&self, stage: Stage) -> Result<Sql, RenderError> {
        let numbered = self.columns.iter().enumerate();
        let places = numbered.filter(|(_, column)| stage == Stage::Upserts || column.in_key);
        let columns = Value::List(places.map(|(place, _)| vec![staged(place)]).collect());
        STAGE_CREATE.render([("stage", stage.sql().into()), ("columns", columns)])
    }

    /// Deletes the rows of the staged keys.
    ///
    /// # Errors
    /// As [`create_stage`](Self::create_stage).
    pub fn delete(&self) -> Result<Sql, RenderError> {
        MERGE_DELETE.render([
            ("target", self.target().into()),
            ("stage", Stage::Deletes.sql().into()),
            ("key", self.pairs(|column| column.in_key)),
        ])
    }

    /// The statements that write the staged rows, in order.
    ///
    /// # Errors
    /// As [`create_stage`](Self::create_stage).
    pub fn writes(&self, index: KeyIndex) -> Result<Vec<Sql>, RenderError> {
        let common = || [("target", self.target().into()), ("stage", Stage::Upserts.sql().into())];
        let columns = || ("columns", self.pairs(|_| true));
        let key = || ("key", self.pairs(|column| column.in_key));
        let updated = || ("updated", self.pairs(|column| !column.in_key));
        let updates = self.columns.iter().any(|column| !column.in_key);
        match (index, updates) {
            (KeyIndex::Unique, true) => {
                Ok(vec![MERGE_UPSERT.render(common().into_iter().chain([columns(), key(), updated()]))?])
            }
            (KeyIndex::Unique, false) => {
                Ok(vec![MERGE_INSERT_NEW.render(common().into_iter().chain([columns(), key()]))?])
            }
            (KeyIndex::Absent, _) => {
                let first = self.columns.iter().find(|column| column.in_key).map_or("", |column| &column.target);
                let first = ("first", Sql::name(first).into());
                let insert = MERGE_INSERT_MISSING.render(common().into_iter().chain([columns(), key(), first]))?;
                let update = MERGE_UPDATE.render(common().into_iter().chain([key(), updated()]))?;
                Ok(if updates { vec![update, insert] } else { vec![insert] })
            }
        }
    }

    /// Adds a column to the target.
    ///
    /// # Errors
    /// As [`create_stage`](Self::create_stage).
    pub fn add_column(&self, column: &str, type_name: &CatalogType) -> Result<Sql, RenderError> {
        MERGE_ADD_COLUMN.render([
            ("target", self.target().into()),
            ("column", Sql::name(column).into()),
            ("type", Sql::type_name(type_name).into()),
        ])
    }
}

fn staged(place: usize) -> Sql {
    Sql::name(&format!("c{place}"))
}

/// Drops a staging table.
///
/// # Errors
/// As [`Merge::create_stage`].
pub fn drop_stage(stage: Stage) -> Result<Sql, RenderError> {
    STAGE_DROP.render([("stage", stage.sql().into())])
}

/// Takes `rows` rows of `columns` values each.
///
/// # Errors
/// As [`Merge::create_stage`].
pub fn insert_stage(stage: Stage, columns: usize, rows: usize) -> Result<Sql, RenderError> {
    let row = vec![Sql::rendered(vec!["?"; columns].join(", "))];
    STAGE_INSERT.render([("stage", stage.sql().into()), ("rows", Value::List(vec![row; rows]))])
}

/// Bounds how long a connection waits for another one's write.
///
/// # Errors
/// As [`Merge::create_stage`].
pub fn set_busy_timeout(milliseconds: i64) -> Result<Sql, RenderError> {
    SET_BUSY_TIMEOUT.render([("milliseconds", Sql::integer(milliseconds).into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge() -> Merge {
        let column = |target: &str, in_key| MergeColumn { target: target.to_owned(), in_key };
        Merge { target: "T".to_owned(), columns: vec![column("a", true), column("v", false), column("b", true)] }
    }

    fn text(sql: &Sql) -> String {
        sql.as_str().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn deletes_are_staged_with_their_key_alone() {
        let sql = merge().create_stage(Stage::Deletes).unwrap();
        assert_eq!(text(&sql), r#"CREATE TABLE "temp"."quarrel_stage_deletes" ("c0", "c2")"#);
        assert_eq!(
            text(&merge().delete().unwrap()),
            r#"DELETE FROM "main"."T" WHERE ("a", "b") IN (SELECT "c0", "c2" FROM "temp"."quarrel_stage_deletes")"#
        );
    }

    #[test]
    fn rows_are_sent_by_placeholders() {
        let sql = insert_stage(Stage::Upserts, 3, 2).unwrap();
        assert_eq!(text(&sql), r#"INSERT INTO "temp"."quarrel_stage_upserts" VALUES (?, ?, ?), (?, ?, ?)"#);
    }

    #[test]
    fn a_table_without_an_index_is_updated_first() {
        let steps: Vec<_> = merge().writes(KeyIndex::Absent).unwrap().iter().map(text).collect();
        assert_eq!(steps.len(), 2);
        assert!(steps[0].starts_with(r#"UPDATE "main"."T" AS target SET "v" = staged."c1""#), "{}", steps[0]);
        assert!(steps[1].ends_with(r#"WHERE target."a" IS NULL"#), "{}", steps[1]);
    }
}
