//! Arrow batches of a reduced batch as Postgres's binary COPY, column by column, under the bad-value policies.
//!
//! The bytes are `header`, then what [`CopyEncoder::encode`] appends batch after batch, then `trailer`.
//!
//! # Invariants
//! - A value is written exactly as it is, or its column's policy says what becomes of it; nothing is rounded or cut in
//!   silence. The nearest float of a decimal or of a text counts as exact, as in Postgres.
//! - On a D row only the key is read: the other columns hold nothing that is known.
//! - What is appended for a row is whole: a row that is refused or quarantined leaves no byte.
//! - Errors and reasons carry the key of a row and no other value of it.

mod numeric;
mod stage;
mod text;
mod write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int32Type, Int64Type, Schema};
use bytes::{BufMut, BytesMut};
use quarrel_model::bad_value::BadValuePolicy;

pub use self::stage::StageType;

use self::numeric::NumericCheck;
use self::text::Searched;
use self::write::{Field, put_null, put_value};
use crate::reduced::BadRow;
use crate::values::misfit::{Fit, Misfit};
use crate::values::policy::{Mending, mending_of};
use crate::values::text::{BytesAs, as_text};
use crate::values::value::{Cells, Family, Value};

const SIGNATURE: &[u8] = b"PGCOPY\n\xFF\r\n\0";
/// Key values and operations in errors are cut to so many characters.
const SHOWN_CHARS_MAX: usize = 64;

/// A column to be staged.
#[derive(Debug, Clone)]
pub struct CopyColumn {
    /// Its name in the target, for messages.
    pub target: String,
    /// Its index in the reduced schema.
    pub source_index: usize,
    pub stage: StageType,
    pub nullable: bool,
    pub policy: BadValuePolicy,
    pub in_key: bool,
}

/// Which rows are encoded, and which fields they get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagedRows {
    /// All: a first field with the operation, of type `"char"` (`I`, `U` or `D`), then every column.
    All,
    /// Inserts and updates alone: every column, no operation. A table of 1,600 columns has no room for one more.
    Upserts,
    /// Deletes alone: the key columns, no operation.
    Deletes,
}

/// Encodes the batches of one reduced schema for one staging table.
#[derive(Debug)]
pub struct CopyEncoder {
    columns: Vec<Column>,
    operation_index: usize,
    file_index: usize,
    row_index: usize,
    rows: StagedRows,
}

#[derive(Debug)]
struct Column {
    name: String,
    source_index: usize,
    source_type: DataType,
    stage: StageType,
    numeric: NumericCheck,
    nullable: bool,
    policy: BadValuePolicy,
    in_key: bool,
}

/// No value of this Arrow type can be loaded into such a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}`: {from} can't be loaded into {to}")]
pub struct IncompatibleColumn {
    pub column: String,
    pub from: String,
    pub to: String,
}

/// What became of the rows of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Rows appended: upserts and deletes.
    pub rows: usize,
    pub upserts: usize,
    pub deletes: usize,
    /// Rows left out, in order, each once, with its first fault.
    pub quarantined: Vec<BadRow>,
}

/// A batch can't be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("column `{column}`, key {key}: the value {reason} (row {row} of change file {file})")]
    BadValue { column: String, key: String, reason: String, file: i32, row: i64 },
    #[error("key column `{column}` is NULL (row {row} of change file {file})")]
    NullKey { column: String, key: String, file: i32, row: i64 },
    #[error("`{operation}` is no operation (row {row} of change file {file})")]
    UnknownOperation { operation: String, file: i32, row: i64 },
    #[error("column {index} of a batch is {found}; {expected} was announced")]
    Schema { index: usize, expected: String, found: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Insert,
    Update,
    Delete,
}

/// A column in one batch.
struct Lane<'a> {
    column: &'a Column,
    nulls: Option<&'a NullBuffer>,
    cells: Cells<'a>,
    field: Field,
}

/// The first fault of a row.
struct Fault<'a> {
    column: &'a Column,
    misfit: Misfit,
    verdict: Verdict,
}

enum Verdict {
    Fail,
    Quarantine,
}

