//! Locust's own tests of public behaviour, from a checkout that `LOCUST_SRC` names, with Squall laid over the installed Locust.
//! Without it there is nothing to do: the installed package has no tests.
//!
//! A test counts that passes on the real Locust here; what the machine does not let pass (no network, no IPv6) fails on both.
//! `conformance/locust/source_differences.json` names those that may differ, with reasons.

#![allow(
    clippy::print_stdout,
    reason = "what passed and what did not is for whoever asked for these tests"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::lab::{Lab, PLAIN, package};

/// What runs within the process: clients, users, tasks.
const WITHIN: &[&str] = &[
    "test_http",
    "test_fasthttp",
    "test_locust_class",
    "test_users",
    "test_tags",
    "test_wait_time",
    "test_sequential_taskset",
    "test_markov_taskset",
];
/// What starts a program called `locust`.
const PROGRAM: &[&str] =
    &["test_main.StandaloneIntegrationTests", "test_main.DistributedIntegrationTests"];

/// Examples that need no service outside, with the target for their host. Left out: those of databases, message queues and
/// libraries that are not installed, those without a user, and load shapes, which end by themselves after ten minutes.
const EXAMPLES: &[&str] = &[
    "add_command_line_argument.py",
    "basic.py",
    "bottlenecked_server.py",
    "browse_docs_sequence_test.py",
    "browse_docs_test.py",
    "csrf_form_authentication.py",
    "custom_wait_function.py",
    "dynamic_user_credentials.py",
    "events.py",
    "extend_web_ui.py",
    "fast_http_locust.py",
    "locustfile.py",
    "manual_stats_reporting.py",
    "markov_taskset.py",
    "multiple_hosts.py",
    "nested_inline_tasksets.py",
    "open_closed_workload.py",
    "response_validations.py",
    "rest.py",
    "semaphore_wait.py",
    "stop_on_threshold.py",
    "testdata_from_csv.py",
    "web_ui_cache_stats.py",
    "worker_index.py",
    "x-forwarded-for.py",
];

struct Source {
    lab: Lab,
    checkout: PathBuf,
    packages: PathBuf,
}

impl Source {
    /// `None` where no checkout is named, or there is no Locust.
    fn new() -> Option<Source> {
        let checkout = std::env::var_os("LOCUST_SRC").filter(|path| !path.is_empty())?;
        let lab = Lab::new(PLAIN)?;
        // What the tests need besides Locust.
        let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust-source-packages");
        if !packages.join("complete").exists() {
            let installed = Command::new(lab.python())
                .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
                .arg(&packages)
                .args(["pyquery", "retry", "cryptography"])
                .status()
                .unwrap();
            assert!(installed.success());
            std::fs::write(packages.join("complete"), "").unwrap();
        }
        Some(Source { lab, checkout: checkout.into(), packages })
    }

    /// How each test ended.
    fn run(&self, whose: &str, names: &[&str]) -> BTreeMap<String, String> {
        let runner =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../locust/python/tests/locust_source.py");
        let environment = self.lab.python().parent().and_then(Path::parent).unwrap();
        let ours = self.lab.folder.path().join("bin");
        if whose == "squall" && !ours.exists() {
            std::fs::create_dir(&ours).unwrap();
            let link = ours.join("locust");
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_squall"), link).unwrap();
        }
        let first = if whose == "squall" { ours } else { environment.join("bin") };
        let path =
            format!("{}:{}:/usr/bin:/bin", first.display(), environment.join("bin").display());
        // The package first, which holds ours, for the process of the tests; not for what it starts.
        let python_path = format!("{}:{}", package(&self.lab), self.packages.display());
        let ended = Command::new(self.lab.python())
            .arg(&runner)
            .arg(&self.checkout)
            .arg(whose)
            .args(names)
            .current_dir(self.lab.folder.path())
            .env("PATH", path)
            .env("VIRTUAL_ENV", environment)
            .env("PYTHONPATH", python_path)
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust-cache"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        std::fs::write(self.lab.folder.path().join(format!("{whose}.log")), &*told).unwrap();
        let lines = String::from_utf8_lossy(&ended.stdout).into_owned();
        let found: BTreeMap<String, String> = lines
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(how, _)| ["ok", "failed", "skipped"].contains(how))
            .map(|(how, name)| (name.to_owned(), how.to_owned()))
            .collect();
        assert!(!found.is_empty(), "{told}");
        if whose == "squall" {
            print!("{told}");
        }
        found
    }

    fn compare(&self, names: &[&str]) {
        let (real, ours) = (self.run("real", names), self.run("squall", names));
        let known = differences();
        let passes =
            |of: &BTreeMap<String, String>, name: &str| of.get(name).is_some_and(|how| how == "ok");
        let n_real = real.values().filter(|how| *how == "ok").count();
        let n_ours = ours.values().filter(|how| *how == "ok").count();
        println!("of {} tests {n_real} pass on the real Locust, {n_ours} with Squall", real.len());
        let lost =
            |name: &&str| passes(&real, name) && !passes(&ours, name) && !known.contains_key(*name);
        let mut lost: Vec<&str> = real.keys().map(String::as_str).filter(lost).collect();
        // Many of them expect times that a busy machine does not keep: those are run again by themselves.
        for _ in 0..2 {
            if !lost.is_empty() {
                let again = self.run("squall", &lost);
                lost.retain(|name| !passes(&again, name));
            }
        }
        assert!(lost.is_empty(), "pass on the real Locust and not with Squall: {lost:#?}");
    }
}

