//! Pinned files as a table: every row once, with its place, whatever the projection, the partitions and the request sizes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::SessionContext;
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use quarrel_executor::change_table::{ChangeTable, PinnedFile};
use quarrel_executor::part_writer::{parts, write_parts_plan};
use quarrel_executor::session::{SessionSettings, runtime_env, session_config, session_state};
use url::Url;

/// DMS writes row groups of 10,024 rows; these are tiny, so that small files have several.
const GROUP_ROWS: usize = 7;

/// `id` counts from `first`; `note` only in files that have it.
fn write_file(path: &Path, first: i64, rows: i64, with_note: bool) {
    write_groups(path, first, rows, with_note, GROUP_ROWS);
}

fn write_groups(path: &Path, first: i64, rows: i64, with_note: bool, group_rows: usize) {
    let ids: Vec<i64> = (first..first + rows).collect();
    let mut fields = vec![Field::new("id", DataType::Int64, false)];
    let mut columns: Vec<Arc<dyn Array>> = vec![Arc::new(Int64Array::from(ids.clone()))];
    if with_note {
        fields.push(Field::new("note", DataType::Utf8, true));
        columns.push(Arc::new(StringArray::from(ids.iter().map(|id| format!("note {id}")).collect::<Vec<_>>())));
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

async fn pin(path: &Path) -> PinnedFile {
    let location = object_store::path::Path::from_absolute_path(path).unwrap();
    let meta = LocalFileSystem::new().head(&location).await.unwrap();
    PinnedFile { path: location.to_string(), size: meta.size, etag: meta.e_tag }
}

fn schema() -> Schema {
    Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("note", DataType::Utf8, true)])
}

fn session(partitions: usize, table: ChangeTable) -> SessionContext {
    let settings = SessionSettings { target_partitions: partitions, ..SessionSettings::default() };
    let context =
        SessionContext::new_with_state(session_state(session_config(&settings), runtime_env(&settings).unwrap()));
    context.register_table("changes", Arc::new(table)).unwrap();
    context
}

/// Five files of 10, 20, … rows; the second lacks `note`, the fourth has no rows.
async fn five_files(dir: &Path) -> Vec<PinnedFile> {
    let mut files = Vec::new();
    for (ordinal, rows) in [10, 20, 30, 0, 50].into_iter().enumerate() {
        let path = dir.join(format!("2026 {ordinal}%.parquet"));
        write_file(&path, 1000 * ordinal as i64, rows, ordinal != 1);
        files.push(pin(&path).await);
    }
    files
}

fn int64s(batch: &RecordBatch, column: &str) -> Vec<i64> {
    let column = batch.column_by_name(column).unwrap().as_any().downcast_ref::<Int64Array>().unwrap();
    column.values().to_vec()
}

fn int32s(batch: &RecordBatch, column: &str) -> Vec<i32> {
    let column = batch.column_by_name(column).unwrap().as_any().downcast_ref::<Int32Array>().unwrap();
    column.values().to_vec()
}

#[tokio::test]
async fn every_row_comes_once_with_its_file_and_position() {
    let dir = tempfile::tempdir().unwrap();
    let files = five_files(dir.path()).await;
    // By construction: file f holds the ids 1000 f + row.
    let expected: BTreeSet<(i64, i32, i64)> = [10, 20, 30, 0, 50]
        .into_iter()
        .enumerate()
        .flat_map(|(file, rows)| (0..rows).map(move |row| (1000 * file as i64 + row, file as i32, row)))
        .collect();
    for partitions in [1, 2, 3, 8] {
        let context = session(partitions, ChangeTable::new("file:///", files.clone(), &schema()).unwrap());
        // `_row` first, in the middle, and last.
        for columns in ["_row, id, _file", "id, _row, _file, _position", "_position, _file, id, _row", "*"] {
            let sql = format!("SELECT {columns} FROM changes");
            let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
            let rows: Vec<(i64, i32, i64)> = batches
                .iter()
                .flat_map(|batch| {
                    let (ids, files, rows) = (int64s(batch, "id"), int32s(batch, "_file"), int64s(batch, "_row"));
                    ids.into_iter().zip(files).zip(rows).map(|((id, file), row)| (id, file, row)).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(rows.len(), 110, "{sql} in {partitions} partitions");
            assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), expected, "{sql} in {partitions} partitions");
        }
    }
}

