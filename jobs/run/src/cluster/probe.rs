//! Asks a scheduler whether it is ready: Ballista answers that over plain HTTP on its gRPC port.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::error::ClusterError;

/// A scheduler that takes longer is not well.
const PROBE_TIME_MAX: Duration = Duration::from_secs(5);
/// Between two questions.
const PROBE_PAUSE: Duration = Duration::from_millis(20);
/// The answer is one line and a few headers.
const ANSWER_BYTES_MAX: u64 = 8 * 1024;

/// The number of live executors, at least one.
pub(super) async fn ready_executors(url: &str) -> Result<usize, ClusterError> {
    let probed = tokio::time::timeout(PROBE_TIME_MAX, get_ready(url)).await;
    let answer = probed
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| ClusterError::Probe { url: url.to_owned(), source })?;
    match parse_ready(&answer) {
        Some(executors) if executors > 0 => Ok(executors),
        _ => {
            let answer = answer.lines().last().unwrap_or_default().trim().to_owned();
            Err(ClusterError::NoExecutors { url: url.to_owned(), answer })
        }
    }
}

/// As [`ready_executors`], asked again for as long as there are none, up to `time_max`.
pub(super) async fn await_executors(url: &str, time_max: Duration) -> Result<usize, ClusterError> {
    let give_up = tokio::time::Instant::now() + time_max;
    loop {
        match ready_executors(url).await {
            Err(ClusterError::NoExecutors { .. }) if tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(PROBE_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

async fn get_ready(url: &str) -> io::Result<String> {
    let url = Url::parse(url).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let address = url.socket_addrs(|| None)?;
    let mut stream = TcpStream::connect(address.as_slice()).await?;
    let host = url.authority();
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// `… 200 …`, then in the body `ready: 2 executors registered`.
fn parse_ready(answer: &str) -> Option<usize> {
    if answer.split_whitespace().nth(1)? != "200" {
        return None;
    }
    answer.rsplit("ready: ").next()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ready_scheduler_has_executors() {
        assert_eq!(parse_ready("HTTP/1.1 200 OK\r\n\r\nready: 2 executors registered\n"), Some(2));
        assert_eq!(parse_ready("HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: 0/1 executors registered\n"), None);
        assert_eq!(parse_ready(""), None);
    }
}
