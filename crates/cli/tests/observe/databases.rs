//! PostgreSQL and Redis from Debian's packages, each on a free port in a folder of its own, stopped when the test ends.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::child;

/// Longest wait for a server to begin.
const PATIENCE: Duration = Duration::from_secs(60);
/// The password of both.
pub(crate) const PASSWORD: &str = "very-geheim";

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder that a server may own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("squall-observe-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where Debian puts PostgreSQL's programs.
fn postgres_programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .expect("scripts/servers.sh installs PostgreSQL, SQUALL_NO_SERVERS=1 does without")
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|bin| bin.join("postgres").exists())
        .collect();
    versions.sort();
    versions.pop().expect("scripts/servers.sh installs PostgreSQL")
}

/// A command that PostgreSQL lets run: not as root.
fn unprivileged(program: &Path) -> Command {
    let is_root = fs::metadata("/proc/self").is_ok_and(|meta| {
        use std::os::unix::fs::MetadataExt as _;
        meta.uid() == 0
    });
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

/// A PostgreSQL server with `pg_stat_statements`, the user `postgres` and a password.
pub(crate) struct Postgres {
    child: Option<Child>,
    pub(crate) port: u16,
    programs: PathBuf,
    folder: Folder,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let (folder, programs) = (Folder::new(), postgres_programs());
        let password = folder.0.join("password");
        fs::write(&password, PASSWORD).unwrap();
        let made = unprivileged(&programs.join("initdb"))
            .arg("-D")
            .arg(folder.0.join("data"))
            .args(["-U", "postgres", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"])
            .arg("--pwfile")
            .arg(&password)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Self { child: None, port: free_port(), programs, folder };
        server.begin();
        server.sql("CREATE EXTENSION pg_stat_statements");
        server
    }

    /// Starts it, again too.
    pub(crate) fn begin(&mut self) {
        let log = File::create(self.folder.0.join("log")).unwrap();
        let child = unprivileged(&self.programs.join("postgres"))
            .arg("-D")
            .arg(self.folder.0.join("data"))
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k"])
            .arg(&self.folder.0)
            .args(["-c", "shared_preload_libraries=pg_stat_statements", "-c", "fsync=off"])
            .args(["-c", "max_connections=50"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let is_ready = child::until(PATIENCE, || self.try_sql("SELECT 1").ok());
        let log = || fs::read_to_string(self.folder.0.join("log")).unwrap_or_default();
        assert!(is_ready.is_some(), "PostgreSQL did not begin:\n{}", log());
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SIGQUIT: the server ends its own processes and does not wait.
            child::signal(&child, libc::SIGQUIT);
            let _ = child.wait();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgresql://postgres:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// The folder of its Unix socket.
    pub(crate) fn socket_folder(&self) -> &Path {
        &self.folder.0
    }

    #[track_caller]
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn try_sql(&self, sql: &str) -> Result<String, String> {
        let output = self.psql().args(["-c", sql]).output().unwrap();
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// A session that is open until it is dropped.
    pub(crate) fn session(&self, sql: &str) -> Session {
        let mut child = self.psql().stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{sql}").unwrap();
        Session(child)
    }

    fn psql(&self) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url()]);
        command
    }

    /// `pgbench` at work for that many seconds.
    pub(crate) fn bench(&self, seconds: u32) -> Session {
        let program = self.programs.join("pgbench");
        let url = self.url();
        let made = Command::new(&program).args(["-i", "-q", "-s", "1", &url]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let seconds = seconds.to_string();
        let args = ["-n", "-c", "2", "-R", "200", "-T", &seconds, &url];
        let child = Command::new(program)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Session(child)
    }
}

/// A program that ends with the test.
pub(crate) struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Redis server with a password.
pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    _folder: Folder,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Redis {
    pub(crate) fn start() -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--requirepass", PASSWORD, "--slowlog-log-slower-than", "0"])
            .args(["--maxmemory", "64mb"])
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("scripts/servers.sh installs redis-server, SQUALL_NO_SERVERS=1 does without");
        let server = Self { child, port, _folder: folder };
        let is_ready = child::until(PATIENCE, || server.try_ask(&[&["PING"]]));
        assert!(is_ready.is_some(), "Redis did not begin");
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// Sends commands, and gives all that was answered.
    pub(crate) fn ask(&self, commands: &[&[&str]]) -> String {
        self.try_ask(commands).unwrap()
    }

    fn try_ask(&self, commands: &[&[&str]]) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut text = String::new();
        for words in [&["AUTH", PASSWORD][..]].iter().chain(commands).chain([&&["QUIT"][..]]) {
            text.push_str(&format!("*{}\r\n", words.len()));
            for word in *words {
                text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
            }
        }
        stream.write_all(text.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        (!answer.contains("LOADING")).then_some(answer)
    }
}
