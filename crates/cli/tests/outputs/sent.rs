//! What is sent, compared with what the real k6 was recorded sending: the same script, a receiver that keeps everything.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::capture::{Calls, Capture, Manner, Packets, Received};
use crate::program::Folder;
use crate::wire::{Message, zigzag};
use crate::{SCRIPT, is_on, k6, recorded};

/// Metrics whose values are measured: only that they are there is compared.
fn is_measured(metric: &str) -> bool {
    ["http_req_", "iteration_duration", "group_duration", "data_"]
        .iter()
        .any(|start| metric.trim_start_matches("k6_").starts_with(start))
        && !metric.contains("http_req_failed")
}

/// One each second from the first second on: a slow machine has them, a quick one has not.
fn is_by_the_second(metric: &str) -> bool {
    metric.trim_start_matches("k6_").starts_with("vus")
}

/// How an output is asked for.
struct Ask<'a> {
    /// The recording's name.
    name: &'a str,
    /// `{}` stands for the receiver.
    out: &'a str,
    /// Variables; `{}` stands for the receiver.
    env: &'a [(&'a str, &'a str)],
}

/// Metrics exported over gRPC are those of HTTP, and k6's.
#[test]
fn calls_are_k6s() {
    let run = |program: &Path| {
        let (folder, target, calls) =
            (Folder::new(), Capture::start(Manner::Takes), Calls::start());
        folder.write("t.js", SCRIPT);
        let address = target.address.to_string();
        let status = Command::new(program)
            .args([
                "run",
                "--quiet",
                "-e",
                &format!("TARGET={address}"),
                "-o",
                "opentelemetry",
                "t.js",
            ])
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("K6_OTEL_GRPC_EXPORTER_ENDPOINT", calls.address.to_string())
            .env("K6_OTEL_GRPC_EXPORTER_INSECURE", "true")
            .env("K6_OTEL_HEADERS", "X-Own=1")
            .env("K6_OTEL_METRIC_PREFIX", "p_")
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        let received = calls.received();
        assert!(received.iter().all(|call| call.header("x-own") == Some("1")), "{received:?}");
        let path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
        exported(&received, path, "application/grpc").replace(&address, "TARGET")
    };
    let kept = std::fs::read_to_string(recorded("otlp.txt")).unwrap();
    assert_eq!(run(Path::new(env!("CARGO_BIN_EXE_squall"))), kept);
    if let Some(k6) = k6() {
        assert_eq!(run(&k6), kept, "the real k6 sends something else over gRPC");
    }
}

/// Runs the script under Squall, and under k6 where there is one, and compares what `normal` makes of what was sent.
fn compare(ask: &Ask<'_>, normal: impl Fn(&[Received], &Folder) -> String) {
    let squall = run(Path::new(env!("CARGO_BIN_EXE_squall")), ask, &normal);
    let path = recorded(ask.name);
    if let Some(k6) = k6() {
        let seen = run(&k6, ask, &normal);
        if is_on("SQUALL_RECORD") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &seen).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert_eq!(seen, kept, "the real k6 does not do what was recorded: {}", ask.name);
    }
    let kept = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(squall, kept, "{}", ask.name);
}

fn run(program: &Path, ask: &Ask<'_>, normal: impl Fn(&[Received], &Folder) -> String) -> String {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let capture = Capture::start(Manner::Takes);
    let address = capture.address.to_string();
    let mut command = Command::new(program);
    command
        .args(["run", "--quiet", "-e", &format!("TARGET={address}"), "--out"])
        .args([&ask.out.replace("{}", &address), "t.js"])
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("TZ", "UTC")
        .stdout(Stdio::null());
    for (name, value) in ask.env {
        command.env(name, value.replace("{}", &address));
    }
    let status = command.stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{} {}", program.display(), ask.name);
    normal(&capture.received(""), &folder).replace(&address, "TARGET")
}

/// Counts equal lines.
fn counted(lines: impl IntoIterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    counts.into_iter().fold(String::new(), |mut out, (line, n)| {
        let _ = writeln!(out, "{n} {line}");
        out
    })
}

