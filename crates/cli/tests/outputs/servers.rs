//! The real servers, each on a free port in a folder of its own, stopped when the test ends.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::program::Folder;
use crate::{child, is_on};

/// Longest wait for a server to begin, and for data to show up in it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
    _folder: Folder,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody uses now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether these tests are left out. That a server is missing is no reason.
pub(crate) fn are_left_out() -> bool {
    is_on("SQUALL_NO_SERVERS")
}

impl Server {
    fn start(
        program: &str,
        ready: &str,
        prepare: impl FnOnce(&Folder, u16) -> Vec<String>,
    ) -> Self {
        let folder = Folder::new();
        let port = free_port();
        let args = prepare(&folder, port);
        let log = folder.path().join("server.log");
        let file = File::create(&log).unwrap();
        let child = Command::new(program)
            .args(args)
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{program}: {error}; scripts/servers.sh installs it, SQUALL_NO_SERVERS=1 does without")
            });
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let server = Self { child, address, log, _folder: folder };
        let is_ready = wait(|| {
            get(server.address, ready).is_some_and(|(status, _)| status < 300).then_some(())
        });
        assert!(is_ready.is_some(), "{program} did not begin:\n{}", server.told());
        server
    }

    /// What it wrote.
    pub(crate) fn told(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// InfluxDB 1.x.
    pub(crate) fn influxdb() -> Self {
        Self::start("influxd", "/ping", |folder, port| {
            let dir = folder.path().display();
            let rpc = free_port();
            folder.write(
                "influxdb.conf",
                &format!(
                    "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n[meta]\ndir = \"{dir}/meta\"\n[data]\n\
                     dir = \"{dir}/data\"\nwal-dir = \"{dir}/wal\"\n[http]\nbind-address = \"127.0.0.1:{port}\"\n\
                     log-enabled = false\n[monitor]\nstore-enabled = false\n"
                ),
            );
            ["run", "-config", "influxdb.conf"].map(str::to_owned).to_vec()
        })
    }

    /// Prometheus, with its receiver and native histograms.
    pub(crate) fn prometheus() -> Self {
        Self::prometheus_that_scrapes(&[])
    }

    /// Prometheus that also looks at these targets' metrics once a second.
    pub(crate) fn prometheus_that_scrapes(targets: &[&str]) -> Self {
        Self::start("prometheus", "/-/ready", |folder, port| {
            let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
            folder.write(
                "prometheus.yml",
                &format!(
                    "scrape_configs:\n- job_name: target\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  static_configs:\n  \
                     - targets: [{}]\n",
                    targets.join(", ")
                ),
            );
            [
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                &format!("--web.listen-address=127.0.0.1:{port}"),
                "--web.enable-remote-write-receiver",
                "--enable-feature=native-histograms",
            ]
            .map(str::to_owned)
            .to_vec()
        })
    }

    /// VictoriaMetrics.
    pub(crate) fn victoria_metrics() -> Self {
        Self::start("victoria-metrics", "/health", |_, port| {
            [
                "-storageDataPath=data",
                &format!("-httpListenAddr=127.0.0.1:{port}"),
                "-search.latencyOffset=0s",
                "-search.disableCache",
            ]
            .map(str::to_owned)
            .to_vec()
        })
    }

    /// The values of a PromQL expression now: labels and value of each series. Native histograms come without a value.
    pub(crate) fn promql(&self, expression: &str) -> Vec<(Value, Option<f64>)> {
        let answer = self.json(&format!("/api/v1/query?query={}", escape(expression)));
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let result = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |one: &Value| one["value"][1].as_str().and_then(|text| text.parse().ok());
        result.iter().map(|one| (one["metric"].clone(), value(one))).collect()
    }

    /// The rows of an InfluxQL query: one list of values each, over all series.
    pub(crate) fn influxql(&self, database: &str, query: &str) -> Vec<Vec<Value>> {
        let target = format!("/query?db={}&q={}", escape(database), escape(query));
        let answer = self.json(&target);
        let results = answer["results"].as_array().cloned().unwrap_or_default();
        for result in &results {
            assert!(result["error"].is_null(), "{query}: {answer}");
        }
        let series =
            results.iter().flat_map(|one| one["series"].as_array().cloned().unwrap_or_default());
        let rows = series.flat_map(|one| one["values"].as_array().cloned().unwrap_or_default());
        rows.map(|row| row.as_array().cloned().unwrap_or_default()).collect()
    }

    /// Sends a body.
    pub(crate) fn write(&self, target: &str, body: &str) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let n = body.len();
        write!(
            stream,
            "POST {target} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {n}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split_whitespace().nth(1).unwrap_or_default();
        assert!(status.starts_with('2'), "{target}: {answer}");
    }

    fn json(&self, target: &str) -> Value {
        let (status, body) =
            get(self.address, target).unwrap_or_else(|| panic!("no answer to {target}"));
        serde_json::from_slice(&body)
            .unwrap_or_else(|_| panic!("{status} {target}: {}", String::from_utf8_lossy(&body)))
    }
}

/// Asks again until there is an answer.
pub(crate) fn wait<T>(ask: impl Fn() -> Option<T>) -> Option<T> {
    child::until(PATIENCE, ask)
}

fn get(address: SocketAddr, target: &str) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    // HTTP/1.0: no chunks, and the end of the answer is the end of the connection.
    write!(stream, "GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
