//! The reduction SQL against files of examples, and against a plain loop over thousands of keys.
//!
//! `tests/golden/*.slt` has the examples. A file is a list of records with blank lines between them; `#` begins a comment.
//!
//! ```text
//! changes
//! _file | _row | Op | id:bigint | name:text
//! 0 | 0 | I | 1 | Ada
//!
//! reduce by_file key id
//! ----
//! I | 0 | 0 | 1 | Ada
//! ```
//!
//! `changes` sets the table of changes up, one line a change; `reduce ORDER key A | B` renders `sql/reduce/ORDER.sql`, runs it
//! and expects exactly the rows behind `----`: `_op`, `_file`, `_row`, then every data column. Lines are compared sorted.
//! Here the plan joins in memory; that a scan of files does the same is tested in `executor/tests/keep_rows.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use quarrel_executor::session::{SessionSettings, runtime_env, session_config, session_state};
use quarrel_model::position::OrderBy;
use quarrel_sql::reduce::{Reduction, reduce};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const OPERATION: &str = "Op";
const SEQUENCE: &str = "AR_H_CHANGE_SEQ";

/// A table of changes.
#[derive(Debug, Clone, Default)]
struct Changes {
    /// Names with their types.
    columns: Vec<(String, String)>,
    rows: Vec<Vec<Option<String>>>,
}

impl Changes {
    /// The columns that are data.
    fn data(&self) -> Vec<String> {
        let own = ["_file", "_row", OPERATION, SEQUENCE];
        self.columns.iter().map(|(name, _)| name.clone()).filter(|name| !own.contains(&name.as_str())).collect()
    }

    /// The rows in two batches: a partition each, with the position that a change table would give them.
    fn table(&self) -> MemTable {
        let (first, second) = self.rows.split_at(self.rows.len() / 2);
        let batches = [self.batch(first), self.batch(second)];
        let schema = batches[0].schema();
        MemTable::try_new(schema, batches.into_iter().map(|batch| vec![batch]).collect()).expect("one schema")
    }

    fn batch(&self, rows: &[Vec<Option<String>>]) -> RecordBatch {
        let array = |(place, (_, column_type)): (usize, &(String, String))| -> ArrayRef {
            let texts = rows.iter().map(|row| row[place].as_deref());
            let number = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("`{text}` is no number"));
            match column_type.as_str() {
                "int" => texts.map(|text| text.map(|text| number(text) as i32)).collect::<Int32Array>().into_array(),
                "bigint" => texts.map(|text| text.map(number)).collect::<Int64Array>().into_array(),
                "text" => texts.collect::<StringArray>().into_array(),
                other => panic!("`{other}` is no type"),
            }
        };
        let mut arrays: Vec<ArrayRef> = self.columns.iter().enumerate().map(array).collect();
        let field = |((name, _), array): (&(String, String), &ArrayRef)| {
            datafusion::arrow::datatypes::Field::new(name, array.data_type().clone(), true)
        };
        let mut fields: Vec<_> = self.columns.iter().zip(&arrays).map(field).collect();
        let place = |row: &[Option<String>], name: &str| -> i64 {
            let at = self.columns.iter().position(|(column, _)| column == name).expect("changes have a place");
            row[at].as_deref().and_then(|text| text.parse().ok()).expect("a place is a number")
        };
        let position = |row: &Vec<Option<String>>| place(row, "_file") * (1 << 32) + place(row, "_row");
        arrays.push(rows.iter().map(position).collect::<Int64Array>().into_array());
        fields.push(datafusion::arrow::datatypes::Field::new("_position", DataType::Int64, false));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns are equally long")
    }

    /// Runs the reduction in the session that every node builds; rows as the file writes them, sorted.
    async fn reduce(&self, order_by: OrderBy, key: &[String]) -> Result<Vec<String>, String> {
        let columns = self.data();
        let reduction = Reduction {
            changes: "changes",
            order_by,
            operation: OPERATION,
            sequence: SEQUENCE,
            key,
            columns: &columns,
        };
        let sql = reduce(&reduction).map_err(|error| error.to_string())?;
        let settings = SessionSettings::default();
        let runtime = runtime_env(&settings).map_err(|error| error.to_string())?;
        let session = SessionContext::new_with_state(session_state(session_config(&settings), runtime));
        session.register_table("changes", Arc::new(self.table())).map_err(|error| error.to_string())?;
        let frame = session.sql(sql.as_str()).await.map_err(|error| format!("{sql}: {error}"))?;
        let batches = frame.collect().await.map_err(|error| format!("{sql}: {error}"))?;
        let mut rows: Vec<String> = batches.iter().flat_map(lines).collect();
        rows.sort();
        Ok(rows)
    }
}

trait IntoArray {
    fn into_array(self) -> ArrayRef;
}

impl<A: datafusion::arrow::array::Array + 'static> IntoArray for A {
    fn into_array(self) -> ArrayRef {
        Arc::new(self)
    }
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let formatter = |array: &ArrayRef| {
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).expect("every type has a text");
        (0..batch.num_rows()).map(|row| formatter.value(row).to_string()).collect::<Vec<_>>()
    };
    let columns: Vec<Vec<String>> = batch.columns().iter().map(formatter).collect();
    let line = |row: usize| columns.iter().map(|column| column[row].as_str()).collect::<Vec<_>>().join(" | ");
    (0..batch.num_rows()).map(line).collect()
}

