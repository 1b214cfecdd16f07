//! The HTTP/2 connections of one client, and the attempts to make more.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::Session;
use crate::http::connection::Origin;
use crate::url::Url;

/// Open connections and those that are being made.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: RefCell<Vec<Rc<Session>>>,
    dialing: RefCell<Vec<Rc<Dialing>>>,
}

/// An attempt to connect that others wait for: the first exchanges of a batch share one connection.
#[derive(Debug)]
pub(crate) struct Dialing {
    origin: Origin,
    is_over: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Sessions {
    /// A connection to the URL's origin that takes another exchange. Dead ones are forgotten.
    pub(crate) fn find(&self, url: &Url, port: u16) -> Option<Rc<Session>> {
        let mut open = self.open.borrow_mut();
        open.retain(|session| session.is_open());
        open.iter().find(|s| s.origin.serves(url, port) && s.has_room()).cloned()
    }

    pub(crate) fn keep(&self, session: Rc<Session>) {
        self.open.borrow_mut().push(session);
    }

    /// Whether there is a connection to the origin already.
    pub(crate) fn has(&self, origin: &Origin) -> bool {
        self.open.borrow().iter().any(|s| s.origin.is_same(origin) && s.is_open() && s.has_room())
    }

    /// The connection is not to be used again; exchanges on it go on.
    pub(crate) fn forget(&self, session: &Rc<Session>) {
        self.open.borrow_mut().retain(|one| !Rc::ptr_eq(one, session));
    }

    /// Closes those that nobody uses, and forgets the others, which close with their last exchange.
    pub(crate) fn close_idle(&self) {
        self.open.borrow_mut().clear();
    }

    /// How many are open and not in use.
    pub(crate) fn idle(&self) -> usize {
        self.open.borrow().iter().filter(|s| s.is_open() && s.is_idle()).count()
    }

    /// The attempt to connect to the origin that is under way, if there is one.
    pub(crate) fn dialing(&self, url: &Url, port: u16) -> Option<Rc<Dialing>> {
        self.dialing.borrow().iter().find(|d| d.origin.serves(url, port)).cloned()
    }

    /// Notes an attempt for as long as what is returned lives.
    pub(crate) fn begin(&self, origin: Origin) -> Attempt<'_> {
        let dialing =
            Rc::new(Dialing { origin, is_over: Cell::new(false), waiting: RefCell::default() });
        self.dialing.borrow_mut().push(dialing.clone());
        Attempt { sessions: self, dialing }
    }
}

impl Dialing {
    /// Waits until it has succeeded or failed.
    pub(crate) async fn end(&self) {
        poll_fn(|cx| {
            if self.is_over.get() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// An attempt to connect; over when dropped.
pub(crate) struct Attempt<'a> {
    sessions: &'a Sessions,
    dialing: Rc<Dialing>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.sessions.dialing.borrow_mut().retain(|one| !Rc::ptr_eq(one, &self.dialing));
        self.dialing.is_over.set(true);
        for waker in self.dialing.waiting.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}
