//! The HTTP/1.1 client of one virtual user.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use rt::Nanos;

use super::Transport;
use super::connection::{After, Connection, Origin};
use super::deadline::{Deadline, Spares};
use super::exchange::Exchange;
use super::pool::{Pool, PoolLimits};
use super::request::{Body, Request};
use super::response::Response;
use super::trace::Trace;
use crate::dns::Resolver;
use crate::error::{NetError, code};
use crate::h1::{KeepAlive, Limits};
use crate::stream::{Security, Target, Traffic, dial};
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
        Client {
            config,
            local,
            pool: RefCell::default(),
            sleeps: Spares::default(),
            traffic: Rc::default(),
            recycled: RefCell::default(),
        }
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
        self.pool.borrow().len()
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
                None => {
                    // Boxed: connecting is rare and its state is large.
                    let connection = Box::pin(self.dial(&request.url, port, trace)).await?;
                    trace.got_new();
                    connection
                }
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
}

impl Client {
    /// A new connection to the URL's origin.
    async fn dial(
        &self,
        url: &Url,
        port: u16,
        trace: &Trace<'_>,
    ) -> Result<Box<Connection>, NetError> {
        let security = (url.scheme() == Scheme::Https).then_some(Security {
            config: &self.config.tls,
            server_name: None,
            alpn: &[b"http/1.1"],
        });
        let target = Target {
            host: url.host(),
            port,
            resolver: &self.config.resolver,
            local: self.local,
            security,
        };
        let dialed = dial(&target, trace).await?;
        let (remote, tls, io) = (dialed.remote, dialed.tls, dialed.io);
        Ok(Box::new(Connection { origin: Origin::of(url, port), remote, tls, io }))
    }
}

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
    }
}
