//! Looks into full-load files: their row counts and the columns they share.
//!
//! # Invariants
//! - All files of a load have the same columns; one that differs stops the table and is named.
//! - An operation column is metadata where there is one: DMS writes it only when told to.

use futures::{StreamExt as _, TryStreamExt as _};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use quarrel_model::config::Changes;
use quarrel_model::full_load::LoadFile;
use quarrel_model::schema::{FileColumn, FileSchema};

use crate::inspect::{InspectError, column_type, is_data};
use crate::lake::{LakeArea, ListedFile};

/// Footers read at a time.
const INSPECT_CONCURRENCY: usize = 16;

/// The files of a load, in order, with what their footers say.
#[derive(Debug, Clone, Default)]
pub struct InspectedLoad {
    pub files: Vec<LoadFile>,
    /// The data columns of every file.
    pub schema: FileSchema,
}

/// Looks into every file of a load. Files without a byte are left out: they hold no row and no column.
///
/// # Errors
/// The first file, in order, that can't be read or has other columns than the first.
pub async fn inspect_load(
    area: &LakeArea,
    files: &[ListedFile],
    changes: &Changes,
) -> Result<InspectedLoad, InspectError> {
    let looks = files.iter().filter(|listed| listed.file.size > 0).map(|listed| inspect_file(area, listed, changes));
    let looked: Vec<(LoadFile, FileSchema)> =
        futures::stream::iter(looks.collect::<Vec<_>>()).buffered(INSPECT_CONCURRENCY).try_collect().await?;
    let mut load = InspectedLoad::default();
    for (file, schema) in looked {
        match load.files.first() {
            None => load.schema = schema,
            Some(_) if schema == load.schema => {}
            Some(first) => {
                let first = first.file.key.clone();
                let (first_columns, columns) = (names(&load.schema), names(&schema));
                return Err(InspectError::Differ { first, first_columns, key: file.file.key, columns });
            }
        }
        load.files.push(file);
    }
    Ok(load)
}

fn names(schema: &FileSchema) -> String {
    let column = |column: &FileColumn| format!("{} {}", column.name, column.column_type);
    schema.columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

async fn inspect_file(
    area: &LakeArea,
    listed: &ListedFile,
    changes: &Changes,
) -> Result<(LoadFile, FileSchema), InspectError> {
    let file = &listed.file;
    let mut reader = area
        .open_parquet(&file.key, file.size, file.etag.clone())
        .await
        .map_err(|source| InspectError::Read { key: file.key.clone(), source })?;
    let metadata = ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new())
        .await
        .map_err(|source| InspectError::Columns { key: file.key.clone(), source })?;
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let fields = metadata.schema().fields().iter().filter(|field| is_data(field, changes));
    let columns =
        fields.map(|field| FileColumn { name: field.name().clone(), column_type: column_type(field.data_type()) });
    Ok((LoadFile { file: file.clone(), rows }, FileSchema { columns: columns.collect() }))
}
