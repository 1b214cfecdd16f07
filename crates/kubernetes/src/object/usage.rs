//! What pods use, as the metrics-server says.

use serde::Deserialize;

use super::pod::Amounts;
use super::{Metadata, nullable};
use crate::stamp::{self, Stamp};

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct PodMetricsList {
    #[serde(deserialize_with = "nullable")]
    pub(crate) items: Vec<PodMetrics>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct PodMetrics {
    pub(crate) metadata: Metadata,
    /// The end of the window that was measured.
    #[serde(deserialize_with = "stamp::lenient")]
    pub(crate) timestamp: Option<Stamp>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) containers: Vec<ContainerMetrics>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerMetrics {
    pub(crate) name: String,
    pub(crate) usage: Amounts,
}
