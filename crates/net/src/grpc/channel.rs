//! A channel: one connection to a server, made anew when it is lost.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::future::{Future as _, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri, Version};
use rt::Nanos;

use super::metadata::{self, Metadata};
use super::status::{Code, Status};
use crate::dns::Resolver;
use crate::error::{NetError, code};
use crate::http::Spares;
use crate::stream::{self, Probe, Security, Stream, Target, Traffic};
use crate::tls::TlsConfig;

/// Bytes of one stream, and of all of a connection, that the server may send before we have read them.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Pauses between attempts to connect, as grpc-go has them (without its dither).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(120);

/// How to reach a server, and what may be exchanged with it.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// `host:port`.
    pub target: String,
    /// Names to addresses.
    pub resolver: Arc<Resolver>,
    /// TLS; `None` for plain text.
    pub tls: Option<Arc<TlsConfig>>,
    /// What the server is called, if not by the target.
    pub authority: Option<String>,
    /// Who we are; empty sends only grpc-go's own part.
    pub user_agent: String,
    /// The address connections start at.
    pub local: Option<IpAddr>,
    /// Bytes of a message that is received at most.
    pub max_receive_bytes: usize,
    /// Bytes of a message that is sent at most.
    pub max_send_bytes: usize,
}

/// A method on a channel, made ready once.
#[derive(Debug)]
pub struct Endpoint {
    uri: Uri,
}

/// A connection to a server. Any number of calls may run at once.
pub struct Channel {
    config: ChannelConfig,
    traffic: Rc<Traffic>,
    /// Headers of every request.
    head: HeaderMap,
    link: RefCell<Option<Link>>,
    is_closed: Cell<bool>,
    endpoints: RefCell<Vec<(Box<str>, Rc<Endpoint>)>>,
    pub(super) spares: Spares,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Channel({})", self.config.target)
    }
}

/// A connection that stands, as those see it that use it.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) state: Rc<LinkState>,
}

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct LinkState {
    pub(super) probe: Rc<Probe>,
    pub(super) remote: SocketAddr,
    /// It has ended: calls need another one.
    is_down: Cell<bool>,
    /// The owner has closed it.
    is_closed: Cell<bool>,
    /// Calls under way.
    calls: Cell<usize>,
    stop: rt::Signal,
}

/// Counts a call of a connection while it lives.
#[derive(Debug)]
pub(super) struct Running(pub(super) Rc<LinkState>);

impl Running {
    pub(super) fn of(state: &Rc<LinkState>) -> Running {
        state.calls.set(state.calls.get() + 1);
        Running(state.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.calls.set(self.0.calls.get() - 1);
    }
}

impl LinkState {
    /// What a failure of a stream means.
    #[cold]
    pub(super) fn status(&self, error: &h2::Error) -> Status {
        if self.is_closed.get() {
            return Status::closing();
        }
        match error.reason() {
            Some(reason) if error.is_reset() => Status::of_reset(reason),
            Some(_) if error.is_go_away() && error.is_remote() => Status::new(
                Code::UNAVAILABLE,
                "the stream is rejected because server is draining the connection",
            ),
            Some(reason) if !error.is_io() => Status::new(
                Code::UNAVAILABLE,
                format!("connection error: {}", reason.description()),
            ),
            _ => {
                let why = self.probe.failure().map_or_else(|| "EOF".to_owned(), |e| long_text(&e));
                Status::new(Code::UNAVAILABLE, format!("error reading from server: {why}"))
            }
        }
    }
}

fn long_text(error: &NetError) -> String {
    error.detail().to_owned()
}

/// Why there is no connection yet.
enum Failure {
    /// Trying again is of no use.
    Final(String),
    /// It may work later.
    Passing(String),
}

impl Channel {
    /// Connects, until the server has said its first word or `deadline` passes. Bytes are counted into `traffic`.
    ///
    /// # Errors
    /// grpc-go's text.
    pub async fn connect(
        config: ChannelConfig,
        traffic: Rc<Traffic>,
        deadline: Nanos,
    ) -> Result<Channel, String> {
        let channel = Channel {
            head: head(&config.user_agent)?,
            config,
            traffic,
            link: RefCell::new(None),
            is_closed: Cell::new(false),
            endpoints: RefCell::default(),
            spares: Spares::default(),
        };
        let mut last = None;
        let dialing = async {
            let mut pause = FIRST_PAUSE;
            loop {
                match channel.dial().await {
                    Ok(link) => return Ok(link),
                    Err(Failure::Final(text)) => return Err(text),
                    Err(Failure::Passing(text)) => last = Some(text),
                }
                rt::sleep(pause).await;
                pause = (pause * 8 / 5).min(LAST_PAUSE);
            }
        };
        let result = within(deadline, dialing).await;
        match result {
            Some(Ok(link)) => {
                *channel.link.borrow_mut() = Some(link);
                Ok(channel)
            }
            Some(Err(text)) => Err(text),
            None => Err(match last {
                Some(text) => format!("context deadline exceeded: {text}"),
                None => "context deadline exceeded".to_owned(),
            }),
        }
    }