impl CopyEncoder {
    /// Prepares an encoder of all rows ([`StagedRows::All`]). `operation_index`, `file_index` and `row_index` are those of
    /// `_op`, `_file` and `_row` in the reduced schema.
    ///
    /// # Errors
    /// The first column whose Arrow type can never be loaded into its target's type.
    pub fn new(
        schema: &Schema,
        columns: Vec<CopyColumn>,
        operation_index: usize,
        file_index: usize,
        row_index: usize,
    ) -> Result<CopyEncoder, IncompatibleColumn> {
        for (index, is_right, to) in [
            (operation_index, Family::of(schema.field(operation_index).data_type()) == Some(Family::Text), "text"),
            (file_index, *schema.field(file_index).data_type() == DataType::Int32, "a file's ordinal"),
            (row_index, *schema.field(row_index).data_type() == DataType::Int64, "a row's position"),
        ] {
            if !is_right {
                let field = schema.field(index);
                let (column, from) = (field.name().clone(), field.data_type().to_string());
                return Err(IncompatibleColumn { column, from, to: to.to_owned() });
            }
        }
        let columns = columns.into_iter().map(|column| resolve(schema, column)).collect::<Result<_, _>>()?;
        Ok(CopyEncoder { columns, operation_index, file_index, row_index, rows: StagedRows::All })
    }

    /// Encodes these rows alone.
    #[must_use]
    pub fn only(self, rows: StagedRows) -> CopyEncoder {
        CopyEncoder { rows, ..self }
    }

    /// Appends what a COPY begins with.
    pub fn header(out: &mut BytesMut) {
        out.put_slice(SIGNATURE);
        out.put_i32(0); // no flags
        out.put_i32(0); // no extension
    }

    /// Appends what a COPY ends with.
    pub fn trailer(out: &mut BytesMut) {
        out.put_i16(-1);
    }

    /// Appends the rows of `batch`, in their order: `_op`, then each column as given to [`CopyEncoder::new`]
    /// (see [`StagedRows`] for the exceptions).
    ///
    /// # Errors
    /// A value that the target can't hold, where the policy is to fail; an operation that is none. The rows before it have
    /// been appended: the COPY has to be aborted.
    pub fn encode(&self, batch: &RecordBatch, out: &mut BytesMut) -> Result<Encoded, EncodeError> {
        let lanes = self.lanes(batch)?;
        let operations = batch.column(self.operation_index);
        let operation_cells = cells_of(batch, self.operation_index, &DataType::Utf8)?;
        out.reserve(bytes_estimate(&lanes, batch.num_rows()));
        let mut scratch = String::new();
        let mut encoded = Encoded::default();
        for row in 0..batch.num_rows() {
            let operation = if operations.is_null(row) { None } else { operation_cells.value(row) };
            let operation = self.operation(operation, batch, row)?;
            if !self.takes(operation) {
                continue;
            }
            let start = out.len();
            self.put_head(operation, lanes.len(), out);
            match put_row(&lanes, row, operation, &mut scratch, out) {
                Ok(()) => match operation {
                    Operation::Insert | Operation::Update => encoded.upserts += 1,
                    Operation::Delete => encoded.deletes += 1,
                },
                Err(fault) => {
                    out.truncate(start);
                    encoded.quarantined.push(self.judge(&fault, batch, row)?);
                }
            }
        }
        encoded.rows = encoded.upserts + encoded.deletes;
        Ok(encoded)
    }

    fn takes(&self, operation: Operation) -> bool {
        match (self.rows, operation) {
            (StagedRows::All, Operation::Insert | Operation::Update | Operation::Delete) => true,
            (StagedRows::Upserts, Operation::Insert | Operation::Update) => true,
            (StagedRows::Upserts, Operation::Delete) => false,
            (StagedRows::Deletes, Operation::Delete) => true,
            (StagedRows::Deletes, Operation::Insert | Operation::Update) => false,
        }
    }

    /// The number of fields, and the operation where it is one.
    #[inline]
    fn put_head(&self, operation: Operation, columns: usize, out: &mut BytesMut) {
        match self.rows {
            StagedRows::All => {
                let [high, low] = (columns as i16 + 1).to_be_bytes();
                out.extend_from_slice(&[high, low, 0, 0, 0, 1, operation.letter()]);
            }
            StagedRows::Upserts | StagedRows::Deletes => out.extend_from_slice(&(columns as i16).to_be_bytes()),
        }
    }

