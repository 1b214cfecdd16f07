//! The schedule of `ramping-vus`.

use std::time::Duration;

use plan::ramping::{HandleSpan, VuStep, plan, reserved, steps};
use plan::scenario::{RampingVus, Stage};
use plan::segment::{Sequence, Striping};

/// Stages are (milliseconds, target).
fn ramp(start_vus: u64, stages: &[(u64, u64)], graceful_ramp_down_ms: u64) -> RampingVus {
    let stage = |&(ms, target): &(u64, u64)| Stage { duration: Duration::from_millis(ms), target };
    RampingVus {
        start_vus,
        stages: stages.iter().map(stage).collect(),
        graceful_ramp_down: Duration::from_millis(graceful_ramp_down_ms),
    }
}

/// As (milliseconds, VUs).
fn ms(steps: &[VuStep]) -> Vec<(u64, u64)> {
    steps.iter().map(|step| (step.at_ns / 1_000_000, step.vus)).collect()
}

fn segment(index: usize) -> Striping {
    let sequence: Sequence = "0,1/4,1/2,1".parse().unwrap();
    Striping::new(Some(&sequence.segments()[index]), Some(&sequence)).unwrap()
}

#[test]
fn vus_change_when_the_line_hits_a_whole_number() {
    let cases: [(u64, &[(u64, u64)], &[(u64, u64)]); 6] = [
        (0, &[(2000, 4)], &[(0, 0), (500, 1), (1000, 2), (1500, 3), (2000, 4), (2000, 0)]),
        (4, &[(2000, 0)], &[(0, 4), (500, 3), (1000, 2), (1500, 1), (2000, 0)]),
        (1, &[(1000, 0), (2000, 0)], &[(0, 1), (1000, 0)]),
        (2, &[(1000, 2), (0, 5), (1000, 5)], &[(0, 2), (1000, 5), (2000, 0)]),
        (1, &[(0, 3)], &[(0, 1), (0, 3), (0, 0)]),
        (0, &[(1000, 0), (1000, 1), (1000, 0), (9000, 0)], &[(0, 0), (2000, 1), (3000, 0)]),
    ];
    for (start, stages, expected) in cases {
        let steps = steps(&ramp(start, stages, 0), &Striping::whole());
        assert_eq!(ms(&steps), expected, "{start} {stages:?}");
    }
    let thirds = steps(&ramp(0, &[(1000, 3)], 0), &Striping::whole());
    let at: Vec<u64> = thirds.iter().map(|step| step.at_ns).collect();
    // From the stage's end, a truncated part is taken off.
    assert_eq!(at, [0, 333_333_334, 666_666_667, 1_000_000_000, 1_000_000_000]);
}

#[test]
fn a_segment_only_sees_its_own_vus_change() {
    let own = steps(&ramp(0, &[(2000, 7)], 0), &segment(1));
    assert_eq!(ms(&own), [(0, 0), (1142, 1), (2000, 0)], "VU 4 of 7");
    let own = steps(&ramp(0, &[(2000, 8), (2000, 0)], 0), &segment(1));
    assert_eq!(ms(&own), [(0, 0), (1000, 1), (2000, 2), (2250, 1), (3250, 0)], "VUs 4 and 8");
    let own = steps(&ramp(0, &[(2000, 3)], 0), &segment(1));
    assert_eq!(ms(&own), [], "no VU at all");
}

#[test]
fn vus_are_kept_for_the_graceful_ramp_down() {
    // Observed with `k6 inspect --execution-requirements` and, for the last one, corrected: see `reserved`.
    let cases: [(RampingVus, u64, &[(u64, u64)]); 8] = [
        (ramp(1, &[(1000, 3)], 30_000), 30_000, &[(0, 1), (500, 2), (1000, 3), (31_000, 0)]),
        (ramp(1, &[(1000, 0), (2000, 0)], 5_000), 30_000, &[(0, 1), (6_000, 0)]),
        (ramp(1, &[(1000, 0), (2000, 0)], 40_000), 30_000, &[(0, 1), (33_000, 0)]),
        (ramp(1, &[(1000, 0), (2000, 0)], 0), 30_000, &[(0, 1), (1000, 0)]),
        (ramp(4, &[(1000, 4), (0, 2), (10_000, 2)], 3_000), 0, &[(0, 4), (4_000, 2), (11_000, 0)]),
        (
            ramp(4, &[(1000, 4), (0, 2), (1000, 2), (0, 4), (20_000, 4)], 1_000),
            0,
            &[(0, 4), (22_000, 0)],
        ),
        (
            ramp(4, &[(1000, 4), (0, 2), (1001, 2), (0, 4), (20_000, 4)], 1_000),
            0,
            &[(0, 4), (2_000, 2), (2_001, 4), (22_001, 0)],
        ),
        (
            ramp(4, &[(1000, 4), (0, 2), (1000, 2), (0, 3), (20_000, 3)], 3_000),
            0,
            &[(0, 4), (4_000, 3), (22_000, 0)],
        ),
    ];
    for (executor, graceful_stop_ms, expected) in cases {
        let kept = reserved(&executor, &Striping::whole(), Duration::from_millis(graceful_stop_ms));
        assert_eq!(ms(&kept), expected, "{executor:?}");
    }
}

#[test]
fn handles_are_stopped_from_the_highest_and_interrupted_after_the_grace() {
    let executor = ramp(0, &[(2000, 2), (2000, 0), (1000, 1)], 700);
    let plan = plan(&executor, &Striping::whole(), Duration::from_millis(400));
    let span = |start_ms: u64, soft_ms: u64, hard_ms: Option<u64>| HandleSpan {
        start_ns: start_ms * 1_000_000,
        soft_stop_ns: soft_ms * 1_000_000,
        hard_stop_ns: hard_ms.map(|ms| ms * 1_000_000),
    };
    assert_eq!(plan.handles[0], [span(1000, 4000, Some(4700)), span(5000, 5000, Some(5400))]);
    assert_eq!(plan.handles[1], [span(2000, 3000, Some(3700))]);
    assert_eq!(plan.end_ns, 5_400_000_000);
    // Wanted again at the very time of the interruption: it goes on.
    let executor = ramp(2, &[(1000, 2), (0, 1), (700, 1), (0, 2), (1000, 2)], 700);
    let plan = super::ramping::plan(&executor, &Striping::whole(), Duration::from_millis(400));
    assert_eq!(plan.handles[1], [span(0, 1000, None), span(1700, 2700, Some(3100))]);
}

#[test]
fn the_graceful_stop_beats_a_longer_ramp_down() {
    let executor = ramp(3, &[(1000, 3), (0, 1), (1000, 1)], 30_000);
    let plan = plan(&executor, &Striping::whole(), Duration::from_millis(500));
    for spans in &plan.handles {
        assert_eq!(spans.last().unwrap().hard_stop_ns, Some(2_500_000_000));
    }
}
