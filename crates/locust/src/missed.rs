//! Latency as the plan of paced users would have seen it, beside Locust's own numbers.

use metrics::{Sink, TrendSink};

/// All response times, and how long the slots of a constant pace waited that passed while their users could not begin them.
///
/// Locust's pacing makes up for no slot, so a target that freezes is met by one request of each user, however long it freezes.
/// A plan of so many requests a second would have met it with every one; those that were not sent are counted here by the time
/// they waited at least. That is where percentiles are of what the plan wanted, not of what the users managed.
#[derive(Debug, Clone)]
pub struct WithMissed {
    /// Slots that were missed.
    pub slots: u64,
    /// Requests that were made.
    pub requests: u64,
    times: TrendSink,
}

/// What rows of these are called, beside Locust's `Aggregated`.
pub const WITH_MISSED: &str = "Aggregated, with missed slots";

impl WithMissed {
    pub(crate) fn new(requests: u64, slots: u64, times: TrendSink) -> Self {
        Self { slots, requests, times }
    }

    /// Percentiles (0 to 1) by Locust's rule, milliseconds.
    pub fn percentiles(&self, parts: &[f64]) -> Vec<f64> {
        percentiles_of(&self.times, parts)
    }

    /// All times together.
    pub fn times(&self) -> &TrendSink {
        &self.times
    }
}

pub(crate) fn missed_trend(sink: &Sink) -> &TrendSink {
    match sink {
        Sink::Trend(trend) => trend,
        // Made as a trend, and a sink never changes its kind.
        _ => unreachable!("waits are a trend"),
    }
}

/// The values at ranks `int(n * part)`, from 0, but at most the last.
pub(crate) fn percentiles_of(trend: &TrendSink, parts: &[f64]) -> Vec<f64> {
    let n = trend.count();
    if n == 0 {
        return vec![0.0; parts.len()];
    }
    let rank = |part: &f64| ((n as f64 * part) as u64).min(n - 1);
    let mut ranks: Vec<u64> = parts.iter().map(rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let values = trend.values_at(&ranks);
    let at = |rank: u64| values[ranks.binary_search(&rank).unwrap_or(0)];
    parts.iter().map(|part| at(rank(part))).collect()
}
