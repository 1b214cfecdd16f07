//! The dashboards of `dashboards/`: each panel's queries, and those of the variables, are asked of the real store, filled
//! by a real run, and must bring something back.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::program::{Folder, Running};
use crate::servers::{Server, are_left_out, wait};

/// Load on the bundled target: two names, a failure, a check, predictions whose truth comes back; for about five seconds.
const LOAD: &str = r#"
import http from 'k6/http';
import { check, sleep } from 'k6';
import { Trend } from 'k6/metrics';
const pipeline = new Trend('e2e_latency', true);
export const options = {
  tags: { testid: 'board' },
  scenarios: {
    closed: { executor: 'constant-vus', vus: 2, duration: '5s' },
    open: { executor: 'constant-arrival-rate', rate: 40, timeUnit: '1s', duration: '5s', preAllocatedVUs: 1, maxVUs: 1, exec: 'slow' },
  },
};
const base = `http://${__ENV.TARGET}`;
const params = { headers: { 'Content-Type': 'application/json' } };
export default function () {
  const res = http.get(`${base}/health`, { tags: { name: 'health' } });
  check(res, { 'is up': (r) => r.status === 200 });
  http.get(`${base}/status/500`, { tags: { name: 'broken' } });
  pipeline.add(res.timings.duration);
  http.post(`${base}/feedback`, JSON.stringify({ prediction: 100, actual: 110 }), params);
  sleep(0.05);
}
export function slow() { http.get(`${base}/delay/0.2`, { tags: { name: 'slow' } }); }
"#;

/// Serves what `body` makes, which is given how often it was asked, as metrics that Prometheus reads; the port.
fn exposed(body: impl Fn(usize) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            let body = body(n);
            let mut stream = stream;
            let _ = write!(
                stream,
                "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut rest = [0; 1024];
            let _ = std::io::Read::read(&mut stream, &mut rest);
        }
    };
    rt::thread::start("exposed-metrics", serve).unwrap();
    port
}

/// A gRPC service's metrics, as `go-grpc-prometheus` exposes them; each look at them counts a request and an error.
fn grpc_metrics() -> u16 {
    exposed(|n| {
        let line = |code: &str, n: usize| {
            format!(
                "grpc_server_handled_total{{grpc_code=\"{code}\",grpc_method=\"SumNumbers\"}} {n}\n"
            )
        };
        format!("{}{}", line("OK", n * 10), line("Internal", n))
    })
}

/// What probes see, with the names and tags they give it.
const SEEN: &[(&str, &[(&str, &str)])] = &[
    ("k8s_hpa_replicas_current", &[("hpa", "api"), ("namespace", "calories")]),
    ("k8s_hpa_replicas_desired", &[("hpa", "api"), ("namespace", "calories")]),
    ("k8s_hpa_replicas_max", &[("hpa", "api"), ("namespace", "calories")]),
    ("k8s_deployment_ready", &[("deployment", "api"), ("namespace", "calories")]),
    ("k8s_pod_cpu_limit_ratio", &[("pod", "api-1"), ("container", "api")]),
    ("k8s_pod_cpu_cores", &[("pod", "api-1"), ("container", "api")]),
    ("k8s_pod_memory_bytes", &[("pod", "api-1"), ("container", "api")]),
    ("k8s_pods", &[("phase", "Running"), ("namespace", "calories")]),
    ("k8s_pod_restarts", &[("pod", "api-1"), ("container", "api")]),
    ("k8s_oom_kills", &[("namespace", "calories")]),
    ("docker_cpu_cores", &[("container", "api")]),
    ("docker_throttled_ratio", &[("container", "api")]),
    ("docker_memory_bytes", &[("container", "api")]),
    ("pg_connections", &[("state", "active")]),
    ("pg_connections_total", &[]),
    ("pg_connections_max", &[]),
    ("pg_query_mean_ms", &[]),
    ("pg_cache_hit_ratio", &[]),
    ("pg_transactions_per_second", &[]),
    ("pg_locks_waiting", &[]),
    ("pg_wait", &[("event_type", "Lock")]),
    ("pg_idle_in_transaction_max_s", &[]),
    ("redis_hit_ratio", &[]),
    ("redis_ops_per_second", &[]),
    ("redis_memory_bytes", &[]),
    ("redis_clients", &[]),
    ("redis_blocked_clients", &[]),
    ("redis_evicted_keys", &[]),
    ("redis_cpu_cores", &[]),
    ("log_matches", &[("log", "api"), ("pattern", "pool_timeout")]),
    ("generator_cpu_cores", &[]),
    ("observer_cpu_cores", &[]),
    ("generator_memory_bytes", &[]),
];

/// What probes see, as it comes to a Prometheus.
fn seen_metrics() -> u16 {
    exposed(|_| {
        SEEN.iter().fold(String::new(), |mut text, (name, tags)| {
            let tags: Vec<String> = tags.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
            text.push_str(&format!("k6_{name}{{{}}} 1\n", tags.join(",")));
            text
        })
    })
}

/// What probes see, as lines for an InfluxDB.
fn seen_lines() -> String {
    SEEN.iter().fold(String::new(), |mut text, (name, tags)| {
        let tags: String = tags.iter().map(|(k, v)| format!(",{k}={v}")).collect();
        text.push_str(&format!("{name}{tags} value=1\n"));
        text
    })
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The bundled target; it ends with the test.
struct Target {
    running: Option<Running>,
    port: u16,
}

impl Target {
    fn start(folder: &Folder) -> Self {
        let port = free_port();
        let listen = port.to_string();
        let mut running = folder.squall(&["demo-target", "--listen", &listen]).start();
        running.wait_for("http://127.0.0.1");
        Self { running: Some(running), port }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.signal(libc::SIGTERM);
            running.wait();
        }
    }
}

