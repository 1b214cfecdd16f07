//! Sums by series over the whole run, for outputs that send sums: the snapshots of all cores merged.

use metrics::{Contains, Delta, MetricKind, Sink, Snapshot, TrendSink};
use rustc_hash::FxHashMap;

use crate::filter::Filter;

/// Most series an output keeps; those beyond are left out and counted. A core alone keeps 100,000.
const MAX_SERIES: usize = 200_000;
/// Raw values that a trend keeps while there are few series, and while there are many: percentiles are exact that far
/// and within 0.05 % beyond.
const RAW_VALUES: usize = 2_048;
const RAW_VALUES_OF_MANY: usize = 64;
/// More series are many.
const MANY_SERIES: usize = 2_000;

/// What adds up to a series.
pub(crate) trait Keep {
    /// The state before anything; `nth` is the number of series there are.
    fn new(kind: MetricKind, contains: Contains, nth: usize) -> Self;
    /// Adds a change; `is_first` says that none was added before.
    fn apply(&mut self, delta: &Delta<'_>, is_first: bool);
}

impl Keep for Sink {
    fn new(kind: MetricKind, _: Contains, nth: usize) -> Self {
        match kind {
            MetricKind::Trend => {
                let budget = if nth > MANY_SERIES { RAW_VALUES_OF_MANY } else { RAW_VALUES };
                Sink::Trend(TrendSink::with_budget(budget))
            }
            kind => Sink::new(kind),
        }
    }

    fn apply(&mut self, delta: &Delta<'_>, is_first: bool) {
        Sink::apply(self, delta, is_first);
    }
}

/// A metric as outputs know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) kind: MetricKind,
    pub(crate) contains: Contains,
}

/// One series.
#[derive(Debug)]
pub(crate) struct Series<K> {
    /// Index of its metric in [`Store::metrics`].
    pub(crate) metric: usize,
    /// Its tags, sorted by key, without empty ones.
    pub(crate) tags: Vec<(String, String)>,
    /// What it adds up to.
    pub(crate) kept: K,
    /// Until when its newest change was measured, unix nanoseconds.
    pub(crate) changed_unix_ns: u64,
    /// It changed since it was last sent.
    pub(crate) is_fresh: bool,
    is_begun: bool,
}

/// All series.
#[derive(Debug)]
pub(crate) struct Store<K> {
    filter: Filter,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) series: Vec<Series<K>>,
    by_name: FxHashMap<String, usize>,
    by_key: FxHashMap<(usize, Vec<(String, String)>), usize>,
    /// By agent and its id of the series; `None` for those that are not kept.
    by_agent: FxHashMap<(u32, u32), Option<usize>>,
    /// Changes of series that were beyond the limit.
    pub(crate) left_out: u64,
}

impl<K: Keep> Store<K> {
    /// An empty store of the metrics that pass.
    pub(crate) fn new(filter: Filter) -> Self {
        Self {
            filter,
            metrics: Vec::new(),
            series: Vec::new(),
            by_name: FxHashMap::default(),
            by_key: FxHashMap::default(),
            by_agent: FxHashMap::default(),
            left_out: 0,
        }
    }

    /// Adds a snapshot's changes.
    pub(crate) fn merge(&mut self, snapshot: &Snapshot) {
        let agent = snapshot.agent();
        for series in snapshot.series() {
            if !self.filter.passes(series.metric.name) {
                self.by_agent.insert((agent, series.id), None);
                continue;
            }
            let metric =
                self.metric(series.metric.name, series.metric.kind, series.metric.contains);
            let tags: Vec<(String, String)> = series
                .tags()
                .filter(|(key, value)| !key.is_empty() && !value.is_empty())
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            let place = self.place(metric, tags);
            self.by_agent.insert((agent, series.id), place);
            self.left_out += u64::from(place.is_none());
        }
        for (id, delta) in snapshot.deltas() {
            let Some(Some(place)) = self.by_agent.get(&(agent, id)) else { continue };
            let series = &mut self.series[*place];
            if self.metrics[series.metric].kind != delta.kind() {
                continue;
            }
            series.kept.apply(&delta, !series.is_begun);
            series.is_begun = true;
            series.is_fresh = true;
            series.changed_unix_ns = series.changed_unix_ns.max(snapshot.end_unix_ns());
        }
    }

    fn metric(&mut self, name: &str, kind: MetricKind, contains: Contains) -> usize {
        if let Some(place) = self.by_name.get(name) {
            return *place;
        }
        self.by_name.insert(name.to_owned(), self.metrics.len());
        self.metrics.push(Metric { name: name.to_owned(), kind, contains });
        self.metrics.len() - 1
    }

    fn place(&mut self, metric: usize, tags: Vec<(String, String)>) -> Option<usize> {
        if let Some(place) = self.by_key.get(&(metric, tags.clone())) {
            return Some(*place);
        }
        if self.series.len() >= MAX_SERIES {
            return None;
        }
        let Metric { kind, contains, .. } = self.metrics[metric];
        self.by_key.insert((metric, tags.clone()), self.series.len());
        self.series.push(Series {
            metric,
            tags,
            kept: K::new(kind, contains, self.series.len()),
            changed_unix_ns: 0,
            is_fresh: false,
            is_begun: false,
        });
        Some(self.series.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metrics::{Registry, Shard, ShardConfig, builtin};

    use super::*;

    #[test]
    fn series_of_all_cores_with_the_same_tags_are_one() {
        let registry = Arc::new(Registry::with_builtins());
        let mut store: Store<Sink> = Store::new(Filter::parse("-vus").unwrap());
        for agent in 0..2 {
            let mut shard = Shard::new(agent, Arc::clone(&registry), ShardConfig::STANDARD);
            // The ids of series differ from core to core.
            let other = shard.tag_set(&[("agent", if agent == 0 { "a" } else { "" })]);
            let tags = shard.tag_set(&[("url", "u"), ("error", "")]);
            shard.add(builtin::VUS, tags, 1.0, 5);
            if agent == 0 {
                shard.add(builtin::HTTP_REQS, other, 1.0, 5);
            }
            for n in 1..=3 {
                shard.add(builtin::HTTP_REQS, tags, f64::from(n), 10);
                shard.add(builtin::HTTP_REQ_DURATION, tags, f64::from(n), 10);
                store.merge(&shard.flush(100 * u64::from(agent + 1)));
            }
        }
        assert_eq!(store.series.len(), 3);
        let of = |name: &str, tags: usize| {
            store
                .series
                .iter()
                .find(|s| {
                    store.metrics[s.metric].name == name
                        && s.tags.len() == tags
                        && s.tags[0].0 == "url"
                })
                .unwrap()
        };
        assert_eq!(of("http_reqs", 1).kept, Sink::Counter { sum: 12.0 });
        let Sink::Trend(trend) = &of("http_req_duration", 1).kept else { panic!("no trend") };
        assert_eq!((trend.count(), trend.max(), trend.percentile(50.0)), (6, 3.0, 2.0));
        assert_eq!(of("http_reqs", 1).changed_unix_ns, 200);
    }
}
