//! A connection's socket as the HTTP/2 library wants it, with the moment of its last read and a way to reset it.

use rt::Nanos;
use rt::net::TcpStream;
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection's calls know of its socket, and tell it.
pub(crate) struct Link {
    pub(crate) last_recv: Cell<Nanos>,
    /// The next write resets the connection.
    pub(crate) is_to_be_reset: Cell<bool>,
}

/// The socket.
pub(crate) struct Socket {
    stream: TcpStream,
    link: Rc<Link>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, link: Rc<Link>) -> Socket {
        Socket { stream, link }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let n = ready!(this.stream.poll_read(cx, buf.initialize_unfilled()))?;
        buf.advance(n);
        this.link.last_recv.set(this.stream.last_recv());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.link.is_to_be_reset.get() {
            self.stream.set_reset_on_close()?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        self.stream.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown())
    }
}
