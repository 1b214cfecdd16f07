//! A run that watches all there is.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use demo::{Target, TargetConfig};
use serde_json::Value;

use crate::child::pause;
use crate::databases::{PASSWORD, Postgres, Redis};
use crate::engine::Engine;
use crate::kept::Kept;
use crate::program::Folder;
use crate::servers::{Server, are_left_out, wait};

const SCRIPT: &str = "
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 2, duration: __ENV.LENGTH };
export default function () { http.get(`${__ENV.URL}/v1/results`); sleep(0.05); }
";

/// Writes lines into a log until it is dropped.
struct Writer(Arc<AtomicBool>);

impl Writer {
    fn start(path: &Path) -> Self {
        let (stop, path) = (Arc::new(AtomicBool::new(false)), path.to_owned());
        let stopped = Arc::clone(&stop);
        std::fs::write(&path, "QueuePool timeout before the run\n").unwrap();
        rt::thread::start("writer", move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut file = OpenOptions::new().append(true).open(&path).unwrap();
                file.write_all(b"ok\nsqlalchemy: QueuePool timeout, password=hunter2\n").unwrap();
                pause(Duration::from_millis(50));
            }
        })
        .unwrap();
        Self(stop)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn everything_that_is_watched_is_in_the_record_and_in_every_output() {
    if are_left_out() {
        return;
    }
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let address = target.url().trim_start_matches("http://").to_owned();
    let (postgres, redis, engine) = (Postgres::start(), Redis::start(), Engine::start());
    let prometheus = Server::prometheus_that_scrapes(&[&address]);
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let log = folder.path().join("backend.log");
    let _writer = Writer::start(&log);
    let _bench = postgres.bench(60);
    postgres.sql("CREATE TABLE held (filler text)");
    let holder = postgres.session("BEGIN; LOCK TABLE held;");
    let held = "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock' \
                AND relation = 'held'::regclass";
    assert!(wait(|| (postgres.sql(held) == "1").then_some(())).is_some());
    let waits = "SET lock_timeout = '120s'; SELECT * FROM held WHERE filler <> 'secret-literal' FOR UPDATE;";
    let waiter = postgres.session(waits);
    redis.ask(&[&["SET", "a", "b"], &["GET", "a"]]);
    assert!(wait(|| (!prometheus.promql("up == 1").is_empty()).then_some(())).is_some());
    let url = format!("URL={}", target.url());
    let observe = [
        format!("prometheus=http://{},preset=seed-api,up=up", prometheus.address),
        format!("postgres={}", postgres.url()),
        format!("redis={}", redis.url()),
        format!("docker={}", engine.container),
        format!("logs={}:QueuePool timeout", log.display()),
    ];
    let receiver = Server::prometheus();
    let mut words = vec!["run", "--record", "kept", "--out", "json=out.json", "-e", &url];
    words.extend(["--out", "experimental-prometheus-rw", "-e", "LENGTH=8s"]);
    for value in &observe {
        words.extend(["--observe", value]);
    }
    words.push("t.js");
    let write_url = format!("http://{}/api/v1/write", receiver.address);
    let running = folder
        .squall(&words)
        .env("DOCKER_HOST", &engine.host())
        .env("K6_PROMETHEUS_RW_SERVER_URL", &write_url)
        .start();
    for _ in 0..40 {
        redis.ask(&[&["GET", "a"], &["GET", "missing"]]);
        pause(Duration::from_millis(100));
    }
    drop((holder, waiter));
    let ended = running.wait().expect_code(0);
    assert!(!ended.stderr.contains("can't be watched"), "{}", ended.stderr);
    let kept = Kept::read(&folder.path().join("kept"));
    series(&kept);
    events_and_tables(&kept);
    outputs(&folder, &receiver);
    secrets(&folder, &ended.stdout, &ended.stderr);
    cost(&kept);
}

