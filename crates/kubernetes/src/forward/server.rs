//! The thread that forwards live on, and what is known of them.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::relay::{Route, short, was_not_taken};
use super::resolve::Nowhere;
use super::spec::ForwardSpec;
use crate::access::{Access, AccessError, Cluster};
use crate::api::ApiError;

/// Connections of one forward at one time; further ones wait.
const MAX_CONNECTIONS: usize = 4_096;
/// How long a pod's refusal is waited for before a way counts as open.
const TRIAL: Duration = Duration::from_millis(300);
const TRIAL_PAUSE: Duration = Duration::from_millis(500);

/// Why there are no forwards.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// No cluster could be chosen.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The API server refused something.
    #[error("can't forward to {forward}: {error}")]
    Api {
        /// What was to be forwarded to.
        forward: String,
        /// Why not.
        error: ApiError,
    },
    /// There is no such port, or no pod that takes connections.
    #[error("can't forward to {forward}: {why}")]
    Nowhere {
        /// What was to be forwarded to.
        forward: String,
        /// Why not.
        why: String,
    },
    /// The local port can't be had.
    #[error("can't forward to {forward}: port {port} of 127.0.0.1 can't be had: {error}")]
    Bind {
        /// What was to be forwarded to.
        forward: String,
        /// The port.
        port: u16,
        /// Why not.
        error: std::io::Error,
    },
    /// The system refuses a thread or descriptors.
    #[error("can't forward: {0}")]
    System(#[from] std::io::Error),
}

/// What happens to forwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A connection is made.
    Connected {
        /// The forward.
        forward: String,
        /// Whose it is.
        client: SocketAddr,
    },
    /// A pod did not take a connection; another one is tried. Told once a second at most.
    Retrying {
        /// The forward.
        forward: String,
        /// The pod.
        pod: String,
        /// Why it did not.
        why: String,
    },
    /// A connection found no pod, or broke on its way.
    Failed {
        /// The forward.
        forward: String,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { forward, client } => write!(f, "connection of {client} to {forward}"),
            Self::Retrying { forward, pod, why } => {
                write!(f, "pod {pod} of {forward} does not take connections ({why}); trying again")
            }
            Self::Failed { forward, why } => write!(f, "a connection to {forward} failed: {why}"),
        }
    }
}

/// Who is told. Called on the forwards' thread; it must not wait.
pub(super) type Teller = Arc<dyn Fn(Note) + Send + Sync>;

/// What was carried, counted as it is.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) up_bytes: AtomicU64,
    pub(super) down_bytes: AtomicU64,
}

/// What one forward has carried so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections that were made.
    pub connections: u64,
    /// Those that found no pod or broke.
    pub failed: u64,
    /// How often a pod did not take one.
    pub retried: u64,
    /// Bytes to the pods.
    pub up_bytes: u64,
    /// Bytes from them.
    pub down_bytes: u64,
}

/// One forward.
pub struct Forwarded {
    /// What it leads to.
    pub spec: ForwardSpec,
    /// The namespace it is in.
    pub namespace: String,
    /// Where it is here.
    pub address: SocketAddr,
    /// The pods that took connections when it was opened.
    pub pods: Vec<String>,
    route: Arc<Route>,
}

impl fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarded")
            .field("spec", &self.spec)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Forwarded {
    /// What it has carried so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let counters = &self.route.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            connections: read(&counters.connections),
            failed: read(&counters.failed),
            retried: read(&counters.retried),
            up_bytes: read(&counters.up_bytes),
            down_bytes: read(&counters.down_bytes),
        }
    }
}

