//! From the engine's progress to the texts of the progress block (k6's reference, C.10).

use std::time::Duration;

use engine::progress::{Phase as RunPhase, Progress, ScenarioPhase, ScenarioProgress};
use plan::duration::format_go;
use plan::scenario::{Executor, Scenario};

use super::progress::{Counts, Headline, Phase, Row, fixed_duration};

/// What of the plan the texts need.
#[derive(Debug)]
pub(crate) struct View {
    scenarios: Vec<ScenarioView>,
    planned: Duration,
    possible_vus: u64,
}

#[derive(Debug)]
struct ScenarioView {
    name: String,
    executor: Executor,
    /// This instance's share of the scenario's VUs at most.
    vus: u64,
}

impl View {
    /// A view of a plan. `vus` gives this instance's share of each scenario's VUs.
    pub(crate) fn new(
        scenarios: &[Scenario],
        vus: &[u64],
        planned: Duration,
        possible_vus: u64,
    ) -> Self {
        let scenarios = scenarios
            .iter()
            .zip(vus)
            .map(|(scenario, vus)| ScenarioView {
                name: scenario.name.clone(),
                executor: scenario.executor.clone(),
                vus: *vus,
            })
            .collect();
        Self { scenarios, planned, possible_vus }
    }

    /// The first line of the block.
    pub(crate) fn headline(&self, progress: &Progress) -> Headline {
        let bar = |name, fraction, text: String| Headline::Bar { name, fraction, text };
        match progress.phase {
            RunPhase::Init => {
                let (done, planned) = (progress.vus_initialized, progress.vus_planned);
                let fraction = if planned == 0 { 1.0 } else { done as f64 / planned as f64 };
                bar("Init", fraction.min(1.0), format!("{done}/{planned} VUs initialized"))
            }
            RunPhase::Setup => bar("Run", 1.0, "setup()".into()),
            RunPhase::Teardown => bar("Run", 1.0, "teardown()".into()),
            RunPhase::Running | RunPhase::Done => Headline::Counts(Counts {
                elapsed: progress.elapsed,
                planned: self.planned,
                active: progress.vus_active,
                initialized: progress.vus_initialized,
                possible: self.possible_vus,
                complete: progress.iterations_completed,
                interrupted: progress.iterations_interrupted,
            }),
        }
    }

    /// The scenarios' lines.
    pub(crate) fn rows(&self, progress: &Progress) -> Vec<Row> {
        progress
            .scenarios
            .iter()
            .filter_map(|now| Some(self.scenarios.get(now.scenario_idx)?.row(now, progress.phase)))
            .collect()
    }
}

impl ScenarioView {
    fn row(&self, now: &ScenarioProgress, run: RunPhase) -> Row {
        let phase = match now.phase {
            ScenarioPhase::Waiting => Phase::Waiting,
            ScenarioPhase::Running => Phase::Running,
            ScenarioPhase::Graceful => Phase::Graceful,
            ScenarioPhase::Done => Phase::Done,
            ScenarioPhase::Interrupted => Phase::Interrupted,
        };
        let fraction = match now.phase {
            ScenarioPhase::Waiting => 0.0,
            ScenarioPhase::Done => 1.0,
            _ => self.fraction(now),
        };
        let columns = match (now.phase, run) {
            (ScenarioPhase::Waiting, RunPhase::Init | RunPhase::Setup) => Vec::new(),
            (ScenarioPhase::Waiting, _) => {
                vec!["waiting".into(), fixed_duration(now.elapsed, now.elapsed)]
            }
            _ => self.columns(now),
        };
        Row { name: self.name.clone(), phase, fraction, columns }
    }

    /// How long new iterations may start.
    fn length(&self) -> Duration {
        let sum = |stages: &[plan::scenario::Stage]| stages.iter().map(|s| s.duration).sum();
        match &self.executor {
            Executor::ConstantVus(e) => e.duration,
            Executor::RampingVus(e) => sum(&e.stages),
            Executor::SharedIterations(e) => e.max_duration,
            Executor::PerVuIterations(e) => e.max_duration,
            Executor::ConstantArrivalRate(e) => e.duration,
            Executor::RampingArrivalRate(e) => sum(&e.stages),
        }
    }

    fn fraction(&self, now: &ScenarioProgress) -> f64 {
        let by_time = |length: Duration| {
            if length.is_zero() { 1.0 } else { now.elapsed.as_secs_f64() / length.as_secs_f64() }
        };
        let by_iterations = |total: u64| now.iterations as f64 / total.max(1) as f64;
        let fraction = match (&self.executor, now.iterations_total) {
            (Executor::SharedIterations(_), Some(total)) => by_iterations(total),
            (Executor::PerVuIterations(e), Some(total)) => {
                by_iterations(total).max(by_time(e.max_duration).floor())
            }
            _ => by_time(self.length()),
        };
        fraction.clamp(0.0, 1.0)
    }

    fn columns(&self, now: &ScenarioProgress) -> Vec<String> {
        let length = self.length();
        let spent = fixed_duration(now.elapsed, length);
        let whole = format_go(length);
        let of_length = format!("{spent}/{whole}");
        let until_over = if now.elapsed > length { whole } else { of_length.clone() };
        let total = now.iterations_total.unwrap_or(0);
        let digits = total.to_string().len();
        let done = format!("{:0digits$}/{total}", now.iterations);
        let vus = self.vus;
        match &self.executor {
            Executor::ConstantVus(_) => vec![format!("{vus} VUs"), until_over],
            Executor::SharedIterations(_) => {
                vec![format!("{vus} VUs"), of_length, format!("{done} shared iters")]
            }
            Executor::PerVuIterations(e) => {
                let iterations = format!("{done} iters, {} per VU", e.iterations);
                vec![format!("{vus} VUs"), until_over, iterations]
            }
            Executor::RampingVus(_) => vec![of_max(now.vus_active, vus), until_over],
            Executor::ConstantArrivalRate(_) => {
                let rate = now.rate_per_s.unwrap_or(0.0);
                vec![of_max(now.vus_active, now.vus_held), until_over, format!("{rate:.2} iters/s")]
            }
            Executor::RampingArrivalRate(e) => {
                let highest = e.stages.iter().map(|s| s.target).fold(e.start_rate, u64::max);
                let per_second = highest as f64 / e.time_unit.as_secs_f64().max(1e-9);
                let width = format!("{per_second:.2}").len();
                let rate = now.rate_per_s.unwrap_or(0.0);
                let rate = format!("{rate:0width$.2} iters/s");
                vec![of_max(now.vus_active, now.vus_held), until_over, rate]
            }
        }
    }
}

/// `1/4 VUs`, the first number as wide as the second.
fn of_max(active: u64, most: u64) -> String {
    let digits = most.to_string().len();
    format!("{active:0digits$}/{most} VUs")
}
