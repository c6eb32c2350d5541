//! Change files with a known history, and the reduction of it, for the tests of the cluster client.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use quarrel_executor::change_table::{ChangeTable, PinnedFile};
use quarrel_run::cluster::{Part, PartJob};
use url::Url;

pub const REDUCE: &str = "SELECT id, value FROM changes LEFT SEMI JOIN \
     (SELECT max(_position) AS last FROM changes GROUP BY id) k ON _position = k.last";

/// Files of changes, and what is left when they are applied one by one.
pub struct History {
    pub files: Vec<PinnedFile>,
    pub expected: BTreeMap<i64, String>,
}

/// `count` files of `rows` changes of 97 keys; every third file lacks `value`.
pub async fn history(dir: &Path, count: usize, rows: i64) -> History {
    let mut files = Vec::new();
    let mut expected = BTreeMap::new();
    for file in 0..count {
        let ids: Vec<i64> = (0..rows).map(|row| (row * 31 + file as i64 * 17) % 97).collect();
        let values: Vec<String> = (0..rows).map(|row| format!("{file}.{row}")).collect();
        let with_value = file % 3 != 1;
        for (id, value) in ids.iter().zip(&values) {
            expected.insert(*id, if with_value { value.clone() } else { String::new() });
        }
        let path = dir.join(format!("{file:04}.parquet"));
        write_file(&path, ids, with_value.then_some(values));
        let location = object_store::path::Path::from_absolute_path(&path).unwrap();
        let meta = LocalFileSystem::new().head(&location).await.unwrap();
        files.push(PinnedFile { path: location.to_string(), size: meta.size, etag: meta.e_tag });
    }
    History { files, expected }
}

pub fn write_file(path: &Path, ids: Vec<i64>, values: Option<Vec<String>>) {
    let mut fields = vec![Field::new("id", DataType::Int64, false)];
    let mut columns: Vec<Arc<dyn Array>> = vec![Arc::new(Int64Array::from(ids))];
    if let Some(values) = values {
        fields.push(Field::new("value", DataType::Utf8, true));
        columns.push(Arc::new(StringArray::from(values)));
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub fn job(files: Vec<PinnedFile>, out: &Path, deadline: Duration) -> PartJob {
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("value", DataType::Utf8, true)]);
    PartJob {
        name: "reduce test".to_owned(),
        tables: vec![("changes".to_owned(), Arc::new(ChangeTable::new("file:///", files, &schema).unwrap()))],
        sql: REDUCE.to_owned(),
        prefix: Url::from_directory_path(out).unwrap(),
        deadline,
    }
}

/// The rows of the written objects, with an empty string for NULL.
pub fn read_parts(parts: &[Part]) -> BTreeMap<i64, String> {
    let mut found = BTreeMap::new();
    for part in parts {
        let path = format!("/{}", part.path);
        let file = std::fs::File::open(&path).unwrap();
        assert_eq!(file.metadata().unwrap().len(), part.bytes, "{path}");
        let mut rows = 0;
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            rows += batch.num_rows() as u64;
            let ids = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
            let values = batch.column(1).as_any().downcast_ref::<StringArray>().unwrap();
            for row in 0..batch.num_rows() {
                let value = if values.is_null(row) { "" } else { values.value(row) };
                assert!(found.insert(ids.value(row), value.to_owned()).is_none(), "key {} twice", ids.value(row));
            }
        }
        assert_eq!(rows, part.rows, "{path}");
    }
    found
}
