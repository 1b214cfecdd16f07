//! The VUs of this instance: one list of idle VUs for all scenarios, first in, first out.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::message::VuId;
use crate::wait::{Either, Latch, either};

/// How long a scenario waits for a VU before it says so, as k6 does.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(400);
/// How often it says so before it gives up.
const TRIES: u32 = 5;

/// Idle VUs.
#[derive(Default)]
pub(crate) struct Pool {
    idle: RefCell<VecDeque<VuId>>,
    made: Cell<u64>,
    arrived: rt::Signal,
}

impl Pool {
    /// The number of the next VU to make.
    pub(crate) fn next_id(&self) -> VuId {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    pub(crate) fn put(&self, vu: VuId) {
        self.idle.borrow_mut().push_back(vu);
        self.arrived.notify();
    }

    fn try_take(&self) -> Option<VuId> {
        self.idle.borrow_mut().pop_front()
    }

    /// Takes the VU that has been idle longest; waits a little for one if there is none. `None` when there is none to be
    /// had, or the run stops. `warn` is called each time the wait gets long.
    pub(crate) async fn take(&self, stop: &Latch, mut warn: impl FnMut()) -> Option<VuId> {
        for _ in 0..TRIES {
            if let Some(vu) = self.try_take() {
                return Some(vu);
            }
            let deadline = rt::now() + PATIENCE;
            loop {
                let more = either(self.arrived.wait(), rt::sleep_until(deadline));
                match either(stop.wait(), more).await {
                    Either::First(()) => return None,
                    Either::Second(Either::First(())) => {
                        if let Some(vu) = self.try_take() {
                            return Some(vu);
                        }
                    }
                    Either::Second(Either::Second(())) => break,
                }
            }
            warn();
        }
        None
    }
}
