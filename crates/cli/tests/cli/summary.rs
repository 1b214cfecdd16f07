//! The end-of-test summary and what scripts make of it.

use crate::program::Folder;

const SCRIPT: &str = "
import { check, group } from 'k6';
import { Counter, Rate, Trend } from 'k6/metrics';
const cc = new Counter('my_counter'), rr = new Rate('my_rate'), tt = new Trend('my_trend');
export const options = { iterations: 2, thresholds: { my_counter: ['count>100'], my_trend: ['p(99)<10'] } };
export default function () {
  cc.add(1); rr.add(true); tt.add(2);
  check(null, { passes: () => true, fails: () => false });
  group('first', () => check(null, { inner: () => true }));
}
";

/// Times and rates become `#`, so that the text is the same on every machine. Padding goes with them.
fn redact(text: &str) -> String {
    let word = |word: &str| {
        let (name, value) = word.rsplit_once('=').map_or(("", word), |(name, value)| (name, value));
        let number = value.trim_end_matches("/s").trim_end_matches(char::is_alphabetic);
        let is_measured = number.len() < value.len() && number.parse::<f64>().is_ok();
        match (is_measured, name) {
            (false, _) => word.to_owned(),
            (true, "") => "#".to_owned(),
            (true, name) => format!("{name}=#"),
        }
    };
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<String> = line.split_whitespace().map(word).collect();
        format!("{}{}", " ".repeat(indent), words.join(" "))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_compact_summary_is_the_one_of_k6() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let ended = folder.k6(&["run", "-q", "t.js"]).run().expect_code(99);
    assert_eq!(
        redact(&ended.stdout),
        "\n
  █ THRESHOLDS

    my_counter
    ✗ 'count>100' count=2

    my_trend
    ✓ 'p(99)<10' p(99)=2


  █ TOTAL RESULTS

    checks_total.......: 6 #
    checks_succeeded...: 66.66% 4 out of 6
    checks_failed......: 33.33% 2 out of 6

    ✓ passes
    ✗ fails
      ↳ 0% — ✓ 0 / ✗ 2
    ✓ inner

    CUSTOM
    my_counter...........: 2 #
    my_rate..............: 100.00% 2 out of 2
    my_trend.............: avg=2 min=2 med=2 max=2 p(90)=2 p(95)=2

    EXECUTION
    iteration_duration...: avg=# min=# med=# max=# p(90)=# p(95)=#
    iterations...........: 2 #

    NETWORK
    data_received........: 0 B 0 B/s
    data_sent............: 0 B 0 B/s


"
    );
}

#[test]
fn each_mode_shows_its_own() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let run = |mode: &str| {
        folder.squall(&["run", "-q", "--summary-mode", mode, "t.js"]).run().expect_code(99)
    };
    run("full").expect_stdout("█ GROUP: first");
    run("legacy")
        .expect_stdout("     checks")
        .expect_stderr("summary mode 'legacy' is gone from k6 2.x");
    assert_eq!(run("disabled").stdout, "");
    folder
        .squall(&["run", "-q", "--summary-trend-stats", "count,p(50)", "t.js"])
        .run()
        .expect_stdout("my_trend.............: count=2");
}

#[test]
fn squall_adds_a_line_about_itself_and_k6_does_not() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    folder.squall(&["run", "t.js"]).run().expect_stdout("  generator ").expect_stdout("\nrecord: ");
    let ended = folder.k6(&["run", "t.js"]).run();
    assert!(
        !ended.stdout.contains("generator ") && !ended.stdout.contains("record:"),
        "{}",
        ended.stdout
    );
    let quiet = folder.squall(&["run", "-q", "t.js"]).run().expect_stderr("generator ");
    assert!(!quiet.stdout.contains("generator "), "{}", quiet.stdout);
}

#[test]
fn handle_summary_decides_what_is_printed_and_its_folders_are_made() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "export default function () {}
         export function handleSummary(data) {
           return { stdout: 'OUT', stderr: 'ERR', 'a/b/c.json': JSON.stringify(data), 'x.bin': new Uint8Array([1, 2]).buffer };
         }",
    );
    let ended = folder
        .squall(&["run", "-q", "--summary-export", "deep/export.json", "t.js"])
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout, "OUT");
    assert!(ended.stderr.contains("ERR"));
    let data: serde_json::Value = serde_json::from_str(&folder.read("a/b/c.json")).unwrap();
    assert_eq!(data["metrics"]["iterations"]["values"]["count"], 1);
    assert_eq!(std::fs::read(folder.path().join("x.bin")).unwrap(), [1, 2]);
    assert!(folder.read("deep/export.json").starts_with("{\n    \"root_group\": {"));
}

#[test]
fn a_handle_summary_that_fails_is_told_and_changes_no_exit_code() {
    let folder = Folder::new();
    let run = |body: &str| {
        folder.write(
            "t.js",
            &format!(
                "export default function () {{}}\nexport function handleSummary() {{ {body} }}"
            ),
        );
        folder.squall(&["run", "-q", "t.js"]).run().expect_code(0)
    };
    run("throw new Error('hs');").expect_stderr("Error: hs").expect_stdout("█ TOTAL RESULTS");
    let ended =
        run("return 5;").expect_stderr("handleSummary() should return a map with string keys");
    assert_eq!(ended.stdout, "");
    assert_eq!(run("return {};").stdout, "");
    let ended = run("return { '/dev/null/x': 'y', stdout: 'still' };").expect_stderr(
        "Could not save some summary information:\\n\\t- could not open '/dev/null/x'",
    );
    assert_eq!(ended.stdout, "still");
}
