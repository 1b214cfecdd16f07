//! A timeline keeps what the totals keep, and any window of it what was measured then.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use metrics::timeline::{MAX_NAMES, MAX_STEPS, OTHERS, Share};
use metrics::{
    Aggregator, AggregatorConfig, Contains, MetricKind, Registry, Shard, ShardConfig, Sink,
    Snapshot, Timeline, Totals, TrendSink, builtin,
};
use proptest::prelude::*;

const START: u64 = 1_795_215_303_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// Shards of a run that flush on whole seconds.
struct Cores {
    registry: Arc<Registry>,
    shards: Vec<Shard>,
    snapshots: Vec<Snapshot>,
}

impl Cores {
    fn new(n: u32, config: ShardConfig) -> Self {
        let registry = Arc::new(Registry::with_builtins());
        let shards = (0..n).map(|agent| Shard::new(agent, Arc::clone(&registry), config)).collect();
        Self { registry, shards, snapshots: Vec::new() }
    }

    fn request(&mut self, core: usize, name: &str, at_s: f64, ms: f64, is_failed: bool) {
        let at = START + (at_s * 1e9) as u64;
        let shard = &mut self.shards[core];
        let expected = if is_failed { "false" } else { "true" };
        let status = if is_failed { "503" } else { "200" };
        let tags = shard.tag_set(&[
            ("name", name),
            ("method", "GET"),
            ("expected_response", expected),
            ("status", status),
        ]);
        shard.add(builtin::HTTP_REQS, tags, 1.0, at);
        shard.add(builtin::HTTP_REQ_DURATION, tags, ms, at);
        shard.add(builtin::HTTP_REQ_FAILED, tags, f64::from(u8::from(is_failed)), at);
    }

    fn flush(&mut self, second: u64) {
        let now = START + second * SECOND;
        self.snapshots.extend(self.shards.iter_mut().map(|shard| shard.flush(now)));
    }

    fn timeline(&self) -> Timeline {
        let mut builder = Timeline::builder(START);
        self.snapshots.iter().for_each(|snapshot| builder.load(snapshot));
        builder.finish(None)
    }

    fn totals(&self) -> Totals {
        let config = AggregatorConfig { request_rows: true, ..AggregatorConfig::default() };
        let mut aggregator = Aggregator::new(config).unwrap();
        for snapshot in &self.snapshots {
            aggregator.ingest(snapshot).unwrap();
        }
        aggregator.totals(Duration::from_secs(1))
    }
}

fn total<'a>(totals: &'a Totals, name: &str) -> &'a Sink {
    &totals.metrics.iter().find(|metric| metric.name == name).unwrap().sink
}

proptest! {
    #[test]
    fn a_window_over_everything_is_the_totals(
        requests in proptest::collection::vec((0usize..3, "/[a-d]", 0u64..40, 0.01f64..1e4, proptest::bool::weighted(0.2)), 1..300),
        raw_per_series in 0usize..20,
    ) {
        let mut cores = Cores::new(3, ShardConfig { max_series: 1_000, raw_per_series });
        for second in 0..40 {
            for (core, name, at, ms, is_failed) in &requests {
                if *at == second {
                    cores.request(*core, name, *at as f64 + 0.5, *ms, *is_failed);
                }
            }
            cores.flush(second + 1);
        }
        let (timeline, totals) = (cores.timeline(), cores.totals());
        let all = timeline.window(0.0, f64::INFINITY);
        let Sink::Trend(expected) = total(&totals, "http_req_duration") else { panic!() };
        prop_assert_eq!(&all.latency, expected);
        prop_assert_eq!(all.latency.percentiles(&[50.0, 95.0, 99.0]), expected.percentiles(&[50.0, 95.0, 99.0]));
        prop_assert!((all.latency.sum() - expected.sum()).abs() <= 1e-6 * expected.sum().abs());
        let Sink::Counter { sum } = total(&totals, "http_reqs") else { panic!() };
        prop_assert_eq!(all.requests as f64, *sum);
        let Sink::Rate { trues, .. } = total(&totals, "http_req_failed") else { panic!() };
        prop_assert_eq!(all.failures, *trues);
        for row in &totals.requests {
            let of_name = timeline.window_of(0.0, f64::INFINITY, |series| series.name == row.name);
            prop_assert_eq!(of_name.requests, row.count);
            prop_assert_eq!(of_name.failures, row.failed);
            prop_assert_eq!(&of_name.latency, &row.trend);
        }
        let errors: u64 = timeline.errors.iter().flat_map(|kind| &kind.steps).sum();
        prop_assert_eq!(errors, all.failures);
    }

    #[test]
    fn windows_side_by_side_add_up(
        requests in proptest::collection::vec((0u64..30, 1.0f64..100.0), 0..200),
        cut in 0u64..30,
    ) {
        let mut cores = Cores::new(1, ShardConfig::STANDARD);
        for second in 0..30 {
            for (at, ms) in requests.iter().filter(|(at, _)| *at == second) {
                cores.request(0, "/", *at as f64 + 0.25, *ms, false);
            }
            cores.flush(second + 1);
        }
        let timeline = cores.timeline();
        let (a, b) = (timeline.window(0.0, cut as f64), timeline.window(cut as f64, 30.0));
        let expected: Vec<f64> = requests.iter().filter(|(at, _)| *at < cut).map(|(_, ms)| *ms).collect();
        let mut sink = TrendSink::default();
        expected.iter().for_each(|ms| sink.add(*ms));
        prop_assert_eq!(&a.latency, &sink, "to the second");
        let mut both = a.latency.clone();
        both.merge(&b.latency);
        prop_assert_eq!(both, timeline.window(0.0, 30.0).latency);
        prop_assert_eq!(a.requests + b.requests, requests.len() as u64);
    }
}

