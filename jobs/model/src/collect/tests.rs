//! Tables of listings and ledgers, with the batches they must give.

use super::*;
use crate::batch::BatchId;
use crate::change_file::{ObjectKind, classify_dms};
use crate::position::ChangeSequence;
use crate::schema::{ColumnType, FileColumn};

fn file(second: u32, etag: &str) -> ChangeFile {
    let key = format!("t/20261122-1000{second:02}000.parquet");
    let Ok(ObjectKind::Change(order)) = classify_dms(&key) else { panic!("{key}") };
    ChangeFile { key, etag: Some(etag.to_owned()), size: 10, order }
}

fn columns(names: &[&str]) -> FileSchema {
    let column = |name: &&str| FileColumn { name: (*name).to_owned(), column_type: ColumnType::Text };
    FileSchema { columns: names.iter().map(column).collect() }
}

fn inspected(second: u32) -> InspectedFile {
    let schema = columns(&["id"]);
    let file = file(second, "a");
    InspectedFile { location: FileLocation::at_source(&file), file, rows: 5, schema, sequences: None }
}

fn sequenced(second: u32, first: u32, last: u32) -> InspectedFile {
    let sequence = |n: u32| ChangeSequence(format!("{n:035}"));
    let range = SequenceRange { first: sequence(first), last: sequence(last) };
    InspectedFile { sequences: Some(range), ..inspected(second) }
}

fn ledger_of(files: &[InspectedFile]) -> Ledger {
    let batch = BatchId("b".to_owned());
    let applied = |f: &InspectedFile| AppliedFile {
        file: f.file.clone(),
        rows: f.rows,
        sequences: f.sequences.clone(),
        batch: batch.clone(),
    };
    let watermark = plan_batch(&name(), &Ledger::default(), files.to_vec(), vec![], SchemaChangeRule::Refuse)
        .unwrap()
        .map(|batch| batch.watermark);
    Ledger {
        fence: None,
        watermark,
        last_batch: None,
        schema: Some(columns(&["id"])),
        floor: None,
        files: files.iter().map(applied).collect(),
    }
}

fn name() -> TableName {
    TableName("t".to_owned())
}

fn window(from: u32, until: u32) -> TimeWindow {
    let at = |second: u32| file(second, "").order.instant().unwrap();
    TimeWindow { from: at(from), until: at(until) }
}

const NO_LIMIT: BatchLimits = BatchLimits { files: 1000, bytes: 1 << 40 };

fn pending_seconds(listing: &[u32], applied: &[u32], window: TimeWindow) -> Vec<u32> {
    let listing: Vec<_> = listing.iter().map(|s| file(*s, "a")).collect();
    let ledger = match applied {
        [] => Ledger::default(),
        applied => ledger_of(&applied.iter().map(|s| inspected(*s)).collect::<Vec<_>>()),
    };
    let pending = select_pending(&listing, &ledger, window, NO_LIMIT);
    pending.files.iter().map(|f| f.order.instant().unwrap().format("%S").to_string().parse().unwrap()).collect()
}

#[test]
fn the_window_and_the_watermark_decide_what_is_pending() {
    type Case = (&'static str, &'static [u32], &'static [u32], TimeWindow, &'static [u32]);
    let cases: [Case; 6] = [
        ("a first run takes all up to the end", &[1, 5, 9], &[], window(8, 9), &[1, 5]),
        ("applied files are not taken again", &[1, 5, 9], &[1, 5], window(0, 20), &[9]),
        ("a late file within the window is taken", &[1, 3, 5], &[1, 5], window(0, 20), &[3]),
        ("a file before window and watermark is not", &[1, 3, 5], &[1, 5], window(4, 20), &[]),
        ("a gap longer than the window is caught up", &[1, 6, 7, 50], &[1], window(40, 59), &[6, 7, 50]),
        ("files after the window's end wait", &[1, 50], &[1], window(0, 20), &[]),
    ];
    for (what, listing, applied, window, expected) in cases {
        assert_eq!(pending_seconds(listing, applied, window), expected, "{what}");
    }
}

#[test]
fn an_overwritten_file_is_pending_again() {
    let ledger = ledger_of(&[inspected(1)]);
    let pending = select_pending(&[file(1, "other")], &ledger, window(0, 20), NO_LIMIT);
    assert_eq!(pending.files, [file(1, "other")]);
}

#[test]
fn limits_cut_the_list_but_always_leave_one_file() {
    let listing: Vec<_> = (1..=5).map(|s| file(s, "a")).collect();
    let cut = |files, bytes| {
        let pending = select_pending(&listing, &Ledger::default(), window(0, 20), BatchLimits { files, bytes });
        (pending.files.len(), pending.left)
    };
    assert_eq!(cut(2, 1 << 40), (2, 3));
    assert_eq!(cut(100, 35), (3, 2));
    assert_eq!(cut(100, 1), (1, 4));
}

