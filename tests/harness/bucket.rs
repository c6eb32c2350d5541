//! Owns a bucket that is a lake: change files below `changes/`, Quarrel's own below `work/`.

use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use quarrel_testkit::s3::{ACCESS_KEY, REGION, S3Server, SECRET_KEY};

use super::project::Config;
use super::wait::block_on;

/// A bucket on the S3 server that this test process shares.
pub struct Bucket {
    name: String,
    store: Arc<dyn ObjectStore>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Bucket {
    pub fn create(purpose: &str) -> Bucket {
        let server = S3Server::shared();
        let name = server.create_unique_bucket(purpose);
        let store = server.store(&name);
        Bucket { name, store }
    }

    /// A configuration with this lake behind an endpoint; `work` is a folder of its own below `work/`.
    pub fn config(&self, cluster: &str, endpoint: &str, work: &str) -> Config {
        let name = &self.name;
        let s3 = format!("{{endpoint: '{endpoint}', region: {REGION}, allow_http: true, path_style: true}}");
        let lake = format!("{{changes: 's3://{name}/changes/', work: 's3://{name}/work/{work}/', s3: {s3}}}");
        let config = Config::new(cluster, &lake);
        config.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    }

    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        let put = block_on(self.store.put(&Path::from(key), bytes.into()));
        put.unwrap_or_else(|error| panic!("cannot put {key}: {error}"));
    }

    /// The keys below a folder, which ends with a slash; without that folder, sorted.
    pub fn keys_below(&self, folder: &str) -> Vec<String> {
        let listed = block_on(self.store.list(Some(&Path::from(folder))).try_collect::<Vec<_>>());
        let objects = listed.unwrap_or_else(|error| panic!("cannot list {folder}: {error}"));
        let below = |key: &str| key.strip_prefix(folder).map(str::to_owned);
        let mut keys: Vec<String> = objects.iter().filter_map(|object| below(object.location.as_ref())).collect();
        keys.sort();
        keys
    }
}
