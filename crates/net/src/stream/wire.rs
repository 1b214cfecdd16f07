//! A counted socket, and TLS over it or not: what every protocol here reads from and writes to. TLS may lie within TLS,
//! where a proxy is spoken to over TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rt::Nanos;
use rt::net::TcpStream;
use tokio::io::{AsyncRead, ReadBuf};

use crate::error::{Direction, NetError};
use crate::tls::TlsStream;

/// Who counts the bytes that cross a socket.
pub(crate) trait Meter {
    fn count_sent(&self, bytes: usize);
    fn count_received(&self, bytes: usize);
}

/// A TCP socket that counts, and knows whom it leads to when it has broken.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    peer: SocketAddr,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, peer: SocketAddr) -> Socket {
        Socket { tcp, peer }
    }

    pub(crate) fn stop_stamping(&mut self) {
        self.tcp.stop_stamping();
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        meter: &impl Meter,
    ) -> Poll<io::Result<usize>> {
        let result = ready!(self.tcp.poll_read(cx, buf));
        if let Ok(n) = result {
            meter.count_received(n);
        }
        Poll::Ready(result)
    }

    /// Like `poll_read`, into memory that need not be initialised.
    pub(crate) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        meter: &impl Meter,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(AsyncRead::poll_read(Pin::new(&mut self.tcp), cx, buf));
        meter.count_received(buf.filled().len() - before);
        Poll::Ready(result)
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        meter: &impl Meter,
    ) -> Poll<io::Result<usize>> {
        let result = ready!(self.tcp.poll_write(cx, buf));
        if let Ok(n) = result {
            meter.count_sent(n);
        }
        Poll::Ready(result)
    }

    /// The error with the addresses of both ends in its longer text, as Go's has them.
    #[cold]
    pub(crate) fn error(&self, error: &io::Error, during: Direction) -> NetError {
        let net = NetError::io(error, during);
        let verb = match during {
            Direction::Read => "read",
            Direction::Write => "write",
        };
        match self.tcp.local_addr() {
            Ok(local) => {
                let detail = format!("{verb} tcp {local}->{}: {}", self.peer, net.message);
                net.with_detail(detail)
            }
            Err(_) => net,
        }
    }

    pub(crate) fn last_recv(&self) -> Nanos {
        self.tcp.last_recv()
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.tcp.is_stale()
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    pub(crate) fn shutdown(&self) -> io::Result<()> {
        self.tcp.shutdown()
    }
}

/// The bytes' way: with TLS or without.
#[derive(Debug)]
pub(crate) enum Io {
    Plain(Socket),
    Tls(Box<TlsStream>),
}

impl Io {
    pub(crate) fn socket(&mut self) -> &mut Socket {
        match self {
            Io::Plain(socket) => socket,
            Io::Tls(tls) => tls.below().socket(),
        }
    }

    /// Whether the peer has closed, or sent something unasked.
    pub(crate) fn is_stale(&mut self) -> bool {
        match self {
            Io::Plain(socket) => socket.is_stale(),
            Io::Tls(tls) => tls.has_plaintext() || tls.below().is_stale(),
        }
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        meter: &impl Meter,
    ) -> Poll<Result<usize, NetError>> {
        match self {
            Io::Plain(socket) => match ready!(socket.poll_read(cx, buf, meter)) {
                Ok(n) => Poll::Ready(Ok(n)),
                Err(error) => Poll::Ready(Err(socket.error(&error, Direction::Read))),
            },
            Io::Tls(tls) => tls.poll_read(cx, buf, meter),
        }
    }

    /// Like `poll_read`, into memory that need not be initialised.
    pub(crate) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        meter: &impl Meter,
    ) -> Poll<Result<(), NetError>> {
        match self {
            Io::Plain(socket) => match ready!(socket.poll_read_buf(cx, buf, meter)) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(error) => Poll::Ready(Err(socket.error(&error, Direction::Read))),
            },
            Io::Tls(tls) => tls.poll_read_buf(cx, buf, meter),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        meter: &impl Meter,
    ) -> Poll<Result<usize, NetError>> {
        match self {
            Io::Plain(socket) => match ready!(socket.poll_write(cx, buf, meter)) {
                Ok(n) => Poll::Ready(Ok(n)),
                Err(error) => Poll::Ready(Err(socket.error(&error, Direction::Write))),
            },
            Io::Tls(tls) => tls.poll_write(cx, buf, meter),
        }
    }

    pub(crate) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        meter: &impl Meter,
    ) -> Poll<Result<(), NetError>> {
        match self {
            Io::Plain(_) => Poll::Ready(Ok(())),
            Io::Tls(tls) => tls.poll_flush(cx, meter),
        }
    }
}
