//! However a suite ends: what was started is ended, teardown runs, the verdict is told, and what is not done can be.

use std::time::Duration;

use crate::child;
use crate::plans::folder;
use crate::program::Folder;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const LONG: &str = "
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 2, duration: '60s' };
export default function () { http.get(`${__ENV.BASE_URL}/v1/results`); sleep(0.05); }
";

/// Two scenarios, the second of which takes a minute.
fn long(more: &str) -> Folder {
    let plan = format!(
        "suite: endings\ntarget: {{}}\nenv: {{BASE_URL: \"${{target.url}}\"}}\nteardown: [\"echo gone > teardown.txt\"]\n\
         scenarios:\n  - {{name: first, k6: test.js, criteria: [failures == 0]}}\n\
         \x20 - {{name: second, k6: long.js, criteria: [failures == 0]}}\n\
         \x20 - {{name: third, k6: test.js, criteria: [failures == 0]}}\n{more}"
    );
    let folder = folder(&plan);
    folder.write("long.js", LONG);
    folder
}

/// Waits until the second scenario has recorded something.
fn until_second(folder: &Folder) {
    let record = folder.path().join("out/02-second/record");
    let seen = child::until(PATIENCE, || record.exists().then_some(()));
    assert!(seen.is_some(), "the second scenario did not begin");
    let measured = child::until(PATIENCE, || {
        let run = record::Run::open(&record).ok()?;
        (run.snapshot_count() > 0).then_some(())
    });
    assert!(measured.is_some(), "the second scenario measured nothing");
}

#[test]
fn ctrl_c_ends_the_scenario_and_the_verdict_is_told_all_the_same() {
    let folder = long("");
    let running = folder.squall(&["suite", "run", "plan.yaml", "--out-dir", "out"]).start();
    until_second(&folder);
    running.signal(libc::SIGINT);
    let ended = running
        .wait()
        .expect_code(105)
        .expect_stdout("the suite ended early: stopped by SIGINT")
        .expect_stdout("verdict: INCONCLUSIVE");
    assert!(ended.stdout.contains("left out"), "{}", ended.stdout);
    assert_eq!(folder.read("teardown.txt"), "gone\n");
    let run = record::Run::open(&folder.path().join("out/02-second/record")).unwrap();
    assert_eq!(run.end.unwrap().exit_code, 105, "the scenario ended in order");
}

#[test]
fn a_suite_that_was_killed_goes_on_with_what_is_not_done() {
    let folder = long("");
    let running = folder.squall(&["suite", "run", "plan.yaml", "--out-dir", "out"]).start();
    until_second(&folder);
    running.signal(libc::SIGKILL);
    assert_eq!(running.wait().code, None);
    let state = folder.read("out/suite.json");
    assert!(state.contains("\"running\"") && state.contains("\"done\""), "{state}");
    // What it had started ends with it.
    let record = folder.path().join("out/02-second/record");
    let is_over = child::until(PATIENCE, || record::Run::open(&record).ok()?.end);
    assert!(is_over.is_some(), "the scenario went on without its suite");

    // A quicker script of the same name, so that the test ends soon; the plan is the same.
    folder.write("long.js", &LONG.replace("60s", "1s"));
    let ended = folder
        .squall(&["suite", "run", "--resume", "out"])
        .run()
        .expect_code(0)
        .expect_stdout("[1/3] first: done before")
        .expect_stdout("verdict: PASS");
    assert!(folder.path().join("out/02-second-2/record").exists(), "{}", ended.stdout);
    assert!(!folder.path().join("out/01-first-2").exists());
    // Nothing is left to do: it is judged again, to the same end.
    folder.squall(&["suite", "run", "--resume", "out"]).run().expect_code(0);
    folder.write("plan.yaml", "suite: another\nscenarios: [{name: a, k6: test.js}]\n");
    folder
        .squall(&["suite", "run", "--resume", "out"])
        .run()
        .expect_code(255)
        .expect_stderr("is not the plan that the suite in out was begun with");
}

#[test]
fn a_stop_rule_ends_a_scenario_and_the_suite() {
    let folder = long("stop: [{when: error_rate < 10%, for: 2s}]\n");
    let plan = folder.read("plan.yaml").replace("target: {}", "target: {fail: 1}");
    folder.write("plan.yaml", &plan);
    folder
        .squall(&[
            "suite",
            "run",
            "plan.yaml",
            "--out-dir",
            "out",
            "--only",
            "second",
            "--only",
            "third",
        ])
        .run()
        .expect_code(99)
        .expect_stdout("`error_rate < 10%` did not hold for 2s: 100%")
        .expect_stdout("left out")
        .expect_stdout("verdict: FAIL");
    assert_eq!(folder.read("teardown.txt"), "gone\n");
}

#[test]
fn a_scenario_that_fails_ends_the_suite_where_a_rule_says_so() {
    let folder = long("stop: [{when: fail}]\n");
    folder.write("test.js", "throw new Error('no');");
    folder
        .squall(&["suite", "run", "plan.yaml", "--out-dir", "out"])
        .run()
        .expect_code(99)
        .expect_stdout("the suite ended early: the scenario `first` failed");
}

#[test]
fn gates_and_setup_that_fail_are_told_with_their_causes() {
    let plan = |more: &str| {
        format!(
            "suite: s\nteardown: [\"echo gone > teardown.txt\"]\n{more}scenarios: [{{name: a, k6: test.js}}]\n"
        )
    };
    for (more, words) in [
        (
            "ready: [{url: 'http://127.0.0.1:1/', deadline: 1s}]\n",
            "http://127.0.0.1:1/ is not ready after 1s",
        ),
        ("ready: [{tcp: '127.0.0.1:1', deadline: 1s}]\n", "is the service started, the port right"),
        ("setup: ['echo out of luck; exit 3']\n", "failed: exit code 3\n        out of luck"),
        ("setup: [{run: 'sleep 60', timeout: 1s}]\n", "it took longer than 1s"),
    ] {
        let folder = folder(&plan(more));
        folder
            .squall(&["suite", "run", "plan.yaml", "--out-dir", "out"])
            .run()
            .expect_code(99)
            .expect_stdout(words)
            .expect_stdout("verdict: FAIL");
        assert_eq!(folder.read("teardown.txt"), "gone\n", "{more}");
    }
}

#[test]
fn gates_open_for_what_is_ready() {
    let plan = "
suite: gates
target: { grpc: true }
ready:
  - { url: \"${target.url}/v1/healthcheck\", status: 200 }
  - { url: \"${target.url}/status/503\", status: 503 }
  - { tcp: \"${target.host}\" }
  - { grpc: \"${target.grpc}\" }
setup:
  - { run: 'test \"$WHO\" = me', env: { WHO: me } }
  - { run: exit 1, may_fail: true }
scenarios:
  - { name: a, burst: \"${target.url}/v1/results\", iterations: 5, criteria: [requests == 5] }
";
    let folder = folder(plan);
    folder
        .squall(&["suite", "run", "plan.yaml", "--out-dir", "out"])
        .run()
        .expect_code(0)
        .expect_stdout("ready  gRPC health of 127.0.0.1:")
        .expect_stderr("setup `exit 1` failed: exit code 1");
}