#[tokio::test]
async fn a_scan_yields_its_files_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let context = session(1, ChangeTable::new("file:///", five_files(dir.path()).await, &schema()).unwrap());
    let batches = context.sql("SELECT id FROM changes").await.unwrap().collect().await.unwrap();
    let ids: Vec<i64> = batches.iter().flat_map(|batch| int64s(batch, "id")).collect();
    let expected: Vec<i64> = (0..10).chain(1000..1020).chain(2000..2030).chain(4000..4050).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn rows_are_counted_without_reading_a_column() {
    let dir = tempfile::tempdir().unwrap();
    let context = session(2, ChangeTable::new("file:///", five_files(dir.path()).await, &schema()).unwrap());
    for (sql, expected) in [
        ("SELECT count(*) AS n FROM changes", 110),
        ("SELECT count(*) AS n FROM changes WHERE _file = 2", 30),
        ("SELECT count(*) AS n FROM changes WHERE id >= 4000 AND _row < 5", 5),
        ("SELECT count(note) AS n FROM changes", 90),
        ("SELECT count(*) AS n FROM (SELECT id FROM changes LIMIT 13)", 13),
        ("SELECT sum(_row) AS n FROM changes WHERE _file = 4", 49 * 50 / 2),
        ("SELECT max(_position) AS n FROM changes", 4 * (1 << 32) + 49),
        ("SELECT count(*) AS n FROM changes WHERE _position = _file * 4294967296 + _row", 110),
    ] {
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        assert_eq!(int64s(&batches[0], "n"), [expected], "{sql}");
    }
}

#[tokio::test]
async fn an_empty_list_of_files_is_an_empty_table() {
    let context = session(2, ChangeTable::new("file:///", Vec::new(), &schema()).unwrap());
    let batches = context.sql("SELECT id, _row FROM changes").await.unwrap().collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
}

async fn failure(files: Vec<PinnedFile>) -> String {
    let context = session(2, ChangeTable::new("file:///", files, &schema()).unwrap());
    context.sql("SELECT id, note, _row FROM changes").await.unwrap().collect().await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_pinned_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = five_files(dir.path()).await;
    write_file(&dir.path().join("2026 2%.parquet"), 7, 31, true);
    let text = failure(files.clone()).await;
    assert!(text.contains("2026 2") && text.contains("changed while it was read"), "{text}");

    // Without an ETag to compare, the size tells.
    let bare = files.into_iter().map(|file| PinnedFile { etag: None, ..file }).collect();
    let text = failure(bare).await;
    assert!(text.contains("2026 2") && text.contains("changed while it was read"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_gone_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = five_files(dir.path()).await;
    std::fs::remove_file(dir.path().join("2026 0%.parquet")).unwrap();
    let text = failure(files).await;
    assert!(text.contains("2026 0") && text.contains("is gone"), "{text}");
}

#[tokio::test]
async fn a_corrupt_footer_or_page_is_an_error_that_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = five_files(dir.path()).await;
    let path = dir.path().join("2026 4%.parquet");
    let whole = std::fs::read(&path).unwrap();

    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    files[4] = pin(&path).await;
    let text = failure(files.clone()).await;
    assert!(text.contains("2026 4") && text.contains("not valid Parquet"), "{text}");

    // The first page header begins after the four magic bytes.
    let mut broken = whole;
    broken[4..40].fill(0xff);
    std::fs::write(&path, &broken).unwrap();
    files[4] = pin(&path).await;
    let text = failure(files).await;
    assert!(text.contains("2026 4"), "{text}");
}

#[tokio::test]
async fn a_large_file_is_read_in_ranges_with_the_same_result() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.parquet");
    let rows = 400_000_i64;
    write_groups(&path, 0, rows, true, 1000);
    let file = pin(&path).await;
    assert!(file.size > quarrel_executor::change_scan::WHOLE_FILE_BYTES_MAX, "{} bytes", file.size);
    let context = session(1, ChangeTable::new("file:///", vec![file], &schema()).unwrap());
    let sql = "SELECT count(*) AS n, sum(_row) AS rows, sum(CASE WHEN id = _row AND note = concat('note ', id) THEN 0 ELSE 1 END) AS wrong FROM changes";
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(int64s(&batches[0], "n"), [rows]);
    assert_eq!(int64s(&batches[0], "rows"), [rows * (rows - 1) / 2]);
    assert_eq!(int64s(&batches[0], "wrong"), [0]);
}

