use std::sync::Arc;

use metrics::{Contains, MetricId, Registry, SeriesId, Shard, ShardConfig};
use serde_json::Value as Json;

use super::*;
use crate::csv::{self, Form, History};
use crate::message::ExceptionRow;
use crate::number::{percentile_name, proper_round};
use crate::options::CsvNames;
use crate::tables::{self, Layout, Rates};

const SECOND: u64 = 1_000_000_000;
/// 2026-11-20T20:00:52Z.
const START_S: u64 = 1_795_204_852;
const REPORT: [f64; 11] = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0];

/// What a child's engine does: records into a shard and flushes it.
struct Engine {
    shard: Shard,
    registry: Arc<Registry>,
}

impl Engine {
    fn new(agent: u32) -> Self {
        let registry = Arc::new(Registry::with_builtins());
        let shard = Shard::new(agent, Arc::clone(&registry), ShardConfig::STANDARD);
        Self { shard, registry }
    }

    fn series(
        &mut self,
        metric: &str,
        kind: metrics::MetricKind,
        tags: &[(&str, &str)],
    ) -> SeriesId {
        let id: MetricId = self.registry.declare(metric, kind, Contains::Default).unwrap();
        let tags = self.shard.tag_set(tags);
        self.shard.series(id, tags)
    }

    fn request(&mut self, at_ns: u64, name: &str, time_ms: Option<f64>, length: u64) {
        use metrics::MetricKind::{Counter, Trend};
        let tags = [("method", "GET"), ("name", name)];
        let requests = self.series("locust_requests", Counter, &tags);
        self.shard.record(requests, 1.0, at_ns);
        let bytes = self.series("locust_response_length", Counter, &tags);
        self.shard.record(bytes, length as f64, at_ns);
        let (metric, kind, value) = match time_ms {
            Some(time) => ("locust_response_time", Trend, time),
            None => ("locust_none_requests", Counter, 1.0),
        };
        let series = self.series(metric, kind, &tags);
        self.shard.record(series, value, at_ns);
    }

    fn error(&mut self, at_ns: u64, name: &str, text: &str) {
        use metrics::MetricKind::Counter;
        let tags = [("method", "GET"), ("name", name)];
        let failures = self.series("locust_failures", Counter, &tags);
        self.shard.record(failures, 1.0, at_ns);
        let tags = [("method", "GET"), ("name", name), ("error", text)];
        let errors = self.series("locust_errors", Counter, &tags);
        self.shard.record(errors, 1.0, at_ns);
    }

    fn flush(&mut self, at_ns: u64) -> Snapshot {
        let encoded = self.shard.flush(at_ns).encode();
        Snapshot::decode(&encoded).unwrap()
    }
}

fn statistics(rounding: Rounding) -> Statistics {
    Statistics::new(rounding, Memory { all_seconds: true, window: true }, START_S as f64)
}

