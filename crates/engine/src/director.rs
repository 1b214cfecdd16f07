//! The director: what its tasks share, and the desk where reports, demands and ticks come together.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Shard, TagSetId, builtin};
use plan::segment::Striping;
use rt::Nanos;
use rt::channel::{Receiver, Sender};

use crate::config::RunConfig;
use crate::control::{Demand, RunState, Steer};
use crate::coordinator::Coordinator;
use crate::drive::{Happened, Lane};
use crate::lifecycle::{HookEnd, HookOrder, lifecycle, serve_hooks, serve_steers};
use crate::message::{Command, Report, VuId};
use crate::outcome::{End, Observer, RunOutcome};
use crate::pool::Pool;
use crate::progress::{Phase, Progress, ScenarioProgress};
use crate::scenario_run::ScenarioRun;
use crate::script::ScriptError;
use crate::selfcheck::{CoreWork, SelfCheck};
use crate::status::RunStatus;
use crate::stop::{StopReason, StopRequests};
use crate::wait::{Either, Latch, Queue, either};

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How often `vus` and `vus_max` are sampled, as in k6.
const GAUGES_EVERY: Duration = Duration::from_secs(1);
/// How often thresholds are looked at, as in k6.
const THRESHOLDS_EVERY: Duration = Duration::from_secs(2);

/// A message to whoever watches the run.
pub(crate) struct Warning {
    text: String,
    fields: Vec<(&'static str, String)>,
}

/// What the director's tasks share.
pub(crate) struct Director {
    pub(crate) config: RunConfig,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) pool: Pool,
    pub(crate) striping: Striping,
    pub(crate) shard: RefCell<Shard>,
    pub(crate) status: Arc<RunStatus>,
    /// When the run's clock started; 0 before.
    pub(crate) clock_start: Cell<Nanos>,
    /// From when the scenarios' times count: after `setup()`.
    pub(crate) scenarios_start: Cell<Nanos>,
    /// Since when the run is paused, if it is.
    paused_at: Cell<Option<Nanos>>,
    /// How long it was paused, without the pause before its start.
    paused_for: Cell<Duration>,
    /// Raised when a run that started paused may begin.
    pub(crate) resumed: Latch,
    /// How long the run took, once it is over.
    pub(crate) took: Cell<Option<Duration>>,
    /// Whether it was over before its time.
    pub(crate) cut_short: Cell<bool>,
    /// Raised when the scenarios must end now.
    pub(crate) stopping: Latch,
    /// Raised by the first signal.
    pub(crate) signalled: Latch,
    end: RefCell<Option<End>>,
    pub(crate) phase: Cell<Phase>,
    pub(crate) cores: Vec<Sender<Command>>,
    pub(crate) vus_planned: u64,
    /// Metrics whose thresholds were crossed when last looked at; `None` before the first look.
    crossed: Cell<Option<usize>>,
    pub(crate) steers: Queue<Steer>,
    pub(crate) hook_orders: Queue<HookOrder>,
    /// Ends of the hooks that the lifecycle ordered.
    pub(crate) hooked: Queue<Result<(), HookEnd>>,
    /// VUs being made during the run, and the scenario each is for.
    making: RefCell<BTreeMap<VuId, usize>>,
    pub(crate) made: Queue<(VuId, Result<(), ScriptError>)>,
    pub(crate) hooks: Queue<Result<(), ScriptError>>,
    pub(crate) flushed: Queue<()>,
    pub(crate) ended: Queue<CoreWork>,
    warnings: RefCell<Vec<Warning>>,
    /// Stops `teardown()` too: a second stop request, or a dead core.
    pub(crate) hard_stop: Latch,
    pub(crate) dead_cores: Cell<usize>,
}

impl Director {
    pub(crate) fn tell(&self, vu: VuId, command: Command) {
        let core = (vu - 1) as usize % self.cores.len();
        self.cores[core].send(command);
    }

    pub(crate) fn tell_all(&self, command: impl Fn() -> Command) {
        for core in &self.cores {
            core.send(command());
        }
    }

