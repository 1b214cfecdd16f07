//! Runs that are steered from outside, in simulated time, on one and on several cores.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::control::{ControlHandle, Hook, Refusal, RunState, Scale};
use engine::progress::{Phase, Progress};
use engine::{End, Observer, RunConfig, RunOutcome, StopReason};
use support::{Fake, config, ms};

/// Cores to try everything on: the result must not depend on them.
const CORES: [usize; 3] = [1, 2, 3];

type Action = Box<dyn FnOnce(&ControlHandle)>;

/// Does things at given times of the run's progress, which is told every 100 ms.
struct Hand {
    control: ControlHandle,
    /// Milliseconds since the simulated core's first look, and what to do then; soonest first.
    plan: Vec<(u64, Action)>,
    begun: Option<rt::Nanos>,
    phases: Vec<Phase>,
}

impl Observer for Hand {
    fn progress(&mut self, progress: &Progress) {
        if self.phases.last() != Some(&progress.phase) {
            self.phases.push(progress.phase);
        }
        let begun = *self.begun.get_or_insert_with(rt::now);
        let now_ms = (rt::now() - begun).as_millis() as u64;
        while self.plan.first().is_some_and(|(at_ms, _)| *at_ms <= now_ms) {
            let (_, action) = self.plan.remove(0);
            action(&self.control);
        }
    }
    fn snapshot(&mut self, _: &metrics::Snapshot) {}
    fn samples(&mut self, _: &metrics::SampleBatch) {}
    fn warning(&mut self, text: &str, _: &[(&'static str, String)]) {
        panic!("{text}");
    }
}

fn simulate(
    script: &Arc<Fake>,
    config: RunConfig,
    plan: Vec<(u64, Action)>,
) -> (RunOutcome, Vec<Phase>) {
    let (handle, stops) = engine::stop_pair();
    let mut hand = Hand { control: handle.control(), plan, begun: None, phases: Vec::new() };
    let outcome = engine::run_simulated(script, config, stops, &mut hand).unwrap();
    assert!(hand.plan.is_empty(), "the run was over before everything was done");
    (outcome, hand.phases)
}

/// Answers as they came.
type Answers<T> = Arc<Mutex<Vec<T>>>;

fn into<T: Send + 'static>(answers: &Answers<T>) -> impl FnOnce(T) + Send + 'static {
    let answers = answers.clone();
    move |answer| answers.lock().unwrap().push(answer)
}

/// Only whether it was done.
fn done(
    answers: &Answers<Result<(), Refusal>>,
) -> impl FnOnce(Result<RunState, Refusal>) + Send + 'static {
    let keep = into(answers);
    move |answer| keep(answer.map(drop))
}

fn scale(vus: Option<i64>, max_vus: Option<i64>) -> Scale {
    Scale { vus, max_vus }
}

fn controlled(vus: u64, max_vus: u64, duration: &str, cores: usize) -> RunConfig {
    let options = format!(
        r#"{{"scenarios": {{"a": {{"executor": "externally-controlled", "vus": {vus}, "maxVUs": {max_vus},
        "duration": "{duration}"}}}}}}"#
    );
    config(&options, cores)
}

/// Iterations that began in each second.
fn by_second(script: &Fake) -> Vec<usize> {
    let mut counts = Vec::new();
    for start in script.starts_ms() {
        let second = (start / 1000) as usize;
        counts.resize(counts.len().max(second + 1), 0);
        counts[second] += 1;
    }
    counts
}

#[test]
fn vus_are_scaled_while_the_run_goes_on() {
    for cores in CORES {
        let script = Fake::taking(|_| ms(200));
        let answers: Answers<Result<(), Refusal>> = Arc::default();
        let (more, fewer) = (done(&answers), done(&answers));
        let plan: Vec<(u64, Action)> = vec![
            (1000, Box::new(|control| control.scale(scale(Some(4), None), more))),
            (2100, Box::new(|control| control.scale(scale(Some(1), None), fewer))),
        ];
        let (outcome, _) = simulate(&script, controlled(2, 5, "3s", cores), plan);
        assert_eq!(*answers.lock().unwrap(), [Ok(()), Ok(())]);
        assert_eq!(outcome.end, End::Finished);
        assert_eq!(outcome.elapsed, Duration::from_secs(3));
        // Two VUs five times a second, then four, then (after the 2,000th ms' start) one.
        // An iteration that ends when the time is over may be followed by another, which is cut off at once.
        assert_eq!(by_second(&script)[..3], [10, 20, 8], "{cores} cores");
        // Three were in the middle of an iteration when they were taken away.
        let ran = script.ran.lock().unwrap();
        let interrupted = ran.iter().filter(|ran| !ran.whole && ran.at_ms < 3000).count();
        assert_eq!(interrupted, 3, "{cores} cores");
    }
}

