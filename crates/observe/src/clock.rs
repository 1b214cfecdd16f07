//! How far a source's clock is ahead of ours.
//!
//! Every reading bounds the offset: the source's time lies between what it said and what it said plus its resolution,
//! and it said so between our question and its answer (as NTP reasons). The bounds of several readings are cut with each
//! other, so that even the `Date` of HTTP answers, in whole seconds, gives a good offset after some looks. Bounds grow
//! with age, for clocks drift, and readings that contradict them start anew: a clock was set.

use std::time::Duration;

/// How far two clocks may drift apart: 100 µs a second, twice what a cheap crystal does.
const DRIFT_PER_SECOND_NS: i128 = 100_000;

/// The offset of one source's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    bounds: Option<Bounds>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    low_ns: i128,
    high_ns: i128,
    at_unix_ns: u64,
}

impl Clock {
    /// Takes a reading: asked and answered at these times of ours, the source's clock showed `source_unix_ns`, which it
    /// rounds down to `resolution`.
    pub fn read(
        &mut self,
        asked_unix_ns: u64,
        answered_unix_ns: u64,
        source_unix_ns: u64,
        resolution: Duration,
    ) {
        let source = i128::from(source_unix_ns);
        let resolution = i128::try_from(resolution.as_nanos()).unwrap_or(i128::MAX >> 1);
        let answered = answered_unix_ns.max(asked_unix_ns);
        let fresh = Bounds {
            low_ns: source - i128::from(answered),
            high_ns: source + resolution - i128::from(asked_unix_ns),
            at_unix_ns: answered,
        };
        self.bounds = Some(match self.bounds {
            None => fresh,
            Some(known) => {
                let age = i128::from(answered.saturating_sub(known.at_unix_ns));
                let drift = age * DRIFT_PER_SECOND_NS / 1_000_000_000;
                let low_ns = fresh.low_ns.max(known.low_ns - drift);
                let high_ns = fresh.high_ns.min(known.high_ns + drift);
                if low_ns <= high_ns { Bounds { low_ns, high_ns, ..fresh } } else { fresh }
            }
        });
    }

    /// The source's time minus ours, nanoseconds; `None` before the first reading.
    pub fn offset_ns(&self) -> Option<i64> {
        self.bounds.map(|b| clamp((b.low_ns + b.high_ns) / 2))
    }

    /// How wrong the offset may be, either way.
    pub fn uncertainty(&self) -> Option<Duration> {
        self.bounds.map(|b| Duration::from_nanos(clamp((b.high_ns - b.low_ns) / 2).unsigned_abs()))
    }

    /// A time of the source's as one of ours; unchanged while the offset is not known.
    pub fn ours(&self, source_unix_ns: u64) -> u64 {
        let offset = i128::from(self.offset_ns().unwrap_or(0));
        u64::try_from(i128::from(source_unix_ns) - offset).unwrap_or(source_unix_ns)
    }

    /// A time of ours as one of the source's.
    pub fn theirs(&self, unix_ns: u64) -> u64 {
        let offset = i128::from(self.offset_ns().unwrap_or(0));
        u64::try_from(i128::from(unix_ns) + offset).unwrap_or(unix_ns)
    }
}

fn clamp(ns: i128) -> i64 {
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;
    const START: u64 = 1_800_000_000_000 * MS;

    #[test]
    fn one_reading_is_as_good_as_its_round_trip() {
        let mut clock = Clock::default();
        assert_eq!((clock.offset_ns(), clock.ours(START)), (None, START));
        clock.read(START, START + 10 * MS, START + 3_005 * MS, Duration::ZERO);
        assert_eq!(clock.offset_ns(), Some(3_000_000_000));
        assert_eq!(clock.uncertainty(), Some(Duration::from_millis(5)));
        assert_eq!(clock.ours(START + 3_000 * MS), START);
        assert_eq!(clock.theirs(START), START + 3_000 * MS);
    }

    #[test]
    fn a_clock_that_was_set_is_measured_anew() {
        let mut clock = Clock::default();
        clock.read(START, START + MS, START, Duration::ZERO);
        clock.read(START + 10 * MS, START + 11 * MS, START + 60_000 * MS, Duration::ZERO);
        assert!((clock.offset_ns().unwrap() - 59_990_000_000).abs() < 2_000_000);
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut clock = Clock::default();
        for (asked, answered, source) in [(u64::MAX, 0, 0), (0, 0, u64::MAX), (5, 4, 3)] {
            clock.read(asked, answered, source, Duration::MAX);
            let _ = (clock.offset_ns(), clock.uncertainty(), clock.ours(0), clock.theirs(u64::MAX));
        }
    }

    proptest! {
        #[test]
        fn the_true_offset_lies_within_the_uncertainty(
            offset_ms in -5_000i64..5_000,
            looks in prop::collection::vec((1u64..40, 1u64..40, 0u64..500), 1..60),
            whole_seconds in any::<bool>(),
        ) {
            let mut clock = Clock::default();
            let mut now = START + 7 * MS;
            let resolution = if whole_seconds { Duration::from_secs(1) } else { Duration::ZERO };
            for (there, back, pause) in looks {
                let said_at = now + there * MS;
                let exact = said_at.wrapping_add_signed(offset_ms * 1_000_000);
                let said = if whole_seconds { exact / 1_000_000_000 * 1_000_000_000 } else { exact };
                clock.read(now, said_at + back * MS, said, resolution);
                now = said_at + (back + pause + 900) * MS;
            }
            let wrong = (clock.offset_ns().unwrap() - offset_ms * 1_000_000).unsigned_abs();
            prop_assert!(u128::from(wrong) <= clock.uncertainty().unwrap().as_nanos() + 1);
        }
    }
}
