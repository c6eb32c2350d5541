//! The state store: one set of migrations and statements, the same behaviour in SQLite and Postgres.
//!
//! Each test takes both engines through the same steps. Time is the database's: tests move a lease's expiry, not a clock.

use chrono::{DateTime, Utc};
use quarrel_model::batch::{Batch, BatchFile, BatchId, FileLocation, FileRole};
use quarrel_model::change_file::{ChangeFile, ObjectKind, classify_dms};
use quarrel_model::ledger::{Epoch, Fence};
use quarrel_model::names::TableName;
use quarrel_model::position::{ChangeSequence, OrderBy, Watermark};
use quarrel_model::schema::FileSchema;
use quarrel_model::summary::{RunStatus, RunSummary, StepSeconds};
use quarrel_run::state::lease::{Holder, LEASE_LIFE, Lease};
use quarrel_run::state::records::{RunStart, StepRecord};
use quarrel_run::state::{StateError, StateStore, stored_instant};
use quarrel_testkit::dump::{TextRow, dump_table, table_names};
use quarrel_testkit::postgres::PostgresServer;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use tempfile::TempDir;

/// A store, and a way past it into its database.
struct Place {
    store: StateStore,
    url: String,
    /// Where the tables are.
    schema: &'static str,
    _folder: Option<TempDir>,
}

impl Place {
    async fn both() -> [Place; 2] {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite://{}/deep/er/state.db", folder.path().display());
        let postgres = PostgresServer::shared().create_database();
        [
            Place {
                store: StateStore::open(&sqlite).await.unwrap(),
                url: sqlite,
                schema: "main",
                _folder: Some(folder),
            },
            Place {
                store: StateStore::open(&postgres).await.unwrap(),
                url: postgres,
                schema: "quarrel_state",
                _folder: None,
            },
        ]
    }

    async fn dump(&self, table: &str, columns: &[&str]) -> Vec<TextRow> {
        dump_table(&self.url, &format!("{}.{table}", self.schema), columns).await
    }

    async fn execute(&self, statement: &str) {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
        connection.close().await.unwrap();
    }
}

fn table() -> TableName {
    TableName("orders".to_owned())
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn texts(row: &[&str]) -> TextRow {
    row.iter().map(|text| (*text != "NULL").then(|| (*text).to_owned())).collect()
}

#[tokio::test]
async fn same_tables_come_up_in_both_engines_and_opening_again_keeps_them() {
    for place in Place::both().await {
        let mut lease = Lease::acquire(&place.store, "table:orders", &Holder::of_run("r1")).await.unwrap();
        let again = StateStore::open(&place.url).await.unwrap();
        lease.renew(None).await.unwrap();
        let names: Vec<String> = table_names(&place.url)
            .await
            .into_iter()
            .map(|name| name.trim_start_matches("quarrel_state.").to_owned())
            .filter(|name| !name.starts_with('_'))
            .collect();
        assert_eq!(
            names,
            ["batches", "known_losses", "leases", "run_steps", "runs", "schema_migrations", "watermarks"],
            "{}",
            place.schema
        );
        assert_eq!(place.dump("leases", &["name", "epoch"]).await, [texts(&["table:orders", "1"])]);
        again.close().await;
        place.store.close().await;
    }
}

#[tokio::test]
async fn url_of_another_engine_is_refused_without_repeating_it() {
    let error = StateStore::open("mysql://root:secret@localhost/x").await.unwrap_err();
    assert!(matches!(error, StateError::UnknownEngine), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("secret"));
}

#[tokio::test]
async fn second_holder_is_refused_until_the_first_lets_go() {
    for place in Place::both().await {
        let (first, second) = (Holder::of_run("r1"), Holder::of_run("r2"));
        let lease = Lease::acquire(&place.store, "table:orders", &first).await.unwrap();
        assert_eq!(lease.fence(), &Fence { epoch: Epoch(1), holder: first.0.clone() });
        match Lease::acquire(&place.store, "table:orders", &second).await {
            Err(StateError::Held { lease, holder }) => {
                assert_eq!((lease.as_str(), &holder), ("table:orders", &first.0), "{}", place.schema);
            }
            other => panic!("{other:?}"),
        }
        let other_table = Lease::acquire(&place.store, "table:other", &second).await.unwrap();
        assert_eq!(other_table.fence().epoch, Epoch(1), "leases of other names have epochs of their own");

        lease.release().await.unwrap();
        let taken = Lease::acquire(&place.store, "table:orders", &second).await.unwrap();
        assert_eq!(taken.fence(), &Fence { epoch: Epoch(2), holder: second.0.clone() });
    }
}

#[tokio::test]
async fn of_many_that_ask_at_once_one_gets_the_lease() {
    for place in Place::both().await {
        let holders: Vec<Holder> = (0..8).map(|number| Holder::of_run(&format!("r{number}"))).collect();
        let asked = holders.iter().map(|holder| Lease::acquire(&place.store, "table:orders", holder));
        let answers = futures::future::join_all(asked).await;
        let taken: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        assert_eq!(taken.len(), 1, "{}: {answers:?}", place.schema);
        assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(StateError::Held { .. }))), "{answers:?}");
    }
}

