//! Plans that are checked, listed and shown.

use crate::program::Folder;

const SCRIPT: &str = "
import http from 'k6/http';
export const options = { iterations: 10 };
export default function () { http.get(`${__ENV.BASE_URL}/v1/results`); }
";

const PLAN: &str = "
suite: small
target: {}
env: { BASE_URL: \"${target.url}\" }
scenarios:
  - name: script
    description: a k6 script
    k6: test.js
    criteria: [failures == 0, requests == 10]
  - name: burst
    burst: ${target.url}/v1/results
    iterations: 50
    criteria: [failures == 0]
criteria: [error_rate < 1%]
";

pub(crate) fn folder(plan: &str) -> Folder {
    let folder = Folder::new();
    folder.write("test.js", SCRIPT).write("plan.yaml", plan);
    folder
}

#[test]
fn a_plan_is_checked_listed_and_shown_without_running_anything() {
    let folder = folder(PLAN);
    folder
        .squall(&["suite", "check", "plan.yaml"])
        .run()
        .expect_code(0)
        .expect_stdout("plan.yaml: small with 2 scenarios and 4 criteria can be run");
    let listed = folder.squall(&["suite", "run", "--list", "plan.yaml"]).run().expect_code(0);
    assert_eq!(listed.stdout, "script                   a k6 script\nburst\n");
    folder
        .squall(&["suite", "run", "--dry-run", "--time-scale", "0.5", "plan.yaml"])
        .run()
        .expect_code(0)
        .expect_stdout("run        squall run --record DIR/record --time-scale 0.5")
        .expect_stdout("criterion  requests == 10 [time scale 0.5: 5]")
        .expect_stdout("run        squall burst --record DIR/record --requests 50");
    folder
        .squall(&["suite", "schema"])
        .run()
        .expect_code(0)
        .expect_stdout("\"title\": \"Squall suite\"");
}

#[test]
fn mistakes_name_file_line_and_column_and_end_with_104() {
    let folder = folder("suite: s\nscenarios:\n  - name: a\n    k6: gone.js\n    usres: 5\n");
    let told = "plan.yaml:5:5: unknown key `usres`: did you mean `users`?\n";
    for word in ["check", "run"] {
        let ended = folder.squall(&["suite", word, "plan.yaml"]).run().expect_code(104);
        assert_eq!((ended.stderr.as_str(), ended.stdout.as_str()), (told, ""));
    }
    folder
        .squall(&["suite", "check", "none.yaml"])
        .run()
        .expect_code(104)
        .expect_stderr("none.yaml:1:1: can't be read: no such file or directory");
}

#[test]
fn a_source_that_cannot_be_reached_is_told_with_its_place() {
    let plan = "
suite: s
scenarios:
  - name: a
    burst: http://127.0.0.1:1/
    iterations: 1
probes:
  redis:
    - url: redis://127.0.0.1:1
";
    let folder = folder(plan);
    folder.squall(&["suite", "check", "plan.yaml"]).run().expect_code(0);
    folder
        .squall(&["suite", "run", "plan.yaml", "--out-dir", "out"])
        .run()
        .expect_code(104)
        .expect_stderr(
            "plan.yaml:9:12: the Redis can't be reached: connection refused (nothing listens there",
        )
        .expect_stderr("--allow-unreachable runs all the same");
}

#[test]
fn words_that_are_none_are_told() {
    let folder = folder(PLAN);
    for (words, text) in [
        (&["suite"][..], "suite needs a word: run, check or schema"),
        (&["suite", "walk"], "there is no `suite walk`"),
        (&["suite", "run"], "name a plan file"),
        (&["suite", "run", "plan.yaml", "--only", "scirpt"], "did you mean `script`?"),
        (&["suite", "run", "plan.yaml", "--time-scale", "0"], "--time-scale must be above 0"),
        (&["suite", "run", "--resume", "nowhere"], "nowhere has no suite to resume"),
    ] {
        let ended = folder.squall(words).run();
        assert_ne!(ended.code, Some(0), "{words:?}");
        assert!(ended.stderr.contains(text), "{words:?}: {}", ended.stderr);
    }
}
