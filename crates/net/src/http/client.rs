//! The HTTP client of one virtual user.

use std::cell::{OnceCell, RefCell};
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use rt::Nanos;

use super::Transport;
use super::connection::{After, Connection, Forwarding, Origin};
use super::deadline::{Deadline, Spares};
use super::exchange::Exchange;
use super::http2::{Session, Sessions};
use super::pool::{Pool, PoolLimits};
use super::request::{Body, Request};
use super::response::Response;
use super::trace::Trace;
use crate::dns::Resolver;
use crate::error::{NetError, code};
use crate::h1::{KeepAlive, Limits};
use crate::proxy::{Proxies, ProxyKind};
use crate::stream::{PhaseTimes, Route, Security, Stream, Target, Traffic, Via, dial};
use crate::tls::{TlsConfig, TlsInfo};
use crate::url::{Scheme, Url, go_quoted};

/// Whether connections are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// As HTTP/1.1 has it.
    KeepAlive,
    /// One request a connection, and the server is told so (k6's `noConnectionReuse`).
    Never,
}

/// When HTTP/2 is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Http2 {
    /// Never.
    Off,
    /// Where a server prefers it in TLS's handshake, as Go's client does.
    #[default]
    Negotiated,
    /// There, and without TLS always: nothing is asked, the server must know (RFC 9113, 3.3).
    Always,
}

/// What all clients of a test share.
#[derive(Debug)]
pub struct ClientConfig {
    /// Names to addresses.
    pub resolver: Arc<Resolver>,
    /// Settings of TLS.
    pub tls: Arc<TlsConfig>,
    /// Whether connections are used again.
    pub reuse: Reuse,
    /// Idle connections a client keeps in all (k6's `batch`); 0 is no limit.
    pub max_idle: usize,
    /// Idle connections a client keeps to one host (k6's `batchPerHost`); 0 is 2.
    pub max_idle_per_host: usize,
    /// What a response may be at most.
    pub limits: Limits,
    /// When HTTP/2 is spoken.
    pub http2: Http2,
    /// The proxies that requests go through.
    pub proxies: Proxies,
    known: Known,
}

/// Origins that were seen to speak HTTP/2. Looked at when a connection is made, never for a request
/// on one that stands.
#[derive(Debug, Default)]
struct Known(Mutex<HashSet<(Box<str>, u16)>>);

/// Origins that are remembered.
const MAX_KNOWN: usize = 10_000;

impl Known {
    fn has(&self, host: &str, port: u16) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(host.into(), port))
    }

    fn add(&self, host: &str, port: u16) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_KNOWN {
            known.insert((host.into(), port));
        }
    }
}

/// k6's defaults for `batch` and `batchPerHost`.
const K6_BATCH: usize = 20;
const K6_BATCH_PER_HOST: usize = 6;

impl ClientConfig {
    /// k6's defaults with this resolver and these settings of TLS.
    pub fn new(resolver: Arc<Resolver>, tls: Arc<TlsConfig>) -> ClientConfig {
        ClientConfig {
            resolver,
            tls,
            reuse: Reuse::KeepAlive,
            max_idle: K6_BATCH,
            max_idle_per_host: K6_BATCH_PER_HOST,
            limits: Limits::STANDARD,
            http2: Http2::default(),
            proxies: Proxies::default(),
            known: Known::default(),
        }
    }

    /// The same with other settings of TLS and other proxies.
    #[must_use]
    pub fn with(&self, tls: Arc<TlsConfig>, proxies: Proxies) -> ClientConfig {
        ClientConfig {
            resolver: self.resolver.clone(),
            tls,
            reuse: self.reuse,
            max_idle: self.max_idle,
            max_idle_per_host: self.max_idle_per_host,
            limits: self.limits,
            http2: self.http2,
            proxies,
            known: Known::default(),
        }
    }
}

/// Sends requests over a pool of kept connections of its own. One per virtual user; any number of
/// exchanges may be under way at once.
#[derive(Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    local: Option<IpAddr>,
    pool: RefCell<Pool>,
    /// Made with the first connection that speaks HTTP/2.
    sessions: OnceCell<Box<Sessions>>,
    sleeps: Spares,
    traffic: Rc<Traffic>,
    pub(super) recycled: RefCell<Vec<Response>>,
}

