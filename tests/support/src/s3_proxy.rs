//! Owns a proxy before an S3 server that spoils answers on command.
//!
//! Clients take the proxy as their endpoint. Their signatures cover the `Host` header they sent, which the proxy passes on
//! unchanged, so the server accepts them although it listens elsewhere.
//!
//! Faults are armed at run time and counted when they fire: a test asserts that its fault did.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use object_store::ObjectStore;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::http::{Framing, Head, percent_decoded, read_body};
use crate::proxy::{Faults, ProxyServer};
use crate::s3::{S3Server, client, environment};

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestKind {
    GetObject,
    HeadObject,
    PutObject,
    DeleteObject,
    /// Its "key" is the query, the prefix in it decoded.
    ListObjects,
    Other,
}

/// What goes wrong. `key_contains` is a part of the object's key (without its bucket); the empty text is in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The next `times` requests of a kind are answered with an error: 503 `SlowDown`, or 500 `InternalError`.
    Status { request: RequestKind, key_contains: String, status: Status, times: u32 },
    /// The next `times` GETs end in the middle of the body that they announced.
    CutBody { key_contains: String, times: u32 },
    /// The next `times` GETs announce half of the body and send it, as if it were whole.
    HalveBody { key_contains: String, times: u32 },
    /// The next `times` GETs and HEADs show another ETag, and a condition on the true one fails, as if the object had been
    /// written again.
    ChangeEtag { key_contains: String, times: u32 },
    /// Lists leave the key out until [`S3Proxy::disarm`].
    HideFromList { key_contains: String },
}

/// The error a server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    SlowDown,
    InternalError,
}

/// A fault without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    Status,
    CutBody,
    HalveBody,
    ChangeEtag,
    HideFromList,
}

impl Fault {
    fn kind(&self) -> FaultKind {
        match self {
            Fault::Status { .. } => FaultKind::Status,
            Fault::CutBody { .. } => FaultKind::CutBody,
            Fault::HalveBody { .. } => FaultKind::HalveBody,
            Fault::ChangeEtag { .. } => FaultKind::ChangeEtag,
            Fault::HideFromList { .. } => FaultKind::HideFromList,
        }
    }

    fn key_contains(&self) -> &str {
        match self {
            Fault::Status { key_contains, .. }
            | Fault::CutBody { key_contains, .. }
            | Fault::HalveBody { key_contains, .. }
            | Fault::ChangeEtag { key_contains, .. }
            | Fault::HideFromList { key_contains } => key_contains,
        }
    }
}

/// A proxy before one S3 server, as long as this value lives.
#[derive(Debug)]
pub struct S3Proxy {
    server: ProxyServer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    faults: Faults<Fault, FaultKind>,
    requests: Mutex<BTreeMap<RequestKind, u64>>,
}

impl S3Proxy {
    /// Starts a proxy before a server. Without faults it changes nothing.
    pub fn start(upstream: &S3Server) -> S3Proxy {
        let upstream = upstream.endpoint().trim_start_matches("http://").to_owned();
        let shared = Arc::new(Shared { upstream, faults: Faults::new(), requests: Mutex::default() });
        let for_connections = shared.clone();
        let serve = move |client| {
            let shared = for_connections.clone();
            async move {
                // An error ends the connection, which is all a proxy can do about it.
                let _ = shared.serve(client).await;
            }
        };
        S3Proxy { server: ProxyServer::start(serve), shared }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The variables with which an AWS client of another process finds the server by way of the proxy.
    pub fn env(&self) -> Vec<(String, String)> {
        environment(&self.endpoint())
    }

    /// A client for one bucket by way of the proxy.
    pub fn store(&self, bucket: &str) -> Arc<dyn ObjectStore> {
        Arc::new(client(&self.endpoint(), bucket))
    }

    /// Arms a fault from the next request on.
    pub fn arm(&self, fault: Fault) {
        let times = match &fault {
            Fault::Status { times, .. }
            | Fault::CutBody { times, .. }
            | Fault::HalveBody { times, .. }
            | Fault::ChangeEtag { times, .. } => Some(*times),
            Fault::HideFromList { .. } => None,
        };
        self.shared.faults.arm(fault, 0, times);
    }

    /// Takes back the faults of a kind that have not fired as often as they could.
    pub fn disarm(&self, kind: FaultKind) {
        self.shared.faults.disarm(|fault| fault.kind() == kind);
    }

    /// How often a fault of that kind fired; for a hidden key, how often it was left out.
    pub fn fired(&self, kind: FaultKind) -> u64 {
        self.shared.faults.fired(kind)
    }

    /// How many requests of that kind came.
    pub fn requests(&self, kind: RequestKind) -> u64 {
        self.shared.requests.lock().expect("no code panics while it counts").get(&kind).copied().unwrap_or(0)
    }
}

/// A request, read whole.
struct Request {
    method: String,
    kind: RequestKind,
    /// The key; for a list, the query. Both decoded.
    subject: String,
    head: Head,
    body: Vec<u8>,
}

/// An answer, read whole; its head states the length of its body.
struct Answer {
    head: Head,
    body: Vec<u8>,
}

/// Whether the connection goes on after an answer.
enum Next {
    Continue,
    Close,
}

impl Shared {
    async fn serve(&self, client: TcpStream) -> io::Result<()> {
        let mut client = BufReader::new(client);
        while let Some(head) = Head::read(&mut client).await? {
            let body = read_body(&mut client, head.request_framing()).await?;
            let request = Request::new(head, body);
            *self.requests.lock().expect("no code panics while it counts").entry(request.kind).or_default() += 1;
            match self.answer(&request, client.get_mut()).await? {
                Next::Continue => {}
                Next::Close => break,
            }
        }
        Ok(())
    }

