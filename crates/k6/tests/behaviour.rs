//! k6's own functions: checks, groups, metrics, execution, shared arrays, and how functions end.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use engine::script::{Outcome, Script, Vu};
use k6::SummaryResult;
use metrics::{Aggregator, AggregatorConfig};
use rt::{Core, Nanos};
use support::{Bench, activation, case, iteration};

#[test]
fn checks_and_groups_follow_k6() {
    let printed = case(
        "import { check, group, fail } from 'k6'; import exec from 'k6/execution';
         const t = (f) => { try { return f(); } catch (e) { return String(e); } };
         export default function () {
           console.log(check(1, { a: (v) => v === 1, b: 1 }), check(1, { c: 0 }), check(1, {}), check(1, 'abc'));
           console.log(t(() => check(1)));
           console.log(t(() => check(1, { 'a::b': true })));
           console.log(t(() => check(1, { a: true }, { x: null })));
           console.log(group('one', () => group('two', () => exec.vu.metrics.tags.group)), exec.vu.tags.group === '');
           console.log(t(() => group('g')), '|', t(() => group('a::b', () => 1)));
           console.log(t(() => check(null, { bad: () => { throw new TypeError('inside'); } })));
           console.log(t(() => fail('stop')), t(() => group('g', () => { throw new Error('out'); })), exec.vu.tags.group === '');
         }",
    )
    .run(1);
    assert_eq!(
        printed,
        [
            "true false true true",
            "GoError: no checks provided to `check`",
            "GoError: group and check names may not contain '::'",
            "GoError: invalid value for metric tag 'x': only String, Boolean and Number types are accepted as a metric \
             tag values",
            "::one::two true",
            "GoError: group() requires a callback as a second argument | GoError: group and check names may not \
             contain '::'",
            "TypeError: inside",
            "GoError: stop Error: out true",
        ]
    );
}

/// Samples of a run, `name{tags} -> count, sum`.
fn samples(script: &str, iterations: u64) -> BTreeMap<String, (usize, f64)> {
    let case = case(script);
    let test = case.test();
    let bench = Bench::new(&case.registry);
    bench.shard.borrow_mut().set_raw_tap(true);
    let shard = bench.shard.clone();
    Core::simulated(Nanos(1_000_000_000)).block_on(async move {
        let mut vu = test.new_vu(bench.context(1)).await.unwrap();
        vu.activate(&activation("default"));
        for i in 0..iterations {
            vu.iterate(iteration(i)).await;
        }
    });
    let mut shard = shard.borrow_mut();
    let mut all = BTreeMap::new();
    for sample in shard.take_raw() {
        let (metric, tags) = shard.series_info(sample.series);
        let name = case.registry.info(metric).name;
        let tags: Vec<String> = shard.tags(tags).map(|(k, v)| format!("{k}:{v}")).collect();
        let entry = all.entry(format!("{name}{{{}}}", tags.join(","))).or_insert((0, 0.0));
        entry.0 += 1;
        entry.1 += sample.value;
    }
    all
}

#[test]
fn samples_carry_the_tags_of_scenario_group_check_and_call() {
    let all = samples(
        "import { check, group, sleep } from 'k6'; import { Counter, Rate, Trend } from 'k6/metrics';
         import exec from 'k6/execution';
         const c = new Counter('my_count'), r = new Rate('my_rate'), t = new Trend('my_trend', true);
         export default function () {
           c.add(2); c.add(3); c.add(1, { kind: 'x' }); r.add(5); r.add(false); t.add(1.5);
           check(1, { fine: true, poor: false });
           group('g', () => { sleep(0.25); c.add(1); check(1, { fine: true }, { extra: 1 }); });
           exec.vu.metrics.tags.own = 'mine'; c.add(7); delete exec.vu.metrics.tags.own;
         }",
        2,
    );
    let at = |key: &str| *all.get(key).unwrap_or_else(|| panic!("no {key} in {all:#?}"));
    assert_eq!(at("my_count{group:,scenario:default,team:red}"), (4, 10.0));
    assert_eq!(at("my_count{group:,kind:x,scenario:default,team:red}"), (2, 2.0));
    assert_eq!(at("my_count{group:::g,scenario:default,team:red}"), (2, 2.0));
    assert_eq!(at("my_count{group:,own:mine,scenario:default,team:red}"), (2, 14.0));
    // Outputs get what the script gave; only the rate itself counts what is not zero.
    assert_eq!(at("my_rate{group:,scenario:default,team:red}"), (4, 10.0));
    assert_eq!(at("my_trend{group:,scenario:default,team:red}"), (2, 3.0));
    assert_eq!(at("checks{check:fine,group:,scenario:default,team:red}"), (2, 2.0));
    assert_eq!(at("checks{check:poor,group:,scenario:default,team:red}"), (2, 0.0));
    assert_eq!(at("checks{check:fine,extra:1,group:::g,scenario:default,team:red}"), (2, 2.0));
    assert_eq!(at("group_duration{group:::g,scenario:default,team:red}"), (2, 500.0));
    assert_eq!(at("data_sent{group:,scenario:default,team:red}"), (2, 0.0));
}

