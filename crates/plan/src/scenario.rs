//! A validated scenario: what runs, with which executor, when, for how long.

use std::time::Duration;

/// One scenario of a test, checked and with all defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name, the value of the `scenario` tag.
    pub name: String,
    /// How its iterations are scheduled.
    pub executor: Executor,
    /// When it starts, counted from the start of the test (after `setup()`).
    pub start_time: Duration,
    /// How long running iterations may continue after its regular end.
    pub graceful_stop: Duration,
    /// The exported function its iterations call; `default` unless set.
    pub exec: String,
    /// Environment variables laid over `__ENV`, by name.
    pub env: Vec<(String, String)>,
    /// Tags of all samples of the scenario, by name.
    pub tags: Vec<(String, String)>,
    /// The `options.browser` object, which a browser module would read.
    pub browser: Option<serde_json::Value>,
}

/// How iterations are scheduled, with the settings of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// `constant-vus`.
    ConstantVus(ConstantVus),
    /// `ramping-vus`.
    RampingVus(RampingVus),
    /// `shared-iterations`.
    SharedIterations(SharedIterations),
    /// `per-vu-iterations`.
    PerVuIterations(PerVuIterations),
    /// `constant-arrival-rate`.
    ConstantArrivalRate(ConstantArrivalRate),
    /// `ramping-arrival-rate`.
    RampingArrivalRate(RampingArrivalRate),
}

/// A fixed number of VUs, each iterating for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantVus {
    /// Number of VUs of the whole test (all segments).
    pub vus: u64,
    /// No new iterations start after it.
    pub duration: Duration,
}

/// A number of VUs that follows a line through the stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RampingVus {
    /// VUs at the start.
    pub start_vus: u64,
    /// Targets are VUs.
    pub stages: Vec<Stage>,
    /// How long a VU that is ramped down may finish its iteration.
    pub graceful_ramp_down: Duration,
}

/// A fixed number of iterations that the VUs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedIterations {
    /// Number of VUs.
    pub vus: u64,
    /// Number of iterations, of all VUs together.
    pub iterations: u64,
    /// No new iterations start after it.
    pub max_duration: Duration,
}

/// A fixed number of iterations for each VU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerVuIterations {
    /// Number of VUs.
    pub vus: u64,
    /// Number of iterations of each.
    pub iterations: u64,
    /// No new iterations start after it.
    pub max_duration: Duration,
}

/// Iterations that start at a fixed rate, whatever the earlier ones do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantArrivalRate {
    /// Iterations per `time_unit`.
    pub rate: u64,
    /// What the rate counts by.
    pub time_unit: Duration,
    /// No new iterations start after it.
    pub duration: Duration,
    /// VUs made before the test.
    pub pre_allocated_vus: u64,
    /// VUs that may exist at most.
    pub max_vus: u64,
}

/// Iterations that start at a rate that follows a line through the stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RampingArrivalRate {
    /// Iterations per `time_unit` at the start.
    pub start_rate: u64,
    /// What the rates count by.
    pub time_unit: Duration,
    /// Targets are iterations per `time_unit`.
    pub stages: Vec<Stage>,
    /// VUs made before the test.
    pub pre_allocated_vus: u64,
    /// VUs that may exist at most.
    pub max_vus: u64,
}

/// One straight piece of a ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// How long it takes; zero is a jump.
    pub duration: Duration,
    /// Where it ends.
    pub target: u64,
}
