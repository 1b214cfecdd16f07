//! One connection, and one exchange on it: writing and reading side by side.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::request::{Body, BodyReader, Request};
use super::response::Response;
use super::trace::Trace;
use crate::error::NetError;
use crate::h1::{Decoder, KeepAlive, Limits, Recipient, encode_head};
use crate::proxy::Proxy;
use crate::stream::Io;
use crate::tls::TlsInfo;
use crate::url::{Scheme, Url};

/// Whom a connection leads to.
#[derive(Debug)]
pub(crate) struct Origin {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
}

impl Origin {
    pub(crate) fn of(url: &Url, port: u16) -> Origin {
        Origin { scheme: url.scheme(), host: url.host().into(), port }
    }

    pub(crate) fn serves(&self, url: &Url, port: u16) -> bool {
        self.port == port && self.scheme == url.scheme() && *self.host == *url.host()
    }

    pub(crate) fn is_same(&self, other: &Origin) -> bool {
        self.port == other.port && self.scheme == other.scheme && self.host == other.host
    }
}

/// An open connection to an origin.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) origin: Origin,
    pub(crate) remote: SocketAddr,
    pub(crate) tls: Option<Rc<TlsInfo>>,
    pub(crate) io: Io,
    /// It leads to this proxy, which is asked for whole URLs.
    pub(crate) forwards: Option<Box<Forwarding>>,
}

/// What a proxy that forwards requests is told with each.
#[derive(Debug)]
pub(crate) struct Forwarding {
    authorization: Option<String>,
}

impl Forwarding {
    pub(crate) fn through(proxy: &Proxy) -> Forwarding {
        Forwarding { authorization: proxy.authorization() }
    }
}

/// How an exchange on a connection failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: NetError,
    /// The connection was dead before a byte of the response came.
    pub(crate) dead: bool,
    /// Nothing of the request can have reached the peer.
    pub(crate) unsent: bool,
}

/// What becomes of the connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Keep,
    Close,
}

/// The bytes read at once, and about the most of a body that is copied in front of a write.
const SCRATCH_BYTES: usize = 64 << 10;

/// Buffers that are used within one poll and never across a wait: one set for all connections of
/// a core, so that idle connections cost nothing and the buffers stay in the cache.
struct Scratch {
    read: Box<[u8]>,
    write: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        read: vec![0; SCRATCH_BYTES].into_boxed_slice(),
        write: Vec::with_capacity(4 << 10),
    });
}

impl Connection {
    /// Whether the peer has closed it, or sent something unasked.
    pub(crate) fn is_stale(&mut self) -> bool {
        self.io.is_stale()
    }

    /// Sends the request and reads the response to its end.
    pub(crate) async fn exchange(
        &mut self,
        request: &Request,
        keep_alive: KeepAlive,
        limits: Limits,
        trace: &Trace<'_>,
        response: &mut Response,
    ) -> Result<After, Failure> {
        let recipient = match &self.forwards {
            None => Recipient::Origin,
            Some(proxy) => Recipient::Proxy { authorization: proxy.authorization.as_deref() },
        };
        let mut exchange = Running {
            io: &mut self.io,
            trace,
            response,
            decoder: Decoder::new(&request.method, request.sink, limits),
            upload: Upload::new(request),
            received_any: false,
            surplus: false,
        };
        poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| {
                if exchange.upload.stage == Stage::Start {
                    exchange.upload.begin(request, keep_alive, recipient, &mut scratch.write);
                }
                exchange.poll(cx, scratch)
            })
        })
        .await?;
        let keep = keep_alive == KeepAlive::Keep
            && !request.headers.closes()
            && exchange.decoder.keeps_alive()
            && !exchange.surplus
            && exchange.upload.stage == Stage::Done;
        Ok(if keep { After::Keep } else { After::Close })
    }
}