/// In simulated time, so that what runs when is certain.
#[test]
fn what_a_group_of_an_async_function_starts_belongs_to_it_until_its_promise_is_settled() {
    let all = samples(
        "import { group } from 'k6'; import { Counter } from 'k6/metrics'; import exec from 'k6/execution';
         const n = new Counter('hits');
         const later = (ms) => new Promise((done) => setTimeout(done, ms));
         export default async function () {
           const a = group('a', async () => {
             n.add(1);
             await later(20);
             n.add(10);
             await group('deep', async () => { await later(5); n.add(100); });
             group('short', () => { later(1).then(() => n.add(1000)); });
             setTimeout(() => n.add(10000), 1);
             await later(5);
             n.add(exec.vu.metrics.tags.group === '::a' ? 100000 : 0);
             return 'result';
           });
           const b = group('b', async () => { await later(10); n.add(1); throw new Error('from b'); });
           n.add(1);
           later(25).then(() => n.add(10));
           try { await b; } catch (e) { n.add(e.message === 'from b' ? 100 : 0); }
           n.add((await a) === 'result' ? 1000 : 0);
           group('plain', () => { later(1).then(() => n.add(10000)); });
         }",
        2,
    );
    let at = |key: &str| *all.get(key).unwrap_or_else(|| panic!("no {key} in {all:#?}"));
    assert_eq!(at("hits{group:::a,scenario:default,team:red}"), (8, 220_022.0));
    assert_eq!(at("hits{group:::a::deep,scenario:default,team:red}"), (2, 200.0));
    assert_eq!(at("hits{group:::a::short,scenario:default,team:red}"), (2, 2000.0));
    assert_eq!(at("hits{group:::b,scenario:default,team:red}"), (2, 2.0));
    // A group of an ordinary function is over when it returns, as in k6.
    assert_eq!(at("hits{group:,scenario:default,team:red}"), (10, 22_222.0));
    let duration =
        |group: &str| at(&format!("group_duration{{group:{group},scenario:default,team:red}}"));
    assert_eq!(duration("::a"), (2, 60.0));
    assert_eq!(duration("::a::deep"), (2, 10.0));
    assert_eq!(duration("::b"), (2, 20.0));
}

#[test]
fn a_check_with_async_conditions_is_a_promise_of_whether_all_hold() {
    let script = "import { check, group } from 'k6';
         const later = (ms, value) => new Promise((done) => setTimeout(() => done(value), ms));
         export default async function () {
           const one = group('g', () => check(7, { now: (v) => v === 7, later: async (v) => (await later(5)) || v === 7 }, { own: 1 }));
           console.log(one instanceof Promise, await one);
           console.log(await check(1, { no: async () => later(1, 0), yes: true }));
           console.log(check(1, { yes: true }));
           try {
             await check(1, { bad: async () => { throw new Error('inside'); }, good: async () => later(9, true) });
           } catch (e) {
             console.log(e.message);
           }
           try { check(1, { 'a::b': async () => true }); } catch (e) { console.log(String(e)); }
           await later(20);
         }";
    assert_eq!(
        case(script).run(1),
        [
            "true true",
            "false",
            "true",
            "inside",
            "GoError: group and check names may not contain '::'"
        ]
    );
    let all = samples(script, 1);
    let at = |key: &str| *all.get(key).unwrap_or_else(|| panic!("no {key} in {all:#?}"));
    assert_eq!(at("checks{check:now,group:::g,own:1,scenario:default,team:red}"), (1, 1.0));
    assert_eq!(at("checks{check:later,group:::g,own:1,scenario:default,team:red}"), (1, 1.0));
    assert_eq!(at("checks{check:no,group:,scenario:default,team:red}"), (1, 0.0));
    assert_eq!(at("checks{check:bad,group:,scenario:default,team:red}"), (1, 0.0));
    assert_eq!(at("checks{check:good,group:,scenario:default,team:red}"), (1, 1.0));
}

