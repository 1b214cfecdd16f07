//! What to run and how, as the caller of [`run`](crate::run()) says it.

use std::sync::Arc;
use std::time::Duration;

use metrics::{AggregatorConfig, Registry, ShardConfig};
use plan::scenario::Scenario;
use plan::segment::Striping;

/// What to run and how.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// The scenarios, checked (and scaled in time, if asked for).
    pub scenarios: Vec<Scenario>,
    /// This instance's share of the test.
    pub striping: Striping,
    /// Cores to use, at least 1.
    pub cores: usize,
    /// Spin before precise starts. Only where the cores have their CPUs to themselves.
    pub spin: bool,
    /// Number of this instance in a distributed run.
    pub agent: u32,
    /// The test's metrics, those of the script included.
    pub registry: Arc<Registry>,
    /// Memory limits of a core's measurements.
    pub shard: ShardConfig,
    /// Thresholds and what else to work out while merging.
    pub aggregate: AggregatorConfig,
    /// Tags of every sample.
    pub run_tags: Vec<(String, String)>,
    /// Whether samples carry the `scenario` tag (a system tag of k6).
    pub tag_scenario: bool,
    /// Hand every single sample to the observer.
    pub raw_samples: bool,
    /// Iterations shorter than this idle until it is over.
    pub min_iteration: Option<Duration>,
    /// Whether to run `setup()`.
    pub setup: bool,
    /// Whether to run `teardown()`.
    pub teardown: bool,
    /// Limit of `setup()`.
    pub setup_timeout: Duration,
    /// Limit of `teardown()`.
    pub teardown_timeout: Duration,
    /// Which idle VU an arrival gets.
    pub idle_order: IdleOrder,
    /// Make the VUs, then wait for [`set_paused(false)`](crate::control::ControlHandle::set_paused).
    pub paused: bool,
    /// When everything is over, wait for a signal before the last measurements are taken in.
    pub linger: bool,
}

/// Which of several idle VUs serves the next arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleOrder {
    /// The one that has been idle longest, as k6 does: all VUs take part.
    LongestFirst,
    /// The one that was busy last: no more VUs (and connections) take part than are needed.
    LatestFirst,
}
