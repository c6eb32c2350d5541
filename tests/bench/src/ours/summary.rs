//! Reads the JSON that `quarrel run cdc --output json` prints.
//!
//! Only the fields the benchmark uses are read, others are ignored: the summary may grow without breaking a measurement.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::BenchError;

/// What a run says about its one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub status: String,
    pub files: u64,
    pub changes: u64,
    /// Rows of the reduced batches: one a key.
    pub kept: u64,
    pub upserts: u64,
    pub deletes: u64,
    pub seconds: Steps,
    pub targets: Vec<Target>,
}

/// Seconds of each step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    pub collect: f64,
    pub reduce: f64,
    pub load: f64,
    pub clean: f64,
}

/// What happened to one target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Rows staged.
    pub rows: u64,
    pub seconds: f64,
    /// Time of staging alone; none for a target that does not stage.
    pub stage_seconds: Option<f64>,
}

impl Summary {
    /// Rows a second into staging, where the run staged anything.
    pub fn stage_rows_per_second(&self) -> Option<f64> {
        let target = self.targets.first()?;
        target.stage_seconds.filter(|seconds| *seconds > 0.0).map(|seconds| target.rows as f64 / seconds)
    }
}

/// Finds the one table's summary: the document itself, the only element of an array, or of a field that lists tables.
pub fn parse(stdout: &str) -> Result<Summary, BenchError> {
    let json = |source| BenchError::Json { what: "the summary of quarrel run cdc".to_owned(), source };
    let document: Value = serde_json::from_str(stdout.trim()).map_err(json)?;
    let listed = ["tables", "runs", "summaries"].iter().find_map(|field| document.get(field)).unwrap_or(&document);
    let table = listed.get(0).unwrap_or(listed);
    serde_json::from_value(table.clone()).map_err(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"{"table":"transactions","job":"cdc","run_id":"1","status":"succeeded","files":2,"bytes":9,
        "changes":10,"kept":5,"upserts":4,"deletes":1,"seconds":{"collect":0.1,"reduce":2.0,"load":1.5,"clean":0.0},
        "targets":[{"connection":"target","rows":5,"seconds":1.5,"stage_seconds":0.5,"merge_seconds":1.0}],"watermark":null}"#;

    #[test]
    fn a_table_is_found_alone_in_a_list_and_in_a_field() {
        let alone = parse(TABLE).expect("read");
        assert_eq!((alone.upserts, alone.deletes, alone.seconds.reduce), (4, 1, 2.0));
        assert_eq!(alone.stage_rows_per_second(), Some(10.0));
        assert_eq!(parse(&format!("[{TABLE}]\n")).expect("read"), alone);
        assert_eq!(parse(&format!("{{\"tables\":[{TABLE}]}}")).expect("read"), alone);
    }

    #[test]
    fn text_that_is_no_summary_is_an_error() {
        assert!(parse("").is_err());
        assert!(parse("[]").is_err());
    }
}
