//! `--observe KIND=SPEC` and `--observe FILE`.
//!
//! | flag | watches |
//! |---|---|
//! | `prometheus=http://host:9090` | the queries of preset `process`; `,preset=NAME` and `,NAME=PROMQL` after it ask others |
//! | `postgres=postgresql://user@host/database` | a PostgreSQL server |
//! | `postgres=exec:docker exec -i db` | the same through `psql` there |
//! | `redis=redis://host:6379`, `redis=exec:…` | a Redis server |
//! | `docker=NAME,NAME`, `docker=compose:PROJECT` | containers |
//! | `k8s=NAMESPACE`, `k8s=NAMESPACE/HPA` | a namespace of the current cluster |
//! | `logs=FILE:PATTERN` | a log file |
//! | `FILE.yaml`, `FILE.json` | what the file's `probes:` say |

use super::{
    Docker, Exec, Kubernetes, LogFile, Postgres, Probes, Prometheus, Query, Redis, Via, redact,
    split_words,
};

/// What one flag asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// These probes.
    Probes(Box<Probes>),
    /// What the file of this path says.
    File(String),
}

/// The kinds a flag may name.
const KINDS: &str = "prometheus, postgres, redis, docker, k8s, logs";

/// Reads a flag's value.
///
/// # Errors
/// It is neither a known kind with its specification nor the name of a file.
pub fn parse(text: &str) -> Result<Wanted, String> {
    let is_file = |text: &str| [".yaml", ".yml", ".json"].iter().any(|end| text.ends_with(end));
    let split =
        text.split_once('=').filter(|(kind, _)| kind.bytes().all(|b| b.is_ascii_alphanumeric()));
    let Some((kind, spec)) = split else {
        if is_file(text) {
            return Ok(Wanted::File(text.to_owned()));
        }
        let shown = redact::text(text);
        return Err(format!(
            "`{shown}` is neither KIND=SPEC ({KINDS}) nor a file `.yaml` or `.json`"
        ));
    };
    let mut probes = Probes::default();
    match kind {
        "prometheus" | "prom" => probes.prometheus.push(prometheus(spec)?),
        "postgres" | "postgresql" | "pg" => probes.postgres.push(postgres(spec)?),
        "redis" => probes.redis.push(redis(spec)?),
        "docker" => probes.docker.push(docker(spec)?),
        "k8s" | "kubernetes" => probes.kubernetes.push(kubernetes(spec)?),
        "logs" | "log" => probes.logs.push(logs(spec)?),
        other => return Err(format!("unknown kind `{other}`; there are {KINDS}")),
    }
    Ok(Wanted::Probes(Box::new(probes)))
}

fn prometheus(spec: &str) -> Result<Prometheus, String> {
    // A comma may stand in a query: only one with a `name=` after it separates.
    let mut probe = Prometheus::default();
    let mut parts: Vec<String> = Vec::new();
    for piece in spec.split(',') {
        let starts = parts.is_empty()
            || piece.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
            }) && is_balanced(&parts[parts.len() - 1]);
        match parts.last_mut() {
            Some(last) if !starts => {
                last.push(',');
                last.push_str(piece);
            }
            _ => parts.push(piece.to_owned()),
        }
    }
    let mut parts = parts.into_iter();
    probe.url = parts.next().unwrap_or_default();
    for part in parts {
        match part.split_once('=') {
            Some(("preset", name)) => probe.preset.push(name.to_owned()),
            Some((name, promql)) => {
                let query = Query { promql: promql.to_owned(), at_end: false };
                probe.queries.insert(name.to_owned(), query);
            }
            None => {
                return Err(format!(
                    "`{part}` after the URL is neither `preset=NAME` nor `NAME=PROMQL`"
                ));
            }
        }
    }
    if probe.queries.is_empty() && probe.preset.is_empty() {
        probe.preset.push("process".to_owned());
    }
    Ok(probe)
}

fn is_balanced(text: &str) -> bool {
    text.matches(['(', '{', '[']).count() == text.matches([')', '}', ']']).count()
}

fn exec(spec: &str) -> Result<Option<Via>, String> {
    let Some(line) = spec.strip_prefix("exec:") else { return Ok(None) };
    let command = split_words(line)?;
    if command.is_empty() {
        return Err("`exec:` names no command, such as `exec:docker exec -i db`".to_owned());
    }
    Ok(Some(Via::Exec(Exec { command, client: Vec::new() })))
}

fn postgres(spec: &str) -> Result<Postgres, String> {
    Ok(match exec(spec)? {
        via @ Some(_) => Postgres { via, ..Postgres::default() },
        None => Postgres { url: spec.to_owned(), ..Postgres::default() },
    })
}

fn redis(spec: &str) -> Result<Redis, String> {
    Ok(match exec(spec)? {
        via @ Some(_) => Redis { via, ..Redis::default() },
        None => Redis { url: spec.to_owned(), ..Redis::default() },
    })
}

