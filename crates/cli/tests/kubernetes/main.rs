//! Commands that concern a Kubernetes cluster, against the simulated API server: forwards of a run and in the background.
#![allow(clippy::unwrap_used)] // a panic is how a test fails; clippy knows that of unit tests only

#[path = "../support/child.rs"]
mod child;
#[path = "../cli/program.rs"]
#[allow(dead_code, reason = "shared with the tests of other commands")]
mod program;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use demo::cluster::{Cluster, ClusterConfig, ClusterFault, ClusterHandle};
use demo::{Target, TargetConfig, TargetHandle};
use program::Folder;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster with one service, `web`, whose pod is the demo target; its kubeconfig is in the folder.
fn cluster(folder: &Folder) -> (ClusterHandle, TargetHandle) {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let cluster = Cluster::start(ClusterConfig::on_free_port()).unwrap();
    put_pod(&cluster, "web-1", target.addrs()[0]);
    cluster.put(
        "services",
        json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        }),
    );
    folder.write("kubeconfig", &cluster.kubeconfig());
    (cluster, target)
}

fn put_pod(cluster: &ClusterHandle, name: &str, address: SocketAddr) {
    cluster.put(
        "pods",
        json!({
            "metadata": {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "ports": [{"name": "http", "containerPort": 8000}]}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }),
    );
    cluster.listen_in_pod("default", name, 8000, Some(address));
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn get(port: u16, path: &str) -> String {
    let mut conn = TcpStream::connect(("127.0.0.1", port)).unwrap();
    conn.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(conn, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    conn.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_script_finds_the_forward_in_its_environment_and_in_its_urls() {
    let folder = Folder::new();
    let (_cluster, target) = cluster(&folder);
    folder.write(
        "t.js",
        "import http from 'k6/http';
         import { check } from 'k6';
         export const options = { vus: 2, iterations: 20 };
         export default function () {
           check(http.get(`http://${__ENV.SQUALL_FORWARD_WEB}/v1/healthcheck`), { ok: r => r.status === 200 });
           check(http.get(`${__ENV.BASE}/v1/results`), { ok: r => r.status === 200 });
         }",
    );
    let ended = folder
        .squall(&[
            "run",
            "--k8s-forward",
            "svc/web:80",
            "-n",
            "default",
            "-e",
            "BASE=http://{web}",
            "t.js",
        ])
        .env("KUBECONFIG", "kubeconfig")
        .run()
        .expect_code(0)
        .expect_stdout("forward: svc/web:80 at 127.0.0.1:")
        .expect_stdout("(pod web-1)");
    assert!(ended.stdout.contains("100.00% 40 out of 40"), "{}", ended.stdout);
    assert_eq!(target.served().completed, 40);
}

#[test]
fn a_burst_goes_to_the_forward_by_name_or_by_port() {
    let folder = Folder::new();
    let (_cluster, target) = cluster(&folder);
    folder
        .squall(&[
            "burst",
            "--kubeconfig",
            "kubeconfig",
            "--k8s-forward",
            "svc/web:80",
            "-n",
            "30",
            "http://{web}/v1/results",
        ])
        .run()
        .expect_code(0)
        .expect_stderr("forward: svc/web:80 at 127.0.0.1:");
    let port = free_port();
    let (forward, url) =
        (format!("{port}:pod/web-1:http"), format!("http://127.0.0.1:{port}/v1/results"));
    folder
        .squall(&[
            "burst",
            "--kubeconfig",
            "kubeconfig",
            "--k8s-forward",
            &forward,
            "-n",
            "30",
            &url,
        ])
        .run()
        .expect_code(0);
    assert_eq!(target.served().completed, 60);
}

#[test]
fn a_pod_that_is_replaced_in_a_run_costs_no_more_than_its_open_connections() {
    let folder = Folder::new();
    let (cluster, target) = cluster(&folder);
    let port = free_port();
    let forward = format!("{port}:svc/web:80");
    let url = format!("http://127.0.0.1:{port}/v1/results?delay=20ms");
    let running = folder
        .squall(&[
            "burst",
            "--kubeconfig",
            "kubeconfig",
            "--k8s-forward",
            &forward,
            "-c",
            "4",
            "-n",
            "400",
            "--json",
            &url,
        ])
        .start();
    let seen = |n: u64| child::until(PATIENCE, || (target.served().completed >= n).then_some(()));
    seen(50).unwrap();
    put_pod(&cluster, "web-2", target.addrs()[0]);
    cluster.listen_in_pod("default", "web-1", 8000, None);
    assert!(cluster.delete("pods", "default", "web-1"));
    let ended = running.wait().expect_code(0);
    let figures: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let (ok, err) = (figures["ok"].as_u64().unwrap(), figures["err"].as_u64().unwrap());
    assert!(ok >= 392 && err <= 8, "{figures:#}");
}

#[test]
fn what_can_not_be_forwarded_ends_the_run_before_it_starts() {
    let folder = Folder::new();
    let (cluster, target) = cluster(&folder);
    folder.write("t.js", "export default function () {}");
    let run = |forward: &str| {
        let words = ["run", "--kubeconfig", "kubeconfig", "--k8s-forward", forward, "t.js"];
        folder.squall(&words).run().expect_code(255)
    };
    run("web:80").expect_stderr("is not `[LOCAL:]svc/NAME:PORT`");
    run("svc/web:81").expect_stderr("service web has no port 81; it has 80");
    let taken = target.addrs()[0].port();
    run(&format!("{taken}:svc/web:80")).expect_stderr("can't be had").expect_stderr("ss -ltnp");
    cluster.fail(ClusterFault::Forbidden { verb: "get".into(), resource: "services".into() });
    run("svc/web:80").expect_stderr("kubectl auth can-i get services -n default");
    folder
        .squall(&["run", "--k8s-forward", "svc/web:80", "t.js"])
        .run()
        .expect_code(255)
        .expect_stderr("no Kubernetes cluster is configured")
        .expect_stderr(", and this is no pod")
        .expect_stderr("--kubeconfig FILE");
}

#[test]
fn a_forward_in_the_background_is_started_seen_and_stopped() {
    let folder = Folder::new();
    let (_cluster, _target) = cluster(&folder);
    let k8s = |words: &[&str]| {
        let all: Vec<&str> = ["k8s", "forward"].iter().chain(words).copied().collect();
        folder.squall(&all).env("KUBECONFIG", "kubeconfig").run()
    };
    let port = free_port();
    let forward = format!("{port}:svc/web:80");
    k8s(&["status"]).expect_code(1).expect_stdout("no forward in the background");
    k8s(&["start", &forward])
        .expect_code(0)
        .expect_stdout(&format!("127.0.0.1:{port} -> svc/web:80"));
    assert!(get(port, "/v1/healthcheck").starts_with("HTTP/1.1 200 OK"));
    k8s(&["status"]).expect_code(0).expect_stdout("in namespace default, process ");
    k8s(&["start", &forward])
        .expect_code(255)
        .expect_stderr(&format!("svc/web:80 is forwarded to 127.0.0.1:{port} already"));
    k8s(&["stop", "1"]).expect_code(0).expect_stdout("no forward in the background");
    k8s(&["stop", &port.to_string()])
        .expect_code(0)
        .expect_stdout(&format!("stopped 127.0.0.1:{port}"));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    k8s(&["status"]).expect_code(1);
    let log = folder.read("logs/log_kpf.txt");
    assert!(log.contains("forwarding svc/web:80 at 127.0.0.1:"), "{log}");
    assert!(log.contains("closed svc/web:80: 1 connections, 0 failed"), "{log}");
}

#[test]
fn a_forward_that_can_not_start_in_the_background_says_why_and_leaves_nothing() {
    let folder = Folder::new();
    let (_cluster, _target) = cluster(&folder);
    let words = [
        "k8s",
        "forward",
        "start",
        "--kubeconfig",
        "kubeconfig",
        "--log",
        "kpf.log",
        "svc/nope:80",
    ];
    folder
        .squall(&words)
        .run()
        .expect_code(255)
        .expect_stderr("the forward did not start")
        .expect_stderr("can't get services");
    assert!(folder.read("kpf.log").contains("can't get services"));
    folder.squall(&["k8s", "forward", "status"]).run().expect_code(1);
}

#[test]
fn one_that_was_killed_is_no_forward_any_more() {
    let folder = Folder::new();
    let (_cluster, _target) = cluster(&folder);
    let words = ["k8s", "forward", "start", "--kubeconfig", "kubeconfig", "svc/web:80"];
    let started = folder.squall(&words).run().expect_code(0).stdout;
    let pid = started.split("process ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let killed = Command::new("kill").args(["-KILL", &pid]).status().unwrap();
    assert!(killed.success());
    let is_gone = || {
        let ended = folder.squall(&["k8s", "forward", "status"]).run();
        (ended.code == Some(1)).then_some(())
    };
    child::until(PATIENCE, is_gone).unwrap();
    folder.squall(&["k8s", "forward", "stop"]).run().expect_code(0);
}

#[test]
fn words_that_mean_nothing_are_told() {
    let folder = Folder::new();
    for (words, text) in [
        (&["k8s"][..], "`k8s` needs to know what to do"),
        (&["k8s", "apply"], "`k8s` knows `forward` and `exec`, not"),
        (&["k8s", "forward"], "needs one of run, start, stop, status"),
        (&["k8s", "forward", "begin"], "begin"),
        (&["k8s", "forward", "start"], "nothing to forward"),
    ] {
        folder.squall(words).run().expect_code(255).expect_stderr(text);
    }
}

#[test]
fn the_makefiles_verbs_are_those_of_the_seed() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let dry = |words: &[&str]| {
        let output = Command::new("make")
            .args(["--dry-run", "--no-print-directory", "CARGO=cargo"])
            .args(words)
            .current_dir(root)
            .env_remove("HOST_PORT")
            .output();
        // Where there is no make nobody uses its file.
        output.ok().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    for (words, end) in [
        (&["k8s-port-forward-bg", "HOST_PORT=8011"][..], "k8s forward start  8011:svc/api:80\n"),
        (
            &["k8s-port-forward-bg", "NAMESPACE=calories"],
            "k8s forward start -n calories 8010:svc/api:80\n",
        ),
        (&["k8s-port-forward-stop"], "k8s forward stop \n"),
        (&["k8s-port-forward-stop", "HOST_PORT=8011"], "k8s forward stop 8011\n"),
        (
            &["stress-k8s", "HOST_PORT=8011"],
            "burst http://127.0.0.1:8011 --burst 200/s:5s --every 10s --duration 30s\n",
        ),
    ] {
        if let Some(text) = dry(words) {
            assert!(text.ends_with(end), "{words:?}: {text}");
        }
    }
}

#[test]
fn the_demo_target_brings_a_cluster_along() {
    let folder = Folder::new();
    let mut target = folder
        .squall(&[
            "demo-target",
            "--listen",
            "0",
            "--cluster",
            "0",
            "--cluster-kubeconfig",
            "demo.yaml",
            "--cluster-speed",
            "20",
        ])
        .start();
    target.wait_for("A simulated Kubernetes API is at");
    folder
        .squall(&[
            "burst",
            "--kubeconfig",
            "demo.yaml",
            "--k8s-forward",
            "svc/api:80",
            "-n",
            "20",
            "http://{api}/v1/results",
        ])
        .run()
        .expect_code(0)
        .expect_stderr("pods web-b77786d58-");
    target.signal(libc::SIGTERM);
    target.wait().expect_code(0);
}

#[test]
fn a_program_in_a_pod_has_this_terminals_streams_and_gives_its_exit_code() {
    let folder = Folder::new();
    let config = ClusterConfig { executes: true, ..ClusterConfig::on_free_port() };
    let cluster = Cluster::start(config).unwrap();
    put_pod(&cluster, "db-0", "127.0.0.1:9".parse().unwrap());
    folder.write("kubeconfig", &cluster.kubeconfig());
    let exec = |words: &[&str]| {
        let all: Vec<&str> =
            ["k8s", "exec", "-n", "default"].iter().chain(words).copied().collect();
        folder.squall(&all).env("KUBECONFIG", "kubeconfig")
    };
    let ended = exec(&["db-0", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]).run();
    let ended = ended.expect_code(7).expect_stderr("err");
    assert_eq!(ended.stdout, "out\n");
    let ended = exec(&["-i", "pod/db-0", "--", "tr", "a-z", "A-Z"]).input("select 1;\n").run();
    assert_eq!(ended.expect_code(0).stdout, "SELECT 1;\n");
    exec(&["db-0", "--", "no-such-program"]).run().expect_code(255).expect_stderr("not found");
    exec(&["db-1", "--", "true"]).run().expect_code(255).expect_stderr("db-1");
    exec(&["db-0"]).run().expect_code(255).expect_stderr("nothing to execute");
}

/// A plan whose script asks for far more of the processor than any machine has, beside a probe of the cluster.
const STARVED: &str = "
suite: starved
env: { BASE_URL: URL }
probes:
  interval: 250ms
  kubernetes:
    - { name: cluster, kubeconfig: kubeconfig, namespace: default, selector: app=web }
scenarios:
  - { name: only, k6: burn.js, criteria: [failures == 0, oom_kills == 0] }
";

const BURN: &str = "
import http from 'k6/http';
export const options = { scenarios: { s: {
  executor: 'constant-arrival-rate', rate: 4000, duration: '4s', preAllocatedVUs: 50, gracefulStop: '1s',
} } };
export default function () {
  let sum = 0;
  for (let i = 0; i < 1e6; i++) sum += i;
  http.get(`${__ENV.BASE_URL}/v1/healthcheck`);
}
";

#[test]
fn a_starved_generator_is_inconclusive_unless_a_pod_was_killed_for_its_memory() {
    for (is_killed, code, verdict) in [(false, 111, "INCONCLUSIVE"), (true, 99, "FAIL")] {
        let folder = Folder::new();
        let (cluster, target) = cluster(&folder);
        let url = format!("http://{}", target.addrs()[0]);
        folder.write("plan.yaml", &STARVED.replace("URL }", &format!("\"{url}\" }}")));
        folder.write("burn.js", BURN);
        let running = folder.squall(&["suite", "run", "plan.yaml", "--out-dir", "out"]).start();
        let is_watched = || (cluster.watches() > 0 && target.served().completed > 20).then_some(());
        child::until(PATIENCE, is_watched).unwrap();
        if is_killed {
            let mut pod = cluster.get("pods", "default", "web-1").unwrap();
            pod["status"]["containerStatuses"] = json!([{
                "name": "web", "restartCount": 1, "ready": true, "state": {"running": {}},
                "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
            }]);
            cluster.put("pods", pod);
        }
        let ended = running.wait().expect_code(code);
        ended.expect_stdout(&format!("\nverdict: {verdict}\n"));
    }
}
