//! The columns of change files, and what may change from file to file.
//!
//! # Invariants
//! - A column may come in; one that goes away, or changes its type, stops the table with a diff before anything is touched.
//! - Files at or before the watermark may lack columns that came later.

use serde::{Deserialize, Serialize};

/// The logical type of a column in a change file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Boolean,
    /// Signed integer of this many bits.
    Integer(u8),
    /// Unsigned integer of this many bits.
    Unsigned(u8),
    Float32,
    Float64,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Text,
    Binary,
    Date,
    Time,
    /// `zoned`: an instant (stored in UTC) rather than a wall-clock reading.
    Timestamp {
        zoned: bool,
    },
    /// A type that no loader takes; the text names it.
    Unsupported(String),
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ColumnType::Boolean => f.write_str("boolean"),
            ColumnType::Integer(bits) => write!(f, "int{bits}"),
            ColumnType::Unsigned(bits) => write!(f, "uint{bits}"),
            ColumnType::Float32 => f.write_str("float32"),
            ColumnType::Float64 => f.write_str("float64"),
            ColumnType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            ColumnType::Text => f.write_str("text"),
            ColumnType::Binary => f.write_str("binary"),
            ColumnType::Date => f.write_str("date"),
            ColumnType::Time => f.write_str("time"),
            ColumnType::Timestamp { zoned: true } => f.write_str("timestamp with time zone"),
            ColumnType::Timestamp { zoned: false } => f.write_str("timestamp"),
            ColumnType::Unsupported(name) => write!(f, "unsupported ({name})"),
        }
    }
}

/// A data column of a change file (not `Op`, not the producer's own columns).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub column_type: ColumnType,
}

/// The data columns of a file or of a batch, in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileSchema {
    pub columns: Vec<FileColumn>,
}

impl FileSchema {
    /// The column of this name, matched exactly.
    pub fn column(&self, name: &str) -> Option<&FileColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Whether a file may lack columns known before: true only of files at or before the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAge {
    New,
    BeforeWatermark,
}

/// One difference between the columns known so far and those of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum SchemaChange {
    Added { column: FileColumn },
    Dropped { column: FileColumn },
    Retyped { column: String, before: ColumnType, after: ColumnType },
}

impl std::fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SchemaChange::Added { column } => write!(f, "+ {} {}", column.name, column.column_type),
            SchemaChange::Dropped { column } => write!(f, "- {} {}", column.name, column.column_type),
            SchemaChange::Retyped { column, before, after } => write!(f, "~ {column} {before} → {after}"),
        }
    }
}

/// The columns changed in a way that is not carried over by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("`{file}` changes the columns: {}", render(.changes))]
pub struct SchemaConflict {
    /// The first file with the change.
    pub file: String,
    /// Every difference of that file, additions among them: a rename shows as one dropped and one added.
    pub changes: Vec<SchemaChange>,
}

fn render(changes: &[SchemaChange]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Joins the schemas of a batch's files, in order, onto the one known before.
///
/// Returns the schema of the whole batch: known columns first, then the added ones in the order they appear.
///
/// # Errors
/// The first file that drops or retypes a column.
pub fn unify_schemas<'a>(
    known: Option<&FileSchema>,
    files: impl IntoIterator<Item = (&'a str, FileAge, &'a FileSchema)>,
) -> Result<FileSchema, SchemaConflict> {
    let mut unified = known.cloned();
    for (name, age, schema) in files {
        let Some(before) = &mut unified else {
            unified = Some(schema.clone());
            continue;
        };
        let changes = diff_schemas(before, schema);
        let stops = |change: &SchemaChange| match change {
            SchemaChange::Added { .. } => false,
            SchemaChange::Dropped { .. } => age == FileAge::New,
            SchemaChange::Retyped { .. } => true,
        };
        if changes.iter().any(stops) {
            return Err(SchemaConflict { file: name.to_owned(), changes });
        }
        before.columns.extend(changes.into_iter().filter_map(|change| match change {
            SchemaChange::Added { column } => Some(column),
            SchemaChange::Dropped { .. } | SchemaChange::Retyped { .. } => None,
        }));
    }
    Ok(unified.unwrap_or_default())
}

/// Every difference from `before` to `after`: dropped and retyped in the order of `before`, then added.
pub fn diff_schemas(before: &FileSchema, after: &FileSchema) -> Vec<SchemaChange> {
    let mut changes = Vec::new();
    for column in &before.columns {
        match after.column(&column.name) {
            None => changes.push(SchemaChange::Dropped { column: column.clone() }),
            Some(found) if found.column_type != column.column_type => changes.push(SchemaChange::Retyped {
                column: column.name.clone(),
                before: column.column_type.clone(),
                after: found.column_type.clone(),
            }),
            Some(_) => {}
        }
    }
    let added = after.columns.iter().filter(|column| before.column(&column.name).is_none());
    changes.extend(added.map(|column| SchemaChange::Added { column: column.clone() }));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(columns: &[(&str, ColumnType)]) -> FileSchema {
        let column = |(name, column_type): &(&str, ColumnType)| FileColumn {
            name: (*name).to_owned(),
            column_type: column_type.clone(),
        };
        FileSchema { columns: columns.iter().map(column).collect() }
    }

    #[test]
    fn added_columns_come_behind_the_known_ones() {
        let a = schema(&[("id", ColumnType::Integer(64))]);
        let b = schema(&[("note", ColumnType::Text), ("id", ColumnType::Integer(64))]);
        let unified = unify_schemas(None, [("f1", FileAge::New, &a), ("f2", FileAge::New, &b)]).unwrap();
        assert_eq!(unified, schema(&[("id", ColumnType::Integer(64)), ("note", ColumnType::Text)]));
    }

    #[test]
    fn a_renamed_column_stops_the_table_with_both_halves_of_the_diff() {
        let known = schema(&[("id", ColumnType::Integer(64)), ("nam", ColumnType::Text)]);
        let file = schema(&[("id", ColumnType::Integer(64)), ("name", ColumnType::Text)]);
        let conflict = unify_schemas(Some(&known), [("f9", FileAge::New, &file)]).unwrap_err();
        assert_eq!(conflict.to_string(), "`f9` changes the columns: - nam text; + name text");
    }

    #[test]
    fn a_retyped_column_stops_even_a_late_file() {
        let known = schema(&[("n", ColumnType::Integer(32))]);
        let file = schema(&[("n", ColumnType::Text)]);
        let conflict = unify_schemas(Some(&known), [("f", FileAge::BeforeWatermark, &file)]).unwrap_err();
        assert_eq!(conflict.to_string(), "`f` changes the columns: ~ n int32 → text");
    }

    #[test]
    fn a_late_file_may_lack_what_came_after_it() {
        let known = schema(&[("id", ColumnType::Integer(64)), ("note", ColumnType::Text)]);
        let file = schema(&[("id", ColumnType::Integer(64))]);
        assert_eq!(unify_schemas(Some(&known), [("f", FileAge::BeforeWatermark, &file)]).unwrap(), known);
        assert!(unify_schemas(Some(&known), [("f", FileAge::New, &file)]).is_err());
    }
}
