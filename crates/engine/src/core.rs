//! One core: the VUs that live on it and the iterations they run.
//!
//! Commands come from the director; iterations of open-loop scenarios are started here by [`crate::pacing`]. Everything
//! below runs on one thread and is shared by `Rc`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::{SeriesId, Shard, TagSetId, builtin};
use rt::Nanos;
use rt::channel::{Receiver, Sender};
use rustc_hash::FxHashMap;

use crate::config::IdleOrder;
use crate::message::{Arrival, Command, LoopRule, Report, VuId};
use crate::pacing::OpenLoop;
use crate::scenario_run::ScenarioRun;
use crate::script::{
    Activation, Interrupt, Iteration, Outcome, Script, ScriptError, SharedShard, Vu, VuContext,
};
use crate::selfcheck::{CoreWork, Heartbeat};
use crate::status::RunStatus;
use crate::wait::{Either, Queue, either};

/// How often measurements leave a core.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often raw samples leave a core, when an output wants them.
const SAMPLES_EVERY: Duration = Duration::from_millis(50);

/// What a core is made with.
pub(crate) struct CoreSetup<S: Script> {
    pub(crate) script: Arc<S>,
    pub(crate) idx: usize,
    pub(crate) commands: Receiver<Command>,
    /// Every core's commands, its own included.
    pub(crate) peers: Vec<Sender<Command>>,
    pub(crate) reports: Sender<(usize, Report)>,
    pub(crate) status: Arc<RunStatus>,
    pub(crate) min_iteration: Option<Duration>,
    pub(crate) run_tags: Arc<Vec<(String, String)>>,
    pub(crate) tag_scenario: bool,
    pub(crate) raw_samples: bool,
    pub(crate) idle_order: IdleOrder,
}

/// What the tasks of a core share.
pub(crate) struct CoreState<S: Script> {
    pub(crate) idx: usize,
    pub(crate) script: Arc<S>,
    pub(crate) shard: SharedShard,
    pub(crate) status: Arc<RunStatus>,
    pub(crate) peers: Vec<Sender<Command>>,
    reports: Sender<(usize, Report)>,
    vus: RefCell<FxHashMap<VuId, Rc<VuCell>>>,
    vu_ended: rt::Signal,
    pub(crate) open: RefCell<FxHashMap<usize, Rc<OpenLoop>>>,
    min_iteration: Option<Duration>,
    run_tags: Arc<Vec<(String, String)>>,
    tag_scenario: bool,
    hook: RefCell<Option<Rc<Interrupt>>>,
    pub(crate) idle_order: IdleOrder,
}

/// What a VU is asked to do next.
enum Order {
    Loop { run: Arc<ScenarioRun>, rule: LoopRule },
    Once { open: Rc<OpenLoop>, arrival: Arrival },
    Quit,
}

/// The outside of a VU: orders in, stops in.
pub(crate) struct VuCell {
    pub(crate) id: VuId,
    orders: Queue<Order>,
    interrupt: Rc<Interrupt>,
    soft_stop: Cell<bool>,
    /// Number of the last `Loop` command.
    turn: Cell<u64>,
    /// The scenario it works for, while it does.
    works_for: Cell<Option<usize>>,
    looping: Cell<bool>,
}

impl VuCell {
    fn new(id: VuId) -> VuCell {
        VuCell {
            id,
            orders: Queue::default(),
            interrupt: Rc::default(),
            soft_stop: Cell::new(false),
            turn: Cell::new(0),
            works_for: Cell::new(None),
            looping: Cell::new(false),
        }
    }

    /// Gives an idle VU one iteration.
    pub(crate) fn run_once(&self, open: Rc<OpenLoop>, arrival: Arrival) {
        self.interrupt.clear();
        self.works_for.set(Some(open.run.idx));
        self.orders.push(Order::Once { open, arrival });
    }
}

impl<S: Script> CoreState<S> {
    pub(crate) fn report(&self, report: Report) {
        self.reports.send((self.idx, report));
    }

