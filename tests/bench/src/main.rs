//! `quarrel-bench`: Quarrel beside its peers, on the same data, in the same run.
//!
//! The benchmark knows Quarrel only from outside: it starts the binary it is given and reads what that prints. It is never part of a
//! test run, and no test asserts a time.

mod data;
mod error;
mod machine;
mod ours;
mod peers;
mod postgres;
mod process;
mod report;
mod sample;
mod suite;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use quarrel_testkit::postgres::PostgresServer;

use data::{DataSpec, open_or_generate};
use error::{BenchError, at, chain};
use machine::Machine;
use peers::Peers;
use postgres::Database;
use report::Report;
use suite::place::start_or_error;
use suite::{Bench, BenchSettings, Part, SparkForms, progress};

/// The size.
const CHANGES: u64 = 5_000_000;
/// Settings of the target beyond the test kit's: checkpoints must not fall into one run and miss the next.
const POSTGRES_SETTINGS: [(&str, &str); 3] =
    [("max_wal_size", "16GB"), ("checkpoint_timeout", "1h"), ("shared_buffers", "512MB")];

#[derive(Debug, Parser)]
#[command(name = "quarrel-bench", about = "Quarrel beside its peers on the same data")]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Makes the change files of one size and keeps them.
    Generate(GenerateArgs),
    /// Measures, prints one table and writes it as JSON.
    Run(RunArgs),
}

#[derive(Debug, Args)]
struct GenerateArgs {
    /// Folder that keeps data sets.
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long, default_value_t = CHANGES)]
    changes: u64,
    /// Default: one for every 25,000 changes.
    #[arg(long)]
    files: Option<u32>,
    /// Keys to draw from. Default: a fifth of the changes.
    #[arg(long)]
    keys: Option<u64>,
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The binary to measure: a release build.
    #[arg(long)]
    quarrel: PathBuf,
    #[arg(long, default_value_t = CHANGES)]
    changes: u64,
    /// Parts to measure. Default: all.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Timed runs of each figure, after one that warms up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Sizes whose peak memory is compared, smallest first.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 5_000_000, 20_000_000])]
    memory_changes: Vec<u64>,
    /// Try every form of PySpark's reduction before timing the quickest (DuckDB's are always tried).
    #[arg(long)]
    all_spark_forms: bool,
    /// Folder that keeps data sets and, while a run lasts, its scratch files.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the JSON goes.
    #[arg(long, default_value = "bench.json")]
    out: PathBuf,
    /// Python of the peers' environment. Default: the one that `setup_peers.sh` makes.
    #[arg(long)]
    python: Option<PathBuf>,
    /// An existing, disposable Postgres database. Default: a server of the benchmark's own. Its schemas `bench` and `quarrel` are dropped.
    #[arg(long)]
    target_url: Option<String>,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Verb::Generate(args) => generate(&args),
        Verb::Run(args) => run(args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {}", chain(&error));
            ExitCode::from(2)
        }
    }
}

fn generate(args: &GenerateArgs) -> Result<ExitCode, BenchError> {
    let usual = DataSpec::of_changes(args.changes);
    let spec = DataSpec {
        changes: args.changes,
        files: args.files.unwrap_or(usual.files),
        keys: args.keys.unwrap_or(usual.keys),
        seed: args.seed,
    };
    let data = open_or_generate(spec, &args.data.clone().unwrap_or_else(|| cache().join("bench")))?;
    println!(
        "{}: {} changes of {} keys ({} deleted in the end), {:.1} MB in {} files",
        data.changes().display(),
        spec.changes,
        data.keys_changed,
        data.keys_deleted,
        data.bytes as f64 / 1e6,
        spec.files
    );
    Ok(ExitCode::SUCCESS)
}

/// Measures the parts asked for; ends with 1 when something could not be measured or differed.
fn run(args: RunArgs) -> Result<ExitCode, BenchError> {
    let binary = args.quarrel.canonicalize().map_err(at(&args.quarrel))?;
    let cache_folder = args.data.clone().unwrap_or_else(|| cache().join("bench"));
    std::fs::create_dir_all(&cache_folder).map_err(at(&cache_folder))?;
    let cache_folder = cache_folder.canonicalize().map_err(at(&cache_folder))?;
    let scratch = cache_folder.join("scratch");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).map_err(at(&scratch))?;
    }
    std::fs::create_dir_all(&scratch).map_err(at(&scratch))?;

    let (server, url) = target(args.target_url.clone())?;
    let database = Database { url, scratch: scratch.clone() };
    let mut machine = Machine::read();
    machine.add_version_of("Quarrel", &binary);
    machine.add_version("PostgreSQL", database.version()?);
    let peers = Peers {
        python: args.python.clone().unwrap_or_else(|| cache().join("bench-venv/bin/python")),
        scripts: Path::new(env!("CARGO_MANIFEST_DIR")).join("peers"),
        scratch: scratch.clone(),
    };
    let spec = DataSpec::of_changes(args.changes);
    let mut report = Report::new(machine, args.changes, args.runs);
    if args.changes != CHANGES {
        report.notes.push(format!("the issue's bounds are meant for {CHANGES} changes; these are {}", args.changes));
    }
    let settings = BenchSettings {
        binary,
        cache: cache_folder,
        scratch: scratch.clone(),
        spec,
        runs: args.runs,
        memory_changes: args.memory_changes,
        spark_forms: if args.all_spark_forms { SparkForms::All } else { SparkForms::First },
        database,
        peers,
    };
    let mut bench = Bench::new(settings, report);
    let parts = if args.only.is_empty() { Part::value_variants() } else { &args.only };
    for part in parts {
        progress(&format!("part {part:?}"));
        bench.measure(*part);
        // After every part: hours of measuring must not be lost with the last one.
        bench.report.write_json(&args.out)?;
    }
    drop(server);
    println!("{}", bench.report.to_markdown());
    if bench.report.failures.is_empty() {
        std::fs::remove_dir_all(&scratch).map_err(at(&scratch))?;
        return Ok(ExitCode::SUCCESS);
    }
    progress(&format!("logs are in {}", scratch.display()));
    Ok(ExitCode::from(1))
}

/// The target database, and the server to keep while it is used.
fn target(url: Option<String>) -> Result<(Option<PostgresServer>, String), BenchError> {
    match url {
        Some(url) => Ok((None, url)),
        None => {
            let server = start_or_error("PostgreSQL", || PostgresServer::start_with_settings(&POSTGRES_SETTINGS))?;
            let url = server.create_database();
            Ok((Some(server), url))
        }
    }
}

/// Quarrel's cache folder of this user.
fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("quarrel")
}
