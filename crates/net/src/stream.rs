//! Byte streams to servers, plain or TLS, for protocols that are written against `tokio`'s traits
//! (HTTP/2, gRPC, WebSocket): [`connect`] makes one, [`Probe`] tells of it after it has been handed
//! on. HTTP/1.1 uses the same pieces without the traits, to time each exchange by itself.

mod dial;
mod tunnel;
mod wire;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rt::Nanos;
use rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use dial::Via;
pub(crate) use dial::{Dialed, Phases, Route, dial};
pub(crate) use wire::{Io, Meter, Socket};

use crate::dns::Resolver;
use crate::error::{Direction, NetError, code};
use crate::tls::{TlsConfig, TlsInfo};

/// Bytes that crossed sockets, counted below TLS, handshakes included. One of these may be shared
/// by all streams and clients of a virtual user.
#[derive(Debug, Default)]
pub struct Traffic {
    sent: Cell<u64>,
    received: Cell<u64>,
}

impl Traffic {
    /// Bytes written so far.
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Bytes read so far.
    pub fn received(&self) -> u64 {
        self.received.get()
    }
}

impl Meter for Traffic {
    fn count_sent(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
    }

    fn count_received(&self, bytes: usize) {
        self.received.set(self.received.get() + bytes as u64);
    }
}

/// Where a stream leads, and how it gets there.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// A name or an address without brackets.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Names to addresses, by the rules of `hosts`, `blacklistIPs` and so on.
    pub resolver: &'a Resolver,
    /// The address it starts at, if that matters; one of the other family is ignored.
    pub local: Option<IpAddr>,
    /// With TLS, if it is to be protected.
    pub security: Option<Security<'a>>,
}

/// The TLS of a stream.
#[derive(Clone, Debug)]
pub struct Security<'a> {
    /// Settings.
    pub config: &'a TlsConfig,
    /// The name the certificate must have, if it is not the host's.
    pub server_name: Option<&'a str>,
    /// Protocols to offer (ALPN), the best first: `h2`, `http/1.1`. Empty offers none.
    pub alpn: &'a [&'a [u8]],
}

/// How long the phases of connecting took. One that did not happen is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseTimes {
    /// Name to address.
    pub looking_up: Duration,
    /// TCP.
    pub connecting: Duration,
    /// TLS's handshake.
    pub tls_handshaking: Duration,
}

/// What can be known of a stream after it has been handed on. Shared with the stream.
#[derive(Debug, Default)]
pub struct Probe {
    last_recv: Cell<Nanos>,
    write_blocked: Cell<bool>,
    failure: RefCell<Option<NetError>>,
}

impl Probe {
    /// When the bytes read last arrived: the kernel's stamp, where the platform has one, else the
    /// time of the read. Zero before the first read after the handshake.
    pub fn last_recv(&self) -> Nanos {
        self.last_recv.get()
    }

    /// Whether what was written last still waits for the peer to read.
    pub fn is_write_blocked(&self) -> bool {
        self.write_blocked.get()
    }

    /// What the stream failed with, in k6's codes and words: protocol crates keep no more than the
    /// kind of an [`io::Error`].
    pub fn failure(&self) -> Option<NetError> {
        self.failure.borrow().clone()
    }
}

/// A connected stream. Reads and writes fail with an [`io::Error`] whose inner error is a
/// [`NetError`]; the end of a TLS stream that was not announced is an end like any other, as in Go.
#[derive(Debug)]
pub struct Stream {
    io: Io,
    remote: SocketAddr,
    tls: Option<Rc<TlsInfo>>,
    times: PhaseTimes,
    traffic: Rc<Traffic>,
    probe: Rc<Probe>,
}

/// Connects to the target, TLS included. Bytes are counted into `traffic`, also those of an attempt
/// that fails. Dropping the future gives the attempt up; the only limit it has by itself is 30 s for
/// TCP, as k6's dialer.
///
/// # Errors
/// In k6's codes and words: blocked or unknown names, refused, timed out, TLS's.
pub async fn connect(target: &Target<'_>, traffic: &Rc<Traffic>) -> Result<Stream, NetError> {
    connect_through(target, None, traffic).await
}

/// Connects to the target through a tunnel that the proxy makes, if there is one.
///
/// # Errors
/// As [`connect`], and what the proxy says against it.
pub async fn connect_through(
    target: &Target<'_>,
    proxy: Option<Via<'_>>,
    traffic: &Rc<Traffic>,
) -> Result<Stream, NetError> {
    let opening = Opening::new(traffic);
    let route = proxy.map_or(Route::Direct, Route::Tunnel);
    let dialed = dial(target, route, &opening).await?;
    Ok(Stream::new(dialed, opening.times.get(), traffic.clone()))
}

/// Shakes hands over a socket that stands already, for those who connect by rules of their own. Dropping the future gives
/// the attempt up; there is no limit of time.
///
/// # Errors
/// In k6's codes and words: TLS's, and the socket's.
pub async fn secure(
    tcp: TcpStream,
    host: &str,
    security: &Security<'_>,
    traffic: &Rc<Traffic>,
) -> Result<Stream, NetError> {
    let peer = tcp.peer_addr().map_err(|error| NetError::io(&error, Direction::Read))?;
    let opening = Opening::new(traffic);
    opening.tls_started();
    let name = security.server_name.unwrap_or(host);
    let socket = Io::Plain(Socket::new(tcp, peer));
    let (tls, info) = security.config.connect(socket, name, security.alpn, &opening).await?;
    opening.tls_finished();
    let dialed = Dialed { io: Io::Tls(tls), remote: peer, tls: Some(info) };
    Ok(Stream::new(dialed, opening.times.get(), traffic.clone()))
}

