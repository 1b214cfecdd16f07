//! A validated scenario: what runs, with which executor, when, for how long.

use std::fmt::Write as _;
use std::time::Duration;

use crate::duration::Span;
use crate::ramping;
use crate::segment::Striping;

/// One scenario of a test, checked and with all defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name, the value of the `scenario` tag.
    pub name: String,
    /// How its iterations are scheduled.
    pub executor: Executor,
    /// When it starts, counted from the start of the test (after `setup()`).
    pub start_time: Duration,
    /// How long running iterations may continue after its regular end.
    pub graceful_stop: Duration,
    /// The exported function its iterations call; `default` unless set.
    pub exec: String,
    /// Whether `exec` was said rather than assumed; its description then shows it.
    pub exec_is_given: bool,
    /// Environment variables laid over `__ENV`, by name.
    pub env: Vec<(String, String)>,
    /// Tags of all samples of the scenario, by name.
    pub tags: Vec<(String, String)>,
    /// The `options.browser` object, which a browser module would read.
    pub browser: Option<serde_json::Value>,
}

/// How iterations are scheduled, with the settings of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// `constant-vus`.
    ConstantVus(ConstantVus),
    /// `ramping-vus`.
    RampingVus(RampingVus),
    /// `shared-iterations`.
    SharedIterations(SharedIterations),
    /// `per-vu-iterations`.
    PerVuIterations(PerVuIterations),
    /// `constant-arrival-rate`.
    ConstantArrivalRate(ConstantArrivalRate),
    /// `ramping-arrival-rate`.
    RampingArrivalRate(RampingArrivalRate),
    /// `externally-controlled`, which k6 2 no longer has.
    ExternallyControlled(ExternallyControlled),
}

/// A fixed number of VUs, each iterating for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantVus {
    /// Number of VUs of the whole test (all segments).
    pub vus: u64,
    /// No new iterations start after it.
    pub duration: Duration,
}

/// A number of VUs that follows a line through the stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RampingVus {
    /// VUs at the start.
    pub start_vus: u64,
    /// Targets are VUs.
    pub stages: Vec<Stage>,
    /// How long a VU that is ramped down may finish its iteration.
    pub graceful_ramp_down: Duration,
}

/// A fixed number of iterations that the VUs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedIterations {
    /// Number of VUs.
    pub vus: u64,
    /// Number of iterations, of all VUs together.
    pub iterations: u64,
    /// No new iterations start after it.
    pub max_duration: Duration,
}

/// A fixed number of iterations for each VU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerVuIterations {
    /// Number of VUs.
    pub vus: u64,
    /// Number of iterations of each.
    pub iterations: u64,
    /// No new iterations start after it.
    pub max_duration: Duration,
}

/// Iterations that start at a fixed rate, whatever the earlier ones do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantArrivalRate {
    /// Iterations per `time_unit`.
    pub rate: u64,
    /// What the rate counts by.
    pub time_unit: Duration,
    /// No new iterations start after it.
    pub duration: Duration,
    /// VUs made before the test.
    pub pre_allocated_vus: u64,
    /// VUs that may exist at most.
    pub max_vus: u64,
}

/// Iterations that start at a rate that follows a line through the stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RampingArrivalRate {
    /// Iterations per `time_unit` at the start.
    pub start_rate: u64,
    /// What the rates count by.
    pub time_unit: Duration,
    /// Targets are iterations per `time_unit`.
    pub stages: Vec<Stage>,
    /// VUs made before the test.
    pub pre_allocated_vus: u64,
    /// VUs that may exist at most.
    pub max_vus: u64,
}

/// Numbers of VUs that are changed from outside while the test runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternallyControlled {
    /// VUs that iterate from the start.
    pub vus: u64,
    /// VUs made before the test.
    pub max_vus: u64,
    /// When it ends, pauses not counted; zero is never.
    pub duration: Duration,
}

impl ExternallyControlled {
    /// Checks numbers of VUs as they are asked for, before the test or in it.
    ///
    /// # Errors
    /// What is wrong with them, in the words of k6 1.
    pub fn check_vus(vus: i64, max_vus: i64) -> Vec<String> {
        let mut wrong = Vec::new();
        if vus < 0 {
            wrong.push("the number of VUs can't be negative".to_owned());
        }
        if max_vus < vus {
            wrong.push(format!(
                "the number of active VUs ({vus}) must be less than or equal to the number of maxVUs ({max_vus})"
            ));
        }
        wrong
    }
}