/// Writes the rows of a query over the five files in three partitions; the ids found in the objects, which are the ones listed.
async fn written(sql: &str) -> (usize, Vec<i64>) {
    let dir = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let context = session(3, ChangeTable::new("file:///", five_files(dir.path()).await, &schema()).unwrap());
    let prefix = Url::from_directory_path(out.path().join("attempt 1")).unwrap();
    let input = context.state().create_logical_plan(sql).await.unwrap();
    let frame = context.execute_logical_plan(write_parts_plan(input, &prefix)).await.unwrap();
    let parts = parts(&frame.collect().await.unwrap()).unwrap();

    let mut on_disk: Vec<(String, u64)> = std::fs::read_dir(out.path().join("attempt 1"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .collect();
    on_disk.sort();
    let listed: Vec<(String, u64)> =
        parts.iter().map(|part| (part.path.rsplit('/').next().unwrap().to_owned(), part.bytes)).collect();
    assert_eq!(listed, on_disk);

    let mut pinned = Vec::new();
    for (name, _) in &on_disk {
        pinned.push(pin(&out.path().join("attempt 1").join(name)).await);
    }
    let read = session(1, ChangeTable::new("file:///", pinned, &schema()).unwrap());
    let batches = read.sql("SELECT id FROM changes ORDER BY id").await.unwrap().collect().await.unwrap();
    let ids: Vec<i64> = batches.iter().flat_map(|batch| int64s(batch, "id")).collect();
    assert_eq!(parts.iter().map(|part| part.rows).sum::<u64>(), ids.len() as u64);
    (parts.len(), ids)
}

#[tokio::test]
async fn every_partition_writes_its_own_object_and_the_list_is_what_is_there() {
    let (parts, ids) = written("SELECT id, note FROM changes").await;
    assert_eq!(parts, 3);
    let all: Vec<i64> = (0..10).chain(1000..1020).chain(2000..2030).chain(4000..4050).collect();
    assert_eq!(ids, all);
}

#[tokio::test]
async fn a_partition_without_rows_writes_nothing() {
    let (parts, ids) = written("SELECT id, note FROM changes WHERE id < 1000").await;
    assert_eq!((parts, ids), (1, (0..10).collect()));
}

#[tokio::test]
async fn a_failed_partition_leaves_no_object_behind() {
    let dir = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut files = five_files(dir.path()).await;
    files[4].etag = Some("another".to_owned());
    let context = session(1, ChangeTable::new("file:///", files, &schema()).unwrap());
    let prefix = Url::from_directory_path(out.path()).unwrap();
    let input = context.state().create_logical_plan("SELECT id FROM changes").await.unwrap();
    let frame = context.execute_logical_plan(write_parts_plan(input, &prefix)).await.unwrap();
    let text = frame.collect().await.unwrap_err().to_string();
    assert!(text.contains("2026 4"), "{text}");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
}
