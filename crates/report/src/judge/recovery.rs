//! What comes after too much load: how long until all is as before, and how much still gets through.

use metrics::timeline::Window;
use plan::criterion::Bound;

use super::measure::{Found, Measured, Span, phase_spans};
use crate::quantity;
use crate::run::RunData;

/// How long before a phase is looked at to know what was usual.
const BEFORE_S: f64 = 60.0;
/// The window in which latency and errors must be as before.
const SETTLED_S: f64 = 5.0;
/// Latency counts as the one before within this factor and this many milliseconds.
const LATENCY_FACTOR: f64 = 1.5;
const LATENCY_SLACK_MS: f64 = 10.0;
/// Errors count as those before within this share.
const ERROR_SLACK: f64 = 0.01;
/// The window whose goodput is a peak.
const PEAK_S: f64 = 10.0;

/// Seconds from the end of a phase until p95 is within 1.5 times (and 10 ms) and errors within one percent of what they
/// were in the minute before it, for five seconds.
pub(super) fn recovery(after: &str, bound: &Bound, run: &RunData) -> Measured {
    let (first, last) = first_and_last(after, run)?;
    let before = Span { from_s: (first.from_s - BEFORE_S).max(0.0), to_s: first.from_s };
    let usual = run.timeline.window(before.from_s, before.to_s);
    if usual.latency.count() == 0 {
        return Err(format!("there was no load before {after}, so nothing to come back to"));
    }
    let usual_ms = usual.latency.percentile(95.0);
    let limit_ms = (usual_ms * LATENCY_FACTOR).max(usual_ms + LATENCY_SLACK_MS);
    let limit_errors = usual.error_rate().unwrap_or(0.0) + ERROR_SLACK;
    let is_settled = |window: &Window| {
        window.latency.count() > 0
            && window.latency.percentile(95.0) <= limit_ms
            && window.error_rate().unwrap_or(0.0) <= limit_errors
    };
    let end_s = run.end_s();
    if end_s - last.to_s < SETTLED_S {
        return Err(format!("the run ended with {after}: there was no time to recover in"));
    }
    let step = run.timeline.step_s;
    let mut at_s = last.to_s;
    while at_s + SETTLED_S <= end_s + step / 2.0 {
        if is_settled(&run.timeline.window(at_s, at_s + SETTLED_S)) {
            let took = at_s - last.to_s;
            return Ok(Found::value(took).with_note(format!(
                "p95 back below {}, errors below {}",
                quantity::text(plan::criterion::Quantity::Milliseconds, limit_ms),
                quantity::percent(limit_errors)
            )));
        }
        at_s += step;
    }
    // Not within what was seen: whatever the bound, it does not hold.
    let seen = end_s - last.to_s;
    let verdict = match bound {
        Bound::Is { limit, .. } if seen > *limit => None,
        _ => Some(super::Verdict::Fail),
    };
    Ok(Found {
        value: seen,
        text: Some(format!("not within {}", quantity::seconds(seen))),
        note: format!(
            "p95 stayed above {} or errors above {}",
            quantity::text(plan::criterion::Quantity::Milliseconds, limit_ms),
            quantity::percent(limit_errors)
        ),
        verdict,
    })
}

/// Successful requests a second after a phase, to the best ten seconds before its end. Where less load is offered than
/// at the peak, so much less is expected.
pub(super) fn goodput(after: &str, run: &RunData) -> Measured {
    let (_, last) = first_and_last(after, run)?;
    let end_s = run.end_s();
    if end_s - last.to_s < SETTLED_S {
        return Err(format!("the run ended with {after}: nothing came after it"));
    }
    let mut peak: Option<(f64, Span)> = None;
    let mut from_s = 0.0;
    while from_s + PEAK_S <= last.to_s + run.timeline.step_s / 2.0 {
        let span = Span { from_s, to_s: from_s + PEAK_S };
        let goodput = run.timeline.window(span.from_s, span.to_s).goodput().unwrap_or(0.0);
        if peak.is_none_or(|(known, _)| goodput > known) {
            peak = Some((goodput, span));
        }
        from_s += run.timeline.step_s;
    }
    let Some((peak, at)) = peak.filter(|(peak, _)| *peak > 0.0) else {
        return Err(format!("no request succeeded in ten seconds before the end of {after}"));
    };
    let rest = Span { from_s: last.to_s, to_s: end_s };
    let goodput = run.timeline.window(rest.from_s, rest.to_s).goodput().unwrap_or(0.0);
    let less = demand(run, rest) / demand(run, at).max(f64::MIN_POSITIVE);
    let expected = peak * less.min(1.0);
    if expected <= 0.0 {
        return Err(format!("no load was offered after {after}"));
    }
    let note = format!(
        "{}/s after it; the peak was {}/s at {at}",
        quantity::per_second(goodput),
        quantity::per_second(peak)
    );
    let note = if less < 0.95 {
        format!("{note}; {} of that load was offered", quantity::percent(less))
    } else {
        note
    };
    Ok(Found::value(goodput / expected).with_note(note))
}

/// How much load was asked for: arrivals of an open loop, else virtual users, else the same always.
fn demand(run: &RunData, span: Span) -> f64 {
    let is_open = run.timeline.metric("squall_arrival_lateness").is_some();
    let counts = run.timeline.counts_in(span.from_s, span.to_s);
    if is_open {
        return (counts.iterations + counts.dropped) / span.length().max(f64::MIN_POSITIVE);
    }
    let steps = run.timeline.steps(span.from_s, span.to_s);
    let vus: Vec<f64> = run
        .timeline
        .counts
        .get(steps)
        .unwrap_or_default()
        .iter()
        .filter_map(|counts| counts.vus)
        .collect();
    if vus.is_empty() { 1.0 } else { vus.iter().sum::<f64>() / vus.len() as f64 }
}

fn first_and_last(after: &str, run: &RunData) -> Result<(Span, Span), String> {
    let spans = phase_spans(after, run)?;
    match (spans.first(), spans.last()) {
        (Some(first), Some(last)) => Ok((*first, *last)),
        _ => Err(format!("no phase is named {after}")),
    }
}
