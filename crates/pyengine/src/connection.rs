//! One connection: a task of the core that connects, then carries one exchange after the other.
//!
//! A request on a resting connection is written by whoever asks for it, at once; the task is woken by what comes back. So
//! a request costs one write, one read, and no task of its own. While nothing is asked the task listens all the same: a
//! connection the server closes is gone from the pool before anybody tries it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use net::h1::{Decoder, Limits};
use net::http::{BodySink, Method, Response};
use rt::{Nanos, Sleep};

use crate::engine::Shared;
use crate::outcome::{Failure, Outcome, Slot};
use crate::pool::{Pool, Retry};
use crate::wire::{ECONNRESET, EPIPE, Wire, errno};

/// A request on its way to a connection.
pub(crate) struct Job<W> {
    pub(crate) slot: Arc<Slot<W>>,
    pub(crate) order: Order,
    /// How often it was sent in vain.
    pub(crate) tried: u32,
}

/// What is to be sent, and how long it may take.
#[derive(Clone, Debug)]
pub struct Order {
    /// The method, which tells whether the response has a body.
    pub method: Method,
    /// Head and body.
    pub bytes: Vec<u8>,
    /// Whether it may be sent twice.
    pub repeatable: bool,
    /// Addresses to try, where the host is a name.
    pub addresses: Vec<SocketAddr>,
    /// The longest that connecting may take, for each address.
    pub connect_timeout: Option<Duration>,
    /// The longest that may pass without a byte.
    pub read_timeout: Option<Duration>,
    /// When it was asked for.
    pub started: Nanos,
}

pub(crate) struct Connection<W> {
    pub(crate) pool: Rc<Pool<W>>,
    /// Its number in the engine.
    pub(crate) number: usize,
    epoch: u32,
    inner: RefCell<Inner<W>>,
}

struct Inner<W> {
    wire: Option<Wire>,
    remote: Option<SocketAddr>,
    running: Option<Running<W>>,
    /// The task's.
    waker: Option<Waker>,
    sleep: Option<Sleep>,
    /// When the running exchange has waited too long for a byte.
    deadline: Nanos,
    rested_since: Nanos,
    /// To be closed as soon as the task runs.
    doomed: bool,
    /// It was seen to stand just before the running exchange began.
    is_checked: bool,
}

/// An exchange under way.
struct Running<W> {
    slot: Arc<Slot<W>>,
    order: Order,
    written: usize,
    flushed: bool,
    /// Writing failed; what the peer had said before may still be read.
    write_failure: Option<i32>,
    decoder: Decoder,
    response: Response,
    first_byte: Option<Nanos>,
    last_byte: Nanos,
    tried: u32,
}

impl<W> Running<W> {
    fn new(job: Job<W>) -> Running<W> {
        let Job { slot, order, tried } = job;
        Running {
            slot,
            decoder: Decoder::new(&order.method, BodySink::Keep, Limits::STANDARD),
            last_byte: order.started,
            order,
            written: 0,
            flushed: false,
            write_failure: None,
            response: Response::default(),
            first_byte: None,
            tried,
        }
    }

    fn into_outcome(self, failure: Option<Failure>) -> (Arc<Slot<W>>, Outcome) {
        let ended = if failure.is_some() { rt::now() } else { self.last_byte };
        let started = self.order.started;
        let outcome = Outcome {
            response: self.response,
            failure,
            sent: self.order.bytes,
            started,
            first_byte: self.first_byte.unwrap_or(ended),
            ended: ended.max(started),
        };
        (self.slot, outcome)
    }
}

/// The bytes read at once.
const SCRATCH_BYTES: usize = 64 << 10;