#[tokio::test]
async fn expiry_is_told_by_the_databases_clock() {
    for place in Place::both().await {
        let mut lost = Lease::acquire(&place.store, "table:orders", &Holder::of_run("r1")).await.unwrap();
        let clock = match place.schema {
            "main" => "SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000",
            _ => "SELECT CAST(floor(extract(epoch FROM now())) AS BIGINT) * 1000",
        };
        let mut connection = AnyConnection::connect(&place.url).await.unwrap();
        let now: i64 = sqlx::query_scalar(clock).fetch_one(&mut connection).await.unwrap();
        let expires = format!("SELECT expires_at_ms FROM {}.leases", place.schema);
        let expires: i64 = sqlx::query_scalar(AssertSqlSafe(expires)).fetch_one(&mut connection).await.unwrap();
        let life = i64::try_from(LEASE_LIFE.as_millis()).unwrap();
        // Taken at most a minute before `now` was read, which is cut to the second.
        assert!((now..=now + 1000 + life).contains(&expires), "{}: {expires} at {now}", place.schema);

        // A second before the database's time: expired, whatever this process' clock says.
        place.execute(&format!("UPDATE {}.leases SET expires_at_ms = {}", place.schema, now - 1000)).await;
        let taken = Lease::acquire(&place.store, "table:orders", &Holder::of_run("r2")).await.unwrap();
        assert_eq!(taken.fence().epoch, Epoch(2), "{}", place.schema);

        match lost.renew(None).await {
            Err(StateError::LeaseLost { lease }) => assert_eq!(lease, "table:orders"),
            other => panic!("{other:?}"),
        }
        lost.release().await.unwrap();
        let third = Lease::acquire(&place.store, "table:orders", &Holder::of_run("r3")).await;
        assert!(
            matches!(third, Err(StateError::Held { .. })),
            "a lost lease is not let go by its former holder: {third:?}"
        );
    }
}

#[tokio::test]
async fn lease_of_a_dead_process_is_taken_at_once() {
    for place in Place::both().await {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let own = Holder::of_run("r1").0;
        let host = own.split('/').next().unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        // Field 22 is the start, and the name in parentheses is field 2.
        let start = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().to_owned();
        let holder = Holder(format!("{host}/{}/{start}/r0", child.id()));
        Lease::acquire(&place.store, "table:orders", &holder).await.unwrap();

        let alive = Lease::acquire(&place.store, "table:orders", &Holder::of_run("r1")).await;
        assert!(matches!(alive, Err(StateError::Held { .. })), "{}: {alive:?}", place.schema);
        child.kill().unwrap();
        child.wait().unwrap();
        let taken = Lease::acquire(&place.store, "table:orders", &Holder::of_run("r2")).await.unwrap();
        assert_eq!(taken.fence().epoch, Epoch(2), "{}", place.schema);

        let elsewhere = Holder(format!("another-host/{}/{start}/r0", child.id()));
        taken.release().await.unwrap();
        Lease::acquire(&place.store, "table:orders", &elsewhere).await.unwrap();
        let refused = Lease::acquire(&place.store, "table:orders", &Holder::of_run("r3")).await;
        assert!(
            matches!(refused, Err(StateError::Held { .. })),
            "processes of other hosts can't be looked at: {refused:?}"
        );
    }
}

