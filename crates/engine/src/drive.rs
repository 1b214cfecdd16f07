//! The executors, as the director drives them: who gets a VU when, when it must stop, and when a scenario is over.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::builtin;
use plan::scenario::Executor;
use rt::Nanos;

use crate::control::Refusal;
use crate::controlled::{Controlled, Goal, controlled};
use crate::director::Director;
use crate::message::{Command, LoopRule, VuId};
use crate::progress::ScenarioPhase;
use crate::scenario_run::ScenarioRun;
use crate::script::ScriptError;
use crate::wait::{Either, Queue, either};

/// An interrupted VU that has not ended after this long is given up.
const GIVE_UP: Duration = Duration::from_secs(10);

/// Longer than any test.
const ENDLESS: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What happens to a scenario, as told by the cores.
pub(crate) enum Happened {
    LoopEnded { vu: VuId, turn: u64 },
    PacingDone,
    Drained { vus: Vec<VuId> },
    NeedVu,
    VuMade { vu: VuId, result: Result<(), ScriptError> },
    Paused { paused: bool, answer: Answer },
    Scaled { goal: Goal, answer: Answer },
}

/// Where a scenario says that it has done what it was asked for.
pub(crate) type Answer = Rc<Queue<Result<(), Refusal>>>;

/// The director's side of a scenario.
pub(crate) struct Lane {
    pub(crate) run: Arc<ScenarioRun>,
    pub(crate) events: Queue<Happened>,
    pub(crate) phase: Cell<ScenarioPhase>,
    /// VUs of this instance it starts with, and may have at most.
    vus: u64,
    vus_max: u64,
    /// Iterations of this instance, for the iteration executors.
    pub(crate) iterations_total: Option<u64>,
    /// What is changed from outside, where its executor lets it be.
    pub(crate) controlled: Option<Controlled>,
}

/// How a closed-loop or open-loop wait ended.
pub(crate) enum Woken {
    Event(Happened),
    Time,
    Stopped,
}

impl Lane {
    pub(crate) fn new(run: Arc<ScenarioRun>, striping: &plan::segment::Striping) -> Lane {
        let (vus, vus_max, iterations_total) = match &run.scenario.executor {
            Executor::ConstantVus(e) => (e.vus, e.vus, None),
            Executor::RampingVus(_) => (0, 0, None),
            Executor::SharedIterations(e) => {
                let share = striping.for_total(e.vus).map_or(0, |s| s.scale(e.iterations));
                (e.vus, e.vus, Some(share))
            }
            Executor::PerVuIterations(e) => {
                (e.vus, e.vus, Some(e.iterations.saturating_mul(striping.scale(e.vus))))
            }
            Executor::ConstantArrivalRate(e) => (e.pre_allocated_vus, e.max_vus, None),
            Executor::RampingArrivalRate(e) => (e.pre_allocated_vus, e.max_vus, None),
            Executor::ExternallyControlled(e) => (e.vus, e.max_vus, None),
        };
        let controlled = match &run.scenario.executor {
            Executor::ExternallyControlled(e) => Some(Controlled::new(e)),
            _ => None,
        };
        Lane {
            run,
            events: Queue::default(),
            phase: Cell::new(ScenarioPhase::Waiting),
            vus: striping.scale(vus),
            vus_max: striping.scale(vus_max),
            iterations_total,
            controlled,
        }
    }

    /// Waits until the scenario has done what it was asked for.
    pub(crate) async fn answer(&self, answer: &Answer) -> Result<(), Refusal> {
        let is_over = matches!(self.phase.get(), ScenarioPhase::Done | ScenarioPhase::Interrupted);
        if is_over {
            return Err(Refusal::Pause(format!(
                "the scenario '{}' is over",
                self.run.scenario.name
            )));
        }
        answer.next().await
    }

    /// The regular duration: no iteration starts after it.
    pub(crate) fn regular(&self, striping: &plan::segment::Striping) -> Duration {
        match &self.run.scenario.executor {
            // A ramp that ends at 0 VUs is over when it gets there.
            Executor::RampingVus(e) => {
                let steps = plan::ramping::steps(e, striping);
                Duration::from_nanos(steps.last().map_or(0, |step| step.at_ns))
            }
            // When it ends depends on its pauses: its own task knows.
            Executor::ExternallyControlled(_) => ENDLESS,
            executor => executor.regular_duration(),
        }
    }

