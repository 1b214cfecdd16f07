//! Accepting connections and handing requests over.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use engine::control::ControlHandle;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};

use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Incoming};

use crate::Test;
use crate::k6_api::Api;

/// Connections at one time; further ones wait in the listener's queue.
const MAX_CONNECTIONS: usize = 256;
/// How long a client may take to send a request's head, as in k6.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long answers that are under way when the run ends may take, as in k6.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(1);

/// A request as it comes.
pub(crate) type Request = hyper::Request<Incoming>;
/// An answer, whole or passed on as it comes.
pub(crate) type Response = hyper::Response<Body>;
/// Its body.
pub(crate) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// What answers the requests that come to a server.
pub(crate) trait Site: Send + Sync + 'static {
    /// Answers a request. Never fails: whatever is wrong with it is an answer too.
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// A body that is there as a whole.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The REST API, while it is up.
pub struct Server {
    address: SocketAddr,
    down: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why there is no server.
#[derive(Debug)]
pub struct BindError {
    /// The address that was tried last; as typed where none was found.
    pub address: String,
    /// What the system said.
    pub error: io::Error,
}

impl Server {
    /// Serves k6's REST API at `address` (`host:port`, `:port` for all interfaces) until dropped.
    ///
    /// # Errors
    /// The address can't be had, or the system refuses a thread.
    pub fn start(
        address: &str,
        control: ControlHandle,
        test: Arc<dyn Test>,
    ) -> Result<Server, BindError> {
        Self::run(bind(address)?, address, Arc::new(Api { control, test }))
    }

    /// Serves a site on a socket that listens, until dropped.
    pub(crate) fn run<S: Site>(
        listener: TcpListener,
        address: &str,
        site: Arc<S>,
    ) -> Result<Server, BindError> {
        let failed = |error| BindError { address: address.to_owned(), error };
        let bound = listener.local_addr().map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(failed)?;
        let (down, told) = watch::channel(false);
        let thread = rt::thread::start("squall-web", move || {
            runtime.block_on(serve(listener, site, told));
        })
        .map_err(failed)?;
        Ok(Server { address: bound, down, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

pub(crate) fn bind(address: &str) -> Result<TcpListener, BindError> {
    let tried = match address.strip_prefix(':') {
        Some(port) => vec![format!("[::]:{port}"), format!("0.0.0.0:{port}")],
        None => vec![address.to_owned()],
    };
    let mut last = BindError {
        address: address.to_owned(),
        error: io::Error::other("the name has no address"),
    };
    for text in tried {
        let found = text.to_socket_addrs();
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                last.error = error;
                continue;
            }
        };
        // IPv4 first, as Go does for a name that has both.
        let mut found: Vec<SocketAddr> = found.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        for candidate in found {
            match TcpListener::bind(candidate) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = BindError { address: candidate.to_string(), error },
            }
        }
    }
    Err(last)
}

async fn serve<S: Site>(listener: TcpListener, site: Arc<S>, mut down: watch::Receiver<bool>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let mut until = down.clone();
        let accepted = std::pin::pin!(listener.accept());
        let stopped = std::pin::pin!(until.wait_for(|down| *down));
        let stream = match first(accepted, stopped).await {
            Some(Ok((stream, _))) => stream,
            // Out of descriptors, or a connection that was gone at once: others may be luckier.
            Some(Err(_)) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            None => break,
        };
        let (site, until) = (site.clone(), down.clone());
        tokio::spawn(async move {
            converse(stream, &site, until).await;
            drop(slot);
        });
    }
    drop(listener);
    let _ = down.wait_for(|down| *down).await;
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(SHUTDOWN_PATIENCE, slots.acquire_many(all)).await;
}

/// The first future's output, unless the second is ready first.
async fn first<A: Future + Unpin, B: Future + Unpin>(mut a: A, mut b: B) -> Option<A::Output> {
    use std::pin::Pin;
    use std::task::Poll;
    std::future::poll_fn(|cx| {
        if Pin::new(&mut b).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut a).poll(cx).map(Some)
    })
    .await
}

async fn converse<S: Site>(
    stream: tokio::net::TcpStream,
    site: &Arc<S>,
    mut down: watch::Receiver<bool>,
) {
    let service = service_fn(|request: Request| {
        let site = site.clone();
        async move { Ok::<_, std::convert::Infallible>(site.answer(request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    let stopped = std::pin::pin!(down.wait_for(|down| *down));
    // What is wrong with a connection is its client's business.
    if first(connection.as_mut(), stopped).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
