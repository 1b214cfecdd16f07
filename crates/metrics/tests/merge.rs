//! Many shards must give the same result as one, in whatever order their snapshots come.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Aggregator, AggregatorConfig, Ingest, MetricId, Registry, Shard, ShardConfig, Sink, Snapshot,
    SnapshotError, Totals, builtin,
};
use proptest::prelude::*;

const METRICS: [MetricId; 7] = [
    builtin::VUS,
    builtin::HTTP_REQS,
    builtin::HTTP_REQ_DURATION,
    builtin::HTTP_REQ_WAITING,
    builtin::HTTP_REQ_FAILED,
    builtin::CHECKS,
    builtin::GROUP_DURATION,
];

#[derive(Debug, Clone)]
struct Sample {
    shard: usize,
    metric: usize,
    tags: Vec<(&'static str, String)>,
    value: f64,
    flush_after: bool,
}

fn tags() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let tag = |key: &'static str, values: &'static str| {
        proptest::option::of(values.prop_map(move |value: String| (key, value)))
    };
    (
        tag("group", "(::[ab]){0,2}"),
        tag("scenario", "s[12]"),
        tag("check", "c[123]"),
        tag("name", "/[xyz]"),
        tag("expected_response", "true|false"),
    )
        .prop_map(|(a, b, c, d, e)| [a, b, c, d, e].into_iter().flatten().collect())
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    // Quarters add up exactly in any order, so that sums can be compared.
    let value = (-40i32..4_000).prop_map(|quarters| f64::from(quarters) / 4.0);
    let sample = (0usize..4, 0..METRICS.len(), tags(), value, proptest::bool::weighted(0.1));
    let sample = sample.prop_map(|(shard, metric, tags, value, flush_after)| Sample {
        shard,
        metric,
        tags,
        value,
        flush_after,
    });
    proptest::collection::vec(sample, 0..300)
}

/// Records the samples in `n_shards` shards, at distinct times, and gives all snapshots.
fn snapshots(samples: &[Sample], n_shards: usize, raw_per_series: usize) -> Vec<Snapshot> {
    let registry = Arc::new(Registry::with_builtins());
    let config = ShardConfig { max_series: 10_000, raw_per_series };
    let mut shards: Vec<Shard> = (0..n_shards)
        .map(|agent| Shard::new(agent as u32, Arc::clone(&registry), config))
        .collect();
    let mut snapshots = Vec::new();
    for (at, sample) in (1_000u64..).zip(samples) {
        let shard = &mut shards[sample.shard % n_shards];
        let pairs: Vec<(&str, &str)> =
            sample.tags.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let tags = shard.tag_set(&pairs);
        shard.add(METRICS[sample.metric], tags, sample.value, at);
        if sample.flush_after {
            snapshots.push(shard.flush(at));
        }
    }
    snapshots.extend(shards.iter_mut().map(|shard| shard.flush(1_000_000)));
    snapshots
}

fn totals(snapshots: impl IntoIterator<Item = Snapshot>) -> Totals {
    let thresholds = vec![("http_reqs{scenario:s1}".to_owned(), Vec::new())];
    let mut aggregator =
        Aggregator::new(AggregatorConfig { thresholds, full: true, request_rows: true }).unwrap();
    for snapshot in snapshots {
        let decoded = Snapshot::decode(&snapshot.encode()).unwrap();
        assert_eq!(decoded, snapshot);
        assert_eq!(aggregator.ingest(&decoded), Ok(Ingest::Applied));
        assert_eq!(aggregator.ingest(&snapshot), Ok(Ingest::Duplicate));
    }
    assert_eq!(aggregator.gaps(), []);
    aggregator.totals(Duration::from_secs(10))
}

fn shuffled<T>(mut items: Vec<T>, mut seed: u64) -> Vec<T> {
    for i in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(i, (seed >> 33) as usize % (i + 1));
    }
    items
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn many_shards_equal_one_bucket_for_bucket(samples in samples(), raw in prop_oneof![Just(0usize), Just(10_000)]) {
        prop_assert_eq!(totals(snapshots(&samples, 4, raw)), totals(snapshots(&samples, 1, raw)));
    }

    #[test]
    fn with_raw_values_running_out_counts_and_buckets_stay_the_same(samples in samples()) {
        let (many, one) = (totals(snapshots(&samples, 3, 4)), totals(snapshots(&samples, 1, 10_000)));
        for (many, one) in many.metrics.iter().zip(&one.metrics) {
            match (&many.sink, &one.sink) {
                (Sink::Trend(many), Sink::Trend(one)) => {
                    prop_assert_eq!(many.buckets(), one.buckets());
                    prop_assert_eq!(
                        (many.count(), many.sum(), many.min(), many.max()),
                        (one.count(), one.sum(), one.min(), one.max())
                    );
                }
                (many, one) => prop_assert_eq!(many, one),
            }
        }
    }

    #[test]
    fn the_order_of_snapshots_does_not_matter(samples in samples(), seed in any::<u64>()) {
        let in_order = snapshots(&samples, 4, 50);
        prop_assert_eq!(totals(shuffled(in_order.clone(), seed)), totals(in_order));
    }

    #[test]
    fn arbitrary_bytes_are_no_snapshot(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Snapshot::decode(&bytes).is_err());
        for (at, byte) in [b'S', b'Q', b'M', b'S', 1, 0].into_iter().enumerate() {
            if at < bytes.len() {
                bytes[at] = byte;
            }
        }
        // Whatever decodes can be merged or is refused, without a panic.
        if let Ok(snapshot) = Snapshot::decode(&bytes) {
            merge_anyhow(&snapshot);
        }
    }

    #[test]
    fn damaged_snapshots_never_panic(
        samples in samples(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = snapshots(&samples, 1, 3).remove(0).encode();
        prop_assert!(Snapshot::decode(&bytes[..cut.index(bytes.len())]).is_err());
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(snapshot) = Snapshot::decode(&bytes) {
            merge_anyhow(&snapshot);
        }
    }
}

fn merge_anyhow(snapshot: &Snapshot) {
    let config = AggregatorConfig { thresholds: Vec::new(), full: true, request_rows: true };
    let mut aggregator = Aggregator::new(config).unwrap();
    if aggregator.ingest(snapshot).is_ok() {
        aggregator.evaluate(Duration::from_secs(1), true);
        let totals = aggregator.totals(Duration::from_secs(1));
        for metric in totals.metrics {
            if let Sink::Trend(trend) = metric.sink {
                trend.percentiles(&[0.0, 50.0, 99.9, 100.0]);
            }
        }
    }
}

#[test]
fn other_versions_and_other_files_are_named() {
    let bytes = snapshots(&[], 1, 0).remove(0).encode();
    let mut newer = bytes.clone();
    newer[4] = 9;
    assert_eq!(Snapshot::decode(&newer), Err(SnapshotError::Version(9)));
    assert_eq!(Snapshot::decode(b"PK\x03\x04....."), Err(SnapshotError::Magic));
    assert_eq!(Snapshot::decode(b""), Err(SnapshotError::Magic));
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(Snapshot::decode(&longer), Err(SnapshotError::Damaged("bytes left over")));
}