/// Response buffers kept for reuse.
const MAX_RECYCLED: usize = 4;

/// Who answered, noted as soon as it is known.
#[derive(Default)]
struct Peer {
    remote: Option<SocketAddr>,
    tls: Option<Rc<TlsInfo>>,
    reused: bool,
}

impl Client {
    /// A client whose connections start at the address `local`, if one is given.
    pub fn new(config: Arc<ClientConfig>, local: Option<IpAddr>) -> Client {
        Client::counting(config, local, Rc::default())
    }

    /// The same; its bytes are counted into `traffic`, as those of other clients of the virtual user may be.
    pub fn counting(
        config: Arc<ClientConfig>,
        local: Option<IpAddr>,
        traffic: Rc<Traffic>,
    ) -> Client {
        Client {
            config,
            local,
            pool: RefCell::default(),
            sessions: OnceCell::new(),
            sleeps: Spares::default(),
            traffic,
            recycled: RefCell::default(),
        }
    }

    /// The address its connections start at, if one was given.
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.local
    }

    /// Gives a response's memory back, for the next one.
    pub fn recycle(&self, mut response: Response) {
        let mut recycled = self.recycled.borrow_mut();
        if recycled.len() < MAX_RECYCLED {
            response.reset();
            recycled.push(response);
        }
    }

    /// Bytes sent and received by this client so far, those of exchanges that were given up
    /// included. Counted at the sockets, below TLS.
    pub fn traffic(&self) -> (u64, u64) {
        (self.traffic.sent(), self.traffic.received())
    }

    /// The counter behind [`Client::traffic`], for streams of the same virtual user.
    pub fn traffic_counter(&self) -> &Rc<Traffic> {
        &self.traffic
    }

    /// How many connections are open and not in use.
    pub fn idle(&self) -> usize {
        self.pool.borrow().len() + self.sessions.get().map_or(0, |sessions| sessions.idle())
    }

    /// See [`Transport::send`].
    pub async fn send(&self, request: &Request, deadline: Option<Nanos>) -> Exchange {
        // Requests of VUs that are ready together go out together. Timings start after this wait: it is the
        // generator's, not the target's.
        rt::turn_end().await;
        let trace = Trace::new(&self.traffic);
        let mut peer = Peer::default();
        let mut response = self.recycled.borrow_mut().pop().unwrap_or_default();
        let result = {
            let mut attempt = pin!(self.attempt(request, &trace, &mut peer, &mut response));
            let mut deadline = deadline.map(|at| Deadline::new(at, &self.sleeps));
            poll_fn(|cx| {
                if let Poll::Ready(result) = attempt.as_mut().poll(cx) {
                    return Poll::Ready(result);
                }
                match &mut deadline {
                    Some(deadline) => deadline.poll_passed(cx).map(|()| Err(out_of_time(&trace))),
                    None => Poll::Pending,
                }
            })
            .await
        };
        let (result, partial, ended) = match result {
            Ok(()) => (Ok(response), None, trace.response_end()),
            Err(mut error) if response.head_len > 0 => {
                error = error.in_body();
                (Err(error), Some(response), rt::now())
            }
            Err(error) => {
                self.recycle(response);
                (Err(error), None, rt::now())
            }
        };
        let (bytes_sent, bytes_received) = trace.bytes();
        Exchange {
            result,
            partial,
            timings: trace.timings(ended),
            bytes_sent,
            bytes_received,
            remote_addr: peer.remote,
            tls: peer.tls,
            reused: peer.reused,
        }
    }

    /// One exchange, repeated on a new connection if the kept one turns out to be dead.
    async fn attempt(
        &self,
        request: &Request,
        trace: &Trace<'_>,
        peer: &mut Peer,
        response: &mut Response,
    ) -> Result<(), NetError> {
        let port = check(request)?;
        let keep_alive = match self.config.reuse {
            Reuse::KeepAlive => KeepAlive::Keep,
            Reuse::Never => KeepAlive::Close,
        };
        let repeatable = request.method.is_replayable() && !matches!(request.body, Body::Stream(_));
        loop {
            let kept = self.pool.borrow_mut().take(&request.url, port);
            let reused = kept.is_some();
            let mut connection = match kept {
                Some(connection) => {
                    trace.got_kept(if peer.reused { rt::now() } else { trace.asked() });
                    connection
                }
                None => match self.arrive_boxed(request, port, trace, peer, response).await? {
                    Some(connection) => connection,
                    None => return Ok(()),
                },
            };
            *peer = Peer { remote: Some(connection.remote), tls: connection.tls.clone(), reused };
            let outcome =
                connection.exchange(request, keep_alive, self.config.limits, trace, response).await;
            match outcome {
                Ok(After::Keep) => {
                    let limits = PoolLimits {
                        total: self.config.max_idle,
                        per_host: self.config.max_idle_per_host,
                    };
                    self.pool.borrow_mut().put(connection, limits);
                    return Ok(());
                }
                Ok(After::Close) => return Ok(()),
                Err(failure) => {
                    if reused && failure.dead && (repeatable || failure.unsent) {
                        continue;
                    }
                    return Err(failure.error);
                }
            }
        }
    }

    /// [`Self::arrive`] on the heap: connecting is rare and its state is large. So is HTTP/2's, whose requests all come
    /// here. Not inlined: what makes the state holds it on its stack, and a VU's stack keeps every page it ever touched.
    #[inline(never)]
    fn arrive_boxed<'a>(
        &'a self,
        request: &'a Request,
        port: u16,
        trace: &'a Trace<'_>,
        peer: &'a mut Peer,
        response: &'a mut Response,
    ) -> Pin<Box<impl Future<Output = Result<Option<Box<Connection>>, NetError>> + 'a>> {
        Box::pin(self.arrive(request, port, trace, peer, response))
    }

    /// [`Self::dial`] on the heap, for the same reason.
    #[inline(never)]
    fn dial_boxed<'a>(
        &'a self,
        url: &'a Url,
        port: u16,
        trace: &'a Trace<'_>,
    ) -> Pin<Box<impl Future<Output = Result<Way, NetError>> + 'a>> {
        Box::pin(self.dial(url, port, trace))
    }

    /// Where no connection is kept: carries the exchange out over HTTP/2, or gives a new HTTP/1.1 connection for it.
    async fn arrive(
        &self,
        request: &Request,
        port: u16,
        trace: &Trace<'_>,
        peer: &mut Peer,
        response: &mut Response,
    ) -> Result<Option<Box<Connection>>, NetError> {
        let mut retries = 0;
        loop {
            let kept = self.kept_session(&request.url, port).await;
            let reused = kept.is_some();
            let session = match kept {
                Some(session) => {
                    trace.got_kept(rt::now());
                    session
                }
                None => match self.dial_boxed(&request.url, port, trace).await? {
                    Way::Plain(connection) => {
                        trace.got_new();
                        return Ok(Some(connection));
                    }
                    Way::Multiplexed(session) => {
                        trace.got_new();
                        session
                    }
                },
            };
            *peer = Peer { remote: Some(session.remote), tls: session.tls.clone(), reused };
            let result = session.exchange(request, self.config.limits, trace, response).await;
            if request.headers.closes() {
                self.sessions().forget(&session);
            }
            match result {
                Ok(()) => return Ok(None),
                Err(failure) if failure.untouched && retries < MAX_RETRIES => {
                    if !failure.is_of_stream {
                        self.sessions().forget(&session);
                    }
                    // Go's client: at once, then after 1 s, 2 s, 4 s…
                    if retries > 0 {
                        rt::sleep(Duration::from_secs(1 << (retries - 1))).await;
                    }
                    retries += 1;
                }
                Err(failure) => return Err(failure.error),
            }
        }
    }

    fn sessions(&self) -> &Sessions {
        self.sessions.get_or_init(Box::default)
    }

    /// An open HTTP/2 connection with room, waiting for one that is being made where that is worth it.
    async fn kept_session(&self, url: &Url, port: u16) -> Option<Rc<Session>> {
        if self.config.reuse == Reuse::Never {
            return None;
        }
        let sessions = self.sessions.get()?;
        loop {
            if let Some(session) = sessions.find(url, port) {
                return Some(session);
            }
            sessions.dialing(url, port)?.end().await;
        }
    }

    /// A new connection to the URL's origin.
    async fn dial(&self, url: &Url, port: u16, trace: &Trace<'_>) -> Result<Way, NetError> {
        let is_tls = url.scheme() == Scheme::Https;
        let http2 = self.config.http2;
        // Nobody need wait for an answer that may be HTTP/1.1: a connection of one's own is sooner.
        let is_certain = match http2 {
            Http2::Off => false,
            _ if is_tls => self.config.known.has(url.host(), port),
            _ => http2 == Http2::Always,
        };
        let waited_for = (is_certain && self.config.reuse == Reuse::KeepAlive)
            .then(|| self.sessions().begin(Origin::of(url, port)));
        let alpn: &[&[u8]] =
            if http2 == Http2::Off { &[b"http/1.1"] } else { &[b"h2", b"http/1.1"] };
        let security =
            is_tls.then_some(Security { config: &self.config.tls, server_name: None, alpn });
        let target = Target {
            host: url.host(),
            port,
            resolver: &self.config.resolver,
            local: self.local,
            security,
        };
        let proxy = self.config.proxies.of(url, port);
        let route = match proxy {
            None => Route::Direct,
            Some(proxy) => {
                let via = Via { proxy, tls: &self.config.tls };
                let is_tunnel = is_tls || proxy.kind == ProxyKind::Socks5;
                if is_tunnel { Route::Tunnel(via) } else { Route::Forward(via) }
            }
        };
        let dialed = dial(&target, route, trace).await?;
        let agreed = dialed.tls.as_ref().and_then(|tls| tls.alpn.as_deref());
        let forwards = match route {
            Route::Forward(via) => Some(Box::new(Forwarding::through(via.proxy))),
            _ => None,
        };
        let speaks_http2 = match is_tls {
            true => agreed == Some(b"h2"),
            false => http2 == Http2::Always && forwards.is_none(),
        };
        let origin = Origin::of(url, port);
        if !speaks_http2 {
            let (remote, tls, io) = (dialed.remote, dialed.tls, dialed.io);
            return Ok(Way::Plain(Box::new(Connection { origin, remote, tls, io, forwards })));
        }
        if is_tls && !is_certain {
            self.config.known.add(url.host(), port);
        }
        let stream = Stream::new(dialed, PhaseTimes::default(), self.traffic.clone());
        let sessions = self.sessions();
        if sessions.has(&origin)
            && let Some(other) = sessions.find(url, port)
        {
            // Another exchange was quicker: one connection is enough, as Go has it.
            return Ok(Way::Multiplexed(other));
        }
        let session = Session::open(stream, origin, self.config.limits).await?;
        if self.config.reuse == Reuse::KeepAlive {
            sessions.keep(session.clone());
        }
        drop(waited_for);
        Ok(Way::Multiplexed(session))
    }
}

