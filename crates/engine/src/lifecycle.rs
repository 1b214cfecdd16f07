//! The order of a run's events, from making VUs to the last flush, and what is done beside it on request.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use plan::scenario::Executor;

use crate::control::{Hook, Refusal, Reply, Scale, Steer};
use crate::director::Director;
use crate::drive::{Happened, drive};
use crate::message::Command;
use crate::outcome::End;
use crate::progress::Phase;
use crate::script::ScriptError;
use crate::selfcheck::CoreWork;
use crate::wait::{Either, Latch, Queue, either};

/// How long the cores may take to hand in their last measurements.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);

/// Makes the planned VUs; the first error ends the run.
async fn make_planned(director: &Director) -> Result<(), End> {
    let n = director.vus_planned;
    for _ in 0..n {
        let vu = director.pool.next_id();
        director.tell(vu, Command::MakeVu { vu, id_in_test: director.id_in_test(vu) });
    }
    let mut ready = Vec::new();
    let mut failed = None;
    for _ in 0..n {
        let made = either(director.hard_stop.wait(), director.made.next());
        match either(director.stopping.wait(), made).await {
            Either::First(()) | Either::Second(Either::First(())) => break,
            Either::Second(Either::Second((vu, Ok(())))) => ready.push(vu),
            Either::Second(Either::Second((vu, Err(mut error)))) => {
                error.hint.get_or_insert_with(|| format!("error while initializing VU #{vu}"));
                failed = Some(error);
                break;
            }
        }
    }
    // In the order of their numbers, whichever core was faster.
    ready.sort_unstable();
    for vu in ready {
        director.pool.put(vu);
    }
    failed.map_or(Ok(()), |error| Err(End::VuInit(error)))
}

/// Everything there is to do. Ends when everything is over and the last measurements are in.
pub(crate) async fn lifecycle(director: Rc<Director>) -> Vec<CoreWork> {
    let ran = run_scenarios(&director).await;
    let may_linger = !matches!(ran, Err(End::VuInit(_))) && !director.has_dead_core();
    if let Err(end) = ran {
        director.stop(end);
    }
    director.took.set(Some(director.elapsed()));
    director.cut_short.set(director.stopping.is_raised());
    if director.config.linger && may_linger {
        // Whoever asks from now on is told everything.
        flush(&director).await;
        director.phase.set(Phase::Lingering);
        either(director.signalled.wait(), director.hard_stop.wait()).await;
    }
    director.phase.set(Phase::Done);
    flush(&director).await;
    director.tell_all(|| Command::Quit);
    let alive = director.cores.len() - director.dead_cores.get();
    let deadline = rt::now() + FLUSH_PATIENCE;
    let mut works = Vec::new();
    for _ in 0..alive {
        match either(director.ended.next(), rt::sleep_until(deadline)).await {
            Either::First(work) => works.push(work),
            Either::Second(()) => break,
        }
    }
    works
}

/// Takes in what the cores have measured.
async fn flush(director: &Director) {
    let alive = director.cores.len() - director.dead_cores.get();
    director.tell_all(|| Command::Flush);
    let deadline = rt::now() + FLUSH_PATIENCE;
    for _ in 0..alive {
        if let Either::Second(()) = either(director.flushed.next(), rt::sleep_until(deadline)).await
        {
            director.warn("a core did not hand in its last measurements in time", Vec::new());
            break;
        }
    }
}

async fn run_scenarios(director: &Rc<Director>) -> Result<(), End> {
    make_planned(director).await?;
    if director.is_paused() && !director.stopping.is_raised() {
        director.phase.set(Phase::Paused);
        either(director.stopping.wait(), director.resumed.wait()).await;
    }
    if director.stopping.is_raised() {
        return Ok(());
    }
    director.clock_start.set(rt::now());
    director.status.started_ns.store(rt::now().0.max(1), Ordering::Relaxed);
    let config = &director.config;
    if config.setup {
        director.phase.set(Phase::Setup);
        match director.own_hook(Hook::Setup).await {
            Ok(()) => {}
            Err(HookEnd::Failed(error)) => return Err(End::Setup(error)),
            Err(HookEnd::Stopped) => return Ok(()),
        }
    }
    director.scenarios_start.set(rt::now());
    director.phase.set(Phase::Running);
    let tasks: Vec<_> =
        (0..director.lanes.len()).map(|idx| rt::spawn(drive(director.clone(), idx))).collect();
    for task in tasks {
        task.await;
    }
    if config.teardown && !director.has_dead_core() {
        director.phase.set(Phase::Teardown);
        match director.own_hook(Hook::Teardown).await {
            Ok(()) | Err(HookEnd::Stopped) => {}
            Err(HookEnd::Failed(error)) => return Err(End::Teardown(error)),
        }
    }
    Ok(())
}

/// How a hook ended that did not end well.
pub(crate) enum HookEnd {
    Failed(ScriptError),
    Stopped,
}

