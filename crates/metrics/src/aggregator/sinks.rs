//! The aggregator's sinks, and the memory they may take for raw values together.

use crate::registry::MetricKind;
use crate::sink::Sink;
use crate::snapshot::Delta;
use crate::trend::TrendSink;

/// Raw values all sinks together hold (8 bytes each); beyond it a sink that gets more folds into a histogram.
const RAW_BUDGET: usize = 4 << 20;
/// A sink with fewer values than this is smaller than any histogram of them.
const RAW_ALWAYS: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SinkId(u32);

#[derive(Debug)]
struct Entry {
    sink: Sink,
    has_samples: bool,
}

#[derive(Debug, Default)]
pub(super) struct Sinks {
    entries: Vec<Entry>,
    n_raw: usize,
}

impl Sinks {
    pub(super) fn open(&mut self, kind: MetricKind) -> SinkId {
        self.push(Sink::new(kind))
    }

    /// A trend that keeps fewer raw values than usual.
    pub(super) fn open_trend(&mut self, raw_budget: usize) -> SinkId {
        self.push(Sink::Trend(TrendSink::with_budget(raw_budget)))
    }

    pub(super) fn get(&self, id: SinkId) -> &Sink {
        &self.entries[id.0 as usize].sink
    }

    pub(super) fn has_samples(&self, id: SinkId) -> bool {
        self.entries[id.0 as usize].has_samples
    }

    pub(super) fn apply(&mut self, id: SinkId, delta: &Delta<'_>) {
        self.change(id, |sink, is_first| sink.apply(delta, is_first));
    }

    pub(super) fn merge(&mut self, id: SinkId, other: &Sink) {
        self.change(id, |sink, is_first| sink.merge(other, is_first));
    }

    pub(super) fn settle(&mut self, id: SinkId) {
        if let Sink::Trend(trend) = &mut self.entries[id.0 as usize].sink {
            trend.settle();
        }
    }

    fn change(&mut self, id: SinkId, change: impl FnOnce(&mut Sink, bool)) {
        let entry = &mut self.entries[id.0 as usize];
        let raw_before = raw_len(&entry.sink);
        change(&mut entry.sink, !entry.has_samples);
        entry.has_samples = true;
        let n_raw = raw_len(&entry.sink);
        self.n_raw = self.n_raw + n_raw - raw_before;
        if self.n_raw > RAW_BUDGET
            && n_raw > RAW_ALWAYS
            && let Sink::Trend(trend) = &mut entry.sink
        {
            trend.fold();
            self.n_raw -= n_raw;
        }
    }

    fn push(&mut self, sink: Sink) -> SinkId {
        let id = SinkId(self.entries.len() as u32);
        self.entries.push(Entry { sink, has_samples: false });
        id
    }
}

fn raw_len(sink: &Sink) -> usize {
    match sink {
        Sink::Trend(trend) => trend.raw_len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Buckets;

    #[test]
    fn raw_values_of_all_sinks_together_stay_within_their_budget() {
        let mut sinks = Sinks::default();
        let values = vec![1.0; 9_000];
        let delta = |raw| Delta::Trend {
            count: 9_000,
            sum: 9_000.0,
            min: 1.0,
            max: 1.0,
            raw,
            buckets: Buckets::default(),
        };
        let n = 2 * RAW_BUDGET / values.len();
        let ids: Vec<SinkId> = (0..n).map(|_| sinks.open(MetricKind::Trend)).collect();
        ids.iter().for_each(|id| sinks.apply(*id, &delta(&values)));
        let held = |sinks: &Sinks| ids.iter().map(|id| raw_len(sinks.get(*id))).sum::<usize>();
        assert!(held(&sinks) <= RAW_BUDGET && held(&sinks) > RAW_BUDGET - 9_000);
        assert_eq!(sinks.n_raw, held(&sinks));
        // A sink over its own budget gives its part back, and another may use it.
        sinks.apply(ids[0], &delta(&values));
        assert_eq!(sinks.n_raw, held(&sinks));
        let late = sinks.open(MetricKind::Trend);
        sinks.apply(late, &delta(&values));
        assert_eq!(raw_len(sinks.get(late)), 9_000);
    }
}