#[test]
fn a_pause_lets_iterations_end_and_does_not_count() {
    for cores in CORES {
        let script = Fake::taking(|_| ms(300));
        let answers: Answers<Result<(), Refusal>> = Arc::default();
        let states: Answers<RunState> = Arc::default();
        let (pause, resume, state) = (done(&answers), done(&answers), into(&states));
        let plan: Vec<(u64, Action)> = vec![
            (1000, Box::new(|control| control.set_paused(true, pause))),
            (2000, Box::new(|control| control.state(state))),
            (3200, Box::new(|control| control.set_paused(false, resume))),
        ];
        let (outcome, _) = simulate(&script, controlled(2, 2, "3s", cores), plan);
        assert_eq!(*answers.lock().unwrap(), [Ok(()), Ok(())]);
        let state = states.lock().unwrap()[0];
        assert!(state.paused && state.started && state.vus_active == 0, "{state:?}");
        // Starts at 0, 300, 600, 900; the last ends at 1,200, where the pause begins. It takes two seconds.
        assert_eq!(script.starts_ms()[..8], [0, 0, 300, 300, 600, 600, 900, 900], "{cores}");
        assert_eq!(script.starts_ms()[8], 3200, "{cores} cores");
        // The run's clock stands still a moment longer than the scenario's: until its VUs are seen to go on.
        let missing = Duration::from_secs(3) - outcome.elapsed;
        assert!(missing < ms(1), "{cores} cores: {missing:?}");
        // Six more of each VU until 5,000; the end of the last falls on the end of the scenario.
        let before_the_end = script.starts_ms().iter().filter(|at| **at < 5000).count();
        assert_eq!(before_the_end, 20, "{cores} cores");
    }
}

