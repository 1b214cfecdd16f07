//! `k6/net/grpc` against a server of its own over real sockets: what the server sees, what the script sees, what is
//! measured. What k6 does with the same scripts is in `conformance/`.
#![allow(clippy::unwrap_used)]

#[path = "support/grpc_server.rs"]
mod grpc_server;
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::script::{Interrupt, Outcome, Script, Vu, VuContext};
use grpc_server::GrpcServer;
use k6::TestConfig;
use plan::options::Options;
use rt::{Core, CoreConfig};
use support::{Bench, Case, activation, case, iteration};

const ECHO: &str = include_str!("../../../conformance/scripts/proto/echo.proto");
const COLOR: &str = include_str!("../../../conformance/scripts/proto/sub/color.proto");

/// Tags of a sample.
type Tags = BTreeMap<String, String>;

struct Ran {
    server: GrpcServer,
    case: Case,
    outcomes: Vec<Outcome>,
    /// Metric, value, tags.
    samples: Vec<(String, f64, Tags)>,
    /// Tasks of the core that were left after the VUs had ended.
    tasks_left: usize,
}

impl Ran {
    fn of(&self, metric: &str) -> Vec<(f64, Tags)> {
        let own = self.samples.iter().filter(|(name, ..)| name == metric);
        own.map(|(_, value, tags)| (*value, tags.clone())).collect()
    }

    fn printed(&self) -> Vec<String> {
        self.case.log.printed()
    }
}

fn server() -> GrpcServer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/scripts/proto");
    grpc_server::start(&folder, "echo.proto")
}

fn run(script: &str, vus: u64, iterations: u64) -> Ran {
    run_until(script, vus, iterations, None)
}

/// Runs iterations of each VU, in turn; `stop_after` interrupts all of them.
fn run_until(script: &str, vus: u64, iterations: u64, stop_after: Option<Duration>) -> Ran {
    let server = server();
    let head = "import grpc from 'k6/net/grpc';\nconst client = new grpc.Client();\n\
                client.load(['protos'], 'echo.proto');\n";
    let source = format!("{head}const T = '{}';\n{script}", server.addr);
    let case =
        case(&source).file("/protos/echo.proto", ECHO).file("/protos/sub/color.proto", COLOR);
    let loaded = case.load().unwrap();
    let json = loaded.options_json.clone().unwrap_or_else(|| "{}".to_owned());
    let options = Arc::new(Options::from_script_json(&json).unwrap().0);
    let test = loaded.into_test(TestConfig { options, ..TestConfig::default() });
    let bench = Bench::new(&case.registry);
    bench.shard.borrow_mut().set_raw_tap(true);
    let shard = bench.shard.clone();
    let mut core = Core::new(CoreConfig { spin: false }).unwrap();
    let outcomes = Rc::new(RefCell::new(Vec::new()));
    let kept = outcomes.clone();
    core.block_on(async move {
        let interrupt = Rc::new(Interrupt::default());
        let mut all = Vec::new();
        for id in 1..=vus {
            let context = VuContext { interrupt: interrupt.clone(), ..bench.context(id) };
            let mut vu = test.new_vu(context).await.unwrap();
            vu.activate(&activation("default"));
            all.push(vu);
        }
        if let Some(after) = stop_after {
            drop(rt::spawn(async move {
                rt::sleep(after).await;
                interrupt.raise();
            }));
        }
        for i in 0..iterations {
            for vu in &mut all {
                let outcome = vu.iterate(iteration(i)).await;
                kept.borrow_mut().push(outcome);
            }
        }
    });
    // Connections say goodbye in tasks of their own.
    core.block_on(async {
        for _ in 0..200 {
            rt::sleep(Duration::from_millis(5)).await;
        }
    });
    let tasks_left = core.tasks();
    let raw = shard.borrow_mut().take_raw();
    let shard = shard.borrow();
    let samples = raw.iter().map(|sample| {
        let (metric, tags) = shard.series_info(sample.series);
        let tags = shard.tags(tags).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        (shard.registry().info(metric).name.to_string(), sample.value, tags)
    });
    let samples = samples.collect();
    let outcomes = outcomes.borrow().clone();
    Ran { server, case, outcomes, samples, tasks_left }
}

