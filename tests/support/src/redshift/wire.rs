//! Owns the protocol's messages on a socket, by the codec of `pgwire`.
//!
//! Clients are read message by message; answers of the server are passed on as they came, and decoded only where the
//! stand-in has to know what they say.

use std::io;

use bytes::{Bytes, BytesMut};
use pgwire::messages::copy::{CopyData, CopyDone};
use pgwire::messages::response::{CommandComplete, ErrorResponse, NoticeResponse, ReadyForQuery, TransactionStatus};
use pgwire::messages::simplequery::Query;
use pgwire::messages::{DecodeContext, Message, PgWireFrontendMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Postgres's own limit of a message.
const MESSAGE_BYTES_MAX: usize = 1 << 30;
const HEADER_BYTES: usize = 5;

/// One side of the stand-in.
pub(super) struct Wire {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
}

/// An answer of the server, as it came.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) kind: u8,
    /// With its type and length.
    pub(super) bytes: Bytes,
}

pub(super) const ERROR: u8 = b'E';
pub(super) const READY: u8 = b'Z';
pub(super) const COPY_IN: u8 = b'G';
pub(super) const DATA_ROW: u8 = b'D';
pub(super) const AUTHENTICATION: u8 = b'R';
pub(super) const PARAMETER_STATUS: u8 = b'S';

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Wire {
        Wire { stream, input: BytesMut::new(), output: BytesMut::new() }
    }

    /// The next message of a client.
    pub(super) async fn read_request(&mut self, context: &DecodeContext) -> io::Result<PgWireFrontendMessage> {
        loop {
            if let Some(message) = PgWireFrontendMessage::decode(&mut self.input, context).map_err(broken)? {
                return Ok(message);
            }
            self.fill().await?;
        }
    }

    /// The next answer of the server.
    pub(super) async fn read_answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some([kind, a, b, c, d]) = self.input.first_chunk::<HEADER_BYTES>().copied() {
                let length = u32::from_be_bytes([a, b, c, d]) as usize + 1;
                if length > MESSAGE_BYTES_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if self.input.len() >= length {
                    return Ok(Answer { kind, bytes: self.input.split_to(length).freeze() });
                }
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn put_request(&mut self, message: &PgWireFrontendMessage) -> io::Result<()> {
        message.encode(&mut self.output).map_err(broken)
    }

    pub(super) fn put(&mut self, message: &impl Message) -> io::Result<()> {
        message.encode(&mut self.output).map_err(broken)
    }

    pub(super) fn put_answer(&mut self, answer: &Answer) {
        self.output.extend_from_slice(&answer.bytes);
    }

    pub(super) fn put_byte(&mut self, byte: u8) {
        self.output.extend_from_slice(&[byte]);
    }

    pub(super) fn put_query(&mut self, sql: &str) -> io::Result<()> {
        self.put(&Query::new(sql.to_owned()))
    }

    pub(super) fn put_complete(&mut self, tag: &str) -> io::Result<()> {
        self.put(&CommandComplete::new(tag.to_owned()))
    }

    pub(super) fn put_ready(&mut self, status: TransactionStatus) -> io::Result<()> {
        self.put(&ReadyForQuery::new(status))
    }

    pub(super) fn put_notice(&mut self, text: &str) -> io::Result<()> {
        let fields = [(b'S', "INFO"), (b'C', "00000"), (b'M', text)];
        self.put(&NoticeResponse::new(fields.map(|(kind, text)| (kind, text.to_owned())).to_vec()))
    }

    pub(super) fn put_copy_data(&mut self, data: Vec<u8>) -> io::Result<()> {
        self.put(&CopyData::new(data.into()))
    }

    pub(super) fn put_copy_done(&mut self) -> io::Result<()> {
        self.put(&CopyDone::new())
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output).await?;
        self.output.clear();
        Ok(())
    }
}

/// Past the start of a connection.
pub(super) fn running() -> DecodeContext {
    let mut context = DecodeContext::default();
    context.awaiting_frontend_ssl = false;
    context.awaiting_frontend_startup = false;
    context
}

/// How a transaction stands, when an answer says so.
pub(super) fn status_of(answer: &Answer) -> Option<TransactionStatus> {
    let mut bytes = BytesMut::from(answer.bytes.as_ref());
    let ready = if answer.kind == READY { ReadyForQuery::decode(&mut bytes, &running()).ok()? } else { None };
    ready.map(|ready| ready.status)
}

/// The fields of an error.
pub(super) fn error_of(answer: &Answer) -> Option<ErrorResponse> {
    let mut bytes = BytesMut::from(answer.bytes.as_ref());
    if answer.kind == ERROR { ErrorResponse::decode(&mut bytes, &running()).ok()? } else { None }
}

/// The texts of a row's cells.
pub(super) fn cells_of(answer: &Answer) -> Vec<Option<String>> {
    let mut rest = &answer.bytes[HEADER_BYTES + 2..];
    let mut cells = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        rest = after;
        cells.push(length.map(|length| {
            let (cell, after) = rest.split_at(length);
            rest = after;
            String::from_utf8_lossy(cell).into_owned()
        }));
    }
    cells
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
