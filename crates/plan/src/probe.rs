//! What to watch of the system under test, as pure data: the part `probes:` of a plan file, and the flags `--observe`.
//!
//! Start reading at [`Probes`]; [`flag`] reads a flag, [`preset`] holds ready queries, [`redact`] takes passwords out of
//! what is shown or kept.

pub mod flag;
pub mod preset;
pub mod redact;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::duration::{format_go, parse_k6};

/// How often a probe looks unless told otherwise.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest interval: looking costs the system under test.
pub const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Most probes of a run.
pub const MAX_PROBES: usize = 100;
/// Most queries of a Prometheus probe, presets included; most patterns of a log.
pub const MAX_QUERIES: usize = 200;

/// All that is watched. A probe without a name gets one of its kind: see [`Probes::complete`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probes {
    /// How often each probe looks.
    #[serde(skip_serializing_if = "Interval::is_default")]
    pub interval: Interval,
    /// Prometheus and what speaks its query API (VictoriaMetrics, Thanos, Mimir).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prometheus: Vec<Prometheus>,
    /// Namespaces of Kubernetes clusters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kubernetes: Vec<Kubernetes>,
    /// Containers of Docker engines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub docker: Vec<Docker>,
    /// PostgreSQL servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub postgres: Vec<Postgres>,
    /// Redis servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redis: Vec<Redis>,
    /// Log files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogFile>,
}

/// A length of time written as `1s` or `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(pub Duration);

impl Interval {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Interval {
    fn default() -> Self {
        Self(DEFAULT_INTERVAL)
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_go(self.0))
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span = parse_k6(&text).map_err(serde::de::Error::custom)?;
        // A bare number would be milliseconds, which nobody means here.
        if text.ends_with(|c: char| c.is_ascii_digit()) {
            let text = format!("duration `{text}` lacks its unit, e.g. `{text}s`");
            return Err(serde::de::Error::custom(text));
        }
        Ok(Self(span.as_duration()))
    }
}

/// A Prometheus-compatible server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prometheus {
    /// The probe's name.
    pub name: String,
    /// `http://host:9090`, with a path before `/api/v1` if it has one.
    pub url: String,
    /// Names of ready queries: see [`preset`].
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub preset: Vec<String>,
    /// Queries by name; a name becomes the metric `prom_<name>`.
    pub queries: BTreeMap<String, Query>,
    /// User of basic authentication; the password comes from `password_env`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The variable that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// The variable that holds a bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// Takes any certificate.
    #[serde(skip_serializing_if = "is_false")]
    pub insecure: bool,
}

/// A PromQL query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Query {
    /// The expression.
    pub promql: String,
    /// Asked only once, over the whole run when it is over: for what is too costly to ask each second.
    #[serde(skip_serializing_if = "is_false")]
    pub at_end: bool,
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a query is PromQL, or `{ promql: …, at_end: true }`")]
        enum Form {
            Text(String),
            Whole {
                promql: String,
                #[serde(default)]
                at_end: bool,
            },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Text(promql) => Self { promql, at_end: false },
            Form::Whole { promql, at_end } => Self { promql, at_end },
        })
    }
}

/// A namespace of a Kubernetes cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kubernetes {
    /// The probe's name.
    pub name: String,
    /// The namespace; without one that of the context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The context of the kubeconfig; without one the current one, or the cluster this runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The kubeconfig's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<String>,
    /// Autoscalers; without any, all of the namespace.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub hpa: Vec<String>,
    /// Deployments; without any, all of the namespace.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<String>,
    /// Which pods, as a label selector; without one all of the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Logs of the pods' containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<ContainerLog>,
}

/// Containers of a Docker engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Docker {
    /// The probe's name.
    pub name: String,
    /// `unix:///var/run/docker.sock` or `tcp://host:2375`; without one `DOCKER_HOST`, or the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Names of containers.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// All containers of this compose project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose: Option<String>,
    /// Logs of the containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<ContainerLog>,
}

/// The log of a container, and what is counted in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerLog {
    /// The container's name.
    pub container: String,
    /// Regular expressions by name.
    pub patterns: BTreeMap<String, String>,
}