impl Stream {
    pub(crate) fn new(dialed: Dialed, times: PhaseTimes, traffic: Rc<Traffic>) -> Stream {
        let Dialed { io, remote, tls } = dialed;
        Stream { io, remote, tls, times, traffic, probe: Rc::default() }
    }

    /// Whom it leads to.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    /// Where it starts.
    ///
    /// # Errors
    /// The system's error (not connected any more).
    pub fn local_addr(&mut self) -> io::Result<SocketAddr> {
        self.io.socket().local_addr()
    }

    /// What TLS agreed on, the protocol (ALPN) included.
    pub fn tls(&self) -> Option<&Rc<TlsInfo>> {
        self.tls.as_ref()
    }

    /// The protocol that was agreed on (ALPN), such as `h2`.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.tls.as_ref()?.alpn.as_deref()
    }

    /// How long connecting took.
    pub fn times(&self) -> PhaseTimes {
        self.times
    }

    /// A view of the stream that stays when it is handed on.
    pub fn probe(&self) -> Rc<Probe> {
        self.probe.clone()
    }

    /// From now on the moments when bytes came are those of the reads: the kernel's cost a little each.
    pub(crate) fn stop_stamping(&mut self) {
        self.io.socket().stop_stamping();
    }

    /// Whether the peer has closed, or sent something, since the last read. Costs a system call only
    /// if something happened to the socket.
    pub fn is_stale(&mut self) -> bool {
        self.io.is_stale()
    }

    #[cold]
    fn fail(&self, error: NetError) -> io::Error {
        let kind = match error.code {
            code::RESET => io::ErrorKind::ConnectionReset,
            code::BROKEN_PIPE => io::ErrorKind::BrokenPipe,
            _ => io::ErrorKind::Other,
        };
        *self.probe.failure.borrow_mut() = Some(error.clone());
        io::Error::new(kind, error)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match ready!(this.io.poll_read_buf(cx, buf, &*this.traffic)) {
            Ok(()) => {
                this.probe.last_recv.set(this.io.socket().last_recv());
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(this.fail(error))),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = this.io.poll_write(cx, buf, &*this.traffic);
        this.probe.write_blocked.set(result.is_pending());
        Poll::Ready(ready!(result).map_err(|error| this.fail(error)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = match &mut this.io {
            Io::Tls(tls) => tls.poll_write_vectored(cx, bufs, &*this.traffic),
            plain @ Io::Plain(_) => {
                let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
                plain.poll_write(cx, first, &*this.traffic)
            }
        };
        this.probe.write_blocked.set(result.is_pending());
        Poll::Ready(ready!(result).map_err(|error| this.fail(error)))
    }

    /// With TLS, several buffers go out as one record and one system call.
    fn is_write_vectored(&self) -> bool {
        matches!(self.io, Io::Tls(_))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = this.io.poll_flush(cx, &*this.traffic);
        this.probe.write_blocked.set(result.is_pending());
        Poll::Ready(ready!(result).map_err(|error| this.fail(error)))
    }

    /// Announces the end, to TLS's peer as well, and writes nothing more.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Io::Tls(tls) = &mut this.io {
            tls.announce_end();
        }
        if let Err(error) = ready!(this.io.poll_flush(cx, &*this.traffic)) {
            return Poll::Ready(Err(this.fail(error)));
        }
        let result = this.io.socket().shutdown();
        Poll::Ready(result.map_err(|error| {
            let error = this.io.socket().error(&error, Direction::Write);
            this.fail(error)
        }))
    }
}

/// Connecting, with its moments.
struct Opening<'a> {
    traffic: &'a Traffic,
    since: Cell<Nanos>,
    times: Cell<PhaseTimes>,
}

impl Opening<'_> {
    fn new(traffic: &Traffic) -> Opening<'_> {
        Opening { traffic, since: Cell::new(rt::now()), times: Cell::default() }
    }

    /// Puts the time since the last moment into the phase that ends now.
    fn ended(&self, phase: impl FnOnce(&mut PhaseTimes) -> &mut Duration) {
        let now = rt::now();
        let mut times = self.times.get();
        *phase(&mut times) = now.since(self.since.replace(now));
        self.times.set(times);
    }
}

impl Meter for Opening<'_> {
    fn count_sent(&self, bytes: usize) {
        self.traffic.count_sent(bytes);
    }

    fn count_received(&self, bytes: usize) {
        self.traffic.count_received(bytes);
    }
}

impl Phases for Opening<'_> {
    fn looked_up(&self) {
        self.ended(|times| &mut times.looking_up);
    }

    fn connect_started(&self) {
        self.since.set(rt::now());
    }

    fn connected(&self) {
        self.ended(|times| &mut times.connecting);
    }

    fn tls_started(&self) {
        self.since.set(rt::now());
    }

    fn tls_finished(&self) {
        self.ended(|times| &mut times.tls_handshaking);
    }
}