/// A hook to run, and who wants to know how it went.
pub(crate) enum HookOrder {
    /// The lifecycle, which waits for it.
    Own(Hook),
    /// Somebody outside.
    Outside(Hook, Reply<Result<(), Refusal>>),
}

impl Director {
    async fn own_hook(&self, hook: Hook) -> Result<(), HookEnd> {
        self.hook_orders.push(HookOrder::Own(hook));
        self.hooked.next().await
    }

    /// Runs `setup()` or `teardown()` on the first core.
    async fn run_hook(&self, hook: Hook, until: &Latch) -> Result<(), HookEnd> {
        let (command, what, limit, exit_code) = match hook {
            Hook::Setup => (Command::Setup, "setup", self.config.setup_timeout, 100),
            Hook::Teardown => (Command::Teardown, "teardown", self.config.teardown_timeout, 101),
        };
        self.cores[0].send(command);
        let timed = either(self.hooks.next(), rt::sleep(limit));
        let cut = match either(timed, until.wait()).await {
            Either::First(Either::First(result)) => return result.map_err(HookEnd::Failed),
            Either::First(Either::Second(())) => HookEnd::Failed(timed_out(what, limit, exit_code)),
            Either::Second(()) => HookEnd::Stopped,
        };
        self.cores[0].send(Command::InterruptHook);
        // It ends by itself now; not for ever, should it hang in foreign code.
        drop(rt::timeout(Duration::from_secs(5), self.hooks.next()).await);
        Err(cut)
    }
}

fn timed_out(what: &str, after: Duration, exit_code: u8) -> ScriptError {
    ScriptError {
        message: format!("{what}() execution timed out after {} seconds", after.as_secs()),
        exit_code,
        hint: Some(format!("You can increase the time limit via the {what}Timeout option")),
    }
}

/// Runs hooks one after the other, whoever asks for them: the cores run one at a time.
pub(crate) async fn serve_hooks(director: Rc<Director>) {
    loop {
        match director.hook_orders.next().await {
            HookOrder::Own(hook) => {
                // Only a second stop ends teardown().
                let until = match hook {
                    Hook::Setup => &director.stopping,
                    Hook::Teardown => &director.hard_stop,
                };
                let result = director.run_hook(hook, until).await;
                director.hooked.push(result);
            }
            HookOrder::Outside(hook, reply) => {
                let result = director.run_hook(hook, &director.hard_stop).await;
                reply(result.map_err(|end| {
                    Refusal::Hook(match end {
                        HookEnd::Failed(error) => error,
                        HookEnd::Stopped => ScriptError {
                            message: "the test run was stopped".into(),
                            exit_code: 105,
                            hint: None,
                        },
                    })
                }));
            }
        }
    }
}

/// Pauses, resumes and scales, one after the other.
pub(crate) async fn serve_steers(director: Rc<Director>) {
    loop {
        match director.steers.next().await {
            Steer::Pause(paused, reply) => {
                reply(set_paused(&director, paused).await.map(|()| director.state()));
            }
            Steer::Scale(scale, reply) => {
                reply(rescale(&director, scale).await.map(|()| director.state()));
            }
        }
    }
}

async fn set_paused(director: &Director, paused: bool) -> Result<(), Refusal> {
    let refuse = |text: &str| Err(Refusal::Pause(text.to_owned()));
    if !director.has_started() && director.is_paused() {
        if paused {
            return refuse("execution is already paused");
        }
        director.resume();
        return Ok(());
    }
    for lane in &director.lanes {
        let scenario = &lane.run.scenario;
        if !matches!(scenario.executor, Executor::ExternallyControlled(_)) {
            return Err(Refusal::Pause(format!(
                "{} executor '{}' doesn't support pause and resume operations after its start",
                scenario.executor.kind(),
                scenario.name
            )));
        }
        if lane.run.times_if_begun().is_none() {
            return refuse("cannot pause the externally controlled executor before it has started");
        }
        let answer = Rc::<Queue<_>>::default();
        lane.events.push(Happened::Paused { paused, answer: answer.clone() });
        lane.answer(&answer).await?;
    }
    match (paused, director.is_paused()) {
        (true, true) => refuse("test execution was already paused"),
        (false, false) => refuse("test execution wasn't paused"),
        (true, false) => {
            director.pause();
            Ok(())
        }
        (false, true) => {
            director.resume();
            Ok(())
        }
    }
}

async fn rescale(director: &Director, change: Scale) -> Result<(), Refusal> {
    let controlled = director.lanes.iter().find_map(|lane| Some((lane, lane.controlled.as_ref()?)));
    let Some((lane, controlled)) = controlled else { return Err(Refusal::NotScalable) };
    let goal = controlled.goal(change)?;
    if lane.run.times_if_begun().is_none() {
        controlled.now.set(goal);
        return Ok(());
    }
    let answer = Rc::<Queue<_>>::default();
    lane.events.push(Happened::Scaled { goal, answer: answer.clone() });
    lane.answer(&answer).await
}
