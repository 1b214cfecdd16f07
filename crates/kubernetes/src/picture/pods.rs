//! Pods: phases, readiness, restarts, and what they died of.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use observe::Observation;
use serde_json::{Value, json};

use super::usage::Usages;
use super::{Seen, event, gauge, seconds};
use crate::object::pod::{ContainerStatus, Pod, Terminated};
use crate::watch::Change;

/// Every phase there is, so that a chart has a zero where there is none.
const PHASES: [&str; 6] = ["Pending", "Running", "Succeeded", "Failed", "Unknown", "Terminating"];
/// Most containers in the table: those of the newest pods.
const MAX_ROWS: usize = 500;

/// The pods of a namespace, from one watch for each selector.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    selectors: Vec<Selected>,
    known: BTreeMap<String, Known>,
    /// Rows of pods that are gone, with the time they were made at.
    gone: Vec<(u64, Vec<Value>)>,
}

#[derive(Debug)]
struct Selected {
    selector: String,
    is_listed: bool,
}

/// One pod.
#[derive(Debug)]
struct Known {
    pod: Pod,
    /// Which watch tells of it.
    selector: usize,
    /// When it was seen last.
    seen: u64,
    created: u64,
    /// It was there before the run.
    is_old: bool,
    /// Seconds.
    ready_after: Option<String>,
    is_ready: bool,
    is_evicted: bool,
    containers: BTreeMap<String, Container>,
}

#[derive(Debug, Default)]
struct Container {
    /// As Kubernetes counts them.
    restarts: u32,
    /// In the run.
    restarts_seen: u32,
    oom_kills: u32,
    /// Deaths that were told or happened before the run: see [`death_key`].
    deaths: BTreeSet<u64>,
}

impl Pods {
    /// Pods of these selectors, one watch each.
    pub(crate) fn of(selectors: &[String]) -> Self {
        let selected =
            |selector: &String| Selected { selector: selector.clone(), is_listed: false };
        Self { selectors: selectors.iter().map(selected).collect(), ..Self::default() }
    }

    /// Takes a change of the watch with this number in.
    pub(crate) fn take(
        &mut self,
        selector: usize,
        change: Change<Pod>,
        usage: &Usages,
        seen: Seen<'_>,
        out: &mut Observation,
    ) {
        match change {
            Change::All(pods) => {
                let names: BTreeSet<_> = pods.iter().map(|p| p.metadata.name.as_str()).collect();
                let is_missing = |(name, known): &(&String, &Known)| {
                    known.selector == selector && !names.contains(name.as_str())
                };
                let missing = self.known.iter().filter(is_missing);
                let missing: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
                missing.iter().for_each(|name| self.forget(name, usage));
                let selected = self.selectors.get_mut(selector);
                let is_first = selected.is_some_and(|s| !std::mem::replace(&mut s.is_listed, true));
                for pod in pods {
                    self.apply((selector, is_first), pod, usage, seen, out);
                }
            }
            Change::Applied(pod) => self.apply((selector, false), pod, usage, seen, out),
            Change::Deleted(pod) => self.forget(&pod.metadata.name, usage),
        }
    }

    fn forget(&mut self, name: &str, usage: &Usages) {
        let Some(known) = self.known.remove(name) else { return };
        self.gone.extend(known.rows("gone", usage).into_iter().map(|row| (known.created, row)));
        let surplus = self.gone.len().saturating_sub(MAX_ROWS);
        self.gone.drain(..surplus);
    }

    fn apply(
        &mut self,
        (selector, is_old): (usize, bool),
        pod: Pod,
        usage: &Usages,
        seen: Seen<'_>,
        out: &mut Observation,
    ) {
        let name = pod.metadata.name.clone();
        let is_other = |known: &Known| known.pod.metadata.uid != pod.metadata.uid;
        if self.known.get(&name).is_some_and(is_other) {
            self.forget(&name, usage);
        }
        let known = match self.known.entry(name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(Known::new(&pod, selector, is_old, seen, out)),
        };
        known.update(pod, seen, out);
    }

    /// The pods that run: their name, whether they were there before the run, and the names of their containers.
    pub(crate) fn running(&self) -> impl Iterator<Item = (&str, bool, Vec<&str>)> {
        let is_running = |known: &&Known| known.pod.status.phase == "Running";
        self.known.values().filter(is_running).map(|known| {
            let containers = known.pod.spec.containers.iter();
            let names = containers.map(|container| container.name.as_str()).collect();
            (known.pod.metadata.name.as_str(), known.is_old, names)
        })
    }

    /// A pod, if it is known.
    pub(crate) fn get(&self, name: &str) -> Option<&Pod> {
        self.known.get(name).map(|known| &known.pod)
    }

