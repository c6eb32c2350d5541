//! `quarrel demo`: a change history of its own, replicated through the public job, and checked against an independent replay.
//!
//! The history has what makes replication hard: several changes of a key in one file, rows that are deleted and inserted
//! again, ties in commit time, a column that is added part-way, a file that comes late and one that comes twice.
//!
//! # Invariants
//! - Nothing installed, no network: a folder, a SQLite file, and this process.
//! - The replay shares no code with the job: it reads the generator's memory, not the files.
//! - Same number of changes, same demo.

mod check;
mod delivery;
mod files;
mod history;
mod place;
mod random;
mod replay;
mod tables;
mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use quarrel_model::collect::SchemaChangeRule;
use quarrel_model::config::{ConfigFaults, parse};
use quarrel_model::summary::{RunStatus, RunSummary};
use serde::Serialize;
use sqlx::Connection as _;
use tokio_util::sync::CancellationToken;

pub use self::check::{CheckError, Comparison};
pub use self::delivery::Arrival;
pub use self::files::WriteFileError;
pub use self::place::{DemoEngine, PlaceError};

use self::check::{compare_table, create_target, open_target};
use self::delivery::{CYCLES, delivered_until, deliveries, run_instant};
use self::files::write_file;
use self::history::{TableHistory, make_history};
use self::place::Place;
use self::replay::replay;
use crate::cdc::{CdcOptions, run_tables};
use crate::context::{Context, ContextError, Progress};

/// Changes of a demo where nothing else is asked for.
pub const CHANGES_DEFAULT: u64 = 100_000;
/// Fewer would leave files without rows to update.
pub const CHANGES_MIN: u64 = 600;
/// The history is held in memory for the replay, at some 400 bytes a change.
pub const CHANGES_MAX: u64 = 2_000_000;

/// What a user may ask of the demo.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// From [`CHANGES_MIN`] to [`CHANGES_MAX`].
    pub changes: u64,
    /// An empty folder, or one to be made; None: one among the system's temporary files, which stays.
    pub folder: Option<PathBuf>,
    pub engine: DemoEngine,
}

