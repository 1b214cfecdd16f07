//! `squall demo-target`: serves the bundled system under test until Ctrl-C.

use std::fmt::Write as _;
use std::sync::mpsc;
use std::time::Duration;

use demo::cluster::{Cluster, ClusterConfig, ClusterHandle, StoryPlan};
use demo::{Command, CommandError, TargetHandle};
use serde_json::json;

use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::flags::{Flag, Kind, Parsed};
use crate::session::Session;
use crate::signals;

/// `demo-target`'s own flags.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new(
        "listen",
        Kind::Array,
        "address",
        "PORT or HOST:PORT; repeatable (default 8000 and 8080 on 127.0.0.1)",
    ),
    Flag::new(
        "grpc",
        Kind::Text,
        "address",
        "where gRPC is served, or `off` (default 50051; off when --listen is given)",
    ),
    Flag::new(
        "pipeline-delay",
        Kind::Text,
        "delay",
        "how long a sum takes from gRPC to the totalizer (default 0)",
    ),
    Flag::new(
        "delay",
        Kind::Text,
        "delay",
        "how long every answer takes: a duration, `mix` or `off`",
    ),
    Flag::new("stall", Kind::Text, "at:length", "stop answering once, e.g. `3s:1s`"),
    Flag::new("fail", Kind::Float, "share", "share of requests that fail, 0 to 1"),
    Flag::new("fail-status", Kind::Int, "status", "what they answer (default 503)"),
    Flag::new(
        "log-capacity",
        Kind::Int,
        "count",
        "requests remembered for /_log (default 1000000)",
    ),
    Flag::new("transcript", Kind::Bool, "", "keep requests as received for /_transcript"),
    Flag::new(
        "cluster",
        Kind::Text,
        "address",
        "also serve a simulated Kubernetes API that plays a recorded scaling from 2 pods to 10 and back",
    ),
    Flag::new(
        "cluster-speed",
        Kind::Float,
        "factor",
        "how many times faster it is played (default 1: it takes a minute)",
    ),
    Flag::new(
        "cluster-kubeconfig",
        Kind::Text,
        "file",
        "where to write the kubeconfig for it (default squall-cluster.yaml)",
    ),
];

/// How long after the first request the recorded load rises.
pub(super) const CLUSTER_LEAD: Duration = Duration::from_secs(2);
/// The port that the simulated pods' containers listen on.
const POD_PORT: u16 = 8000;

/// Serves until the first signal, then says what was served.
pub(crate) fn run(session: &Session) -> CommandResult {
    if let Some(word) = session.flags.args.first() {
        return Err(Failure::usage(format!("demo-target takes flags only, got {word:?}")));
    }
    let (send, stopped) = mpsc::channel();
    // The receiver lives until the process ends.
    signals::watch(move |signal| send.send(signal).unwrap_or_default())
        .map_err(|error| Failure::usage(format!("can't listen to signals: {error}")))?;
    let target = demo::command(&command(&session.flags)?).map_err(|error| match error {
        CommandError::Flag(text) => Failure::usage(text),
        CommandError::Listen(error) => {
            Failure::usage(error.to_string()).hint("choose other ports with --listen PORT")
        }
    })?;
    session.terminal.out(&greeting(&target));
    let cluster = cluster(&session.flags, &target)?;
    if let Some((cluster, kubeconfig)) = &cluster {
        session.terminal.out(&format!(
            "\nA simulated Kubernetes API is at http://{}; try\n  \
             squall burst --kubeconfig {kubeconfig} --k8s-forward svc/web:80 http://{{web}}/v1/results\n",
            cluster.address()
        ));
    }
    // The sender lives as long as the thread that watches signals, so this only ends with a signal.
    let _ = stopped.recv();
    session.terminal.out(&served(&target));
    target.stop();
    Ok(ExitStatus::Success)
}

