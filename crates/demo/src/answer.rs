//! One response being put together: status, headers, body, in buffers that a connection reuses.

use crate::stream::Stream;
use crate::websocket::Session;
use http::StatusCode;
use serde_json::Value;

pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const BINARY: &str = "application/octet-stream";

/// What a service answers. The connection decides framing and what becomes of it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Empty means no `Content-Type` header.
    pub(crate) content_type: &'static str,
    /// Further header lines, each ending in CRLF.
    pub(crate) headers: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// Takes the place of `body` when set.
    pub(crate) stream: Option<Stream>,
    /// What the connection becomes after a 101.
    pub(crate) upgrade: Option<Box<Session>>,
}

/// How the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    Length(u64),
    Chunked,
    /// Neither: 1xx, 204 and 304, or the end of the connection.
    None,
}

/// What the answer says about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// HTTP/1.1's default: nothing is said.
    Implied,
    /// Said for HTTP/1.0 clients that asked.
    KeepAlive,
    Close,
}

impl Answer {
    pub(crate) fn new() -> Answer {
        Answer {
            status: 200,
            content_type: JSON,
            headers: Vec::new(),
            body: Vec::new(),
            stream: None,
            upgrade: None,
        }
    }

    /// Back to an empty 200, keeping buffers of ordinary size.
    pub(crate) fn reset(&mut self) {
        self.status = 200;
        self.content_type = JSON;
        self.headers.clear();
        if self.body.capacity() > 256 * 1024 {
            self.body = Vec::new();
        }
        self.body.clear();
        self.stream = None;
        self.upgrade = None;
    }

    /// Adds a header. Characters that would break the framing are replaced, so that values may come
    /// from the request.
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return;
        }
        self.headers.extend_from_slice(name.as_bytes());
        self.headers.extend_from_slice(b": ");
        self.headers.extend(value.bytes().map(|b| match b {
            b'\t' | 0x20..=0x7e | 0x80.. => b,
            _ => b' ',
        }));
        self.headers.extend_from_slice(b"\r\n");
    }

    pub(crate) fn text(&mut self, content_type: &'static str, body: &[u8]) {
        self.content_type = content_type;
        self.body.clear();
        self.body.extend_from_slice(body);
    }

    pub(crate) fn json(&mut self, value: &Value) {
        self.content_type = JSON;
        self.body.clear();
        // A Value has no key that can't be written, and a Vec takes every byte.
        let _ = serde_json::to_writer(&mut self.body, value);
        self.body.push(b'\n');
    }

    /// An error in the form of FastAPI's, which the seeds' services answer with.
    pub(crate) fn error(&mut self, status: u16, detail: &str) {
        self.status = status;
        self.json(&serde_json::json!({ "detail": detail }));
    }

    /// True when the status forbids a body (RFC 9110 6.4.1).
    pub(crate) fn is_bodiless(&self) -> bool {
        matches!(self.status, 100..=199 | 204 | 304)
    }

    /// The length of the body if it is known.
    pub(crate) fn body_len(&self) -> Option<u64> {
        match &self.stream {
            _ if self.is_bodiless() => Some(0),
            Some(stream) => stream.len(),
            None => Some(self.body.len() as u64),
        }
    }

    pub(crate) fn framing(&self) -> BodyFraming {
        if self.is_bodiless() {
            return BodyFraming::None;
        }
        self.body_len().map_or(BodyFraming::Chunked, BodyFraming::Length)
    }

    /// Writes status line and headers, with `extra` padding headers `x-padding-00001: …`.
    pub(crate) fn write_head(
        &self,
        out: &mut Vec<u8>,
        framing: BodyFraming,
        persistence: Persistence,
        extra: u32,
    ) {
        match self.status {
            200 => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
            other => {
                out.extend_from_slice(b"HTTP/1.1 ");
                write_number(out, u64::from(other));
                out.push(b' ');
                out.extend_from_slice(reason(other).as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
        if !self.content_type.is_empty() && framing != BodyFraming::None {
            out.extend_from_slice(b"Content-Type: ");
            out.extend_from_slice(self.content_type.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(&self.headers);
        for i in 1..=extra {
            out.extend_from_slice(format!("x-padding-{i:05}: {i}\r\n").as_bytes());
        }
        match persistence {
            Persistence::Implied => {}
            Persistence::KeepAlive => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            Persistence::Close => out.extend_from_slice(b"Connection: close\r\n"),
        }
        match framing {
            BodyFraming::Length(n) => {
                out.extend_from_slice(b"Content-Length: ");
                write_number(out, n);
                out.extend_from_slice(b"\r\n\r\n");
            }
            BodyFraming::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n"),
            BodyFraming::None => out.extend_from_slice(b"\r\n"),
        }
    }
}

/// Appends a decimal number without allocating.
pub(crate) fn write_number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The reason phrase; empty for numbers that have none.
fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_from_requests_cannot_break_the_framing() {
        let mut answer = Answer::new();
        answer.header("X-A", "a\r\nX-Evil: b");
        answer.header("bad name", "x");
        answer.header("X-U", "é");
        assert_eq!(String::from_utf8_lossy(&answer.headers), "X-A: a  X-Evil: b\r\nX-U: é\r\n");
    }

    #[test]
    fn heads_are_framed_by_length_chunks_or_nothing() {
        let mut answer = Answer::new();
        answer.text(TEXT, b"hi");
        let head = |answer: &Answer| {
            let mut out = Vec::new();
            answer.write_head(&mut out, answer.framing(), Persistence::Implied, 0);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            head(&answer),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\n"
        );
        answer.status = 204;
        assert_eq!(head(&answer), "HTTP/1.1 204 No Content\r\n\r\n");
        answer.status = 599;
        assert!(head(&answer).starts_with("HTTP/1.1 599 \r\n"));
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for n in [0, 7, 10, 999, 1_000, u64::MAX] {
            let mut out = Vec::new();
            write_number(&mut out, n);
            assert_eq!(String::from_utf8(out).unwrap(), n.to_string());
        }
    }
}
