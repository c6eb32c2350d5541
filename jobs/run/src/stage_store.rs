//! The lake's work area as the place that databases copy from.

use async_trait::async_trait;
use bytes::Bytes;
use quarrel_connect::stage_store::{StageStore, StageStoreError};

use crate::lake::{LakeArea, LakeError};

/// Below the work area. URLs name bucket and key; the credentials of the store are in none.
pub struct LakeStage {
    area: LakeArea,
}

/// Where it is, and nothing of the store's client, which knows credentials.
impl std::fmt::Debug for LakeStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LakeStage").field(&self.area.url_of(&self.area.prefix)).finish()
    }
}

impl LakeStage {
    pub fn new(area: LakeArea) -> Self {
        LakeStage { area }
    }
}

fn failed(path: &str, source: LakeError) -> StageStoreError {
    StageStoreError { path: path.to_owned(), source: source.into() }
}

#[async_trait]
impl StageStore for LakeStage {
    fn url_of(&self, path: &str) -> String {
        self.area.url_of(&self.area.key(path))
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StageStoreError> {
        self.area.write(&self.area.key(path), bytes).await.map_err(|source| failed(path, source))
    }

    async fn delete_folder(&self, folder: &str) -> Result<(), StageStoreError> {
        let deleted = self.area.delete_folder(&self.area.key(folder)).await;
        deleted.map(drop).map_err(|source| failed(folder, source))
    }
}
