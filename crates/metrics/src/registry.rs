//! Which metrics exist: names, kinds, and k6's rules for declaring them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::builtin;

/// What a metric does with its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MetricKind {
    /// Sums values.
    Counter,
    /// Keeps the last value, and the smallest and largest.
    Gauge,
    /// Counts how many values are not zero.
    Rate,
    /// Keeps the distribution of values.
    Trend,
}

impl MetricKind {
    /// k6's word for the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Rate => "rate",
            Self::Trend => "trend",
        }
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a metric's values are, which decides how they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Contains {
    /// Plain numbers.
    Default,
    /// Milliseconds.
    Time,
    /// Bytes.
    Data,
}

impl Contains {
    /// k6's word for the content.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Time => "time",
            Self::Data => "data",
        }
    }
}

impl fmt::Display for Contains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A metric of one process: its index in the process's [`Registry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricId(pub u32);

/// A metric's name and nature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricInfo {
    /// The name scripts and thresholds use.
    pub name: Arc<str>,
    /// What it does with samples.
    pub kind: MetricKind,
    /// What its values are.
    pub contains: Contains,
}

/// Why a metric could not be declared. The texts are k6's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The name breaks `^[a-zA-Z_][a-zA-Z0-9_]{1,128}$`.
    #[error(
        "Invalid metric name: '{0}'. Metric names must only include up to 128 ASCII letters, numbers, or underscores and start with a letter or an underscore."
    )]
    Name(String),
    /// The name is taken by a metric of another kind.
    #[error("metric '{name}' already exists but with type {existing}, instead of {wanted}")]
    Kind {
        /// The metric.
        name: String,
        /// What it is.
        existing: MetricKind,
        /// What it was declared as now.
        wanted: MetricKind,
    },
    /// The name is taken by a metric with other contents.
    #[error("metric '{name}' already exists but with a value type {existing}, instead of {wanted}")]
    Contains {
        /// The metric.
        name: String,
        /// What it holds.
        existing: Contains,
        /// What it was declared to hold now.
        wanted: Contains,
    },
    /// There are [`MAX_METRICS`] metrics already.
    #[error("metric '{0}' is one too many: a test may have {MAX_METRICS} metrics")]
    TooMany(String),
}

/// Most metrics a process may declare; each costs memory in every shard and every sink.
pub const MAX_METRICS: usize = 10_000;

/// The metrics of a process, shared by its shards. Declaring takes a lock, recording never does.
#[derive(Debug)]
pub struct Registry {
    inner: Mutex<Metrics>,
}

#[derive(Debug, Default)]
struct Metrics {
    list: Vec<MetricInfo>,
    by_name: FxHashMap<Arc<str>, MetricId>,
}

impl Metrics {
    fn push(&mut self, name: &str, kind: MetricKind, contains: Contains) -> MetricId {
        let id = MetricId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = name.into();
        self.by_name.insert(Arc::clone(&name), id);
        self.list.push(MetricInfo { name, kind, contains });
        id
    }
}

impl Registry {
    /// A registry that holds k6's built-in metrics and ours, at the ids of [`builtin`].
    pub fn with_builtins() -> Self {
        let mut metrics = Metrics::default();
        for (name, kind, contains) in builtin::ALL {
            metrics.push(name, *kind, *contains);
        }
        Self { inner: Mutex::new(metrics) }
    }

    /// A registry without any metric: of what is observed of the system under test, beside the run's own.
    pub fn empty() -> Self {
        Self { inner: Mutex::default() }
    }

    /// Declares a metric, or finds the one declared before with the same kind and contents.
    ///
    /// # Errors
    /// k6's: a bad name, or a metric of that name with another kind or other contents.
    pub fn declare(
        &self,
        name: &str,
        kind: MetricKind,
        contains: Contains,
    ) -> Result<MetricId, RegistryError> {
        if !is_valid_name(name) {
            return Err(RegistryError::Name(name.to_owned()));
        }
        let mut metrics = self.lock();
        if let Some(&id) = metrics.by_name.get(name) {
            let existing = &metrics.list[id.0 as usize];
            if existing.kind != kind {
                return Err(RegistryError::Kind {
                    name: name.to_owned(),
                    existing: existing.kind,
                    wanted: kind,
                });
            }
            if existing.contains != contains {
                let existing = existing.contains;
                return Err(RegistryError::Contains {
                    name: name.to_owned(),
                    existing,
                    wanted: contains,
                });
            }
            return Ok(id);
        }
        if metrics.list.len() >= MAX_METRICS {
            return Err(RegistryError::TooMany(name.to_owned()));
        }
        Ok(metrics.push(name, kind, contains))
    }

