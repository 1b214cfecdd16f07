//! What Squall adds to k6's `run`: for CI, for scripts, for large runs.

use crate::program::Folder;

const MIXED: &str = "
import { check } from 'k6';
import exec from 'k6/execution';
export const options = { vus: 1, iterations: 4 };
export default function () {
  check(1, { fine: () => true, sometimes: () => exec.scenario.iterationInTest !== 2 });
  if (exec.scenario.iterationInTest === 3) throw new Error('boom');
}
";

#[test]
fn a_run_can_be_failed_for_exceptions_and_checks() {
    let folder = Folder::new();
    folder.write("t.js", MIXED);
    folder.squall(&["run", "t.js"]).run().expect_code(0);
    folder
        .squall(&["run", "--fail-on", "exception,check,dropped", "t.js"])
        .run()
        .expect_code(111)
        .expect_stderr("--fail-on: 1 iterations ended by an exception, 1 of 8 checks failed");
    folder.squall(&["run", "--fail-on", "dropped", "t.js"]).run().expect_code(0);
    folder
        .squall(&["run", "--fail-on", "weather", "t.js"])
        .run()
        .expect_code(255)
        .expect_stderr("invalid --fail-on 'weather': it takes exception, check and dropped");
}

#[test]
fn a_run_can_be_failed_for_dropped_iterations_but_thresholds_come_first() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "import { sleep } from 'k6';
         export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 20, duration: '1s',
           preAllocatedVUs: 1, maxVUs: 1 } } };
         export default function () { sleep(0.5); }",
    );
    folder
        .squall(&["run", "--fail-on=dropped", "t.js"])
        .run()
        .expect_code(111)
        .expect_stderr("iterations were dropped");
    folder.write(
        "u.js",
        "export const options = { iterations: 1, thresholds: { iterations: ['count>5'] } };
         export default function () { throw new Error('boom'); }",
    );
    folder.squall(&["run", "--fail-on=exception", "u.js"]).run().expect_code(99);
}

#[test]
fn variables_come_from_files_and_flags_win() {
    let folder = Folder::new();
    folder.write("a.env", "# secrets\nexport A=1\nB='two words' # note\n");
    folder.write("b.env", "A=3\n");
    folder.write(
        "t.js",
        "export default function () { console.log(`${__ENV.A}|${__ENV.B}|${__ENV.C}`); }",
    );
    folder
        .squall(&["run", "--env-file", "a.env", "--env-file", "b.env", "-e", "C=5", "t.js"])
        .run()
        .expect_code(0)
        .expect_stderr("3|two words|5");
    folder
        .squall(&["run", "--env-file", "a.env", "-e", "A=9", "t.js"])
        .run()
        .expect_stderr("9|two words|undefined");
    folder.write("bad.env", "A=1\nnope\n");
    folder
        .squall(&["run", "--env-file", "bad.env", "t.js"])
        .run()
        .expect_code(255)
        .expect_stderr("can't read --env-file bad.env: line 2: there is no `=` in `nope`");
    folder
        .squall(&["run", "--env-file", "none.env", "t.js"])
        .run()
        .expect_code(255)
        .expect_stderr("can't read --env-file none.env: no such file or directory");
}

#[test]
fn the_summary_stays_beside_what_handle_summary_returns() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "export default function () {}
         export function handleSummary() { return { 'out/s.json': '{}' }; }",
    );
    let plain = folder.squall(&["run", "t.js"]).run().expect_code(0);
    assert!(!plain.stdout.contains("TOTAL RESULTS"), "{}", plain.stdout);
    folder
        .squall(&["run", "--with-summary", "t.js"])
        .run()
        .expect_code(0)
        .expect_stdout("█ TOTAL RESULTS");
    assert_eq!(folder.read("out/s.json"), "{}");
    folder.write(
        "u.js",
        "export default function () {}
         export const handleSummary = 5;",
    );
    folder
        .squall(&["run", "--with-summary", "--summary-export", "export.json", "u.js"])
        .run()
        .expect_stdout("█ TOTAL RESULTS")
        .expect_stderr("failed to handle the end-of-test summary");
    assert!(folder.read("export.json").contains("\"iterations\""));
}

#[test]
fn a_threshold_without_data_is_named() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "export const options = { thresholds: { 'http_req_duration{kind:x}': ['p(95)<5'], iterations: ['count>0'] } };
         export default function () {}",
    );
    let ended = folder.squall(&["run", "t.js"]).run().expect_code(0).expect_stderr(
        "the threshold 'p(95)<5' on 'http_req_duration{kind:x}' had no data; it passes on nothing, as in k6",
    );
    assert!(!ended.stderr.contains("count>0"), "{}", ended.stderr);
    let ended = folder.k6(&["run", "t.js"]).run().expect_code(0);
    assert!(!ended.stderr.contains("had no data"), "{}", ended.stderr);
}

