//! Owns a throw-away MariaDB server for tests.
//!
//! The server listens on 127.0.0.1 only, lets one account without a password do everything, keeps its data in a temporary
//! folder, writes a row binlog, and ends with the test process. A test gets a database of its own
//! ([`MariaDbServer::create_database`]).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use crate::process::{ServerProcess, StopSignal, block_on, free_ports};

/// A port may be taken between finding and using it; three times in a row means something else.
const START_ATTEMPTS_MAX: usize = 3;
/// A start takes about five seconds; a loaded machine gets a generous multiple.
const READY_WITHIN: Duration = Duration::from_secs(120);
const READY_POLL: Duration = Duration::from_millis(50);
const ACCOUNT: &str = "quarrel";

/// A MariaDB server that lives as long as this value.
#[derive(Debug)]
pub struct MariaDbServer {
    port: u16,
    process: ServerProcess,
}

impl MariaDbServer {
    /// Starts a new server; blocks for about five seconds.
    ///
    /// # Panics
    /// When MariaDB is not installed (`tests/setup.sh` does that) or does not start.
    pub fn start() -> MariaDbServer {
        let mut log = String::new();
        for _ in 0..START_ATTEMPTS_MAX {
            match start_once() {
                Ok(server) => return server,
                Err(tail) => log = tail,
            }
        }
        panic!("mariadbd did not start in {START_ATTEMPTS_MAX} attempts; its log ends with:\n{log}");
    }

    /// The one server of this test process.
    pub fn shared() -> &'static MariaDbServer {
        static SHARED: OnceLock<MariaDbServer> = OnceLock::new();
        SHARED.get_or_init(MariaDbServer::start)
    }

    /// The URL of a database on this server.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://{ACCOUNT}@127.0.0.1:{}/{database}?ssl-mode=DISABLED", self.port)
    }

    /// Creates an empty database, of utf8mb4, and returns its URL. It goes with the server.
    pub fn create_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("quarrel_test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let statement = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4");
        let url = self.url("information_schema");
        let result = block_on(async {
            let mut connection = MySqlConnection::connect(&url).await?;
            connection.execute(AssertSqlSafe(statement.clone())).await?;
            connection.close().await
        });
        result.unwrap_or_else(|error| panic!("{statement} failed: {error}"));
        self.url(&name)
    }

    /// The process id, for tests that kill it.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// One try; the error is the end of the server's log.
fn start_once() -> Result<MariaDbServer, String> {
    let folder = tempfile::Builder::new().prefix("quarrel-mariadb-").tempdir().expect("a temporary folder can be made");
    let data = folder.path().join("data");
    let installed = Command::new(find_program("mariadb-install-db"))
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg(format!("--user={}", user()))
        .arg(format!("--datadir={}", data.display()))
        .output()
        .unwrap_or_else(|error| panic!("cannot start mariadb-install-db: {error}"));
    if !installed.status.success() {
        return Err(String::from_utf8_lossy(&installed.stdout).into_owned());
    }
    let init = folder.path().join("init.sql");
    let grant = format!(
        "CREATE USER '{ACCOUNT}'@'127.0.0.1';\nGRANT ALL ON *.* TO '{ACCOUNT}'@'127.0.0.1' WITH GRANT OPTION;\n"
    );
    std::fs::write(&init, grant).expect("the server's own folder takes a file");

    let [port] = free_ports();
    let mut server = Command::new(find_program("mariadbd"));
    // The socket's path is relative to the data folder: it is limited to 107 bytes, which a temporary folder may exceed.
    server
        .args(["--no-defaults", "--bind-address=127.0.0.1", "--socket=server.sock", "--skip-name-resolve"])
        .args(["--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL", "--server-id=1"])
        .args(["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M"])
        .args(["--character-set-server=utf8mb4", "--default-time-zone=+00:00"])
        .arg(format!("--user={}", user()))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--init-file={}", init.display()))
        .arg(format!("--port={port}"))
        .current_dir(folder.path());
    let mut process = ServerProcess::spawn(&mut server, StopSignal::Kill, folder, &[]);
    if wait_until_ready(port, &mut process) { Ok(MariaDbServer { port, process }) } else { Err(process.log_tail()) }
}

/// Whether the server took a connection in time; false as well when it ended by itself.
fn wait_until_ready(port: u16, process: &mut ServerProcess) -> bool {
    let url = format!("mysql://{ACCOUNT}@127.0.0.1:{port}/information_schema?ssl-mode=DISABLED");
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline && !process.has_ended() {
        let connected = block_on(async { MySqlConnection::connect(&url).await?.close().await });
        if connected.is_ok() {
            return true;
        }
        std::thread::sleep(READY_POLL);
    }
    false
}

/// The account the server runs as: as root it must be named, and any other may run it only as itself.
fn user() -> String {
    let found = Command::new("id").arg("-un").output().unwrap_or_else(|error| panic!("cannot start id: {error}"));
    String::from_utf8_lossy(&found.stdout).trim().to_owned()
}

/// On the path, or where Debian puts servers.
fn find_program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([Path::new("/usr/sbin").to_owned()])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("no {name} found: run tests/setup.sh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_apart_and_the_server_goes_with_its_value() {
        let server = MariaDbServer::start();
        let (first, second) = (server.create_database(), server.create_database());
        let tables: i64 = block_on(async {
            let mut connection = MySqlConnection::connect(&first).await.unwrap();
            connection.execute("CREATE TABLE only_here (id int PRIMARY KEY)").await.unwrap();
            let mut connection = MySqlConnection::connect(&second).await.unwrap();
            let count = "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()";
            sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
        });
        assert_eq!(tables, 0);
        let (pid, folder) = (server.pid(), server.process.folder().to_owned());
        drop(server);
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the server is gone");
        assert!(!folder.exists(), "so is its folder");
    }
}
