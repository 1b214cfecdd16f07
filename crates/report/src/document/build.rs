//! From runs and judgements to a report.

use metrics::timeline::Window;
use metrics::{Event, TrendSink};
use plan::criterion::{Criterion, Quantity};

use super::{
    BaselineReport, CheckReport, Decision, Document, ErrorReport, EventReport, FORMAT, Figures,
    Latency, PhaseReport, RequestReport, ResourceReport, RunReport, Sums,
};
use crate::bottleneck::{self, Severity};
use crate::calendar;
use crate::charts;
use crate::judge::{Judgement, Verdict, moment};
use crate::quantity::{self, count, per_second, percent};
use crate::run::{RunData, tags_text};
use crate::trust;

/// Requests by name that a report lists.
const MAX_REQUESTS: usize = 60;
/// Kinds of errors that a report lists.
const MAX_ERRORS: usize = 30;
/// Series of probes that a report lists.
const MAX_RESOURCES: usize = 200;
/// Events that a report lists.
const MAX_EVENTS: usize = 300;
/// Rows of a table that a report lists.
const MAX_TABLE_ROWS: usize = 50;
/// Phases that a report lists.
const MAX_PHASES: usize = 100;
/// A number that is off by more than this is worse than expected.
const TOLERANCE: f64 = 0.1;

/// A run and what it came to.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The run.
    pub run: &'a RunData,
    /// The criteria it was held against.
    pub criteria: &'a [Criterion],
    /// What it came to.
    pub judgement: &'a Judgement,
}

