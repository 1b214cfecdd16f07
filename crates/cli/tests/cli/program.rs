//! Running the built binary in a folder of its own, with a bound on its time.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::child;

/// Longest silence of a command. They all print at least once a second.
const PATIENCE: Duration = Duration::from_secs(60);

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder that is removed when the test ends; also the home of the commands run in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.0.join(name), text).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `squall` with these words, in this folder, with a clean environment.
    pub(crate) fn squall(&self, words: &[&str]) -> Program {
        self.program(Path::new(env!("CARGO_BIN_EXE_squall")), words)
    }

    /// The same binary, called as `k6`.
    pub(crate) fn k6(&self, words: &[&str]) -> Program {
        self.called("k6", words)
    }

    /// The same binary, called by another name.
    pub(crate) fn called(&self, name: &str, words: &[&str]) -> Program {
        let link = self.0.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_squall"), &link).unwrap();
        }
        self.program(&link, words)
    }

    fn program(&self, program: &Path, words: &[&str]) -> Program {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(&self.0)
            .env_clear()
            .env("HOME", &self.0)
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Program { command, input: None }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command that has not been started.
pub(crate) struct Program {
    command: Command,
    input: Option<String>,
}

impl Program {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Text for standard input.
    pub(crate) fn input(mut self, text: &str) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(text.to_owned());
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the binary was built with the tests");
        if let Some(text) = self.input {
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        }
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Running { child, stdout: drain(stdout), stderr: drain(stderr), seen: Vec::new() }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }
}

/// Reads a stream to its end on a thread of its own: a command whose output nobody reads would stand still.
fn drain(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    let body = move || {
        let mut chunk = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut chunk) {
            if send.send(chunk[..n].to_vec()).is_err() {
                break;
            }
        }
    };
    rt::thread::start("drain", body).unwrap();
    receive
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    /// What of standard output was read.
    seen: Vec<u8>,
}

impl Running {
    /// Waits until standard output contains `text`; returns all of it so far.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.seen).into_owned();
            if seen.contains(text) {
                return seen;
            }
            match self.stdout.recv_timeout(PATIENCE) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(_) => {
                    self.signal(libc::SIGKILL);
                    panic!("no {text:?} in standard output:\n{seen}");
                }
            }
        }
    }

    /// Its process number.
    #[allow(dead_code, reason = "for the tests of Locust files, which share this file")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, number: i32) {
        child::signal(&self.child, number);
    }

    /// Waits for its end, in bounded time.
    pub(crate) fn wait(mut self) -> Ended {
        let mut stderr = Vec::new();
        for (stream, text) in [(&self.stdout, &mut self.seen), (&self.stderr, &mut stderr)] {
            loop {
                match stream.recv_timeout(PATIENCE) {
                    Ok(chunk) => text.extend(chunk),
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => {
                        child::signal(&self.child, libc::SIGKILL);
                        panic!("no end within {PATIENCE:?}:\n{}", String::from_utf8_lossy(text));
                    }
                }
            }
        }
        let status = self.child.wait().unwrap();
        Ended {
            code: status.code(),
            stdout: String::from_utf8_lossy(&self.seen).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal killed it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn expect_stderr(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in stderr:\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn expect_stdout(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "no {text:?} in stdout:\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}
