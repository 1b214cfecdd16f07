//! The clock of the current core: the kernel's monotonic clock, or simulated time.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use crate::core::with_current;

/// A point on the monotonic clock, in nanoseconds (`CLOCK_MONOTONIC`, or since the start of a simulation plus its origin).
///
/// Differences saturate at zero: a clock that seems to go backwards never panics.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Later than any time a run can reach.
    pub const MAX: Nanos = Nanos(u64::MAX);

    /// Milliseconds as a float, the unit of k6's time metrics.
    #[must_use]
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Time since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Nanos) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Milliseconds with a nanosecond's resolution, the unit of k6's time metrics. Beyond 584 years it stays there, for an
/// arithmetic of 64 bits: that of [`Duration::as_nanos`] with 128 costs more than all else about a sample.
#[inline]
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    let whole = duration.as_secs().saturating_mul(1_000_000_000);
    whole.saturating_add(u64::from(duration.subsec_nanos())) as f64 / 1e6
}

impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

impl Add<Duration> for Nanos {
    type Output = Nanos;
    fn add(self, rhs: Duration) -> Nanos {
        Nanos(self.0.saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Nanos {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Nanos {
    type Output = Nanos;
    fn sub(self, rhs: Duration) -> Nanos {
        Nanos(self.0.saturating_sub(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Nanos {
    type Output = Duration;
    fn sub(self, rhs: Nanos) -> Duration {
        self.since(rhs)
    }
}

/// Now, on the clock of the core this thread runs; the real clock on a thread without one.
#[must_use]
pub fn now() -> Nanos {
    with_current(|core| core.map_or_else(monotonic, crate::core::Inner::now))
}

/// Unix time in nanoseconds. Simulated cores count from a fixed date.
#[must_use]
pub fn unix_nanos() -> u64 {
    with_current(|core| match core {
        Some(core) if core.is_simulated() => SIMULATED_EPOCH_NS + core.now().0,
        _ => realtime_ns(),
    })
}

/// The wall-clock time (unix, nanoseconds) of a point on the current core's clock that is not long ago. Cheaper than
/// [`unix_nanos`]: the distance between the two clocks is read anew only every 10 ms.
#[must_use]
pub fn unix_of(at: Nanos) -> u64 {
    let simulated = with_current(|core| core.is_some_and(crate::core::Inner::is_simulated));
    if simulated {
        SIMULATED_EPOCH_NS + at.0
    } else {
        at.0.wrapping_add_signed(realtime_offset(at))
    }
}

thread_local! {
    /// (monotonic time of the reading, realtime − monotonic).
    static REALTIME_OFFSET: Cell<(u64, i64)> = const { Cell::new((0, 0)) };
}

/// How long a mapping between the two clocks is used: steps of the wall clock are seen within this time.
const OFFSET_TTL_NS: u64 = 10_000_000;

/// Realtime minus monotonic time around `now`, nanoseconds.
pub(crate) fn realtime_offset(now: Nanos) -> i64 {
    let (read_at, offset) = REALTIME_OFFSET.get();
    if now.0.saturating_sub(read_at) <= OFFSET_TTL_NS && read_at != 0 {
        return offset;
    }
    let before = monotonic();
    let real = realtime_ns();
    let after = monotonic();
    let middle = u64::midpoint(before.0, after.0);
    let offset = real.wrapping_sub(middle).cast_signed();
    REALTIME_OFFSET.set((middle, offset));
    offset
}

/// Where simulated wall clocks start: 2026-01-01T00:00:00Z.
const SIMULATED_EPOCH_NS: u64 = 1_767_225_600_000_000_000;

fn read(clock: libc::clockid_t) -> u64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `ts` is a valid timespec to write to; both clocks exist on every system we build for.
    unsafe { libc::clock_gettime(clock, &raw mut ts) };
    (ts.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(ts.tv_nsec as u64)
}

pub(crate) fn monotonic() -> Nanos {
    Nanos(read(libc::CLOCK_MONOTONIC))
}

pub(crate) fn realtime_ns() -> u64 {
    read(libc::CLOCK_REALTIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_saturate_instead_of_wrapping() {
        assert_eq!(Nanos(5) - Nanos(9), Duration::ZERO);
        assert_eq!(Nanos(9) - Nanos(5), Duration::from_nanos(4));
        assert_eq!(Nanos(3) - Duration::from_nanos(9), Nanos(0));
        assert_eq!(Nanos::MAX + Duration::from_secs(1), Nanos::MAX);
    }

    #[test]
    fn the_monotonic_clock_moves_forward() {
        let a = now();
        let b = now();
        assert!(b >= a && a.0 > 0);
    }
}