#[test]
fn a_call_is_answered_and_measured() {
    let ran = run(
        "export default function () {
            client.connect(T, { plaintext: true });
            const r = client.invoke('squall.test.Echo/Small', { number: 7, text: 'é' },
                { tags: { mine: 'yes' }, metadata: { 'x-echo-a': 'b' } });
            console.log(r.status === grpc.StatusOK, JSON.stringify(r.message), r.headers['x-echo-a'][0], r.error);
        }",
        1,
        2,
    );
    assert_eq!(ran.printed(), vec!["true {\"number\":7,\"text\":\"é\"} b null"; 2]);
    let durations = ran.of("grpc_req_duration");
    assert_eq!(durations.len(), 2);
    let (value, tags) = &durations[0];
    assert!(*value > 0.0 && *value < 5_000.0, "{value}");
    for (tag, expect) in [
        ("service", "squall.test.Echo"),
        ("method", "Small"),
        ("status", "0"),
        ("name", "/squall.test.Echo/Small"),
        ("mine", "yes"),
        ("team", "red"),
        ("scenario", "default"),
        ("group", ""),
    ] {
        assert_eq!(tags.get(tag).map(String::as_str), Some(expect), "{tag}: {tags:?}");
    }
    assert_eq!(tags["url"], format!("{}/squall.test.Echo/Small", ran.server.addr));
    let sent: f64 = ran.of("data_sent").iter().map(|(value, _)| value).sum();
    let received: f64 = ran.of("data_received").iter().map(|(value, _)| value).sum();
    assert!(sent > 100.0 && received > 50.0, "{sent} {received}");
}

#[test]
fn connecting_and_closing_each_time_leaves_nothing_open() {
    let ran = run(
        "export default function () {
            client.connect(T, { plaintext: true });
            const r = client.invoke('squall.test.Echo/Small', { number: __ITER });
            if (r.message.number !== __ITER) throw new Error('wrong');
            if (__ITER % 2) client.close();
        }",
        2,
        50,
    );
    assert!(ran.outcomes.iter().all(|o| *o == Outcome::Complete { threw: false }));
    let seen = ran.server.seen.lock().unwrap();
    assert_eq!((seen.accepted, seen.closed), (100, 100));
    assert_eq!(ran.tasks_left, 0);
}

#[test]
fn an_interrupted_call_ends_at_once_and_leaves_nothing() {
    for body in [
        "client.invoke('squall.test.Echo/Small', {}, { metadata: { 'x-hang': '1' } });",
        "client.asyncInvoke('squall.test.Echo/Small', {}, { metadata: { 'x-hang': '1' } });",
        "const s = new grpc.Stream(client, 'squall.test.Echo/Chat', { metadata: { 'x-hang': '1' } });
         s.on('data', () => s); s.on('end', () => s); s.write({ number: 1 });",
        "client.connect('127.0.0.1:1', {});",
    ] {
        let script = format!(
            "export default function () {{ client.connect(T, {{ plaintext: true }}); {body} }}"
        );
        let ran = run_until(&script, 1, 1, Some(Duration::from_millis(150)));
        let refused = body.contains(":1'");
        let expect =
            if refused { Outcome::Complete { threw: true } } else { Outcome::Interrupted };
        assert_eq!(ran.outcomes, vec![expect], "{body}");
        assert_eq!(ran.tasks_left, 0, "{body}");
    }
}

#[test]
fn streams_bring_messages_in_order_and_count_them() {
    let ran = run(
        "export default function () {
            client.connect(T, { plaintext: true });
            const s = new grpc.Stream(client, 'squall.test.Echo/Chat', { metadata: { 'x-count': '2' } });
            const got = [];
            s.on('data', (m) => got.push(m.number));
            s.on('error', (e) => console.log('error', JSON.stringify(e)));
            s.on('end', () => { console.log(got.join()); client.close(); });
            for (let i = 0; i < 5; i++) s.write({ number: i });
            s.end();
        }",
        1,
        1,
    );
    assert_eq!(ran.printed(), ["0,0,1,1,2,2,3,3,4,4"]);
    let count = |metric: &str| ran.of(metric).iter().map(|(value, _)| value).sum::<f64>();
    assert_eq!(count("grpc_streams"), 1.0);
    assert_eq!(count("grpc_streams_msgs_sent"), 5.0);
    assert_eq!(count("grpc_streams_msgs_received"), 10.0);
    assert_eq!(ran.of("grpc_req_duration").len(), 1);
    assert_eq!(ran.tasks_left, 0);
}