    fn operation(&self, value: Option<Value<'_>>, batch: &RecordBatch, row: usize) -> Result<Operation, EncodeError> {
        let found = match value {
            Some(Value::Text("I")) => return Ok(Operation::Insert),
            Some(Value::Text("U")) => return Ok(Operation::Update),
            Some(Value::Text("D")) => return Ok(Operation::Delete),
            Some(Value::Text(other)) => other,
            Some(_) | None => "NULL",
        };
        let (file, row) = self.origin(batch, row);
        Err(EncodeError::UnknownOperation { operation: shorten(found), file, row })
    }

    fn lanes<'a>(&'a self, batch: &'a RecordBatch) -> Result<Vec<Lane<'a>>, EncodeError> {
        let staged = self.columns.iter().filter(|column| match self.rows {
            StagedRows::All | StagedRows::Upserts => true,
            StagedRows::Deletes => column.in_key,
        });
        let lane = |column: &'a Column| {
            let cells = cells_of(batch, column.source_index, &column.source_type)?;
            let is_text = matches!(column.stage, StageType::Text { .. } | StageType::Cast);
            let searched = if is_text && cells.is_free_of_nul() { Searched::FreeOfNul } else { Searched::Not };
            let field = Field { stage: column.stage, numeric: column.numeric, searched };
            Ok(Lane { column, nulls: batch.column(column.source_index).nulls(), cells, field })
        };
        staged.map(lane).collect()
    }

    /// The ordinal of the change file and the position in it.
    fn origin(&self, batch: &RecordBatch, row: usize) -> (i32, i64) {
        let file = batch.column(self.file_index).as_primitive_opt::<Int32Type>().map_or(-1, |files| files.value(row));
        let row = batch.column(self.row_index).as_primitive_opt::<Int64Type>().map_or(-1, |rows| rows.value(row));
        (file, row)
    }

    #[cold]
    fn judge(&self, fault: &Fault<'_>, batch: &RecordBatch, row: usize) -> Result<BadRow, EncodeError> {
        let (column, reason) = (fault.column.name.clone(), fault.misfit.to_string());
        if let Verdict::Quarantine = fault.verdict {
            return Ok(BadRow { index: row, column, reason });
        }
        let key = self.render_key(batch, row);
        let (file, row) = self.origin(batch, row);
        if fault.column.in_key && fault.misfit == Misfit::Null {
            return Err(EncodeError::NullKey { column, key, file, row });
        }
        Err(EncodeError::BadValue { column, key, reason, file, row })
    }

    /// `id=42, region="eu"`, long values cut.
    fn render_key(&self, batch: &RecordBatch, row: usize) -> String {
        let mut scratch = String::new();
        let mut parts = Vec::new();
        for column in self.columns.iter().filter(|column| column.in_key) {
            let array = batch.column(column.source_index);
            let value = Cells::of(array.as_ref()).filter(|_| array.is_valid(row)).and_then(|cells| cells.value(row));
            let shown = match value {
                None => "NULL".to_owned(),
                Some(Value::Text(text)) => format!("{:?}", shorten(text)),
                Some(value) => as_text(value, BytesAs::Hexadecimal, &mut scratch).map(shorten).unwrap_or_default(),
            };
            parts.push(format!("{}={shown}", column.name));
        }
        parts.join(", ")
    }
}

fn resolve(schema: &Schema, column: CopyColumn) -> Result<Column, IncompatibleColumn> {
    let source_type = schema.field(column.source_index).data_type();
    if !Family::of(source_type).is_some_and(|family| column.stage.takes(family)) {
        return Err(IncompatibleColumn {
            column: column.target,
            from: source_type.to_string(),
            to: column.stage.stage_type_sql().to_owned(),
        });
    }
    let (precision, scale) = match column.stage {
        StageType::Numeric { precision, scale } => (precision, scale),
        StageType::Bool | StageType::Int2 | StageType::Int4 | StageType::Int8 => (None, None),
        StageType::Float4 | StageType::Float8 | StageType::Text { .. } | StageType::Bytea => (None, None),
        StageType::Uuid | StageType::Date | StageType::Time { .. } | StageType::Timestamp { .. } => (None, None),
        StageType::Timestamptz { .. } | StageType::Json | StageType::Jsonb | StageType::Cast => (None, None),
    };
    Ok(Column {
        numeric: NumericCheck::new(precision, scale, Column::source_scale(source_type)),
        name: column.target,
        source_index: column.source_index,
        source_type: source_type.clone(),
        stage: column.stage,
        nullable: column.nullable,
        policy: column.policy,
        in_key: column.in_key,
    })
}

