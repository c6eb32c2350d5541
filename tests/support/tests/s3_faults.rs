//! The faults of the S3 proxy, seen from the client that Quarrel uses.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{BackoffConfig, Error, GetOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use quarrel_testkit::s3::S3Server;
use quarrel_testkit::s3_proxy::{Fault, FaultKind, RequestKind, S3Proxy, Status};

const CONTENT: &[u8] = &[b'x'; 100_000];

/// A proxy, and a client by way of it that tries `retries` times again without waiting long.
fn proxied(purpose: &str, retries: usize) -> (S3Proxy, Arc<dyn ObjectStore>) {
    let server = S3Server::shared();
    let bucket = server.create_unique_bucket(purpose);
    let proxy = S3Proxy::start(server);
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(1), max_backoff: Duration::from_millis(2), base: 2.0 };
    let retry = RetryConfig { max_retries: retries, backoff, retry_timeout: Duration::from_secs(30) };
    let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_retry(retry);
    for (name, value) in proxy.env() {
        builder = builder.with_config(name.to_lowercase().parse().unwrap(), value);
    }
    (proxy, Arc::new(builder.build().unwrap()))
}

async fn get(store: &dyn ObjectStore, key: &str) -> Result<Vec<u8>, Error> {
    Ok(store.get(&Path::from(key)).await?.bytes().await?.to_vec())
}

async fn put(store: &dyn ObjectStore, key: &str) {
    store.put(&Path::from(key), CONTENT.to_vec().into()).await.unwrap();
}

#[tokio::test]
async fn signed_requests_pass_the_proxy_unchanged() {
    let (proxy, store) = proxied("pass", 0);
    let key = "folder with space/ünï & <more>.parquet";
    put(&*store, key).await;
    assert_eq!(get(&*store, key).await.unwrap(), CONTENT);
    let range = store.get_range(&Path::from(key), 10..20).await.unwrap();
    assert_eq!(&range[..], &CONTENT[10..20]);
    assert_eq!(store.head(&Path::from(key)).await.unwrap().size, 100_000);
    let listed = store.list_with_delimiter(Some(&Path::from("folder with space"))).await.unwrap();
    assert_eq!(
        listed.objects.iter().map(|object| object.location.as_ref()).collect::<Vec<_>>(),
        [Path::from(key).as_ref()]
    );
    store.delete(&Path::from(key)).await.unwrap();
    assert!(matches!(get(&*store, key).await, Err(Error::NotFound { .. })));

    let kinds = [RequestKind::PutObject, RequestKind::GetObject, RequestKind::HeadObject, RequestKind::ListObjects];
    assert_eq!(kinds.map(|kind| proxy.requests(kind)), [1, 3, 1, 1]);
}

#[tokio::test]
async fn slow_down_is_answered_as_often_as_asked_for_and_only_for_that_key() {
    let (proxy, store) = proxied("slow", 3);
    put(&*store, "wanted").await;
    put(&*store, "other").await;
    let slow_down = |times| Fault::Status {
        request: RequestKind::GetObject,
        key_contains: "want".into(),
        status: Status::SlowDown,
        times,
    };
    proxy.arm(slow_down(3));
    assert_eq!(get(&*store, "other").await.unwrap(), CONTENT);
    assert_eq!(proxy.fired(FaultKind::Status), 0);
    assert_eq!(get(&*store, "wanted").await.unwrap(), CONTENT);
    assert_eq!(proxy.fired(FaultKind::Status), 3);

    proxy.arm(slow_down(4));
    let error = get(&*store, "wanted").await.unwrap_err().to_string();
    assert!(error.contains("503") && error.contains("SlowDown"), "{error}");
    assert_eq!(proxy.fired(FaultKind::Status), 7);
}

#[tokio::test]
async fn lists_and_puts_fail_as_well() {
    let (proxy, store) = proxied("errors", 0);
    for request in [RequestKind::ListObjects, RequestKind::PutObject] {
        proxy.arm(Fault::Status { request, key_contains: "some".into(), status: Status::InternalError, times: 1 });
    }
    let listed = store.list_with_delimiter(Some(&Path::from("some"))).await;
    assert!(listed.is_err_and(|error| error.to_string().contains("500")));
    assert!(store.put(&Path::from("some/key"), "content".into()).await.is_err());
    assert_eq!(proxy.fired(FaultKind::Status), 2);
    put(&*store, "some/key").await;
}

#[tokio::test]
async fn cut_body_is_an_error_or_is_read_on_by_the_client() {
    let (proxy, store) = proxied("cut", 0);
    put(&*store, "key").await;
    proxy.arm(Fault::CutBody { key_contains: "key".into(), times: 1 });
    assert!(get(&*store, "key").await.is_err());
    assert_eq!(proxy.fired(FaultKind::CutBody), 1);
    assert_eq!(get(&*store, "key").await.unwrap(), CONTENT);
}

#[tokio::test]
async fn halved_body_looks_whole() {
    let (proxy, store) = proxied("halved", 0);
    put(&*store, "key").await;
    proxy.arm(Fault::HalveBody { key_contains: String::new(), times: 1 });
    let read = store.get(&Path::from("key")).await.unwrap().bytes().await.unwrap();
    assert_eq!((read.len(), proxy.fired(FaultKind::HalveBody)), (50_000, 1));
}

#[tokio::test]
async fn hidden_key_is_not_listed_until_told_otherwise() {
    let (proxy, store) = proxied("hidden", 0);
    for key in ["a & b/1", "a & b/2", "a & b/3"] {
        put(&*store, key).await;
    }
    let listed = async || -> Vec<String> {
        let list = store.list_with_delimiter(Some(&Path::from("a & b"))).await.unwrap();
        list.objects.iter().map(|object| object.location.to_string()).collect()
    };
    proxy.arm(Fault::HideFromList { key_contains: "a & b/2".into() });
    assert_eq!(listed().await, ["a & b/1", "a & b/3"]);
    assert_eq!(listed().await, ["a & b/1", "a & b/3"]);
    assert_eq!(get(&*store, "a & b/2").await.unwrap(), CONTENT, "it is there all the same");
    assert_eq!(proxy.fired(FaultKind::HideFromList), 2);
    proxy.disarm(FaultKind::HideFromList);
    assert_eq!(listed().await, ["a & b/1", "a & b/2", "a & b/3"]);
}

#[tokio::test]
async fn changed_etag_shows_and_fails_a_condition_on_the_true_one() {
    let (proxy, store) = proxied("etag", 0);
    put(&*store, "key").await;
    let key = Path::from("key");
    let true_etag = store.head(&key).await.unwrap().e_tag.unwrap();
    proxy.arm(Fault::ChangeEtag { key_contains: "key".into(), times: 2 });
    let changed_etag = store.head(&key).await.unwrap().e_tag.unwrap();
    assert_ne!(changed_etag, true_etag);
    let condition = || GetOptions { if_match: Some(true_etag.clone()), ..GetOptions::default() };
    let refused = store.get_opts(&key, condition()).await;
    assert!(matches!(refused, Err(Error::Precondition { .. })), "{refused:?}");
    assert_eq!(proxy.fired(FaultKind::ChangeEtag), 2);
    assert!(store.get_opts(&key, condition()).await.is_ok());
}