#[tokio::test]
async fn epoch_grows_with_each_taking_and_above_what_a_target_knows() {
    for place in Place::both().await {
        let holder = Holder::of_run("r1");
        for epoch in 1..=3 {
            let lease = Lease::acquire(&place.store, "table:orders", &holder).await.unwrap();
            assert_eq!(lease.fence().epoch, Epoch(epoch), "{}", place.schema);
            lease.release().await.unwrap();
        }
        let mut lease = Lease::acquire(&place.store, "table:orders", &holder).await.unwrap();
        assert_eq!(lease.renew(None).await.unwrap().epoch, Epoch(4));
        assert_eq!(lease.renew(Some(Epoch(2))).await.unwrap().epoch, Epoch(4), "an older epoch changes nothing");
        assert_eq!(lease.renew(Some(Epoch(4))).await.unwrap().epoch, Epoch(5), "an equal one is somebody else's");
        assert_eq!(lease.renew(Some(Epoch(100))).await.unwrap().epoch, Epoch(101));
        lease.release().await.unwrap();
        let next = Lease::acquire(&place.store, "table:orders", &holder).await.unwrap();
        assert_eq!(next.fence().epoch, Epoch(102), "{}", place.schema);
    }
}

fn summary(run_id: &str, status: RunStatus) -> RunSummary {
    RunSummary {
        run_id: run_id.to_owned(),
        job: "cdc".to_owned(),
        table: table(),
        status,
        batches: vec![BatchId("b1".to_owned())],
        files: 3,
        late_files: 1,
        replayed_files: 2,
        bytes: 9_007_199_254_740_993,
        changes: 40,
        kept: 20,
        upserts: 18,
        deletes: 2,
        quarantined: 0,
        cleaned_files: 3,
        targets: Vec::new(),
        seconds: StepSeconds { migrate: 0.0, collect: 0.1, reduce: 0.25, load: 0.5, clean: 0.0, total: 1.0 },
        watermark: Some("2024-05-06T13:59:30.000000Z".to_owned()),
        migrations: Vec::new(),
        estimate_seconds: None,
        warnings: vec!["a \"warning\" — 漢字".to_owned()],
        error: None,
        hint: None,
    }
}

#[tokio::test]
async fn runs_and_their_steps_come_back_as_they_were_recorded() {
    for place in Place::both().await {
        let store = &place.store;
        let fence = Fence { epoch: Epoch(7), holder: "h".to_owned() };
        let (orders, other) = (table(), TableName("other".to_owned()));
        let run = |run_id: &'static str, table, started_at: &str| RunStart {
            run_id,
            job: "cdc",
            table,
            logical_at: instant("2024-05-06T14:00:00Z"),
            started_at: instant(started_at),
            fence: &fence,
        };
        store.start_run(&run("r1", &orders, "2024-05-06T14:00:01Z")).await.unwrap();
        let step = StepRecord {
            run_id: "r1",
            number: 1,
            step: "reduce",
            batch: Some(&BatchId("b1".to_owned())),
            started_at: instant("2024-05-06T14:00:02.5Z"),
            seconds: 0.25,
            error: Some("it's gone: \\ \" 漢".to_owned()),
        };
        store.record_step(&step).await.unwrap();
        store.record_step(&StepRecord { number: 2, step: "clean", batch: None, error: None, ..step }).await.unwrap();
        store.finish_run(&summary("r1", RunStatus::Succeeded), instant("2024-05-06T14:00:03Z")).await.unwrap();
        store.start_run(&run("r2", &orders, "2024-05-06T14:20:00.000001Z")).await.unwrap();
        store.start_run(&run("r3", &other, "2024-05-06T14:20:00.000002Z")).await.unwrap();

        let steps = place.dump("run_steps", &["run_id", "step_number", "step", "batch_id", "seconds", "error"]).await;
        let expected = [
            texts(&["r1", "1", "reduce", "b1", "0.25", "it's gone: \\ \" 漢"]),
            texts(&["r1", "2", "clean", "NULL", "0.25", "NULL"]),
        ];
        assert_eq!(steps, expected, "{}", place.schema);

        let runs = store.runs(None, 10).await.unwrap();
        let ids: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
        assert_eq!(ids, ["r3", "r2", "r1"], "newest first");
        let of_orders = store.runs(Some(&orders), 1).await.unwrap();
        assert_eq!((of_orders.len(), of_orders[0].run_id.as_str()), (1, "r2"));
        let first = &runs[2];
        assert_eq!(first.summary, Some(summary("r1", RunStatus::Succeeded)));
        assert_eq!(first.status, "succeeded");
        assert_eq!(first.logical_at, "2024-05-06T14:00:00.000000Z");
        assert_eq!(first.ended_at.as_deref(), Some("2024-05-06T14:00:03.000000Z"));
        assert_eq!((runs[1].status.as_str(), &runs[1].ended_at, &runs[1].summary), ("running", &None, &None));

        let latest = store.latest_runs().await.unwrap();
        let latest: Vec<_> = latest.iter().map(|run| (run.table.0.as_str(), run.run_id.as_str())).collect();
        assert_eq!(latest, [("orders", "r2"), ("other", "r3")]);
    }
}