/// Makes a report of one run or several.
pub fn document(title: &str, judged: &[Judged<'_>]) -> Document {
    let runs: Vec<RunReport> = judged.iter().map(run_report).collect();
    let verdict = judged.iter().filter_map(|judged| judged.judgement.verdict).max();
    let first = judged.iter().map(|judged| judged.run.started_unix_ns).min().unwrap_or(0);
    let decision = Decision::of(verdict);
    let totals = sums(judged);
    let mut document = Document {
        format: FORMAT,
        title: title.to_owned(),
        squall_version: judged.first().map_or_else(String::new, |j| j.run.squall_version.clone()),
        started: calendar::rfc3339(first),
        started_text: calendar::utc(first),
        verdict,
        decision,
        decision_text: decision.text().to_owned(),
        headline: headline(&runs, verdict),
        summary: Vec::new(),
        totals,
        recommendations: recommendations(&runs),
        runs,
    };
    document.summary = summary(&document);
    document
}

fn sums(judged: &[Judged<'_>]) -> Sums {
    let mut latency = TrendSink::default();
    let mut sums = Sums { runs: judged.len(), ..Sums::default() };
    for judged in judged {
        let window = judged.run.timeline.window(0.0, f64::INFINITY);
        sums.elapsed_s += judged.run.elapsed_s;
        sums.requests += window.requests;
        sums.failures += window.failures;
        latency.merge(&window.latency);
        let word = judged.judgement.verdict.map_or("NOT JUDGED", Verdict::as_str);
        match sums.verdicts.iter_mut().find(|(known, _)| known == word) {
            Some((_, n)) => *n += 1,
            None => sums.verdicts.push((word.to_owned(), 1)),
        }
    }
    sums.error_rate = (sums.requests > 0).then(|| sums.failures as f64 / sums.requests as f64);
    sums.latency = Latency::from(&latency);
    sums
}

impl From<&TrendSink> for Latency {
    fn from(trend: &TrendSink) -> Self {
        let values = trend.percentiles(&[50.0, 90.0, 95.0, 99.0, 99.9]);
        let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
        Self {
            count: trend.count(),
            min: trend.min(),
            avg: trend.avg(),
            p50: at(0),
            p90: at(1),
            p95: at(2),
            p99: at(3),
            p999: at(4),
            max: trend.max(),
        }
    }
}

fn headline(runs: &[RunReport], verdict: Option<Verdict>) -> String {
    if let [run] = runs {
        return run.headline.clone();
    }
    let n = |wanted: Verdict| runs.iter().filter(|run| run.verdict == Some(wanted)).count();
    let Some(verdict) = verdict else { return "not judged: no criteria".to_owned() };
    let counts: Vec<String> =
        [Verdict::Pass, Verdict::Marginal, Verdict::Inconclusive, Verdict::Fail]
            .into_iter()
            .filter(|verdict| n(*verdict) > 0)
            .map(|verdict| format!("{} {}", n(verdict), verdict.as_str()))
            .collect();
    format!("{}: of {} scenarios {}", verdict.as_str(), runs.len(), counts.join(", "))
}

/// A few sentences that say what matters.
fn summary(document: &Document) -> Vec<String> {
    let mut lines = Vec::new();
    for run in &document.runs {
        let figures = &run.figures;
        let latency = &figures.latency;
        let ms = |value: f64| quantity::text(Quantity::Milliseconds, value);
        let name = if document.runs.len() > 1 { format!("{}: ", run.name) } else { String::new() };
        if figures.requests == 0 {
            lines.push(format!("{name}no requests were made"));
            continue;
        }
        lines.push(format!(
            "{name}{} requests in {} ({}/s), {} failed; half of them took at most {}, 95 % {}, 99 % {}",
            count(figures.requests as f64),
            quantity::seconds(run.elapsed_s),
            per_second(figures.throughput),
            percent(figures.error_rate.unwrap_or(0.0)),
            ms(latency.p50),
            ms(latency.p95),
            ms(latency.p99),
        ));
        for row in run.criteria.iter().filter(|row| row.verdict > Verdict::Pass) {
            let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
            lines.push(format!(
                "{name}{} `{}`: measured {}{note}",
                row.verdict.mark(),
                row.criterion,
                row.measured
            ));
        }
        let worst = run.analysis.findings.iter().filter(|f| f.severity == Severity::Critical);
        for finding in worst.take(3) {
            let cause = &finding.cause;
            let cause = if cause.is_empty() { String::new() } else { format!(". {cause}") };
            lines.push(format!("{name}{}{cause}", finding.claim));
        }
        if !run.ending.is_empty() {
            lines.push(format!("{name}{}", run.ending));
        }
    }
    lines
}

fn recommendations(runs: &[RunReport]) -> Vec<String> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for run in runs {
        for text in &run.analysis.recommendations {
            match all.iter_mut().find(|(known, _)| known == text) {
                Some((_, names)) => names.push(&run.name),
                None => all.push((text, vec![&run.name])),
            }
        }
    }
    let told = |(text, names): (&str, Vec<&str>)| {
        if runs.len() > 1 { format!("{text} ({})", names.join(", ")) } else { text.to_owned() }
    };
    all.into_iter().map(told).collect()
}

fn run_report(judged: &Judged<'_>) -> RunReport {
    let Judged { run, criteria, judgement } = judged;
    let end_s = run.end_s();
    let (requests, requests_left_out) = requests(run);
    let (resources, resources_left_out) = resources(run);
    let (events, events_left_out) = events(run);
    let figures = figures(run, 0.0, end_s);
    RunReport {
        name: run.name.clone(),
        purpose: run.purpose.clone(),
        front: run.front,
        script: run.script.clone(),
        command: command(&run.command_line),
        started: calendar::rfc3339(run.started_unix_ns),
        elapsed_s: run.elapsed_s,
        end_s,
        step_s: run.timeline.step_s,
        ending: run.ending.note().unwrap_or_default(),
        plan: run.plan.clone(),
        verdict: judgement.verdict,
        headline: judgement.headline(),
        criteria: judgement.rows.clone(),
        baseline: baseline(run, &figures),
        figures,
        requests,
        requests_left_out,
        errors: errors(run),
        checks: checks(run),
        resources,
        resources_left_out,
        phases: phases(run),
        analysis: bottleneck::analyse(run, criteria),
        events,
        events_left_out,
        tables: run
            .tables
            .iter()
            .map(|table| {
                let mut table = table.clone();
                table.rows.truncate(MAX_TABLE_ROWS);
                table
            })
            .collect(),
        self_check: run.self_check.clone(),
        generator: run.self_check.as_ref().map(trust::trust).unwrap_or_default(),
        notes: notes(run),
        charts: charts::charts(run),
        directory: run.directory.clone(),
    }
}

fn command(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let is_plain = !word.is_empty()
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c));
        if is_plain { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn notes(run: &RunData) -> Vec<String> {
    let mut notes = crate::notes(&run.totals);
    if run.timeline.left_out > 0 {
        notes.push(format!(
            "{} changes of series could not be placed in time; totals contain them",
            run.timeline.left_out
        ));
    }
    notes.extend(run.warnings.iter().cloned());
    notes
}

fn figures(run: &RunData, from_s: f64, to_s: f64) -> Figures {
    let window = run.timeline.window(from_s, to_s);
    let counts = run.timeline.counts_in(from_s, to_s);
    let checks = run.timeline.checks_in(from_s, to_s, None);
    let is_whole = from_s <= 0.0 && to_s >= run.end_s();
    let seconds = if is_whole { run.elapsed_s } else { window.seconds() };
    let rate = |n: u64| if seconds > 0.0 { n as f64 / seconds } else { 0.0 };
    Figures {
        requests: window.requests,
        failures: window.failures,
        error_rate: window.error_rate(),
        throughput: rate(window.requests),
        peak_throughput: peak(run, from_s, to_s),
        latency: Latency::from(&window.latency),
        users: counts.vus,
        iterations: counts.iterations as u64,
        dropped: counts.dropped as u64,
        checks_passed: checks.trues,
        checks_failed: checks.total - checks.trues,
        bytes_sent: counts.bytes_sent as u64,
        bytes_received: counts.bytes_received as u64,
    }
}

/// The most requests in a whole step.
fn peak(run: &RunData, from_s: f64, to_s: f64) -> f64 {
    let timeline = &run.timeline;
    let most = timeline
        .steps(from_s, to_s)
        .map(|step| {
            let of = |series: &metrics::timeline::RequestSeries| {
                series.steps.get(step).map_or(0, |load| load.requests)
            };
            timeline.requests.iter().map(of).sum::<u64>()
        })
        .max();
    most.unwrap_or(0) as f64 / timeline.step_s
}

fn requests(run: &RunData) -> (Vec<RequestReport>, usize) {
    let mut rows: Vec<RequestReport> = run
        .timeline
        .requests
        .iter()
        .map(|series| {
            let window: Window =
                run.timeline.window_of(0.0, f64::INFINITY, |other| std::ptr::eq(series, other));
            RequestReport {
                label: match series.label() {
                    label if label.is_empty() => run.script.clone(),
                    label => label,
                },
                requests: window.requests,
                failures: window.failures,
                error_rate: window.error_rate(),
                throughput: window.requests as f64 / run.elapsed_s.max(f64::MIN_POSITIVE),
                latency: Latency::from(&window.latency),
            }
        })
        .filter(|row| row.requests > 0 || row.failures > 0)
        .collect();
    rows.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.label.cmp(&b.label)));
    let left_out = rows.len().saturating_sub(MAX_REQUESTS);
    rows.truncate(MAX_REQUESTS);
    (rows, left_out)
}

