//! Owns COPY from object storage: manifest and parts are fetched, held against the table as Redshift does, and sent on to the
//! server inside the client's transaction.

use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::S3Access;
use super::connection::Connection;
use super::copy_statement::{CopySource, CopyStatement, quoted};
use super::rows::{ColumnType, TableColumn, check_schema, write_rows};
use super::statement::Refusal;
use crate::s3::client_with_keys;

/// Bytes of rows sent on at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Carries a COPY out; gives the number of rows.
pub(super) async fn copy_rows(connection: &mut Connection, copy: &CopyStatement) -> io::Result<Result<u64, Refusal>> {
    let columns = match table_columns(connection, copy).await? {
        Ok(columns) => columns,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let s3 = connection.shared.s3.clone();
    let batches = match read_parts(&s3, copy, &columns).await {
        Ok(batches) => batches,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let statement = format!("COPY {} ({}) FROM STDIN", copy.table, names.join(", "));
    if let Err(refusal) = connection.ask(&statement).await? {
        return Ok(Err(refusal));
    }
    let mut rows = 0;
    let mut chunk = Vec::new();
    let mut refused = None;
    for batch in &batches {
        if let Err(refusal) = write_rows(batch, &columns, &mut chunk) {
            refused = Some(refusal);
            break;
        }
        rows += batch.num_rows() as u64;
        if chunk.len() >= CHUNK_BYTES {
            connection.server.put_copy_data(std::mem::take(&mut chunk))?;
            connection.server.flush().await?;
        }
    }
    match &refused {
        None => {
            connection.server.put_copy_data(chunk)?;
            connection.server.put_copy_done()?;
        }
        Some(refusal) => {
            connection.server.put(&pgwire::messages::copy::CopyFail::new(refusal.message.clone()))?;
        }
    }
    connection.server.flush().await?;
    let answered = connection.answers().await?;
    Ok(match (refused, answered) {
        (Some(refusal), _) | (None, Err(refusal)) => Err(refusal),
        (None, Ok(_)) => Ok(rows),
    })
}

/// The columns that the files have to match, in order.
async fn table_columns(
    connection: &mut Connection,
    copy: &CopyStatement,
) -> io::Result<Result<Vec<TableColumn>, Refusal>> {
    let table = copy.table.replace('\\', "\\\\").replace('\'', "''");
    let query = format!(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute \
         WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    );
    let rows = match connection.ask(&query).await? {
        Ok(rows) => rows,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut all = Vec::new();
    for row in rows {
        let [Some(name), Some(type_name)] = row.as_slice() else { continue };
        match ColumnType::of(type_name) {
            Some(column_type) => all.push(TableColumn { name: name.clone(), column_type }),
            None => return Ok(Err(Refusal::unsupported(format!("COPY into type {type_name} is not supported")))),
        }
    }
    let Some(listed) = &copy.columns else { return Ok(Ok(all)) };
    let mut columns = Vec::new();
    for name in listed {
        match all.iter().find(|column| column.name == *name) {
            Some(column) => columns.push(column.clone()),
            None => {
                let message = format!("column \"{name}\" of relation {} does not exist", copy.table);
                return Ok(Err(Refusal { code: "42703", message }));
            }
        }
    }
    Ok(Ok(columns))
}

async fn read_parts(s3: &S3Access, copy: &CopyStatement, columns: &[TableColumn]) -> Result<Vec<RecordBatch>, Refusal> {
    let mut batches = Vec::new();
    for object in objects(s3, copy).await? {
        let bytes = object.read().await?;
        let failed = |error: String| scan_error(format!("File {} is no Parquet file: {error}", object.url));
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| failed(error.to_string()))?;
        check_schema(builder.schema(), columns)
            .map_err(|found| scan_error(format!("File '{}' {found}", object.url)))?;
        let reader = builder.build().map_err(|error| failed(error.to_string()))?;
        for batch in reader {
            batches.push(batch.map_err(|error| failed(error.to_string()))?);
        }
    }
    Ok(batches)
}

struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
    url: String,
}

impl Object {
    fn of(s3: &S3Access, url: &str) -> Result<Object, Refusal> {
        let place = url.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let (bucket, key) = place.ok_or_else(|| Refusal::syntax(url))?;
        let store = Arc::new(client_with_keys(&s3.endpoint, bucket, &s3.access_key, &s3.secret_key));
        let path = Path::parse(key).map_err(|_| Refusal::syntax(url))?;
        Ok(Object { store, path, url: url.to_owned() })
    }

    async fn read(&self) -> Result<Bytes, Refusal> {
        let failed = |error: object_store::Error| service_error(&self.url, &error);
        self.store.get(&self.path).await.map_err(failed)?.bytes().await.map_err(failed)
    }

    /// None when it isn't there.
    async fn length(&self) -> Result<Option<u64>, Refusal> {
        match self.store.head(&self.path).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(service_error(&self.url, &error)),
        }
    }
}