#[test]
fn a_late_file_brings_back_all_that_was_applied_behind_it() {
    let applied = [inspected(1), inspected(5), inspected(7)];
    let ledger = ledger_of(&applied);
    let pending = vec![inspected(4), inspected(9)];
    let from = find_replay(&pending, &ledger);
    let replayed = replayed_files(&ledger.files, &from, &pending);
    assert_eq!(replayed.iter().map(|f| &f.file).collect::<Vec<_>>(), [&file(5, "a"), &file(7, "a")]);

    let replayed = applied[1..].to_vec();
    let batch = plan_batch(&name(), &ledger, pending, replayed, SchemaChangeRule::Refuse).unwrap().unwrap();
    let roles: Vec<_> = batch.files.iter().map(|f| f.role).collect();
    assert_eq!(roles, [FileRole::Late, FileRole::Replayed, FileRole::Replayed, FileRole::New]);
    assert_eq!(batch.watermark.file, file(9, "a").order);
}

#[test]
fn a_file_overwritten_since_is_not_replayed_beside_its_new_self() {
    let ledger = ledger_of(&[inspected(1), inspected(5)]);
    let mut overwritten = inspected(1);
    overwritten.file.etag = Some("b".to_owned());
    let pending = vec![overwritten];
    let from = find_replay(&pending, &ledger);
    let replayed = replayed_files(&ledger.files, &from, &pending);
    assert_eq!(replayed.iter().map(|f| &f.file).collect::<Vec<_>>(), [&file(5, "a")]);
}

#[test]
fn redelivered_changes_under_a_new_name_are_late_by_their_sequence() {
    let ledger = ledger_of(&[sequenced(1, 10, 19), sequenced(2, 20, 29)]);
    let pending = vec![sequenced(8, 15, 24)];
    assert!(is_late(&pending[0], &ledger));
    let from = find_replay(&pending, &ledger);
    assert_eq!(from, [ReplayFrom::Sequence(ChangeSequence(format!("{:035}", 15)))]);
    assert_eq!(replayed_files(&ledger.files, &from, &pending).len(), 2);
}

#[test]
fn a_later_sequence_is_not_late_even_under_an_earlier_name() {
    let ledger = ledger_of(&[sequenced(5, 10, 19)]);
    assert!(!is_late(&sequenced(3, 20, 29), &ledger));
    assert!(is_late(&inspected(3), &ledger));
}

#[test]
fn a_file_before_applied_changes_without_sequences_is_late_by_its_name() {
    let ledger = ledger_of(&[sequenced(1, 10, 19), inspected(5), sequenced(6, 40, 49)]);
    let pending = vec![sequenced(3, 50, 59)];
    assert!(is_late(&pending[0], &ledger), "a sequence says nothing about changes that have none");
    let from = find_replay(&pending, &ledger);
    assert_eq!(from, [ReplayFrom::Order(file(3, "a").order)]);
    let replayed = replayed_files(&ledger.files, &from, &pending);
    assert_eq!(replayed.iter().map(|f| &f.file).collect::<Vec<_>>(), [&file(5, "a"), &file(6, "a")]);
    assert!(!is_late(&sequenced(7, 60, 69), &ledger));
}

#[test]
fn limits_do_not_leave_an_overwritten_file_behind() {
    let ledger = ledger_of(&[inspected(1), inspected(5)]);
    let listing = [file(2, "a"), file(3, "a"), file(5, "other")];
    let pending = select_pending(&listing, &ledger, window(0, 20), BatchLimits { files: 1, bytes: 1 << 40 });
    assert_eq!((pending.files, pending.left), (vec![file(2, "a"), file(5, "other")], 1));
}

#[test]
fn one_file_without_sequences_makes_the_batch_go_by_name() {
    let batch = |files: Vec<_>| {
        plan_batch(&name(), &Ledger::default(), files, vec![], SchemaChangeRule::Refuse).unwrap().unwrap().order_by
    };
    assert_eq!(batch(vec![sequenced(1, 1, 2), sequenced(2, 3, 4)]), OrderBy::Sequence);
    assert_eq!(batch(vec![sequenced(1, 1, 2), inspected(2)]), OrderBy::FileName);
}

#[test]
fn a_file_without_rows_only_moves_the_watermark() {
    let ledger = ledger_of(&[inspected(5)]);
    let empty = InspectedFile { rows: 0, ..inspected(3) };
    assert!(find_replay(std::slice::from_ref(&empty), &ledger).is_empty());
}

