//! What came back: one buffer with the head as received and the body after it; headers are looked
//! up when somebody asks.

use std::fmt;

/// The protocol of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2.0
    Http2,
}

impl Version {
    /// As k6's `proto` shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2.0",
        }
    }
}

/// Headers that call for something, noted while the head is judged: most responses have none, and need not be searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notable {
    /// There is a `Set-Cookie`.
    pub sets_cookies: bool,
    /// There is a `Content-Encoding`.
    pub is_encoded: bool,
}

/// A response, or as much of it as came.
#[derive(Clone, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The protocol.
    pub version: Version,
    /// Bytes of body that came (after chunking was undone), kept or not.
    pub body_received: u64,
    /// What its headers call for.
    pub notable: Notable,
    pub(crate) buffer: Vec<u8>,
    pub(crate) head_len: usize,
}

impl Response {
    /// A response from parts, for transports that do not receive HTTP/1.1 text, and for tests.
    pub fn from_parts(
        status: u16,
        version: Version,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut buffer = format!("{} {status}\r\n", version.as_str()).into_bytes();
        for (name, value) in headers {
            buffer.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        buffer.extend_from_slice(b"\r\n");
        let head_len = buffer.len();
        buffer.extend_from_slice(body);
        let has = |what: &str| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(what));
        let notable =
            Notable { sets_cookies: has("set-cookie"), is_encoded: has("content-encoding") };
        Response { status, version, body_received: body.len() as u64, notable, buffer, head_len }
    }

    /// The reason phrase; may be empty.
    pub fn reason(&self) -> &str {
        let line = self.head().split(|&b| b == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // "HTTP/1.1 200 reason"
        let reason = line.get(13..).unwrap_or_default();
        std::str::from_utf8(reason).unwrap_or_default()
    }

    /// Code and reason as k6's `status_text` shows them: `200 OK`.
    pub fn status_text(&self) -> String {
        format!("{:03} {}", self.status, self.reason()).trim_end().to_owned()
    }

    /// The head as received (folded lines unfolded), status line included.
    pub fn head(&self) -> &[u8] {
        &self.buffer[..self.head_len]
    }

    /// The headers in the order received.
    pub fn headers(&self) -> ResponseHeaders<'_> {
        let head = self.head();
        let first = head.iter().position(|&b| b == b'\n').map_or(head.len(), |at| at + 1);
        ResponseHeaders { rest: &head[first..] }
    }

    /// The value of the first header of this name (any case).
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The body, still in its content encoding; empty if it was discarded.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.head_len..]
    }

    /// The body as a buffer of its own.
    pub fn into_body(mut self) -> Vec<u8> {
        self.buffer.drain(..self.head_len);
        self.buffer
    }

    /// Empties it, keeping the buffer unless it has grown large.
    /// Cuts the body.
    pub(crate) fn truncate_body(&mut self, len: usize) {
        self.buffer.truncate(self.head_len + len);
    }

    pub(crate) fn reset(&mut self) {
        const KEPT_BYTES: usize = 64 << 10;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.shrink_to(KEPT_BYTES);
        *self = Response { buffer, ..Response::default() };
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Response({} {}, {} header bytes, {} body bytes)",
            self.version.as_str(),
            self.status,
            self.head_len,
            self.body_received
        )
    }
}

/// Names and values of a response's headers.
#[derive(Clone, Debug)]
pub struct ResponseHeaders<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ResponseHeaders<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let end = self.rest.iter().position(|&b| b == b'\n').unwrap_or(self.rest.len());
            let line = self.rest[..end].trim_ascii_end();
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if line.is_empty() {
                return None;
            }
            // The head has been parsed before: each line has a colon and an ASCII name.
            let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
            let name = std::str::from_utf8(line[..colon].trim_ascii_end()).unwrap_or_default();
            return Some((name, line[colon + 1..].trim_ascii()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_from_the_raw_head() {
        let mut response = Response::from_parts(
            404,
            Version::Http11,
            &[("A", "1"), ("b", " x "), ("C", "")],
            b"hi",
        );
        let all: Vec<_> = response.headers().collect();
        assert_eq!(all, [("A", &b"1"[..]), ("b", b"x"), ("C", b"")]);
        assert_eq!(response.header("B"), Some(&b"x"[..]));
        assert_eq!(response.header("d"), None);
        assert_eq!((response.body(), response.status_text()), (&b"hi"[..], "404".to_owned()));
        response.reset();
        assert_eq!((response.body().len(), response.headers().count()), (0, 0));
    }
}
