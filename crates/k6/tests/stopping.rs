//! Interrupts, endless loops, deep recursion: nothing a script does may hang or break its core.

#![allow(clippy::unwrap_used)]

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use engine::script::{Outcome, Script, Vu};
use rt::{Core, CoreConfig, Nanos};
use support::{Bench, activation, case, iteration};

/// Runs one iteration and interrupts it after `after`; then another one, undisturbed, if `next` is set.
fn interrupted(script: &str, after: Duration) -> (Vec<Outcome>, Vec<String>) {
    let case = case(script);
    let test = case.test();
    let bench = Bench::new(&case.registry);
    let mut core = Core::new(CoreConfig { spin: false }).unwrap();
    let outcomes = core.block_on(async move {
        let context = bench.context(1);
        let interrupt = context.interrupt.clone();
        let mut vu = test.new_vu(context).await.unwrap();
        vu.activate(&activation("default"));
        let other = interrupt.clone();
        rt::spawn(async move {
            rt::sleep(after).await;
            other.raise();
        });
        let first = vu.iterate(iteration(0)).await;
        interrupt.clear();
        let second = vu.iterate(iteration(1)).await;
        vec![first, second]
    });
    assert_eq!(rt::fiber::live(), 0);
    (outcomes, case.log.lines())
}

#[test]
fn an_interrupt_ends_every_kind_of_wait_and_the_vu_stays_usable() {
    for (what, body) in [
        ("sleep", "sleep(60);"),
        ("busy loop", "while (true) {}"),
        ("busy loop in try", "for (;;) { try { for (;;) {} } catch (e) {} finally { caught++; } }"),
        ("promise", "await new Promise((resolve) => setTimeout(resolve, 60000));"),
        ("jobs without end", "const f = () => Promise.resolve().then(f); await f();"),
        ("timers without end", "await new Promise(() => { setInterval(() => {}, 1); });"),
        ("sort", "new Array(300).fill(0).sort(() => { while (true) {} });"),
        ("regular expression", "/(a*)*b/.test('a'.repeat(40));"),
        ("sleep in group in check", "check(1, { a: () => group('g', () => sleep(60)) });"),
    ] {
        let script = format!(
            "import {{ sleep, check, group }} from 'k6'; let caught = 0;
             export default async function () {{
               if (__ITER > 0) {{ console.log('again', caught); return; }}
               try {{ {body} }} catch (e) {{ console.log('caught', e); }} finally {{ caught += 0; }}
             }}"
        );
        let (outcomes, lines) = interrupted(&script, Duration::from_millis(30));
        assert_eq!(
            outcomes,
            [Outcome::Interrupted, Outcome::Complete { threw: false }],
            "{what}: {lines:?}"
        );
        assert_eq!(lines, ["info: again 0"], "{what}");
    }
}

#[test]
fn a_busy_script_lets_its_neighbours_run() {
    let case = case(
        "export default function () { const end = Date.now() + 60; while (Date.now() < end) {} }",
    );
    let test = case.test();
    let bench = Bench::new(&case.registry);
    let mut core = Core::new(CoreConfig { spin: false }).unwrap();
    let ticks = core.block_on(async move {
        let mut vu = test.new_vu(bench.context(1)).await.unwrap();
        vu.activate(&activation("default"));
        let ticks = std::rc::Rc::new(std::cell::Cell::new(0));
        let counted = ticks.clone();
        rt::spawn(async move {
            loop {
                rt::sleep(Duration::from_millis(2)).await;
                counted.set(counted.get() + 1);
            }
        });
        assert_eq!(vu.iterate(iteration(0)).await, Outcome::Complete { threw: false });
        assert!(vu.host().longest_stretch_ns.get() > 0);
        ticks.get()
    });
    assert!(ticks >= 3, "the neighbour ran {ticks} times");
}

#[test]
fn short_iterations_that_wait_for_nothing_share_the_core() {
    let case = case("export default function () {}");
    let test = case.test();
    let bench = Bench::new(&case.registry);
    let mut core = Core::new(CoreConfig { spin: false }).unwrap();
    let at_end = core.block_on(async move {
        let counts = Rc::new(Cell::new([0_u64; 2]));
        let done = Rc::new(Cell::new(false));
        for i in 0..2 {
            let mut vu = test.new_vu(bench.context(i as u64 + 1)).await.unwrap();
            vu.activate(&activation("default"));
            let (counts, done) = (counts.clone(), done.clone());
            rt::spawn(async move {
                while !done.get() {
                    vu.iterate(iteration(0)).await;
                    let mut now = counts.get();
                    now[i] += 1;
                    counts.set(now);
                }
            });
        }
        rt::sleep(Duration::from_millis(100)).await;
        done.set(true);
        rt::sleep(Duration::from_millis(5)).await;
        counts.get()
    });
    assert!(at_end.iter().all(|n| *n > 0), "{at_end:?}");
}

