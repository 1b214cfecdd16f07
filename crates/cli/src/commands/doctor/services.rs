//! What suites watch and reach: Docker, clusters, databases, forwarded ports.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kubernetes::{Access, CheckError};

use super::Check;
use crate::environment;

/// Where Docker's engine listens by default.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// PostgreSQL's `SSLRequest`: whoever answers with `S` or `N` is one, and asks for no password yet.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Programs that keep a port of a cluster forwarded.
const FORWARDERS: [&str; 2] = ["kubectl", "squall"];

/// Docker, the cluster and forwarded ports, as far as this machine has them.
pub(super) fn all(timeout: Duration) -> Vec<Check> {
    let mut checks = vec![docker(timeout), cluster(timeout)];
    checks.extend(forwards(timeout));
    checks
}

/// Whether a URL is of something that is no web server.
pub(super) fn knows(url: &str) -> bool {
    ["postgres://", "postgresql://", "redis://", "rediss://", "grpc://", "tcp://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
}

/// Looks at a database, or at a port that speaks something else.
pub(super) fn service(url: &str, timeout: Duration) -> Check {
    let (scheme, rest) = url.split_once("://").unwrap_or(("tcp", url));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (name, port) = match scheme {
        "postgres" | "postgresql" => ("postgres", 5432),
        "redis" | "rediss" => ("redis", 6379),
        "grpc" => ("grpc", 50051),
        _ => ("port", 0),
    };
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let place = if has_port { place.to_owned() } else { format!("{place}:{port}") };
    let mut stream = match connect(&place, timeout) {
        Ok(stream) => stream,
        Err(why) => return Check::bad(name, format!("{place}: {why}"), remedy(name, &why)),
    };
    match name {
        "postgres" => postgres(&place, &mut stream),
        "redis" if scheme == "redis" => redis(&place, &mut stream),
        _ => Check::good(name, format!("{place} takes connections")),
    }
}

fn connect(place: &str, timeout: Duration) -> Result<TcpStream, String> {
    let mut last = "the name has no addresses".to_owned();
    for socket in place.to_socket_addrs().map_err(|error| plain(&error))? {
        match TcpStream::connect_timeout(&socket, timeout.max(Duration::from_millis(1))) {
            Ok(stream) => {
                // Where a limit can't be set, an answer may take longer.
                let _ = stream.set_read_timeout(Some(timeout));
                return Ok(stream);
            }
            Err(error) => last = plain(&error),
        }
    }
    Err(last)
}

fn plain(error: &std::io::Error) -> String {
    crate::exit::system_text(error)
}

/// What is usually behind it.
fn remedy(name: &str, why: &str) -> String {
    if !why.contains("refused") {
        return "is the address right, and is there no firewall between?".to_owned();
    }
    let start = match name {
        "postgres" => "is PostgreSQL started, does it listen on this address (`listen_addresses`)",
        "redis" => "is Redis started, does it listen on this address (`bind`)",
        "grpc" => "is the service started",
        _ => "is it started",
    };
    format!(
        "{start}, and if it is in a cluster or a container: is its port forwarded or published?"
    )
}

fn postgres(place: &str, stream: &mut TcpStream) -> Check {
    let mut answer = [0];
    let asked = stream.write_all(&SSL_REQUEST).and_then(|()| stream.read_exact(&mut answer));
    match (asked, answer[0]) {
        (Ok(()), b'S') => Check::good("postgres", format!("{place} is a PostgreSQL, with TLS")),
        (Ok(()), b'N') => Check::good("postgres", format!("{place} is a PostgreSQL, without TLS")),
        _ => Check::bad(
            "postgres",
            format!("{place} takes connections, but is no PostgreSQL"),
            "is this the database's port?",
        ),
    }
}

fn redis(place: &str, stream: &mut TcpStream) -> Check {
    let mut answer = [0; 64];
    let read = stream.write_all(b"PING\r\n").and_then(|()| stream.read(&mut answer));
    let text = String::from_utf8_lossy(&answer[..read.unwrap_or(0)]).into_owned();
    if text.starts_with("+PONG") {
        Check::good("redis", format!("{place} answers"))
    } else if text.starts_with("-NOAUTH") || text.starts_with("-DENIED") {
        let remedy = "`password_env` of the probe names the variable with its password";
        Check::note("redis", format!("{place} wants a password"), remedy)
    } else {
        let remedy = "is this the database's port, and without TLS (`rediss://`)?";
        Check::bad("redis", format!("{place} takes connections, but is no Redis"), remedy)
    }
}

fn docker(timeout: Duration) -> Check {
    let host = environment::option_var("DOCKER_HOST");
    let path = match host.as_deref() {
        None => DOCKER_SOCKET,
        Some(host) => match host.strip_prefix("unix://") {
            Some(path) => path,
            None => {
                let place = host.split_once("://").map_or(host, |(_, place)| place);
                return match connect(place, timeout) {
                    Ok(_) => Check::good("docker", format!("an engine at {place} (DOCKER_HOST)")),
                    Err(why) => Check::note(
                        "docker",
                        format!("DOCKER_HOST={host}: {why}"),
                        "is the engine started? `unset DOCKER_HOST` takes the local one",
                    ),
                };
            }
        },
    };
    match ping(path, timeout) {
        Ok(version) => Check::good("docker", format!("an engine at {path}{version}")),
        Err(error) => {
            let remedy = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "only to watch containers: start the engine (`systemctl start docker`, or `dockerd`)"
                }
                std::io::ErrorKind::PermissionDenied => {
                    "add yourself to its group: `sudo usermod -aG docker $USER`, and log in again"
                }
                _ => "only to watch containers: is the engine started?",
            };
            Check::note("docker", format!("{path}: {}", plain(&error)), remedy)
        }
    }
}

