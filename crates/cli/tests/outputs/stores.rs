//! The real servers take what we send, and give it back.

use crate::SCRIPT;
use crate::capture::{Capture, Manner};
use crate::program::{Ended, Folder};
use crate::servers::{Server, are_left_out, wait};

/// Runs the script with an output and variables.
fn run(out: &[&str], env: &[(&str, &str)]) -> Ended {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let target = Capture::start(Manner::Takes);
    let variable = format!("TARGET={}", target.address);
    let mut words = vec!["run", "-e", &variable, "t.js"];
    for one in out {
        words.extend(["--out", one]);
    }
    let mut program = folder.squall(&words);
    for (name, value) in env {
        program = program.env(name, value);
    }
    let ended = program.run().expect_code(0);
    assert!(!ended.stderr.contains("level=error"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("were lost"), "{}", ended.stderr);
    ended
}

#[test]
fn influxdb_takes_and_returns_every_sample() {
    if are_left_out() {
        return;
    }
    let server = Server::influxdb();
    let out = format!("influxdb=http://{}/loads", server.address);
    run(&[&out, "json@my_*=-"], &[])
        .expect_stdout(&format!("InfluxDBv1 (http://{})", server.address));
    let count = |query: &str| server.influxql("loads", query);
    let rows = count(
        "SELECT sum(value), count(value) FROM my_counter WHERE testid = 'a b,c=d' AND k = 'v'",
    );
    assert_eq!((rows[0][1].as_f64(), rows[0][2].as_f64()), (Some(7.5), Some(3.0)));
    let rows = count("SELECT count(value) FROM http_req_duration WHERE status = '200'");
    assert_eq!(rows[0][1], 3);
    let rows = count("SELECT url, value FROM http_reqs");
    assert!(rows[0][1].as_str().unwrap().ends_with("/ok?q=\"x\""), "{rows:?}");
    assert_eq!(count("SELECT value FROM checks WHERE \"check\" = 'ok, \"q\"'").len(), 3);
}

#[test]
fn the_newer_api_of_influxdb_is_spoken_too() {
    if are_left_out() {
        return;
    }
    // Debian has no InfluxDB 2; VictoriaMetrics takes its writes.
    let server = Server::victoria_metrics();
    let out = format!("influxdb=http://{}?bucket=b&org=o&token=t", server.address);
    run(&[&out], &[]).expect_stdout("InfluxDBv2 (");
    let last = || server.promql("last_over_time(my_gauge_value[1h])");
    // What was taken shows up by and by.
    let found = wait(|| last().first().filter(|value| value.1 == Some(9.0)).map(drop));
    assert!(found.is_some(), "{:?}", last());
}

#[test]
fn prometheus_takes_and_returns_sums() {
    if are_left_out() {
        return;
    }
    let server = Server::prometheus();
    let url = format!("http://{}/api/v1/write", server.address);
    let env = [
        ("K6_PROMETHEUS_RW_SERVER_URL", url.as_str()),
        ("K6_PROMETHEUS_RW_TREND_STATS", "p(95),avg,count"),
    ];
    run(&["experimental-prometheus-rw"], &env)
        .expect_stdout(&format!("output: Prometheus remote write ({url})"));
    let value = |expression: &str| server.promql(expression)[0].1;
    assert_eq!(value("k6_my_counter_total{k='v',testid='a b,c=d'}"), Some(7.5));
    assert_eq!(value("k6_my_gauge"), Some(9.0));
    assert_eq!(value("k6_my_rate_rate"), Some(4.0 / 6.0));
    assert_eq!(value("k6_my_trend_avg"), Some(1.5));
    assert_eq!(value("k6_my_time_avg"), Some(2.469));
    assert_eq!(value("k6_my_time_count"), Some(3.0));
    assert_eq!(value("k6_http_reqs_total{status='200'}"), Some(3.0));
    assert_eq!(value("k6_checks_rate"), Some(1.0));
}

#[test]
fn prometheus_takes_native_histograms() {
    if are_left_out() {
        return;
    }
    let server = Server::prometheus();
    let url = format!("http://{}/api/v1/write", server.address);
    let env = [
        ("K6_PROMETHEUS_RW_SERVER_URL", url.as_str()),
        ("K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM", "true"),
    ];
    run(&["experimental-prometheus-rw"], &env);
    let value = |expression: &str| server.promql(expression)[0].1.unwrap();
    assert_eq!(value("histogram_count(k6_my_time_seconds)"), 3.0);
    assert!((value("histogram_sum(k6_my_time_seconds)") - 7.407).abs() < 1e-9);
    let median = value("histogram_quantile(0.5, k6_my_time_seconds)");
    assert!((2.2..2.6).contains(&median), "{median}");
    assert_eq!(value("histogram_count(k6_http_req_duration_seconds)"), 3.0);
}

#[test]
fn victoria_metrics_takes_remote_writes() {
    if are_left_out() {
        return;
    }
    let server = Server::victoria_metrics();
    let url = format!("http://{}/api/v1/write", server.address);
    run(&["experimental-prometheus-rw"], &[("K6_PROMETHEUS_RW_SERVER_URL", &url)]);
    let last = || server.promql("last_over_time(k6_my_counter_total[1h])");
    let found = wait(|| last().first().filter(|value| value.1 == Some(7.5)).map(drop));
    assert!(found.is_some(), "{:?}", last());
}
