//! The faults of the Postgres proxy, seen from a client and from the server behind it.

use quarrel_testkit::postgres::PostgresServer;
use quarrel_testkit::tcp_proxy::{Fault, FaultKind, PostgresProxy};
use sqlx::{Connection, Executor, PgConnection};

/// A database with an empty table, the proxy before it, and the direct URL.
async fn proxied() -> (PostgresProxy, String, String) {
    let direct = PostgresServer::shared().create_database();
    let mut connection = PgConnection::connect(&direct).await.unwrap();
    connection.execute("CREATE TABLE copied (id bigint)").await.unwrap();
    let proxy = PostgresProxy::start(&direct);
    let by_proxy = proxy.url(&direct);
    assert_ne!(by_proxy, direct);
    (proxy, by_proxy, direct)
}

async fn count(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM copied").fetch_one(&mut connection).await.unwrap()
}

/// Copies `1..=rows` in pieces of 1,000 rows inside a transaction and commits.
async fn copy_and_commit(connection: &mut PgConnection, rows: i64) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let mut copy = transaction.copy_in_raw("COPY copied FROM STDIN").await?;
    for piece in (1..=rows).collect::<Vec<_>>().chunks(1_000) {
        let text: String = piece.iter().map(|id| format!("{id}\n")).collect();
        copy.send(text.as_bytes()).await?;
    }
    copy.finish().await?;
    transaction.commit().await
}

#[tokio::test]
async fn proxy_without_faults_changes_nothing() {
    let (proxy, by_proxy, direct) = proxied().await;
    let mut connection = PgConnection::connect(&by_proxy).await.unwrap();
    copy_and_commit(&mut connection, 20_000).await.unwrap();
    assert_eq!((count(&by_proxy).await, count(&direct).await), (20_000, 20_000));
    let kinds = [FaultKind::DropAfterCopyBytes, FaultKind::LoseCommitReply, FaultKind::LoseCommitRequest];
    assert!(kinds.iter().all(|kind| proxy.fired(*kind) == 0));
}

#[tokio::test]
async fn connection_dropped_in_mid_copy_leaves_no_rows_and_the_next_copy_passes() {
    let (proxy, by_proxy, direct) = proxied().await;
    proxy.arm(Fault::DropAfterCopyBytes(30_000));
    let mut connection = PgConnection::connect(&by_proxy).await.unwrap();
    let error = copy_and_commit(&mut connection, 20_000).await.unwrap_err();
    assert!(matches!(error, sqlx::Error::Io(_)), "{error:?}");
    assert_eq!(proxy.fired(FaultKind::DropAfterCopyBytes), 1);
    assert_eq!(count(&direct).await, 0);

    let mut connection = PgConnection::connect(&by_proxy).await.unwrap();
    copy_and_commit(&mut connection, 20_000).await.unwrap();
    assert_eq!(count(&direct).await, 20_000);
}

#[tokio::test]
async fn copy_smaller_than_the_limit_is_left_alone_and_each_copy_counts_from_zero() {
    let (proxy, by_proxy, direct) = proxied().await;
    proxy.arm(Fault::DropAfterCopyBytes(10_000));
    let mut connection = PgConnection::connect(&by_proxy).await.unwrap();
    for _ in 0..5 {
        copy_and_commit(&mut connection, 1_000).await.unwrap();
    }
    assert_eq!((count(&direct).await, proxy.fired(FaultKind::DropAfterCopyBytes)), (5_000, 0));
}

#[tokio::test]
async fn lost_commit_reply_leaves_the_rows_committed() {
    let (proxy, by_proxy, direct) = proxied().await;
    proxy.arm(Fault::LoseCommitReply);
    let mut connection = PgConnection::connect(&by_proxy).await.unwrap();
    let error = copy_and_commit(&mut connection, 10).await.unwrap_err();
    assert!(matches!(error, sqlx::Error::Io(_)), "{error:?}");
    assert_eq!((count(&direct).await, proxy.fired(FaultKind::LoseCommitReply)), (10, 1));
}

#[tokio::test]
async fn lost_commit_request_leaves_no_rows() {
    let (proxy, by_proxy, direct) = proxied().await;
    proxy.arm(Fault::LoseCommitRequest);
    let mut connection = PgConnection::connect(&by_proxy).await.unwrap();
    let error = copy_and_commit(&mut connection, 10).await.unwrap_err();
    assert!(matches!(error, sqlx::Error::Io(_)), "{error:?}");
    assert_eq!((count(&direct).await, proxy.fired(FaultKind::LoseCommitRequest)), (0, 1));
}

#[tokio::test]
async fn skipped_moments_pass_and_disarmed_faults_never_fire() {
    let (proxy, by_proxy, direct) = proxied().await;
    proxy.arm_after(2, Fault::LoseCommitReply);
    let mut connection = PgConnection::connect(&by_proxy).await.unwrap();
    copy_and_commit(&mut connection, 1).await.unwrap();
    copy_and_commit(&mut connection, 1).await.unwrap();
    proxy.disarm(FaultKind::LoseCommitReply);
    copy_and_commit(&mut connection, 1).await.unwrap();
    assert_eq!((count(&direct).await, proxy.fired(FaultKind::LoseCommitReply)), (3, 0));
}

#[tokio::test]
async fn refused_connections_are_as_many_as_asked_for() {
    let (proxy, by_proxy, _) = proxied().await;
    proxy.arm(Fault::RefuseConnections(2));
    let mut accepted = Vec::new();
    for _ in 0..4 {
        accepted.push(PgConnection::connect(&by_proxy).await.is_ok());
    }
    assert_eq!(accepted, [false, false, true, true]);
    assert_eq!(proxy.fired(FaultKind::RefuseConnections), 2);
}

#[tokio::test]
async fn cut_connections_are_lost_and_new_ones_work() {
    let (proxy, by_proxy, _) = proxied().await;
    let mut connection = PgConnection::connect(&by_proxy).await.unwrap();
    connection.execute("SELECT 1").await.unwrap();
    proxy.cut_all();
    assert!(connection.execute("SELECT 1").await.is_err());
    assert_eq!(count(&by_proxy).await, 0);
}
