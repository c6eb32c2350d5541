//! The target database, spoken to through `psql`: a peer's tool that is there anyway, and the yardstick of our staging.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::BenchError;
use crate::process::run_measured;

const CREATE_TARGET: &str = include_str!("../sql/create_target.sql");
const FILL_TARGET: &str = include_str!("../sql/fill_target.sql");
const CREATE_SOURCE: &str = include_str!("../sql/create_source.sql");
const DIGEST_ROWS: &str = include_str!("../sql/digest_rows.sql");
const CREATE_STAGE: &str = include_str!("../sql/create_stage.sql");
/// Millions of rows are copied in seconds; a statement past this is stuck.
const PSQL_SECONDS_MAX: u64 = 1_200;

/// A database of the benchmark's own.
#[derive(Debug, Clone)]
pub struct Database {
    pub url: String,
    pub scratch: PathBuf,
}

impl Database {
    /// Drops the ledger and the target table and makes the table again, empty.
    pub fn create_target(&self) -> Result<(), BenchError> {
        self.psql(&[CREATE_TARGET]).map(drop)
    }

    /// Puts 100,000 rows into the target.
    pub fn fill_target(&self) -> Result<(), BenchError> {
        self.psql(&[FILL_TARGET]).map(drop)
    }

    /// Writes the target's rows to a CSV file.
    pub fn export_target(&self, file: &Path) -> Result<(), BenchError> {
        self.psql(&[&format!("\\copy bench.transactions to '{}' (format csv)", file.display())]).map(drop)
    }

    /// Renders the rows of a CSV file as a binary COPY file.
    pub fn render_binary(&self, csv: &Path, binary: &Path) -> Result<(), BenchError> {
        let copy_in = format!("\\copy bench.stage from '{}' (format csv)", csv.display());
        let copy_out = format!("\\copy bench.stage to '{}' (format binary)", binary.display());
        self.psql(&[CREATE_STAGE, &copy_in, &copy_out]).map(drop)
    }

    /// Seconds of `\copy stage from … (format binary)` into an empty unlogged table, by psql's own clock: its start and its connection
    /// are not counted.
    pub fn time_binary_copy(&self, binary: &Path) -> Result<f64, BenchError> {
        let copy = format!("\\copy bench.stage from '{}' (format binary)", binary.display());
        let output = self.psql(&[CREATE_STAGE, "\\timing on", &copy])?;
        parse_timing(&output).ok_or_else(|| BenchError::NoResult {
            program: "psql".to_owned(),
            reason: format!("no time in {output:?}"),
        })
    }

    /// Makes a database anew, beside this one.
    pub fn create_database(&self, name: &str) -> Result<(), BenchError> {
        self.psql(&[&format!("DROP DATABASE IF EXISTS {name}"), &format!("CREATE DATABASE {name}")]).map(drop)
    }

    /// Makes and fills the table of full loads.
    pub fn create_source(&self, rows: u64) -> Result<(), BenchError> {
        let set = format!("SET bench.rows = '{rows}'");
        let mut statements = vec![set.as_str()];
        // One by one: VACUUM can't be part of a transaction.
        statements.extend(CREATE_SOURCE.split_inclusive(";\n"));
        self.psql(&statements).map(drop)
    }

    /// Rows of the table of full loads, and a checksum over all of their values.
    pub fn digest_rows(&self) -> Result<String, BenchError> {
        Ok(self.psql(&[DIGEST_ROWS])?.trim().to_owned())
    }

    /// Drops the table of full loads and the ledger.
    pub fn drop_schemas(&self) -> Result<(), BenchError> {
        self.psql(&["DROP SCHEMA IF EXISTS bench CASCADE", "DROP SCHEMA IF EXISTS quarrel CASCADE"]).map(drop)
    }

    pub fn version(&self) -> Result<String, BenchError> {
        Ok(self.psql(&["SHOW server_version"])?.trim().to_owned())
    }

    fn psql(&self, statements: &[&str]) -> Result<String, BenchError> {
        let mut command = Command::new("psql");
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        command.env("LC_ALL", "C").env("PGOPTIONS", "-c client_min_messages=warning");
        for statement in statements {
            command.args(["-c", statement]);
        }
        command.arg(&self.url);
        Ok(run_measured(command, PSQL_SECONDS_MAX, &self.scratch.join("psql.log"))?.stdout)
    }
}

/// The last `Time: 812.345 ms` of psql's output, in seconds.
fn parse_timing(output: &str) -> Option<f64> {
    let line = output.lines().rev().find_map(|line| line.strip_prefix("Time: "))?;
    let milliseconds: f64 = line.split(' ').next()?.parse().ok()?;
    Some(milliseconds / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_with_and_without_minutes() {
        assert_eq!(parse_timing("Time: 0.310 ms\nTime: 1234.500 ms (00:01.235)\n"), Some(1.2345));
        assert_eq!(parse_timing("COPY 5\n"), None);
    }
}
