//! What holds for any plan: random scenarios in simulated time, on one, two and three cores.

mod support;

use std::time::Duration;

use proptest::prelude::*;
use support::{Fake, count, simulate};

#[derive(Debug, Clone)]
struct Arrivals {
    rate: u64,
    seconds: u64,
    pre: u64,
    more: u64,
    /// Microseconds an iteration takes; never a multiple of a period, so that no two events tie.
    takes_us: u64,
}

fn arrivals() -> impl Strategy<Value = Arrivals> {
    (1u64..200, 1u64..8, 1u64..6, 0u64..4, 1u64..400_000).prop_map(
        |(rate, seconds, pre, more, takes_us)| Arrivals {
            rate,
            seconds,
            pre,
            more,
            takes_us: takes_us * 10 + 7,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_arrival_is_run_or_dropped_whatever_the_number_of_cores(plan in arrivals()) {
        let max = plan.pre + plan.more;
        let options = format!(
            r#"{{"scenarios": {{"a": {{"executor": "constant-arrival-rate", "rate": {}, "duration": "{}s",
            "preAllocatedVUs": {}, "maxVUs": {max}, "gracefulStop": "60s"}}}}}}"#,
            plan.rate, plan.seconds, plan.pre
        );
        let mut by_cores = Vec::new();
        for cores in 1..=3 {
            let takes = Duration::from_micros(plan.takes_us);
            let fake = Fake::taking(move |_| takes);
            let (outcome, watch) = simulate(&fake, &options, cores);
            let (ran, dropped) = (count(&outcome, "iterations"), count(&outcome, "dropped_iterations"));
            let due = (plan.rate * plan.seconds) as f64;
            // The period is cut to whole nanoseconds: an arrival or two more may fall into the time.
            prop_assert!(ran + dropped >= due && ran + dropped <= due + 2.0, "{ran} + {dropped} of {due}");
            prop_assert!(watch.most_active <= max);
            prop_assert!(outcome.progress.vus_initialized <= max);
            prop_assert_eq!(outcome.progress.iterations_interrupted, 0);
            let mut numbers: Vec<u64> = fake.ran.lock().unwrap().iter().map(|r| r.in_test).collect();
            numbers.sort_unstable();
            numbers.dedup();
            prop_assert_eq!(numbers.len() as f64, ran, "an arrival's number is given once");
            by_cores.push((ran, dropped));
        }
        // Making a VU takes no simulated time: all counts are the same.
        prop_assert!(by_cores.windows(2).all(|w| w[0] == w[1]), "{by_cores:?}");
    }

    #[test]
    fn shared_iterations_run_once_each_or_are_dropped(
        vus in 1u64..9, extra in 0u64..60, takes_us in 1u64..200_000, seconds in 1u64..4,
    ) {
        let total = vus + extra;
        let options = format!(
            r#"{{"scenarios": {{"a": {{"executor": "shared-iterations", "vus": {vus}, "iterations": {total},
            "maxDuration": "{seconds}s"}}}}}}"#
        );
        for cores in 1..=3 {
            let takes = Duration::from_micros(takes_us);
            let fake = Fake::taking(move |_| takes);
            let (outcome, watch) = simulate(&fake, &options, cores);
            let (ran, dropped) = (count(&outcome, "iterations"), count(&outcome, "dropped_iterations"));
            prop_assert_eq!(ran + dropped, total as f64);
            prop_assert!(watch.most_active <= vus);
            let mut numbers: Vec<u64> = fake.ran.lock().unwrap().iter().map(|r| r.in_test).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..ran as u64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn ramps_never_run_more_vus_than_the_line_and_leave_none_behind(
        start in 0u64..6,
        stages in proptest::collection::vec((0u64..8, 0u64..4_000), 1..6),
        takes_ms in 1u64..3_000,
        grace_ms in 0u64..3_000,
    ) {
        let highest = stages.iter().map(|(target, _)| *target).fold(start, u64::max);
        prop_assume!(highest > 0);
        let list: Vec<String> = stages
            .iter()
            .map(|(target, ms)| format!(r#"{{"target": {target}, "duration": {ms}}}"#))
            .collect();
        let options = format!(
            r#"{{"scenarios": {{"a": {{"executor": "ramping-vus", "startVUs": {start}, "stages": [{}],
            "gracefulRampDown": {grace_ms}, "gracefulStop": {grace_ms}}}}}}}"#,
            list.join(",")
        );
        for cores in 1..=3 {
            let takes = Duration::from_millis(takes_ms);
            let fake = Fake::taking(move |_| takes);
            let (outcome, watch) = simulate(&fake, &options, cores);
            prop_assert!(watch.warnings.is_empty(), "{:?}", watch.warnings);
            prop_assert!(watch.most_active <= highest);
            prop_assert_eq!(outcome.progress.vus_active, 0);
            let total: u64 = stages.iter().map(|(_, ms)| ms).sum();
            let most = Duration::from_millis(total + grace_ms + 1);
            prop_assert!(outcome.elapsed <= most, "{:?} on {cores} cores", outcome.elapsed);
        }
    }
}
