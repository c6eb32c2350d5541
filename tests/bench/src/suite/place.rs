//! Where ours runs: the four places of the benchmark, and what each needs to stand ready.

use std::panic::catch_unwind;
use std::path::Path;

use object_store::ObjectStoreExt;
use quarrel_testkit::s3::{ACCESS_KEY, REGION, S3Server, SECRET_KEY};

use crate::data::{DataSet, PREFIX};
use crate::error::{BenchError, at};
use crate::ours::cluster::Cluster;
use crate::ours::config::{Engine, Lake, S3Store};

const CHANGES_BUCKET: &str = "changes";
const WORK_BUCKET: &str = "work";

/// Where the reduction runs and where its files lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    InProcess,
    Embedded,
    Cluster,
    ClusterOnS3,
}

impl Place {
    pub fn name(self) -> &'static str {
        match self {
            Self::InProcess => "one process",
            Self::Embedded => "Ballista embedded",
            Self::Cluster => "cluster 2 × 1 core",
            Self::ClusterOnS3 => "cluster 2 × 1 core on S3",
        }
    }

    /// The name as part of a path.
    pub fn slug(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Embedded => "embedded",
            Self::Cluster => "cluster",
            Self::ClusterOnS3 => "cluster-s3",
        }
    }
}

/// A place that stands ready: its servers run as long as this value lives.
#[derive(Debug)]
pub struct Stage {
    pub place: Place,
    pub lake: Lake,
    pub cluster: Option<Cluster>,
    #[expect(dead_code, reason = "held for its Drop, which stops the server after the cluster")]
    s3: Option<S3Server>,
}

impl Stage {
    /// Starts what `place` needs and puts the change files where it reads them.
    pub fn open(place: Place, data: &DataSet, binary: &Path, scratch: &Path) -> Result<Self, BenchError> {
        let on_files =
            || Lake::Files { changes: data.lake().to_owned(), work: scratch.join(format!("work-{}", place.slug())) };
        let (lake, s3) = match place {
            Place::InProcess | Place::Embedded | Place::Cluster => (on_files(), None),
            Place::ClusterOnS3 => {
                let (lake, server) = s3_lake(data)?;
                (lake, Some(server))
            }
        };
        let cluster = match place {
            Place::InProcess | Place::Embedded => None,
            Place::Cluster | Place::ClusterOnS3 => {
                Some(Cluster::start(binary, &scratch.join(place.slug()), &lake.environment())?)
            }
        };
        Ok(Self { place, lake, cluster, s3 })
    }

    pub fn engine(&self) -> Engine {
        match (&self.cluster, self.place) {
            (Some(cluster), _) => Engine::Cluster { scheduler_port: cluster.scheduler_port },
            (None, Place::InProcess) => Engine::InProcess,
            (None, Place::Embedded | Place::Cluster | Place::ClusterOnS3) => Engine::Embedded,
        }
    }
}

/// Starts an S3 server and puts the change files into it.
fn s3_lake(data: &DataSet) -> Result<(Lake, S3Server), BenchError> {
    let server = start_or_error("S3 server", S3Server::start)?;
    server.create_bucket(CHANGES_BUCKET);
    server.create_bucket(WORK_BUCKET);
    let store = server.store(CHANGES_BUCKET);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| BenchError::Start { program: "a tokio runtime".to_owned(), source })?;
    for file in data.files()? {
        let bytes = std::fs::read(&file).map_err(at(&file))?;
        let name = file.file_name().expect("a change file has a name").to_string_lossy();
        let key = format!("{PREFIX}{name}");
        let path = object_store::path::Path::from(key.as_str());
        runtime.block_on(store.put(&path, bytes.into())).map_err(|source| BenchError::Upload { key, source })?;
    }
    let store = S3Store {
        endpoint: server.endpoint().to_owned(),
        region: REGION.to_owned(),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
    };
    let lake = Lake::S3 { store, changes_bucket: CHANGES_BUCKET.to_owned(), work_bucket: WORK_BUCKET.to_owned() };
    Ok((lake, server))
}

/// The test kit panics when a server does not start; a benchmark goes on with what it has.
pub fn start_or_error<T>(
    server: &'static str,
    start: impl FnOnce() -> T + std::panic::UnwindSafe,
) -> Result<T, BenchError> {
    catch_unwind(start).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let reason = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        BenchError::Server { server, reason: reason.unwrap_or_else(|| "no reason given".to_owned()) }
    })
}
