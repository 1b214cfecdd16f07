//! A run with a REST API at an address of its own.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::child;
use crate::client::try_call;

/// How long a state may take before it counts as never coming.
const PATIENCE: Duration = Duration::from_secs(60);

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A command that runs; killed when the test is done with it.
pub(crate) struct Process {
    child: Child,
    address: String,
    folder: PathBuf,
    outputs: Vec<JoinHandle<String>>,
}

/// What it left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// An address nobody listens at.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn folder() -> PathBuf {
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("rest-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn drain(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    rt::thread::start("drain", move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
    .unwrap()
}

/// A command in a folder of its own, run to its end.
pub(crate) fn run(program: &Path, words: &[&str]) -> Ended {
    Process::spawn(program, words, free_address()).wait()
}

impl Process {
    /// Starts a command with `--address`.
    pub(crate) fn start(program: &Path, words: &[&str]) -> Process {
        let address = free_address();
        let mut all = words.to_vec();
        all.extend(["--address", &address]);
        let address = address.clone();
        Process::spawn(program, &all, address)
    }

    fn spawn(program: &Path, words: &[&str], address: String) -> Process {
        let folder = folder();
        let mut child = Command::new(program)
            .args(words)
            .current_dir(&folder)
            .env_clear()
            .env("HOME", &folder)
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let outputs =
            vec![drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap())];
        Process { child, address, folder, outputs }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The attributes of its status, once it answers.
    pub(crate) fn status(&self) -> Option<Value> {
        let answer = try_call(&self.address, "GET", "/v1/status", "")?;
        let document: Value = serde_json::from_str(&answer.body).unwrap();
        Some(document["data"]["attributes"].clone())
    }

    pub(crate) fn wait_until(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        let reached = child::until(PATIENCE, || {
            last = self.status();
            last.clone().filter(|status| is_it(status))
        });
        reached.unwrap_or_else(|| panic!("{what}: never; last seen: {last:?}"))
    }

    /// Waits until it is in the phase that k6 gives this number.
    pub(crate) fn wait_for_status(&self, number: u64) -> Value {
        self.wait_until(&format!("status {number}"), |status| status["status"] == number)
    }

    pub(crate) fn signal(&self, number: i32) {
        child::signal(&self.child, number);
    }

    /// Waits for its end, at most a minute.
    pub(crate) fn wait(mut self) -> Ended {
        let status = child::until(PATIENCE, || self.child.try_wait().unwrap());
        let status = status.unwrap_or_else(|| panic!("it does not end"));
        let mut outputs = self.outputs.drain(..).map(|output| output.join().unwrap());
        let (stdout, stderr) = (outputs.next().unwrap(), outputs.next().unwrap());
        drop(outputs);
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
