//! The server side of HTTP/1.1 framing, without I/O: bytes go in, requests come out.
//!
//! One reader belongs to one connection. Its buffers are reused, so that a stream of small requests
//! allocates nothing; pipelined requests are taken one after another from what is buffered.

use std::mem::MaybeUninit;
use std::ops::Range;

/// The longest request head accepted, bytes.
const MAX_HEAD: usize = 256 * 1024;
/// The most headers a request may have.
const MAX_HEADERS: usize = 4096;
/// How many headers are parsed without allocating.
const USUAL_HEADERS: usize = 48;
/// The longest line between chunks (size, extensions, trailers), bytes.
const MAX_CHUNK_LINE: usize = 16 * 1024;
/// Room offered to each read until a body asks for more, bytes.
const READ_SMALL: usize = 4 * 1024;
const READ_LARGE: usize = 64 * 1024;

/// A request that can't be served; the connection ends after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
}

const fn refuse(status: u16, reason: &'static str) -> Refused {
    Refused { status, reason }
}

/// What the buffered bytes amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// A whole request: [`Reader::request`] has it.
    Request,
    /// More bytes are needed.
    More,
    /// More bytes are needed, and the client waits for `100 Continue` before it sends them.
    MoreAfterContinue,
}

/// The indexes of one header's name and value in the buffer, from the start of the request.
#[derive(Clone, Debug)]
struct HeaderSpan {
    name: Range<u32>,
    value: Range<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

/// Where the decoding of a chunked body stands; `at` counts from the start of the request.
#[derive(Clone, Copy, Debug)]
struct Chunks {
    at: usize,
    state: ChunkState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    Size,
    Data(usize),
    DataEnd,
    Trailers,
    Done,
}

#[derive(Clone, Debug)]
struct Head {
    len: usize,
    method: Range<u32>,
    target: Range<u32>,
    framing: Framing,
    keep_alive: bool,
    version_minor: u8,
    expects_continue: bool,
}

/// Turns bytes into requests.
pub(crate) struct Reader {
    buf: Vec<u8>,
    start: usize,
    end: usize,
    head: Option<Head>,
    headers: Vec<HeaderSpan>,
    chunks: Chunks,
    body: Vec<u8>,
    max_body: usize,
}

/// One whole request, borrowed from its reader.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    raw: &'a [u8],
    head: &'a Head,
    headers: &'a [HeaderSpan],
    /// The body with chunking removed and content encodings kept.
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    fn slice(&self, range: &Range<u32>) -> &'a [u8] {
        &self.raw[range.start as usize..range.end as usize]
    }

    pub(crate) fn method(&self) -> &'a [u8] {
        self.slice(&self.head.method)
    }

    /// The request target as sent.
    pub(crate) fn target(&self) -> &'a str {
        std::str::from_utf8(self.slice(&self.head.target)).unwrap_or("")
    }

    /// Path and query of the target; the query is empty when there is none. An absolute-form target
    /// (a proxy request) loses its scheme and authority.
    pub(crate) fn path_and_query(&self) -> (&'a str, &'a str) {
        let target = self.target();
        let local = match target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"))
        {
            Some(rest) => rest.find(['/', '?']).map_or("/", |start| &rest[start..]),
            None => target,
        };
        local.split_once('?').unwrap_or((local, ""))
    }

    pub(crate) fn keep_alive(&self) -> bool {
        self.head.keep_alive
    }

    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub(crate) fn version_minor(&self) -> u8 {
        self.head.version_minor
    }

    /// Names and values as received, in order.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let request = *self;
        self.headers.iter().map(move |span| {
            let name = std::str::from_utf8(request.slice(&span.name)).unwrap_or("");
            (name, request.slice(&span.value))
        })
    }

    /// The first value of a header, any case, if it is UTF-8.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.headers().find(|(have, _)| have.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

impl Reader {
    pub(crate) fn new(max_body: usize) -> Reader {
        Reader {
            buf: Vec::new(),
            start: 0,
            end: 0,
            head: None,
            headers: Vec::new(),
            chunks: Chunks { at: 0, state: ChunkState::Size },
            body: Vec::new(),
            max_body,
        }
    }

