//! Looking at a run and steering it from outside, from any thread: what a REST API needs.
//!
//! Every question travels through the queue that stops travel through, and the director answers it between two of its
//! events: no core is asked, nothing on the path of an iteration changes.

use std::fmt;

use metrics::Totals;
use rt::channel::Sender;

use crate::progress::Phase;
use crate::script::ScriptError;
use crate::stop::{StopHandle, StopReason};

/// Called once with the answer, on the director's thread; dropped where the run is over or ends before there is one.
pub type Reply<T> = Box<dyn FnOnce(T) + Send>;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunState {
    /// Where it is.
    pub phase: Phase,
    /// It waits for [`ControlHandle::set_paused`], before its start or in the middle.
    pub paused: bool,
    /// VUs that run iterations.
    pub vus_active: u64,
    /// VUs that have run their init code.
    pub vus_initialized: u64,
    /// Somebody or something has ended it before its time.
    pub stopped: bool,
    /// Its scenarios were cut short, rather than ended.
    pub cut_short: bool,
    /// Its clock has started.
    pub started: bool,
    /// Metrics whose thresholds were crossed when last looked at.
    pub crossed: usize,
    /// Whether thresholds have been looked at.
    pub thresholds_seen: bool,
    /// `exec.test.fail()` was called.
    pub marked_failed: bool,
}

/// A function of the script that runs once a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// `setup()`.
    Setup,
    /// `teardown()`.
    Teardown,
}

/// Why the run does not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It can't be paused or resumed now.
    #[error("{0}")]
    Pause(String),
    /// No scenario of it can be scaled.
    #[error("live VU configuration updates are not supported")]
    NotScalable,
    /// The numbers of VUs make no sense.
    #[error("{0}")]
    Scale(String),
    /// `setup()` or `teardown()` failed.
    #[error("{}", .0.message)]
    Hook(ScriptError),
}

/// What comes in from outside.
pub(crate) enum Demand {
    Stop(StopReason),
    State(Reply<RunState>),
    Totals(Reply<Totals>),
    Steer(Steer),
    Hook(Hook, Reply<Result<(), Refusal>>),
}

/// Changes of course; they happen one after the other.
pub(crate) enum Steer {
    Pause(bool, Reply<Result<RunState, Refusal>>),
    Scale(Scale, Reply<Result<RunState, Refusal>>),
}

/// New numbers of VUs for the first scenario that takes them; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// VUs that iterate.
    pub vus: Option<i64>,
    /// VUs that exist.
    pub max_vus: Option<i64>,
}

/// Asks a run and steers it; may be cloned and used on any thread.
#[derive(Clone)]
pub struct ControlHandle(Sender<Demand>);

impl fmt::Debug for ControlHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlHandle")
    }
}

impl StopHandle {
    /// The handle that also asks and steers.
    #[must_use]
    pub fn control(&self) -> ControlHandle {
        ControlHandle(self.demands().clone())
    }
}

impl ControlHandle {
    /// Ends the run, as [`StopHandle::stop`].
    pub fn stop(&self, reason: StopReason) {
        self.0.send(Demand::Stop(reason));
    }

    /// How the run stands.
    pub fn state(&self, reply: impl FnOnce(RunState) + Send + 'static) {
        self.0.send(Demand::State(Box::new(reply)));
    }

    /// What has been measured so far; the cores hand in once a second.
    pub fn totals(&self, reply: impl FnOnce(Totals) + Send + 'static) {
        self.0.send(Demand::Totals(Box::new(reply)));
    }

    /// Starts a run that waits for it, or pauses and resumes one whose scenarios all can. The answer is how the run
    /// stands right after it.
    pub fn set_paused(
        &self,
        paused: bool,
        reply: impl FnOnce(Result<RunState, Refusal>) + Send + 'static,
    ) {
        self.0.send(Demand::Steer(Steer::Pause(paused, Box::new(reply))));
    }

    /// Changes the VUs of the first externally controlled scenario. The answer is how the run stands right after it.
    pub fn scale(
        &self,
        scale: Scale,
        reply: impl FnOnce(Result<RunState, Refusal>) + Send + 'static,
    ) {
        self.0.send(Demand::Steer(Steer::Scale(scale, Box::new(reply))));
    }

    /// Runs `setup()` or `teardown()` now, whatever the plan says about them.
    pub fn run_hook(&self, hook: Hook, reply: impl FnOnce(Result<(), Refusal>) + Send + 'static) {
        self.0.send(Demand::Hook(hook, Box::new(reply)));
    }
}
