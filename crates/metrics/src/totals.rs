//! The result of a run, as reports take it.

use std::time::Duration;

use plan::threshold::Aggregation;

use crate::registry::{Contains, MetricKind};
use crate::sink::Sink;
use crate::trend::TrendSink;

/// Everything a report needs, taken from an aggregator at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// Every metric known, with samples or without, sorted by name.
    pub metrics: Vec<MetricTotal>,
    /// The groups and checks of the whole test, made of samples of `checks` and `group_duration` (as in k6).
    pub root_group: GroupTotal,
    /// Per scenario, sorted by name; only where the aggregator was asked for it ([`full`](crate::AggregatorConfig)).
    /// Samples of groups without a scenario (those inside setup and teardown) are in the one named `default`.
    pub scenarios: Vec<ScenarioTotal>,
    /// Requests by their `name` tag, first seen first; the last may be named [`OVERFLOW_TAG`](crate::OVERFLOW_TAG).
    pub requests: Vec<RequestRow>,
    /// Set when some shard had more series than it may have.
    pub overflow: Option<Overflow>,
    /// Raw samples that no output got, because nobody took them in time.
    pub dropped_samples: u64,
    /// Values refused because they were not numbers.
    pub refused_nan: u64,
    /// Snapshots known to be missing: their agents have sent later ones.
    pub missing_snapshots: u64,
    /// Groups, checks and scenarios beyond the aggregator's limits, which only the metrics' totals contain.
    pub left_out: u64,
    /// The time of the run that rates are divided by.
    pub elapsed: Duration,
}

/// One metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricTotal {
    /// Its name.
    pub name: String,
    /// What it does with samples.
    pub kind: MetricKind,
    /// What its values are.
    pub contains: Contains,
    /// Its state.
    pub sink: Sink,
    /// The thresholds on the metric itself, in the order given.
    pub thresholds: Vec<ThresholdResult>,
    /// Its submetrics, sorted by suffix. None in groups and scenarios.
    pub submetrics: Vec<SubmetricTotal>,
    /// Made by the script.
    pub user_defined: bool,
    /// Whether it has had samples.
    pub has_samples: bool,
}

/// The part of a metric whose samples have certain tags.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmetricTotal {
    /// As the user wrote it: `http_reqs{a:b}`.
    pub name: String,
    /// What stands between the braces.
    pub suffix: String,
    /// The tags its samples have.
    pub tags: Vec<(String, String)>,
    /// Its state.
    pub sink: Sink,
    /// The thresholds on it, in the order given.
    pub thresholds: Vec<ThresholdResult>,
    /// Whether it has had samples.
    pub has_samples: bool,
}

/// A threshold and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdResult {
    /// The expression as the user wrote it.
    pub source: String,
    /// Whether it held at the last evaluation; true before the first.
    pub ok: bool,
    /// Whether crossing it stops the test.
    pub abort_on_fail: bool,
    /// What is compared.
    pub aggregation: Aggregation,
    /// The text of what is compared (`p(99.5)`).
    pub aggregation_text: String,
    /// The value compared, if there is one.
    pub value: Option<f64>,
}

/// A group of a test, or the root of its groups.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupTotal {
    /// Its name; empty for the root.
    pub name: String,
    /// Its path, `::a::b`; empty for the root.
    pub path: String,
    /// Its rank among all groups of the tree by first sample.
    pub order: usize,
    /// Its own checks, first seen first.
    pub checks: Vec<CheckTotal>,
    /// The groups in it, first seen first.
    pub groups: Vec<GroupTotal>,
    /// Its own metrics without those of the groups in it, sorted by name. Only in the trees of scenarios.
    pub metrics: Vec<MetricTotal>,
}

/// A check in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckTotal {
    /// Its name.
    pub name: String,
    /// The group's path and its name, `::a::b::name`.
    pub path: String,
    /// Its rank among all checks of the tree by first sample, for lists that mix groups.
    pub order: usize,
    /// How often it was true.
    pub passes: u64,
    /// How often it was not.
    pub fails: u64,
}

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioTotal {
    /// Its name.
    pub name: String,
    /// Its groups and checks.
    pub root_group: GroupTotal,
    /// Its metrics, those of its groups included, sorted by name.
    pub metrics: Vec<MetricTotal>,
}

/// Requests that share a `name` tag.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestRow {
    /// The tag's value.
    pub name: String,
    /// Number of requests.
    pub count: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Their durations, milliseconds.
    pub trend: TrendSink,
}

/// Why and how far series were folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// Series that were folded, summed over shards; estimated beyond some thousands a shard.
    pub folded_series: u64,
    /// The tag with the most distinct values, if any tag has several.
    pub tag_to_blame: Option<String>,
    /// How many values it was seen with in one shard, before folding began.
    pub values_of_tag: u32,
    /// The limit of series of a shard.
    pub limit: u64,
}
