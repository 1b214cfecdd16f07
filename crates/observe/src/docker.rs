//! Containers of a Docker engine, by its API: CPU, throttling, memory, network, restarts, OOM kills, logs.
//!
//! Nothing is held open: each look lists the containers wanted, asks each for one reading, and asks for the events since
//! the last look, so that what happened while the engine could not be reached is told afterwards.

pub(crate) mod api;
mod follower;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics::Contains::{Data, Default as Plain};
use plan::probe::Docker;
use serde_json::json;

use crate::growth::Growth;
use crate::http::Http;
use crate::observation::Observation;
use crate::patterns::{Lines, Patterns};
use crate::probe::{Looking, Probe, ProbeError, Secrets, Source};
use api::{EngineEvent, Inspected, Listed, Stats};
use follower::Follower;

/// Where the engine listens unless told otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Most containers of a probe.
const MAX_CONTAINERS: usize = 100;
/// Looks after which a container is inspected again: its limits may have been changed.
const INSPECT_EVERY: u32 = 30;
/// Kills this close to each other are one: the kernel takes one process after another.
const SAME_OOM_NS: u64 = 500_000_000;
/// A container that ends this soon after a kill has ended of it.
const SAME_END_NS: u64 = 10_000_000_000;

/// Watches containers.
pub struct DockerProbe {
    name: String,
    http: Http,
    names: BTreeSet<String>,
    project: Option<String>,
    interval: Duration,
    /// By name.
    known: BTreeMap<String, Container>,
    logs: Vec<ContainerLog>,
    /// Until when events were asked for, by the engine's clock; 0 before the first look.
    asked_until: u64,
    /// Events of that very moment, which may come again.
    last_events: Vec<(u64, String, String)>,
    looks: u32,
}

/// A container over the run; it may be replaced by another of its name.
#[derive(Default)]
struct Container {
    id: String,
    image: String,
    state: String,
    /// It was there at an earlier look: a start is one more.
    is_old: bool,
    inspected: Option<Inspected>,
    before: Option<Stats>,
    follower: Option<Follower>,
    restarts: u64,
    oom_kills: u64,
    /// When it last ran out of memory, by the engine's clock.
    last_oom_ns: u64,
    exit_code: Option<String>,
    received: Growth,
    sent: Growth,
    periods: (u64, u64),
    max_cpu_cores: f64,
    max_memory: u64,
}

struct ContainerLog {
    container: String,
    patterns: Patterns,
    lines: Lines,
    /// The time of the last line, by the engine's clock.
    since: u64,
}

impl DockerProbe {
    /// A probe as the plan has it, which is going to be looked through once in `interval`.
    ///
    /// # Errors
    /// An address that can't be used, or a pattern that is none.
    pub fn new(
        plan: &Docker,
        interval: Duration,
        secrets: &dyn Secrets,
    ) -> Result<Self, ProbeError> {
        let host = plan.host.clone().or_else(|| secrets.get("DOCKER_HOST"));
        let host = host.filter(|host| !host.is_empty());
        let http = match host.as_deref() {
            None => Http::unix(DEFAULT_SOCKET),
            Some(host) => match host.split_once("://") {
                Some(("unix", path)) => Http::unix(path),
                None if host.starts_with('/') => Http::unix(host),
                Some(("tcp" | "http" | "https", _)) => Http::new(host, false)?,
                _ => {
                    let text = format!(
                        "docker host `{host}` is neither `unix://PATH` nor `tcp://HOST:PORT`; forward its socket"
                    );
                    return Err(ProbeError::new(text));
                }
            },
        };
        let logs = plan.logs.iter().map(|log| {
            Ok(ContainerLog {
                container: log.container.clone(),
                patterns: Patterns::new(&log.patterns)?,
                lines: Lines::default(),
                since: 0,
            })
        });
        let logs: Vec<ContainerLog> = logs.collect::<Result<_, ProbeError>>()?;
        let mut names: BTreeSet<String> = plan.containers.iter().cloned().collect();
        names.extend(logs.iter().map(|log| log.container.clone()));
        Ok(Self {
            name: plan.name.clone(),
            http,
            names,
            project: plan.compose.clone(),
            interval,
            known: BTreeMap::new(),
            logs,
            asked_until: 0,
            last_events: Vec::new(),
            looks: 0,
        })
    }

