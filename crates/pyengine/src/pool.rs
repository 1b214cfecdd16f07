//! The connections of one client to one origin: those that rest, and the requests that wait for one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use net::tls::TlsConfig;

use crate::connection::{Connection, Job};
use crate::outcome::Slot;
use crate::target::Origin;

/// What is tried again when a connection ends without a byte of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: it is an error, as with urllib3. That looks at a kept connection before it uses it, though; a request on one
    /// that was not looked at, and that had ended before the request came, is as if it had not been sent.
    Never,
    /// Requests that may be repeated, on any connection, at most so many times: as with geventhttpclient.
    Repeatable(u32),
}

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Connections to one origin that rest at most; more are closed.
    pub max_idle: usize,
    /// Connections to one origin that are open at most; more requests wait for one. `None` is no limit.
    pub max_open: Option<usize>,
    /// What is tried again.
    pub retry: Retry,
    /// The longest that connecting may take, for each address.
    pub connect_timeout: Option<Duration>,
    /// The longest that may pass without a byte.
    pub read_timeout: Option<Duration>,
    /// Settings of TLS.
    pub tls: Arc<TlsConfig>,
}

pub(crate) struct Pool<W> {
    pub(crate) origin: Arc<Origin>,
    pub(crate) config: Arc<ClientConfig>,
    idle: RefCell<Vec<Rc<Connection<W>>>>,
    waiting: RefCell<VecDeque<Job<W>>>,
    open: Cell<usize>,
    /// Raised when all connections are to be closed: one of an earlier epoch is not kept.
    epoch: Cell<u32>,
}

impl<W> Pool<W> {
    pub(crate) fn new(origin: Arc<Origin>, config: Arc<ClientConfig>) -> Pool<W> {
        Pool {
            origin,
            config,
            idle: RefCell::default(),
            waiting: RefCell::default(),
            open: Cell::new(0),
            epoch: Cell::new(0),
        }
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.get()
    }

    /// The connection used last.
    pub(crate) fn pop(&self) -> Option<Rc<Connection<W>>> {
        self.idle.borrow_mut().pop()
    }

    /// Keeps a connection; `false` if there are enough, or all are to be closed.
    pub(crate) fn keep(&self, connection: &Rc<Connection<W>>, epoch: u32) -> bool {
        let mut idle = self.idle.borrow_mut();
        if epoch != self.epoch.get() || idle.len() >= self.config.max_idle {
            return false;
        }
        idle.push(connection.clone());
        true
    }

    /// Takes a connection off the resting ones, if it is among them.
    pub(crate) fn forget(&self, connection: &Connection<W>) {
        self.idle.borrow_mut().retain(|other| !std::ptr::eq(&raw const **other, connection));
    }

    /// Whether one more may be opened.
    pub(crate) fn has_room(&self) -> bool {
        self.config.max_open.is_none_or(|most| self.open.get() < most)
    }

    pub(crate) fn opened(&self) {
        self.open.set(self.open.get() + 1);
    }

    pub(crate) fn closed(&self) {
        self.open.set(self.open.get().saturating_sub(1));
    }

    pub(crate) fn wait(&self, job: Job<W>) {
        self.waiting.borrow_mut().push_back(job);
    }

    /// The request that has waited longest and is still wanted.
    pub(crate) fn next_waiting(&self) -> Option<Job<W>> {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(job) = waiting.pop_front() {
            if !job.slot.is_cancelled() {
                return Some(job);
            }
        }
        None
    }

    /// Takes a request out that was given up while it waited.
    pub(crate) fn unwait(&self, slot: &Arc<Slot<W>>) {
        self.waiting.borrow_mut().retain(|job| !Arc::ptr_eq(&job.slot, slot));
    }

    /// All resting connections, to be closed; those at work will not be kept.
    pub(crate) fn retire(&self) -> Vec<Rc<Connection<W>>> {
        self.epoch.set(self.epoch.get().wrapping_add(1));
        std::mem::take(&mut *self.idle.borrow_mut())
    }
}
