//! Owns a throw-away AWS control plane (moto's server) for tests: DMS tasks and the statistics of their tables.
//!
//! moto keeps tasks in memory and checks no signature. It lacks two calls of DMS, which `python/moto_dms.py` adds; what they
//! answer is what [`MotoServer::set_statistics`] was told last.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{ServerProcess, StopSignal, free_ports};
use crate::s3::{ACCESS_KEY, REGION, SECRET_KEY, in_venv};

const SCRIPT: &str = include_str!("../python/moto_dms.py");
const START_ATTEMPTS_MAX: usize = 3;
/// Importing moto takes some seconds.
const READY_WITHIN: Duration = Duration::from_secs(90);
const READY_POLL: Duration = Duration::from_millis(50);

/// A server that lives as long as this value.
#[derive(Debug)]
pub struct MotoServer {
    address: String,
    process: ServerProcess,
}

impl MotoServer {
    /// Starts a new server; blocks for some seconds.
    ///
    /// # Panics
    /// When moto is not installed (`tests/setup.sh` does that) or does not start.
    pub fn start() -> MotoServer {
        let python = in_venv("python");
        assert!(python.is_file(), "no {}: run tests/setup.sh", python.display());
        let mut log = String::new();
        for _ in 0..START_ATTEMPTS_MAX {
            let folder =
                tempfile::Builder::new().prefix("quarrel-moto-").tempdir().expect("a temporary folder can be made");
            let script = folder.path().join("moto_dms.py");
            std::fs::write(&script, SCRIPT).expect("a new folder takes a file");
            let [port] = free_ports();
            let mut command = Command::new(&python);
            command.current_dir(folder.path()).arg(script).arg(port.to_string()).arg(statistics(folder.path()));
            let process = ServerProcess::spawn(&mut command, StopSignal::Kill, folder, &[]);
            let mut server = MotoServer { address: format!("127.0.0.1:{port}"), process };
            if server.is_ready() {
                return server;
            }
            log = server.process.log_tail();
        }
        panic!("moto did not start in {START_ATTEMPTS_MAX} attempts; its log ends with:\n{log}");
    }

    fn is_ready(&mut self) -> bool {
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline && !self.process.has_ended() {
            if self.call("DescribeReplicationTasks", &json!({})).is_ok() {
                return true;
            }
            std::thread::sleep(READY_POLL);
        }
        false
    }

    /// The variables with which an AWS client of another process finds this server for DMS.
    pub fn env(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.address);
        [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL_DATABASE_MIGRATION_SERVICE", &endpoint),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Creates a task that does full load and CDC.
    pub fn create_task(&self, name: &str) {
        let arn = |kind: &str| format!("arn:aws:dms:{REGION}:123456789012:{kind}:test");
        let task = json!({
            "ReplicationTaskIdentifier": name,
            "SourceEndpointArn": arn("endpoint"),
            "TargetEndpointArn": arn("endpoint"),
            "ReplicationInstanceArn": arn("rep"),
            "MigrationType": "full-load-and-cdc",
            "TableMappings": "{\"rules\": []}",
        });
        self.call("CreateReplicationTask", &task).unwrap_or_else(|error| panic!("cannot create task {name}: {error}"));
    }

    /// Says what DMS tells of the tables from now on, as DescribeTableStatistics returns it.
    pub fn set_statistics(&self, tables: &Value) {
        let path = statistics(self.process.folder());
        // Replaced in one step: a call may be reading it.
        let new = path.with_extension("new");
        std::fs::write(&new, tables.to_string()).expect("the server's own folder takes a file");
        std::fs::rename(&new, &path).expect("a file of one folder can be renamed");
    }

    fn call(&self, name: &str, query: &Value) -> Result<String, String> {
        let body = query.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: AmazonDMSv20160101.{name}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/dms/aws4_request\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(&self.address)?;
            stream.set_read_timeout(Some(READY_WITHIN))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = exchange().map_err(|error| error.to_string())?;
        if answer.split(' ').nth(1) == Some("200") { Ok(answer) } else { Err(answer) }
    }
}

fn statistics(folder: &std::path::Path) -> PathBuf {
    folder.join("statistics.json")
}
