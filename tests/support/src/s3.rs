//! Owns a throw-away S3 server (SeaweedFS) for tests.
//!
//! It listens on 127.0.0.1 only, checks signatures, keeps its data in a temporary folder and ends with the test process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::process::{ServerProcess, StopSignal, block_on, free_ports};

/// The Python virtual environment that `tests/setup.sh` installs the server into.
pub const VENV_VARIABLE: &str = "QUARREL_TEST_VENV";
/// The endpoint of a running server with our key: [`S3Server::shared`] then starts none.
pub const ENDPOINT_VARIABLE: &str = "QUARREL_TEST_S3_ENDPOINT";
pub const ACCESS_KEY: &str = "test";
pub const SECRET_KEY: &str = "testtest";
pub const REGION: &str = "us-east-1";

const START_ATTEMPTS_MAX: usize = 3;
/// A start takes about four seconds (the server elects itself leader first); a loaded machine gets a multiple.
const READY_WITHIN: Duration = Duration::from_secs(90);
const READY_POLL: Duration = Duration::from_millis(50);
/// Signed URLs are used at once.
const SIGNED_FOR: Duration = Duration::from_secs(60);

/// An S3 server that lives as long as this value, or one that was there before.
#[derive(Debug)]
pub struct S3Server {
    endpoint: String,
    #[expect(dead_code, reason = "held for its Drop, which stops the server")]
    process: Option<ServerProcess>,
}

impl S3Server {
    /// Starts a new server; blocks for about four seconds.
    ///
    /// # Panics
    /// When SeaweedFS is not installed (`tests/setup.sh` does that) or does not start.
    pub fn start() -> S3Server {
        let weed = find_weed();
        let mut log = String::new();
        for _ in 0..START_ATTEMPTS_MAX {
            match start_once(&weed) {
                Ok(server) => return server,
                Err(tail) => log = tail,
            }
        }
        panic!("{} did not start in {START_ATTEMPTS_MAX} attempts; its log ends with:\n{log}", weed.display());
    }

    /// The one server of this test process, or the one that [`ENDPOINT_VARIABLE`] names. Other tests may use it as well:
    /// take buckets from [`S3Server::create_unique_bucket`].
    pub fn shared() -> &'static S3Server {
        static SHARED: OnceLock<S3Server> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var(ENDPOINT_VARIABLE) {
            Ok(endpoint) => S3Server { endpoint: endpoint.trim_end_matches('/').to_owned(), process: None },
            Err(_) => S3Server::start(),
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Creates a bucket; one that exists is left as it is.
    pub fn create_bucket(&self, name: &str) {
        create_bucket(&self.endpoint, name).unwrap_or_else(|error| panic!("cannot create bucket {name}: {error}"));
    }

    /// Creates a bucket that no other test has and returns its name: `purpose` (lower case, digits, dashes) and numbers.
    pub fn create_unique_bucket(&self, purpose: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{purpose}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        self.create_bucket(&name);
        name
    }

    /// The variables with which an AWS client of another process finds this server.
    pub fn env(&self) -> Vec<(String, String)> {
        environment(&self.endpoint)
    }

    /// A client for one bucket.
    pub fn store(&self, bucket: &str) -> Arc<dyn ObjectStore> {
        Arc::new(client(&self.endpoint, bucket))
    }
}

/// The variables with which an AWS client finds an endpoint, be it the server or a proxy before it.
pub(crate) fn environment(endpoint: &str) -> Vec<(String, String)> {
    [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_ENDPOINT", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", REGION),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// A client for a bucket behind an endpoint, be it the server or a proxy before it.
pub(crate) fn client(endpoint: &str, bucket: &str) -> AmazonS3 {
    client_with_keys(endpoint, bucket, ACCESS_KEY, SECRET_KEY)
}

/// The same with a key of its own.
pub(crate) fn client_with_keys(endpoint: &str, bucket: &str, access_key: &str, secret_key: &str) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region(REGION)
        .with_access_key_id(access_key)
        .with_secret_access_key(secret_key)
        .with_bucket_name(bucket)
        .build()
        .expect("every part of the client's configuration is given")
}

/// A program of the virtual environment that `tests/setup.sh` makes.
pub(crate) fn in_venv(program: &str) -> PathBuf {
    let venv = match std::env::var_os(VENV_VARIABLE) {
        Some(venv) => PathBuf::from(venv),
        None => {
            let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
            let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_default();
            cache.join("quarrel/venv")
        }
    };
    venv.join("bin").join(program)
}

/// The server's program: on the path, or in the virtual environment.
fn find_weed() -> PathBuf {
    let in_venv = in_venv("weed");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("weed"))
        .chain([in_venv.clone()])
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("no SeaweedFS on the path nor at {}: run tests/setup.sh", in_venv.display()))
}