    /// What holds now.
    pub(super) fn gauges(&self, namespace: &str, out: &mut Observation) {
        for (number, selected) in self.selectors.iter().enumerate().filter(|(_, s)| s.is_listed) {
            for phase in PHASES {
                let is_it = |known: &&Known| known.selector == number && known.pod.phase() == phase;
                let count = self.known.values().filter(is_it).count();
                let selector = ("selector", selected.selector.as_str());
                let tags = [("phase", phase), ("namespace", namespace), selector];
                gauge(out, "k8s_pods", &tags, count as f64);
            }
        }
        for (name, known) in &self.known {
            let is_ready = if known.is_ready { 1.0 } else { 0.0 };
            gauge(out, "k8s_pod_ready", &[("pod", name)], is_ready);
            for (container, state) in &known.containers {
                let tags = [("pod", name.as_str()), ("container", container.as_str())];
                gauge(out, "k8s_pod_restarts", &tags, f64::from(state.restarts_seen));
                gauge(out, "k8s_oom_kills", &tags, f64::from(state.oom_kills));
            }
        }
    }

    /// What is told at the end.
    pub(super) fn table(&self, usage: &Usages, out: &mut Observation) {
        let columns = [
            "pod",
            "container",
            "node",
            "phase",
            "ready_after_s",
            "restarts",
            "restarts_ever",
            "oom_kills",
            "cpu_max_cores",
            "cpu_request_cores",
            "cpu_limit_cores",
            "memory_max_bytes",
            "memory_request_bytes",
            "memory_limit_bytes",
        ];
        let mut rows = self.gone.clone();
        for known in self.known.values() {
            let own = known.rows(known.pod.phase(), usage);
            rows.extend(own.into_iter().map(|row| (known.created, row)));
        }
        rows.sort_by_key(|(created, _)| *created);
        let newest = rows.split_off(rows.len().saturating_sub(MAX_ROWS));
        if !newest.is_empty() {
            out.table("pods", &columns, newest.into_iter().map(|(_, row)| row).collect());
        }
    }
}

impl Known {
    fn new(
        pod: &Pod,
        selector: usize,
        is_old: bool,
        seen: Seen<'_>,
        out: &mut Observation,
    ) -> Self {
        let created = seen.when(pod.metadata.creation_timestamp, 0);
        let mut known = Self {
            pod: Pod::default(),
            selector,
            // What a new one says of itself happened since it was made.
            seen: if is_old { seen.at } else { created },
            created,
            is_old,
            ready_after: None,
            is_ready: is_old && pod.is_ready(),
            is_evicted: is_old && pod.status.reason == "Evicted",
            containers: BTreeMap::new(),
        };
        if is_old {
            for status in &pod.status.container_statuses {
                let container = known.containers.entry(status.name.clone()).or_default();
                container.restarts = status.restart_count;
                container.deaths = deaths(status).map(|death| death_key(status, death)).collect();
            }
            return known;
        }
        let name = &pod.metadata.name;
        let owner = pod.metadata.owner_references.first();
        let owner = owner.map_or_else(String::new, |of| format!("{}/{}", of.kind, of.name));
        let told = event(created, "pod-started", name, &format!("pod {name} is created"));
        out.event(told.with("namespace", &pod.metadata.namespace).with("owner", owner));
        known
    }

    fn update(&mut self, pod: Pod, seen: Seen<'_>, out: &mut Observation) {
        self.tell_readiness(&pod, seen, out);
        for status in &pod.status.container_statuses {
            self.tell_restart(&pod, status, seen, out);
            self.tell_oom(&pod, status, seen, out);
        }
        if pod.status.reason == "Evicted" && !std::mem::replace(&mut self.is_evicted, true) {
            let name = &pod.metadata.name;
            let text = format!("pod {name} is evicted: {}", pod.status.message);
            let told = event(seen.at, "evicted", name, &text).with("node", &pod.spec.node_name);
            out.event(told.with("namespace", &pod.metadata.namespace));
        }
        for container in &pod.spec.containers {
            self.containers.entry(container.name.clone()).or_default();
        }
        self.pod = pod;
        self.seen = seen.at;
    }

