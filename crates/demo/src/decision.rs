//! When a request is answered and whether it fails: query faults and server-wide modes combined.
//! Pure: arrival times come in, due times go out.

use crate::control::{Control, DelayPlan};
use crate::fault::Faults;
use rt::Nanos;
use std::time::Duration;

/// What was decided about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// The moment before which nothing of the answer is sent.
    pub(crate) due: Nanos,
    /// The status that replaces the service's answer.
    pub(crate) status: Option<u16>,
}

/// Applies the modes, in the order of arrival.
pub(crate) struct Director {
    control: Control,
    n_requests: u64,
    first_arrival: Option<Nanos>,
}

impl Director {
    pub(crate) fn new(control: Control) -> Director {
        Director { control, n_requests: 0, first_arrival: None }
    }

    pub(crate) fn control(&self) -> Control {
        self.control
    }

    /// Rules on the next service request.
    pub(crate) fn rule(&mut self, arrival: Nanos, faults: &Faults) -> Ruling {
        self.n_requests += 1;
        let n = self.n_requests;
        let first = *self.first_arrival.get_or_insert(arrival);
        let delay = faults.delay_ns.map_or_else(|| mode_delay(self.control.delay, n), nanos);
        let mut due = arrival + delay;
        if let Some(stall) = self.control.stall {
            let start = first + stall.at;
            let end = start + stall.length;
            if due >= start && due < end {
                due = end;
            }
        }
        let failed_before = ((n - 1) as f64 * self.control.fail).floor();
        let fails = (n as f64 * self.control.fail).floor() > failed_before;
        let mode_status = fails.then_some(self.control.fail_status);
        Ruling { due, status: faults.status.or(mode_status) }
    }

    /// Rules on a request that the modes leave alone.
    pub(crate) fn bypass(arrival: Nanos, faults: &Faults) -> Ruling {
        Ruling { due: arrival + nanos(faults.delay_ns.unwrap_or(0)), status: faults.status }
    }
}

fn nanos(ns: u64) -> Duration {
    Duration::from_nanos(ns)
}

/// The delay that the mode gives the `n`-th request, counted from 1.
fn mode_delay(plan: DelayPlan, n: u64) -> Duration {
    match plan {
        DelayPlan::Off => Duration::ZERO,
        DelayPlan::Constant(delay) => delay,
        DelayPlan::Mix if n.is_multiple_of(1000) => Duration::from_millis(100),
        DelayPlan::Mix if n.is_multiple_of(100) => Duration::from_millis(20),
        DelayPlan::Mix if n.is_multiple_of(10) => Duration::from_millis(5),
        DelayPlan::Mix => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::StallPlan;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_mix_delays_one_in_ten_one_in_a_hundred_one_in_a_thousand() {
        let mut director = Director::new(Control { delay: DelayPlan::Mix, ..Control::PLAIN });
        let mut counts = std::collections::BTreeMap::new();
        for i in 0..10_000 {
            let arrival = Nanos(i * MS);
            let due = director.rule(arrival, &Faults::default()).due;
            *counts.entry((due.0 - arrival.0) / MS).or_insert(0) += 1;
        }
        let counts: Vec<_> = counts.into_iter().collect();
        assert_eq!(counts, [(0, 9000), (5, 900), (20, 90), (100, 10)]);
    }

    #[test]
    fn a_stall_holds_what_falls_into_it_until_its_end() {
        let stall =
            StallPlan { at: Duration::from_millis(3000), length: Duration::from_millis(1000) };
        let mut director = Director::new(Control { stall: Some(stall), ..Control::PLAIN });
        let slow = Faults { delay_ns: Some(50 * MS), ..Faults::default() };
        // (arrival, faults, due), all in ms after a first arrival at 500.
        let cases = [
            (500, Faults::default(), 500),
            (3499, Faults::default(), 3499),
            (3499, slow, 4500),
            (3500, Faults::default(), 4500),
            (4499, Faults::default(), 4500),
            (4480, slow, 4530),
            (4500, Faults::default(), 4500),
        ];
        for (arrival, faults, due) in cases {
            let ruling = director.rule(Nanos(arrival * MS), &faults);
            assert_eq!(ruling.due, Nanos(due * MS), "arrival {arrival}");
        }
    }

    #[test]
    fn failures_are_an_exact_share() {
        for (fail, n) in [(0.0, 1000), (0.1, 1000), (0.25, 999), (1.0, 10), (0.3, 7)] {
            let mut director = Director::new(Control { fail, ..Control::PLAIN });
            let failed = (0..n)
                .filter(|i| director.rule(Nanos(*i), &Faults::default()).status == Some(503))
                .count();
            assert_eq!(failed as f64, (n as f64 * fail).floor(), "{fail} of {n}");
        }
    }

    #[test]
    fn what_a_request_asks_for_takes_the_place_of_the_mode() {
        let mut director = Director::new(Control {
            delay: DelayPlan::Constant(Duration::from_millis(10)),
            fail: 1.0,
            ..Control::PLAIN
        });
        let faults = Faults { delay_ns: Some(0), status: Some(404), ..Faults::default() };
        let want = Ruling { due: Nanos(7), status: Some(404) };
        assert_eq!(director.rule(Nanos(7), &faults), want);
    }
}
