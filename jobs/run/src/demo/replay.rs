//! The independent replay: every change applied to a map, one by one, straight from the generator's memory.
//!
//! Nothing here knows of batches, reductions, ledgers or Parquet. A row that is inserted twice, or updated after it was
//! deleted (its insert lies in a file that is late), is simply written.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Operation, TableHistory};
use super::value::Value;

/// Rows by key; a row has every column behind the key, NULL where its file had no such column yet.
pub(super) type Replica = BTreeMap<Vec<Value>, Vec<Value>>;

/// The table after all changes of the given files, in the order in which they happened.
pub(super) fn replay(history: &TableHistory, delivered: &BTreeSet<usize>) -> Replica {
    let mut replica = Replica::new();
    for file in history.files.iter().filter(|file| delivered.contains(&file.place)) {
        for change in &file.changes {
            match change.operation {
                Operation::Insert | Operation::Update => {
                    let columns = history.table.columns.iter().zip(&change.values);
                    let in_file = |since: usize, value: &Value| {
                        if since <= file.place { value.clone() } else { Value::Null }
                    };
                    let row = columns.map(|(column, value)| in_file(column.since_file, value)).collect();
                    replica.insert(change.key.clone(), row);
                }
                Operation::Delete => {
                    replica.remove(&change.key);
                }
            }
        }
    }
    replica
}

#[cfg(test)]
mod tests {
    use super::super::history::{Change, DemoFile};
    use super::super::tables::{SEGMENT_SINCE_FILE, TABLES};
    use super::*;

    #[test]
    fn last_change_of_a_key_wins_and_a_column_is_null_before_its_first_file() {
        let customer = |name: &str| {
            let text = |text: &str| Value::Text(text.to_owned());
            vec![text(name), Value::Null, Value::Decimal(1), Value::Boolean(true), Value::Instant(0), text("crown")]
        };
        let change = |operation, id, values| Change {
            operation,
            commit_micros: 0,
            number: 0,
            key: vec![Value::Integer(id)],
            values,
        };
        let file = |place, changes| DemoFile { place, name: String::new(), changes };
        let history = TableHistory {
            table: &TABLES[0],
            files: vec![
                file(0, vec![change(Operation::Insert, 1, customer("a")), change(Operation::Insert, 2, customer("b"))]),
                file(1, vec![change(Operation::Delete, 1, Vec::new())]),
                file(
                    SEGMENT_SINCE_FILE,
                    vec![change(Operation::Insert, 1, customer("c")), change(Operation::Insert, 3, customer("d"))],
                ),
            ],
        };
        let names = |replica: &Replica| replica.values().map(|row| row[0].to_string()).collect::<Vec<_>>();
        let all = replay(&history, &BTreeSet::from([0, 1, SEGMENT_SINCE_FILE]));
        assert_eq!(names(&all), ["\"c\"", "\"b\"", "\"d\""]);
        assert_eq!(all[&vec![Value::Integer(2)]][5], Value::Null);
        assert_eq!(all[&vec![Value::Integer(3)]][5], Value::Text("crown".to_owned()));
        assert_eq!(names(&replay(&history, &BTreeSet::from([0]))), ["\"a\"", "\"b\""]);
    }
}
