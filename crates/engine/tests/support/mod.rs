//! A script whose iterations take as long as the test says, and a way to run it in simulated time.
#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use engine::script::{
    Activation, Interrupt, Iteration, Outcome, Script, ScriptError, Vu, VuContext,
};
use engine::{Observer, RunConfig, RunOutcome, StopHandle};
use metrics::{AggregatorConfig, Registry, ShardConfig, Sink, TagSetId};
use plan::options::Options;

/// One iteration as it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub scenario: String,
    pub vu: u64,
    /// Milliseconds from the scenario's start.
    pub at_ms: u64,
    pub in_test: u64,
    pub in_instance: u64,
    pub whole: bool,
}

/// Iterations take `takes(n-th iteration of the test)`.
pub struct Fake {
    pub takes: Arc<dyn Fn(u64) -> Duration + Send + Sync>,
    pub ran: Arc<Mutex<Vec<Ran>>>,
    pub setups: AtomicU64,
    pub teardowns: AtomicU64,
    pub setup_takes: Duration,
    /// The iteration (by number in the instance) that aborts the test.
    pub abort_at: Option<u64>,
    /// The iteration (by number in the instance) in which the front end has a defect.
    pub panic_at: Option<u64>,
    /// The VU that leaves after its first iteration.
    pub leaver: Option<u64>,
}

impl Fake {
    pub fn taking(takes: impl Fn(u64) -> Duration + Send + Sync + 'static) -> Arc<Fake> {
        Arc::new(Fake::with(takes))
    }

    pub fn with(takes: impl Fn(u64) -> Duration + Send + Sync + 'static) -> Fake {
        Fake {
            takes: Arc::new(takes),
            ran: Arc::default(),
            setups: AtomicU64::new(0),
            teardowns: AtomicU64::new(0),
            setup_takes: Duration::ZERO,
            abort_at: None,
            panic_at: None,
            leaver: None,
        }
    }

    pub fn starts_ms(&self) -> Vec<u64> {
        let mut starts: Vec<u64> = self.ran.lock().unwrap().iter().map(|r| r.at_ms).collect();
        starts.sort_unstable();
        starts
    }

    pub fn by_scenario(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for ran in self.ran.lock().unwrap().iter() {
            *counts.entry(ran.scenario.clone()).or_default() += 1;
        }
        counts
    }
}

pub struct FakeVu {
    id: u64,
    takes: Arc<dyn Fn(u64) -> Duration + Send + Sync>,
    ran: Arc<Mutex<Vec<Ran>>>,
    abort_at: Option<u64>,
    panic_at: Option<u64>,
    leaver: Option<u64>,
    interrupt: Rc<Interrupt>,
    active: Option<Rc<Activation>>,
}

/// Sleeps; `false` if it was interrupted.
async fn sleep(interrupt: &Interrupt, duration: Duration) -> bool {
    let mut sleep = std::pin::pin!(rt::sleep(duration));
    std::future::poll_fn(|cx| {
        if interrupt.is_raised() {
            return Poll::Ready(false);
        }
        interrupt.register(cx.waker());
        std::future::Future::poll(sleep.as_mut(), cx).map(|()| true)
    })
    .await
}

impl Script for Fake {
    type Vu = FakeVu;

    async fn new_vu(&self, context: VuContext) -> Result<FakeVu, ScriptError> {
        Ok(FakeVu {
            id: context.id_in_instance,
            takes: self.takes.clone(),
            ran: self.ran.clone(),
            abort_at: self.abort_at,
            panic_at: self.panic_at,
            leaver: self.leaver,
            interrupt: context.interrupt,
            active: None,
        })
    }

    async fn setup(&self, context: VuContext) -> Result<(), ScriptError> {
        self.setups.fetch_add(1, Ordering::Relaxed);
        sleep(&context.interrupt, self.setup_takes).await;
        Ok(())
    }

