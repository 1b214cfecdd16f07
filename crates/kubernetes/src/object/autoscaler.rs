//! HorizontalPodAutoscalers, `autoscaling/v2` and, of servers before 1.23, `v1`.

use serde::Deserialize;

use super::{Condition, Metadata, nullable};
use crate::quantity;
use crate::stamp::{self, Stamp};

/// What `v1` keeps conditions in.
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Autoscaler {
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) scale_target_ref: Target,
    pub(crate) min_replicas: Option<u32>,
    pub(crate) max_replicas: u32,
    #[serde(deserialize_with = "nullable")]
    pub(crate) metrics: Vec<Metric>,
    pub(crate) behavior: Option<Behavior>,
    /// `v1` only.
    #[serde(rename = "targetCPUUtilizationPercentage")]
    target_cpu_percent: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Target {
    pub(crate) kind: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) current_replicas: Option<u32>,
    pub(crate) desired_replicas: Option<u32>,
    #[serde(deserialize_with = "stamp::lenient")]
    pub(crate) last_scale_time: Option<Stamp>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) current_metrics: Vec<Metric>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) conditions: Vec<Condition>,
    /// `v1` only.
    #[serde(rename = "currentCPUUtilizationPercentage")]
    current_cpu_percent: Option<f64>,
}

