//! The whole report of a run: its forms, its verdict, and the list of what has been run.

use crate::program::Folder;

const SCRIPT: &str = "
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';
const cc = new Counter('cc');
const own = new Trend('own_latency', true);
export const options = { vus: 2, duration: __ENV.LENGTH || '2s' };
export default function () { cc.add(1); own.add(12); sleep(0.1); }
";

fn recorded(folder: &Folder, name: &str) {
    folder.write("t.js", SCRIPT);
    folder.squall(&["run", "--quiet", "--record", name, "t.js"]).run().expect_code(0);
}

#[test]
fn a_recorded_run_is_reported_in_every_form() {
    let folder = Folder::new();
    recorded(&folder, "kept");
    let ended = folder.squall(&["report", "--report", "all", "kept"]).run().expect_code(0);
    for name in ["report.md", "report.html", "report.json", "junit.xml"] {
        assert!(ended.stdout.contains(name), "{name} is not told: {}", ended.stdout);
    }
    assert!(folder.read("kept/report.md").contains("## 8. Approval decision"));
    assert!(folder.read("kept/report.html").contains("class=\"chart script "));
    let json: serde_json::Value = serde_json::from_str(&folder.read("kept/report.json")).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["runs"][0]["plan"][0][0], "default");
    let again = folder.squall(&["report", "--report", "json=again.json", "kept"]).run();
    again.expect_code(0);
    assert_eq!(folder.read("again.json"), folder.read("kept/report.json"));
}

#[test]
fn a_report_is_judged_and_its_exit_code_follows() {
    let folder = Folder::new();
    recorded(&folder, "kept");
    for (criterion, strict, code, verdict) in [
        ("cc >= 1", false, 0, "PASS: the criterion is met"),
        ("cc > 1000000 marginal >= 1", false, 0, "MARGINAL"),
        ("cc > 1000000 marginal >= 1", true, 99, "MARGINAL"),
        ("p(95)(own_latency) < 10ms", false, 99, "FAIL: 1 of 1 criterion not met"),
        ("error_rate < 1%", false, 99, "no data (the run made no requests)"),
    ] {
        let mut words = vec!["report", "--criterion", criterion, "kept"];
        words.extend(strict.then_some("--strict"));
        folder.squall(&words).run().expect_code(code).expect_stdout(verdict);
    }
    folder
        .squall(&["report", "--criterion", "p(95 < 1s", "kept"])
        .run()
        .expect_code(104)
        .expect_stderr("column 6");
}

#[test]
fn a_run_writes_its_report_at_its_end() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let words = ["run", "--quiet", "--record", "kept", "--report", "html=out/r.html", "t.js"];
    folder.squall(&words).run().expect_code(0);
    assert!(folder.read("out/r.html").contains("Course of the test"));
    let words = ["run", "--quiet", "--no-record", "--report", "html=r.html", "t.js"];
    folder.squall(&words).run().expect_code(255).expect_stderr("--no-record");
}

#[test]
fn a_burst_writes_every_report_at_its_end() {
    let folder = Folder::new();
    let target = demo::Target::start(demo::TargetConfig::on_free_port()).unwrap();
    let url = format!("http://{}/v1/results", target.addrs()[0]);
    let words = "burst --quiet -n 20 --criterion requests==20 --report html=r.html --report json=r.json \
                 --report junit=r.xml --report markdown=r.md --report md=t.md --template approval";
    let words: Vec<&str> = words.split_whitespace().chain([url.as_str()]).collect();
    folder.squall(&words).run().expect_code(0);
    assert!(folder.read("r.html").contains("Course of the test"));
    assert!(folder.read("r.xml").contains("name=\"requests==20\""), "{}", folder.read("r.xml"));
    assert!(folder.read("r.md").contains("requests==20"));
    assert!(folder.read("t.md").starts_with("# Load Testing Report"));
    let json: serde_json::Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    assert_eq!(json["verdict"], "PASS");
    let words = ["burst", "-n", "1", "--no-record", "--report", "junit=r.xml", url.as_str()];
    folder.squall(&words).run().expect_code(255).expect_stderr("--no-record");
    let words = ["burst", "--asgi", "a:b", "--report", "junit=r.xml"];
    folder.squall(&words).run().expect_code(255).expect_stderr("--report is not available");
}