fn golden(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

fn stats_json() -> Json {
    golden(include_str!("../../tests/golden/stats.json"))
}

fn misc_json() -> Json {
    golden(include_str!("../../tests/golden/misc.json"))
}

#[test]
fn buckets_are_locusts() {
    for pair in stats_json()["bucket"].as_array().unwrap() {
        let (time, expected) = (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap());
        assert_eq!(bucket(time), expected, "of {time}");
    }
}

#[test]
fn percentiles_median_and_mean_are_locusts() {
    let all = stats_json();
    let cases = all["percentiles"].as_array().unwrap();
    assert!(cases.len() > 5);
    for case in cases {
        let values: Vec<f64> =
            case["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let mut engine = Engine::new(1);
        for value in &values {
            engine.request(START_S * SECOND, "/", Some(*value), 1);
        }
        for _ in 0..case["none_requests"].as_u64().unwrap() {
            engine.request(START_S * SECOND, "/", None, 1);
        }
        let mut statistics = statistics(Rounding::Locust);
        statistics.ingest(0, &engine.flush((START_S + 1) * SECOND));
        for view in [statistics.total(), statistics.sorted()[0]] {
            for (part, expected) in case["percentiles"].as_object().unwrap() {
                let found = view.percentile(part.parse().unwrap());
                assert_eq!(found, expected.as_i64().unwrap(), "{part} of {} values", values.len());
            }
            let near = |found: f64, key: &str| {
                let expected = case[key].as_f64().unwrap();
                assert!(
                    (found - expected).abs() <= expected.abs() * 1e-9,
                    "{key}: {found}, {expected}"
                );
            };
            near(view.median_response_time().as_f64(), "median");
            near(view.avg_response_time(), "avg");
            near(view.min_response_time().unwrap_or(0.0), "min");
            near(view.max_response_time().unwrap_or(0.0), "max");
        }
    }
}

#[test]
fn names_durations_and_rounding_are_locusts() {
    let names: Vec<Json> = REPORT.iter().map(|part| percentile_name(*part).into()).collect();
    assert_eq!(stats_json()["readable"], Json::Array(names));
    let misc = misc_json();
    for case in misc["format_duration"].as_array().unwrap() {
        let found = crate::time::duration(case[0].as_f64().unwrap(), case[1].as_f64().unwrap());
        assert_eq!(found, case[2].as_str().unwrap());
    }
    for case in misc["proper_round"].as_array().unwrap() {
        let digits = case[1].as_u64().unwrap() as usize;
        assert_eq!(proper_round(case[0].as_f64().unwrap(), digits), case[2].as_f64().unwrap());
    }
}

/// The requests of a recorded run of the real Locust, as its console shows them.
fn recorded_run() -> Statistics {
    let mut engine = Engine::new(1);
    let at = START_S * SECOND;
    let times = [6.3].into_iter().chain([7.0; 19]).chain([8.6; 11]);
    let times = times.chain([9.6; 4]).chain([10.6; 5]).chain([56.2]);
    for time in times {
        engine.request(at, "/hello", Some(time), 5);
    }
    let mut statistics = statistics(Rounding::Milliseconds);
    statistics.ingest(0, &engine.flush(at + SECOND));
    statistics.note_last(START_S as f64 + 2.6728);
    statistics
}

#[test]
fn the_console_is_locusts_to_the_character() {
    let statistics = recorded_run();
    let layout = Layout::default();
    let text = tables::requests(&statistics, layout, Rates::Total)
        + &tables::percentiles(&statistics, layout, &REPORT)
        + &tables::errors(&statistics, layout);
    assert_eq!(text, include_str!("../../tests/golden/console.txt"));
}

#[test]
fn a_narrow_terminal_shrinks_the_names_as_in_locust() {
    let layout = Layout { type_width: 8, name_width: 0 };
    let text = tables::requests(&statistics(Rounding::Milliseconds), layout, Rates::Total);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Type     Name  # reqs"), "{}", lines[0]);
    assert!(lines[1].starts_with("--------||-------|"), "{}", lines[1]);
}

#[test]
fn errors_are_sorted_and_named_as_in_locust() {
    // The texts of a recorded file, given in another order.
    let recorded = include_str!("../../tests/golden/run1_failures.csv");
    let mut engine = Engine::new(1);
    for (name, text) in [
        ("validated, with \"quotes\"", "CatchResponseError('custom failure message')"),
        ("/refused", "ConnectionRefusedError(111, 'Connection refused')"),
        ("/close", "HTTPConnectionClosed('connection closed.')"),
        ("/status/503", "LocustBadStatusCode(code=503)"),
        ("/does_not_exist", "HTTPError('404 Client Error: Not Found for url: /does_not_exist')"),
        (
            "/status/500",
            "HTTPError('500 Server Error: Internal Server Error for url: /status/500')",
        ),
    ] {
        engine.error(START_S * SECOND, name, text);
    }
    let mut statistics = statistics(Rounding::Milliseconds);
    statistics.ingest(0, &engine.flush(START_S * SECOND + SECOND / 2));
    let text = csv::failures(&statistics);
    // Without counts and times, which differ.
    let cut = |text: &str| -> Vec<String> {
        let cut = |line: &str| line.rsplitn(4, ',').nth(3).unwrap_or(line).to_owned();
        text.split("\r\n").map(cut).collect()
    };
    assert_eq!(cut(&text), cut(recorded));
    assert!(text.contains(",1,2026-11-20T20:00:52Z,2026-11-20T20:00:52Z\r\n"), "{text}");
    let report = tables::errors(&statistics, Layout::default());
    assert!(report.contains("GET validated, with \"quotes\": custom failure message "), "{report}");
    assert!(report.contains("GET /refused: ConnectionRefusedError(111, 'Connection refused')"));
    for case in misc_json()["errors"].as_array().unwrap() {
        let error = ErrorEntry {
            method: "GET".to_owned(),
            name: "/x".to_owned(),
            error: case[0].as_str().unwrap().to_owned(),
            occurrences: 1,
            first_s: 0.0,
            last_s: 0.0,
        };
        assert_eq!(error.to_name(), case[2].as_str().unwrap());
    }
}

fn form(names: CsvNames) -> Form<'static> {
    Form { percentiles: &REPORT, names, window_s: 10 }
}

#[test]
fn csv_files_have_locusts_first_lines() {
    let head = |text: &str| text.split("\r\n").next().unwrap_or_default().to_owned();
    let statistics = recorded_run();
    let now = form(CsvNames::Current);
    for (ours, recorded) in [
        (csv::requests(&statistics, now), include_str!("../../tests/golden/run1_stats.csv")),
        (csv::history_head(now), include_str!("../../tests/golden/run1_stats_history.csv")),
        (csv::failures(&statistics), include_str!("../../tests/golden/run1_failures.csv")),
        (csv::exceptions(&[]), include_str!("../../tests/golden/run1_exceptions.csv")),
    ] {
        assert_eq!(head(&ours), head(recorded));
    }
    let rows = csv::requests(&statistics, now);
    let row = rows.split("\r\n").nth(1).unwrap();
    assert!(row.starts_with("GET,/hello,41,0,9,9.30"), "{row}");
    assert!(row.contains(",6.3,56.2,5.0,15.33"), "{row}");
    assert!(row.ends_with(",0.0,9,9,9,10,11,11,56,56,56,56,56"), "{row}");
}

#[test]
fn an_empty_test_writes_what_locust_writes() {
    let statistics = statistics(Rounding::Milliseconds);
    let recorded = include_str!("../../tests/golden/run1_stats_history.csv");
    let now = form(CsvNames::Current);
    let ours = csv::history_head(now)
        + &csv::history_rows(&statistics, now, History::Full, 1_795_204_788.7, 0);
    assert_eq!(ours, recorded);
}

#[test]
fn old_names_come_behind_the_new_ones() {
    let statistics = recorded_run();
    let both = csv::requests(&statistics, form(CsvNames::Both));
    let lines: Vec<&str> = both.split("\r\n").collect();
    assert!(lines[0].ends_with(
        "100%,# requests,# failures,Median response time,Average response time,Min response time,Max response time"
    ));
    assert!(lines[1].contains(",41,0,9,9.30"), "{}", lines[1]);
    let head = csv::history_head(form(CsvNames::Both));
    let rows = csv::history_rows(&statistics, form(CsvNames::Both), History::Total, 7.0, 1);
    assert_eq!(head.split(',').count(), rows.split("\r\n").next().unwrap().split(',').count());
}

#[test]
fn exceptions_keep_their_lines() {
    let row = ExceptionRow {
        count: 17,
        msg: "boom".to_owned(),
        traceback: "  File \"a\"\n    b\n".to_owned(),
        nodes: vec!["local".to_owned(), "w1".to_owned()],
    };
    let text = csv::exceptions(&[row]);
    assert!(text.ends_with("17,boom,\"  File \"\"a\"\"\n    b\n\",\"local, w1\"\r\n"), "{text}");
}

#[test]
fn a_snapshot_that_comes_twice_counts_once_and_a_gap_is_told() {
    let mut engine = Engine::new(1);
    let mut statistics = statistics(Rounding::Milliseconds);
    engine.request(START_S * SECOND, "/", Some(1.0), 1);
    let first = engine.flush((START_S + 1) * SECOND);
    statistics.ingest(0, &first);
    statistics.ingest(0, &first);
    assert_eq!(statistics.total().entry.requests, 1);
    engine.request((START_S + 1) * SECOND, "/", Some(1.0), 1);
    drop(engine.flush((START_S + 2) * SECOND));
    engine.request((START_S + 2) * SECOND, "/", Some(1.0), 1);
    statistics.ingest(0, &engine.flush((START_S + 3) * SECOND));
    assert_eq!((statistics.total().entry.requests, statistics.lost_snapshots()), (2, 1));
}

#[test]
fn the_numbers_of_several_processes_become_one_entry() {
    let mut statistics = statistics(Rounding::Milliseconds);
    for source in 0..3 {
        // The same agent number on each: what tells them apart is where they come from.
        let mut engine = Engine::new(1);
        engine.request(START_S * SECOND, "/", Some(1.0 + source as f64), 10);
        engine.error(START_S * SECOND, "/", "Timeout()");
        statistics.ingest(source, &engine.flush((START_S + 1) * SECOND));
    }
    let views = statistics.sorted();
    assert_eq!(views.len(), 1);
    assert_eq!(
        (views[0].entry.requests, views[0].entry.failures, views[0].entry.length),
        (3, 3, 30)
    );
    assert_eq!(views[0].median_response_time(), Value::Int(2));
    assert_eq!(statistics.errors().len(), 1);
    assert_eq!(statistics.errors()[0].occurrences, 3);
}

#[test]
fn a_reset_keeps_names_and_a_new_test_forgets_them() {
    let mut engine = Engine::new(1);
    let mut statistics = statistics(Rounding::Milliseconds);
    engine.request(START_S * SECOND, "/", Some(1.0), 1);
    engine.error(START_S * SECOND, "/", "x");
    statistics.ingest(0, &engine.flush((START_S + 1) * SECOND));
    statistics.reset_all(START_S as f64 + 1.0);
    assert_eq!(statistics.sorted().len(), 1);
    assert_eq!(statistics.total().entry.requests, 0);
    assert!(statistics.errors().is_empty());
    // The engine explains a series only once.
    engine.request((START_S + 1) * SECOND, "/", Some(3.0), 1);
    engine.error((START_S + 1) * SECOND, "/", "x");
    statistics.ingest(0, &engine.flush((START_S + 2) * SECOND));
    assert_eq!(statistics.sorted()[0].entry.requests, 1);
    assert_eq!(statistics.errors()[0].occurrences, 1);
    statistics.clear_all(START_S as f64 + 2.0);
    assert!(statistics.sorted().is_empty());
    engine.request((START_S + 2) * SECOND, "/", Some(3.0), 1);
    statistics.ingest(0, &engine.flush((START_S + 3) * SECOND));
    assert_eq!(statistics.sorted()[0].entry.name, "/");
}

#[test]
fn an_engine_that_starts_anew_is_heard_again() {
    let mut statistics = statistics(Rounding::Milliseconds);
    for _ in 0..2 {
        let mut engine = Engine::new(1);
        engine.request(START_S * SECOND, "/", Some(1.0), 1);
        statistics.ingest(0, &engine.flush((START_S + 1) * SECOND));
        statistics.forget_source(0);
    }
    assert_eq!((statistics.total().entry.requests, statistics.lost_snapshots()), (2, 0));
}

#[test]
fn rates_of_now_are_of_ten_seconds_that_end_two_before_the_last_request() {
    let mut engine = Engine::new(1);
    let mut statistics = statistics(Rounding::Milliseconds);
    for second in 0..20 {
        for _ in 0..=second {
            engine.request((START_S + second) * SECOND, "/", Some(1.0), 1);
        }
        statistics.ingest(0, &engine.flush((START_S + second + 1) * SECOND));
    }
    // The last request is in second 19: seconds 7 to 16 count, with 8 to 17 requests.
    assert_eq!(statistics.total().current_rps(), 12.5);
    let mut young = super::Statistics::new(
        Rounding::Milliseconds,
        Memory { all_seconds: false, window: false },
        START_S as f64,
    );
    let mut engine = Engine::new(1);
    engine.request(START_S * SECOND, "/", Some(1.0), 1);
    young.ingest(0, &engine.flush((START_S + 1) * SECOND));
    assert_eq!(young.total().current_rps(), 0.0);
}

#[test]
fn percentiles_of_now_forget_what_is_ten_seconds_old() {
    let mut engine = Engine::new(1);
    let mut statistics = statistics(Rounding::Milliseconds);
    engine.request(START_S * SECOND, "/", Some(900.0), 1);
    statistics.ingest(0, &engine.flush((START_S + 1) * SECOND));
    engine.request((START_S + 14) * SECOND, "/", Some(5.0), 1);
    statistics.ingest(0, &engine.flush((START_S + 15) * SECOND));
    let now = |after: u64| (START_S + after) as f64 + 0.5;
    let current = |after| statistics.total().current_percentiles(&[0.5, 1.0], now(after), 10);
    assert_eq!(current(1), None);
    assert_eq!(current(16), Some(vec![5, 5]));
    assert_eq!(current(30), Some(vec![0, 0]));
    assert_eq!(statistics.total().percentile(1.0), 900);
}

#[test]
fn json_has_every_entry_as_locust_serialises_it() {
    let mut engine = Engine::new(1);
    let mut statistics = statistics(Rounding::Locust);
    engine.request(START_S * SECOND, "/", Some(147.0), 3);
    engine.request(START_S * SECOND, "/", None, 4);
    statistics.ingest(0, &engine.flush((START_S + 1) * SECOND));
    let text = crate::json::text(&statistics);
    assert!(
        text.starts_with("[\n    {\n        \"name\": \"/\",\n        \"method\": \"GET\",\n"),
        "{text}"
    );
    let entry = &golden(&text)[0];
    let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
    let locusts = [
        "name",
        "method",
        "last_request_timestamp",
        "start_time",
        "num_requests",
        "num_none_requests",
        "num_failures",
        "total_response_time",
        "max_response_time",
        "min_response_time",
        "total_content_length",
        "response_times",
        "num_reqs_per_sec",
        "num_fail_per_sec",
    ];
    assert_eq!(keys, locusts);
    assert_eq!(entry["response_times"], serde_json::json!({"150": 1}));
    assert_eq!(entry["num_reqs_per_sec"], serde_json::json!({START_S.to_string(): 2}));
    assert_eq!(entry["total_content_length"], 7);
    assert_eq!(
        crate::json::text(&super::Statistics::new(
            Rounding::Locust,
            Memory { all_seconds: true, window: false },
            0.0
        )),
        "[]"
    );
}
