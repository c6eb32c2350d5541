//! What every engine asks of reduced rows: their operation, where they come from, and whether their key is whole.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use quarrel_model::bad_value::BadValuePolicy;
use quarrel_model::names::QualifiedName;
use quarrel_model::schema::ColumnType;
use quarrel_model::target::{Generation, LoadColumn, LoadPlan, TargetColumn};

use crate::reduced::{FILE, OPERATION, ROW, ReducedRows};
use crate::target::{BadValue, TargetError};

/// A key's values in errors are cut to so many characters.
const SHOWN_CHARS_MAX: usize = 64;

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Upsert,
    Delete,
}

/// A value that the target can't hold, or a row without a whole key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Index of the row in its batch.
    pub(crate) row: usize,
    /// Index of the column in the load.
    pub(crate) column: usize,
    pub(crate) reason: String,
}

/// The columns a load writes: those of the plan, then those it adds.
pub(crate) fn loaded_columns(
    plan: &LoadPlan,
    type_of: impl Fn(&ColumnType) -> Option<String>,
) -> Result<Vec<LoadColumn>, TargetError> {
    let mut columns = plan.columns.clone();
    for added in &plan.add_columns {
        let type_name = type_of(&added.column_type).ok_or_else(|| TargetError::Incompatible {
            table: plan.target.clone(),
            column: added.name.clone(),
            from: added.column_type.to_string(),
            to: "a new column".to_owned(),
        })?;
        columns.push(LoadColumn {
            source: added.name.clone(),
            target: TargetColumn {
                name: added.name.clone(),
                type_name,
                nullable: true,
                has_default: false,
                generation: Generation::None,
            },
            on_bad_value: added.on_bad_value,
            in_key: false,
        });
    }
    Ok(columns)
}

/// Where a load finds its columns in reduced batches.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    operation: usize,
    file: usize,
    row: usize,
    /// Of the loaded columns, in the load's order.
    pub(crate) columns: Vec<usize>,
}

impl Layout {
    pub(crate) fn of(plan: &LoadPlan, schema: &SchemaRef, columns: &[LoadColumn]) -> Result<Layout, TargetError> {
        let place = |name: &str| {
            schema.index_of(name).map_err(|_| TargetError::Refused {
                table: plan.target.clone(),
                what: "a load",
                why: format!("the reduced batch has no column `{name}`"),
            })
        };
        Ok(Layout {
            operation: place(OPERATION)?,
            file: place(FILE)?,
            row: place(ROW)?,
            columns: columns.iter().map(|column| place(&column.source)).collect::<Result<_, _>>()?,
        })
    }

    /// Indexes of operation, file and row.
    pub(crate) fn own_columns(&self) -> (usize, usize, usize) {
        (self.operation, self.file, self.row)
    }

    /// The operation of each row.
    pub(crate) fn operations(
        &self,
        batch: &RecordBatch,
        table: &QualifiedName,
        rows: &dyn ReducedRows,
    ) -> Result<Vec<Operation>, TargetError> {
        let texts = self.operation_texts(batch);
        let operation =
            |row: usize| match texts.as_ref().and_then(|texts| texts.is_valid(row).then(|| texts.value(row))) {
                Some("I" | "U") => Ok(Operation::Upsert),
                Some("D") => Ok(Operation::Delete),
                found => {
                    let (file, position) = self.place(batch, row, rows);
                    let operation = found.unwrap_or("NULL").to_owned();
                    Err(TargetError::UnknownOperation { table: table.clone(), operation, file, row: position })
                }
            };
        (0..batch.num_rows()).map(operation).collect()
    }

    /// None when the column holds no text at all.
    fn operation_texts(&self, batch: &RecordBatch) -> Option<StringArray> {
        let column = batch.column(self.operation);
        let texts = cast(column, &DataType::Utf8).ok()?;
        texts.as_string_opt::<i32>().cloned()
    }

    /// The change file that a row comes from, and its position there.
    pub(crate) fn place(&self, batch: &RecordBatch, row: usize, rows: &dyn ReducedRows) -> (String, i64) {
        let file = batch.column(self.file).as_primitive_opt::<Int32Type>().map_or(-1, |files| files.value(row));
        (rows.file_name(file), self.position(batch, row).1)
    }

    /// Ordinal of the change file, and position there.
    pub(crate) fn position(&self, batch: &RecordBatch, row: usize) -> (i32, i64) {
        let file = batch.column(self.file).as_primitive_opt::<Int32Type>().map_or(-1, |files| files.value(row));
        let position = batch.column(self.row).as_primitive_opt::<Int64Type>().map_or(-1, |rows| rows.value(row));
        (file, position)
    }

    /// The key of a row for an operator: `id=42, region="north"`, long values cut.
    pub(crate) fn key_text(&self, batch: &RecordBatch, row: usize, columns: &[LoadColumn]) -> String {
        let key = columns.iter().zip(&self.columns).filter(|(column, _)| column.in_key);
        let part = |(column, place): (&LoadColumn, &usize)| {
            format!("{}={}", column.target.name, shown(batch.column(*place).as_ref(), row))
        };
        key.map(part).collect::<Vec<_>>().join(", ")
    }

    /// The first NULL of a row where the target takes none. A delete carries its key alone, so only that is looked at.
    pub(crate) fn null_fault(
        &self,
        batch: &RecordBatch,
        row: usize,
        operation: Operation,
        columns: &[LoadColumn],
    ) -> Option<Fault> {
        let needed = |column: &LoadColumn| match operation {
            Operation::Upsert => column.in_key || !column.target.nullable,
            Operation::Delete => column.in_key,
        };
        let mut places = self.columns.iter().enumerate();
        let found = places.find(|(at, place)| needed(&columns[*at]) && batch.column(**place).is_null(row));
        found.map(|(column, _)| Fault { row, column, reason: "is NULL, and the column takes none".to_owned() })
    }

    /// The error of a value whose policy does not let the load go on.
    pub(crate) fn bad_value(
        &self,
        batch: &RecordBatch,
        fault: Fault,
        table: &QualifiedName,
        columns: &[LoadColumn],
        rows: &dyn ReducedRows,
    ) -> TargetError {
        let (file, row) = self.place(batch, fault.row, rows);
        BadValue {
            table: table.clone(),
            column: columns[fault.column].target.name.clone(),
            key: self.key_text(batch, fault.row, columns),
            reason: fault.reason,
            file,
            row,
        }
        .into()
    }
}

/// One value of a key: texts between quotes.
fn shown(array: &dyn Array, row: usize) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let text = ArrayFormatter::try_new(array, &options).map(|formatter| formatter.value(row).to_string());
    let text = text.unwrap_or_else(|_| "?".to_owned());
    let cut = match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    let is_text = matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if is_text && array.is_valid(row) { format!("{cut:?}") } else { cut }
}

/// Whether NULL may take the place of a bad value of this column.
pub(crate) fn takes_null(column: &LoadColumn) -> bool {
    column.on_bad_value == BadValuePolicy::Null && column.target.nullable && !column.in_key
}
