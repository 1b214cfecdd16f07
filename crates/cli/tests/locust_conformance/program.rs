//! Running Locust or Squall on a case, in a folder of its own with a target of its own, with a bound on its time.

use crate::case::Case;
use crate::normal::{Names, log_lines};
use crate::observed::{ASPECTS, Observed};
use crate::sandbox::{Folder, files, wait};
use crate::{child, files as written, requests, secure, tables};
use demo::TranscriptEntry;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a case's number of requests may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Locust, or Squall under the name of `locust`: it then prints nothing that Locust would not print.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    /// The virtual environment both run in.
    venv: PathBuf,
}

impl Program {
    /// The Locust beside a virtual environment's Python.
    pub(crate) fn locust(python: &Path) -> Self {
        let venv = venv_of(python);
        Self { path: venv.join("bin/locust"), venv }
    }

    /// Squall, with the same Python.
    pub(crate) fn squall(python: &Path) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("named-locust");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("locust");
        // Two tests may do this at once; the link of either is right.
        let _ = fs::remove_file(&path);
        let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_squall"), &path);
        Self { path, venv: venv_of(python) }
    }

    /// The second word of what `--version` prints.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(&self.path).arg("--version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().nth(1).unwrap_or_default().to_owned()
    }

    /// Runs a case and gives what it left behind, normalised.
    pub(crate) fn run(&self, case: &Case, home: &Path) -> Observed {
        let folder = Folder::with_copy_of(&home.join("files"));
        let mut config = demo::TargetConfig::on_free_port();
        config.transcript = true;
        let target = demo::Target::start(config).unwrap();
        let addr = target.addrs()[0];
        let port = free_port();
        let mut ports = vec![(port, "PORT")];
        let front = case.is_secure.then(|| secure::start(addr));
        if let Some(front) = &front {
            fs::write(folder.0.join("ca.pem"), &front.certificate).unwrap();
            ports.push((front.addr.port(), "SECURE"));
        }
        let before = files(&folder.0);
        let names = Names::new(&folder.0, &self.venv, addr, &ports);
        let mut values = vec![("{TARGET}", addr.to_string()), ("{PORT}", port.to_string())];
        values.extend(front.as_ref().map(|front| ("{SECURE}", front.addr.to_string())));
        let child = self.command(case, &folder.0, &values).spawn().unwrap();
        interrupt(case, &child, &target);
        let output = wait(child, &case.name);
        let mut after = files(&folder.0);
        after.retain(|name, _| !before.contains_key(name));

        let stderr = String::from_utf8_lossy(&output.stderr);
        let parts = tables::take_apart(&names.clean(&stderr), case);
        let exit =
            output.status.code().map_or_else(|| "killed by a signal".into(), |c| c.to_string());
        let stdout = String::from_utf8_lossy(&output.stdout);
        let mut observed = Observed::default();
        let mut set = |aspect: &str, mut lines: Vec<String>, may_be_in_any_order: bool| {
            if may_be_in_any_order && !case.is_ordered {
                lines.sort();
            }
            if !case.without.iter().any(|name| name == aspect) {
                observed.set(aspect, lines);
            }
        };
        set("exit", vec![exit], false);
        let received =
            requests::lines(&in_order(target.transcript()), &names, case.has_connections);
        set("requests", if case.is_ordered { received } else { kinds(received, case) }, true);
        set("stats", parts.stats, false);
        set("errors", parts.errors, true);
        if case.is_logged {
            set("log", log_lines(&parts.log, &names), true);
        }
        set("stdout", written::stdout_lines(&stdout, case, &names), true);
        set("files", written::lines(&after, case, &names), false);
        assert!(case.without.iter().all(|name| ASPECTS.contains(&name.as_str())));
        observed
    }

    fn command(&self, case: &Case, folder: &Path, values: &[(&str, String)]) -> Command {
        let filled = |word: &str| -> String {
            values.iter().fold(word.to_owned(), |text, (key, value)| text.replace(key, value))
        };
        let mut command = Command::new(&self.path);
        if !case.is_bare {
            command.args(["-f", &case.file, "--headless"]);
            if !case.is_loud {
                command.arg("--only-summary");
            }
            command.args(["--host", &filled("http://{TARGET}")]);
        }
        if case.has_csv {
            command.args(["--csv", "out"]);
        }
        command.args(case.words.iter().map(|word| filled(word)));
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust-cache");
        command
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .env("LANG", "C.UTF-8")
            .env("PATH", format!("{}:/usr/bin:/bin", self.venv.join("bin").display()))
            .env("VIRTUAL_ENV", &self.venv)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // Locust prints what it has in sets.
            .env("PYTHONHASHSEED", "0")
            // Recordings of runs stay in the folder; what Squall unpacks is unpacked once.
            .env("XDG_DATA_HOME", folder.join("home/data"))
            .env("XDG_CACHE_HOME", cache)
            .env("SECURE", filled("{SECURE}"))
            .env("TARGET", filled("{TARGET}"))
            .envs(case.env.iter().map(|(name, value)| (name, filled(value))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// The virtual environment of a Python in its `bin`.
pub(crate) fn venv_of(python: &Path) -> PathBuf {
    python
        .parent()
        .and_then(Path::parent)
        .expect("a Python in the `bin` of its environment")
        .to_owned()
}

/// Headers by their names: a client may send them in any order.
fn in_order(mut entries: Vec<TranscriptEntry>) -> Vec<TranscriptEntry> {
    for entry in &mut entries {
        entry.headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    }
    entries
}

/// Each kind of request once, with its number unless that depends on time.
fn kinds(lines: Vec<String>, case: &Case) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    let show = |(line, n): (String, usize)| match n {
        _ if !case.about.is_empty() => line,
        1 => line,
        n => format!("{n} × {line}"),
    };
    counts.into_iter().map(show).collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends the case's signal when the target has received its number of requests.
fn interrupt(case: &Case, child: &Child, target: &demo::TargetHandle) {
    let Some((signal, n)) = &case.interrupt else { return };
    let number = match signal.as_str() {
        "INT" => libc::SIGINT,
        "TERM" => libc::SIGTERM,
        other => panic!("{}: the signal {other} is not among the known ones", case.name),
    };
    let has_come = || (target.served().received >= *n).then_some(());
    let has_come = child::until(PATIENCE, has_come);
    assert!(has_come.is_some(), "{}: the target never received {n} requests", case.name);
    child::signal(child, number);
}
