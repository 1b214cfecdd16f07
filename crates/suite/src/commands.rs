//! Commands of a plan, and every other process a suite starts: its output is kept, its time is bounded, and what it leaves
//! running when its time is over is ended with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::Duration;

use plan::suite::Command;
use rt::Nanos;

use crate::runner::{Host, Program, Signal, Spawn};

/// How long a command may take unless the plan says otherwise.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How long a process has between being asked to end and being killed.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// Between two looks at a process.
const PAUSE: Duration = Duration::from_millis(50);
/// The last lines of a log that are told, and their bytes.
const TOLD_LINES: usize = 5;
const TOLD_BYTES: u64 = 4 << 10;

/// How a command ended.
#[derive(Debug)]
pub(crate) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// It took too long, and was ended.
    Late(Duration),
    /// A signal asked the suite to stop, and the command was ended.
    Stopped(Signal),
    /// It could not be started.
    NotStarted(String),
}

impl End {
    /// Why it failed; `None` where it did not.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::Exited(status) if status.success() => None,
            Self::Exited(status) => Some(ended(*status)),
            Self::Late(limit) => Some(format!("it took longer than {}", plan::suite::Time(*limit))),
            Self::Stopped(signal) => Some(format!("the suite was stopped by {}", signal.name())),
            Self::NotStarted(error) => Some(format!("it can't be started: {error}")),
        }
    }
}

/// `exit code 3`, `killed by signal 9`.
pub(crate) fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Runs a command of the plan to its end, its output in the file `log`.
pub(crate) fn run(host: &mut dyn Host, command: &Command, folder: &Path, log: &Path) -> End {
    let folder = match &command.folder {
        Some(inner) => folder.join(inner),
        None => folder.to_owned(),
    };
    let env: Vec<_> = command.env.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let child = spawn(host, Program::Shell(command.run.clone()), env, &folder, log);
    let child = match child {
        Ok(child) => child,
        Err(error) => return End::NotStarted(error),
    };
    let limit = command.timeout.map_or(TIMEOUT, |time| time.0);
    wait(host, child, limit)
}

/// Starts a process whose output goes into a file.
///
/// # Errors
/// A sentence: the file or the process can't be made.
pub(crate) fn spawn(
    host: &mut dyn Host,
    program: Program,
    env: Vec<(String, String)>,
    folder: &Path,
    log: &Path,
) -> Result<Child, String> {
    let told =
        |path: &Path, error: std::io::Error| format!("{}: {}", path.display(), plain(&error));
    if let Some(parent) = log.parent() {
        std::fs::create_dir_all(parent).map_err(|error| told(parent, error))?;
    }
    let output = File::create(log).map_err(|error| told(log, error))?;
    let spawn = Spawn { program, env, folder: folder.to_owned(), output };
    host.spawn(spawn).map_err(|error| plain(&error))
}

fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

fn wait(host: &mut dyn Host, mut child: Child, limit: Duration) -> End {
    let end = rt::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return End::Exited(status),
            Ok(None) => {}
            Err(error) => return End::NotStarted(plain(&error)),
        }
        if let Some(signal) = host.wait(PAUSE) {
            finish(host, &mut child);
            return End::Stopped(signal);
        }
        if rt::now() >= end {
            finish(host, &mut child);
            return End::Late(limit);
        }
    }
}

/// Asks a process and what it started to end, and kills them when they don't.
pub(crate) fn finish(host: &mut dyn Host, child: &mut Child) -> Option<ExitStatus> {
    host.signal(child.id(), Signal::Terminate);
    let status = within(host, child, GRACE);
    if status.is_none() {
        host.signal(child.id(), Signal::Kill);
        return child.wait().ok();
    }
    status
}

/// Waits for the end of a process that was asked to end. A signal that comes meanwhile is about the suite, which is
/// ending already.
pub(crate) fn within(
    host: &mut dyn Host,
    child: &mut Child,
    limit: Duration,
) -> Option<ExitStatus> {
    let end: Nanos = rt::now() + limit;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if rt::now() >= end {
            return None;
        }
        let _ = host.wait(PAUSE);
    }
}

/// The last lines of a log, for people.
pub(crate) fn tail(log: &Path) -> Vec<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TOLD_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TOLD_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(TOLD_LINES);
    lines[from..].iter().map(|line| (*line).to_owned()).collect()
}

/// A name for a log: what is no letter, digit, `.`, `_` or `-` becomes `-`.
pub(crate) fn file_name(name: &str) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().take(60).map(plain).collect();
    PathBuf::from(name.trim_matches(['-', '.']))
}
