//! Owns what one history test is made of: a table, what happens to it, how its files reach the lake, and what goes wrong.
//!
//! A [`Case`] is plain data that proptest makes and shrinks; [`Case::timeline`] turns it into what is put into the lake before
//! each run. Everything shrinks towards one file, one target and runs that nothing disturbs.
//!
//! # Invariants
//! - An overwritten file keeps its keys: what an older content did to a key that the newer one lacks is nowhere to be had.
//! - Re-delivered changes, under another file's name, have change sequences: without them they would be later changes.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use quarrel_testkit::ddl::KeyIndex;
use quarrel_testkit::dms::{Booleans, Codec, DmsOptions};
use quarrel_testkit::history::{ChangeFileSpec, Cut, History, Operation, RowOrder, Sequence, Shape, Step, value_of};
use quarrel_testkit::strategy::{Arrival, arrivals, deliveries, shapes, steps};

/// Changes of one history.
const CHANGES_MAX: usize = 60;
/// Change files of one history, less the two that added columns may cut off, and re-delivered ones.
const FILES_MAX: usize = 8;
/// Deliveries, each followed by a run; one more run follows that nothing disturbs.
pub const DELIVERIES_MAX: usize = 4;
/// Wake-ups after which a run is dropped or cancelled. An undisturbed run of these sizes takes about a hundred, and seldom more
/// than three hundred.
const WAKE_UPS_OFTEN: std::ops::Range<u32> = 1..120;
const WAKE_UPS_SELDOM: std::ops::Range<u32> = 1..330;

/// One history and its troubles.
#[derive(Debug, Clone)]
pub struct Case {
    pub shape: Shape,
    pub steps: Vec<Step>,
    pub sequenced: Sequenced,
    pub options: DmsOptions,
    pub arrivals: Vec<Arrival>,
    /// By the number of the file; files beyond have none.
    pub mischief: Vec<Mischief>,
    pub runs: Vec<RunSpec>,
    pub targets: TargetCount,
    pub index: KeyIndex,
    pub after_load: Cleaning,
    pub window: WindowSpec,
    pub batch_files_max: usize,
}

/// Which files have a change sequence, if the shape has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequenced {
    All,
    /// The rule that adds it came with this file.
    From(usize),
    /// It went with this file.
    Until(usize),
}

/// What else befalls a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    None,
    /// So many runs after it came, other content comes under its key.
    Overwritten {
        later: usize,
        salt: u32,
    },
    /// So many runs after it came, changes come again under the name of a later file.
    Redelivered {
        later: usize,
        cut: Recut,
    },
    /// The run before it comes sees a half of it.
    HalfFirst,
    /// The run before it comes sees a file of no bytes.
    EmptyFirst,
}

/// How re-delivered changes are cut into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recut {
    Same,
    /// From the middle of the file to the middle of the next, as when a task goes on from an earlier checkpoint.
    Across,
}

/// What one run has to live with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSpec {
    pub faults: [TargetFault; 2],
    pub interruption: Interruption,
    pub reach: Reach,
}

impl RunSpec {
    /// Nothing disturbs it.
    pub const QUIET: RunSpec =
        RunSpec { faults: [TargetFault::None; 2], interruption: Interruption::None, reach: Reach::Everything };
}

/// How a target behaves during one run. Loads are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetFault {
    None,
    /// Nothing reaches it.
    Away,
    /// A load fails before it has done anything.
    Rejects {
        load: usize,
    },
    /// A load commits, and its reply is lost.
    FailsAfterWrite {
        load: usize,
    },
}

/// How a run ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    None,
    /// Gone after so many wake-ups, as its process would be.
    Dropped {
        wake_ups: u32,
    },
    Cancelled {
        wake_ups: u32,
    },
}

/// How far a run's window goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Everything,
    /// Up to the second of this file, which is left out.
    File(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetCount {
    One,
    Two,
}

/// What becomes of applied files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaning {
    Keep,
    Archive,
}

/// How far a run looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowSpec {
    Wide,
    /// So many minutes before its end. Only without change sequences: with them, a replay may need files from before it.
    Narrow {
        minutes: i64,
    },
}

/// What lies under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Whole(ChangeFileSpec),
    /// The first half of its bytes.
    Half(ChangeFileSpec),
    /// No bytes, for a while.
    Empty(ChangeFileSpec),
}

impl Content {
    pub fn spec(&self) -> &ChangeFileSpec {
        match self {
            Content::Whole(spec) | Content::Half(spec) | Content::Empty(spec) => spec,
        }
    }
}