    /// Closes the connection. Calls under way end as canceled, later ones too.
    pub fn close(&self) {
        self.is_closed.set(true);
        if let Some(link) = self.link.borrow_mut().take() {
            link.state.is_closed.set(true);
            // Without calls the connection says goodbye by itself when nobody can make any.
            if link.state.calls.get() > 0 {
                link.state.stop.notify();
            }
        }
    }

    /// The address of the server, if there is a connection.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.link.borrow().as_ref().map(|link| link.state.remote)
    }

    /// What calls say of who makes them.
    pub fn user_agent(&self) -> &str {
        self.head.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
    }

    /// The most that is received, bytes of a message.
    pub fn max_receive_bytes(&self) -> usize {
        self.config.max_receive_bytes
    }

    /// The most that is sent, bytes of a message.
    pub fn max_send_bytes(&self) -> usize {
        self.config.max_send_bytes
    }

    /// The method `/package.Service/Method`.
    ///
    /// # Errors
    /// A path or authority that cannot be sent.
    pub fn endpoint(&self, path: &str) -> Result<Rc<Endpoint>, Status> {
        // Few; a script calls the same ones again and again.
        let known = self.endpoints.borrow();
        if let Some((_, endpoint)) = known.iter().find(|(known, _)| **known == *path) {
            return Ok(endpoint.clone());
        }
        drop(known);
        let authority = self.config.authority.as_deref().unwrap_or(&self.config.target);
        let parts = (Authority::try_from(authority), PathAndQuery::try_from(path));
        let (Ok(authority), Ok(path_and_query)) = parts else {
            let text = format!("malformed authority {authority:?} or method {path:?}");
            return Err(Status::internal(text));
        };
        let scheme = if self.config.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let built =
            Uri::builder().scheme(scheme).authority(authority).path_and_query(path_and_query);
        let uri = built.build().map_err(|error| Status::internal(error.to_string()))?;
        let endpoint = Rc::new(Endpoint { uri });
        self.endpoints.borrow_mut().push((path.into(), endpoint.clone()));
        Ok(endpoint)
    }

    /// The head of a request.
    pub(super) fn request(
        &self,
        endpoint: &Endpoint,
        metadata: &Metadata,
        deadline: Option<Nanos>,
    ) -> Result<Request<()>, Status> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = endpoint.uri.clone();
        let headers = request.headers_mut();
        headers.clone_from(&self.head);
        if let Some(deadline) = deadline {
            let left = deadline.since(rt::now());
            if left.is_zero() {
                return Err(Status::deadline_exceeded());
            }
            headers.insert("grpc-timeout", timeout(left));
        }
        if !metadata.is_empty() {
            metadata.write(headers)?;
        }
        Ok(request)
    }

    /// A connection that can take a call: the one there is, or another.
    pub(super) async fn ready(&self) -> Result<Link, Status> {
        if self.is_closed.get() {
            return Err(Status::closing());
        }
        let link = self.link.borrow().clone();
        let mut link = match link {
            Some(link) if !link.state.is_down.get() => link,
            _ => self.redial().await?,
        };
        let is_ready = poll_fn(|cx| link.sender.poll_ready(cx)).await;
        match is_ready {
            Ok(()) => Ok(link),
            Err(_) if self.is_closed.get() => Err(Status::closing()),
            // It went away while we asked: once more.
            Err(_) => {
                link.state.is_down.set(true);
                let mut link = self.redial().await?;
                match poll_fn(|cx| link.sender.poll_ready(cx)).await {
                    Ok(()) => Ok(link),
                    Err(error) => Err(link.state.status(&error)),
                }
            }
        }
    }

    async fn redial(&self) -> Result<Link, Status> {
        // Connecting is rare and its state is large.
        match Box::pin(self.dial()).await {
            Ok(link) => {
                *self.link.borrow_mut() = Some(link.clone());
                Ok(link)
            }
            Err(Failure::Final(text) | Failure::Passing(text)) => {
                Err(Status::new(Code::UNAVAILABLE, text))
            }
        }
    }

    async fn dial(&self) -> Result<Link, Failure> {
        let stream = self.open().await?;
        let (probe, remote) = (stream.probe(), stream.remote_addr());
        let handshake = h2::client::Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(metadata::MAX_BYTES)
            .enable_push(false)
            .handshake::<_, Bytes>(stream)
            .await;
        let preface = |why: &str| {
            let text = format!("connection error: desc = \"error reading server preface: {why}\"");
            Failure::Passing(text)
        };
        let (sender, mut connection) = handshake.map_err(|error| preface(&error.to_string()))?;
        // The server's settings are its first word: before it there is no knowing whether it speaks HTTP/2.
        let early = poll_fn(|cx| match pin!(&mut connection).poll(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if probe.last_recv().0 > 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        if let Some(result) = early {
            let why = match (probe.failure(), result) {
                (Some(error), _) => long_text(&error),
                (None, Err(error)) if !error.is_io() => {
                    format!("http2: frame too large or malformed: {error}")
                }
                _ => "EOF".to_owned(),
            };
            return Err(preface(&why));
        }
        let state = Rc::new(LinkState {
            probe,
            remote,
            is_down: Cell::new(false),
            is_closed: Cell::new(false),
            calls: Cell::new(0),
            stop: rt::Signal::default(),
        });
        let driven = state.clone();
        rt::spawn(async move {
            let mut stopped = pin!(driven.stop.wait());
            poll_fn(|cx| match pin!(&mut connection).poll(cx) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => stopped.as_mut().poll(cx),
            })
            .await;
            driven.is_down.set(true);
        });
        Ok(Link { sender, state })
    }

    async fn open(&self) -> Result<Stream, Failure> {
        let (host, port) = split(&self.config.target).map_err(Failure::Final)?;
        let authority = self.config.authority.as_deref();
        let named = authority.map(|text| split(text).map_or_else(|_| text.to_owned(), |(h, _)| h));
        let alpn: &[&[u8]] = &[b"h2"];
        let target = Target {
            host: &host,
            port,
            resolver: &self.config.resolver,
            local: self.config.local,
            security: self.config.tls.as_deref().map(|config| Security {
                config,
                server_name: named.as_deref(),
                alpn,
            }),
        };
        stream::connect(&target, &self.traffic).await.map_err(|error| {
            let is_tls = matches!(error.code, 1300..=1399);
            let why = long_text(&error);
            if is_tls || (self.config.tls.is_some() && error.code == code::GENERIC) {
                Failure::Passing(format!(
                    "connection error: desc = \"transport: authentication handshake failed: {why}\""
                ))
            } else {
                Failure::Final(format!(
                    "connection error: desc = \"transport: error while dialing: {why}\""
                ))
            }
        })
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.close();
    }
}