    async fn look(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        if self.asked_until == 0 {
            // The one answer that has the engine's time to the nanosecond.
            let asked = out.now();
            let info = api::get(&mut self.http, out, "/info").await?;
            if let Some(time) = info["SystemTime"].as_str().and_then(api::unix_ns) {
                out.answered_with_clock(asked, time, Duration::ZERO);
            }
            self.asked_until = out.theirs(out.began());
        }
        self.list(out).await?;
        self.events(out).await?;
        let names: Vec<String> = self.known.keys().cloned().collect();
        for name in names {
            self.read(out, &name).await?;
        }
        self.known.values_mut().for_each(|known| known.is_old = true);
        self.read_logs(out).await?;
        self.looks = self.looks.wrapping_add(1);
        Ok(())
    }

    /// Finds the containers that are wanted now.
    async fn list(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let mut found: Vec<Listed> = Vec::new();
        if let Some(project) = &self.project {
            let label = format!("com.docker.compose.project={project}");
            found.extend(api::list(&mut self.http, out, &json!({ "label": [label] })).await?);
        }
        if !self.names.is_empty() {
            // The engine takes a name for a part of one.
            let filters = json!({ "name": self.names });
            let named = api::list(&mut self.http, out, &filters).await?;
            found.extend(named.into_iter().filter(|c| self.names.contains(&c.name)));
        }
        for name in &self.names {
            if !found.iter().any(|listed| listed.name == *name) {
                out.trouble(&format!("container {name}"), "there is none of this name");
            }
        }
        if let (Some(project), true) = (&self.project, found.is_empty()) {
            out.trouble(&format!("project {project}"), "it has no containers");
        }
        for known in self.known.values_mut() {
            known.state = "gone".to_owned();
        }
        for listed in found.into_iter().take(MAX_CONTAINERS) {
            let known = self.known.entry(listed.name).or_default();
            if known.id != listed.id {
                // Another container of the same name: nothing is known of it.
                (known.inspected, known.before, known.follower) = (None, None, None);
                known.received.restart();
                known.sent.restart();
                known.id = listed.id;
            }
            (known.image, known.state) = (listed.image, listed.state);
        }
        Ok(())
    }

    /// What happened since the last look.
    async fn events(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let (since, until) = (self.asked_until, out.theirs(out.now()));
        let mut filters = json!({
            "type": ["container"],
            "event": ["oom", "die", "start", "health_status"],
        });
        match &self.project {
            Some(project) if self.names.is_empty() => {
                filters["label"] = json!([format!("com.docker.compose.project={project}")]);
            }
            // Of both, all events are asked for and sorted out below.
            Some(_) => {}
            None => filters["container"] = json!(self.names),
        }
        let events = api::events(&mut self.http, out, since, until, &filters).await?;
        for event in events {
            let key = (event.time_ns, event.id.clone(), event.action.clone());
            if self.last_events.contains(&key) {
                continue;
            }
            self.last_events.push(key);
            self.event(out, &event);
        }
        self.last_events.retain(|(time, ..)| *time >= until.saturating_sub(1_000_000_000));
        self.asked_until = until;
        Ok(())
    }

