//! What a criterion asks for, found in a run.

use std::time::Duration;

use plan::criterion::{Bound, Criterion, Subject};

use super::{Verdict, load, observed, recovery, verdict_of};
use crate::quantity;
use crate::run::RunData;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The number to compare; of several the worst.
    pub(super) value: f64,
    /// Its text, where it is not the number with its unit.
    pub(super) text: Option<String>,
    /// Where and when.
    pub(super) note: String,
    /// What it comes to, where that is more than comparing the number.
    pub(super) verdict: Option<Verdict>,
}

impl Found {
    pub(super) fn value(value: f64) -> Self {
        Self { value, text: None, note: String::new(), verdict: None }
    }

    pub(super) fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// What was found, or why nothing was.
pub(super) type Measured = Result<Found, String>;

/// A stretch of time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
}

impl Span {
    pub(super) fn length(self) -> f64 {
        self.to_s - self.from_s
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", moment(self.from_s), moment(self.to_s))
    }
}

/// A moment of a run: `0:05`, `12:30`, `1:00:00`.
pub(crate) fn moment(at_s: f64) -> String {
    let sign = if at_s <= -0.5 { "-" } else { "" };
    let whole = at_s.abs().round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{sign}{minutes}:{seconds:02}")
    }
}

/// Finds what a criterion asks for.
pub(super) fn measure(criterion: &Criterion, run: &RunData) -> Measured {
    match &criterion.subject {
        Subject::Recovery { after } => return recovery::recovery(after, &criterion.bound, run),
        Subject::Goodput { after } => return recovery::goodput(after, run),
        _ => {}
    }
    let spans = spans(criterion, run)?;
    let in_span = |span: Span| one(criterion, run, span);
    if criterion.scope.every.is_none() {
        return worst(criterion, spans.iter().map(|span| (*span, in_span(*span))), spans.len() > 1);
    }
    // A probe may look less often than a window is long: windows without a look say nothing.
    let skips_empty = matches!(criterion.subject, Subject::Series { .. } | Subject::PromQl { .. });
    let mut found: Vec<(Span, Measured)> =
        spans.iter().map(|span| (*span, in_span(*span))).collect();
    if skips_empty && found.iter().any(|(_, measured)| measured.is_ok()) {
        found.retain(|(_, measured)| measured.is_ok());
    }
    worst(criterion, found.into_iter(), true)
}

/// The worst of several spans; `is_told` says that its place is worth a note.
fn worst(
    criterion: &Criterion,
    found: impl Iterator<Item = (Span, Measured)>,
    is_told: bool,
) -> Measured {
    let (mut n, mut held) = (0, 0);
    let mut worst: Option<(f64, Span, Found, Verdict)> = None;
    for (span, measured) in found {
        n += 1;
        let found =
            measured.map_err(|why| if is_told { format!("{why} ({span})") } else { why })?;
        let verdict = found.verdict.unwrap_or_else(|| {
            verdict_of(&criterion.bound, criterion.marginal.as_ref(), found.value)
        });
        held += usize::from(verdict == Verdict::Pass);
        let excess = excess(&criterion.bound, found.value);
        let is_worse = worst.as_ref().is_none_or(|(known, _, _, known_verdict)| {
            (verdict, excess) > (*known_verdict, *known)
        });
        if is_worse {
            worst = Some((excess, span, found, verdict));
        }
    }
    let Some((_, span, found, verdict)) = worst else {
        return Err("the time is shorter than one window".to_owned());
    };
    let note = match (is_told, n) {
        (false, _) => found.note,
        (true, 1) => join(&found.note, &span.to_string()),
        (true, n) => join(&found.note, &format!("held in {held} of {n} windows, worst {span}")),
    };
    Ok(Found { verdict: Some(verdict), note, ..found })
}

fn join(a: &str, b: &str) -> String {
    if a.is_empty() { b.to_owned() } else { format!("{a}; {b}") }
}

