//! `import`: the variable of the Airflow service as a configuration.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use chrono::Utc;
use quarrel_model::import::{Finding, Givens, Import, ImportedConnection, ImportedTable, import as convert};
use serde::{Deserialize, Serialize};

use crate::cli::ImportArgs;
use crate::exit::{Exit, Failure};
use crate::output::{Output, OutputFormat, print, tell};
use crate::render;

/// What stands for stdin.
const STDIN: &str = "-";

/// Well beyond what the conversion takes: it says so of a longer text, and memory has its bound all the same.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What was made of the variable.
#[derive(Debug, Serialize)]
pub struct ImportReport<'i> {
    pub file: String,
    /// Where the configuration was written; none: it is here alone.
    pub written: Option<String>,
    pub config: &'i str,
    /// Placeholders in it.
    pub to_fill_in: usize,
    pub connections: &'i [ImportedConnection],
    pub tables: &'i [ImportedTable],
    /// Of the configuration as a whole.
    pub findings: &'i [Finding],
    pub notes: &'i [String],
    /// Variables of the export that were not looked at.
    pub other_variables: usize,
}

/// Writes the configuration and reports what became of each setting.
pub fn import(args: &ImportArgs, output: Output) -> Result<Exit, Failure> {
    let out = args.out.as_deref();
    if let Some(out) = out.filter(|out| !args.force && out.exists()) {
        return Err(is_there(out));
    }
    let file = match is_stdin(&args.file) {
        true => "stdin".to_owned(),
        false => args.file.display().to_string(),
    };
    let text = read(&args.file)?;
    let givens = Givens {
        changes: args.changes.clone(),
        work: args.work.clone(),
        key: args.key.clone(),
        created: args.created.clone(),
        updated: args.updated.clone(),
        delay_unit: args.delay_unit(),
        pools: args.pools.as_deref().map(read_pools).transpose()?.unwrap_or_default(),
    };
    let imported = convert(&text, &givens, Utc::now()).map_err(|faults| Failure::of_faults(&file, faults))?;
    if let Some(out) = out {
        write(out, &imported.config, args)?;
    }
    show(&imported, file, out, output)?;
    Ok(Exit::Success)
}

/// The configuration goes to stdout, unless it went to a file; the report for people to stderr.
fn show(imported: &Import, file: String, out: Option<&Path>, output: Output) -> Result<(), Failure> {
    let report = ImportReport {
        file,
        written: out.map(|out| out.display().to_string()),
        config: &imported.config,
        to_fill_in: imported.to_fill_in,
        connections: &imported.connections,
        tables: &imported.tables,
        findings: &imported.findings,
        notes: &imported.notes,
        other_variables: imported.other_variables,
    };
    match (output.format, out) {
        (OutputFormat::Json, _) => output.result(&report, |_| String::new()),
        (OutputFormat::Table, None) => {
            print(imported.config.trim_end())?;
            tell(&render::import::text(&report));
            Ok(())
        }
        (OutputFormat::Table, Some(_)) => {
            tell(&render::import::text(&report));
            Ok(())
        }
    }
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == STDIN
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let opened: Box<dyn std::io::Read> = match is_stdin(file) {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(std::fs::File::open(file).map_err(|source| unreadable(file, &source))?),
    };
    opened.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(|source| unreadable(file, &source))?;
    String::from_utf8(bytes).map_err(|source| {
        let place = source.utf8_error().valid_up_to();
        Failure::new(Exit::Configuration, format!("{} is not UTF-8 (from byte {place} on)", file.display()))
    })
}

fn unreadable(file: &Path, source: &std::io::Error) -> Failure {
    Failure::new(Exit::Configuration, format!("failed to read {}: {source}", file.display()))
}

/// A pool as `airflow pools export` writes it; whatever else it has doesn't matter here.
#[derive(Debug, Deserialize)]
struct Pool {
    slots: i64,
}

fn read_pools(file: &Path) -> Result<BTreeMap<String, u32>, Failure> {
    let text = read(file)?;
    let pools: BTreeMap<String, Pool> = serde_json::from_str(&text).map_err(|source| {
        let error = format!("{} is not what `airflow pools export` writes: {source}", file.display());
        Failure::new(Exit::Configuration, error)
    })?;
    // A pool without a limit (-1) limits no connections either: its size stays unknown.
    let limited = pools.into_iter().filter_map(|(name, pool)| Some((name, u32::try_from(pool.slots).ok()?)));
    Ok(limited.filter(|(_, slots)| *slots > 0).collect())
}

fn write(out: &Path, config: &str, args: &ImportArgs) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    let opened = match args.force {
        true => options.write(true).create(true).truncate(true).open(out),
        false => options.write(true).create_new(true).open(out),
    };
    let written = opened.and_then(|mut opened| opened.write_all(config.as_bytes()));
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => is_there(out),
        _ => Failure::internal(&format!("failed to write {}: {source}", out.display())),
    })
}

fn is_there(out: &Path) -> Failure {
    Failure::internal(&format!("{} is there already, and stays as it is", out.display()))
        .with_hint("`--force` replaces it, `--out FILE` writes another one")
}
