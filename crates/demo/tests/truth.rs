//! Delays, faults, modes and the records of them: what other crates' measurements are held against.

#![allow(clippy::unwrap_used)] // Clippy does not see that helper functions belong to tests.

mod client;

use client::Client;
use demo::{Control, DelayPlan, Fault, Target, TargetConfig, TargetHandle};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::time::Duration;

fn start() -> TargetHandle {
    Target::start(TargetConfig::on_free_port()).unwrap()
}

#[test]
fn injected_delays_are_kept_and_recorded() {
    let target = start();
    let mut client = Client::to(&target);
    let cases = [
        ("/v1/results", 0),
        ("/v1/results?delay=0.25ms", 250_000),
        ("/v1/results?delay=1", 1_000_000),
        ("/get?delay=12.5ms", 12_500_000),
        ("/status/503?delay=3ms", 3_000_000),
        ("/delay/0.02", 20_000_000),
        ("/stream/5?delay=500us", 500_000),
    ];
    for (path, _) in cases {
        client.get(path);
    }
    let log = target.log();
    assert_eq!(log.len(), cases.len());
    for (entry, (path, injected_ns)) in log.iter().zip(cases) {
        assert_eq!(entry.injected_ns, injected_ns, "{path}");
        assert!(entry.actual_ns >= injected_ns, "{path}: {entry:?}");
        assert_eq!(entry.path, path.split('?').next().unwrap());
    }
}

#[test]
fn the_log_is_complete_and_in_order() {
    const CLIENTS: usize = 8;
    const EACH: usize = 200;
    let target = start();
    let before = (rt::now(), rt::unix_nanos());
    std::thread::scope(|scope| {
        for n in 0..CLIENTS {
            let target = &target;
            scope.spawn(move || {
                let mut client = Client::to(target);
                for i in 0..EACH {
                    assert_eq!(client.get(&format!("/anything/{n}/{i}")).status, 200);
                }
            });
        }
    });
    let after = (rt::now(), rt::unix_nanos());
    let log = target.log();
    assert_eq!(log.len(), CLIENTS * EACH);
    let served = target.served();
    assert_eq!((served.received, served.completed), (log.len() as u64, log.len() as u64));
    assert_eq!(served.connections_used, CLIENTS as u64);
    let paths: std::collections::HashSet<&str> = log.iter().map(|e| e.path.as_str()).collect();
    assert_eq!(paths.len(), CLIENTS * EACH);
    for (seq, entry) in log.iter().enumerate() {
        assert_eq!(entry.seq, seq as u64);
        assert_eq!((entry.route, entry.method, entry.status), ("/anything/*", "GET", 200));
        // The kernel's stamp is mapped between two clocks that are not read at the same instant.
        let slack = 5_000_000;
        assert!(entry.arrival.0 + slack >= before.0.0 && entry.arrival <= after.0, "{entry:?}");
        assert!(entry.arrival_unix_ns + slack >= before.1, "{entry:?}");
        assert!(entry.arrival_unix_ns <= after.1 + slack, "{entry:?}");
    }

    let mut client = Client::to(&target);
    let lines = client.get("/_log?since=1590&limit=5");
    assert_eq!(lines.header("x-next-since"), Some("1595"));
    let text = lines.text();
    let got: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(got.len(), 5);
    for (line, entry) in got.iter().zip(&log[1590..]) {
        assert_eq!(line["seq"], entry.seq);
        assert_eq!(line["arrival_ns"], entry.arrival.0);
        assert_eq!(line["path"], entry.path.as_str());
        assert_eq!(line["actual_ms"].as_f64(), Some(entry.actual_ns as f64 / 1e6));
    }
    assert_eq!(client.get("/_log").text().lines().count(), log.len());
    assert_eq!(target.served().received, log.len() as u64, "admin requests are not counted");
}

