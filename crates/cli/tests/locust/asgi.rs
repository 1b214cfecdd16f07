//! `squall burst --asgi`: an application within its own process.

use serde_json::Value;

use crate::lab::{BETWEEN, TRIES, python};
use crate::program::{Ended, Folder, Program};

/// Every way an application may behave, without a framework.
const APP: &str = r#"
import asyncio

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["name"] = b"kept"
        print("application is up")
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        print("application is down")
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"]
    if path == "/boom":
        raise ValueError("boom")
    if path == "/silent":
        return
    if path == "/slow":
        await asyncio.sleep(60)
    if path == "/mark":
        open("marked", "w").close()
    body = (await receive())["body"]
    headers = dict(scope["headers"])
    status = 404 if path == "/missing" else 200
    if path == "/echo":
        expected = (scope["method"], body, headers[b"x-own"], headers[b"content-length"], scope["query_string"])
        status = 200 if expected == ("PUT", b"hello", b"yes", b"5", b"a=1") else 400
    await send({"type": "http.response.start", "status": status, "headers": []})
    if path == "/stream":
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": scope["state"]["name"]})
        assert (await receive())["type"] == "http.disconnect"
        return
    if path == "/cut":
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        return
    await send({"type": "http.response.body", "body": body})

class Old:
    def __init__(self, scope):
        assert scope["type"] == "http"

    async def __call__(self, receive, send):
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

