//! Owns a throw-away Postgres server for tests.
//!
//! The server listens on 127.0.0.1 only, trusts everybody, keeps its data in a temporary folder without `fsync`, and
//! ends with the test process. A test gets a database of its own ([`PostgresServer::create_database`]).

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use crate::process::{ServerProcess, StopSignal, block_on, free_ports};

/// The folder of `initdb` and `postgres`, when the ones found by themselves are not wanted.
pub const BIN_VARIABLE: &str = "QUARREL_TEST_POSTGRES_BIN";
/// The URL of a running server and a role that may create databases: [`PostgresServer::shared`] then starts none.
pub const URL_VARIABLE: &str = "QUARREL_TEST_POSTGRES_URL";

/// A port may be taken between finding and using it; three times in a row means something else.
const START_ATTEMPTS_MAX: usize = 3;
/// A start takes about a second; a loaded machine gets a generous multiple.
const READY_WITHIN: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(20);
/// Databases on a server that is not ours are dropped by a later run, once no test can still be using them.
const STALE_AFTER: Duration = Duration::from_secs(6 * 60 * 60);
const DATABASE_PREFIX: &str = "quarrel_test_";

/// A Postgres server that lives as long as this value, or one that was there before.
#[derive(Debug)]
pub struct PostgresServer {
    /// Of a role that may create databases, on the database `postgres`.
    admin_url: String,
    process: Option<ServerProcess>,
}

impl PostgresServer {
    /// Starts a new server; blocks for about a second.
    ///
    /// # Panics
    /// When Postgres is not installed (`tests/setup.sh` does that) or does not start.
    pub fn start() -> PostgresServer {
        PostgresServer::start_with_settings(&[])
    }

    /// Starts a new server with settings beyond ours, such as `("wal_level", "logical")`.
    pub fn start_with_settings(settings: &[(&str, &str)]) -> PostgresServer {
        let bin = find_bin();
        let mut log = String::new();
        for _ in 0..START_ATTEMPTS_MAX {
            match start_once(&bin, settings) {
                Ok(server) => return server,
                Err(tail) => log = tail,
            }
        }
        panic!(
            "postgres from {} did not start in {START_ATTEMPTS_MAX} attempts; its log ends with:\n{log}",
            bin.display()
        );
    }

    /// The one server of this test process, or the one that [`URL_VARIABLE`] names.
    pub fn shared() -> &'static PostgresServer {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var(URL_VARIABLE) {
            Ok(admin_url) => {
                let server = PostgresServer { admin_url, process: None };
                server.drop_stale_databases();
                server
            }
            Err(_) => PostgresServer::start(),
        })
    }

    /// The URL of a database on this server.
    pub fn url(&self, database: &str) -> String {
        match &self.process {
            Some(_) => {
                let (server, _) = self.admin_url.rsplit_once('/').expect("our own URL ends with a database");
                format!("{server}/{database}")
            }
            None => self.admin_options().database(database).to_url_lossy().to_string(),
        }
    }

    /// Creates an empty database and returns its URL. It goes with the server; on a server that is not ours, a run six
    /// hours later drops it.
    pub fn create_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{DATABASE_PREFIX}{}_{}_{number}", unix_seconds(), std::process::id());
        self.execute(&format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Drops a database that [`PostgresServer::create_database`] made, whoever is connected to it.
    pub fn drop_database(&self, url: &str) {
        let options = PgConnectOptions::from_str(url).unwrap_or_else(|error| panic!("{url} is not a URL: {error}"));
        let name = options.get_database().expect("a URL of create_database names its database");
        assert!(name.starts_with(DATABASE_PREFIX), "{name} is not a database of a test");
        self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }

    /// The process id of a server of ours, for tests that kill it.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::pid)
    }

    fn admin_options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.admin_url)
            .unwrap_or_else(|error| panic!("{URL_VARIABLE} is not a URL: {error}"))
    }

    /// Runs one statement as the administrator, without a transaction around it.
    fn execute(&self, statement: &str) {
        let options = self.admin_options();
        let result = block_on(async move {
            let mut connection = PgConnection::connect_with(&options).await?;
            connection.execute(AssertSqlSafe(statement.to_owned())).await?;
            connection.close().await
        });
        result.unwrap_or_else(|error| panic!("{statement} failed: {error}"));
    }

    fn drop_stale_databases(&self) {
        let options = self.admin_options();
        let names: Result<Vec<String>, sqlx::Error> = block_on(async move {
            let mut connection = PgConnection::connect_with(&options).await?;
            sqlx::query_scalar("SELECT datname::text FROM pg_database").fetch_all(&mut connection).await
        });
        let names = names.unwrap_or_else(|error| panic!("the server of {URL_VARIABLE} cannot be asked: {error}"));
        let oldest = unix_seconds().saturating_sub(STALE_AFTER.as_secs());
        for name in names.iter().filter(|name| created_at(name).is_some_and(|created| created < oldest)) {
            self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// The time that [`PostgresServer::create_database`] wrote into a name; none for names of others.
fn created_at(database: &str) -> Option<u64> {
    let mut parts = database.strip_prefix(DATABASE_PREFIX)?.split('_');
    let (created, pid, number) = (parts.next()?, parts.next()?, parts.next()?);
    pid.parse::<u32>().ok()?;
    number.parse::<u32>().ok()?;
    if parts.next().is_some() { None } else { created.parse().ok() }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970").as_secs()
}

/// The folder of `initdb` and `postgres`: named, on the path, or where Debian puts it (the newest version).
fn find_bin() -> PathBuf {
    if let Some(folder) = std::env::var_os(BIN_VARIABLE) {
        return folder.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .filter_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned));
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable_by_key(|(version, _)| std::cmp::Reverse(*version));
    on_path
        .chain(versions.into_iter().map(|(_, folder)| folder))
        .find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file())
        .unwrap_or_else(|| panic!("no Postgres found: run tests/setup.sh, or set {BIN_VARIABLE} to its bin folder"))
}

