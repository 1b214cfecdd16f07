//! A real Docker engine: throttling, a restart and an end for want of memory, as they happen. Opt-in, for it needs root
//! and a kernel that lets it: `SQUALL_DOCKERD=1`, with `dockerd`, `docker` and a static `busybox`.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use demo::{Target, TargetConfig};

use crate::child;
use crate::is_on;
use crate::kept::Kept;
use crate::program::Folder;

const PATIENCE: Duration = Duration::from_secs(60);

/// The engine, in a folder of its own; it touches nothing of the machine's network.
struct Engine {
    child: Child,
    folder: PathBuf,
}

impl Engine {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("squall-dockerd-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let child = Command::new("dockerd")
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .arg("-H")
            .arg(format!("unix://{}", folder.join("docker.sock").display()))
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("dockerd is there where SQUALL_DOCKERD=1 says so");
        let engine = Self { child, folder };
        let is_ready = child::until(PATIENCE, || engine.try_docker(&["info"]).ok());
        assert!(is_ready.is_some(), "{}", fs::read_to_string(engine.folder.join("log")).unwrap());
        engine
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.join("docker.sock").display())
    }

    fn docker(&self, words: &[&str]) -> String {
        self.try_docker(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn try_docker(&self, words: &[&str]) -> Result<String, String> {
        let output =
            Command::new("docker").arg("-H").arg(self.host()).args(words).output().unwrap();
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// An image with nothing but busybox.
    fn import(&self) {
        let script = format!(
            "command -v busybox >/dev/null || {{ echo busybox is missing: apt-get install busybox-static >&2; exit 1; }}; \
             mkdir -p {0}/root/bin {0}/root/tmp && cp \"$(command -v busybox)\" {0}/root/bin/busybox && ln -sf busybox {0}/root/bin/sh && tar -C {0}/root -c . | docker -H {1} import - box",
            self.folder.display(),
            self.host()
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let ids = self.try_docker(&["ps", "-aq"]).unwrap_or_default();
        for id in ids.split_whitespace() {
            let _ = self.try_docker(&["rm", "-f", id]);
        }
        child::signal(&self.child, libc::SIGTERM);
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_real_engines_throttling_restarts_and_kills_are_seen() {
    if !is_on("SQUALL_DOCKERD") {
        return;
    }
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let engine = Engine::start();
    engine.import();
    let busy = "while :; do :; done";
    let run = ["run", "-d", "--network", "none", "--label", "com.docker.compose.project=shop"];
    let with = |words: &[&str]| engine.docker(&[&run[..], words].concat());
    with(&["--name", "busy", "--cpus", "0.2", "--memory", "64m", "box", "/bin/sh", "-c", busy]);
    with(&[
        "--name",
        "talks",
        "box",
        "/bin/sh",
        "-c",
        "while :; do echo ERROR no; /bin/busybox sleep 0.2; done",
    ]);
    let folder = Folder::new();
    folder.write(
        "probes.json",
        r#"{ "docker": [{ "name": "shop", "compose": "shop",
             "logs": [{ "container": "talks", "patterns": { "errors": "ERROR" } }] }] }"#,
    );
    let url = format!("{}/v1/results", target.url());
    let words =
        ["burst", &url, "--rate", "5", "-d", "12s", "--record", "kept", "--observe", "probes.json"];
    let running = folder.squall(&words).env("DOCKER_HOST", &engine.host()).start();
    child::pause(Duration::from_secs(3));
    engine.docker(&["restart", "-t", "0", "busy"]);
    let fill = "x=a; while :; do x=$x$x; done";
    with(&[
        "--name",
        "greedy",
        "--memory",
        "16m",
        "--memory-swap",
        "16m",
        "box",
        "/bin/sh",
        "-c",
        fill,
    ]);
    let ended = running.wait().expect_code(0);
    let kept = Kept::read(&folder.path().join("kept"));
    let of = |metric: &str, name: &str| -> Vec<f64> {
        kept.one(metric, ("container", name)).points.iter().map(|(_, value)| *value).collect()
    };
    let told = format!("{}\n{:?}", ended.stderr, kept.run.events);
    let cores = of("docker_cpu_cores", "busy");
    assert!(cores.iter().any(|cores| (cores - 0.2).abs() < 0.05), "{cores:?} {told}");
    assert!(of("docker_throttled_ratio", "busy").iter().any(|ratio| *ratio > 0.5), "{told}");
    assert_eq!(of("docker_restarts", "busy").last(), Some(&1.0), "{told}");
    assert_eq!(of("docker_oom_kills", "greedy").last(), Some(&1.0), "{told}");
    assert_eq!(kept.events("container-restarted", "busy").len(), 1, "{told}");
    assert_eq!(kept.events("oom-killed", "greedy").len(), 1, "{told}");
    let matches = kept.one("log_matches", ("log", "talks"));
    assert!(matches.points.last().unwrap().1 > 20.0, "{matches:?}");
    let clock = kept.events("clock", "shop");
    let offset: f64 = clock[0].fields["offset_ms"].parse().unwrap();
    assert!(offset.abs() < 100.0, "{clock:?}");
}
