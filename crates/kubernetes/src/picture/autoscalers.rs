//! Autoscalers: what they want, and when they changed their mind.

use std::collections::{BTreeMap, BTreeSet};

use observe::Observation;
use serde_json::{Value, json};

use super::{Seen, event, gauge};
use crate::object::Condition;
use crate::object::autoscaler::{Autoscaler, Measured};
use crate::watch::Change;

/// The autoscalers of a namespace.
#[derive(Debug, Default)]
pub(crate) struct Autoscalers {
    /// Those that are wanted; empty for all.
    wanted: BTreeSet<String>,
    known: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    object: Autoscaler,
    /// When it was seen last.
    seen: u64,
    /// The most and the fewest replicas there were.
    highest: u32,
    lowest: u32,
    /// Conditions that were told as bad, by type.
    bad: BTreeSet<String>,
}

impl Autoscalers {
    /// Looks at these only; at all without a name.
    pub(crate) fn of(wanted: &[String]) -> Self {
        Self { wanted: wanted.iter().cloned().collect(), known: BTreeMap::new() }
    }

    /// Takes a change in.
    pub(crate) fn take(
        &mut self,
        change: Change<Autoscaler>,
        seen: Seen<'_>,
        out: &mut Observation,
    ) {
        match change {
            Change::All(objects) => {
                let names: BTreeSet<_> = objects.iter().map(|o| o.metadata.name.clone()).collect();
                self.known.retain(|name, _| names.contains(name));
                for object in objects {
                    self.apply(object, seen, out);
                }
            }
            Change::Applied(object) => self.apply(object, seen, out),
            Change::Deleted(object) => {
                self.known.remove(&object.metadata.name);
            }
        }
    }

    fn apply(&mut self, object: Autoscaler, seen: Seen<'_>, out: &mut Observation) {
        let name = object.metadata.name.clone();
        if !self.wanted.is_empty() && !self.wanted.contains(&name) {
            return;
        }
        let before = self.known.remove(&name);
        if let Some(before) = &before {
            tell_scaling(before, &object, seen, out);
        }
        let now = object.status.current_replicas;
        let (highest, lowest, told) = match &before {
            Some(before) => (before.highest, before.lowest, before.bad.clone()),
            None => (now.unwrap_or(0), now.unwrap_or(u32::MAX), BTreeSet::new()),
        };
        let bad = tell_conditions(&object, &told, before.as_ref(), seen, out);
        let known = Known {
            seen: seen.at,
            highest: now.map_or(highest, |now| highest.max(now)),
            lowest: now.map_or(lowest, |now| lowest.min(now)),
            bad,
            object,
        };
        self.known.insert(name, known);
    }

    /// What holds now.
    pub(super) fn gauges(&self, namespace: &str, out: &mut Observation) {
        for (name, known) in &self.known {
            let tags = [("hpa", name.as_str()), ("namespace", namespace)];
            let object = &known.object;
            let numbers = [
                ("k8s_hpa_replicas_current", object.status.current_replicas),
                ("k8s_hpa_replicas_desired", object.status.desired_replicas),
                ("k8s_hpa_replicas_min", Some(object.min())),
                ("k8s_hpa_replicas_max", Some(object.spec.max_replicas)),
            ];
            for (metric, value) in numbers {
                if let Some(value) = value {
                    gauge(out, metric, &tags, f64::from(value));
                }
            }
            for measured in object.measured() {
                let tags = [tags[0], tags[1], ("metric", measured.metric.as_str())];
                if let Some(value) = measured.current {
                    gauge(out, "k8s_hpa_metric_value", &tags, value);
                }
                if let Some(value) = measured.target {
                    gauge(out, "k8s_hpa_metric_target", &tags, value);
                }
            }
        }
    }

