//! What probes tell of the system under test, and metrics of the script.

use metrics::timeline::{ObservedSeries, Point};
use metrics::{Event, Sink};
use plan::criterion::{Bound, Criterion, Statistic};

use super::measure::{Found, Measured, Span, excess, hardest, in_words, moment, some_of};
use super::{Verdict, verdict_of};
use crate::run::RunData;

/// Whether a series tells of the system under test, rather than of the generator or the script.
pub(super) fn is_of_the_system(name: &str, run: &RunData) -> bool {
    let is_ours = ["generator_", "observer_"].iter().any(|start| name.starts_with(start));
    !is_ours && run.timeline.observed.iter().any(|series| series.metric == name)
}

/// A series of a probe, or else a metric of the script.
pub(super) fn series(
    criterion: &Criterion,
    statistic: Option<Statistic>,
    name: &str,
    tags: &[(String, String)],
    run: &RunData,
    span: Span,
) -> Measured {
    let all: Vec<&ObservedSeries> = run.timeline.observed_named(name, tags).collect();
    if all.is_empty() {
        if tags.is_empty()
            && let Some(found) = of_script(criterion, statistic, name, run, span)
        {
            return found;
        }
        return Err(nothing_named(name, tags, run));
    }
    let mut worst: Option<(Verdict, f64, Found)> = None;
    for series in &all {
        let points = series.points_in(span.from_s, span.to_s);
        if points.is_empty() {
            continue;
        }
        let mut found = of_points(criterion, statistic, points);
        if all.len() > 1 {
            let label = series.label();
            found.note =
                if found.note.is_empty() { label } else { format!("{label}, {}", found.note) };
        }
        let verdict = found.verdict.unwrap_or_else(|| {
            verdict_of(&criterion.bound, criterion.marginal.as_ref(), found.value)
        });
        let excess = excess(&criterion.bound, found.value);
        if worst.as_ref().is_none_or(|(v, e, _)| (verdict, excess) > (*v, *e)) {
            worst = Some((verdict, excess, found));
        }
    }
    match worst {
        Some((verdict, _, found)) => Ok(Found { verdict: Some(verdict), ..found }),
        None => Err(format!("no probe told {name} in that time")),
    }
}

fn nothing_named(name: &str, tags: &[(String, String)], run: &RunData) -> String {
    let observed = &run.timeline.observed;
    if !tags.is_empty() && observed.iter().any(|series| series.metric == name) {
        let of_name = observed.iter().filter(|series| series.metric == name);
        return format!(
            "{name} has no such tags; there are {}",
            some_of(of_name.map(ObservedSeries::label))
        );
    }
    if observed.is_empty() {
        return format!("nothing was observed, and the script has no metric {name}");
    }
    let mut names: Vec<String> = observed.iter().map(|series| series.metric.clone()).collect();
    names.dedup();
    let start = name.split('_').next().unwrap_or_default();
    let near: Vec<String> = names.iter().filter(|n| n.starts_with(start)).cloned().collect();
    let names = if near.is_empty() { names } else { near };
    format!("nothing is named {name}; there are {}", some_of(names.into_iter()))
}

fn of_points(criterion: &Criterion, statistic: Option<Statistic>, points: &[Point]) -> Found {
    let extremes =
        |points: &[Point]| points.iter().flat_map(|p| [p.min, p.max]).collect::<Vec<_>>();
    match (statistic, &criterion.bound) {
        (None, Bound::Reaches(_)) => reaches(criterion, points),
        (None, Bound::Scales { from, to }) => scales(criterion, points, *from, *to),
        (None, bound) => {
            let value = hardest(bound, extremes(points).into_iter()).unwrap_or_default();
            let n = points.len();
            let wrong = points.iter().filter(|p| !bound.holds(p.min) || !bound.holds(p.max));
            let wrong: Vec<&Point> = wrong.collect();
            let note = match wrong.first() {
                None => format!("each of {n} samples"),
                Some(first) => {
                    format!("{} of {n} samples, first at {}", wrong.len(), moment(first.at_s))
                }
            };
            let text = range(criterion, points);
            Found { value, text: Some(text), note, verdict: None }
        }
        (Some(statistic), _) => {
            let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
            let value = match statistic {
                Statistic::Min => points.iter().map(|p| p.min).fold(f64::INFINITY, f64::min),
                Statistic::Max => points.iter().map(|p| p.max).fold(f64::NEG_INFINITY, f64::max),
                Statistic::Avg => values.iter().sum::<f64>() / values.len() as f64,
                Statistic::Last => points.last().map_or(0.0, |point| point.value),
                Statistic::Median => percentile(&mut values, 50.0),
                Statistic::Percentile(p) => percentile(&mut values, p),
            };
            let at = match statistic {
                Statistic::Min => points.iter().find(|p| p.min <= value),
                Statistic::Max => points.iter().find(|p| p.max >= value),
                _ => None,
            };
            let note = at.map_or_else(String::new, |point| format!("at {}", moment(point.at_s)));
            Found::value(value).with_note(note)
        }
    }
}