/// A PostgreSQL server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Postgres {
    /// The probe's name.
    pub name: String,
    /// `postgresql://user@host:5432/database?sslmode=prefer`; may lack where `via` reaches the server.
    pub url: String,
    /// The variable that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// Another way than a connection of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// A Redis server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redis {
    /// The probe's name.
    pub name: String,
    /// `redis://user@host:6379` or `rediss://…`; may lack where `via` reaches the server.
    pub url: String,
    /// The variable that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// Another way than a connection of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Takes any certificate.
    #[serde(skip_serializing_if = "is_false")]
    pub insecure: bool,
}

/// How to reach a server that has no address here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Via {
    /// By its own client program (`psql`, `redis-cli`), started where it is installed.
    Exec(Exec),
    /// By a forwarded port of the cluster: `[NAMESPACE/]svc/NAME:PORT`, `pod/NAME:PORT`.
    Forward(String),
}

/// How [`Exec::command`] begins where a pod was named: whoever runs it puts this very program in the place of `squall`.
pub const POD_EXEC: [&str; 4] = ["squall", "k8s", "exec", "-i"];

/// What starts a client program next to the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Exec {
    /// The words before the client's: `docker exec -i db`, `kubectl exec -i db-0 --`. It must keep standard input open.
    pub command: Vec<String>,
    /// The client and its arguments; without any `psql -U postgres` or `redis-cli`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client: Vec<String>,
}

impl<'de> Deserialize<'de> for Exec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "`exec` is a command line, a list of words, `{ command: …, client: … }`, `{ docker: NAME }` or `{ pod: NAME, namespace: …, container: …, context: … }`"
        )]
        enum Form {
            Words(Words),
            Whole {
                command: Words,
                #[serde(default)]
                client: Option<Words>,
            },
            Docker {
                docker: String,
                #[serde(default)]
                client: Option<Words>,
            },
            Pod {
                pod: String,
                namespace: Option<String>,
                container: Option<String>,
                context: Option<String>,
                #[serde(default)]
                client: Option<Words>,
            },
        }
        let words =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (command, client) = match Form::deserialize(deserializer)? {
            Form::Words(command) => (command.0, None),
            Form::Whole { command, client } => (command.0, client),
            Form::Docker { docker, client } => (words(&["docker", "exec", "-i", &docker]), client),
            Form::Pod { pod, namespace, container, context, client } => {
                let mut command = words(&POD_EXEC);
                for (flag, value) in
                    [("-n", namespace), ("--container", container), ("--context", context)]
                {
                    if let Some(value) = value {
                        command.extend([flag.to_owned(), value]);
                    }
                }
                command.extend([pod, "--".to_owned()]);
                (command, client)
            }
        };
        if command.is_empty() {
            return Err(serde::de::Error::custom("`exec` names no command"));
        }
        Ok(Self { command, client: client.map(|words| words.0).unwrap_or_default() })
    }
}

/// Words of a command: a list, or a line that is split as a shell would.
struct Words(Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a command is a line or a list of words")]
        enum Form {
            Line(String),
            List(Vec<String>),
        }
        match Form::deserialize(deserializer)? {
            Form::List(words) => Ok(Self(words)),
            Form::Line(line) => split_words(&line).map(Self).map_err(serde::de::Error::custom),
        }
    }
}

/// A log file, and what is counted in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogFile {
    /// The probe's name.
    pub name: String,
    /// The file; it need not be there when the run starts.
    pub file: String,
    /// Regular expressions by name.
    pub patterns: BTreeMap<String, String>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a name or a list of names")]
    enum Form {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::One(one) => vec![one],
        Form::Many(many) => many,
    })
}

