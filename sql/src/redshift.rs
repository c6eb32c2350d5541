//! Statements for Redshift targets.
//!
//! All of them go by the simple protocol: values are literals ([`text`]), not parameters, since Redshift plans prepared
//! statements badly and takes neither COPY nor most DDL as such.
//!
//! # Invariants
//! - No literal has a backslash: whether one escapes depends on a setting.
//! - Nothing of Postgres after version 8.0 is used: no upsert, no RETURNING, no advisory locks, no arrays; DELETE and UPDATE
//!   give no table another name.

use quarrel_model::names::QualifiedName;

use crate::fragment::{CatalogType, Sql};
use crate::template::{RenderError, Template, Value, template};

/// Takes the bound of statements back.
pub const RESET_STATEMENT_TIMEOUT: Template = template!("redshift/reset_statement_timeout.sql");
/// Tells the schema of names without one.
pub const DESCRIBE_SCHEMA: Template = template!("redshift/describe_schema.sql");
/// Whether the ledger is there.
pub const LEDGER_EXISTS: Template = template!("redshift/ledger_exists.sql");
/// How many tables the ledger has when it is whole.
pub const LEDGER_TABLES: i64 = 4;
/// Creates the ledger, in this order.
pub const LEDGER_CREATE: [Template; 5] = [
    template!("redshift/ledger_create_schema.sql"),
    template!("redshift/ledger_create_tables.sql"),
    template!("redshift/ledger_create_batches.sql"),
    template!("redshift/ledger_create_files.sql"),
    template!("redshift/ledger_create_lock.sql"),
];
/// Finds who holds the lock of loads.
pub const FIND_BLOCKER: Template = template!("redshift/find_blocker.sql");
/// Serialises loads.
pub const LEDGER_LOCK: Template = template!("redshift/ledger_lock.sql");

const SET_STATEMENT_TIMEOUT: Template = template!("redshift/set_statement_timeout.sql");
const DESCRIBE_COLUMNS: Template = template!("redshift/describe_columns.sql");
const DESCRIBE_KIND: Template = template!("redshift/describe_kind.sql");
const CHECK_PRIVILEGES: Template = template!("redshift/check_privileges.sql");
const LEDGER_READ_TABLE: Template = template!("redshift/ledger_read_table.sql");
const LEDGER_READ_FILES: Template = template!("redshift/ledger_read_files.sql");
const LEDGER_READ_BATCH: Template = template!("redshift/ledger_read_batch.sql");
const LEDGER_DELETE_TABLE: Template = template!("redshift/ledger_delete_table.sql");
const LEDGER_INSERT_TABLE: Template = template!("redshift/ledger_insert_table.sql");
const LEDGER_INSERT_BATCH: Template = template!("redshift/ledger_insert_batch.sql");
const LEDGER_DELETE_FILES: Template = template!("redshift/ledger_delete_files.sql");
const LEDGER_INSERT_FILES: Template = template!("redshift/ledger_insert_files.sql");
const STAGE_CREATE: Template = template!("redshift/stage_create.sql");
const STAGE_DROP_COLUMN: Template = template!("redshift/stage_drop_column.sql");
const STAGE_ADD_COLUMN: Template = template!("redshift/stage_add_column.sql");
const STAGE_COPY: Template = template!("redshift/stage_copy.sql");
const STAGE_DROP: Template = template!("redshift/stage_drop.sql");
const MERGE_ADD_COLUMN: Template = template!("redshift/merge_add_column.sql");
const MERGE_DELETE: Template = template!("redshift/merge_delete.sql");
const MERGE_INSERT: Template = template!("redshift/merge_insert.sql");
const MERGE_UPDATE: Template = template!("redshift/merge_update.sql");
const MERGE_INSERT_MISSING: Template = template!("redshift/merge_insert_missing.sql");

/// The schema's JSON stands in so many pieces,
pub const SCHEMA_PIECES: usize = 5;
/// each of at most so many bytes.
pub const SCHEMA_PIECE_BYTES_MAX: usize = 65_535;

/// The staging table, alone on its session.
const STAGE: &str = "quarrel_stage";