    /// Room for the next read; tell [`Reader::filled`] how much of it was used.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.buf.len() > 4 * READ_LARGE {
                self.buf = Vec::new();
            }
        }
        let want = if self.head.is_some() { READ_LARGE } else { READ_SMALL };
        if self.buf.len() - self.end < want && self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buf.len() - self.end < want / 2 || self.buf.is_empty() {
            // Doubling, so that a large body is not moved once per read.
            let grown = (self.end + want).max(self.buf.len().saturating_mul(2));
            self.buf.resize(grown, 0);
        }
        &mut self.buf[self.end..]
    }

    pub(crate) fn filled(&mut self, n: usize) {
        self.end = (self.end + n).min(self.buf.len());
    }

    /// Looks whether a whole request is buffered.
    ///
    /// # Errors
    /// When the bytes are not a request we serve: what to answer before closing.
    pub(crate) fn poll(&mut self) -> Result<Ready, Refused> {
        if self.head.is_none() && !self.parse_head()? {
            return Ok(Ready::More);
        }
        let Some(head) = &mut self.head else { return Ok(Ready::More) };
        let have = self.end - self.start;
        let done = match head.framing {
            Framing::Length(n) => have - head.len >= n,
            Framing::Chunked => {
                let raw = &self.buf[self.start..self.end];
                // One-byte chunks take six bytes each; endless trailers take any number.
                if raw.len() > MAX_HEAD + 8 * self.max_body {
                    return Err(refuse(413, "chunked request too long"));
                }
                decode_chunks(raw, &mut self.chunks, &mut self.body, self.max_body)?
            }
        };
        if done {
            return Ok(Ready::Request);
        }
        // Asked for once, and not when the body is already on its way.
        let ask = std::mem::take(&mut head.expects_continue) && have == head.len;
        Ok(if ask { Ready::MoreAfterContinue } else { Ready::More })
    }

    /// The request that [`Reader::poll`] reported.
    pub(crate) fn request(&self) -> Option<Request<'_>> {
        let head = self.head.as_ref()?;
        let raw = &self.buf[self.start..self.end];
        let body = match head.framing {
            Framing::Length(n) => raw.get(head.len..head.len + n)?,
            Framing::Chunked => &self.body,
        };
        Some(Request { raw, head, headers: &self.headers, body })
    }

    /// Drops the current request; what follows it in the buffer is next.
    pub(crate) fn consume(&mut self) {
        let Some(head) = self.head.take() else { return };
        self.start += match head.framing {
            Framing::Length(n) => head.len + n,
            Framing::Chunked => self.chunks.at,
        };
        if self.body.capacity() > 4 * READ_LARGE {
            self.body = Vec::new();
        }
        self.body.clear();
    }

    /// What is buffered behind the last request, for what the connection becomes.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buf[self.start..self.end].to_vec();
        self.start = self.end;
        rest
    }

    fn parse_head(&mut self) -> Result<bool, Refused> {
        // RFC 9112 2.2: empty lines before a request line are ignored.
        while self.start < self.end && matches!(self.buf[self.start], b'\r' | b'\n') {
            self.start += 1;
        }
        let raw = &self.buf[self.start..self.end];
        if raw.is_empty() {
            return Ok(false);
        }
        let mut few = [MaybeUninit::<httparse::Header<'_>>::uninit(); USUAL_HEADERS];
        let parsed = parse_into(raw, &mut few, &mut self.headers, self.max_body);
        let parsed = match parsed {
            Err(None) => {
                let mut many = vec![MaybeUninit::<httparse::Header<'_>>::uninit(); MAX_HEADERS];
                parse_into(raw, &mut many, &mut self.headers, self.max_body)
            }
            other => other,
        };
        match parsed {
            Ok(Some(head)) => {
                if head.len > MAX_HEAD {
                    return Err(refuse(431, "request head too long"));
                }
                self.chunks = Chunks { at: head.len, state: ChunkState::Size };
                self.head = Some(head);
                Ok(true)
            }
            Ok(None) if raw.len() > MAX_HEAD => Err(refuse(431, "request head too long")),
            Ok(None) => Ok(false),
            Err(refused) => Err(refused.unwrap_or(refuse(431, "too many headers"))),
        }
    }
}

/// `Err(None)` asks for more room for headers.
fn parse_into<'b>(
    raw: &'b [u8],
    room: &mut [MaybeUninit<httparse::Header<'b>>],
    spans: &mut Vec<HeaderSpan>,
    max_body: usize,
) -> Result<Option<Head>, Option<Refused>> {
    let mut request = httparse::Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(raw, room) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(None),
        Err(_) => return Err(Some(refuse(400, "malformed request"))),
    };
    let range = |part: &[u8]| {
        // httparse hands out sub-slices of `raw`; only their place is kept.
        let start = (part.as_ptr() as usize - raw.as_ptr() as usize) as u32;
        start..start + part.len() as u32
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(Some(refuse(400, "malformed request line")));
    };
    let mut head = Head {
        len,
        method: range(method.as_bytes()),
        target: range(target.as_bytes()),
        framing: Framing::Length(0),
        keep_alive: minor == 1,
        version_minor: minor,
        expects_continue: false,
    };
    let mut length: Option<usize> = None;
    let mut chunked = false;
    spans.clear();
    for header in request.headers.iter() {
        spans.push(HeaderSpan { name: range(header.name.as_bytes()), value: range(header.value) });
        let name = header.name;
        // The four names that frame a request have these lengths; most headers stop here.
        if !matches!(name.len(), 6 | 10 | 14 | 17) {
            continue;
        }
        if name.eq_ignore_ascii_case("content-length") {
            let n = parse_length(header.value).ok_or(refuse(400, "malformed content-length"));
            let n = n.map_err(Some)?;
            if length.is_some_and(|before| before != n) {
                return Err(Some(refuse(400, "contradicting content-lengths")));
            }
            length = Some(n);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !header.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Some(refuse(501, "unknown transfer-encoding")));
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            if has_token(header.value, b"close") {
                head.keep_alive = false;
            } else if has_token(header.value, b"keep-alive") {
                head.keep_alive = true;
            }
        } else if name.eq_ignore_ascii_case("expect") {
            head.expects_continue = header.value.eq_ignore_ascii_case(b"100-continue");
        }
    }
    if length.is_some_and(|n| n > max_body) {
        return Err(Some(refuse(413, "request body too long")));
    }
    head.framing = if chunked { Framing::Chunked } else { Framing::Length(length.unwrap_or(0)) };
    Ok(Some(head))
}

