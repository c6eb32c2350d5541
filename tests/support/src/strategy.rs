//! Owns the proptest strategies of histories, and the order in which files reach the lake.
//!
//! Everything shrinks towards a short history of puts in one file, that arrives in order.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::history::{Clock, ColumnSet, Cut, Folders, History, NameDigits, RowOrder, Sequence, Shape, Step, Wish};

/// The most columns a history adds on its way.
const ADDED_COLUMNS_MAX: usize = 2;

/// One step, of any kind.
pub fn steps(count_max: usize) -> impl Strategy<Value = Vec<Step>> {
    let wish = prop_oneof![6 => Just(Wish::Put), 1 => Just(Wish::InsertAnyway), 2 => Just(Wish::Delete)];
    let clock = prop_oneof![1 => Just(Clock::Tie), 2 => (0..600_000_u32).prop_map(Clock::Later)];
    let cut = prop_oneof![8 => Just(Cut::SameFile), 2 => Just(Cut::NewFile), 1 => Just(Cut::NewFileAfterEmpty)];
    let step = (0..24_u16, wish, any::<u32>(), clock, cut).prop_map(|(key, wish, salt, clock, cut)| Step {
        key,
        wish,
        salt,
        clock,
        cut,
    });
    vec(step, 0..=count_max)
}

/// Any shape of a table whose history has up to `count_max` events.
pub fn shapes(count_max: usize) -> impl Strategy<Value = Shape> {
    let orders = prop_oneof![
        3 => Just((Sequence::Absent, RowOrder::AsCommitted)),
        1 => Just((Sequence::Present, RowOrder::AsCommitted)),
        1 => Just((Sequence::Present, RowOrder::Reversed)),
    ];
    (
        1..24_u16,
        1..4_u8,
        prop_oneof![Just(ColumnSet::Narrow), Just(ColumnSet::Mixed)],
        vec(0..=count_max, 0..=ADDED_COLUMNS_MAX),
        orders,
        prop_oneof![Just(NameDigits::Nine), Just(NameDigits::Ten), Just(NameDigits::Mixed)],
        prop_oneof![Just(Folders::Flat), Just(Folders::ByHour)],
    )
        .prop_map(|(keys, key_columns, columns, added_at, (sequence, row_order), name_digits, folders)| Shape {
            keys,
            key_columns,
            columns,
            added_at,
            sequence,
            row_order,
            name_digits,
            folders,
        })
}

/// Any history of up to `count_max` events.
pub fn histories(count_max: usize) -> impl Strategy<Value = History> {
    (shapes(count_max), steps(count_max)).prop_map(|(shape, steps)| History::build(&shape, &steps))
}

/// When a file reaches the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arrival {
    /// Before the same run as the file before it.
    SameRun,
    /// Before the next run.
    NextRun,
    /// So many runs (at least one) after its turn, when later files have been applied.
    Late(u8),
    /// In its turn, and once more so many runs (at least one) later, under the same key.
    Again(u8),
}

/// Arrivals for up to `files_max` files.
pub fn arrivals(files_max: usize) -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = prop_oneof![
        4 => Just(Arrival::SameRun),
        4 => Just(Arrival::NextRun),
        1 => (1..4_u8).prop_map(Arrival::Late),
        1 => (1..4_u8).prop_map(Arrival::Again),
    ];
    vec(arrival, 0..=files_max)
}

/// Before each run, the numbers of the files that are put into the lake; no run is without files.
///
/// Every file comes at least once. Files past the end of `arrivals` come with the same run as the one before them.
pub fn deliveries(files: usize, arrivals: &[Arrival]) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut put = |run: usize, file: usize| {
        if runs.len() <= run {
            runs.resize(run + 1, Vec::new());
        }
        runs[run].push(file);
    };
    let mut turn = 0;
    for file in 0..files {
        match arrivals.get(file).copied().unwrap_or(Arrival::SameRun) {
            Arrival::SameRun => put(turn, file),
            Arrival::NextRun => {
                turn += 1;
                put(turn, file);
            }
            Arrival::Late(later) => put(turn + usize::from(later.max(1)), file),
            Arrival::Again(later) => {
                put(turn, file);
                put(turn + usize::from(later.max(1)), file);
            }
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Oracle;

    #[test]
    fn deliveries_place_files_as_told() {
        use Arrival::{Again, Late, NextRun, SameRun};
        assert_eq!(deliveries(3, &[]), [vec![0, 1, 2]]);
        assert_eq!(deliveries(4, &[SameRun, Late(1), NextRun, Again(1)]), [vec![0], vec![1, 2, 3], vec![3]]);
        assert_eq!(deliveries(2, &[NextRun, Late(9)]), [vec![0], vec![1]], "runs without files are left out");
    }

    proptest! {
        #[test]
        fn every_file_is_delivered_and_repeats_change_nothing(history in histories(60), arrivals in arrivals(12)) {
            let runs = deliveries(history.files.len(), &arrivals);
            let delivered: Vec<_> = runs.concat().into_iter().map(|file| history.files[file].clone()).collect();
            let oracle = Oracle::of_files(&history.key, &history.columns, &delivered);
            prop_assert_eq!(oracle, Oracle::of(&history));
        }

        #[test]
        fn histories_are_what_their_documentation_promises(history in histories(60)) {
            prop_assert!(history.files.windows(2).all(|pair| pair[0].name() < pair[1].name()));
            for file in &history.files {
                prop_assert!(file.events.iter().all(|event| event.key.len() == history.key.len()));
                prop_assert!(history.columns.starts_with(&file.columns));
            }
        }
    }
}
