//! How much load, in which shape, for how long; and the scenario that makes it.

use std::time::Duration;

use plan::scenario::{
    ConstantArrivalRate, ConstantVus, Executor, RampingArrivalRate, Scenario, SharedIterations,
    Stage,
};

/// Rates below one a second are expressed in a longer time unit, so that they stay whole numbers.
const FINEST_RATE: f64 = 0.001;
/// The longest burst when only a number of requests ends it.
const COUNT_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// The shape of a load.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// So many clients, each sending its next request when the last is answered.
    Closed {
        /// Number of clients.
        concurrency: u64,
    },
    /// Requests start at a fixed rate, whatever the answers do.
    Open {
        /// Requests a second.
        rate: f64,
        /// Requests under way at most; those that find no client are dropped and counted.
        max_concurrency: u64,
    },
    /// Bursts at a rate with pauses in between.
    Bursts {
        /// Requests a second during a burst.
        rate: f64,
        /// How long a burst is.
        length: Duration,
        /// From the start of a burst to the start of the next.
        every: Duration,
        /// As above.
        max_concurrency: u64,
    },
}

/// What ends it.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The shape.
    pub shape: Shape,
    /// When it ends by time.
    pub duration: Option<Duration>,
    /// When it ends by the number of requests started.
    pub requests: Option<u64>,
}

/// A load that can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// A rate that is no rate.
    #[error("a rate must be at least 0.001 requests a second and finite, not {0}")]
    Rate(String),
    /// No clients.
    #[error("the concurrency must be at least 1")]
    Concurrency,
    /// Bursts that overlap or are empty.
    #[error(
        "a burst must be longer than 0 and not longer than the time from one to the next ({every:?}), not {length:?}"
    )]
    Bursts {
        /// Length given.
        length: Duration,
        /// Period given.
        every: Duration,
    },
    /// Bursts that only a count ends.
    #[error("bursts end by time: give a duration")]
    BurstsByCount,
    /// Nothing to do.
    #[error("the duration must be more than 0, and so must the number of requests")]
    Empty,
}

/// Parses `RATE/s:LENGTH`, such as `2000/s:5s`.
///
/// # Errors
/// A sentence saying what is wrong with the text.
pub fn parse_bursts(text: &str) -> Result<(f64, Duration), String> {
    let wrong = || format!("a burst is written RATE/s:LENGTH, for example 2000/s:5s, not {text:?}");
    let (rate, length) = text.split_once(':').ok_or_else(wrong)?;
    let rate = rate.trim();
    let rate = rate.strip_suffix("/s").unwrap_or(rate);
    let rate: f64 = rate.parse().map_err(|_| wrong())?;
    let length = plan::duration::parse_k6(length.trim()).map_err(|_| wrong())?;
    let length = length.as_duration();
    if length.is_zero() { Err(wrong()) } else { Ok((rate, length)) }
}

/// A rate as whole requests in a time unit: `2.5/s` is 2500 in 1000 s.
fn whole_rate(rate: f64) -> Result<(u64, Duration), LoadError> {
    if !(FINEST_RATE..=1e9).contains(&rate) {
        return Err(LoadError::Rate(rate.to_string()));
    }
    if rate.fract() == 0.0 {
        return Ok((rate as u64, Duration::from_secs(1)));
    }
    Ok(((rate * 1000.0).round() as u64, Duration::from_secs(1000)))
}