/// A text literal without a backslash: one in the text is written as its code.
pub fn text(text: &str) -> Sql {
    let plain = |part: &str| format!("'{}'", part.replace('\'', "''"));
    let parts: Vec<String> = text.split('\\').map(plain).collect();
    match parts.as_slice() {
        [whole] => Sql::rendered(whole.clone()),
        [..] => Sql::rendered(format!("({})", parts.join(" || CHR(92) || "))),
    }
}

/// A text literal, or NULL.
pub fn text_or_null(value: Option<&str>) -> Sql {
    value.map_or_else(|| Sql::rendered("NULL".to_owned()), text)
}

/// Where the ledger keeps a table's entry.
#[derive(Debug, Clone, Copy)]
pub struct LedgerKey<'a> {
    pub table: &'a str,
    pub target: &'a str,
}

impl LedgerKey<'_> {
    fn values(&self) -> [(&'static str, Value); 2] {
        [("table", text(self.table).into()), ("target", text(self.target).into())]
    }

    fn with<'v>(&self, more: impl IntoIterator<Item = (&'v str, Value)>) -> Vec<(&'v str, Value)> {
        self.values().into_iter().chain(more).collect()
    }
}

/// Bounds the time of statements.
///
/// # Errors
/// A template that doesn't fit its values: a defect of this crate. So everywhere here.
pub fn set_statement_timeout(milliseconds: i64) -> Result<Sql, RenderError> {
    SET_STATEMENT_TIMEOUT.render([("milliseconds", Sql::integer(milliseconds).into())])
}

/// Lists a table's columns.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn describe_columns(schema: &str, table: &str) -> Result<Sql, RenderError> {
    DESCRIBE_COLUMNS.render([("schema", text(schema).into()), ("table", text(table).into())])
}

/// Tells what a name stands for.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn describe_kind(schema: &str, table: &str) -> Result<Sql, RenderError> {
    DESCRIBE_KIND.render([("schema", text(schema).into()), ("table", text(table).into())])
}

/// Asks for the account's privileges.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn check_privileges(table: &QualifiedName) -> Result<Sql, RenderError> {
    CHECK_PRIVILEGES.render([("table", text(Sql::table(table).as_str()).into())])
}

/// Reads fence, watermark and schema.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn read_ledger_table(key: LedgerKey<'_>) -> Result<Sql, RenderError> {
    LEDGER_READ_TABLE.render(key.values())
}

/// Reads applied files.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn read_ledger_files(key: LedgerKey<'_>, order: Option<&str>, sequence: Option<&str>) -> Result<Sql, RenderError> {
    let bounds = [("order", text_or_null(order).into()), ("sequence", text_or_null(sequence).into())];
    LEDGER_READ_FILES.render(key.with(bounds))
}

/// Reads an applied batch.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn read_ledger_batch(key: LedgerKey<'_>, batch: &str) -> Result<Sql, RenderError> {
    LEDGER_READ_BATCH.render(key.with([("batch", text(batch).into())]))
}

/// What the ledger says of a table from now on.
#[derive(Debug, Clone, Copy)]
pub struct LedgerTableRow<'a> {
    pub epoch: i64,
    pub holder: &'a str,
    pub watermark_file: &'a str,
    pub watermark_sequence: Option<&'a str>,
    pub last_batch: &'a str,
    /// At most [`SCHEMA_PIECES`].
    pub schema_pieces: &'a [&'a str],
}

/// Replaces a table's entry, by two statements.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn write_ledger_table(key: LedgerKey<'_>, row: &LedgerTableRow<'_>) -> Result<[Sql; 2], RenderError> {
    let mut values = vec![
        text(key.table),
        text(key.target),
        Sql::integer(row.epoch),
        text(row.holder),
        text(row.watermark_file),
        text_or_null(row.watermark_sequence),
        text(row.last_batch),
    ];
    let piece = |place: usize| text_or_null(row.schema_pieces.get(place).copied());
    values.extend((0..SCHEMA_PIECES).map(piece));
    let delete = LEDGER_DELETE_TABLE.render(key.values())?;
    Ok([delete, LEDGER_INSERT_TABLE.render([("values", list(values))])?])
}

