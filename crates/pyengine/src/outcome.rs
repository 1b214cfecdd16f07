//! What becomes of a request, and the slot in which whoever asked finds it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use net::http::Response;
use rt::Nanos;

/// How an exchange failed, in the terms Python's exceptions are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Connecting failed with this `errno`.
    Connect(i32),
    /// Connecting took longer than it may.
    ConnectTimeout,
    /// TLS did not come about.
    Tls(String),
    /// The connection ended before a byte of the response.
    Closed,
    /// The connection broke with this `errno`.
    Broken(i32),
    /// Nothing came for longer than it may.
    ReadTimeout,
    /// What came is no HTTP: its first line, or what is wrong behind it.
    Malformed(String),
    /// The connection ended before the response did.
    Incomplete,
    /// Something else, in words.
    Other(String),
}

/// An exchange that is over.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The response; on a failure, as much of it as came.
    pub response: Response,
    /// Why it is not whole.
    pub failure: Option<Failure>,
    /// What was sent, head and body.
    pub sent: Vec<u8>,
    /// When it was asked for.
    pub started: Nanos,
    /// When the first byte of the response arrived; the end where there was none.
    pub first_byte: Nanos,
    /// When it was complete, or failed.
    pub ended: Nanos,
}

impl Outcome {
    /// From asking until the end, milliseconds.
    pub fn elapsed_ms(&self) -> f64 {
        self.ended.since(self.started).as_nanos() as f64 / 1e6
    }
}

#[derive(Debug)]
enum State<W> {
    Waiting(W),
    Done(Box<Outcome>),
    /// Nobody waits any more.
    Cancelled,
    Taken,
}

/// Where the outcome of one request is put. Shared between whoever waits and the connection.
#[derive(Debug)]
pub struct Slot<W> {
    state: Mutex<State<W>>,
    /// The connection that works on it, by its number plus one; 0 while there is none.
    place: AtomicUsize,
}

impl<W> Slot<W> {
    pub(crate) fn new(waiter: W) -> Slot<W> {
        Slot { state: Mutex::new(State::Waiting(waiter)), place: AtomicUsize::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome, once.
    pub fn take(&self) -> Option<Outcome> {
        let mut state = self.lock();
        if !matches!(*state, State::Done(_)) {
            return None;
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(outcome) => Some(*outcome),
            _ => None,
        }
    }

    /// Whether somebody still waits for it.
    pub fn is_waiting(&self) -> bool {
        matches!(*self.lock(), State::Waiting(_))
    }

    /// Whether whoever waited has given up.
    pub fn is_cancelled(&self) -> bool {
        matches!(*self.lock(), State::Cancelled)
    }

    /// Puts the outcome in and gives who waits for it; nobody if it was given up.
    pub(crate) fn finish(&self, outcome: Outcome) -> Option<W> {
        let mut state = self.lock();
        if !matches!(*state, State::Waiting(_)) {
            return None;
        }
        match std::mem::replace(&mut *state, State::Done(Box::new(outcome))) {
            State::Waiting(waiter) => Some(waiter),
            _ => None,
        }
    }

    /// Gives it up, whatever its state. What was in it is returned, to be dropped where nothing is borrowed.
    pub(crate) fn cancel(&self) -> Option<W> {
        let state = std::mem::replace(&mut *self.lock(), State::Cancelled);
        match state {
            State::Waiting(waiter) => Some(waiter),
            _ => None,
        }
    }

    pub(crate) fn set_place(&self, place: Option<usize>) {
        self.place.store(place.map_or(0, |place| place + 1), Ordering::Relaxed);
    }

    pub(crate) fn place(&self) -> Option<usize> {
        self.place.load(Ordering::Relaxed).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let at = Nanos(1);
        Outcome {
            response: Response::default(),
            failure: None,
            sent: Vec::new(),
            started: at,
            first_byte: at,
            ended: Nanos(1_500_001),
        }
    }

    #[test]
    fn an_outcome_is_taken_once() {
        let slot = Slot::new(7);
        assert!(slot.take().is_none() && slot.is_waiting());
        assert_eq!(slot.finish(outcome()), Some(7));
        assert!(slot.finish(outcome()).is_none());
        assert!((slot.take().unwrap().elapsed_ms() - 1.5).abs() < 1e-9);
        assert!(slot.take().is_none());
    }

    #[test]
    fn who_gave_up_is_not_called() {
        let slot = Slot::new(7);
        assert_eq!(slot.cancel(), Some(7));
        assert!(slot.is_cancelled());
        assert_eq!(slot.finish(outcome()), None);
        assert!(slot.take().is_none());
    }
}
