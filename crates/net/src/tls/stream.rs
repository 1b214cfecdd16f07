//! A TLS session on a socket, or on the session with a proxy.

use std::future::poll_fn;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ProtocolVersion};
use tokio::io::ReadBuf;

use super::TlsInfo;
use super::error::{explain, not_tls};
use super::settings::{TlsConfig, go_name};
use super::verify;
use crate::error::{Direction, NetError, code};
use crate::stream::{Io, Meter};

/// A protected stream.
#[derive(Debug)]
pub(crate) struct TlsStream {
    below: Io,
    session: ClientConnection,
    /// The name the certificate must have.
    host: Box<str>,
    stapled: Option<Box<[u8]>>,
}

impl TlsConfig {
    /// Shakes hands with `host` over `below`, offering the protocols of `alpn`.
    ///
    /// # Errors
    /// With k6's codes: not TLS, not trusted, wrong name, refused by the peer, or the socket's.
    pub(crate) async fn connect(
        &self,
        below: Io,
        host: &str,
        alpn: &[&[u8]],
        meter: &impl Meter,
    ) -> Result<(Box<TlsStream>, Rc<TlsInfo>), NetError> {
        self.verifier.prepare().await;
        let name = host.strip_suffix('.').unwrap_or(host);
        let server_name = ServerName::try_from(name.to_owned())
            .map_err(|_| NetError::new(code::TLS, format!("tls: invalid server name {name:?}")))?;
        let alpn = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let session = ClientConnection::new_with_alpn(self.client.clone(), server_name, alpn)
            .map_err(|error| explain(&error, name))?;
        let mut stream = Box::new(TlsStream { below, session, host: name.into(), stapled: None });
        poll_fn(|cx| stream.poll_handshake(cx, meter)).await?;
        let info = stream.info();
        Ok((stream, Rc::new(info)))
    }
}

impl TlsStream {
    /// What the session's records go over.
    pub(crate) fn below(&mut self) -> &mut Io {
        &mut self.below
    }

    /// What kept records from being read or written.
    #[cold]
    fn failed(&mut self, error: &io::Error, during: Direction) -> NetError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<NetError>()) {
            Some(known) => known.clone(),
            None => self.below.socket().error(error, during),
        }
    }

    /// Whether bytes of the peer wait to be read, or the session is broken.
    pub(crate) fn has_plaintext(&mut self) -> bool {
        match self.session.process_new_packets() {
            Ok(state) => state.plaintext_bytes_to_read() > 0 || state.peer_has_closed(),
            Err(_) => true,
        }
    }

    fn info(&mut self) -> TlsInfo {
        TlsInfo {
            version: match self.session.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "tls1.2",
                _ => "tls1.3",
            },
            cipher_suite: self
                .session
                .negotiated_cipher_suite()
                .map(|suite| go_name(&suite))
                .unwrap_or_default(),
            alpn: self.session.alpn_protocol().map(Box::from),
            ocsp: self.stapled.take(),
        }
    }

    fn poll_handshake(
        &mut self,
        cx: &mut Context<'_>,
        meter: &impl Meter,
    ) -> Poll<Result<(), NetError>> {
        loop {
            ready!(self.poll_flush(cx, meter))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_receive(cx, meter))? == 0 {
                return Poll::Ready(Err(NetError::new(code::GENERIC, "EOF")));
            }
        }
    }

    /// Takes bytes from the socket into the session; 0 is the end of the stream.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        meter: &impl Meter,
    ) -> Poll<Result<usize, NetError>> {
        let mut reader = Wire { below: &mut self.below, cx, meter };
        let read = self.session.read_tls(&mut reader);
        let n = match read {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => {
                return Poll::Ready(Err(self.failed(&error, Direction::Read)));
            }
        };
        let was_handshaking = self.session.is_handshaking();
        let processed = self.session.process_new_packets();
        if was_handshaking && let Some(stapled) = verify::take_stapled() {
            self.stapled = Some(stapled);
        }
        if let Err(error) = processed {
            // Tell the peer why, if that goes without waiting.
            let _ = self.poll_flush(cx, meter);
            let first_flight = self.session.is_handshaking()
                && self.session.protocol_version().is_none()
                && matches!(error, rustls::Error::InvalidMessage(_));
            let error = if first_flight { not_tls() } else { explain(&error, &self.host) };
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(n))
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        meter: &impl Meter,
    ) -> Poll<Result<usize, NetError>> {
        loop {
            let read = self.session.reader().read(buf);
            match read {
                Ok(n) => return Poll::Ready(Ok(n)),
                // Servers that end without saying so are common, and Go lets them.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(0));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    return Poll::Ready(Err(self.failed(&error, Direction::Read)));
                }
            }
            ready!(self.poll_receive(cx, meter))?;
            if self.session.wants_write() {
                // Answers to the peer's key updates; they can wait for the next write.
                let _ = self.poll_flush(cx, meter)?;
            }
        }
    }

    /// Like `poll_read`, into memory that need not be initialised.
    pub(crate) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        meter: &impl Meter,
    ) -> Poll<Result<(), NetError>> {
        loop {
            let mut reader = self.session.reader();
            match reader.fill_buf() {
                Ok(plain) => {
                    let n = plain.len().min(buf.remaining());
                    buf.put_slice(&plain[..n]);
                    reader.consume(n);
                    return Poll::Ready(Ok(()));
                }
                // As in `poll_read`.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    return Poll::Ready(Err(self.failed(&error, Direction::Read)));
                }
            }
            ready!(self.poll_receive(cx, meter))?;
            if self.session.wants_write() {
                let _ = self.poll_flush(cx, meter)?;
            }
        }
    }

    /// The peer will be told that nothing more comes; goes out with the next flush.
    pub(crate) fn announce_end(&mut self) {
        self.session.send_close_notify();
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
        meter: &impl Meter,
    ) -> Poll<Result<usize, NetError>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)], meter)
    }

    /// Writes some of `bufs`, together where they fit.
    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
        meter: &impl Meter,
    ) -> Poll<Result<usize, NetError>> {
        loop {
            let written = self.session.writer().write_vectored(bufs);
            let n = match written {
                Ok(n) => n,
                Err(error) => {
                    return Poll::Ready(Err(self.failed(&error, Direction::Write)));
                }
            };
            let flushed = self.poll_flush(cx, meter)?;
            if n > 0 {
                return Poll::Ready(Ok(n));
            }
            ready!(flushed);
        }
    }

    pub(crate) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        meter: &impl Meter,
    ) -> Poll<Result<(), NetError>> {
        while self.session.wants_write() {
            let mut writer = Wire { below: &mut self.below, cx, meter };
            let written = self.session.write_tls(&mut writer);
            match written {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => {
                    return Poll::Ready(Err(self.failed(&error, Direction::Write)));
                }
            }
        }
        // A session below may hold records back.
        self.below.poll_flush(cx, meter)
    }
}

/// What is below as `rustls` wants to see it: what would wait is `WouldBlock`, and the task is woken.
struct Wire<'a, 'cx, M> {
    below: &'a mut Io,
    cx: &'a mut Context<'cx>,
    meter: &'a M,
}

impl<M: Meter> Read for Wire<'_, '_, M> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.below.poll_read(self.cx, buf, self.meter) {
            Poll::Ready(result) => result.map_err(io::Error::other),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<M: Meter> Write for Wire<'_, '_, M> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.below.poll_write(self.cx, buf, self.meter) {
            Poll::Ready(result) => result.map_err(io::Error::other),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
