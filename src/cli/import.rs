//! The arguments of `import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use quarrel_model::import::SpanUnit;

/// What is not in the variable may be said here; what is not said is a placeholder, and is reported.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Airflow's variable `replication_tables`, or an export of variables with it; `-` reads stdin.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where the configuration is written [default: stdout].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace a file that is there already.
    #[arg(long, requires = "out")]
    pub force: bool,
    /// The bucket or folder that DMS writes to, as `s3://acme-dms/`.
    #[arg(long, value_name = "URL")]
    pub changes: Option<String>,
    /// A bucket or folder of Quarrel's own, as `s3://acme-quarrel/`.
    #[arg(long, value_name = "URL")]
    pub work: Option<String>,
    /// The key of tables whose entry names none; columns with commas between them.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub key: Vec<String>,
    /// The column with the time at which a row was created, where the entry names none.
    #[arg(long, value_name = "COLUMN")]
    pub created: Option<String>,
    /// The column with the time at which a row was last changed, where the entry names none.
    #[arg(long, value_name = "COLUMN")]
    pub updated: Option<String>,
    /// What numbers in `delay_monitoring_interval` and its tolerance count [default: minutes are assumed].
    #[arg(long, value_enum, value_name = "UNIT")]
    delay_unit: Option<DelayUnit>,
    /// The sizes of pools, as `airflow pools export` writes them.
    #[arg(long, value_name = "FILE")]
    pub pools: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DelayUnit {
    Minutes,
    Hours,
}

impl ImportArgs {
    pub fn delay_unit(&self) -> Option<SpanUnit> {
        self.delay_unit.map(|unit| match unit {
            DelayUnit::Minutes => SpanUnit::Minutes,
            DelayUnit::Hours => SpanUnit::Hours,
        })
    }
}
