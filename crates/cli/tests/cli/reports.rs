//! `--report`, and the material for GitHub Actions.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::Folder;

const SCRIPT: &str = "
import { check, group } from 'k6';
import { Trend } from 'k6/metrics';
const t = new Trend('my_trend', true);
export const options = { iterations: 4, thresholds: { my_trend: ['avg<10', 'p(95)<1'], 'checks{kind:a}': ['rate>=0'] } };
export default function () {
  t.add(2);
  check(1, { 'is <one>': (n) => n === 1 }, { kind: 'a' });
  group('inner & co', () => check(__ITER, { 'is | even': (n) => n % 2 === 0 }));
}
";

#[test]
fn thresholds_and_checks_are_test_cases() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    folder
        .squall(&[
            "run",
            "--quiet",
            "--no-record",
            "--report",
            "junit=out/j.xml",
            "--report",
            "markdown=r.md",
            "t.js",
        ])
        .run()
        .expect_code(99);
    let xml = folder.read("out/j.xml");
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"t.js\" tests=\"6\" failures=\"2\" errors=\"0\" time=\"",
        "<testsuite name=\"run\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\" time=\"",
        "<testcase classname=\"run\" name=\"t.js\" time=\"0\"/>",
        "<testcase classname=\"thresholds.my_trend\" name=\"avg&lt;10\" time=\"0\"/>",
        "<failure message=\"my_trend: 'p(95)&lt;1' was crossed: p(95)=2ms\" type=\"thresholds\">",
        "<testcase classname=\"thresholds.checks{kind:a}\" name=\"rate&gt;=0\" time=\"0\"/>",
        "<testcase classname=\"checks\" name=\"is &lt;one&gt;\" time=\"0\"/>",
        "<testcase classname=\"checks.inner &amp; co\" name=\"is | even\" time=\"0\">",
        "<failure message=\"2 of 4 failed\" type=\"checks\">2 of 4 failed</failure>",
    ] {
        assert!(xml.contains(part), "no {part} in:\n{xml}");
    }
    let page = folder.read("r.md");
    for part in [
        "## Load test `t.js`\n\n❌ 1 of 3 thresholds crossed\n",
        "| ❌ | my\\_trend | p(95)&lt;1 | p(95)=2ms |\n",
        "| ✅ |  | is &lt;one&gt; | 4 | 0 |\n",
        "| ❌ | inner &amp; co | is \\| even | 2 | 2 |\n",
        "| my\\_trend | avg 2ms, min 2ms, med 2ms, max 2ms, p(90) 2ms, p(95) 2ms |\n",
    ] {
        assert!(page.contains(part), "no {part} in:\n{page}");
    }
}

#[test]
fn a_run_that_breaks_is_an_error_in_the_report() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "import exec from 'k6/execution';\nexport default function () { exec.test.abort('too \"bad\"'); }\n",
    );
    let words = [
        "run",
        "--quiet",
        "--no-record",
        "--summary-mode",
        "disabled",
        "--report",
        "junit=j.xml",
        "t.js",
    ];
    folder.squall(&words).run().expect_code(108);
    let xml = folder.read("j.xml");
    assert!(
        xml.contains("errors=\"1\"")
            && xml.contains("<error message=\"test aborted: too &quot;bad&quot;"),
        "{xml}"
    );
    for words in [&["--report", "html=x"][..], &["--report", "junit"], &["--report", "github"]] {
        let mut all = vec!["run", "--quiet", "--no-record"];
        all.extend(words);
        all.push("t.js");
        folder.squall(&all).run().expect_code(255).expect_stderr("report");
    }
}

fn material() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/github")
}

