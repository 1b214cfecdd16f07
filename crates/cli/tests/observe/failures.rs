//! Sources that fail: each is told of once, tried again, and changes nothing about the load.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use demo::{Target, TargetConfig};

use crate::child::pause;
use crate::databases::{PASSWORD, Postgres, Redis};
use crate::kept::Kept;
use crate::program::Folder;
use crate::servers::are_left_out;

const SCRIPT: &str = "
import http from 'k6/http';
export const options = { scenarios: { a: {
  executor: 'constant-arrival-rate', rate: 50, timeUnit: '1s', duration: __ENV.LENGTH, preAllocatedVUs: 5 } } };
export default function () { http.get(`${__ENV.URL}/v1/results`); }
";

/// How a server treats who connects.
#[derive(Clone, Copy)]
enum Manner {
    /// Never answers.
    Silent,
    /// Answers with these bytes, whatever is asked.
    Says(&'static [u8]),
    /// Closes at once.
    Closes,
}

fn server(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    rt::thread::start("hostile", move || {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            match manner {
                Manner::Silent => kept.push(stream),
                Manner::Closes => {}
                Manner::Says(bytes) => {
                    let mut chunk = [0; 1024];
                    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                    let _ = stream.read(&mut chunk);
                    let _ = stream.write_all(bytes);
                    kept.push(stream);
                }
            }
        }
    })
    .unwrap();
    address
}

#[test]
fn sources_that_fail_are_told_once_and_the_load_goes_on() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let (silent, closes) = (server(Manner::Silent), server(Manner::Closes));
    let html = server(Manner::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"));
    let noise = server(Manner::Says(&[
        0xff, 0, b'*', b'9', b'9', b'9', b'9', b'9', b'9', b'9', b'9', b'\r', b'\n',
    ]));
    let url = format!("URL={}", target.url());
    let observe = [
        format!("prometheus=http://{html}"),
        format!("prometheus=http://{silent}"),
        format!("postgres=postgresql://u:{PASSWORD}@{noise}/d"),
        format!("postgres=postgresql://u:{PASSWORD}@{silent}/d"),
        format!("redis=redis://:{PASSWORD}@{noise}"),
        format!("redis=redis://:{PASSWORD}@{closes}"),
        "docker=api".to_owned(),
        "logs=not-there.log:ERROR".to_owned(),
    ];
    let mut words = vec!["run", "-q", "--record", "kept", "-e", &url, "-e", "LENGTH=8s"];
    for value in &observe {
        words.extend(["--observe", value]);
    }
    words.push("t.js");
    let ended =
        folder.squall(&words).env("DOCKER_HOST", "unix:///nonexistent.sock").run().expect_code(0);
    let stderr = &ended.stderr;
    for probe in [
        "prometheus",
        "prometheus-2",
        "postgres",
        "postgres-2",
        "redis",
        "redis-2",
        "docker",
        "not-there",
    ] {
        let kept = Kept::read(&folder.path().join("kept"));
        let failed = kept.events("probe-failed", probe);
        assert!(!failed.is_empty(), "{probe}: {:?}", kept.run.events);
        let title = &failed[0].text[..failed[0].text.find("can't be watched").unwrap()];
        let told = stderr.matches(&format!("{title}can't be watched")).count();
        assert_eq!(told, 1, "{title}: {stderr}");
        assert_eq!(kept.one("observer_probe_up", ("probe", probe)).points[0].1, 0.0);
    }
    assert!(!stderr.contains(PASSWORD), "{stderr}");
    let kept = Kept::read(&folder.path().join("kept"));
    assert!(!kept.run.events.iter().any(|event| event.text.contains(PASSWORD)));
    let totals = kept.run.rebuild().unwrap();
    let dropped = totals.metrics.iter().find(|metric| metric.name == "dropped_iterations").unwrap();
    assert!(matches!(dropped.sink, metrics::Sink::Counter { sum: 0.0 }), "{:?}", dropped.sink);
}

