//! `squall k8s forward start|stop|status`: forwards that stay when the command is over.
//!
//! Each is a process of this program with a file of state in the user's data folder. It holds the file locked: a file that
//! can be locked by another belongs to a process that is gone, whoever has its number now.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kubernetes::Forwards;
use serde_json::{Value, json};

use super::forward::{READY, wait};
use crate::environment;
use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::run::forwards::specs;
use crate::session::Session;
use crate::signals;

/// Where a forward's log is unless told otherwise: where those who wrote it by hand had it.
const LOG: &str = "logs/log_kpf.txt";
/// How long a process may take to end before it is killed.
const ENDING: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The end of a log that is shown, bytes.
const TAIL: u64 = 2_000;

/// What is known of a forward in the background.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pid: u32,
    started_unix_ns: u64,
    log: String,
    /// What is forwarded, its namespace, and where it is here.
    forwards: Vec<(String, String, SocketAddr)>,
}

impl State {
    pub(super) fn of(opened: &Forwards, log: &str, started_unix_ns: u64) -> Self {
        let forwards = opened.list().iter().map(|forwarded| {
            (forwarded.spec.to_string(), forwarded.namespace.clone(), forwarded.address)
        });
        let (pid, log) = (std::process::id(), log.to_owned());
        Self { pid, started_unix_ns, log, forwards: forwards.collect() }
    }

    /// Writes it and holds the file.
    pub(super) fn hold(&self, path: &Path) -> io::Result<File> {
        // Under its own name it is held from the first moment on: else somebody would take it for one left behind.
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.try_lock().map_err(io::Error::from)?;
        let forwards = self.forwards.iter().map(|(forward, namespace, address)| {
            json!({"forward": forward, "namespace": namespace, "address": address.to_string()})
        });
        let text = json!({
            "pid": self.pid,
            "started_unix_ns": self.started_unix_ns,
            "log": self.log,
            "forwards": forwards.collect::<Vec<_>>(),
        });
        file.write_all(text.to_string().as_bytes())?;
        fs::rename(new, path)?;
        Ok(file)
    }

    fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let forward = |value: &Value| {
            let text = |key: &str| value[key].as_str().map(str::to_owned);
            Some((text("forward")?, text("namespace")?, value["address"].as_str()?.parse().ok()?))
        };
        Some(Self {
            pid: u32::try_from(value["pid"].as_u64()?).ok()?,
            started_unix_ns: value["started_unix_ns"].as_u64()?,
            log: value["log"].as_str()?.to_owned(),
            forwards: value["forwards"].as_array()?.iter().map(forward).collect::<Option<_>>()?,
        })
    }

    /// Whether a word of the command line means it: a local port, or what it forwards to.
    fn is_meant(&self, which: &[&str]) -> bool {
        let is_it = |word: &&str| {
            self.forwards.iter().any(|(forward, _, address)| {
                address.port().to_string() == **word
                    || forward == word
                    || word.rsplit_once(':').is_some_and(|_| word.ends_with(&format!(":{forward}")))
            })
        };
        which.is_empty() || which.iter().any(is_it)
    }

    fn lines(&self) -> String {
        let mut text = String::new();
        for (forward, namespace, address) in &self.forwards {
            text.push_str(&format!(
                "{address} -> {forward} in namespace {namespace}, process {}, log {}\n",
                self.pid, self.log
            ));
        }
        text
    }
}

/// Where states are kept.
fn folder() -> PathBuf {
    let data = environment::data_folder();
    data.unwrap_or_else(|| environment::temporary_folder().join("squall")).join("forwards")
}

/// The forwards in the background; what others have left behind is removed.
fn living() -> Vec<(PathBuf, State)> {
    let Ok(entries) = fs::read_dir(folder()) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        if is_held(&path) {
            let state = fs::read_to_string(&path).ok().and_then(|text| State::parse(&text));
            found.extend(state.map(|state| (path, state)));
        } else {
            // Another command may have been quicker.
            let _ = fs::remove_file(&path);
        }
    }
    found.sort_by_key(|(_, state)| state.started_unix_ns);
    found
}

/// Whether a process holds the file.
fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
}

