//! Modules, imports and the order in which things run.

mod support;

use support::case;

#[test]
fn built_in_modules_are_imported_in_every_form() {
    let printed = case(
        "import k6, { check as verify, sleep, nope } from 'k6';
         import * as all from 'k6';
         import metrics from 'k6/metrics';
         export default function () {
           console.log(typeof verify, typeof sleep, typeof nope, k6.check === verify, all.sleep === sleep);
           console.log(Object.keys(k6), typeof metrics.Counter, typeof all.nope);
         }",
    )
    .run(1);
    assert_eq!(
        printed,
        [
            "function function undefined true true",
            r#"[ "check", "fail", "group", "randomSeed", "sleep" ] function undefined"#
        ]
    );
}

#[test]
fn commonjs_files_are_imported_by_name_though_their_names_are_known_late() {
    let printed = case(
        "import lib, { a, missing } from './lib.js';
         import * as ns from './lib.js';
         import other from './default.js';
         import { b } from './reexport.js';
         export default function () {
           console.log(a, missing, lib.a, ns.a, ns.default.a, other, b, require === undefined);
         }",
    )
    .file("/lib.js", "const name = 'a'; module.exports[name] = 1; exports.b = this === exports;")
    .file(
        "/default.js",
        "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'd';",
    )
    .file("/reexport.js", "export * from './lib.js'; export { a as c } from './lib.js';")
    .run(1);
    assert_eq!(printed, ["1 undefined 1 1 1 d true false"]);
}

#[test]
fn a_commonjs_script_runs_with_require() {
    let printed = case(
        "const { sleep } = require('k6'); const lib = require('./dir/lib.js');
         module.exports.options = { vus: 3 };
         module.exports.default = function () { sleep(1); console.log(lib.x, lib.inner.y, __VU, __ITER); };",
    )
    .file("/dir/lib.js", "exports.x = 1; exports.inner = require('./inner.js');")
    .file("/dir/inner.js", "exports.y = 2;")
    .run(2);
    assert_eq!(printed, ["1 2 1 0", "1 2 1 1"]);
}

#[test]
fn es_modules_can_be_required_and_import_each_other_in_a_circle() {
    let printed = case(
        "import { a } from './a.js'; const m = require('./b.js');
         export default function () { console.log(a(), m.b()); }",
    )
    .file("/a.js", "import { b } from './b.js'; export function a() { return 'a' + (b ? 1 : 0); }")
    .file("/b.js", "import { a } from './a.js'; export function b() { return 'b' + a(); }")
    .run(1);
    assert_eq!(printed, ["a1 ba1"]);
}