/// One straight piece of a ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// How long it takes; zero is a jump.
    pub duration: Duration,
    /// Where it ends.
    pub target: u64,
}

/// From a time on, so many VUs are wanted by a scenario or by all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionStep {
    /// From the start of the scenario, or of the test where scenarios are summed up.
    pub offset: Duration,
    /// VUs made before the test.
    pub planned_vus: u64,
    /// Further VUs that may be made while it runs.
    pub max_unplanned_vus: u64,
}

impl Executor {
    /// The name of the kind, as scripts write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Executor::ConstantVus(_) => "constant-vus",
            Executor::RampingVus(_) => "ramping-vus",
            Executor::SharedIterations(_) => "shared-iterations",
            Executor::PerVuIterations(_) => "per-vu-iterations",
            Executor::ConstantArrivalRate(_) => "constant-arrival-rate",
            Executor::RampingArrivalRate(_) => "ramping-arrival-rate",
            Executor::ExternallyControlled(_) => "externally-controlled",
        }
    }

    /// How long new iterations may start: the duration, the sum of the stages, or the limit of the iterations. Zero for
    /// what [has no end](Self::is_endless).
    pub fn regular_duration(&self) -> Duration {
        match self {
            Executor::ConstantVus(executor) => executor.duration,
            Executor::RampingVus(executor) => sum_of(&executor.stages),
            Executor::SharedIterations(executor) => executor.max_duration,
            Executor::PerVuIterations(executor) => executor.max_duration,
            Executor::ConstantArrivalRate(executor) => executor.duration,
            Executor::RampingArrivalRate(executor) => sum_of(&executor.stages),
            Executor::ExternallyControlled(executor) => executor.duration,
        }
    }

    /// Whether it goes on until somebody ends the test.
    pub fn is_endless(&self) -> bool {
        matches!(self, Executor::ExternallyControlled(executor) if executor.duration.is_zero())
    }

    /// Whether iterations start when they are due rather than when the one before has ended.
    pub fn is_open_loop(&self) -> bool {
        matches!(self, Executor::ConstantArrivalRate(_) | Executor::RampingArrivalRate(_))
    }
}

fn sum_of(stages: &[Stage]) -> Duration {
    stages.iter().fold(Duration::ZERO, |sum, stage| sum.saturating_add(stage.duration))
}

fn highest(start: u64, stages: &[Stage]) -> u64 {
    stages.iter().map(|stage| stage.target).fold(start, u64::max)
}

impl Scenario {
    /// k6's line about it (behind `* name: `), with this instance's share of VUs and rates.
    pub fn describe(&self, striping: &Striping) -> String {
        let share = striping.share();
        let (text, own_fact) = match &self.executor {
            Executor::ConstantVus(executor) => {
                let vus = striping.scale(executor.vus);
                (format!("{vus} looping VUs for {}", Span::from(executor.duration)), None)
            }
            Executor::RampingVus(executor) => {
                let vus = striping.scale(highest(executor.start_vus, &executor.stages));
                let ramp = describe_ramp(&executor.stages);
                let grace = Span::from(executor.graceful_ramp_down);
                (
                    format!("Up to {vus} looping VUs for {ramp}"),
                    Some(format!("gracefulRampDown: {grace}")),
                )
            }
            Executor::SharedIterations(executor) => {
                let (vus, iterations) = executor.share(striping);
                (
                    format!("{iterations} iterations shared among {vus} VUs"),
                    max_duration_fact(executor.max_duration),
                )
            }
            Executor::PerVuIterations(executor) => {
                let (vus, iterations) = (striping.scale(executor.vus), executor.iterations);
                (
                    format!("{iterations} iterations for each of {vus} VUs"),
                    max_duration_fact(executor.max_duration),
                )
            }
            Executor::ConstantArrivalRate(executor) => {
                let (planned, max) = (executor.pre_allocated_vus, executor.max_vus);
                // k6 shows no rate where there is no VU to serve it.
                let share = if striping.scale(max) == 0 { 0.0 } else { share };
                let rate = executor.rate as f64 * share / executor.time_unit.as_secs_f64();
                let duration = Span::from(executor.duration);
                (
                    format!("{rate:.2} iterations/s for {duration}"),
                    Some(max_vus_fact(planned, max, striping)),
                )
            }
            Executor::RampingArrivalRate(executor) => {
                let highest = highest(executor.start_rate, &executor.stages) as f64;
                let rate = highest * share / executor.time_unit.as_secs_f64();
                let ramp = describe_ramp(&executor.stages);
                let fact = max_vus_fact(executor.pre_allocated_vus, executor.max_vus, striping);
                (format!("Up to {rate:.2} iterations/s for {ramp}"), Some(fact))
            }
            // k6 1 shows the whole test's numbers and none of the usual facts.
            Executor::ExternallyControlled(executor) => {
                let ExternallyControlled { vus, max_vus, duration } = executor;
                let duration = match self.executor.is_endless() {
                    true => "infinite".to_owned(),
                    false => Span::from(*duration).to_string(),
                };
                return format!(
                    "Externally controlled execution with {vus} VUs, {max_vus} max VUs, {duration} duration"
                );
            }
        };
        text + &self.describe_facts(own_fact)
    }