    fn tell_readiness(&mut self, pod: &Pod, seen: Seen<'_>, out: &mut Observation) {
        let was_ready = std::mem::replace(&mut self.is_ready, pod.is_ready());
        if was_ready == self.is_ready || pod.metadata.deletion_timestamp.is_some() {
            return;
        }
        let name = &pod.metadata.name;
        let at = seen.when(pod.ready_since(), self.seen);
        let told = if !self.is_ready {
            let text = format!("pod {name} is not ready any more");
            event(at, "kubernetes-event", name, &text)
                .with("reason", "NotReady")
                .with("type", "Warning")
                .with("object", format!("Pod/{name}"))
        } else if self.is_old || self.ready_after.is_some() {
            event(at, "pod-ready", name, &format!("pod {name} is ready again"))
        } else {
            let after = seconds(self.created, at);
            let text = format!("pod {name} is ready {after} s after it was created");
            self.ready_after = Some(after.clone());
            event(at, "pod-ready", name, &text).with("ready_after_s", after)
        };
        out.event(
            told.with("node", &pod.spec.node_name).with("namespace", &pod.metadata.namespace),
        );
    }

    fn tell_restart(
        &mut self,
        pod: &Pod,
        status: &ContainerStatus,
        seen: Seen<'_>,
        out: &mut Observation,
    ) {
        let container = self.containers.entry(status.name.clone()).or_default();
        // A count that falls is a new beginning.
        let before = std::mem::replace(&mut container.restarts, status.restart_count);
        if status.restart_count <= before {
            return;
        }
        container.restarts_seen += status.restart_count - before;
        let last = deaths(status).next();
        let why = last.map_or_else(
            || "no reason known".to_owned(),
            |death| format!("{}, exit code {}", death.reason, death.exit_code),
        );
        let (name, own) = (&pod.metadata.name, &status.name);
        let text = format!("container {own} of pod {name} restarted ({why})");
        let at = seen.when(last.and_then(|death| death.finished_at), self.seen);
        let mut told = event(at, "pod-restarted", name, &text)
            .with("container", own)
            .with("from", before)
            .with("to", status.restart_count)
            .with("namespace", &pod.metadata.namespace);
        if let Some(death) = last {
            told = told.with("reason", &death.reason).with("exit_code", death.exit_code);
        }
        out.event(told);
    }

    fn tell_oom(
        &mut self,
        pod: &Pod,
        status: &ContainerStatus,
        seen: Seen<'_>,
        out: &mut Observation,
    ) {
        let container = self.containers.entry(status.name.clone()).or_default();
        let (name, own) = (&pod.metadata.name, &status.name);
        for death in deaths(status).filter(|death| death.reason == "OOMKilled") {
            if !container.deaths.insert(death_key(status, death)) {
                continue;
            }
            container.oom_kills += 1;
            let at = seen.when(death.finished_at, self.seen);
            let spec = pod.spec.containers.iter().find(|spec| spec.name == *own);
            let limit = spec.and_then(|spec| spec.resources.limits.memory);
            let why = match limit {
                Some(limit) => {
                    format!("it needed more than its limit of {:.0} MiB", limit / 1_048_576.0)
                }
                None => "the node was out of memory".to_owned(),
            };
            let text = format!("container {own} of pod {name} was killed: {why}");
            let mut told = event(at, "oom-killed", name, &text)
                .with("container", own)
                .with("exit_code", death.exit_code)
                .with("namespace", &pod.metadata.namespace);
            if let Some(limit) = limit {
                told = told.with("memory_limit_bytes", limit);
            }
            out.event(told);
        }
    }

    fn rows(&self, phase: &str, usage: &Usages) -> Vec<Vec<Value>> {
        let name = &self.pod.metadata.name;
        let ready_after = self.ready_after.as_ref().and_then(|text| text.parse::<f64>().ok());
        let row = |spec: &crate::object::pod::Container| {
            let state = self.containers.get(&spec.name);
            let count = |of: fn(&Container) -> u32| state.map_or(0, of);
            let most = usage.most(name, &spec.name);
            let (requests, limits) = (spec.resources.requests, spec.resources.limits);
            vec![
                json!(name),
                json!(spec.name),
                json!(self.pod.spec.node_name),
                json!(phase),
                json!(ready_after),
                json!(count(|state| state.restarts_seen)),
                json!(count(|state| state.restarts)),
                json!(count(|state| state.oom_kills)),
                json!(most.map(|most| most.cpu_cores)),
                json!(requests.cpu),
                json!(limits.cpu),
                json!(most.map(|most| most.memory_bytes)),
                json!(requests.memory),
                json!(limits.memory),
            ]
        };
        self.pod.spec.containers.iter().map(row).collect()
    }
}

/// How a container died: the death that is its state now, and the one before.
fn deaths(status: &ContainerStatus) -> impl Iterator<Item = &Terminated> {
    [&status.state, &status.last_state].into_iter().filter_map(|state| state.terminated.as_ref())
}

/// Tells deaths apart: by their time, which both states give alike.
fn death_key(status: &ContainerStatus, death: &Terminated) -> u64 {
    death.finished_at.map_or_else(|| u64::from(status.restart_count), |stamp| stamp.unix_ns)
}
