//! The engine of one thread: its core, the connections of its clients, and who is to be woken.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::Arc;

use rt::{Core, CoreConfig};
use rustc_hash::FxHashMap;

pub use crate::connection::Order;
use crate::connection::{Connection, Job};
use crate::outcome::{Outcome, Slot};
use crate::pool::Pool;
pub use crate::pool::{ClientConfig, Retry};
use crate::target::Origin;

/// A request that cannot start: its host is a name, and whoever asks has to look it up first. The request comes back.
#[derive(Debug)]
pub struct NoAddress<W> {
    /// What was to be sent.
    pub order: Order,
    /// Who would have waited.
    pub waiter: W,
}

/// The engine of one thread.
pub struct Engine<W> {
    core: RefCell<Core>,
    shared: Rc<Shared<W>>,
}

impl<W> std::fmt::Debug for Engine<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// What the connections share with the engine.
pub(crate) struct Shared<W> {
    clients: RefCell<FxHashMap<u64, Client<W>>>,
    connections: RefCell<Connections<W>>,
    ready: RefCell<VecDeque<Ready<W>>>,
}

struct Client<W> {
    pools: Vec<Rc<Pool<W>>>,
}

struct Connections<W> {
    list: Vec<Option<Rc<Connection<W>>>>,
    free: Vec<usize>,
}

struct Ready<W> {
    slot: Arc<Slot<W>>,
    waiter: W,
}

impl<W: 'static> Shared<W> {
    /// Puts the outcome where it is waited for, and whoever waits among those to be woken.
    pub(crate) fn finish(&self, slot: Arc<Slot<W>>, outcome: Outcome) {
        if let Some(waiter) = slot.finish(outcome) {
            self.ready.borrow_mut().push_back(Ready { slot, waiter });
        }
    }

    pub(crate) fn remove(&self, number: usize) {
        let mut connections = self.connections.borrow_mut();
        if let Some(place) = connections.list.get_mut(number)
            && place.take().is_some()
        {
            connections.free.push(number);
        }
    }

    fn connection(&self, number: usize) -> Option<Rc<Connection<W>>> {
        self.connections.borrow().list.get(number).cloned().flatten()
    }

    /// Starts a connection whose first exchange is `job`.
    pub(crate) fn open(self: &Rc<Self>, pool: &Rc<Pool<W>>, job: Job<W>) {
        let connection = self.insert(pool, job);
        rt::spawn(connection.live(self.clone()));
    }

    fn insert(&self, pool: &Rc<Pool<W>>, job: Job<W>) -> Rc<Connection<W>> {
        let mut connections = self.connections.borrow_mut();
        let number = connections.free.pop().unwrap_or_else(|| {
            connections.list.push(None);
            connections.list.len() - 1
        });
        let connection = Rc::new(Connection::new(pool.clone(), number, job));
        connections.list[number] = Some(connection.clone());
        connection
    }
}

