//! Requests to the simulated API server and their answers.

use super::civil::{self, Precision};
use super::fault::{self, ClusterFault, NO_SUCH_PATH};
use super::kind::{self, Kind, METRICS, Place};
use super::selector::Selector;
use super::session::{self, Session};
use super::{Shared, State, TICK, lock};
use crate::answer::{Answer, BodyFraming, Persistence, TEXT};
use crate::percent;
use crate::reader::{Reader, Ready, Request};
use rt::net::TcpStream;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

/// The largest request body, bytes.
const MAX_BODY: usize = 1 << 20;
/// A watch without its own limit ends after this.
const WATCH: Duration = Duration::from_secs(1800);
/// How often a watch that wants bookmarks gets one.
const BOOKMARK: Duration = Duration::from_secs(5);

const VERSION: &str = include_str!("../../fixtures/kubernetes/version.json");
const CORE: &str = include_str!("../../fixtures/kubernetes/api.json");
const GROUPS: &str = include_str!("../../fixtures/kubernetes/apis.json");
const AUTOSCALING_V2: &str = include_str!("../../fixtures/kubernetes/apis_autoscaling_v2.json");

/// What a request comes to.
enum Reply {
    /// The answer is whole.
    Whole,
    Watch(Watch),
    Log(Log),
    /// The connection becomes something else.
    Session(Session),
}

struct Watch {
    kind: &'static Kind,
    version_asked: String,
    namespace: String,
    selector: Selector,
    from: u64,
    bookmarks: bool,
    limit: Duration,
    cut_after: Option<usize>,
    garbage: bool,
}

struct Log {
    namespace: String,
    pod: String,
    container: String,
    since_ns: i64,
    /// The last lines of those there are already.
    tail: Option<usize>,
    timestamps: bool,
    follow: bool,
}

/// Serves a connection until either side closes it.
pub(super) async fn connection(stream: TcpStream, shared: Shared) {
    // Either ending is an ordinary end of a connection.
    let _ = serve(stream, &shared).await;
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = Reader::new(MAX_BODY);
    loop {
        match reader.poll() {
            Ok(Ready::Request) => {}
            Ok(Ready::More | Ready::MoreAfterContinue) => {
                let n = stream.read(reader.room()).await?;
                if n == 0 {
                    return Ok(());
                }
                reader.filled(n);
                continue;
            }
            Err(_) => return Ok(()),
        }
        let mut answer = Answer::new();
        let (reply, delay) = {
            let Some(request) = reader.request() else { return Ok(()) };
            let mut state = lock(shared);
            (decide(&request, &mut state, &mut answer), state.delay())
        };
        reader.consume();
        rt::sleep(delay).await;
        answer.header("Date", &civil::http_date(lock(shared).now_ns()));
        match reply {
            Reply::Whole => {
                let mut out = Vec::new();
                answer.write_head(&mut out, answer.framing(), Persistence::Implied, 0);
                out.extend_from_slice(&answer.body);
                stream.write_all(&out).await?;
            }
            Reply::Watch(watch) => {
                begin(&stream, &answer).await?;
                if !counted(shared, watch.run(&stream, shared)).await? {
                    return Ok(());
                }
            }
            Reply::Log(log) => {
                answer.content_type = TEXT;
                begin(&stream, &answer).await?;
                if !counted(shared, log.run(&stream, shared)).await? {
                    return Ok(());
                }
            }
            Reply::Session(session) => {
                let mut out = Vec::new();
                answer.write_head(&mut out, BodyFraming::None, Persistence::Implied, 0);
                stream.write_all(&out).await?;
                return session.serve(stream, reader.take_rest(), shared.clone()).await;
            }
        }
    }
}

/// Begins an answer that comes bit by bit.
async fn begin(stream: &TcpStream, answer: &Answer) -> io::Result<()> {
    let mut out = Vec::new();
    answer.write_head(&mut out, BodyFraming::Chunked, Persistence::Implied, 0);
    stream.write_all(&out).await
}

async fn chunk(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    stream.write_all(&out).await
}

