//! Exit codes and the last error line.

use crate::program::Folder;

#[track_caller]
fn check(script: &str, words: &[&str], code: i32, text: &str) {
    let folder = Folder::new();
    folder.write("t.js", script);
    let mut line = vec!["run", "-q", "t.js"];
    line.extend(words);
    let ended = folder.squall(&line).run().expect_code(code);
    assert!(ended.stderr.contains(text), "no {text:?} in\n{}", ended.stderr);
}

#[test]
fn a_good_run_and_one_whose_iterations_throw_end_with_0() {
    check("export default function () {}", &[], 0, "");
    check(
        "export default function () { throw new Error('boom'); }",
        &[],
        0,
        "hint=\"script exception\" scenario=default source=stacktrace",
    );
}

#[test]
fn crossed_thresholds_end_with_99_and_are_named_sorted() {
    let script = |threshold: &str| {
        format!(
            "import {{ Counter }} from 'k6/metrics';
             import {{ sleep }} from 'k6';
             const tt = new Counter('tt'), cc = new Counter('cc');
             export const options = {{ thresholds: {{ tt: ['count<1'], cc: [{threshold}] }} }};
             export default function () {{ tt.add(1); cc.add(1); if (__ENV.LONG) sleep(30); }}"
        )
    };
    check(
        &script("'count>5'"),
        &[],
        99,
        "level=error msg=\"thresholds on metrics 'cc, tt' have been crossed\"",
    );
    check(
        &script("{ threshold: 'count<1', abortOnFail: true }"),
        &["-e", "LONG=1"],
        99,
        "were crossed; at least one has abortOnFail enabled, stopping test prematurely",
    );
}

#[test]
fn hooks_that_take_too_long_end_with_100_and_101() {
    let script = |hook: &str| {
        format!(
            "import {{ sleep }} from 'k6';
             export const options = {{ setupTimeout: '1s', teardownTimeout: '1s' }};
             export function {hook}() {{ sleep(60); }}
             export default function () {{}}"
        )
    };
    check(&script("setup"), &[], 100, "setup() execution timed out after 1 seconds");
    check(&script("teardown"), &[], 101, "teardown() execution timed out after 1 seconds");
}

#[test]
fn wrong_options_end_with_104() {
    for (script, text) in [
        (
            "export const options = { vus: 'x' }; export default function () {}",
            "strconv.ParseInt: parsing",
        ),
        (
            "export const options = { thresholds: { nope: ['count<1'] } }; export default function () {}",
            r#"invalid threshold defined on nope; reason: no metric name \"nope\" found"#,
        ),
        (
            "export const options = { scenarios: { a: { executor: 'nope' } } }; export default function () {}",
            "unknown executor type 'nope'",
        ),
        (
            "export const options = { iterations: 1, scenarios: {} }; export default function () {}",
            "using `iterations` and `scenarios` options simultaneously is not allowed",
        ),
        ("export function foo() {}", "executor default: function 'default' not found in exports"),
    ] {
        check(script, &[], 104, text);
    }
}

#[test]
fn scripts_that_do_not_parse_or_throw_in_init_end_with_107() {
    check(
        "export default function () { let ; }",
        &[],
        107,
        "could not initialize 't.js': could not load JS test",
    );
    check("throw new Error('early'); export default function () {}", &[], 107, "Error: early");
    check(
        "export function setup() { throw new Error('s'); } export default function () {}",
        &[],
        107,
        "Error: s",
    );
}

#[test]
fn a_script_that_aborts_or_fails_its_test_ends_with_108_and_110() {
    let script = |call: &str| {
        format!(
            "import exec from 'k6/execution'; export default function () {{ exec.test.{call}; }}"
        )
    };
    check(&script("abort('why')"), &[], 108, "test aborted: why at default (file://");
    check(&script("fail('bad')"), &[], 110, "test run was marked as failed");
}

#[test]
fn what_has_no_code_of_its_own_ends_with_255() {
    check("const a = 1;", &[], 255, "no exported functions in script");
    check(
        "export default function () {}",
        &["--out", "json=/nope/x.json"],
        255,
        "open /nope/x.json: no such file or directory",
    );
}