#[test]
fn metrics_refuse_what_k6_refuses() {
    let case = case(
        "import { Counter, Trend } from 'k6/metrics';
         const t = (f) => { try { return f(); } catch (e) { return String(e); } };
         const c = new Counter('my_c'); const late = t(() => new Trend('my_c')); const bad = t(() => new Counter('a b'));
         const early = t(() => c.add(1)); const again = new Counter('my_c').name;
         export default function () {
           console.log(late); console.log(bad.slice(0, 40)); console.log(early, again);
           console.log(c.add(NaN), c.add(null), c.add(), c.add('5'), c.add(true), c.add({}));
           console.log(t(() => new Counter('other')), t(() => c.add(1, { a: null })));
           console.log(c, JSON.stringify(c), t(() => { 'use strict'; c.name = 'x'; return c.name; }).slice(0, 9));
         }",
    );
    case.outcomes(1);
    assert_eq!(
        case.log.lines(),
        [
            "info: GoError: metric 'my_c' already exists but with type counter, instead of trend",
            "info: GoError: Invalid metric name: 'a b'. Met",
            "info: GoError: Adding to metrics in the init context is not supported my_c",
            "warning: 'NaN' is an invalid value for metric 'my_c', a number or a boolean value is expected",
            "warning: 'null' is an invalid value for metric 'my_c', a number or a boolean value is expected",
            "warning: no value was provided for metric 'my_c', a number or a boolean value is expected",
            "warning: '[object Object]' is an invalid value for metric 'my_c', a number or a boolean value is expected",
            "info: false false false true true false",
            "info: GoError: metrics must be declared in the init context GoError: cannot add tags for the 'my_c' \
             custom metric: invalid value for metric tag 'a': only String, Boolean and Number types are accepted as a \
             metric tag values",
            "info: { name: \"my_c\", add: [object Function] } {\"name\":\"my_c\"} TypeError",
        ]
    );
}

#[test]
fn shared_arrays_are_arrays_that_cannot_change() {
    let printed = case(
        "import { SharedArray } from 'k6/data';
         let made = 0;
         const sa = new SharedArray('rows', () => { made++; return [{ a: 1 }, 2, 'tw\\\"o', [3]]; });
         const t = (f) => { try { return f(); } catch (e) { return String(e); } };
         export default function () {
           'use strict';
           console.log(sa.length, sa[0], sa[1], sa[2], sa[3], sa[9], Array.isArray(sa), sa instanceof Array);
           console.log(sa, JSON.stringify(sa), sa.slice(1, 3), sa.map((x) => typeof x), [...sa].length);
           console.log(t(() => { sa[0] = 1; }), t(() => sa.push(1)), t(() => { delete sa[0]; }));
           console.log(t(() => { sa[0].a = 5; }).slice(0, 9), 0 in sa, 7 in sa, Object.keys(sa), made);
           console.log(t(() => new SharedArray('late', () => [])));
         }",
    )
    .run(1);
    assert_eq!(
        printed,
        [
            "4 { a: 1 } 2 tw\"o [ 3 ] undefined true true",
            "[ { a: 1 }, 2, \"tw\"o\", [ 3 ] ] [{\"a\":1},2,\"tw\\\"o\",[3]] [ 2, \"tw\"o\" ] [ \"object\", \
             \"number\", \"string\", \"object\" ] 4",
            "TypeError: SharedArray is immutable TypeError: SharedArray is immutable TypeError: SharedArray is immutable",
            // Made once by the probe; this VU has only read it.
            "TypeError true false [ \"0\", \"1\", \"2\", \"3\" ] 0",
            "GoError: new SharedArray must be called in the init context",
        ]
    );
}