thread_local! {
    /// Used within one poll, never across a wait: one for all connections of a thread.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// What a look at the exchange came to.
enum Step {
    Wait,
    /// It is over, and the connection may be used again.
    Keep,
    /// It is over, and so is the connection.
    End(Option<Failure>),
}

impl<W: 'static> Connection<W> {
    /// A connection that will first carry out `job`.
    pub(crate) fn new(pool: Rc<Pool<W>>, number: usize, job: Job<W>) -> Connection<W> {
        job.slot.set_place(Some(number));
        let epoch = pool.epoch();
        pool.opened();
        let inner = Inner {
            wire: None,
            remote: None,
            running: Some(Running::new(job)),
            waker: None,
            sleep: None,
            deadline: Nanos::MAX,
            rested_since: Nanos(0),
            doomed: false,
            is_checked: true,
        };
        Connection { pool, number, epoch, inner: RefCell::new(inner) }
    }

    /// Whether a request may be tried on it now. What happened within this turn of the loop has not been seen yet, so the
    /// kernel is asked; but not for a request that can be repeated if it fails, and that comes right after another.
    pub(crate) fn is_usable(&self, now: Nanos, repeatable: bool) -> bool {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let Some(wire) = inner.wire.as_mut().filter(|_| !inner.doomed) else { return false };
        let rested = now.since(inner.rested_since);
        inner.is_checked = rested >= TRUSTED || !repeatable;
        !inner.is_checked || !wire.is_stale()
    }

    /// Starts an exchange on a resting connection: writes as much as goes.
    pub(crate) fn begin(&self, job: Job<W>) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        job.slot.set_place(Some(self.number));
        let started = job.order.started;
        inner.deadline = job.order.read_timeout.map_or(Nanos::MAX, |limit| started + limit);
        let mut running = Running::new(job);
        let mut wait_in_task = inner.deadline < Nanos::MAX
            && inner.sleep.as_ref().is_none_or(|sleep| {
                // Later than it must, or run out while the connection rested.
                sleep.deadline() > inner.deadline || sleep.deadline() <= started
            });
        if let (Some(wire), Some(waker)) = (&mut inner.wire, &inner.waker) {
            running.write(wire, &mut Context::from_waker(waker));
            wait_in_task |= !running.flushed || running.write_failure.is_some();
        }
        inner.running = Some(running);
        if wait_in_task && let Some(waker) = &inner.waker {
            waker.wake_by_ref();
        }
    }

    /// Closes it when its task runs next, which is soon.
    pub(crate) fn doom(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.doomed = true;
        if let Some(waker) = &inner.waker {
            waker.wake_by_ref();
        }
    }

    /// Whether it works on this request.
    pub(crate) fn works_on(&self, slot: &Arc<Slot<W>>) -> bool {
        let inner = self.inner.borrow();
        inner.running.as_ref().is_some_and(|running| Arc::ptr_eq(&running.slot, slot))
    }

    fn is_doomed(&self) -> bool {
        self.inner.borrow().doomed
    }

    fn note_waker(&self, cx: &Context<'_>) {
        let mut inner = self.inner.borrow_mut();
        if !inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.waker = Some(cx.waker().clone());
        }
    }

    /// The task: from connecting to the end.
    pub(crate) async fn live(self: Rc<Self>, shared: Rc<Shared<W>>) {
        if self.connect(&shared).await {
            poll_fn(|cx| self.poll(cx, &shared)).await;
        }
        self.pool.forget(&self);
        self.pool.closed();
        shared.remove(self.number);
        self.inner.borrow_mut().wire = None;
        // Those that wait for a place get the one that has become free.
        if let Some(job) = self.pool.next_waiting() {
            shared.open(&self.pool, job);
        }
    }

    async fn connect(&self, shared: &Shared<W>) -> bool {
        let (addresses, limit) = {
            let inner = self.inner.borrow();
            let Some(running) = &inner.running else { return false };
            (running.order.addresses.clone(), running.order.connect_timeout)
        };
        let (origin, tls) = (&self.pool.origin, &self.pool.config.tls);
        let connected = {
            let mut connecting = pin!(Wire::connect(origin, &addresses, tls, limit));
            poll_fn(|cx| {
                self.note_waker(cx);
                if self.is_doomed() {
                    return Poll::Ready(None);
                }
                connecting.as_mut().poll(cx).map(Some)
            })
            .await
        };
        match connected {
            None => {
                self.end(shared, Some(Failure::Other("given up".to_owned())));
                false
            }
            Some(Err(failure)) => {
                self.end(shared, Some(failure));
                false
            }
            Some(Ok((wire, remote))) => {
                let mut inner = self.inner.borrow_mut();
                (inner.wire, inner.remote) = (Some(wire), Some(remote));
                inner.start_clock();
                true
            }
        }
    }

    /// Looks at the connection; ready when it is to be closed.
    fn poll(self: &Rc<Self>, cx: &mut Context<'_>, shared: &Rc<Shared<W>>) -> Poll<()> {
        self.note_waker(cx);
        loop {
            let step = {
                let mut inner = self.inner.borrow_mut();
                if inner.doomed { Step::End(None) } else { inner.step(cx) }
            };
            match step {
                Step::Wait => return Poll::Pending,
                Step::Keep => {
                    self.end(shared, None);
                    {
                        let mut inner = self.inner.borrow_mut();
                        inner.rested_since = rt::now();
                        inner.is_checked = false;
                    }
                    if let Some(job) = self.pool.next_waiting() {
                        self.begin(job);
                    } else if !self.pool.keep(self, self.epoch) {
                        return Poll::Ready(());
                    }
                }
                Step::End(failure) => {
                    if let Some(job) = self.try_again(failure.as_ref()) {
                        shared.open(&self.pool, job);
                    } else {
                        self.end(shared, failure);
                    }
                    return Poll::Ready(());
                }
            }
        }
    }

    /// The request, if the connection ended without a byte for it and it may be repeated.
    fn try_again(&self, failure: Option<&Failure>) -> Option<Job<W>> {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let running = inner.running.as_ref()?;
        let died = match failure {
            Some(Failure::Closed) => true,
            Some(Failure::Broken(number)) => *number == ECONNRESET || *number == EPIPE,
            _ => false,
        };
        if !died || running.first_byte.is_some() || running.slot.is_cancelled() {
            return None;
        }
        let again = match self.pool.config.retry {
            Retry::Repeatable(times) => running.order.repeatable && running.tried < times,
            Retry::Never => {
                // A reset comes of a connection that was closed with something unread: the request.
                let was_reset = failure != Some(&Failure::Closed) && running.order.repeatable;
                let came_too_late = was_reset
                    || running.written == 0
                    || inner.wire.as_mut().is_some_and(Wire::refuses);
                !inner.is_checked && came_too_late
            }
        };
        if !again {
            return None;
        }
        let remote = inner.remote;
        let Running { slot, mut order, tried, .. } = inner.running.take()?;
        order.addresses = remote.into_iter().collect();
        slot.set_place(None);
        Some(Job { slot, order, tried: tried + 1 })
    }

    /// Hands the outcome of the running exchange over.
    fn end(&self, shared: &Shared<W>, failure: Option<Failure>) {
        let running = self.inner.borrow_mut().running.take();
        if let Some(running) = running {
            let failure = match failure {
                // Closed for a reason of ours: whoever waits has given up, or the client is gone.
                None if !running.decoder.is_done() => Some(Failure::Closed),
                failure => failure,
            };
            let (slot, outcome) = running.into_outcome(failure);
            slot.set_place(None);
            shared.finish(slot, outcome);
        }
    }
}

