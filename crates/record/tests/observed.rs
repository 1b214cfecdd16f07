//! What probes saw comes back from a record, whole or torn, and is no part of the run's own totals.

#![allow(clippy::unwrap_used, reason = "test code, its helpers included")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use metrics::{Contains, Delta, Event, MetricKind, Registry, Shard, ShardConfig, Table};
use record::{End, Meta, Run, SummarySettings, Writer};
use serde_json::json;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_795_215_303 * SECOND;

fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("observed-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

fn meta() -> Meta {
    Meta {
        squall_version: "0.1.0".into(),
        created_unix_ns: START,
        command_line: Vec::new(),
        script_path: "t.js".into(),
        script_source: String::new(),
        options: json!(null),
        summary: SummarySettings::default(),
        thresholds: Vec::new(),
        ..Meta::default()
    }
}

/// Ten seconds of a gauge, an event each, and a table that is told anew every second.
fn write(writer: &mut Writer) {
    let registry = Arc::new(Registry::empty());
    let metric =
        registry.declare("pg_connections_total", MetricKind::Gauge, Contains::Default).unwrap();
    let mut shard = Shard::new(u32::MAX - 1, registry, ShardConfig::STANDARD);
    for second in 0..10 {
        let at = START + second * SECOND;
        let tags = shard.tag_set(&[("probe", "db")]);
        shard.add(metric, tags, second as f64, at);
        writer.observed(&shard.flush(at).encode()).unwrap();
        writer.event(&Event::new(at, "postgres", "blocked", "db", "x").with("n", second)).unwrap();
        let mut table = Table::new("postgres", "db statements", &["n"]);
        table.rows.push(vec![json!(second)]);
        writer.table(&table).unwrap();
        writer.flush().unwrap();
    }
}

#[test]
fn what_probes_saw_comes_back_in_order() {
    let directory = scratch("whole");
    let mut writer = Writer::create(&directory, &meta()).unwrap();
    write(&mut writer);
    let end = End {
        exit_code: 0,
        reason: "finished".into(),
        elapsed_ns: 10 * SECOND,
        ended_unix_ns: START + 10 * SECOND,
        self_check: json!(null),
        setup_data: json!(null),
        outputs: Vec::new(),
    };
    writer.finish(&end).unwrap();
    let run = Run::open(&directory).unwrap();
    let mut points = Vec::new();
    for snapshot in run.observed_snapshots().unwrap() {
        for (_, delta) in snapshot.unwrap().deltas() {
            let Delta::Gauge { last, last_unix_ns, .. } = delta else { panic!("{delta:?}") };
            points.push(((last_unix_ns - START) / SECOND, last as u64));
        }
    }
    assert_eq!(points, (0..10).map(|n| (n, n)).collect::<Vec<_>>());
    assert_eq!(run.events.len(), 10);
    assert_eq!(run.events[3].fields["n"], "3");
    assert_eq!(run.tables.len(), 1, "the last of a name counts");
    assert_eq!(run.tables[0].rows, [[json!(9)]]);
    assert_eq!((run.observed_count(), run.observations_left_out, run.snapshot_count()), (10, 0, 0));
    let totals = run.rebuild().unwrap();
    assert!(!totals.metrics.iter().any(|metric| metric.name == "pg_connections_total"));
}

#[test]
fn every_cut_keeps_what_was_seen_before_it() {
    let directory = scratch("torn");
    let mut writer = Writer::create(&directory, &meta()).unwrap();
    write(&mut writer);
    drop(writer);
    let bytes = fs::read(directory.join(record::RUN_FILE)).unwrap();
    let torn = directory.join("torn.sqr");
    let mut seen = (0, 0);
    for cut in 0..=bytes.len() {
        fs::write(&torn, &bytes[..cut]).unwrap();
        let Ok(run) = Run::open(&torn) else { continue };
        let now = (run.observed_count(), run.events.len());
        assert!(now >= seen, "cut at {cut}");
        assert!(run.observed_snapshots().unwrap().all(|snapshot| snapshot.is_ok()));
        seen = now;
    }
    assert_eq!(seen, (10, 10));
}

#[test]
fn texts_and_their_number_are_bounded() {
    let directory = scratch("bounded");
    let mut writer = Writer::create(&directory, &meta()).unwrap();
    let event = Event::new(1, "logs", "log-match", "a", &"x".repeat(1 << 20));
    writer.event(&event).unwrap();
    let short = Event::new(1, "logs", "log-match", "a", "");
    for _ in 0..100_010 {
        writer.event(&short).unwrap();
    }
    let mut table = Table::new("redis", "cache slow log", &["a"]);
    table.rows = vec![vec![json!("y".repeat(10_000))]; 6_000];
    writer.table(&table).unwrap();
    writer.flush().unwrap();
    assert_eq!(writer.dropped().events, 11);
    let run = Run::open(&directory).unwrap();
    assert!(run.events[0].text.len() < 5_000);
    assert_eq!((run.events.len(), run.tables[0].rows.len()), (100_000, 5_000));
}

#[test]
fn an_event_of_another_form_does_not_keep_the_run_from_being_read() {
    let directory = scratch("other");
    let writer = Writer::create(&directory, &meta()).unwrap();
    drop(writer);
    let path = directory.join(record::RUN_FILE);
    let mut bytes = fs::read(&path).unwrap();
    for kind in [record::frame::Kind::Event, record::frame::Kind::Table] {
        assert!(record::frame::append(&mut bytes, kind, b"{\"when\":\"later\"}"));
    }
    assert!(record::frame::append(&mut bytes, record::frame::Kind::Observed, b"no snapshot"));
    fs::write(&path, bytes).unwrap();
    let run = Run::open(&directory).unwrap();
    assert_eq!((run.observations_left_out, run.events.len()), (2, 0));
    assert!(run.observed_snapshots().unwrap().all(|snapshot| snapshot.is_err()));
    assert!(run.rebuild().is_ok());
}