impl Case {
    /// What happened, as files.
    pub fn history(&self) -> History {
        let mut history = History::build(&self.shape, &bounded(&self.steps));
        for (number, file) in history.files.iter_mut().enumerate() {
            let has = match self.sequenced {
                // Rows that are not in the order of their sequences have no order at all without them.
                _ if self.shape.row_order == RowOrder::Reversed => true,
                Sequenced::All => true,
                Sequenced::From(first) => number >= first,
                Sequenced::Until(end) => number < end,
            };
            if !has {
                file.sequence = Sequence::Absent;
                file.events.iter_mut().for_each(|event| event.change_sequence = None);
            }
        }
        history
    }

    /// What is put into the lake before each run.
    pub fn timeline(&self, history: &History) -> Vec<Vec<Content>> {
        let mut runs: Vec<Vec<Content>> = Vec::new();
        let mut first_seen: BTreeMap<usize, usize> = BTreeMap::new();
        for (run, numbers) in deliveries(history.files.len(), &self.arrivals).into_iter().enumerate() {
            let run = run.min(DELIVERIES_MAX - 1);
            runs.resize(runs.len().max(run + 1), Vec::new());
            for number in numbers {
                first_seen.entry(number).or_insert(run);
                runs[run].push(Content::Whole(history.files[number].clone()));
            }
        }
        let overwrites = self.arrivals.iter().any(|arrival| matches!(arrival, Arrival::Again(_)))
            || self.mischief.iter().any(|mischief| matches!(mischief, Mischief::Overwritten { .. }));
        for (number, file) in history.files.iter().enumerate() {
            let seen = first_seen[&number];
            let mut put = |run: usize, content: Content| {
                if run < DELIVERIES_MAX {
                    runs.resize(runs.len().max(run + 1), Vec::new());
                    runs[run].push(content);
                }
            };
            match self.mischief.get(number).copied().unwrap_or(Mischief::None) {
                Mischief::Overwritten { later, salt } => put(seen + later, Content::Whole(rewritten(file, salt))),
                Mischief::Redelivered { later, cut } => {
                    let seen = seen.max(first_seen.get(&(number + 1)).copied().unwrap_or(0));
                    if let Some(again) = redelivered(history, number, cut) {
                        put(seen + later, Content::Whole(again));
                    }
                }
                // While a file is being written, later ones wait; were one of them overwritten, no replay could go past it.
                Mischief::HalfFirst if seen > 0 && !overwrites => put(seen - 1, Content::Half(file.clone())),
                Mischief::EmptyFirst if seen > 0 => {
                    let nothing = ChangeFileSpec { events: Vec::new(), ..file.clone() };
                    put(seen - 1, Content::Empty(nothing));
                }
                Mischief::None | Mischief::HalfFirst | Mischief::EmptyFirst => {}
            }
        }
        runs
    }

    /// What disturbs a run.
    pub fn run(&self, number: usize) -> RunSpec {
        self.runs.get(number).copied().unwrap_or(RunSpec::QUIET)
    }

    /// How far runs look back: a history with change sequences looks back to its beginning.
    pub fn window(&self) -> WindowSpec {
        match self.shape.sequence {
            Sequence::Absent => self.window,
            Sequence::Present => WindowSpec::Wide,
        }
    }
}

/// The steps with no more cuts than make [`FILES_MAX`] files.
fn bounded(steps: &[Step]) -> Vec<Step> {
    let mut files = 1;
    let cut = |step: &Step| {
        let more = match step.cut {
            Cut::SameFile => 0,
            Cut::NewFile => 1,
            Cut::NewFileAfterEmpty => 2,
        };
        let fits = files + more <= FILES_MAX;
        files += if fits { more } else { 0 };
        Step { cut: if fits { step.cut } else { Cut::SameFile }, ..*step }
    };
    steps.iter().map(cut).collect()
}

/// The same changes of the same keys with other values, one of them a delete now.
fn rewritten(file: &ChangeFileSpec, salt: u32) -> ChangeFileSpec {
    let mut file = file.clone();
    let count = file.events.len();
    for (number, event) in file.events.iter_mut().enumerate() {
        for (place, value) in event.values.iter_mut().enumerate() {
            let bits = salt.wrapping_add((number * 31 + place) as u32).wrapping_mul(0x9E37_79B9);
            *value = value_of(file.columns[place].column_type, bits ^ (bits >> 15));
        }
        if number == salt as usize % count {
            event.operation = Operation::Delete;
            event.values.clear();
        }
    }
    file
}

