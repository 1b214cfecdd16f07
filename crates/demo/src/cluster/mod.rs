//! A simulated Kubernetes API server: lists, watches, logs, metrics, port-forwards and exec, over plain HTTP.
//!
//! It plays a recorded story (see [`story`]) or holds what its handle puts in, and fails as real ones do
//! ([`ClusterFault`]). Ports of its pods lead to real local sockets. It is what our Kubernetes client is tested against and
//! what the examples run against where there is no cluster; it schedules and scales nothing by itself.
//!
//! Start reading at [`Cluster`], then `serve` (requests), `session` (port-forward and exec).

mod civil;
mod fault;
mod kind;
mod selector;
mod serve;
mod session;
mod store;
mod story;

pub use self::fault::ClusterFault;

use self::kind::Kind;
use self::store::{Line, Store, Usage, Verb};
use self::story::{Playback, Story};
use rt::net::TcpListener;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the story and watches are looked after.
const TICK: Duration = Duration::from_millis(5);
/// After so long without a watch or request the story begins again.
const IDLE_NS: i64 = 3_000_000_000;
/// Requests that are remembered for [`ClusterHandle::requests`].
const REQUESTS: usize = 100_000;

/// How the recorded story is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoryPlan {
    /// Recorded seconds that pass in a real one.
    pub speed: f64,
    /// How long after the first request the load rises.
    pub lead: Duration,
}

/// How to start a cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The story that begins with the first request, and again when nobody has asked for three seconds; without one
    /// the cluster is empty.
    pub story: Option<StoryPlan>,
    /// The bearer token clients need; empty for none.
    pub token: String,
    /// How much later than it is the server's clock shows, nanoseconds.
    pub clock_ahead_ns: i64,
    /// Whether `exec` runs programs of this machine where no answer was given before.
    pub executes: bool,
}

impl ClusterConfig {
    /// Empty, on a free port of 127.0.0.1, without a token.
    #[must_use]
    pub fn on_free_port() -> ClusterConfig {
        ClusterConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            story: None,
            token: String::new(),
            clock_ahead_ns: 0,
            executes: false,
        }
    }
}

/// What a program in a container gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub code: i32,
}

/// Everything the server's thread and its handles share.
#[derive(Debug)]
struct State {
    store: Store,
    story: Option<Told>,
    faults: Vec<ClusterFault>,
    executed: BTreeMap<Vec<String>, Executed>,
    requests: Vec<String>,
    /// Counts calls of [`ClusterHandle::cut_watches`]: watches from before have to end.
    cut: u64,
    watches: usize,
    last_request_ns: i64,
    config: ClusterConfig,
}

/// A story and how far it has been told.
#[derive(Debug)]
struct Told {
    plan: StoryPlan,
    story: Story,
    playback: Option<Playback>,
    next: usize,
}