/// Forwards that are open. Dropped, they close.
#[derive(Debug)]
pub struct Forwards {
    list: Vec<Forwarded>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Forwards {
    /// Opens forwards; when this returns a pod has taken a connection of each. Pods that are not ready yet are waited for,
    /// `patience` long.
    ///
    /// # Errors
    /// Any of them can't be had.
    pub fn open(
        access: &Access,
        specs: &[ForwardSpec],
        patience: Duration,
        tell: impl Fn(Note) + Send + Sync + 'static,
    ) -> Result<Self, ForwardError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, mut stopped) = watch::channel(false);
        let (ready, started) = std::sync::mpsc::channel();
        let (access, specs) = (access.clone(), specs.to_vec());
        let tell: Teller = Arc::new(tell);
        let thread = rt::thread::start("squall-forward", move || {
            runtime.block_on(async move {
                let opened = match prepare(&access, &specs, patience, &tell).await {
                    Ok(opened) => opened,
                    // The other end waits below.
                    Err(error) => return drop(ready.send(Err(error))),
                };
                let mut list = Vec::with_capacity(opened.len());
                for (listener, forwarded) in opened {
                    tokio::spawn(accept(listener, Arc::clone(&forwarded.route)));
                    list.push(forwarded);
                }
                drop(ready.send(Ok(list)));
                let _ = stopped.wait_for(|stopped| *stopped).await;
            });
            runtime.shutdown_background();
        })?;
        let list = started.recv().unwrap_or_else(|_| {
            Err(std::io::Error::other("the forwards' thread ended at its start").into())
        })?;
        Ok(Self { list, stop, thread: Some(thread) })
    }

    /// The forwards, in the order they were asked for.
    #[must_use]
    pub fn list(&self) -> &[Forwarded] {
        &self.list
    }

    /// Variables for scripts: `SQUALL_FORWARD_<NAME>` is `127.0.0.1:PORT`. Of several forwards to one name the first has
    /// it, and each has `SQUALL_FORWARD_<NAME>_<PORT>`.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let list = self.list.iter().map(|forwarded| (&forwarded.spec, forwarded.address));
        variables(&list.collect::<Vec<_>>())
    }

    /// Puts addresses in the place of `{NAME}` where a URL's host is expected: `http://{api}/v1`.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        expand(text, self.list.iter().map(|forwarded| (&forwarded.spec, forwarded.address)))
    }
}

impl Drop for Forwards {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            drop(thread.join());
        }
    }
}

fn variables(list: &[(&ForwardSpec, SocketAddr)]) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    for (spec, address) in list {
        let name = spec.variable();
        let is_taken = variables.iter().any(|(known, _)| *known == name);
        if !is_taken {
            variables.push((name.clone(), address.to_string()));
        }
        if list.iter().filter(|(other, _)| other.variable() == name).count() > 1 {
            let port = spec.port.to_string().to_ascii_uppercase().replace(['-', '.'], "_");
            variables.push((format!("{name}_{port}"), address.to_string()));
        }
    }
    variables
}

fn expand<'a>(text: &str, list: impl Iterator<Item = (&'a ForwardSpec, SocketAddr)>) -> String {
    let mut text = text.to_owned();
    for (spec, address) in list {
        for place in [format!("{{{}}}", spec.name), format!("{{{}:{}}}", spec.name, spec.port)] {
            for before in ["://", "@"] {
                text = text.replace(&format!("{before}{place}"), &format!("{before}{address}"));
            }
        }
    }
    text
}

async fn prepare(
    access: &Access,
    specs: &[ForwardSpec],
    patience: Duration,
    tell: &Teller,
) -> Result<Vec<(TcpListener, Forwarded)>, ForwardError> {
    let cluster = Cluster::choose(access).await?;
    let mut opened = Vec::with_capacity(specs.len());
    for spec in specs {
        let port = spec.local.unwrap_or(0);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let bind = |error| ForwardError::Bind { forward: spec.to_string(), port, error };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let own = match &spec.namespace {
            Some(namespace) => cluster.in_namespace(namespace),
            None => cluster.clone(),
        };
        let namespace = own.namespace().to_owned();
        let route = Arc::new(Route::new(own, spec.clone(), Arc::clone(tell)));
        let pods = reach(&route, patience).await?;
        opened.push((listener, Forwarded { spec: spec.clone(), namespace, address, pods, route }));
    }
    Ok(opened)
}