/// Every source's series, with plausible values.
fn series(kept: &Kept) {
    for (metric, least, most) in [
        ("generator_cpu_cores", 0.0, 64.0),
        ("generator_memory_bytes", 1e6, 1e11),
        ("observer_cpu_cores", 0.0, 1.0),
        ("prom_up", 1.0, 1.0),
        ("prom_rps", 0.0, 1e5),
        ("docker_cpu_cores", 0.1, 0.3),
        ("docker_memory_limit_ratio", 0.0, 1.0),
        ("pg_connections_total", 1.0, 50.0),
        ("pg_connections_max", 50.0, 50.0),
        ("pg_cache_hit_ratio", 0.5, 1.0),
        ("pg_transactions_per_second", 0.0, 1e5),
        ("pg_query_mean_ms", 0.0, 1e4),
        ("pg_deadlocks", 0.0, 0.0),
        ("redis_memory_bytes", 1e5, 1e8),
        ("redis_hit_ratio", 0.0, 1.0),
        ("redis_clients", 1.0, 100.0),
        ("redis_ops_per_second", 0.0, 1e4),
        ("redis_cpu_cores", 0.0, 1.0),
        ("redis_evicted_keys", 0.0, 0.0),
        ("log_matches", 0.0, 1e4),
    ] {
        let values = kept.values(metric);
        assert!(!values.is_empty(), "no {metric} among {:?}", kept.names());
        for value in values {
            assert!((least..=most).contains(&value), "{metric}: {value}");
        }
    }
    let connections = kept.one("pg_connections_total", ("probe", "postgres"));
    assert!(connections.points.len() >= 5, "{connections:?}");
    assert!(connections.points.is_sorted_by_key(|(at, _)| *at));
    let matches = kept.one("log_matches", ("pattern", "queuepool_timeout"));
    assert_eq!(matches.tags["log"], "backend");
    assert!(matches.points.last().unwrap().1 > 20.0, "{matches:?}");
    assert!(kept.values("pg_locks_waiting").iter().any(|n| *n >= 1.0));
    let hits = kept.values("redis_hit_ratio");
    assert!(hits.iter().any(|ratio| (ratio - 0.5).abs() < 0.2), "{hits:?}");
    assert!(*kept.values("redis_slowlog").last().unwrap() > 10.0);
}

fn events_and_tables(kept: &Kept) {
    for probe in ["prometheus", "postgres", "redis", "docker"] {
        let clock = kept.events("clock", probe);
        assert!(!clock.is_empty(), "no clock of {probe}: {:?}", kept.run.events);
        if probe != "docker" {
            // All run on this machine.
            let event = clock.last().unwrap();
            let offset: f64 = event.fields["offset_ms"].parse().unwrap();
            let uncertainty: f64 = event.fields["uncertainty_ms"].parse().unwrap();
            assert!(offset.abs() <= uncertainty + 1.0, "{event:?}");
            assert!(uncertainty < 1_000.0, "{event:?}");
        }
    }
    let blocked = kept.events("blocked", "postgres");
    assert!(!blocked.is_empty(), "{:?}", kept.run.events);
    let event = blocked.iter().find(|e| e.fields["query"].contains("FROM held")).unwrap();
    assert_eq!(event.fields["query"], "SELECT * FROM held WHERE filler <> ? FOR UPDATE;");
    assert_eq!(event.fields["blocker_state"], "idle in transaction");
    let matched = kept.events("log-match", "backend");
    assert_eq!(matched[0].text, "sqlalchemy: QueuePool timeout, password=***");
    assert_eq!(matched[0].fields["pattern"], "queuepool_timeout");
    let statements = kept.table("postgres statements");
    let queries: Vec<&str> = statements.rows.iter().filter_map(|row| row[0].as_str()).collect();
    assert!(queries.iter().any(|query| query.contains("UPDATE pgbench_accounts")), "{queries:?}");
    assert!(!queries.iter().any(|query| query.contains("squall_probe")), "{queries:?}");
    assert!(!kept.table("redis commands").rows.is_empty());
    let slow = kept.table("redis slow log");
    assert!(slow.rows.iter().any(|row| row[2] == "GET missing"), "{slow:?}");
    let queries = kept.table("prometheus queries over the whole run");
    assert!(queries.rows.iter().any(|row| row[0] == "up"), "{queries:?}");
    assert_eq!(kept.table("docker containers").rows.len(), 1);
}

