//! The course of a run as charts: few points, all on one time axis.
//!
//! A line has no more points than a screen can show. Where samples are left out, the smallest and the largest of each
//! stretch stay; latency percentiles of a stretch are made of its values, never of other percentiles.

mod thin;

use metrics::Sink;
use metrics::timeline::{MetricSteps, ObservedSeries};
use plan::criterion::Quantity;
use serde::{Deserialize, Serialize};

use crate::run::{RunData, tags_text};
use thin::thin;

/// Stretches a time axis has at most: a wide screen shows one every two pixels.
pub(crate) const STRETCHES: usize = 480;
/// Lines a chart has at most; the others are counted.
const MAX_LINES: usize = 8;
/// Charts of queries to Prometheus.
const MAX_QUERIES: usize = 12;
/// Charts a run has at most.
const MAX_CHARTS: usize = 40;

/// How the points of a chart are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Straight lines.
    Lines,
    /// Steps: a value holds until the next.
    Steps,
    /// Lines that lie above each other, the areas between them filled.
    Bands,
}

/// A line of a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Whether it is a limit that others are seen against.
    pub is_limit: bool,
    /// Seconds after the start, and value; ascending in time.
    pub points: Vec<(f64, f64)>,
}

/// A chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// A word that stands for it.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// What its values are.
    pub unit: Quantity,
    /// How its points are joined.
    pub form: Form,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Lines that are left out.
    pub left_out: usize,
}

/// The charts of a run, those without data left out.
pub fn charts(run: &RunData) -> Vec<Chart> {
    let mut charts = load(run);
    charts.extend(SEEN.iter().filter_map(|seen| observed(run, seen)));
    charts.extend(queries(run));
    charts.extend(script(run));
    charts.extend(generator(run));
    charts.retain(|chart| chart.lines.iter().any(|line| !line.is_limit && !line.points.is_empty()));
    charts.truncate(MAX_CHARTS);
    charts
}

fn chart(id: &str, title: &str, unit: Quantity, form: Form, lines: Vec<Line>) -> Chart {
    Chart { id: id.to_owned(), title: title.to_owned(), unit, form, lines, left_out: 0 }
}

fn line(name: &str, points: Vec<(f64, f64)>) -> Line {
    Line { name: name.to_owned(), is_limit: false, points }
}

/// Ranges of steps, no more than a chart has stretches. A last one that hardly began belongs to the one before it: the few
/// requests that ended in it are no distribution.
fn stretches(run: &RunData) -> Vec<std::ops::Range<usize>> {
    let n = run.timeline.n_steps();
    let each = n.div_ceil(STRETCHES).max(1);
    let mut all: Vec<_> = (0..n).step_by(each).map(|from| from..(from + each).min(n)).collect();
    let is_stub = all.last().is_some_and(|last| {
        let (from_s, to_s) = run.timeline.span(last);
        to_s - from_s < 0.5 * run.timeline.step_s
    });
    if is_stub && all.len() > 1 {
        all.pop();
        if let Some(last) = all.last_mut() {
            last.end = n;
        }
    }
    all
}

fn load(run: &RunData) -> Vec<Chart> {
    let timeline = &run.timeline;
    let (mut good, mut failed, mut users, mut dropped) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut percentiles: [Vec<(f64, f64)>; 3] = Default::default();
    for steps in stretches(run) {
        let window = timeline.window_of_steps(steps.clone(), |_| true);
        let at = window.from_s.midpoint(window.to_s);
        // A run that hardly began has no rate.
        let is_whole = window.seconds() >= 0.5 * timeline.step_s;
        if is_whole {
            good.push((
                at,
                window.requests.saturating_sub(window.failures) as f64 / window.seconds(),
            ));
            failed.push((at, window.failures as f64 / window.seconds()));
        }
        if window.latency.count() > 0 {
            let values = window.latency.percentiles(&[50.0, 95.0, 99.0]);
            for (points, value) in percentiles.iter_mut().zip(values) {
                points.push((at, value));
            }
        }
        let counts = timeline.counts_in(window.from_s, window.to_s);
        if let Some(vus) = counts.vus {
            users.push((at, vus));
        }
        if is_whole {
            dropped.push((at, counts.dropped / window.seconds()));
        }
    }
    let [p50, p95, p99] = percentiles;
    let has_dropped = dropped.iter().any(|(_, n)| *n > 0.0);
    let mut lines = vec![line("successful", good)];
    if has_dropped {
        lines.push(line("not started", dropped));
    }
    let per_second = Quantity::PerSecond;
    vec![
        chart("requests", "Requests", per_second, Form::Lines, lines),
        chart(
            "latency",
            "Latency",
            Quantity::Milliseconds,
            Form::Bands,
            vec![line("p50", p50), line("p95", p95), line("p99", p99)],
        ),
        chart("errors", "Errors", per_second, Form::Lines, vec![line("failed", failed)]),
        chart("users", "Users", Quantity::Count, Form::Steps, vec![line("users", users)]),
    ]
}

