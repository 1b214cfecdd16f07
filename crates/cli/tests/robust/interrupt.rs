//! Ctrl-C, whatever the VUs are waiting for.

use std::time::Duration;

use demo::{Target, TargetConfig};

use super::servers::{BlackHole, MuteResolver, Silent};
use super::squall::{Ended, Folder, Running, pause, shared};

/// From the signal to the end, at most. Waits are interrupted at once; the rest is a debug build on a busy machine.
const PROMPT: Duration = Duration::from_secs(8);

/// A script whose every VU waits for ever in `body`, saying so first.
fn waiting(folder: &Folder, body: &str) -> String {
    folder.script(&format!(
        "import http from 'k6/http';
         import ws from 'k6/ws';
         import {{ WebSocket }} from 'k6/websockets';
         import {{ sleep, group }} from 'k6';
         const echo = `${{(__ENV.URL || '').replace('http', 'ws')}}/ws/echo`;
         export const options = {{ vus: 3, duration: '10m', insecureSkipTLSVerify: true, dns: {{ ttl: '0s' }} }};
         const long = {{ timeout: '10m' }};
         export default async function () {{ console.log('waiting'); {body}; console.log('NEVER'); }}"
    ))
}

/// Sends a Ctrl-C and checks that everything ends in order.
#[track_caller]
fn interrupt(mut running: Running) -> Ended {
    // What follows `waiting` in the script has begun by then; should it not have, the test is only easier.
    pause(Duration::from_millis(150));
    running.signal(libc::SIGINT);
    let ended = running.wait_within(PROMPT).expect(105);
    assert!(
        ended.stdout.contains("TOTAL RESULTS"),
        "no summary:\n{}\n{}",
        ended.stdout,
        ended.stderr
    );
    assert!(!ended.stderr.contains("NEVER"), "{}", ended.stderr);
    ended
}

#[track_caller]
fn interrupted_in(body: &str, url: &str) -> Ended {
    let folder = Folder::new();
    let mut running = folder.run(&waiting(&folder, body), url, &["-q"]);
    running.wait_for_log("waiting");
    interrupt(running)
}

#[test]
fn ctrl_c_ends_a_run_in_the_middle_of_any_wait_of_the_script() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let bodies = [
        ("sleep", "sleep(600)"),
        ("sleep in a group", "group('g', () => sleep(600))"),
        ("sleep caught", "for (;;) { try { sleep(600) } catch (e) { console.log('NEVER'); } }"),
        (
            "a promise nobody settles, beside a timer",
            "setTimeout(() => {}, 600000); await new Promise(() => {})",
        ),
        ("an awaited timer", "await new Promise((done) => setTimeout(done, 600000))"),
        (
            "a promise of a request",
            "await http.asyncRequest('GET', `${__ENV.URL}/v1/results?close=never`, null, long)",
        ),
        ("an answer that never begins", "http.get(`${__ENV.URL}/v1/results?close=never`, long)"),
        ("an answer that is late", "http.get(`${__ENV.URL}/v1/results?delay=600s`, long)"),
        ("a body that trickles", "http.get(`${__ENV.URL}/v1/results?size=1000000&rate=100`, long)"),
        (
            "a batch",
            "http.batch(Array.from({ length: 30 }, () => ['GET', `${__ENV.URL}/v1/results?delay=600s`, null, long]))",
        ),
        ("an endless loop", "for (;;) {}"),
        (
            "an endless loop that catches everything",
            "for (;;) { try { for (;;) {} } catch (e) {} finally { continue } }",
        ),
        (
            "endless promise jobs",
            "const again = () => Promise.resolve().then(again); await again()",
        ),
    ];
    for (what, body) in bodies {
        println!("{what}");
        interrupted_in(body, &target.url());
    }
}

