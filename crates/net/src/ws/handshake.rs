//! Opening a WebSocket: an HTTP/1.1 request that asks to switch protocols, and its answer.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Connection;
use super::error::WsError;
use crate::error::{NetError, code};
use crate::h1::{Decoder, KeepAlive, Limits, Recipient, encode_head};
use crate::http::{BodySink, ClientConfig, HeaderError, Headers, Method, Request, Response};
use crate::stream::{self, Security, Stream, Target, Traffic, Via};
use crate::url::{Scheme, Url};

/// Connecting and shaking hands may take this long in all (k6's dialer).
const TIMEOUT: Duration = Duration::from_secs(60);
/// What both sides know by RFC 6455 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// What is kept of the body of an answer that refuses, bytes (k6's library).
const REFUSAL_BYTES: usize = 1024;
const OFFER: &[u8] = b"permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// What is asked for.
#[derive(Debug)]
pub struct Handshake {
    /// `http` or `https` in the place of `ws` or `wss`.
    pub url: Url,
    /// Names in Go's canonical form. `Cookie`, if there is one, is sent as it is.
    pub headers: Headers,
    /// Offered in this order.
    pub subprotocols: Vec<String>,
    /// Compression is offered.
    pub deflate: bool,
    /// For the key and the masks.
    pub seed: u64,
}

/// How it went.
#[derive(Debug)]
pub struct Opened {
    /// The connection, or why there is none.
    pub result: Result<Connection, WsError>,
    /// The answer, if a head came; of a refusal the first 1,024 bytes of the body.
    pub response: Option<Response>,
    /// Whom the connection leads or led to.
    pub remote: Option<SocketAddr>,
}

impl Opened {
    fn failed(error: impl Into<WsError>) -> Opened {
        Opened { result: Err(error.into()), response: None, remote: None }
    }
}

/// Connects and shakes hands, within a minute. Dropping the future gives it up.
pub async fn open(
    handshake: &Handshake,
    config: &ClientConfig,
    local: Option<std::net::IpAddr>,
    traffic: &Rc<Traffic>,
) -> Opened {
    let attempt = attempt(handshake, config, local, traffic);
    match rt::timeout(TIMEOUT, attempt).await {
        Ok(opened) => opened,
        Err(_) => Opened::failed(NetError::new(code::REQUEST_TIMEOUT, "i/o timeout")),
    }
}

async fn attempt(
    handshake: &Handshake,
    config: &ClientConfig,
    local: Option<std::net::IpAddr>,
    traffic: &Rc<Traffic>,
) -> Opened {
    let key = STANDARD.encode(key(handshake.seed));
    let head = match request(handshake, &key) {
        Ok(head) => head,
        Err(error) => return Opened::failed(error),
    };
    let mut stream = match connect(&handshake.url, config, local, traffic).await {
        Ok(stream) => stream,
        Err(error) => return Opened::failed(error),
    };
    let remote = Some(stream.remote_addr());
    let mut response = Response::default();
    let answered = match poll_fn(|cx| poll_write_all(&mut stream, cx, &mut &head[..])).await {
        Ok(()) => answer(&mut stream, &mut response).await,
        Err(error) => Err(error),
    };
    let rest = match answered {
        Ok(rest) => rest,
        Err(error) => return Opened { result: Err(error.into()), response: None, remote },
    };
    let result = agree(&response, &key).map(|deflates| {
        Connection::new(stream, rest, deflates, config.limits.max_body_bytes, handshake.seed)
    });
    Opened { result, response: Some(response), remote }
}

async fn connect(
    url: &Url,
    config: &ClientConfig,
    local: Option<std::net::IpAddr>,
    traffic: &Rc<Traffic>,
) -> Result<Stream, NetError> {
    let port = url.port().map_err(|port| {
        NetError::new(code::DIAL, format!("dial tcp: address {port}: invalid port"))
    })?;
    let security = (url.scheme() == Scheme::Https).then_some(Security {
        config: &config.tls,
        server_name: None,
        alpn: &[b"http/1.1"],
    });
    let target = Target { host: url.host(), port, resolver: &config.resolver, local, security };
    let proxy = config.proxies.of(url, port).map(|proxy| Via { proxy, tls: &config.tls });
    // Boxed: its state is large.
    Box::pin(stream::connect_through(&target, proxy, traffic)).await
}

