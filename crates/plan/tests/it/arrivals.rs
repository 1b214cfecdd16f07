//! When arrivals are due: cases observed on k6 2.2 (to the millisecond), exact cases, long schedules.

use std::time::Duration;

use plan::arrivals::Arrivals;
use plan::scenario::{ConstantArrivalRate, RampingArrivalRate, Stage};
use plan::segment::{Sequence, Striping};

fn constant(rate: u64, time_unit_s: u64, duration_s: u64) -> ConstantArrivalRate {
    ConstantArrivalRate {
        rate,
        time_unit: Duration::from_secs(time_unit_s),
        duration: Duration::from_secs(duration_s),
        pre_allocated_vus: 4,
        max_vus: 4,
    }
}

fn ramping(start_rate: u64, stages: &[(u64, u64)]) -> RampingArrivalRate {
    let stage =
        |&(secs, target): &(u64, u64)| Stage { duration: Duration::from_secs(secs), target };
    RampingArrivalRate {
        start_rate,
        time_unit: Duration::from_secs(1),
        stages: stages.iter().map(stage).collect(),
        pre_allocated_vus: 4,
        max_vus: 4,
    }
}

fn all_ms(arrivals: &Arrivals) -> Vec<u64> {
    (0..arrivals.total()).map(|k| (arrivals.at(k).unwrap() + 500_000) / 1_000_000).collect()
}

fn segment(index: usize) -> Striping {
    let sequence: Sequence = "0,1/4,1/2,1".parse().unwrap();
    Striping::new(Some(&sequence.segments()[index]), Some(&sequence)).unwrap()
}

#[test]
fn constant_arrivals_start_at_zero_and_keep_a_whole_period() {
    let arrivals = Arrivals::constant(&constant(3, 2, 2), &Striping::whole()).unwrap();
    assert_eq!(all_ms(&arrivals), [0, 667, 1333, 2000]);
    assert_eq!(arrivals.at(3), Some(3 * 666_666_666), "the period is cut to whole nanoseconds");
    let arrivals = Arrivals::constant(&constant(10, 1, 1), &Striping::whole()).unwrap();
    assert_eq!(arrivals.total(), 10, "none at the very end");
    assert_eq!((arrivals.at(9), arrivals.at(10)), (Some(900_000_000), None));
}

#[test]
fn ramping_arrivals_come_where_the_area_is_whole() {
    let arrivals = Arrivals::ramping(&ramping(2, &[(2, 2), (2, 6)]), &Striping::whole()).unwrap();
    // k6 started its iterations a little later than due.
    let observed = [500, 1000, 1500, 2000, 2415, 2733, 3001, 3237, 3450, 3650, 3830, 4001];
    let ours = all_ms(&arrivals);
    assert_eq!(ours.len(), observed.len());
    for (ours, observed) in ours.into_iter().zip(observed) {
        assert!((0..=5).contains(&(observed - ours as i64)), "{ours} ms, k6 {observed} ms");
    }
    assert_eq!(arrivals.at(6), Some(3_000_000_000), "9 = 4 + 2·1 + 1² exactly");
    assert_eq!(arrivals.at(11), Some(4_000_000_000), "the last is at the very end");
}

#[test]
fn a_start_rate_of_two_means_half_a_second() {
    let arrivals = Arrivals::ramping(&ramping(2, &[(3, 2)]), &Striping::whole()).unwrap();
    assert_eq!(all_ms(&arrivals), [500, 1000, 1500, 2000, 2500, 3000]);
}

#[test]
fn segments_take_their_arrivals_at_the_times_of_the_whole_test() {
    let ms = |arrivals: Option<Arrivals>| all_ms(&arrivals.unwrap())[..3].to_vec();
    assert_eq!(ms(Arrivals::constant(&constant(10, 1, 2), &segment(1))), [300, 700, 1100]);
    assert_eq!(ms(Arrivals::constant(&constant(10, 1, 2), &segment(2))), [0, 200, 400]);
    assert_eq!(ms(Arrivals::ramping(&ramping(10, &[(2, 10)]), &segment(2))), [100, 300, 500]);
    let third = Arrivals::constant(&constant(10, 1, 2), &segment(1)).unwrap();
    assert_eq!((third.global_index(1), third.total(), third.total_of_test()), (Some(7), 5, 20));
}