/// A chart of what probes saw.
struct Seen {
    id: &'static str,
    title: &'static str,
    unit: Quantity,
    form: Form,
    /// Series with the word before their tags; of alternatives the first that is there.
    series: &'static [&'static [(&'static str, &'static str)]],
    /// Series that are a limit, with their word.
    limits: &'static [(&'static str, &'static str)],
}

const SEEN: &[Seen] = &[
    Seen {
        id: "replicas",
        title: "Replicas",
        unit: Quantity::Count,
        form: Form::Steps,
        series: &[
            &[("k8s_hpa_replicas_current", "current"), ("k8s_hpa_replicas_desired", "desired")],
            &[("k8s_deployment_ready", "ready")],
            &[("k8s_pods", "pods")],
        ],
        limits: &[("k8s_hpa_replicas_max", "max")],
    },
    Seen {
        id: "hpa-metric",
        title: "Autoscaler's metric",
        unit: Quantity::Number,
        form: Form::Lines,
        series: &[&[("k8s_hpa_metric_value", "")]],
        limits: &[("k8s_hpa_metric_target", "target")],
    },
    Seen {
        id: "cpu",
        title: "CPU of its limit",
        unit: Quantity::Ratio,
        form: Form::Lines,
        series: &[&[("k8s_pod_cpu_limit_ratio", ""), ("docker_cpu_limit_ratio", "")]],
        limits: &[],
    },
    Seen {
        id: "cpu-cores",
        title: "CPU cores",
        unit: Quantity::Number,
        form: Form::Lines,
        series: &[&[("k8s_pod_cpu_cores", ""), ("docker_cpu_cores", "")]],
        limits: &[],
    },
    Seen {
        id: "throttled",
        title: "CPU throttled",
        unit: Quantity::Ratio,
        form: Form::Lines,
        series: &[&[("docker_throttled_ratio", "")]],
        limits: &[],
    },
    Seen {
        id: "memory",
        title: "Memory",
        unit: Quantity::Bytes,
        form: Form::Lines,
        series: &[&[("k8s_pod_memory_bytes", ""), ("docker_memory_bytes", "")]],
        limits: &[],
    },
    Seen {
        id: "memory-ratio",
        title: "Memory of its limit",
        unit: Quantity::Ratio,
        form: Form::Lines,
        series: &[&[("k8s_pod_memory_limit_ratio", ""), ("docker_memory_limit_ratio", "")]],
        limits: &[],
    },
    Seen {
        id: "connections",
        title: "Database connections",
        unit: Quantity::Count,
        form: Form::Lines,
        series: &[&[("pg_connections_total", "all"), ("pg_connections", "")]],
        limits: &[("pg_connections_max", "max")],
    },
    Seen {
        id: "query-latency",
        title: "Database query latency, mean",
        unit: Quantity::Milliseconds,
        form: Form::Lines,
        series: &[&[("pg_query_mean_ms", "mean")]],
        limits: &[],
    },
    Seen {
        id: "transactions",
        title: "Database transactions",
        unit: Quantity::PerSecond,
        form: Form::Lines,
        series: &[&[("pg_transactions_per_second", "transactions")]],
        limits: &[],
    },
    Seen {
        id: "locks",
        title: "Waiting for database locks",
        unit: Quantity::Count,
        form: Form::Steps,
        series: &[&[("pg_locks_waiting", "sessions")]],
        limits: &[],
    },
    Seen {
        id: "cache-hits",
        title: "Database cache hits",
        unit: Quantity::Ratio,
        form: Form::Lines,
        series: &[&[("pg_cache_hit_ratio", "hits")]],
        limits: &[],
    },
    Seen {
        id: "redis-hits",
        title: "Redis hit rate",
        unit: Quantity::Ratio,
        form: Form::Lines,
        series: &[&[("redis_hit_ratio", "hits")]],
        limits: &[],
    },
    Seen {
        id: "redis-ops",
        title: "Redis commands",
        unit: Quantity::PerSecond,
        form: Form::Lines,
        series: &[&[("redis_ops_per_second", "commands")]],
        limits: &[],
    },
    Seen {
        id: "redis-memory",
        title: "Redis memory",
        unit: Quantity::Bytes,
        form: Form::Lines,
        series: &[&[("redis_memory_bytes", "used")]],
        limits: &[],
    },
    Seen {
        id: "redis-clients",
        title: "Redis clients",
        unit: Quantity::Count,
        form: Form::Lines,
        series: &[&[("redis_clients", "connected"), ("redis_blocked_clients", "blocked")]],
        limits: &[],
    },
    Seen {
        id: "logs",
        title: "Log lines that match",
        unit: Quantity::Count,
        form: Form::Steps,
        series: &[&[("log_matches", "")]],
        limits: &[],
    },
];