#[test]
fn a_small_log_keeps_the_newest() {
    let mut config = TargetConfig::on_free_port();
    config.log_capacity = 10;
    let target = Target::start(config).unwrap();
    let mut client = Client::to(&target);
    for _ in 0..25 {
        client.get("/");
    }
    let seqs: Vec<u64> = target.log().iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (15..25).collect::<Vec<_>>());
    let stats = client.get("/_stats").json();
    assert_eq!((&stats["completed"], &stats["logged"]), (&json!(25), &json!(10)));
    assert_eq!(stats["not_logged_any_more"], 15);
    assert_eq!(client.get("/_log").header("x-first-seq"), Some("15"));
}

#[test]
fn faults_end_connections_as_asked() {
    let target = start();
    let ask = |query: &str| {
        let mut client = Client::to(&target);
        client.send(format!("GET /html?{query} HTTP/1.1\r\n\r\n").as_bytes());
        client
    };
    let whole = Client::to(&target).get("/html").body;

    assert_eq!(ask("close=before").rest().unwrap(), b"");
    let reset = ask("close=reset").rest().unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    let garbage = ask("close=garbage").rest().unwrap();
    assert!(!garbage.is_empty() && !garbage.starts_with(b"HTTP"));
    let head = ask("close=mid-head").rest().unwrap();
    assert!(head.starts_with(b"HTTP/1.1 200") && !head.windows(4).any(|w| w == b"\r\n\r\n"));

    let mut cut = ask("close=mid-body");
    let (_, length, _) = cut.head().unwrap();
    assert_eq!(length, Some(whole.len() as u64));
    assert_eq!(cut.rest().unwrap(), whole[..whole.len() / 2]);

    let mut never = ask("close=never");
    assert!(never.is_silent_for(Duration::from_millis(50)));

    let faults: Vec<(u16, Fault)> =
        target.log().iter().map(|entry| (entry.status, entry.fault)).collect();
    assert_eq!(
        faults,
        [
            (200, Fault::None),
            (0, Fault::CloseBefore),
            (0, Fault::Reset),
            (0, Fault::Garbage),
            (0, Fault::CloseMidHead),
            (200, Fault::CloseMidBody),
            (0, Fault::Never),
        ]
    );
}

