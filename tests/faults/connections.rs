//! Connections to the target that break, replies that get lost, servers that are gone.

use quarrel_testkit::history::{ChangeFileSpec, History};
use quarrel_testkit::postgres::PostgresServer;
use quarrel_testkit::tcp_proxy::{Fault, FaultKind, PostgresProxy};

use crate::harness::database::Database;
use crate::harness::long_history::LongHistory;
use crate::harness::project::{Config, Project};
use crate::scene::{FOLDER_LAKE, Scene, Setup, empty_target, files_below, short_history};

/// No run of one batch commits more often, be it to read or to write.
const COMMITS_MAX: u32 = 12;
/// The pool of a database, by default.
const CONNECTIONS_MAX: u32 = 4;

fn behind_proxy(history: &History) -> (Scene, PostgresProxy) {
    let setup = Setup::of(history);
    let database = setup.target();
    let proxy = PostgresProxy::start(&database.url);
    let url = proxy.url(&database.url);
    (setup.by_way_of(database, &url), proxy)
}

fn long(keys: u64) -> History {
    let history = LongHistory { files: 2, changes_per_file: keys.div_ceil(2) + 10, keys, seed: 6 };
    let files: Vec<ChangeFileSpec> = (0..history.files).map(|number| history.file(number)).collect();
    History { key: LongHistory::key(), columns: LongHistory::columns(), files }
}

/// Loses each commit of a run in turn. The load's own is made good within the run; where it ended a read, before
/// anything was touched, the run may also fail and leave it to the next.
fn commit_is_lost(fault: Fault, kind: FaultKind) {
    let history = short_history(500);
    let mut loads_tried_again = 0;
    for skip in 0..=COMMITS_MAX {
        assert!(skip < COMMITS_MAX, "a run commits more often than thought");
        let (scene, proxy) = behind_proxy(&history);
        // The first file is applied in peace: the ledger is there.
        let (first, others) = history.files.split_at(1);
        scene.deliver(first);
        scene.run().expect(0, "in peace");
        scene.deliver(others);
        proxy.arm_after(skip, fault);
        let ended = scene.run();
        if proxy.fired(kind) == 0 {
            break;
        }
        let context = format!("commit {skip} lost");
        if ended.stderr.contains("load failed and is tried again") {
            loads_tried_again += 1;
            ended.expect(0, &context);
        } else if ended.status.code() != Some(0) {
            ended.expect(1, &context);
            scene.assert_staging_is_empty(&context);
            scene.run().expect(0, &context);
        }
        scene.assert_holds(&history, &history.files, &context);
        scene.assert_applied_once_and_clean(history.files.len(), &context);
    }
    assert_eq!(loads_tried_again, 1, "one of the commits was the load's");
}

#[test]
fn commit_whose_reply_is_lost_is_found_in_the_ledger() {
    commit_is_lost(Fault::LoseCommitReply, FaultKind::LoseCommitReply);
}

#[test]
fn commit_that_never_arrived_is_made_again() {
    commit_is_lost(Fault::LoseCommitRequest, FaultKind::LoseCommitRequest);
}

#[test]
fn connection_lost_in_mid_copy_costs_one_more_attempt() {
    // 5,000 rows go through one connection, 105,000 through several and through tables that others can see.
    for (rows, bytes) in [(5_000, 100_000), (105_000, 1_000_000)] {
        let context = format!("{rows} rows");
        let history = long(rows);
        let (scene, proxy) = behind_proxy(&history);
        scene.deliver(&history.files);
        proxy.arm(Fault::DropAfterCopyBytes(bytes));
        scene.run().expect(0, &context);
        assert_eq!(proxy.fired(FaultKind::DropAfterCopyBytes), 1, "{context}");
        scene.assert_holds(&history, &history.files, &context);
        scene.assert_applied_once_and_clean(history.files.len(), &context);
    }
}

/// Which connection is for what depends on timing; so each in turn is closed as soon as it is opened. A run may fail for it,
/// and leaves it to the next.
#[test]
fn connection_closed_at_once_harms_nothing_whichever_it_is() {
    let history = long(105_000);
    let mut closed = 0;
    for skip in 0..=CONNECTIONS_MAX {
        let (scene, proxy) = behind_proxy(&history);
        scene.deliver(&history.files);
        proxy.arm_after(skip, Fault::RefuseConnections(1));
        let ended = scene.run();
        if proxy.fired(FaultKind::RefuseConnections) == 0 {
            ended.expect(0, "in peace");
            break;
        }
        closed += 1;
        let context = format!("connection {skip} closed");
        if ended.status.code() != Some(0) {
            ended.expect(1, &context);
            scene.run().expect(0, &context);
        }
        scene.assert_holds(&history, &history.files, &context);
        scene.assert_applied_once_and_clean(history.files.len(), &context);
    }
    assert!(closed > 0, "a run opens connections");
}

#[test]
fn target_that_is_gone_fails_its_table_and_no_other() {
    let history = short_history(520);
    let server = PostgresServer::start();
    let gone = Database { url: server.create_database() };
    let there = empty_target(&history.key, &history.columns);
    let config = Config::new("in_process", FOLDER_LAKE)
        .connection("gone", &gone.url)
        .connection("there", &there.url)
        .table(
            "{name: orders, changes: {prefix: shop/orders/}, key: [id], targets: [{connection: gone, table: items}]}",
        )
        .table(
            "{name: items, changes: {prefix: shop/items/}, key: [id], targets: [{connection: there, table: items}]}",
        );
    let project = Project::new(&config);
    for folder in ["shop/orders", "shop/items"] {
        let folder = project.path().join("changes").join(folder);
        quarrel_testkit::dms::write_history(&folder, &history, &Default::default());
    }
    drop(server);
    let ended = project.run_cdc().expect(1, "one server is gone");
    let printed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed["runs"][0]["status"], "failed", "{ended:?}");
    assert_eq!(printed["runs"][1]["status"], "succeeded", "{ended:?}");
    let expected = quarrel_testkit::oracle::Oracle::of(&history);
    let rows = expected.text_rows(quarrel_testkit::value::Dialect::Postgres);
    there.assert_rows("items", &expected.column_names(), &rows, "the other table");
    let untouched = files_below(&project.path().join("changes/shop/orders"));
    assert_eq!(untouched.len(), history.files.len(), "files of the failed table stay");
}
