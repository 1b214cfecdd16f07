//! What a run looks like from outside while it goes on.

use std::time::Duration;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// VUs run their init code.
    Init,
    /// All VUs are there; the run waits to be resumed.
    Paused,
    /// `setup()` runs.
    Setup,
    /// Scenarios run.
    Running,
    /// `teardown()` runs.
    Teardown,
    /// The scenarios are over; the run stays up until it is told to end.
    Lingering,
    /// Everything has ended.
    Done,
}

/// Where a scenario is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScenarioPhase {
    /// Its `startTime` has not come.
    Waiting,
    /// Iterations may start.
    Running,
    /// No more iterations start; the last ones may finish.
    Graceful,
    /// Over; every iteration that was to run has run.
    Done,
    /// Over, and cut short.
    Interrupted,
}

/// One scenario in a [`Progress`].
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioProgress {
    /// Index in the plan.
    pub scenario_idx: usize,
    /// Where it is.
    pub phase: ScenarioPhase,
    /// Time since it started (or until it starts, while it waits).
    pub elapsed: Duration,
    /// VUs that run an iteration of it or loop for it.
    pub vus_active: u64,
    /// VUs it holds.
    pub vus_held: u64,
    /// Iterations that ended, interrupted ones not counted.
    pub iterations: u64,
    /// Iterations it will run in all, where its executor knows.
    pub iterations_total: Option<u64>,
    /// Iterations that should start per second now, in open-loop executors.
    pub rate_per_s: Option<f64>,
    /// Arrivals that found no idle VU.
    pub dropped: u64,
}

/// One look at a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Where the run is.
    pub phase: Phase,
    /// Time since the run's clock started, pauses left out.
    pub elapsed: Duration,
    /// Paused in the middle.
    pub paused: bool,
    /// VUs that run iterations.
    pub vus_active: u64,
    /// VUs that have run their init code.
    pub vus_initialized: u64,
    /// VUs to be initialised before the start.
    pub vus_planned: u64,
    /// Iterations that ran to their end.
    pub iterations_completed: u64,
    /// Iterations stopped before their end.
    pub iterations_interrupted: u64,
    /// The scenarios, in the plan's order.
    pub scenarios: Vec<ScenarioProgress>,
}