#[test]
fn vus_beyond_the_plan_are_made_and_ended_on_request() {
    for cores in CORES {
        let script = Fake::taking(|_| ms(100));
        let answers: Answers<Result<(), Refusal>> = Arc::default();
        let states: Answers<RunState> = Arc::default();
        let (grow, shrink) = (done(&answers), done(&answers));
        let (grown, shrunk) = (into(&states), into(&states));
        let plan: Vec<(u64, Action)> = vec![
            (1000, Box::new(|control| control.scale(scale(Some(5), Some(6)), grow))),
            (1500, Box::new(|control| control.state(grown))),
            (2000, Box::new(|control| control.scale(scale(Some(1), Some(2)), shrink))),
            (2500, Box::new(|control| control.state(shrunk))),
        ];
        let (outcome, _) = simulate(&script, controlled(1, 2, "3s", cores), plan);
        assert_eq!(*answers.lock().unwrap(), [Ok(()), Ok(())]);
        let vus: Vec<(u64, u64)> =
            states.lock().unwrap().iter().map(|s| (s.vus_active, s.vus_initialized)).collect();
        assert_eq!(vus, [(5, 6), (1, 2)], "{cores} cores");
        assert_eq!(outcome.end, End::Finished);
        let most = script.ran.lock().unwrap().iter().map(|ran| ran.vu).max();
        assert_eq!(most, Some(5), "{cores} cores");
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused_in_the_words_of_k6_1() {
    let script = Fake::taking(|_| ms(100));
    let answers: Answers<Result<(), Refusal>> = Arc::default();
    let changes = [
        scale(Some(3), None),
        scale(Some(-1), None),
        scale(None, Some(1)),
        scale(Some(2), Some(2)),
    ];
    let plan: Vec<(u64, Action)> = changes
        .into_iter()
        .map(|change| {
            let answer = done(&answers);
            (500, Box::new(move |control: &ControlHandle| control.scale(change, answer)) as Action)
        })
        .collect();
    simulate(&script, controlled(1, 2, "1s", 1), plan);
    let texts: Vec<String> = answers
        .lock()
        .unwrap()
        .iter()
        .map(|answer| answer.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned()))
        .collect();
    assert_eq!(
        texts,
        [
            "invalid configuration supplied: the number of active VUs (3) must be less than or equal to the number \
             of maxVUs (2)",
            "invalid configuration supplied: the number of VUs can't be negative",
            "the new number of max VUs cannot be lower than the starting number of max VUs (2)",
            "done",
        ]
    );
}

#[test]
fn an_endless_scenario_ends_when_it_is_told_to() {
    for cores in CORES {
        let script = Fake::taking(|_| ms(100));
        let plan: Vec<(u64, Action)> =
            vec![(3_600_000, Box::new(|control| control.stop(StopReason::Api)))];
        let (outcome, _) = simulate(&script, controlled(1, 1, "0", cores), plan);
        assert_eq!(outcome.end, End::Api);
        // The stop comes when an iteration ends; whether another begins at that instant is open.
        assert!((36_000..=36_001).contains(&script.starts_ms().len()), "{cores} cores");
        assert_eq!(script.teardowns.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}

#[test]
fn a_run_that_starts_paused_makes_its_vus_and_waits() {
    for cores in CORES {
        let script = Fake::taking(|_| ms(100));
        let mut config = config(r#"{"vus": 2, "iterations": 4}"#, cores);
        config.paused = true;
        let answers: Answers<Result<(), Refusal>> = Arc::default();
        let states: Answers<RunState> = Arc::default();
        let (again, state, start, late) =
            (done(&answers), into(&states), done(&answers), done(&answers));
        let plan: Vec<(u64, Action)> = vec![
            (5000, Box::new(|control| control.set_paused(true, again))),
            (5000, Box::new(|control| control.state(state))),
            (60_000, Box::new(|control| control.set_paused(false, start))),
            (60_100, Box::new(|control| control.set_paused(true, late))),
        ];
        let (outcome, phases) = simulate(&script, config, plan);
        let refuse = |text: &str| Err(Refusal::Pause(text.to_owned()));
        assert_eq!(
            *answers.lock().unwrap(),
            [
                refuse("execution is already paused"),
                Ok(()),
                refuse(
                    "shared-iterations executor 'default' doesn't support pause and resume operations after its start"
                ),
            ]
        );
        let state = states.lock().unwrap()[0];
        assert_eq!((state.phase, state.paused, state.started), (Phase::Paused, true, false));
        assert_eq!(state.vus_initialized, 2);
        assert_eq!(outcome.elapsed, ms(200), "{cores} cores");
        assert_eq!(script.starts_ms(), [0, 0, 100, 100]);
        assert!(phases.contains(&Phase::Paused) && phases.contains(&Phase::Done));
    }
}

#[test]
fn a_paused_run_can_be_ended() {
    let script = Fake::taking(|_| ms(100));
    let mut config = config(r#"{"vus": 2, "iterations": 4}"#, 2);
    config.paused = true;
    let stop = StopReason::Signal("interrupt".to_owned());
    let plan: Vec<(u64, Action)> = vec![(1000, Box::new(|control| control.stop(stop)))];
    let (outcome, _) = simulate(&script, config, plan);
    assert_eq!(outcome.end, End::Signal("interrupt".to_owned()));
    assert_eq!(outcome.elapsed, Duration::ZERO);
    assert!(script.starts_ms().is_empty());
}

#[test]
fn a_run_that_lingers_answers_until_a_signal_and_ends_as_it_ended() {
    let script = Fake::taking(|_| ms(100));
    let mut config = config(r#"{"vus": 2, "iterations": 4}"#, 2);
    config.linger = true;
    let states: Answers<RunState> = Arc::default();
    let totals: Answers<f64> = Arc::default();
    let (before, after, counted) = (into(&states), into(&states), into(&totals));
    let stop = StopReason::Signal("interrupt".to_owned());
    let plan: Vec<(u64, Action)> = vec![
        (5000, Box::new(|control| control.state(before))),
        (5000, Box::new(|control| control.stop(StopReason::Api))),
        (6000, Box::new(|control| control.state(after))),
        (
            6000,
            Box::new(|control| {
                control.totals(move |totals| {
                    let iterations =
                        totals.metrics.iter().find(|m| m.name == "iterations").unwrap();
                    match &iterations.sink {
                        metrics::Sink::Counter { sum } => counted(*sum),
                        other => panic!("{other:?}"),
                    }
                });
            }),
        ),
        (7000, Box::new(|control| control.stop(stop))),
    ];
    let (outcome, phases) = simulate(&script, config, plan);
    assert_eq!(outcome.end, End::Finished);
    assert_eq!(outcome.elapsed, ms(200));
    assert_eq!(*totals.lock().unwrap(), [4.0]);
    let states = states.lock().unwrap();
    assert!(states.iter().all(|s| s.phase == Phase::Lingering && !s.cut_short));
    assert_eq!([states[0].stopped, states[1].stopped], [false, true]);
    assert!(phases.contains(&Phase::Lingering));
}

#[test]
fn hooks_run_on_request_beside_those_of_the_run() {
    let script = Fake::taking(|_| ms(100));
    let mut config = config(r#"{"vus": 1, "iterations": 30}"#, 2);
    config.setup = false;
    config.teardown = false;
    let answers: Answers<Result<(), Refusal>> = Arc::default();
    let (setup, teardown) = (into(&answers), into(&answers));
    let plan: Vec<(u64, Action)> = vec![
        (500, Box::new(|control| control.run_hook(Hook::Setup, setup))),
        (1000, Box::new(|control| control.run_hook(Hook::Teardown, teardown))),
    ];
    simulate(&script, config, plan);
    assert_eq!(*answers.lock().unwrap(), [Ok(()), Ok(())]);
    let ran =
        |count: &std::sync::atomic::AtomicU64| count.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((ran(&script.setups), ran(&script.teardowns)), (1, 1));
}

#[test]
fn what_can_not_be_scaled_says_so() {
    let script = Fake::taking(|_| ms(100));
    let answers: Answers<Result<(), Refusal>> = Arc::default();
    let answer = done(&answers);
    let plan: Vec<(u64, Action)> =
        vec![(500, Box::new(|control| control.scale(scale(Some(4), None), answer)))];
    simulate(&script, config(r#"{"vus": 1, "iterations": 30}"#, 1), plan);
    assert_eq!(*answers.lock().unwrap(), [Err(Refusal::NotScalable)]);
}