    /// Tags of what the engine itself measures about a scenario: the run's and the scenario's name.
    pub(crate) fn scenario_tags(&self, run: &ScenarioRun) -> TagSetId {
        run.tags(&mut self.shard.borrow_mut(), &self.run_tags, self.tag_scenario)
    }

    pub(crate) fn activation(run: &Arc<ScenarioRun>) -> Rc<Activation> {
        let times = run.times();
        Rc::new(Activation {
            scenario_idx: run.idx,
            scenario: run.scenario.clone(),
            started: times.started,
            started_unix_ns: times.started_unix_ns,
        })
    }

    fn context(&self, id_in_instance: u64, id_in_test: u64, interrupt: Rc<Interrupt>) -> VuContext {
        VuContext {
            id_in_instance,
            id_in_test,
            core: self.idx,
            shard: self.shard.clone(),
            status: self.status.clone(),
            interrupt,
        }
    }

    /// Sends what has been measured since the last time.
    fn flush(&self) {
        let snapshot = self.shard.borrow_mut().flush(rt::unix_nanos());
        self.report(Report::Snapshot(Box::new(snapshot)));
    }

    fn flush_samples(&self) {
        let batch = self.shard.borrow_mut().take_batch();
        if let Some(batch) = batch {
            self.report(Report::Samples(Box::new(batch)));
        }
    }
}

/// Runs a core until it is told to quit.
pub(crate) async fn core_main<S: Script>(setup: CoreSetup<S>, shard: SharedShard) {
    let CoreSetup { script, idx, mut commands, peers, reports, status, .. } = setup;
    let core = Rc::new(CoreState {
        idx,
        script,
        shard,
        status,
        peers,
        reports,
        vus: RefCell::default(),
        vu_ended: rt::Signal::default(),
        open: RefCell::default(),
        min_iteration: setup.min_iteration,
        run_tags: setup.run_tags,
        tag_scenario: setup.tag_scenario,
        hook: RefCell::default(),
        idle_order: setup.idle_order,
    });
    if setup.raw_samples {
        core.shard.borrow_mut().set_raw_tap(true);
        rt::spawn(every(core.clone(), SAMPLES_EVERY, CoreState::flush_samples));
    }
    rt::spawn(every(core.clone(), FLUSH_EVERY, CoreState::flush));
    let heartbeat = Rc::new(Heartbeat::default());
    rt::spawn(Heartbeat::beat(heartbeat.clone(), core.status.clone()));
    let making = Rc::new(Queue::default());
    rt::spawn(make_vus(core.clone(), making.clone()));
    loop {
        let command = commands.recv().await.unwrap_or(Command::Quit);
        if matches!(command, Command::Quit) {
            break;
        }
        obey(&core, &making, command);
    }
    let cells: Vec<_> = core.vus.borrow().values().cloned().collect();
    for cell in &cells {
        cell.interrupt.raise();
        cell.orders.push(Order::Quit);
    }
    // VUs take themselves off the list as they end; one that hangs in foreign code must not hang the run.
    let deadline = rt::now() + Duration::from_secs(5);
    while !core.vus.borrow().is_empty() && rt::now() < deadline {
        either(core.vu_ended.wait(), rt::sleep_until(deadline)).await;
    }
    core.report(Report::Ended { work: CoreWork::of_this_thread(&heartbeat) });
}

async fn every<S: Script>(core: Rc<CoreState<S>>, period: Duration, what: fn(&CoreState<S>)) {
    let mut next = rt::now() + period;
    loop {
        rt::sleep_until(next).await;
        what(&core);
        next += period;
        // After a stall one flush is enough.
        next = next.max(rt::now());
    }
}

/// Makes VUs one after the other: init code of one VU at a time on a core.
async fn make_vus<S: Script>(core: Rc<CoreState<S>>, orders: Rc<Queue<(VuId, u64)>>) {
    loop {
        let (id, id_in_test) = orders.next().await;
        let cell = Rc::new(VuCell::new(id));
        let context = core.context(id, id_in_test, cell.interrupt.clone());
        let result = match core.script.new_vu(context).await {
            Ok(vu) => {
                core.vus.borrow_mut().insert(id, cell.clone());
                RunStatus::bump(&core.status.vus_initialized, 1);
                rt::spawn(live(core.clone(), cell, vu));
                Ok(())
            }
            Err(error) => Err(error),
        };
        core.report(Report::VuMade { vu: id, result });
        rt::yield_now().await;
    }
}

