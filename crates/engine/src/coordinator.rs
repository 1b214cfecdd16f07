//! Where everything that was measured comes together: snapshots of any number of agents, merged into one result.
//!
//! An agent is whatever makes load: a core of this process, another process, later a Python child or a pod. All send
//! the same snapshots, so a local run and a distributed one are one code path. Local cores hand their snapshots over
//! directly; other processes connect to a Unix socket ([`collect`]) and send them in frames ([`Uplink`]).

use std::io::{self, Write};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use metrics::{
    Aggregator, AggregatorConfig, Ingest, IngestError, Registry, Snapshot, ThresholdVerdict, Totals,
};
use rt::net::{UnixListener, UnixStream};

use crate::outcome::StartError;
use crate::wait::{Either, Queue, either};

/// First bytes of an agent's connection: a name and the version of these frames.
const HELLO: [u8; 8] = *b"SQUALL\x00\x01";
/// A frame's length beyond which it is not read: no snapshot within the series cap comes near.
const MAX_FRAME: usize = 256 << 20;
/// What ends an agent's frames: an orderly goodbye, as opposed to a connection that breaks.
const GOODBYE: u32 = 0;
/// How long a coordinator may take a frame before its agent gives up on it.
const SEND_PATIENCE: Duration = Duration::from_secs(5);

/// Merges what agents send.
pub struct Coordinator {
    aggregator: Aggregator,
}

impl std::fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Coordinator")
    }
}

impl Coordinator {
    /// A coordinator that knows the metrics declared so far; snapshots explain the others.
    ///
    /// # Errors
    /// For thresholds that make no sense.
    pub fn new(config: AggregatorConfig, registry: &Registry) -> Result<Coordinator, StartError> {
        let mut aggregator = Aggregator::new(config)?;
        for metric in registry.list_from(0) {
            aggregator.declare(&metric)?;
        }
        Ok(Coordinator { aggregator })
    }

    /// Merges a snapshot; one that came before changes nothing.
    ///
    /// # Errors
    /// When it contradicts what is known.
    pub fn take(&mut self, snapshot: &Snapshot) -> Result<Ingest, IngestError> {
        self.aggregator.ingest(snapshot)
    }

    /// Looks at the thresholds after `elapsed`.
    pub fn thresholds(&mut self, elapsed: Duration, at_end: bool) -> ThresholdVerdict {
        self.aggregator.evaluate(elapsed, at_end)
    }

    /// Everything merged so far, over all agents.
    #[must_use]
    pub fn totals(&self, elapsed: Duration) -> Totals {
        self.aggregator.totals(elapsed)
    }
}

/// An agent's way to a coordinator in another process.
///
/// Blocking, with a time limit: it is used off the path of requests, about once a second.
#[derive(Debug)]
pub struct Uplink {
    stream: StdUnixStream,
}

impl Uplink {
    /// Connects to the coordinator that listens at `path`.
    ///
    /// # Errors
    /// The system's error.
    pub fn connect(path: &Path) -> io::Result<Uplink> {
        let mut stream = StdUnixStream::connect(path)?;
        stream.set_write_timeout(Some(SEND_PATIENCE))?;
        stream.write_all(&HELLO)?;
        Ok(Uplink { stream })
    }

    /// Sends a snapshot.
    ///
    /// # Errors
    /// The system's error; the coordinator can't be reached any more.
    pub fn send(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let bytes = snapshot.encode();
        let length = u32::try_from(bytes.len()).ok().filter(|n| *n as usize <= MAX_FRAME);
        let length =
            length.ok_or_else(|| io::Error::other("the snapshot is too large to be sent"))?;
        self.stream.write_all(&length.to_le_bytes())?;
        self.stream.write_all(&bytes)
    }

    /// Says that this agent is done.
    ///
    /// # Errors
    /// The system's error.
    pub fn finish(mut self) -> io::Result<()> {
        self.stream.write_all(&GOODBYE.to_le_bytes())
    }
}

/// How the agents of a collection ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Agents that said goodbye.
    pub finished: usize,
    /// Agents whose connection ended otherwise, and why. What they sent before counts.
    pub lost: Vec<String>,
    /// Agents that never came.
    pub missing: usize,
}

enum Heard {
    Snapshot(Box<Snapshot>),
    Finished,
    Lost(String),
}

/// Merges what `n_agents` processes send to `listener` until all have ended or `patience` is over.
/// Runs on a core ([`rt::Core::block_on`]).
pub async fn collect(
    listener: UnixListener,
    n_agents: usize,
    patience: Duration,
    coordinator: &mut Coordinator,
) -> Collected {
    let heard: Rc<Queue<Heard>> = Rc::default();
    let mut collected = Collected::default();
    let deadline = rt::now() + patience;
    let mut arrived = 0;
    while collected.finished + collected.lost.len() < n_agents {
        let connection = async {
            if arrived < n_agents { listener.accept().await } else { std::future::pending().await }
        };
        let next = either(heard.next(), connection);
        match either(next, rt::sleep_until(deadline)).await {
            Either::Second(()) => break,
            Either::First(Either::First(Heard::Snapshot(snapshot))) => {
                if let Err(error) = coordinator.take(&snapshot) {
                    collected.lost.push(error.to_string());
                }
            }
            Either::First(Either::First(Heard::Finished)) => collected.finished += 1,
            Either::First(Either::First(Heard::Lost(why))) => collected.lost.push(why),
            Either::First(Either::Second(Ok(stream))) => {
                arrived += 1;
                let heard = heard.clone();
                rt::spawn(async move {
                    let end = match listen(&stream, &heard).await {
                        Ok(()) => Heard::Finished,
                        Err(error) => Heard::Lost(error.to_string()),
                    };
                    heard.push(end);
                });
            }
            Either::First(Either::Second(Err(error))) => collected.lost.push(error.to_string()),
        }
    }
    collected.missing = n_agents.saturating_sub(collected.finished + collected.lost.len());
    collected
}

/// Reads an agent's frames until its goodbye.
async fn listen(stream: &UnixStream, heard: &Queue<Heard>) -> io::Result<()> {
    let mut hello = [0; HELLO.len()];
    read_exact(stream, &mut hello).await?;
    if hello != HELLO {
        return Err(io::Error::other("not an agent of this version of squall"));
    }
    loop {
        let mut length = [0; 4];
        read_exact(stream, &mut length).await?;
        let length = u32::from_le_bytes(length);
        if length == GOODBYE {
            return Ok(());
        }
        if length as usize > MAX_FRAME {
            return Err(io::Error::other(format!("a frame of {length} bytes is too large")));
        }
        let bytes = read_frame(stream, length as usize).await?;
        let snapshot = Snapshot::decode(&bytes).map_err(io::Error::other)?;
        heard.push(Heard::Snapshot(Box::new(snapshot)));
    }
}

/// Reads a frame, allocating as it comes: a length alone reserves nothing.
async fn read_frame(stream: &UnixStream, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let start = bytes.len();
        bytes.resize(length.min(start + (64 << 10)), 0);
        read_exact(stream, &mut bytes[start..]).await?;
    }
    Ok(bytes)
}

async fn read_exact(stream: &UnixStream, mut buf: &mut [u8]) -> io::Result<()> {
    while !buf.is_empty() {
        match stream.read(buf).await? {
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the agent went away")),
            n => buf = &mut buf[n..],
        }
    }
    Ok(())
}