/// How far a number is on the wrong side of a bound; more is worse.
pub(super) fn excess(bound: &Bound, value: f64) -> f64 {
    use plan::threshold::Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    match *bound {
        Bound::Is { operator: Less | LessOrEqual, limit } => value - limit,
        Bound::Is { operator: Greater | GreaterOrEqual, limit } => limit - value,
        Bound::Is { operator: Equal, limit } => (value - limit).abs(),
        Bound::Is { operator: NotEqual, limit } => -(value - limit).abs(),
        Bound::In { low, high } => (low - value).max(value - high),
        Bound::Reaches(limit) => limit - value,
        Bound::Scales { from, to } if from <= to => to - value,
        Bound::Scales { to, .. } => value - to,
        Bound::Together => 0.0,
    }
}

/// The stretches of time a criterion is about.
fn spans(criterion: &Criterion, run: &RunData) -> Result<Vec<Span>, String> {
    let end_s = run.end_s();
    let whole = match &criterion.scope.phase {
        None => vec![Span { from_s: 0.0, to_s: end_s }],
        Some(name) => phase_spans(name, run)?,
    };
    let Some(every) = criterion.scope.every else { return Ok(whole) };
    Ok(whole.into_iter().flat_map(|span| windows(span, every)).collect())
}

/// The stretches of a phase, as far as the run came.
pub(super) fn phase_spans(name: &str, run: &RunData) -> Result<Vec<Span>, String> {
    let phases = run.phases_named(name);
    if phases.is_empty() {
        let known = run.phase_names();
        let known = if known.is_empty() {
            "the run has no phases".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        return Err(format!("no phase is named {name}: {known}"));
    }
    let end_s = run.end_s();
    let spans: Vec<Span> = phases
        .iter()
        .map(|phase| Span { from_s: phase.from_s, to_s: phase.to_s.min(end_s) })
        .filter(|span| span.length() > 0.0)
        .collect();
    if spans.is_empty() {
        return Err(format!("the run ended before the phase {name}"));
    }
    Ok(spans)
}

/// Windows side by side. What is left at the end is one of its own if it is half a window or more.
fn windows(span: Span, every: Duration) -> Vec<Span> {
    let length = every.as_secs_f64();
    let n = (span.length() / length + 0.5).floor() as usize;
    let at = |i: usize| span.from_s + i as f64 * length;
    (0..n)
        .map(|i| Span { from_s: at(i), to_s: if i + 1 == n { span.to_s } else { at(i + 1) } })
        .collect()
}

fn one(criterion: &Criterion, run: &RunData, span: Span) -> Measured {
    match &criterion.subject {
        Subject::Latency { statistic, requests } => load::latency(*statistic, requests, run, span),
        Subject::ErrorRate(requests) => load::error_rate(requests, run, span),
        Subject::SuccessRate(requests) => load::error_rate(requests, run, span)
            .map(|found| Found { value: 1.0 - found.value, ..found }),
        Subject::Throughput(requests) => load::throughput(requests, run, span),
        Subject::Requests(requests) => load::count(requests, run, span, false),
        Subject::Failures(requests) => load::count(requests, run, span, true),
        Subject::Dropped => load::dropped(run, span),
        Subject::Checks { name } => load::checks(name.as_deref(), run, span),
        Subject::ActiveTogether(names) => load::together(names, run, span),
        Subject::Series { statistic, name, tags } => {
            observed::series(criterion, *statistic, name, tags, run, span)
        }
        Subject::PromQl { statistic, .. } => {
            let name = criterion.promql().map_or_else(String::new, |(name, _)| name);
            observed::series(criterion, *statistic, &format!("prom_{name}"), &[], run, span)
                .map_err(|why| format!("no Prometheus answered the query: {why}"))
        }
        Subject::Restarts => observed::restarts(run, span),
        Subject::OomKills => observed::oom_kills(run, span),
        Subject::Evictions => observed::evictions(run, span),
        // They have spans of their own.
        Subject::Recovery { .. } | Subject::Goodput { .. } => Err("not a window".to_owned()),
    }
}

/// A number of several that a bound is hardest on.
pub(super) fn hardest(bound: &Bound, values: impl Iterator<Item = f64>) -> Option<f64> {
    values.max_by(|a, b| excess(bound, *a).total_cmp(&excess(bound, *b)))
}

/// Names that are there, for a note about one that is not.
pub(super) fn some_of(names: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(SHOWN);
    let list = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

/// How a bound's number reads, for notes.
pub(super) fn in_words(criterion: &Criterion, value: f64) -> String {
    quantity::text(criterion.quantity, value)
}