fn obey<S: Script>(core: &Rc<CoreState<S>>, making: &Queue<(VuId, u64)>, command: Command) {
    let cell = |vu: VuId| core.vus.borrow().get(&vu).cloned();
    match command {
        Command::MakeVu { vu, id_in_test } => making.push((vu, id_in_test)),
        Command::Loop { vu, run, rule, turn } => {
            let Some(cell) = cell(vu) else {
                // Its VU broke: the scenario goes on without it.
                core.report(Report::LoopEnded { vu, scenario_idx: run.idx, turn });
                return;
            };
            cell.turn.set(turn);
            cell.soft_stop.set(false);
            if !cell.looping.get() {
                cell.interrupt.clear();
                cell.looping.set(true);
                cell.works_for.set(Some(run.idx));
                cell.orders.push(Order::Loop { run, rule });
            }
        }
        Command::StopSoft { vu, turn } => {
            if let Some(cell) = cell(vu).filter(|cell| cell.turn.get() == turn) {
                cell.soft_stop.set(true);
            }
        }
        Command::StopHard { vu, turn } => {
            if let Some(cell) = cell(vu).filter(|c| c.turn.get() == turn && c.looping.get()) {
                cell.soft_stop.set(true);
                cell.interrupt.raise();
            }
        }
        Command::Join { vu, run } => {
            if let Some(cell) = cell(vu) {
                open_loop(core, &run).join(core, cell);
            }
        }
        Command::Pace { run } => {
            let open = open_loop(core, &run);
            rt::spawn(crate::pacing::pace(core.clone(), open));
        }
        Command::HandOff { run, arrival } => open_loop(core, &run).start_claimed(core, arrival),
        Command::Drain { run } => open_loop(core, &run).drain(core),
        Command::Interrupt { scenario_idx } => interrupt_scenario(core, scenario_idx),
        Command::Retire { vu } => {
            if let Some(cell) = cell(vu) {
                cell.soft_stop.set(true);
                cell.interrupt.raise();
                cell.orders.push(Order::Quit);
                core.status.vus_initialized.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Command::Setup => {
            rt::spawn(hook(core.clone(), true));
        }
        Command::Teardown => {
            rt::spawn(hook(core.clone(), false));
        }
        Command::InterruptHook => {
            if let Some(interrupt) = &*core.hook.borrow() {
                interrupt.raise();
            }
        }
        Command::Flush => {
            core.flush_samples();
            core.flush();
            core.report(Report::Flushed);
        }
        Command::Quit => {}
    }
}

fn open_loop<S: Script>(core: &CoreState<S>, run: &Arc<ScenarioRun>) -> Rc<OpenLoop> {
    core.open
        .borrow_mut()
        .entry(run.idx)
        .or_insert_with(|| Rc::new(OpenLoop::new(core, run.clone())))
        .clone()
}

fn interrupt_scenario<S: Script>(core: &CoreState<S>, scenario_idx: usize) {
    if let Some(open) = core.open.borrow().get(&scenario_idx) {
        open.halt();
    }
    for cell in core.vus.borrow().values() {
        if cell.works_for.get() == Some(scenario_idx) {
            cell.soft_stop.set(true);
            cell.interrupt.raise();
        }
    }
}

async fn hook<S: Script>(core: Rc<CoreState<S>>, is_setup: bool) {
    let interrupt: Rc<Interrupt> = Rc::default();
    *core.hook.borrow_mut() = Some(interrupt.clone());
    let context = core.context(0, 0, interrupt);
    let result: Result<(), ScriptError> = if is_setup {
        core.script.setup(context).await
    } else {
        core.script.teardown(context).await
    };
    core.hook.borrow_mut().take();
    core.report(Report::Hook { result });
}

/// The life of a VU: obey orders until told to quit.
async fn live<S: Script>(core: Rc<CoreState<S>>, cell: Rc<VuCell>, mut vu: S::Vu) {
    let mut iterations = IterationSeries::default();
    let mut active: Option<Rc<Activation>> = None;
    let mut broken = None;
    while broken.is_none() {
        match cell.orders.next().await {
            Order::Quit => break,
            Order::Loop { run, rule } => {
                activate::<S>(&mut vu, &mut active, &run);
                broken = loop_vu(&core, &cell, &mut vu, &run, rule, &mut iterations).await;
                cell.looping.set(false);
                cell.works_for.set(None);
                let (scenario_idx, turn) = (run.idx, cell.turn.get());
                core.report(Report::LoopEnded { vu: cell.id, scenario_idx, turn });
            }
            Order::Once { open, arrival } => {
                activate::<S>(&mut vu, &mut active, &open.run);
                let next =
                    run_arrival(&core, &cell, &mut vu, &open, arrival, &mut iterations).await;
                cell.works_for.set(None);
                match next {
                    Next::GoOn | Next::Stop => open.finished(&core, cell.clone()),
                    Next::Leave => open.left(&core),
                    Next::Broken(why) => {
                        broken = Some(why);
                        open.lost(&core, cell.id);
                    }
                }
            }
        }
    }
    if let Some(why) = broken {
        core.report(Report::VuBroken { vu: cell.id, why });
    }
    vu.close().await;
    core.vus.borrow_mut().remove(&cell.id);
    core.vu_ended.notify();
}

fn activate<S: Script>(
    vu: &mut S::Vu,
    active: &mut Option<Rc<Activation>>,
    run: &Arc<ScenarioRun>,
) {
    if active.as_ref().is_none_or(|a| a.scenario_idx != run.idx) {
        let activation = CoreState::<S>::activation(run);
        vu.activate(&activation);
        *active = Some(activation);
    }
}

/// Series of `iterations` and `iteration_duration`, looked up when a VU's tags change.
#[derive(Default)]
struct IterationSeries(Option<(TagSetId, SeriesId, SeriesId)>);

impl IterationSeries {
    fn record(&mut self, shard: &mut Shard, tags: TagSetId, ms: f64, at_unix_ns: u64) {
        let (_, count, duration) = match self.0 {
            Some(known) if known.0 == tags => known,
            _ => *self.0.insert((
                tags,
                shard.series(builtin::ITERATIONS, tags),
                shard.series(builtin::ITERATION_DURATION, tags),
            )),
        };
        shard.record(duration, ms, at_unix_ns);
        shard.record(count, 1.0, at_unix_ns);
    }
}

/// Whether a VU may run another iteration.
enum Next {
    GoOn,
    Stop,
    /// The script has had enough of the scenario.
    Leave,
    Broken(String),
}

async fn run_iteration<S: Script>(
    core: &CoreState<S>,
    cell: &VuCell,
    vu: &mut S::Vu,
    run: &ScenarioRun,
    iteration: Iteration,
    series: &mut IterationSeries,
    open: Option<&OpenLoop>,
) -> Next {
    let started = rt::now();
    let outcome = vu.iterate(iteration).await;
    let ended = rt::now();
    if matches!(outcome, Outcome::Complete { .. } | Outcome::Abort(_)) {
        let ms = rt::millis(ended - started);
        let (tags, metadata) = (vu.tags(), vu.metadata());
        let mut shard = core.shard.borrow_mut();
        let has_metadata = metadata.is_some();
        if has_metadata {
            shard.set_metadata(metadata);
        }
        series.record(&mut shard, tags, ms, rt::unix_of(ended));
        if has_metadata {
            shard.set_metadata(None);
        }
    }
    match outcome {
        Outcome::Complete { threw } => {
            if threw {
                RunStatus::bump(&core.status.exceptions, 1);
            }
            run.completed.fetch_add(1, Ordering::Relaxed);
            RunStatus::bump(&core.status.iterations_completed, 1);
            if let (Some(open), Some(intended)) = (open, iteration.intended) {
                open.answered(core, intended, ended);
            }
            if let Some(min) = core.min_iteration {
                pad(&cell.interrupt, started + min).await;
            }
            match cell.interrupt.is_raised() {
                true => Next::Stop,
                false if vu.leaves() => Next::Leave,
                false => Next::GoOn,
            }
        }
        Outcome::Interrupted => {
            RunStatus::bump(&core.status.iterations_interrupted, 1);
            Next::Stop
        }
        Outcome::Abort(message) => {
            RunStatus::bump(&core.status.iterations_interrupted, 1);
            core.report(Report::Abort(message));
            Next::Stop
        }
        Outcome::Broken(why) => {
            RunStatus::bump(&core.status.iterations_interrupted, 1);
            Next::Broken(why)
        }
    }
}

/// Idles until `until` or an interrupt.
async fn pad(interrupt: &Interrupt, until: Nanos) {
    if rt::now() >= until {
        return;
    }
    let interrupted = std::future::poll_fn(|cx| {
        if interrupt.is_raised() {
            return std::task::Poll::Ready(());
        }
        interrupt.register(cx.waker());
        std::task::Poll::Pending
    });
    match either(rt::sleep_until(until), interrupted).await {
        Either::First(()) | Either::Second(()) => {}
    }
}

/// Iterates by a rule; the text why the VU broke, if it did.
async fn loop_vu<S: Script>(
    core: &CoreState<S>,
    cell: &VuCell,
    vu: &mut S::Vu,
    run: &ScenarioRun,
    rule: LoopRule,
    series: &mut IterationSeries,
) -> Option<String> {
    let end = run.times().regular_end;
    run.active.fetch_add(1, Ordering::Relaxed);
    RunStatus::bump(&core.status.vus_active, 1);
    let mut own = 0;
    let broken = loop {
        if cell.soft_stop.get() || cell.interrupt.is_raised() {
            break None;
        }
        let is_over = rt::now() >= end;
        match rule {
            LoopRule::UntilEnd if is_over => break None,
            LoopRule::SharedTickets { .. } if is_over => break None,
            LoopRule::Own { total } if own >= total => break None,
            LoopRule::Own { .. } if is_over => break None,
            _ => {}
        }
        let (in_instance, in_test) = run.next_iteration();
        if let LoopRule::SharedTickets { total } = rule
            && in_instance >= total
        {
            break None;
        }
        own += 1;
        let iteration = Iteration { in_test, in_instance, intended: None };
        match run_iteration(core, cell, vu, run, iteration, series, None).await {
            Next::GoOn => {}
            Next::Stop | Next::Leave => break None,
            Next::Broken(why) => break Some(why),
        }
    };
    if let LoopRule::Own { total } = rule
        && own < total
        && rt::now() >= end
    {
        drop_own(core, run, total - own);
    }
    run.active.fetch_sub(1, Ordering::Relaxed);
    core.status.vus_active.fetch_sub(1, Ordering::Relaxed);
    broken
}

/// Iterations of its own that a VU had no time for.
fn drop_own<S: Script>(core: &CoreState<S>, run: &ScenarioRun, n: u64) {
    let tags = core.scenario_tags(run);
    run.dropped.fetch_add(n, Ordering::Relaxed);
    core.shard.borrow_mut().add(builtin::DROPPED_ITERATIONS, tags, n as f64, rt::unix_nanos());
}

async fn run_arrival<S: Script>(
    core: &CoreState<S>,
    cell: &VuCell,
    vu: &mut S::Vu,
    open: &OpenLoop,
    arrival: Arrival,
    series: &mut IterationSeries,
) -> Next {
    let run = &open.run;
    run.active.fetch_add(1, Ordering::Relaxed);
    RunStatus::bump(&core.status.vus_active, 1);
    let (in_instance, _) = run.next_iteration();
    let intended = Some(arrival.intended);
    let iteration = Iteration { in_test: arrival.in_test, in_instance, intended };
    let next = run_iteration(core, cell, vu, run, iteration, series, Some(open)).await;
    run.active.fetch_sub(1, Ordering::Relaxed);
    core.status.vus_active.fetch_sub(1, Ordering::Relaxed);
    next
}
