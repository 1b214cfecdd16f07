//! Archives in k6's format, made and run.

use std::path::Path;

use crate::program::Folder;

const SCRIPT: &str = "
import { check } from 'k6';
import { one } from './lib/one.js';
import exec from 'k6/execution';
const two = require('./two');
const data = open('./data.txt');
export const options = { iterations: 2, thresholds: { checks: ['rate==1'] }, tags: { a: 'b' } };
export default function () {
  check(null, { works: () => one + two + data.trim() === '12three' });
  console.log(__ENV.WHO, __ENV.EXTRA, exec.test.options.tags.a, exec.test.options.scenarios.default.vus);
}
";

fn sample() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join("lib")).unwrap();
    folder
        .write("t.js", SCRIPT)
        .write("lib/one.js", "export const one = '1';")
        .write("two.ts", "const two: string = '2';\nmodule.exports = two;")
        .write("data.txt", "three\n");
    folder
}

/// Another folder, so that nothing but the archive is there.
fn elsewhere(from: &Folder) -> Folder {
    let folder = Folder::new();
    std::fs::copy(from.path().join("a.tar"), folder.path().join("a.tar")).unwrap();
    for name in ["t.js", "lib/one.js", "two.ts", "data.txt"] {
        std::fs::remove_file(from.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn an_archive_runs_where_nothing_else_is() {
    let made = sample();
    made.squall(&["archive", "-O", "a.tar", "-e", "WHO=me", "-u", "2", "t.js"])
        .run()
        .expect_code(0);
    let folder = elsewhere(&made);
    folder
        .squall(&["run", "--quiet", "--no-record", "-e", "EXTRA=x", "a.tar"])
        .run()
        .expect_code(0)
        .expect_stderr("me x b 2")
        .expect_stdout("✓ works");
    // Flags come on top of the archive's options.
    folder
        .squall(&["run", "--quiet", "--no-record", "-u", "1", "--type", "archive", "a.tar"])
        .run()
        .expect_code(0)
        .expect_stderr("me undefined b 1");
    folder
        .squall(&["inspect", "a.tar"])
        .run()
        .expect_code(0)
        .expect_stdout("\"vus\": 2,")
        .expect_stdout("\"iterations\": 2,");
    let tar = std::fs::read(folder.path().join("a.tar")).unwrap();
    let text = String::from_utf8_lossy(&tar);
    for part in [
        "\"type\": \"js\"",
        "\"k6version\": \"2.2.0\"",
        "\"WHO\": \"me\"",
        "\"compatibilityMode\": \"extended\"",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn an_archive_is_written_to_standard_output_without_variables() {
    let made = sample();
    let ended = made
        .squall(&["archive", "-O", "-", "-e", "WHO=me", "--exclude-env-vars", "t.js"])
        .run()
        .expect_code(0);
    let text = ended.stdout;
    assert!(text.starts_with("metadata.json\0") && text.contains("\"env\": null"), "{text}");
    assert!(!text.contains("WHO\": \"me"));
}

#[test]
fn an_archive_of_the_real_k6_runs() {
    let folder = Folder::new();
    let tar =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/scripts/data/k6-2.2.tar");
    std::fs::copy(tar, folder.path().join("a.tar")).unwrap();
    folder
        .squall(&["run", "--quiet", "--no-record", "a.tar"])
        .run()
        .expect_code(0)
        .expect_stderr("me undefined 4")
        .expect_stdout("✓ 12three");
}

#[test]
fn what_is_no_archive_is_refused() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    for (words, part) in [
        (&["run", "--type", "archive", "t.js"][..], "could not load test archive bundle"),
        (&["run", "--type", "zip", "t.js"], "unknown or unspecified test type 'zip'"),
        (&["archive"], "accepts 1 arg(s), received 0"),
        (&["archive", "-O", "none/a.tar", "none.js"], "couldn't be found on local disk"),
    ] {
        folder.squall(words).run().expect_code(255).expect_stderr(part);
    }
}

#[test]
fn a_new_script_runs() {
    let folder = Folder::new();
    folder
        .squall(&["new"])
        .run()
        .expect_code(0)
        .expect_stdout("New script created: script.js (minimal template).\n");
    folder
        .squall(&["new"])
        .run()
        .expect_code(255)
        .expect_stderr("script.js already exists. Use the `--force` flag to overwrite it");
    folder
        .squall(&["new", "-f", "--template", "protocol", "--project-id", "7", "script.js"])
        .run()
        .expect_code(0)
        .expect_stdout("(protocol template)");
    folder
        .squall(&["inspect", "script.js"])
        .run()
        .expect_code(0)
        .expect_stdout("\"ramping-vus\"")
        .expect_stdout("\"constant-arrival-rate\"");
    assert!(folder.read("script.js").contains("projectID: 7"));
    folder.squall(&["new", "--template", "none.js", "x.js"]).run().expect_code(255);
    assert!(!folder.path().join("x.js").exists());
}

#[test]
fn dependencies_and_features_are_listed() {
    let folder = Folder::new();
    folder
        .write("t.js", "'use k6 >= 1.0';\nimport http from 'k6/http';\nimport { x } from './x.js';\nexport default () => {};\n")
        .write("x.js", "throw new Error('this must not run');\n")
        .write("ext.js", "'use k6 with k6/x/sql >= 1.0'; import 'k6/x/foo';\nexport default () => {};\n");
    let url = format!("file://{}", folder.path().display());
    folder.squall(&["deps", "t.js"]).run().expect_code(0).expect_stdout(&format!(
        "Build Dependencies:\n  k6: >=1.0\n\nImports:\n  {url}/t.js\n  {url}/x.js\n  k6/http\n\nCustom Build Required: no\n"
    ));
    folder
        .squall(&["deps", "--json", "ext.js"])
        .run()
        .expect_code(0)
        .expect_stdout("\"k6/x/sql\": \">=1.0\"")
        .expect_stdout("\"k6/x/foo\": \"*\"")
        .expect_stdout("\"customBuildRequired\": true");
    folder.squall(&["features"]).run().expect_code(0).expect_stdout(
        "FEATURE             LIFECYCLE      DESCRIPTION\nfreeze-env          Experimental   ",
    );
    folder.squall(&["features", "--json"]).run().expect_code(0).expect_stdout("\"merge-run-tags\"");
}