#[test]
fn a_vu_can_leave_its_scenario() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "import exec from 'k6/execution';
         import { sleep } from 'k6';
         export const options = { vus: 3, duration: '1s' };
         export default function () {
           sleep(0.1);
           if (exec.vu.idInTest !== 2) exec.vu.stop();
           console.log(`vu ${exec.vu.idInTest}, ${Object.keys(exec.vu).includes('stop')}`);
         }",
    );
    let ended = folder.squall(&["run", "t.js"]).run().expect_code(0);
    let of = |vu: u32| ended.stderr.matches(&format!("vu {vu}, false")).count();
    assert_eq!((of(1), of(3)), (1, 1), "{}", ended.stderr);
    assert!(of(2) > 3, "{}", ended.stderr);
    folder.write(
        "u.js",
        "import exec from 'k6/execution';
         export function setup() { exec.vu.stop(); }
         export default function () {}",
    );
    folder
        .squall(&["run", "u.js"])
        .run()
        .expect_code(107)
        .expect_stderr("exec.vu.stop() ends the iterations of a VU; here is none");
}

#[test]
fn words_of_k6_1_are_understood() {
    let folder = Folder::new();
    folder.write("t.js", "export default function () {}");
    let ended = folder
        .squall(&["run", "--no-summary", "t.js"])
        .run()
        .expect_code(0)
        .expect_stderr("--no-summary is k6 1's; k6 2 says --summary-mode=disabled");
    assert!(!ended.stdout.contains("TOTAL RESULTS"), "{}", ended.stdout);
    folder.write(
        "ext.js",
        "export const options = { ext: { loadimpact: { projectID: 5 } }, iterations: 1 };
         export default function () {}",
    );
    folder
        .squall(&["run", "ext.js"])
        .run()
        .expect_code(0)
        .expect_stderr("options.ext.loadimpact is for k6's cloud; it has no effect here");
    folder.write(
        "controlled.js",
        "import { sleep } from 'k6';
         export const options = { scenarios: { e: { executor: 'externally-controlled', vus: 2, duration: '1s' } } };
         export default function () { sleep(0.1); }",
    );
    folder
        .squall(&["run", "controlled.js", "--address", "127.0.0.1:0"])
        .run()
        .expect_code(0)
        .expect_stderr("k6 2 has no externally-controlled executor; squall runs it as k6 1 did")
        .expect_stdout("* e: Externally controlled execution with 2 VUs, 2 max VUs, 1s duration")
        .expect_stdout("2/2 VUs");
}

#[test]
fn modules_that_k6_dropped_live_on_or_say_what_k6_says() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "import { setTimeout } from 'k6/experimental/timers';
         export default async function () { await new Promise((go) => setTimeout(go, 10)); console.log('late'); }",
    );
    let ended = folder.squall(&["run", "-u", "3", "t.js"]).run().expect_code(0);
    assert_eq!(ended.stderr.matches("k6/experimental/timers has been graduated").count(), 1);
    assert_eq!(ended.stderr.matches("late").count(), 3);
    folder
        .write("r.js", "import redis from 'k6/experimental/redis'; export default function () {}");
    folder
        .squall(&["run", "r.js"])
        .run()
        .expect_code(107)
        .expect_stderr("GoError: k6/experimental/redis has been removed. Please migrate");
}

#[test]
fn commands_of_k6_that_are_none_here_say_what_to_use() {
    let folder = Folder::new();
    for (words, text) in [
        (&["cloud", "run", "t.js"][..], "`cloud run` is not available in squall"),
        (&["cloud", "t.js"], "runs a test on this machine"),
        (&["login", "influxdb", "--nothing"], "K6_INFLUXDB_USERNAME"),
        (&["convert", "x.har"], "har-to-k6"),
        (&["x", "explore"], "squall takes no extensions"),
    ] {
        folder.k6(words).run().expect_code(255).expect_stderr(text);
    }
    folder
        .k6(&["runn", "t.js"])
        .run()
        .expect_code(255)
        .expect_stderr(r#"unknown command \"runn\" for \"k6\"\n\nDid you mean this?\n\trun\n"#);
}

#[test]
fn scripts_that_ask_k6_for_its_version_find_one() {
    let folder = Folder::new();
    let ended = folder.k6(&["version"]).run().expect_code(0);
    assert!(ended.stdout.starts_with("k6 v2.2.0 (squall v"), "{}", ended.stdout);
    assert_eq!(folder.k6(&["--version"]).run().stdout, ended.stdout);
    let json = folder.k6(&["version", "--json"]).run().expect_code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["version"], "v2.2.0");
    folder
        .k6(&["features"])
        .run()
        .expect_code(0)
        .expect_stdout("merge-run-tags      Experimental   ");
}
