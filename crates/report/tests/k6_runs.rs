//! Runs of the real k6 2.2 again: the samples it wrote with `--out json` go through `metrics`, and
//! what this crate prints must be what k6 printed, to the byte, and the same JSON.
//!
//! Each folder of `data/k6` holds one run: `points.ndjson` (the samples), `summary.txt` (standard
//! output), `data.json` (the argument of `handleSummary`), `export.json` (`--summary-export`).
//! `data/k6/README.md` says how they were made.

#![allow(clippy::unwrap_used, reason = "test code, its helpers included")]

use metrics::{
    Aggregator, AggregatorConfig, Contains, MetricKind, Registry, Shard, ShardConfig, Totals,
};
use plan::threshold::ThresholdDef;
use report::number::TimeUnit;
use report::{
    MachineSummaryOptions, SummaryDataOptions, SummaryMode, SummaryOptions, TrendStat, summary,
};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

struct Recorded {
    folder: PathBuf,
    data: Value,
}

impl Recorded {
    fn load(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/k6").join(name);
        let data = std::fs::read_to_string(folder.join("data.json")).unwrap();
        Recorded { folder, data: serde_json::from_str(&data).unwrap() }
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap()
    }

    fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.text(file)).unwrap()
    }

    fn elapsed(&self) -> Duration {
        let ms = match self.data.pointer("/state/testRunDurationMs") {
            Some(ms) => ms.as_f64().unwrap(),
            None => self.data.pointer("/config/duration").unwrap().as_f64().unwrap() * 1000.0,
        };
        Duration::from_nanos((ms * 1e6).round() as u64)
    }

    /// The totals of the recorded samples, through a shard, an encoded snapshot and an aggregator.
    /// `unused` are metrics the script declared and never added to.
    fn totals(
        &self,
        thresholds: &[(&str, &[&str])],
        unused: &[(&str, MetricKind, Contains)],
    ) -> Totals {
        let registry = Arc::new(Registry::with_builtins());
        for (name, kind, contains) in unused {
            registry.declare(name, *kind, *contains).unwrap();
        }
        let mut shard = Shard::new(1, registry.clone(), ShardConfig::STANDARD);
        for line in self.text("points.ndjson").lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let name = line["metric"].as_str().unwrap();
            let data = &line["data"];
            if line["type"] == "Metric" {
                let kind = kind(data["type"].as_str().unwrap());
                let contains = contains(data["contains"].as_str().unwrap());
                registry.declare(name, kind, contains).unwrap();
                continue;
            }
            let tags: Vec<(&str, &str)> = data["tags"]
                .as_object()
                .map(|tags| tags.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap())).collect())
                .unwrap_or_default();
            let tags = shard.tag_set(&tags);
            let metric = registry.get(name).unwrap();
            let at = unix_ns(data["time"].as_str().unwrap());
            shard.add(metric, tags, data["value"].as_f64().unwrap(), at);
        }
        let snapshot = shard.flush(2_000_000_000_000_000_000);
        let define = |source: &&str| ThresholdDef {
            source: (*source).to_owned(),
            abort_on_fail: false,
            delay_abort_eval: None,
        };
        let thresholds = thresholds
            .iter()
            .map(|(name, sources)| ((*name).to_owned(), sources.iter().map(define).collect()));
        let config =
            AggregatorConfig { thresholds: thresholds.collect(), full: true, request_rows: true };
        let mut aggregator = Aggregator::new(config).unwrap();
        aggregator.ingest(&metrics::Snapshot::decode(&snapshot.encode()).unwrap()).unwrap();
        aggregator.evaluate(self.elapsed(), true);
        aggregator.totals(self.elapsed())
    }

    fn check_json(&self, totals: &Totals, stats: &[&str], time_unit: Option<TimeUnit>) {
        let tty = self.data["state"]["isStdOutTTY"] == true;
        let options = SummaryDataOptions {
            trend_stats: parse(stats),
            time_unit,
            no_color: false,
            stdout_is_tty: tty,
            stderr_is_tty: self.data["state"]["isStdErrTTY"] == true,
            setup_data: self.data.get("setup_data").cloned(),
        };
        same(&report::handle_summary_data(totals, &options), &self.data, "data");
        let export = report::summary_export(totals, &options);
        same(&export, &self.json("export.json"), "export");
    }

    fn check_text(&self, totals: &Totals, options: &SummaryOptions) {
        let (got, expected) = (summary(totals, options), self.text("summary.txt"));
        for (n, (got, expected)) in got.lines().zip(expected.lines()).enumerate() {
            assert_eq!(got, expected, "line {} of {:?}", n + 1, self.folder);
        }
        assert_eq!(got, expected);
    }
}

