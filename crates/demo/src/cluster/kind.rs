//! The kinds of objects the simulated cluster keeps, and the paths that name them.

use serde_json::Value;

/// A kind of object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// As in paths: `pods`.
    pub(super) plural: &'static str,
    /// As in objects: `Pod`.
    pub(super) name: &'static str,
    /// Empty for the core group.
    pub(super) group: &'static str,
    /// The version objects are kept in.
    pub(super) version: &'static str,
    /// Another version the server answers in.
    pub(super) older: Option<&'static str>,
}

const fn kind(
    plural: &'static str,
    name: &'static str,
    group: &'static str,
    version: &'static str,
) -> Kind {
    Kind { plural, name, group, version, older: None }
}

pub(super) const KINDS: &[Kind] = &[
    kind("pods", "Pod", "", "v1"),
    kind("services", "Service", "", "v1"),
    kind("events", "Event", "", "v1"),
    kind("deployments", "Deployment", "apps", "v1"),
    kind("replicasets", "ReplicaSet", "apps", "v1"),
    Kind {
        plural: "horizontalpodautoscalers",
        name: "HorizontalPodAutoscaler",
        group: "autoscaling",
        version: "v2",
        older: Some("v1"),
    },
];

/// The group of the metrics API, which has one resource of ours and no store.
pub(super) const METRICS: &str = "metrics.k8s.io";

impl Kind {
    /// The kind with this plural.
    pub(super) fn named(plural: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.plural == plural)
    }

    /// `apps/v1`, or `v1` in the core group.
    pub(super) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }
}

/// What a path of the API names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    /// Empty for all namespaces.
    pub(super) namespace: &'a str,
    pub(super) plural: &'a str,
    /// Empty for a list.
    pub(super) name: &'a str,
    /// `log`, `exec`, `portforward`; mostly empty.
    pub(super) sub: &'a str,
}

impl<'a> Place<'a> {
    /// Reads `/api/v1/namespaces/default/pods/web/log` and its like.
    pub(super) fn parse(path: &'a str) -> Option<Place<'a>> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let group = match parts.next()? {
            "api" => "",
            "apis" => parts.next()?,
            _ => return None,
        };
        let version = parts.next()?;
        let first = parts.next()?;
        let (namespace, plural) = match first {
            "namespaces" => (parts.next()?, parts.next()?),
            plural => ("", plural),
        };
        let (name, sub) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let is_whole = parts.next().is_none() && !plural.is_empty();
        is_whole.then_some(Place { group, version, namespace, plural, name, sub })
    }
}

/// An HPA as `autoscaling/v1` has it: one target of CPU, everything else in annotations.
pub(super) fn autoscaler_v1(object: &Value) -> Value {
    let mut old = object.clone();
    old["apiVersion"] = "autoscaling/v1".into();
    let spec = object["spec"].clone();
    let target = &spec["metrics"][0]["resource"]["target"]["averageUtilization"];
    old["spec"] = serde_json::json!({
        "scaleTargetRef": spec["scaleTargetRef"],
        "minReplicas": spec["minReplicas"],
        "maxReplicas": spec["maxReplicas"],
        "targetCPUUtilizationPercentage": target,
    });
    let status = &object["status"];
    let current = &status["currentMetrics"][0]["resource"]["current"]["averageUtilization"];
    old["status"] = serde_json::json!({
        "currentReplicas": status["currentReplicas"],
        "desiredReplicas": status["desiredReplicas"],
        "lastScaleTime": status["lastScaleTime"],
        "currentCPUUtilizationPercentage": current,
    });
    old["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/conditions"] =
        status["conditions"].to_string().into();
    old
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_group_namespace_object_and_part() {
        let place = Place::parse("/api/v1/namespaces/default/pods/web-1/log").unwrap();
        assert_eq!(
            (place.group, place.namespace, place.plural, place.name, place.sub),
            ("", "default", "pods", "web-1", "log")
        );
        let place =
            Place::parse("/apis/autoscaling/v2/namespaces/x/horizontalpodautoscalers").unwrap();
        assert_eq!((place.group, place.version, place.name), ("autoscaling", "v2", ""));
        let everywhere = Place::parse("/api/v1/pods").unwrap();
        assert_eq!((everywhere.namespace, everywhere.plural), ("", "pods"));
        for path in ["/version", "/api/v1", "/apis/apps", "/api/v1/namespaces/x/pods/a/b/c"] {
            assert_eq!(Place::parse(path), None, "{path}");
        }
    }
}