#[test]
fn options_and_functions_are_reported() {
    let loaded = case(
        "export const options = { vus: 2, thresholds: { checks: ['rate>0.9'] } };
         export function setup() {} export function other() {} export default () => {}; export const n = 1;",
    )
    .load()
    .unwrap();
    assert_eq!(
        loaded.options_json.as_deref(),
        Some(r#"{"vus":2,"thresholds":{"checks":["rate>0.9"]}}"#)
    );
    let mut functions = loaded.functions.clone();
    functions.sort();
    assert_eq!(functions, ["default", "other", "setup"]);
}

#[test]
fn top_level_await_and_init_timers_end_before_the_init_code_does() {
    let printed = case(
        "let x = await new Promise((resolve) => setTimeout(() => resolve(5), 50));
         let late = 0; setTimeout(() => { late = 7; }, 100);
         export default function () { console.log(x, late); }",
    )
    .run(1);
    assert_eq!(printed, ["5 7"]);
}

#[test]
fn promises_run_before_timers_and_timers_in_order_of_their_time() {
    let printed = case(
        "import { setTimeout as later } from 'k6/timers';
         export default async function () {
           later(() => console.log('t20'), 20);
           setTimeout((a, b) => console.log('t10', a, b), 10, 1, 'x');
           setTimeout(() => { console.log('t0'); Promise.resolve().then(() => console.log('p after t0')); }, 0);
           setTimeout(() => console.log('t0 second'), 0);
           let n = 0;
           const id = setInterval(() => { console.log('i', ++n); if (n == 3) clearInterval(id); }, 7);
           const gone = setTimeout(() => console.log('never'), 5); clearTimeout(gone);
           Promise.resolve().then(() => console.log('p1')).then(() => console.log('p2'));
           console.log('sync');
           await null;
           console.log('after await');
         }",
    )
    .run(1);
    assert_eq!(
        printed,
        [
            "sync",
            "p1",
            "after await",
            "p2",
            "t0",
            "p after t0",
            "t0 second",
            "i 1",
            "t10 1 x",
            "i 2",
            "t20",
            "i 3"
        ]
    );
}

#[test]
fn what_k6_lacks_is_absent_and_what_it_has_is_there() {
    let printed = case(
        "export default function () {
           console.log(typeof global, typeof fetch, typeof performance, typeof btoa, typeof queueMicrotask,
             typeof structuredClone, typeof Promise, typeof Map, typeof open, typeof textSummary);
           console.log(typeof new Uint8Array(2).buffer, 10n ** 20n, typeof new Proxy({}, {}), eval('1 + 1'));
         }",
    )
    .run(1);
    assert_eq!(
        printed,
        [
            // `performance`, `btoa` and `structuredClone` are not in k6; scripts that mention them find them.
            "object undefined object function undefined function function function function function",
            "object 100000000000000000000 object 2"
        ]
    );
}

#[test]
fn files_are_opened_in_the_init_stage_only() {
    let case = case(
        "const text = open('./data.txt'); const bytes = new Uint8Array(open('data.txt', 'b'));
         export default function () { console.log(text, bytes.length); open('./data.txt'); }",
    )
    .file("/data.txt", "h\u{e9}llo");
    case.run(1);
    let lines = case.log.lines();
    assert_eq!(lines[0], "info: héllo 6");
    assert!(
        lines[1].starts_with(
            "error: GoError: the \"open\" function is only available in the init stage"
        ),
        "{lines:?}"
    );
}

#[test]
fn mistakes_have_k6s_texts_and_exit_codes() {
    for (script, code, part) in [
        (
            "export default function () {",
            107,
            "could not initialize 't.js': could not load JS test 'file:///t.js': file:///t.js: Line 1:",
        ),
        (
            "import x from './nope.js'; export default () => {}",
            107,
            "The moduleSpecifier \"./nope.js\" couldn't be found on local disk",
        ),
        (
            "import x from 'lodash'; export default () => {}",
            107,
            "couldn't be recognised as something k6 supports",
        ),
        (
            "import x from 'k6/browser'; export default () => {}",
            107,
            "\"k6/browser\" is not supported",
        ),
        ("throw new Error('init');", 107, "Error: init\n\tat file:///t.js:1:"),
        ("throw 'x';", 107, "x\n\tat file:///t.js:1:"),
        ("export const options = {};", 255, "no exported functions in script"),
        (
            "export const setup = 5; export default () => {}",
            255,
            "exported 'setup' must be a function",
        ),
        (
            "Promise.reject(new Error('late')); export default () => {}",
            255,
            "Uncaught (in promise) Error: late",
        ),
        ("await Promise.reject(new Error('tla')); export default () => {}", 107, "Error: tla"),
        (
            "open('/nope'); export default () => {}",
            107,
            "GoError: stat /nope: no such file or directory",
        ),
        (
            "import exec from 'k6/execution'; exec.test.abort('stop'); export default () => {}",
            108,
            "test aborted: stop at file:///t.js:1:",
        ),
    ] {
        let error = case(script).load().map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code, code, "{script}: {}", error.message);
        assert!(error.message.contains(part), "{script}: {}", error.message);
    }
}
