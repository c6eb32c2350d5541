//! Owns the text of the benchmark's `quarrel.yaml` and the environment its processes need.

use std::path::{Path, PathBuf};

use crate::data::PREFIX;
use crate::error::{BenchError, at};

/// The environment variable that carries the target's URL: the configuration takes secrets by reference only.
pub const TARGET_VARIABLE: &str = "QUARREL_BENCH_TARGET";
/// The table the changes are applied to; `sql/create_target.sql` makes it.
pub const TARGET_TABLE: &str = "bench.transactions";

/// The memory pool: of the reduction in one process, and of each executor.
pub const MEMORY: &str = "1GB";

/// Where the reduction runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// DataFusion in the command's own process, without Ballista.
    InProcess,
    /// Ballista standalone, in the command's own process.
    Embedded,
    /// A cluster whose scheduler listens on this port of loopback.
    Cluster { scheduler_port: u16 },
}

/// Where change files and reduced files lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lake {
    Files { changes: PathBuf, work: PathBuf },
    S3 { store: S3Store, changes_bucket: String, work_bucket: String },
}

/// An S3-compatible server on loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Store {
    pub endpoint: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
}

impl Lake {
    /// Empties and makes the work folder of a lake of files; buckets are made when the server is.
    pub fn make_work(&self) -> Result<(), BenchError> {
        match self {
            Self::Files { work, .. } => {
                if work.exists() {
                    std::fs::remove_dir_all(work).map_err(at(work))?;
                }
                std::fs::create_dir_all(work).map_err(at(work))
            }
            Self::S3 { .. } => Ok(()),
        }
    }

    /// What the command and, on S3, every node of the cluster must have in its environment: AWS's usual variables.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Files { .. } => Vec::new(),
            Self::S3 { store, .. } => store.environment(),
        }
    }
}

impl S3Store {
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", self.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_ENDPOINT", self.endpoint.clone()),
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "false".to_owned()),
        ]
    }
}

/// The configuration of one table, its changes under the benchmark's prefix and kept, one Postgres target.
pub fn render(engine: &Engine, lake: &Lake) -> String {
    let cluster = match engine {
        Engine::InProcess => "in_process".to_owned(),
        Engine::Embedded => "embedded".to_owned(),
        Engine::Cluster { scheduler_port } => format!("{{scheduler: \"http://127.0.0.1:{scheduler_port}\"}}"),
    };
    let lake = match lake {
        Lake::Files { changes, work } => {
            format!("  changes: \"{}\"\n  work: \"{}\"\n", file_url(changes), file_url(work))
        }
        Lake::S3 { store, changes_bucket, work_bucket } => format!(
            "  changes: s3://{changes_bucket}/\n  work: s3://{work_bucket}/\n  \
             s3: {{endpoint: \"{}\", region: {}, allow_http: true, path_style: true}}\n",
            store.endpoint, store.region
        ),
    };
    format!(
        "version: 1\n\
         cluster: {cluster}\n\
         lake:\n{lake}\
         reduce: {{memory: {MEMORY}}}\n\
         connections:\n  \
           target: {{type: postgres, url: \"env:{TARGET_VARIABLE}\", max_connections: 4}}\n\
         tables:\n  \
           - name: transactions\n    \
             changes: {{format: dms, prefix: {PREFIX}, after_load: keep}}\n    \
             key: [id]\n    \
             targets:\n      \
               - {{connection: target, table: {TARGET_TABLE}}}\n"
    )
}

fn file_url(folder: &Path) -> String {
    format!("file://{}/", folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_lake_is_named_by_file_urls_that_end_in_a_slash() {
        let lake = Lake::Files { changes: "/data/a".into(), work: "/data/w".into() };
        let text = render(&Engine::InProcess, &lake);
        let expected = "version: 1\ncluster: in_process\nlake:\n  changes: \"file:///data/a/\"\n  work: \"file:///data/w/\"\n\
                        reduce: {memory: 1GB}\nconnections:\n  target: {type: postgres, url: \"env:QUARREL_BENCH_TARGET\", max_connections: 4}\n";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn secrets_of_the_store_are_in_the_environment_and_not_in_the_file() {
        let store = S3Store {
            endpoint: "http://127.0.0.1:1".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "open".to_owned(),
            secret_key: "sesame".to_owned(),
        };
        let lake = Lake::S3 { store, changes_bucket: "a".to_owned(), work_bucket: "b".to_owned() };
        let text = render(&Engine::Cluster { scheduler_port: 7 }, &lake);
        assert!(!text.contains("sesame") && text.contains("s3: {endpoint: \"http://127.0.0.1:1\""), "{text}");
        assert!(text.contains("cluster: {scheduler: \"http://127.0.0.1:7\"}"), "{text}");
        assert!(lake.environment().contains(&("AWS_SECRET_ACCESS_KEY", "sesame".to_owned())));
    }
}