#[test]
fn a_snapshot_that_comes_twice_counts_once() {
    let mut cores = Cores::new(1, ShardConfig::STANDARD);
    cores.request(0, "/", 0.5, 10.0, true);
    cores.flush(1);
    cores.snapshots.push(cores.snapshots[0].clone());
    let window = cores.timeline().window(0.0, 1.0);
    assert_eq!((window.requests, window.failures, window.latency.count()), (1, 1, 1));
    assert_eq!(window.error_rate(), Some(1.0));
    assert_eq!(window.throughput(), Some(1.0));
}

#[test]
fn steps_grow_longer_instead_of_more_and_nothing_is_lost() {
    let mut cores = Cores::new(1, ShardConfig::STANDARD);
    let seconds = MAX_STEPS as u64 + 100;
    for second in 0..seconds {
        cores.request(0, "/", second as f64 + 0.5, second as f64, second % 2 == 0);
        cores.flush(second + 1);
    }
    let timeline = cores.timeline();
    assert_eq!(timeline.step_s, 2.0);
    assert_eq!(timeline.n_steps(), seconds.div_ceil(2) as usize);
    let all = timeline.window(0.0, f64::INFINITY);
    assert_eq!((all.requests, all.failures), (seconds, seconds / 2));
    let window = timeline.window(100.0, 110.0);
    assert_eq!((window.requests, window.latency.min(), window.latency.max()), (10, 100.0, 109.0));
    assert_eq!((window.from_s, window.to_s), (100.0, 110.0));
}

#[test]
fn names_beyond_the_limit_share_one() {
    let mut cores = Cores::new(1, ShardConfig::STANDARD);
    for n in 0..MAX_NAMES + 50 {
        cores.request(0, &format!("/{n}"), 0.5, 1.0, false);
    }
    cores.flush(1);
    let timeline = cores.timeline();
    assert_eq!(timeline.requests.len(), MAX_NAMES + 1);
    let others = timeline.window_of(0.0, 1.0, |series| series.name == OTHERS);
    assert_eq!(others.requests, 50);
}

