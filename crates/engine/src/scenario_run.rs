//! A scenario while it runs: what director and cores share of it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Shard, TagSetId};
use plan::arrivals::Arrivals;
use plan::scenario::Scenario;
use rt::Nanos;

/// One core's idle VUs, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct IdleVus(AtomicI64);

impl IdleVus {
    /// One VU more is waiting for an arrival. Called after it can be found there.
    pub(crate) fn release(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    /// Takes one idle VU, if there is one; the core it lives on must then be sent the arrival.
    pub(crate) fn claim(&self) -> bool {
        let mut idle = self.0.load(Ordering::Acquire);
        while idle > 0 {
            match self.0.compare_exchange_weak(idle, idle - 1, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return true,
                Err(now) => idle = now,
            }
        }
        false
    }
}

/// When a scenario started and when it will end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) started: Nanos,
    pub(crate) started_unix_ns: u64,
    /// No iteration starts at or after it.
    pub(crate) regular_end: Nanos,
}

/// Shared state of one running scenario. Everything is an atomic counter or set once.
#[derive(Debug)]
pub(crate) struct ScenarioRun {
    pub(crate) idx: usize,
    pub(crate) scenario: Arc<Scenario>,
    /// Arrivals of this instance; `None` for closed-loop executors.
    pub(crate) arrivals: Option<Arrivals>,
    times: OnceLock<Times>,
    /// Iterations started, the number of the next one in this instance.
    pub(crate) started: AtomicU64,
    /// Iterations ended, interrupted ones not counted.
    pub(crate) completed: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// VUs that run an iteration (open loop) or loop (closed loop).
    pub(crate) active: AtomicU64,
    /// VUs the scenario holds.
    pub(crate) held: AtomicU64,
    /// Idle VUs by core, for open-loop executors.
    pub(crate) idle: Box<[IdleVus]>,
    /// More VUs may be made when arrivals are dropped.
    pub(crate) may_grow: AtomicBool,
    /// Maps a number of this instance to one of the whole test.
    pub(crate) striping: plan::segment::Striping,
}

impl ScenarioRun {
    pub(crate) fn new(
        idx: usize,
        scenario: Arc<Scenario>,
        arrivals: Option<Arrivals>,
        striping: plan::segment::Striping,
        n_cores: usize,
    ) -> ScenarioRun {
        ScenarioRun {
            idx,
            scenario,
            arrivals,
            times: OnceLock::new(),
            started: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            active: AtomicU64::new(0),
            held: AtomicU64::new(0),
            idle: (0..n_cores).map(|_| IdleVus::default()).collect(),
            may_grow: AtomicBool::new(false),
            striping,
        }
    }

    pub(crate) fn begin(&self, started: Nanos, started_unix_ns: u64, regular: Duration) {
        let times = Times { started, started_unix_ns, regular_end: started + regular };
        self.times.set(times).expect("a scenario begins once");
    }

    /// Times of a scenario that has begun.
    pub(crate) fn times(&self) -> Times {
        *self.times.get().expect("a scenario's VUs run after it has begun")
    }

    pub(crate) fn times_if_begun(&self) -> Option<Times> {
        self.times.get().copied()
    }

    /// Tags of what the engine itself measures about the scenario: the run's, and its name where that is wanted.
    pub(crate) fn tags(
        &self,
        shard: &mut Shard,
        run_tags: &[(String, String)],
        with_name: bool,
    ) -> TagSetId {
        let mut pairs: Vec<(&str, &str)> =
            run_tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        if with_name {
            pairs.push(("scenario", &self.scenario.name));
        }
        shard.tag_set(&pairs)
    }

    /// The number of the next iteration in this instance, and over all instances.
    pub(crate) fn next_iteration(&self) -> (u64, u64) {
        let k = self.started.fetch_add(1, Ordering::Relaxed);
        (k, self.striping.owned(k).unwrap_or(k))
    }
}