/// Why a demo could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("{changes} changes are asked for; from {CHANGES_MIN} to {CHANGES_MAX} are possible")]
    Changes { changes: u64 },
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("the demo's folder can't be named in a configuration")]
    Config { source: ConfigFaults },
    #[error(transparent)]
    Context(#[from] ContextError),
    #[error(transparent)]
    WriteFile(#[from] WriteFileError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error("the demo's history could not be made")]
    History { source: tokio::task::JoinError },
}

/// The history, before anything of it is delivered.
#[derive(Debug, Clone, Serialize)]
pub struct Prepared {
    pub folder: PathBuf,
    pub config: PathBuf,
    pub target: PathBuf,
    pub tables: Vec<&'static str>,
    pub changes: u64,
    pub files: usize,
}

/// Files that have been delivered before a cycle.
#[derive(Debug, Clone, Serialize)]
pub struct Delivered {
    /// Counted from 1.
    pub cycle: usize,
    pub cycles: usize,
    pub files: usize,
    pub bytes: u64,
    /// Those that did not come in turn: table, file name, how.
    pub out_of_turn: Vec<(&'static str, String, Arrival)>,
}

/// A cycle: what came, what the job did with it, and whether the target is right.
#[derive(Debug, Clone, Serialize)]
pub struct CycleReport {
    pub delivered: Delivered,
    pub runs: Vec<RunSummary>,
    /// None when a run failed: what is missing then is no difference.
    pub comparison: Option<Comparison>,
}

/// The whole demo.
#[derive(Debug, Clone, Serialize)]
pub struct DemoReport {
    pub prepared: Prepared,
    pub cycles: Vec<CycleReport>,
    pub seconds: f64,
}

impl DemoReport {
    /// Whether every cycle was reached and every run of it did its work.
    pub fn all_ran(&self) -> bool {
        self.cycles.len() == CYCLES && self.runs().all(|run| did_its_work(run.status))
    }

    fn runs(&self) -> impl Iterator<Item = &RunSummary> {
        self.cycles.iter().flat_map(|cycle| &cycle.runs)
    }

    /// Whether target and replay were equal whenever they were compared.
    pub fn all_equal(&self) -> bool {
        self.cycles.iter().filter_map(|cycle| cycle.comparison.as_ref()).all(|comparison| comparison.different == 0)
    }
}

/// Told what the demo is at.
pub trait DemoObserver: Send + Sync {
    fn prepared(&self, prepared: &Prepared);
    fn delivered(&self, delivered: &Delivered);
    fn cycle(&self, report: &CycleReport);
}

/// Runs the demo. A cycle that fails or differs ends it, and is the report's last.
///
/// # Errors
/// The demo itself could not be set up or read back; what a run does wrong is in the report.
pub async fn run_demo(
    options: &DemoOptions,
    progress: Arc<dyn Progress>,
    observer: &dyn DemoObserver,
    cancel: &CancellationToken,
) -> Result<DemoReport, DemoError> {
    let started = Instant::now();
    let (place, context, history) = prepare(options, progress).await?;
    let prepared = Prepared {
        folder: place.folder.clone(),
        config: place.config(),
        target: place.target(),
        tables: history.iter().map(|of_table| of_table.table.name).collect(),
        changes: history.iter().flat_map(|table| &table.files).map(|file| file.changes.len() as u64).sum(),
        files: history.iter().map(|of_table| of_table.files.len()).sum(),
    };
    observer.prepared(&prepared);
    let mut report = DemoReport { prepared, cycles: Vec::new(), seconds: 0.0 };
    for cycle in 0..CYCLES {
        let done = run_cycle(cycle, &place, &context, &history, observer, cancel).await?;
        observer.cycle(&done);
        report.cycles.push(done);
        let go_on = report.all_equal() && report.runs().all(|run| did_its_work(run.status));
        if !go_on || cancel.is_cancelled() {
            break;
        }
    }
    context.close().await;
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

fn did_its_work(status: RunStatus) -> bool {
    match status {
        RunStatus::Succeeded | RunStatus::NothingToDo => true,
        RunStatus::Failed | RunStatus::AlreadyRunning | RunStatus::Cancelled => false,
    }
}

async fn prepare(
    options: &DemoOptions,
    progress: Arc<dyn Progress>,
) -> Result<(Place, Arc<Context>, Vec<TableHistory>), DemoError> {
    let changes = options.changes;
    if !(CHANGES_MIN..=CHANGES_MAX).contains(&changes) {
        return Err(DemoError::Changes { changes });
    }
    let place = Place::make(options.folder.as_deref(), Utc::now())?;
    let text = place.write_config(options.engine)?;
    let folder = place.folder.to_string_lossy().into_owned();
    let config = parse(&text, &folder).map_err(|source| DemoError::Config { source })?;
    create_target(&place.target()).await?;
    let making = tokio::task::spawn_blocking(move || make_history(changes as usize));
    let context = Context::open(config, &folder, progress).await?;
    let history = making.await.map_err(|source| DemoError::History { source })?;
    Ok((place, Arc::new(context), history))
}

async fn run_cycle(
    cycle: usize,
    place: &Place,
    context: &Arc<Context>,
    history: &[TableHistory],
    observer: &dyn DemoObserver,
    cancel: &CancellationToken,
) -> Result<CycleReport, DemoError> {
    let delivered = deliver(cycle, place, history).await?;
    observer.delivered(&delivered);
    let options = CdcOptions { at: run_instant(cycle), look_back: None, schema_changes: SchemaChangeRule::Refuse };
    let tables = context.config.tables.clone();
    let runs = run_tables(Arc::clone(context), tables, options, cancel.clone()).await;
    let comparison = match runs.iter().all(|run| did_its_work(run.status)) {
        true => Some(compare(cycle, &place.target(), history).await?),
        false => None,
    };
    Ok(CycleReport { delivered, runs, comparison })
}

async fn deliver(cycle: usize, place: &Place, history: &[TableHistory]) -> Result<Delivered, DemoError> {
    let mut delivered = Delivered { cycle: cycle + 1, cycles: CYCLES, files: 0, bytes: 0, out_of_turn: Vec::new() };
    for delivery in deliveries(history, cycle) {
        let of_table = &history[delivery.table];
        let file = &of_table.files[delivery.file];
        let table = of_table.table;
        delivered.bytes += write_file(&place.changes_of(table.name), table, file).await?;
        delivered.files += 1;
        match delivery.arrival {
            Arrival::InTurn => {}
            Arrival::Late | Arrival::Again => {
                delivered.out_of_turn.push((table.name, file.name.clone(), delivery.arrival));
            }
        }
    }
    Ok(delivered)
}

/// Holds the target against the replay of everything delivered so far.
async fn compare(cycle: usize, target: &Path, history: &[TableHistory]) -> Result<Comparison, DemoError> {
    let mut comparison = Comparison::default();
    let mut connection = open_target(target).await?;
    for (of_table, delivered) in history.iter().zip(delivered_until(history, cycle)) {
        let last_file = delivered.last().copied().unwrap_or(0);
        let replica = replay(of_table, &delivered);
        compare_table(&mut connection, of_table.table, last_file, replica, &mut comparison).await?;
    }
    // It was only read from: nothing is lost if it doesn't close in good order.
    connection.close().await.ok();
    Ok(comparison)
}