#[test]
fn cut_bodies_are_cut_whatever_their_framing() {
    let target = start();
    for (path, announced) in [
        ("/stream/10?close=mid-body", None),
        ("/bytes/1000000?close=mid-body", Some(1_000_000)),
        ("/get?size=0&close=mid-body", Some(2)),
    ] {
        let mut client = Client::to(&target);
        client.send(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
        let (_, length, chunked) = client.head().unwrap();
        assert_eq!((length, chunked), (announced, announced.is_none()), "{path}");
        let rest = client.rest().unwrap();
        match announced {
            Some(n) => assert!((rest.len() as u64) < n, "{path}: {}", rest.len()),
            None => assert!(!rest.is_empty() && !rest.ends_with(b"0\r\n\r\n"), "{path}"),
        }
    }
}

#[test]
fn statuses_and_padding_headers_are_injected_on_any_endpoint() {
    let target = start();
    let mut client = Client::to(&target);
    let failed = client.get("/v1/results?status=503");
    assert_eq!((failed.status, failed.json()), (503, json!({ "detail": "injected" })));
    assert_eq!(client.get("/v1/results?status=201").status, 201);
    let many = client.get("/v1/results?headers=10000");
    let padding = many.headers.iter().filter(|(name, _)| name.starts_with("x-padding-")).count();
    assert_eq!(padding, 10_000);
    assert!(many.json()["result"].is_u64());
    let log = target.log();
    assert_eq!((log[0].status, log[0].fault), (503, Fault::Status));
}

#[test]
fn the_mix_delays_every_tenth_request() {
    let target = start();
    let mut client = Client::to(&target);
    let put = client.request("PUT", "/_control", &[], br#"{"delay":"mix"}"#);
    assert_eq!((put.status, &put.json()["delay"]), (200, &json!("mix")));
    for _ in 0..100 {
        client.get("/v1/results");
        client.get("/metrics");
    }
    let log = target.log();
    assert_eq!(log.len(), 100, "scrapes are not logged");
    for (i, entry) in log.iter().enumerate() {
        let injected_ms = match i + 1 {
            100 => 20,
            n if n % 10 == 0 => 5,
            _ => 0,
        };
        assert_eq!(entry.injected_ns, injected_ms * 1_000_000, "request {i}");
        assert!(entry.actual_ns >= entry.injected_ns);
    }
}

#[test]
fn a_stall_holds_requests_until_its_end() {
    let target = start();
    let mut client = Client::to(&target);
    client.request("PUT", "/_control", &[], br#"{"stall":{"at":"0","for":"60ms"}}"#);
    client.get("/v1/results");
    client.get("/v1/results");
    let log = target.log();
    assert_eq!(log[0].injected_ns, 60_000_000);
    assert!(log[0].actual_ns >= 60_000_000);
    assert_eq!(log[1].injected_ns, 0, "the stall is over once");
}

#[test]
fn failures_are_an_exact_share_until_switched_off() {
    let target = start();
    let mut client = Client::to(&target);
    client.request("PUT", "/_control", &[], br#"{"fail":0.25,"fail_status":500}"#);
    let statuses: Vec<u16> = (0..8).map(|_| client.get("/v1/results").status).collect();
    assert_eq!(statuses, [200, 200, 200, 500, 200, 200, 200, 500]);
    target.set_control(Control::PLAIN);
    assert!((0..8).all(|_| client.get("/v1/results").status == 200));
    assert_eq!(client.get("/_control").json()["fail"], 0.0);
    let wrong = client.request("PUT", "/_control", &[], br#"{"fial":1}"#);
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("fial"));
    target.set_control(Control {
        delay: DelayPlan::Constant(Duration::from_millis(2)),
        ..Control::PLAIN
    });
    client.get("/");
    assert_eq!(target.log().pop().unwrap().injected_ns, 2_000_000);
}

#[test]
fn figures_count_by_route_and_status_and_fit_the_arrivals() {
    let target = start();
    let mut client = Client::to(&target);
    for _ in 0..50 {
        client.get("/v1/results");
    }
    client.get("/status/404");
    client.get("/status/404");
    let stats = client.get("/_stats?route=/v1/results&rate=1000").json();
    assert_eq!(stats["received"], 52);
    assert_eq!(stats["connections"], json!({ "accepted": 1, "used": 1, "open": 1 }));
    assert_eq!(
        stats["routes"],
        json!([
            { "route": "/v1/results", "status": 200, "count": 50 },
            { "route": "/status/:code", "status": 404, "count": 2 },
        ])
    );
    assert_eq!(stats["logged"], 50);
    assert_eq!(stats["lateness_us"]["arrivals"], 50);
    let log: Vec<_> = target.log().into_iter().filter(|e| e.route == "/v1/results").collect();
    let mut arrivals: Vec<u64> = log.iter().map(|e| e.arrival.0).collect();
    let fit = demo::lateness::fit(&mut arrivals, 1000.0).unwrap();
    // Reading a number from JSON may move its last digit.
    let is_near = |seen: &Value, expected: f64| {
        let seen = seen.as_f64().unwrap();
        assert!((seen - expected).abs() <= expected.abs() * 1e-12, "{seen} for {expected}");
    };
    is_near(&stats["lateness_us"]["p99"], fit.p99_us);
    let mut actual: Vec<f64> = log.iter().map(|e| e.actual_ns as f64 / 1e6).collect();
    actual.sort_unstable_by(f64::total_cmp);
    let p95 = demo::lateness::percentile(&actual, 95.0);
    is_near(&stats["actual_ms"]["p95"], p95);

    assert_eq!(client.request("POST", "/_reset", &[], b"").status, 200);
    let served = target.served();
    assert_eq!((served.received, served.completed, served.connections_open), (0, 0, 1));
    assert!(target.log().is_empty());
}

#[test]
fn the_transcript_has_requests_as_they_were_sent() {
    let mut config = TargetConfig::on_free_port();
    config.transcript = true;
    let target = Target::start(config).unwrap();
    let mut client = Client::to(&target);
    let body = "--r4nd\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nvalue\r\n--r4nd--\r\n";
    let head =
        "POST /post?x=1 HTTP/1.1\r\nhOsT: h\r\nContent-Type: multipart/form-data; boundary=r4nd";
    client.send(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    assert_eq!(client.response("POST").unwrap().status, 200);
    client.request("PUT", "/put", &[("Content-Encoding", "gzip")], &[0xff, 0xfe]);
    client.get("/_stats");
    let entries = target.transcript();
    assert_eq!(entries.len(), 2);
    assert_eq!((entries[0].method.as_str(), entries[0].target.as_str()), ("POST", "/post?x=1"));
    assert_eq!(entries[0].headers[0], ("hOsT".to_owned(), "h".to_owned()));
    assert_eq!(entries[0].parts[0].name, "k");
    assert_eq!(entries[0].parts[0].text.as_deref(), Some("value"));
    assert_eq!((entries[1].body_bytes, entries[1].body.as_deref()), (2, None));
    assert_eq!(entries[0].connection, entries[1].connection);
    let document = client.get("/_transcript").json();
    assert_eq!(document["requests"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["requests"][0], entries[0].to_json());
}

/// Name, labels, value.
type Sample = (String, Vec<(String, String)>, f64);

/// A strict reader of the text exposition format.
fn parse_exposition(text: &str) -> Vec<Sample> {
    let is_name =
        |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let mut typed = std::collections::HashMap::new();
    let mut samples = Vec::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(typed.insert(name.to_owned(), kind.to_owned()).is_none(), "{line} twice");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(is_name(name), "{line}");
        let labels = labels.strip_suffix('}').unwrap();
        let labels: Vec<(String, String)> = labels
            .split(',')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap();
                let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap();
                assert!(is_name(key), "{line}");
                (key.to_owned(), value.to_owned())
            })
            .collect();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix))
            .find(|base| typed.get(*base).is_some_and(|kind| kind == "histogram"))
            .unwrap_or(name);
        assert!(typed.contains_key(family), "{line} has no type");
        samples.push((name.to_owned(), labels, value));
    }
    samples
}

#[test]
fn metrics_are_valid_and_count_what_was_served() {
    let target = start();
    let mut client = Client::to(&target);
    for _ in 0..7 {
        client.request("POST", "/predict", &[], br#"{"features":[1,2]}"#);
    }
    client.request("POST", "/predict", &[], br#"[[1],[2],[3]]"#);
    client.get("/v1/results?delay=3ms");
    client.request("POST", "/feedback", &[], br#"{"prediction":1,"actual":1}"#);
    let response = client.get("/metrics");
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let samples = parse_exposition(&response.text());
    let value = |name: &str, route: &str, le: &str| {
        let label = |labels: &[(String, String)], key: &str, want: &str| {
            want.is_empty() || labels.iter().any(|(k, v)| k == key && v == want)
        };
        let found = samples.iter().find(|(have, labels, _)| {
            have == name && label(labels, "route", route) && label(labels, "le", le)
        });
        found.unwrap_or_else(|| panic!("no {name} {route} {le}")).2
    };
    assert_eq!(value("app_requests_total", "/predict", ""), 8.0);
    assert_eq!(value("sentinel_predictions_total", "", ""), 10.0);
    assert_eq!(value("app_rolling_rmsle_5m", "", ""), 0.0);
    assert_eq!(value("app_request_latency_seconds_bucket", "/v1/results", "0.0025"), 0.0);
    assert_eq!(value("app_request_latency_seconds_bucket", "/v1/results", "+Inf"), 1.0);
    assert_eq!(value("app_request_latency_seconds_count", "/predict", ""), 8.0);
    assert!(value("app_request_latency_seconds_sum", "/v1/results", "") >= 0.003);
    let mut last = (String::new(), 0.0);
    for (name, labels, value) in &samples {
        if name == "app_request_latency_seconds_bucket" {
            let route = labels[0].1.clone();
            assert!(last.0 != route || *value >= last.1, "buckets are cumulative");
            last = (route, *value);
        }
    }
    // Counters survive a reset of the log.
    target.reset();
    let again = parse_exposition(&client.get("/metrics").text());
    assert_eq!(again.len(), samples.len());
}