impl Load {
    /// The scenario that makes this load.
    ///
    /// # Errors
    /// When the numbers make no load.
    pub fn scenario(&self) -> Result<Scenario, LoadError> {
        if self.duration.is_some_and(|d| d.is_zero()) || self.requests == Some(0) {
            return Err(LoadError::Empty);
        }
        let duration = self.duration.unwrap_or(COUNT_LIMIT);
        let executor = match self.shape {
            Shape::Closed { concurrency: 0 }
            | Shape::Open { max_concurrency: 0, .. }
            | Shape::Bursts { max_concurrency: 0, .. } => return Err(LoadError::Concurrency),
            Shape::Closed { concurrency } => match self.requests {
                Some(iterations) => Executor::SharedIterations(SharedIterations {
                    vus: concurrency.min(iterations),
                    iterations,
                    max_duration: duration,
                }),
                None => Executor::ConstantVus(ConstantVus { vus: concurrency, duration }),
            },
            Shape::Open { rate, max_concurrency } => {
                let (rate_whole, time_unit) = whole_rate(rate)?;
                // As many whole periods as requests: the next arrival would fall on the end.
                let period_ns = time_unit.as_nanos() as u64 / rate_whole;
                let by_count =
                    self.requests.map(|n| Duration::from_nanos(period_ns.saturating_mul(n)));
                Executor::ConstantArrivalRate(ConstantArrivalRate {
                    rate: rate_whole,
                    time_unit,
                    duration: by_count.map_or(duration, |by_count| by_count.min(duration)),
                    pre_allocated_vus: max_concurrency,
                    max_vus: max_concurrency,
                })
            }
            Shape::Bursts { rate, length, every, max_concurrency } => {
                if length.is_zero() || length > every {
                    return Err(LoadError::Bursts { length, every });
                }
                let Some(total) = self.duration else { return Err(LoadError::BurstsByCount) };
                let (rate, time_unit) = whole_rate(rate)?;
                Executor::RampingArrivalRate(RampingArrivalRate {
                    start_rate: 0,
                    time_unit,
                    stages: burst_stages(rate, length, every, total),
                    pre_allocated_vus: max_concurrency,
                    max_vus: max_concurrency,
                })
            }
        };
        Ok(Scenario {
            name: "burst".to_owned(),
            executor,
            start_time: Duration::ZERO,
            graceful_stop: Duration::from_secs(30),
            exec: "default".to_owned(),
            exec_is_given: false,
            env: Vec::new(),
            tags: Vec::new(),
            browser: None,
        })
    }
}

/// Jumps to `rate`, holds it, jumps to nothing, and so on until `total`.
fn burst_stages(rate: u64, length: Duration, every: Duration, total: Duration) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut at = Duration::ZERO;
    while at < total {
        let on = length.min(total - at);
        let off = (every - length).min(total - at - on);
        stages.push(Stage { duration: Duration::ZERO, target: rate });
        stages.push(Stage { duration: on, target: rate });
        stages.push(Stage { duration: Duration::ZERO, target: 0 });
        if !off.is_zero() {
            stages.push(Stage { duration: off, target: 0 });
        }
        at += every;
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::arrivals::Arrivals;
    use plan::segment::Striping;

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn arrivals(load: &Load) -> Arrivals {
        Arrivals::of(&load.scenario().unwrap(), &Striping::whole()).unwrap()
    }

    #[test]
    fn bursts_start_on_time_and_pause_in_between() {
        let shape =
            Shape::Bursts { rate: 100.0, length: secs(2), every: secs(10), max_concurrency: 5 };
        let arrivals = arrivals(&Load { shape, duration: Some(secs(25)), requests: None });
        assert!((598..=600).contains(&arrivals.total()), "{}", arrivals.total());
        let starts: Vec<u64> = (0..arrivals.total()).filter_map(|k| arrivals.at(k)).collect();
        for start in starts {
            let in_period = start % secs(10).as_nanos() as u64;
            assert!(in_period <= secs(2).as_nanos() as u64, "{start}");
        }
    }

    #[test]
    fn an_open_load_by_count_starts_exactly_that_many() {
        for (rate, n) in [(1000.0, 5_000), (7.0, 20), (2.5, 10), (333.0, 1000)] {
            let shape = Shape::Open { rate, max_concurrency: 10 };
            let load = Load { shape, duration: None, requests: Some(n) };
            assert_eq!(arrivals(&load).total(), n, "{rate}/s");
        }
    }

    #[test]
    fn texts_of_bursts_are_read_or_refused() {
        assert_eq!(parse_bursts("2000/s:5s"), Ok((2000.0, secs(5))));
        assert_eq!(parse_bursts("0.5:1m"), Ok((0.5, secs(60))));
        for bad in ["", "2000", "x/s:5s", "10/s:", "10/s:five", "10/s:-5s"] {
            assert!(parse_bursts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn loads_that_make_no_sense_are_refused() {
        let closed = |concurrency| Shape::Closed { concurrency };
        let bad = [
            Load { shape: closed(0), duration: Some(secs(1)), requests: None },
            Load { shape: closed(1), duration: Some(secs(0)), requests: None },
            Load { shape: closed(1), duration: None, requests: Some(0) },
            Load {
                shape: Shape::Open { rate: f64::NAN, max_concurrency: 1 },
                duration: None,
                requests: Some(1),
            },
            Load {
                shape: Shape::Open { rate: 0.0, max_concurrency: 1 },
                duration: None,
                requests: Some(1),
            },
        ];
        for load in bad {
            assert!(load.scenario().is_err(), "{load:?}");
        }
    }
}