fn observed(run: &RunData, seen: &Seen) -> Option<Chart> {
    let group = seen.series.iter().find(|group| {
        group.iter().any(|(metric, _)| run.timeline.observed_named(metric, &[]).next().is_some())
    })?;
    let of = |(metric, word): &(&'static str, &'static str)| -> Vec<Line> {
        let all: Vec<&ObservedSeries> = run.timeline.observed_named(metric, &[]).collect();
        let is_one = all.len() == 1;
        all.into_iter().map(|series| of_series(run, series, word, is_one)).collect()
    };
    let mut lines: Vec<Line> = group.iter().flat_map(of).collect();
    let left_out = keep_largest(&mut lines);
    for limit in seen.limits {
        // One limit is seen; several are as many as what they limit.
        let of_limit = of(limit);
        if let [only] = &of_limit[..] {
            lines.push(Line { is_limit: true, name: limit.1.to_owned(), ..only.clone() });
        }
    }
    let mut chart = chart(seen.id, seen.title, seen.unit, seen.form, lines);
    chart.left_out = left_out;
    Some(chart)
}

fn of_series(run: &RunData, series: &ObservedSeries, word: &str, is_one: bool) -> Line {
    let tags = tags_text(&series.tags);
    let name = match (word, is_one || tags.is_empty()) {
        ("", _) if tags.is_empty() => series.metric.clone(),
        ("", _) => tags,
        (word, true) => word.to_owned(),
        (word, false) => format!("{word} {tags}"),
    };
    let points = series.points_in(0.0, run.end_s());
    Line { name, is_limit: false, points: thin(points, run.end_s(), STRETCHES) }
}

/// Keeps the lines that reach highest, in their order; tells how many go.
fn keep_largest(lines: &mut Vec<Line>) -> usize {
    lines.retain(|line| !line.points.is_empty());
    if lines.len() <= MAX_LINES {
        return 0;
    }
    let height =
        |line: &Line| line.points.iter().map(|(_, v)| *v).fold(f64::NEG_INFINITY, f64::max);
    let mut heights: Vec<f64> = lines.iter().map(height).collect();
    heights.sort_unstable_by(|a, b| b.total_cmp(a));
    let least = heights[MAX_LINES - 1];
    let before = lines.len();
    let mut room = MAX_LINES;
    lines.retain(|line| {
        let stays = room > 0 && height(line) >= least;
        room -= usize::from(stays);
        stays
    });
    before - lines.len()
}

/// Each query to Prometheus by its name.
fn queries(run: &RunData) -> Vec<Chart> {
    let mut names: Vec<&str> = Vec::new();
    for series in &run.timeline.observed {
        if series.metric.starts_with("prom_") && !names.contains(&series.metric.as_str()) {
            names.push(&series.metric);
        }
    }
    let of_name = |metric: &&str| {
        let mut lines: Vec<Line> = run
            .timeline
            .observed_named(metric, &[])
            .map(|series| of_series(run, series, "", false))
            .collect();
        let left_out = keep_largest(&mut lines);
        let unit = Quantity::of_series(metric).unwrap_or(Quantity::Number);
        let title = format!("Prometheus: {}", metric.trim_start_matches("prom_"));
        Chart { left_out, ..chart(metric, &title, unit, Form::Lines, lines) }
    };
    names.iter().take(MAX_QUERIES).map(of_name).collect()
}

/// Trends that the script made itself.
fn script(run: &RunData) -> Option<Chart> {
    let is_own = |name: &str| !metrics::builtin::is_builtin(name);
    let mut lines = Vec::new();
    for metric in run.timeline.metrics.iter().filter(|metric| is_own(&metric.name)) {
        if !matches!(metric.steps, MetricSteps::Trend(_))
            || metric.contains != metrics::Contains::Time
        {
            continue;
        }
        let mut points = Vec::new();
        for steps in stretches(run) {
            let (from_s, to_s) = run.timeline.span(&steps);
            if let Sink::Trend(trend) = metric.sink(steps)
                && trend.count() > 0
            {
                points.push((from_s.midpoint(to_s), trend.percentile(95.0)));
            }
        }
        lines.push(line(&metric.name, points));
    }
    let left_out = keep_largest(&mut lines);
    let chart =
        chart("script", "The script's own times, p95", Quantity::Milliseconds, Form::Lines, lines);
    (!chart.lines.is_empty()).then_some(Chart { left_out, ..chart })
}

fn generator(run: &RunData) -> Option<Chart> {
    let words = [("generator_cpu_cores", "generator"), ("observer_cpu_cores", "probes")];
    let lines: Vec<Line> = words
        .iter()
        .flat_map(|(metric, word)| {
            run.timeline
                .observed_named(metric, &[])
                .map(|series| of_series(run, series, word, true))
        })
        .collect();
    (!lines.is_empty())
        .then(|| chart("generator", "Generator's CPU cores", Quantity::Number, Form::Lines, lines))
}