/// Splits a line into words: blanks separate, quotes protect, a backslash takes the next character as it is.
///
/// # Errors
/// A quote is not closed.
pub fn split_words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(quote) = quote {
        return Err(format!("a {quote} in `{line}` is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// What is wrong with probes, and with which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ProbesError {
    /// `prometheus[0].queries.rps`, or the flag.
    pub place: String,
    /// Why.
    pub reason: String,
}

impl ProbesError {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

impl Probes {
    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many probes there are.
    pub fn len(&self) -> usize {
        self.prometheus.len()
            + self.kubernetes.len()
            + self.docker.len()
            + self.postgres.len()
            + self.redis.len()
            + self.logs.len()
    }

    /// Adds what another flag or file says; its interval counts if it has one of its own.
    pub fn add(&mut self, other: Self) {
        if !other.interval.is_default() {
            self.interval = other.interval;
        }
        self.prometheus.extend(other.prometheus);
        self.kubernetes.extend(other.kubernetes);
        self.docker.extend(other.docker);
        self.postgres.extend(other.postgres);
        self.redis.extend(other.redis);
        self.logs.extend(other.logs);
    }

    /// Gives a name to those that have none, and checks all that can be checked without asking anybody.
    ///
    /// # Errors
    /// A name twice, a URL that is none, an unknown preset, a query without text, too much of anything.
    pub fn complete(&mut self) -> Result<(), ProbesError> {
        if self.interval.0 < MIN_INTERVAL {
            let reason = format!("looks are at least {} apart", format_go(MIN_INTERVAL));
            return Err(ProbesError::new("interval", reason));
        }
        if self.len() > MAX_PROBES {
            return Err(ProbesError::new("probes", format!("at most {MAX_PROBES} are watched")));
        }
        self.name_all()?;
        for (at, probe) in self.prometheus.iter().enumerate() {
            probe.check(&format!("prometheus[{at}]"))?;
        }
        for (at, probe) in self.docker.iter().enumerate() {
            let place = format!("docker[{at}]");
            if probe.containers.is_empty() && probe.compose.is_none() && probe.logs.is_empty() {
                let reason = "names neither `containers` nor a `compose` project";
                return Err(ProbesError::new(place, reason));
            }
            check_logs(&place, &probe.logs)?;
        }
        for (at, probe) in self.kubernetes.iter().enumerate() {
            check_logs(&format!("kubernetes[{at}]"), &probe.logs)?;
        }
        for (at, probe) in self.postgres.iter().enumerate() {
            let place = format!("postgres[{at}]");
            check_server(&place, &probe.url, probe.via.as_ref(), &["postgresql", "postgres"])?;
        }
        for (at, probe) in self.redis.iter().enumerate() {
            let place = format!("redis[{at}]");
            check_server(&place, &probe.url, probe.via.as_ref(), &["redis", "rediss"])?;
        }
        for (at, probe) in self.logs.iter().enumerate() {
            let place = format!("logs[{at}]");
            if probe.file.is_empty() {
                return Err(ProbesError::new(place, "names no `file`"));
            }
            check_patterns(&place, &probe.patterns)?;
        }
        Ok(())
    }

    fn name_all(&mut self) -> Result<(), ProbesError> {
        let mut taken = BTreeSet::new();
        fn given(names: &mut dyn Iterator<Item = &String>) -> Vec<String> {
            names.filter(|name| !name.is_empty()).cloned().collect()
        }
        let all = [
            given(&mut self.prometheus.iter().map(|p| &p.name)),
            given(&mut self.kubernetes.iter().map(|p| &p.name)),
            given(&mut self.docker.iter().map(|p| &p.name)),
            given(&mut self.postgres.iter().map(|p| &p.name)),
            given(&mut self.redis.iter().map(|p| &p.name)),
            given(&mut self.logs.iter().map(|p| &p.name)),
        ];
        for name in all.into_iter().flatten() {
            if !taken.insert(name.clone()) {
                return Err(ProbesError::new("probes", format!("two are named `{name}`")));
            }
        }
        let mut name = |name: &mut String, kind: &str| {
            if name.is_empty() {
                let numbered = (2..).map(|n| format!("{kind}-{n}"));
                let free = std::iter::once(kind.to_owned()).chain(numbered);
                *name = free.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
                taken.insert(name.clone());
            }
        };
        self.prometheus.iter_mut().for_each(|p| name(&mut p.name, "prometheus"));
        self.kubernetes.iter_mut().for_each(|p| name(&mut p.name, "kubernetes"));
        self.docker.iter_mut().for_each(|p| name(&mut p.name, "docker"));
        self.postgres.iter_mut().for_each(|p| name(&mut p.name, "postgres"));
        self.redis.iter_mut().for_each(|p| name(&mut p.name, "redis"));
        for log in &mut self.logs {
            let file = log.file.rsplit('/').next().unwrap_or_default();
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_owned();
            name(&mut log.name, if stem.is_empty() { "log" } else { &stem });
        }
        Ok(())
    }
}

impl Prometheus {
    /// All queries, presets first; a query of the plan wins over a preset's of the same name.
    pub fn all_queries(&self) -> BTreeMap<String, Query> {
        let ready = self.preset.iter().filter_map(|name| preset::find(name));
        let ready = ready.flat_map(|preset| preset.queries).map(|(name, promql)| {
            ((*name).to_owned(), Query { promql: (*promql).to_owned(), at_end: false })
        });
        ready.chain(self.queries.clone()).collect()
    }

    fn check(&self, place: &str) -> Result<(), ProbesError> {
        check_url(place, &self.url, &["http", "https"])?;
        for name in &self.preset {
            if preset::find(name).is_none() {
                let known: Vec<&str> = preset::ALL.iter().map(|preset| preset.name).collect();
                let reason = format!("unknown preset `{name}`; there are {}", known.join(", "));
                return Err(ProbesError::new(format!("{place}.preset"), reason));
            }
        }
        let queries = self.all_queries();
        if queries.is_empty() {
            return Err(ProbesError::new(place, "has neither `queries` nor a `preset`"));
        }
        if queries.len() > MAX_QUERIES {
            let reason = format!("has {} queries, at most {MAX_QUERIES} are asked", queries.len());
            return Err(ProbesError::new(place, reason));
        }
        for (name, query) in &queries {
            let place = format!("{place}.queries.{name}");
            if name.is_empty() || name.len() > 100 {
                return Err(ProbesError::new(place, "a query's name has 1 to 100 characters"));
            }
            if query.promql.trim().is_empty() {
                return Err(ProbesError::new(place, "the query is empty"));
            }
        }
        Ok(())
    }
}

fn check_server(
    place: &str,
    url: &str,
    via: Option<&Via>,
    schemes: &[&str],
) -> Result<(), ProbesError> {
    match (url.is_empty(), via) {
        (true, Some(Via::Exec(_))) => Ok(()),
        (true, Some(Via::Forward(_))) => Err(ProbesError::new(
            place,
            "a forwarded server needs a `url` too, for user and database",
        )),
        (true, None) => Err(ProbesError::new(place, "has neither a `url` nor a `via`")),
        (false, _) => check_url(place, url, schemes),
    }
}

fn check_url(place: &str, url: &str, schemes: &[&str]) -> Result<(), ProbesError> {
    let place = format!("{place}.url");
    let shown = redact::text(url);
    let Some((scheme, rest)) = url.split_once("://") else {
        let reason = format!("`{shown}` is no URL, such as `{}://host`", schemes[0]);
        return Err(ProbesError::new(place, reason));
    };
    if !schemes.contains(&scheme) {
        let reason = format!("`{shown}` has the scheme `{scheme}`, not {}", schemes.join(" or "));
        return Err(ProbesError::new(place, reason));
    }
    if rest.is_empty() || rest.starts_with('/') && schemes[0] == "http" {
        return Err(ProbesError::new(place, format!("`{shown}` names no host")));
    }
    Ok(())
}

fn check_logs(place: &str, logs: &[ContainerLog]) -> Result<(), ProbesError> {
    for (at, log) in logs.iter().enumerate() {
        let place = format!("{place}.logs[{at}]");
        if log.container.is_empty() {
            return Err(ProbesError::new(place, "names no `container`"));
        }
        check_patterns(&place, &log.patterns)?;
    }
    Ok(())
}

fn check_patterns(place: &str, patterns: &BTreeMap<String, String>) -> Result<(), ProbesError> {
    if patterns.is_empty() {
        return Err(ProbesError::new(place, "has no `patterns` to look for"));
    }
    if patterns.len() > MAX_QUERIES {
        return Err(ProbesError::new(place, format!("at most {MAX_QUERIES} patterns are counted")));
    }
    match patterns.iter().find(|(_, pattern)| pattern.is_empty()) {
        Some((name, _)) => {
            Err(ProbesError::new(format!("{place}.patterns.{name}"), "the pattern is empty"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