    /// What is told at the end.
    pub(super) fn table(&self, out: &mut Observation) {
        let columns = [
            "hpa",
            "target",
            "min",
            "max",
            "lowest",
            "highest",
            "current",
            "desired",
            "metrics",
            "behavior",
            "conditions",
        ];
        let row = |(name, known): (&String, &Known)| -> Vec<Value> {
            let object = &known.object;
            let target = &object.spec.scale_target_ref;
            let conditions = object.conditions().into_iter();
            let conditions = conditions.map(|c| format!("{}={} ({})", c.kind, c.status, c.reason));
            vec![
                name.as_str().into(),
                format!("{}/{}", target.kind, target.name).into(),
                object.min().into(),
                object.spec.max_replicas.into(),
                if known.lowest == u32::MAX { Value::Null } else { known.lowest.into() },
                known.highest.into(),
                json!(object.status.current_replicas),
                json!(object.status.desired_replicas),
                object.measured().iter().map(in_words).collect::<Vec<_>>().join(", ").into(),
                object.behavior().into(),
                conditions.collect::<Vec<_>>().join(", ").into(),
            ]
        };
        if !self.known.is_empty() {
            out.table("autoscalers", &columns, self.known.iter().map(row).collect());
        }
    }
}

fn in_words(measured: &Measured) -> String {
    let unit = if measured.is_utilization { " %" } else { "" };
    let target = measured.target.map_or_else(|| "?".to_owned(), |value| format!("{value}{unit}"));
    match measured.current {
        Some(value) => format!("{} {value}{unit} of {target}", measured.metric),
        None => format!("{} unknown of {target}", measured.metric),
    }
}

/// Tells that an autoscaler wants another number of replicas.
fn tell_scaling(before: &Known, now: &Autoscaler, seen: Seen<'_>, out: &mut Observation) {
    let (Some(from), Some(to)) =
        (before.object.status.desired_replicas, now.status.desired_replicas)
    else {
        return;
    };
    // Before its first look it wants none.
    if from == to || from == 0 {
        return;
    }
    let stamp = now.status.last_scale_time;
    let is_new = stamp != before.object.status.last_scale_time;
    let at = seen.when(stamp.filter(|_| is_new), before.seen);
    let why: Vec<String> = now.measured().iter().map(in_words).collect();
    let name = &now.metadata.name;
    let text = format!("{name} scales from {from} to {to} replicas ({})", why.join(", "));
    let mut told = event(at, "hpa-scaled", name, &text)
        .with("from", from)
        .with("to", to)
        .with("namespace", &now.metadata.namespace)
        .with("min", now.min())
        .with("max", now.spec.max_replicas)
        .with("behavior", now.behavior())
        .with("deployment", &now.spec.scale_target_ref.name);
    if let Some(measured) = now.measured().first() {
        told = told.with("metric", &measured.metric);
        if let Some(value) = measured.current {
            told = told.with("value", value);
        }
        if let Some(target) = measured.target {
            told = told.with("target", target);
        }
    }
    out.event(told);
}

/// Tells conditions that have become bad; gives those that are.
fn tell_conditions(
    now: &Autoscaler,
    told: &BTreeSet<String>,
    before: Option<&Known>,
    seen: Seen<'_>,
    out: &mut Observation,
) -> BTreeSet<String> {
    let bad: Vec<Condition> = now.conditions().into_iter().filter(is_bad).collect();
    for condition in bad.iter().filter(|condition| !told.contains(&condition.kind)) {
        let at = match before {
            Some(before) => seen.when(condition.last_transition_time, before.seen),
            // It was so before the run.
            None => seen.at,
        };
        let name = &now.metadata.name;
        let told = event(at, "kubernetes-event", name, &condition.message)
            .with("reason", &condition.reason)
            .with("type", "Warning")
            .with("object", format!("HorizontalPodAutoscaler/{name}"))
            .with("condition", format!("{}={}", condition.kind, condition.status))
            .with("namespace", &now.metadata.namespace);
        out.event(told);
    }
    bad.into_iter().map(|condition| condition.kind).collect()
}

/// Whether a condition says that the autoscaler can't do its work.
fn is_bad(condition: &Condition) -> bool {
    match condition.kind.as_str() {
        "ScalingActive" | "AbleToScale" => condition.status == "False",
        // It wants more than it may have. That it may not go below its minimum is nothing bad.
        "ScalingLimited" => condition.status == "True" && condition.reason == "TooManyReplicas",
        _ => false,
    }
}
