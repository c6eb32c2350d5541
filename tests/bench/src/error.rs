//! What can go wrong in a benchmark: one enum, a variant for each step.

use std::path::PathBuf;

/// A failed step of the benchmark.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("cannot use {path}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("cannot write change file {path}")]
    WriteChanges { path: PathBuf, source: parquet::errors::ParquetError },
    #[error("cannot build a batch of changes")]
    BuildChanges { source: arrow::error::ArrowError },
    #[error("cannot read the JSON of {what}")]
    Json { what: String, source: serde_json::Error },
    #[error("cannot start {program}")]
    Start { program: String, source: std::io::Error },
    #[error("{program} ended with {status}; its log is {log}")]
    Ended { program: String, status: std::process::ExitStatus, log: PathBuf },
    #[error("{program} was still running after {seconds} s; its log is {log}")]
    Late { program: String, seconds: u64, log: PathBuf },
    #[error("{program} did not listen on port {port} within {seconds} s; its log is {log}")]
    NotListening { program: String, port: u16, seconds: u64, log: PathBuf },
    #[error("{program} printed no result: {reason}")]
    NoResult { program: String, reason: String },
    #[error("no free port on loopback")]
    Port { source: std::io::Error },
    #[error("cannot put {key} into the bucket")]
    Upload { key: String, source: object_store::Error },
    #[error("cannot start the {server} of the test kit: {reason}")]
    Server { server: &'static str, reason: String },
    #[error("results differ: {what}: expected {expected}, found {found}")]
    Differs { what: String, expected: String, found: String },
}

/// Names the path in an I/O error.
pub fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> BenchError {
    let path = path.into();
    move |source| BenchError::File { path, source }
}

/// An error with the chain of its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