fn board(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dashboards").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Title and text of every query of every panel.
fn queries(board: &Value, key: &str) -> Vec<(String, String)> {
    let panels = board["panels"].as_array().unwrap();
    let mut out = Vec::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            out.push((title.clone(), target[key].as_str().unwrap().to_owned()));
        }
    }
    assert!(out.len() > 20, "{}", out.len());
    out
}

/// What every user of Grafana expects of a board.
fn check_frame(board: &Value, store: &str) {
    let variables = board["templating"]["list"].as_array().unwrap();
    let names: Vec<&str> = variables.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "testid", "scenario", "name"]);
    assert_eq!(
        (&variables[0]["type"], &variables[0]["query"]),
        (&"datasource".into(), &store.into())
    );
    let panels = board["panels"].as_array().unwrap();
    let mut ids: Vec<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24 && place("h") > 0, "{}", panel["title"]);
    }
}

fn prometheus_board(name: &str, env: &[(&str, &str)]) {
    if are_left_out() {
        return;
    }
    let folder = Folder::new();
    folder.write("t.js", LOAD);
    let target = Target::start(&folder);
    let address = format!("127.0.0.1:{}", target.port);
    let others = [grpc_metrics(), seen_metrics()].map(|port| format!("127.0.0.1:{port}"));
    let server = Server::prometheus_that_scrapes(&[&address, &others[0], &others[1]]);
    // It looks at its targets some seconds after its start: what was counted before has no rate.
    let looks = wait(|| server.promql("up == 1").get(2).map(|_| ()));
    assert!(looks.is_some(), "Prometheus sees no target:\n{}", server.told());
    let url = format!("http://{}/api/v1/write", server.address);
    let variable = format!("TARGET={address}");
    let mut program = folder
        .squall(&["run", "-q", "-o", "experimental-prometheus-rw", "-e", &variable, "t.js"])
        .env("K6_PROMETHEUS_RW_SERVER_URL", &url)
        .env("K6_PROMETHEUS_RW_PUSH_INTERVAL", "1s");
    for (name, value) in env {
        program = program.env(name, value);
    }
    program.run().expect_code(0);
    let board = board(name);
    check_frame(&board, "prometheus");
    for (title, query) in queries(&board, "expr") {
        let asked = query
            .replace("$__rate_interval", "1m")
            .replace("$__range", "1h")
            .replace("$testid", "board")
            .replace("$scenario", ".*")
            .replace("$name", ".*");
        let found = wait(|| {
            let found = server.promql(&asked);
            let is_number = |(_, value): &(Value, Option<f64>)| value.is_some_and(f64::is_finite);
            (!found.is_empty() && found.iter().any(is_number)).then_some(())
        });
        assert!(
            found.is_some(),
            "{name}: the panel '{title}' stays empty: {asked}: {:?}",
            server.promql(&asked)
        );
    }
    for variable in &board["templating"]["list"].as_array().unwrap()[1..] {
        let source = variable["query"]["query"].as_str().unwrap();
        let (metric, label) = source
            .trim_start_matches("label_values(")
            .trim_end_matches(')')
            .split_once(", ")
            .unwrap();
        let found = server.promql(&format!("count by ({label}) ({metric}{{{label}!=''}})"));
        assert!(!found.is_empty(), "{name}: {source}");
    }
}

#[test]
fn the_board_for_prometheus_shows_data_in_every_panel() {
    prometheus_board("prometheus.json", &[("K6_PROMETHEUS_RW_TREND_STATS", "p(50),p(95),p(99)")]);
}

#[test]
fn the_board_for_native_histograms_shows_data_in_every_panel() {
    prometheus_board("prometheus-native.json", &[("K6_FEATURES", "native-histograms")]);
}

#[test]
fn the_board_for_influxdb_shows_data_in_every_panel() {
    if are_left_out() {
        return;
    }
    let folder = Folder::new();
    folder.write("t.js", LOAD);
    let target = Target::start(&folder);
    let server = Server::influxdb();
    let variable = format!("TARGET=127.0.0.1:{}", target.port);
    let out = format!("influxdb=http://{}/k6", server.address);
    folder.squall(&["run", "-q", "-o", &out, "-e", &variable, "t.js"]).run().expect_code(0);
    server.write("/write?db=k6", &seen_lines());
    let board = board("influxdb.json");
    check_frame(&board, "influxdb");
    let variables = board["templating"]["list"].as_array().unwrap()[1..].iter();
    let variables =
        variables.map(|one| ("variable".to_owned(), one["query"].as_str().unwrap().to_owned()));
    for (title, query) in queries(&board, "query").into_iter().chain(variables) {
        let asked = query
            .replace("$timeFilter", "time > now() - 1h")
            .replace("$__interval", "1s")
            .replace("$testid", "board")
            .replace("$scenario", ".*")
            .replace("$name", ".*");
        let rows = server.influxql("k6", &asked);
        let has_data =
            rows.iter().any(|row| row.len() > 1 && row[1..].iter().any(|cell| !cell.is_null()));
        assert!(has_data, "the panel '{title}' stays empty: {asked}: {rows:?}");
    }
}
