//! Owns a proxy before Postgres that breaks connections on command.
//!
//! It understands just enough of the wire protocol: where a message begins, which one carries COPY data, which one asks for
//! a commit, and which one says that it happened. Encryption is answered with "no", so clients must not insist on it.
//!
//! Faults are armed at run time and counted when they fire: a test asserts that its fault did.

use std::net::SocketAddr;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use crate::proxy::{Faults, ProxyServer};

/// Postgres's own limit of a message.
const MESSAGE_BYTES_MAX: usize = 1 << 30;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: u32 = 80_877_104;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Both sides are cut inside a COPY, when it has carried that many bytes of data; the server gets just those. A COPY
    /// with no more data than that is left alone.
    DropAfterCopyBytes(u64),
    /// The server commits, and its answer is lost with the connection.
    LoseCommitReply,
    /// The connection is lost before the server hears of the commit.
    LoseCommitRequest,
    /// So many connections are closed as soon as they are opened.
    RefuseConnections(u32),
}

/// A fault without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    DropAfterCopyBytes,
    LoseCommitReply,
    LoseCommitRequest,
    RefuseConnections,
}

impl Fault {
    fn kind(self) -> FaultKind {
        match self {
            Fault::DropAfterCopyBytes(_) => FaultKind::DropAfterCopyBytes,
            Fault::LoseCommitReply => FaultKind::LoseCommitReply,
            Fault::LoseCommitRequest => FaultKind::LoseCommitRequest,
            Fault::RefuseConnections(_) => FaultKind::RefuseConnections,
        }
    }
}

/// A proxy before one Postgres server, as long as this value lives.
#[derive(Debug)]
pub struct PostgresProxy {
    server: ProxyServer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    faults: Faults<Fault, FaultKind>,
    /// Changes when all open connections are to be cut.
    cut: watch::Sender<()>,
}

impl PostgresProxy {
    /// Starts a proxy before the server of a URL. Without faults it changes nothing.
    ///
    /// # Panics
    /// When the URL cannot be read.
    pub fn start(upstream_url: &str) -> PostgresProxy {
        let options = options_of(upstream_url);
        let upstream = format!("{}:{}", options.get_host(), options.get_port());
        let shared = Arc::new(Shared { upstream, faults: Faults::new(), cut: watch::Sender::new(()) });
        let for_connections = shared.clone();
        let server = ProxyServer::start(move |client| serve(client, for_connections.clone()));
        PostgresProxy { server, shared }
    }

    /// The URL of a database of the server, by way of the proxy.
    ///
    /// # Panics
    /// When the URL is of another server, or leaves its port out.
    pub fn url(&self, direct_url: &str) -> String {
        let direct = &self.shared.upstream;
        assert!(direct_url.contains(direct), "{direct_url} is not at {direct}");
        direct_url.replacen(direct, &self.address().to_string(), 1)
    }

    /// Where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Arms a fault for its next moment; [`Fault::RefuseConnections`] for as many as it says.
    pub fn arm(&self, fault: Fault) {
        self.arm_after(0, fault);
    }

    /// Arms a fault that lets the first `skip` of its moments pass.
    pub fn arm_after(&self, skip: u32, fault: Fault) {
        let times = match fault {
            Fault::DropAfterCopyBytes(_) | Fault::LoseCommitReply | Fault::LoseCommitRequest => 1,
            Fault::RefuseConnections(times) => times,
        };
        self.shared.faults.arm(fault, skip, Some(times));
    }

    /// Takes back the faults of a kind that have not fired.
    pub fn disarm(&self, kind: FaultKind) {
        self.shared.faults.disarm(|fault| fault.kind() == kind);
    }

    /// How often a fault of that kind fired.
    pub fn fired(&self, kind: FaultKind) -> u64 {
        self.shared.faults.fired(kind)
    }

    /// Cuts every open connection now.
    pub fn cut_all(&self) {
        self.shared.cut.send_replace(());
    }
}

fn options_of(url: &str) -> PgConnectOptions {
    url.parse().unwrap_or_else(|error| panic!("{url} is not a Postgres URL: {error}"))
}

/// One connection, from its first byte to its end; whatever ends it, dropping the sockets cuts both sides.
async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    if shared.fires(FaultKind::RefuseConnections) {
        return;
    }
    let mut cut = shared.cut.subscribe();
    let Ok(mut server) = TcpStream::connect(&shared.upstream).await else { return };
    let _ = server.set_nodelay(true);
    if pass_startup(&mut client, &mut server).await.is_err() {
        return;
    }
    let (client_reader, client_writer) = client.into_split();
    let (server_reader, server_writer) = server.into_split();
    tokio::select! {
        _ = pass_requests(client_reader, server_writer, &shared) => {}
        _ = pass_answers(server_reader, client_writer, &shared) => {}
        _ = cut.changed() => {}
    }
}