#[test]
fn ctrl_c_ends_a_run_in_the_middle_of_any_wait_of_a_websocket() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let bodies = [
        ("messages", "ws.connect(echo, () => {})"),
        ("a socket's timer", "ws.connect(echo, (s) => s.setInterval(() => {}, 5))"),
        ("a handler", "ws.connect(echo, (s) => s.on('open', () => sleep(600)))"),
        ("the handshake", "ws.connect(echo.replace('ws/echo', 'get?close=never'), () => {})"),
        ("messages of the event loop", "new WebSocket(echo); await new Promise(() => {})"),
        (
            "an endless exchange",
            "const w = new WebSocket(echo); w.onopen = w.onmessage = () => w.send('x');
             await new Promise(() => {})",
        ),
        (
            "the handshake of the event loop",
            "new WebSocket(echo.replace('ws/echo', 'get?close=never')); await new Promise(() => {})",
        ),
    ];
    for (what, body) in bodies {
        println!("{what}");
        interrupted_in(body, &target.url());
    }
    let is_left = || target.served().connections_open > 0;
    (0..100).take_while(|_| is_left()).for_each(|_| pause(Duration::from_millis(50)));
    assert!(!is_left(), "connections went with their VUs: {:?}", target.served());
    // The target does not notice the end of these: it thinks for ten minutes.
    interrupted_in(
        "ws.connect(`${echo}?wait=600s`, (s) => s.on('open', () => {
           s.send('a'); sleep(0.05); s.send('x'.repeat(16 << 20)); console.log('NEVER'); }))",
        &target.url(),
    );
    interrupted_in(
        "const w = new WebSocket(`${echo}?wait=600s`);
         w.onopen = () => { w.send('a'); setTimeout(() => w.send('x'.repeat(16 << 20)), 50); };
         await new Promise(() => {})",
        &target.url(),
    );
}

#[test]
fn ctrl_c_ends_a_run_in_the_middle_of_connecting_shaking_hands_and_sending() {
    let _machine = shared();
    let hole = BlackHole::open();
    interrupted_in("http.get(__ENV.URL, long)", &format!("http://{}", hole.addr));
    let mute = Silent::start(true);
    interrupted_in("http.get(__ENV.URL, long)", &format!("https://{}", mute.addr));
    mute.wait_for_connection();
    let deaf = Silent::start(false);
    interrupted_in(
        "http.post(__ENV.URL, 'x'.repeat(64 << 20), long)",
        &format!("http://{}", deaf.addr),
    );
    deaf.wait_for_connection();
}

#[test]
fn ctrl_c_ends_a_run_in_the_middle_of_resolving_a_name() {
    let _machine = shared();
    let folder = Folder::new();
    let resolver = match MuteResolver::open(&folder) {
        Ok(resolver) => resolver,
        Err(why) => return println!("skipped: a name server that never answers needs root: {why}"),
    };
    let script = waiting(&folder, "http.get('http://nobody.knows.example/', long)");
    let words = ["run", "--no-record", "-q", script.as_str()];
    let mut running = folder.start(&mut resolver.command(env!("CARGO_BIN_EXE_squall"), &words));
    running.wait_for_log("waiting");
    resolver.wait_for_query();
    interrupt(running);
}

#[test]
fn ctrl_c_in_setup_skips_the_iterations_and_still_tears_down() {
    let _machine = shared();
    let folder = Folder::new();
    let script = folder.script(
        "import { sleep } from 'k6';
         export const options = { vus: 2, duration: '1s' };
         export function setup() { console.log('waiting'); sleep(600); console.log('NEVER'); }
         export default function () { console.log('NEVER'); }
         export function teardown() { console.log('torn down'); }",
    );
    let mut running = folder.run(&script, "", &["-q"]);
    running.wait_for_log("waiting");
    interrupt(running);
}