    /// The metric of that name.
    pub fn get(&self, name: &str) -> Option<MetricId> {
        self.lock().by_name.get(name).copied()
    }

    /// Name and nature of a metric.
    ///
    /// # Panics
    /// When the id is not of this registry.
    pub fn info(&self, id: MetricId) -> MetricInfo {
        self.lock().list[id.0 as usize].clone()
    }

    /// Number of metrics.
    pub fn len(&self) -> usize {
        self.lock().list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The metrics from index `from` on, in order of declaration.
    pub fn list_from(&self, from: usize) -> Vec<MetricInfo> {
        self.lock().list.get(from..).unwrap_or_default().to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, Metrics> {
        // A panic while declaring leaves the tables as they were before it: they can be used.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::with_builtins()
    }
}

/// k6's rule for metric names: `^[a-zA-Z_][a-zA-Z0-9_]{1,128}$`, so two characters at least.
pub fn is_valid_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    (2..=129).contains(&bytes.len())
        && !bytes[0].is_ascii_digit()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_k6s_pattern() {
        let longest = "x".repeat(129);
        let too_long = "x".repeat(130);
        for (name, ok) in [
            ("ab", true),
            ("_a", true),
            ("a1", true),
            ("__", true),
            (longest.as_str(), true),
            ("a", false),
            ("", false),
            ("1a", false),
            ("a-b", false),
            ("a b", false),
            ("aé", false),
            (too_long.as_str(), false),
        ] {
            assert_eq!(is_valid_name(name), ok, "{name}");
        }
    }

    #[test]
    fn conflicting_declarations_give_k6s_texts() {
        let registry = Registry::with_builtins();
        let declare = |name, kind, contains| {
            registry.declare(name, kind, contains).map_err(|e| e.to_string())
        };
        assert_eq!(
            declare("a-b", MetricKind::Counter, Contains::Default),
            Err("Invalid metric name: 'a-b'. Metric names must only include up to 128 ASCII letters, numbers, or underscores and start with a letter or an underscore.".to_owned())
        );
        assert_eq!(
            declare("http_reqs", MetricKind::Trend, Contains::Default),
            Err("metric 'http_reqs' already exists but with type counter, instead of trend"
                .to_owned())
        );
        let id = declare("ab", MetricKind::Trend, Contains::Default);
        assert!(id.is_ok());
        assert_eq!(declare("ab", MetricKind::Trend, Contains::Default), id);
        assert_eq!(
            declare("http_req_duration", MetricKind::Trend, Contains::Default),
            Err("metric 'http_req_duration' already exists but with a value type time, instead of default".to_owned())
        );
        assert_eq!(
            declare("ab", MetricKind::Trend, Contains::Time),
            Err("metric 'ab' already exists but with a value type default, instead of time"
                .to_owned())
        );
    }

    #[test]
    fn builtin_constants_name_their_metrics() {
        let registry = Registry::with_builtins();
        assert_eq!(registry.get("vus"), Some(builtin::VUS));
        assert_eq!(registry.get("http_req_failed"), Some(builtin::HTTP_REQ_FAILED));
        assert_eq!(
            registry.get("grpc_streams_msgs_received"),
            Some(builtin::GRPC_STREAMS_MSGS_RECEIVED)
        );
        assert_eq!(registry.get("squall_arrival_lateness"), Some(builtin::ARRIVAL_LATENESS));
        assert_eq!(registry.info(builtin::DATA_SENT).contains, Contains::Data);
        assert_eq!(registry.info(builtin::CHECKS).kind, MetricKind::Rate);
        assert_eq!(registry.len(), builtin::ALL.len());
    }
}
