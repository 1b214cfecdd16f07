//! From the engine's progress to the texts of the progress block (k6's reference, C.10).

use std::cell::Cell;
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
    start: Duration,
    executor: Executor,
    /// This instance's share of the scenario's VUs at most.
    vus: u64,
    /// What was seen while it ran: the line of a scenario that is over keeps showing it, as k6's does.
    seen: Cell<Seen>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    held: u64,
    rate_per_s: f64,
    ended_after: Option<Duration>,
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
                start: scenario.start_time,
                executor: scenario.executor.clone(),
                vus: *vus,
                seen: Cell::default(),
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
            RunPhase::Paused => bar("Run", 1.0, "paused".into()),
            RunPhase::Setup => bar("Run", 1.0, "setup()".into()),
            RunPhase::Teardown => bar("Run", 1.0, "teardown()".into()),
            RunPhase::Running | RunPhase::Lingering | RunPhase::Done => Headline::Counts(Counts {
                paused: progress.paused,
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
        let mut rows: Vec<(&ScenarioView, Row)> = progress
            .scenarios
            .iter()
            .filter_map(|now| {
                let scenario = self.scenarios.get(now.scenario_idx)?;
                Some((scenario, scenario.row(now, progress.phase)))
            })
            .collect();
        rows.sort_by(|(a, _), (b, _)| (a.start, &a.name).cmp(&(b.start, &b.name)));
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl ScenarioView {
    fn row(&self, now: &ScenarioProgress, run: RunPhase) -> Row {
        let now = &self.remember(now);
        let has_begun = !matches!(run, RunPhase::Init | RunPhase::Paused | RunPhase::Setup);
        let phase = match now.phase {
            ScenarioPhase::Waiting if !has_begun => Phase::Running,
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
        let columns = match now.phase {
            ScenarioPhase::Waiting if !has_begun => Vec::new(),
            ScenarioPhase::Waiting => {
                vec!["waiting".into(), fixed_duration(now.elapsed, now.elapsed)]
            }
            _ => self.columns(now),
        };
        Row { name: self.name.clone(), phase, fraction, columns }
    }

    /// The same look with what a scenario that is over had when it ended.
    fn remember(&self, now: &ScenarioProgress) -> ScenarioProgress {
        let mut seen = self.seen.get();
        let mut now = now.clone();
        let is_over = matches!(now.phase, ScenarioPhase::Done | ScenarioPhase::Interrupted);
        if is_over {
            now.elapsed = *seen.ended_after.get_or_insert(now.elapsed);
        }
        seen.held = seen.held.max(now.vus_held);
        if let Some(rate) = now.rate_per_s.filter(|rate| *rate > 0.0) {
            seen.rate_per_s = rate;
        }
        now.vus_held = seen.held;
        now.rate_per_s = Some(seen.rate_per_s);
        self.seen.set(seen);
        now
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
            _ => by_time(self.executor.regular_duration()),
        };
        fraction.clamp(0.0, 1.0)
    }

    /// Whether it ends when its iterations are done, rather than when its time is over.
    fn counts(&self) -> bool {
        matches!(self.executor, Executor::SharedIterations(_) | Executor::PerVuIterations(_))
    }

    fn columns(&self, now: &ScenarioProgress) -> Vec<String> {
        let length = self.executor.regular_duration();
        let spent = fixed_duration(now.elapsed, length);
        let whole = format_go(length);
        let of_length = format!("{spent}/{whole}");
        let is_over = now.elapsed > length
            || matches!(now.phase, ScenarioPhase::Graceful | ScenarioPhase::Done) && !self.counts();
        let until_over = if is_over { whole } else { of_length.clone() };
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
            Executor::ExternallyControlled(_) => {
                let time = if now.elapsed > length { format_go(length) } else { of_length };
                vec![of_max_wide(now.vus_active, now.vus_held), time, String::new()]
            }
        }
    }
}

/// `01/10 VUs`.
fn of_max_wide(active: u64, most: u64) -> String {
    let digits = most.to_string().len();
    format!("{active:0digits$}/{most:0digits$} VUs")
}

/// `1/4 VUs`, the first number as wide as the second.
fn of_max(active: u64, most: u64) -> String {
    let digits = most.to_string().len();
    format!("{active:0digits$}/{most} VUs")
}
