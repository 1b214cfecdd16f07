//! What containers use of CPU and memory, against what they asked for and may have.

use std::collections::BTreeMap;

use metrics::Contains;
use observe::Observation;

use super::Seen;
use super::pods::Pods;
use crate::object::pod::Resources;
use crate::object::usage::{ContainerMetrics, PodMetricsList};

/// Containers whose maxima are kept: the pods of a long run may be many.
const MAX_CONTAINERS: usize = 5_000;

/// What containers used.
#[derive(Debug, Default)]
pub(crate) struct Usages {
    known: BTreeMap<(String, String), Used>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Used {
    most: Most,
    /// The last window's end.
    at: u64,
}

/// The most a container used in a window of the metrics-server.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Most {
    pub(crate) cpu_cores: f64,
    pub(crate) memory_bytes: f64,
}

impl Usages {
    /// The most a container used.
    pub(crate) fn most(&self, pod: &str, container: &str) -> Option<Most> {
        self.known.get(&(pod.to_owned(), container.to_owned())).map(|used| used.most)
    }

    /// Takes an answer of the metrics-server in; windows that were there before are passed over.
    pub(crate) fn take(
        &mut self,
        list: &PodMetricsList,
        pods: &Pods,
        seen: Seen<'_>,
        out: &mut Observation,
    ) {
        for item in &list.items {
            let name = item.metadata.name.as_str();
            // Those of other selectors are in the answer, too.
            let Some(pod) = pods.get(name) else { continue };
            let at = item.timestamp.map_or(seen.at, |stamp| seen.ours(stamp).min(seen.at));
            for container in &item.containers {
                let key = (name.to_owned(), container.name.clone());
                if self.known.len() >= MAX_CONTAINERS && !self.known.contains_key(&key) {
                    continue;
                }
                let used = self.known.entry(key).or_default();
                let window = item.timestamp.map_or(seen.at, |stamp| stamp.unix_ns);
                if std::mem::replace(&mut used.at, window) == window {
                    continue;
                }
                let spec = pod.spec.containers.iter().find(|spec| spec.name == container.name);
                let resources = spec.map(|spec| spec.resources.clone()).unwrap_or_default();
                used.most.cpu_cores = used.most.cpu_cores.max(container.usage.cpu.unwrap_or(0.0));
                let memory = container.usage.memory.unwrap_or(0.0);
                used.most.memory_bytes = used.most.memory_bytes.max(memory);
                tell(name, container, &resources, at, out);
            }
        }
    }
}

fn tell(
    pod: &str,
    container: &ContainerMetrics,
    resources: &Resources,
    at: u64,
    out: &mut Observation,
) {
    let (cpu, memory) = (container.usage.cpu, container.usage.memory);
    let ratio = |value: Option<f64>, of: Option<f64>| Some(value? / of.filter(|of| *of > 0.0)?);
    let plain = Contains::Default;
    let values = [
        ("k8s_pod_cpu_cores", cpu, plain),
        ("k8s_pod_cpu_request_ratio", ratio(cpu, resources.requests.cpu), plain),
        ("k8s_pod_cpu_limit_ratio", ratio(cpu, resources.limits.cpu), plain),
        ("k8s_pod_memory_bytes", memory, Contains::Data),
        ("k8s_pod_memory_limit_ratio", ratio(memory, resources.limits.memory), plain),
    ];
    let tags = [("pod", pod), ("container", container.name.as_str())];
    for (metric, value, contains) in values {
        if let Some(value) = value {
            out.gauge_at(metric, &tags, value, contains, at);
        }
    }
}
