//! A semi-join on the position becomes a scan that reads the kept rows alone, with the rows that the join would have given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::SessionContext;
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use quarrel_executor::change_table::{ChangeTable, PinnedFile};
use quarrel_executor::session::{SessionSettings, runtime_env, session_config, session_state};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// (id, note) of each row.
type Rows = Vec<(i64, String)>;

fn write_file(path: &Path, rows: &Rows, group_rows: usize) {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("note", DataType::Utf8, false),
    ]));
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(rows.iter().map(|(id, _)| Some(*id)).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|(_, note)| Some(note.as_str())).collect::<StringArray>()),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

async fn table(dir: &Path, files: &[Rows], group_rows: usize) -> ChangeTable {
    let mut pinned = Vec::new();
    for (ordinal, rows) in files.iter().enumerate() {
        let path = dir.join(format!("{ordinal}.parquet"));
        write_file(&path, rows, group_rows);
        let location = object_store::path::Path::from_absolute_path(&path).unwrap();
        let meta = LocalFileSystem::new().head(&location).await.unwrap();
        pinned.push(PinnedFile { path: location.to_string(), size: meta.size, etag: meta.e_tag });
    }
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("note", DataType::Utf8, true)]);
    ChangeTable::new("file:///", pinned, &schema).unwrap()
}

fn session(partitions: usize, table: ChangeTable) -> SessionContext {
    let settings = SessionSettings { target_partitions: partitions, ..SessionSettings::default() };
    let context =
        SessionContext::new_with_state(session_state(session_config(&settings), runtime_env(&settings).unwrap()));
    context.register_table("changes", Arc::new(table)).unwrap();
    context
}

async fn rows(context: &SessionContext, sql: &str) -> Vec<(i64, String, i64)> {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    batches.iter().flat_map(rows_of).collect()
}

fn rows_of(batch: &RecordBatch) -> Vec<(i64, String, i64)> {
    let ids = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
    let notes = batch.column(1).as_any().downcast_ref::<StringArray>().unwrap();
    let positions = batch.column(2).as_any().downcast_ref::<Int64Array>().unwrap();
    (0..batch.num_rows()).map(|row| (ids.value(row), notes.value(row).to_owned(), positions.value(row))).collect()
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string()
}

const LAST: &str = "SELECT id, note, _position FROM changes \
     WHERE _position IN (SELECT max(_position) FROM changes GROUP BY id)";

/// Files of random lengths; few keys or many, so that a file keeps all of its rows, some, or none.
fn random_files(random: &mut StdRng) -> Vec<Rows> {
    let keys = [1, 5, 200, 1_000_000][random.random_range(0..4)];
    let count = random.random_range(1..9);
    let row = |random: &mut StdRng, file: usize, row: usize| (random.random_range(0..keys), format!("{file}.{row}"));
    (0..count)
        .map(|file| {
            let rows = [0, 1, 7, 300, 2_000][random.random_range(0..5)];
            (0..rows).map(|at| row(random, file, at)).collect()
        })
        .collect()
}

#[tokio::test]
async fn the_last_row_of_each_key_is_kept_whatever_the_files_and_partitions() {
    let mut random = StdRng::seed_from_u64(20_261_125);
    for case in 0..60 {
        let files = random_files(&mut random);
        let mut expected = BTreeMap::new();
        for (file, rows) in files.iter().enumerate() {
            for (row, (id, note)) in rows.iter().enumerate() {
                expected.insert(*id, (*id, note.clone(), ((file as i64) << 32) + row as i64));
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let partitions = random.random_range(1..5);
        let context = session(partitions, table(dir.path(), &files, random.random_range(1..500)).await);
        let found = rows(&context, LAST).await;
        assert_eq!(found.len(), expected.len(), "case {case}, {partitions} partitions");
        let found: BTreeSet<_> = found.into_iter().collect();
        assert_eq!(found, expected.into_values().collect(), "case {case}, {partitions} partitions");
    }
}

#[tokio::test]
async fn a_semi_join_on_the_position_is_done_by_the_scan() {
    let dir = tempfile::tempdir().unwrap();
    let files = vec![vec![(1, "a".to_owned())], vec![(1, "b".to_owned()), (2, "c".to_owned())]];
    let context = session(2, table(dir.path(), &files, 10).await);
    let text = plan(&context, LAST).await;
    assert!(!text.contains("HashJoinExec"), "{text}");
    assert!(text.contains("ChangeScanExec: rows whose _position is in the second input"), "{text}");
}

#[tokio::test]
async fn other_joins_of_change_tables_stay_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let files = vec![vec![(1, "a".to_owned())], vec![(1, "b".to_owned()), (2, "c".to_owned())]];
    let context = session(2, table(dir.path(), &files, 10).await);
    // Not the position; the positions that are not there; more than one condition.
    for (sql, expected) in [
        ("SELECT id, note, _position FROM changes WHERE id IN (SELECT max(id) FROM changes)", vec!["c"]),
        (
            "SELECT id, note, _position FROM changes WHERE _position NOT IN (SELECT max(_position) FROM changes GROUP BY id)",
            vec!["a"],
        ),
        (
            "SELECT id, note, _position FROM changes c WHERE EXISTS \
             (SELECT 1 FROM changes o WHERE o._position = c._position AND o.note > c.note)",
            vec![],
        ),
    ] {
        let text = plan(&context, sql).await;
        assert!(!text.contains("rows whose"), "{sql}: {text}");
        let mut notes: Vec<String> = rows(&context, sql).await.into_iter().map(|(_, note, _)| note).collect();
        notes.sort();
        assert_eq!(notes, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_file_of_which_nothing_is_kept_is_not_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let files = vec![vec![(1, "a".to_owned())], vec![(1, "b".to_owned())]];
    let table = table(dir.path(), &files, 10).await;
    let context = session(1, table);
    // The positions come from elsewhere: the first file is never needed, so nobody sees that it is gone.
    std::fs::remove_file(dir.path().join("0.parquet")).unwrap();
    let sql = format!(
        "SELECT id, note, _position FROM changes LEFT SEMI JOIN (VALUES ({}), (NULL)) AS k(p) ON _position = k.p",
        1_i64 << 32
    );
    let text = plan(&context, &sql).await;
    assert!(text.contains("rows whose"), "{text}");
    assert_eq!(rows(&context, &sql).await, [(1, "b".to_owned(), 1 << 32)]);
}
