//! Owns a stand-in for Redshift: a server that speaks the wire protocol over a database of the test Postgres.
//!
//! There is no Redshift to be had for tests, and no emulator of it. The stand-in passes statements on to Postgres, runs COPY
//! of Parquet files from the test S3 server by itself, inside the client's transaction, and **refuses what Redshift refuses**:
//! a test that passes here has at least not leaned on what only Postgres has. What it does not have is Redshift's planner,
//! its locks on whole tables, its isolation and its limits of time and size. Whoever has a real Redshift names it by
//! [`real::URL_VARIABLE`] and its like; the conformance suite of targets then runs there.
//!
//! | Redshift | the stand-in |
//! |---|---|
//! | names in lower case, quoted or not | so |
//! | SUPER, VARBYTE | domains over jsonb and bytea, in `public` |
//! | VARCHAR(n) counts bytes, at most 65,535; bare VARCHAR and TEXT have 256 | a check on the column |
//! | primary and unique keys are declared, not enforced | they go into the table's comment |
//! | DISTSTYLE, DISTKEY, SORTKEY, ENCODE | read, kept in the comment |
//! | TRUNCATE commits; ALTER TABLE APPEND is refused in a transaction | so |
//! | COPY from Parquet: by position, all or nothing, manifests with `content_length`, no MAXERROR, no TIME | so |
//! | no ON CONFLICT, RETURNING, COPY FROM STDIN, COPY TO, indexes, arrays, uuid, json, bytea, advisory locks | refused |
//! | error 1023 and SQLSTATE 40001 under contention | when a test asks for it: [`RedshiftStandIn::refuse_deletes`] |
//! | SVV_COLUMNS, SVV_TRANSACTIONS | views of these names |
//!
//! Statements of the extended protocol are decided on alike, but COPY, DDL with declarations, TRUNCATE and ALTER TABLE APPEND
//! have to be simple queries. A message Flush is not understood.

mod connection;
mod copy;
mod copy_statement;
mod ddl;
pub mod real;
mod rows;
mod setup;
mod statement;
mod tokens;
mod wire;

use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

use crate::proxy::{Faults, ProxyServer};
use crate::s3::{ACCESS_KEY, SECRET_KEY};

/// How COPY reaches the test S3 server, in place of an IAM role.
#[derive(Debug, Clone)]
pub struct S3Access {
    pub endpoint: String,
    pub access_key: String,
    pub secret_key: String,
}

impl S3Access {
    /// The test server of an endpoint, with the key of tests.
    pub fn at(endpoint: &str) -> S3Access {
        S3Access { endpoint: endpoint.to_owned(), access_key: ACCESS_KEY.to_owned(), secret_key: SECRET_KEY.to_owned() }
    }
}

/// How a transaction fails that has met another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// As Redshift says it under serializable isolation.
    Error1023,
    /// SQLSTATE 40001.
    SerializationFailure,
}

/// A stand-in over one Postgres database, as long as this value lives.
#[derive(Debug)]
pub struct RedshiftStandIn {
    server: ProxyServer,
    database_url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    s3: S3Access,
    conflicts: Faults<Conflict, ()>,
}

impl RedshiftStandIn {
    /// Makes a stand-in of a Postgres database, and listens on a free port.
    ///
    /// # Panics
    /// When the database cannot be reached.
    pub fn start(database_url: &str, s3: S3Access) -> RedshiftStandIn {
        setup::prepare(database_url);
        let options: PgConnectOptions =
            database_url.parse().unwrap_or_else(|error| panic!("{database_url} is not a Postgres URL: {error}"));
        let upstream = format!("{}:{}", options.get_host(), options.get_port());
        let shared = Arc::new(Shared { upstream, s3, conflicts: Faults::new() });
        let for_connections = Arc::clone(&shared);
        let server = ProxyServer::start(move |client| connection::serve(client, Arc::clone(&for_connections)));
        RedshiftStandIn { server, database_url: database_url.to_owned(), shared }
    }

    /// The URL that clients of the stand-in use, `postgres://…`.
    pub fn url(&self) -> String {
        self.database_url.replacen(&self.shared.upstream, &self.server.address().to_string(), 1)
    }

    /// Lets the next so many transactions fail at their first DELETE.
    pub fn refuse_deletes(&self, conflict: Conflict, times: u32) {
        self.shared.conflicts.arm(conflict, 0, Some(times));
    }

    /// How often a transaction was made to fail.
    pub fn refused_deletes(&self) -> u64 {
        self.shared.conflicts.fired(())
    }
}
