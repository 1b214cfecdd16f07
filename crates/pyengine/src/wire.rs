//! The bytes' way, with TLS or without.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use net::stream::{Probe, Security, Stream, Traffic};
use net::tls::TlsConfig;
use rt::Nanos;
use rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::outcome::Failure;
use crate::target::Origin;

// Linux's numbers; where others differ, Python's exceptions name the same thing by another number.
const EIO: i32 = 5;
pub(crate) const EPIPE: i32 = 32;
pub(crate) const ECONNRESET: i32 = 104;

/// A connection's socket.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<Stream>, Rc<Probe>),
}

impl Wire {
    /// Connects to the first of `addresses` that answers. `limit` holds for each of them, and for TLS.
    pub(crate) async fn connect(
        origin: &Origin,
        addresses: &[SocketAddr],
        tls: &TlsConfig,
        limit: Option<Duration>,
    ) -> Result<(Wire, SocketAddr), Failure> {
        let mut failed = Failure::Other("the name has no address".to_owned());
        for address in addresses {
            let connecting = TcpStream::connect(*address, None);
            let connected = match limit {
                Some(limit) => rt::timeout(limit, connecting).await,
                None => Ok(connecting.await),
            };
            match connected {
                Ok(Ok(tcp)) => {
                    let wire = if origin.secure {
                        secure(tcp, origin, tls, limit).await?
                    } else {
                        Wire::Plain(tcp)
                    };
                    return Ok((wire, *address));
                }
                Ok(Err(error)) => failed = Failure::Connect(errno(&error)),
                Err(_) => failed = Failure::ConnectTimeout,
            }
        }
        Err(failed)
    }

    /// Reads what is there; 0 is the end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Wire::Plain(tcp) => tcp.poll_read(cx, buffer),
            Wire::Tls(stream, _) => {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Wire::Plain(tcp) => tcp.poll_write(cx, bytes),
            Wire::Tls(stream, _) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Wire::Plain(_) => Poll::Ready(Ok(())),
            Wire::Tls(stream, _) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// When the bytes read last arrived.
    pub(crate) fn last_recv(&self) -> Nanos {
        match self {
            Wire::Plain(tcp) => tcp.last_recv(),
            Wire::Tls(_, probe) => probe.last_recv(),
        }
    }

    /// Whether the peer has closed it meanwhile. Without TLS the kernel is asked.
    pub(crate) fn is_stale(&mut self) -> bool {
        match self {
            Wire::Plain(tcp) => tcp.is_stale_now(),
            Wire::Tls(stream, _) => stream.is_stale(),
        }
    }

    /// Whether the peer, which has ended the connection, answers what is written with a reset: it had ended before.
    pub(crate) fn refuses(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        matches!(self.poll_write(&mut cx, &[]), Poll::Ready(Err(_)))
    }
}

async fn secure(
    tcp: TcpStream,
    origin: &Origin,
    tls: &TlsConfig,
    limit: Option<Duration>,
) -> Result<Wire, Failure> {
    let traffic = Rc::new(Traffic::default());
    let security = Security { config: tls, server_name: None, alpn: &[b"http/1.1"] };
    let shaking = net::stream::secure(tcp, &origin.host, &security, &traffic);
    let shaken = match limit {
        Some(limit) => rt::timeout(limit, shaking).await.map_err(|_| Failure::ConnectTimeout)?,
        None => shaking.await,
    };
    let stream = shaken.map_err(|error| Failure::Tls(error.detail().to_owned()))?;
    let probe = stream.probe();
    Ok(Wire::Tls(Box::new(stream), probe))
}

/// The number of a system's error; of those that come through TLS only the kind is left.
pub(crate) fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_else(|| match error.kind() {
        io::ErrorKind::ConnectionReset => ECONNRESET,
        io::ErrorKind::BrokenPipe => EPIPE,
        _ => EIO,
    })
}
