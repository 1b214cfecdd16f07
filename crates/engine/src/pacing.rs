//! Starting iterations of open-loop scenarios on time.
//!
//! Invariant: the k-th arrival is *intended* at `arrivals.at(k)`, whatever happened to earlier ones. A late wake-up is
//! recorded as lateness; it never moves the schedule. Arrivals are dealt to the cores in turn, so that their sum is
//! even; one that finds no idle VU on its own core is handed to a core that has one, and dropped only if none has.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::{SeriesId, builtin};
use rt::Nanos;

use crate::config::IdleOrder;
use crate::core::{CoreState, VuCell};
use crate::message::{Arrival, Command, Report, VuId};
use crate::scenario_run::ScenarioRun;
use crate::script::Script;
use crate::wait::{Latch, either};

/// Arrivals that were due before the regular end but are later than this after it are not started any more.
const LATE_START: Duration = Duration::from_millis(10);
/// Starts in a row before the VUs that were started get their turn.
const STARTS_PER_TURN: u32 = 32;
/// Dropped arrivals whose waits are followed at a time; more would say nothing new.
const BACKLOG: usize = 1 << 20;

/// One core's part of an open-loop scenario.
pub(crate) struct OpenLoop {
    pub(crate) run: Arc<ScenarioRun>,
    idle: RefCell<VecDeque<Rc<VuCell>>>,
    members: RefCell<Vec<VuId>>,
    busy: Cell<usize>,
    draining: Cell<bool>,
    drained: Cell<bool>,
    halted: Latch,
    /// Intended starts of arrivals that were dropped and whose wait is not over: nothing has been free since.
    backlog: RefCell<VecDeque<Nanos>>,
    lateness: SeriesId,
    response: SeriesId,
    dropped: SeriesId,
}

impl OpenLoop {
    pub(crate) fn new<S: Script>(core: &CoreState<S>, run: Arc<ScenarioRun>) -> OpenLoop {
        let tags = core.scenario_tags(&run);
        let mut shard = core.shard.borrow_mut();
        OpenLoop {
            run,
            idle: RefCell::default(),
            members: RefCell::default(),
            busy: Cell::new(0),
            draining: Cell::new(false),
            drained: Cell::new(false),
            halted: Latch::default(),
            backlog: RefCell::default(),
            lateness: shard.series(builtin::ARRIVAL_LATENESS, tags),
            response: shard.series(builtin::RESPONSE_TIME, tags),
            dropped: shard.series(builtin::DROPPED_ITERATIONS, tags),
        }
    }

    /// A VU that may serve arrivals from now on.
    pub(crate) fn join<S: Script>(&self, core: &CoreState<S>, cell: Rc<VuCell>) {
        self.members.borrow_mut().push(cell.id);
        self.release(core, cell);
    }

    fn release<S: Script>(&self, core: &CoreState<S>, cell: Rc<VuCell>) {
        self.idle.borrow_mut().push_back(cell);
        self.run.idle[core.idx].release();
    }

    /// Starts an arrival on an idle VU of this core that was claimed for it.
    pub(crate) fn start_claimed<S: Script>(self: &Rc<Self>, core: &CoreState<S>, arrival: Arrival) {
        let cell = match core.idle_order {
            IdleOrder::LongestFirst => self.idle.borrow_mut().pop_front(),
            IdleOrder::LatestFirst => self.idle.borrow_mut().pop_back(),
        };
        let Some(cell) = cell else { return self.drop_arrival(core, arrival) };
        let now = rt::now();
        let late = now - arrival.intended;
        core.shard.borrow_mut().record(self.lateness, rt::millis(late), rt::unix_of(now));
        self.busy.set(self.busy.get() + 1);
        cell.run_once(self.clone(), arrival);
    }

    /// A VU has finished an arrival's iteration.
    pub(crate) fn finished<S: Script>(&self, core: &CoreState<S>, cell: Rc<VuCell>) {
        self.release(core, cell);
        self.one_less(core);
    }

    /// A VU has finished its last iteration of the scenario: it stays with it, and serves nothing more.
    pub(crate) fn left<S: Script>(&self, core: &CoreState<S>) {
        self.one_less(core);
    }

