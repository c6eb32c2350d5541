//! Keeps idle connections between executors: a stage fetches from every other one, partition by partition.
//!
//! What must stay true: a client is with one user at a time; idle ones are bounded in number and in age.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::client::BallistaClient;
use ballista_core::client_pool::{BallistaClientPool, PooledClient};
use ballista_core::error::Result;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::utils::GrpcClientConfig;

/// From one stage to the next it takes less; longer, and the other executor may be gone.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Idle connections to one executor: the fetches one executor has in flight to another.
const IDLE_CLIENTS_MAX: usize = 64;

type Address = (String, u16);
type Idle = HashMap<Address, Vec<(BallistaClient, Instant)>>;

/// The pool of one executor process.
#[derive(Default, Clone)]
pub struct ShuffleClients {
    idle: Arc<Mutex<Idle>>,
}

impl std::fmt::Debug for ShuffleClients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShuffleClients").finish_non_exhaustive()
    }
}

impl ShuffleClients {
    fn with_idle<T>(&self, use_idle: impl FnOnce(&mut Idle) -> T) -> T {
        let mut idle = self.idle.lock().expect("no one panics while holding this lock");
        idle.retain(|_, clients| {
            clients.retain(|(_, since)| since.elapsed() < IDLE_MAX);
            !clients.is_empty()
        });
        use_idle(&mut idle)
    }

    fn keep(&self, address: Address, client: BallistaClient) {
        self.with_idle(|idle| {
            let clients = idle.entry(address).or_default();
            if clients.len() < IDLE_CLIENTS_MAX {
                clients.push((client, Instant::now()));
            }
        });
    }
}

#[async_trait]
impl BallistaClientPool for ShuffleClients {
    async fn acquire(
        &self,
        host: &str,
        port: u16,
        config: &GrpcClientConfig,
        customize_endpoint: Option<Arc<BallistaConfigGrpcEndpoint>>,
    ) -> Result<PooledClient> {
        let address = (host.to_owned(), port);
        let kept = self.with_idle(|idle| idle.get_mut(&address).and_then(Vec::pop));
        let client = match kept {
            Some((client, _)) => client,
            None => {
                BallistaClient::try_new(
                    host,
                    port,
                    config.max_message_size,
                    config.use_tls,
                    customize_endpoint,
                    config.io_retries_times,
                    config.io_retry_wait_time_ms,
                    config.initial_connection_window_size,
                    config.initial_stream_window_size,
                )
                .await?
            }
        };
        let pool = self.clone();
        Ok(PooledClient::new(client, Box::new(move |client| pool.keep(address, client))))
    }

    async fn evict_idle(&self) {
        self.with_idle(|_| ());
    }
}
