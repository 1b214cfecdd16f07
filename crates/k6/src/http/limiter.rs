//! The `rps` option: one token bucket for the whole test, of which all cores take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rt::Nanos;

/// Hands out the times at which requests may start. Shared by all cores; implementors must not block.
pub trait RateLimiter: Send + Sync + 'static {
    /// Takes the next slot: the request may start at the returned time (which may have passed).
    fn reserve(&self, now: Nanos) -> Nanos;
}

/// A bucket of one token that refills every `1/rps` seconds, as k6's: request k starts at k/rps after the first.
#[derive(Debug)]
pub struct TokenBucket {
    interval: Duration,
    next: AtomicU64,
}

impl TokenBucket {
    /// A bucket for `rps` requests a second; `None` for 0 or less, which is no limit.
    pub fn new(rps: i64) -> Option<Self> {
        let rps = u32::try_from(rps).ok().filter(|rps| *rps > 0)?;
        Some(Self { interval: Duration::from_secs(1) / rps, next: AtomicU64::new(0) })
    }
}

impl RateLimiter for TokenBucket {
    fn reserve(&self, now: Nanos) -> Nanos {
        let step = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX);
        let slot = |next: u64| next.max(now.0);
        let taken = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                Some(slot(next).saturating_add(step))
            })
            .unwrap_or_default();
        Nanos(slot(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_start_one_interval_apart_and_unused_slots_do_not_pile_up() {
        let bucket = TokenBucket::new(5).unwrap();
        let ms = |n: u64| Nanos(n * 1_000_000);
        let starts: Vec<Nanos> = [2, 2, 3, 1000, 1000].map(|t| bucket.reserve(ms(t))).to_vec();
        assert_eq!(starts, [ms(2), ms(202), ms(402), ms(1000), ms(1200)]);
        assert!(TokenBucket::new(0).is_none() && TokenBucket::new(-1).is_none());
    }
}