fn kind(text: &str) -> MetricKind {
    let all = [MetricKind::Counter, MetricKind::Gauge, MetricKind::Rate, MetricKind::Trend];
    all.into_iter().find(|kind| kind.as_str() == text).unwrap()
}

fn contains(text: &str) -> Contains {
    let all = [Contains::Default, Contains::Time, Contains::Data];
    all.into_iter().find(|contains| contains.as_str() == text).unwrap()
}

/// Nanoseconds within the day are enough to order the samples of a run.
fn unix_ns(time: &str) -> u64 {
    let (_, clock) = time.split_once('T').unwrap();
    let clock = clock.split(['Z', '+']).next().unwrap();
    let mut parts = clock.split(':');
    let mut next = || parts.next().unwrap();
    let (hour, minute) = (next().parse::<u64>().unwrap(), next().parse::<u64>().unwrap());
    let (second, fraction) = next().split_once('.').unwrap_or(("0", "0"));
    let second: u64 = second.parse().unwrap();
    let fraction: u64 = format!("{fraction:0<9}").parse().unwrap();
    1_700_000_000_000_000_000 + ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + fraction
}

fn parse(stats: &[&str]) -> Vec<TrendStat> {
    stats.iter().map(|stat| TrendStat::parse(stat).unwrap()).collect()
}

/// The same structure, numbers within what another order of adding up makes.
fn same(got: &Value, expected: &Value, path: &str) {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            let mut keys: Vec<_> = got.keys().chain(expected.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = format!("{path}/{key}");
                match (got.get(key), expected.get(key)) {
                    (Some(got), Some(expected)) => same(got, expected, &path),
                    (got, expected) => panic!("{path}: {got:?} instead of {expected:?}"),
                }
            }
        }
        (Value::Array(got), Value::Array(expected)) => {
            assert_eq!(got.len(), expected.len(), "{path}: {got:?} instead of {expected:?}");
            for (n, (got, expected)) in got.iter().zip(expected).enumerate() {
                same(got, expected, &format!("{path}/{n}"));
            }
        }
        (Value::Number(got), Value::Number(expected)) => {
            let (got, expected) = (got.as_f64().unwrap(), expected.as_f64().unwrap());
            let near = (got - expected).abs() <= 1e-12 * expected.abs().max(1e-3);
            assert!(near, "{path}: {got} instead of {expected}");
        }
        _ => assert_eq!(got, expected, "{path}"),
    }
}

/// The machine-readable metrics come in an order of Go's maps.
fn sorted_metrics(mut summary: Value) -> Value {
    let metrics = summary["results"]["metrics"].as_array_mut().unwrap();
    metrics.sort_by_key(|metric| metric["name"].as_str().unwrap().to_owned());
    summary
}

fn options(mode: SummaryMode) -> SummaryOptions {
    SummaryOptions {
        mode,
        trend_stats: TrendStat::defaults(),
        time_unit: None,
        colours: false,
        clear_lines: false,
    }
}

const FULL_THRESHOLDS: &[(&str, &[&str])] = &[
    ("checks", &["rate>0.5"]),
    ("my_time_trend", &["p(95)<500", "avg<0.001", "p(99.5)<1000"]),
    ("my_time_trend{scenario:beta}", &["max<1000"]),
    ("http_reqs{nope:1}", &["count>1"]),
    ("my_counter", &["count>100", "rate>0"]),
    ("my_gauge", &["value<10"]),
    ("my_trend{kind:x}", &["med<4"]),
    ("my_trend{kind:y}", &[]),
    ("unused_with_threshold", &["p(90)<5"]),
    ("my_rate", &["rate>=0.9"]),
];

const UNUSED: &[(&str, MetricKind, Contains)] = &[
    ("unused_with_threshold", MetricKind::Trend, Contains::Time),
    ("unused_counter", MetricKind::Counter, Contains::Default),
];

#[test]
fn full_summary_with_groups_scenarios_and_crossed_thresholds() {
    let run = Recorded::load("full");
    let totals = run.totals(FULL_THRESHOLDS, UNUSED);
    run.check_text(&totals, &options(SummaryMode::Full));
    run.check_json(&totals, &report::DEFAULT_TREND_STATS, None);
}

#[test]
fn full_summary_of_setup_groups_nested_groups_and_other_statistics() {
    let run = Recorded::load("groups");
    let thresholds: &[(&str, &[&str])] = &[
        ("cc{scenario:other}", &["count>1"]),
        ("cc{nothing:x}", &[]),
        ("iteration_duration{scenario:other}", &[]),
    ];
    let totals = run.totals(thresholds, &[]);
    let stats = ["med", "p(99.9)", "count", "min"];
    let unit = Some(TimeUnit::Microseconds);
    let options = SummaryOptions {
        trend_stats: parse(&stats),
        time_unit: unit,
        ..options(SummaryMode::Full)
    };
    run.check_text(&totals, &options);
    run.check_json(&totals, &stats, unit);
}

