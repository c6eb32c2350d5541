//! One job, three kinds of cluster, one result; and errors that say what is wrong.

mod cluster_support;

use std::sync::Mutex;
use std::time::Duration;

use cluster_support::{History, history, job, read_parts, write_file};
use quarrel_executor::process::{ExecutorProcess, run_executor};
use quarrel_executor::session::SessionSettings;
use quarrel_run::cluster::{Cluster, ClusterAddress, ClusterError, Retry};
use quarrel_scheduler::process::{BoundScheduler, SchedulerProcess};
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine; no test waits for it to pass.
const PLENTY: Duration = Duration::from_secs(120);

fn settings(partitions: usize) -> SessionSettings {
    SessionSettings { target_partitions: partitions, ..SessionSettings::default() }
}

async fn reduces(cluster: &Cluster, History { files, expected }: &History) {
    let out = tempfile::tempdir().unwrap();
    let parts =
        cluster.write_parts(&job(files.clone(), out.path(), PLENTY), |_| (), &CancellationToken::new()).await.unwrap();
    assert_eq!(&read_parts(&parts), expected);
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), parts.len());
}

/// Waits until the scheduler has `count` executors; the test runner's own limit bounds it.
async fn with_executors(cluster: &Cluster, count: usize) {
    while cluster.check().await.map_or(0, |health| health.executors) < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_and_an_embedded_cluster_give_the_replayed_history() {
    let dir = tempfile::tempdir().unwrap();
    let history = history(dir.path(), 7, 200).await;
    for partitions in [1, 4] {
        for address in [ClusterAddress::InProcess, ClusterAddress::Embedded] {
            let cluster = Cluster::connect(&address, &settings(partitions)).await.unwrap();
            reduces(&cluster, &history).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_and_two_executors_give_the_replayed_history_and_leave_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let history = history(dir.path(), 9, 300).await;
    let shutdown = CancellationToken::new();
    let scheduler = BoundScheduler::bind(SchedulerProcess { port: 0, ..SchedulerProcess::default() }).await.unwrap();
    let url = scheduler.url();
    let serving = tokio::spawn(scheduler.serve(CancellationToken::new()));
    let executor = || ExecutorProcess {
        vcores: 1,
        flight_port: 0,
        grpc_port: 0,
        scheduler_url: url.clone(),
        memory_pool_bytes: 128 * 1024 * 1024,
        ..ExecutorProcess::default()
    };
    let executors = [(); 2].map(|()| tokio::spawn(run_executor(executor(), shutdown.clone())));
    let cluster = Cluster::connect(&ClusterAddress::Remote { scheduler: url.clone() }, &settings(3)).await.unwrap();
    with_executors(&cluster, 2).await;

    // Two jobs at once, with the same table name.
    tokio::join!(reduces(&cluster, &history), reduces(&cluster, &history));

    shutdown.cancel();
    for executor in executors {
        executor.await.unwrap().unwrap();
    }
    assert!(matches!(cluster.check().await, Err(ClusterError::NoExecutors { .. })));
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_ends_the_job_with_its_name_and_a_new_plan() {
    for address in [ClusterAddress::InProcess, ClusterAddress::Embedded] {
        let dir = tempfile::tempdir().unwrap();
        let out = tempfile::tempdir().unwrap();
        let history = history(dir.path(), 3, 50).await;
        write_file(&dir.path().join("0002.parquet"), vec![1, 2, 3], None);
        let cluster = Cluster::connect(&address, &settings(2)).await.unwrap();
        let error = cluster
            .write_parts(&job(history.files, out.path(), PLENTY), |_| (), &CancellationToken::new())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("0002.parquet"), "{address:?}: {error}");
        assert_eq!(error.retry(), Retry::PlanAgain, "{address:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_executors_a_job_ends_by_its_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let history = history(dir.path(), 2, 10).await;
    let scheduler = BoundScheduler::bind(SchedulerProcess { port: 0, ..SchedulerProcess::default() }).await.unwrap();
    let address = ClusterAddress::Remote { scheduler: scheduler.url() };
    let serving = tokio::spawn(scheduler.serve(CancellationToken::new()));
    let cluster = Cluster::connect(&address, &settings(2)).await.unwrap();
    assert!(matches!(cluster.check().await, Err(ClusterError::NoExecutors { .. })));

    let ids = Mutex::new(Vec::new());
    let job = job(history.files, dir.path(), Duration::from_secs(2));
    let error = cluster
        .write_parts(&job, |id| ids.lock().unwrap().push(id.to_owned()), &CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, ClusterError::Deadline { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Again);
    assert_eq!(ids.into_inner().unwrap().len(), 1);
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_ends_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let history = history(dir.path(), 2, 10).await;
    let scheduler = BoundScheduler::bind(SchedulerProcess { port: 0, ..SchedulerProcess::default() }).await.unwrap();
    let address = ClusterAddress::Remote { scheduler: scheduler.url() };
    let serving = tokio::spawn(scheduler.serve(CancellationToken::new()));
    let cluster = Cluster::connect(&address, &settings(2)).await.unwrap();
    let cancel = CancellationToken::new();
    let error =
        cluster.write_parts(&job(history.files, dir.path(), PLENTY), |_| cancel.cancel(), &cancel).await.unwrap_err();
    assert!(matches!(error, ClusterError::Cancelled { .. }), "{error}");
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_scheduler_has_forgotten_the_job_and_the_call_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let history = history(dir.path(), 2, 10).await;
    let first = BoundScheduler::bind(SchedulerProcess { port: 0, ..SchedulerProcess::default() }).await.unwrap();
    let url = first.url();
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let (submitted, on_submitted) = tokio::sync::oneshot::channel();
    let submitted = Mutex::new(Some(submitted));
    let stop = CancellationToken::new();
    let restarts = tokio::spawn(async move {
        let serving = tokio::spawn(first.serve(stop.clone()));
        on_submitted.await.unwrap();
        stop.cancel();
        serving.await.unwrap().unwrap();
        let settings = SchedulerProcess { port, ..SchedulerProcess::default() };
        // The port is free once the last connection of the old scheduler is gone.
        let second = loop {
            match BoundScheduler::bind(settings.clone()).await {
                Ok(second) => break second,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        second.serve(CancellationToken::new()).await
    });
    let cluster = Cluster::connect(&ClusterAddress::Remote { scheduler: url }, &settings(2)).await.unwrap();
    let error = cluster
        .write_parts(
            &job(history.files, dir.path(), PLENTY),
            |_| submitted.lock().unwrap().take().unwrap().send(()).unwrap(),
            &CancellationToken::new(),
        )
        .await
        .unwrap_err();
    assert!(matches!(error, ClusterError::Forgotten { .. } | ClusterError::LostContact { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Again);
    restarts.abort();
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_unreachable() {
    let free = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let address = ClusterAddress::Remote { scheduler: format!("http://{free}") };
    let error = Cluster::connect(&address, &settings(1)).await.unwrap_err();
    assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
}
