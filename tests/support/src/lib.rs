//! Servers, faults, change histories and the oracle that Quarrel's tests use.
//!
//! This crate is an independent witness: it depends on no crate of Quarrel and on no query engine, so a fault of theirs
//! cannot hide in it. It owns four things:
//!
//! - **Servers**: [`postgres::PostgresServer`], [`mariadb::MariaDbServer`] and [`s3::S3Server`], real ones, and
//!   [`moto::MotoServer`] for AWS's control plane, on free loopback ports, which die with the test process even when that is
//!   killed; and [`redshift::RedshiftStandIn`], which is no Redshift and says so.
//! - **Faults**: [`tcp_proxy::PostgresProxy`] and [`s3_proxy::S3Proxy`], which break connections and answers on command and
//!   count how often they did.
//! - **Histories**: [`history::History`], plain data built by pure functions from a seed or from a proptest strategy
//!   ([`strategy`]), written as AWS DMS writes it by [`dms`]; and [`wide_types`], one table with every type there is.
//! - **Truth**: [`oracle::Oracle`], which applies a history row by row, and [`dump`], which reads a table back as text.
//!
//! Functions here panic with a full account of what failed, since a test can do nothing else with an error.

pub mod ddl;
pub mod dms;
pub mod dump;
pub mod history;
mod http;
pub mod mariadb;
pub mod moto;
pub mod oracle;
pub mod postgres;
mod process;
mod proxy;
pub mod redshift;
pub mod s3;
pub mod s3_proxy;
pub mod schema_changes;
pub mod strategy;
pub mod tcp_proxy;
pub mod value;
pub mod wide_types;
