//! Starting and stopping a target, and asking it what it served, from inside the same process.

use crate::book::Book;
use crate::connection::{Connection, SharedBook, lock};
use crate::control::Control;
use crate::grpc;
use crate::log::LogEntry;
use crate::stats::Served;
use crate::transcript::TranscriptEntry;
use rt::net::{TcpListener, TcpStream};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How to start a target.
#[derive(Clone, Debug)]
pub struct TargetConfig {
    /// The addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Where gRPC is served; nowhere if none.
    pub grpc: Option<SocketAddr>,
    /// How long a sum that came over gRPC takes until the totalizer has it: the seeds' message queue.
    pub pipeline_delay: Duration,
    /// Whether single requests are remembered ([`TargetHandle::log`]); counts always are.
    pub log: bool,
    /// How many of the newest requests are remembered, 56 bytes each.
    pub log_capacity: usize,
    /// Whether requests are kept as received ([`TargetHandle::transcript`]). Costs time and memory.
    pub transcript: bool,
    /// The modes at the start.
    pub control: Control,
    /// The longest request body that is accepted, bytes; longer ones get 413.
    pub max_body: usize,
}

impl TargetConfig {
    /// The addresses of `squall demo-target`.
    pub const USUAL_PORTS: [u16; 2] = [8000, 8080];
    /// The port of gRPC.
    pub const USUAL_GRPC_PORT: u16 = 50051;

    /// On these addresses, without gRPC, with a log of a million requests, no transcript and no modes.
    #[must_use]
    pub fn on(listen: Vec<SocketAddr>) -> TargetConfig {
        TargetConfig {
            listen,
            grpc: None,
            pipeline_delay: Duration::ZERO,
            log: true,
            log_capacity: 1_000_000,
            transcript: false,
            control: Control::PLAIN,
            max_body: 64 * 1024 * 1024,
        }
    }

    /// On a free port of 127.0.0.1, and another one for gRPC.
    #[must_use]
    pub fn on_free_port() -> TargetConfig {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        TargetConfig { grpc: Some(free), ..TargetConfig::on(vec![free]) }
    }
}

/// The bundled system under test.
#[derive(Debug)]
pub struct Target;

impl Target {
    /// Starts a target on a thread of its own; it listens when this returns.
    ///
    /// # Errors
    /// When an address can't be listened on (the message names it) or the system refuses a thread.
    pub fn start(config: TargetConfig) -> io::Result<TargetHandle> {
        let book: SharedBook = Arc::new(Mutex::new(Book::new(&config, rt::now())));
        let (stop, stopped) = rt::channel::unbounded();
        let (ready, started) = mpsc::channel();
        let shared = book.clone();
        let thread = rt::thread::start("squall-demo", move || {
            let mut core = match rt::Core::new(rt::CoreConfig { spin: false }) {
                Ok(core) => core,
                // The other end waits below and is only gone when its thread panicked.
                Err(error) => return drop(ready.send(Err(error))),
            };
            core.block_on(run(config, shared, stopped, ready));
        })?;
        let addrs = started
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the target's thread ended at its start")));
        let Bound { addrs, grpc } = addrs?;
        Ok(TargetHandle { addrs, grpc, book, stop, thread: Some(thread) })
    }
}

/// Where the target listens.
struct Bound {
    addrs: Vec<SocketAddr>,
    grpc: Option<SocketAddr>,
}

async fn run(
    config: TargetConfig,
    book: SharedBook,
    mut stopped: rt::channel::Receiver<()>,
    ready: mpsc::Sender<io::Result<Bound>>,
) {
    let http: io::Result<Vec<_>> = config.listen.iter().map(|addr| bind(*addr)).collect();
    let bound = http.and_then(|http| Ok((http, config.grpc.map(bind).transpose()?)));
    let (http, grpc) = match bound {
        Ok(bound) => bound,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let addrs = http.iter().map(|(_, addr)| *addr).collect();
    let bound = Bound { addrs, grpc: grpc.as_ref().map(|(_, addr)| *addr) };
    let max_body = config.max_body;
    for (listener, _) in http {
        // Dropping the task lets it run on; it ends with the core.
        drop(rt::spawn(accept(listener, book.clone(), move |stream, book, number| {
            drop(rt::spawn(Connection::new(stream, book, number, max_body).serve()));
        })));
    }
    if let Some((listener, _)) = grpc {
        drop(rt::spawn(accept(listener, book.clone(), |stream, book, number| {
            drop(rt::spawn(grpc::serve(stream, book, number)));
        })));
    }
    drop(ready.send(Ok(bound)));
    stopped.recv().await;
}

fn bind(addr: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listen = || {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        Ok((listener, addr))
    };
    listen()
        .map_err(|e: io::Error| io::Error::new(e.kind(), format!("can't listen on {addr}: {e}")))
}

async fn accept(
    listener: TcpListener,
    book: SharedBook,
    serve: impl Fn(TcpStream, SharedBook, u32),
) {
    loop {
        match listener.accept().await {
            Ok(stream) => {
                let number = {
                    let mut book = lock(&book);
                    book.counts.connections_accepted += 1;
                    book.next_connection += 1;
                    book.next_connection
                };
                serve(stream, book.clone(), number);
            }
            // Out of descriptors, mostly: they come back when connections close.
            Err(_) => rt::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// A running target. Dropping it stops it.
pub struct TargetHandle {
    addrs: Vec<SocketAddr>,
    grpc: Option<SocketAddr>,
    book: SharedBook,
    stop: rt::channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for TargetHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetHandle").field("addrs", &self.addrs).finish_non_exhaustive()
    }
}

impl TargetHandle {
    /// Where it listens, in the order of [`TargetConfig::listen`].
    #[must_use]
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// Where it serves gRPC.
    #[must_use]
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc
    }

    /// `http://HOST:PORT` of the first address, without a slash at the end; empty if there is none.
    #[must_use]
    pub fn url(&self) -> String {
        self.addrs.first().map_or_else(String::new, |addr| format!("http://{addr}"))
    }

    /// Counts since the start or the last reset.
    #[must_use]
    pub fn served(&self) -> Served {
        lock(&self.book).served()
    }

    /// The remembered requests in the order of completion, oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        lock(&self.book).entries(0)
    }

    /// The remembered requests from sequence number `since` on.
    #[must_use]
    pub fn log_since(&self, since: u64) -> Vec<LogEntry> {
        lock(&self.book).entries(since)
    }

    /// The requests as received, in the order of their arrival; empty unless switched on.
    #[must_use]
    pub fn transcript(&self) -> Vec<TranscriptEntry> {
        lock(&self.book).transcript.entries().to_vec()
    }

    /// New modes from now on; they begin to count requests from zero.
    pub fn set_control(&self, control: Control) {
        lock(&self.book).set_control(control);
    }

    /// Forgets log, counts and transcript, and rewinds the modes.
    pub fn reset(&self) {
        lock(&self.book).reset();
    }

    /// Closes everything and waits for the thread's end.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send(());
        if let Some(thread) = self.thread.take() {
            // A panic of the target's thread was reported when it happened.
            drop(thread.join());
        }
    }
}

impl Drop for TargetHandle {
    fn drop(&mut self) {
        self.end();
    }
}