/// `41 to 58`, or one number where it never changed.
fn range(criterion: &Criterion, points: &[Point]) -> String {
    let low = points.iter().map(|p| p.min).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|p| p.max).fold(f64::NEG_INFINITY, f64::max);
    if low == high {
        return in_words(criterion, low);
    }
    format!("{} to {}", in_words(criterion, low), in_words(criterion, high))
}

fn reaches(criterion: &Criterion, points: &[Point]) -> Found {
    let high = points.iter().map(|p| p.max).fold(f64::NEG_INFINITY, f64::max);
    let first = points.iter().find(|point| criterion.bound.holds(point.max));
    let note = match first {
        Some(point) => format!("reached at {}", moment(point.at_s)),
        None => {
            let at = points.iter().find(|p| p.max >= high).map_or(0.0, |p| p.at_s);
            format!("the most, at {}", moment(at))
        }
    };
    Found::value(high).with_note(note)
}

fn scales(criterion: &Criterion, points: &[Point], from: f64, to: f64) -> Found {
    let first = points.first().map_or(0.0, |point| point.value);
    let is_up = from <= to;
    let far = |p: &Point| if is_up { p.max } else { p.min };
    let best = points.iter().map(far).fold(first, if is_up { f64::max } else { f64::min });
    let arrived = points.iter().find(|point| criterion.bound.holds(far(point)));
    let text = format!("{} to {}", in_words(criterion, first), in_words(criterion, best));
    let starts_right = first == from;
    let mut note = match arrived {
        Some(point) => format!("there at {}", moment(point.at_s)),
        None => "never there".to_owned(),
    };
    if !starts_right {
        note = format!(
            "it began at {}, not {}",
            in_words(criterion, first),
            in_words(criterion, from)
        );
    }
    let verdict = if starts_right {
        verdict_of(&criterion.bound, criterion.marginal.as_ref(), best)
    } else {
        Verdict::Fail
    };
    Found { value: best, text: Some(text), note, verdict: Some(verdict) }
}

/// k6's percentile, of few values.
fn percentile(values: &mut [f64], p: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let place = p / 100.0 * last as f64;
    let low = place.floor() as usize;
    let (a, b) = (values[low], values[(low + 1).min(last)]);
    if a == b { a } else { a + (b - a) * place.fract() }
}

/// A metric of the script, or one of the run's own; `None` where there is none of that name.
fn of_script(
    criterion: &Criterion,
    statistic: Option<Statistic>,
    name: &str,
    run: &RunData,
    span: Span,
) -> Option<Measured> {
    let is_whole = span.from_s <= 0.0 && span.to_s >= run.end_s();
    let total = run.totals.metrics.iter().find(|metric| metric.name == name)?;
    let (sink, has_samples) = match run.timeline.metric(name) {
        Some(metric) if !is_whole => {
            let steps = run.timeline.steps(span.from_s, span.to_s);
            let has_values = metric.has_values(steps.clone());
            (metric.sink(steps), has_values)
        }
        None if !is_whole => {
            return Some(Err(format!("{name} is only known over the whole run")));
        }
        _ => (total.sink.clone(), total.has_samples),
    };
    if !has_samples {
        return Some(Err(format!("{name} has no samples")));
    }
    let value = match (&sink, statistic) {
        (Sink::Counter { sum }, None | Some(Statistic::Last | Statistic::Max)) => *sum,
        (Sink::Rate { trues, total }, None | Some(Statistic::Avg)) => {
            *trues as f64 / (*total).max(1) as f64
        }
        (Sink::Gauge { last, .. }, Some(Statistic::Last)) => *last,
        (Sink::Gauge { min, .. }, Some(Statistic::Min)) => *min,
        (Sink::Gauge { max, .. }, Some(Statistic::Max)) => *max,
        (Sink::Gauge { min, max, .. }, None) => {
            hardest(&criterion.bound, [*min, *max].into_iter()).unwrap_or_default()
        }
        (Sink::Trend(trend), Some(statistic)) => match statistic {
            Statistic::Min => trend.min(),
            Statistic::Avg => trend.avg(),
            Statistic::Max => trend.max(),
            Statistic::Median => trend.percentile(50.0),
            Statistic::Percentile(p) => trend.percentile(p),
            Statistic::Last => return Some(Err(format!("{name} is a trend, which has no last"))),
        },
        (Sink::Trend(_), None) => {
            return Some(Err(format!(
                "which number of {name}? Write p(95)({name}), avg({name}), …"
            )));
        }
        (sink, _) => {
            return Some(Err(format!("{name} is a {}, which has no such number", sink.kind())));
        }
    };
    Some(Ok(Found::value(value)))
}

