//! What histories promise, checked on seeded ones.

use std::collections::BTreeSet;

use super::values::{key_values, mix};
use super::*;
use crate::value::ColumnType;

fn step(key: u16, wish: Wish, cut: Cut) -> Step {
    Step { key, wish, salt: 5, clock: Clock::Tie, cut }
}

#[test]
fn operations_follow_the_state_of_the_row() {
    let wishes = [Wish::Put, Wish::Put, Wish::Delete, Wish::Delete, Wish::Put, Wish::InsertAnyway, Wish::Put];
    let steps = wishes.map(|wish| step(3, wish, Cut::SameFile));
    let history = History::build(&Shape::default(), &steps);
    let letters: String = history.events().map(|event| event.operation.letter()).collect();
    assert_eq!(letters, "IUDDIIU");
    assert_eq!(history.files.len(), 1);
    assert!(history.events().all(|event| event.values.is_empty() == (event.operation == Operation::Delete)));
}

#[test]
fn one_seed_gives_one_history_and_another_seed_another() {
    let shape = Shape::default();
    assert_eq!(History::seeded(7, 300, &shape), History::seeded(7, 300, &shape));
    assert_ne!(History::seeded(7, 300, &shape), History::seeded(8, 300, &shape));
}

#[test]
fn names_grow_whatever_their_digits_and_hours_have_folders() {
    for name_digits in [NameDigits::Nine, NameDigits::Ten, NameDigits::Mixed] {
        let shape = Shape { name_digits, folders: Folders::ByHour, ..Shape::default() };
        let history = History::seeded(1, 2_000, &shape);
        assert!(history.files.len() > 20, "{}", history.files.len());
        assert!(history.files.windows(2).all(|pair| pair[0].name() < pair[1].name()));
        let folders: BTreeSet<&str> = history.files.iter().map(|file| &file.path[..14]).collect();
        assert!(folders.contains("2024/05/06/13/") && folders.len() > 1, "{folders:?}");
        let digits: BTreeSet<usize> =
            history.files.iter().map(|file| file.name().len() - "yyyymmdd-.parquet".len()).collect();
        let expected: &[usize] = match name_digits {
            NameDigits::Nine => &[9],
            NameDigits::Ten => &[10],
            NameDigits::Mixed => &[9, 10],
        };
        assert_eq!(digits.into_iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn commit_times_tie_and_never_fall() {
    let history = History::seeded(3, 500, &Shape::default());
    let times: Vec<i64> = history.events().map(|event| event.commit_micros).collect();
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(times.windows(2).any(|pair| pair[0] == pair[1]));
}

#[test]
fn added_column_starts_a_file_and_stays() {
    let shape = Shape { columns: ColumnSet::Narrow, added_at: vec![2, 2, 4], ..Shape::default() };
    let steps: Vec<Step> = (0..6).map(|key| step(key, Wish::Put, Cut::SameFile)).collect();
    let history = History::build(&shape, &steps);
    let widths: Vec<(usize, usize)> =
        history.files.iter().map(|file| (file.columns.len(), file.events.len())).collect();
    assert_eq!(widths, [(2, 2), (4, 2), (5, 2)]);
    assert_eq!(history.column_names(), ["id", "count", "note", "added2", "added3", "added4"]);
    for file in &history.files {
        assert!(file.events.iter().all(|event| event.values.len() == file.columns.len()));
    }
}

#[test]
fn empty_files_come_between() {
    let steps = [
        step(1, Wish::Put, Cut::NewFileAfterEmpty),
        step(2, Wish::Put, Cut::NewFileAfterEmpty),
        step(3, Wish::Put, Cut::NewFile),
    ];
    let history = History::build(&Shape::default(), &steps);
    assert_eq!(history.files.iter().map(|file| file.events.len()).collect::<Vec<_>>(), [0, 1, 0, 1, 1]);
}

#[test]
fn change_sequences_have_35_digits_and_grow_across_reversed_rows() {
    let shape = Shape { sequence: Sequence::Present, row_order: RowOrder::Reversed, ..Shape::default() };
    let history = History::seeded(11, 200, &shape);
    let mut sequences = Vec::new();
    for file in &history.files {
        let of_file: Vec<&str> = file.events.iter().map(|event| event.change_sequence.as_deref().unwrap()).collect();
        assert!(of_file.windows(2).all(|pair| pair[0] > pair[1]), "rows are newest first");
        sequences.extend(of_file.into_iter().rev());
    }
    assert_eq!(sequences.len(), 200);
    assert!(sequences.iter().all(|text| text.len() == 35 && text.bytes().all(|byte| byte.is_ascii_digit())));
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn every_key_number_is_a_key_of_its_own() {
    for columns in [1, 2, 3, 8] {
        let keys: BTreeSet<Vec<Value>> = (0..500).map(|key| key_values(key, columns)).collect();
        assert_eq!(keys.len(), 500, "{columns} columns");
        assert!(keys.iter().all(|key| key.len() == usize::from(columns)));
    }
}

#[test]
fn values_reach_null_and_both_ends() {
    let numbers: BTreeSet<Value> = (0..10_000).map(|salt| value_of(ColumnType::Int64, mix(salt, 0))).collect();
    assert!([Value::Null, Value::Int(i64::MIN), Value::Int(i64::MAX)].iter().all(|value| numbers.contains(value)));
}
