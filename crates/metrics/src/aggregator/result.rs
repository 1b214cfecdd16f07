//! Takes the totals out of an aggregator.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sinks::SinkId;
use super::tree::{FirstSeen, Tree};
use super::{Aggregator, Metric, Row};
use crate::sink::Sink;
use crate::tags::OVERFLOW_TAG;
use crate::threshold::Guard;
use crate::totals::{
    CheckTotal, GroupTotal, MetricTotal, Overflow, RequestRow, ScenarioTotal, SubmetricTotal,
    ThresholdResult, Totals,
};
use crate::trend::TrendSink;

impl Aggregator {
    /// Everything a report needs; `elapsed` is the time of the run so far, for rates.
    pub fn totals(&self, elapsed: Duration) -> Totals {
        let mut metrics: Vec<MetricTotal> =
            self.metrics.iter().map(|metric| self.metric_total(metric, elapsed)).collect();
        metrics.sort_by(|a, b| a.name.cmp(&b.name));
        let scenarios = self.scenarios.iter().map(|(name, scenario)| ScenarioTotal {
            name: name.clone(),
            root_group: self.tree_total(&scenario.tree),
            metrics: self.parts(&scenario.sinks),
        });
        let (mut dropped_samples, mut refused_nan, mut missing_snapshots) = (0u64, 0u64, 0);
        for agent in self.agents.values() {
            dropped_samples = dropped_samples.saturating_add(agent.tally().dropped_raw);
            refused_nan = refused_nan.saturating_add(agent.tally().refused_nan);
            missing_snapshots += agent.n_missing();
        }
        Totals {
            metrics,
            root_group: self.tree_total(&self.tree),
            scenarios: scenarios.collect(),
            requests: self.request_rows(),
            overflow: self.overflow(),
            dropped_samples,
            refused_nan,
            missing_snapshots,
            left_out: self.left_out,
            elapsed,
        }
    }

    fn metric_total(&self, metric: &Metric, elapsed: Duration) -> MetricTotal {
        let results = |guards: &[Guard], sink: &Sink| -> Vec<ThresholdResult> {
            guards.iter().map(|guard| guard.result(sink, elapsed)).collect()
        };
        let sink = self.settled(metric.total);
        let mut submetrics: Vec<SubmetricTotal> = metric
            .submetrics
            .iter()
            .map(|part| {
                let sink = self.settled(part.sink);
                SubmetricTotal {
                    name: part.name.clone(),
                    suffix: part.suffix.clone(),
                    tags: part.tags.clone(),
                    thresholds: results(&part.guards, &sink),
                    sink,
                    has_samples: self.sinks.has_samples(part.sink),
                }
            })
            .collect();
        submetrics.sort_by(|a, b| a.suffix.cmp(&b.suffix));
        MetricTotal {
            name: metric.name.clone(),
            kind: metric.kind,
            contains: metric.contains,
            thresholds: results(&metric.guards, &sink),
            sink,
            submetrics,
            user_defined: metric.is_user_defined,
            has_samples: self.sinks.has_samples(metric.total),
        }
    }

    /// A copy of a sink, sorted so that percentiles are quick.
    fn settled(&self, id: SinkId) -> Sink {
        let mut sink = self.sinks.get(id).clone();
        if let Sink::Trend(trend) = &mut sink {
            trend.settle();
        }
        sink
    }

    /// The metrics of a scenario or group.
    fn parts(&self, sinks: &BTreeMap<usize, SinkId>) -> Vec<MetricTotal> {
        let mut parts: Vec<MetricTotal> = sinks
            .iter()
            .map(|(metric, sink)| {
                let metric = &self.metrics[*metric];
                MetricTotal {
                    name: metric.name.clone(),
                    kind: metric.kind,
                    contains: metric.contains,
                    sink: self.settled(*sink),
                    thresholds: Vec::new(),
                    submetrics: Vec::new(),
                    user_defined: metric.is_user_defined,
                    has_samples: self.sinks.has_samples(*sink),
                }
            })
            .collect();
        parts.sort_by(|a, b| a.name.cmp(&b.name));
        parts
    }

    fn tree_total(&self, tree: &Tree) -> GroupTotal {
        let groups = ranks(tree.groups.iter().map(|group| group.seen));
        let checks = ranks(tree.checks.iter().map(|check| check.seen));
        self.group_total(tree, Tree::ROOT, &groups, &checks)
    }

    /// The depth of trees is limited, so this may call itself.
    fn group_total(
        &self,
        tree: &Tree,
        node: usize,
        group_ranks: &[usize],
        check_ranks: &[usize],
    ) -> GroupTotal {
        let group = &tree.groups[node];
        let mut checks: Vec<CheckTotal> = group
            .checks
            .iter()
            .map(|idx| {
                let check = &tree.checks[*idx];
                let (passes, total) = match self.sinks.get(check.sink) {
                    Sink::Rate { trues, total } => (*trues, *total),
                    _ => (0, 0),
                };
                CheckTotal {
                    name: check.name.clone(),
                    path: [group.path.as_str(), "::", check.name.as_str()].concat(),
                    order: check_ranks[*idx],
                    passes,
                    fails: total.saturating_sub(passes),
                }
            })
            .collect();
        checks.sort_by_key(|check| check.order);
        let mut groups: Vec<GroupTotal> = group
            .groups
            .iter()
            .map(|child| self.group_total(tree, *child, group_ranks, check_ranks))
            .collect();
        groups.sort_by_key(|group| group.order);
        GroupTotal {
            name: group.name.clone(),
            path: group.path.clone(),
            order: group_ranks[node],
            checks,
            groups,
            metrics: self.parts(&group.sinks),
        }
    }

    fn request_rows(&self) -> Vec<RequestRow> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| (row.name == OVERFLOW_TAG, row.seen));
        rows.into_iter()
            .map(|Row { name, count, failed, duration, .. }| RequestRow {
                name: name.clone(),
                count: match self.sinks.get(*count) {
                    // A counter's sum is a float; requests are whole and far below 2⁵³.
                    Sink::Counter { sum } => *sum as u64,
                    _ => 0,
                },
                failed: match self.sinks.get(*failed) {
                    Sink::Rate { trues, .. } => *trues,
                    _ => 0,
                },
                trend: match self.settled(*duration) {
                    Sink::Trend(trend) => trend,
                    _ => TrendSink::default(),
                },
            })
            .collect()
    }

    fn overflow(&self) -> Option<Overflow> {
        let full = || {
            self.agents.values().map(|agent| agent.tally()).filter(|tally| tally.folded_series > 0)
        };
        let folded_series = full().fold(0u64, |sum, tally| sum.saturating_add(tally.folded_series));
        let limit = full().map(|tally| tally.max_series).max()?;
        let blame = full()
            .filter_map(|tally| tally.blame.as_ref())
            .max_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(&b.0)));
        Some(Overflow {
            folded_series,
            tag_to_blame: blame.map(|(key, _)| key.clone()),
            values_of_tag: blame.map_or(0, |(_, values)| *values),
            limit,
        })
    }
}

/// The rank of each by the time it was first seen.
fn ranks(seen: impl Iterator<Item = FirstSeen>) -> Vec<usize> {
    let mut order: Vec<(FirstSeen, usize)> = seen.zip(0..).collect();
    order.sort_unstable();
    let mut ranks = vec![0; order.len()];
    for (rank, (_, idx)) in order.into_iter().enumerate() {
        ranks[idx] = rank;
    }
    ranks
}
