//! Runs a command beside one Postgres and one S3 server: `with-servers COMMAND [ARGUMENT…]`.
//!
//! A test runner that gives every test a process of its own starts servers for each of them. Under this program the tests
//! find, by [`postgres::URL_VARIABLE`] and [`s3::ENDPOINT_VARIABLE`], servers that run already, and take databases and
//! buckets of their own in them. A server that is named before is not started. The exit code is the command's.

use std::process::{Command, ExitCode};

use quarrel_testkit::postgres::{self, PostgresServer};
use quarrel_testkit::s3::{self, S3Server};

const USAGE: u8 = 2;
const NOT_STARTED: u8 = 127;
/// Of a command that a signal ended.
const NO_CODE: u8 = 1;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: with-servers COMMAND [ARGUMENT…]");
        return ExitCode::from(USAGE);
    };
    let is_absent = |variable| std::env::var_os(variable).is_none();
    let postgres = is_absent(postgres::URL_VARIABLE).then(PostgresServer::start);
    let s3 = is_absent(s3::ENDPOINT_VARIABLE).then(S3Server::start);

    let mut command = Command::new(&program);
    command.args(words);
    if let Some(server) = &postgres {
        command.env(postgres::URL_VARIABLE, server.url("postgres"));
    }
    if let Some(server) = &s3 {
        command.env(s3::ENDPOINT_VARIABLE, server.endpoint());
    }
    // Left by `cargo run`: a cargo inside would take them for changes and build anew.
    for (name, _) in std::env::vars_os() {
        let left_by_cargo =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if left_by_cargo {
            command.env_remove(name);
        }
    }
    match command.status() {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(NO_CODE)),
        Err(error) => {
            eprintln!("cannot start {}: {error}", program.display());
            ExitCode::from(NOT_STARTED)
        }
    }
}