/// The same changes behind the last file that has the same columns; none without change sequences.
fn redelivered(history: &History, number: usize, cut: Recut) -> Option<ChangeFileSpec> {
    let file = &history.files[number];
    let has_order = |file: &ChangeFileSpec| match file.sequence {
        Sequence::Present => true,
        Sequence::Absent => file.events.is_empty(),
    };
    if !history.files.iter().all(has_order) {
        return None;
    }
    let mut events = file.events.clone();
    match (cut, history.files.get(number + 1)) {
        (Recut::Across, Some(next)) if next.columns == file.columns => {
            events.extend(next.events.iter().cloned());
            events.sort_by(|left, right| left.change_sequence.cmp(&right.change_sequence));
            events = events[events.len() / 4..events.len() - events.len() / 4].to_vec();
        }
        (Recut::Across | Recut::Same, _) => {}
    }
    let behind = history.files.iter().rev().find(|other| other.columns == file.columns)?;
    let stem = behind.path.strip_suffix(".parquet")?;
    // Two digits more sort behind the file, and before the next millisecond. Several may be re-delivered behind one.
    Some(ChangeFileSpec { path: format!("{stem}{:02}.parquet", 11 + number), events, ..file.clone() })
}

/// Any case.
pub fn cases() -> impl Strategy<Value = Case> {
    let sequenced = prop_oneof![
        4 => Just(Sequenced::All),
        1 => (0..FILES_MAX).prop_map(Sequenced::From),
        1 => (0..FILES_MAX).prop_map(Sequenced::Until),
    ];
    let targets = prop_oneof![2 => Just(TargetCount::One), 1 => Just(TargetCount::Two)];
    let index = prop_oneof![2 => Just(KeyIndex::PrimaryKey), 1 => Just(KeyIndex::Absent)];
    let cleaning = prop_oneof![Just(Cleaning::Keep), Just(Cleaning::Archive)];
    let window =
        prop_oneof![4 => Just(WindowSpec::Wide), 1 => (1..600_i64).prop_map(|minutes| WindowSpec::Narrow { minutes })];
    let batch_files_max = prop_oneof![3 => Just(5_000_usize), 1 => 1..4_usize];
    let troubles = (vec(mischief(), 0..=FILES_MAX), vec(run_spec(), 0..=DELIVERIES_MAX));
    let settings = (sequenced, options(), targets, index, cleaning, window, batch_files_max);
    (shapes(CHANGES_MAX), steps(CHANGES_MAX), arrivals(FILES_MAX), troubles, settings).prop_map(
        |(shape, steps, arrivals, (mischief, runs), settings)| {
            let (sequenced, options, targets, index, after_load, window, batch_files_max) = settings;
            Case {
                shape,
                steps,
                sequenced,
                options,
                arrivals,
                mischief,
                runs,
                targets,
                index,
                after_load,
                window,
                batch_files_max,
            }
        },
    )
}

fn options() -> impl Strategy<Value = DmsOptions> {
    let timestamp = prop_oneof![Just(None), Just(Some("committed_at".to_owned()))];
    let booleans = prop_oneof![Just(Booleans::AsText), Just(Booleans::AsBoolean)];
    let row_group_rows = prop_oneof![Just(10_024_usize), 1..8_usize];
    (proptest::sample::select(&Codec::ALL[..]), timestamp, booleans, row_group_rows).prop_map(
        |(codec, timestamp_column, booleans, row_group_rows)| DmsOptions {
            row_group_rows,
            codec,
            timestamp_column,
            booleans,
        },
    )
}

fn mischief() -> impl Strategy<Value = Mischief> {
    prop_oneof![
        8 => Just(Mischief::None),
        1 => (1..4_usize, any::<u32>()).prop_map(|(later, salt)| Mischief::Overwritten { later, salt }),
        1 => (0..4_usize, prop_oneof![Just(Recut::Same), Just(Recut::Across)])
            .prop_map(|(later, cut)| Mischief::Redelivered { later, cut }),
        1 => Just(Mischief::HalfFirst),
        1 => Just(Mischief::EmptyFirst),
    ]
}

fn run_spec() -> impl Strategy<Value = RunSpec> {
    let fault = || {
        prop_oneof![
            8 => Just(TargetFault::None),
            1 => Just(TargetFault::Away),
            1 => (0..3_usize).prop_map(|load| TargetFault::Rejects { load }),
            1 => (0..3_usize).prop_map(|load| TargetFault::FailsAfterWrite { load }),
        ]
    };
    let wake_ups = || prop_oneof![3 => WAKE_UPS_OFTEN, 1 => WAKE_UPS_SELDOM];
    let interruption = prop_oneof![
        4 => Just(Interruption::None),
        1 => wake_ups().prop_map(|wake_ups| Interruption::Dropped { wake_ups }),
        1 => wake_ups().prop_map(|wake_ups| Interruption::Cancelled { wake_ups }),
    ];
    let reach = prop_oneof![4 => Just(Reach::Everything), 1 => (0..FILES_MAX).prop_map(Reach::File)];
    (fault(), fault(), interruption, reach).prop_map(|(first, second, interruption, reach)| RunSpec {
        faults: [first, second],
        interruption,
        reach,
    })
}