#[test]
fn a_segment_without_vus_has_no_arrivals() {
    let mut executor = constant(10, 1, 2);
    executor.max_vus = 2;
    assert!(Arrivals::constant(&executor, &segment(1)).is_none());
    executor.max_vus = 0;
    assert!(Arrivals::constant(&executor, &Striping::whole()).is_none());
}

#[test]
fn jumps_change_the_rate_and_pauses_hold_back_the_fraction() {
    // 1.5 arrivals, a pause of 10 s, then 5/s at once: the half carries over.
    let stages = [(3, 0), (10, 0), (0, 5), (1, 5)];
    let arrivals = Arrivals::ramping(&ramping(1, &stages), &Striping::whole()).unwrap();
    let at: Vec<u64> = (0..arrivals.total()).map(|k| arrivals.at(k).unwrap()).collect();
    // t = 3·(1 − sqrt(1/3)) for the first.
    assert_eq!(at[0], 1_267_949_192);
    assert_eq!(&at[1..4], [13_100_000_000, 13_300_000_000, 13_500_000_000]);
    assert_eq!(arrivals.rate_at(0), 1.0);
    assert_eq!(arrivals.rate_at(1_500_000_000), 0.5);
    assert_eq!(arrivals.rate_at(8_000_000_000), 0.0);
    assert_eq!(arrivals.rate_at(13_000_000_000), 5.0);
    assert_eq!((arrivals.rate_at(14_000_000_000), arrivals.max_rate()), (0.0, 5.0));
}

#[test]
fn schedules_of_a_day_are_exact_to_the_nanosecond() {
    // From 0 to 86400/s in a day, n arrivals are due where t²/2 = n (in seconds), t = sqrt(2n).
    let day = 86_400;
    let arrivals = Arrivals::ramping(&ramping(0, &[(day, day)]), &Striping::whole()).unwrap();
    assert_eq!(arrivals.total(), day * day / 2);
    for secs in [1u64, 2, 10, 3_600, 43_200, 86_398, 86_400] {
        let n = secs * secs / 2;
        if n > 0 && secs % 2 == 0 {
            assert_eq!(arrivals.at(n - 1), Some(secs * 1_000_000_000), "{secs} s");
        }
    }
    // Down to 0 in a day: the last arrival is at the end, where the rate is nearly 0 and rounding worst.
    let arrivals = Arrivals::ramping(&ramping(day, &[(day, 0)]), &Striping::whole()).unwrap();
    let total = day * day / 2;
    assert_eq!(arrivals.at(total - 1), Some(day * 1_000_000_000));
    // n arrivals are left where (day − t)²/2 = n.
    for left in [2u64, 8, 50, 5_000] {
        let root = ((2 * left) as f64).sqrt() as u64;
        assert_eq!(
            arrivals.at(total - 1 - left),
            Some((day - root) * 1_000_000_000),
            "{left} left"
        );
    }
}

#[test]
fn the_highest_rates_do_not_overflow() {
    let executor = RampingArrivalRate {
        start_rate: u64::MAX / 2,
        time_unit: Duration::from_nanos(1),
        stages: vec![Stage { duration: Duration::from_secs(u64::MAX / 4), target: 1 }],
        pre_allocated_vus: 1,
        max_vus: 1,
    };
    let arrivals = Arrivals::ramping(&executor, &Striping::whole()).unwrap();
    assert!(arrivals.at(0) <= arrivals.at(arrivals.total() - 1));
    let executor = ConstantArrivalRate {
        rate: u64::MAX,
        time_unit: Duration::from_nanos(1),
        duration: Duration::MAX,
        pre_allocated_vus: 1,
        max_vus: 1,
    };
    let arrivals = Arrivals::constant(&executor, &Striping::whole()).unwrap();
    assert!(arrivals.at(0) < arrivals.at(arrivals.total() - 1));
}