/// Outputs of both kinds get the same series.
fn outputs(folder: &Folder, receiver: &Server) {
    let text = folder.read("out.json");
    let points: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for metric in [
        "pg_connections_total",
        "redis_memory_bytes",
        "log_matches",
        "docker_cpu_cores",
        "generator_cpu_cores",
    ] {
        let of: Vec<&Value> = points
            .iter()
            .filter(|line| line["type"] == "Point" && line["metric"] == metric)
            .collect();
        assert!(!of.is_empty(), "no {metric} in the JSON output");
        assert!(of[0]["data"]["tags"]["probe"].is_string(), "{}", of[0]);
    }
    let sent = |metric: &str| {
        wait(|| {
            (!receiver.promql(&format!("last_over_time({metric}[1h])")).is_empty()).then_some(())
        })
    };
    assert!(sent("k6_pg_connections_total").is_some(), "nothing by remote write");
    assert!(sent("k6_redis_clients").is_some());
}

/// No password is anywhere.
fn secrets(folder: &Folder, stdout: &str, stderr: &str) {
    let record = std::fs::read(folder.path().join("kept/run.sqr")).unwrap();
    let record = String::from_utf8_lossy(&record);
    let meta = folder.read("kept/meta.json");
    for (place, text) in
        [("record", &*record), ("meta", &meta), ("stdout", stdout), ("stderr", stderr)]
    {
        for secret in [PASSWORD, "hunter2", "secret-literal"] {
            assert!(!text.contains(secret), "{secret} in {place}");
        }
    }
    assert!(record.contains("postgres:***@127.0.0.1"), "the command line is kept, without it");
}

/// What watching all of it cost; the figure that is promised is measured by an optimised build.
fn cost(kept: &Kept) {
    let cores = kept.values("observer_cpu_cores");
    let mean = cores.iter().sum::<f64>() / cores.len() as f64;
    eprintln!("observer: {:.2} % of a core at the mean of {} readings", mean * 100.0, cores.len());
    assert!(mean < 0.1, "{cores:?}");
}

#[test]
fn victoria_metrics_answers_as_well_and_bad_queries_are_told_one_by_one() {
    if are_left_out() {
        return;
    }
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let server = Server::victoria_metrics();
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    folder.write(
        "probes.json",
        &format!(
            r#"{{"probes": {{ "interval": "500ms", "prometheus": [{{ "name": "vm", "url": "http://{}",
                 "queries": {{ "one": "1", "bad": "sum((", "end": {{ "promql": "vector(7)", "at_end": true }} }} }}] }} }}"#,
            server.address
        ),
    );
    let url = format!("URL={}", target.url());
    let words = [
        "run",
        "-q",
        "--record",
        "kept",
        "-e",
        &url,
        "-e",
        "LENGTH=5s",
        "--observe",
        "probes.json",
        "t.js",
    ];
    let ended = folder.squall(&words).run().expect_code(0);
    assert_eq!(ended.stderr.matches("vm (prometheus): bad: ").count(), 1, "{}", ended.stderr);
    let kept = Kept::read(&folder.path().join("kept"));
    assert!(kept.values("prom_one").iter().all(|value| *value == 1.0));
    assert!(kept.values("prom_one").len() >= 5);
    let at_end = kept.values("prom_end");
    assert!(at_end.len() >= 4 && at_end.iter().all(|value| *value == 7.0), "{at_end:?}");
}
