//! What the rules ask of a run, found once.

use metrics::timeline::{ObservedSeries, Window};
use plan::criterion::{Bound, Criterion, Statistic, Subject};

use super::statistics;
use crate::run::RunData;

/// What p99 may be where no criterion says so: the usual promise of an interactive API.
const USUAL_LIMIT_MS: f64 = 500.0;

/// A run and its headline figures.
pub(super) struct Facts<'a> {
    pub(super) run: &'a RunData,
    /// All of it.
    pub(super) whole: Window,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    /// What the slowest percent may take, milliseconds.
    pub(super) limit_ms: f64,
    /// Median and 95th percentile of each step that has requests: (from, p50, p95).
    pub(super) course: Vec<(f64, f64, f64)>,
    /// Where the load is at its height: the phase `peak` or `sustained`, else the middle of the run.
    pub(super) height: (f64, f64),
}

/// How far a resource came.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    /// Its most.
    pub(super) peak: f64,
    /// When.
    pub(super) peak_at_s: f64,
    /// Its mean at the height of the load.
    pub(super) mean: f64,
    /// Whose it is.
    pub(super) label: String,
}

impl<'a> Facts<'a> {
    pub(super) fn of(run: &'a RunData, criteria: &[Criterion]) -> Self {
        let whole = run.timeline.window(0.0, f64::INFINITY);
        let figures = whole.latency.percentiles(&[50.0, 99.0, 99.9]);
        let at = |i: usize| figures.get(i).copied().unwrap_or(0.0);
        let (p50, p99, p999) = (at(0), at(1), at(2));
        Self {
            run,
            p50,
            p99,
            p999,
            limit_ms: limit_of(criteria).unwrap_or(USUAL_LIMIT_MS),
            course: course(run),
            height: height(run),
            whole,
        }
    }

    /// Whether requests took longer than they may.
    pub(super) fn is_slow(&self) -> bool {
        self.whole.latency.count() > 0 && self.p99 > self.limit_ms
    }

    pub(super) fn error_rate(&self) -> f64 {
        self.whole.error_rate().unwrap_or(0.0)
    }

    /// The series of a name.
    pub(super) fn series(&self, name: &'a str) -> Vec<&'a ObservedSeries> {
        self.run.timeline.observed_named(name, &[]).filter(|s| !s.points.is_empty()).collect()
    }

    /// How far the first of these series that is there came, of all its tags the highest.
    pub(super) fn level(&self, names: &[&'a str]) -> Option<Level> {
        let series = names.iter().map(|name| self.series(name)).find(|all| !all.is_empty())?;
        series
            .into_iter()
            .filter_map(|series| self.level_of(series))
            .max_by(|a, b| a.peak.total_cmp(&b.peak))
    }

    pub(super) fn level_of(&self, series: &ObservedSeries) -> Option<Level> {
        let in_run = series.points_in(0.0, self.run.end_s());
        let peak = in_run.iter().max_by(|a, b| a.max.total_cmp(&b.max))?;
        let (from_s, to_s) = self.height;
        let at_height = series.points_in(from_s, to_s);
        let at_height = if at_height.is_empty() { in_run } else { at_height };
        let mean = at_height.iter().map(|p| p.value).sum::<f64>() / at_height.len() as f64;
        Some(Level { peak: peak.max, peak_at_s: peak.at_s, mean, label: series.label() })
    }

    /// The largest value of a series of whatever tags.
    pub(super) fn most(&self, name: &'a str) -> Option<f64> {
        self.level(&[name]).map(|level| level.peak)
    }

    /// How much a cumulative series has grown, over all its tags.
    pub(super) fn growth(&self, name: &'a str) -> Option<f64> {
        let series = self.series(name);
        if series.is_empty() {
            return None;
        }
        let grown = |series: &&ObservedSeries| {
            let rise = |pair: &[metrics::timeline::Point]| match pair {
                [a, b] => (b.value - a.value).max(0.0),
                _ => 0.0,
            };
            series.points.windows(2).map(rise).sum::<f64>()
        };
        Some(series.iter().map(grown).sum())
    }

    /// How a series moves with p95: Spearman's correlation, of steps that have both.
    pub(super) fn moves_with_latency(&self, series: &ObservedSeries) -> Option<f64> {
        let step = self.run.timeline.step_s;
        let pairs: Vec<(f64, f64)> = self
            .course
            .iter()
            .filter_map(|(from_s, _, p95)| {
                let points = series.points_in(*from_s, from_s + step);
                points.last().map(|point| (point.value, *p95))
            })
            .collect();
        statistics::spearman(&pairs)
    }
}

/// The tightest limit of a high percentile over all requests.
fn limit_of(criteria: &[Criterion]) -> Option<f64> {
    criteria
        .iter()
        .filter_map(|criterion| match (&criterion.subject, &criterion.bound) {
            (Subject::Latency { statistic, requests }, Bound::Is { limit, .. })
                if requests.is_all()
                    && matches!(statistic, Statistic::Percentile(p) if *p >= 95.0) =>
            {
                Some(*limit)
            }
            _ => None,
        })
        .min_by(f64::total_cmp)
}

fn course(run: &RunData) -> Vec<(f64, f64, f64)> {
    let timeline = &run.timeline;
    (0..timeline.n_steps())
        .filter_map(|step| {
            let window = timeline.window_of_steps(step..step + 1, |_| true);
            if window.latency.count() == 0 {
                return None;
            }
            let values = window.latency.percentiles(&[50.0, 95.0]);
            Some((window.from_s, values[0], values[1]))
        })
        .collect()
}

fn height(run: &RunData) -> (f64, f64) {
    let end_s = run.end_s();
    for name in ["peak", "sustained"] {
        if let Some(phase) = run.phases_named(name).first() {
            return (phase.from_s, phase.to_s.min(end_s));
        }
    }
    (end_s * 0.25, end_s * 0.9)
}
