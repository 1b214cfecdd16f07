//! A VU's event loop: timers, background operations and the order in which their callbacks run.
//!
//! As in k6, an iteration is over when the queue is empty and every registered operation is done; promise jobs are run
//! to the end after each callback.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use rt::Nanos;
use rustc_hash::FxHashMap;

use crate::js::{Ctx, Thrown, Val};

/// A callback of `setTimeout` or `setInterval`.
pub(crate) struct Timer {
    pub id: u64,
    pub function: Val,
    pub args: Vec<Val>,
    pub every: Option<Duration>,
    /// What it belongs to: see [`Events::context`].
    pub context: u32,
}

type Done = Box<dyn FnOnce(Ctx, Box<dyn Any>) -> Result<(), Thrown>>;

struct Operation {
    done: Done,
    context: u32,
    stop: Rc<Stop>,
}

/// Ends a background task early.
#[derive(Default)]
struct Stop {
    stopped: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Stop {
    fn stop(&self) {
        self.stopped.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// What is ready to run.
pub(crate) enum Due {
    Timer(Timer),
    Operation(u64, Box<dyn Any>),
}

/// Timers and operations of one VU.
#[derive(Default)]
pub struct Events {
    timers: RefCell<BTreeMap<(Nanos, u64), Timer>>,
    due_at: RefCell<FxHashMap<u64, Nanos>>,
    context: Cell<u32>,
    next_id: Cell<u64>,
    next_timer: Cell<u64>,
    operations: RefCell<FxHashMap<u64, Operation>>,
    completed: RefCell<VecDeque<(u64, Box<dyn Any>)>>,
    waker: RefCell<Option<Waker>>,
    /// Promises that were rejected without a handler: address, the promise (kept alive so that the address stays its
    /// own) and the reason.
    pub(crate) rejections: RefCell<Vec<(usize, Val, Val)>>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    fn id(&self) -> u64 {
        let id = self.next_id.get() + 1;
        self.next_id.set(id);
        id
    }

    /// The number of the async function's group that runs now; 0 for none. Timers and operations started now belong to
    /// it.
    pub(crate) fn context(&self) -> u32 {
        self.context.get()
    }

    /// Sets it. Promises learn it from their engine: see [`VuHost::within`](crate::host::VuHost::within).
    pub(crate) fn set_context(&self, context: u32) {
        self.context.set(context);
    }

    /// Adds a timer; the result is its id for scripts.
    pub(crate) fn add_timer(
        &self,
        function: Val,
        args: Vec<Val>,
        after: Duration,
        every: Option<Duration>,
    ) -> u64 {
        let id = self.next_timer.get() + 1;
        self.next_timer.set(id);
        let context = self.context();
        self.schedule(Timer { id, function, args, every, context }, rt::now() + after);
        id
    }

    fn schedule(&self, timer: Timer, at: Nanos) {
        self.due_at.borrow_mut().insert(timer.id, at);
        self.timers.borrow_mut().insert((at, timer.id), timer);
    }

    /// Removes a timer, if it is still there.
    pub(crate) fn clear_timer(&self, id: u64) {
        let at = self.due_at.borrow_mut().remove(&id);
        let timer = at.and_then(|at| self.timers.borrow_mut().remove(&(at, id)));
        drop(timer);
    }

    /// Puts an interval back, unless its callback cleared it.
    pub(crate) fn repeat(&self, timer: Timer) {
        if let Some(every) = timer.every
            && self.due_at.borrow().contains_key(&timer.id)
        {
            self.schedule(timer, rt::now() + every);
        }
    }

    /// See [`VuHost::start_async`](crate::host::VuHost::start_async).
    pub(crate) fn start<F>(
        self: &Rc<Self>,
        future: F,
        done: impl FnOnce(Ctx, F::Output) -> Result<(), Thrown> + 'static,
    ) where
        F: Future + 'static,
        F::Output: 'static,
    {
        let id = self.id();
        let stop = Rc::new(Stop::default());
        let done: Done = Box::new(move |cx, output| match output.downcast::<F::Output>() {
            Ok(output) => done(cx, *output),
            Err(_) => Ok(()),
        });
        let operation = Operation { done, context: self.context(), stop: stop.clone() };
        self.operations.borrow_mut().insert(id, operation);
        let events = Rc::downgrade(self);
        let mut future: Option<Pin<Box<F>>> = Some(Box::pin(future));
        rt::spawn(async move {
            let output = poll_fn(|cx| {
                if stop.stopped.get() {
                    return Poll::Ready(None);
                }
                let Some(running) = future.as_mut() else { return Poll::Ready(None) };
                let polled = running.as_mut().poll(cx).map(Some);
                if polled.is_pending() {
                    *stop.waker.borrow_mut() = Some(cx.waker().clone());
                }
                polled
            })
            .await;
            drop(future);
            if let (Some(output), Some(events)) = (output, events.upgrade()) {
                events.completed.borrow_mut().push_back((id, Box::new(output)));
                let waker = events.waker.borrow_mut().take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        });
    }

    /// Takes the callback of a finished operation, and what it belongs to.
    pub(crate) fn take_done(&self, id: u64) -> Option<(u32, Done)> {
        let operation = self.operations.borrow_mut().remove(&id)?;
        Some((operation.context, operation.done))
    }

    /// Whether nothing is left to wait for.
    pub(crate) fn is_idle(&self) -> bool {
        self.timers.borrow().is_empty() && self.operations.borrow().is_empty()
    }

    /// What can run now, oldest first.
    pub(crate) fn take_due(&self) -> Option<Due> {
        if let Some((id, output)) = self.completed.borrow_mut().pop_front() {
            return Some(Due::Operation(id, output));
        }
        let mut timers = self.timers.borrow_mut();
        let first = timers.first_entry()?;
        if first.key().0 > rt::now() {
            return None;
        }
        let timer = first.remove();
        if timer.every.is_none() {
            self.due_at.borrow_mut().remove(&timer.id);
        }
        Some(Due::Timer(timer))
    }

    /// Is ready when [`take_due`](Self::take_due) may have something.
    pub(crate) fn ready(&self) -> impl Future<Output = ()> + '_ {
        let next = self.timers.borrow().first_key_value().map(|(&(at, _), _)| at);
        let mut sleep = next.map(rt::sleep_until).map(Box::pin);
        poll_fn(move |cx| {
            if !self.completed.borrow().is_empty() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            match sleep.as_mut() {
                Some(sleep) => sleep.as_mut().poll(cx).map(|_| ()),
                None => Poll::Pending,
            }
        })
    }

    /// Forgets everything: the VU was interrupted, or ends.
    pub(crate) fn clear(&self) {
        // Each table is emptied before its values are dropped: dropping a value may run code that looks in here.
        let timers = std::mem::take(&mut *self.timers.borrow_mut());
        self.due_at.borrow_mut().clear();
        let operations = std::mem::take(&mut *self.operations.borrow_mut());
        for operation in operations.values() {
            operation.stop.stop();
        }
        let rejections = std::mem::take(&mut *self.rejections.borrow_mut());
        let completed = std::mem::take(&mut *self.completed.borrow_mut());
        drop((timers, operations, rejections, completed));
    }
}