/// A connection that has rested for less is taken without asking the kernel whether it still stands.
const TRUSTED: Duration = Duration::from_millis(1);

impl<W> Inner<W> {
    /// The running exchange has just got something, or begins: the time without a byte starts anew.
    fn start_clock(&mut self) {
        let limit = self.running.as_ref().and_then(|running| running.order.read_timeout);
        self.deadline = limit.map_or(Nanos::MAX, |limit| rt::now() + limit);
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(wire) = &mut self.wire else { return Step::End(None) };
        let Some(running) = &mut self.running else {
            // Nothing is expected: whatever comes ends the connection.
            let read = SCRATCH.with_borrow_mut(|scratch| wire.poll_read(cx, scratch));
            return if read.is_pending() { Step::Wait } else { Step::End(None) };
        };
        if !running.flushed && running.write_failure.is_none() {
            running.write(wire, cx);
        }
        match SCRATCH.with_borrow_mut(|scratch| running.read(wire, cx, scratch)) {
            Step::Wait => {}
            over => return over,
        }
        let waits_since = running.last_byte;
        if let Some(limit) = running.order.read_timeout
            && running.first_byte.is_some()
        {
            self.deadline = self.deadline.max(waits_since + limit);
        }
        if self.is_late(cx) { Step::End(Some(Failure::ReadTimeout)) } else { Step::Wait }
    }