type Shared = Arc<Mutex<State>>;

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// The server's own time.
    fn now_ns(&self) -> i64 {
        let now = i64::try_from(rt::unix_nanos()).unwrap_or(i64::MAX);
        now.saturating_add(self.config.clock_ahead_ns)
    }

    /// Notes a request, and begins the story where nobody has looked for a while.
    fn asked(&mut self, request: String) {
        if self.requests.len() < REQUESTS {
            self.requests.push(request);
        }
        let now = self.now_ns();
        let rested = now - std::mem::replace(&mut self.last_request_ns, now);
        let is_idle = self.watches == 0 && rested > IDLE_NS;
        let Some(told) = &mut self.story else { return };
        if told.playback.is_some() && !is_idle {
            return;
        }
        let up = now + i64::try_from(told.plan.lead.as_nanos()).unwrap_or(0);
        let playback = Playback::new(&told.story, up, told.plan.speed);
        let moved = told.story.beginning.iter().map(|(kind, object)| {
            let mut object = object.clone();
            playback.move_times(&mut object, 0);
            (*kind, object)
        });
        self.store.reset(moved.collect(), told.story.version);
        told.playback = Some(playback);
        told.next = 0;
        self.use_up();
    }

    /// Tells what of the story is due.
    fn tell(&mut self) {
        let now = self.now_ns();
        let Some(told) = &mut self.story else { return };
        let Some(playback) = told.playback else { return };
        let at = playback.recorded(now);
        while let Some(change) = told.story.changes.get(told.next).filter(|c| c.at_ns <= at) {
            let mut object = change.object.clone();
            playback.move_times(&mut object, change.at_ns);
            match change.verb {
                Verb::Deleted => self.store.delete_as(change.kind, object, change.version),
                _ => self.store.put_as(change.kind, object, change.version),
            }
            told.next += 1;
        }
        self.use_up();
    }

    /// Divides the story's load among its pods that run.
    fn use_up(&mut self) {
        let now = self.now_ns();
        let Some(told) = &self.story else { return };
        let Some(playback) = told.playback else { return };
        let millicores = told.story.load(playback.recorded(now));
        let selector = selector::Selector::parse("app=web", "").unwrap_or_default();
        let Some(pods) = Kind::named("pods") else { return };
        let is_running = |pod: &&Value| pod["status"]["phase"] == "Running";
        let running = self.store.list(pods, "default", &selector).filter(is_running);
        let names: Vec<String> =
            running.filter_map(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned())).collect();
        let each = millicores * 1_000_000 / names.len().max(1) as u64;
        let usage = Usage { cpu_nanocores: each, memory_bytes: story::MEMORY };
        self.store.usage = names.into_iter().map(|pod| ((pod, "web".to_owned()), usage)).collect();
    }

    fn is_forbidden(&self, verb: &str, resource: &str) -> bool {
        self.faults.iter().any(|fault| match fault {
            ClusterFault::Forbidden { verb: refused, resource: of } => {
                (refused == "*" || refused == verb) && of == resource
            }
            _ => false,
        })
    }
}

/// The simulated API server.
#[derive(Debug)]
pub struct Cluster;