    pub(crate) fn interrupt(&self, lane: &Lane) {
        let scenario_idx = lane.run.idx;
        self.tell_all(|| Command::Interrupt { scenario_idx });
    }

    pub(crate) fn warn(&self, text: &str, fields: Vec<(&'static str, String)>) {
        self.warnings.borrow_mut().push(Warning { text: text.to_owned(), fields });
    }

    /// Starts making another VU, for a scenario that runs.
    pub(crate) fn make_vu(&self, lane: &Lane) -> VuId {
        let vu = self.pool.next_id();
        self.making.borrow_mut().insert(vu, lane.run.idx);
        self.tell(vu, Command::MakeVu { vu, id_in_test: self.id_in_test(vu) });
        vu
    }

    pub(crate) fn id_in_test(&self, vu: VuId) -> u64 {
        self.striping.owned(vu - 1).map_or(vu, |global| global + 1)
    }

    /// The first reason to end counts; the scenarios end now.
    pub(crate) fn stop(&self, end: End) {
        let mut slot = self.end.borrow_mut();
        // A run that lingers has already ended, for whatever reason.
        if slot.is_none() && !matches!(self.phase.get(), Phase::Lingering | Phase::Done) {
            *slot = Some(end);
        }
        drop(slot);
        self.stopping.raise();
    }

    pub(crate) fn has_started(&self) -> bool {
        self.clock_start.get() != Nanos(0)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused_at.get().is_some()
    }

    pub(crate) fn pause(&self) {
        self.paused_at.set(Some(rt::now()));
    }

    pub(crate) fn resume(&self) {
        if let Some(since) = self.paused_at.take()
            && self.has_started()
        {
            self.paused_for.set(self.paused_for.get() + (rt::now() - since));
        }
        self.resumed.raise();
    }

    pub(crate) fn state(&self) -> RunState {
        let read = RunStatus::read;
        RunState {
            phase: self.phase.get(),
            paused: self.is_paused(),
            vus_active: read(&self.status.vus_active),
            vus_initialized: read(&self.status.vus_initialized),
            stopped: self.stopping.is_raised(),
            cut_short: self.cut_short.get(),
            started: self.has_started(),
            crossed: self.crossed.get().unwrap_or(0),
            thresholds_seen: self.crossed.get().is_some(),
            marked_failed: read(&self.status.marked_failed) > 0,
        }
    }

    pub(crate) fn has_dead_core(&self) -> bool {
        self.dead_cores.get() > 0
    }

    pub(crate) fn elapsed(&self) -> Duration {
        if let Some(took) = self.took.get() {
            return took;
        }
        match self.clock_start.get() {
            Nanos(0) => Duration::ZERO,
            start => {
                let until = self.paused_at.get().unwrap_or_else(rt::now);
                (until - start).saturating_sub(self.paused_for.get())
            }
        }
    }

    fn progress(&self) -> Progress {
        let read = RunStatus::read;
        let now = rt::now();
        let scenarios = self.lanes.iter().map(|lane| {
            let run = &lane.run;
            let started = run.times_if_begun().map(|times| times.started);
            let elapsed = match started {
                Some(at) => now - at,
                None => self.scenarios_start.get() + run.scenario.start_time - now,
            };
            ScenarioProgress {
                scenario_idx: run.idx,
                phase: lane.phase.get(),
                elapsed,
                vus_active: read(&run.active),
                vus_held: read(&run.held),
                iterations: read(&run.completed),
                iterations_total: lane.iterations_total,
                rate_per_s: run.arrivals.as_ref().map(|a| {
                    a.rate_at(started.map_or(0, |at| (now - at).as_nanos() as u64)) * a.share()
                }),
                dropped: read(&run.dropped),
            }
        });
        Progress {
            phase: self.phase.get(),
            elapsed: self.elapsed(),
            paused: self.is_paused(),
            vus_active: read(&self.status.vus_active),
            vus_initialized: read(&self.status.vus_initialized),
            vus_planned: self.vus_planned,
            iterations_completed: read(&self.status.iterations_completed),
            iterations_interrupted: read(&self.status.iterations_interrupted),
            scenarios: scenarios.collect(),
        }
    }

    /// Files a core's report. What must be seen outside is returned.
    fn file(&self, report: Report) -> Option<Report> {
        let lane = |idx: usize, event: Happened| self.lanes[idx].events.push(event);
        match report {
            Report::VuMade { vu, result } => match self.making.borrow_mut().remove(&vu) {
                Some(idx) => lane(idx, Happened::VuMade { vu, result }),
                None => self.made.push((vu, result)),
            },
            Report::LoopEnded { vu, scenario_idx, turn } => {
                lane(scenario_idx, Happened::LoopEnded { vu, turn });
            }
            Report::PacingDone { scenario_idx } => lane(scenario_idx, Happened::PacingDone),
            Report::Drained { scenario_idx, vus } => lane(scenario_idx, Happened::Drained { vus }),
            Report::NeedVu { scenario_idx } => lane(scenario_idx, Happened::NeedVu),
            Report::Hook { result } => self.hooks.push(result),
            Report::Flushed => self.flushed.push(()),
            Report::Ended { work } => self.ended.push(work),
            Report::Abort(message) => self.stop(End::Aborted(message)),
            Report::VuBroken { vu, why } => {
                self.warn(&format!("VU {vu} can't go on and was dropped"), vec![("error", why)]);
            }
            Report::Died { core, why } => {
                self.dead_cores.set(self.dead_cores.get() + 1);
                self.stop(End::Internal(format!("core {core} panicked: {why}")));
                self.hard_stop.raise();
            }
            report @ (Report::Snapshot(_) | Report::Samples(_)) => return Some(report),
        }
        None
    }
}

/// What merges and watches: everything that needs the observer.
struct Desk<'a> {
    director: Rc<Director>,
    coordinator: Coordinator,
    observer: &'a mut dyn Observer,
    dropped_samples: u64,
    gauge_tags: TagSetId,
}