#[test]
fn compact_summary_of_plain_requests() {
    let run = Recorded::load("compact");
    let totals = run.totals(&[], &[]);
    run.check_text(&totals, &options(SummaryMode::Compact));
    run.check_json(&totals, &report::DEFAULT_TREND_STATS, None);
}

#[test]
fn compact_summary_in_colours_on_a_terminal() {
    let run = Recorded::load("tty");
    let thresholds: &[(&str, &[&str])] = &[
        ("http_req_failed", &["rate<0.01"]),
        ("http_req_duration{expected_response:true}", &["p(95)<500"]),
        ("http_reqs", &["count>1"]),
    ];
    let totals = run.totals(thresholds, &[]);
    let options =
        SummaryOptions { colours: true, clear_lines: true, ..options(SummaryMode::Compact) };
    run.check_text(&totals, &options);
    run.check_json(&totals, &report::DEFAULT_TREND_STATS, None);
}

#[test]
fn sections_and_thresholds_sort_as_in_k6() {
    let run = Recorded::load("order");
    let often: &[&str] = &["count>0", "  count  >= 0", "rate < 5e9"];
    let mut thresholds: Vec<(&str, &[&str])> = Vec::new();
    for name in ["bb", "aB", "Ab", "ab", "a1", "zz", "a_b", "Zz_", "ZZ"] {
        thresholds.push((name, &["count>0"]));
    }
    for name in ["ab{z:1}", "ab{b:2}", "ab{B:2}", "aB{a:1}", "zz{q:1,b:2}", "nn_never{a:1}"] {
        thresholds.push((name, often));
    }
    thresholds.push(("http_req_duration{expected_response:true}", &["p(95)<1"]));
    thresholds.push(("http_req_failed", &["rate<1"]));
    thresholds.push(("iteration_duration", &["p(99.5)<1", "p(50)<1", " p(90.0) < 3"]));
    let unused = [("nn_never", MetricKind::Counter, Contains::Default)];
    let totals = run.totals(&thresholds, &unused);
    run.check_text(&totals, &options(SummaryMode::Full));
    run.check_json(&totals, &report::DEFAULT_TREND_STATS, None);
}

#[test]
fn machine_readable_summaries_have_the_shape_of_k6() {
    for (name, mode) in
        [("machine_full", SummaryMode::Full), ("machine_compact", SummaryMode::Compact)]
    {
        let run = Recorded::load(name);
        let totals = run.totals(FULL_THRESHOLDS, UNUSED);
        let options = MachineSummaryOptions {
            mode,
            trend_stats: TrendStat::defaults(),
            script: run.data["config"]["script"].as_str().unwrap().to_owned(),
            generated_at: run.data["metadata"]["generated_at"].as_str().unwrap().to_owned(),
            k6_version: "2.2.0".to_owned(),
        };
        let got = report::machine_summary(&totals, &options);
        same(&sorted_metrics(got.clone()), &sorted_metrics(run.data.clone()), name);
        same(&sorted_metrics(got), &sorted_metrics(run.json("export.json")), name);
        run.check_text(&totals, &self::options(mode));
    }
}

#[test]
fn statistics_that_are_not_asked_for_are_null_in_the_machine_readable_summary() {
    let run = Recorded::load("compact");
    let options = MachineSummaryOptions {
        mode: SummaryMode::Compact,
        trend_stats: parse(&["p(99)", "p(90)", "count"]),
        script: String::new(),
        generated_at: String::new(),
        k6_version: String::new(),
    };
    let got = report::machine_summary(&run.totals(&[], &[]), &options);
    assert_eq!(got["results"]["checks"], serde_json::json!({ "metrics": [], "results": [] }));
    let metrics = got["results"]["metrics"].as_array().unwrap();
    let trend = metrics.iter().find(|metric| metric["name"] == "iteration_duration").unwrap();
    assert!(trend["values"]["p90"].is_f64());
    for absent in ["avg", "max", "med", "min", "p95"] {
        assert!(trend["values"][absent].is_null(), "{absent}");
    }
}

#[test]
fn the_table_by_name_is_made_of_the_same_totals() {
    let run = Recorded::load("compact");
    let table = report::requests(&run.totals(&[], &[]), 20);
    let last = table.lines().last().unwrap();
    assert!(
        last.trim_start().starts_with("http://127.0.0.1:18999/ok      3    28.5         0"),
        "{table}"
    );
    assert!(last.contains("47.0ms") && last.ends_with("47.8ms"), "{table}");
    assert_eq!(report::requests(&Recorded::load("groups").totals(&[], &[]), 20), "");
}