/// Names a batch as applied. `counts`: rows, upserts, deletes, quarantined rows, files.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn write_ledger_batch(
    key: LedgerKey<'_>,
    batch: &str,
    digest: &str,
    epoch: i64,
    counts: [i64; 5],
) -> Result<Sql, RenderError> {
    let mut values = vec![text(key.table), text(key.target), text(batch), text(digest), Sql::integer(epoch)];
    values.extend(counts.map(Sql::integer));
    LEDGER_INSERT_BATCH.render([("values", list(values))])
}

/// An applied file.
#[derive(Debug, Clone, Copy)]
pub struct LedgerFileRow<'a> {
    pub key: &'a str,
    pub etag: Option<&'a str>,
    pub size: i64,
    pub order: &'a str,
    pub sequence_first: Option<&'a str>,
    pub sequence_last: Option<&'a str>,
    pub rows: i64,
}

/// Replaces the entries of files, at least one, by two statements.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn write_ledger_files(
    key: LedgerKey<'_>,
    batch: &str,
    files: &[LedgerFileRow<'_>],
) -> Result<[Sql; 2], RenderError> {
    let keys = list(files.iter().map(|file| text(file.key)));
    let row = |file: &LedgerFileRow<'_>| {
        vec![
            text(key.table),
            text(key.target),
            text(batch),
            text(file.key),
            text_or_null(file.etag),
            Sql::integer(file.size),
            text(file.order),
            text_or_null(file.sequence_first),
            text_or_null(file.sequence_last),
            Sql::integer(file.rows),
        ]
    };
    let delete = LEDGER_DELETE_FILES.render(key.with([("keys", keys)]))?;
    let insert = LEDGER_INSERT_FILES.render([("files", Value::List(files.iter().map(row).collect()))])?;
    Ok([delete, insert])
}

fn list(values: impl IntoIterator<Item = Sql>) -> Value {
    Value::List(values.into_iter().map(|value| vec![value]).collect())
}

/// A change that makes the staging table of one like the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageChange {
    Drop { column: String },
    Add { column: String, type_name: CatalogType },
}

/// Makes the staging table, statement by statement; drops one that is left on the session.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn create_stage(target: &QualifiedName, changes: &[StageChange]) -> Result<Vec<Sql>, RenderError> {
    let stage = || ("stage", Sql::name(STAGE).into());
    let mut statements = vec![drop_stage()?, STAGE_CREATE.render([stage(), ("target", Sql::table(target).into())])?];
    for change in changes {
        statements.push(match change {
            StageChange::Drop { column } => {
                STAGE_DROP_COLUMN.render([stage(), ("column", Sql::name(column).into())])?
            }
            StageChange::Add { column, type_name } => STAGE_ADD_COLUMN.render([
                stage(),
                ("column", Sql::name(column).into()),
                ("type", Sql::type_name(type_name).into()),
            ])?,
        });
    }
    Ok(statements)
}

/// Loads the files of a manifest into these columns of the staging table, in the files' order.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn copy_stage<'a>(
    columns: impl IntoIterator<Item = &'a str>,
    manifest: &str,
    role: &str,
) -> Result<Sql, RenderError> {
    STAGE_COPY.render([
        ("stage", Sql::name(STAGE).into()),
        ("columns", Value::names(columns)),
        ("manifest", text(manifest).into()),
        ("role", text(role).into()),
    ])
}

/// Drops the staging table.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn drop_stage() -> Result<Sql, RenderError> {
    STAGE_DROP.render([("stage", Sql::name(STAGE).into())])
}

/// Adds a column to the target.
///
/// # Errors
/// As [`set_statement_timeout`].
pub fn add_column(target: &QualifiedName, column: &str, type_name: &CatalogType) -> Result<Sql, RenderError> {
    MERGE_ADD_COLUMN.render([
        ("target", Sql::table(target).into()),
        ("column", Sql::name(column).into()),
        ("type", Sql::type_name(type_name).into()),
    ])
}

/// How a staged value becomes one of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversion {
    /// It is of the column's type.
    Assigned,
    /// By a cast of its text.
    Cast(CatalogType),
    /// By parsing its text as JSON.
    JsonParse,
}

