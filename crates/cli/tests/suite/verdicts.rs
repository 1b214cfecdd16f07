//! What a suite comes to: verdicts, exit codes, and what is left in its folder.

use crate::plans::folder;

/// A plan of one script against a target, with these criteria and settings of the target.
fn plan(target: &str, criteria: &str) -> String {
    format!(
        "suite: verdicts\ntarget: {{{target}}}\nenv: {{BASE_URL: \"${{target.url}}\"}}\nscenarios:\n\
         \x20 - name: only\n    k6: test.js\n    criteria: [{criteria}]\n"
    )
}

#[test]
fn pass_marginal_and_fail_have_their_exit_codes() {
    for (target, criteria, flags, code, verdict) in [
        ("", "failures == 0, requests == 10", &[][..], 0, "PASS"),
        ("delay: 60ms", "median < 20ms marginal < 5s", &[], 0, "MARGINAL"),
        ("delay: 60ms", "median < 20ms marginal < 5s", &["--strict"], 99, "MARGINAL"),
        ("delay: 60ms", "median < 20ms marginal < 30ms", &[], 99, "FAIL"),
        ("fail: 1", "error_rate < 1%", &[], 99, "FAIL"),
        ("", "p(99)(no_such_metric) < 1s", &[], 99, "FAIL"),
    ] {
        let folder = folder(&plan(target, criteria));
        let mut words = vec!["suite", "run", "plan.yaml", "--out-dir", "out"];
        words.extend(flags);
        folder
            .squall(&words)
            .run()
            .expect_code(code)
            .expect_stdout(&format!("\nverdict: {verdict}\n"));
    }
}

#[test]
fn every_front_end_is_judged_and_all_of_it_together() {
    let plan = "
suite: fronts
target: {}
env: { BASE_URL: \"${target.url}\" }
scenarios:
  - { name: script, k6: test.js, criteria: [requests == 10, failures == 0] }
  - { name: burst, burst: \"${target.url}/v1/results\", iterations: 50, criteria: [requests == 50] }
criteria: [requests == 60, error_rate < 1%]
";
    let folder = folder(plan);
    let ended = folder
        .squall(&["suite", "run", "plan.yaml", "--out-dir", "out"])
        .run()
        .expect_code(0)
        .expect_stdout("PASS  requests == 60: 60")
        .expect_stdout("verdict: PASS");
    for name in ["plan.yaml", "suite.json", "01-script/output.log", "02-burst/output.log"] {
        assert!(!folder.read(&format!("out/{name}")).is_empty(), "{name}");
    }
    assert!(ended.stdout.contains("suite: out\n"), "{}", ended.stdout);
}

#[test]
fn a_scripts_own_thresholds_count_unless_the_plan_says_otherwise() {
    let script = "
import http from 'k6/http';
export const options = { iterations: 5, thresholds: { http_reqs: ['count>1000'] } };
export default function () { http.get(`${__ENV.BASE_URL}/v1/results`); }
";
    for (own, code) in [("", 99), ("    thresholds: false\n", 0)] {
        let plan = format!("{}{own}", plan("", "failures == 0"));
        let folder = folder(&plan);
        folder.write("test.js", script);
        let words = ["suite", "run", "plan.yaml", "--out-dir", "out"];
        folder.squall(&words).run().expect_code(code);
    }
}

#[test]
fn a_script_that_throws_fails_the_suite_with_its_last_words() {
    let folder = folder(&plan("", "failures == 0"));
    folder.write("test.js", "throw new Error('not today');");
    folder
        .squall(&["suite", "run", "plan.yaml", "--out-dir", "out"])
        .run()
        .expect_code(99)
        .expect_stdout("not today")
        .expect_stdout("verdict: FAIL");
}

#[test]
fn a_baseline_that_is_missed_is_marginal() {
    let plan = plan("delay: 60ms", "failures == 0") + "    baseline: {p50: 20ms, success: 100%}\n";
    let folder = folder(&plan);
    folder
        .squall(&["suite", "run", "plan.yaml", "--out-dir", "out"])
        .run()
        .expect_code(0)
        .expect_stdout("MARGINAL  baseline p50 20.0ms, 20 % worse at most")
        .expect_stdout("verdict: MARGINAL");
}