/// One exchange under way.
struct Running<'a> {
    io: &'a mut Io,
    trace: &'a Trace<'a>,
    response: &'a mut Response,
    decoder: Decoder,
    upload: Upload<'a>,
    received_any: bool,
    /// Bytes came after the end of the response.
    surplus: bool,
}

impl Running<'_> {
    fn poll(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Result<(), Failure>> {
        if !self.upload.is_over() {
            // A full pipe must not keep us from reading: the server may answer before it has
            // read everything, and stop reading because we do not.
            self.poll_upload(cx, &mut scratch.write)?;
        }
        loop {
            let n = match ready!(self.io.poll_read(cx, &mut scratch.read, self.trace)) {
                Ok(n) => n,
                Err(error) => return Poll::Ready(Err(self.failed(error))),
            };
            if n == 0 {
                return Poll::Ready(self.ended());
            }
            self.trace.response_bytes(self.io.socket().last_recv());
            self.received_any = true;
            let taken = match self.decoder.feed(&scratch.read[..n], self.response) {
                Ok(taken) => taken,
                Err(error) => return Poll::Ready(Err(self.failed(error))),
            };
            if self.decoder.is_done() {
                self.surplus = taken < n;
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>, scratch: &mut Vec<u8>) -> Result<(), Failure> {
        match self.upload.poll(cx, self.io, self.trace, scratch) {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) => {
                self.trace.request_written();
                Ok(())
            }
            Poll::Ready(Err(UploadError::Source(error))) => {
                Err(Failure { error, dead: false, unsent: false })
            }
            Poll::Ready(Err(UploadError::Wire(error))) => {
                // The peer may have answered before it closed: read on, and blame the write only
                // if nothing comes.
                self.upload.stage = Stage::Broken(error);
                Ok(())
            }
        }
    }

    /// The stream ended before the response did, or with it.
    fn ended(&mut self) -> Result<(), Failure> {
        self.decoder.finish(self.response).map_err(|error| self.failed(error))
    }

    #[cold]
    fn failed(&mut self, error: NetError) -> Failure {
        let dead = !self.received_any;
        let unsent = dead && self.upload.written == 0;
        let error = match std::mem::replace(&mut self.upload.stage, Stage::Done) {
            Stage::Broken(write_error) if dead => write_error,
            _ if self.decoder.has_head() => error.in_body(),
            _ => error,
        };
        Failure { error, dead, unsent }
    }
}

#[derive(Debug, PartialEq)]
enum Stage {
    Start,
    /// `pending` goes out, then the rest of the body.
    Writing,
    Flushing,
    Done,
    Broken(NetError),
}

enum UploadError {
    /// The body's source failed.
    Source(NetError),
    /// The connection failed.
    Wire(NetError),
}

/// The request on its way out.
struct Upload<'a> {
    stage: Stage,
    /// Encoded bytes that did not fit into the socket at once.
    pending: Vec<u8>,
    pending_at: usize,
    /// The part of an in-memory body that is still to come.
    body: &'a [u8],
    source: Option<Source>,
    /// Bytes the connection has taken.
    written: u64,
}

/// A body that is made on the way.
struct Source {
    reader: Box<dyn BodyReader>,
    /// Bytes still to come if the length was announced; else the body goes out in chunks.
    left: Option<u64>,
    more: bool,
    made: Vec<u8>,
}

