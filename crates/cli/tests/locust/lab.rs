//! A folder with a Locust file, a target, and `squall locust` on both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::program::{Ended, Folder, Program, Running};

/// How often a thing is looked for before it counts as never coming, and how long between.
pub(crate) const TRIES: u32 = 600;
pub(crate) const BETWEEN: Duration = Duration::from_millis(50);

/// The Python with the pinned Locust; `None` where tests go without.
pub(crate) fn python() -> Option<PathBuf> {
    let is_on =
        |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0");
    let python = std::env::var_os("SQUALL_LOCUST_PYTHON").filter(|path| !path.is_empty());
    assert!(
        python.is_some() || !is_on("CI") || is_on("SQUALL_NO_LOCUST"),
        "SQUALL_LOCUST_PYTHON does not name a Python with Locust (scripts/locust.sh makes one); \
         SQUALL_NO_LOCUST=1 goes without"
    );
    python.map(PathBuf::from)
}

/// A user that gets `/get` thirty times and is done.
pub(crate) const PLAIN: &str = r#"
from locust import HttpUser, constant, task
from locust.exception import StopUser

class Plain(HttpUser):
    wait_time = constant(0.02)
    left = 30

    @task
    def get(self):
        self.client.get("/get")
        self.left -= 1
        if self.left == 0:
            raise StopUser()
"#;

/// A user that gets `/get` all the time.
pub(crate) const ENDLESS: &str = r#"
from locust import HttpUser, constant, task

class Plain(HttpUser):
    wait_time = constant(0.02)

    @task
    def get(self):
        self.client.get("/get")
"#;

/// A Locust file with a target of its own.
pub(crate) struct Lab {
    pub(crate) folder: Folder,
    pub(crate) target: demo::TargetHandle,
    python: PathBuf,
}

impl Lab {
    /// A folder with this Locust file; `None` where there is no Locust.
    pub(crate) fn new(locustfile: &str) -> Option<Self> {
        let python = python()?;
        let folder = Folder::new();
        folder.write("locustfile.py", locustfile);
        let target = demo::Target::start(demo::TargetConfig::on_free_port()).unwrap();
        Some(Self { folder, target, python })
    }

    /// `squall locust` with these words, separated by spaces.
    pub(crate) fn squall(&self, words: &str) -> Program {
        let words: Vec<&str> = ["locust"].into_iter().chain(words.split_whitespace()).collect();
        self.with_python(self.folder.squall(&words))
    }

    /// The same binary, called as `locust`.
    pub(crate) fn locust(&self, words: &str) -> Program {
        let words: Vec<&str> = words.split_whitespace().collect();
        self.with_python(self.folder.called("locust", &words))
    }

    /// The Python that runs it.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    pub(crate) fn with_python(&self, program: Program) -> Program {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust-cache");
        let environment = self.python.parent().and_then(Path::parent).unwrap();
        program
            .env("VIRTUAL_ENV", environment.to_str().unwrap())
            .env("XDG_CACHE_HOME", cache.to_str().unwrap())
    }

    /// A headless run with these words besides.
    pub(crate) fn headless(&self, words: &str) -> Program {
        self.squall(&format!("--headless -H {} {words}", self.target.url()))
    }

    /// Such a run to its end, at which users finish what they are at.
    pub(crate) fn run(&self, words: &str) -> Ended {
        self.headless(&format!("-s 10 {words}")).run()
    }

    /// Waits until the target has had so many requests.
    pub(crate) fn wait_for_requests(&self, n: u64, running: Running) -> Running {
        for _ in 0..TRIES {
            if self.target.served().received >= n {
                return running;
            }
            std::thread::sleep(BETWEEN);
        }
        running.signal(libc::SIGKILL);
        let ended = running.wait();
        panic!("the target had only {} requests:\n{}", self.target.served().received, ended.stderr);
    }

    /// What the target has answered.
    pub(crate) fn served(&self) -> u64 {
        self.target.served().completed
    }
}

/// A Locust file that says where our package was imported from.
const WHERE: &str = r#"
import os
import squall_locust
print("package:", os.path.dirname(os.path.dirname(squall_locust.__file__)))

from locust import User
class Nobody(User):
    pass
"#;

/// The folder that the binary unpacks its Python package into.
pub(crate) fn package(lab: &Lab) -> String {
    lab.folder.write("where.py", WHERE);
    let listed = lab.squall("-f where.py --list").run().expect_code(0).stdout;
    listed.lines().find_map(|line| line.strip_prefix("package: ")).unwrap().to_owned()
}

/// A port that is free.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Words that make `--processes` use a port of their own: tests run side by side.
pub(crate) fn processes(n: u32) -> String {
    let port = free_port();
    format!("--processes {n} --master-port {port} --master-bind-port {port}")
}

/// The Aggregated row of the last table of requests: requests and failures.
#[track_caller]
pub(crate) fn aggregated(stderr: &str) -> (u64, u64) {
    let end =
        stderr.find("Response time percentiles").unwrap_or_else(|| panic!("no tables:\n{stderr}"));
    let row = stderr[..end].lines().rfind(|line| line.trim_start().starts_with("Aggregated"));
    let row = row.unwrap_or_else(|| panic!("no Aggregated row:\n{stderr}"));
    let cells: Vec<&str> = row.split_whitespace().collect();
    let failures = cells[2].split('(').next().unwrap();
    (cells[1].parse().unwrap(), failures.parse().unwrap())
}