#[test]
fn a_database_that_is_killed_and_comes_back_is_watched_again() {
    if are_left_out() {
        return;
    }
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let mut postgres = Postgres::start();
    let redis = Redis::start();
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let url = format!("URL={}", target.url());
    let observe = [
        format!("postgres={}", postgres.url()),
        // The wrong password, for the whole run.
        format!("redis=redis://:wrong-one@127.0.0.1:{}", redis.port),
    ];
    let words = [
        "run",
        "--record",
        "kept",
        "-e",
        &url,
        "-e",
        "LENGTH=14s",
        "--observe",
        &observe[0],
        "--observe",
        &observe[1],
        "t.js",
    ];
    let mut running = folder.squall(&words).start();
    running.wait_for("running (03.");
    postgres.kill();
    running.wait_for("running (06.");
    postgres.begin();
    let ended = running.wait().expect_code(0);
    let kept = Kept::read(&folder.path().join("kept"));
    let recovered = kept.events("probe-recovered", "postgres");
    assert_eq!(recovered.len(), 1, "{:?}\n{}", kept.run.events, ended.stderr);
    let blind: f64 = recovered[0].fields["blind_s"].parse().unwrap();
    assert!(blind > 1.0 && blind < 11.0, "{blind}");
    assert_eq!(kept.events("server-restarted", "postgres").len(), 1, "{:?}", kept.run.events);
    let login = kept.events("probe-failed", "redis");
    assert_eq!(login.len(), 1);
    assert!(login[0].text.contains("the login is refused: WRONGPASS"), "{}", login[0].text);
    assert!(kept.values("redis_memory_bytes").is_empty());
    let up = kept.one("observer_probe_up", ("probe", "postgres"));
    let states: Vec<f64> = up.points.iter().map(|(_, value)| *value).collect();
    assert!(
        states[0] == 1.0 && states.contains(&0.0) && states[states.len() - 1] == 1.0,
        "{states:?}"
    );
    assert!(!ended.stderr.contains("wrong-one"), "{}", ended.stderr);
}

#[test]
fn what_cannot_be_made_into_a_probe_is_a_mistake_of_the_command_line() {
    let folder = Folder::new();
    folder.write("t.js", "export default function () {}");
    folder.write("bad.json", r#"{"probes":{"postgress":[]}}"#);
    for (value, part) in [
        ("mysql=x", "unknown kind `mysql`"),
        ("nonsense", "is neither KIND=SPEC"),
        ("postgres=u:p@h", "is no URL"),
        ("logs=a.log:b(", "pattern `b`"),
        ("missing.json", "missing.json:1:1: can't be read: no such file"),
        ("bad.json", "bad.json:1:12: unknown key `postgress`: did you mean `postgres`?"),
        ("prometheus=http://h,preset=nope", "unknown preset `nope`"),
    ] {
        folder
            .squall(&["run", "--observe", value, "t.js"])
            .run()
            .expect_code(255)
            .expect_stderr(part);
        let words = ["burst", "--observe", value, "http://127.0.0.1:9/"];
        folder.squall(&words).run().expect_code(255).expect_stderr(part);
    }
    folder.write("env.json", r#"{"redis":[{"url":"redis://h","password_env":"NOT_SET_HERE"}]}"#);
    let ended = folder.squall(&["run", "--observe", "env.json", "t.js"]).run().expect_code(255);
    ended.expect_stderr("probe `redis`: the variable NOT_SET_HERE is not set");
}

#[test]
fn without_anybody_to_keep_it_nothing_is_watched() {
    let folder = Folder::new();
    folder.write("t.js", "export default function () {}");
    let words = ["run", "--no-record", "--observe", "redis=redis://127.0.0.1:9", "t.js"];
    folder.squall(&words).run().expect_code(0).expect_stderr("goes nowhere");
    pause(Duration::from_millis(1));
}
