//! Outputs that send to a receiver: each has a thread with a readiness loop of its own, beside the cores.
//!
//! What was measured passes through a queue that is bounded in samples. The thread sends with `net`'s client, the same
//! that makes load: one HTTP and one TLS in the program, no second runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::{Delivery, Needs, Output, SampleBatch, Snapshot};
use rt::{Core, CoreConfig, Nanos};

use crate::context::{Context, Level, Log};
use crate::queue::Tally;
use crate::wanted::{OutputError, system_text};

/// How long an output may go on sending what is left when the run is over.
pub(crate) const FINISH_LIMIT: Duration = Duration::from_secs(20);
/// How much longer the end of the run waits for the thread: for a request that was under way.
const FINISH_SLACK: Duration = Duration::from_secs(15);

/// What an output's thread is given.
pub(crate) enum Item {
    /// Single samples.
    Samples(Arc<SampleBatch>),
    /// A change of sums.
    Snapshot(Arc<Snapshot>),
}

impl Item {
    /// What it counts in the queue.
    fn weight(&self) -> u64 {
        match self {
            Self::Samples(batch) => batch.len() as u64,
            Self::Snapshot(snapshot) => snapshot.n_changes() as u64,
        }
    }
}

/// When a run is over: sending ends at this time. Shared with the thread.
#[derive(Debug, Clone)]
pub(crate) struct Ending(Arc<AtomicU64>);

impl Ending {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    fn begin(&self) {
        let at = rt::now() + FINISH_LIMIT;
        self.0.store(at.0, Ordering::Relaxed);
    }

    /// When nothing may be sent any more.
    pub(crate) fn at(&self) -> Nanos {
        Nanos(self.0.load(Ordering::Relaxed))
    }

    /// Whether the time is up.
    pub(crate) fn is_over(&self) -> bool {
        rt::now() >= self.at()
    }
}

/// The thread's end of the queue.
pub(crate) struct Inbox {
    items: rt::channel::Receiver<Item>,
    tally: Tally,
}

impl Inbox {
    /// The next item; `None` once the run is over and all was taken.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        let item = self.items.recv().await?;
        self.tally.taken(item.weight());
        Some(item)
    }

    /// The next item, or `Err` when it is `at`.
    pub(crate) async fn next_until(&mut self, at: Nanos) -> Result<Option<Item>, Due> {
        let (mut next, mut due) = (pin!(self.next()), pin!(rt::sleep_until(at)));
        std::future::poll_fn(|cx| {
            // Time first: a queue that is never empty must not keep an interval from ending.
            if due.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Due));
            }
            next.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

/// It is time to send.
pub(crate) struct Due;

/// What a thread is started with.
pub(crate) struct Station {
    /// Where items come from.
    pub(crate) inbox: Inbox,
    /// Where to count what became of them.
    pub(crate) tally: Tally,
    /// When the run is over.
    pub(crate) ending: Ending,
    /// Where troubles are told.
    pub(crate) log: Arc<dyn Log>,
}

/// An output that sends to a receiver.
pub(crate) struct PushOutput {
    needs: Needs,
    queue: Option<rt::channel::Sender<Item>>,
    thread: Option<JoinHandle<()>>,
    ended: Receiver<()>,
    ending: Ending,
    tally: Tally,
    description: String,
    log: Arc<dyn Log>,
}

impl PushOutput {
    /// Starts the thread, which runs what `body` gives until the run is over.
    ///
    /// # Errors
    /// The system refuses a thread or a descriptor.
    pub(crate) fn start<F: Future<Output = ()>>(
        needs: Needs,
        description: String,
        context: &Context,
        body: impl FnOnce(Station) -> F + Send + 'static,
    ) -> Result<Self, OutputError> {
        let (tally, ending) = (Tally::default(), Ending::new());
        let (queue, items) = rt::channel::unbounded();
        let (end, ended) = channel();
        let station = Station {
            inbox: Inbox { items, tally: tally.clone() },
            tally: tally.clone(),
            ending: ending.clone(),
            log: Arc::clone(&context.log),
        };
        let refused = |error: &std::io::Error| OutputError::Start(system_text(error));
        let (ready, is_ready) = channel();
        let main = move || {
            match Core::new(CoreConfig { spin: false }) {
                Ok(mut core) => {
                    let _ = ready.send(Ok(()));
                    core.block_on(async move { body(station).await });
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
            let _ = end.send(());
        };
        let thread = rt::thread::start("squall-output", main).map_err(|error| refused(&error))?;
        if let Ok(Err(error)) = is_ready.recv() {
            return Err(refused(&error));
        }
        Ok(Self {
            needs,
            queue: Some(queue),
            thread: Some(thread),
            ended,
            ending,
            tally,
            description,
            log: Arc::clone(&context.log),
        })
    }

    fn put(&self, item: Item) {
        let Some(queue) = &self.queue else { return };
        if self.tally.admit(item.weight()) {
            queue.send(item);
        }
    }
}

impl Output for PushOutput {
    fn needs(&self) -> Needs {
        self.needs
    }

    fn samples(&mut self, batch: &Arc<SampleBatch>) {
        self.tally.overflow(batch.dropped());
        self.put(Item::Samples(Arc::clone(batch)));
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) {
        self.put(Item::Snapshot(Arc::clone(snapshot)));
    }

    fn finish(&mut self) -> Delivery {
        self.ending.begin();
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            match self.ended.recv_timeout(FINISH_LIMIT + FINISH_SLACK) {
                Err(RecvTimeoutError::Timeout) => self.log.log(
                    Level::Error,
                    "an output did not end in time; what it still had to send is lost",
                    &[("output", self.description.clone())],
                ),
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    let _ = thread.join();
                }
            }
        }
        self.tally.delivery(&self.description)
    }
}
