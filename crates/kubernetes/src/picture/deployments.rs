//! Deployments: how many replicas they have, and how many are ready.

use std::collections::{BTreeMap, BTreeSet};

use observe::Observation;
use serde_json::Value;

use super::gauge;
use crate::object::deployment::Deployment;
use crate::watch::Change;

/// The deployments of a namespace.
#[derive(Debug, Default)]
pub(crate) struct Deployments {
    /// Those that are wanted; empty for all.
    wanted: BTreeSet<String>,
    known: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    object: Deployment,
    most_ready: u32,
    fewest_ready: u32,
}

impl Deployments {
    /// Looks at these only; at all without a name.
    pub(crate) fn of(wanted: &[String]) -> Self {
        Self { wanted: wanted.iter().cloned().collect(), known: BTreeMap::new() }
    }

    /// Takes a change in.
    pub(crate) fn take(&mut self, change: Change<Deployment>) {
        match change {
            Change::All(objects) => {
                let names: BTreeSet<_> = objects.iter().map(|o| o.metadata.name.clone()).collect();
                self.known.retain(|name, _| names.contains(name));
                objects.into_iter().for_each(|object| self.apply(object));
            }
            Change::Applied(object) => self.apply(object),
            Change::Deleted(object) => {
                self.known.remove(&object.metadata.name);
            }
        }
    }

    fn apply(&mut self, object: Deployment) {
        let name = object.metadata.name.clone();
        if !self.wanted.is_empty() && !self.wanted.contains(&name) {
            return;
        }
        let ready = object.status.ready_replicas;
        let before = self.known.get(&name);
        let (most, fewest) =
            before.map_or((ready, ready), |known| (known.most_ready, known.fewest_ready));
        let known = Known { object, most_ready: most.max(ready), fewest_ready: fewest.min(ready) };
        self.known.insert(name, known);
    }

    /// What holds now.
    pub(super) fn gauges(&self, namespace: &str, out: &mut Observation) {
        for (name, known) in &self.known {
            let tags = [("deployment", name.as_str()), ("namespace", namespace)];
            let status = &known.object.status;
            gauge(out, "k8s_deployment_replicas", &tags, f64::from(status.replicas));
            gauge(out, "k8s_deployment_ready", &tags, f64::from(status.ready_replicas));
            gauge(out, "k8s_deployment_updated", &tags, f64::from(status.updated_replicas));
        }
    }

    /// What is told at the end.
    pub(super) fn table(&self, out: &mut Observation) {
        let columns = ["deployment", "wanted", "replicas", "ready", "fewest_ready", "most_ready"];
        let row = |(name, known): (&String, &Known)| -> Vec<Value> {
            let object = &known.object;
            vec![
                name.as_str().into(),
                object.spec.replicas.unwrap_or(1).into(),
                object.status.replicas.into(),
                object.status.ready_replicas.into(),
                known.fewest_ready.into(),
                known.most_ready.into(),
            ]
        };
        if !self.known.is_empty() {
            out.table("deployments", &columns, self.known.iter().map(row).collect());
        }
    }
}
