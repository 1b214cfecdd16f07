//! Checking scenarios and filling in their defaults.

use std::time::Duration;

use super::{ExecutorKind, Options, OptionsError, ScenarioConfig, StageConfig, check_trend_stats};
use crate::duration::Span;
use crate::scenario::{
    ConstantArrivalRate, ConstantVus, Executor, ExternallyControlled, PerVuIterations,
    RampingArrivalRate, RampingVus, Scenario, SharedIterations, Stage,
};
use crate::segment::Striping;

/// k6's limit for ramps of VUs; ours for all VUs.
const MAX_VUS: i64 = 100_000_000;
/// How often ramps may change the number of VUs; a limit of ours, 16 bytes each.
const MAX_RAMP_STEPS: u64 = 50_000_000;
const MIN_DURATION: Span = Span::from_secs(1);
const DEFAULT_GRACE: Span = Span::from_secs(30);
const DEFAULT_MAX_DURATION: Span = Span::from_secs(600);

impl Options {
    /// The share of this instance.
    ///
    /// # Errors
    /// The segment is none of the sequence's: k6's text, exit code 104.
    pub fn striping(&self) -> Result<Striping, OptionsError> {
        Striping::new(self.execution_segment.as_ref(), self.execution_segment_sequence.as_ref())
            .map_err(|error| OptionsError::config(format!("{PROBLEMS}\n\t- {error}")))
    }

    /// The scenarios, checked, with defaults filled in. `derived` must have been called before.
    ///
    /// # Errors
    /// All problems in one text (exit code 104), or a bad column of trends (255).
    pub(super) fn validated(
        &self,
        is_exported: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Scenario>, OptionsError> {
        check_trend_stats(self.summary_trend_stats.as_deref().unwrap_or_default())?;
        let mut problems = Vec::new();
        let segment = Striping::new(
            self.execution_segment.as_ref(),
            self.execution_segment_sequence.as_ref(),
        );
        problems.extend(segment.err().map(|error| error.to_string()));
        let configs = self.scenarios.as_deref().unwrap_or_default();
        let mut scenarios = Vec::with_capacity(configs.len());
        for config in configs {
            match config.validated() {
                Ok(scenario) => scenarios.push(scenario),
                Err(errors) => problems.push(format!(
                    "scenario {} has configuration errors: {}",
                    config.name,
                    errors.join(", ")
                )),
            }
        }
        if self.setup_timeout.is_some_and(|timeout| timeout.nanos() <= 0) {
            problems.push("setupTimeout must be positive".to_owned());
        }
        for config in configs {
            let exec = config.exec.as_deref().filter(|exec| !exec.is_empty()).unwrap_or("default");
            if !is_exported(exec) {
                problems.push(format!(
                    "executor {}: function '{exec}' not found in exports",
                    config.name
                ));
            }
        }
        if problems.is_empty() {
            return Ok(scenarios);
        }
        Err(OptionsError::config(format!("{PROBLEMS}\n\t- {}", problems.join("\n\t- "))))
    }
}

const PROBLEMS: &str = "There were problems with the specified script configuration:";

/// Collects what is wrong with a scenario.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add_if(&mut self, is_wrong: bool, text: impl Into<String>) {
        if is_wrong {
            self.0.push(text.into());
        }
    }

    fn duration(&mut self, duration: Option<Span>) {
        match duration {
            None => self.add_if(true, "the duration is unspecified"),
            Some(duration) => self.add_if(
                duration < MIN_DURATION,
                format!("the duration must be at least {MIN_DURATION}, but is {duration}"),
            ),
        }
    }

    fn max_duration(&mut self, max_duration: Span) {
        let text =
            format!("the maxDuration must be at least {MIN_DURATION}, but is {max_duration}");
        self.add_if(max_duration < MIN_DURATION, text);
    }

    fn vus(&mut self, vus: i64) {
        self.add_if(vus <= 0, "the number of VUs must be more than 0");
        self.add_if(vus > MAX_VUS, format!("the number of VUs exceeds max limit of {MAX_VUS}"));
    }

    fn stages(&mut self, stages: &[StageConfig]) {
        self.add_if(stages.is_empty(), "at least one stage has to be specified");
        for (number, stage) in (1..).zip(stages) {
            match stage.duration {
                None => self.add_if(true, format!("stage {number} doesn't have a duration")),
                Some(duration) => self.add_if(
                    duration < Span::ZERO,
                    format!("the duration for stage {number} can't be negative"),
                ),
            }
            match stage.target {
                None => self.add_if(true, format!("stage {number} doesn't have a target")),
                Some(target) => {
                    self.add_if(
                        target < 0,
                        format!("the target for stage {number} can't be negative"),
                    );
                }
            }
        }
    }

    /// Both numbers of VUs of an arrival-rate executor.
    fn arrival_vus(&mut self, config: &ScenarioConfig) {
        let max_vus = config.max_vus.or(config.pre_allocated_vus).unwrap_or(0);
        match config.pre_allocated_vus {
            None => self.add_if(true, "the number of preAllocatedVUs isn't specified"),
            Some(vus) => {
                self.add_if(vus < 0, "the number of preAllocatedVUs can't be negative");
                self.add_if(max_vus < vus, "maxVUs can't be less than preAllocatedVUs");
            }
        }
        self.add_if(max_vus > MAX_VUS, format!("maxVUs exceeds max limit of {MAX_VUS}"));
    }

    fn time_unit(&mut self, time_unit: Span) {
        self.add_if(time_unit <= Span::ZERO, "the timeUnit must be more than 0");
    }
}