#[test]
fn planning_twice_gives_the_same_batch_and_another_etag_another_one() {
    let plan = |etag: &str| {
        let files = vec![InspectedFile { file: file(1, etag), ..inspected(1) }];
        plan_batch(&name(), &Ledger::default(), files, vec![], SchemaChangeRule::Refuse).unwrap().unwrap()
    };
    assert_eq!(plan("a"), plan("a"));
    assert_ne!(plan("a").id, plan("b").id);
}

#[test]
fn an_accepted_schema_change_ends_one_batch_and_starts_the_next() {
    let ledger = Ledger { schema: Some(columns(&["id", "old"])), ..Ledger::default() };
    let before = InspectedFile { schema: columns(&["id", "old"]), ..inspected(1) };
    let after = InspectedFile { schema: columns(&["id", "new"]), ..inspected(2) };
    let plan = |files: &[&InspectedFile], rule| {
        plan_batch(&name(), &ledger, files.iter().map(|f| (*f).clone()).collect(), vec![], rule)
    };
    assert!(plan(&[&before, &after], SchemaChangeRule::Refuse).is_err());
    let first = plan(&[&before, &after], SchemaChangeRule::Accept).unwrap().unwrap();
    assert_eq!((first.files.len(), first.schema), (1, columns(&["id", "old"])));
    let second = plan(&[&after], SchemaChangeRule::Accept).unwrap().unwrap();
    assert_eq!((second.files.len(), second.schema), (1, columns(&["id", "new"])));
}

/// The ledger as a full load from this second on leaves it.
fn ledger_after_load(second: u32) -> Ledger {
    let floor = FileOrder::at(file(second, "").order.instant().unwrap());
    let watermark = Some(Watermark { file: floor.clone(), sequence: None });
    Ledger { watermark, last_batch: Some(BatchId("load".to_owned())), floor: Some(floor), ..Ledger::default() }
}

#[test]
fn files_before_a_full_load_are_contained_in_it_and_those_after_are_new() {
    let ledger = ledger_after_load(5);
    let listing: Vec<_> = [1, 4, 5, 6, 9].map(|second| file(second, "a")).to_vec();
    let pending = select_pending(&listing, &ledger, window(0, 20), NO_LIMIT);
    assert_eq!(
        pending.files,
        [file(5, "a"), file(6, "a"), file(9, "a")],
        "the look-back reaches behind the load's start"
    );

    let found = vec![inspected(5), sequenced(6, 1, 9), inspected(9)];
    assert!(found.iter().all(|file| !is_late(file, &ledger)), "nothing has been applied behind them");
    assert_eq!(find_replay(&found, &ledger), []);
    let batch = plan_batch(&name(), &ledger, found, vec![], SchemaChangeRule::Refuse).unwrap().unwrap();
    assert!(batch.files.iter().all(|file| file.role == FileRole::New));
    assert_eq!(batch.watermark.file, file(9, "a").order);
}

#[test]
fn an_old_file_that_is_overwritten_or_comes_late_stays_contained() {
    let mut ledger = ledger_of(&[inspected(6), inspected(8)]);
    ledger.floor = ledger_after_load(5).floor;
    let listing = [file(2, "other"), file(4, "a"), file(7, "a")];
    let pending = select_pending(&listing, &ledger, window(0, 20), NO_LIMIT);
    assert_eq!(pending.files, [file(7, "a")]);
    let late = vec![inspected(7)];
    let from = find_replay(&late, &ledger);
    let replayed = replayed_files(&ledger.files, &from, &late);
    assert_eq!(
        replayed.iter().map(|f| &f.file).collect::<Vec<_>>(),
        [&file(8, "a")],
        "lateness after the load goes on"
    );
}

#[test]
fn a_cleaner_may_take_what_a_full_load_contains() {
    let ledger = ledger_after_load(5);
    let index = ledger.index();
    assert!(index.has(&file(4, "a")) && !index.has(&file(5, "a")));
    assert!(!index.has_key(&file(4, "a").key), "no object of that name has been applied");
}

#[test]
fn the_first_batch_after_a_full_load_may_have_any_columns() {
    let known = Ledger { schema: Some(columns(&["id", "old"])), ..ledger_after_load(5) };
    let renamed = InspectedFile { schema: columns(&["id", "new"]), ..inspected(6) };
    let plan = |ledger: &Ledger| plan_batch(&name(), ledger, vec![renamed.clone()], vec![], SchemaChangeRule::Refuse);
    assert!(plan(&known).is_err());
    assert_eq!(plan(&ledger_after_load(5)).unwrap().unwrap().schema, columns(&["id", "new"]));
}
