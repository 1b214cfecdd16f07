//! What came of requests that were made within the Python process: counts, kinds of failures, and times in snapshots of the same
//! metrics as those of `squall burst`.

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{
    Contains, MetricKind, Registry, RegistryError, SeriesId, Shard, ShardConfig, TagSetId,
};

/// Kinds of failures that are told apart; more are counted under [`MORE_KINDS`].
const MAX_KINDS: usize = 200;
const MORE_KINDS: &str = "(more kinds)";

/// Requests and their times.
pub struct Tally {
    shard: Shard,
    latency: SeriesId,
    response: SeriesId,
    lateness: SeriesId,
    errors: BTreeMap<String, u64>,
    /// Bytes of the bodies sent.
    pub sent: u64,
    /// Bytes of the bodies received.
    pub received: u64,
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tally")
    }
}

impl Tally {
    /// Nothing yet.
    ///
    /// # Errors
    /// If a metric of these names is built in with another kind.
    pub fn new() -> Result<Tally, RegistryError> {
        let registry = Arc::new(Registry::with_builtins());
        let trend = |name| registry.declare(name, MetricKind::Trend, Contains::Time);
        let metrics =
            [trend("inside_latency")?, trend("inside_response")?, trend("inside_lateness")?];
        let mut shard = Shard::new(0, registry, ShardConfig::STANDARD);
        let [latency, response, lateness] =
            metrics.map(|metric| shard.series(metric, TagSetId::EMPTY));
        let errors = BTreeMap::new();
        Ok(Tally { shard, latency, response, lateness, errors, sent: 0, received: 0 })
    }

    /// A request is over: times in milliseconds from its start and, in an open loop, from when it was due; bytes; what was wrong.
    pub fn done(
        &mut self,
        latency_ms: f64,
        response_ms: Option<f64>,
        (sent, received): (u64, u64),
        error: Option<&str>,
        now_unix_ns: u64,
    ) {
        self.shard.record(self.latency, latency_ms, now_unix_ns);
        if let Some(response_ms) = response_ms {
            self.shard.record(self.response, response_ms, now_unix_ns);
        }
        self.sent += sent;
        self.received += received;
        let Some(kind) = error else { return };
        if let Some(n) = self.errors.get_mut(kind) {
            *n += 1;
            return;
        }
        let kind = if self.errors.len() < MAX_KINDS { kind } else { MORE_KINDS };
        *self.errors.entry(kind.to_owned()).or_default() += 1;
    }

    /// A request started so much later than it was due, milliseconds.
    pub fn late(&mut self, late_ms: f64, now_unix_ns: u64) {
        self.shard.record(self.lateness, late_ms, now_unix_ns);
    }

    /// Failures by kind.
    pub fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    /// The times since the last snapshot, encoded.
    pub fn snapshot(&mut self, now_unix_ns: u64) -> Vec<u8> {
        self.shard.flush(now_unix_ns).encode()
    }
}

#[cfg(test)]
mod tests {
    use metrics::{Delta, Snapshot};

    use super::*;

    #[test]
    fn times_are_in_the_snapshot_and_failures_by_kind() {
        let mut tally = Tally::new().unwrap();
        for n in 0..4 {
            let error = if n == 3 { Some("status 500") } else { None };
            tally.done(1.5, Some(2.5), (3, 10), error, 1);
        }
        tally.late(0.5, 1);
        assert_eq!((tally.sent, tally.received), (12, 40));
        assert_eq!(tally.errors().get("status 500"), Some(&1));
        let snapshot = Snapshot::decode(&tally.snapshot(2)).unwrap();
        let counts: Vec<u64> = snapshot
            .deltas()
            .map(|(_, delta)| if let Delta::Trend { count, .. } = delta { count } else { 0 })
            .collect();
        assert_eq!(counts, [4, 4, 1]);
    }

    #[test]
    fn very_many_kinds_are_one() {
        let mut tally = Tally::new().unwrap();
        for n in 0..1_000 {
            tally.done(1.0, None, (0, 0), Some(&format!("ValueError: {n}")), 1);
        }
        assert_eq!(tally.errors().len(), MAX_KINDS + 1);
        assert_eq!(tally.errors().values().sum::<u64>(), 1_000);
    }
}
