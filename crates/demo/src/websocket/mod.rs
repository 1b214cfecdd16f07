//! `/ws/echo`: every message comes back, a ping gets its pong, and [`Wishes`] say what goes wrong.

pub(crate) mod frame;
mod wish;

use self::frame::{Head, Marks, NOT_TEXT, PROTOCOL, TOO_BIG, Violation, opcode};
use self::wish::{End, Wishes};
use crate::answer::Answer;
use crate::connection::{SharedBook, lock};
use crate::reader::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use rt::net::TcpStream;
use sha1::{Digest, Sha1};
use std::io;
use std::time::Duration;

/// The longest message, bytes, as it comes and decompressed.
const MAX_MESSAGE: usize = 256 * 1024 * 1024;
/// What a client and a server agree on by RFC 6455 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Room for one read, bytes.
const READ: usize = 16 * 1024;
/// Written out when the output grows beyond this, bytes.
const FLUSH_AT: usize = 64 * 1024;
/// How long the server waits for the client's close frame after its own.
const CLOSING: Duration = Duration::from_secs(1);
/// What ends a compressed message and is not sent (RFC 7692 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// What the handshake has agreed on.
pub(crate) struct Session {
    wishes: Wishes,
    deflates: bool,
}

/// What proves to a client that its handshake was understood.
pub(crate) fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::digest(format!("{key}{GUID}")))
}

/// Answers the handshake.
pub(crate) fn answer(request: &Request<'_>, out: &mut Answer) {
    let has = |name: &str, want: &str| {
        let values = request.header(name).unwrap_or_default();
        values.split(',').any(|value| value.trim().eq_ignore_ascii_case(want))
    };
    let key = request.header("sec-websocket-key");
    let (Some(key), true, true, Some("13")) = (
        key,
        has("upgrade", "websocket"),
        has("connection", "upgrade"),
        request.header("sec-websocket-version"),
    ) else {
        out.error(426, "a WebSocket handshake is expected");
        out.header("Upgrade", "websocket");
        return out.header("Sec-WebSocket-Version", "13");
    };
    let wishes = match Wishes::parse(request.path_and_query().1) {
        Ok(wishes) => wishes,
        Err(detail) => return out.error(400, &detail),
    };
    out.status = 101;
    out.header("Upgrade", "websocket");
    out.header("Connection", "Upgrade");
    out.header("Sec-WebSocket-Accept", &accept(key));
    if let Some(offered) = request.header("sec-websocket-protocol") {
        out.header("Sec-WebSocket-Protocol", offered.split(',').next().unwrap_or("").trim());
    }
    let extensions = request.header("sec-websocket-extensions").unwrap_or_default();
    let deflates = extensions.contains("permessage-deflate") && !wishes.declines_deflate;
    if deflates {
        out.header("Sec-WebSocket-Extensions", AGREED);
    }
    out.upgrade = Some(Box::new(Session { wishes, deflates }));
}

/// Whether the conversation goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    /// A close frame has been answered.
    Closed,
    /// The server has ended it; a close frame of the client is still waited for.
    Ending,
}

impl Session {
    /// Serves until either side closes. `rest` is what came after the handshake.
    ///
    /// # Errors
    /// The socket's.
    pub(crate) async fn serve(
        &self,
        stream: &mut TcpStream,
        rest: Vec<u8>,
        book: &SharedBook,
    ) -> io::Result<()> {
        let mut echo = Echo {
            session: self,
            inbox: Inbox { buf: rest, start: 0 },
            out: Vec::new(),
            message: Vec::new(),
            under_way: None,
            n_messages: 0,
            n_sent: 0,
            deflate: self.deflates.then(Deflate::new),
        };
        let served = echo.run(stream).await;
        let mut book = lock(book);
        book.ws_received += echo.n_messages;
        book.ws_sent += echo.n_sent;
        served
    }
}

/// Bytes that came and are not used up.
struct Inbox {
    buf: Vec<u8>,
    start: usize,
}

impl Inbox {
    async fn fill(&mut self, stream: &mut TcpStream) -> io::Result<usize> {
        self.buf.drain(..self.start);
        self.start = 0;
        let have = self.buf.len();
        // Doubling, so that a large message is not moved once per read.
        let room = READ.max(have);
        self.buf.resize(have + room, 0);
        let n = stream.read(&mut self.buf[have..]).await;
        self.buf.truncate(have + *n.as_ref().unwrap_or(&0));
        n
    }
}

struct Echo<'a> {
    session: &'a Session,
    inbox: Inbox,
    out: Vec<u8>,
    /// The frames so far of a message that comes in several.
    message: Vec<u8>,
    /// Its opcode, and whether it is compressed.
    under_way: Option<(u8, bool)>,
    n_messages: u64,
    n_sent: u64,
    deflate: Option<Box<Deflate>>,
}