    /// ` (own fact, exec: …, startTime: …, gracefulStop: …)`, or nothing.
    fn describe_facts(&self, own_fact: Option<String>) -> String {
        let mut facts: Vec<String> = own_fact.into_iter().collect();
        if self.exec_is_given {
            facts.push(format!("exec: {}", self.exec));
        }
        if !self.start_time.is_zero() {
            facts.push(format!("startTime: {}", Span::from(self.start_time)));
        }
        if !self.graceful_stop.is_zero() {
            facts.push(format!("gracefulStop: {}", Span::from(self.graceful_stop)));
        }
        if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) }
    }

    /// When everything of it is over, `gracefulStop` included, counted from the start of the test. For a ramp of VUs
    /// it is when the last VU may be stopped, which trailing stages at 0 VUs do not delay.
    pub fn max_duration(&self, striping: &Striping) -> Duration {
        let last = self.planned_vus(striping).last().map_or(Duration::ZERO, |step| step.offset);
        self.start_time.saturating_add(last)
    }

    /// How many VUs it needs when, from its own start on. The last step is to none, but for a
    /// scenario without an end.
    pub fn planned_vus(&self, striping: &Striping) -> Vec<ExecutionStep> {
        let (vus, max_vus) = match &self.executor {
            Executor::RampingVus(executor) => {
                let reserved = ramping::reserved(executor, striping, self.graceful_stop);
                let step = |step: &ramping::VuStep| ExecutionStep {
                    offset: Duration::from_nanos(step.at_ns),
                    planned_vus: step.vus,
                    max_unplanned_vus: 0,
                };
                return reserved.iter().map(step).collect();
            }
            // It may be given VUs at any time, so it is never without work.
            Executor::ExternallyControlled(executor) => {
                let step = |offset, vus| ExecutionStep {
                    offset,
                    planned_vus: striping.scale(vus),
                    max_unplanned_vus: 0,
                };
                let mut steps = vec![step(Duration::ZERO, executor.max_vus)];
                if !self.executor.is_endless() {
                    steps.push(step(executor.duration, 0));
                }
                return steps;
            }
            Executor::ConstantVus(executor) => (executor.vus, executor.vus),
            Executor::SharedIterations(executor) => (executor.vus, executor.vus),
            Executor::PerVuIterations(executor) => (executor.vus, executor.vus),
            Executor::ConstantArrivalRate(executor) => {
                (executor.pre_allocated_vus, executor.max_vus)
            }
            Executor::RampingArrivalRate(executor) => {
                (executor.pre_allocated_vus, executor.max_vus)
            }
        };
        let (planned_vus, all_vus) = (striping.scale(vus), striping.scale(max_vus));
        if all_vus == 0 {
            return Vec::new();
        }
        let end = self.executor.regular_duration().saturating_add(self.graceful_stop);
        let max_unplanned_vus = all_vus.saturating_sub(planned_vus);
        vec![
            ExecutionStep { offset: Duration::ZERO, planned_vus, max_unplanned_vus },
            ExecutionStep { offset: end, planned_vus: 0, max_unplanned_vus: 0 },
        ]
    }

    /// Whether this instance has nothing to do for it.
    pub fn is_disabled(&self, striping: &Striping) -> bool {
        self.planned_vus(striping).is_empty()
    }

    /// The scenario with every time multiplied by `factor`; rates, VUs and iterations stay.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Scenario {
        let mut scenario = self.clone();
        let scale = |duration: &mut Duration| {
            *duration = Span::from(*duration).scaled(factor).as_duration()
        };
        scale(&mut scenario.start_time);
        scale(&mut scenario.graceful_stop);
        match &mut scenario.executor {
            Executor::ConstantVus(executor) => scale(&mut executor.duration),
            Executor::RampingVus(executor) => {
                scale(&mut executor.graceful_ramp_down);
                executor.stages.iter_mut().for_each(|stage| scale(&mut stage.duration));
            }
            Executor::SharedIterations(executor) => scale(&mut executor.max_duration),
            Executor::PerVuIterations(executor) => scale(&mut executor.max_duration),
            Executor::ConstantArrivalRate(executor) => scale(&mut executor.duration),
            Executor::RampingArrivalRate(executor) => {
                executor.stages.iter_mut().for_each(|stage| scale(&mut stage.duration));
            }
            Executor::ExternallyControlled(executor) => scale(&mut executor.duration),
        }
        scenario
    }
}

