//! A queue without an end: arrivals at a steady rate, and ever more of them under way.
//!
//! By Little's law (J. D. C. Little, 1961) the mean number under way is the rate times the mean time, whatever the order of
//! service. While the rate stays the same, a number that grows means that less is finished than arrives.

use super::facts::Facts;
use super::statistics;
use super::{Analysis, Confidence, Evidence, Finding, Severity};
use crate::quantity::{self, per_second};

/// Most that the rate of the second half may differ from that of the first.
const STEADY: f64 = 0.1;
/// Least growth of what is under way, in units.
const LEAST_GROWTH: f64 = 10.0;

/// Looks for iterations that pile up at the height of an open loop's load.
pub(super) fn look(facts: &Facts<'_>, analysis: &mut Analysis) {
    let timeline = &facts.run.timeline;
    if timeline.metric("squall_arrival_lateness").is_none() {
        return;
    }
    let (from_s, to_s) = facts.height;
    let steps = timeline.steps(from_s, to_s);
    let counts = timeline.counts.get(steps.clone()).unwrap_or_default();
    let start = |i: usize| (steps.start + i) as f64 * timeline.step_s;
    let under_way: Vec<(f64, f64)> =
        counts.iter().enumerate().filter_map(|(i, counts)| Some((start(i), counts.vus?))).collect();
    let (before, after) = under_way.split_at(under_way.len() / 2);
    let rises = |part: &[(f64, f64)], z: f64| statistics::trend(part).filter(|t| t.z > z);
    let Some(trend) = rises(&under_way, 6.0) else { return };
    if rises(before, 2.5).is_none() || rises(after, 2.5).is_none() {
        return;
    }
    let (Some(first), Some(middle), Some(last)) =
        (under_way.first(), after.first(), under_way.last())
    else {
        return;
    };
    let growth = trend.slope * (last.0 - first.0);
    if growth < LEAST_GROWTH.max(0.5 * first.1) {
        return;
    }
    // What arrived is what ended and what came to be under way.
    let offered = |(from_s, from): (f64, f64), (to_s, to): (f64, f64)| {
        let counts = timeline.counts_in(from_s, to_s);
        let arrived = counts.iterations + counts.dropped + to - from;
        arrived / (to_s - from_s).max(timeline.step_s)
    };
    let (early, late) = (offered(*first, *middle), offered(*middle, *last));
    if early <= 0.0 || (late / early - 1.0).abs() > STEADY {
        return;
    }
    analysis.find(
        Finding::new(
            "queue-grows",
            Severity::Critical,
            Confidence::High,
            format!(
                "At {}/s the queue grew by {} a second: at this rate it has no end",
                per_second(f64::midpoint(early, late)),
                per_second(trend.slope)
            ),
        )
        .cause("Less is finished than arrives, so each one waits longer than the one before")
        .evidence(
            Evidence::new(
                "iterations under way",
                format!("{} to {}", quantity::count(first.1), quantity::count(last.1)),
            )
            .at(first.0),
        )
        .evidence(
            Evidence::new(
                "ended",
                format!("{}/s", per_second(offered(*first, *last) - trend.slope)),
            )
            .limit(format!("{}/s", per_second(f64::midpoint(early, late)))),
        )
        .advice("Find the limiting resource below, or lower the promised rate"),
    );
}
