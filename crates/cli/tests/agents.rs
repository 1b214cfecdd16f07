//! Two processes make load and one coordinator merges what they measure, over a Unix socket, as if they were one.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use demo::{Target, TargetConfig};
use engine::coordinator::{Coordinator, Uplink, collect};
use metrics::{AggregatorConfig, Registry, Shard, ShardConfig, Sink, Totals, builtin};
use plan::threshold::ThresholdDef;
use rt::net::UnixListener;
use rt::{Core, CoreConfig};

const SCRIPT: &str = r"
import http from 'k6/http';
import { check } from 'k6';
import { Trend } from 'k6/metrics';
import exec from 'k6/execution';
const seen = new Trend('seen_number');
export const options = {
  scenarios: {
    shared: { executor: 'shared-iterations', vus: 4, iterations: 60 },
    arrivals: { executor: 'constant-arrival-rate', rate: 50, duration: '1s', preAllocatedVUs: 10 },
  },
};
export default function () {
  const res = http.get(`${__ENV.URL}/get`);
  check(res, { 'is 200': (r) => r.status === 200 });
  if (exec.scenario.name === 'shared') seen.add(exec.scenario.iterationInTest);
}
";

fn counter(totals: &Totals, name: &str) -> f64 {
    match totals.metrics.iter().find(|m| m.name == name).map(|m| &m.sink) {
        Some(Sink::Counter { sum }) => *sum,
        other => panic!("{name} is {other:?}"),
    }
}

fn agent(dir: &std::path::Path, url: &str, number: &str, segment: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .current_dir(dir)
        .args(["run", "--quiet", "--no-record", "--cores", "1", "--agent", number])
        .args(["--execution-segment", segment, "--execution-segment-sequence", "0,1/2,1"])
        .args(["--coordinator", "coordinator.sock", "-e", &format!("URL={url}"), "script.js"])
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("squall starts")
}

#[test]
fn two_processes_count_as_one() {
    let dir = std::env::temp_dir().join(format!("squall-agents-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory of our own");
    std::fs::write(dir.join("script.js"), SCRIPT).expect("the script is written");
    let target = Target::start(TargetConfig::on_free_port()).expect("the target starts");
    let url = target.url();

    let thresholds = ["count==110", "count>110"];
    let thresholds = thresholds.map(|source| ThresholdDef {
        source: source.to_owned(),
        abort_on_fail: false,
        delay_abort_eval: None,
    });
    let config = AggregatorConfig {
        thresholds: vec![("http_reqs".to_owned(), thresholds.to_vec())],
        ..AggregatorConfig::default()
    };
    let mut coordinator =
        Coordinator::new(config, &Registry::with_builtins()).expect("thresholds are fine");
    let mut core = Core::new(CoreConfig { spin: false }).expect("a core");
    let (collected, agents) = core.block_on(async {
        let listener =
            UnixListener::bind(&dir.join("coordinator.sock")).expect("the socket is free");
        let agents = [agent(&dir, &url, "1", "0:1/2"), agent(&dir, &url, "2", "1/2:1")];
        (collect(listener, 2, Duration::from_secs(60), &mut coordinator).await, agents)
    });
    for mut agent in agents {
        assert!(agent.wait().expect("the agent ends").success());
    }
    assert_eq!((collected.finished, collected.missing), (2, 0), "{collected:?}");

    let elapsed = Duration::from_secs(1);
    let verdict = coordinator.thresholds(elapsed, true);
    assert_eq!(verdict.crossed, ["http_reqs"]);
    let totals = coordinator.totals(elapsed);
    assert_eq!(counter(&totals, "http_reqs"), 110.0);
    assert_eq!(counter(&totals, "iterations"), 110.0);
    assert_eq!(target.served().completed, 110);
    assert_eq!(totals.root_group.checks[0].passes, 110);
    // Each of the 60 shared iterations was run by exactly one of the two: the sum of their numbers says so.
    let Some(Sink::Trend(numbers)) =
        totals.metrics.iter().find(|m| m.name == "seen_number").map(|m| &m.sink)
    else {
        panic!("the script's metric is missing");
    };
    assert_eq!(
        (numbers.count(), numbers.sum(), numbers.max()),
        (60, (0..60).sum::<i32>() as f64, 59.0)
    );
    target.stop();
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn an_agent_that_breaks_off_is_told_of_and_what_it_sent_counts() {
    let dir = std::env::temp_dir().join(format!("squall-broken-agents-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory of our own");
    let path = dir.join("coordinator.sock");
    let registry = std::sync::Arc::new(Registry::with_builtins());
    let mut coordinator =
        Coordinator::new(AggregatorConfig::default(), &registry).expect("no thresholds");
    let mut core = Core::new(CoreConfig { spin: false }).expect("a core");
    let collected = core.block_on(async {
        let listener = UnixListener::bind(&path).expect("the socket is free");
        let mut shard = Shard::new(7, registry.clone(), ShardConfig::STANDARD);
        let tags = shard.tag_set(&[]);
        shard.add(builtin::HTTP_REQS, tags, 3.0, 1);
        let snapshot = shard.flush(2);
        let mut uplink = Uplink::connect(&path).expect("the coordinator listens");
        uplink.send(&snapshot).expect("it takes a snapshot");
        uplink.send(&snapshot).expect("it takes it twice");
        drop(uplink);
        // Somebody else altogether.
        let stranger =
            std::os::unix::net::UnixStream::connect(&path).expect("the coordinator listens");
        std::io::Write::write_all(&mut &stranger, b"GET / HTTP/1.1\r\n\r\n")
            .expect("it listens to anybody");
        collect(listener, 3, Duration::from_millis(300), &mut coordinator).await
    });
    assert_eq!(
        (collected.finished, collected.lost.len(), collected.missing),
        (0, 2, 1),
        "{collected:?}"
    );
    // Sent twice, counted once.
    assert_eq!(counter(&coordinator.totals(Duration::from_secs(1)), "http_reqs"), 3.0);
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}
