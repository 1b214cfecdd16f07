//! The example scripts of k6's own repository end with the same exit code under Squall as under the real k6.
//!
//! They are AGPL and not part of this repository: `SQUALL_K6_SOURCE` names the folder of k6's module in Go's cache
//! (`scripts/k6.sh source`), `SQUALL_K6` the program. Every host they name leads to a target on this machine, each runs
//! one iteration. Left out is what needs a browser, or, for the real k6, modules from the network.

// Tests may read the environment and stop at what is not there; the lints are for the product.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "support/child.rs"]
mod child;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Hosts that the examples name.
const HOSTS: &[&str] = &[
    "quickpizza.grafana.com",
    "httpbin.org",
    "k6.io",
    "test.k6.io",
    "api.github.com",
    "sha256.badssl.com",
    "dev-li-david.pantheonsite.io",
    "example.com",
    "stackoverflow.com",
    "grpcbin.test.k6.io",
];

/// Scripts with one of these words are not run, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("k6/browser", "neither program has one here"),
    ("k6/experimental/redis", "what is left of it is an extension"),
    ("my_rate: [\"rate>=0.4\"]", "its threshold is a matter of chance"),
    ("TLS_RSA_WITH_RC4_128_SHA", "no suite of that age: COMPAT.md"),
];

/// Beyond this a script is ended, which counts as an exit code of its own.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fewer than this and the folder is not what we think it is.
const LEAST_SCRIPTS: usize = 30;

fn named(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// All scripts below a folder, but for those left out.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let is_script = path.extension().is_some_and(|end| end == "js" || end == "ts");
            if path.is_dir() {
                folders.push(path);
            } else if is_script {
                let text = fs::read_to_string(&path).unwrap();
                if !LEFT_OUT.iter().any(|(word, _)| text.contains(word)) {
                    found.push(path);
                }
            }
        }
    }
    found.sort();
    found
}

/// Where a program runs: the script's own folder is read-only, and leftovers must not meet.
struct Bench {
    folder: PathBuf,
    config: PathBuf,
}

impl Bench {
    fn new(target: std::net::SocketAddr) -> Bench {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("examples-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let hosts: serde_json::Map<_, _> =
            HOSTS.iter().map(|host| ((*host).to_owned(), target.to_string().into())).collect();
        let config = folder.join("config.json");
        let options = serde_json::json!({"hosts": hosts, "insecureSkipTLSVerify": true});
        fs::write(&config, options.to_string()).unwrap();
        Bench { folder, config }
    }

    /// The exit code, or that there was none in time; and what the program said.
    fn run(&self, program: &Path, script: &Path) -> (String, String) {
        let child = Command::new(program)
            .args([
                "run",
                "--quiet",
                "--no-color",
                "--no-usage-report",
                "--summary-mode",
                "disabled",
            ])
            .args(["--vus", "1", "--iterations", "1", "--address", ""])
            .arg("--config")
            .arg(&self.config)
            .arg(script)
            .current_dir(&self.folder)
            .env_clear()
            .env("HOME", &self.folder)
            .env("XDG_DATA_HOME", self.folder.join("data"))
            .env("PATH", "/usr/bin:/bin")
            .env("K6_AUTO_EXTENSION_RESOLUTION", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait(child)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn wait(child: Child) -> (String, String) {
    let Some(output) = child::output(child, PATIENCE) else {
        return ("none in time".to_owned(), String::new());
    };
    let code = output.status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
    (code, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn k6s_own_examples_end_as_they_do_under_k6() {
    let (Some(k6), Some(source)) = (named("SQUALL_K6"), named("SQUALL_K6_SOURCE")) else {
        return;
    };
    let scripts = scripts(&source.join("examples"));
    assert!(scripts.len() >= LEAST_SCRIPTS, "{} in {}", scripts.len(), source.display());
    let target = demo::Target::start(demo::TargetConfig::on_free_port()).unwrap();
    let bench = Bench::new(target.addrs()[0]);
    let squall = Path::new(env!("CARGO_BIN_EXE_squall"));
    let mut failures = Vec::new();
    for script in &scripts {
        let (got, said) = bench.run(squall, script);
        let needs_network = fs::read_to_string(script).unwrap().contains("https://jslib.k6.io");
        // What the real k6 can't load here, it can't tell us about; loading is what matters then.
        let (expected, holds) = if needs_network {
            ("anything but 107".to_owned(), got != "107")
        } else {
            let (expected, _) = bench.run(&k6, script);
            let holds = expected == got;
            (expected, holds)
        };
        if !holds {
            let last: Vec<&str> = said.lines().rev().take(2).collect();
            let name = script.strip_prefix(&source).unwrap().display();
            failures.push(format!("{name}: k6 {expected}, squall {got}: {last:?}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} differ\n{}",
        failures.len(),
        scripts.len(),
        failures.join("\n")
    );
}
