//! Connections to a scheduler's gRPC port.
//!
//! What must stay true: opening a connection, and each request on it, takes a bounded time; a peer that vanished without a
//! word is noticed by keep-alive pings.

use std::time::Duration;

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use tonic::transport::{Channel, Endpoint};

use crate::session::MESSAGE_BYTES_MAX;

/// To open a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// For one request: the longest is the submission of a large plan, which the scheduler decodes before it answers.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// Between pings on a quiet connection,
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// and how long the answer may take.
const PING_TIME_MAX: Duration = Duration::from_secs(10);

/// A client of the scheduler.
pub type SchedulerClient = SchedulerGrpcClient<Channel>;

/// Connects to the scheduler at `url` (`http://host:port`).
pub async fn connect_scheduler(url: &str) -> Result<SchedulerClient, tonic::transport::Error> {
    let channel = Endpoint::from_shared(url.to_owned())?
        .connect_timeout(CONNECT_TIME_MAX)
        .timeout(REQUEST_TIME_MAX)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIME_MAX)
        .keep_alive_while_idle(true)
        .connect()
        .await?;
    Ok(SchedulerGrpcClient::new(channel)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
        .max_decoding_message_size(MESSAGE_BYTES_MAX))
}
