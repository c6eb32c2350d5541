//! Owns the variables that name a real Redshift for tests, in place of the stand-in.
//!
//! With all three set, the conformance suite of targets runs against that cluster or workgroup: each test makes a database of
//! its own there and drops it. The account has to be allowed to create databases; the role has to be attached to the cluster
//! and to be allowed to read the bucket; the tests write to the bucket with the credentials of AWS's usual environment.

/// `redshift://user:password@host:5439/database`.
pub const URL_VARIABLE: &str = "QUARREL_TEST_REDSHIFT_URL";
/// A bucket of the same region, which tests write to below `quarrel-test/`.
pub const BUCKET_VARIABLE: &str = "QUARREL_TEST_REDSHIFT_BUCKET";
/// The ARN of the role that COPY reads the bucket with.
pub const ROLE_VARIABLE: &str = "QUARREL_TEST_REDSHIFT_ROLE";

/// A real Redshift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealRedshift {
    /// `postgres://…`, as the driver wants it.
    pub url: String,
    pub bucket: String,
    pub role: String,
}

impl RealRedshift {
    /// The one that the variables name; none unless all are set.
    pub fn from_environment() -> Option<RealRedshift> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (url, bucket, role) =
            (variable(URL_VARIABLE)?, variable(BUCKET_VARIABLE)?, variable(ROLE_VARIABLE)?);
        let url = url.strip_prefix("redshift://").map_or(url.clone(), |rest| format!("postgres://{rest}"));
        Some(RealRedshift { url, bucket, role })
    }
}