    /// A VU broke while it served an arrival.
    pub(crate) fn lost<S: Script>(&self, core: &CoreState<S>, vu: VuId) {
        self.members.borrow_mut().retain(|member| *member != vu);
        self.one_less(core);
    }

    fn one_less<S: Script>(&self, core: &CoreState<S>) {
        self.busy.set(self.busy.get() - 1);
        self.settle_backlog(core);
        self.report_if_drained(core);
    }

    /// Time from the intended start to the end of the iteration, recorded when the iteration was completed.
    pub(crate) fn answered<S: Script>(&self, core: &CoreState<S>, intended: Nanos, ended: Nanos) {
        let response = rt::millis(ended - intended);
        core.shard.borrow_mut().record(self.response, response, rt::unix_of(ended));
    }

    /// Something is free again: that is as long as the arrivals dropped meanwhile would have waited, at least.
    fn settle_backlog<S: Script>(&self, core: &CoreState<S>) {
        let mut backlog = self.backlog.borrow_mut();
        if backlog.is_empty() {
            return;
        }
        let (now, unix) = (rt::now(), rt::unix_nanos());
        let mut shard = core.shard.borrow_mut();
        for intended in backlog.drain(..) {
            shard.record(self.response, rt::millis(now - intended), unix);
        }
    }

    fn drop_arrival<S: Script>(&self, core: &CoreState<S>, arrival: Arrival) {
        self.run.dropped.fetch_add(1, Ordering::Relaxed);
        core.shard.borrow_mut().record(self.dropped, 1.0, rt::unix_nanos());
        let mut backlog = self.backlog.borrow_mut();
        if backlog.len() < BACKLOG {
            backlog.push_back(arrival.intended);
        }
        if self.run.may_grow.swap(false, Ordering::AcqRel) {
            core.report(Report::NeedVu { scenario_idx: self.run.idx });
        }
    }

    fn start<S: Script>(self: &Rc<Self>, core: &CoreState<S>, arrival: Arrival) {
        let idle = &self.run.idle;
        if idle[core.idx].claim() {
            self.settle_backlog(core);
            return self.start_claimed(core, arrival);
        }
        for step in 1..idle.len() {
            let other = (core.idx + step) % idle.len();
            if idle[other].claim() {
                self.settle_backlog(core);
                let run = self.run.clone();
                return core.peers[other].send(Command::HandOff { run, arrival });
            }
        }
        self.drop_arrival(core, arrival);
    }

    /// Starts nothing more.
    pub(crate) fn halt(&self) {
        self.halted.raise();
    }

    /// Says so once nothing of the scenario runs here; no arrivals come any more.
    pub(crate) fn drain<S: Script>(&self, core: &CoreState<S>) {
        self.draining.set(true);
        self.report_if_drained(core);
    }

    fn report_if_drained<S: Script>(&self, core: &CoreState<S>) {
        if !self.draining.get() || self.busy.get() > 0 || self.drained.replace(true) {
            return;
        }
        // Whoever was dropped and never saw anything free has waited until now, at least.
        self.settle_backlog(core);
        self.idle.borrow_mut().clear();
        let vus = self.members.take();
        core.open.borrow_mut().remove(&self.run.idx);
        core.report(Report::Drained { scenario_idx: self.run.idx, vus });
    }
}

/// Starts this core's share of a scenario's arrivals, each at its time.
pub(crate) async fn pace<S: Script>(core: Rc<CoreState<S>>, open: Rc<OpenLoop>) {
    let run = open.run.clone();
    if let Some(arrivals) = &run.arrivals {
        let times = run.times();
        let (mut k, mut in_a_row) = (core.idx as u64, 0);
        while let Some(at_ns) = arrivals.at(k) {
            let intended = times.started + Duration::from_nanos(at_ns);
            if rt::now() < intended {
                either(open.halted.wait(), rt::sleep_until_precise(intended)).await;
                in_a_row = 0;
            } else if in_a_row == STARTS_PER_TURN {
                rt::yield_now().await;
                in_a_row = 0;
            }
            if open.halted.is_raised() || rt::now() > times.regular_end + LATE_START {
                break;
            }
            let in_test = arrivals.global_index(k).unwrap_or(k);
            open.start(&core, Arrival { in_test, intended });
            k += run.idle.len() as u64;
            in_a_row += 1;
        }
    }
    core.report(Report::PacingDone { scenario_idx: run.idx });
}
