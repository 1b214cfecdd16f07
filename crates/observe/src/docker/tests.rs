//! The probe against a Docker engine on a Unix socket that answers what a real one (20.10.24, API 1.41) was recorded
//! to answer, and against one that answers nonsense.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plan::probe::ContainerLog;
use serde_json::Value;
use tokio::task::LocalSet;

use super::*;
use crate::clock::Clock;
use crate::observation::Sample;

/// What the engine was recorded to answer.
const INFO: &str = include_str!("../../tests/recorded/docker/info.json");
const LIST: &str = include_str!("../../tests/recorded/docker/list.json");
const STATS_1: &str = include_str!("../../tests/recorded/docker/stats-1.json");
const STATS_2: &str = include_str!("../../tests/recorded/docker/stats-2.json");
const INSPECT: &str = include_str!("../../tests/recorded/docker/inspect.json");
const INSPECT_OOM: &str = include_str!("../../tests/recorded/docker/inspect-oom.json");
const EVENTS: &str = include_str!("../../tests/recorded/docker/events.jsonl");
const LOGS: &[u8] = include_bytes!("../../tests/recorded/docker/logs.bin");

fn nothing(_: &str) -> Option<String> {
    None
}

type Answers = Arc<Mutex<HashMap<&'static str, (u16, Vec<u8>)>>>;

/// An engine: answers by the last part of a request's path, one connection after another, until dropped.
struct Engine {
    path: PathBuf,
    answers: Answers,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Engine {
    fn start(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("squall-engine-{}-{name}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let answers = Answers::default();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (known, heard) = (Arc::clone(&answers), Arc::clone(&asked));
        rt::thread::start("engine", move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (known, heard) = (Arc::clone(&known), Arc::clone(&heard));
                rt::thread::start("engine", move || serve(stream, &known, &heard)).unwrap();
            }
        })
        .unwrap();
        Self { path, answers, asked }
    }

    fn answer(&self, part: &'static str, status: u16, body: impl Into<Vec<u8>>) {
        self.answers.lock().unwrap().insert(part, (status, body.into()));
    }

    fn recorded(&self) {
        self.answer("info", 200, INFO);
        self.answer("list", 200, LIST);
        self.answer("stats", 200, STATS_1);
        self.answer("inspect", 200, INSPECT);
        self.answer("events", 200, "");
        self.answer("logs", 200, LOGS);
    }