    fn event(&mut self, out: &mut Observation, event: &EngineEvent) {
        let Some(known) = self.known.get_mut(&event.name) else { return };
        let name = event.name.as_str();
        let mut tell = |kind: &str, text: &str, fields: &[(&str, &str)]| {
            let mut told = out.new_event(kind, name, text);
            told.unix_ns = out.ours(event.time_ns);
            out.event(fields.iter().fold(told, |told, (key, value)| told.with(key, value)));
        };
        match event.action.as_str() {
            "oom" => {
                if event.time_ns.saturating_sub(known.last_oom_ns) > SAME_OOM_NS {
                    known.oom_kills += 1;
                    tell("oom-killed", &format!("container {name} ran out of memory"), &[]);
                }
                known.last_oom_ns = event.time_ns;
            }
            "die" => {
                known.before = None;
                known.inspected = None;
                known.exit_code = Some(event.exit_code.clone());
                let text = format!("container {name} ended with exit code {}", event.exit_code);
                tell("container-ended", &text, &[("exit_code", &event.exit_code)]);
            }
            "start" => {
                (known.before, known.inspected) = (None, None);
                if !known.is_old {
                    return;
                }
                known.restarts += 1;
                let code = known.exit_code.clone().unwrap_or_default();
                tell(
                    "container-restarted",
                    &format!("container {name} was started again"),
                    &[("exit_code", &code)],
                );
            }
            health if health.starts_with("health_status") => {
                let status = health.split_once(':').map_or("", |(_, status)| status.trim());
                tell(
                    "container-health",
                    &format!("container {name} is {status}"),
                    &[("status", status)],
                );
            }
            _ => {}
        }
    }

    /// Reads one container's use of resources.
    async fn read(&mut self, out: &mut Observation, name: &str) -> Result<(), ProbeError> {
        let Some(known) = self.known.get_mut(name) else { return Ok(()) };
        let tags = [("container", name)];
        if known.inspected.is_none() || self.looks.is_multiple_of(INSPECT_EVERY) {
            if known.state == "gone" {
                known.inspected = None;
            } else if let Some(inspected) = api::inspect(&mut self.http, out, &known.id).await? {
                // Engines on some cgroups tell no event.
                if let Some(ended) = inspected.finished_ns.filter(|_| inspected.oom_killed)
                    && out.ours(ended) >= out.began()
                    && ended.saturating_sub(known.last_oom_ns) > SAME_END_NS
                {
                    known.oom_kills += 1;
                    known.last_oom_ns = ended;
                    let text = format!("container {name} was killed: it ran out of memory");
                    let mut event = out.new_event("oom-killed", name, &text);
                    event.unix_ns = out.ours(ended);
                    out.event(event);
                }
                known.inspected = Some(inspected);
            }
        }
        if known.state == "running" {
            if known.follower.as_ref().is_none_or(Follower::is_over) {
                let follower =
                    Follower::start(self.http.another(), known.id.clone(), self.interval);
                // What the one before had read last is of another life of the container.
                (known.follower, known.before) = (Some(follower), None);
            } else if let Some(stats) = known.follower.as_ref().and_then(Follower::take) {
                known.measure(out, &tags, stats);
            }
        } else {
            known.follower = None;
        }
        out.gauge("docker_restarts", &tags, known.restarts as f64, Plain);
        out.gauge("docker_oom_kills", &tags, known.oom_kills as f64, Plain);
        Ok(())
    }