impl Desk<'_> {
    fn take(&mut self, report: Report) {
        match self.director.file(report) {
            Some(Report::Snapshot(snapshot)) => {
                if let Err(error) = self.coordinator.take(&snapshot) {
                    self.director
                        .warn("a snapshot was refused", vec![("error", error.to_string())]);
                }
                self.observer.snapshot(&snapshot);
            }
            Some(Report::Samples(batch)) => {
                self.dropped_samples += batch.dropped();
                self.observer.samples(&batch);
            }
            _ => {}
        }
        self.tell_warnings();
    }

    fn tell_warnings(&mut self) {
        let warnings = std::mem::take(&mut *self.director.warnings.borrow_mut());
        for Warning { text, fields } in warnings {
            self.observer.warning(&text, &fields);
        }
    }

    fn gauges(&mut self) {
        let unix = rt::unix_nanos();
        let status = &self.director.status;
        let mut shard = self.director.shard.borrow_mut();
        let (vus, max) =
            (RunStatus::read(&status.vus_active), RunStatus::read(&status.vus_initialized));
        shard.add(builtin::VUS, self.gauge_tags, vus as f64, unix);
        shard.add(builtin::VUS_MAX, self.gauge_tags, max as f64, unix);
        drop(shard);
        self.flush_own();
    }

    fn flush_own(&mut self) {
        let (snapshot, batch) = {
            let mut shard = self.director.shard.borrow_mut();
            (shard.flush(rt::unix_nanos()), shard.take_batch())
        };
        self.take(Report::Snapshot(Box::new(snapshot)));
        if let Some(batch) = batch {
            self.take(Report::Samples(Box::new(batch)));
        }
    }

    fn thresholds(&mut self, at_end: bool) {
        let verdict = self.coordinator.thresholds(self.director.elapsed(), at_end);
        self.director.crossed.set(Some(verdict.crossed.len()));
        if verdict.abort && !at_end {
            self.director.stop(End::Thresholds { crossed: verdict.crossed, aborted: true });
        } else if at_end && !verdict.crossed.is_empty() {
            let mut end = self.director.end.borrow_mut();
            if end.is_none() {
                *end = Some(End::Thresholds { crossed: verdict.crossed, aborted: false });
            }
        }
    }

    fn stop_requested(&mut self, reason: StopReason) {
        let is_signal = matches!(reason, StopReason::Signal(_));
        // k6's API can be told to stop any number of times; only a second signal is impatience.
        if self.director.stopping.is_raised() && is_signal {
            self.director.hard_stop.raise();
        }
        let end = match reason {
            StopReason::Signal(name) => End::Signal(name),
            StopReason::Api => End::Api,
        };
        self.director.stop(end);
        if is_signal {
            self.director.signalled.raise();
        }
    }

    fn obey(&mut self, demand: Demand) {
        match demand {
            Demand::Stop(reason) => self.stop_requested(reason),
            Demand::State(reply) => reply(self.director.state()),
            Demand::Totals(reply) => reply(self.coordinator.totals(self.director.elapsed())),
            Demand::Steer(steer) => self.director.steers.push(steer),
            Demand::Hook(hook, reply) => {
                self.director.hook_orders.push(HookOrder::Outside(hook, reply));
            }
        }
    }
}