impl Column {
    fn source_scale(source_type: &DataType) -> i8 {
        match source_type {
            DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale,
            _ => 0,
        }
    }
}

impl Operation {
    fn letter(self) -> u8 {
        match self {
            Operation::Insert => b'I',
            Operation::Update => b'U',
            Operation::Delete => b'D',
        }
    }
}

impl Lane<'_> {
    #[inline]
    fn value(&self, row: usize) -> Option<Value<'_>> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) { None } else { self.cells.value(row) }
    }

    fn takes_null(&self, operation: Operation) -> bool {
        match operation {
            Operation::Insert | Operation::Update => self.column.nullable && !self.column.in_key,
            Operation::Delete => !self.column.in_key,
        }
    }

    /// Carries out the column's policy for a value that does not fit.
    #[cold]
    fn mend(
        &self,
        value: Option<Value<'_>>,
        misfit: Misfit,
        scratch: &mut String,
        out: &mut BytesMut,
    ) -> Result<(), Verdict> {
        let takes_null = self.column.nullable && !self.column.in_key;
        match (mending_of(self.column.policy, takes_null, value.is_some()), value) {
            (Mending::Quarantine, _) => Err(Verdict::Quarantine),
            (Mending::Null, _) => {
                put_null(out);
                Ok(())
            }
            (Mending::Nearest, Some(value)) => {
                debug_assert_ne!(misfit, Misfit::Null, "a value that is there is not NULL");
                put_value(value, &self.field, Fit::Nearest, scratch, out).map_err(|_| Verdict::Fail)
            }
            (Mending::Fail, _) | (Mending::Nearest, None) => Err(Verdict::Fail),
        }
    }
}

/// A column of a batch, which has to be of the type announced (or of another layout of it).
fn cells_of<'a>(batch: &'a RecordBatch, index: usize, expected: &DataType) -> Result<Cells<'a>, EncodeError> {
    let array = batch.column(index);
    let same = Family::of(array.data_type()) == Family::of(expected) || array.data_type() == expected;
    let scale_alike = Column::source_scale(array.data_type()) == Column::source_scale(expected);
    Cells::of(array.as_ref()).filter(|_| same && scale_alike).ok_or_else(|| EncodeError::Schema {
        index,
        expected: expected.to_string(),
        found: array.data_type().to_string(),
    })
}

fn bytes_estimate(lanes: &[Lane<'_>], rows: usize) -> usize {
    const HEAD: usize = 7;
    rows * HEAD + lanes.iter().map(|lane| lane.cells.bytes_estimate(rows)).sum::<usize>()
}

/// Appends the fields of a row; after a fault, some of them.
#[inline]
fn put_row<'a>(
    lanes: &'a [Lane<'a>],
    row: usize,
    operation: Operation,
    scratch: &mut String,
    out: &mut BytesMut,
) -> Result<(), Fault<'a>> {
    for lane in lanes {
        if operation == Operation::Delete && !lane.column.in_key {
            put_null(out);
            continue;
        }
        let start = out.len();
        let value = lane.value(row);
        let misfit = match value {
            Some(value) => match put_value(value, &lane.field, Fit::Exact, scratch, out) {
                Ok(()) => continue,
                Err(misfit) => misfit,
            },
            None if lane.takes_null(operation) => {
                put_null(out);
                continue;
            }
            None => Misfit::Null,
        };
        out.truncate(start);
        if let Err(verdict) = lane.mend(value, misfit, scratch, out) {
            return Err(Fault { column: lane.column, misfit, verdict });
        }
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
