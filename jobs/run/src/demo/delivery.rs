//! Who delivers which change file when: in turn but for one that comes late and one that comes twice.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::history::{FILES, TableHistory, file_instant};

/// Cycles of the demo.
pub(super) const CYCLES: usize = 3;
/// The customers' file that is held back until the last cycle, when files after it have long been applied.
const LATE: (&str, usize) = ("customers", 5);
/// The order lines' file that is delivered once more in the second cycle.
const AGAIN: (&str, usize) = ("order_lines", 3);
/// From the last file of a cycle to the run that applies it.
const RUN_DELAY: TimeDelta = TimeDelta::seconds(90);

/// How a file comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    InTurn,
    /// After files that were written later.
    Late,
    /// The same file, delivered once more.
    Again,
}

/// A file that is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Place of the table among the histories.
    pub(super) table: usize,
    /// Place of the file among the table's.
    pub(super) file: usize,
    pub(super) arrival: Arrival,
}

/// The files that come before the run of this cycle, counted from 0.
pub(super) fn deliveries(history: &[TableHistory], cycle: usize) -> Vec<Delivery> {
    let in_turn = files_in_turn(cycle);
    let mut found = Vec::new();
    for (table, of_table) in history.iter().enumerate() {
        let is = |special: (&str, usize), file: usize| special == (of_table.table.name, file);
        for file in in_turn.clone().filter(|file| !is(LATE, *file)) {
            found.push(Delivery { table, file, arrival: Arrival::InTurn });
        }
        if cycle + 1 == CYCLES && of_table.table.name == LATE.0 {
            found.push(Delivery { table, file: LATE.1, arrival: Arrival::Late });
        }
        if cycle == 1 && of_table.table.name == AGAIN.0 {
            found.push(Delivery { table, file: AGAIN.1, arrival: Arrival::Again });
        }
    }
    found
}

fn files_in_turn(cycle: usize) -> std::ops::Range<usize> {
    FILES * cycle / CYCLES..FILES * (cycle + 1) / CYCLES
}

/// The logical time of a cycle's run.
pub(super) fn run_instant(cycle: usize) -> DateTime<Utc> {
    file_instant(files_in_turn(cycle).end - 1) + RUN_DELAY
}

/// The files of each table that have been delivered, at least once, when the run of a cycle begins.
pub(super) fn delivered_until(history: &[TableHistory], cycle: usize) -> Vec<BTreeSet<usize>> {
    let mut delivered = vec![BTreeSet::new(); history.len()];
    for delivery in (0..=cycle).flat_map(|cycle| deliveries(history, cycle)) {
        delivered[delivery.table].insert(delivery.file);
    }
    delivered
}

#[cfg(test)]
mod tests {
    use super::super::history::make_history;
    use super::*;

    #[test]
    fn every_file_is_delivered_and_only_one_twice() {
        let history = make_history(600);
        let all: Vec<Delivery> = (0..CYCLES).flat_map(|cycle| deliveries(&history, cycle)).collect();
        let count = |arrival| all.iter().filter(|delivery| delivery.arrival == arrival).count();
        assert_eq!((count(Arrival::InTurn), count(Arrival::Late), count(Arrival::Again)), (59, 1, 1));
        let delivered = delivered_until(&history, CYCLES - 1);
        assert!(delivered.iter().all(|files| files.len() == 20));
        assert_eq!(delivered_until(&history, 0)[0].iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn late_file_lies_within_the_look_back_of_its_run() {
        let look_back = TimeDelta::hours(5);
        assert!(file_instant(LATE.1) > run_instant(CYCLES - 1) - look_back);
    }
}
