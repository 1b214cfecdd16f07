//! Totals merged again from a record are those of the run, finished or killed.

#![allow(clippy::unwrap_used, reason = "test code, its helpers included")]

use metrics::{Aggregator, AggregatorConfig, Registry, Shard, ShardConfig, Sink, Totals, builtin};
use plan::duration::Span;
use plan::threshold::ThresholdDef;
use record::{End, Meta, Run, SummarySettings, ThresholdGroup, Writer};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
/// When the clock of the runs here starts.
const START: u64 = 1_795_215_303 * SECOND;

fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("rebuild-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

fn thresholds() -> Vec<(String, Vec<ThresholdDef>)> {
    let def = |source: &str| ThresholdDef {
        source: source.into(),
        abort_on_fail: true,
        delay_abort_eval: Some(Span::from_secs(5)),
    };
    vec![
        ("http_req_duration".into(), vec![def("p(95)<50"), def("max<1000")]),
        ("http_reqs{scenario:a}".into(), vec![def("count>100")]),
    ]
}

fn meta() -> Meta {
    Meta {
        squall_version: "0.1.0".into(),
        created_unix_ns: START - SECOND,
        command_line: Vec::new(),
        script_path: "test.js".into(),
        script_source: String::new(),
        options: serde_json::Value::Null,
        summary: SummarySettings::default(),
        thresholds: ThresholdGroup::record(&thresholds()),
        criteria: vec!["p(95) < 500ms".to_owned()],
        baseline: serde_json::json!({"p95_ms": 12.5}),
    }
}

/// Writes a run of `seconds`, one flush a second by each of two shards, and returns what an
/// aggregator makes of the same snapshots.
fn write_run(writer: &mut Writer, seconds: u64) -> Aggregator {
    let registry = Arc::new(Registry::with_builtins());
    let config = AggregatorConfig { thresholds: thresholds(), full: true, request_rows: true };
    let mut live = Aggregator::new(config).unwrap();
    let mut shards = [1, 2].map(|agent| Shard::new(agent, registry.clone(), ShardConfig::STANDARD));
    writer.started(START);
    for second in 0..seconds {
        for (n, shard) in shards.iter_mut().enumerate() {
            let scenario = ["a", "b"][n];
            let tags = [("scenario", scenario), ("group", "::g"), ("name", "login")];
            let tags = shard.tag_set(&tags);
            for i in 0..60 {
                let at = START + second * SECOND + i * 1_000_000;
                shard.add(builtin::HTTP_REQS, tags, 1.0, at);
                shard.add(builtin::HTTP_REQ_DURATION, tags, (i + second) as f64 * 1.25, at);
                shard.add(builtin::CHECKS, tags, f64::from(i % 3 == 0), at);
            }
            let snapshot = shard.flush(START + (second + 1) * SECOND);
            writer.snapshot(&snapshot.encode()).unwrap();
            live.ingest(&snapshot).unwrap();
        }
        writer.flush().unwrap();
    }
    live
}

fn totals(mut aggregator: Aggregator, elapsed: Duration) -> Totals {
    aggregator.evaluate(elapsed, true);
    aggregator.totals(elapsed)
}

fn requests(totals: &Totals) -> f64 {
    let metric = totals.metrics.iter().find(|metric| metric.name == "http_reqs").unwrap();
    let Sink::Counter { sum } = metric.sink else { panic!("{metric:?}") };
    sum
}

#[test]
fn a_finished_run_gives_its_totals_again() {
    let directory = scratch("finished");
    let mut writer = Writer::create(&directory, &meta()).unwrap();
    let live = write_run(&mut writer, 3);
    let end = End {
        exit_code: 99,
        reason: "thresholds".into(),
        elapsed_ns: 2_750_000_000,
        ended_unix_ns: START + 3 * SECOND,
        self_check: serde_json::Value::Null,
        setup_data: serde_json::Value::Null,
        outputs: Vec::new(),
    };
    writer.finish(&end).unwrap();
    let run = Run::open(&directory).unwrap();
    assert_eq!(run.snapshot_count(), 6);
    assert_eq!(run.meta.threshold_defs(), thresholds());
    let again = run.rebuild().unwrap();
    assert_eq!(requests(&again), 360.0);
    assert_eq!(again, totals(live, Duration::from_millis(2750)));
    let duration = again.metrics.iter().find(|m| m.name == "http_req_duration").unwrap();
    assert!(!duration.thresholds[0].ok && duration.thresholds[1].ok, "{:?}", duration.thresholds);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_killed_run_counts_its_time_from_the_start_to_the_last_snapshot() {
    let directory = scratch("killed");
    let mut writer = Writer::create(&directory, &meta()).unwrap();
    let live = write_run(&mut writer, 4);
    drop(writer);
    let run = Run::open(&directory).unwrap();
    assert_eq!(run.end, None);
    assert_eq!(run.rebuild().unwrap(), totals(live, Duration::from_secs(4)));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_torn_snapshot_costs_only_itself() {
    let directory = scratch("torn");
    let mut writer = Writer::create(&directory, &meta()).unwrap();
    write_run(&mut writer, 2);
    let file = directory.join(record::RUN_FILE);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let run = Run::open(&directory).unwrap();
    assert_eq!(run.snapshot_count(), 3);
    assert!(run.recovery.to_string().contains("recovered 5 frames"), "{}", run.recovery);
    let again = run.rebuild().unwrap();
    assert_eq!(requests(&again), 180.0);
    assert_eq!(again.missing_snapshots, 0, "nobody can know of it");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_run_killed_before_its_first_snapshot_has_empty_totals() {
    let directory = scratch("early");
    drop(Writer::create(&directory, &meta()).unwrap());
    let again = Run::open(&directory).unwrap().rebuild().unwrap();
    assert_eq!(again.elapsed, Duration::ZERO);
    assert_eq!(requests(&again), 0.0);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_snapshot_that_is_none_is_named() {
    let directory = scratch("foreign");
    let mut writer = Writer::create(&directory, &meta()).unwrap();
    writer.snapshot(b"not a snapshot").unwrap();
    writer.flush().unwrap();
    let text = Run::open(&directory).unwrap().rebuild().unwrap_err().to_string();
    assert!(text.starts_with("a snapshot in `") && text.contains("cannot be read"), "{text}");
    fs::remove_dir_all(directory).unwrap();
}
