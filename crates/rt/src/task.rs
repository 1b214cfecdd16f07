//! Local tasks: futures that live and run on one core, and the wakers that make them run again.
//!
//! A waker may be used on any thread. On the task's own core a wake is one atomic swap and a push onto the run queue;
//! from elsewhere the task's number goes through the core's locked mailbox and the core's loop is interrupted.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::core::{Inner, Mailbox, current, with_current};

/// What a waker points to.
pub(crate) struct TaskRef {
    key: usize,
    queued: AtomicBool,
    mailbox: Arc<Mailbox>,
}

impl Wake for TaskRef {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let local = with_current(|core| match core {
            Some(core) if Arc::ptr_eq(core.mailbox(), &self.mailbox) => {
                let mut queue = core.run_queue.borrow_mut();
                if core.wake_first.get() {
                    queue.push_front(self.clone());
                } else {
                    queue.push_back(self.clone());
                }
                true
            }
            _ => false,
        });
        if !local {
            self.mailbox.post(self.clone());
        }
    }
}

struct Slot {
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// Taken out while the task runs, like the future.
    waker: Option<Waker>,
    task: Arc<TaskRef>,
}

/// The tasks of a core.
#[derive(Default)]
pub(crate) struct Tasks {
    slots: RefCell<Vec<Option<Slot>>>,
    free: RefCell<Vec<usize>>,
}

impl Tasks {
    fn insert(&self, core: &Inner, future: Pin<Box<dyn Future<Output = ()>>>) -> Arc<TaskRef> {
        let mut slots = self.slots.borrow_mut();
        let key = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(None);
            slots.len() - 1
        });
        let task = Arc::new(TaskRef {
            key,
            queued: AtomicBool::new(true),
            mailbox: core.mailbox().clone(),
        });
        let waker = Waker::from(task.clone());
        slots[key] = Some(Slot { future: Some(future), waker: Some(waker), task: task.clone() });
        task
    }

    /// Runs one task once. Tasks that ended since they were woken are ignored.
    pub(crate) fn run(&self, task: &Arc<TaskRef>) {
        let (mut future, waker) = {
            let mut slots = self.slots.borrow_mut();
            let Some(Some(slot)) = slots.get_mut(task.key) else { return };
            if !Arc::ptr_eq(&slot.task, task) {
                return;
            }
            let (Some(future), Some(waker)) = (slot.future.take(), slot.waker.take()) else {
                return;
            };
            (future, waker)
        };
        // Cleared before polling: a wake that comes during the poll queues the task again.
        task.queued.store(false, Ordering::Release);
        let done = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut slots = self.slots.borrow_mut();
        if done {
            let slot = slots[task.key].take();
            self.free.borrow_mut().push(task.key);
            drop(slots);
            drop((slot, future));
        } else if let Some(slot) = &mut slots[task.key] {
            (slot.future, slot.waker) = (Some(future), Some(waker));
        }
    }

    /// Takes every task out, to drop them while the core is still usable.
    pub(crate) fn drain(&self) -> Vec<Pin<Box<dyn Future<Output = ()>>>> {
        self.free.borrow_mut().clear();
        self.slots.borrow_mut().drain(..).flatten().filter_map(|slot| slot.future).collect()
    }

    /// How many tasks are alive.
    pub(crate) fn len(&self) -> usize {
        self.slots.borrow().len() - self.free.borrow().len()
    }
}

struct Shared<T> {
    result: Option<T>,
    waiter: Option<Waker>,
}

/// A handle on a spawned task: a future of its result. Dropping it lets the task run on by itself.
pub struct Task<T>(Rc<RefCell<Shared<T>>>);

impl<T> Task<T> {
    /// The result, if the task has ended and nobody has taken it.
    #[must_use]
    pub fn try_take(&self) -> Option<T> {
        self.0.borrow_mut().result.take()
    }
}

impl<T> Future for Task<T> {
    type Output = T;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut shared = self.0.borrow_mut();
        match shared.result.take() {
            Some(value) => Poll::Ready(value),
            None => {
                shared.waiter = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Starts a task on the current core.
///
/// # Panics
/// On a thread that runs no core.
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    let core = current().expect("rt::spawn is called on a core");
    let shared = Rc::new(RefCell::new(Shared { result: None, waiter: None }));
    let out = shared.clone();
    let body = Box::pin(async move {
        let value = future.await;
        let waiter = {
            let mut out = out.borrow_mut();
            out.result = Some(value);
            out.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    });
    let task = core.tasks.insert(&core, body);
    core.run_queue.borrow_mut().push_back(task);
    Task(shared)
}

/// Lets the other tasks that are ready, and sockets and timers, have their turn.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        with_current(|core| {
            if let Some(core) = core {
                core.yielded.set(true);
            }
        });
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Waits until the other tasks that are ready now have run, for a few microseconds at most; no wait if there are none.
///
/// For the step that hands work to somebody else, such as writing a request: done back to back by all tasks of a turn,
/// those steps wake the other side once instead of once each, which is dear.
pub fn turn_end() -> impl Future<Output = ()> {
    let mut waited = false;
    std::future::poll_fn(move |cx| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        let deferred = with_current(|core| core.is_some_and(|core| core.defer(cx.waker())));
        if deferred { Poll::Pending } else { Poll::Ready(()) }
    })
}