/// One try; the error is the end of the server's log.
fn start_once(weed: &std::path::Path) -> Result<S3Server, String> {
    let folder = tempfile::Builder::new().prefix("quarrel-s3-").tempdir().expect("a temporary folder can be made");
    let config = folder.path().join("s3.json");
    let identity = serde_json::json!({"identities": [{
        "name": "test",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    std::fs::write(&config, identity.to_string()).expect("a new folder takes a file");

    let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = free_ports();
    let path_of = |name: &str| folder.path().join(name).display().to_string();
    let options = [
        ("dir", folder.path().display().to_string()),
        ("ip", "127.0.0.1".into()),
        ("ip.bind", "127.0.0.1".into()),
        // On by default: it would report to its makers.
        ("master.telemetry", "false".into()),
        ("master.port", master.to_string()),
        ("master.port.grpc", master_grpc.to_string()),
        ("master.volumeSizeLimitMB", "256".into()),
        ("volume.port", volume.to_string()),
        ("volume.port.grpc", volume_grpc.to_string()),
        // Each bucket takes volumes of its own, and tests take many buckets.
        ("volume.max", "1000".into()),
        ("filer", "true".into()),
        ("filer.port", filer.to_string()),
        ("filer.port.grpc", filer_grpc.to_string()),
        ("filer.localSocket", path_of("filer.sock")),
        ("s3", "true".into()),
        ("s3.port", s3.to_string()),
        ("s3.port.grpc", s3_grpc.to_string()),
        ("s3.localSocket", path_of("s3.sock")),
        ("s3.config", config.display().to_string()),
        ("s3.allowEmptyFolder", "false".into()),
        // Services that would each take a fixed port.
        ("s3.port.iceberg", "0".into()),
        ("s3.port.lance", "0".into()),
        ("metricsPort", "0".into()),
    ];
    let mut command = Command::new(weed);
    // One volume at a time for a bucket, not seven.
    command.env("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1");
    command.current_dir(folder.path()).args(["-logtostderr=true", "server"]);
    command.args(options.map(|(name, value)| format!("-{name}={value}")));
    // The server puts these sockets here whatever it is told, and a killed server leaves them.
    let litter = [("master", master_grpc), ("volume", volume_grpc), ("filer", filer_grpc), ("s3", s3_grpc)]
        .map(|(service, port)| PathBuf::from(format!("/tmp/seaweedfs-{service}-grpc-{port}.sock")));

    // Told to stop kindly, it takes half a minute.
    let mut process = ServerProcess::spawn(&mut command, StopSignal::Kill, folder, &litter);
    let endpoint = format!("http://127.0.0.1:{s3}");
    if wait_until_ready(&endpoint, &mut process) {
        Ok(S3Server { endpoint, process: Some(process) })
    } else {
        Err(process.log_tail())
    }
}

/// Whether the server stored an object in time; it answers requests long before it can.
fn wait_until_ready(endpoint: &str, process: &mut ServerProcess) -> bool {
    const PROBE_BUCKET: &str = "readiness";
    let address = endpoint.trim_start_matches("http://");
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline && !process.has_ended() {
        let stored = TcpStream::connect(address).is_ok()
            && create_bucket(endpoint, PROBE_BUCKET).is_ok()
            && block_on(client(endpoint, PROBE_BUCKET).put(&Path::from("probe"), "ready".into())).is_ok();
        if stored {
            return true;
        }
        std::thread::sleep(READY_POLL);
    }
    false
}

/// Sends a signed PUT of the bucket itself, which `object_store` has no function for.
fn create_bucket(endpoint: &str, bucket: &str) -> Result<(), String> {
    let put = "PUT".parse().expect("PUT is a method");
    let url = block_on(client(endpoint, bucket).signed_url(put, &Path::default(), SIGNED_FOR))
        .map_err(|error| format!("cannot sign: {error}"))?;
    let address = endpoint.trim_start_matches("http://");
    let target = &url.as_str()[endpoint.len()..];
    let request = format!("PUT {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let exchange = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(READY_WITHIN))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = exchange().map_err(|error| error.to_string())?;
    // 409: it exists, and is ours.
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if status == "200" || status == "409" { Ok(()) } else { Err(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_keeps_objects_and_refuses_a_wrong_secret() {
        let server = S3Server::shared();
        let bucket = server.create_unique_bucket("kept");
        server.create_bucket(&bucket);
        let store = server.store(&bucket);
        let key = Path::from("a folder/änd a name.parquet");
        let (read, refused) = block_on(async {
            store.put(&key, "content".into()).await.unwrap();
            let read = store.get(&key).await.unwrap().bytes().await.unwrap();
            let stranger = AmazonS3Builder::new()
                .with_endpoint(server.endpoint())
                .with_allow_http(true)
                .with_region(REGION)
                .with_access_key_id(ACCESS_KEY)
                .with_secret_access_key("guessed")
                .with_bucket_name(&bucket)
                .build()
                .unwrap();
            (read, stranger.get(&key).await)
        });
        assert_eq!(&read[..], b"content");
        assert!(matches!(refused, Err(object_store::Error::PermissionDenied { .. })), "{refused:?}");
    }

    #[test]
    fn server_has_room_for_many_buckets() {
        let server = S3Server::shared();
        for _ in 0..12 {
            let store = server.store(&server.create_unique_bucket("many"));
            let written = block_on(store.put(&Path::from("key"), "content".into()));
            assert!(written.is_ok(), "{written:?}");
        }
    }

    #[test]
    fn environment_names_everything_a_client_needs() {
        let server = S3Server::shared();
        let bucket = server.create_unique_bucket("by-environment");
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
        for (name, value) in server.env() {
            builder = builder.with_config(name.to_lowercase().parse().unwrap(), value);
        }
        let store = builder.build().unwrap();
        let written = block_on(store.put(&Path::from("key"), "content".into()));
        assert!(written.is_ok(), "{written:?}");
    }
}