    /// Whether the deadline has passed; if not, the task is woken then. One timer serves many exchanges: it is armed
    /// anew when it has run out, not when it is put off.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if self.deadline == Nanos::MAX {
            return false;
        }
        if self.sleep.as_ref().is_some_and(|sleep| sleep.deadline() > self.deadline) {
            self.sleep = None;
        }
        loop {
            let deadline = self.deadline;
            let sleep = self.sleep.get_or_insert_with(|| rt::sleep_until(deadline));
            if Pin::new(&mut *sleep).poll(cx).is_pending() {
                return false;
            }
            let rang_at = sleep.deadline();
            self.sleep = None;
            if rang_at >= deadline || rt::now() >= deadline {
                return true;
            }
        }
    }
}

/// The most of a line that is no status line that is told, bytes.
const MAX_QUOTED: usize = 1_000;

/// Bytes as Python's http.client reads them.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

impl<W> Running<W> {
    /// Writes as much as goes.
    fn write(&mut self, wire: &mut Wire, cx: &mut Context<'_>) {
        while self.written < self.order.bytes.len() {
            match wire.poll_write(cx, &self.order.bytes[self.written..]) {
                Poll::Ready(Ok(n)) => self.written += n,
                Poll::Ready(Err(error)) => {
                    self.write_failure = Some(errno(&error));
                    return;
                }
                Poll::Pending => return,
            }
        }
        match wire.poll_flush(cx) {
            Poll::Ready(Ok(())) => self.flushed = true,
            Poll::Ready(Err(error)) => self.write_failure = Some(errno(&error)),
            Poll::Pending => {}
        }
    }

    fn read(&mut self, wire: &mut Wire, cx: &mut Context<'_>, scratch: &mut [u8]) -> Step {
        loop {
            let n = match wire.poll_read(cx, scratch) {
                Poll::Pending => return Step::Wait,
                Poll::Ready(Ok(0)) => return Step::End(self.at_end()),
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(error)) => return Step::End(Some(Failure::Broken(errno(&error)))),
            };
            // A kernel's stamp from before the request is another clock's error.
            self.last_byte = wire.last_recv().max(self.last_byte);
            self.first_byte.get_or_insert(self.last_byte);
            match self.decoder.feed(&scratch[..n], &mut self.response) {
                Err(error) if self.decoder.has_head() => {
                    return Step::End(Some(Failure::Other(error.detail().to_owned())));
                }
                Err(error) => {
                    let mut lines = scratch[..n].split_inclusive(|b| *b == b'\n');
                    let line = lines.next().unwrap_or_default();
                    // Of a head whose first line is well the decoder's words say more.
                    let text = match line.starts_with(b"HTTP/") {
                        true => error.message.into_owned(),
                        false => latin1(&line[..line.len().min(MAX_QUOTED)]),
                    };
                    return Step::End(Some(Failure::Malformed(text)));
                }
                Ok(taken) if self.decoder.is_done() => {
                    let clean = taken == n && self.flushed && self.decoder.keeps_alive();
                    return if clean { Step::Keep } else { Step::End(None) };
                }
                Ok(_) => {}
            }
        }
    }

    /// The peer has ended the connection.
    fn at_end(&mut self) -> Option<Failure> {
        if self.first_byte.is_none() {
            return Some(match self.write_failure {
                Some(number) => Failure::Broken(number),
                None => Failure::Closed,
            });
        }
        let had_head = self.decoder.has_head();
        match self.decoder.finish(&mut self.response) {
            Ok(()) => None,
            Err(_) if had_head => Some(Failure::Incomplete),
            Err(error) => Some(Failure::Malformed(error.message.into_owned())),
        }
    }
}
