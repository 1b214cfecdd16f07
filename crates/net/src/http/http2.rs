//! HTTP/2: one connection that carries the exchanges of a client with an origin, side by side.
//!
//! The `h2` crate does the protocol. A task of the core drives the connection: it writes what
//! exchanges have queued, all of a turn at once, and hands on what came. When a request was really
//! written, and when its answer arrived, is noted at the socket.

mod exchange;
mod failure;
mod head;
mod sessions;
mod upload;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use rt::Nanos;

use super::connection::Origin;
use crate::error::NetError;
use crate::h1::Limits;
use crate::stream::{Probe, Stream};
use crate::tls::TlsInfo;
pub(crate) use sessions::Sessions;

/// What Go's client lets a server send ahead: 4 MiB a stream, 1 GiB a connection. It is read as fast
/// as it comes, so this bounds what waits for a busy script.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 30;

/// An open connection. Dropping it closes it, whatever is under way.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) origin: Origin,
    pub(crate) remote: SocketAddr,
    pub(crate) tls: Option<Rc<TlsInfo>>,
    sender: RefCell<SendRequest<Bytes>>,
    /// Exchanges that use it now.
    streams: Cell<usize>,
    shared: Rc<Shared>,
}

/// What the driver and the exchanges share.
#[derive(Debug)]
struct Shared {
    probe: Rc<Probe>,
    closing: Cell<bool>,
    /// The driver's, to tell it of `closing`.
    driver: RefCell<Option<Waker>>,
    /// Why the connection ended, once it has.
    ended: RefCell<Option<Ended>>,
    writes: RefCell<Writes>,
}

/// How a connection ended.
#[derive(Clone, Debug)]
enum Ended {
    /// The peer closed it, having said it would for this reason or not at all.
    Closed(Option<h2::Reason>),
    /// It failed.
    Failed(NetError),
}

/// When the requests under way were written: a slot each.
#[derive(Debug, Default)]
struct Writes {
    slots: Vec<Option<Nanos>>,
    free: Vec<usize>,
    /// Handed over, not known to be written.
    queued: Vec<usize>,
}

impl Session {
    /// Begins to speak HTTP/2 on the stream.
    ///
    /// # Errors
    /// When the stream breaks at once.
    pub(crate) async fn open(
        stream: Stream,
        origin: Origin,
        limits: Limits,
    ) -> Result<Rc<Session>, NetError> {
        let (remote, tls, probe) = (stream.remote_addr(), stream.tls().cloned(), stream.probe());
        let max_head = u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX);
        let shaking_hands = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(max_head)
            .handshake::<_, Bytes>(stream);
        let (sender, connection) =
            shaking_hands.await.map_err(|error| failure::of_stream(&error, &probe))?;
        let shared = Rc::new(Shared {
            probe,
            closing: Cell::new(false),
            driver: RefCell::default(),
            ended: RefCell::default(),
            writes: RefCell::default(),
        });
        drop(rt::spawn(drive(connection, shared.clone())));
        Ok(Rc::new(Session {
            origin,
            remote,
            tls,
            sender: RefCell::new(sender),
            streams: Cell::new(0),
            shared,
        }))
    }

    /// Whether another exchange may begin on it.
    pub(crate) fn has_room(&self) -> bool {
        self.streams.get() < self.sender.borrow().current_max_send_streams()
    }

    /// Whether it can carry anything any more.
    pub(crate) fn is_open(&self) -> bool {
        self.shared.ended.borrow().is_none()
    }

    /// Whether no exchange uses it.
    pub(crate) fn is_idle(&self) -> bool {
        self.streams.get() == 0
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.closing.set(true);
        if let Some(driver) = self.shared.driver.borrow_mut().take() {
            driver.wake();
        }
    }
}

/// Drives the connection to its end.
async fn drive(connection: Connection<Stream, Bytes>, shared: Rc<Shared>) {
    let mut connection = pin!(connection);
    let ended = poll_fn(|cx| {
        if shared.closing.get() {
            return Poll::Ready(Ended::Closed(None));
        }
        let poll = connection.as_mut().poll(cx);
        shared.note_writes();
        match poll {
            Poll::Ready(Ok(())) => Poll::Ready(Ended::Closed(None)),
            Poll::Ready(Err(error)) => Poll::Ready(failure::of_end(&error, &shared.probe)),
            Poll::Pending => {
                let mut driver = shared.driver.borrow_mut();
                if driver.is_none() {
                    *driver = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    })
    .await;
    *shared.ended.borrow_mut() = Some(ended);
}

impl Shared {
    /// Everything queued has gone out, unless the socket was full.
    fn note_writes(&self) {
        let mut writes = self.writes.borrow_mut();
        if writes.queued.is_empty() || self.probe.is_write_blocked() {
            return;
        }
        let now = rt::now();
        let Writes { slots, queued, .. } = &mut *writes;
        for slot in queued.drain(..) {
            slots[slot] = Some(now);
        }
    }
}

impl Writes {
    fn take(&mut self) -> usize {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = None;
        slot
    }

    fn give_back(&mut self, slot: usize) {
        self.queued.retain(|queued| *queued != slot);
        self.free.push(slot);
    }
}
