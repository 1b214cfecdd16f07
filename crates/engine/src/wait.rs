//! Small ways to wait for one of several things.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Poll, Waker};

use rt::Signal;

/// Which of two futures was ready first; the first wins a tie.
pub(crate) enum Either<A, B> {
    First(A),
    Second(B),
}

/// Waits for whichever comes first and drops the other.
pub(crate) async fn either<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(value) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::First(value));
        }
        b.as_mut().poll(cx).map(Either::Second)
    })
    .await
}

/// A flag that is raised once and that any number of tasks of this core wait for.
#[derive(Default)]
pub(crate) struct Latch {
    raised: Cell<bool>,
    waiters: RefCell<Vec<Waker>>,
}

impl Latch {
    pub(crate) fn raise(&self) {
        self.raised.set(true);
        for waiter in self.waiters.take() {
            waiter.wake();
        }
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.get()
    }

    pub(crate) fn wait(&self) -> impl Future<Output = ()> + '_ {
        std::future::poll_fn(|cx| {
            if self.raised.get() {
                return Poll::Ready(());
            }
            let mut waiters = self.waiters.borrow_mut();
            if !waiters.iter().any(|w| w.will_wake(cx.waker())) {
                waiters.push(cx.waker().clone());
            }
            Poll::Pending
        })
    }
}

/// A queue between tasks of one core, with one reader.
pub(crate) struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    arrived: Signal,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { items: RefCell::default(), arrived: Signal::default() }
    }
}

impl<T> Queue<T> {
    pub(crate) fn push(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        self.arrived.notify();
    }

    pub(crate) fn try_next(&self) -> Option<T> {
        self.items.borrow_mut().pop_front()
    }

    pub(crate) async fn next(&self) -> T {
        loop {
            let item = self.items.borrow_mut().pop_front();
            match item {
                Some(item) => return item,
                None => self.arrived.wait().await,
            }
        }
    }
}
