//! Scripts that loop, recurse, hoard and throw.

use std::time::Duration;

use demo::{Target, TargetConfig};

use super::squall::{Folder, shared};

#[test]
fn an_endless_loop_neither_freezes_other_vus_of_its_core_nor_outlives_the_test() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    // Each kind of loop has its own way of never giving control back.
    let loops = [
        "while (true) {}",
        "for (;;) { try { for (;;) {} } catch (e) {} }",
        "const f = () => { for (;;) [1, 2, 3].map((x) => x + 1) }; f()",
        "let s = ''; for (;;) { s = ('' + Math.random()).replace(/[0-9]/g, 'x') }",
        "const t = JSON.stringify(Array.from({ length: 1000 }, (_, i) => ({ i, s: 'abc' + i }))); for (;;) JSON.parse(t)",
        "/^(a+)+$/.test('a'.repeat(40) + 'b')",
        "const p = () => Promise.resolve().then(p); p()",
    ];
    // Not more at a time than a small machine has cores.
    for loops in loops.chunks(2) {
        let runs = loops.iter().map(|endless| {
            let script = folder.script(&format!(
                "import http from 'k6/http';
                 import {{ sleep }} from 'k6';
                 export const options = {{ scenarios: {{
                   bad: {{ executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '0s', exec: 'bad' }},
                   good: {{ executor: 'constant-vus', vus: 4, duration: '1s' }},
                 }} }};
                 export function bad() {{ {endless}; }}
                 export default function () {{ http.get(`${{__ENV.URL}}/v1/results`); sleep(0.05); }}"
            ));
            (endless, folder.run(&script, &target.url(), &["--cores", "1"]))
        });
        let runs: Vec<_> = runs.collect();
        for (endless, running) in runs {
            let ended = running.wait().expect(0);
            // 4 VUs that sleep 50 ms could make 80; where the loop is not made to give way it is 4 at most.
            assert!(ended.count("iterations") >= 10, "{endless}: {}", ended.stdout);
            assert!(
                ended.stdout.contains("1 interrupted iterations"),
                "{endless}: {}",
                ended.stdout
            );
            assert!(ended.took < Duration::from_secs(10), "{endless}: {:?}", ended.took);
        }
    }
}

#[test]
fn deep_recursion_is_an_exception_of_the_script_and_the_next_iteration_works() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let script = folder.script(
        "import http from 'k6/http';
         import { check, group } from 'k6';
         export const options = { vus: 2, iterations: 20 };
         const must = (is, what) => { if (!is) console.log(`wrong: ${what}`) };
         const deep = [
           function f(n) { return f(n + 1) + 1 },
           function f(n) { return [n].map(f)[0] },
           function f(n) { return group('g', () => f(n + 1)) },
           function f(n) { const o = { toString: () => f(n + 1) }; return `${o}` },
           function f(n) { const o = { toJSON: () => f(n + 1) }; return JSON.stringify(o) },
           function f(n) { return [3, 1, 2].sort(() => f(n + 1)) },
           function f(n) { return 'x'.replace(/x/, () => f(n + 1)) },
           function f(n) { return check(n, { c: () => f(n + 1) }) },
         ];
         const thrown = (f) => { try { f() } catch (e) { return e } };
         export default function () {
           for (const f of deep) must(thrown(() => f(0)) instanceof RangeError, `${f}`);
           let nested = [];
           for (let i = 0; i < 100000; i++) nested = [nested];
           must(thrown(() => JSON.stringify(nested)), 'nested value');
           must(thrown(() => JSON.parse('['.repeat(100000) + ']'.repeat(100000))), 'nested text');
           const ask = (n) => n === 0 ? http.get(`${__ENV.URL}/v1/results`) : ask(n - 1);
           must(ask(300).status === 200, 'a request after all this');
           if (__ITER % 2 === 0) deep[0](0);
         }",
    );
    let ended = folder.run(&script, &target.url(), &[]).wait().expect(0);
    assert!(!ended.stderr.contains("wrong: "), "{}", ended.stderr);
    assert_eq!(ended.count("iterations"), 20);
    assert!(
        ended.stderr.contains("RangeError: Maximum call stack size exceeded"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("script exception"), "{}", ended.stderr);
}