/// One try; the error is the end of the server's log.
fn start_once(bin: &Path, settings: &[(&str, &str)]) -> Result<PostgresServer, String> {
    let folder =
        tempfile::Builder::new().prefix("quarrel-postgres-").tempdir().expect("a temporary folder can be made");
    let user = unprivileged_user();
    if let Some((uid, gid)) = user {
        std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).expect("root may give a folder away");
    }
    let data = folder.path().join("data");
    let initdb = program(&bin.join("initdb"), folder.path(), user)
        .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions", "-D"])
        .arg(&data)
        .output()
        .unwrap_or_else(|error| panic!("cannot start initdb in {}: {error}", bin.display()));
    if !initdb.status.success() {
        return Err(String::from_utf8_lossy(&initdb.stderr).into_owned());
    }

    let [port] = free_ports();
    let mut server = program(&bin.join("postgres"), folder.path(), user);
    server.arg("-D").arg(&data);
    let port_text = port.to_string();
    let ours = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &port_text),
        // A socket's path is limited to 107 bytes, which a temporary folder may exceed.
        ("unix_socket_directories", ""),
        ("max_connections", "200"),
        ("shared_buffers", "64MB"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("timezone", "UTC"),
    ];
    for (name, value) in ours.iter().chain(settings) {
        server.args(["-c", &format!("{name}={value}")]);
    }
    let mut process = ServerProcess::spawn(&mut server, StopSignal::Quit, folder, &[]);
    let admin_url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    if wait_until_ready(&admin_url, &mut process) {
        Ok(PostgresServer { admin_url, process: Some(process) })
    } else {
        Err(process.log_tail())
    }
}

/// Whether the server took a connection in time; false as well when it ended by itself.
fn wait_until_ready(url: &str, process: &mut ServerProcess) -> bool {
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline && !process.has_ended() {
        let connected = block_on(async { PgConnection::connect(url).await?.close().await });
        if connected.is_ok() {
            return true;
        }
        std::thread::sleep(READY_POLL);
    }
    false
}

/// A program of Postgres, run in `folder` and, when we are root, as `user`: Postgres refuses to run as root.
fn program(path: &Path, folder: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(path);
    command.current_dir(folder).env("HOME", folder).env("LC_ALL", "C").env_remove("PGDATA").env_remove("PGPORT");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// The ids of `nobody` when we are root; none when we are somebody.
fn unprivileged_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let we_are_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !we_are_root {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("every Unix has a list of users");
    let nobody = users.lines().find(|line| line.starts_with("nobody:")).expect("every Unix has a user nobody");
    let mut fields = nobody.split(':').skip(2).map(|field| field.parse().expect("ids are numbers"));
    fields.next().zip(fields.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_databases_of_one_server_know_nothing_of_each_other() {
        let server = PostgresServer::shared();
        let (first, second) = (server.create_database(), server.create_database());
        let tables = block_on(async {
            let mut connection = PgConnection::connect(&first).await.unwrap();
            connection.execute("CREATE TABLE only_here (id int)").await.unwrap();
            let mut connection = PgConnection::connect(&second).await.unwrap();
            let count = "SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'";
            sqlx::query_scalar::<_, i64>(count).fetch_one(&mut connection).await.unwrap()
        });
        assert_eq!(tables, 0);
        server.drop_database(&first);
        block_on(async { assert!(PgConnection::connect(&first).await.is_err(), "the database is gone") });
    }

    #[test]
    fn server_takes_our_settings_and_leaves_nothing_behind() {
        let server = PostgresServer::start_with_settings(&[("wal_level", "logical")]);
        let url = server.url("postgres");
        let settings: (String, String, String) = block_on(async {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let query = "SELECT current_setting('wal_level'), current_setting('server_encoding'), \
                         current_setting('max_connections')";
            sqlx::query_as(query).fetch_one(&mut connection).await.unwrap()
        });
        assert_eq!(settings, ("logical".into(), "UTF8".into(), "200".into()));

        let (pid, folder) = (server.pid().unwrap(), server.process.as_ref().unwrap().folder().to_owned());
        drop(server);
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the server is gone");
        assert!(!folder.exists(), "so is its folder");
    }

    #[test]
    fn only_names_of_tests_carry_a_time() {
        assert_eq!(created_at("quarrel_test_1700000000_42_7"), Some(1_700_000_000));
        for other in
            ["postgres", "quarrel_test_", "quarrel_test_1700000000", "quarrel_test_1_2_3_4", "quarrel_test_a_2_3"]
        {
            assert_eq!(created_at(other), None, "{other}");
        }
    }
}
