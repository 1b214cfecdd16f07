//! The time-out of an exchange, without a timer for each.
//!
//! A time-out is nearly always far away and never reached. So a client keeps its armed sleeps:
//! one that ends early is looked at and armed anew for the real deadline. A VU that sends a
//! thousand requests a second with a time-out of a minute arms one timer a minute.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use rt::{Nanos, Sleep};

/// Armed sleeps waiting for their next use.
pub(crate) type Spares = RefCell<Vec<Sleep>>;

/// More exchanges at once than this drop their sleeps.
const MAX_SPARES: usize = 32;

pub(crate) struct Deadline<'a> {
    at: Nanos,
    sleep: Option<Sleep>,
    spares: &'a Spares,
}

impl<'a> Deadline<'a> {
    pub(crate) fn new(at: Nanos, spares: &'a Spares) -> Deadline<'a> {
        let sleep = spares.borrow_mut().pop();
        // One that would wake us too late is of no use.
        let sleep = sleep.filter(|sleep| sleep.deadline() <= at);
        Deadline { at, sleep, spares }
    }

    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let sleep = self.sleep.get_or_insert_with(|| rt::sleep_until(self.at));
            if Pin::new(sleep).poll(cx).is_pending() {
                return Poll::Pending;
            }
            let woken_at = self.sleep.take().map_or(self.at, |sleep| sleep.deadline());
            if woken_at >= self.at || rt::now() >= self.at {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for Deadline<'_> {
    fn drop(&mut self) {
        if let Some(sleep) = self.sleep.take() {
            let mut spares = self.spares.borrow_mut();
            if spares.len() < MAX_SPARES {
                spares.push(sleep);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[test]
    fn a_spare_that_ends_early_does_not_end_the_next_deadline() {
        let mut core = rt::Core::simulated(Nanos(1));
        core.block_on(async {
            let spares = Spares::default();
            let start = rt::now();
            {
                let mut unused = Deadline::new(start + Duration::from_secs(1), &spares);
                poll_fn(|cx| {
                    assert!(unused.poll_passed(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
            assert_eq!(spares.borrow().len(), 1);
            let end = start + Duration::from_secs(5);
            let mut deadline = Deadline::new(end, &spares);
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            assert_eq!(rt::now(), end);
            // A sooner deadline cannot wait for a later spare.
            let far = Deadline { at: end, sleep: None, spares: &spares };
            drop(far);
            let mut late = Deadline::new(end + Duration::from_secs(9), &spares);
            poll_fn(|cx| {
                assert!(late.poll_passed(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            drop(late);
            let mut soon = Deadline::new(end + Duration::from_secs(1), &spares);
            poll_fn(|cx| soon.poll_passed(cx)).await;
            assert_eq!(rt::now(), end + Duration::from_secs(1));
        });
    }
}