/// Waits until a pod takes a connection; the names of those that are ready.
async fn reach(route: &Route, patience: Duration) -> Result<Vec<String>, ForwardError> {
    let forward = route.spec.to_string();
    let begun = rt::now();
    loop {
        let error = match route.pods().await {
            Ok(pods) => match attempt(route, &pods).await {
                None => return Ok(pods.into_iter().map(|endpoint| endpoint.pod).collect()),
                Some(why) => why,
            },
            Err(error) => error,
        };
        if !error.may_pass() || rt::now().since(begun) + TRIAL_PAUSE > patience {
            return Err(match error {
                Nowhere::Api(error) => ForwardError::Api { forward, error },
                Nowhere::Never(why) | Nowhere::NotNow(why) => {
                    ForwardError::Nowhere { forward, why }
                }
            });
        }
        sleep(TRIAL_PAUSE).await;
    }
}

/// Opens a way to a pod for a moment. Any of them will do.
async fn attempt(route: &Route, pods: &[super::resolve::Endpoint]) -> Option<Nowhere> {
    let mut last = None;
    for endpoint in pods {
        let mut forwarder = match route.open(endpoint).await {
            Ok(forwarder) => forwarder,
            // A pod that went away since is no reason; a right that lacks is one.
            Err(error @ (ApiError::Forbidden { .. } | ApiError::Unauthorized { .. })) => {
                return Some(Nowhere::Api(error));
            }
            Err(error) => {
                last = Some(Nowhere::NotNow(error.to_string()));
                continue;
            }
        };
        let refusal = forwarder.take_error(endpoint.port);
        let refused = match refusal {
            Some(refusal) => timeout(TRIAL, refusal).await.ok().flatten(),
            None => None,
        };
        forwarder.abort();
        match refused {
            Some(why) if was_not_taken(&why) => {
                last = Some(Nowhere::NotNow(format!(
                    "pod {} does not take connections on port {} ({}): is that the port its container listens on?",
                    endpoint.pod,
                    endpoint.port,
                    short(&why)
                )));
            }
            _ => return None,
        }
    }
    last
}

async fn accept(listener: TcpListener, route: Arc<Route>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((conn, client)) => {
                // Load is many small requests.
                let _ = conn.set_nodelay(true);
                route.counters.connections.fetch_add(1, Ordering::Relaxed);
                (route.tell)(Note::Connected { forward: route.spec.to_string(), client });
                let route = Arc::clone(&route);
                tokio::spawn(async move {
                    route.carry(conn).await;
                    drop(place);
                });
            }
            // Out of descriptors, mostly: they come back when connections close.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_urls_get_the_addresses_by_name() {
        let spec = |text: &str| text.parse::<ForwardSpec>().unwrap();
        let specs = [spec("svc/api:80"), spec("svc/api:grpc"), spec("pod/db-0:5432")];
        let address = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let list = specs.iter().zip([1001, 1002, 1003].map(address));
        let named = |name: &str, port: u16| (name.to_owned(), format!("127.0.0.1:{port}"));
        assert_eq!(
            variables(&list.clone().collect::<Vec<_>>()),
            [
                named("SQUALL_FORWARD_API", 1001),
                named("SQUALL_FORWARD_API_80", 1001),
                named("SQUALL_FORWARD_API_GRPC", 1002),
                named("SQUALL_FORWARD_DB_0", 1003),
            ]
        );
        for (text, want) in [
            ("http://{api}/v1?q={api}", "http://127.0.0.1:1001/v1?q={api}"),
            ("http://{api:grpc}", "http://127.0.0.1:1002"),
            ("postgresql://me@{db-0}/x", "postgresql://me@127.0.0.1:1003/x"),
            ("http://{other}/", "http://{other}/"),
        ] {
            assert_eq!(expand(text, list.clone()), want);
        }
    }
}
