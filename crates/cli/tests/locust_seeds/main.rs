//! The Locust commands of the seeds, to the letter but for their run times, on locustfiles written to theirs
//! (`examples`), against the bundled target. What Squall counted is what the target served.
//!
//! Needs the virtual environment whose Python `SQUALL_LOCUST_PYTHON` names (`scripts/locust.sh` makes one).

// Tests may read the environment and stop at what is not there; the lints are for the product.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "../support/child.rs"]
mod child;
#[path = "../support/sandbox.rs"]
mod sandbox;

use demo::{Target, TargetConfig, TargetHandle};
use sandbox::{Folder, files, wait};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long anything may take that the burst waits for.
const PATIENCE: Duration = Duration::from_secs(90);
/// As many requests as the seed expects of a burst at least.
const LEAST_OF_BURST: u64 = 10_000;

fn is_on(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0" && value != "false")
}

/// The `bin` of the environment with Locust, numpy and pandas.
fn bin() -> Option<PathBuf> {
    let path = std::env::var_os("SQUALL_LOCUST_PYTHON").filter(|path| !path.is_empty());
    let must = is_on("CI") && !is_on("SQUALL_NO_LOCUST");
    assert!(
        path.is_some() || !must,
        "SQUALL_LOCUST_PYTHON names no Python (scripts/locust.sh makes one)"
    );
    path.map(|path| PathBuf::from(path).parent().unwrap().to_owned())
}

/// Squall under the name that the seeds call it by.
fn locust(bin: &Path, folder: &Folder) -> Command {
    let named = folder.0.join("home/bin");
    fs::create_dir_all(&named).unwrap();
    let program = named.join("locust");
    // Runs that go side by side in one folder share it.
    match std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_squall"), &program) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        made => made.unwrap(),
    }
    let mut command = Command::new(program);
    command
        .current_dir(&folder.0)
        .env_clear()
        .env("HOME", folder.0.join("home"))
        .env("LANG", "C.UTF-8")
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("XDG_DATA_HOME", folder.0.join("home/data"))
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust-cache"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn seed(name: &str) -> Folder {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    Folder::with_copy_of(&examples.join(name))
}

fn target() -> TargetHandle {
    let mut config = TargetConfig::on_free_port();
    config.log = false;
    Target::start(config).unwrap()
}

/// Requests and failures of the last row, which is of all requests.
fn totals(csv: &str) -> (u64, u64) {
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let last: Vec<&str> = csv.lines().last().unwrap().split(',').collect();
    let field = |name: &str| -> u64 {
        let at = header.iter().position(|have| *have == name).unwrap();
        last[at].parse().unwrap()
    };
    assert_eq!(last[1], "Aggregated");
    (field("Request Count"), field("Failure Count"))
}

/// Runs one command of a seed in its folder, and gives how many requests it says there were and how many of them failed.
/// Both the target and the CSV file must have counted as many.
fn run(bin: &Path, folder: &Folder, words: &[&str], csv: &str) -> u64 {
    let target = target();
    let mut command = locust(bin, folder);
    command.args(words).args(["--host", &target.url(), "--csv", csv, "--stop-timeout", "20"]);
    let output = wait(command.spawn().unwrap(), csv);
    let log = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{csv}: {}\n{log}\n{printed}", output.status);
    let written = fs::read_to_string(folder.0.join(format!("{csv}_stats.csv"))).unwrap();
    let (requests, failures) = totals(&written);
    assert_eq!((requests, failures), (target.served().completed, 0), "{csv}\n{log}\n{written}");
    for name in ["stats_history", "failures", "exceptions"] {
        assert!(folder.0.join(format!("{csv}_{name}.csv")).exists(), "{csv}_{name}.csv");
    }
    requests
}

#[test]
fn the_inference_api_under_light_medium_and_heavy_load() {
    let Some(bin) = bin() else { return };
    let folder = seed("001-sentinel");
    std::thread::scope(|scope| {
        for (users, rate, least) in [("10", "2", 100), ("100", "10", 1_000), ("500", "50", 5_000)] {
            let (bin, folder) = (&bin, &folder);
            scope.spawn(move || {
                let mut words = vec!["-f", "loadtest/locustfile.py", "--headless"];
                words.extend(["--users", users, "--spawn-rate", rate, "--run-time", "12s"]);
                let requests = run(bin, folder, &words, &format!("results/users{users}"));
                assert!(requests >= least, "{users} users made {requests} requests");
            });
        }
    });
}

