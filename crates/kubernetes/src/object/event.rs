//! Events: what controllers say of objects.

use serde::Deserialize;

use super::Metadata;
use crate::stamp::{self, Stamp};

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct KubeEvent {
    pub(crate) metadata: Metadata,
    pub(crate) involved_object: Involved,
    pub(crate) reason: String,
    pub(crate) message: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// How often it was seen.
    pub(crate) count: Option<u64>,
    #[serde(deserialize_with = "stamp::lenient")]
    event_time: Option<Stamp>,
    #[serde(deserialize_with = "stamp::lenient")]
    last_timestamp: Option<Stamp>,
    series: Option<Series>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Involved {
    pub(crate) kind: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    count: u64,
    #[serde(deserialize_with = "stamp::lenient")]
    last_observed_time: Option<Stamp>,
}

impl KubeEvent {
    /// When it was seen last.
    pub(crate) fn time(&self) -> Option<Stamp> {
        let series = self.series.as_ref().and_then(|series| series.last_observed_time);
        let exact = series.into_iter().chain(self.event_time);
        exact.chain(self.last_timestamp).max().or(self.metadata.creation_timestamp)
    }

    /// How often it was seen in all.
    pub(crate) fn times(&self) -> u64 {
        self.series.as_ref().map(|series| series.count).or(self.count).unwrap_or(1)
    }
}