/// The steps of the action as GitHub runs them, with our binary on the path.
#[test]
fn the_action_installs_and_runs() {
    let folder = Folder::new();
    folder
        .write("ok.js", "export default function () { console.log(__ENV.WHO, 'ran'); }\n")
        .write("t.js", SCRIPT);
    let bin = folder.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_squall"), bin.join("squall")).unwrap();
    let bash = |script: &str, variables: &[(&str, &str)]| {
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let mut command = Command::new("bash");
        command
            .arg(material().join(script))
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("RUNNER_TEMP", at("temp"))
            .env("GITHUB_PATH", at("path"))
            .env("GITHUB_OUTPUT", at("output"))
            .env("GITHUB_STEP_SUMMARY", at("summary.md"))
            .envs(variables.iter().copied());
        command.output().unwrap()
    };
    let installed = bash("install.sh", &[("AS_K6", "true")]);
    assert!(installed.status.success(), "{installed:?}");
    let path = folder.read("path");
    assert!(Path::new(path.trim()).join("k6").exists(), "{path}");
    let scripts = "\n  t.js\n\n  ok.js\n";
    let ran = bash(
        "run.sh",
        &[("SCRIPTS", scripts), ("FLAGS", "--quiet -e 'WHO=one of us'"), ("RESULTS", "results")],
    );
    assert_eq!(ran.status.code(), Some(99), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("one of us ran"), "{ran:?}");
    assert_eq!(folder.read("output"), "exit-code=99\n");
    for name in ["results/t.junit.xml", "results/t.md", "results/ok.junit.xml", "results/ok.md"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    let summary = folder.read("summary.md");
    assert!(summary.contains("`t.js`") && summary.contains("`ok.js`"), "{summary}");
}

#[test]
fn a_recorded_run_gives_the_same_reports() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT).write(
        "a.js",
        "import exec from 'k6/execution'; export default function () { exec.test.abort('enough'); }",
    );
    let reports = |name: &str| [format!("junit={name}.xml"), format!("markdown={name}.md")];
    let [junit, markdown] = reports("live");
    folder
        .squall(&[
            "run", "--quiet", "--record", "kept", "--report", &junit, "--report", &markdown, "t.js",
        ])
        .run()
        .expect_code(99);
    let [junit, markdown] = reports("again");
    folder
        .squall(&["report", "--report", &junit, "--report", &markdown, "kept"])
        .run()
        .expect_code(0);
    for kind in ["xml", "md"] {
        assert_eq!(folder.read(&format!("again.{kind}")), folder.read(&format!("live.{kind}")));
    }
    folder.squall(&["run", "--quiet", "--record", "aborted", "a.js"]).run().expect_code(108);
    folder.squall(&["report", "--report", "junit=a.xml", "aborted"]).run().expect_code(0);
    let xml = folder.read("a.xml");
    assert!(xml.contains("aborted by the script (exit code 108)"), "{xml}");
    folder
        .squall(&["report", "--report", "pdf=x", "kept"])
        .run()
        .expect_code(255)
        .expect_stderr("invalid report");
}

/// Files of YAML are read as far as their form goes: keys, lists and texts of several lines, by indentation.
#[test]
fn the_workflow_and_the_action_say_what_they_should() {
    let action = yaml(&material().join("action.yml"));
    let workflow = yaml(&material().join("load-test.yml"));
    let has = |lines: &[(usize, String)], depth: usize, text: &str| {
        assert!(
            lines.iter().any(|(d, t)| *d == depth && t == text),
            "no {text:?} at {depth} in {lines:#?}"
        );
    };
    has(&action, 2, "using: composite");
    for script in ["install.sh", "run.sh"] {
        has(&action, 6, &format!("run: bash \"$GITHUB_ACTION_PATH/{script}\""));
        assert!(material().join(script).exists());
    }
    has(&workflow, 2, "workflow_dispatch:");
    has(&workflow, 4, "- cron: '0 2 * * *'");
    has(&workflow, 8, "uses: actions/upload-artifact@v4");
    has(&workflow, 8, "if: always()");
    // Every input that the workflow gives is one the action has.
    let with = workflow.iter().position(|(_, text)| text == "with:").unwrap();
    for (_, text) in workflow[with + 1..].iter().take_while(|(depth, _)| *depth >= 10) {
        if let Some((key, _)) = text.split_once(':').filter(|(key, _)| !key.contains('/')) {
            has(&action, 2, &format!("{key}:"));
        }
    }
}

/// Indentation and text of each line that is not empty or a comment; refuses what YAML does.
fn yaml(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = Vec::new();
    let mut block: Option<usize> = None;
    for line in text.lines() {
        assert!(!line.contains('\t') && line.trim_end() == line, "{path:?}: {line:?}");
        let depth = line.len() - line.trim_start().len();
        let body = line.trim_start();
        if body.is_empty() || (body.starts_with('#') && block.is_none()) {
            continue;
        }
        if block.is_some_and(|at| depth > at) {
            lines.push((depth, body.to_owned()));
            continue;
        }
        block = None;
        assert_eq!(depth % 2, 0, "{path:?}: {line:?}");
        let body = body.split(" #").next().unwrap_or(body).trim_end();
        let item = body.strip_prefix("- ").unwrap_or(body);
        assert!(
            item.contains(": ") || item.ends_with(':') || body.starts_with("- "),
            "{path:?}: neither a key nor an item: {line:?}"
        );
        if item.ends_with(": |") {
            block = Some(depth);
        }
        lines.push((depth, body.to_owned()));
    }
    lines
}