#[tokio::test]
async fn run_that_never_ended_is_abandoned_by_the_next_of_its_table() {
    for place in Place::both().await {
        let fence = Fence { epoch: Epoch(1), holder: "h".to_owned() };
        let at = instant("2024-05-06T14:00:00Z");
        for (run_id, name) in [("r1", "orders"), ("r2", "other"), ("r3", "orders")] {
            let table = TableName(name.to_owned());
            let run = RunStart { run_id, job: "cdc", table: &table, logical_at: at, started_at: at, fence: &fence };
            place.store.start_run(&run).await.unwrap();
        }
        let found = place.dump("runs", &["run_id", "status"]).await;
        assert_eq!(found, [texts(&["r1", "abandoned"]), texts(&["r2", "running"]), texts(&["r3", "running"])]);
    }
}

fn batch(content: &str) -> Batch {
    let key = format!("changes/t/20240506-135930123-{content}.parquet").replace(&format!("-{content}"), "");
    let Ok(ObjectKind::Change(order)) = classify_dms(&key) else { panic!("{key}") };
    let file = ChangeFile { key, etag: Some(content.to_owned()), size: 77, order: order.clone() };
    let location = FileLocation::at_source(&file);
    let files = vec![BatchFile { file, location, role: FileRole::New, rows: 5, sequences: None }];
    let watermark = Watermark { file: order, sequence: None };
    Batch::freeze(table(), OrderBy::FileName, files, FileSchema::default(), watermark)
}