/// What an example left behind: its exit code, the names of its entries and of those that failed.
fn example(source: &Source, whose: &str, name: &str) -> (Option<i32>, Vec<String>) {
    let lab = &source.lab;
    let folder = lab.folder.path().join(whose).join(name.replace('/', "-"));
    std::fs::create_dir_all(&folder).unwrap();
    let url = lab.target.url();
    let path = source.checkout.join("examples").join(name);
    let words = [
        "--headless",
        "-u",
        "3",
        "-r",
        "3",
        "-t",
        "4",
        "-s",
        "3",
        "--json-file",
        "report",
        "-H",
        &url,
        "-f",
    ];
    let mut command = if whose == "real" {
        let mut command = Command::new(lab.python());
        command.args(["-m", "locust"]);
        command
    } else {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["locust", "--no-record", "--python"]).arg(lab.python());
        command
    };
    let ended = command
        .args(words)
        .arg(path)
        .current_dir(&folder)
        .env("API_HOST", &url)
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust-cache"))
        .output()
        .unwrap();
    std::fs::write(folder.join("log"), &ended.stderr).unwrap();
    let report = std::fs::read_to_string(folder.join("report.json")).unwrap_or_default();
    let entries: Vec<Value> = serde_json::from_str(&report).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut rows: Vec<String> = entries
        .iter()
        .filter(|entry| entry["num_requests"] != 0)
        .map(|entry| {
            let has_failed = entry["num_failures"] != 0;
            format!("{} {} {has_failed}", text(&entry["method"]), text(&entry["name"]))
        })
        .collect();
    rows.sort();
    (ended.status.code(), rows)
}

#[test]
fn locusts_own_examples_run_alike() {
    let Some(source) = Source::new() else { return };
    let known = differences();
    let mut other = Vec::new();
    for name in EXAMPLES {
        if known.contains_key(*name) || !source.checkout.join("examples").join(name).exists() {
            continue;
        }
        // What depends on chance may differ once.
        let differs = (0..3).all(|_| {
            let (real, ours) = (example(&source, "real", name), example(&source, "squall", name));
            let is_other = real != ours;
            if is_other {
                println!("{name}: {real:?} on the real Locust, {ours:?} with Squall");
            }
            is_other
        });
        if differs {
            other.push(*name);
        }
    }
    assert!(other.is_empty(), "{other:?} run otherwise");
}

/// Tests that may fail, and examples that may run otherwise, with reasons.
fn differences() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/locust/source_differences.json");
    let listed: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    listed.iter().map(|entry| (text(&entry["test"]), text(&entry["why"]))).collect()
}

#[test]
fn locusts_own_tests_of_users_and_clients_pass() {
    if let Some(source) = Source::new() {
        source.compare(WITHIN);
    }
}

#[test]
fn locusts_own_tests_of_its_program_pass() {
    if let Some(source) = Source::new() {
        source.compare(PROGRAM);
    }
}
