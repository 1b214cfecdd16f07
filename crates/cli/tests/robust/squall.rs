//! The binary as a child process whose output, memory and end can be watched while it runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::child;
pub(crate) use crate::child::pause;

/// How long anything may take before it counts as a hang; a busy machine needs a tenth of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

static FOLDERS: AtomicU32 = AtomicU32::new(0);
static MACHINE: RwLock<()> = RwLock::new(());

/// For tests that don't mind others beside them.
pub(crate) fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// For tests whose result depends on who else uses the CPUs: none of this binary's other tests run meanwhile.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the long forms were asked for.
#[allow(clippy::disallowed_methods)] // the only knob of these tests
pub(crate) fn is_slow() -> bool {
    std::env::var("SQUALL_SLOW").is_ok_and(|v| v == "1")
}

/// Looks until `seen` gives something. Panics with `what` when it never does.
#[track_caller]
pub(crate) fn until<T>(what: &str, seen: impl FnMut() -> Option<T>) -> T {
    child::until(PATIENCE, seen).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// A script of these tests.
pub(crate) fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/robust/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A folder that is removed when the test ends; also the home of the commands run in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("robust-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A script of this test alone.
    pub(crate) fn script(&self, text: &str) -> String {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = self.0.join(format!("script-{number}.js"));
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// `squall` with these words, in this folder, with a clean environment.
    pub(crate) fn squall(&self, words: &[&str]) -> Running {
        self.start(Command::new(env!("CARGO_BIN_EXE_squall")).args(words))
    }

    /// `squall run --no-record`: this script against this target (`__ENV.URL`).
    pub(crate) fn run(&self, script: &str, url: &str, flags: &[&str]) -> Running {
        let url = format!("URL={url}");
        let mut words = vec!["run", "--no-record", "--no-color", "-e", &url, script];
        words.extend(flags);
        self.squall(&words)
    }

    /// Any command, as a child of this test.
    pub(crate) fn start(&self, command: &mut Command) -> Running {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str| self.0.join(format!("{name}-{number}"));
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        let child = command
            .current_dir(&self.0)
            .env_clear()
            .env("HOME", &self.0)
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Running { child, stdout, stderr, started: rt::now(), peak_rss: 0, gone: false }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command that runs. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    started: rt::Nanos,
    peak_rss: u64,
    gone: bool,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap()).into_owned()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stdout).unwrap()).into_owned()
    }

    pub(crate) fn signal(&self, number: i32) {
        assert!(!self.gone);
        child::signal(&self.child, number);
    }

    /// Whether it has ended; looks at its memory while it has not.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        if let Some(bytes) = memory(self.child.id(), "VmHWM:") {
            self.peak_rss = self.peak_rss.max(bytes);
        }
        let ended = self.child.try_wait().unwrap();
        self.gone = ended.is_some();
        ended
    }

    /// Resident memory now, bytes.
    pub(crate) fn rss(&self) -> Option<u64> {
        memory(self.child.id(), "VmRSS:")
    }

    /// Waits until its log says something.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        until(&format!("{text:?} in the log"), || {
            let is_there = self.stderr().contains(text);
            if !is_there && self.has_ended().is_some() && !self.stderr().contains(text) {
                panic!("it ended without {text:?}:\n{}\n{}", self.stdout(), self.stderr());
            }
            is_there.then_some(())
        });
    }

    /// Waits for its end and gives what it left.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        self.wait_within(PATIENCE)
    }

    /// The same with another bound.
    #[track_caller]
    pub(crate) fn wait_within(&mut self, patience: Duration) -> Ended {
        let Some(status) = child::until(patience, || self.has_ended()) else {
            let _ = self.child.kill();
            panic!(
                "still running after {patience:?}:\n--- stdout\n{}\n--- stderr\n{}",
                self.stdout(),
                self.stderr()
            );
        };
        Ended {
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
            took: rt::now() - self.started,
            peak_rss: self.peak_rss,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.gone {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A line of `/proc/PID/status`, bytes.
pub(crate) fn memory(pid: u32, key: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal killed it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    /// Highest resident memory that was seen (looked at every 5 ms), bytes.
    pub(crate) peak_rss: u64,
}

impl Ended {
    /// The end everything here must have: this exit code and no defect shown.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Ended {
        let all = format!("--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        assert_eq!(self.code, Some(code), "\n{all}");
        for bad in ["panicked", "please report it", "internal error", "given up", "in time\""] {
            assert!(!all.contains(bad), "{bad:?} in\n{all}");
        }
        self
    }

    /// The number after a metric's name in the summary, e.g. of `http_reqs`.
    #[track_caller]
    pub(crate) fn count(&self, metric: &str) -> u64 {
        let start = format!("    {metric}.");
        let line = self.stdout.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("no {metric} in\n{}", self.stdout));
        let (_, rest) = line.split_once(": ").unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// What the script printed with `console.log`, in order.
    pub(crate) fn said(&self) -> Vec<String> {
        let lines = self.stderr.lines().filter(|line| line.ends_with("source=console"));
        lines
            .filter_map(|line| {
                let text = line.split_once(" msg=")?.1.strip_suffix(" source=console")?;
                Some(match text.strip_prefix('"') {
                    Some(_) => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
                    None => text.to_owned(),
                })
            })
            .collect()
    }
}