    /// The next event of a lane whose VUs have been interrupted: only ends count, and the time to give up.
    pub(crate) async fn next_end(&self, until: Nanos) -> Woken {
        match either(self.events.next(), rt::sleep_until(until)).await {
            Either::First(event) => Woken::Event(event),
            Either::Second(()) => Woken::Time,
        }
    }

    pub(crate) async fn next(&self, director: &Director, until: Option<Nanos>) -> Woken {
        let timed = async {
            match until {
                Some(at) => rt::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        // Events first: what has ended before a stop was not interrupted by it.
        match either(self.events.next(), either(timed, director.stopping.wait())).await {
            Either::First(event) => Woken::Event(event),
            Either::Second(Either::First(())) => Woken::Time,
            Either::Second(Either::Second(())) => Woken::Stopped,
        }
    }
}

/// Runs a scenario from its start time to its end.
pub(crate) async fn drive(director: Rc<Director>, idx: usize) {
    let lane = &director.lanes[idx];
    let starts = director.scenarios_start.get() + lane.run.scenario.start_time;
    let start = either(director.stopping.wait(), rt::sleep_until(starts)).await;
    if matches!(start, Either::First(())) {
        return;
    }
    let unix = rt::unix_nanos().saturating_sub((rt::now() - starts).as_nanos() as u64);
    lane.run.begin(starts, unix, lane.regular(&director.striping));
    lane.phase.set(ScenarioPhase::Running);
    let is_whole = match &lane.run.scenario.executor {
        Executor::ConstantVus(_) => looping(&director, lane, |_| LoopRule::UntilEnd).await,
        Executor::SharedIterations(_) => {
            let total = lane.iterations_total.unwrap_or(0);
            looping(&director, lane, |_| LoopRule::SharedTickets { total }).await
        }
        Executor::PerVuIterations(e) => {
            let total = e.iterations;
            looping(&director, lane, |_| LoopRule::Own { total }).await
        }
        Executor::RampingVus(e) => {
            let plan = plan::ramping::plan(e, &director.striping, lane.run.scenario.graceful_stop);
            ramping(&director, lane, &plan).await
        }
        Executor::ConstantArrivalRate(_) | Executor::RampingArrivalRate(_) => {
            arrivals(&director, lane).await
        }
        Executor::ExternallyControlled(_) => controlled(&director, lane).await,
    };
    lane.run.active.store(0, Ordering::Relaxed);
    lane.run.held.store(0, Ordering::Relaxed);
    lane.phase.set(if is_whole { ScenarioPhase::Done } else { ScenarioPhase::Interrupted });
}

impl Director {
    /// Until when interrupted VUs are waited for. Those of a core that died will never answer.
    pub(crate) fn give_up_at(&self) -> Nanos {
        rt::now() + if self.has_dead_core() { Duration::from_millis(500) } else { GIVE_UP }
    }

    pub(crate) async fn take_vus(&self, lane: &Lane, n: u64) -> Vec<VuId> {
        let mut vus = Vec::new();
        while (vus.len() as u64) < n {
            let Some(vu) = self.take_vu().await else { break };
            vus.push(vu);
            lane.run.held.fetch_add(1, Ordering::Relaxed);
        }
        vus
    }

    async fn take_vu(&self) -> Option<VuId> {
        let warn = || self.warn("Could not get a VU from the buffer for 400ms", Vec::new());
        self.pool.take(&self.stopping, warn).await
    }

    pub(crate) fn give_back(&self, lane: &Lane, vu: VuId) {
        lane.run.held.fetch_sub(1, Ordering::Relaxed);
        self.pool.put(vu);
    }
}

/// constant-vus, shared-iterations, per-vu-iterations: a fixed number of VUs that loop by a rule.
/// Whether the scenario ran to its regular end.
async fn looping(director: &Rc<Director>, lane: &Lane, rule: impl Fn(VuId) -> LoopRule) -> bool {
    let mut alive = BTreeSet::new();
    for vu in director.take_vus(lane, lane.vus).await {
        alive.insert(vu);
        let run = lane.run.clone();
        director.tell(vu, Command::Loop { vu, run, rule: rule(vu), turn: 1 });
    }
    let regular = lane.run.times().regular_end;
    let mut deadline = Deadline::Regular;
    while !alive.is_empty() {
        let at = match deadline {
            Deadline::Regular => regular,
            Deadline::Graceful => regular + lane.run.scenario.graceful_stop,
            Deadline::GiveUp(at) => at,
        };
        let woken = match deadline {
            Deadline::GiveUp(at) => lane.next_end(at).await,
            _ => lane.next(director, Some(at)).await,
        };
        match (woken, deadline) {
            (Woken::Event(Happened::LoopEnded { vu, .. }), _) => {
                if alive.remove(&vu) {
                    director.give_back(lane, vu);
                }
            }
            (Woken::Event(_), _) => {}
            (Woken::Time, Deadline::Regular) => {
                lane.phase.set(ScenarioPhase::Graceful);
                deadline = Deadline::Graceful;
            }
            (Woken::Time, Deadline::GiveUp(_)) => {
                director.lose(&alive);
                return false;
            }
            (Woken::Time | Woken::Stopped, _) => {
                director.interrupt(lane);
                deadline = Deadline::GiveUp(director.give_up_at());
            }
        }
    }
    let is_stopped = director.stopping.is_raised();
    if let (Executor::SharedIterations(_), Some(total)) =
        (&lane.run.scenario.executor, lane.iterations_total)
        && !is_stopped
    {
        let attempted = lane.run.started.load(Ordering::Relaxed).min(total);
        if attempted < total {
            director.record_dropped(&lane.run, total - attempted);
            return false;
        }
    }
    // Iterations that were cut off by the scenario's own time are an end, as in k6.
    !is_stopped
}

#[derive(Clone, Copy)]
enum Deadline {
    Regular,
    Graceful,
    GiveUp(Nanos),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Move {
    HardStop,
    SoftStop,
    Start,
}

/// ramping-vus: handles that start and stop by a schedule.
async fn ramping(director: &Rc<Director>, lane: &Lane, plan: &plan::ramping::RampingPlan) -> bool {
    let mut moves: Vec<(u64, Move, usize)> = Vec::new();
    for (handle, spans) in plan.handles.iter().enumerate() {
        for span in spans {
            // A jump up and down again at one instant starts nothing; but the span before it may have been spared its
            // hard stop on its account.
            if span.soft_stop_ns > span.start_ns {
                moves.push((span.start_ns, Move::Start, handle));
                moves.push((span.soft_stop_ns, Move::SoftStop, handle));
            }
            if let Some(hard_stop_ns) = span.hard_stop_ns {
                moves.push((hard_stop_ns, Move::HardStop, handle));
            }
        }
    }
    moves.sort_unstable();
    // At one instant a handle may end one span and begin the next: by time, stops of the old span come first.
    let started = lane.run.times().started;
    let mut held: Vec<Option<VuId>> = vec![None; plan.handles.len()];
    let mut turns: Vec<u64> = vec![0; plan.handles.len()];
    let mut next_move = 0;
    let mut give_up = None;
    loop {
        // A hard stop of a handle whose VU has ended by itself is nothing to wait for.
        while moves
            .get(next_move)
            .is_some_and(|(_, what, h)| *what == Move::HardStop && held[*h].is_none())
        {
            next_move += 1;
        }
        if held.iter().all(Option::is_none) && (next_move == moves.len() || give_up.is_some()) {
            break;
        }
        let due = moves.get(next_move).map(|(at, ..)| started + Duration::from_nanos(*at));
        let woken = if let Some(at) = give_up {
            lane.next_end(at).await
        } else {
            let last = started + Duration::from_nanos(plan.end_ns) + GIVE_UP;
            lane.next(director, Some(due.unwrap_or(last))).await
        };
        match woken {
            Woken::Event(Happened::LoopEnded { vu, turn }) => {
                let handle = held.iter().position(|h| *h == Some(vu));
                if let Some(handle) = handle.filter(|h| turns[*h] == turn) {
                    held[handle] = None;
                    director.give_back(lane, vu);
                }
            }
            Woken::Event(_) => {}
            Woken::Stopped => {
                director.interrupt(lane);
                give_up = Some(director.give_up_at());
            }
            Woken::Time if give_up.is_some() || next_move == moves.len() => {
                director.lose(&held.iter().flatten().copied().collect());
                return false;
            }
            Woken::Time => {
                let (at, what, handle) = moves[next_move];
                next_move += 1;
                step(director, lane, what, &mut held[handle], &mut turns[handle]).await;
                if at >= lane.run.times().regular_end.0.saturating_sub(started.0) {
                    lane.phase.set(ScenarioPhase::Graceful);
                }
            }
        }
    }
    give_up.is_none()
}

async fn step(
    director: &Rc<Director>,
    lane: &Lane,
    what: Move,
    held: &mut Option<VuId>,
    turn: &mut u64,
) {
    match (what, *held) {
        (Move::Start, _) => {
            let vu = match *held {
                Some(vu) => vu,
                None => {
                    let Some(vu) = director.take_vu().await else { return };
                    lane.run.held.fetch_add(1, Ordering::Relaxed);
                    *held = Some(vu);
                    vu
                }
            };
            *turn += 1;
            let (run, rule) = (lane.run.clone(), LoopRule::UntilEnd);
            director.tell(vu, Command::Loop { vu, run, rule, turn: *turn });
        }
        (Move::SoftStop, Some(vu)) => director.tell(vu, Command::StopSoft { vu, turn: *turn }),
        (Move::HardStop, Some(vu)) => director.tell(vu, Command::StopHard { vu, turn: *turn }),
        (_, None) => {}
    }
}

/// The arrival-rate executors: VUs wait on their cores, and each core starts its share of the arrivals.
async fn arrivals(director: &Rc<Director>, lane: &Lane) -> bool {
    let run = &lane.run;
    if run.arrivals.is_none() || lane.vus_max == 0 {
        return true;
    }
    let mut members = lane.vus;
    for vu in director.take_vus(lane, lane.vus).await {
        director.tell(vu, Command::Join { vu, run: run.clone() });
    }
    run.may_grow.store(true, Ordering::Release);
    director.tell_all(|| Command::Pace { run: run.clone() });
    let n_cores = run.idle.len();
    let (mut pacing, mut draining) = (n_cores, n_cores);
    let mut was_interrupted = false;
    let mut making = None;
    let mut deadline = Deadline::Graceful;
    while draining > 0 || making.is_some() {
        let at = match deadline {
            Deadline::GiveUp(at) => at,
            _ => run.times().regular_end + run.scenario.graceful_stop,
        };
        let woken = if was_interrupted {
            lane.next_end(at).await
        } else {
            lane.next(director, Some(at)).await
        };
        match woken {
            Woken::Event(Happened::PacingDone) => {
                pacing -= 1;
                if pacing == 0 {
                    lane.phase.set(ScenarioPhase::Graceful);
                    director.tell_all(|| Command::Drain { run: run.clone() });
                }
            }
            Woken::Event(Happened::Drained { vus }) => {
                draining -= 1;
                for vu in vus {
                    director.give_back(lane, vu);
                }
            }
            Woken::Event(Happened::NeedVu) if members < lane.vus_max => {
                making = Some(director.make_vu(lane));
            }
            Woken::Event(Happened::NeedVu) => warn_insufficient(director, lane, members),
            Woken::Event(Happened::VuMade { vu, result }) => {
                making = None;
                match result {
                    // Too late to serve: it goes to the pool, where others may use it.
                    Ok(()) if pacing == 0 => director.pool.put(vu),
                    Ok(()) => {
                        members += 1;
                        run.held.fetch_add(1, Ordering::Relaxed);
                        director.tell(vu, Command::Join { vu, run: run.clone() });
                        run.may_grow.store(true, Ordering::Release);
                    }
                    Err(error) => director.warn(
                        "Error while allocating unplanned VU",
                        vec![("error", error.message), ("scenario", run.scenario.name.clone())],
                    ),
                }
            }
            Woken::Event(
                Happened::LoopEnded { .. } | Happened::Paused { .. } | Happened::Scaled { .. },
            ) => {}
            Woken::Time if was_interrupted => return false,
            Woken::Time | Woken::Stopped => {
                director.interrupt(lane);
                was_interrupted = true;
                deadline = Deadline::GiveUp(director.give_up_at());
            }
        }
    }
    !director.stopping.is_raised()
}

fn warn_insufficient(director: &Director, lane: &Lane, members: u64) {
    let scenario = &lane.run.scenario;
    let executor = scenario.executor.kind();
    director.warn(
        &format!("Insufficient VUs, reached {members} active VUs and cannot initialize more"),
        vec![("executor", executor.to_owned()), ("scenario", scenario.name.clone())],
    );
}

impl Director {
    /// Iterations of a scenario that nobody ran.
    fn record_dropped(&self, run: &ScenarioRun, n: u64) {
        run.dropped.fetch_add(n, Ordering::Relaxed);
        let mut shard = self.shard.borrow_mut();
        let tags = run.tags(&mut shard, &self.config.run_tags, self.config.tag_scenario);
        shard.add(builtin::DROPPED_ITERATIONS, tags, n as f64, rt::unix_nanos());
    }

    /// VUs that did not end: they can't be used again.
    pub(crate) fn lose(&self, vus: &BTreeSet<VuId>) {
        if !vus.is_empty() {
            let n = vus.len();
            self.warn(
                &format!("{n} VUs did not stop when interrupted and were given up"),
                Vec::new(),
            );
        }
    }
}