#[tokio::test]
async fn batch_goes_from_collected_to_applied_and_its_job_is_found_after_a_crash() {
    for place in Place::both().await {
        let store = &place.store;
        let fence = Fence { epoch: Epoch(1), holder: "h".to_owned() };
        let (orders, at) = (table(), instant("2024-05-06T14:00:00Z"));
        let run =
            |run_id| RunStart { run_id, job: "cdc", table: &orders, logical_at: at, started_at: at, fence: &fence };
        store.start_run(&run("r1")).await.unwrap();
        let (batch, another) = (batch("e1"), batch("e2"));
        assert_ne!(batch.id, another.id, "another ETag is another file");
        let status = async || place.dump("batches", &["run_id", "status", "files", "bytes", "changes"]).await;

        store.store_batch(&batch, "r1", at).await.unwrap();
        assert_eq!(status().await, [texts(&["r1", "collected", "1", "77", "5"])]);
        assert_eq!(store.left_jobs(&orders).await.unwrap(), []);
        store.batch_submitted((&orders, &batch.id), Some("job-1")).await.unwrap();
        assert_eq!(store.left_jobs(&orders).await.unwrap(), [(batch.id.clone(), "job-1".to_owned())]);
        assert_eq!(store.left_jobs(&TableName("other".to_owned())).await.unwrap(), []);
        assert_eq!(store.reduced_manifest(&batch).await.unwrap(), None);

        store.batch_reduced(&batch, "{\"parts\": [\"漢\"]}".to_owned()).await.unwrap();
        assert_eq!(store.left_jobs(&orders).await.unwrap(), [], "a reduced batch has no job");
        assert_eq!(store.reduced_manifest(&batch).await.unwrap().as_deref(), Some("{\"parts\": [\"漢\"]}"));
        assert_eq!(store.reduced_manifest(&another).await.unwrap(), None);

        store.start_run(&run("r2")).await.unwrap();
        store.store_batch(&batch, "r2", at).await.unwrap();
        assert_eq!(status().await, [texts(&["r2", "reduced", "1", "77", "5"])], "the next run takes it up where it is");
        store.batch_applied(&batch).await.unwrap();
        assert_eq!(status().await, [texts(&["r2", "applied", "1", "77", "5"])]);
        assert_eq!(store.reduced_manifest(&batch).await.unwrap(), None, "its parts are swept");
    }
}

#[tokio::test]
async fn watermarks_are_kept_by_table_and_target() {
    for place in Place::both().await {
        let watermark = |key: &str, sequence: Option<&str>| {
            let Ok(ObjectKind::Change(file)) = classify_dms(key) else { panic!("{key}") };
            Watermark { file, sequence: sequence.map(|text| ChangeSequence(text.to_owned())) }
        };
        let first = watermark("t/20240506-135930123.parquet", None);
        let second = watermark("t/20240506-140000000.parquet", Some("00000000000000000000000000000000042"));
        place.store.store_watermark(&table(), "one:\"My Table\"", &first).await.unwrap();
        place.store.store_watermark(&table(), "two:t", &first).await.unwrap();
        place.store.store_watermark(&table(), "two:t", &second).await.unwrap();
        let found = place.store.watermarks().await.unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|w| {
                (
                    w.target.as_str(),
                    w.applied_file.as_str(),
                    w.applied_sequence.as_deref(),
                    w.applied_instant.as_deref(),
                )
            })
            .collect();
        let expected = [
            ("one:\"My Table\"", first.file.as_str(), None, Some("2024-05-06T13:59:30.000000Z")),
            (
                "two:t",
                second.file.as_str(),
                Some("00000000000000000000000000000000042"),
                Some("2024-05-06T14:00:00.000000Z"),
            ),
        ];
        assert_eq!(found, expected, "{}", place.schema);
    }
}

#[test]
fn stored_instants_sort_as_instants_do() {
    let instants =
        ["2024-05-06T13:59:30Z", "2024-05-06T13:59:30.000001Z", "2024-05-06T13:59:30.1Z", "2024-05-06T14:00:00Z"];
    let stored: Vec<String> = instants.iter().map(|text| stored_instant(instant(text))).collect();
    assert!(stored.is_sorted() && stored.iter().all(|text| text.len() == stored[0].len()), "{stored:?}");
}

#[tokio::test]
async fn known_losses_are_those_of_the_last_load_and_migrations_stay() {
    for place in Place::both().await {
        let store = &place.store;
        let table = TableName("t".to_owned());
        let losses = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), format!("{name} is cut"))).collect();
        store.store_losses(&table, "copy:t", losses(&["a", "b"])).await.unwrap();
        store.store_losses(&table, "copy:t", losses(&["b"])).await.unwrap();
        store.store_losses(&table, "other:t", losses(&["c"])).await.unwrap();
        let found = store.losses(&table).await.unwrap();
        let found: Vec<_> = found.iter().map(|loss| (loss.target.as_str(), loss.column.as_str())).collect();
        assert_eq!(found, [("copy:t", "b"), ("other:t", "c")]);
        assert_eq!(store.losses(&TableName("u".to_owned())).await.unwrap(), []);
    }
}