#[test]
fn csv_rows_are_k6s() {
    let ask =
        Ask { name: "csv.txt", out: "csv=x.csv", env: &[("K6_CSV_TIME_FORMAT", "unix_nano")] };
    compare(&ask, |_, folder| {
        let text = folder.read("x.csv");
        let (head, rows) = text.split_once('\n').unwrap();
        let row = |row: &str| {
            let (metric, rest) = row.split_once(',').unwrap();
            let (time, rest) = rest.split_once(',').unwrap();
            let (value, rest) = rest.split_once(',').unwrap();
            assert_eq!(time.len(), 19, "{row}");
            assert!(value.split_once('.').unwrap().1.len() == 6, "{row}");
            let value = if is_measured(metric) { "…" } else { value };
            // Extra tags come in any order.
            let rest = rest.replace("k=v&testid=a b,c=d", "testid=a b,c=d&k=v");
            let rest =
                rest.replace("kind=x,\"\"y\"\"&testid=a b,c=d", "testid=a b,c=d&kind=x,\"\"y\"\"");
            format!("{metric},{value},{rest}")
        };
        let rows = rows.lines().filter(|row| !is_by_the_second(row)).map(row);
        format!("{head}\n{}", counted(rows))
    });
}

#[test]
fn influxdbs_lines_are_k6s() {
    let ask = Ask {
        name: "influxdb.txt",
        out: "influxdb=http://me:pw@{}/my%20db?precision=ms&tagsAsFields=url&tagsAsFields=k:bool",
        env: &[],
    };
    compare(&ask, |received, _| {
        let posts = received.iter().filter(|one| one.method == "POST");
        let mut posts: Vec<String> = posts
            .map(|one| {
                format!("POST {} {}\n", one.target, one.header("authorization").unwrap_or_default())
            })
            .collect();
        // One a second: how many depends on the machine.
        posts.dedup();
        let lines = received.iter().filter(|one| one.target.starts_with("/write"));
        let lines = lines.flat_map(|one| {
            let body = String::from_utf8(one.body.clone()).unwrap();
            body.lines().map(str::to_owned).collect::<Vec<_>>()
        });
        let line = |line: String| {
            let (rest, time) = line.rsplit_once(' ').unwrap();
            assert_eq!(time.len(), 13, "{line}");
            let metric = rest.split(',').next().unwrap();
            if !is_measured(metric) {
                return rest.to_owned();
            }
            let (before, value) = rest.split_once("value=").unwrap();
            let after = value.trim_start_matches(|c: char| c.is_ascii_digit() || ".e-".contains(c));
            format!("{before}value=…{after}")
        };
        format!(
            "{}{}",
            posts.concat(),
            counted(lines.filter(|line| !is_by_the_second(line)).map(line))
        )
    });
}

/// The last value of each series, by labels.
fn remote_written(received: &[Received]) -> String {
    let mut series: BTreeMap<String, String> = BTreeMap::new();
    let mut heads: Vec<String> = Vec::new();
    for request in received.iter().filter(|one| one.target == "/w") {
        let names = [
            "content-encoding",
            "content-type",
            "x-prometheus-remote-write-version",
            "authorization",
            "x-own",
        ];
        let head = names.map(|name| format!("{name}: {}", request.header(name).unwrap_or("-")));
        heads.push(head.join("\n"));
        let bytes = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
        for one in Message::parse(&bytes).messages(1) {
            let labels: Vec<(String, String)> =
                one.messages(1).iter().map(|label| (label.text(1), label.text(2))).collect();
            assert!(labels.is_sorted(), "{labels:?}");
            let name = &labels.iter().find(|(name, _)| name == "__name__").unwrap().1;
            if is_by_the_second(name) || name.contains("k6_squall_") {
                continue;
            }
            let text: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
            let value = point(&one, is_measured(name));
            series.insert(format!("{{{}}}", text.join(",")), value);
        }
    }
    heads.dedup();
    assert_eq!(heads.len(), 1, "{heads:?}");
    let series: Vec<String> =
        series.iter().map(|(labels, value)| format!("{labels} {value}")).collect();
    format!("{}\n\n{}\n", heads[0], series.join("\n"))
}

