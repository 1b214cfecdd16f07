//! Whether the sources of a plan's probes can be reached at all, before hours are spent on a run that nobody watches.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path as FilePath;
use std::time::Duration;

use plan::probe::Probes;
use plan::suite::Path;

use crate::mistake::Mistake;
use crate::read::Loaded;

/// How long one of them may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// Where Docker's engine listens unless the plan says otherwise.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// A mistake for each source that can't be reached.
pub(crate) fn unreachable(loaded: &Loaded) -> Vec<Mistake> {
    let suite = &loaded.suite;
    let root = Path::root();
    let mut mistakes = Vec::new();
    if let Some(probes) = &suite.probes {
        look(probes, &root.key("probes"), loaded, &mut mistakes);
    }
    for (at, scenario) in suite.scenarios.iter().enumerate() {
        if let Some(probes) = &scenario.probes {
            let path = root.key("scenarios").index(at).key("probes");
            look(probes, &path, loaded, &mut mistakes);
        }
    }
    mistakes
}

fn look(probes: &Probes, path: &Path, loaded: &Loaded, mistakes: &mut Vec<Mistake>) {
    let mut tell = |path: Path, what: &str, why: &str| {
        let cause = crate::causes::of(why).map(|cause| format!(" ({cause})")).unwrap_or_default();
        let text =
            format!("{what} can't be reached: {why}{cause}; --allow-unreachable runs all the same");
        mistakes.push(loaded.mistake(&path, &text));
    };
    for (at, probe) in probes.prometheus.iter().enumerate() {
        if let Err(why) = connect(&probe.url, 80) {
            tell(path.key("prometheus").index(at).key("url"), "the Prometheus", &why);
        }
    }
    for (at, probe) in probes.postgres.iter().enumerate() {
        if probe.via.is_none()
            && let Err(why) = connect(&probe.url, 5432)
        {
            tell(path.key("postgres").index(at).key("url"), "the PostgreSQL", &why);
        }
    }
    for (at, probe) in probes.redis.iter().enumerate() {
        if probe.via.is_none()
            && let Err(why) = connect(&probe.url, 6379)
        {
            tell(path.key("redis").index(at).key("url"), "the Redis", &why);
        }
    }
    for (at, probe) in probes.docker.iter().enumerate() {
        let host = probe.host.as_deref();
        if let Some(Err(why)) = host.map(docker) {
            tell(path.key("docker").index(at).key("host"), "the Docker engine", &why);
        } else if host.is_none() && !FilePath::new(DOCKER_SOCKET).exists() {
            let why = format!("there is no {DOCKER_SOCKET}");
            tell(path.key("docker").index(at), "the Docker engine", &why);
        }
    }
    for (at, probe) in probes.kubernetes.iter().enumerate() {
        if let Some(file) = &probe.kubeconfig
            && !FilePath::new(file).is_file()
        {
            let why = format!("its kubeconfig `{file}` is not there");
            tell(path.key("kubernetes").index(at).key("kubeconfig"), "the cluster", &why);
        }
    }
}

fn docker(host: &str) -> Result<(), String> {
    match host.strip_prefix("unix://") {
        Some(path) if FilePath::new(path).exists() => Ok(()),
        Some(path) => Err(format!("there is no {path}")),
        None => connect(host, 2375),
    }
}

/// Connects to the host of a URL.
fn connect(url: &str, default_port: u16) -> Result<(), String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let has_port = place.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    let port = if scheme == "https" { 443 } else { default_port };
    let place = if has_port { place.to_owned() } else { format!("{place}:{port}") };
    let plain = |error: std::io::Error| {
        error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
    };
    let mut last = format!("{place} has no address");
    for socket in place.to_socket_addrs().map_err(plain)? {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = plain(error),
        }
    }
    Err(last)
}
