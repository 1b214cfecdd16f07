//! What changes while a run goes on, and names that stand out.

use super::facts::Facts;
use super::statistics;
use super::{Analysis, Confidence, Evidence, Finding, Severity};
use crate::judge::moment;
use crate::quantity::{self, percent};
use metrics::Event;
use plan::criterion::Quantity;

/// Steps on either side of a change.
const LEAST: usize = 5;
/// Change of the median from which it is worth telling.
const CHANGE: f64 = 1.5;
/// How near an event lies to a change that it may explain.
const NEAR_S: f64 = 15.0;
/// Share of all time in requests from which a name stands out.
const DOMINANT: f64 = 0.5;

fn ms(value: f64) -> String {
    quantity::text(Quantity::Milliseconds, value)
}

/// Names whose requests make up most of the time, or are much slower than the others.
pub(super) fn outliers(facts: &Facts<'_>, analysis: &mut Analysis) {
    struct Name {
        label: String,
        time: f64,
        count: f64,
        p95: f64,
        p50: f64,
        max: f64,
    }
    let timeline = &facts.run.timeline;
    let names: Vec<Name> = timeline
        .requests
        .iter()
        .map(|series| {
            let is_it = |other: &metrics::timeline::RequestSeries| std::ptr::eq(series, other);
            let window = timeline.window_of(0.0, f64::INFINITY, is_it);
            Name {
                label: series.label(),
                time: window.latency.sum(),
                count: window.latency.count() as f64,
                p95: window.latency.percentile(95.0),
                p50: window.latency.percentile(50.0),
                max: window.latency.max(),
            }
        })
        .filter(|name| name.count >= 10.0)
        .collect();
    let whole: f64 = names.iter().map(|name| name.time).sum();
    let requests: f64 = names.iter().map(|name| name.count).sum();
    if names.len() < 3 || whole <= 0.0 {
        return;
    }
    let Some(top) = names.iter().max_by(|a, b| a.time.total_cmp(&b.time)) else { return };
    let (share, of_requests) = (top.time / whole, top.count / requests);
    if share > DOMINANT && share > 1.5 * of_requests {
        analysis.find(
            Finding::new(
                "dominant-request",
                Severity::Info,
                Confidence::High,
                format!(
                    "{} takes {} of all time in requests, and is {} of them",
                    top.label,
                    percent(share),
                    percent(of_requests)
                ),
            )
            .evidence(Evidence::new("its p95", ms(top.p95)))
            .advice(format!("Start with {}: most of the time is spent there", top.label)),
        );
    }
    let mut typical: Vec<f64> = names.iter().map(|name| name.p95).collect();
    let Some(typical) = statistics::median(&mut typical).filter(|typical| *typical > 0.0) else {
        return;
    };
    let slow = names.iter().filter(|name| name.p95 > 4.0 * typical && name.label != top.label);
    for name in slow.take(3) {
        analysis.find(
            Finding::new(
                "slow-request",
                Severity::Info,
                Confidence::Medium,
                format!("{} is much slower than the others: p95 {}", name.label, ms(name.p95)),
            )
            .evidence(Evidence::new("p95 of the name in the middle", ms(typical)))
            .evidence(Evidence::new(
                "its median and slowest",
                format!("{}, {}", ms(name.p50), ms(name.max)),
            )),
        );
    }
}

/// Latency that rises, or jumps, while the load does not.
pub(super) fn drift(facts: &Facts<'_>, analysis: &mut Analysis) {
    let (from_s, to_s) = facts.height;
    let inside: Vec<(f64, f64)> = facts
        .course
        .iter()
        .filter(|(at, ..)| (from_s..to_s).contains(at))
        .map(|(at, p50, _)| (*at, *p50))
        .collect();
    if inside.len() < 4 * LEAST || !is_steady(facts, from_s, to_s) {
        return;
    }
    if let Some(finding) = creep(&inside) {
        return analysis.find(finding);
    }
    let values: Vec<f64> = inside.iter().map(|(_, p50)| *p50).collect();
    let split = statistics::split(&values, LEAST);
    let Some(split) = split.filter(|s| s.t.abs() > 6.0 && s.before > 0.0) else { return };
    let at_s = inside[split.at].0;
    if split.after / split.before < CHANGE {
        return;
    }
    let figures = format!("{} to {}", ms(split.before), ms(split.after));
    let mut finding = Finding::new(
        "latency-jumps",
        Severity::Warning,
        Confidence::Medium,
        format!("The median jumped from {figures} at {} while the load was steady", moment(at_s)),
    )
    .advice("Look for what happened at that time: a restart, a job, a garbage collection");
    finding = finding.evidence(Evidence::new("median", figures).at(at_s));
    if let Some(event) = nearest(facts, at_s) {
        let apart = facts.run.at_s(event) - at_s;
        let when = if apart <= 0.0 { "before" } else { "after" };
        finding = finding
            .cause(format!("{} ({} {when})", event.text, quantity::seconds(apart.abs())))
            .evidence(
                Evidence::new(format!("{} {}", event.kind, event.subject), event.text.clone())
                    .at(facts.run.at_s(event)),
            );
    }
    analysis.find(finding);
}