#[test]
fn a_request_at_any_depth_of_calls_either_works_or_throws() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let script = folder.script(
        "import http from 'k6/http';
         export const options = { vus: 1, iterations: 1 };
         export default function () {
           let asked = 0, refused = 0, deepest = 0;
           // Asks at every depth on the way down, until the stack is full.
           const dig = (n) => {
             if (n % 50 === 0) {
               const answer = http.batch([`${__ENV.URL}/gzip`, `${__ENV.URL}/v1/results`])[0];
               if (answer.status === 200 && answer.json() !== null) asked++;
             }
             deepest = n;
             dig(n + 1);
           };
           try { dig(0) } catch (e) { refused++ }
           if (deepest < 500 || asked < deepest / 50 - 1 || refused !== 1) {
             console.log(`wrong: ${asked} asked, ${refused} refused, ${deepest} deep`);
           }
         }",
    );
    let ended = folder.run(&script, &target.url(), &[]).wait().expect(0);
    assert!(!ended.stderr.contains("wrong: ") && ended.count("http_reqs") > 20, "{}", ended.stderr);
}

#[test]
fn a_script_that_hoards_memory_gets_an_exception_and_the_process_lives() {
    let _machine = shared();
    let folder = Folder::new();
    let hoards = [
        ("array", "const a = []; for (;;) a.push(new Array(100000).fill(1.5))"),
        ("string", "let s = 'x'; const kept = []; for (;;) { s += s; kept.push(s + 'y') }"),
        ("map", "const m = new Map(); for (let i = 0; ; i++) m.set(i, 'v'.repeat(10000) + i)"),
        ("buffer", "const kept = []; for (;;) kept.push(new Uint8Array(50 << 20).fill(7))"),
        ("length", "const a = []; a.length = 4294967295; a.fill(0)"),
        ("repeat", "'x'.repeat(2 ** 40)"),
    ];
    let mut runs: Vec<_> = hoards
        .iter()
        .map(|(what, hoard)| {
            let script = folder.script(&format!(
                "export const options = {{ vus: 1, iterations: 2 }};
                 export default function () {{
                   if (__ITER === 0) {{ {hoard}; }}
                   console.log('went on');
                 }}"
            ));
            (what, folder.run(&script, "", &["-q"]))
        })
        .collect();
    for (what, running) in &mut runs {
        let ended = running.wait_within(super::squall::PATIENCE).expect(0);
        assert_eq!(ended.said(), ["went on"], "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains("script exception"), "{what}: {}", ended.stderr);
        assert!(ended.peak_rss < 2 << 30, "{what}: {} MiB", ended.peak_rss >> 20);
    }
}

#[test]
fn an_exception_anywhere_has_its_place_in_the_script_and_the_exit_code_of_k6() {
    let _machine = shared();
    let folder = Folder::new();
    let body = "export default function () {}";
    let cases = [
        // In the init code, a hook, an iteration, the summary.
        (format!("throw new Error('boom'); {body}"), 107, "boom"),
        (format!("null.x; {body}"), 107, "TypeError"),
        (format!("{body} export function setup() {{ throw new Error('boom') }}"), 107, "boom"),
        (format!("{body} export function teardown() {{ throw new Error('boom') }}"), 107, "boom"),
        ("export default function () { throw new Error('boom') }".to_owned(), 0, "boom"),
        ("export default async function () { throw new Error('boom') }".to_owned(), 0, "boom"),
        ("export default function () { Promise.reject(new Error('boom')) }".to_owned(), 0, "boom"),
        ("export default function () { setTimeout(() => { throw new Error('boom') }, 1) }".to_owned(), 0, "boom"),
        (format!("{body} export function handleSummary() {{ throw new Error('boom') }}"), 0, "boom"),
        ("export default function () { throw null }".to_owned(), 0, "null"),
        ("export default function () { throw { toString() { throw new Error('again') } } }".to_owned(), 0, ""),
        ("export default function () { const e = new Error(); e.stack = { toString: null }; throw e }".to_owned(), 0, ""),
        ("export default function () { Object.defineProperty(Error.prototype, 'message', { get() { throw 1 } }); throw new Error('x') }".to_owned(), 0, ""),
        (format!("{body} export function setup() {{ const a = {{}}; a.a = a; return a }}"), 255, "setup() data"),
        (format!("{body} export function setup() {{ return {{ toJSON() {{ throw new Error('boom') }} }} }}"), 255, "boom"),
        (format!("{body} export const options = {{ get vus() {{ throw new Error('boom') }} }};"), 255, "boom"),
    ];
    let runs: Vec<_> = cases
        .iter()
        .map(|(text, code, shown)| {
            (text, *code, *shown, folder.run(&folder.script(text), "", &["-q"]))
        })
        .collect();
    for (text, code, shown, running) in runs {
        println!("{text}");
        let ended = running.wait();
        assert!(ended.stderr.contains(shown), "{text}\n{}", ended.stderr);
        ended.expect(code);
    }
}
