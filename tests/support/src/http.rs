//! Owns the reading of HTTP/1.1 messages, as far as a proxy before an S3 server needs it.
//!
//! Heads are kept byte for byte, because S3 signatures cover them. Bodies are read whole.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Far above the objects of any test; a proxy holds one body a connection.
const BODY_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The first line and the headers of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) first_line: String,
    /// As they were sent: `Name: value`.
    pub(crate) headers: Vec<String>,
}

/// How a body's end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Absent,
    Length(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// Reads a head; none when the other side closed before one began.
    pub(crate) async fn read(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Head>> {
        let Some(first_line) = read_line(reader).await? else { return Ok(None) };
        let (mut headers, mut bytes) = (Vec::new(), first_line.len());
        loop {
            let line = read_line(reader).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            bytes += line.len();
            if line.is_empty() {
                return Ok(Some(Head { first_line, headers }));
            }
            if bytes > HEAD_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            headers.push(line);
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| {
            let (header_name, value) = header.split_once(':')?;
            header_name.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn remove_header(&mut self, name: &str) {
        let is_other =
            |header: &String| header.split_once(':').is_none_or(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.retain(is_other);
    }

    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.remove_header(name);
        self.headers.push(format!("{name}: {value}"));
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.first_line.clone().into_bytes();
        for header in &self.headers {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(header.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes
    }

    /// The framing of a request's body.
    pub(crate) fn request_framing(&self) -> Framing {
        self.declared_framing().unwrap_or(Framing::Absent)
    }

    /// The framing of an answer's body; `method` is the request's.
    pub(crate) fn answer_framing(&self, method: &str) -> Framing {
        let status = self.first_line.split(' ').nth(1).unwrap_or_default();
        if method == "HEAD" || status == "204" || status == "304" || status.starts_with('1') {
            return Framing::Absent;
        }
        self.declared_framing().unwrap_or(Framing::UntilClose)
    }

    fn declared_framing(&self) -> Option<Framing> {
        if self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Some(Framing::Chunked);
        }
        self.header("content-length")?.parse().ok().map(Framing::Length)
    }
}

/// A line without its end; none at the end of the stream.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut limited = reader.take(HEAD_BYTES_MAX as u64);
    if limited.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    let end = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).ok_or(io::ErrorKind::UnexpectedEof)?;
    String::from_utf8(end.to_vec()).map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Reads a body, freed of its chunks.
pub(crate) async fn read_body(reader: &mut (impl AsyncBufRead + Unpin), framing: Framing) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    match framing {
        Framing::Absent => {}
        Framing::Length(bytes) => read_exactly(reader, bytes, &mut body).await?,
        Framing::UntilClose => {
            reader.take(BODY_BYTES_MAX).read_to_end(&mut body).await?;
        }
        Framing::Chunked => loop {
            let line = read_line(reader).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let bytes = u64::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            if bytes == 0 {
                while read_line(reader).await?.is_some_and(|trailer| !trailer.is_empty()) {}
                break;
            }
            read_exactly(reader, bytes, &mut body).await?;
            read_line(reader).await?;
        },
    }
    Ok(body)
}

async fn read_exactly(reader: &mut (impl AsyncBufRead + Unpin), bytes: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if body.len() as u64 + bytes > BODY_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let read = reader.take(bytes).read_to_end(body).await?;
    if read as u64 == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Undoes `%41`; what is no such code stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let code = bytes.get(place + 1..place + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| bytes[place] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                place += 3;
            }
            None => {
                decoded.push(bytes[place]);
                place += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn heads_are_kept_and_bodies_freed_of_chunks() {
        let head_bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag:  \"e\"\r\n\r\n";
        let message = [head_bytes.as_slice(), b"5\r\nfirst\r\n3;x=y\r\n, 2\r\n0\r\n\r\nnext"].concat();
        let mut reader = &message[..];
        let head = Head::read(&mut reader).await.unwrap().unwrap();
        assert_eq!(head.header("etag"), Some("\"e\""));
        assert_eq!(head.to_bytes(), head_bytes);
        assert_eq!(head.answer_framing("HEAD"), Framing::Absent);
        let framing = head.answer_framing("GET");
        assert_eq!(framing, Framing::Chunked);
        assert_eq!(read_body(&mut reader, framing).await.unwrap(), b"first, 2");
        assert_eq!(reader, b"next");
    }

    #[tokio::test]
    async fn body_shorter_than_announced_is_an_error() {
        let error = read_body(&mut &b"four"[..], Framing::Length(5)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(Head::read(&mut &b""[..]).await.unwrap(), None);
    }

    #[test]
    fn percent_codes_are_undone_and_lone_percents_stay() {
        assert_eq!(percent_decoded("a%20b%2Fc%C3%BC 100% %zz"), "a b/cü 100% %zz");
    }
}