/// Asks an engine whether it is one; the version of its API, for people.
fn ping(path: &str, timeout: Duration) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4_096).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    if !text.contains(" 200 ") {
        return Err(std::io::Error::other("it does not answer as an engine does"));
    }
    let version = text.lines().find_map(|line| line.strip_prefix("Api-Version:"));
    Ok(version.map(|version| format!(", API {}", version.trim())).unwrap_or_default())
}

/// Asks the cluster that is configured here whether it can be watched.
fn cluster(timeout: Duration) -> Check {
    const NAME: &str = "cluster";
    let access = Access { kubeconfig: None, context: None, namespace: None };
    match kubernetes::check(&access, timeout) {
        Ok(found) => {
            let server =
                format!("{} at {}, namespace {}", found.version, found.server, found.namespace);
            if let Some(command) = found.lacking.first() {
                let found = format!("{server}: {} rights lack", found.lacking.len());
                return Check::note(
                    NAME,
                    found,
                    format!("`{command}` shows it; ask for the right"),
                );
            }
            if !found.has_metrics {
                let remedy = "CPU and memory of pods need it: kubectl apply -f metrics-server's components.yaml, or \
                              `minikube addons enable metrics-server`";
                return Check::note(NAME, format!("{server}: no metrics-server"), remedy);
            }
            Check::good(NAME, server)
        }
        Err(CheckError::Access(error)) => Check::note(
            NAME,
            error.to_string(),
            "only to watch a cluster: KUBECONFIG names its file, `kubectl config get-contexts` lists what is in it",
        ),
        Err(error) => Check::note(
            NAME,
            error.to_string(),
            "is the cluster started (`minikube start`, `kind create cluster`), the VPN on?",
        ),
    }
}

/// Every port-forward that runs on this machine, and whether its local end takes connections.
fn forwards(timeout: Duration) -> Vec<Check> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let mut checks = Vec::new();
    for process in processes.flatten() {
        let Ok(bytes) = std::fs::read(process.path().join("cmdline")) else { continue };
        let words: Vec<String> = bytes
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        checks.extend(forward(&words, timeout));
    }
    checks
}

/// What a command line forwards; nothing where it forwards nothing.
fn forward(words: &[String], timeout: Duration) -> Vec<Check> {
    const NAME: &str = "forward";
    let program = words.first().map(|word| word.rsplit('/').next().unwrap_or_default());
    let is_one = program.is_some_and(|program| FORWARDERS.contains(&program))
        && words.iter().any(|word| word == "port-forward" || word == "forward");
    if !is_one {
        return Vec::new();
    }
    let ports = words.iter().filter_map(|word| {
        let (local, remote) = word.split_once(':')?;
        let is_remote = remote.parse::<u16>().is_ok() || remote.contains('/');
        local.parse::<u16>().ok().filter(|port| *port > 0 && is_remote).map(|port| (port, word))
    });
    ports
        .map(|(port, word)| match connect(&format!("127.0.0.1:{port}"), timeout) {
            Ok(_) => Check::good(NAME, format!("127.0.0.1:{port} ({word})")),
            Err(why) => Check::note(
                NAME,
                format!("127.0.0.1:{port} ({word}): {why}"),
                "the tunnel is broken: start it again; `tail -n 20 logs/log_kpf.txt` says why",
            ),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use std::net::TcpListener;

    /// A server that reads once and answers with this.
    fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        rt::thread::start("server", move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(answer);
        })
        .unwrap();
        place
    }

    #[test]
    fn databases_are_known_by_what_they_answer() {
        let second = Duration::from_secs(5);
        for (url, answer, verdict, words) in [
            ("postgresql://u@", &b"N"[..], Verdict::Good, "is a PostgreSQL, without TLS"),
            ("postgres://u@", b"S", Verdict::Good, "with TLS"),
            ("postgres://u@", b"HTTP/1.1 400", Verdict::Bad, "is no PostgreSQL"),
            ("redis://", b"+PONG\r\n", Verdict::Good, "answers"),
            ("redis://", b"-NOAUTH Authentication required.\r\n", Verdict::Note, "a password"),
            ("redis://", b"", Verdict::Bad, "is no Redis"),
        ] {
            let check = service(&format!("{url}{}", server(answer)), second);
            assert_eq!(check.verdict, verdict, "{url}: {check:?}");
            assert!(check.found.contains(words), "{url}: {check:?}");
        }
    }

    #[test]
    fn a_refused_connection_names_its_likely_causes() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let check = service(&format!("postgresql://u@{free}/db"), Duration::from_secs(5));
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.remedy.contains("forwarded or published"), "{check:?}");
    }

    #[test]
    fn forwards_are_found_in_command_lines() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = format!("/usr/bin/kubectl port-forward svc/api {port}:80 -n calories");
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let checks = forward(&words, Duration::from_secs(5));
        assert_eq!(checks.len(), 1, "{checks:?}");
        assert_eq!(checks[0].verdict, Verdict::Good);
        let other: Vec<String> = "kubectl get pods".split(' ').map(str::to_owned).collect();
        assert!(forward(&other, Duration::from_secs(1)).is_empty());
    }
}
