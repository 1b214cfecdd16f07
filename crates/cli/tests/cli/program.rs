//! Running the built binary in a folder of its own, with a bound on its time.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// No command of these tests needs a tenth of it, even in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder that is removed when the test ends; also the home of the commands run in it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.0.join(name), text).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `squall` with these words, in this folder, with a clean environment.
    pub fn squall(&self, words: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
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
pub struct Program {
    command: Command,
    input: Option<String>,
}

impl Program {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Text for standard input.
    pub fn input(mut self, text: &str) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(text.to_owned());
        self
    }

    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the binary was built with the tests");
        if let Some(text) = self.input {
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        }
        Running(child)
    }

    /// Runs it to its end.
    pub fn run(self) -> Ended {
        self.start().wait()
    }
}

/// A command that runs.
pub struct Running(Child);

impl Running {
    /// Reads standard output up to and including the first line that contains `text`.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        use std::io::Read as _;
        let stdout = self.0.stdout.as_mut().unwrap();
        let mut seen = String::new();
        let mut line = Vec::new();
        let mut byte = [0];
        while stdout.read(&mut byte).unwrap() == 1 {
            line.push(byte[0]);
            if byte[0] == b'\n' {
                let whole = String::from_utf8_lossy(&line).into_owned();
                seen.push_str(&whole);
                if whole.contains(text) {
                    return seen;
                }
                line.clear();
            }
        }
        panic!("standard output ended before a line with {text:?}:\n{seen}");
    }

    pub fn signal(&self, number: i32) {
        let pid = libc::pid_t::try_from(self.0.id()).unwrap();
        assert_eq!(kill(pid, number), 0);
    }

    pub fn wait(self) -> Ended {
        let pid = libc::pid_t::try_from(self.0.id()).unwrap();
        let (send, receive) = mpsc::channel();
        rt::thread::start("waiter", move || send.send(self.0.wait_with_output())).unwrap();
        match receive.recv_timeout(PATIENCE) {
            Ok(output) => {
                let output = output.unwrap();
                Ended {
                    code: output.status.code(),
                    stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
                    stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
                }
            }
            Err(_) => {
                kill(pid, libc::SIGKILL);
                panic!("the command did not end within {PATIENCE:?}");
            }
        }
    }
}

#[allow(unsafe_code)]
fn kill(pid: libc::pid_t, number: i32) -> i32 {
    // SAFETY: kill touches no memory of ours; the process is a child that nobody has waited for yet.
    unsafe { libc::kill(pid, number) }
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ended {
    /// `None` when a signal killed it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
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
    pub fn expect_stderr(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in stderr:\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub fn expect_stdout(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "no {text:?} in stdout:\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}