fn docker(spec: &str) -> Result<Docker, String> {
    if let Some(project) = spec.strip_prefix("compose:") {
        if project.is_empty() {
            return Err("`docker=compose:` names no project".to_owned());
        }
        return Ok(Docker { compose: Some(project.to_owned()), ..Docker::default() });
    }
    let containers = list(spec);
    if containers.is_empty() {
        return Err("`docker=` names no container".to_owned());
    }
    Ok(Docker { containers, ..Docker::default() })
}

fn kubernetes(spec: &str) -> Result<Kubernetes, String> {
    let (namespace, hpa) = spec.split_once('/').unwrap_or((spec, ""));
    let namespace = Some(namespace.to_owned()).filter(|name| !name.is_empty());
    Ok(Kubernetes { namespace, hpa: list(hpa), ..Kubernetes::default() })
}

fn logs(spec: &str) -> Result<LogFile, String> {
    let (file, pattern) = spec
        .split_once(':')
        .filter(|(file, pattern)| !file.is_empty() && !pattern.is_empty())
        .ok_or_else(|| format!("`logs={spec}` is not `logs=FILE:PATTERN`"))?;
    // The pattern's own words are its name, as far as a tag reads well.
    let word = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = pattern.chars().take(40).map(word).collect();
    let name = name.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
    let name = if name.is_empty() { "matches".to_owned() } else { name };
    let patterns = [(name, pattern.to_owned())].into();
    Ok(LogFile { name: String::new(), file: file.to_owned(), patterns })
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probes(text: &str) -> Probes {
        match parse(text) {
            Ok(Wanted::Probes(mut probes)) => {
                probes.complete().unwrap_or_else(|error| panic!("{text}: {error}"));
                *probes
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn each_kind_has_a_short_form() {
        let prometheus = &probes("prometheus=http://h:9090").prometheus[0];
        assert_eq!(
            (prometheus.url.as_str(), prometheus.preset.as_slice()),
            ("http://h:9090", &["process".to_owned()][..])
        );
        let prometheus =
            &probes("prometheus=http://h,preset=node,rps=sum(rate(a{b=\"c\",d=\"e\"}[1m])),x=y")
                .prometheus[0];
        assert_eq!(prometheus.preset, ["node"]);
        assert_eq!(prometheus.queries["rps"].promql, "sum(rate(a{b=\"c\",d=\"e\"}[1m]))");
        assert_eq!(prometheus.queries["x"].promql, "y");
        assert_eq!(probes("postgres=postgresql://u@h/d").postgres[0].url, "postgresql://u@h/d");
        let via = Via::Exec(Exec {
            command: ["docker", "exec", "-i", "my db"].map(str::to_owned).to_vec(),
            client: Vec::new(),
        });
        assert_eq!(probes("pg=exec:docker exec -i 'my db'").postgres[0].via, Some(via));
        assert_eq!(probes("redis=rediss://h").redis[0].name, "redis");
        assert_eq!(probes("docker=a,b").docker[0].containers, ["a", "b"]);
        assert_eq!(probes("docker=compose:p").docker[0].compose.as_deref(), Some("p"));
        let k8s = &probes("k8s=calories/api").kubernetes[0];
        assert_eq!(
            (k8s.namespace.as_deref(), k8s.hpa.as_slice()),
            (Some("calories"), &["api".to_owned()][..])
        );
        let log = &probes("logs=/var/log/backend.log:QueuePool timeout").logs[0];
        assert_eq!((log.name.as_str(), log.file.as_str()), ("backend", "/var/log/backend.log"));
        assert_eq!(log.patterns["queuepool_timeout"], "QueuePool timeout");
        assert_eq!(
            parse("dir=x/probes.yaml"),
            Err("unknown kind `dir`; there are prometheus, postgres, redis, docker, k8s, logs"
                .to_owned())
        );
        assert_eq!(parse("x/probes.yaml"), Ok(Wanted::File("x/probes.yaml".to_owned())));
    }

    #[test]
    fn mistakes_are_named_without_their_secrets() {
        for (text, part) in [
            ("nonsense", "neither KIND=SPEC"),
            ("mysql=x", "unknown kind `mysql`"),
            ("docker=", "names no container"),
            ("docker=compose:", "names no project"),
            ("logs=file", "is not `logs=FILE:PATTERN`"),
            ("postgres=exec:", "names no command"),
            ("postgres=exec:a 'b", "is not closed"),
            ("prometheus=http://h,nonsense", "is no URL"),
            ("redis=http://u:secret@h", "has the scheme `http`"),
            ("postgres=u:secret@h", "is no URL"),
        ] {
            let error = match parse(text) {
                Ok(Wanted::Probes(mut probes)) => match probes.complete() {
                    Err(error) => error.to_string(),
                    Ok(()) => String::new(),
                },
                Ok(Wanted::File(_)) => String::new(),
                Err(error) => error,
            };
            if text.starts_with("prometheus=") {
                // It became part of the URL; asking there will fail and name it.
                continue;
            }
            assert!(error.contains(part), "{text}: {error}");
            assert!(text == "postgres=u:secret@h" || !error.contains("secret"), "{text}: {error}");
        }
    }
}