#[test]
fn deep_recursion_is_an_error_of_the_script() {
    let printed = case(
        "function f(n) { return f(n + 1) + 1; }
         const nested = '['.repeat(100000) + ']'.repeat(100000);
         const t = (g) => { try { g(); return 'no error'; } catch (e) { return e instanceof Error ? e.name : typeof e; } };
         const o = {}; o.toString = () => `${o}`; const list = []; list[0] = list;
         export default function () {
           let deep = []; for (let i = 0; i < 100000; i++) { deep = [deep]; }
           console.log(t(() => f(0)), t(() => JSON.parse(nested)), t(() => String(o)), t(() => JSON.stringify(deep)));
           console.log(t(() => new RegExp('('.repeat(100000))), t(() => deep.flat(Infinity)));
           console.log(deep); deep = null;
         }",
    )
    .run(1);
    assert_eq!(
        &printed[..2],
        ["RangeError RangeError RangeError RangeError", "SyntaxError RangeError"]
    );
    assert!(printed[2].starts_with("[ [ [ "));
}

#[test]
fn abort_cannot_be_caught_and_says_where() {
    for script in [
        "export default function () { try { exec.test.abort('why'); } catch (e) { console.log('caught'); } }",
        "const f = async () => { exec.test.abort('why'); };
         export default async function () { try { await f(); } catch (e) { console.log('caught'); } }",
        "export default function () { setTimeout(() => exec.test.abort('why'), 5); }",
    ] {
        let case = case(&format!("import exec from 'k6/execution'; {script}"));
        let outcomes = case.outcomes(1);
        let [Outcome::Abort(text)] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert!(text.starts_with("test aborted: why at "), "{text}");
        assert!(text.contains("file:///t.js:"), "{text}");
        assert_eq!(case.log.lines(), Vec::<String>::new());
    }
}

#[test]
fn a_thousand_vus_come_and_go_without_leaving_a_fiber() {
    let case = case(
        "import { sleep, check, group } from 'k6'; import { Counter } from 'k6/metrics'; import exec from 'k6/execution';
         const c = new Counter('my_c'); const cycle = {}; cycle.self = [cycle, () => cycle];
         export default function () { group('g', () => check(1, { a: (v) => v === 1 })); c.add(1); exec.vu.tags.x = 1; sleep(1); }",
    );
    let test = case.test();
    let bench = Bench::new(&case.registry);
    let mut core = Core::simulated(Nanos(1_000_000_000));
    core.block_on(async move {
        let mut vus = Vec::new();
        for id in 1..=1000 {
            let mut vu = test.new_vu(bench.context(id)).await.unwrap();
            vu.activate(&activation("default"));
            vus.push(vu);
        }
        assert_eq!(rt::fiber::live(), 1000);
        let mut tasks = Vec::new();
        for mut vu in vus {
            tasks.push(rt::spawn(async move { vu.iterate(iteration(0)).await }));
        }
        for task in tasks {
            assert_eq!(task.await, Outcome::Complete { threw: false });
        }
    });
    assert_eq!(rt::fiber::live(), 0);
}

#[test]
fn a_vu_dropped_in_the_middle_of_a_wait_leaves_nothing() {
    for body in [
        "sleep(60);",
        "await new Promise((r) => setTimeout(r, 60000));",
        "for (;;) { await null; }",
    ] {
        let case = case(&format!(
            "import {{ sleep }} from 'k6'; export default async function () {{ {body} }}"
        ));
        let test = case.test();
        let bench = Bench::new(&case.registry);
        Core::new(CoreConfig { spin: false }).unwrap().block_on(async move {
            let mut vu = test.new_vu(bench.context(1)).await.unwrap();
            vu.activate(&activation("default"));
            let late = rt::timeout(Duration::from_millis(20), vu.iterate(iteration(0))).await;
            if !body.contains("for") {
                assert!(late.is_err());
            }
            drop(vu);
        });
        assert_eq!(rt::fiber::live(), 0, "{body}");
    }
}

#[test]
fn a_vu_that_throws_in_its_init_code_is_reported_and_gone() {
    let case =
        case("if (__VU === 2) { throw new Error('not this one'); } export default function () {}");
    let test = case.test();
    let bench = Bench::new(&case.registry);
    let error = Core::simulated(Nanos(1)).block_on(async move {
        test.new_vu(bench.context(1)).await.unwrap();
        test.new_vu(bench.context(2)).await.map(|_| ()).unwrap_err()
    });
    assert_eq!(error.hint.as_deref(), Some("error while initializing VU #2 (script exception)"));
    assert!(
        error.message.starts_with("Error: not this one\n\tat file:///t.js:1:"),
        "{}",
        error.message
    );
    assert_eq!(rt::fiber::live(), 0);
}
