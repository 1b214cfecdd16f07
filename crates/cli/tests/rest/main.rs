//! The REST API beside the real k6's: the same requests in the same phases of the same run, compared with what the
//! pinned k6 was recorded answering (`conformance/rest/recorded.json`).
//!
//! * `SQUALL_K6=PATH SQUALL_RECORD=1 cargo test -p squall-cli --test rest` writes the recording anew.
//! * With `SQUALL_K6=PATH` alone the recording is compared with that k6.

// Tests may read the environment and stop at what is not there; the lints are for the product.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "../support/child.rs"]
mod child;
mod client;
mod control;
mod gate;
mod operator;
mod process;

use std::path::{Path, PathBuf};

use client::{Answer, call};
use gate::Gate;
use process::Process;
use serde_json::{Map, Value, json};

/// Requests while all VUs are there and the run waits to be started.
const PAUSED: &[(&str, &str, &str)] = &[
    ("GET", "/v1/status", ""),
    ("GET", "/v1/groups", ""),
    ("GET", "/v1/setup", ""),
    ("GET", "/ping", ""),
    ("POST", "/ping", "x"),
    ("GET", "/", ""),
    ("GET", "/anything", ""),
    ("GET", "/v1", ""),
    ("GET", "/v1/", ""),
    ("GET", "/v1/nothing", ""),
    ("GET", "//v1/status", ""),
    ("GET", "/v1/../v1/status", ""),
    ("POST", "/v1/status", "{}"),
    ("DELETE", "/v1/setup", ""),
    ("GET", "/v1/teardown", ""),
    ("POST", "/v1/metrics", ""),
    ("POST", "/v1/groups", ""),
    ("POST", "/v1/metrics/my_counter", ""),
    ("POST", "/v1/groups/x", ""),
    ("GET", "/v1/metrics/", ""),
    ("GET", "/v1/metrics/nothing", ""),
    ("GET", "/v1/groups/", ""),
    ("GET", "/v1/groups/nothing", ""),
    ("GET", "/v1/groups/d41d8cd98f00b204e9800998ecf8427e", ""),
    ("GET", "/v1/metrics/my_counter", ""),
    ("GET", "/v1/metrics/my_trend%7Ba:b%7D", ""),
    ("PATCH", "/v1/status", ""),
    ("PATCH", "/v1/status", "[1]"),
    ("PATCH", "/v1/status", "{}"),
    ("PATCH", "/v1/status", "null"),
    ("PATCH", "/v1/status", r#"{"data":null}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"vus":3}}}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"vus-max":"3"}}}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"vus":1.5}}}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"vus":true}}}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"paused":"x"}}}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"paused":3}}}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"stopped":"3"}}}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"paused":true}}}"#),
    ("PUT", "/v1/setup", r#"{"z": 1.0, "list":["<", 2]}"#),
    ("GET", "/v1/setup", ""),
    ("PUT", "/v1/setup", "{"),
    ("PUT", "/v1/setup", "x"),
    ("PUT", "/v1/setup", "null"),
    ("PUT", "/v1/setup", ""),
    ("POST", "/v1/setup", ""),
    ("GET", "/v1/setup", ""),
    ("POST", "/v1/teardown", ""),
    (
        "PATCH",
        "/v1/status",
        r#"{"data":{"type":"status","id":"default","attributes":{"paused":false}}}"#,
    ),
];

/// Requests while the scenarios run and thresholds have been looked at.
const RUNNING: &[(&str, &str, &str)] = &[
    ("GET", "/v1/status", ""),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"paused":true}}}"#),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"paused":false}}}"#),
    ("GET", "/v1/setup", ""),
];

/// Requests after the scenarios, while the run lingers.
const LINGERING: &[(&str, &str, &str)] = &[
    ("GET", "/v1/status", ""),
    ("GET", "/v1/metrics", ""),
    ("GET", "/v1/metrics/my_trend", ""),
    ("GET", "/v1/metrics/my_counter", ""),
    ("GET", "/v1/groups", ""),
    ("PATCH", "/v1/status", r#"{"data":{"attributes":{"stopped":true}}}"#),
    ("GET", "/v1/status", ""),
];

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/rest").canonicalize().unwrap()
}

