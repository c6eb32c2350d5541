//! Owns the variables that name a real Redshift for tests, in place of the stand-in.
//!
//! With all three set, the conformance suite of targets runs against that cluster or workgroup: each test makes a database of
//! its own there and drops it. The account has to be allowed to create databases; the role has to be attached to the cluster
//! and to be allowed to read the bucket; the tests write to the bucket with the credentials of AWS's usual environment.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::process::block_on;

const DATABASE_PREFIX: &str = "quarrel_test_";

/// `redshift://user:password@host:5439/database`.
pub const URL_VARIABLE: &str = "QUARREL_TEST_REDSHIFT_URL";
/// A bucket of the same region, which tests write to below `quarrel-test/`.
pub const BUCKET_VARIABLE: &str = "QUARREL_TEST_REDSHIFT_BUCKET";
/// The ARN of the role that COPY reads the bucket with.
pub const ROLE_VARIABLE: &str = "QUARREL_TEST_REDSHIFT_ROLE";

/// A real Redshift.
#[derive(Clone, PartialEq, Eq)]
pub struct RealRedshift {
    /// `postgres://…`, as the driver wants it.
    pub url: String,
    pub bucket: String,
    pub role: String,
}

/// The URL has a password.
impl std::fmt::Debug for RealRedshift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RealRedshift").field("bucket", &self.bucket).field("role", &self.role).finish_non_exhaustive()
    }
}

impl RealRedshift {
    /// The one that the variables name; none unless all are set.
    pub fn from_environment() -> Option<RealRedshift> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (url, bucket, role) = (variable(URL_VARIABLE)?, variable(BUCKET_VARIABLE)?, variable(ROLE_VARIABLE)?);
        let url = url.strip_prefix("redshift://").map_or(url.clone(), |rest| format!("postgres://{rest}"));
        Some(RealRedshift { url, bucket, role })
    }

    /// The same with an empty database of its own.
    ///
    /// # Panics
    /// When the account may not create one.
    pub fn create_database(&self) -> RealRedshift {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{DATABASE_PREFIX}{}_{number}", std::process::id());
        self.execute(&format!("CREATE DATABASE {name}"))
            .unwrap_or_else(|error| panic!("cannot create a database for a test: {error}"));
        RealRedshift { url: self.options().database(&name).to_url_lossy().to_string(), ..self.clone() }
    }

    /// Drops a database that [`RealRedshift::create_database`] made; one that is still in use stays, and is named.
    pub fn drop_database(&self) {
        let name = self.options().get_database().unwrap_or_default().to_owned();
        assert!(name.starts_with(DATABASE_PREFIX), "{name} is not a database of a test");
        let elsewhere = RealRedshift::from_environment().expect("what was there when the test began");
        if let Err(error) = elsewhere.execute(&format!("DROP DATABASE {name}")) {
            eprintln!("database {name} is left behind: {error}");
        }
    }

    fn options(&self) -> PgConnectOptions {
        let options: PgConnectOptions =
            self.url.parse().unwrap_or_else(|error| panic!("the URL of {URL_VARIABLE} cannot be read: {error}"));
        options.extra_float_digits(None)
    }

    fn execute(&self, statement: &str) -> Result<(), sqlx::Error> {
        let options = self.options();
        block_on(async move {
            let mut connection = PgConnection::connect_with(&options).await?;
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
            connection.close().await
        })
    }
}
