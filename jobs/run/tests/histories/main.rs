//! The main job against the oracle, over random change histories.
//!
//! Each history goes through the public API of the job ([`run_cdc`](quarrel_run::cdc::run_cdc)), several runs long, with
//! everything that befalls files, targets and runs in practice (`case`); after every run the target must hold the oracle's rows
//! (`check`). A failure is shrunk, and prints the seed that gives it again: `QUARREL_TEST_SEED=… cargo nextest run …`.
//!
//! There are 2,000 histories into SQLite, 200 into Postgres, and a few dozen into a stand-in for Redshift and on an embedded Ballista cluster. They are spread over
//! test functions, so that they run side by side.

mod case;
mod check;
mod fault;
mod interrupt;
mod model;
mod scenarios;
mod tally;
mod world;

use std::cell::RefCell;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use quarrel_model::config::ClusterConfig;

use crate::case::cases;
use crate::check::check;
use crate::world::{Kind, World, postgres_urls};

/// Makes a failure come again.
const SEED_VARIABLE: &str = "QUARREL_TEST_SEED";
/// So many histories meet every trouble, save by an accident that nobody lives to see.
const COVERING_MIN: u32 = 500;
/// Steps that a failing history is shrunk by; each runs a history, at some tens of milliseconds.
const SHRINK_STEPS_MAX: u32 = 2_000;

/// Checks so many histories in one context.
#[track_caller]
fn check_histories(count: u32, cluster: ClusterConfig, kinds: [Kind; 2]) {
    let seed: u64 = match std::env::var(SEED_VARIABLE) {
        Ok(text) => text.parse().expect("a seed is a number"),
        Err(_) => uuid::Uuid::now_v7().as_u64_pair().1,
    };
    let urls = if kinds == SQLITE { Default::default() } else { postgres_urls() };
    let mut builder = match cluster {
        // Fewer threads to wake: a history is many small waits.
        ClusterConfig::InProcess => tokio::runtime::Builder::new_current_thread(),
        ClusterConfig::Embedded | ClusterConfig::Remote { .. } => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build().expect("a runtime starts");
    let world = RefCell::new(runtime.block_on(World::open(cluster, kinds, urls)));
    let config =
        Config { cases: count, max_shrink_iters: SHRINK_STEPS_MAX, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    println!("{SEED_VARIABLE}={seed}");
    let result = runner.run(&cases(), |case| {
        let mut world = world.borrow_mut();
        runtime.block_on(check(&mut world, &case)).map_err(TestCaseError::fail)
    });
    let tally = world.borrow().tally.borrow().clone();
    println!("{tally:?}");
    if let Err(error) = result {
        panic!("{SEED_VARIABLE}={seed}: {error}");
    }
    let missing = tally.missing();
    assert!(missing.is_empty() || count < COVERING_MIN, "{SEED_VARIABLE}={seed}: never met: {missing:?}");
}

const SQLITE: [Kind; 2] = [Kind::Sqlite; 2];

#[test]
fn sqlite_holds_the_oracles_rows_first_part() {
    check_histories(500, ClusterConfig::InProcess, SQLITE);
}

#[test]
fn sqlite_holds_the_oracles_rows_second_part() {
    check_histories(500, ClusterConfig::InProcess, SQLITE);
}

#[test]
fn sqlite_holds_the_oracles_rows_third_part() {
    check_histories(500, ClusterConfig::InProcess, SQLITE);
}

#[test]
fn sqlite_holds_the_oracles_rows_fourth_part() {
    check_histories(500, ClusterConfig::InProcess, SQLITE);
}

#[test]
fn postgres_holds_the_oracles_rows() {
    check_histories(100, ClusterConfig::InProcess, [Kind::Postgres; 2]);
}

#[test]
fn postgres_holds_the_oracles_rows_beside_sqlite() {
    check_histories(100, ClusterConfig::InProcess, [Kind::Postgres, Kind::Sqlite]);
}

#[test]
fn redshift_holds_the_oracles_rows_beside_sqlite() {
    check_histories(30, ClusterConfig::InProcess, [Kind::Redshift, Kind::Sqlite]);
}

#[test]
fn embedded_ballista_gives_the_oracles_rows() {
    check_histories(40, ClusterConfig::Embedded, SQLITE);
}