#[test]
fn what_a_run_was_held_against_is_in_its_record() {
    let folder = Folder::new();
    let target = demo::Target::start(demo::TargetConfig::on_free_port()).unwrap();
    let url = format!("http://{}/v1/results", target.addrs()[0]);
    folder.squall(&["burst", "-q", "-n", "20", "--record", "first", &url]).run().expect_code(0);
    let words =
        "burst --quiet -n 20 --record second --baseline first --criterion failures==0 --report all";
    let words: Vec<&str> = words.split_whitespace().chain([url.as_str()]).collect();
    let ended = folder.squall(&words).run();
    let judged = |text: &str| -> Vec<String> {
        let is_row = |line: &&str| ["PASS  ", "MARGINAL  "].iter().any(|v| line.contains(v));
        text.lines().filter(is_row).map(str::to_owned).collect()
    };
    let rows = judged(&ended.stdout);
    assert!(rows.iter().any(|row| row.contains("failures==0")), "{}", ended.stdout);
    assert!(rows.iter().any(|row| row.contains("baseline p95")), "{}", ended.stdout);
    let told = folder.squall(&["report", "second"]).run().expect_code(0);
    assert_eq!(judged(&told.stdout), rows);
    let page = folder.read("second/report.html");
    assert!(page.contains("failures==0"));
    assert!(page.contains(&format!("<h1>Load test burst {url}</h1>")));
    let end = format!("burst http://{}/v1/results", target.addrs()[0]);
    folder.squall(&["runs", "."]).run().expect_code(0).expect_stdout(&end);
    for name in ["report.md", "report.json", "junit.xml"] {
        assert!(folder.path().join("second").join(name).exists(), "{name}");
    }
    let words = ["burst", "-n", "1", "--report", "all=here", url.as_str()];
    folder.squall(&words).run().expect_code(255).expect_stderr("takes no file");
}

#[test]
fn a_killed_run_has_a_report_that_says_so() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let mut running =
        folder.squall(&["run", "--record", "kept", "-e", "LENGTH=60s", "t.js"]).start();
    running.wait_for("running (0m03.");
    running.signal(libc::SIGKILL);
    assert_eq!(running.wait().code, None);
    folder
        .squall(&["report", "--criterion", "cc >= 1", "--write", "kept"])
        .run()
        .expect_code(111)
        .expect_stdout("INCONCLUSIVE");
    assert!(folder.read("kept/report.md").contains("the run was killed, or still runs"));
}

#[test]
fn templates_are_filled_and_their_mistakes_are_told() {
    let folder = Folder::new();
    recorded(&folder, "kept");
    folder.write("mine.j2", "{{ runs[0].name }} took {{ runs[0].elapsed_s|seconds }}\n");
    folder
        .squall(&["report", "--template", "mine.j2", "kept"])
        .run()
        .expect_code(0)
        .expect_stdout("t.js took 2");
    folder
        .squall(&["report", "--template", "approval", "--report", "md=a.md", "kept"])
        .run()
        .expect_code(0);
    assert!(folder.read("a.md").starts_with("# Load Testing Report"));
    folder.write("wrong.j2", "a\n{{ nothing_like_it }}\n");
    folder
        .squall(&["report", "--template", "wrong.j2", "kept"])
        .run()
        .expect_code(255)
        .expect_stderr("wrong.j2:2");
    folder
        .squall(&["report", "--template", "nowhere.j2", "kept"])
        .run()
        .expect_code(255)
        .expect_stderr("built in are results and approval");
}

#[test]
fn runs_are_listed_with_figures() {
    let folder = Folder::new();
    folder.squall(&["runs"]).run().expect_code(0).expect_stdout("no recorded run");
    folder.write("t.js", SCRIPT);
    for _ in 0..2 {
        folder.squall(&["run", "--quiet", "t.js"]).run().expect_code(0);
    }
    let ended = folder.squall(&["runs"]).run().expect_code(0).expect_stdout("2 runs in");
    assert_eq!(ended.stdout.lines().filter(|line| line.contains("t.js")).count(), 2);
    let ended = folder.squall(&["runs", "--json", "--last", "1"]).run().expect_code(0);
    let list: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(list[0]["figures"]["front"], "k6");
    folder.squall(&["runs", "--last", "0"]).run().expect_code(255).expect_stderr("--last");
}