/// Starts a forward in the background and waits until it takes connections.
pub(super) fn start(session: &Session, words: &[&str]) -> CommandResult {
    let wanted = specs(words.iter().copied())?;
    if wanted.is_empty() {
        return Err(super::usage("nothing to forward".to_owned()));
    }
    let patience = wait(session)?;
    let is_local = |port: u16| wanted.iter().any(|spec| spec.local == Some(port));
    for (_, state) in living() {
        if let Some((forward, _, address)) =
            state.forwards.iter().find(|(.., address)| is_local(address.port()))
        {
            let text = format!("{forward} is forwarded to {address} already");
            return Err(
                Failure::usage(text).hint(format!("squall k8s forward stop {}", address.port()))
            );
        }
    }
    let log = session.flags.text("log").unwrap_or(LOG).to_owned();
    let (folder, unique) = (folder(), rt::unix_nanos());
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::usage(format!("can't make {}: {error}", folder.display())))?;
    let state = folder.join(format!("{}-{unique}.json", std::process::id()));
    let (log_file, log_begin) = open_log(&log)
        .map_err(|error| Failure::usage(format!("can't write the log {log}: {error}")))?;
    let failed = |error: io::Error| Failure::usage(format!("can't start a process: {error}"));
    let program = environment::own_program().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(["k8s", "forward", "run"]).args(words);
    command.arg("--state").arg(&state).arg("--log").arg(&log);
    command.arg(format!("--wait={}s", patience.as_secs().max(1)));
    for flag in ["namespace", "kubeconfig", "context"] {
        if let Some(value) = session.flags.text(flag) {
            command.arg(format!("--{flag}={value}"));
        }
    }
    if session.flags.is_on("verbose") {
        command.arg("--verbose");
    }
    // A group of its own: Ctrl-C here does not reach it.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file);
    let mut child = command.spawn().map_err(failed)?;
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        // It says one word, or ends.
        let _ = BufReader::new(stdout).read_line(&mut said);
    }
    if said.trim() != READY {
        let _ = child.wait();
        let tail = tail(&log, log_begin);
        return Err(Failure::usage(format!("the forward did not start:\n{}", tail.trim_end())));
    }
    let text = fs::read_to_string(&state).ok().and_then(|text| State::parse(&text));
    session.terminal.out(&text.map_or_else(String::new, |state| state.lines()));
    Ok(ExitStatus::Success)
}

/// Opens a log to write at its end; how long it is already.
fn open_log(path: &str) -> io::Result<(File, u64)> {
    if let Some(folder) = Path::new(path).parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let end = file.seek(io::SeekFrom::End(0))?;
    Ok((file, end))
}

/// What was written to a log since it was so long.
fn tail(path: &str, from: u64) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let end = file.seek(io::SeekFrom::End(0))?;
        file.seek(io::SeekFrom::Start(from.max(end.saturating_sub(TAIL))))?;
        let mut text = Vec::new();
        file.take(TAIL).read_to_end(&mut text)?;
        io::Result::Ok(String::from_utf8_lossy(&text).into_owned())
    };
    read().unwrap_or_else(|error| format!("(its log {path} can't be read: {error})"))
}

/// Ends the forwards that are meant; all, if none is named.
pub(super) fn stop(session: &Session, which: &[&str]) -> CommandResult {
    let meant: Vec<_> = living().into_iter().filter(|(_, state)| state.is_meant(which)).collect();
    if meant.is_empty() {
        // Who wants it gone has what he wants.
        session.terminal.out("no forward in the background\n");
        return Ok(ExitStatus::Success);
    }
    for (path, state) in &meant {
        signals::send(state.pid, libc::SIGTERM);
        if !ends(path) {
            signals::send(state.pid, libc::SIGKILL);
            if !ends(path) {
                return Err(Failure::usage(format!("process {} does not end", state.pid)));
            }
        }
        let _ = fs::remove_file(path);
        for (forward, _, address) in &state.forwards {
            session.terminal.out(&format!("stopped {address} -> {forward}\n"));
        }
    }
    Ok(ExitStatus::Success)
}

/// Waits for the end of the process that holds a file.
fn ends(path: &Path) -> bool {
    let Ok(mut core) = rt::Core::new(rt::CoreConfig { spin: false }) else { return false };
    core.block_on(async {
        let begun = rt::now();
        while is_held(path) {
            if rt::now().since(begun) > ENDING {
                return false;
            }
            rt::sleep(LOOK_EVERY).await;
        }
        true
    })
}

/// Tells which forwards there are; fails if there is none.
pub(super) fn status(session: &Session, which: &[&str]) -> CommandResult {
    let meant = living().into_iter().filter(|(_, state)| state.is_meant(which));
    let text: String = meant.map(|(_, state)| state.lines()).collect();
    if text.is_empty() {
        session.terminal.out("no forward in the background\n");
        return Ok(ExitStatus::Failure);
    }
    session.terminal.out(&text);
    Ok(ExitStatus::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written_and_known_by_port_or_name() {
        let address = "127.0.0.1:8010".parse().unwrap();
        let state = State {
            pid: 7,
            started_unix_ns: 5,
            log: "logs/log_kpf.txt".to_owned(),
            forwards: vec![("svc/api:80".to_owned(), "shop".to_owned(), address)],
        };
        let path =
            environment::temporary_folder().join(format!("state-{}.json", std::process::id()));
        let held = state.hold(&path).unwrap();
        assert!(is_held(&path));
        assert_eq!(State::parse(&fs::read_to_string(&path).unwrap()).unwrap(), state);
        drop(held);
        assert!(!is_held(&path));
        fs::remove_file(&path).unwrap();
        for (which, is_meant) in [
            (&[][..], true),
            (&["8010"], true),
            (&["svc/api:80"], true),
            (&["8010:svc/api:80"], true),
            (&["8011"], false),
            (&["svc/web:80"], false),
        ] {
            assert_eq!(state.is_meant(which), is_meant, "{which:?}");
        }
        assert_eq!(State::parse("{}"), None);
    }
}