/// A median that rises all the time: both halves of it do, and it comes to half as much again.
fn creep(points: &[(f64, f64)]) -> Option<Finding> {
    let (first, last) = (points.first()?, points.last()?);
    let whole = statistics::trend(points).filter(|trend| trend.z > 6.0)?;
    let (before, after) = points.split_at(points.len() / 2);
    let rises = |part: &[(f64, f64)]| statistics::trend(part).is_some_and(|t| t.z > 2.5);
    let rise = whole.slope * (last.0 - first.0);
    if !rises(before) || !rises(after) || rise < (CHANGE - 1.0) * first.1 {
        return None;
    }
    let figures = format!("{} to {}", ms(first.1), ms(first.1 + rise));
    Some(
        Finding::new(
            "latency-creeps",
            Severity::Warning,
            Confidence::Medium,
            format!("The median crept up from {figures} while the load was steady"),
        )
        .cause("Something fills up: memory, a queue of tasks, a table without an index")
        .evidence(Evidence::new("median", figures).at(first.0))
        .advice(
            "Watch memory and queues for longer, and profile slow queries at the end of the run",
        ),
    )
}

/// Whether virtual users and, where there are none, requests stay within a tenth and a fifth of their middle.
fn is_steady(facts: &Facts<'_>, from_s: f64, to_s: f64) -> bool {
    let timeline = &facts.run.timeline;
    let steps = timeline.steps(from_s, to_s);
    let counts = timeline.counts.get(steps).unwrap_or_default();
    let vus: Vec<f64> = counts.iter().filter_map(|counts| counts.vus).collect();
    if !vus.is_empty() {
        let (low, high) = vus.iter().fold((f64::MAX, 0.0f64), |(a, b), v| (a.min(*v), b.max(*v)));
        return high <= 1.2 * low;
    }
    let rates: Vec<f64> = counts.iter().map(|counts| counts.iterations).collect();
    let (low, high) = rates.iter().fold((f64::MAX, 0.0f64), |(a, b), v| (a.min(*v), b.max(*v)));
    !rates.is_empty() && high <= 1.5 * low.max(1.0)
}

fn nearest<'a>(facts: &'a Facts<'_>, at_s: f64) -> Option<&'a Event> {
    let is_cause = |event: &&Event| {
        !matches!(
            event.kind.as_str(),
            "phase" | "clock" | "criterion" | "probe-failed" | "probe-recovered"
        )
    };
    let apart = |event: &Event| (facts.run.at_s(event) - at_s).abs();
    facts
        .run
        .events
        .iter()
        .filter(is_cause)
        .filter(|event| apart(event) <= NEAR_S)
        .min_by(|a, b| apart(a).total_cmp(&apart(b)))
}

/// Probes that saw nothing for a while.
pub(super) fn probes(facts: &Facts<'_>, analysis: &mut Analysis) {
    let mut told: Vec<(&str, usize, f64, &str)> = Vec::new();
    for event in facts.run.events_of("probe-failed") {
        match told.iter_mut().find(|(subject, ..)| *subject == event.subject) {
            Some((_, n, ..)) => *n += 1,
            None => told.push((&event.subject, 1, facts.run.at_s(event), &event.text)),
        }
    }
    for (probe, n, at_s, text) in told {
        let recovered = facts.run.events_of("probe-recovered").any(|event| event.subject == probe);
        let rest = if recovered { "for a while" } else { "until the end" };
        analysis.find(
            Finding::new(
                "probe-failed",
                Severity::Info,
                Confidence::High,
                format!("The probe {probe} saw nothing {rest}, from {}", moment(at_s)),
            )
            .evidence(Evidence::new(format!("failures: {n}"), text).at(at_s)),
        );
    }
}