/// A loaded column: its name in the target and in the staging table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeColumn {
    pub target: String,
    pub staged: String,
    pub conversion: Conversion,
    pub in_key: bool,
}

/// Whether the target has columns that are not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherColumns {
    None,
    Some,
}

/// Everything the statements of one merge need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    pub target: QualifiedName,
    /// The staging table's column of operations.
    pub operation: String,
    pub columns: Vec<MergeColumn>,
    pub others: OtherColumns,
}

/// Which staged rows a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    Upserts,
    Deletes,
}

impl Merge {
    /// The statements of the merge, in order: rows go and come anew; where there are columns that are not loaded, rows that
    /// are there are overwritten, and the others inserted.
    ///
    /// # Errors
    /// As [`set_statement_timeout`].
    pub fn statements(&self) -> Result<Vec<Sql>, RenderError> {
        match self.others {
            OtherColumns::None => Ok(vec![self.delete(Rows::All)?, self.insert()?]),
            OtherColumns::Some => {
                let mut statements = vec![self.delete(Rows::Deletes)?];
                if self.columns.iter().any(|column| !column.in_key) {
                    statements.push(self.update()?);
                }
                statements.push(self.insert_missing()?);
                Ok(statements)
            }
        }
    }

    fn rows(&self, rows: Rows) -> Value {
        let (stage, operation) = (Sql::name(STAGE), Sql::name(&self.operation));
        Sql::rendered(match rows {
            Rows::All => "TRUE".to_owned(),
            Rows::Upserts => format!("{stage}.{operation} <> 'D'"),
            Rows::Deletes => format!("{stage}.{operation} = 'D'"),
        })
        .into()
    }

    fn common(&self, rows: Rows) -> [(&'static str, Value); 3] {
        [("target", Sql::table(&self.target).into()), ("stage", Sql::name(STAGE).into()), ("rows", self.rows(rows))]
    }

    /// Key columns by the table's own name, which may not have an alias here, and their staged values.
    fn qualified_key(&self) -> Value {
        let table = Sql::name(&self.target.name);
        let pair = |column: &MergeColumn| {
            vec![Sql::rendered(format!("{table}.{}", Sql::name(&column.target))), staged(column)]
        };
        Value::List(self.columns.iter().filter(|column| column.in_key).map(pair).collect())
    }

    fn delete(&self, rows: Rows) -> Result<Sql, RenderError> {
        MERGE_DELETE.render(self.common(rows).into_iter().chain([("key", self.qualified_key())]))
    }

    fn insert(&self) -> Result<Sql, RenderError> {
        let columns = assignments(self.columns.iter());
        MERGE_INSERT.render(self.common(Rows::Upserts).into_iter().chain([("columns", columns)]))
    }

    fn update(&self) -> Result<Sql, RenderError> {
        let updated = assignments(self.columns.iter().filter(|column| !column.in_key));
        let more = [("key", self.qualified_key()), ("updated", updated)];
        MERGE_UPDATE.render(self.common(Rows::Upserts).into_iter().chain(more))
    }

    fn insert_missing(&self) -> Result<Sql, RenderError> {
        let key: Vec<&MergeColumn> = self.columns.iter().filter(|column| column.in_key).collect();
        let probe = key.first().map_or_else(|| Sql::name(""), |column| Sql::name(&column.target));
        let more = [
            ("columns", assignments(self.columns.iter())),
            ("key", assignments(key.into_iter())),
            ("probe", probe.into()),
        ];
        MERGE_INSERT_MISSING.render(self.common(Rows::Upserts).into_iter().chain(more))
    }
}

fn assignments<'a>(columns: impl Iterator<Item = &'a MergeColumn>) -> Value {
    Value::List(columns.map(|column| vec![Sql::name(&column.target), staged(column)]).collect())
}

fn staged(column: &MergeColumn) -> Sql {
    let value = format!("{}.{}", Sql::name(STAGE), Sql::name(&column.staged));
    Sql::rendered(match &column.conversion {
        Conversion::Assigned => value,
        Conversion::Cast(type_name) => format!("CAST({value} AS {})", Sql::type_name(type_name)),
        Conversion::JsonParse => format!("JSON_PARSE({value})"),
    })
}

#[cfg(test)]
mod tests;
