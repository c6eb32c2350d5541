//! The data sets: reproducible, in DMS's shape, and with the outcome they promise.

use std::collections::HashMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("quarrel-bench-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary folder is writable");
    folder
}

/// Replays a data set row by row: the last operation of each key.
fn replay(data: &DataSet) -> (u64, HashMap<i64, String>) {
    let mut changes = 0;
    let mut newest = HashMap::new();
    for path in data.files().expect("the data set is there") {
        let file = fs::File::open(&path).expect("listed");
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
        for group in builder.metadata().row_groups() {
            assert!(group.num_rows() <= 10_024);
        }
        for batch in builder.build().expect("readable") {
            let batch = batch.expect("readable");
            assert_eq!(batch.num_columns(), 15);
            let (ops, ids) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
            for row in 0..batch.num_rows() {
                changes += 1;
                let is_delete = ops.value(row) == "D";
                assert!((2..15).all(|column| batch.column(column).is_null(row) == is_delete));
                newest.insert(ids.value(row), ops.value(row).to_owned());
            }
        }
    }
    (changes, newest)
}

#[test]
fn promised_outcome_is_what_a_replay_of_the_files_gives() {
    let cache = scratch("outcome");
    let data = open_or_generate(DataSpec { changes: 30_007, files: 7, keys: 6_000, seed: 3 }, &cache).expect("made");
    let (changes, newest) = replay(&data);
    assert_eq!(changes, 30_007);
    assert_eq!(newest.len() as u64, data.keys_changed);
    assert_eq!(newest.values().filter(|op| *op == "D").count() as u64, data.keys_deleted);
    fs::remove_dir_all(cache).expect("ours");
}

#[test]
fn same_spec_gives_the_same_bytes_in_another_folder() {
    let spec = DataSpec { changes: 9_000, files: 5, keys: 900, seed: 11 };
    let (one, two) = (scratch("same-one"), scratch("same-two"));
    let (a, b) = (open_or_generate(spec, &one).expect("made"), open_or_generate(spec, &two).expect("made"));
    let (left, right) = (a.files().expect("listed"), b.files().expect("listed"));
    assert_eq!((left.len(), right.len()), (5, 5));
    for (x, y) in left.iter().zip(&right) {
        assert_eq!(x.file_name(), y.file_name());
        assert_eq!(fs::read(x).expect("there"), fs::read(y).expect("there"));
    }
    fs::remove_dir_all(one).expect("ours");
    fs::remove_dir_all(two).expect("ours");
}

#[test]
fn complete_data_set_is_used_again_and_a_broken_one_is_made_anew() {
    let cache = scratch("again");
    let spec = DataSpec { changes: 500, files: 2, keys: 100, seed: 1 };
    let first = open_or_generate(spec, &cache).expect("made");
    let kept = first.files().expect("listed").remove(0);
    let written = fs::metadata(&kept).expect("there").modified().expect("a Linux file system");
    open_or_generate(spec, &cache).expect("found");
    assert_eq!(fs::metadata(&kept).expect("there").modified().expect("a Linux file system"), written);
    fs::remove_file(first.lake().join("dataset.json")).expect("there");
    fs::write(&kept, b"half a file").expect("writable");
    open_or_generate(spec, &cache).expect("made anew");
    assert!(fs::metadata(&kept).expect("there").len() > 1_000);
    fs::remove_dir_all(cache).expect("ours");
}

#[test]
fn names_of_files_and_cycles_sort_in_the_order_of_their_changes() {
    assert_eq!(file_name(0, 0), "20240101-000000000.parquet");
    assert_eq!(file_name(0, 199), "20240101-013930199.parquet");
    assert_eq!(file_name(29, 1), "20240202-000030001.parquet");
    let names: Vec<String> = (0..40).flat_map(|cycle| (0..19).map(move |file| file_name(cycle, file))).collect();
    assert!(names.is_sorted());
}