    async fn teardown(&self, _: VuContext) -> Result<(), ScriptError> {
        self.teardowns.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Vu for FakeVu {
    fn activate(&mut self, activation: &Rc<Activation>) {
        self.active = Some(activation.clone());
    }

    async fn iterate(&mut self, iteration: Iteration) -> Outcome {
        let active = self.active.clone().unwrap();
        let at_ms = (rt::now() - active.started).as_millis() as u64;
        let takes = (self.takes)(iteration.in_instance);
        let whole = sleep(&self.interrupt, takes).await;
        self.ran.lock().unwrap().push(Ran {
            scenario: active.scenario.name.clone(),
            vu: self.id,
            at_ms,
            in_test: iteration.in_test,
            in_instance: iteration.in_instance,
            whole,
        });
        assert!(self.panic_at != Some(iteration.in_instance), "a defect");
        if self.abort_at == Some(iteration.in_instance) {
            return Outcome::Abort("test aborted".to_owned());
        }
        if whole { Outcome::Complete { threw: false } } else { Outcome::Interrupted }
    }

    fn tags(&self) -> TagSetId {
        TagSetId(0)
    }

    fn leaves(&self) -> bool {
        self.leaver == Some(self.id)
    }
}

/// An observer that keeps warnings and looks at progress.
#[derive(Default)]
pub struct Watch {
    pub warnings: Vec<String>,
    pub most_active: u64,
}

impl Observer for Watch {
    fn progress(&mut self, progress: &engine::progress::Progress) {
        self.most_active = self.most_active.max(progress.vus_active);
    }
    fn snapshot(&mut self, snapshot: &metrics::Snapshot) {
        // What leaves a core can be sent elsewhere and read there.
        let bytes = snapshot.encode();
        assert!(metrics::Snapshot::decode(&bytes).is_ok());
    }
    fn samples(&mut self, _: &metrics::SampleBatch) {}
    fn warning(&mut self, text: &str, _: &[(&'static str, String)]) {
        self.warnings.push(text.to_owned());
    }
}

/// The configuration of a run of these k6 options.
pub fn config(options: &str, cores: usize) -> RunConfig {
    let (options, _) = Options::from_script_json(options).unwrap();
    let derivation = plan::options::Derivation { default_vus: 1, is_exported: &|_| true };
    let (scenarios, _) = options.derive_scenarios(derivation).unwrap();
    RunConfig {
        scenarios,
        striping: plan::segment::Striping::whole(),
        cores,
        spin: false,
        agent: 0,
        registry: Arc::new(Registry::with_builtins()),
        shard: ShardConfig::default(),
        aggregate: AggregatorConfig::default(),
        run_tags: Vec::new(),
        tag_scenario: true,
        raw_samples: false,
        min_iteration: options.min_iteration_duration.map(|span| span.as_duration()),
        setup: true,
        teardown: true,
        setup_timeout: Duration::from_secs(60),
        teardown_timeout: Duration::from_secs(60),
        idle_order: engine::IdleOrder::LongestFirst,
        paused: false,
        linger: false,
    }
}

/// Runs in simulated time.
pub fn simulate(script: &Arc<Fake>, options: &str, cores: usize) -> (RunOutcome, Watch) {
    simulate_stopping(script, config(options, cores), |_| {})
}

/// Runs in simulated time with a hand on the brake.
pub fn simulate_stopping(
    script: &Arc<Fake>,
    config: RunConfig,
    brake: impl FnOnce(StopHandle),
) -> (RunOutcome, Watch) {
    let mut watch = Watch::default();
    let (handle, stops) = engine::stop_pair();
    brake(handle);
    let outcome = engine::run_simulated(script, config, stops, &mut watch).unwrap();
    (outcome, watch)
}

/// A counter's total.
pub fn count(outcome: &RunOutcome, metric: &str) -> f64 {
    let found = outcome.totals.metrics.iter().find(|m| m.name == metric);
    match found.map(|m| &m.sink) {
        Some(Sink::Counter { sum }) => *sum,
        _ => 0.0,
    }
}

/// A trend's percentile.
pub fn percentile(outcome: &RunOutcome, metric: &str, p: f64) -> f64 {
    let found = outcome.totals.metrics.iter().find(|m| m.name == metric);
    match found.map(|m| &m.sink) {
        Some(Sink::Trend(trend)) => trend.percentile(p),
        _ => f64::NAN,
    }
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
