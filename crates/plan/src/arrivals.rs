//! When iterations of the arrival-rate executors are due: pure functions from an index to a time.
//!
//! All arithmetic is on integers (`i128`), with one floating-point estimate that is then corrected by an exact
//! comparison, so that the result is right to the nanosecond after hours and never goes backwards.

use std::time::Duration;

use crate::scenario::{ConstantArrivalRate, Executor, RampingArrivalRate, Scenario, Stage};
use crate::segment::Striping;

/// The arrivals of one scenario that this instance owns.
///
/// Times are nanoseconds from the start of the scenario and are the same on every instance; a segment only decides
/// which arrivals are this instance's.
#[derive(Debug, Clone)]
pub struct Arrivals {
    schedule: Schedule,
    striping: Striping,
    n_owned: u64,
}

#[derive(Debug, Clone)]
enum Schedule {
    Constant(Constant),
    Ramping(Ramping),
}

impl Arrivals {
    /// The arrivals of a scenario. `None` for executors without arrivals, and where this instance's share is zero.
    pub fn of(scenario: &Scenario, striping: &Striping) -> Option<Arrivals> {
        match &scenario.executor {
            Executor::ConstantArrivalRate(executor) => Arrivals::constant(executor, striping),
            Executor::RampingArrivalRate(executor) => Arrivals::ramping(executor, striping),
            _ => None,
        }
    }

    /// The arrivals of a constant rate; `None` where this instance's share of the VUs is zero.
    pub fn constant(executor: &ConstantArrivalRate, striping: &Striping) -> Option<Arrivals> {
        let schedule = Schedule::Constant(Constant::new(executor));
        Some(Arrivals::new(schedule, striping.for_total(executor.max_vus)?))
    }

    /// The arrivals of a ramping rate; `None` where this instance's share of the VUs is zero.
    pub fn ramping(executor: &RampingArrivalRate, striping: &Striping) -> Option<Arrivals> {
        let schedule = Schedule::Ramping(Ramping::new(executor));
        Some(Arrivals::new(schedule, striping.for_total(executor.max_vus)?))
    }

    fn new(schedule: Schedule, striping: Striping) -> Arrivals {
        let n_owned = striping.scale(schedule.total());
        Arrivals { schedule, striping, n_owned }
    }

    /// When the `k`-th owned arrival (from 0) is due, in nanoseconds from the scenario's start. `None` when there is
    /// no such arrival. Never decreases with `k`.
    pub fn at(&self, k: u64) -> Option<u64> {
        if k >= self.n_owned {
            return None;
        }
        Some(self.schedule.at(self.striping.owned(k)?))
    }

    /// The number of the `k`-th owned arrival among all arrivals of the test (`exec.scenario.iterationInTest`).
    pub fn global_index(&self, k: u64) -> Option<u64> {
        self.striping.owned(k)
    }

    /// Number of owned arrivals.
    pub fn total(&self) -> u64 {
        self.n_owned
    }

    /// Number of arrivals of the whole test, of all instances.
    pub fn total_of_test(&self) -> u64 {
        self.schedule.total()
    }

    /// The rate of the whole test at a time (nanoseconds from the scenario's start), in iterations per second; zero
    /// after the end.
    pub fn rate_at(&self, at_ns: u64) -> f64 {
        match &self.schedule {
            Schedule::Constant(constant) if at_ns < constant.duration_ns => constant.rate_per_s,
            Schedule::Constant(_) => 0.0,
            Schedule::Ramping(ramping) => ramping.rate_at(at_ns),
        }
    }

    /// The highest rate of the whole test, in iterations per second.
    pub fn max_rate(&self) -> f64 {
        match &self.schedule {
            Schedule::Constant(constant) => constant.rate_per_s,
            Schedule::Ramping(ramping) => ramping.max_rate(),
        }
    }

    /// The part of the whole test's rate that is this instance's, 0 to 1.
    pub fn share(&self) -> f64 {
        self.striping.share()
    }
}

impl Schedule {
    fn at(&self, index: u64) -> u64 {
        match self {
            Schedule::Constant(constant) => constant.at(index),
            Schedule::Ramping(ramping) => ramping.at(index),
        }
    }

    fn total(&self) -> u64 {
        match self {
            Schedule::Constant(constant) => constant.total(),
            Schedule::Ramping(ramping) => ramping.total,
        }
    }
}

/// Arrival k is at k·period, as in k6, where the period is a whole number of nanoseconds.
#[derive(Debug, Clone)]
struct Constant {
    period_ns: u64,
    duration_ns: u64,
    rate_per_s: f64,
}

impl Constant {
    fn new(executor: &ConstantArrivalRate) -> Constant {
        let rate = executor.rate.max(1);
        Constant {
            period_ns: (nanos(executor.time_unit) / rate).max(1),
            duration_ns: nanos(executor.duration),
            rate_per_s: rate as f64 / executor.time_unit.as_secs_f64(),
        }
    }

    fn at(&self, index: u64) -> u64 {
        index.saturating_mul(self.period_ns)
    }

    /// Arrivals before the end. In k6 it is a race whether one exactly at the end still runs; here it does not, so
    /// that 10/s for 1 s are 10.
    fn total(&self) -> u64 {
        self.duration_ns.div_ceil(self.period_ns)
    }
}

/// Arrival n (from 1) is where the integral of the rate reaches n.
#[derive(Debug, Clone)]
struct Ramping {
    time_unit_ns: i128,
    pieces: Vec<Piece>,
    total: u64,
}