fn parse_length(value: &[u8]) -> Option<usize> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|b| *b == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

/// Decodes as much of a chunked body as there is; true when it is complete.
fn decode_chunks(
    raw: &[u8],
    chunks: &mut Chunks,
    body: &mut Vec<u8>,
    max_body: usize,
) -> Result<bool, Refused> {
    loop {
        match chunks.state {
            ChunkState::Size => {
                let Some(line) = next_line(raw, chunks)? else { return Ok(false) };
                let size = line.split(|b| *b == b';').next().unwrap_or(line).trim_ascii();
                let size = std::str::from_utf8(size)
                    .ok()
                    .filter(|text| !text.is_empty() && text.len() <= 15)
                    .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|text| usize::from_str_radix(text, 16).ok())
                    .ok_or(refuse(400, "malformed chunk size"))?;
                if size > max_body || body.len() + size > max_body {
                    return Err(refuse(413, "request body too long"));
                }
                chunks.state =
                    if size == 0 { ChunkState::Trailers } else { ChunkState::Data(size) };
            }
            ChunkState::Data(left) => {
                let n = left.min(raw.len() - chunks.at);
                body.extend_from_slice(&raw[chunks.at..chunks.at + n]);
                chunks.at += n;
                if n < left {
                    chunks.state = ChunkState::Data(left - n);
                    return Ok(false);
                }
                chunks.state = ChunkState::DataEnd;
            }
            ChunkState::DataEnd => {
                let Some(line) = next_line(raw, chunks)? else { return Ok(false) };
                if !line.is_empty() {
                    return Err(refuse(400, "chunk longer than its size"));
                }
                chunks.state = ChunkState::Size;
            }
            ChunkState::Trailers => {
                let Some(line) = next_line(raw, chunks)? else { return Ok(false) };
                if line.is_empty() {
                    chunks.state = ChunkState::Done;
                }
            }
            ChunkState::Done => return Ok(true),
        }
    }
}

