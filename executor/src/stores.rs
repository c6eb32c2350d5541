//! Object stores by URL: one client per bucket per process, shared by every session of that process.
//!
//! What must stay true: credentials come from the environment or the machine's role, and nothing here is ever serialised;
//! the number of requests in flight to a bucket, and the time one request may be retried, have bounds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::aws::AmazonS3Builder;
use object_store::limit::LimitStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

/// Requests in flight to one bucket: enough to hide a round trip of 30 ms at full bandwidth, few enough not to be throttled.
pub const CONCURRENCY_DEFAULT: usize = 32;
/// A request that S3 answers with 5xx or not at all is sent again at most this often,
const REQUEST_RETRIES_MAX: usize = 8;
/// and not after this long: a task should fail while its job's deadline is still far.
const REQUEST_RETRY_TIME_MAX: Duration = Duration::from_secs(45);
/// The first pause between two attempts; `object_store` adds jitter and doubles it,
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(8);
/// One request, body included: a part of 10 MB at 1 Mbit/s.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(120);
/// To open a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// How to reach an S3-compatible store; what is `None` is taken from AWS's usual environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct S3Settings {
    pub endpoint: Option<String>,
    pub region: Option<String>,
    /// Plain HTTP, as test servers speak it.
    pub allow_http: Option<bool>,
    /// `http://host/bucket/key` instead of `http://bucket.host/key`.
    pub path_style: Option<bool>,
}

/// The stores of one process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreSettings {
    /// Overrides of the environment for `s3://` URLs.
    pub s3: Option<S3Settings>,
    /// Requests in flight to one bucket.
    pub concurrency: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { s3: None, concurrency: CONCURRENCY_DEFAULT }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{url} is neither a file:// nor an s3:// URL")]
    Scheme { url: String },
    #[error("{url} names no bucket")]
    NoBucket { url: String },
    #[error("{url} is not a valid path of an object store")]
    Path { url: String, source: object_store::path::Error },
    #[error("failed to make a client for bucket {bucket}")]
    Client { bucket: String, source: object_store::Error },
}

/// Opens the store of `url`, and says where in it the URL points.
pub fn open_store(settings: &StoreSettings, url: &Url) -> Result<(Arc<dyn ObjectStore>, Path), StoreError> {
    let path = Path::from_url_path(url.path()).map_err(|source| StoreError::Path { url: url.to_string(), source })?;
    Ok((registry(settings).open(url)?, path))
}

/// The registry of this process for `settings`: equal settings share their clients.
pub fn registry(settings: &StoreSettings) -> Arc<StoreRegistry> {
    static REGISTRIES: Mutex<Vec<Arc<StoreRegistry>>> = Mutex::new(Vec::new());
    let mut registries = REGISTRIES.lock().expect("no one panics while holding this lock");
    if let Some(known) = registries.iter().find(|known| known.settings == *settings) {
        return Arc::clone(known);
    }
    let new = Arc::new(StoreRegistry::new(settings.clone()));
    registries.push(Arc::clone(&new));
    new
}

/// DataFusion's view of the stores: makes a client when a bucket is first asked for, and keeps it.
#[derive(Debug)]
pub struct StoreRegistry {
    settings: StoreSettings,
    stores: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl StoreRegistry {
    fn new(settings: StoreSettings) -> Self {
        Self { settings, stores: Mutex::default() }
    }

    fn open(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let key = store_key(url)?;
        let mut stores = self.stores.lock().expect("no one panics while holding this lock");
        if let Some(store) = stores.get(&key) {
            return Ok(Arc::clone(store));
        }
        let store: Arc<dyn ObjectStore> = match url.scheme() {
            "file" => Arc::new(LocalFileSystem::new().with_automatic_cleanup(false)),
            _ => Arc::new(LimitStore::new(s3_client(&self.settings, &key)?, self.settings.concurrency.max(1))),
        };
        stores.insert(key, Arc::clone(&store));
        Ok(store)
    }
}

impl ObjectStoreRegistry for StoreRegistry {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        let key = store_key(url).ok()?;
        self.stores.lock().expect("no one panics while holding this lock").insert(key, store)
    }

    fn get_store(&self, url: &Url) -> datafusion::error::Result<Arc<dyn ObjectStore>> {
        self.open(url).map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

/// The bucket's name; for the local file system, which has no buckets, the empty string.
fn store_key(url: &Url) -> Result<String, StoreError> {
    match url.scheme() {
        "file" => Ok(String::new()),
        "s3" | "s3a" => match url.host_str() {
            Some(bucket) if !bucket.is_empty() => Ok(bucket.to_owned()),
            _ => Err(StoreError::NoBucket { url: url.to_string() }),
        },
        _ => Err(StoreError::Scheme { url: url.to_string() }),
    }
}

fn s3_client(settings: &StoreSettings, bucket: &str) -> Result<object_store::aws::AmazonS3, StoreError> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    let mut allow_http = None;
    if let Some(s3) = &settings.s3 {
        if let Some(endpoint) = &s3.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &s3.region {
            builder = builder.with_region(region);
        }
        if let Some(path_style) = s3.path_style {
            builder = builder.with_virtual_hosted_style_request(!path_style);
        }
        allow_http = s3.allow_http;
    }
    let allow_http = allow_http.unwrap_or_else(|| environment_allows_http(&builder));
    let options = ClientOptions::new()
        .with_allow_http(allow_http)
        .with_timeout(REQUEST_TIME_MAX)
        .with_connect_timeout(CONNECT_TIME_MAX);
    let retry = RetryConfig {
        backoff: BackoffConfig { init_backoff: BACKOFF_FIRST, max_backoff: BACKOFF_MAX, base: 2.0 },
        max_retries: REQUEST_RETRIES_MAX,
        retry_timeout: REQUEST_RETRY_TIME_MAX,
    };
    builder
        .with_client_options(options)
        .with_retry(retry)
        .build()
        .map_err(|source| StoreError::Client { bucket: bucket.to_owned(), source })
}

/// `with_client_options` replaces what `AWS_ALLOW_HTTP` said, so it is asked first.
fn environment_allows_http(builder: &AmazonS3Builder) -> bool {
    use object_store::ClientConfigKey;
    use object_store::aws::AmazonS3ConfigKey;
    builder
        .get_config_value(&AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp))
        .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes" | "y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn one_bucket_has_one_client_in_a_process() {
        let settings = StoreSettings {
            s3: Some(S3Settings { region: Some("eu-west-1".into()), ..S3Settings::default() }),
            concurrency: 3,
        };
        let (first, path) = open_store(&settings, &url("s3://acme-dms/live/a%20b/")).unwrap();
        let (second, _) = open_store(&settings, &url("s3://acme-dms/")).unwrap();
        let (other, _) = open_store(&settings, &url("s3://acme-work/")).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &other));
        assert_eq!(path.as_ref(), "live/a b");
    }

    #[test]
    fn a_url_of_another_scheme_is_refused_by_name() {
        let error = open_store(&StoreSettings::default(), &url("gs://bucket/x")).unwrap_err();
        assert_eq!(error.to_string(), "gs://bucket/x is neither a file:// nor an s3:// URL");
    }
}