impl SharedIterations {
    /// This instance's VUs and iterations. Iterations follow the VUs that work on them.
    pub fn share(&self, striping: &Striping) -> (u64, u64) {
        let iterations = striping.for_total(self.vus).map_or(0, |own| own.scale(self.iterations));
        (striping.scale(self.vus), iterations)
    }
}

fn describe_ramp(stages: &[Stage]) -> String {
    format!("{} over {} stages", Span::from(sum_of(stages)), stages.len())
}

fn max_duration_fact(max_duration: Duration) -> Option<String> {
    Some(format!("maxDuration: {}", Span::from(max_duration)))
}

fn max_vus_fact(planned: u64, max: u64, striping: &Striping) -> String {
    let (planned, max) = (striping.scale(planned), striping.scale(max));
    let mut fact = format!("maxVUs: {planned}");
    if max > planned {
        let _ = write!(fact, "-{max}");
    }
    fact
}

/// What all scenarios together need on this instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// VUs over time, from the start of the test.
    pub steps: Vec<ExecutionStep>,
    /// VUs to make before the test.
    pub max_planned_vus: u64,
    /// VUs there may be at most at one time.
    pub max_possible_vus: u64,
    /// When the last scenario is over, `gracefulStop` included.
    pub max_duration: Duration,
}

impl Requirements {
    /// Sums the scenarios up.
    pub fn of(scenarios: &[Scenario], striping: &Striping) -> Requirements {
        // Changes to the sums: (when, planned, unplanned). Changes at one time count as one.
        let mut changes: Vec<(Duration, i128, i128)> = Vec::new();
        for scenario in scenarios {
            let (mut planned, mut unplanned) = (0i128, 0i128);
            for step in scenario.planned_vus(striping) {
                let (next_planned, next_unplanned) =
                    (i128::from(step.planned_vus), i128::from(step.max_unplanned_vus));
                let at = scenario.start_time.saturating_add(step.offset);
                changes.push((at, next_planned - planned, next_unplanned - unplanned));
                (planned, unplanned) = (next_planned, next_unplanned);
            }
        }
        changes.sort_by_key(|(at, _, _)| *at);
        let mut steps: Vec<ExecutionStep> = Vec::new();
        let (mut planned, mut unplanned) = (0i128, 0i128);
        for (offset, planned_change, unplanned_change) in changes {
            (planned, unplanned) = (planned + planned_change, unplanned + unplanned_change);
            let count = |number: i128| u64::try_from(number).unwrap_or(0);
            let step = ExecutionStep {
                offset,
                planned_vus: count(planned),
                max_unplanned_vus: count(unplanned),
            };
            match steps.last_mut() {
                Some(last) if last.offset == offset => *last = step,
                _ => steps.push(step),
            }
        }
        Requirements {
            max_planned_vus: steps.iter().map(|step| step.planned_vus).max().unwrap_or(0),
            max_possible_vus: steps
                .iter()
                .map(|step| step.planned_vus.saturating_add(step.max_unplanned_vus))
                .max()
                .unwrap_or(0),
            max_duration: steps.last().map_or(Duration::ZERO, |step| step.offset),
            steps,
        }
    }
}

/// The scenarios in the order in which k6 starts and shows them: by start time, then by name.
pub fn in_start_order(scenarios: &[Scenario]) -> Vec<&Scenario> {
    let mut ordered: Vec<&Scenario> = scenarios.iter().collect();
    ordered.sort_by(|a, b| a.start_time.cmp(&b.start_time).then_with(|| a.name.cmp(&b.name)));
    ordered
}