impl Echo<'_> {
    async fn run(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        self.greet(stream).await?;
        let mut next = self.end_if_due(stream).await?;
        loop {
            while next == Next::GoOn {
                match self.frame() {
                    Ok(Some(step)) => next = step,
                    Ok(None) => break,
                    Err(Violation(code)) => {
                        frame::put_close(&mut self.out, code, "");
                        next = Next::Ending;
                    }
                }
                if next == Next::GoOn && self.n_messages > 0 {
                    next = self.end_if_due(stream).await?;
                }
                if self.out.len() > FLUSH_AT {
                    self.flush(stream).await?;
                }
            }
            self.flush(stream).await?;
            match next {
                Next::GoOn => {}
                Next::Closed => return Ok(()),
                Next::Ending => return wind_up(stream).await,
            }
            if self.inbox.fill(stream).await? == 0 {
                return Ok(());
            }
        }
    }

    async fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        if self.session.wishes.wait_ns > 0 {
            rt::sleep(Duration::from_nanos(self.session.wishes.wait_ns)).await;
        }
        let written = stream.write_all(&self.out).await;
        if self.out.capacity() > 4 * FLUSH_AT {
            self.out = Vec::new();
        }
        self.out.clear();
        written
    }

    /// What is sent before anything came.
    async fn greet(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let wishes = &self.session.wishes;
        if let Some(text) = &wishes.ping {
            frame::put(&mut self.out, opcode::PING, text.as_bytes());
        }
        for n in 0..wishes.send {
            frame::put(&mut self.out, opcode::TEXT, n.to_string().as_bytes());
            self.n_sent += 1;
            if self.out.len() > FLUSH_AT {
                self.flush(stream).await?;
            }
        }
        if let Some(size) = wishes.size {
            frame::put_head(&mut self.out, opcode::BINARY, frame::WHOLE, size as usize);
            self.n_sent += 1;
            let mut left = size as usize;
            while left > 0 {
                let n = left.min(FLUSH_AT);
                self.out.resize(self.out.len() + n, b'x');
                left -= n;
                self.flush(stream).await?;
            }
        }
        self.flush(stream).await
    }

    /// Ends the connection as was asked, if it is time.
    async fn end_if_due(&mut self, stream: &mut TcpStream) -> io::Result<Next> {
        let Some(end) = &self.session.wishes.end else { return Ok(Next::GoOn) };
        if self.n_messages < self.session.wishes.after {
            return Ok(Next::GoOn);
        }
        match end {
            End::Close(code, reason) => frame::put_close(&mut self.out, *code, reason),
            End::Garbage(garbage) => self.out.extend_from_slice(&garbage.bytes()),
            End::Drop => return Ok(Next::Closed),
            End::Reset => {
                self.flush(stream).await?;
                stream.set_reset_on_close()?;
                return Ok(Next::Closed);
            }
        }
        Ok(Next::Ending)
    }

    /// Takes one frame off the inbox; `None` if there is no whole one.
    fn frame(&mut self) -> Result<Option<Next>, Violation> {
        let bytes = &self.inbox.buf[self.inbox.start..];
        let Some(head) = Head::parse(bytes, MAX_MESSAGE)? else { return Ok(None) };
        let start = self.inbox.start + head.start;
        let end = start + head.len;
        if self.inbox.buf.len() < end {
            return Ok(None);
        }
        self.inbox.start = end;
        if head.is_compressed && (self.deflate.is_none() || head.opcode == opcode::CONTINUATION) {
            return Err(PROTOCOL);
        }
        let mut buf = std::mem::take(&mut self.inbox.buf);
        let payload = &mut buf[start..end];
        head.unmask(payload);
        let next = self.take(head, payload);
        self.inbox.buf = buf;
        next.map(Some)
    }

    fn take(&mut self, head: Head, payload: &[u8]) -> Result<Next, Violation> {
        match head.opcode {
            opcode::PING => frame::put(&mut self.out, opcode::PONG, payload),
            opcode::PONG => {}
            opcode::CLOSE => {
                if payload.len() == 1 {
                    return Err(PROTOCOL);
                }
                frame::put(&mut self.out, opcode::CLOSE, &payload[..payload.len().min(2)]);
                return Ok(Next::Closed);
            }
            opcode::CONTINUATION => {
                let Some((opcode, is_compressed)) = self.under_way else { return Err(PROTOCOL) };
                if self.message.len() + payload.len() > MAX_MESSAGE {
                    return Err(TOO_BIG);
                }
                self.message.extend_from_slice(payload);
                if head.is_final {
                    self.under_way = None;
                    let message = std::mem::take(&mut self.message);
                    self.echo(opcode, is_compressed, &message)?;
                }
            }
            _ if self.under_way.is_some() => return Err(PROTOCOL),
            opcode if head.is_final => self.echo(opcode, head.is_compressed, payload)?,
            opcode => {
                self.under_way = Some((opcode, head.is_compressed));
                self.message.extend_from_slice(payload);
            }
        }
        Ok(Next::GoOn)
    }

    fn echo(&mut self, opcode: u8, is_compressed: bool, payload: &[u8]) -> Result<(), Violation> {
        self.n_messages += 1;
        self.n_sent += 1;
        let mut plain = Vec::new();
        let mut message = payload;
        if is_compressed && let Some(deflate) = &mut self.deflate {
            deflate.inflate(payload, &mut plain)?;
            message = &plain;
        }
        if opcode == opcode::TEXT && std::str::from_utf8(message).is_err() {
            return Err(NOT_TEXT);
        }
        let mut packed = Vec::new();
        if let Some(deflate) = &mut self.deflate {
            deflate.deflate(message, &mut packed);
            message = &packed;
        }
        let marks = Marks { is_final: true, is_compressed: self.deflate.is_some() };
        let n = self.session.wishes.fragments;
        if n == 1 {
            frame::put_head(&mut self.out, opcode, marks, message.len());
            self.out.extend_from_slice(message);
            return Ok(());
        }
        let each = message.len().div_ceil(n).max(1);
        for index in 0..n {
            let from = (index * each).min(message.len());
            let part = &message[from..(from + each).min(message.len())];
            let marks = Marks {
                is_final: index + 1 == n,
                is_compressed: marks.is_compressed && index == 0,
            };
            let opcode = if index == 0 { opcode } else { opcode::CONTINUATION };
            frame::put_head(&mut self.out, opcode, marks, part.len());
            self.out.extend_from_slice(part);
        }
        Ok(())
    }
}

