//! Interrupting a VU in any wait, again and again, leaves no fiber and no descriptor behind. A binary of its own with one test: it counts the descriptors of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of a test are tests

mod support;

use std::time::Duration;

use demo::{Target, TargetConfig};
use engine::script::{Outcome, Script, Vu};
use rt::net::{TcpListener, TcpStream};
use rt::{Core, CoreConfig};
use support::{Bench, activation, case, iteration};

/// How often each wait is interrupted, each time after another span.
const ROUNDS: u64 = 15;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Accepts connections, reads slowly and never answers, until the other side goes.
fn deaf() -> String {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    rt::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            drop(rt::spawn(hold(stream)));
        }
    });
    addr.to_string()
}

async fn hold(mut stream: TcpStream) {
    let mut some = vec![0; 64 << 10];
    while let Ok(1..) = stream.read(&mut some).await {
        rt::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the descriptors are back at `n`: those of servers close a little after their clients'.
async fn settle(n: usize, what: &str) {
    for _ in 0..2000 {
        if descriptors() <= n {
            return;
        }
        rt::sleep(Duration::from_millis(2)).await;
    }
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let open: Vec<_> = open.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok()).collect();
    panic!("{what}: {} descriptors instead of {n}: {open:?}", open.len());
}

#[test]
fn interrupted_waits_leak_no_fiber_and_no_descriptor() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let url = target.url();
    let mut core = Core::new(CoreConfig { spin: false }).unwrap();
    core.block_on(async move {
        let deaf = deaf();
        let waits = [
            ("sleep", "sleep(60)".to_owned()),
            ("handshake", format!("http.get('https://{deaf}/')")),
            ("sending", format!("http.post('http://{deaf}/', big)")),
            ("waiting", format!("http.get('{url}/v1/results?close=never')")),
            ("receiving", format!("http.get('{url}/v1/results?size=100000&rate=1000')")),
            ("discarding", format!("http.get('{url}/v1/results?size=100000&rate=1000', {{ responseType: 'none' }})")),
            ("redirects", format!("for (;;) http.get('{url}/redirect/5')")),
            ("batch", format!("http.batch(Array.from({{ length: 12 }}, () => '{url}/v1/results?close=never'))")),
            ("mixed batch", format!("http.batch(['{url}/v1/results', 'https://{deaf}/', '{url}/v1/results?close=never'])")),
            ("promises", format!("await Promise.all([1, 2, 3].map(() => http.asyncRequest('GET', '{url}/v1/results?close=never')))")),
            ("promise nobody awaits", format!("http.asyncRequest('GET', '{url}/v1/results?close=never'); setTimeout(() => {{}}, 60000)")),
            ("timer", "await new Promise((done) => setTimeout(done, 60000))".to_owned()),
            ("loop", format!("for (;;) http.get('{url}/v1/results')")),
        ];
        // What a process makes once: side threads, the socket that keeps the kernel's time stamps on.
        let none = descriptors();
        interrupt_again_and_again("warm-up", &format!("http.get('{url}/v1/results?close=never')")).await;
        settle(none + 2, "warm-up").await;
        let before = descriptors();
        for (what, body) in waits {
            interrupt_again_and_again(what, &body).await;
            assert_eq!(rt::fiber::live(), 0, "{what}");
            settle(before, what).await;
        }
        // A lookup in the system's resolver can't be taken back: its thread has a socket until it gives up.
        interrupt_again_and_again("name", "http.get('http://nobody.knows.invalid/')").await;
        assert_eq!(rt::fiber::live(), 0);
        assert!(descriptors() <= before + ROUNDS as usize);
    });
}

async fn interrupt_again_and_again(what: &str, body: &str) {
    let script = format!(
        "import http from 'k6/http'; import {{ sleep }} from 'k6';
         const big = 'x'.repeat(8 << 20);
         export default async function () {{ {body}; if (__ITER % 2) return; await new Promise(() => {{ setTimeout(() => {{}}, 60000) }}); }}"
    );
    let case = case(&script);
    let bench = Bench::new(&case.registry);
    let context = bench.context(1);
    let interrupt = context.interrupt.clone();
    // Loading runs a core of its own, which must not happen on this one.
    let test = {
        let load = rt::blocking(move || case.test());
        load.await
    };
    let mut vu = test.new_vu(context).await.unwrap();
    vu.activate(&activation("default"));
    for round in 0..ROUNDS {
        interrupt.clear();
        let raise = interrupt.clone();
        rt::spawn(async move {
            // From at once to well within the wait.
            rt::sleep(Duration::from_micros(round * round * 100)).await;
            raise.raise();
        });
        let outcome = vu.iterate(iteration(round)).await;
        let may_end = matches!(what, "name");
        assert!(
            outcome == Outcome::Interrupted
                || may_end && matches!(outcome, Outcome::Complete { .. }),
            "{what} {round}: {outcome:?}"
        );
    }
    vu.close().await;
}
