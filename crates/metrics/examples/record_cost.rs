//! What recording costs: nanoseconds per sample, and bytes per series with very many of them.
//!
//! `cargo run --release -p squall-metrics --example record_cost`
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{
    Aggregator, AggregatorConfig, Registry, SeriesId, Shard, ShardConfig, Snapshot, TagSetId,
    builtin,
};

const HTTP: [metrics::MetricId; 9] = [
    builtin::HTTP_REQS,
    builtin::HTTP_REQ_DURATION,
    builtin::HTTP_REQ_BLOCKED,
    builtin::HTTP_REQ_CONNECTING,
    builtin::HTTP_REQ_TLS_HANDSHAKING,
    builtin::HTTP_REQ_SENDING,
    builtin::HTTP_REQ_WAITING,
    builtin::HTTP_REQ_RECEIVING,
    builtin::HTTP_REQ_FAILED,
];

fn main() {
    let registry = Arc::new(Registry::with_builtins());
    let mut shard = Shard::new(0, Arc::clone(&registry), ShardConfig::STANDARD);
    let tags = request_tags(&mut shard, "http://127.0.0.1:8000/v1/results");
    let latencies: Vec<f64> = (0..4_096u32)
        .map(|i| 0.05 + f64::from(i.wrapping_mul(2_654_435_761) >> 20) / 900.0)
        .collect();

    for (name, metric) in [
        ("counter", builtin::HTTP_REQS),
        ("rate", builtin::HTTP_REQ_FAILED),
        ("gauge", builtin::VUS),
        ("trend (histogram, values over 6 octaves)", builtin::HTTP_REQ_DURATION),
    ] {
        let series = shard.series(metric, tags);
        for latency in &latencies {
            shard.record(series, *latency, 1);
        }
        shard.flush(2);
        report(name, 20_000_000, |i| shard.record(series, latencies[i & 4_095], 3));
        shard.flush(4);
    }
    let series = shard.series(builtin::HTTP_REQ_WAITING, tags);
    report("trend (constant value)", 20_000_000, |_| shard.record(series, 0.25, 3));
    report("tag set asked again (9 tags)", 3_000_000, |_| {
        black_box(request_tags(&mut shard, "http://127.0.0.1:8000/v1/results"));
    });
    report("series asked again", 20_000_000, |_| {
        black_box(shard.series(builtin::HTTP_REQ_WAITING, tags));
    });
    report("whole request: tags, 9 x series and record", 2_000_000, |i| {
        let tags = request_tags(&mut shard, "http://127.0.0.1:8000/v1/results");
        for metric in HTTP {
            shard.add(metric, tags, latencies[i & 4_095], 5);
        }
    });
    many_urls(&registry, 100_000, ShardConfig::STANDARD);
    many_urls(&registry, 100_000, ShardConfig { max_series: 1_000_000, ..ShardConfig::STANDARD });
}

fn request_tags(shard: &mut Shard, url: &str) -> TagSetId {
    shard.extend_tags(
        TagSetId::EMPTY,
        &[
            ("scenario", "default"),
            ("group", ""),
            ("method", "GET"),
            ("url", url),
            ("name", url),
            ("status", "200"),
            ("proto", "HTTP/1.1"),
            ("expected_response", "true"),
            ("tls_version", "tls1.3"),
        ],
    )
}

fn report(name: &str, n: usize, mut step: impl FnMut(usize)) {
    let start = Instant::now();
    (0..n).for_each(&mut step);
    let per_step = start.elapsed().as_secs_f64() * 1e9 / n as f64;
    println!("{per_step:8.2} ns  {name}");
}

/// Ten thousand requests a second over ever new URLs, flushed and merged each second.
fn many_urls(registry: &Arc<Registry>, n_urls: usize, config: ShardConfig) {
    let before = resident_bytes();
    let mut shard = Shard::new(1, Arc::clone(registry), config);
    let aggregate = AggregatorConfig { thresholds: Vec::new(), full: true, request_rows: true };
    let Ok(mut aggregator) = Aggregator::new(aggregate) else {
        return;
    };
    let (mut slowest, mut encoded) = (Duration::ZERO, 0);
    let mut series: Vec<SeriesId> = Vec::new();
    for i in 0..n_urls {
        let tags = request_tags(
            &mut shard,
            &format!("http://127.0.0.1:8000/v1/results/item-{i:08}?page=1"),
        );
        series.clear();
        series.extend(HTTP.iter().map(|metric| shard.series(*metric, tags)));
        for series in &series {
            shard.record(*series, 0.1 + (i % 977) as f64 / 31.0, i as u64);
        }
        if i % 10_000 == 9_999 {
            let start = Instant::now();
            let snapshot = shard.flush(i as u64);
            slowest = slowest.max(start.elapsed());
            let bytes = snapshot.encode();
            encoded = encoded.max(bytes.len());
            if let Ok(snapshot) = Snapshot::decode(&bytes) {
                let _ = aggregator.ingest(&snapshot);
            }
        }
    }
    let totals = aggregator.totals(Duration::from_secs(10));
    let used = resident_bytes().saturating_sub(before) >> 20;
    println!(
        "{n_urls} URLs x 9 metrics, at most {} series: {} series, {used} MiB more resident, slowest flush {slowest:?}, \
         longest encoding {} KiB, {} request rows, overflow {:?}",
        config.max_series,
        shard.n_series(),
        encoded >> 10,
        totals.requests.len(),
        totals.overflow,
    );
}

/// From `/proc`; 0 where there is none.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4_096
}