impl ScenarioConfig {
    fn validated(&self) -> Result<Scenario, Vec<String>> {
        let mut problems = Problems::default();
        let is_name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        problems.add_if(self.name.is_empty(), "scenario name can't be empty");
        problems.add_if(
            self.name.is_empty() || !self.name.chars().all(is_name_char),
            "the scenario name should contain only numbers, latin letters, underscores, and dashes",
        );
        problems.add_if(self.exec.as_deref() == Some(""), "exec value cannot be empty");
        let start_time = self.start_time.unwrap_or(Span::ZERO);
        let graceful_stop = self.graceful_stop.unwrap_or(DEFAULT_GRACE);
        problems.add_if(start_time < Span::ZERO, "the startTime can't be negative");
        problems.add_if(graceful_stop < Span::ZERO, "the gracefulStop timeout can't be negative");
        let executor = match self.executor {
            ExecutorKind::ConstantVus => self.constant_vus(&mut problems),
            ExecutorKind::RampingVus => self.ramping_vus(&mut problems),
            ExecutorKind::SharedIterations => self.shared_iterations(&mut problems),
            ExecutorKind::PerVuIterations => self.per_vu_iterations(&mut problems),
            ExecutorKind::ConstantArrivalRate => self.constant_arrival_rate(&mut problems),
            ExecutorKind::RampingArrivalRate => self.ramping_arrival_rate(&mut problems),
            ExecutorKind::ExternallyControlled => self.externally_controlled(&mut problems),
        };
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        // There is nothing to be graceful about: whoever controls it decides when iterations end.
        let graceful_stop = match self.executor {
            ExecutorKind::ExternallyControlled => Span::ZERO,
            _ => graceful_stop,
        };
        let browser = self.options.as_ref().and_then(|options| options.get("browser")).cloned();
        Ok(Scenario {
            name: self.name.clone(),
            executor,
            start_time: start_time.as_duration(),
            graceful_stop: graceful_stop.as_duration(),
            exec: self.exec.clone().unwrap_or_else(|| "default".to_owned()),
            exec_is_given: self.exec.is_some(),
            env: self.env.clone().unwrap_or_default(),
            tags: self.tags.clone().unwrap_or_default(),
            browser,
        })
    }

    fn constant_vus(&self, problems: &mut Problems) -> Executor {
        let vus = self.vus.unwrap_or(self.assumed_vus);
        problems.vus(vus);
        problems.duration(self.duration);
        Executor::ConstantVus(ConstantVus { vus: count(vus), duration: length(self.duration) })
    }

    fn ramping_vus(&self, problems: &mut Problems) -> Executor {
        let start_vus = self.start_vus.unwrap_or(self.assumed_vus);
        let stages = self.stages.as_deref().unwrap_or_default();
        let targets = || stages.iter().map(|stage| stage.target.unwrap_or(0));
        problems.add_if(start_vus < 0, "the number of start VUs can't be negative");
        problems.add_if(
            targets().fold(start_vus, i64::max) <= 0,
            "either startVUs or one of the stages' target values must be greater than 0",
        );
        problems.stages(stages);
        problems.add_if(start_vus > MAX_VUS, format!("the startVUs exceed max limit of {MAX_VUS}"));
        for (number, target) in (1..).zip(targets()) {
            problems.add_if(
                target > MAX_VUS,
                format!("target for stage {number} exceeds max limit of {MAX_VUS}"),
            );
        }
        let changes = std::iter::once(start_vus).chain(targets()).zip(targets());
        let n_steps = changes.fold(0u64, |n, (from, to)| n.saturating_add(from.abs_diff(to)));
        if problems.0.is_empty() {
            problems.add_if(
                n_steps > MAX_RAMP_STEPS,
                format!("the stages change the number of VUs {n_steps} times, the max limit is {MAX_RAMP_STEPS}"),
            );
        }
        let graceful_ramp_down = self.graceful_ramp_down.unwrap_or(DEFAULT_GRACE).as_duration();
        Executor::RampingVus(RampingVus {
            start_vus: count(start_vus),
            stages: ramp(stages),
            graceful_ramp_down,
        })
    }

