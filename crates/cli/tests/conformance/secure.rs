//! A server that speaks HTTP/2 over TLS, for scripts whose head says `secure`: the demo target has neither. It says in
//! its answers what it was asked, so that the log shows what a client sent.

use std::fmt::Write as _;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response, StatusCode};
use rt::net::{TcpListener, TcpStream};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ocsp;

static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();

/// Where it listens. It is started by the first who asks and serves all cases: it keeps nothing of them.
pub(crate) fn address() -> SocketAddr {
    *ADDRESS.get_or_init(|| {
        let (say, hear) = mpsc::channel();
        rt::thread::start("secure", move || {
            let mut core = rt::Core::new(rt::CoreConfig { spin: false }).unwrap();
            core.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
                say.send(listener.local_addr().unwrap()).unwrap();
                let config = config();
                while let Ok(stream) = listener.accept().await {
                    drop(rt::spawn(serve(stream, config.clone())));
                }
            });
        })
        .unwrap();
        hear.recv().unwrap()
    })
}

fn config() -> Arc<ServerConfig> {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let cert = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![cert.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let plain = CertifiedKey::from_der(chain, key, &provider).unwrap();
    let stapled = ocsp::responses().map(|(name, response)| {
        (name, Arc::new(CertifiedKey { ocsp: Some(response), ..plain.clone() }))
    });
    let certificates = Certificates { plain: Arc::new(plain), stapled: stapled.into() };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// One certificate, with what is stapled to it under a name.
#[derive(Debug)]
struct Certificates {
    plain: Arc<CertifiedKey>,
    stapled: Vec<(&'static str, Arc<CertifiedKey>)>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = self.stapled.iter().find(|(name, _)| hello.server_name() == Some(name));
        Some(named.map_or(&self.plain, |(_, stapled)| stapled).clone())
    }
}

async fn serve(tcp: TcpStream, config: Arc<ServerConfig>) {
    let mut stream = Tls { tcp, session: ServerConnection::new(config).unwrap() };
    if poll_fn(|cx| stream.poll_handshake(cx)).await.is_err() {
        return;
    }
    if stream.session.alpn_protocol() != Some(b"h2") {
        return serve_http1(stream).await;
    }
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((asked, answer))) = connection.accept().await {
        drop(rt::spawn(async move {
            // A client that has gone away needs no answer.
            let _ = handle(asked, answer).await;
        }));
    }
}

/// `ok` to each request without a body.
async fn serve_http1(mut stream: Tls) {
    let mut seen = Vec::new();
    let mut space = [0; 4096];
    loop {
        let mut buf = ReadBuf::new(&mut space);
        match poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buf)).await {
            Ok(()) if !buf.filled().is_empty() => seen.extend_from_slice(buf.filled()),
            _ => return,
        }
        if !seen.ends_with(b"\r\n\r\n") {
            continue;
        }
        seen.clear();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let written = poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, answer)).await;
        if written.is_err() {
            return;
        }
    }
}

async fn handle(
    mut asked: Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let path = asked.uri().path().to_owned();
    let (what, argument) = path[1..].split_once('/').unwrap_or_else(|| (&path[1..], ""));
    let number: usize = argument.parse().unwrap_or_default();
    let mut head = Response::new(());
    match what {
        "reset" => {
            answer.send_reset(Reason::from(number as u32));
            return Ok(());
        }
        "status" => {
            *head.status_mut() = StatusCode::from_u16(number as u16).unwrap();
            return answer.send_response(head, true).map(drop);
        }
        "cookies" => {
            for cookie in ["a=1; Path=/", "b=2"] {
                head.headers_mut().append("set-cookie", cookie.parse().unwrap());
            }
        }
        "redirect" => {
            *head.status_mut() = StatusCode::FOUND;
            head.headers_mut().insert("location", "/echo?redirected".parse().unwrap());
        }
        _ => {}
    }
    let mut body = Vec::new();
    while let Some(piece) = poll_fn(|cx| asked.body_mut().poll_data(cx)).await {
        let piece = piece?;
        asked.body_mut().flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    let text = if what == "bytes" { "x".repeat(number) } else { describe(&asked, body.len()) };
    let mut stream = answer.send_response(head, false)?;
    let mut left = Bytes::from(text);
    while !left.is_empty() {
        stream.reserve_capacity(left.len());
        let Some(granted) = poll_fn(|cx| stream.poll_capacity(cx)).await else { return Ok(()) };
        let n = granted?.min(left.len());
        stream.send_data(left.split_to(n), false)?;
    }
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-trailer", "late".parse().unwrap());
    stream.send_trailers(trailers)
}

/// The request in one line, headers by name.
fn describe(asked: &Request<RecvStream>, body_bytes: usize) -> String {
    let mut headers: Vec<String> = asked
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    headers.sort();
    let mut line = format!("{} {}", asked.method(), asked.uri().path_and_query().unwrap());
    for header in headers {
        write!(line, " | {header}").unwrap();
    }
    write!(line, " | {body_bytes} bytes").unwrap();
    line
}

/// The server's end of a TLS connection.
struct Tls {
    tcp: TcpStream,
    session: ServerConnection,
}

impl Tls {
    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_out(cx))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_in(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Wire { tcp: &mut self.tcp, cx }) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                result => result?,
            };
        }
        Poll::Ready(Ok(()))
    }

    fn poll_in(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let n = match self.session.read_tls(&mut Wire { tcp: &mut self.tcp, cx }) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            result => result?,
        };
        self.session.process_new_packets().map_err(io::Error::other)?;
        Poll::Ready(Ok(n))
    }
}

impl AsyncRead for Tls {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let mut space = [0; 4096];
            let room = buf.remaining().min(space.len());
            match this.session.reader().read(&mut space[..room]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(()));
                }
                result => {
                    buf.put_slice(&space[..result?]);
                    return Poll::Ready(Ok(()));
                }
            }
            ready!(this.poll_in(cx))?;
        }
    }
}

impl AsyncWrite for Tls {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let n = this.session.writer().write(buf)?;
        let flushed = this.poll_out(cx)?;
        if n == 0 {
            ready!(flushed);
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_out(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.tcp.shutdown())
    }
}

/// The socket as `rustls` reads and writes it.
struct Wire<'a, 'cx> {
    tcp: &'a mut TcpStream,
    cx: &'a mut Context<'cx>,
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.tcp.poll_read(self.cx, buf) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Wire<'_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match TcpStream::poll_write(self.tcp, self.cx, buf) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