    fn probe(&self) -> Watched {
        let list: Value = serde_json::from_str(LIST).unwrap();
        let name = list[0]["Names"][0].as_str().unwrap().trim_start_matches('/').to_owned();
        let patterns = [("error".to_owned(), "ERROR".to_owned())].into();
        let plan = Docker {
            name: "docker".into(),
            host: Some(format!("unix://{}", self.path.display())),
            containers: vec![name.clone()],
            logs: vec![ContainerLog { container: name, patterns }],
            ..Docker::default()
        };
        let interval = Duration::from_millis(20);
        Watched {
            probe: DockerProbe::new(&plan, interval, &nothing).unwrap(),
            clock: Clock::default(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            local: LocalSet::new(),
        }
    }
}

/// A probe, what is known of the engine's clock, and what its tasks live on.
struct Watched {
    // Its tasks end before what they live on.
    probe: DockerProbe,
    clock: Clock,
    local: LocalSet,
    runtime: tokio::runtime::Runtime,
}

impl Watched {
    /// Lets a reading come that was asked for from now on.
    fn let_read(&mut self) {
        let Self { probe, local, runtime, .. } = self;
        local.block_on(runtime, async {
            let followers = || probe.known.values().filter_map(|known| known.follower.as_ref());
            for _ in 0..2 {
                followers().for_each(|follower| _ = follower.take());
                while !followers().all(|follower| follower.has_one() || follower.is_over()) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        });
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn serve(mut stream: UnixStream, answers: &Answers, asked: &Mutex<Vec<String>>) {
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else {
            match stream.read(&mut chunk) {
                Ok(n @ 1..) => buffer.extend_from_slice(&chunk[..n]),
                _ => return,
            }
            continue;
        };
        let head: Vec<u8> = buffer.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let path = target.split('?').next().unwrap_or_default();
        let part = match path {
            "/info" => "info",
            "/events" => "events",
            "/containers/json" => "list",
            path if path.ends_with("/stats") => "stats",
            path if path.ends_with("/logs") => "logs",
            path if path.ends_with("/json") => "inspect",
            _ => "",
        };
        asked.lock().unwrap().push(target);
        let (status, body) =
            answers.lock().unwrap().get(part).cloned().unwrap_or_else(|| (500, b"?".to_vec()));
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

fn look(watched: &mut Watched) -> (Result<(), ProbeError>, Observation) {
    let Watched { probe, clock, local, runtime } = watched;
    // The recordings' own time: what they tell happened during this run.
    let mut out = Observation::new("docker", Source::Docker, 1, *clock);
    let outcome = local.block_on(runtime, probe.look(&mut out));
    *clock = out.clock;
    (outcome, out)
}

fn value(out: &Observation, metric: &str) -> Option<f64> {
    let is_it = |sample: &&Sample| sample.metric == metric;
    out.samples().iter().find(is_it).map(|sample| sample.value)
}

#[test]
fn what_a_real_engine_answered_becomes_series() {
    let engine = Engine::start("recorded");
    engine.recorded();
    let mut probe = engine.probe();
    look(&mut probe).0.unwrap();
    probe.let_read();
    let (outcome, out) = look(&mut probe);
    outcome.unwrap();
    assert_eq!(value(&out, "docker_cpu_cores"), None, "a rate needs two readings");
    assert!(value(&out, "docker_memory_bytes").unwrap() > 0.0);
    let (before, now) = (parsed(STATS_1), parsed(STATS_2));
    engine.answer("stats", 200, STATS_2);
    probe.let_read();
    let (outcome, out) = look(&mut probe);
    outcome.unwrap();
    let cores = (now.cpu_ns - before.cpu_ns) as f64 / (now.read_ns - before.read_ns) as f64;
    assert_eq!(value(&out, "docker_cpu_cores"), Some(cores));
    // It was recorded with `--cpus 0.2 --memory 64m`, and was busy.
    assert!((cores - 0.2).abs() < 0.05, "{cores}");
    assert_eq!(value(&out, "docker_cpu_limit_ratio"), Some(cores / 0.2));
    assert!(value(&out, "docker_throttled_ratio").unwrap() > 0.5);
    let memory = value(&out, "docker_memory_bytes").unwrap();
    assert_eq!(value(&out, "docker_memory_limit_ratio"), Some(memory / f64::from(64 << 20)));
    assert_eq!(value(&out, "docker_restarts"), Some(0.0));
    assert_eq!(value(&out, "docker_oom_kills"), Some(0.0));
    let asked = engine.asked.lock().unwrap().join("\n");
    assert!(asked.contains("one-shot=true"), "the engine must not wait a second: {asked}");
}

fn parsed(text: &str) -> api::Stats {
    api::parse_stats(&serde_json::from_str(text).unwrap()).unwrap()
}

#[test]
fn what_happened_is_told_once_and_counted() {
    let engine = Engine::start("events");
    engine.recorded();
    let mut probe = engine.probe();
    look(&mut probe).0.unwrap();
    engine.answer("events", 200, EVENTS);
    let (outcome, out) = look(&mut probe);
    outcome.unwrap();
    let kinds: Vec<&str> = out.events().iter().map(|event| event.kind.as_str()).collect();
    for kind in ["oom-killed", "container-ended", "container-restarted"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    let ended = out.events().iter().find(|event| event.kind == "container-ended").unwrap();
    assert_eq!(ended.fields["exit_code"], "137");
    let restarts = value(&out, "docker_restarts").unwrap();
    assert!(restarts >= 1.0 && value(&out, "docker_oom_kills").unwrap() >= 1.0);
    // The same events once more, as at the edge of two looks.
    let (outcome, out) = look(&mut probe);
    outcome.unwrap();
    assert_eq!(value(&out, "docker_restarts"), Some(restarts));
}

#[test]
fn an_end_without_memory_counts_where_the_engine_tells_no_event() {
    let engine = Engine::start("oom");
    engine.recorded();
    engine.answer("inspect", 200, INSPECT_OOM);
    let (outcome, out) = look(&mut engine.probe());
    outcome.unwrap();
    assert_eq!(value(&out, "docker_oom_kills"), Some(1.0));
    assert_eq!(out.events().iter().filter(|event| event.kind == "oom-killed").count(), 1);
}

#[test]
fn lines_of_logs_are_counted_once() {
    let engine = Engine::start("logs");
    engine.recorded();
    let mut probe = engine.probe();
    let expected = String::from_utf8_lossy(LOGS).matches("ERROR").count();
    assert!(expected > 0);
    for _ in 0..3 {
        let (outcome, out) = look(&mut probe);
        outcome.unwrap();
        assert_eq!(value(&out, "log_matches"), Some(expected as f64));
    }
}

#[test]
fn an_engine_that_is_gone_or_talks_nonsense_is_an_error_with_its_name() {
    let engine = Engine::start("nonsense");
    for (part, status, body, error) in [
        ("info", 200, "<html>", "is no JSON"),
        ("info", 500, r#"{"message":"out of order"}"#, "the engine says 500: out of order"),
        ("list", 200, "{}", "no list of containers"),
        ("events", 400, "", "the engine says 400"),
    ] {
        engine.recorded();
        engine.answer(part, status, body);
        let (outcome, _) = look(&mut engine.probe());
        let told = outcome.unwrap_err().to_string();
        assert!(told.contains(error), "{part}: {told}");
    }
    engine.recorded();
    engine.answer("list", 200, "[]");
    engine.answer("logs", 200, "\x01\0\0\0\u{7f}\u{7f}\u{7f}\u{7f}x");
    let (outcome, out) = look(&mut engine.probe());
    outcome.unwrap();
    assert!(out.troubles()[0].1.contains("none of this name"), "{:?}", out.troubles());
    let mut probe = engine.probe();
    drop(engine);
    let told = look(&mut probe).0.unwrap_err().to_string();
    assert!(told.contains("squall-engine") && told.contains("DOCKER_HOST"), "{told}");
}

#[test]
fn addresses_that_are_none_are_refused() {
    for host in ["ssh://h", "h:2375", "npipe:////./pipe/docker_engine"] {
        let plan =
            Docker { host: Some(host.into()), containers: vec!["a".into()], ..Docker::default() };
        let error =
            DockerProbe::new(&plan, Duration::from_secs(1), &nothing).err().unwrap().to_string();
        assert!(error.contains("neither `unix://PATH` nor `tcp://HOST:PORT`"), "{error}");
    }
    let plan = Docker { containers: vec!["a".into()], ..Docker::default() };
    fn variable(name: &str) -> Option<String> {
        (name == "DOCKER_HOST").then(|| "tcp://h:2375".to_owned())
    }
    assert!(DockerProbe::new(&plan, Duration::from_secs(1), &variable).is_ok());
}