fn errors(run: &RunData) -> Vec<ErrorReport> {
    let step_s = run.timeline.step_s;
    let mut rows: Vec<ErrorReport> = run
        .timeline
        .errors
        .iter()
        .map(|kind| ErrorReport {
            kind: kind.kind.clone(),
            count: kind.steps.iter().sum(),
            first_s: kind.steps.iter().position(|n| *n > 0).unwrap_or(0) as f64 * step_s,
            last_s: kind
                .steps
                .iter()
                .rposition(|n| *n > 0)
                .map_or(0.0, |i| (i + 1) as f64 * step_s),
        })
        .filter(|row| row.count > 0)
        .collect();
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.kind.cmp(&b.kind)));
    rows.truncate(MAX_ERRORS);
    rows
}

fn checks(run: &RunData) -> Vec<CheckReport> {
    run.timeline
        .checks
        .iter()
        .map(|check| {
            let share = run.timeline.checks_in(0.0, f64::INFINITY, Some(&check.name));
            CheckReport {
                name: check.name.clone(),
                passed: share.trues,
                failed: share.total - share.trues,
            }
        })
        .collect()
}

fn resources(run: &RunData) -> (Vec<ResourceReport>, usize) {
    let mut rows: Vec<ResourceReport> = Vec::new();
    for series in &run.timeline.observed {
        let Some(last) = series.points.last() else { continue };
        let n = series.points.len() as f64;
        let min = series.points.iter().map(|p| p.min).fold(f64::INFINITY, f64::min);
        let max = series.points.iter().map(|p| p.max).fold(f64::NEG_INFINITY, f64::max);
        let avg = series.points.iter().map(|p| p.value).sum::<f64>() / n;
        let unit = Quantity::of_series(&series.metric).unwrap_or(Quantity::Number);
        let text = |value: f64| quantity::text(unit, value);
        rows.push(ResourceReport {
            metric: series.metric.clone(),
            of: tags_text(&series.tags),
            min,
            avg,
            max,
            last: last.value,
            text: [min, avg, max, last.value].map(text),
        });
    }
    let left_out = rows.len().saturating_sub(MAX_RESOURCES);
    rows.truncate(MAX_RESOURCES);
    (rows, left_out)
}

