//! A tiny HTTP server for probes: `/healthz` says that the process runs, `/readyz` that it can work.
//!
//! What must stay true: it answers GET on those two paths and nothing else; a client that sends nothing, or too much, is let go.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A probe's request line is shorter than this.
const REQUEST_BYTES_MAX: usize = 1024;
/// A probe that takes longer is not one.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);
/// Probes served at once: more than any orchestrator sends.
const CONNECTIONS_MAX: usize = 32;

/// Serves probes until `shutdown`; `ready` is asked each time.
pub async fn serve_health(
    listener: TcpListener,
    ready: impl Fn() -> bool + Send + Sync + 'static,
    shutdown: CancellationToken,
) {
    let ready = Arc::new(ready);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    let ready = Arc::clone(&ready);
                    connections.spawn(async move {
                        // A probe that failed is asked again by whoever probes.
                        let _ = tokio::time::timeout(REQUEST_TIME_MAX, answer(stream, ready.as_ref())).await;
                    });
                }
                Err(error) => tracing::warn!(error = %error, "a health probe could not be accepted"),
            },
        }
    }
}

async fn answer(mut stream: TcpStream, ready: &(impl Fn() -> bool + Send + Sync)) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(REQUEST_BYTES_MAX);
    while !request.ends_with(b"\r\n\r\n") && request.len() < REQUEST_BYTES_MAX {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let (status, body) = match line.split(|byte| *byte == b' ').nth(1) {
        Some(b"/healthz") => ("200 OK", "ok\n"),
        Some(b"/readyz") if ready() => ("200 OK", "ready\n"),
        Some(b"/readyz") => ("503 Service Unavailable", "not ready\n"),
        _ => ("404 Not Found", "not found\n"),
    };
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_process_is_healthy_before_it_is_ready() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let ready = Arc::new(AtomicBool::new(false));
        let shutdown = CancellationToken::new();
        let server = tokio::spawn({
            let (ready, shutdown) = (Arc::clone(&ready), shutdown.clone());
            serve_health(listener, move || ready.load(Ordering::Acquire), shutdown)
        });
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        ready.store(true, Ordering::Release);
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/").await.starts_with("HTTP/1.1 404"));
        shutdown.cancel();
        server.await.unwrap();
    }
}
