//! Pods and their containers.

use serde::Deserialize;

use super::{Condition, Metadata, nullable};
use crate::quantity;
use crate::stamp::{self, Stamp};

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Spec {
    #[serde(deserialize_with = "nullable")]
    pub(crate) containers: Vec<Container>,
    pub(crate) node_name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Container {
    pub(crate) name: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) ports: Vec<Port>,
    pub(crate) resources: Resources,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) container_port: u16,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    #[serde(deserialize_with = "nullable")]
    pub(crate) requests: Amounts,
    #[serde(deserialize_with = "nullable")]
    pub(crate) limits: Amounts,
}

/// CPU in cores, memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Amounts {
    #[serde(deserialize_with = "quantity::lenient")]
    pub(crate) cpu: Option<f64>,
    #[serde(deserialize_with = "quantity::lenient")]
    pub(crate) memory: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) phase: String,
    /// `Evicted`, mostly empty.
    pub(crate) reason: String,
    pub(crate) message: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) conditions: Vec<Condition>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    pub(crate) restart_count: u32,
    pub(crate) state: State,
    pub(crate) last_state: State,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) running: Option<Running>,
    pub(crate) waiting: Option<Waiting>,
    pub(crate) terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Running {
    #[serde(deserialize_with = "stamp::lenient")]
    pub(crate) started_at: Option<Stamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Terminated {
    pub(crate) exit_code: i32,
    pub(crate) reason: String,
    #[serde(deserialize_with = "stamp::lenient")]
    pub(crate) finished_at: Option<Stamp>,
}

impl Pod {
    /// The phase as `kubectl` shows it: a pod that is being deleted is `Terminating`.
    pub(crate) fn phase(&self) -> &str {
        match self.status.phase.as_str() {
            "Pending" | "Running" if self.metadata.deletion_timestamp.is_some() => "Terminating",
            "" => "Unknown",
            phase => phase,
        }
    }

    fn readiness(&self) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == "Ready")
    }

    /// Whether it takes requests.
    pub(crate) fn is_ready(&self) -> bool {
        self.metadata.deletion_timestamp.is_none()
            && self.readiness().is_some_and(|condition| condition.status == "True")
    }

    /// When that changed last.
    pub(crate) fn ready_since(&self) -> Option<Stamp> {
        self.readiness().and_then(|condition| condition.last_transition_time)
    }

    /// Why it is not ready, in a word or two: `CrashLoopBackOff`, `Pending`.
    pub(crate) fn trouble(&self) -> String {
        let waiting = self.status.container_statuses.iter().find_map(|status| {
            let reason = &status.state.waiting.as_ref()?.reason;
            (!reason.is_empty()).then(|| reason.clone())
        });
        waiting.unwrap_or_else(|| match self.phase() {
            "Running" => "not ready".to_owned(),
            phase => phase.to_owned(),
        })
    }
}
