//! Timers of a core: a heap of deadlines, to the nanosecond.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::Nanos;
use crate::core::{current, with_current};

struct Entry {
    waker: RefCell<Option<Waker>>,
    /// Cleared when the sleeper was dropped or has woken: the heap's entry is then stale.
    armed: Cell<bool>,
}

struct Pending {
    at: Nanos,
    seq: u64,
    precise: bool,
    entry: Rc<Entry>,
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.seq) == (other.at, other.seq)
    }
}
impl Eq for Pending {}
impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

/// The timers of one core.
#[derive(Default)]
pub(crate) struct Timers {
    heap: RefCell<BinaryHeap<Reverse<Pending>>>,
    seq: Cell<u64>,
    stale: Cell<usize>,
}

impl Timers {
    fn insert(&self, at: Nanos, precise: bool, entry: Rc<Entry>) {
        let seq = self.seq.get();
        self.seq.set(seq + 1);
        self.heap.borrow_mut().push(Reverse(Pending { at, seq, precise, entry }));
    }

    /// The earliest deadline, and whether its sleeper asked for precision.
    pub(crate) fn next(&self) -> Option<(Nanos, bool)> {
        let mut heap = self.heap.borrow_mut();
        while let Some(Reverse(first)) = heap.peek() {
            if first.entry.armed.get() {
                return Some((first.at, first.precise));
            }
            heap.pop();
            self.stale.set(self.stale.get().saturating_sub(1));
        }
        None
    }

    /// Wakes everyone whose deadline is not after `now`, in order of deadlines.
    pub(crate) fn fire(&self, now: Nanos) {
        loop {
            let mut heap = self.heap.borrow_mut();
            match heap.peek() {
                Some(Reverse(first)) if first.at <= now => {}
                _ => return,
            }
            let Some(Reverse(due)) = heap.pop() else { return };
            drop(heap);
            if due.entry.armed.replace(false) {
                let waker = due.entry.waker.borrow_mut().take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            } else {
                self.stale.set(self.stale.get().saturating_sub(1));
            }
        }
    }

    /// Counts a cancelled timer, and sweeps when most of the heap is cancelled timers (time-outs that were not needed).
    fn cancelled(&self) {
        let stale = self.stale.get() + 1;
        self.stale.set(stale);
        let Ok(mut heap) = self.heap.try_borrow_mut() else { return };
        if stale > 64 && stale * 2 > heap.len() {
            heap.retain(|Reverse(pending)| pending.entry.armed.get());
            self.stale.set(0);
        }
    }

    pub(crate) fn clear(&self) {
        let heap = std::mem::take(&mut *self.heap.borrow_mut());
        drop(heap);
    }
}

/// Waits until a point in time. Cheap to drop before it.
pub struct Sleep {
    at: Nanos,
    precise: bool,
    entry: Option<Rc<Entry>>,
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sleep until {:?}", self.at)
    }
}

impl Sleep {
    /// When it ends.
    #[must_use]
    pub fn deadline(&self) -> Nanos {
        self.at
    }
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(entry) = &self.entry {
            if !entry.armed.get() {
                return Poll::Ready(());
            }
            let mut waker = entry.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        with_current(|core| {
            let core = core.expect("rt::sleep is polled on a core");
            if core.now() >= self.at {
                return Poll::Ready(());
            }
            let entry = Rc::new(Entry {
                waker: RefCell::new(Some(cx.waker().clone())),
                armed: Cell::new(true),
            });
            core.timers.insert(self.at, self.precise, entry.clone());
            self.entry = Some(entry);
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(entry) = &self.entry
            && entry.armed.replace(false)
            && let Some(core) = current()
        {
            core.timers.cancelled();
        }
    }
}

/// Waits until `at`; returns at once if that has passed.
#[must_use]
pub fn sleep_until(at: Nanos) -> Sleep {
    Sleep { at, precise: false, entry: None }
}

/// Like [`sleep_until`], and a core that may spin does so over the last microseconds, to start on time.
#[must_use]
pub fn sleep_until_precise(at: Nanos) -> Sleep {
    Sleep { at, precise: true, entry: None }
}

/// Waits for `duration` from now.
#[must_use]
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(crate::now() + duration)
}

/// A time-out ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

/// Runs `future` for at most `duration`; what it was doing is dropped then.
///
/// # Errors
/// [`Elapsed`] if the time ran out first.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut sleep = std::pin::pin!(sleep(duration));
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(value));
        }
        sleep.as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}