fn point(series: &Message, measured: bool) -> String {
    if let Some(sample) = series.messages(2).last() {
        assert!(sample.int(2) > 1_600_000_000_000, "{sample:?}");
        return if measured { "…".into() } else { format!("{}", sample.double(1)) };
    }
    let native = series.messages(4).pop().unwrap();
    let head = format!(
        "native schema={} zero={:e} count={}",
        zigzag(native.int(4)),
        native.double(5),
        native.int(1)
    );
    if measured {
        return head;
    }
    let spans: Vec<String> = native
        .messages(11)
        .iter()
        .map(|span| format!("{}+{}", zigzag(span.int(1)), span.int(2)))
        .collect();
    let deltas: Vec<i64> = native.ints(12).into_iter().map(zigzag).collect();
    format!(
        "{head} zeros={} sum={} spans={} deltas={deltas:?}",
        native.int(6),
        native.double(3),
        spans.join(",")
    )
}

#[test]
fn remote_written_series_are_k6s() {
    let ask = Ask {
        name: "prometheus.txt",
        out: "experimental-prometheus-rw",
        env: &[
            ("K6_PROMETHEUS_RW_SERVER_URL", "http://{}/w"),
            ("K6_PROMETHEUS_RW_TREND_STATS", "p(99.9),p(95),avg,min,med,max,sum"),
            ("K6_PROMETHEUS_RW_BEARER_TOKEN", "secret"),
            ("K6_PROMETHEUS_RW_HTTP_HEADERS", "x-own:1"),
        ],
    };
    compare(&ask, |received, _| remote_written(received));
}

#[test]
fn native_histograms_are_k6s() {
    let ask = Ask {
        name: "prometheus_native.txt",
        out: "experimental-prometheus-rw",
        env: &[
            ("K6_PROMETHEUS_RW_SERVER_URL", "http://{}/w"),
            ("K6_FEATURES", "native-histograms"),
        ],
    };
    compare(&ask, |received, _| remote_written(received));
}

#[test]
fn stale_markers_end_every_series() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let capture = Capture::start(Manner::Takes);
    let address = capture.address.to_string();
    folder
        .squall(&[
            "run",
            "-o",
            "experimental-prometheus-rw",
            "-e",
            &format!("TARGET={address}"),
            "t.js",
        ])
        .env("K6_PROMETHEUS_RW_SERVER_URL", &format!("http://{address}/w"))
        .env("K6_PROMETHEUS_RW_STALE_MARKERS", "true")
        .run()
        .expect_code(0);
    let requests = capture.received("/w");
    let series = |request: &Received| {
        let bytes = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
        Message::parse(&bytes).messages(1)
    };
    let n_series = |request: &Received| series(request).len();
    assert_eq!(requests.len(), 2);
    assert_eq!(n_series(&requests[0]), n_series(&requests[1]));
    for one in series(&requests[1]) {
        assert_eq!(one.messages(2)[0].int(1), 0x7ff0_0000_0000_0002);
    }
}

/// Metrics, points and attributes of all exports; the last of each series counts.
fn exported(received: &[Received], path: &str, content_type: &str) -> String {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    let mut resource = Vec::new();
    for request in received.iter().filter(|one| one.target == path) {
        assert_eq!(request.header("content-type"), Some(content_type));
        for all in Message::parse(&request.body).messages(1) {
            resource = all.messages(1)[0]
                .messages(1)
                .iter()
                .map(attribute)
                .filter(|text| {
                    !text.starts_with("telemetry.sdk") && !text.starts_with("service.version")
                })
                .collect();
            for scope in all.messages(2) {
                assert_eq!(scope.messages(1)[0].text(1), "k6");
                scope.messages(2).iter().for_each(|metric| export(metric, &mut out));
            }
        }
    }
    let mut text = format!("{}\n\n", resource.join(","));
    for (series, value) in out {
        let _ = writeln!(text, "{series} {value}");
    }
    text
}

fn attribute(pair: &Message) -> String {
    format!("{}={:?}", pair.text(1), pair.messages(2)[0].text(1))
}