#[test]
fn the_deployment_api_in_three_scenarios_and_the_teams_own_snippets() {
    let Some(bin) = bin() else { return };
    let folder = seed("004-eucora");
    let scenarios = [
        ("100", "10", "results/scenario1_deployments"),
        ("50", "5", "results/scenario2_cab_approvals"),
        ("200", "20", "results/scenario3_connectors"),
    ];
    let totals: Vec<u64> = std::thread::scope(|scope| {
        let runs = scenarios.map(|(users, rate, csv)| {
            let (bin, folder) = (&bin, &folder);
            scope.spawn(move || {
                let mut words = vec!["-f", "tests/load_tests/locustfile.py", "--headless"];
                words.extend(["-u", users, "-r", rate, "-t", "12s", "--csv-names", "both"]);
                run(bin, folder, &words, csv)
            })
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (n, least) in totals.iter().zip([375, 100, 750]) {
        assert!(*n >= least, "{totals:?}");
    }

    let table = snippet(&bin, &folder, "parse_results.py");
    for word in ["Name", "Max Response Time", "/api/v1/deployments/", "Aggregated", "x 5 columns"] {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
    let summary = snippet(&bin, &folder, "aggregate_results.py");
    for ((_, _, csv), n) in scenarios.iter().zip(&totals) {
        let name = csv.strip_prefix("results/").unwrap().to_uppercase();
        let part = summary.split_once(&name).unwrap_or_else(|| panic!("no {name} in\n{summary}")).1;
        // The snippet adds all rows, the one of the sum too.
        assert!(
            part.contains(&format!("Total Requests: {}\n", 2 * n)),
            "{name}: {n} in\n{summary}"
        );
        assert!(
            part.contains("Total Failures: 0\n") && part.contains("Max Response: "),
            "{summary}"
        );
    }
    assert!(
        files(&folder.0).keys().any(|name| name.ends_with("scenario3_connectors_failures.csv"))
    );
}

#[test]
fn the_deployment_api_under_a_burst_of_a_thousand_users_from_the_web_interface() {
    let Some(bin) = bin() else { return };
    let (folder, target) = (seed("004-eucora"), target());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = locust(&bin, &folder);
    command.args(["-f", "tests/load_tests/locustfile.py", "--host", &target.url()]);
    command.args(["--web-host", "127.0.0.1", "--web-port", &port.to_string()]);
    let child = command.args(["--stop-timeout", "20"]).spawn().unwrap();

    let stats = || serde_json::from_str::<Value>(&ask(port, "GET", "/stats/requests", "")?).ok();
    let is_up = child::until(PATIENCE, || stats().filter(|stats| stats["state"] == "ready"));
    assert!(is_up.is_some(), "the web interface does not answer");
    let form = format!("user_count=1000&spawn_rate=100&host={}", target.url());
    let started = ask(port, "POST", "/swarm", &form).unwrap();
    assert!(started.contains("\"success\""), "{started}");
    let is_busy =
        |stats: &Value| stats["user_count"] == 1000 && target.served().completed >= LEAST_OF_BURST;
    let at_peak = child::until(PATIENCE, || stats().filter(is_busy));
    assert!(at_peak.is_some(), "{:?} after {} requests", stats(), target.served().completed);
    ask(port, "POST", "/stop", "").unwrap();
    // Pages are told what was counted a moment ago at most.
    let is_told = |stats: &Value| {
        let rows = stats["stats"].as_array()?;
        let total = rows.last()?;
        let failures = total["num_failures"].as_u64()?;
        (total["num_requests"].as_u64()? == target.served().completed).then_some(failures)
    };
    let failures = child::until(PATIENCE, || stats().as_ref().and_then(is_told));
    assert_eq!(failures, Some(0), "{:?} of {}", stats(), target.served().completed);
    child::signal(&child, libc::SIGTERM);
    let output = wait(child, "scenario 4");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The body of an answer of the web interface; `None` when nobody answers.
fn ask(port: u16, method: &str, path: &str, form: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let body = answer.split_once("\r\n\r\n")?.1;
    // Pieces of a chunked body stand between their sizes; ours come in one.
    let (start, end) =
        (body.find('{').unwrap_or(0), body.rfind('}').map_or(body.len(), |at| at + 1));
    body.get(start..end).map(str::to_owned)
}

fn snippet(bin: &Path, folder: &Folder, name: &str) -> String {
    let mut command = Command::new(bin.join("python"));
    command.current_dir(&folder.0).arg(name).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = wait(command.spawn().unwrap(), name);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
