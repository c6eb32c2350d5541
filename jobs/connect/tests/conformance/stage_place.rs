//! Where Redshift copies from: a bucket of the test S3 server, or of AWS.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use quarrel_connect::stage_store::{StageStore, StageStoreError};
use quarrel_testkit::s3::S3Server;

/// The folder of tests in a bucket.
const FOLDER: &str = "quarrel-test";

/// A bucket, and the role that reads it.
#[derive(Debug, Clone)]
pub struct StagePlace {
    pub bucket: String,
    pub role: String,
    pub store: StoreOf,
}

/// How the bucket is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOf {
    TestServer,
    /// AWS, as its usual environment has it.
    Environment,
}

impl StagePlace {
    /// As a target sees it.
    pub fn store(&self) -> Arc<dyn StageStore> {
        Arc::new(BucketStage { bucket: self.bucket.clone(), store: self.objects() })
    }

    fn objects(&self) -> Arc<dyn ObjectStore> {
        match self.store {
            StoreOf::TestServer => S3Server::shared().store(&self.bucket),
            StoreOf::Environment => {
                Arc::new(AmazonS3Builder::from_env().with_bucket_name(&self.bucket).build().unwrap())
            }
        }
    }

    /// The keys that are there.
    pub async fn keys(&self) -> Vec<String> {
        let listed: Vec<_> = self.objects().list(Some(&Path::from(FOLDER))).try_collect().await.unwrap();
        listed.into_iter().map(|object| object.location.to_string()).collect()
    }
}

#[derive(Debug)]
struct BucketStage {
    bucket: String,
    store: Arc<dyn ObjectStore>,
}

impl BucketStage {
    fn failed(path: &str, source: object_store::Error) -> StageStoreError {
        StageStoreError { path: path.to_owned(), source: source.into() }
    }
}

#[async_trait]
impl StageStore for BucketStage {
    fn url_of(&self, path: &str) -> String {
        format!("s3://{}/{FOLDER}/{path}", self.bucket)
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StageStoreError> {
        let put = self.store.put(&Path::from(format!("{FOLDER}/{path}")), bytes.into()).await;
        put.map(drop).map_err(|source| BucketStage::failed(path, source))
    }

    async fn delete_folder(&self, folder: &str) -> Result<(), StageStoreError> {
        let path = Path::from(format!("{FOLDER}/{folder}"));
        let locations = self.store.list(Some(&path)).map_ok(|object| object.location).boxed();
        let deleted = self.store.delete_stream(locations).try_collect::<Vec<_>>().await;
        deleted.map(drop).map_err(|source| BucketStage::failed(folder, source))
    }
}