/// Counts a stream as long as it is open. It gives whether the connection goes on.
async fn counted(
    shared: &Shared,
    stream: impl Future<Output = io::Result<bool>>,
) -> io::Result<bool> {
    lock(shared).watches += 1;
    let goes_on = stream.await;
    lock(shared).watches -= 1;
    goes_on
}

impl State {
    fn delay(&self) -> Duration {
        let slow = self.faults.iter().find_map(|fault| match fault {
            ClusterFault::Slow(delay) => Some(*delay),
            _ => None,
        });
        slow.unwrap_or_default()
    }
}

fn decide(request: &Request<'_>, state: &mut State, answer: &mut Answer) -> Reply {
    let (path, query) = request.path_and_query();
    let method = String::from_utf8_lossy(request.method()).into_owned();
    state.asked(format!("{method} {}", request.target()));
    if !state.config.token.is_empty() {
        let want = format!("Bearer {}", state.config.token);
        if request.header("authorization") != Some(&want) {
            return fail(answer, 401, &fault::unauthorized());
        }
    }
    let document = match path {
        "/version" => Some(VERSION),
        "/api" => Some(CORE),
        "/apis" => Some(GROUPS),
        "/apis/autoscaling/v2" if !state.faults.contains(&ClusterFault::NoAutoscalingV2) => {
            Some(AUTOSCALING_V2)
        }
        _ => None,
    };
    if let Some(document) = document {
        answer.body = document.as_bytes().to_vec();
        return Reply::Whole;
    }
    if matches!(path, "/readyz" | "/livez" | "/healthz") {
        answer.text(TEXT, b"ok");
        return Reply::Whole;
    }
    let Some(place) = Place::parse(path) else { return no_such_path(answer) };
    if place.group == METRICS {
        return usage(&place, query, state, answer);
    }
    let is_served = |kind: &Kind| {
        let is_current = place.version == kind.version
            && !(kind.older.is_some() && state.faults.contains(&ClusterFault::NoAutoscalingV2));
        kind.group == place.group && (is_current || kind.older == Some(place.version))
    };
    match Kind::named(place.plural) {
        Some(kind) if is_served(kind) => read(request, kind, &place, query, state, answer),
        _ => no_such_path(answer),
    }
}

fn no_such_path(answer: &mut Answer) -> Reply {
    answer.status = 404;
    answer.text(TEXT, NO_SUCH_PATH.as_bytes());
    Reply::Whole
}

fn fail(answer: &mut Answer, code: u16, status: &Value) -> Reply {
    answer.status = code;
    answer.json(status);
    Reply::Whole
}

fn read(
    request: &Request<'_>,
    kind: &'static Kind,
    place: &Place<'_>,
    query: &str,
    state: &State,
    answer: &mut Answer,
) -> Reply {
    let flag = |key| matches!(percent::value(query, key).as_deref(), Some("true" | "1"));
    let (resource, verb) = match (place.sub, place.name, flag("watch")) {
        ("", "", true) => (place.plural.to_owned(), "watch"),
        ("", "", false) => (place.plural.to_owned(), "list"),
        ("", _, _) => (place.plural.to_owned(), "get"),
        // A WebSocket begins with a GET; RBAC asks for `create` all the same since 1.35, for `get` before.
        (sub @ ("exec" | "portforward"), ..) => (format!("{}/{sub}", place.plural), "create"),
        (sub, ..) => (format!("{}/{sub}", place.plural), "get"),
    };
    if state.is_forbidden(verb, &resource) {
        let status = fault::forbidden(verb, &resource, place.name, kind.group, place.namespace);
        return fail(answer, 403, &status);
    }
    for fault in &state.faults {
        match fault {
            ClusterFault::Status(of, code) if *of == resource => {
                return fail(answer, *code, &fault::status(*code, "", "injected"));
            }
            ClusterFault::Gone(of) if *of == resource && verb == "watch" => {
                return fail(answer, 410, &fault::gone(state.store.oldest, 0));
            }
            ClusterFault::Garbage(of) if *of == resource && verb != "watch" => {
                answer.body = b"{\"kind\":\"List\",\"items\":[{\"metadata\":".to_vec();
                return Reply::Whole;
            }
            _ => {}
        }
    }
    match (place.sub, verb) {
        ("", "get") => one(kind, place, state, answer),
        ("", "watch") => watch(kind, place, query, state, answer),
        ("", _) => list(kind, place, query, state, answer),
        ("log", _) => log(place, query, state, answer),
        ("exec" | "portforward", _) => {
            if let Some(refusal) = not_running(place, state) {
                let code = refusal["code"].as_u64().unwrap_or(400) as u16;
                return fail(answer, code, &refusal);
            }
            match session::accept(request, place, query, state, answer) {
                Some(session) => Reply::Session(session),
                None => Reply::Whole,
            }
        }
        _ => no_such_path(answer),
    }
}