/// The request's head, headers in the order of Go's client.
fn request(handshake: &Handshake, key: &str) -> Result<Vec<u8>, WsError> {
    let mut request = Request::new(Method::Get, handshake.url.clone());
    let headers = &mut request.headers;
    let add = |headers: &mut Headers, name: &str, value: &[u8]| {
        headers.add(name, value).map_err(|error: HeaderError| WsError::from(NetError::from(error)))
    };
    add(headers, "Upgrade", b"websocket")?;
    add(headers, "Connection", b"Upgrade")?;
    add(headers, "Sec-WebSocket-Key", key.as_bytes())?;
    add(headers, "Sec-WebSocket-Version", b"13")?;
    let protocols = handshake.subprotocols.join(", ");
    if !protocols.is_empty() {
        add(headers, "Sec-WebSocket-Protocol", protocols.as_bytes())?;
    }
    if let Some(host) = handshake.headers.host() {
        add(headers, "Host", host.as_bytes())?;
    }
    for (name, value) in handshake.headers.iter() {
        let ours = match name {
            "Upgrade"
            | "Connection"
            | "Sec-Websocket-Key"
            | "Sec-Websocket-Version"
            | "Sec-Websocket-Extensions" => true,
            "Sec-Websocket-Protocol" => !protocols.is_empty(),
            _ => false,
        };
        if ours {
            let text = format!("duplicate header not allowed: {name}");
            return Err(WsError::Protocol(text.into()));
        }
        match name {
            "Sec-Websocket-Protocol" => add(headers, "Sec-WebSocket-Protocol", value)?,
            // Go sends none rather than an empty one.
            "User-Agent" if value.is_empty() => {}
            _ => add(headers, name, value)?,
        }
    }
    if handshake.deflate {
        add(headers, "Sec-WebSocket-Extensions", OFFER)?;
    }
    headers.sort();
    let mut out = Vec::with_capacity(512);
    encode_head(&request, KeepAlive::Keep, Recipient::Origin, &mut out);
    Ok(out)
}

pub(super) fn poll_write_all(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    bytes: &mut &[u8],
) -> Poll<Result<(), NetError>> {
    while !bytes.is_empty() {
        let n =
            ready!(Pin::new(&mut *stream).poll_write(cx, bytes)).map_err(|e| net(stream, &e))?;
        *bytes = &bytes[n..];
    }
    Pin::new(&mut *stream).poll_flush(cx).map_err(|error| net(stream, &error))
}

/// The error as the stream knows it.
#[cold]
pub(super) fn net(stream: &Stream, error: &std::io::Error) -> NetError {
    let known = stream.probe().failure();
    known.unwrap_or_else(|| NetError::new(code::GENERIC, error.to_string()))
}

/// Reads the answer; what comes after its head if it switches protocols is returned. The body of any other is cut.
async fn answer(stream: &mut Stream, response: &mut Response) -> Result<Vec<u8>, NetError> {
    let limits = Limits { max_body_bytes: u64::MAX, ..Limits::STANDARD };
    let mut decoder = Decoder::new(&Method::Get, BodySink::Keep, limits);
    let mut buffer = vec![0; 4096];
    let mut buffer = ReadBuf::new(&mut buffer);
    loop {
        buffer.clear();
        let read = poll_fn(|cx| pin!(&mut *stream).poll_read(cx, &mut buffer)).await;
        read.map_err(|error| net(stream, &error))?;
        if buffer.filled().is_empty() {
            return match decoder.finish(response) {
                // A refusal counts even if its body is cut off.
                Err(error) if !decoder.has_head() => Err(bare(&error)),
                _ => Ok(Vec::new()),
            };
        }
        let used = match decoder.feed(buffer.filled(), response) {
            Ok(used) => used,
            Err(_) if decoder.has_head() => return Ok(Vec::new()),
            Err(error) => return Err(bare(&error)),
        };
        if decoder.is_done() {
            return Ok(buffer.filled()[used..].to_vec());
        }
        if decoder.has_head() && response.body().len() >= REFUSAL_BYTES {
            response.truncate_body(REFUSAL_BYTES);
            return Ok(Vec::new());
        }
    }
}

/// The error without what Go's HTTP client says before it: k6's library reads the answer itself.
#[cold]
fn bare(error: &NetError) -> NetError {
    let text = error.detail();
    let text =
        text.strip_prefix("net/http: HTTP/1.x transport connection broken: ").unwrap_or(text);
    NetError::new(error.code, if text == "EOF" { "unexpected EOF" } else { text }.to_owned())
}

/// Whether the answer agrees, and if so, whether messages are compressed.
fn agree(response: &Response, key: &str) -> Result<bool, WsError> {
    let has = |name: &str, want: &str| {
        response.headers().filter(|(have, _)| have.eq_ignore_ascii_case(name)).any(|(_, value)| {
            let mut tokens = value.split(|byte| *byte == b',');
            tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(want.as_bytes()))
        })
    };
    let accept = STANDARD.encode(Sha1::digest(format!("{key}{GUID}")));
    let is_accepted =
        response.header("sec-websocket-accept").is_some_and(|value| value == accept.as_bytes());
    if response.status != 101
        || !has("upgrade", "websocket")
        || !has("connection", "upgrade")
        || !is_accepted
    {
        return Err(WsError::Protocol("bad handshake".into()));
    }
    let extensions = response
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"))
        .flat_map(|(_, value)| value.split(|byte| *byte == b','));
    for extension in extensions {
        let mut parts = extension.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        if parts.next() != Some(b"permessage-deflate") {
            continue;
        }
        let names: Vec<&[u8]> =
            parts.filter_map(|part| part.split(|byte| *byte == b'=').next()).collect();
        let has = |name: &[u8]| names.iter().any(|have| have.trim_ascii() == name);
        if has(b"server_no_context_takeover") && has(b"client_no_context_takeover") {
            return Ok(true);
        }
        return Err(WsError::Protocol("invalid compression negotiation".into()));
    }
    Ok(false)
}

/// Sixteen bytes for the key.
fn key(seed: u64) -> [u8; 16] {
    let mut random = super::connection::Random::new(seed);
    let mut key = [0; 16];
    for part in key.as_chunks_mut::<4>().0 {
        *part = random.mask();
    }
    key
}