#[test]
fn console_prints_values_as_k6_does() {
    let printed = case(
        "export default function () {
           console.log(new Date(0), undefined, null, 1.5, true, -0, 1e21, NaN);
           console.log({ u: undefined, n: null, d: new Date(0), f() {}, e: new Error('q'), s: 'x\"y', sym: Symbol('a'),
             nest: { a: [1, [2]] }, 'a-b': 1, neg: -0, nan: NaN, m: new Map([[1, 2]]), re: /a/g });
           console.log([], {}, [undefined], () => 1, new TypeError('tt'), Symbol('x'), Object.create(null), [, 1]);
           const c = { a: 1 }; c.c = c; console.log(c, 'a', { x: 1 }, [10n], new String('s'));
           console.log(new Uint8Array([1, 2]), new Uint8Array([4]).buffer, new Float32Array([1.5]));
           console.log(); console.log('multi\\nline', ['multi\\nline']);
         }",
    )
    .run(1);
    assert_eq!(
        printed,
        [
            "\"1970-01-01T00:00:00.000Z\" undefined null 1.5 true 0 1e+21 NaN",
            "{ u: null, n: null, d: \"1970-01-01T00:00:00.000Z\", f: [object Function], e: Error: q, s: \"x\"y\", sym: \
             \"a\", nest: { a: [ 1, [ 2 ] ] }, a-b: 1, neg: 0, nan: NaN, m: {}, re: {} }",
            "[] {} [ null ] [object Function] TypeError: tt x {} [ null, 1 ]",
            "{ a: 1, c: [Circular] } a { x: 1 } [ 10 ] { 0: \"s\" }",
            "Uint8Array(2) [ 1, 2 ] ArrayBuffer { [Uint8Contents]: <04>, byteLength: 1 } Float32Array(1) [ 1.5 ]",
            "",
            "multi\nline [ \"multi\nline\" ]",
        ]
    );
}

#[test]
fn exceptions_are_logged_with_k6s_stack_and_fields() {
    let case = case(
        "function inner() { throw new Error('boom'); }\nexport default function () { inner(); }\n",
    );
    assert_eq!(case.outcomes(1), [Outcome::Complete { threw: true }]);
    let records = case.log.0.lock().unwrap();
    let text = &records[0].message;
    assert!(text.starts_with("Error: boom\n\tat inner (file:///t.js:1:26("), "{text}");
    assert!(text.contains("\n\tat default (file:///t.js:2:35("), "{text}");
    assert!(text.ends_with(")\n"), "{text:?}");
    let mut fields = records[0].fields.clone();
    fields.sort();
    let expect = [
        ("executor", "constant-vus"),
        ("hint", "script exception"),
        ("scenario", "default"),
        ("source", "stacktrace"),
    ];
    assert_eq!(fields, expect.map(|(k, v)| (k, v.to_owned())));
}

#[test]
fn whatever_is_thrown_has_a_text_and_a_place() {
    for (code, head) in [
        ("throw 'str'", "str\n\tat default (file:///t.js:1:"),
        ("throw { a: 1 }", "[object Object]\n\tat default (file:///t.js:1:"),
        ("throw null", "null\n\tat default (file:///t.js:1:"),
        ("foo()", "ReferenceError: foo is not defined\n\tat default (file:///t.js:1:"),
        ("throw { toString() { throw 1; } }", "[object Object]\n\tat "),
    ] {
        let case = case(&format!("export default function () {{ {code}; }}"));
        assert_eq!(case.outcomes(1), [Outcome::Complete { threw: true }], "{code}");
        let lines = case.log.lines();
        assert!(lines[0].starts_with(&format!("error: {head}")), "{code}: {lines:?}");
    }
}

#[test]
fn an_unhandled_rejection_is_logged_and_the_iteration_counts() {
    let case = case(
        "export default async function () { const p = Promise.reject(new Error('handled')); p.catch(() => {});
           await null; throw new Error('rej'); }",
    );
    assert_eq!(case.outcomes(2), vec![Outcome::Complete { threw: true }; 2]);
    let records = case.log.0.lock().unwrap();
    assert!(
        records[0]
            .message
            .starts_with("Uncaught (in promise) Error: rej\n\tat default (file:///t.js:2:")
    );
    assert!(records[0].fields.iter().all(|(k, _)| *k != "hint" && *k != "source"));
    assert_eq!(records.len(), 2);
}

#[test]
fn setup_data_is_copied_as_json_once_for_each_vu() {
    let printed = case(
        "export function setup() { return { n: 1, u: undefined, list: [1, undefined], d: new Date(1500) }; }
         export default function (data) { data.n++; console.log(data); }",
    )
    .run(2);
    assert_eq!(
        printed,
        [
            "{ d: \"1970-01-01T00:00:01.5Z\", list: [ 1, null ], n: 2, u: null }",
            "{ d: \"1970-01-01T00:00:01.5Z\", list: [ 1, null ], n: 3, u: null }"
        ]
    );
}

