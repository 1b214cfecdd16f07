//! What of a namespace is watched: from what the plan names to selectors of pods.

use std::collections::BTreeSet;

use crate::access::Cluster;
use crate::api::{ApiError, Ask, DEPLOYMENTS, Resource};
use crate::object::autoscaler::Autoscaler;
use crate::object::deployment::Deployment;
use crate::object::event::Involved;

/// Which objects events are told of; by default of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    is_narrow: bool,
    autoscalers: BTreeSet<String>,
    deployments: BTreeSet<String>,
}

impl Interest {
    /// Whether an event of this object is told.
    pub(crate) fn concerns(&self, object: &Involved) -> bool {
        if !self.is_narrow {
            return true;
        }
        let of_deployment = || {
            let belongs = |deployment: &String| {
                let rest = object.name.strip_prefix(deployment.as_str());
                rest.is_some_and(|rest| rest.starts_with('-'))
            };
            self.deployments.iter().any(belongs)
        };
        match object.kind.as_str() {
            "HorizontalPodAutoscaler" => self.autoscalers.contains(&object.name),
            "Deployment" => self.deployments.contains(&object.name),
            // Their names begin with the deployment's.
            "ReplicaSet" | "Pod" => of_deployment(),
            // A node in trouble concerns everybody.
            "Node" => true,
            _ => false,
        }
    }
}

/// What is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Empty for all.
    pub(crate) autoscalers: Vec<String>,
    /// Empty for all.
    pub(crate) deployments: Vec<String>,
    /// Selectors of pods, at least one; an empty one is all.
    pub(crate) pods: Vec<String>,
    pub(crate) interest: Interest,
}

/// What the plan names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) autoscalers: &'a [String],
    pub(crate) deployments: &'a [String],
    pub(crate) selector: Option<&'a str>,
}

impl Selection {
    /// Finds out what belongs to what is named: an autoscaler's deployment, a deployment's pods.
    ///
    /// # Errors
    /// Something named is not there, or may not be read.
    pub(crate) async fn find(
        cluster: &Cluster,
        autoscalers: Resource,
        named: Named<'_>,
    ) -> Result<Self, ApiError> {
        let mut deployments: Vec<String> = named.deployments.to_vec();
        for name in named.autoscalers {
            let autoscaler: Autoscaler = cluster.ask(&Ask::get(autoscalers, name), &[]).await?;
            let target = autoscaler.spec.scale_target_ref;
            if target.kind == "Deployment" && !deployments.contains(&target.name) {
                deployments.push(target.name);
            }
        }
        let mut pods = Vec::new();
        match named.selector {
            Some(selector) => pods.push(selector.to_owned()),
            None => {
                for name in &deployments {
                    let object: Deployment = cluster.ask(&Ask::get(DEPLOYMENTS, name), &[]).await?;
                    let selector = object.spec.selector.text();
                    if !pods.contains(&selector) {
                        pods.push(selector);
                    }
                }
            }
        }
        let is_narrow = !deployments.is_empty();
        if pods.is_empty() {
            pods.push(String::new());
        }
        let interest = Interest {
            is_narrow,
            autoscalers: named.autoscalers.iter().cloned().collect(),
            deployments: deployments.iter().cloned().collect(),
        };
        Ok(Self { autoscalers: named.autoscalers.to_vec(), deployments, pods, interest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_concern_what_is_named_and_what_belongs_to_it() {
        let interest = Interest {
            is_narrow: true,
            autoscalers: ["web".to_owned()].into(),
            deployments: ["web".to_owned()].into(),
        };
        let object = |kind: &str, name: &str| Involved { kind: kind.into(), name: name.into() };
        for (kind, name, concerns) in [
            ("Pod", "web-5d8-x2", true),
            ("Pod", "webhook-1", false),
            ("ReplicaSet", "web-5d8", true),
            ("Deployment", "web", true),
            ("HorizontalPodAutoscaler", "other", false),
            ("Node", "n1", true),
            ("Job", "web-1", false),
        ] {
            assert_eq!(interest.concerns(&object(kind, name)), concerns, "{kind}/{name}");
        }
        assert!(Interest::default().concerns(&object("Job", "x")));
    }
}