/// What of an answer is compared: figures that no two runs share are left out, lists are put in order.
fn shown(answer: &Answer) -> Value {
    let body = match serde_json::from_str::<Value>(&answer.body) {
        Ok(mut body) => {
            let has_list = match &mut body["data"] {
                Value::Array(list) => {
                    list.sort_by_key(|entry| entry["id"].to_string());
                    list.iter_mut().for_each(mask);
                    true
                }
                entry @ Value::Object(_) if entry["type"] == "metrics" => {
                    mask(entry);
                    true
                }
                _ => false,
            };
            // Single documents are compared to the byte.
            if has_list { body } else { Value::from(answer.body.clone()) }
        }
        Err(_) => Value::from(answer.body.clone()),
    };
    json!({ "status": answer.status, "type": answer.content_type, "location": answer.location, "body": body })
}

fn mask(entry: &mut Value) {
    const BY_CHANCE: [&str; 4] = ["group_duration", "iteration_duration", "vus", "vus_max"];
    let id = entry["id"].as_str().unwrap_or_default().to_owned();
    let Some(attributes) = entry.get_mut("attributes") else { return };
    if let Some(checks) = attributes.get_mut("checks").and_then(Value::as_array_mut) {
        checks.sort_by_key(|check| check["id"].to_string());
    }
    let Some(sample) = attributes.get_mut("sample").and_then(Value::as_object_mut) else { return };
    let is_time_of_requests = id.starts_with("http_req_") && id != "http_req_failed";
    if is_time_of_requests || BY_CHANCE.contains(&id.as_str()) {
        sample.values_mut().for_each(|value| *value = Value::from("…"));
    }
    if sample.contains_key("count") {
        sample.insert("rate".into(), Value::from("…"));
    }
}

fn ask(
    process: &Process,
    phase: &str,
    requests: &[(&str, &str, &str)],
    out: &mut Map<String, Value>,
) {
    for (number, (method, path, body)) in (1..).zip(requests) {
        let answer = call(process.address(), method, path, body);
        out.insert(format!("{phase} {number:02}: {method} {path} {body}"), shown(&answer));
    }
}

/// All answers of a program.
fn converse(program: &Path) -> Map<String, Value> {
    let script = home().join("script.js");
    // The last iteration of each VU waits here while the run is asked.
    let gate = Gate::new();
    let variable = format!("GATE=http://{}/", gate.address);
    let words = ["run", "--quiet", "--paused", "--linger", "-e", &variable];
    let process = Process::start(program, &[&words[..], &[script.to_str().unwrap()]].concat());
    let mut answers = Map::new();
    process.wait_for_status(4);
    ask(&process, "paused", PAUSED, &mut answers);
    process.wait_for_status(7);
    process.wait_until("thresholds are looked at", |status| status["tainted"] == true);
    process.wait_until("both VUs wait", |status| status["vus"] == 2);
    ask(&process, "running", RUNNING, &mut answers);
    gate.open();
    process.wait_for_status(9);
    // k6 takes the last samples in a moment later.
    process.wait_until("all samples are in", |_| {
        let answer = call(process.address(), "GET", "/v1/metrics/iterations", "");
        shown(&answer)["body"]["data"]["attributes"]["sample"]["count"] == 6
    });
    ask(&process, "lingering", LINGERING, &mut answers);
    process.signal(libc::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code, Some(99), "{}", ended.stderr);
    answers
}

fn differences(recorded: &Map<String, Value>, answers: &Map<String, Value>) -> String {
    let mut wrong = String::new();
    for (request, expected) in recorded {
        let got = answers.get(request).unwrap_or(&Value::Null);
        if got != expected {
            wrong.push_str(&format!("{request}\n  k6:  {expected}\n  got: {got}\n"));
        }
    }
    wrong
}

#[test]
fn answers_are_those_of_k6() {
    let file = home().join("recorded.json");
    let k6 = std::env::var_os("SQUALL_K6").filter(|path| !path.is_empty()).map(PathBuf::from);
    let is_recording = std::env::var_os("SQUALL_RECORD").is_some();
    if let (Some(k6), true) = (&k6, is_recording) {
        let text = serde_json::to_string_pretty(&converse(k6)).unwrap();
        std::fs::write(&file, text + "\n").unwrap();
        return;
    }
    let recorded: Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let squall = PathBuf::from(env!("CARGO_BIN_EXE_squall"));
    for program in std::iter::once(squall).chain(k6) {
        let answers = converse(&program);
        assert_eq!(answers.len(), recorded.len(), "the recording is of other requests");
        let wrong = differences(&recorded, &answers);
        assert!(wrong.is_empty(), "{}:\n{wrong}", program.display());
    }
}