#[test]
fn ctrl_c_lets_teardown_run_and_a_second_one_ends_it_at_once() {
    let _machine = shared();
    let folder = Folder::new();
    let script = folder.script(
        "import { sleep } from 'k6';
         export const options = { vus: 2, duration: '10m' };
         export default function () { console.log('waiting'); sleep(600); }
         export function teardown() { console.log('tearing down'); sleep(__ENV.URL === 'short' ? 0.2 : 600); console.log('torn down'); }",
    );
    let mut running = folder.run(&script, "short", &["-q"]);
    running.wait_for_log("waiting");
    running.signal(libc::SIGINT);
    let ended = running.wait_within(PROMPT).expect(105);
    assert!(
        ended.stderr.contains("torn down") && ended.stdout.contains("TOTAL RESULTS"),
        "{ended:?}"
    );

    let mut running = folder.run(&script, "long", &["-q"]);
    running.wait_for_log("waiting");
    running.signal(libc::SIGINT);
    running.wait_for_log("tearing down");
    running.signal(libc::SIGINT);
    let before = rt::now();
    let ended = running.wait_within(PROMPT).expect(105);
    assert!(rt::now() - before < Duration::from_secs(3), "{ended:?}");
    assert!(!ended.stderr.contains("torn down"), "{ended:?}");
}

#[test]
fn a_terminate_signal_ends_a_run_like_ctrl_c() {
    let _machine = shared();
    let folder = Folder::new();
    let mut running = folder.run(&waiting(&folder, "sleep(600)"), "", &["-q"]);
    running.wait_for_log("waiting");
    running.signal(libc::SIGTERM);
    let ended = running.wait_within(PROMPT).expect(105);
    assert!(ended.stdout.contains("TOTAL RESULTS"), "{ended:?}");
}

#[test]
fn ctrl_c_while_vus_are_made_ends_the_run() {
    let _machine = shared();
    let folder = Folder::new();
    // The probe (VU 0) passes; VU 1 never ends its init code.
    let script = folder.script(
        "export const options = { vus: 4, duration: '1s' };
         if (__VU > 0) { console.log('waiting'); for (;;) {} }
         export default function () { console.log('NEVER'); }",
    );
    let mut running = folder.run(&script, "", &["-q"]);
    running.wait_for_log("waiting");
    running.signal(libc::SIGINT);
    running.wait_within(PROMPT).expect(105);
}

#[test]
fn iterations_that_outlive_their_graceful_stop_are_interrupted_in_every_executor() {
    let _machine = shared();
    let folder = Folder::new();
    let executors = [
        "executor: 'constant-vus', vus: 2, duration: '1s'",
        "executor: 'ramping-vus', startVUs: 2, stages: [{ duration: '1s', target: 2 }], gracefulRampDown: '0s'",
        "executor: 'shared-iterations', vus: 2, iterations: 4, maxDuration: '1s'",
        "executor: 'per-vu-iterations', vus: 2, iterations: 2, maxDuration: '1s'",
        "executor: 'constant-arrival-rate', rate: 10, duration: '1s', preAllocatedVUs: 2",
        "executor: 'ramping-arrival-rate', startRate: 10, stages: [{ duration: '1s', target: 10 }], preAllocatedVUs: 2",
    ];
    let mut runs = Vec::new();
    for body in ["sleep(600)", "for (;;) {}"] {
        for executor in executors {
            let script = folder.script(&format!(
                "import {{ sleep }} from 'k6';
                 const s = {{ {executor}, gracefulStop: '200ms' }};
                 export const options = {{ scenarios: {{ s }} }};
                 export default function () {{ {body}; }}"
            ));
            runs.push((body, executor, folder.run(&script, "", &[])));
        }
    }
    for (body, executor, running) in runs {
        let ended = running.wait().expect(0);
        let counts = "0 complete and 2 interrupted iterations";
        assert!(ended.stdout.contains(counts), "{body}: {executor}\n{}", ended.stdout);
    }
}

#[test]
fn ctrl_c_ends_a_burst_with_its_figures() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    for shape in [&["--concurrency", "5"][..], &["--rate", "200"]] {
        let url = format!("{}/v1/results?close=never", target.url());
        let before = target.served().received;
        let words = [&["burst", url.as_str(), "--duration", "10m", "-q"], shape].concat();
        let mut running = folder.squall(&words);
        super::squall::until("requests", || (target.served().received >= before + 5).then_some(()));
        running.signal(libc::SIGINT);
        let ended = running.wait_within(PROMPT).expect(105);
        assert!(ended.stdout.contains("unanswered at the end"), "{ended:?}");
    }
}