    fn fire(&self, kind: FaultKind, subject: &str, matches: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let of_subject =
            |fault: &Fault| fault.kind() == kind && subject.contains(fault.key_contains()) && matches(fault);
        self.faults.fire(kind, of_subject)
    }

    async fn answer(&self, request: &Request, client: &mut TcpStream) -> io::Result<Next> {
        let is_of_request = |fault: &Fault| matches!(fault, Fault::Status { request: of, .. } if *of == request.kind);
        if let Some(Fault::Status { status, .. }) = self.fire(FaultKind::Status, &request.subject, is_of_request) {
            return send(client, request, Answer::error(status)).await;
        }
        let is_read = matches!(request.kind, RequestKind::GetObject | RequestKind::HeadObject);
        let etag_changes = is_read && self.fire(FaultKind::ChangeEtag, &request.subject, |_| true).is_some();
        if etag_changes && request.head.header("if-match").is_some() {
            return send(client, request, Answer::precondition_failed()).await;
        }
        let mut answer = self.ask_upstream(request).await?;
        if etag_changes {
            answer.head.set_header("ETag", "\"changed-by-the-proxy\"");
        }
        match request.kind {
            RequestKind::GetObject if answer.is_success() => {
                if self.fire(FaultKind::CutBody, &request.subject, |_| true).is_some() {
                    client.write_all(&answer.head.to_bytes()).await?;
                    client.write_all(&answer.body[..answer.body.len() / 2]).await?;
                    client.shutdown().await?;
                    return Ok(Next::Close);
                }
                if self.fire(FaultKind::HalveBody, &request.subject, |_| true).is_some() {
                    answer.set_body(answer.body[..answer.body.len() / 2].to_vec());
                }
            }
            RequestKind::ListObjects if answer.is_success() => answer.set_body(self.without_hidden(&answer.body)),
            RequestKind::GetObject
            | RequestKind::ListObjects
            | RequestKind::HeadObject
            | RequestKind::PutObject
            | RequestKind::DeleteObject
            | RequestKind::Other => {}
        }
        send(client, request, answer).await
    }