#[test]
fn setup_data_that_json_cannot_hold_ends_the_test() {
    for (data, text) in [
        ("{ a: [NaN] }", "error marshaling setup() data to JSON: json: unsupported value: NaN"),
        ("-Infinity", "error marshaling setup() data to JSON: json: unsupported value: -Inf"),
        (
            "{ a: { f() {} } }",
            "error marshaling setup() data to JSON: json: unsupported type: func(sobek.FunctionCall) sobek.Value",
        ),
    ] {
        let case = case(&format!(
            "export function setup() {{ return {data}; }} export default () => {{}};"
        ));
        let test = case.test();
        let bench = Bench::new(&case.registry);
        let setup =
            Core::simulated(Nanos(1)).block_on(async { test.setup(bench.context(0)).await });
        let error = setup.unwrap_err();
        assert_eq!((error.message.as_str(), error.exit_code), (text, 255));
    }
}

#[test]
fn the_exported_options_become_the_consolidated_ones() {
    let case = case(
        "export const options = { vus: 1, tags: { a: 'b' } }; const early = options.vus;
         export default () => { console.log(early, options.vus, options.tags, options.rps); };",
    );
    let config = k6::TestConfig {
        options_json: r#"{"vus":7,"tags":{"a":"c"},"rps":null}"#.to_owned(),
        ..k6::TestConfig::default()
    };
    let test = case.load().unwrap().into_test(config);
    let bench = Bench::new(&case.registry);
    Core::simulated(Nanos(1)).block_on(async {
        let mut vu = test.new_vu(bench.context(1)).await.unwrap();
        vu.activate(&activation("default"));
        vu.iterate(iteration(0)).await;
    });
    assert_eq!(case.log.printed(), ["1 7 { a: \"c\" } undefined"]);
}

#[test]
fn execution_tells_where_the_script_is() {
    let printed = case(
        "import exec, { scenario } from 'k6/execution';
         const t = (f) => { try { return f(); } catch (e) { return String(e); } };
         const early = [t(() => exec.vu.idInTest), t(() => scenario.name), t(() => exec.instance.vusActive)];
         export default function () {
           if (__ITER === 0) { console.log(early); }
           console.log(scenario.name, scenario.executor, scenario.iterationInTest, exec.vu.iterationInInstance,
             exec.vu.idInTest, __VU, __ITER, exec.scenario.progress, JSON.stringify(exec.vu.metrics.tags));
           exec.vu.metrics.metadata.trace = 'abc'; console.log(JSON.stringify(exec.vu.metrics));
           console.log(t(() => { 'use strict'; exec.vu.metrics.tags = {}; }), Object.keys(exec));
         }",
    )
    .run(1);
    assert_eq!(
        printed,
        [
            "[ \"GoError: getting VU information in the init context is not supported\", \"GoError: getting scenario \
             information outside of the VU context is not supported\", \"GoError: getting instance information in the \
             init context is not supported\" ]",
            "default constant-vus 0 0 1 1 0 0 {\"team\":\"red\",\"scenario\":\"default\",\"group\":\"\"}",
            "{\"tags\":{\"team\":\"red\",\"scenario\":\"default\",\"group\":\"\"},\"metadata\":{\"trace\":\"abc\"}}",
            "TypeError: Cannot assign to read only property 'tags' [ \"instance\", \"scenario\", \"test\", \"vu\" ]",
        ]
    );
}

#[test]
fn the_environment_of_the_scenario_lies_over_that_of_the_test() {
    let mut case = case(
        "const early = [__ENV.A, __ENV.FROM_SCENARIO, typeof __ITER];
         export default function () {
           console.log(early, __ENV.A, __ENV.FROM_SCENARIO, __ENV.NOPE, 'A' in __ENV, Object.keys(__ENV));
           __ENV.W = 5; console.log(__ENV.W, { ...__ENV });
         }",
    );
    case.env = vec![("A".to_owned(), "1".to_owned())];
    assert_eq!(
        case.run(1),
        [
            "[ \"1\", null, \"undefined\" ] 1 yes undefined true [ \"A\", \"FROM_SCENARIO\" ]",
            "5 { A: \"1\", FROM_SCENARIO: \"yes\", W: \"5\" }",
        ]
    );
}

