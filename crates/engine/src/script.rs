//! What the engine asks of a front end: make VUs, run one iteration, stop when told.
//!
//! k6 scripts, bursts and (later) Locust children implement these traits; the engine knows nothing else of them.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use metrics::{Shard, TagSetId};
use rt::Nanos;

use crate::status::RunStatus;

/// One core's metrics, shared by the VUs that live on that core. Never hold the borrow across a suspension.
pub type SharedShard = Rc<RefCell<Shard>>;

/// A test: something that can make VUs on any core.
///
/// One value is shared by all cores; the VUs it makes never leave the core they were made on.
pub trait Script: Send + Sync + 'static {
    /// What one virtual user is.
    type Vu: Vu;

    /// Makes a VU on the calling core, running the script's init code. Not called for a VU twice.
    ///
    /// # Errors
    /// What the script threw, ready to be shown.
    fn new_vu(&self, context: VuContext) -> impl Future<Output = Result<Self::Vu, ScriptError>>;

    /// Runs `setup()` in a throw-away VU and keeps its result for the VUs made or activated later.
    /// `Ok` at once where the script has none.
    fn setup(&self, context: VuContext) -> impl Future<Output = Result<(), ScriptError>>;

    /// Runs `teardown(data)` in a throw-away VU.
    fn teardown(&self, context: VuContext) -> impl Future<Output = Result<(), ScriptError>>;
}

/// What a VU is told when it is made.
#[derive(Clone)]
pub struct VuContext {
    /// Number in this instance, from 1; 0 for setup, teardown and the probe (`__VU`).
    pub id_in_instance: u64,
    /// Number over all instances of a distributed run (`exec.vu.idInTest`).
    pub id_in_test: u64,
    /// The core the VU lives on.
    pub core: usize,
    /// That core's metrics.
    pub shard: SharedShard,
    /// Counters of the whole run, for `exec.instance` and progress.
    pub status: Arc<RunStatus>,
    /// Set to stop what the VU is doing; see [`Interrupt`].
    pub interrupt: Rc<Interrupt>,
}

/// One virtual user. Its iterations run one at a time.
pub trait Vu: 'static {
    /// Prepares for iterations of a scenario (environment, tags, function to call). Called when the VU is handed to a scenario.
    fn activate(&mut self, activation: &Rc<Activation>);

    /// Runs one iteration to its end or until it is interrupted.
    fn iterate(&mut self, iteration: Iteration) -> impl Future<Output = Outcome>;

    /// Whether the iteration that has just ended asked for no further one of its scenario. Asking forgets the answer.
    fn leaves(&self) -> bool {
        false
    }

    /// Tags of samples the engine makes for this VU (`iterations`, `iteration_duration`): run, scenario, group tags.
    fn tags(&self) -> TagSetId;

    /// What else is said of those samples, for outputs that want each of them.
    fn metadata(&self) -> Option<Arc<metrics::Metadata>> {
        None
    }

    /// Ends the VU in an orderly way: whatever it has suspended is run to its end. The interrupt is raised before.
    fn close(self) -> impl Future<Output = ()>
    where
        Self: Sized,
    {
        async {}
    }
}

/// A scenario as the VUs of one core see it.
#[derive(Debug)]
pub struct Activation {
    /// Index of the scenario in the plan.
    pub scenario_idx: usize,
    /// The scenario: name, function to call, environment, tags.
    pub scenario: Arc<plan::scenario::Scenario>,
    /// When the scenario started (its `startTime` included).
    pub started: Nanos,
    /// The same as unix time, nanoseconds.
    pub started_unix_ns: u64,
}

/// Numbers of one iteration.
#[derive(Debug, Clone, Copy)]
pub struct Iteration {
    /// Unique number in the scenario over all instances, from 0 (`exec.scenario.iterationInTest`).
    pub in_test: u64,
    /// Number in the scenario in this instance, from 0.
    pub in_instance: u64,
    /// When an open-loop executor wanted it to start; `None` in closed-loop executors.
    pub intended: Option<Nanos>,
}

/// How an iteration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran to its end; `threw` says it ended by an exception, which the script has logged.
    Complete {
        /// Ended by an exception.
        threw: bool,
    },
    /// It was interrupted before its end.
    Interrupted,
    /// The script asked for the whole test to stop (`exec.test.abort()`); the message is k6's text.
    Abort(String),
    /// The VU can no longer be used (it could not be stopped cleanly); the engine drops it.
    Broken(String),
}

/// What a script threw, or why it could not be loaded.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct ScriptError {
    /// k6's text, with the script's own stack where there is one.
    pub message: String,
    /// k6's exit code for it (104, 107, 108, 100, 101, 255).
    pub exit_code: u8,
    /// k6's `hint` field, if any.
    pub hint: Option<String>,
}

/// Tells a running VU to stop: every wait of the VU ends, and its script throws an exception it can't catch.
#[derive(Debug, Default)]
pub struct Interrupt {
    raised: std::cell::Cell<bool>,
    waker: RefCell<Option<std::task::Waker>>,
}

impl Interrupt {
    /// Stops what runs now, and anything started before [`clear`](Self::clear).
    pub fn raise(&self) {
        self.raised.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Makes the VU usable again; the engine calls it between iterations.
    pub fn clear(&self) {
        self.raised.set(false);
        self.waker.borrow_mut().take();
    }

    /// Whether the VU must stop.
    pub fn is_raised(&self) -> bool {
        self.raised.get()
    }

    /// Registers whom to wake when raised. Every wait of a VU calls it with its task's waker.
    pub fn register(&self, waker: &std::task::Waker) {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|w| w.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }
}