/// A metric of the specification (with `target`) or of the status (with `current`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metric {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    resource: Option<Source>,
    container_resource: Option<Source>,
    pods: Option<Source>,
    object: Option<Source>,
    external: Option<Source>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Source {
    /// Of `Resource` and `ContainerResource`.
    name: String,
    container: String,
    /// Of the others.
    metric: Name,
    target: Option<Amount>,
    current: Option<Amount>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Name {
    name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Amount {
    average_utilization: Option<f64>,
    #[serde(deserialize_with = "quantity::lenient")]
    average_value: Option<f64>,
    #[serde(deserialize_with = "quantity::lenient")]
    value: Option<f64>,
}

impl Amount {
    /// The value in the unit of the target: percent, or a quantity.
    fn value(&self, is_utilization: bool) -> Option<f64> {
        if is_utilization { self.average_utilization } else { self.average_value.or(self.value) }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Behavior {
    pub(crate) scale_up: Option<Rules>,
    pub(crate) scale_down: Option<Rules>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Rules {
    pub(crate) stabilization_window_seconds: Option<u32>,
    pub(crate) select_policy: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) policies: Vec<Policy>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Policy {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) value: u32,
    pub(crate) period_seconds: u32,
}

/// A metric with its target and what it is now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    /// `cpu`, `memory`, or the metric's own name.
    pub(crate) metric: String,
    /// In percent of the request.
    pub(crate) is_utilization: bool,
    pub(crate) target: Option<f64>,
    pub(crate) current: Option<f64>,
}

impl Autoscaler {
    /// The replicas it may not go below; 1 unless told otherwise.
    pub(crate) fn min(&self) -> u32 {
        self.spec.min_replicas.unwrap_or(1)
    }

    /// What it scales by.
    pub(crate) fn measured(&self) -> Vec<Measured> {
        if self.spec.metrics.is_empty() && self.spec.target_cpu_percent.is_some() {
            return vec![Measured {
                metric: "cpu".to_owned(),
                is_utilization: true,
                target: self.spec.target_cpu_percent,
                current: self.status.current_cpu_percent,
            }];
        }
        let wanted = self.spec.metrics.iter().filter_map(Metric::source);
        wanted
            .map(|source| {
                let target = source.target.clone().unwrap_or_default();
                let is_utilization = target.average_utilization.is_some();
                let now = self.status.current_metrics.iter().filter_map(Metric::source);
                let mut same = now.filter(|now| now.label() == source.label());
                let current = same.next().and_then(|now| now.current.as_ref());
                Measured {
                    metric: source.label(),
                    is_utilization,
                    target: target.value(is_utilization),
                    current: current.and_then(|amount| amount.value(is_utilization)),
                }
            })
            .collect()
    }

    /// Its conditions, from where this version keeps them.
    pub(crate) fn conditions(&self) -> Vec<Condition> {
        match self.metadata.annotations.get(CONDITIONS) {
            Some(text) if self.status.conditions.is_empty() => {
                serde_json::from_str(text).unwrap_or_default()
            }
            _ => self.status.conditions.clone(),
        }
    }

    /// Its rules in words: `up: +4 pods or +100 % in 15 s; down: window 300 s`. Where nothing is said, Kubernetes'
    /// own.
    pub(crate) fn behavior(&self) -> String {
        let behavior = self.spec.behavior.clone().unwrap_or_default();
        let up = behavior.scale_up.unwrap_or_default();
        let down = behavior.scale_down.unwrap_or_default();
        let default_up = "+4 pods or +100 % in 15 s";
        format!(
            "up: {}; down: {}",
            rules(&up, '+', 0, default_up),
            rules(&down, '-', 300, "-100 % in 15 s")
        )
    }
}

fn rules(rules: &Rules, sign: char, window: u32, default: &str) -> String {
    if rules.select_policy == "Disabled" {
        return "never".to_owned();
    }
    let policies = rules.policies.iter().map(|policy| {
        let unit = if policy.kind == "Percent" { "%" } else { "pods" };
        format!("{sign}{} {unit} in {} s", policy.value, policy.period_seconds)
    });
    let joint = if rules.select_policy == "Min" { " and " } else { " or " };
    let mut text = policies.collect::<Vec<_>>().join(joint);
    if text.is_empty() {
        text = default.to_owned();
    }
    match rules.stabilization_window_seconds.unwrap_or(window) {
        0 => text,
        seconds => format!("{text}, window {seconds} s"),
    }
}

impl Metric {
    fn source(&self) -> Option<&Source> {
        let all =
            [&self.resource, &self.container_resource, &self.pods, &self.object, &self.external];
        all.into_iter().find_map(Option::as_ref)
    }
}

impl Source {
    fn label(&self) -> String {
        let name = if self.name.is_empty() { &self.metric.name } else { &self.name };
        if self.container.is_empty() { name.clone() } else { format!("{}/{name}", self.container) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_tell_target_and_current_value() {
        let two: Autoscaler = serde_json::from_str(
            r#"{"spec": {"maxReplicas": 10, "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
                {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "1k"}}},
                {"type": "Object", "object": {"metric": {"name": "queue"}, "target": {"value": "30"}}}]},
              "status": {"currentMetrics": [
                {"type": ""},
                {"type": "Pods", "pods": {"metric": {"name": "rps"}, "current": {"averageValue": "1500m"}}},
                {"type": "Resource", "resource": {"name": "cpu", "current": {"averageValue": "480m", "averageUtilization": 240}}}]}}"#,
        )
        .unwrap();
        let measured = |metric: &str, is_utilization, target, current| Measured {
            metric: metric.to_owned(),
            is_utilization,
            target,
            current,
        };
        assert_eq!(
            two.measured(),
            [
                measured("cpu", true, Some(70.0), Some(240.0)),
                measured("rps", false, Some(1000.0), Some(1.5)),
                measured("queue", false, Some(30.0), None),
            ]
        );
        assert_eq!(two.min(), 1);
        let one: Autoscaler = serde_json::from_str(
            r#"{"metadata": {"annotations": {"autoscaling.alpha.kubernetes.io/conditions":
                 "[{\"type\": \"ScalingActive\", \"status\": \"False\", \"reason\": \"FailedGetResourceMetric\"}]"}},
               "spec": {"minReplicas": 2, "maxReplicas": 10, "targetCPUUtilizationPercentage": 70},
               "status": {"currentReplicas": 2, "desiredReplicas": 6, "currentCPUUtilizationPercentage": 240}}"#,
        )
        .unwrap();
        assert_eq!(one.measured(), [measured("cpu", true, Some(70.0), Some(240.0))]);
        assert_eq!(one.conditions()[0].reason, "FailedGetResourceMetric");
    }

    #[test]
    fn rules_are_told_in_words_and_defaults_are_those_of_kubernetes() {
        assert_eq!(
            Autoscaler::default().behavior(),
            "up: +4 pods or +100 % in 15 s; down: -100 % in 15 s, window 300 s"
        );
        let slow: Autoscaler = serde_json::from_str(
            r#"{"spec": {"behavior": {
                "scaleUp": {"selectPolicy": "Min", "stabilizationWindowSeconds": 60, "policies": [
                    {"type": "Pods", "value": 2, "periodSeconds": 60}, {"type": "Percent", "value": 10, "periodSeconds": 60}]},
                "scaleDown": {"selectPolicy": "Disabled"}}}}"#,
        )
        .unwrap();
        assert_eq!(
            slow.behavior(),
            "up: +2 pods in 60 s and +10 % in 60 s, window 60 s; down: never"
        );
    }
}