fn export(metric: &Message, out: &mut BTreeMap<String, String>) {
    let (name, unit) = (metric.text(1), metric.text(3));
    if is_by_the_second(name.trim_start_matches("p_")) || name.contains("squall_") {
        return;
    }
    let measured = is_measured(name.trim_start_matches("p_"));
    let (kind, attributes, data) = if metric.has(5) {
        ("gauge".to_owned(), 7, metric.messages(5).remove(0))
    } else if metric.has(7) {
        let sum = metric.messages(7).remove(0);
        (format!("sum temporality={} monotonic={}", sum.int(2), sum.int(3)), 7, sum)
    } else {
        let histogram = metric.messages(9).remove(0);
        (format!("histogram temporality={}", histogram.int(2)), 9, histogram)
    };
    for point in data.messages(1) {
        assert!(point.int(2) <= point.int(3) && point.int(3) > 1_600_000_000_000_000_000);
        let mut tags: Vec<String> = point.messages(attributes).iter().map(attribute).collect();
        tags.sort();
        let value = if attributes == 9 {
            let bounds: Vec<f64> = point.fixed(7).into_iter().map(f64::from_bits).collect();
            if measured {
                format!("count={} bounds={bounds:?}", point.int(4))
            } else {
                format!(
                    "count={} sum={} min={} max={} counts={:?} bounds={bounds:?}",
                    point.int(4),
                    point.double(5),
                    point.double(11),
                    point.double(12),
                    point.fixed(6)
                )
            }
        } else if point.has(6) {
            format!("int {}", point.int(6))
        } else if measured {
            "double …".into()
        } else {
            format!("double {}", point.double(4))
        };
        out.insert(format!("{name} [{unit}] {kind} {{{}}}", tags.join(",")), value);
    }
}

const OTEL: [(&str, &str); 4] = [
    ("K6_OTEL_EXPORTER_PROTOCOL", "http/protobuf"),
    ("K6_OTEL_HTTP_EXPORTER_ENDPOINT", "{}"),
    ("K6_OTEL_HTTP_EXPORTER_INSECURE", "true"),
    ("K6_OTEL_METRIC_PREFIX", "p_"),
];

#[test]
fn exported_metrics_are_k6s() {
    let ask = Ask { name: "otlp.txt", out: "opentelemetry", env: &OTEL };
    compare(&ask, |received, _| exported(received, "/v1/metrics", "application/x-protobuf"));
}

#[test]
fn deltas_are_k6s() {
    let delta = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    let env = [OTEL[0], OTEL[1], OTEL[2], delta];
    compare(&Ask { name: "otlp_delta.txt", out: "opentelemetry", env: &env }, |received, _| {
        exported(received, "/v1/metrics", "application/x-protobuf")
    });
}

/// k6 2 has no such output: what k6 1.x and its extension send is known from their source, and written down here.
#[test]
fn statsds_lines_are_those_of_k6_1() {
    let (folder, packets) = (Folder::new(), Packets::start());
    let capture = Capture::start(Manner::Takes);
    let target = format!("TARGET={}", capture.address);
    folder.write("t.js", SCRIPT);
    folder
        .squall(&["run", "-o", "statsd", "-e", &target, "t.js"])
        .env("K6_STATSD_ADDR", &packets.address.to_string())
        .env("K6_STATSD_ENABLE_TAGS", "true")
        .run()
        .expect_code(0)
        .expect_stdout(&format!("output: statsd ({})", packets.address));
    let lines = packets.lines();
    // Sums come once an interval: a slow run has several.
    let total = |name: &str, rest: &str| -> f64 {
        let values = lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_suffix(rest));
        values.map(|value| value.parse::<f64>().unwrap()).sum()
    };
    let common = "scenario:default,testid:a b_c=d";
    for (name, rest, expected) in [
        ("k6.my_trend:", format!("|ms|#{common}"), 4.5),
        ("k6.my_time:", format!("|ms|#kind:x_\"y\",{common}"), 7_407.0),
        ("k6.iterations:", format!("|c|#{common}"), 3.0),
        ("k6.my_counter:", format!("|c|#k:v,{common}"), 7.0),
        ("k6.my_rate:", format!("|c|#{common}"), 4.0),
        ("k6.check.ok, \"q\".pass:", format!("|c|#check:ok_ \"q\",group:::G,{common}"), 3.0),
    ] {
        assert_eq!(total(name, &rest), expected, "{name} {rest} in {lines:#?}");
    }
    let last = lines.iter().rfind(|line| line.starts_with("k6.my_gauge:")).unwrap();
    assert_eq!(*last, format!("k6.my_gauge:9.000000|g|#{common}"));
    assert_eq!(lines.iter().filter(|l| l.starts_with("k6.http_req_duration:")).count(), 3);
    assert!(lines.iter().all(|line| !line.contains("url:")), "{lines:#?}");
}