/// Why nothing can be done in a pod.
fn not_running(place: &Place<'_>, state: &State) -> Option<Value> {
    let pod =
        Kind::named("pods").and_then(|pods| state.store.get(pods, place.namespace, place.name));
    let Some(pod) = pod else { return Some(fault::not_found("pods", "", place.name)) };
    let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
    (phase != "Running").then(|| {
        let text =
            format!("unable to forward port because pod is not running. Current status={phase}");
        fault::status(400, "BadRequest", &text)
    })
}

fn one(kind: &Kind, place: &Place<'_>, state: &State, answer: &mut Answer) -> Reply {
    match state.store.get(kind, place.namespace, place.name) {
        Some(object) => {
            answer.json(&in_version(kind, place.version, object));
            Reply::Whole
        }
        None => fail(answer, 404, &fault::not_found(kind.plural, kind.group, place.name)),
    }
}

fn in_version(kind: &Kind, version: &str, object: &Value) -> Value {
    if kind.older == Some(version) { kind::autoscaler_v1(object) } else { object.clone() }
}

fn selector(query: &str) -> Result<Selector, Value> {
    let text = |key| percent::value(query, key).unwrap_or_default().into_owned();
    Selector::parse(&text("labelSelector"), &text("fieldSelector"))
        .map_err(|error| fault::status(400, "BadRequest", &error))
}

fn list(kind: &Kind, place: &Place<'_>, query: &str, state: &State, answer: &mut Answer) -> Reply {
    let selector = match selector(query) {
        Ok(selector) => selector,
        Err(status) => return fail(answer, 400, &status),
    };
    let number = |key| percent::value(query, key).and_then(|text| text.parse::<usize>().ok());
    let (limit, from) = (number("limit").unwrap_or(0), number("continue").unwrap_or(0));
    let limit = if limit == 0 { usize::MAX } else { limit };
    let found: Vec<&Value> = state.store.list(kind, place.namespace, &selector).collect();
    let items: Vec<Value> = found
        .iter()
        .skip(from)
        .take(limit)
        .map(|object| {
            let mut object = in_version(kind, place.version, object);
            // Items of a list don't say what they are.
            if let Some(fields) = object.as_object_mut() {
                fields.remove("kind");
                fields.remove("apiVersion");
            }
            object
        })
        .collect();
    let mut metadata = json!({"resourceVersion": state.store.version.to_string()});
    let next = from.saturating_add(items.len());
    if next < found.len() {
        metadata["continue"] = next.to_string().into();
        metadata["remainingItemCount"] = (found.len() - next).into();
    }
    answer.json(&json!({
        "kind": format!("{}List", kind.name),
        "apiVersion": kind.api_version(place.version),
        "metadata": metadata,
        "items": items,
    }));
    Reply::Whole
}

fn watch(
    kind: &'static Kind,
    place: &Place<'_>,
    query: &str,
    state: &State,
    answer: &mut Answer,
) -> Reply {
    let selector = match selector(query) {
        Ok(selector) => selector,
        Err(status) => return fail(answer, 400, &status),
    };
    let text = |key| percent::value(query, key).unwrap_or_default();
    let from = match text("resourceVersion").parse::<u64>() {
        Ok(0) | Err(_) => state.store.version,
        Ok(version) => version,
    };
    let seconds = text("timeoutSeconds").parse::<u64>().ok();
    let cut_after = state.faults.iter().find_map(|fault| match fault {
        ClusterFault::Cut(of, n) if of == kind.plural => Some(*n),
        _ => None,
    });
    Reply::Watch(Watch {
        kind,
        version_asked: place.version.to_owned(),
        namespace: place.namespace.to_owned(),
        selector,
        from,
        bookmarks: text("allowWatchBookmarks") == "true",
        limit: seconds.map_or(WATCH, Duration::from_secs),
        cut_after,
        garbage: state.faults.contains(&ClusterFault::Garbage(kind.plural.to_owned())),
    })
}

