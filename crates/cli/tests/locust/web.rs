//! The web UI's routes: what the real Locust was recorded answering (`api/`), in keys, types and headers.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::lab::{Lab, PLAIN, aggregated};
use crate::program::Running;

struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(self.headers["access-control-allow-origin"], "*");
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A web UI with its address.
struct Site {
    address: String,
}

impl Site {
    fn free() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { address: address.to_string() }
    }

    fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    fn try_ask(&self, method: &str, path: &str, form: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.address,
            form.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let headers: HashMap<String, String> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let body = if headers.contains_key("transfer-encoding") {
            unchunked(body)
        } else {
            body.to_owned()
        };
        Some(Answer { status: head.split(' ').nth(1)?.parse().ok()?, headers, body })
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, form: &str) -> Answer {
        self.try_ask(method, path, form).unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Waits until it answers.
    fn wait(&self, running: Running) -> Running {
        for _ in 0..600 {
            if self.try_ask("GET", "/worker-count", "").is_some() {
                return running;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        running.signal(libc::SIGKILL);
        panic!("no web UI:\n{}", running.wait().stderr);
    }
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&after[..size]);
        rest = &after[(size + 2).min(after.len())..];
    }
    body
}

fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/locust/api/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let json = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n")).map_or(
        text.as_str(),
        |(head, body)| if head.starts_with("HTTP") { body } else { text.as_str() },
    );
    serde_json::from_str(json).unwrap()
}

/// A value's form: keys, and the types of what they hold. Of a list it is the first element's.
fn form(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: Map<String, Value> =
                fields.iter().map(|(key, field)| (key.clone(), form(field))).collect();
            Value::Object(fields)
        }
        Value::Array(items) => {
            items.first().map(|item| vec![form(item)]).unwrap_or_default().into()
        }
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Bool(_) => "bool".into(),
        Value::Null => "null".into(),
    }
}

/// In the first two seconds of a test there are no percentiles of now, neither here nor in Locust.
fn fill_percentiles(report: &mut Value) {
    for percentile in
        report["current_response_time_percentiles"].as_object_mut().unwrap().values_mut()
    {
        if percentile.is_null() {
            *percentile = 0.into();
        }
    }
}

const FAILING: &str = r#"
from locust import HttpUser, constant, task

class Mixed(HttpUser):
    wait_time = constant(0.02)

    @task(3)
    def get(self):
        self.client.get("/get")

    @task
    def missing(self):
        self.client.get("/status/404", name="/missing")

    @task
    def raising(self):
        raise ValueError("boom in task")
"#;

#[test]
fn the_api_answers_as_locusts() {
    let Some(lab) = Lab::new(FAILING) else { return };
    let site = Site::free();
    let words =
        format!("-H {} --web-port {} --csv a --csv-full-history", lab.target.url(), site.port());
    let running = site.wait(lab.squall(&words).start());
    let mut before = site.get("/stats/requests").json();
    fill_percentiles(&mut before);
    assert_eq!(form(&before), form(&recorded("stats_requests_before.txt")));
    assert_eq!(before["state"], "ready");
    let page = site.get("/");
    assert!(page.body.contains("window.templateArgs"), "{}", page.body);
    let wrong = site.ask("POST", "/swarm", "user_count=abc&spawn_rate=1").json();
    assert_eq!(wrong["success"], false);
    let started = site.ask("POST", "/swarm", "user_count=4&spawn_rate=4").json();
    assert_eq!(
        (&started["success"], &started["message"]),
        (&true.into(), &"Swarming started".into())
    );
    let running = lab.wait_for_requests(100, running);
    assert_eq!(site.get("/stats/requests").json()["user_count"], 4);
    assert_eq!(site.get("/stop").status, 405);
    let stopped = site.ask("POST", "/stop", "").json();
    assert_eq!(stopped["message"], "Test stopped");
    let mut after = site.get("/stats/requests").json();
    fill_percentiles(&mut after);
    assert_eq!(form(&after), form(&recorded("stats_requests.json")));
    assert_eq!(after["state"], "stopped");
    let total = after["stats"].as_array().unwrap().last().unwrap();
    let requests = total["num_requests"].as_u64().unwrap();
    assert!(requests >= 100 && requests <= lab.served() && requests + 4 >= lab.served());
    for (path, file) in [
        ("/exceptions", "exceptions.json"),
        ("/worker-count", "worker-count.json"),
        ("/logs", "logs.json"),
    ] {
        assert_eq!(form(&site.get(path).json()), form(&recorded(file)), "{path}");
    }
    assert!(site.get("/tasks").json()["per_class"]["Mixed"]["tasks"]["get"]["ratio"].is_number());
    for (path, kind) in [
        ("/stats/requests/csv", "requests"),
        ("/stats/failures/csv", "failures"),
        ("/exceptions/csv", "exceptions"),
    ] {
        let answer = site.get(path);
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "text/csv"));
        let name = &answer.headers["content-disposition"];
        let host = lab.target.url();
        assert!(name.starts_with("attachment;filename=Locust_20"), "{name}");
        assert!(name.ends_with(&format!("_locustfile.py_{host}_{kind}.csv")), "{name}");
        let path = format!(
            "{}/tests/locust/api/{}.csv",
            env!("CARGO_MANIFEST_DIR"),
            path[1..].replace('/', "_")
        );
        let recorded = std::fs::read_to_string(path).unwrap();
        assert_eq!(answer.body.lines().next(), recorded.lines().next());
    }
    let history = site.get("/stats/requests_full_history/csv");
    assert!(history.body.starts_with("Timestamp,User Count,"), "{}", history.body);
    let report = site.get("/stats/report?download=1&theme=dark");
    assert!(report.headers["content-disposition"].ends_with(".html"));
    assert!(report.body.contains(&format!("\"num_requests\":{requests}")));
    let reset = site.ask("POST", "/stats/reset", "");
    assert_eq!((reset.status, reset.body.as_str()), (200, "ok"));
    let after = site.get("/stats/requests").json();
    assert_eq!(after["stats"].as_array().unwrap().last().unwrap()["num_requests"], 0);
    running.signal(libc::SIGTERM);
    running.wait().expect_code(0);
}

#[test]
fn a_locust_file_that_changes_the_pages_has_its_way() {
    let Some(lab) = Lab::new(&format!(
        "{PLAIN}\n{}",
        r#"
from locust import events

@events.init.add_listener
def extend(web_ui, **_):
    @web_ui.app.route("/mine")
    def mine():
        return "my own page"

    @web_ui.app.after_request
    def change(response):
        response.headers["x-changed"] = "yes"
        return response
"#
    )) else {
        return;
    };
    let site = Site::free();
    let words = format!("-H {} --web-port {}", lab.target.url(), site.port());
    let running = site.wait(lab.squall(&words).start());
    assert_eq!(site.get("/mine").body, "my own page");
    assert_eq!(site.get("/stats/requests").headers["x-changed"], "yes");
    running.signal(libc::SIGTERM);
    running.wait().expect_code(0);
}

#[test]
fn a_port_that_is_taken_ends_the_run_before_it_begins() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = lab.squall(&format!("-H {} --web-port {port}", lab.target.url())).run();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("can't listen on 127.0.0.1:{port}")),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_run_with_a_page_starts_and_ends_by_itself() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let site = Site::free();
    let words = format!(
        "-H {} --web-port {} --autostart --autoquit 0 -s 10 -u 2 -r 2 -t 2s",
        lab.target.url(),
        site.port()
    );
    let ended = lab.squall(&words).run().expect_code(0);
    assert_eq!(aggregated(&ended.stderr).0, lab.served(), "{}", ended.stderr);
}
