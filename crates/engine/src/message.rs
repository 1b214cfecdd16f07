//! What the director and the cores say to each other.

use std::sync::Arc;

use metrics::{SampleBatch, Snapshot};
use rt::Nanos;

use crate::scenario_run::ScenarioRun;
use crate::script::ScriptError;

/// Number of a VU in this instance, from 1.
pub(crate) type VuId = u64;

/// Why a VU loops, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopRule {
    /// Until the scenario's regular end, or a soft stop.
    UntilEnd,
    /// As long as the scenario has iterations left for anybody.
    SharedTickets {
        /// Iterations of this instance.
        total: u64,
    },
    /// A number of iterations of its own.
    Own {
        /// Iterations of this VU.
        total: u64,
    },
}

/// From the director (or, for hand-offs, from another core) to a core.
#[derive(Debug)]
pub(crate) enum Command {
    /// Make a VU. Answered by [`Report::VuMade`].
    MakeVu { vu: VuId, id_in_test: u64 },
    /// Iterate until the rule or a stop says otherwise. Answered by [`Report::LoopEnded`] with the same turn. A VU that
    /// is still in an earlier turn of the same scenario goes on without a break.
    Loop { vu: VuId, run: Arc<ScenarioRun>, rule: LoopRule, turn: u64 },
    /// Finish the current iteration, then end the loop.
    StopSoft { vu: VuId, turn: u64 },
    /// Interrupt the VU now.
    StopHard { vu: VuId, turn: u64 },
    /// Make the VU available to the arrivals of a scenario.
    Join { vu: VuId, run: Arc<ScenarioRun> },
    /// Start the iterations of an arrival-rate scenario that fall to this core. Answered by [`Report::PacingDone`].
    Pace { run: Arc<ScenarioRun> },
    /// An arrival that found no idle VU on its own core; a VU of this core has been claimed for it.
    HandOff { run: Arc<ScenarioRun>, arrival: Arrival },
    /// No more arrivals will come. Answered by [`Report::Drained`] once nothing of the scenario runs.
    Drain { run: Arc<ScenarioRun> },
    /// Interrupt every VU that works for the scenario.
    Interrupt { scenario_idx: usize },
    /// End a VU that is not needed any more. Whatever it does is interrupted; it says nothing.
    Retire { vu: VuId },
    /// Run `setup()` in a throw-away VU. Answered by [`Report::Hook`].
    Setup,
    /// Run `teardown()` in a throw-away VU. Answered by [`Report::Hook`].
    Teardown,
    /// Interrupt the running hook, if any.
    InterruptHook,
    /// Send what has been measured so far and say [`Report::Flushed`].
    Flush,
    /// End the VUs and the core.
    Quit,
}

/// An iteration that an open-loop executor wants to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Its number over all instances.
    pub(crate) in_test: u64,
    /// When it should start.
    pub(crate) intended: Nanos,
}

/// From a core to the director.
#[derive(Debug)]
pub(crate) enum Report {
    VuMade {
        vu: VuId,
        result: Result<(), ScriptError>,
    },
    LoopEnded {
        vu: VuId,
        scenario_idx: usize,
        turn: u64,
    },
    PacingDone {
        scenario_idx: usize,
    },
    Drained {
        scenario_idx: usize,
        vus: Vec<VuId>,
    },
    /// An arrival was dropped and the scenario may have another VU.
    NeedVu {
        scenario_idx: usize,
    },
    Hook {
        result: Result<(), ScriptError>,
    },
    Snapshot(Box<Snapshot>),
    Samples(Box<SampleBatch>),
    Flushed,
    /// The script asked for the test to end.
    Abort(String),
    /// A VU can't be used any more.
    VuBroken {
        vu: VuId,
        why: String,
    },
    /// The core's last word: what it did with its time.
    Ended {
        work: crate::selfcheck::CoreWork,
    },
    /// The core panicked.
    Died {
        core: usize,
        why: String,
    },
}
