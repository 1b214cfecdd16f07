//! Deployments.

use serde::Deserialize;

use super::{LabelSelector, Metadata};

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Deployment {
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    pub(crate) replicas: Option<u32>,
    pub(crate) selector: LabelSelector,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) replicas: u32,
    pub(crate) ready_replicas: u32,
    pub(crate) updated_replicas: u32,
}