impl<'a> Upload<'a> {
    fn new(request: &'a Request) -> Upload<'a> {
        Upload {
            stage: Stage::Start,
            pending: Vec::new(),
            pending_at: 0,
            body: request.body.as_bytes().unwrap_or_default(),
            source: None,
            written: 0,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Broken(_))
    }

    /// Encodes the head, and a body that is small with it: one write, one packet.
    fn begin(
        &mut self,
        request: &Request,
        keep_alive: KeepAlive,
        recipient: Recipient<'_>,
        scratch: &mut Vec<u8>,
    ) {
        scratch.clear();
        encode_head(request, keep_alive, recipient, scratch);
        let with_head = self.body.len().min(SCRATCH_BYTES);
        scratch.extend_from_slice(&self.body[..with_head]);
        self.body = &self.body[with_head..];
        if let Body::Stream(source) = &request.body {
            self.source = Some(Source {
                reader: source.open(),
                left: source.length(),
                more: true,
                made: Vec::new(),
            });
        }
        self.stage = Stage::Writing;
        self.pending_at = usize::MAX; // the bytes are still in the scratch buffer
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
        trace: &Trace<'_>,
        scratch: &mut Vec<u8>,
    ) -> Poll<Result<(), UploadError>> {
        if self.pending_at == usize::MAX {
            self.pending_at = 0;
            let sent = self.write_first(cx, io, trace, scratch)?;
            if sent < scratch.len() {
                self.pending.extend_from_slice(&scratch[sent..]);
                scratch.shrink_to(2 * SCRATCH_BYTES);
            }
        }
        loop {
            if self.stage == Stage::Flushing {
                ready!(io.poll_flush(cx, trace)).map_err(UploadError::Wire)?;
                self.stage = Stage::Done;
                return Poll::Ready(Ok(()));
            }
            let next = if self.pending_at < self.pending.len() {
                &self.pending[self.pending_at..]
            } else if !self.body.is_empty() {
                self.body
            } else if ready!(self.poll_refill(cx)).map_err(UploadError::Source)? {
                continue;
            } else {
                self.stage = Stage::Flushing;
                continue;
            };
            let n = ready!(io.poll_write(cx, next, trace)).map_err(UploadError::Wire)?;
            self.written += n as u64;
            if self.pending_at < self.pending.len() {
                self.pending_at += n;
            } else {
                self.body = &self.body[n..];
            }
        }
    }

    /// Writes from the scratch buffer as much as goes without waiting.
    fn write_first(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
        trace: &Trace<'_>,
        bytes: &[u8],
    ) -> Result<usize, UploadError> {
        let mut sent = 0;
        while sent < bytes.len() {
            match io.poll_write(cx, &bytes[sent..], trace) {
                Poll::Ready(Ok(n)) => sent += n,
                Poll::Ready(Err(error)) => return Err(UploadError::Wire(error)),
                Poll::Pending => break,
            }
        }
        self.written += sent as u64;
        Ok(sent)
    }

    /// Gets more of a body that is made on the way into `pending`; `false` if there is no more.
    fn poll_refill(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, NetError>> {
        let Some(source) = &mut self.source else { return Poll::Ready(Ok(false)) };
        if !source.more {
            return Poll::Ready(Ok(false));
        }
        self.pending.clear();
        self.pending_at = 0;
        source.made.clear();
        match ready!(source.reader.poll_next(cx, &mut source.made)) {
            Ok(more) => source.more = more,
            Err(error) => {
                return Poll::Ready(Err(NetError::new(
                    crate::error::code::GENERIC,
                    format!("request body: {error}"),
                )));
            }
        }
        Poll::Ready(source.frame(&mut self.pending).map(|()| true))
    }
}

impl Source {
    /// Puts what was made into `out` with the framing it needs.
    fn frame(&mut self, out: &mut Vec<u8>) -> Result<(), NetError> {
        let made = self.made.len() as u64;
        match &mut self.left {
            Some(left) => {
                let fits = made <= *left && (self.more || made == *left);
                if !fits {
                    let (wanted, got) = (*left, made);
                    return Err(NetError::new(
                        crate::error::code::GENERIC,
                        format!(
                            "http: ContentLength does not match the body: {wanted} bytes left, got {got}"
                        ),
                    ));
                }
                *left -= made;
                out.append(&mut self.made);
            }
            None => {
                if made > 0 {
                    out.extend_from_slice(format!("{made:x}\r\n").as_bytes());
                    out.append(&mut self.made);
                    out.extend_from_slice(b"\r\n");
                }
                if !self.more {
                    out.extend_from_slice(b"0\r\n\r\n");
                }
            }
        }
        Ok(())
    }
}