/// A straight piece of the rate, with the area before it.
#[derive(Debug, Clone)]
struct Piece {
    start_ns: u64,
    duration_ns: u64,
    /// Rates in iterations per time unit.
    from: u64,
    to: u64,
    /// Twice the area under the rates before this piece, and up to its end: `Σ (from + to)·duration`, so that n
    /// arrivals are `2·n·time_unit`. Integers: no fraction is ever lost.
    area_before: i128,
    area_after: i128,
}

impl Ramping {
    fn new(executor: &RampingArrivalRate) -> Ramping {
        let time_unit_ns = i128::from(nanos(executor.time_unit).max(1));
        let mut pieces: Vec<Piece> = Vec::with_capacity(executor.stages.len());
        let (mut from, mut start_ns, mut area) = (executor.start_rate, 0u64, 0i128);
        for Stage { duration, target } in &executor.stages {
            let duration_ns = nanos(*duration);
            let doubled =
                (i128::from(from) + i128::from(*target)).saturating_mul(i128::from(duration_ns));
            let area_after = area.saturating_add(doubled);
            if duration_ns > 0 {
                pieces.push(Piece {
                    start_ns,
                    duration_ns,
                    from,
                    to: *target,
                    area_before: area,
                    area_after,
                });
            }
            (from, area) = (*target, area_after);
            start_ns = start_ns.saturating_add(duration_ns);
        }
        let total = u64::try_from(area / (2 * time_unit_ns)).unwrap_or(u64::MAX);
        Ramping { time_unit_ns, pieces, total }
    }

    fn at(&self, index: u64) -> u64 {
        let area = (i128::from(index) + 1).saturating_mul(2 * self.time_unit_ns);
        let piece_idx = self.pieces.partition_point(|piece| piece.area_after < area);
        match self.pieces.get(piece_idx) {
            Some(piece) => piece.start_ns.saturating_add(piece.reach(area - piece.area_before)),
            None => {
                self.pieces.last().map_or(0, |last| last.start_ns.saturating_add(last.duration_ns))
            }
        }
    }

    fn rate_at(&self, at_ns: u64) -> f64 {
        let piece_idx =
            self.pieces.partition_point(|piece| piece.start_ns + piece.duration_ns <= at_ns);
        let Some(piece) = self.pieces.get(piece_idx) else { return 0.0 };
        let progress = (at_ns - piece.start_ns) as f64 / piece.duration_ns as f64;
        let per_unit = piece.from as f64 + (piece.to as f64 - piece.from as f64) * progress;
        per_unit * 1e9 / self.time_unit_ns as f64
    }

    fn max_rate(&self) -> f64 {
        let per_unit = self.pieces.iter().map(|piece| piece.from.max(piece.to)).max().unwrap_or(0);
        per_unit as f64 * 1e9 / self.time_unit_ns as f64
    }
}

impl Piece {
    /// The last whole nanosecond at which twice the area since the piece's start is at most `area`:
    /// `2·from·t + (to − from)·t²/duration = area` solved for t. `area` is within the piece.
    fn reach(&self, area: i128) -> u64 {
        let (from, to) = (i128::from(self.from), i128::from(self.to));
        let duration = i128::from(self.duration_ns);
        let estimate = if from == to {
            return u64::try_from(area / (2 * from.max(1)))
                .map_or(self.duration_ns, |t| t.min(self.duration_ns));
        } else {
            self.estimate(area)
        };
        // Correct the rounding of the estimate by exact comparison: f(t) = 2·from·t·duration + (to − from)·t².
        let doubled_area = |t: i128| -> Option<i128> {
            let linear = from.checked_mul(2)?.checked_mul(t)?.checked_mul(duration)?;
            linear.checked_add((to - from).checked_mul(t)?.checked_mul(t)?)
        };
        let Some(goal) = area.checked_mul(duration) else { return estimate };
        let mut t = i128::from(estimate);
        let mut n_steps = 0; // the estimate is within a few ns; the bound only guards against rates beyond reason
        while n_steps < 64 && t > 0 && doubled_area(t).is_some_and(|reached| reached > goal) {
            (t, n_steps) = (t - 1, n_steps + 1);
        }
        while n_steps < 64
            && t < duration
            && doubled_area(t + 1).is_some_and(|reached| reached <= goal)
        {
            (t, n_steps) = (t + 1, n_steps + 1);
        }
        u64::try_from(t).unwrap_or(estimate)
    }

    /// `t = area / (from + sqrt(from² + (to − from)·area/duration))`: the form of the quadratic formula that does
    /// not subtract nearly equal numbers. The radicand is formed exactly where it fits, since near the end of a
    /// ramp to zero it is a small difference of large numbers.
    fn estimate(&self, area: i128) -> u64 {
        let (from, to) = (i128::from(self.from), i128::from(self.to));
        let duration = i128::from(self.duration_ns);
        let exact = || {
            let squared = from.checked_mul(from)?.checked_mul(duration)?;
            squared.checked_add((to - from).checked_mul(area)?)
        };
        let radicand = match exact() {
            Some(radicand) => radicand as f64,
            None => (from as f64).powi(2) * duration as f64 + (to - from) as f64 * area as f64,
        };
        let root = (radicand.max(0.0) / duration as f64).sqrt();
        let t = area as f64 / (from as f64 + root);
        (t as u64).min(self.duration_ns)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