impl Watch {
    /// Tells changes as they come. True when the answer was ended in order.
    async fn run(mut self, stream: &TcpStream, shared: &Shared) -> io::Result<bool> {
        let (begun, cut) = (rt::now(), lock(shared).cut);
        let mut bookmark = begun + BOOKMARK;
        let mut told = 0;
        if self.garbage {
            chunk(stream, b"{\"type\":\"ADDED\",\"object\":[[[\n").await?;
        }
        loop {
            let (lines, is_gone, is_cut) = {
                let state = lock(shared);
                let is_gone = self.from < state.store.oldest;
                (self.lines(&state), is_gone, state.cut != cut)
            };
            if is_cut {
                return Ok(false);
            }
            if is_gone {
                let oldest = lock(shared).store.oldest;
                let status = fault::gone(oldest, self.from);
                let line = format!("{}\n", json!({"type": "ERROR", "object": status}));
                chunk(stream, line.as_bytes()).await?;
                return end(stream).await;
            }
            for line in lines {
                if self.cut_after == Some(told) {
                    // A chunk that says more than comes.
                    stream.write_all(b"ffff\r\n{\"type\":\"MODIF").await?;
                    return Ok(false);
                }
                chunk(stream, line.as_bytes()).await?;
                told += 1;
            }
            if rt::now().since(begun) >= self.limit {
                return end(stream).await;
            }
            if self.bookmarks && rt::now() >= bookmark {
                bookmark = rt::now() + BOOKMARK;
                let version = lock(shared).store.version;
                chunk(stream, self.bookmark(version).as_bytes()).await?;
            }
            if stream.is_stale() {
                return Ok(false);
            }
            rt::sleep(TICK).await;
        }
    }

    fn lines(&mut self, state: &State) -> Vec<String> {
        let mut lines = Vec::new();
        let mut last = self.from;
        for change in state.store.since(self.from) {
            last = last.max(change.version);
            let in_namespace = self.namespace.is_empty()
                || change.object["metadata"]["namespace"] == self.namespace.as_str();
            if change.plural == self.kind.plural
                && in_namespace
                && self.selector.takes(&change.object)
            {
                let object = in_version(self.kind, &self.version_asked, &change.object);
                let line = json!({"type": change.verb.word(), "object": object});
                lines.push(format!("{line}\n"));
            }
        }
        if self.from >= state.store.oldest {
            self.from = last;
        }
        lines
    }

    fn bookmark(&self, version: u64) -> String {
        let object = json!({
            "kind": self.kind.name,
            "apiVersion": self.kind.api_version(&self.version_asked),
            "metadata": {"resourceVersion": version.max(self.from).to_string()},
        });
        format!("{}\n", json!({"type": "BOOKMARK", "object": object}))
    }
}

async fn end(stream: &TcpStream) -> io::Result<bool> {
    stream.write_all(b"0\r\n\r\n").await?;
    Ok(true)
}