    fn shared_iterations(&self, problems: &mut Problems) -> Executor {
        let (vus, iterations) =
            (self.vus.unwrap_or(self.assumed_vus), self.iterations.unwrap_or(1));
        let max_duration = self.max_duration.unwrap_or(DEFAULT_MAX_DURATION);
        problems.vus(vus);
        problems.add_if(
            iterations < vus,
            format!("the number of iterations ({iterations}) can't be less than the number of VUs ({vus})"),
        );
        problems.max_duration(max_duration);
        Executor::SharedIterations(SharedIterations {
            vus: count(vus),
            iterations: count(iterations),
            max_duration: max_duration.as_duration(),
        })
    }

    fn per_vu_iterations(&self, problems: &mut Problems) -> Executor {
        let (vus, iterations) =
            (self.vus.unwrap_or(self.assumed_vus), self.iterations.unwrap_or(1));
        let max_duration = self.max_duration.unwrap_or(DEFAULT_MAX_DURATION);
        problems.vus(vus);
        problems.add_if(iterations <= 0, "the number of iterations must be more than 0");
        problems.max_duration(max_duration);
        Executor::PerVuIterations(PerVuIterations {
            vus: count(vus),
            iterations: count(iterations),
            max_duration: max_duration.as_duration(),
        })
    }

    fn constant_arrival_rate(&self, problems: &mut Problems) -> Executor {
        let time_unit = self.time_unit.unwrap_or(Span::from_secs(1));
        match self.rate {
            None => problems.add_if(true, "the iteration rate isn't specified"),
            Some(rate) => problems.add_if(rate <= 0, "the iteration rate must be more than 0"),
        }
        problems.time_unit(time_unit);
        problems.duration(self.duration);
        problems.arrival_vus(self);
        Executor::ConstantArrivalRate(ConstantArrivalRate {
            rate: count(self.rate.unwrap_or(0)),
            time_unit: time_unit.as_duration(),
            duration: length(self.duration),
            pre_allocated_vus: count(self.pre_allocated_vus.unwrap_or(0)),
            max_vus: count(self.max_vus.or(self.pre_allocated_vus).unwrap_or(0)),
        })
    }

    fn ramping_arrival_rate(&self, problems: &mut Problems) -> Executor {
        let start_rate = self.start_rate.unwrap_or(0);
        let time_unit = self.time_unit.unwrap_or(Span::from_secs(1));
        let stages = self.stages.as_deref().unwrap_or_default();
        problems.add_if(start_rate < 0, "the startRate value can't be negative");
        problems.time_unit(time_unit);
        problems.stages(stages);
        problems.arrival_vus(self);
        Executor::RampingArrivalRate(RampingArrivalRate {
            start_rate: count(start_rate),
            time_unit: time_unit.as_duration(),
            stages: ramp(stages),
            pre_allocated_vus: count(self.pre_allocated_vus.unwrap_or(0)),
            max_vus: count(self.max_vus.or(self.pre_allocated_vus).unwrap_or(0)),
        })
    }
}

impl ScenarioConfig {
    fn externally_controlled(&self, problems: &mut Problems) -> Executor {
        let vus = self.vus.unwrap_or(0);
        let max_vus = self.max_vus.unwrap_or(vus);
        problems.0.extend(ExternallyControlled::check_vus(vus, max_vus));
        problems.add_if(max_vus > MAX_VUS, format!("maxVUs exceeds max limit of {MAX_VUS}"));
        match self.duration {
            None => {
                problems.add_if(true, "the duration must be specified, for infinite duration use 0")
            }
            Some(duration) => problems.add_if(
                duration < Span::ZERO,
                "the duration can't be negative, for infinite duration use 0",
            ),
        }
        problems.add_if(
            self.graceful_stop.is_some(),
            "gracefulStop is not supported by the externally controlled executor",
        );
        Executor::ExternallyControlled(ExternallyControlled {
            vus: count(vus),
            max_vus: count(max_vus),
            duration: length(self.duration),
        })
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn length(duration: Option<Span>) -> Duration {
    duration.unwrap_or(Span::ZERO).as_duration()
}

fn ramp(stages: &[StageConfig]) -> Vec<Stage> {
    let stage = |stage: &StageConfig| Stage {
        duration: length(stage.duration),
        target: count(stage.target.unwrap_or(0)),
    };
    stages.iter().map(stage).collect()
}
