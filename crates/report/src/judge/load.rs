//! What the load itself tells: latencies, rates, counts.

use metrics::timeline::{RequestSeries, Window};
use plan::criterion::{Selection, Statistic, is_named};

use super::measure::{Found, Measured, Span, some_of};
use crate::run::RunData;

/// How long a window is in which names are looked for together, unless the criterion says.
const TOGETHER_S: f64 = 10.0;

fn is_wanted(requests: &Selection) -> impl Fn(&RequestSeries) -> bool + '_ {
    |series| requests.has(&series.method, &series.name)
}

/// The requests of a span; an error where none is of that name at all.
fn window(requests: &Selection, run: &RunData, span: Span) -> Result<Window, String> {
    let timeline = &run.timeline;
    if !timeline.requests.iter().any(is_wanted(requests)) {
        if requests.is_all() {
            return Err("the run made no requests".to_owned());
        }
        let known = some_of(timeline.requests.iter().map(RequestSeries::label));
        return Err(format!("no request is named so; there are {known}"));
    }
    Ok(timeline.window_of(span.from_s, span.to_s, is_wanted(requests)))
}

pub(super) fn latency(
    statistic: Statistic,
    requests: &Selection,
    run: &RunData,
    span: Span,
) -> Measured {
    let window = window(requests, run, span)?;
    let times = &window.latency;
    if times.count() == 0 {
        return Err("no request was answered".to_owned());
    }
    Ok(Found::value(match statistic {
        Statistic::Min => times.min(),
        Statistic::Avg => times.avg(),
        Statistic::Max => times.max(),
        Statistic::Median | Statistic::Last => times.percentile(50.0),
        Statistic::Percentile(p) => times.percentile(p),
    }))
}

pub(super) fn error_rate(requests: &Selection, run: &RunData, span: Span) -> Measured {
    let window = window(requests, run, span)?;
    let Some(rate) = window.error_rate() else {
        return Err("no requests were made".to_owned());
    };
    Ok(Found::value(rate).with_note(format!("{} of {} failed", window.failures, window.requests)))
}

pub(super) fn throughput(requests: &Selection, run: &RunData, span: Span) -> Measured {
    let window = window(requests, run, span)?;
    // The whole run's rate is over the time it names itself, as all its rates are.
    let is_whole = span.from_s <= 0.0 && span.to_s >= run.end_s();
    let seconds = if is_whole { run.elapsed_s } else { window.seconds() };
    if seconds <= 0.0 {
        return Err("the time is too short to tell a rate".to_owned());
    }
    Ok(Found::value(window.requests as f64 / seconds))
}

pub(super) fn count(
    requests: &Selection,
    run: &RunData,
    span: Span,
    of_failures: bool,
) -> Measured {
    let window = window(requests, run, span)?;
    Ok(Found::value(if of_failures { window.failures } else { window.requests } as f64))
}

pub(super) fn dropped(run: &RunData, span: Span) -> Measured {
    if run.timeline.n_steps() == 0 {
        return Err("the run made no load".to_owned());
    }
    Ok(Found::value(run.timeline.counts_in(span.from_s, span.to_s).dropped))
}

pub(super) fn checks(name: Option<&str>, run: &RunData, span: Span) -> Measured {
    let share = run.timeline.checks_in(span.from_s, span.to_s, name);
    match (share.ratio(), name) {
        (Some(ratio), _) => {
            let failed = share.total - share.trues;
            Ok(Found::value(ratio).with_note(format!("{failed} of {} failed", share.total)))
        }
        (None, Some(_)) => {
            let known = some_of(run.timeline.checks.iter().map(|check| check.name.clone()));
            Err(format!("no check is named so; there are {known}"))
        }
        (None, None) => Err("the run made no checks".to_owned()),
    }
}

/// How many of the names had requests in the window with most of them.
pub(super) fn together(names: &[String], run: &RunData, span: Span) -> Measured {
    let timeline = &run.timeline;
    let is_of = |name: &str, series: &RequestSeries| is_named(name, &series.method, &series.name);
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !timeline.requests.iter().any(|series| is_of(name, series)))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        let known = some_of(timeline.requests.iter().map(RequestSeries::label));
        return Err(format!("no request is named {}; there are {known}", missing.join(", ")));
    }
    let mut best: Option<(usize, Span, Vec<&str>)> = None;
    let mut from_s = span.from_s;
    while from_s < span.to_s {
        let part = Span { from_s, to_s: (from_s + TOGETHER_S).min(span.to_s) };
        let (active, idle): (Vec<&str>, Vec<&str>) =
            names.iter().map(String::as_str).partition(|name| {
                let of_name = |series: &RequestSeries| is_of(name, series);
                timeline.window_of(part.from_s, part.to_s, of_name).requests > 0
            });
        if best.as_ref().is_none_or(|(n, ..)| active.len() > *n) {
            best = Some((active.len(), part, idle));
        }
        from_s += TOGETHER_S;
    }
    let Some((active, part, idle)) = best else { return Err("no time to look at".to_owned()) };
    let is_all = active == names.len();
    let note = if is_all { part.to_string() } else { format!("without {}", idle.join(", ")) };
    Ok(Found {
        value: active as f64,
        text: Some(format!("{active} of {} together", names.len())),
        note,
        verdict: Some(if is_all { super::Verdict::Pass } else { super::Verdict::Fail }),
    })
}