/// What a new connection speaks.
enum Way {
    /// HTTP/1.1.
    Plain(Box<Connection>),
    /// HTTP/2.
    Multiplexed(Rc<Session>),
}

/// Attempts after the first with a request that no server has looked at.
const MAX_RETRIES: u32 = 6;

/// The port to connect to, if the request can be sent at all.
fn check(request: &Request) -> Result<u16, NetError> {
    let url = &request.url;
    if url.scheme() == Scheme::Other {
        let scheme = go_quoted(url.scheme_str().as_bytes());
        let text = format!("unsupported protocol scheme {scheme}");
        return Err(NetError::new(code::GENERIC, text));
    }
    if url.host().is_empty() {
        return Err(NetError::new(code::GENERIC, "http: no Host in request URL"));
    }
    url.port().map_err(|port| {
        NetError::new(code::DIAL, format!("dial tcp: address {port}: invalid port"))
    })
}

/// The deadline passed: k6 tells connecting from the rest.
#[cold]
fn out_of_time(trace: &Trace<'_>) -> NetError {
    if !trace.has_connection() && trace.is_dialing() {
        NetError::dial_timeout()
    } else {
        NetError::request_timeout()
    }
}

impl Transport for Client {
    fn send(&self, request: &Request, deadline: Option<Nanos>) -> impl Future<Output = Exchange> {
        Client::send(self, request, deadline)
    }

    fn close_idle(&self) {
        self.pool.borrow_mut().clear();
        if let Some(sessions) = self.sessions.get() {
            sessions.close_idle();
        }
    }
}