async def broken(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
"#;

fn program(folder: &Folder, words: &str) -> Option<Program> {
    let python = python()?;
    let environment = python.parent().and_then(std::path::Path::parent).unwrap();
    let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust-cache");
    let words: Vec<&str> = ["burst", "--asgi"].into_iter().chain(words.split(' ')).collect();
    Some(
        folder
            .squall(&words)
            .env("VIRTUAL_ENV", environment.to_str().unwrap())
            .env("XDG_CACHE_HOME", cache.to_str().unwrap()),
    )
}

fn run(words: &str) -> Option<Ended> {
    let folder = Folder::new();
    folder.write("own.py", APP);
    Some(program(&folder, words)?.run())
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

#[test]
fn every_request_reaches_the_application_and_its_whole_answer_counts() {
    let Some(ended) = run("own:app /stream -n 200 -c 5 --json") else { return };
    let report = json(&ended.expect_code(0));
    assert_eq!(
        (&report["issued"], &report["ok"], &report["err"]),
        (&200.into(), &200.into(), &0.into())
    );
    // Three parts and the state that its start left behind.
    assert_eq!(report["bytes_received"], 200 * (3 * 4 + 4));
    assert_eq!(report["latency_ms"]["count"], 200);
    assert!(report["response_ms"].is_null());
}

#[test]
fn what_the_application_prints_stays_out_of_the_report() {
    let Some(ended) = run("own:app -n 3") else { return };
    let ended = ended.expect_code(0);
    assert!(
        ended.stderr.contains("application is up") && ended.stderr.contains("application is down")
    );
    assert!(ended.stdout.starts_with("issued"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\nIn the application's own process: "), "{}", ended.stdout);
}

#[test]
fn exceptions_silence_and_statuses_are_failures_by_kind() {
    let words = "own:app /boom /silent /missing /cut /slow -n 10 -c 1 --timeout 50ms --json";
    let Some(ended) = run(words) else { return };
    let ended = ended.expect_code(1);
    let report = json(&ended);
    let kinds = report["err_by_kind"].as_object().unwrap();
    for kind in
        ["ValueError: boom", "no response", "status 404", "no whole response", "request timeout"]
    {
        assert_eq!(kinds.get(kind), Some(&2.into()), "{kind}: {kinds:?}");
    }
    assert!(ended.stderr.contains("Traceback") && ended.stderr.contains("ValueError: boom"));
    assert!(ended.stderr.contains("no request was answered as expected"));
    let Some(ended) = run("own:app /missing -n 2 --expect 404") else { return };
    ended.expect_code(0);
}

#[test]
fn method_headers_and_body_are_the_users() {
    let Some(ended) = run("own:app /echo?a=1 -X PUT --data hello -H X-Own:yes -n 4 --json") else {
        return;
    };
    let report = json(&ended.expect_code(0));
    assert_eq!((&report["ok"], &report["bytes_sent"]), (&4.into(), &20.into()));
}

#[test]
fn open_loops_start_as_many_as_are_due_whatever_the_application_does() {
    let Some(ended) = run("own:app --rate 100 -d 1s --json") else { return };
    let report = json(&ended.expect_code(0));
    assert_eq!(report["issued"], 100);
    for times in ["response_ms", "lateness_ms"] {
        assert_eq!(report[times]["count"], 100, "{times}");
    }
    let Some(ended) = run("own:app /slow --rate 100 -d 1s --max-concurrency 7 --timeout 3s --json")
    else {
        return;
    };
    // None of them is answered in time; the rest found no place.
    let report = json(&ended.expect_code(1));
    assert_eq!((&report["issued"], &report["dropped"]), (&7.into(), &93.into()));
    let Some(ended) = run("own:app --burst 50/s:200ms --every 400ms -d 1s --json") else { return };
    assert_eq!(json(&ended.expect_code(0))["issued"], 30);
}

#[test]
fn applications_of_the_old_form_and_methods_of_objects_are_called_too() {
    let Some(ended) = run("own:Old -n 5 --json") else { return };
    assert_eq!(json(&ended.expect_code(0))["ok"], 5);
}

#[test]
fn what_can_not_be_loaded_is_told() {
    for (words, text) in [
        ("nowhere:app", "there is no module 'nowhere'"),
        ("own:nothing", "own has no 'nothing'"),
        ("own:APP.x", "own has no 'APP.x'"),
        ("own:broken", "the application did not start: no database"),
        ("own:app --cores 2", "--cores means nothing with --asgi"),
        ("own:app --rate 5 -c 2", "are different shapes of load"),
    ] {
        let Some(ended) = run(words) else { return };
        assert_ne!(ended.code, Some(0), "{words}");
        assert!(ended.stderr.contains(text), "{words}: {}", ended.stderr);
    }
    let folder = Folder::new();
    let ended =
        folder.squall(&["burst", "--asgi", "a:b"]).env("PATH", "/nowhere").run().expect_code(1);
    assert!(ended.stderr.contains("no `python3` on the PATH"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--python PATH"), "{}", ended.stderr);
    folder
        .squall(&["burst", "--python", "python3", "http://127.0.0.1:9/"])
        .run()
        .expect_code(255)
        .expect_stderr("--python needs --asgi");
}

#[test]
fn a_signal_ends_it_with_what_was_measured() {
    let folder = Folder::new();
    folder.write("own.py", APP);
    let Some(program) = program(&folder, "own:app /mark -d 60s") else { return };
    let running = program.start();
    let marked = folder.path().join("marked");
    for _ in 0..TRIES {
        if marked.exists() {
            break;
        }
        std::thread::sleep(BETWEEN);
    }
    assert!(marked.exists(), "no request reached the application");
    running.signal(libc::SIGTERM);
    let ended = running.wait().expect_code(105);
    assert!(ended.stdout.starts_with("issued"), "{}", ended.stdout);
}

#[test]
fn an_application_of_a_framework_runs_as_it_is() {
    let folder = Folder::new();
    folder.write(
        "api.py",
        r#"
from fastapi import BackgroundTasks, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()
done = []

class Item(BaseModel):
    name: str

@app.get("/health")
async def health():
    return {"ok": True}

@app.post("/items")
def add(item: Item, tasks: BackgroundTasks):
    tasks.add_task(done.append, item.name)
    return item

@app.get("/stream")
async def stream():
    return StreamingResponse(iter([b"one", b"two"]))

@app.get("/teapot")
async def teapot():
    raise HTTPException(418)

@app.get("/broken")
async def broken():
    raise KeyError("lost")
"#,
    );
    let Some(python) = python() else { return };
    let has = std::process::Command::new(&python).args(["-c", "import fastapi"]).status().unwrap();
    if !has.success() {
        return;
    }
    let run = |words: &str| json(&program(&folder, words).unwrap().run());
    let report = run("api:app /health /stream -n 40 --json");
    assert_eq!(
        (&report["ok"], &report["bytes_received"]),
        (&40.into(), &(20 * 11 + 20 * 6).into())
    );
    let report =
        run("api:app /items --data {\"name\":\"x\"} -H Content-Type:application/json -n 20 --json");
    assert_eq!(report["ok"], 20, "{report}");
    let report = run("api:app /teapot /broken -n 4 -c 1 --json");
    assert_eq!(report["err_by_kind"], serde_json::json!({"status 418": 2, "status 500": 2}));
}