/// The next line without its end, if it is there.
fn next_line<'a>(raw: &'a [u8], chunks: &mut Chunks) -> Result<Option<&'a [u8]>, Refused> {
    let rest = &raw[chunks.at..];
    match rest.iter().take(MAX_CHUNK_LINE).position(|b| *b == b'\n') {
        Some(end) => {
            chunks.at += end + 1;
            Ok(Some(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end])))
        }
        None if rest.len() >= MAX_CHUNK_LINE => Err(refuse(400, "chunk line too long")),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = (String, String, Vec<(String, String)>, String, bool);

    /// Feeds `raw` in pieces of `step` bytes and collects the requests.
    fn read_all(raw: &[u8], step: usize) -> Result<Vec<Seen>, Refused> {
        let mut reader = Reader::new(1 << 20);
        let mut seen = Vec::new();
        for piece in raw.chunks(step) {
            let mut piece = piece;
            while !piece.is_empty() {
                let room = reader.room();
                let n = room.len().min(piece.len());
                room[..n].copy_from_slice(&piece[..n]);
                reader.filled(n);
                piece = &piece[n..];
                while reader.poll()? == Ready::Request {
                    let request = reader.request().unwrap();
                    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
                    seen.push((
                        text(request.method()),
                        request.target().to_owned(),
                        request.headers().map(|(n, v)| (n.to_owned(), text(v))).collect(),
                        text(request.body),
                        request.keep_alive(),
                    ));
                    reader.consume();
                }
            }
        }
        assert_eq!(reader.start, reader.end, "bytes are left over");
        Ok(seen)
    }

    #[test]
    fn requests_are_the_same_however_the_bytes_arrive() {
        let raw = b"\r\nGET /a?b=c HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\n\r\n\
            POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\
            PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTr: x\r\n\r\n\
            GET /old HTTP/1.0\r\n\r\n\
            GET /old HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n\
            GET /end HTTP/1.1\r\nConnection: upgrade, close\r\n\r\n";
        let whole = read_all(raw, raw.len()).unwrap();
        let got: Vec<_> =
            whole.iter().map(|r| (r.0.as_str(), r.1.as_str(), r.3.as_str(), r.4)).collect();
        assert_eq!(
            got,
            [
                ("GET", "/a?b=c", "", true),
                ("POST", "/p", "hello", true),
                ("PUT", "/c", "abcde", true),
                ("GET", "/old", "", false),
                ("GET", "/old", "", true),
                ("GET", "/end", "", false),
            ]
        );
        assert_eq!(whole[0].2, [("Host".into(), "x".into()), ("X-A".into(), "1".into())]);
        for step in [1, 2, 3, 7, 50] {
            assert_eq!(read_all(raw, step).unwrap(), whole, "step {step}");
        }
    }

    #[test]
    fn foreign_input_is_refused_with_a_status() {
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(MAX_HEAD));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(MAX_HEADERS + 1));
        let cases: &[(&str, u16)] = &[
            ("not http at all\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
            ("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
            (&long, 431),
            (&many, 431),
        ];
        for (raw, status) in cases {
            let start = &raw[..raw.len().min(80)];
            assert_eq!(read_all(raw.as_bytes(), 1000).unwrap_err().status, *status, "{start}");
        }
    }

    #[test]
    fn continue_is_offered_once_and_only_while_the_body_is_missing() {
        let head = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
        let mut reader = Reader::new(100);
        reader.room()[..head.len()].copy_from_slice(head);
        reader.filled(head.len());
        assert_eq!(reader.poll(), Ok(Ready::MoreAfterContinue));
        assert_eq!(reader.poll(), Ok(Ready::More));
        reader.room()[..2].copy_from_slice(b"ok");
        reader.filled(2);
        assert_eq!(reader.poll(), Ok(Ready::Request));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_the_same_in_any_pieces(
            pieces in proptest::collection::vec(
                proptest::prop_oneof![
                    proptest::strategy::Just("GET /a HTTP/1.1\r\n".to_owned()),
                    proptest::strategy::Just("POST /b HTTP/1.0\r\n".to_owned()),
                    proptest::strategy::Just("Transfer-Encoding: chunked\r\n".to_owned()),
                    proptest::strategy::Just("Content-Length: 3\r\n".to_owned()),
                    proptest::strategy::Just("\r\n".to_owned()),
                    proptest::strategy::Just("3\r\nabc\r\n".to_owned()),
                    proptest::strategy::Just("0\r\n\r\n".to_owned()),
                    ".{0,6}",
                ],
                0..12,
            ),
            step in 1_usize..40,
        ) {
            let raw = pieces.concat().into_bytes();
            let read = |step: usize| {
                let mut reader = Reader::new(1000);
                let mut n_requests = 0;
                for piece in raw.chunks(step) {
                    reader.room()[..piece.len()].copy_from_slice(piece);
                    reader.filled(piece.len());
                    loop {
                        match reader.poll() {
                            Ok(Ready::Request) => {
                                let request = reader.request().unwrap();
                                let _ = (request.path_and_query(), request.headers().count());
                                n_requests += 1;
                                reader.consume();
                            }
                            Ok(_) => break,
                            Err(refused) => return (n_requests, Some(refused.status)),
                        }
                    }
                }
                (n_requests, None)
            };
            proptest::prop_assert_eq!(read(step), read(raw.len().max(1)));
        }
    }

    #[test]
    fn an_absolute_target_loses_its_authority() {
        let raw = b"GET http://host:80/p?q=1 HTTP/1.1\r\n\r\n";
        let mut reader = Reader::new(100);
        reader.room()[..raw.len()].copy_from_slice(raw);
        reader.filled(raw.len());
        assert_eq!(reader.poll(), Ok(Ready::Request));
        assert_eq!(reader.request().unwrap().path_and_query(), ("/p", "q=1"));
    }
}