/// What wakes the desk.
enum Event {
    Report(Report),
    Demand(Demand),
    Tick,
    Over(Vec<CoreWork>),
}

/// How a director is tied to its cores.
pub(crate) struct Wiring {
    /// The director's own measurements.
    pub(crate) shard: Shard,
    pub(crate) status: Arc<RunStatus>,
    pub(crate) cores: Vec<Sender<Command>>,
    pub(crate) reports: Receiver<(usize, Report)>,
}

/// Directs a run on cores that have been started.
pub(crate) async fn direct(
    config: RunConfig,
    coordinator: Coordinator,
    wiring: Wiring,
    mut demands: StopRequests,
    observer: &mut dyn Observer,
) -> RunOutcome {
    let Wiring { shard, status, cores, mut reports } = wiring;
    let director = Rc::new(new_director(config, shard, status, cores));
    let gauge_tags = {
        let tags = &director.config.run_tags;
        let pairs: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        director.shard.borrow_mut().tag_set(&pairs)
    };
    if director.config.raw_samples {
        director.shard.borrow_mut().set_raw_tap(true);
    }
    let mut desk =
        Desk { director: director.clone(), coordinator, observer, dropped_samples: 0, gauge_tags };
    rt::spawn(serve_hooks(director.clone()));
    rt::spawn(serve_steers(director.clone()));
    let mut life = rt::spawn(lifecycle(director.clone()));
    let begun = rt::now();
    let (mut progress_at, mut gauges_at) = (begun, begun + GAUGES_EVERY);
    let mut thresholds_at = begun + THRESHOLDS_EVERY;
    let (mut may_ask, mut may_report) = (true, true);
    let works = loop {
        let tick = progress_at.min(gauges_at).min(thresholds_at);
        let event = {
            let demand = async {
                if may_ask { demands.0.recv().await } else { std::future::pending().await }
            };
            let report = async {
                if may_report { reports.recv().await } else { std::future::pending().await }
            };
            let outside = either(demand, rt::sleep_until(tick));
            match either(report, either(outside, &mut life)).await {
                Either::First(Some((_, report))) => Event::Report(report),
                // The last core is gone; its account has been filed and `life` is about to take it.
                Either::First(None) => {
                    may_report = false;
                    continue;
                }
                Either::Second(Either::First(Either::First(Some(demand)))) => Event::Demand(demand),
                Either::Second(Either::First(Either::First(None))) => {
                    may_ask = false;
                    continue;
                }
                Either::Second(Either::First(Either::Second(()))) => Event::Tick,
                Either::Second(Either::Second(works)) => Event::Over(works),
            }
        };
        match event {
            Event::Report(report) => desk.take(report),
            Event::Demand(demand) => desk.obey(demand),
            Event::Over(works) => break works,
            Event::Tick => {}
        }
        let now = rt::now();
        if now >= gauges_at {
            if director.phase.get() != Phase::Done {
                desk.gauges();
            }
            gauges_at = (now + Duration::from_millis(1)).max(gauges_at + GAUGES_EVERY);
        }
        if now >= thresholds_at && director.phase.get() == Phase::Running {
            desk.thresholds(false);
            thresholds_at = (now + Duration::from_millis(1)).max(thresholds_at + THRESHOLDS_EVERY);
        } else if now >= thresholds_at {
            thresholds_at = now + THRESHOLDS_EVERY;
        }
        if now >= progress_at {
            desk.tell_warnings();
            let progress = director.progress();
            desk.observer.progress(&progress);
            progress_at = (now + Duration::from_millis(1)).max(progress_at + PROGRESS_EVERY);
        }
    };
    while let Some((_, report)) = reports.try_recv() {
        desk.take(report);
    }
    desk.flush_own();
    desk.thresholds(true);
    desk.tell_warnings();
    finish(desk, works)
}