async fn objects(s3: &S3Access, copy: &CopyStatement) -> Result<Vec<Object>, Refusal> {
    let first = Object::of(s3, &copy.url)?;
    match copy.source {
        CopySource::Manifest => {
            let text = first.read().await?;
            let manifest: serde_json::Value = serde_json::from_slice(&text)
                .map_err(|error| scan_error(format!("Manifest file is not in correct json format: {error}")))?;
            manifest_objects(s3, &manifest).await
        }
        CopySource::Prefix => {
            // A listing knows whole folders only.
            let folder: Path = first.path.parts().take(first.path.parts().count().saturating_sub(1)).collect();
            let listed: Vec<_> = first
                .store
                .list(Some(&folder))
                .try_collect()
                .await
                .map_err(|error| service_error(&copy.url, &error))?;
            let matching = listed.into_iter().filter(|found| found.location.as_ref().starts_with(first.path.as_ref()));
            let mut objects: Vec<Object> = matching
                .map(|found| Object {
                    url: format!("{}…{}", copy.url, found.location),
                    store: Arc::clone(&first.store),
                    path: found.location,
                })
                .collect();
            objects.sort_by(|a, b| a.path.cmp(&b.path));
            if objects.is_empty() {
                return Err(scan_error(format!("The specified S3 prefix '{}' does not exist", first.path)));
            }
            Ok(objects)
        }
    }
}

/// The files of a manifest. For Parquet each needs its length; one that is not mandatory may be missing.
async fn manifest_objects(s3: &S3Access, manifest: &serde_json::Value) -> Result<Vec<Object>, Refusal> {
    let entries = manifest["entries"].as_array().ok_or_else(|| scan_error("Manifest has no entries".to_owned()))?;
    let mut objects = Vec::new();
    for entry in entries {
        let url = entry["url"].as_str().ok_or_else(|| scan_error("Manifest entry has no url".to_owned()))?;
        let Some(expected) = entry["meta"]["content_length"].as_u64() else {
            return Err(scan_error(format!(
                "Manifest entry '{url}' must have meta.content_length for a columnar file"
            )));
        };
        let object = Object::of(s3, url)?;
        match object.length().await? {
            Some(found) if found == expected => objects.push(object),
            Some(found) => {
                let text = format!("content_length of '{url}' is {expected} in the manifest, and {found} in fact");
                return Err(scan_error(text));
            }
            None if entry["mandatory"].as_bool() == Some(true) => {
                return Err(scan_error(format!("Mandatory file '{url}' does not exist")));
            }
            None => {}
        }
    }
    Ok(objects)
}

fn scan_error(text: String) -> Refusal {
    Refusal { code: "XX000", message: format!("Spectrum Scan Error: {text}") }
}

fn service_error(url: &str, error: &object_store::Error) -> Refusal {
    Refusal { code: "XX000", message: format!("S3ServiceException: {url}: {error}") }
}