impl Cluster {
    /// Starts a cluster on a thread of its own; it listens when this returns.
    ///
    /// # Errors
    /// When the address can't be listened on (the message names it) or the system refuses a thread.
    pub fn start(config: ClusterConfig) -> io::Result<ClusterHandle> {
        let listen = config.listen;
        let story = config.story.map(|plan| Told {
            plan,
            story: Story::recorded(),
            playback: None,
            next: 0,
        });
        let shared = Arc::new(Mutex::new(State {
            store: Store::default(),
            story,
            faults: Vec::new(),
            executed: BTreeMap::new(),
            requests: Vec::new(),
            cut: 0,
            watches: 0,
            last_request_ns: 0,
            config,
        }));
        let (stop, mut stopped) = rt::channel::unbounded::<()>();
        let (ready, started) = mpsc::channel();
        let own = shared.clone();
        let thread = rt::thread::start("squall-cluster", move || {
            let mut core = match rt::Core::new(rt::CoreConfig { spin: false }) {
                Ok(core) => core,
                // The other end waits below and is only gone when its thread panicked.
                Err(error) => return drop(ready.send(Err(error))),
            };
            core.block_on(async move {
                let listener = match bind(listen) {
                    Ok(listener) => listener,
                    Err(error) => return drop(ready.send(Err(error))),
                };
                drop(ready.send(listener.local_addr()));
                // Dropping a task lets it run on; it ends with the core.
                drop(rt::spawn(accept(listener, own.clone())));
                drop(rt::spawn(tick(own)));
                stopped.recv().await;
            });
        })?;
        let address = started
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the cluster's thread ended at its start")))?;
        Ok(ClusterHandle { address, shared, stop, thread: Some(thread) })
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .map_err(|e| io::Error::new(e.kind(), format!("can't listen on {address}: {e}")))
}

async fn accept(listener: TcpListener, shared: Shared) {
    loop {
        match listener.accept().await {
            Ok(stream) => drop(rt::spawn(serve::connection(stream, shared.clone()))),
            // Out of descriptors, mostly: they come back when connections close.
            Err(_) => rt::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn tick(shared: Shared) {
    loop {
        lock(&shared).tell();
        rt::sleep(TICK).await;
    }
}

/// A running cluster. Dropping it stops it.
pub struct ClusterHandle {
    address: SocketAddr,
    shared: Shared,
    stop: rt::channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for ClusterHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterHandle").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ClusterHandle {
    /// Where the API is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig with one context, `simulated`, in the namespace `default`.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_with(&lock(&self.shared).config.token)
    }

    /// The same with a token that may be wrong.
    #[must_use]
    pub fn kubeconfig_with(&self, token: &str) -> String {
        let user = if token.is_empty() { "{}".to_owned() } else { format!("{{token: {token:?}}}") };
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: simulated\n\
             clusters:\n- name: simulated\n  cluster: {{server: \"http://{}\"}}\n\
             users:\n- name: simulated\n  user: {user}\n\
             contexts:\n- name: simulated\n  context: {{cluster: simulated, user: simulated, namespace: default}}\n",
            self.address
        )
    }

    /// Puts an object in, new or in the place of the one with its name. `plural` is its kind: `pods`, `services`,
    /// `deployments`, `horizontalpodautoscalers`, `events`, `replicasets`.
    ///
    /// # Panics
    /// With any other kind.
    pub fn put(&self, plural: &str, object: Value) {
        let kind = Kind::named(plural).expect("a kind the cluster has");
        lock(&self.shared).store.put(kind, object);
    }

    /// Takes an object out; false if there is none.
    ///
    /// # Panics
    /// With a kind the cluster does not have.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) -> bool {
        let kind = Kind::named(plural).expect("a kind the cluster has");
        lock(&self.shared).store.delete(kind, namespace, name)
    }

    /// An object as it is now.
    #[must_use]
    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        lock(&self.shared).store.get(Kind::named(plural)?, namespace, name).cloned()
    }

    /// Says who answers at a port of a pod (`*`: of every pod); without an address nobody does. Connections that are
    /// open end, as when a container restarts.
    pub fn listen_in_pod(&self, namespace: &str, pod: &str, port: u16, to: Option<SocketAddr>) {
        let mut state = lock(&self.shared);
        state.store.listen(pod, port, to);
        state.store.end_life(namespace, pod);
    }

    /// What a command prints when it is executed in any container.
    pub fn answer_exec(&self, command: &[&str], executed: Executed) {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        lock(&self.shared).executed.insert(command, executed);
    }

    /// Adds a line to a container's log, written now.
    pub fn log_line(&self, pod: &str, container: &str, text: &str) {
        let mut state = lock(&self.shared);
        let line = Line { unix_ns: state.now_ns(), text: text.to_owned() };
        state.store.add_line(pod, container, line);
    }

    /// Says what a container uses from now on.
    pub fn set_usage(&self, pod: &str, container: &str, cpu_cores: f64, memory_bytes: u64) {
        let usage = Usage { cpu_nanocores: (cpu_cores * 1e9) as u64, memory_bytes };
        let key = (pod.to_owned(), container.to_owned());
        lock(&self.shared).store.usage.insert(key, usage);
    }

    /// Makes something go wrong.
    pub fn fail(&self, fault: ClusterFault) {
        lock(&self.shared).faults.push(fault);
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        lock(&self.shared).faults.clear();
    }

    /// Forgets the history: watches that resume from before get `410 Gone`.
    pub fn compact(&self) {
        lock(&self.shared).store.compact();
    }

    /// Cuts all watches and followed logs.
    pub fn cut_watches(&self) {
        lock(&self.shared).cut += 1;
    }

    /// Every request so far, as `GET /path?query`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared).requests.clone()
    }

    /// Watches and followed logs that are open.
    #[must_use]
    pub fn watches(&self) -> usize {
        lock(&self.shared).watches
    }

    /// Whether the story was told to its end.
    #[must_use]
    pub fn is_story_over(&self) -> bool {
        let state = lock(&self.shared);
        state
            .story
            .as_ref()
            .is_some_and(|told| told.playback.is_some() && told.next == told.story.changes.len())
    }
}

impl Drop for ClusterHandle {
    fn drop(&mut self) {
        self.stop.send(());
        if let Some(thread) = self.thread.take() {
            // A panic of the cluster's thread was reported when it happened.
            drop(thread.join());
        }
    }
}