fn finish(desk: Desk<'_>, works: Vec<CoreWork>) -> RunOutcome {
    let Desk { director, coordinator, observer, dropped_samples, .. } = desk;
    let progress = director.progress();
    observer.progress(&progress);
    let totals = coordinator.totals(director.elapsed());
    let lateness = totals.metrics.iter().find(|m| m.name == "squall_arrival_lateness");
    let lateness_ms = lateness.and_then(|metric| match &metric.sink {
        metrics::Sink::Trend(t) if t.count() > 0 => {
            Some((t.percentile(50.0), t.percentile(99.0), t.max()))
        }
        _ => None,
    });
    let end = director.end.borrow_mut().take().unwrap_or(End::Finished);
    let marked_failed = RunStatus::read(&director.status.marked_failed) > 0;
    RunOutcome {
        totals,
        elapsed: director.elapsed(),
        end,
        marked_failed,
        exceptions: RunStatus::read(&director.status.exceptions),
        self_check: SelfCheck::judge(works, lateness_ms, dropped_samples),
        progress,
    }
}

fn new_director(
    config: RunConfig,
    shard: Shard,
    status: Arc<RunStatus>,
    cores: Vec<Sender<Command>>,
) -> Director {
    let striping = config.striping.clone();
    let lanes: Vec<Lane> = config
        .scenarios
        .iter()
        .enumerate()
        .map(|(idx, scenario)| {
            let arrivals = plan::arrivals::Arrivals::of(scenario, &striping);
            let own = iteration_striping(scenario, &striping);
            let run = ScenarioRun::new(idx, Arc::new(scenario.clone()), arrivals, own, cores.len());
            Lane::new(Arc::new(run), &striping)
        })
        .collect();
    let vus_planned =
        plan::scenario::Requirements::of(&config.scenarios, &striping).max_planned_vus;
    Director {
        lanes,
        pool: Pool::default(),
        striping,
        shard: RefCell::new(shard),
        status,
        clock_start: Cell::new(Nanos(0)),
        scenarios_start: Cell::new(Nanos(0)),
        paused_at: Cell::new(config.paused.then(rt::now)),
        paused_for: Cell::new(Duration::ZERO),
        resumed: Latch::default(),
        took: Cell::new(None),
        cut_short: Cell::new(false),
        stopping: Latch::default(),
        signalled: Latch::default(),
        crossed: Cell::new(None),
        steers: Queue::default(),
        hook_orders: Queue::default(),
        hooked: Queue::default(),
        end: RefCell::new(None),
        phase: Cell::new(Phase::Init),
        cores,
        vus_planned,
        making: RefCell::default(),
        made: Queue::default(),
        hooks: Queue::default(),
        flushed: Queue::default(),
        ended: Queue::default(),
        warnings: RefCell::default(),
        hard_stop: Latch::default(),
        dead_cores: Cell::new(0),
        config,
    }
}

/// How this instance's iterations are numbered among all: iterations that VUs share are dealt out by the VUs' shares.
fn iteration_striping(scenario: &plan::scenario::Scenario, striping: &Striping) -> Striping {
    match &scenario.executor {
        plan::scenario::Executor::SharedIterations(e) => {
            striping.for_total(e.vus).unwrap_or_else(|| striping.clone())
        }
        _ => striping.clone(),
    }
}