fn cells(line: &str) -> Vec<String> {
    line.split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn parse_changes(lines: &[&str]) -> Changes {
    let column = |cell: String| match cell.as_str() {
        "_file" => (cell, "int".to_owned()),
        "_row" => (cell, "bigint".to_owned()),
        OPERATION | SEQUENCE => (cell, "text".to_owned()),
        _ => {
            let (name, column_type) = cell.rsplit_once(':').unwrap_or_else(|| panic!("`{cell}` has no type"));
            (name.to_owned(), column_type.to_owned())
        }
    };
    let value = |cell: String| (cell != "NULL").then_some(cell);
    Changes {
        columns: cells(lines[0]).into_iter().map(column).collect(),
        rows: lines[1..].iter().map(|line| cells(line).into_iter().map(value).collect()).collect(),
    }
}

/// Runs a record; the problem, if there is one.
async fn run_record(record: &[&str], changes: &mut Changes) -> Option<String> {
    if record[0] == "changes" {
        *changes = parse_changes(&record[1..]);
        return None;
    }
    let (order_by, key) = match record[0].split_once(" key ") {
        Some(("reduce by_file", key)) => (OrderBy::FileName, key),
        Some(("reduce by_sequence", key)) => (OrderBy::Sequence, key),
        Some(_) | None => return Some(format!("`{}` is no directive", record[0])),
    };
    if record.get(1) != Some(&"----") {
        return Some("`----` is expected behind `reduce`".to_owned());
    }
    let mut expected: Vec<String> = record[2..].iter().map(|line| cells(line).join(" | ")).collect();
    expected.sort();
    match changes.reduce(order_by, &cells(key)).await {
        Ok(found) if found == expected => None,
        Ok(found) => Some(format!("expected\n  {}\nfound\n  {}", expected.join("\n  "), found.join("\n  "))),
        Err(error) => Some(error),
    }
}

#[tokio::test]
async fn reductions_give_the_rows_of_the_golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let mut problems = Vec::new();
    let mut reductions = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder of golden files is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_none_or(|extension| extension != "slt") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a golden file can be read");
        let lines: Vec<(usize, &str)> = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')).collect();
        let mut changes = Changes::default();
        for record in lines.split(|(_, line)| line.trim().is_empty()).filter(|record| !record.is_empty()) {
            let texts: Vec<&str> = record.iter().map(|(_, line)| line.trim()).collect();
            reductions += usize::from(texts[0].starts_with("reduce"));
            if let Some(problem) = run_record(&texts, &mut changes).await {
                problems.push(format!("{}:{}: {problem}", path.display(), record[0].0 + 1));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(reductions >= 20, "only {reductions} reductions were found");
}

/// Random changes of many keys over several files, and what a loop in position order keeps of them.
fn many_changes(seed: u64, sequenced: OrderBy) -> (Changes, Vec<String>) {
    let mut random = StdRng::seed_from_u64(seed);
    let names = ["_file", "_row", OPERATION, "id", "region", "value", SEQUENCE];
    let types = ["int", "bigint", "text", "bigint", "text", "bigint", "text"];
    let columns = names.iter().zip(types).map(|(name, kind)| ((*name).to_owned(), kind.to_owned())).collect();
    let mut rows = Vec::new();
    for file in 0..7 {
        for row in 0..3_000 {
            let operation = ["I", "U", "U", "D"][random.random_range(0..4)];
            let region = [Some("north"), Some("south"), None][random.random_range(0..3)];
            let sequence = format!("{:035}", random.random_range(0..100_000_u32));
            let value = (operation != "D").then(|| random.random_range(0..1_000_000_i64).to_string());
            rows.push(vec![
                Some(file.to_string()),
                Some(row.to_string()),
                Some(operation.to_owned()),
                Some(random.random_range(0..4_000_u32).to_string()),
                region.map(str::to_owned),
                value,
                Some(sequence),
            ]);
        }
    }
    let mut in_order: Vec<&Vec<Option<String>>> = rows.iter().collect();
    match sequenced {
        OrderBy::FileName => {}
        OrderBy::Sequence => in_order.sort_by_key(|row| row[6].clone()),
    }
    let mut last = BTreeMap::new();
    for row in in_order {
        last.insert((&row[3], &row[4]), row);
    }
    let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_owned());
    let line = |row: &&Vec<Option<String>>| [2, 0, 1, 3, 4, 5].map(|place| text(&row[place])).join(" | ");
    let mut expected: Vec<String> = last.values().map(line).collect();
    expected.sort();
    // The order in which rows come to the reduction must not matter.
    for place in (1..rows.len()).rev() {
        rows.swap(place, random.random_range(0..=place));
    }
    (Changes { columns, rows }, expected)
}

#[tokio::test]
async fn last_change_of_each_of_many_keys_is_kept() {
    let key = ["id".to_owned(), "region".to_owned()];
    for order_by in [OrderBy::FileName, OrderBy::Sequence] {
        let (changes, expected) = many_changes(20_261_122, order_by);
        assert!(expected.len() > 9_000, "{}", expected.len());
        let found = changes.reduce(order_by, &key).await.unwrap_or_else(|error| panic!("{error}"));
        let first = expected.iter().zip(&found).find(|(expected, found)| expected != found);
        assert_eq!((found.len(), first), (expected.len(), None), "{order_by:?}");
    }
}