fn phases(run: &RunData) -> Vec<PhaseReport> {
    let end_s = run.end_s();
    run.phases
        .iter()
        .filter(|phase| phase.from_s < end_s)
        .take(MAX_PHASES)
        .map(|phase| {
            let to_s = phase.to_s.min(end_s);
            PhaseReport {
                name: phase.name.clone(),
                from_s: phase.from_s,
                to_s,
                figures: figures(run, phase.from_s, to_s),
            }
        })
        .collect()
}

/// How much an event matters to who reads the report.
pub(crate) fn severity(event: &Event) -> Severity {
    match event.kind.as_str() {
        "oom-killed" | "evicted" | "pod-restarted" | "container-restarted" => Severity::Critical,
        "probe-failed" | "blocked" | "log-match" => Severity::Warning,
        "kubernetes-event" if event.fields.get("type").is_some_and(|t| t == "Warning") => {
            Severity::Warning
        }
        _ => Severity::Info,
    }
}

/// Kinds of events that are facts of the record, and nothing that happened.
pub(crate) const FACTS: [&str; 4] = ["criterion", "clock", "phase", "verdict"];

fn events(run: &RunData) -> (Vec<EventReport>, usize) {
    let mut rows: Vec<EventReport> = run
        .events
        .iter()
        .filter(|event| !FACTS.contains(&event.kind.as_str()))
        .map(|event| {
            let at_s = run.at_s(event);
            EventReport {
                at_s,
                at: moment(at_s),
                source: event.source.clone(),
                kind: event.kind.clone(),
                subject: event.subject.clone(),
                text: event.text.clone(),
                severity: severity(event),
            }
        })
        .collect();
    let left_out = rows.len().saturating_sub(MAX_EVENTS);
    // Of too many, those that matter least go.
    rows.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.at_s.total_cmp(&b.at_s)));
    rows.truncate(MAX_EVENTS);
    rows.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    (rows, left_out)
}

/// Expected numbers beside the measured ones. More users or requests are no worse, nor are shorter times.
fn baseline(run: &RunData, figures: &Figures) -> Vec<BaselineReport> {
    let expected = &run.baseline;
    let success = figures.error_rate.map(|rate| 1.0 - rate);
    let latency = |value: f64| (figures.latency.count > 0).then_some(value);
    let rows = [
        ("users", expected.users, figures.users, Quantity::Count, true),
        ("requests a second", expected.rps, Some(figures.throughput), Quantity::PerSecond, true),
        ("p50", expected.p50_ms, latency(figures.latency.p50), Quantity::Milliseconds, false),
        ("p95", expected.p95_ms, latency(figures.latency.p95), Quantity::Milliseconds, false),
        ("p99", expected.p99_ms, latency(figures.latency.p99), Quantity::Milliseconds, false),
        ("success", expected.success, success, Quantity::Ratio, true),
    ];
    rows.into_iter()
        .filter_map(|(what, expected, measured, unit, more_is_better)| {
            let expected = expected?;
            let deviation =
                measured.filter(|_| expected != 0.0).map(|value| value / expected - 1.0);
            // A share of successes is compared by what it lacks: 98 % is far from 99.9 %.
            let is_worse = match (measured, unit) {
                (Some(value), Quantity::Ratio) => value < expected - 0.005,
                (Some(_), _) if more_is_better => deviation.is_some_and(|d| d < -TOLERANCE),
                (Some(_), _) => deviation.is_some_and(|d| d > TOLERANCE),
                (None, _) => true,
            };
            Some(BaselineReport {
                what: what.to_owned(),
                expected: quantity::text(unit, expected),
                measured: measured.map_or_else(|| "no data".into(), |v| quantity::text(unit, v)),
                deviation,
                is_worse,
            })
        })
        .collect()
}
