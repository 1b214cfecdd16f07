//! Whether a rollout is complete: what `kubectl rollout status` waits for, asked once.

use std::time::Duration;

use serde_json::Value;

use crate::access::{Access, Cluster};
use crate::api::{Ask, DEPLOYMENTS, Resource};
use crate::check::{CheckError, within};

const STATEFUL_SETS: Resource = Resource { group: "apps", version: "v1", plural: "statefulsets" };

/// Looks at `deployment/NAME` or `statefulset/NAME` of the namespace that `access` means; returns within `patience`.
/// `Some` says what is still missing.
///
/// # Errors
/// There is no cluster, no answer, or no such object.
pub fn rollout(
    access: &Access,
    name: &str,
    patience: Duration,
) -> Result<Option<String>, CheckError> {
    let (kind, name) = name.split_once('/').unwrap_or(("deployment", name));
    let resource = if kind == "statefulset" { STATEFUL_SETS } else { DEPLOYMENTS };
    within(patience, async {
        let cluster = Cluster::choose(access).await?;
        let object: Value = cluster.ask(&Ask::get(resource, name), &[]).await?;
        Ok(missing(&object))
    })
}

/// What a deployment or stateful set still lacks, in the words of `kubectl`.
fn missing(object: &Value) -> Option<String> {
    let number = |path: &str| object.pointer(path).and_then(Value::as_u64);
    let (generation, observed) =
        (number("/metadata/generation"), number("/status/observedGeneration"));
    if observed.unwrap_or(0) < generation.unwrap_or(0) {
        return Some("its newest specification has not been looked at yet".to_owned());
    }
    // Without a number Kubernetes takes one.
    let wanted = number("/spec/replicas").unwrap_or(1);
    let status = |field: &str| number(&format!("/status/{field}")).unwrap_or(0);
    let updated = status("updatedReplicas");
    if updated < wanted {
        return Some(format!("{updated} of {wanted} new replicas have been updated"));
    }
    let replicas = status("replicas");
    if replicas > updated {
        return Some(format!("{} old replicas are pending termination", replicas - updated));
    }
    let ready = status("readyReplicas").max(status("availableReplicas"));
    (ready < wanted).then(|| format!("{ready} of {wanted} updated replicas are available"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rollout_is_complete_when_every_new_replica_is_available() {
        let object = |updated: u64, replicas: u64, ready: u64| {
            json!({
                "metadata": {"generation": 3}, "spec": {"replicas": 2},
                "status": {"observedGeneration": 3, "updatedReplicas": updated, "replicas": replicas,
                           "readyReplicas": ready, "availableReplicas": ready},
            })
        };
        let told = |object: &Value| missing(object).unwrap_or_default();
        assert_eq!(missing(&object(2, 2, 2)), None);
        assert_eq!(told(&object(1, 2, 2)), "1 of 2 new replicas have been updated");
        assert_eq!(told(&object(2, 3, 2)), "1 old replicas are pending termination");
        assert_eq!(told(&object(2, 2, 1)), "1 of 2 updated replicas are available");
        let mut stale = object(2, 2, 2);
        stale["status"]["observedGeneration"] = json!(2);
        assert!(told(&stale).contains("not been looked at"));
    }
}