    async fn read_logs(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        for log in &mut self.logs {
            if log.since == 0 {
                log.since = out.theirs(out.began());
            }
            let Some(known) = self.known.get(&log.container) else { continue };
            if known.state != "gone" {
                let is_tty = known.inspected.as_ref().is_some_and(|inspected| inspected.is_tty);
                let read = api::logs(&mut self.http, out, &known.id, log.since, is_tty).await;
                match read {
                    Ok(bytes) => log.take(out, &bytes),
                    Err(error) => out.trouble(&format!("log of {}", log.container), error),
                }
            }
            log.patterns.counts(&log.container, out);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Observation) {
        let row = |(name, known): (&String, &Container)| {
            let limits = known.inspected.as_ref();
            let throttled = match known.periods {
                (0, _) => None,
                (periods, throttled) => Some(throttled as f64 / periods as f64),
            };
            vec![
                json!(name),
                json!(known.image),
                json!(known.state),
                json!(limits.and_then(|limits| limits.cpu_limit_cores)),
                json!(limits.and_then(|limits| limits.memory_limit_bytes)),
                json!(known.max_cpu_cores),
                json!(known.max_memory),
                json!(throttled),
                json!(known.received.sum()),
                json!(known.sent.sum()),
                json!(known.restarts),
                json!(known.oom_kills),
                json!(known.exit_code),
            ]
        };
        if self.known.is_empty() {
            return;
        }
        let columns = [
            "container",
            "image",
            "state",
            "cpu_limit_cores",
            "memory_limit_bytes",
            "max_cpu_cores",
            "max_memory_bytes",
            "throttled_ratio",
            "received_bytes",
            "sent_bytes",
            "restarts",
            "oom_kills",
            "last_exit_code",
        ];
        out.table("containers", &columns, self.known.iter().map(row).collect());
    }
}

impl Container {
    fn measure(&mut self, out: &mut Observation, tags: &[(&str, &str)], now: Stats) {
        let at = out.ours(now.read_ns);
        let mut gauge = |metric: &str, value: f64, contains| {
            out.gauge_at(metric, tags, value, contains, at);
        };
        let limit = self.inspected.as_ref().and_then(|inspected| inspected.cpu_limit_cores);
        if let Some(before) = self.before.replace(now)
            && now.read_ns > before.read_ns
            && now.cpu_ns >= before.cpu_ns
        {
            let cores = (now.cpu_ns - before.cpu_ns) as f64 / (now.read_ns - before.read_ns) as f64;
            self.max_cpu_cores = self.max_cpu_cores.max(cores);
            gauge("docker_cpu_cores", cores, Plain);
            let limit = limit.or(Some(now.online_cpus as f64));
            if let Some(limit) = limit.filter(|limit| *limit > 0.0) {
                gauge("docker_cpu_limit_ratio", cores / limit, Plain);
            }
            let periods = now.periods.saturating_sub(before.periods);
            let throttled = now.throttled_periods.saturating_sub(before.throttled_periods);
            self.periods = (self.periods.0 + periods, self.periods.1 + throttled);
            let ratio = if periods > 0 { throttled as f64 / periods as f64 } else { 0.0 };
            gauge("docker_throttled_ratio", ratio, Plain);
        }
        if let Some(used) = now.memory_bytes {
            self.max_memory = self.max_memory.max(used);
            gauge("docker_memory_bytes", used as f64, Data);
            if let Some(limit) = now.memory_limit_bytes.filter(|limit| *limit > 0) {
                gauge("docker_memory_limit_ratio", used as f64 / limit as f64, Plain);
            }
        }
        if let Some((received, sent)) = now.network_bytes {
            let (received, sent) = (self.received.add(received), self.sent.add(sent));
            gauge("docker_network_receive_bytes", received as f64, Data);
            gauge("docker_network_send_bytes", sent as f64, Data);
        }
    }
}

impl ContainerLog {
    fn take(&mut self, out: &mut Observation, bytes: &[u8]) {
        let Self { container, patterns, lines, since } = self;
        let before = *since;
        let mut each = |line: &[u8]| {
            let (at, text) = api::stamped(line);
            // What was read before may come again: the engine rounds.
            if at.is_some_and(|at| at <= before) {
                return;
            }
            *since = (*since).max(at.unwrap_or(0));
            let at = at.map_or_else(|| out.now(), |at| out.ours(at));
            patterns.line(container, text, at, out);
        };
        lines.push(bytes, &mut each);
        lines.end(&mut each);
    }
}

impl Probe for DockerProbe {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> Source {
        Source::Docker
    }

    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(self.look(out))
    }

    fn finish<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(async move {
            // What happened after the last look; that the engine is gone has been told.
            if self.asked_until > 0 {
                let _ = self.events(out).await;
                let _ = self.read_logs(out).await;
            }
            self.finish(out);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