#[test]
fn a_large_stream_flows_with_bounded_buffers() {
    let ran = run(
        "export default function () {
            client.connect(T, { plaintext: true });
            const s = new grpc.Stream(client, 'squall.test.Echo/Chat', {});
            let bytes = 0;
            s.on('data', (m) => { bytes += m.text.length; });
            s.on('error', (e) => console.log('error', JSON.stringify(e)));
            s.on('end', () => { console.log(bytes); client.close(); });
            const text = 'x'.repeat(100000);
            for (let i = 0; i < 100; i++) s.write({ text });
            s.end();
        }",
        1,
        1,
    );
    assert_eq!(ran.printed(), ["10000000"]);
}

#[test]
fn a_message_over_the_limit_is_refused_without_its_bytes() {
    let ran = run(
        "export default function () {
            client.connect(T, { plaintext: true });
            const r = client.invoke('squall.test.Echo/Small', {}, { metadata: { 'x-size': '100000000' } });
            console.log(Number(r.status), r.error.message);
            const after = client.invoke('squall.test.Echo/Small', { number: 1 });
            console.log(Number(after.status), after.message.number);
        }",
        1,
        1,
    );
    assert_eq!(
        ran.printed(),
        ["8 grpc: received message larger than max (100000006 vs. 4194304)", "0 1"]
    );
}

#[test]
fn vus_may_share_a_connection() {
    let ran = run(
        "export default function () {
            client.connect(T, { plaintext: true, shared: true });
            const r = client.invoke('squall.test.Echo/Small', { number: __VU });
            console.log(r.message.number);
        }",
        3,
        2,
    );
    assert_eq!(ran.printed(), ["1", "2", "3", "1", "2", "3"]);
    assert_eq!(ran.server.seen.lock().unwrap().accepted, 1);
    let sent: f64 = ran.of("data_sent").iter().map(|(value, _)| value).sum();
    assert!(sent > 300.0, "{sent}");
}

#[test]
fn a_lost_connection_is_made_again() {
    let ran = run(
        "export default function () {
            client.connect(T, { plaintext: true });
            client.invoke('squall.test.Echo/Small', {});
            const r = client.invoke('squall.test.Echo/Small', {}, { metadata: { 'x-drop': '1' } });
            console.log(Number(r.status), r.error.message.startsWith('error reading from server'));
            const again = client.invoke('squall.test.Echo/Small', { number: 3 });
            console.log(Number(again.status), again.message.number);
        }",
        1,
        1,
    );
    assert_eq!(ran.printed(), ["14 true", "0 3"]);
}

#[test]
fn http_debug_tells_of_calls_and_streams() {
    let script = |level: &str| {
        format!(
            "export const options = {{ httpDebug: '{level}' }};
             export default function () {{
               client.connect(T, {{ plaintext: true }});
               client.invoke('squall.test.Echo/Small', {{ text: 'one' }}, {{ metadata: {{ 'x-a': 'b' }} }});
               const stream = new grpc.Stream(client, 'squall.test.Echo/Chat');
               stream.write({{ text: 'two' }});
               stream.end();
             }}"
        )
    };
    let told = |level: &str| {
        let ran = run(&script(level), 1, 1);
        let address = ran.server.addr.to_string();
        let lines = ran.printed();
        lines.iter().map(|line| line.replace(&address, "ADDRESS")).collect::<Vec<_>>()
    };
    let begin = |method: &str, more: &str| {
        format!(
            "Out Header:\nFull Method: /squall.test.Echo/{method}\nRemote Address: ADDRESS\n{more}user-agent: grpc-go/1.83.0\n\n"
        )
    };
    let head = "In Header:\ncontent-type: application/grpc\n\n".to_owned();
    let payload = |way: &str, name: &str| {
        format!("{way} Payload:\nWire Length: 10\n{{\"number\":0,\"text\":\"{name}\"}}\n\n")
    };
    let small = begin("Small", "x-a: b\n");
    let chat = begin("Chat", "");
    assert_eq!(told("headers"), [small.clone(), head.clone(), chat.clone(), head.clone()]);
    assert_eq!(
        told("full"),
        [
            small,
            payload("Out", "one"),
            head.clone(),
            payload("In", "one"),
            chat,
            payload("Out", "two"),
            head,
            payload("In", "two"),
        ]
    );
}