    /// Each request has a connection of its own: one kept open might be closed by the server at any moment.
    async fn ask_upstream(&self, request: &Request) -> io::Result<Answer> {
        let mut server = BufReader::new(TcpStream::connect(&self.upstream).await?);
        server.get_mut().set_nodelay(true)?;
        let mut head = request.head.clone();
        if head.request_framing() == Framing::Chunked {
            head.remove_header("transfer-encoding");
            head.set_header("Content-Length", &request.body.len().to_string());
        }
        server.get_mut().write_all(&head.to_bytes()).await?;
        server.get_mut().write_all(&request.body).await?;
        /// "100 Continue" and the like come before the answer.
        const INTERIM_ANSWERS_MAX: usize = 4;
        for _ in 0..INTERIM_ANSWERS_MAX {
            let head = Head::read(&mut server).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if head.first_line.split(' ').nth(1).is_some_and(|status| status.starts_with('1')) {
                continue;
            }
            let framing = head.answer_framing(&request.method);
            let body = read_body(&mut server, framing).await?;
            let mut answer = Answer { head, body: Vec::new() };
            match framing {
                // An answer to HEAD states the length of a body that is not sent.
                Framing::Absent | Framing::Length(_) => answer.body = body,
                Framing::Chunked | Framing::UntilClose => answer.set_body(body),
            }
            return Ok(answer);
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// A list without the entries that a fault hides. Counts and continuation stay as the server gave them.
    fn without_hidden(&self, list: &[u8]) -> Vec<u8> {
        const END: &str = "</Contents>";
        let is_hiding = |fault: &Fault| fault.kind() == FaultKind::HideFromList;
        if !self.faults.is_armed(is_hiding) {
            return list.to_vec();
        }
        let list = String::from_utf8_lossy(list);
        let (mut kept, mut rest) = (String::new(), list.as_ref());
        while let Some((before, entry)) = rest.split_once("<Contents>") {
            kept.push_str(before);
            let Some(length) = entry.find(END) else { break };
            let key = entry[..length].split_once("<Key>").and_then(|(_, key)| key.split_once("</Key>"));
            let key = key.map_or(String::new(), |(key, _)| percent_decoded(&xml_decoded(key)));
            rest = &entry[length + END.len()..];
            if self.fire(FaultKind::HideFromList, &key, |_| true).is_none() {
                kept.push_str("<Contents>");
                kept.push_str(&entry[..length + END.len()]);
            }
        }
        kept.push_str(rest);
        kept.into_bytes()
    }
}

impl Request {
    fn new(head: Head, body: Vec<u8>) -> Request {
        let mut words = head.first_line.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let key = path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
        // Uploads in parts and the like have queries of their own; a GET may carry `versionId` or `x-id`.
        let kind = match (method.as_str(), key.is_empty()) {
            ("GET", true) if query.contains("list-type=2") => RequestKind::ListObjects,
            ("GET", false) => RequestKind::GetObject,
            ("HEAD", false) => RequestKind::HeadObject,
            ("PUT", false) => RequestKind::PutObject,
            ("DELETE", false) => RequestKind::DeleteObject,
            _ => RequestKind::Other,
        };
        let subject = percent_decoded(if kind == RequestKind::ListObjects { query } else { key });
        Request { method, kind, subject, head, body }
    }
}

impl Answer {
    fn error(status: Status) -> Answer {
        match status {
            Status::SlowDown => Answer::new("503 Slow Down", "SlowDown", "Please reduce your request rate."),
            Status::InternalError => Answer::new("500 Internal Server Error", "InternalError", "We met an error."),
        }
    }

    fn precondition_failed() -> Answer {
        Answer::new("412 Precondition Failed", "PreconditionFailed", "A condition you set did not hold.")
    }

    fn new(status: &str, code: &str, message: &str) -> Answer {
        let head =
            Head { first_line: format!("HTTP/1.1 {status}"), headers: vec!["Content-Type: application/xml".into()] };
        let mut answer = Answer { head, body: Vec::new() };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        answer.set_body(body.into_bytes());
        answer
    }

    fn is_success(&self) -> bool {
        self.head.first_line.split(' ').nth(1).is_some_and(|status| status.starts_with('2'))
    }

    fn set_body(&mut self, body: Vec<u8>) {
        self.head.remove_header("transfer-encoding");
        self.head.set_header("Content-Length", &body.len().to_string());
        self.body = body;
    }
}

async fn send(client: &mut TcpStream, request: &Request, answer: Answer) -> io::Result<Next> {
    client.write_all(&answer.head.to_bytes()).await?;
    if request.method != "HEAD" {
        client.write_all(&answer.body).await?;
    }
    let closes = |head: &Head| head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if closes(&request.head) || closes(&answer.head) {
        client.shutdown().await?;
        return Ok(Next::Close);
    }
    Ok(Next::Continue)
}

/// Undoes the five entities that keys are written with.
fn xml_decoded(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"), ("&#39;", "'")];
    let decoded = entities.iter().fold(text.to_owned(), |text, (entity, meaning)| text.replace(entity, meaning));
    decoded.replace("&amp;", "&")
}
