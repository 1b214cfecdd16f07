//! Ending a run early, from anywhere.

use std::fmt;

use rt::channel::{Receiver, Sender};

use crate::control::Demand;

/// Who wants the run to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// A signal, by the name k6 prints (`interrupt`, `terminated`).
    Signal(String),
    /// The REST API.
    Api,
}

/// Ends a run early; may be cloned and used on any thread. A second stop ends `teardown()` as well.
#[derive(Clone)]
pub struct StopHandle(Sender<Demand>);

/// The run's end of a [`StopHandle`].
pub(crate) struct StopRequests(pub(crate) Receiver<Demand>);

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopHandle")
    }
}

impl StopHandle {
    /// A handle and what it acts on.
    pub(crate) fn new() -> (StopHandle, StopRequests) {
        let (tx, rx) = rt::channel::unbounded();
        (StopHandle(tx), StopRequests(rx))
    }

    /// Ends the run: iterations are interrupted, `teardown()` runs, results are kept.
    pub fn stop(&self, reason: StopReason) {
        self.0.send(Demand::Stop(reason));
    }

    pub(crate) fn demands(&self) -> &Sender<Demand> {
        &self.0
    }
}