/// Waits a moment for the client to close, reading what it still sends: closing with unread input would reset the
/// connection before the client has read what ended it.
async fn wind_up(stream: &mut TcpStream) -> io::Result<()> {
    let drain = async {
        let mut sink = [0_u8; 4096];
        while stream.read(&mut sink).await? > 0 {}
        Ok(())
    };
    rt::timeout(CLOSING, drain).await.unwrap_or(Ok(()))
}

/// Compression without memory of earlier messages.
struct Deflate {
    inflate: Decompress,
    deflate: Compress,
}

impl Deflate {
    fn new() -> Box<Deflate> {
        Box::new(Deflate {
            inflate: Decompress::new(false),
            deflate: Compress::new(Compression::fast(), false),
        })
    }

    fn inflate(&mut self, packed: &[u8], out: &mut Vec<u8>) -> Result<(), Violation> {
        self.inflate.reset(false);
        for part in [packed, &TAIL] {
            let mut rest = part;
            loop {
                if out.len() > MAX_MESSAGE {
                    return Err(TOO_BIG);
                }
                out.reserve(rest.len().clamp(256, READ) * 4);
                let before = self.inflate.total_in();
                let room = out.capacity() - out.len();
                let status = self.inflate.decompress_vec(rest, out, FlushDecompress::Sync);
                let used = (self.inflate.total_in() - before) as usize;
                rest = &rest[used..];
                match status {
                    Ok(Status::StreamEnd) => return Ok(()),
                    Ok(_) if rest.is_empty() && out.capacity() > out.len() => break,
                    Ok(_) if used == 0 && out.capacity() - out.len() == room => {
                        return Err(NOT_TEXT);
                    }
                    Ok(_) => {}
                    Err(_) => return Err(NOT_TEXT),
                }
            }
        }
        Ok(())
    }

    fn deflate(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        self.deflate.reset();
        let mut rest = plain;
        loop {
            out.reserve(rest.len() / 2 + 64);
            let before = self.deflate.total_in();
            // Compressing what is in memory has no way to fail.
            let _ = self.deflate.compress_vec(rest, out, FlushCompress::Sync);
            rest = &rest[(self.deflate.total_in() - before) as usize..];
            if rest.is_empty() && out.capacity() > out.len() {
                break;
            }
        }
        if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_messages_round_trip_without_their_tail() {
        let mut deflate = Deflate::new();
        for len in [0, 1, 5, 1000, 100_000] {
            let text = "the same again, ".repeat(len);
            for _ in 0..2 {
                let (mut packed, mut plain) = (Vec::new(), Vec::new());
                deflate.deflate(text.as_bytes(), &mut packed);
                assert!(!packed.ends_with(&TAIL));
                deflate.inflate(&packed, &mut plain).unwrap();
                assert_eq!(plain, text.as_bytes());
            }
        }
        assert_eq!(deflate.inflate(b"\xff\xff\xff", &mut Vec::new()), Err(NOT_TEXT));
    }
}