/// How much cumulative series have grown. One that appears in the midst of the run has grown from nothing.
fn growth<'a>(
    run: &'a RunData,
    names: &[&str],
    span: Span,
) -> Option<(f64, Vec<&'a ObservedSeries>)> {
    let mut grown = None;
    let mut whose = Vec::new();
    let all = run.timeline.observed.iter().filter(|series| names.contains(&series.metric.as_str()));
    for series in all {
        let more: f64 = series.points_in(span.from_s, span.to_s).windows(2).map(rise).sum();
        let total = grown.get_or_insert(0.0);
        if more > 0.0 {
            *total += more;
            whose.push(series);
        }
    }
    grown.map(|total| (total, whose))
}

fn rise(pair: &[Point]) -> f64 {
    match pair {
        [a, b] => (b.value - a.value).max(0.0),
        _ => 0.0,
    }
}

/// What happened so often, by series and by events: the larger, for each may have missed some.
fn happened(
    run: &RunData,
    span: Span,
    series: &[&str],
    kinds: &[&str],
    sources: &[&str],
) -> Measured {
    let grown = growth(run, series, span);
    let at = |event: &&Event| {
        let at_s = run.at_s(event);
        (span.from_s..=span.to_s).contains(&at_s)
    };
    let events: Vec<&Event> =
        run.events.iter().filter(|event| kinds.contains(&event.kind.as_str())).filter(at).collect();
    let watches = |source: &&str| {
        run.events.iter().any(|event| event.source == **source && event.kind != "probe-failed")
            || run.timeline.observed.iter().any(|s| s.metric.starts_with(prefix(source)))
    };
    if grown.is_none() && events.is_empty() && !sources.iter().any(watches) {
        return Err(format!("nobody watched {}", sources.join(" or ")));
    }
    let (by_series, series) = grown.unwrap_or_default();
    let by_events = events.len() as f64;
    let value = by_series.max(by_events);
    // What an event tells too is told with its time.
    let is_told = |series: &&ObservedSeries| {
        events.iter().any(|event| series.tags.iter().any(|(_, value)| *value == event.subject))
    };
    let untold = series.into_iter().filter(|series| !is_told(series));
    let mut whose: Vec<String> = untold.map(|series| crate::run::tags_text(&series.tags)).collect();
    whose.extend(
        events.iter().map(|event| format!("{} at {}", event.subject, moment(run.at_s(event)))),
    );
    whose.sort();
    whose.dedup();
    let note = if value > 0.0 { some_of(whose.into_iter()) } else { String::new() };
    Ok(Found::value(value).with_note(note))
}

fn prefix(source: &str) -> &'static str {
    match source {
        "kubernetes" => "k8s_",
        _ => "docker_",
    }
}

pub(super) fn restarts(run: &RunData, span: Span) -> Measured {
    happened(
        run,
        span,
        &["k8s_pod_restarts", "docker_restarts"],
        &["pod-restarted", "container-restarted"],
        &["kubernetes", "docker"],
    )
}

pub(super) fn oom_kills(run: &RunData, span: Span) -> Measured {
    happened(
        run,
        span,
        &["k8s_oom_kills", "docker_oom_kills"],
        &["oom-killed"],
        &["kubernetes", "docker"],
    )
}

pub(super) fn evictions(run: &RunData, span: Span) -> Measured {
    happened(run, span, &[], &["evicted"], &["kubernetes"])
}
