//! Who watches a run, and what comes out of it.

use std::time::Duration;

use metrics::{SampleBatch, Snapshot, Totals};

use crate::progress::Progress;
use crate::script::ScriptError;
use crate::selfcheck::SelfCheck;

/// Who watches a run. Everything is called on the thread that called [`run`], off the path of requests.
pub trait Observer {
    /// About ten times a second, and once at the end.
    fn progress(&mut self, progress: &Progress);
    /// Each snapshot of each core, about once a second.
    fn snapshot(&mut self, snapshot: &Snapshot);
    /// Every sample, if the run was asked for them.
    fn samples(&mut self, batch: &SampleBatch);
    /// Something the user should know; `fields` are a log line's.
    fn warning(&mut self, text: &str, fields: &[(&'static str, String)]);
}

/// An observer that looks away.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn progress(&mut self, _: &Progress) {}
    fn snapshot(&mut self, _: &Snapshot) {}
    fn samples(&mut self, _: &SampleBatch) {}
    fn warning(&mut self, _: &str, _: &[(&'static str, String)]) {}
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Everything ran as planned.
    Finished,
    /// Thresholds were crossed.
    Thresholds {
        /// Their metrics, sorted.
        crossed: Vec<String>,
        /// The run was ended early by one with `abortOnFail`.
        aborted: bool,
    },
    /// The script called `exec.test.abort()`; k6's text.
    Aborted(String),
    /// A signal, by k6's name of it.
    Signal(String),
    /// The REST API.
    Api,
    /// `setup()` failed or took too long.
    Setup(ScriptError),
    /// `teardown()` failed or took too long.
    Teardown(ScriptError),
    /// A VU's init code failed.
    VuInit(ScriptError),
    /// A defect of the engine.
    Internal(String),
}

/// What a run gave.
#[derive(Debug)]
pub struct RunOutcome {
    /// All that was measured.
    pub totals: Totals,
    /// How long the run's clock ran: setup, scenarios and teardown.
    pub elapsed: Duration,
    /// Why it ended.
    pub end: End,
    /// `exec.test.fail()` was called.
    pub marked_failed: bool,
    /// Iterations that ended by an exception.
    pub exceptions: u64,
    /// Whether the numbers can be trusted.
    pub self_check: SelfCheck,
    /// The last look at it.
    pub progress: Progress,
}

/// Why a run could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refused something.
    #[error("the system refused a thread or a polling descriptor: {0}")]
    System(#[from] std::io::Error),
    /// A threshold is malformed or on a metric that can't have it.
    #[error("{0}")]
    Threshold(#[from] plan::threshold::ThresholdError),
    /// The script's metrics contradict each other.
    #[error("{0}")]
    Metric(#[from] metrics::IngestError),
}