impl Shared {
    fn fires(&self, kind: FaultKind) -> bool {
        self.faults.fire(kind, |fault| fault.kind() == kind).is_some()
    }
}

/// The first messages have no type. Requests for encryption are refused here; what remains goes on to the server.
async fn pass_startup(client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<()> {
    /// A client asks for each kind of encryption once at most.
    const REQUESTS_MAX: usize = 3;
    for _ in 0..REQUESTS_MAX {
        let length = client.read_u32().await?;
        let rest = read_payload(client, length).await?;
        let code = rest.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        if code == Some(SSL_REQUEST) || code == Some(GSS_ENCRYPTION_REQUEST) {
            client.write_all(b"N").await?;
            continue;
        }
        server.write_u32(length).await?;
        return server.write_all(&rest).await;
    }
    Err(std::io::ErrorKind::InvalidData.into())
}

/// Reads what follows a length that counts itself.
async fn read_payload(reader: &mut (impl AsyncRead + Unpin), length: u32) -> std::io::Result<Vec<u8>> {
    let bytes = (length as usize).checked_sub(4).filter(|bytes| *bytes <= MESSAGE_BYTES_MAX);
    let mut payload = vec![0; bytes.ok_or(std::io::ErrorKind::InvalidData)?];
    reader.read_exact(&mut payload).await?;
    Ok(payload)
}

async fn write_message(writer: &mut OwnedWriteHalf, kind: u8, length: u32, payload: &[u8]) -> std::io::Result<()> {
    let [a, b, c, d] = length.to_be_bytes();
    writer.write_all(&[kind, a, b, c, d]).await?;
    writer.write_all(payload).await
}

/// Client to server, until the client ends, or a fault does.
async fn pass_requests(reader: OwnedReadHalf, mut server: OwnedWriteHalf, shared: &Shared) -> std::io::Result<()> {
    let mut client = BufReader::new(reader);
    let mut copied_bytes = 0;
    loop {
        let kind = client.read_u8().await?;
        let length = client.read_u32().await?;
        let payload = read_payload(&mut client, length).await?;
        match kind {
            b'd' => {
                let before = copied_bytes;
                copied_bytes += payload.len() as u64;
                if let Some(limit) = shared.copy_limit(before, copied_bytes) {
                    let passed = usize::try_from(limit - before).expect("less than one message");
                    return write_message(&mut server, kind, length, &payload[..passed]).await;
                }
            }
            // CopyDone and CopyFail: the next COPY counts from the start.
            b'c' | b'f' => copied_bytes = 0,
            b'Q' | b'P' if asks_for_commit(kind, &payload) && shared.fires(FaultKind::LoseCommitRequest) => {
                return Ok(());
            }
            _ => {}
        }
        write_message(&mut server, kind, length, &payload).await?;
    }
}

impl Shared {
    /// The limit of a fault that this message passes, which is the fault's moment.
    fn copy_limit(&self, before: u64, after: u64) -> Option<u64> {
        let passes = |fault: &Fault| match fault {
            Fault::DropAfterCopyBytes(limit) => before <= *limit && *limit < after,
            Fault::LoseCommitReply | Fault::LoseCommitRequest | Fault::RefuseConnections(_) => false,
        };
        match self.faults.fire(FaultKind::DropAfterCopyBytes, passes)? {
            Fault::DropAfterCopyBytes(limit) => Some(limit),
            Fault::LoseCommitReply | Fault::LoseCommitRequest | Fault::RefuseConnections(_) => None,
        }
    }
}

/// Whether a Query or Parse message is a commit and nothing else.
fn asks_for_commit(kind: u8, payload: &[u8]) -> bool {
    let mut texts = payload.split(|byte| *byte == 0);
    let text = if kind == b'P' { texts.nth(1) } else { texts.next() };
    let text = String::from_utf8_lossy(text.unwrap_or_default());
    text.trim().trim_end_matches(';').trim_end().eq_ignore_ascii_case("commit")
}

/// Server to client, until the server ends, or a fault does.
async fn pass_answers(reader: OwnedReadHalf, mut client: OwnedWriteHalf, shared: &Shared) -> std::io::Result<()> {
    let mut server = BufReader::new(reader);
    loop {
        let kind = server.read_u8().await?;
        let length = server.read_u32().await?;
        let payload = read_payload(&mut server, length).await?;
        // CommandComplete: the server says so only when the commit has happened.
        if kind == b'C' && payload == b"COMMIT\0" && shared.fires(FaultKind::LoseCommitReply) {
            return Ok(());
        }
        write_message(&mut client, kind, length, &payload).await?;
    }
}