impl<W: 'static> Engine<W> {
    /// An engine for this thread.
    ///
    /// # Errors
    /// Where a core cannot be run from outside (elsewhere than on Linux), or the kernel refuses descriptors.
    pub fn new() -> io::Result<Engine<W>> {
        let core = Core::new(CoreConfig { spin: false })?;
        core.descriptor()?;
        let shared = Shared {
            clients: RefCell::default(),
            connections: RefCell::new(Connections { list: Vec::new(), free: Vec::new() }),
            ready: RefCell::default(),
        };
        Ok(Engine { core: RefCell::new(core), shared: Rc::new(shared) })
    }

    /// The descriptor that is readable while there is something to do.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn descriptor(&self) -> io::Result<RawFd> {
        self.core.borrow().descriptor()
    }

    /// Sends a request of a client (any number that is its own). Who waits is named by [`Engine::next_ready`] when the
    /// slot has the outcome.
    ///
    /// # Errors
    /// [`NoAddress`] when a new connection is needed, the host is a name, and no address came along.
    pub fn submit(
        &self,
        client: u64,
        config: &Arc<ClientConfig>,
        origin: &Arc<Origin>,
        mut order: Order,
        waiter: W,
    ) -> Result<Arc<Slot<W>>, Box<NoAddress<W>>> {
        let pool = self.pool(client, config, origin);
        let now = rt::now();
        order.started = now;
        let mut stale = Vec::new();
        let kept = loop {
            match pool.pop() {
                Some(connection) if connection.is_usable(now, order.repeatable) => {
                    break Some(connection);
                }
                Some(connection) => stale.push(connection),
                None => break None,
            }
        };
        if kept.is_none() && order.addresses.is_empty() {
            match origin.literal {
                Some(ip) => order.addresses.push((ip, origin.port).into()),
                None => {
                    self.enter(|| stale.iter().for_each(|connection| connection.doom()));
                    return Err(Box::new(NoAddress { order, waiter }));
                }
            }
        }
        let slot = Arc::new(Slot::new(waiter));
        let job = Job { slot: slot.clone(), order, tried: 0 };
        self.enter(|| {
            stale.iter().for_each(|connection| connection.doom());
            match kept {
                Some(connection) => connection.begin(job),
                None if pool.has_room() => self.shared.open(&pool, job),
                None => pool.wait(job),
            }
        });
        if !slot.is_waiting() {
            // It is over already, as connecting on this machine may be: the loop has to come by.
            self.core.borrow().interrupt();
        }
        Ok(slot)
    }

    /// Reads what has come and does what is due. Never waits.
    pub fn turn(&self) {
        self.core.borrow_mut().turn();
    }

    /// The next one whose request is over; who gave up is passed over.
    pub fn next_ready(&self) -> Option<W> {
        loop {
            // Whoever has given up is dropped at the end of this statement's loop, when nothing is borrowed.
            let ready = self.shared.ready.borrow_mut().pop_front()?;
            if !ready.slot.is_cancelled() {
                return Some(ready.waiter);
            }
        }
    }

    /// Gives a request up and closes its connection. Who waited is returned.
    pub fn cancel(&self, slot: &Arc<Slot<W>>) -> Option<W> {
        let waiter = slot.cancel();
        match slot.place().and_then(|number| self.shared.connection(number)) {
            Some(connection) if connection.works_on(slot) => self.enter(|| connection.doom()),
            Some(_) => {}
            None => {
                let clients = self.shared.clients.borrow();
                clients
                    .values()
                    .flat_map(|client| &client.pools)
                    .for_each(|pool| pool.unwait(slot));
            }
        }
        waiter
    }

    /// Closes the connections of a client: those at rest now, the others after what they are doing.
    pub fn close_idle(&self, client: u64) {
        let resting: Vec<_> = {
            let clients = self.shared.clients.borrow();
            let pools = clients.get(&client).into_iter().flat_map(|client| &client.pools);
            pools.flat_map(|pool| pool.retire()).collect()
        };
        self.enter(|| resting.iter().for_each(|connection| connection.doom()));
    }

    /// Forgets a client and closes its connections.
    pub fn forget(&self, client: u64) {
        self.close_idle(client);
        self.shared.clients.borrow_mut().remove(&client);
    }

    /// Connections that are open or being opened.
    pub fn connections(&self) -> usize {
        let connections = self.shared.connections.borrow();
        connections.list.len() - connections.free.len()
    }

    /// Drops an engine that a fork has copied, in the child; the connections stay with the parent.
    ///
    /// # Errors
    /// When the kernel refuses a descriptor.
    pub fn disown(self) -> io::Result<()> {
        self.unlink();
        self.core.into_inner().disown()
    }

    fn pool(&self, client: u64, config: &Arc<ClientConfig>, origin: &Arc<Origin>) -> Rc<Pool<W>> {
        let mut clients = self.shared.clients.borrow_mut();
        let client = clients.entry(client).or_insert_with(|| Client { pools: Vec::new() });
        let same = |pool: &&Rc<Pool<W>>| {
            Arc::ptr_eq(&pool.config, config)
                && (Arc::ptr_eq(&pool.origin, origin) || pool.origin == *origin)
        };
        if let Some(pool) = client.pools.iter().find(same) {
            return pool.clone();
        }
        let pool = Rc::new(Pool::new(origin.clone(), config.clone()));
        client.pools.push(pool.clone());
        pool
    }

    fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        self.core.borrow_mut().enter(f)
    }

    /// Pools and connections hold each other.
    fn unlink(&self) {
        for client in self.shared.clients.take().into_values() {
            client.pools.iter().for_each(|pool| drop(pool.retire()));
        }
        let connections = std::mem::take(&mut self.shared.connections.borrow_mut().list);
        drop(connections);
    }
}