/// Starts the simulated cluster, if it is wanted, and writes its kubeconfig.
fn cluster(
    flags: &Parsed,
    target: &TargetHandle,
) -> Result<Option<(ClusterHandle, String)>, Failure> {
    let Some(text) = flags.text("cluster") else { return Ok(None) };
    let listen = demo::address(text).map_err(|error| Failure::usage(error.to_string()))?;
    let speed = flags.float("cluster-speed").unwrap_or(1.0);
    if !(0.1..=1000.0).contains(&speed) {
        let text = format!("invalid --cluster-speed {speed}: it must be from 0.1 to 1000");
        return Err(Failure::usage(text));
    }
    let story = Some(StoryPlan { speed, lead: CLUSTER_LEAD });
    let config = ClusterConfig { listen, story, ..ClusterConfig::on_free_port() };
    let cluster = start_cluster(config, target)?;
    let path = flags.text("cluster-kubeconfig").unwrap_or("squall-cluster.yaml");
    std::fs::write(path, cluster.kubeconfig())
        .map_err(|error| Failure::usage(format!("can't write {path}: {error}")))?;
    Ok(Some((cluster, path.to_owned())))
}

/// Starts a simulated cluster whose services `web` and `api` lead to the target.
///
/// # Errors
/// No port to listen on.
pub(super) fn start_cluster(
    config: ClusterConfig,
    target: &TargetHandle,
) -> Result<ClusterHandle, Failure> {
    let cluster = Cluster::start(config).map_err(|error| Failure::usage(error.to_string()))?;
    for name in ["web", "api"] {
        cluster.put(
            "services",
            json!({
                "metadata": {"name": name, "namespace": "default"},
                "spec": {
                    "type": "ClusterIP",
                    "selector": {"app": "web"},
                    "ports": [
                        {"name": "http", "port": 80, "targetPort": POD_PORT, "protocol": "TCP"},
                        {"name": "direct", "port": POD_PORT, "targetPort": POD_PORT, "protocol": "TCP"},
                    ],
                },
            }),
        );
    }
    cluster.listen_in_pod("default", "*", POD_PORT, target.addrs().first().copied());
    Ok(cluster)
}

fn command(flags: &Parsed) -> Result<Command, Failure> {
    fn number<T: TryFrom<i64>>(flags: &Parsed, name: &str) -> Result<Option<T>, Failure> {
        let Some(value) = flags.int(name) else { return Ok(None) };
        T::try_from(value)
            .map(Some)
            .map_err(|_| Failure::usage(format!("--{name} {value} is out of range")))
    }
    Ok(Command {
        listen: flags.all("listen").map(str::to_owned).collect(),
        grpc: flags.text("grpc").map(str::to_owned),
        pipeline_delay: flags.text("pipeline-delay").map(str::to_owned),
        delay: flags.text("delay").map(str::to_owned),
        stall: flags.text("stall").map(str::to_owned),
        fail: flags.float("fail"),
        fail_status: number(flags, "fail-status")?,
        log_capacity: number(flags, "log-capacity")?,
        transcript: flags.is_on("transcript"),
    })
}

fn greeting(target: &TargetHandle) -> String {
    let mut text = String::from("squall demo target listens on\n");
    for address in target.addrs() {
        let _ = writeln!(text, "  http://{address}");
    }
    if let Some(address) = target.grpc_addr() {
        let _ = writeln!(text, "  grpc://{address}");
    }
    let url = target.url();
    let _ = write!(
        text,
        "\nIt serves\n\
         \x20 /v1/healthcheck, /v1/results     a totalizer whose total grows\n\
         \x20 sum.SumNumbersService/SumNumbers over gRPC, which feeds it, with reflection and health\n\
         \x20 POST /predict, POST /feedback    a model that predicts\n\
         \x20 /metrics                         what it did, in Prometheus format\n\
         \x20 /anything, /status/404, …        helpers for scripts; ?delay=20ms makes any answer take exactly that\n\
         \x20 /_log, /_stats                   what it saw and when: the truth to compare results with\n\n\
         Try\n  squall burst {url}/v1/results --concurrency 10 --duration 10s\n  \
         squall run -e TOTALIZER_URL={url} script.js\n\n\
         Ctrl-C ends it.\n"
    );
    text
}

fn served(target: &TargetHandle) -> String {
    let served = target.served();
    let mut text =
        format!("\n{} requests over {} connections\n", served.completed, served.connections_used);
    for route in &served.routes {
        let _ = writeln!(text, "  {:>8}  {} {}", route.count, route.status, route.route);
    }
    text
}