fn head(user_agent: &str) -> Result<HeaderMap, String> {
    /// What grpc-go of k6 2.2 calls itself.
    const GRPC_GO: &str = "grpc-go/1.83.0";
    let mut agent = String::from(user_agent);
    let space = if agent.is_empty() { "" } else { " " };
    let _ = write!(agent, "{space}{GRPC_GO}");
    let agent =
        HeaderValue::from_str(&agent).map_err(|_| format!("invalid user agent {user_agent:?}"))?;
    let mut head = HeaderMap::with_capacity(8);
    head.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    head.insert(USER_AGENT, agent);
    head.insert(TE, HeaderValue::from_static("trailers"));
    head.insert("grpc-accept-encoding", HeaderValue::from_static("gzip"));
    Ok(head)
}

/// Host and port of a target, with Go's texts.
fn split(target: &str) -> Result<(String, u16), String> {
    let refused = |why: &str| {
        format!(
            "connection error: desc = \"transport: error while dialing: address {target}: {why}\""
        )
    };
    let (host, port) = target.rsplit_once(':').ok_or_else(|| refused("missing port in address"))?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => host,
        None if host.contains(':') => return Err(refused("too many colons in address")),
        None => host,
    };
    let port = port.parse().map_err(|_| refused("invalid port"))?;
    // Go takes no host for this one.
    let host = if host.is_empty() { "localhost" } else { host };
    Ok((host.to_owned(), port))
}

/// The value of `grpc-timeout`: eight digits at most, rounded up.
fn timeout(left: Duration) -> HeaderValue {
    const MAX: u128 = 99_999_999;
    let nanos = left.as_nanos();
    let units =
        [(1, 'n'), (1_000, 'u'), (1_000_000, 'm'), (1_000_000_000, 'S'), (60_000_000_000, 'M')];
    let mut fitting = units.into_iter().map(|(unit, name)| (nanos.div_ceil(unit), name));
    let (number, unit) = fitting
        .find(|(number, _)| *number <= MAX)
        .unwrap_or_else(|| (nanos.div_ceil(3_600_000_000_000).min(MAX), 'H'));
    let text = format!("{number}{unit}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("99999999H"))
}

/// The output of `future`, or `None` when the deadline passes before.
async fn within<F: Future>(deadline: Nanos, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep = pin!(rt::sleep_until(deadline));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => sleep.as_mut().poll(cx).map(|_| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_split() {
        assert_eq!(split("a:1"), Ok(("a".to_owned(), 1)));
        assert_eq!(split("[::1]:50051"), Ok(("::1".to_owned(), 50_051)));
        assert_eq!(split(":50051"), Ok(("localhost".to_owned(), 50_051)));
        for bad in ["a", "a:b", "::1:5", "a:70000"] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_outs_have_eight_digits_and_are_rounded_up() {
        for (left, expect) in [
            (Duration::from_nanos(5), "5n"),
            (Duration::from_secs(120), "120000m"),
            (Duration::from_nanos(100_000_000), "100000u"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_secs(200_000_000), "3333334M"),
        ] {
            assert_eq!(timeout(left), expect, "{left:?}");
        }
    }
}