fn log(place: &Place<'_>, query: &str, state: &State, answer: &mut Answer) -> Reply {
    let pods = Kind::named("pods");
    let Some(pod) = pods.and_then(|pods| state.store.get(pods, place.namespace, place.name)) else {
        return fail(answer, 404, &fault::not_found("pods", "", place.name));
    };
    let containers: Vec<&str> = pod["spec"]["containers"]
        .as_array()
        .map(|list| list.iter().filter_map(|container| container["name"].as_str()).collect())
        .unwrap_or_default();
    let wanted = percent::value(query, "container").map(|name| name.into_owned());
    let container = match (wanted, &containers[..]) {
        (Some(name), all) if all.contains(&name.as_str()) => name,
        (None, [only]) => (*only).to_owned(),
        (Some(name), _) => {
            let text = format!("container {name} is not valid for pod {}", place.name);
            return fail(answer, 400, &fault::status(400, "BadRequest", &text));
        }
        (None, _) => {
            let text = format!("a container name must be specified for pod {}", place.name);
            return fail(answer, 400, &fault::status(400, "BadRequest", &text));
        }
    };
    let text = |key| percent::value(query, key).unwrap_or_default();
    let since = match (text("sinceTime"), text("sinceSeconds").parse::<i64>()) {
        (time, _) if !time.is_empty() => civil::parse(&time).map_or(0, |(ns, _)| ns),
        (_, Ok(seconds)) => state.now_ns() - seconds * 1_000_000_000,
        _ => 0,
    };
    Reply::Log(Log {
        namespace: place.namespace.to_owned(),
        pod: place.name.to_owned(),
        container,
        since_ns: since,
        tail: text("tailLines").parse().ok(),
        timestamps: text("timestamps") == "true",
        follow: text("follow") == "true",
    })
}

impl Log {
    /// Sends the lines there are and, followed, those that come while the pod lives.
    async fn run(self, stream: &TcpStream, shared: &Shared) -> io::Result<bool> {
        let (cut, life, there) = {
            let state = lock(shared);
            let there = state.store.lines(&self.pod, &self.container, 0).len();
            (state.cut, state.store.life(&self.namespace, &self.pod), there)
        };
        let mut from = self.tail.map_or(0, |tail| there.saturating_sub(tail));
        loop {
            let (text, is_over, is_cut) = {
                let state = lock(shared);
                let lines = state.store.lines(&self.pod, &self.container, from);
                from += lines.len();
                let mut text = String::new();
                for line in lines.iter().filter(|line| line.unix_ns >= self.since_ns) {
                    if self.timestamps {
                        let time = civil::write(line.unix_ns, Precision::Micros);
                        let _ = write!(text, "{time} ");
                    }
                    text.push_str(&line.text);
                    text.push('\n');
                }
                let is_dead = state.store.life(&self.namespace, &self.pod) != life;
                (text, !self.follow || is_dead, state.cut != cut)
            };
            if is_cut {
                return Ok(false);
            }
            if !text.is_empty() {
                chunk(stream, text.as_bytes()).await?;
            }
            if is_over {
                return end(stream).await;
            }
            if stream.is_stale() {
                return Ok(false);
            }
            rt::sleep(TICK).await;
        }
    }
}

/// `metrics.k8s.io`: what pods use, as the metrics-server says it.
fn usage(place: &Place<'_>, query: &str, state: &State, answer: &mut Answer) -> Reply {
    let is_served = place.version == "v1beta1" && place.plural == "pods";
    if !is_served || state.faults.contains(&ClusterFault::NoMetrics) {
        return no_such_path(answer);
    }
    if state.is_forbidden("list", "pods.metrics.k8s.io") {
        let status = fault::forbidden("list", "pods", "", METRICS, place.namespace);
        return fail(answer, 403, &status);
    }
    let selector = match selector(query) {
        Ok(selector) => selector,
        Err(status) => return fail(answer, 400, &status),
    };
    let now = civil::write(state.now_ns(), Precision::Seconds);
    let mut items = Vec::new();
    let pods = Kind::named("pods").into_iter();
    for pod in pods.flat_map(|pods| state.store.list(pods, place.namespace, &selector)) {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let of_pod = state.store.usage.iter().filter(|((of, _), _)| of == name);
        let containers: Vec<Value> = of_pod
            .map(|((_, container), usage)| {
                json!({"name": container, "usage": {
                    "cpu": format!("{}n", usage.cpu_nanocores),
                    "memory": format!("{}Ki", usage.memory_bytes / 1024),
                }})
            })
            .collect();
        if containers.is_empty() {
            continue;
        }
        items.push(json!({
            "metadata": {
                "name": name,
                "namespace": place.namespace,
                "creationTimestamp": now,
                "labels": pod["metadata"]["labels"],
            },
            "timestamp": now,
            "window": "15.001s",
            "containers": containers,
        }));
    }
    answer.json(&json!({
        "kind": "PodMetricsList",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {},
        "items": items,
    }));
    Reply::Whole
}