#[test]
fn what_is_counted_beside_requests_is_kept_by_step() {
    let mut cores = Cores::new(2, ShardConfig::STANDARD);
    let mine = cores.registry.declare("portfolio_latency", MetricKind::Trend, Contains::Time);
    let mine = mine.unwrap();
    for core in 0..2 {
        let shard = &mut cores.shards[core];
        let none = shard.tag_set(&[]);
        let check = shard.tag_set(&[("check", "status 200")]);
        let refused = shard.tag_set(&[("name", "/p.S/M"), ("method", "M"), ("status", "14")]);
        let at = START + SECOND / 2;
        shard.add(builtin::VUS, none, 5.0, at);
        shard.add(builtin::ITERATIONS, none, 1.0, at);
        shard.add(builtin::DROPPED_ITERATIONS, none, 2.0, at);
        shard.add(builtin::CHECKS, check, f64::from(core as u8), at);
        shard.add(builtin::GRPC_REQ_DURATION, refused, 7.0, at);
        shard.add(mine, none, 120.0, at);
    }
    cores.flush(1);
    cores.request(0, "/", 1.5, 1.0, false);
    cores.flush(2);
    let timeline = cores.timeline();
    assert_eq!(timeline.counts[0].vus, Some(10.0), "of both cores together");
    assert_eq!(timeline.counts[1].vus, Some(10.0), "as many as before while nobody tells");
    let counts = timeline.counts_in(0.0, 2.0);
    assert_eq!((counts.iterations, counts.dropped, counts.vus), (2.0, 4.0, Some(10.0)));
    assert_eq!(timeline.checks_in(0.0, 2.0, Some("status*")), Share { trues: 1, total: 2 });
    assert_eq!(timeline.checks_in(0.0, 2.0, Some("other")).ratio(), None);
    let calls = timeline.window_of(0.0, 1.0, |series| series.label() == "/p.S/M");
    assert_eq!((calls.requests, calls.failures, calls.latency.max()), (2, 2, 7.0));
    assert_eq!(timeline.errors[0].kind, "gRPC status 14");
    let Sink::Trend(sink) = timeline.metric("portfolio_latency").unwrap().sink(0..1) else {
        panic!()
    };
    assert_eq!((sink.count(), sink.max()), (2, 120.0));
    assert!(!timeline.metric("portfolio_latency").unwrap().has_values(1..2));
}

#[test]
fn locusts_entries_are_requests_too() {
    let registry = Arc::new(Registry::with_builtins());
    let counter = |name| registry.declare(name, MetricKind::Counter, Contains::Default).unwrap();
    let (requests, failures) = (counter("locust_requests"), counter("locust_failures"));
    let errors = counter("locust_errors");
    let time = registry.declare("locust_response_time", MetricKind::Trend, Contains::Time).unwrap();
    let mut shard = Shard::new(7, registry, ShardConfig::STANDARD);
    let tags = shard.tag_set(&[("method", "POST"), ("name", "/publish")]);
    let error = shard.extend_tags(tags, &[("error", "HTTPError('500')")]);
    let at = START + SECOND / 2;
    shard.add(requests, tags, 3.0, at);
    shard.add(failures, tags, 1.0, at);
    shard.add(errors, error, 1.0, at);
    [10.0, 20.0, 30.0].into_iter().for_each(|ms| shard.add(time, tags, ms, at));
    let mut builder = Timeline::builder(START);
    builder.load(&shard.flush(START + SECOND));
    let timeline = builder.finish(Some(10.0));
    let window = timeline.window(0.0, 10.0);
    assert_eq!((window.requests, window.failures, window.latency.percentile(50.0)), (3, 1, 20.0));
    assert_eq!(window.throughput(), Some(0.3), "over the elapsed time");
    assert_eq!(timeline.requests[0].label(), "POST /publish");
    assert_eq!(timeline.errors[0].kind, "HTTPError('500')");
}

#[test]
fn what_probes_see_lies_on_the_same_axis() {
    let registry = Arc::new(Registry::with_builtins());
    let gauge =
        registry.declare("k8s_hpa_replicas_current", MetricKind::Gauge, Contains::Default).unwrap();
    let mut shard = Shard::new(0, registry, ShardConfig::STANDARD);
    let tags = shard.tag_set(&[("hpa", "api"), ("probe", "cluster")]);
    let mut builder = Timeline::builder(START);
    for (second, replicas) in [(1, 2.0), (2, 2.0), (3, 6.0), (4, 10.0)] {
        shard.add(gauge, tags, replicas, START + second * SECOND);
        builder.observe(&shard.flush(START + second * SECOND + 1));
    }
    let timeline = builder.finish(None);
    let series: Vec<_> = timeline.observed_named("k8s_hpa_replicas_current", &[]).collect();
    assert_eq!(series.len(), 1);
    let points: Vec<(f64, f64)> = series[0].points.iter().map(|p| (p.at_s, p.value)).collect();
    assert_eq!(points, [(1.0, 2.0), (2.0, 2.0), (3.0, 6.0), (4.0, 10.0)]);
    assert_eq!(timeline.n_steps(), 0, "probes make no load");
}
