//! Archives go both ways: what Squall packs the real k6 runs, and what k6 packs Squall runs, with the same result.
//!
//! Without a k6 the archives that it made before stand for it (`conformance/scripts/data/*.tar`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{child, home, k6_path};

const PATIENCE: Duration = Duration::from_secs(60);

/// What is packed: modules of both kinds, TypeScript, opened files, options of all sources, variables.
const FILES: [(&str, &str); 6] = [
    (
        "scripts/t.js",
        "import { check } from 'k6';
         import exec from 'k6/execution';
         import { one } from './lib/one.js';
         import { three } from '../shared/three.ts';
         const { two } = require('./lib/two.js');
         const text = open('../data/text.txt');
         const bytes = open('../data/bytes.bin', 'b');
         export const options = {
           scenarios: { own: { executor: 'per-vu-iterations', vus: 2, iterations: 2, env: { OF: 'scenario' } } },
           thresholds: { checks: ['rate==1'], 'checks{kind:a}': [{ threshold: 'rate>0.5', abortOnFail: true }] },
           tags: { from: 'script' },
           summaryTrendStats: ['avg', 'p(99.9)'],
         };
         export function setup() { return { text }; }
         export default function (data) {
           const size = new Uint8Array(bytes).length;
           check(null, { 'all is there': () => one + two + three === '123' && data.text === text && size === 3 }, { kind: 'a' });
           const { tags, scenarios } = exec.test.options;
           console.log(one, two, three, text.trim(), size, __ENV.WHO, __ENV.OF, JSON.stringify(tags), scenarios.own.vus, exec.vu.metrics.tags.from);
         }",
    ),
    ("scripts/lib/one.js", "export const one = '1';\n"),
    ("scripts/lib/two.js", "module.exports = { two: require('./deeper/two.js').two };\n"),
    ("scripts/lib/deeper/two.js", "exports.two = '2';\n"),
    ("shared/three.ts", "const value: string = '3';\nexport const three = value;\n"),
    ("data/text.txt", "some text\n"),
];

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("archives-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Exit code, log and summary of a command, with nothing in it that two runs do not share.
fn run(program: &Path, folder: &Path, words: &[&str]) -> (Option<i32>, Vec<String>, String) {
    let export = folder.join("export.json");
    let _ = fs::remove_file(&export);
    let child = Command::new(program)
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/usr/bin:/bin")
        .env("K6_AUTO_EXTENSION_RESOLUTION", "false")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child::output(child, PATIENCE).unwrap_or_else(|| panic!("{words:?} does not end"));
    let log = String::from_utf8_lossy(&output.stderr);
    // What Squall adds to what k6 prints.
    let is_ours = |line: &&str| line.starts_with("  generator ") || line.starts_with("record: ");
    let mut log: Vec<String> =
        log.lines().filter(|line| !is_ours(line)).map(str::to_owned).collect();
    log.sort();
    // Which VU runs how many of the shared iterations is left to chance.
    log.dedup();
    let summary = fs::read_to_string(&export).unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&summary).unwrap_or_default();
    let checks = &json["metrics"]["checks"];
    let checks = format!(
        "{} {} {} {}",
        checks["passes"],
        checks["fails"],
        checks["thresholds"],
        json["root_group"]["checks"]["all is there"]["passes"]
    );
    (output.status.code(), log, checks)
}

/// Runs an archive in a folder where nothing else is.
fn run_archive(program: &Path, archive: &Path, name: &str) -> (Option<i32>, Vec<String>, String) {
    let folder = Folder::new(name);
    fs::copy(archive, folder.0.join("a.tar")).unwrap();
    let words = [
        "run",
        "--quiet",
        "--no-color",
        "--log-format=raw",
        "--no-usage-report",
        "--summary-export=export.json",
        "a.tar",
    ];
    run(program, &folder.0, &words)
}

fn pack(program: &Path, name: &str) -> Folder {
    let folder = Folder::new(name);
    for (file, text) in FILES {
        let path = folder.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(folder.0.join("data/bytes.bin"), [0, 159, 255]).unwrap();
    let words = ["archive", "-O", "a.tar", "-e", "WHO=me", "--tag", "from=flag", "scripts/t.js"];
    let (code, log, _) = run(program, &folder.0, &words);
    assert_eq!(code, Some(0), "{log:#?}");
    // Nothing but the archive is left.
    for gone in ["scripts", "shared", "data"] {
        fs::remove_dir_all(folder.0.join(gone)).unwrap();
    }
    folder
}

#[test]
fn each_program_runs_what_the_other_has_packed() {
    let Some(k6) = k6_path() else { return };
    let squall = Path::new(env!("CARGO_BIN_EXE_squall"));
    let mut seen = Vec::new();
    for (packer, packs) in [("k6", &*k6), ("squall", squall)] {
        let packed = pack(packs, packer);
        for (runner, runs) in [("k6", &*k6), ("squall", squall)] {
            let name = format!("{packer}-{runner}");
            let result = run_archive(runs, &packed.0.join("a.tar"), &name);
            assert_eq!(result.0, Some(0), "{name}: {:#?}", result.1);
            assert_eq!(result.1.len(), 1, "{name}: {:#?}", result.1);
            seen.push((name, result));
        }
    }
    let (first, expected) = seen.remove(0);
    for (name, result) in seen {
        assert_eq!(result, expected, "{name} beside {first}");
    }
}

/// Made by k6 of these versions, which is how its users have them lying around.
#[test]
fn archives_of_earlier_versions_run() {
    let squall = Path::new(env!("CARGO_BIN_EXE_squall"));
    for version in ["1.7", "2.2"] {
        let archive = home().join(format!("scripts/data/k6-{version}.tar"));
        let (code, log, _) = run_archive(squall, &archive, version);
        assert_eq!(code, Some(0), "{version}: {log:#?}");
        assert!(log.iter().any(|line| line.starts_with("me ")), "{version}: {log:#?}");
        if let Some(k6) = k6_path() {
            let (code, expected, _) = run_archive(&k6, &archive, &format!("{version}-k6"));
            assert_eq!((code, &log), (Some(0), &expected), "{version}");
        }
    }
}