#[test]
fn base64_has_all_alphabets() {
    let printed = case(
        "import encoding, { b64encode } from 'k6/encoding';
         export default function () {
           console.log(b64encode('ab?>~'), b64encode('ab?>~', 'url'), b64encode('a', 'rawstd'), b64encode(new Uint8Array([255, 254]).buffer, 'rawurl'));
           console.log(encoding.b64decode('YWI/Pn4=', 'std', 's'), new Uint8Array(encoding.b64decode('__4', 'rawurl')));
           try { encoding.b64decode('%%'); } catch (e) { console.log(String(e)); }
         }",
    )
    .run(1);
    assert_eq!(
        printed,
        [
            "YWI/Pn4= YWI_Pn4= YQ __4",
            "ab?>~ Uint8Array(2) [ 255, 254 ]",
            "GoError: illegal base64 data at input byte 0"
        ]
    );
}

#[test]
fn random_seed_makes_numbers_repeat() {
    let printed = case(
        "import { randomSeed } from 'k6';
         export default function () {
           randomSeed(12); const a = [Math.random(), Math.random()]; randomSeed(12);
           const b = [Math.random(), Math.random()]; randomSeed(13);
           console.log(a[0] === b[0] && a[1] === b[1], a[0] !== a[1], Math.random() !== a[0], a[0] >= 0 && a[0] < 1);
         }",
    )
    .run(1);
    assert_eq!(printed, ["true true true true"]);
}

#[test]
fn handle_summary_gives_files_or_says_what_is_wrong() {
    let run = |body: &str| {
        let test = case(&format!("export default () => {{}}; {body}")).test();
        test.handle_summary(r#"{"metrics":{"a":1}}"#, Duration::from_secs(5))
    };
    let result = run(
        "import { textSummary } from 'https://jslib.k6.io/k6-summary/0.0.2/index.js';
         export async function handleSummary(data) {
           return { stdout: textSummary(data, { indent: '>', enableColors: false }), 'out/x.bin': new Uint8Array([1, 2]).buffer,
             'y.json': JSON.stringify(data) };
         }",
    );
    let Ok(SummaryResult::Files(files)) = result else { panic!("{result:?}") };
    let files: Vec<_> = files.into_iter().map(|f| (f.name, f.content)).collect();
    let expect = [
        ("stdout", b"summary of 19 bytes \">\" false".to_vec()),
        ("out/x.bin", vec![1, 2]),
        ("y.json", br#"{"metrics":{"a":1}}"#.to_vec()),
    ];
    assert_eq!(files, expect.map(|(name, content)| (name.to_owned(), content)));
    let global = run("export function handleSummary(d) { return { stdout: textSummary(d) }; }");
    assert!(
        matches!(global, Ok(SummaryResult::Files(files)) if files[0].content.ends_with(b"\" \" true"))
    );
    assert_eq!(run("export function handleSummary() {}"), Ok(SummaryResult::Default));
    assert_eq!(run(""), Ok(SummaryResult::Default));
    assert_eq!(
        run("export function handleSummary() { return 5; }"),
        Ok(SummaryResult::Invalid(
            "handleSummary() should return a map with string keys".to_owned()
        ))
    );
    assert_eq!(
        run("export function handleSummary() { return { a: {} }; }"),
        Ok(SummaryResult::Invalid(
            "error handling summary object a: invalid type map[string]interface {}, it needs to be a string or ArrayBuffer"
                .to_owned()
        ))
    );
    let threw = run("export function handleSummary() { throw new Error('sum'); }");
    assert!(
        matches!(threw, Ok(SummaryResult::Threw(text)) if text.starts_with("Error: sum\n\tat handleSummary"))
    );
}

#[test]
fn counters_reach_the_aggregator() {
    let case =
        case("import { check } from 'k6'; export default () => { check(1, { yes: true }); };");
    let test = case.test();
    let bench = Bench::new(&case.registry);
    let shard = bench.shard.clone();
    Core::simulated(Nanos(1_000_000_000)).block_on(async move {
        let mut vu = test.new_vu(bench.context(1)).await.unwrap();
        vu.activate(&activation("default"));
        for i in 0..100 {
            assert_eq!(vu.iterate(iteration(i)).await, Outcome::Complete { threw: false });
        }
    });
    let snapshot = shard.borrow_mut().flush(1);
    let mut aggregator = Aggregator::new(AggregatorConfig::default()).unwrap();
    aggregator.ingest(&snapshot).unwrap();
    let totals = aggregator.totals(Duration::from_secs(1));
    let checks = &totals.root_group.checks;
    assert_eq!(
        (checks.len(), checks[0].name.as_str(), checks[0].passes, checks[0].fails),
        (1, "yes", 100, 0)
    );
}
